"""Twins: commands that exist twice, in other words and with other values, such as `ip nhrp ...` and `ipv6 nhrp ...`.

A feature declares one of them and the words in which the other one differs. So what one learns the other one has too,
and one function makes the models of both: it asks a `Spoken` section in the words of the first.
"""

from __future__ import annotations

import re
from dataclasses import field, replace
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dmvpn.base.pages import Pages
    from dmvpn.ios.config_line import ConfigLine
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.section import Section

V = TypeVar("V")


class Twins:
    """The twins of some lines."""

    def __init__(
        self, lines: Iterable[ConfigLine], words: Mapping[str, str], *, help: Mapping[str, str], order: int
    ) -> None:
        """words: pieces of syntax and their replacements. help: of new words. order: of all the twins."""
        self._words = dict(words)
        self._help = dict(help)
        self._order = order
        self._by_serial = {line.serial: self._made(line) for line in lines}

    @property
    def lines(self) -> tuple[ConfigLine, ...]:
        """The twins themselves, for the language."""
        return tuple(self._by_serial.values())

    def twin(self, line: ConfigLine) -> ConfigLine:
        """Return the twin of a line. Raises KeyError."""
        return self._by_serial[line.serial]

    def spoken(self, section: Section) -> Spoken:
        """Return a section that answers for the twins."""
        return Spoken(section, self._by_serial)

    def _made(self, line: ConfigLine) -> ConfigLine:
        syntax = self._translated(line.syntax)
        places = re.findall(r"[\w-]+", syntax)
        return replace(
            line,
            syntax=syntax,
            help={**self._help, **line.help} if not isinstance(line.help, str) else line.help,
            default=self._translated(line.default) if line.default is not None else None,
            key=tuple(name for name in line.key if name in places) if line.key else line.key,
            order=self._order,
        )

    def _translated(self, text: str) -> str:
        for old, new in self._words.items():
            text = text.replace(old, new)
        return text


@dataclass(frozen=True, slots=True)
class Spoken:
    """A section, asked in the words of the first of the twins. Without twins it answers for the lines themselves."""

    section: Section
    twins: Mapping[int, ConfigLine] = field(default_factory=dict)

    def get(self, line: ConfigLine) -> Args | None:
        """Return what a line says, or None."""
        return self.section.get(self._spelled(line))

    def args(self, line: ConfigLine) -> Args:
        """Return what a line says; without it, arguments that have nothing."""
        return self.section.args(self._spelled(line))

    def all(self, line: ConfigLine) -> list[Args]:
        """Return what each entry of a line says."""
        return self.section.all(self._spelled(line))

    def made(self, line: ConfigLine, make: Callable[..., V | None]) -> Pages[V]:
        """Return the values made from each entry of a line (`Section.made`)."""
        return self.section.made(self._spelled(line), make)

    def flag(self, line: ConfigLine) -> bool:
        """Return whether it is switched on."""
        return self.section.flag(self._spelled(line))

    def _spelled(self, line: ConfigLine) -> ConfigLine:
        return self.twins.get(line.serial, line)
