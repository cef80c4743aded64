"""How two configurations differ, line by line, each with the sections around it.

    differences(before, after)   what came and what went
    contextual(found)            as `show archive config differences` prints it: all that came, then all that went
    commands(found)              the lines that make the one of the other

Two lines with the same key are one line that changed: to enter the new one is enough where it replaces the old one and
all inside. What went otherwise is taken back by `no`.
Keys and passwords are compared, and left out of the lines where they are to be hidden.

Settings at their defaults, which a tree does not store: for `show running-config all`.

with_defaults(lines)     makes of the commands of a language what lists the statements of a section and its defaults
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import Value
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section, Statement
from dmvpn.ios.session import is_warning
from dmvpn.ios.tree import named_options, render_statement

#: Marks of a syntax that is more than words.
_MARKS: Final = "([{|"
_INTERFACE: Final = "interface"
#: The line that opens a section of the language; what belongs to no protocol has at most so many words.
_PLAIN: Final = 2


def default_text(line: ConfigLine) -> str:
    """Return the line that equals its default; "" if it has none, or one for each value."""
    if line.default is not None:
        return line.default
    return line.syntax if line.default_on and not any(mark in line.syntax for mark in _MARKS) else ""


def with_defaults(lines: Iterable[ConfigLine]) -> Callable[[Section], list[Statement]]:
    """Read a section with the defaults of its mode. The settings of a protocol count where it has lines."""
    by_mode: dict[str, list[Statement]] = {}
    for line in lines:
        if text := default_text(line):
            default = Statement(replace(line, show=None), Args(words=tuple(text.split())))
            by_mode.setdefault(line.mode, []).append(default)

    def read(section: Section) -> list[Statement]:
        stored = list(section.statements())
        beginnings = {_beginning(one.text.removeprefix("no ")) for one in stored}
        taken = {one.line.syntax for one in stored}
        defaults = [
            one
            for one in by_mode.get(section.mode.name, ())
            if one.line.syntax not in taken
            and (section.mode.name != _INTERFACE or len(one.args.words) <= _PLAIN or _beginning(one.text) in beginnings)
        ]
        return sorted((*stored, *defaults), key=lambda one: one.line.order)

    return read


def _beginning(text: str) -> tuple[str, ...]:
    """Return the words that distinguish the lines of an interface that are about one protocol: `tunnel`, `ip nhrp`."""
    words = tuple(text.split(None, 2)[:2])
    return words[:1] if words[:1] == ("tunnel",) else words


#: Says who wrote a configuration, and makes no difference to what it does.
_VERSION: Final = "version "


class Difference(Value):
    """A line that one configuration has and the other has not.

    within: the lines that open the sections around it, outermost first.
    came: True if the line was added, False if it was removed.
    lines: it, and if it opens a section all in it.
    undone: what takes it back; "": the other configuration has another line in its place.
    """

    within: tuple[str, ...]
    came: bool
    lines: tuple[str, ...]
    undone: str = ""


def differences(before: Section, after: Section, *, hide: bool = False) -> Iterator[Difference]:
    """Yield what came and what went, in the order of the configurations. hide: without keys and passwords."""
    yield from _one_way(before, after, (), came=True, hide=hide)
    yield from _one_way(after, before, (), came=False, hide=hide)


def _one_way(other: Section, here: Section, within: tuple[str, ...], *, came: bool, hide: bool) -> Iterator[Difference]:
    """Yield the lines of `here` that `other` does not have, or has with other words."""
    for statement in breathing(here.statements()):
        if not within and statement.text.startswith(_VERSION):
            continue
        there = other.find(statement.line, statement.args)
        if there is None or _differ(there, statement):
            is_replaced = there is not None and (came or _takes_the_place(there, here))
            undone = "" if is_replaced else _undone(statement, hide=hide, wholly=there is None)
            lines = tuple(line for line in render_statement(statement, hide=hide) if line.strip(" !"))
            yield Difference(within, came, lines, undone)
        elif statement.section is not None and there.section is not None:
            inside = (*within, _text(statement, hide=hide))
            yield from _one_way(there.section, statement.section, inside, came=came, hide=hide)


def _differ(one: Statement, other: Statement) -> bool:
    """Return whether two lines with one key say different things; options may stand in any order."""
    return one.text != other.text and (one.args, one.negated) != (other.args, other.negated)


def _takes_the_place(new: Statement, section: Section) -> bool:
    """Return whether it is enough to enter a line whose key another line of this section has.

    An access list refuses a number that is taken; a section keeps the lines inside, whatever its first line says; a
    line that adds keeps the options that the new one lacks.
    """
    if new.line.adds:
        old = section.find(new.line, new.args)
        return old is None or {*named_options(old.line, old.args)} <= {*named_options(new.line, new.args)}
    if new.section is not None:
        return new.line.opens == INTERFACE.opens  # physical interfaces cannot be taken away
    refusal = new.line.check(new.args, section) if new.line.check is not None and not new.negated else None
    return refusal is None or is_warning(refusal)


def _text(statement: Statement, *, hide: bool) -> str:
    return statement.text_for_others if hide else statement.text


def contextual(found: Sequence[Difference]) -> Iterator[str]:
    """Yield `+` and `-` behind the indentation; lines without either open the sections around."""
    for came in (True, False):
        sign = "+" if came else "-"
        around: tuple[str, ...] = ()
        for one in found:
            if one.came is not came:
                continue
            yield from _opened(around, one.within)
            around = one.within
            for line in one.lines:
                text = line.lstrip(" ")
                yield f"{' ' * (len(one.within) + len(line) - len(text))}{sign}{text}"


def commands(found: Iterable[Difference]) -> Iterator[str]:
    """Yield the lines to enter, each below the headers of its section.

    First what goes: two may not be at once.
    """
    around: tuple[str, ...] = ()
    for one in sorted(found, key=lambda one: one.came):
        if not (one.came or one.undone):
            continue
        yield from _opened(around, one.within)
        around = one.within
        indent = " " * len(one.within)
        if one.came:
            yield from (indent + line for line in one.lines)
        else:
            yield indent + one.undone


def _opened(around: tuple[str, ...], within: tuple[str, ...]) -> Iterator[str]:
    """Return the headers of these sections, except for sections that are already open."""
    common = 0
    while common < min(len(around), len(within)) and around[common] == within[common]:
        common += 1
    return (f"{' ' * depth}{text}" for depth, text in enumerate(within[common:], common))


def _undone(statement: Statement, *, hide: bool, wholly: bool) -> str:
    """Return `default` where both a line and its `no` are kept, else the reverse of the line.

    wholly: of a line that adds, no options are to stay.
    """
    line = statement.line
    text = _text(statement, hide=hide).partition("\n")[0]
    if line.keep_no:
        return f"default {text.removeprefix('no ')}"
    if line.adds and wholly:
        return f"no {line.line(**{name: statement.args.said(name) for name in line.key or ()})}"
    return text.removeprefix("no ") if statement.negated else f"no {text}"
