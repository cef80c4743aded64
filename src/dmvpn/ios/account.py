"""The fate of each line of a text: problems for the user, entries for the decision which tunnels start.

Account      takes the result of each line, and at the end of the text judges what only the whole text shows
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.ios import placeholders
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.crypto_maps import maps_on_interfaces
from dmvpn.ios.entries import Fate, LineReport, Problem
from dmvpn.ios.groups import LineStanding

if TYPE_CHECKING:
    from dmvpn.ios.places import Places
    from dmvpn.ios.protection import Bare
    from dmvpn.ios.session import ConfigSession, LineResult

#: Kept lines that a report holds; a file may have a million. Refused and omitted lines decide whether a tunnel may
#: start, so these are never forgotten.
MOST_KEPT: Final = 100_000
_INTERFACE: Final = "interface "


class Account:
    """The account of one text, whose lines a session takes."""

    def __init__(self, session: ConfigSession, places: Places | None) -> None:
        self._session = session
        self._places = places
        self._problems: list[Problem] = []
        self._entries: list[LineReport] = []
        self._cuts: list[LineReport] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The problems, in the order of the lines."""
        return tuple(sorted(self._problems, key=lambda problem: problem.line_number))

    @property
    def entries(self) -> tuple[LineReport, ...]:
        """The entries, in the order in which they were decided."""
        return tuple(self._entries)

    def take(self, number: int, line: str, result: LineResult, mode: str = "") -> None:
        """Enter what became of a line. mode: that of the line, "" for a line of a text that the session awaits."""
        is_of_text = not mode
        mode = mode or self._session.mode.name
        self.note_place(number)
        if result.group is not None and result.group.standing is not LineStanding.SILENT:
            is_left_out = result.refused or result.group.standing is LineStanding.APART
            fate = Fate.LEFT_OUT if is_left_out else Fate.KEPT
            self._enter(LineReport(number, line.strip(), mode, self._session.headers, fate, result.group))
            return
        messages = result.output_lines or (() if is_of_text else placeholders.warning(line))
        if not messages:
            return
        if result.refused:
            self.refuse(number, line, placeholders.refusal(line) or messages, mode)
        else:
            self._problems.append(Problem(number, line, mode, messages, is_warning=True))

    def warn(self, number: int, line: str, said: str) -> None:
        """Say something of a line that is taken."""
        self._problems.append(Problem(number, line, self._session.mode.name, (said,), is_warning=True))

    def note_place(self, number: int) -> None:
        """Remember where the line with this number put its values."""
        if self._places is not None and (place := self._session.entered(number)) is not None:
            self._places.note(place)

    def refuse(
        self, number: int, line: str, messages: tuple[str, ...], mode: str = "", *, is_stray: bool = False
    ) -> None:
        """Enter a line that is refused, and say so."""
        entry = self.refusal(number, line, messages, mode, is_stray=is_stray)
        self._problems.append(Problem(number, line, entry.mode, messages))
        self._enter(entry)

    def refuse_silently(self, number: int, line: str, messages: tuple[str, ...]) -> None:
        """Enter a line that belongs to nothing; a line above it said so."""
        self._enter(self.refusal(number, line, messages, is_stray=True))

    def refusal(
        self, number: int, line: str, messages: tuple[str, ...], mode: str = "", *, is_stray: bool = False
    ) -> LineReport:
        """Make the entry of a line that is refused, without entering it."""
        mode = mode or self._session.mode.name
        return LineReport(number, line.strip(), mode, self._session.headers, Fate.REFUSED, None, messages, is_stray)

    def enter_refusal(self, entry: LineReport) -> None:
        """Enter an entry that `refusal` made, and say so."""
        self._problems.append(Problem(entry.number, entry.text, entry.mode, entry.message_lines))
        self._enter(entry)

    def note_cut(self, number: int, printed: str) -> None:
        """Remember dots in the section of a tunnel, which may replace lines."""
        self._cuts.append(
            LineReport(number, printed.strip(), INTERFACE.opens or "", self._session.headers, Fate.REFUSED)
        )

    def judge(self, bare: Bare) -> None:
        """Judge at the end of the text the lines that may have protected a tunnel. bare: finds tunnels without an IPsec
        profile.
        """
        self._judge_cuts(bare)
        self._judge_maps(bare)

    def _judge_cuts(self, bare: Bare) -> None:
        """Refuse dots in a tunnel that may replace its protection."""
        profiles = {one.name: one.profile for one in (bare(self._session.tree) if self._cuts else ())}
        for cut in self._cuts:
            profile = profiles.get(cut.path[0].removeprefix(_INTERFACE))
            if profile:
                said = (f"% Lines are cut out here, and one of them may have named the IPsec profile {profile}",)
                self.enter_refusal(replace(cut, message_lines=said))

    def _judge_maps(self, bare: Bare) -> None:
        """Refuse a crypto map that may be all that protects a tunnel."""
        maps = list(maps_on_interfaces([entry for entry in self._entries if entry.fate is not Fate.REFUSED]))
        tunnels = bare(self._session.tree) if maps else ()
        for entry in maps:
            port = entry.path[0].removeprefix(_INTERFACE)
            names = [one.name for one in tunnels if not one.shutdown and port in (one.name, one.leaves_by)]
            if names:
                said = (f"% Crypto maps do nothing here, and this one may be what protects {', '.join(names)}",)
                self._problems.append(Problem(entry.number, entry.text, entry.mode, said))
                self._entries.remove(entry)
                refused = replace(entry, fate=Fate.REFUSED, group=None, message_lines=said)
                self._entries += [replace(refused, path=(f"{_INTERFACE}{name}",)) for name in names]

    def _enter(self, entry: LineReport) -> None:
        if entry.fate is not Fate.KEPT or len(self._entries) < MOST_KEPT:
            self._entries.append(entry)
