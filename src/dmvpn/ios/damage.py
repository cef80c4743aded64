"""Was a file cut off before its end?

    Ending      reads along with one file, and says at its end if it has none; of a log also at each prompt
    ADDED       the comment between a file and the lines that a lab adds to it

What a router shows or saves ends with `end`, and its lines of terminals are right before that. Whatever a pager holds
back, a full disk or a lost connection takes is missing at the end, and the line that protects a tunnel is the last of
its section. A person who writes a file by hand needs no `end`: it is no sign there, unless the file ends in a tunnel in
clear while nothing uses a profile that would protect it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from dmvpn.ios.cuts import is_cut
from dmvpn.ios.markdown import heading_of
from dmvpn.ios.render import MARK
from dmvpn.ios.transcript import PROMPT, is_pager, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.ios.protection import Unprotected

_SHOWN: Final = re.compile(r"Building configuration\.\.\.|Current configuration\b[^:]{0,80}:(?:\s*(\d{1,9}) bytes)?")
#: What says something of the end; most lines do not.
_TELLING: Final = re.compile(
    r"(?P<mark>!)|(?P<version>version \d{1,2}\.\d)|(?P<end>\s?end\s*$|line (?:con|aux|vty))"
    r"|(?P<back>\s*no tunnel protection\b)",
    re.IGNORECASE,
)
#: Below it are lines that a lab adds to a file: whether the file was cut off is judged by the lines above.
ADDED: Final = "! Added by dmvpn: nothing below is of the file"
_UNLESS: Final = "if nothing is missing, write `end` behind it"


class Ending:
    """One text. Lines in their order; what texts (banners, certificates) hold does not count."""

    __slots__ = (
        *("_count", "_has_end", "_has_marks", "_is_abridged", "_is_announced", "_is_filtered", "_is_paged"),
        *("_is_shown", "_is_taken_back", "_version", "last", "whole_until"),
    )

    def __init__(self) -> None:
        self.last = (0, "")  # the last line of the configuration, with its number
        self._version = self._is_announced = self._is_shown = self._is_filtered = self._is_taken_back = False
        self._has_end = self._is_paged = self._is_abridged = False
        self._has_marks = False
        self._count: tuple[int, int] | None = None  # octets, and the line that says so
        self.whole_until = 0  # the line that ends a whole configuration: output before it may have been cut off

    @classmethod
    def of_added(cls) -> Ending:
        """Return that of lines which a lab added: they always have an end."""
        added = cls()
        added._is_shown = True
        return added

    @property
    def in_section(self) -> bool:
        """Whether the last line is inside a section, with no `!` behind it."""
        return self.last[1][:1] != "!"

    @property
    def _is_followed_by_another(self) -> bool:
        """Whether the last line is the heading of another router, as web pages have it."""
        text = self.last[1]
        return not text[:1].isspace() and heading_of(text, is_prose=True) != ""

    def pass_over(self, number: int, printed: str) -> None:
        """Pass over a line that is none of the configuration."""
        found = _SHOWN.match(printed.lstrip())
        if found is not None and not self._is_filtered:
            self._is_announced = True
            self._count = (int(found[1]), number) if found[1] else None
        elif (prompt := PROMPT.match(printed)) is not None:
            self._is_announced = False  # `write` announces it, too, and shows none
            self._is_filtered = "|" in printed if printed[prompt.end() :].strip() else self._is_filtered
        self._is_abridged |= is_cut(printed)

    def take(self, number: int, text: str, printed: str) -> None:
        """Take a line of the configuration, or a blank one. text: what of it is no prompt and no pager."""
        words = text.strip()
        self._is_paged = not words and (self._is_paged or is_pager(printed))
        if not words:
            return
        if self._is_announced:
            self._is_shown, self._is_announced, self._has_end = True, False, False
        self.last = (number, text)
        self._is_abridged |= words[:1] == "!" and is_cut(printed)
        telling = _TELLING.match(text)
        match telling.lastgroup if telling is not None else None:
            case "mark":
                self._has_marks |= words != MARK
            case "version":
                self._version, self._has_end = not self._is_filtered, False
            case "end":
                self._has_end = True
                self.whole_until = number if self._version else self.whole_until
            case "back":
                self._is_taken_back = True
            case _:
                pass

    def said_at_prompt(self, lines: Sequence[str], printed: str) -> str:
        """Return the complaint if a command was typed here before the previous output had ended; "" if all is well.

        A user left a pager with `q`: the log goes on with other commands.
        """
        if "#" not in printed and ">" not in printed:
            return ""
        if not (self._is_paged or self._is_shown or self._version):
            return ""
        line = shown(printed)
        prompt = PROMPT.match(line)
        if prompt is None or not line[prompt.end() :].strip():
            return ""
        said = self.said(lines, (), "")
        if not self._has_end:
            self._version = self._has_marks = False
        self._is_shown = self._is_paged = False
        return said

    def said(self, lines: Sequence[str], bare: Iterable[Unprotected], header: str) -> str:
        """Return what a router says of the end, "" if nothing is wrong.

        bare: the tunnels without protection. header: of the section that the last line is in.
        """
        what = self._lacks(lines, bare, header)
        return f"% The file is cut off here: {what}" if what else ""

    def _lacks(self, lines: Sequence[str], bare: Iterable[Unprotected], header: str) -> str:
        if self._is_paged:
            return "a terminal waits for a key, and what it would show then is missing"
        if self._has_end or self._is_abridged or self._is_followed_by_another:
            return ""
        if self._is_shown and self._count is not None:
            octets, number = self._count
            there = sum(len(line) + 1 for line in lines[number : self.last[0]])
            if there >= octets:
                return ""
            return f"{there} of the {octets} octets are there that line {number} counts; {_UNLESS}"
        if self._is_shown or (self._version and self._has_marks):
            return f"what a router shows or saves ends with `end`; {_UNLESS}"
        ended_in = next((one for one in bare if header == f"interface {one.name}" and one.is_profile_idle), None)
        if ended_in is not None and not (ended_in.shutdown or self._is_taken_back) and self.in_section:
            profile = ended_in.profile
            return f"it ends in a tunnel in clear, and nothing uses the IPsec profile {profile}; {_UNLESS}"
        return ""
