"""Lines that a terminal cut in two, because they were longer than it is wide.

    Wrapped.whole(line, number, mode)    the line, with what follows it where that can be nothing else
    Wrapped.taken                        the number of the last line that was taken with the one before

A terminal of 80 columns goes on in the first column of the next row. In a file the next line may as well be one of its
own: what a router would understand there, or nearly, is never taken for a rest, for it may be what protects a tunnel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios.beginnings import OURS, first_word, is_of_tunnels, is_slip
from dmvpn.ios.errors import CliError
from dmvpn.ios.protection import asks_for_protection
from dmvpn.ios.transcript import PROMPT

if TYPE_CHECKING:
    from dmvpn.ios.language import Language

#: Columns of a terminal.
WIDTH: Final = 80


class Wrapped:
    """The lines of one text, asked in their order."""

    __slots__ = ("_configurator", "_lines", "taken")

    def __init__(self, configurator: Language, lines: list[str]) -> None:
        self._configurator = configurator
        self._lines = lines
        self.taken = 0

    def whole(self, line: str, number: int, mode: str) -> str:
        """Return `line` with all that belongs to it; it has the number `number`, and is read in `mode`."""
        while len(self._lines[number - 1]) == WIDTH and number < len(self._lines):
            following = self._lines[number]
            if not self._goes_on(line, following, mode):
                break
            line += following.rstrip()
            number += 1
            self.taken = number
        return line

    def _goes_on(self, line: str, following: str, mode: str) -> bool:
        """Return whether `following` can be nothing but the rest of `line`."""
        if not following.strip() or following[0] in " \t!" or PROMPT.match(following):
            return False
        if asks_for_protection(following) or is_of_tunnels(following) or first_word(following) in OURS:
            return False
        command = self._configurator.interpret(mode, line)
        opened = () if isinstance(command, CliError) else (target.line.opens for target in command.targets)
        return all(self._is_none(each, following) for each in (mode, *filter(None, opened)))

    def _is_none(self, mode: str, line: str) -> bool:
        """Return whether it is no line of this mode, nor nearly one."""
        is_slip_of_one = is_slip(line, self._configurator.first_words(mode))
        return isinstance(self._configurator.interpret(mode, line), CliError) and not is_slip_of_one
