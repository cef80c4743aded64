"""Settings at their defaults, which a tree does not store: for `show running-config all`.

with_defaults(lines)     makes of the commands of a language what lists the statements of a section and its defaults
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.ios.grammar import Args
from dmvpn.ios.section import Section, Statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.ios.config_line import ConfigLine

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
