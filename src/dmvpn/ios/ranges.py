"""`interface range gi0/1 - 3, gi0/5`: the lines below it apply to each interface.

    interfaces_of(line)              the interfaces that a line names so
    unrolled(lines, configurator)    the lines of a file with their numbers, those below a range once for each interface

A running configuration has no such line; typed notes have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import GLOBAL, Command
from dmvpn.ios.damage import WIDTH
from dmvpn.ios.interfaces import normalize_interface
from dmvpn.ios.language import Language
from dmvpn.ios.transcript import without_prompt

_HEADER: Final = re.compile(r"int(?:e|er|erf|erfa|erfac|erface)?\s+ra(?:n|ng|nge)?\s+(\S.{0,200})$", re.IGNORECASE)
_MAY_BE: Final = re.compile(r"\bint\w*\s+ra", re.IGNORECASE)
_PART: Final = re.compile(
    r"([A-Za-z][A-Za-z-]{0,30}?)\s*((?:\d{1,5}/){0,3})(\d{1,5})(?:\s*-\s*(?:[A-Za-z-]{1,31}\s*)?(?:\d{1,5}/){0,3}(\d{1,5}))?"
)
#: A range of more interfaces, or with more lines, is not typed for a network of tunnels.
_MOST: Final = 64
_LONGEST: Final = 200
_ENDS: Final = ("!", "exit", "end", "int")


def unrolled(lines: list[str], configurator: Language) -> Iterator[tuple[int, str]]:
    """Yield the lines with the numbers that they have in the text."""
    for line in breathing(lines):
        if _MAY_BE.search(line):
            break
    else:
        yield from enumerate(lines, 1)
        return
    number = 0
    while number < len(lines):
        names = interfaces_of(lines[number])
        block = _block(lines, number, configurator) if names else range(0)
        if not names or len(block) > _LONGEST or any(len(lines[inner]) == WIDTH for inner in block):
            yield number + 1, lines[number]
            number += 1
            continue
        before = lines[number].removesuffix(without_prompt(lines[number]).lstrip())
        for name in names:
            yield number + 1, f"{before}interface {name}"
            yield from ((inner + 1, lines[inner]) for inner in block)
        number += 1 + len(block)


def interfaces_of(line: str) -> tuple[str, ...]:
    """Return the names that a range stands for; none for any other line, or for an invalid range."""
    if _MAY_BE.search(line) is None:
        return ()
    header = _HEADER.match(without_prompt(line).strip())
    names: list[str] = []
    for part in header[1].split(",") if header else ():
        found = _PART.fullmatch(part.strip())
        if found is None:
            return ()
        first, last = int(found[3]), int(found[4] or found[3])
        known = [
            normalize_interface(f"{found[1]}{found[2]}{each}") for each in range(first, min(last, first + _MOST) + 1)
        ]
        names += [name for name in known if name is not None]
        if not known or None in known or len(names) > _MOST:
            return ()
    return tuple(names)


def _block(lines: list[str], header: int, configurator: Language) -> range:
    """Return the lines below a range: deeper ones, and where nothing is indented all up to a global one."""
    depth = _indentation(lines[header])
    number = header + 1
    while number < len(lines):
        line = without_prompt(lines[number])
        typed = line.strip().lower()
        is_deeper = bool(typed) and _indentation(lines[number]) > depth and line == lines[number]
        if typed and not is_deeper and (typed.startswith(_ENDS) or _is_global(line, configurator)):
            break
        number += 1
    return range(header + 1, number)


def _is_global(line: str, configurator: Language) -> bool:
    """Return whether it would be a line of the router below an interface: a slip is the range's."""
    found = configurator.interpret(INTERFACE.opens or "", line)
    return isinstance(found, Command) and found.mode == GLOBAL.name


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())
