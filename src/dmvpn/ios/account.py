"""What became of the lines of a text: a report for each, problems for the user, and which tunnels start.

    LineReport      a line that does not simply hold, and what became of it
    Problem         what a router says of a line: a refusal, or a warning
    Account         takes the result of each line, and at the end of the text judges what only the whole text shows

A line of a template may have a placeholder where it wants a value: `$TUNNEL`, `{{ key }}`, `<hub>`, `[WAN-IP]`,
`192.0.2.x`.

Nothing here carries crypto maps out. The older way to encrypt GRE is a crypto map on the interface that the tunnel
leaves by, or on the tunnel as well. Such a tunnel names no IPsec profile, so it would come up, and in clear.
"""

from __future__ import annotations

import enum
import re
from dataclasses import replace
from typing import Final

from dmvpn.base.values import Value
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import UNKNOWN, LineGroup, LineStanding
from dmvpn.ios.errors import without_keys
from dmvpn.ios.places import Places
from dmvpn.ios.protection import Bare
from dmvpn.ios.releases import PutIn, Release
from dmvpn.ios.session import ConfigSession, LineResult
from dmvpn.ios.tree import ConfigTree

# ------------------------------------------------------------------------------------------------ reports


class Fate(enum.Enum):
    """What became of a line."""

    KEPT = "kept"
    LEFT_OUT = "left out"
    REFUSED = "refused"


class LineReport(Value):
    """A line that does not simply hold.

    path: the sections around it, outermost first.
    is_stray: it is below a line that was refused, or outside of any tunnel, so the path does not apply to it.
    is_loss: nothing is wrong with it, but the lines behind it are missing.
    """

    number: int
    text: str
    mode: str
    path: tuple[str, ...]
    fate: Fate
    group: LineGroup | None = None
    message_lines: tuple[str, ...] = ()
    is_stray: bool = False
    is_loss: bool = False

    @property
    def shown(self) -> str:
        """The line without its key."""
        return without_keys(self.text, is_listed=self.group not in (None, UNKNOWN))


class Problem(Value):
    """A line of a file that was refused, or taken with a warning."""

    line_number: int
    text: str
    mode: str
    message_lines: tuple[str, ...]
    is_warning: bool = False

    @property
    def shown(self) -> str:
        """The line without its key."""
        return without_keys(self.text)


class ConfigResult(Value):
    """What a text made of a configuration.

    release: the one whose defaults hold for it, None: ours do.
    put_in: the lines that it has on without showing them.
    is_moved: definitions below their use were taken as if they were above it.
    """

    tree: ConfigTree
    problems: tuple[Problem, ...]
    entries: tuple[LineReport, ...] = ()
    release: Release | None = None
    put_in: tuple[PutIn, ...] = ()
    is_moved: bool = False


# ------------------------------------------------------------------------------------------------ placeholders


_OF_TEMPLATES: Final = re.compile(
    r"\{\{[^{}]{1,80}\}\}|\{%[^%]{1,80}%\}|\$\{\w[\w.-]{0,60}\}"
    r"|(?<!\S)(?:\$[A-Z][A-Z0-9_]{2,60}|\\?<[A-Za-z][\w .:/-]{0,60}>"
    r"|\\?\[[A-Z][A-Z0-9 ._-]{1,60}\]|%[A-Z][A-Z0-9_]{2,60}%)"
    r"(?!\S)"
)
_OF_ADDRESSES: Final = re.compile(
    r"(?<![\w.:])(?=[\d.]{0,12}[xX])(?:[xX]{1,3}|\d{1,3})(?:\.(?:[xX]{1,3}|\d{1,3})){3}(?![\w.])"
)
#: Forms that a name or a key may have as well: they count in a line that was refused.
_OF_OTHERS: Final = re.compile(
    r"(?<!\S)(?:\$[A-Za-z]\w{1,60}|\{[A-Za-z_][\w.-]{0,60}\}|@[A-Za-z_]\w{1,60}@|__[A-Z]\w{1,60}__|%\(\w{1,60}\)[sd]"
    r"|<<[\w .-]{1,60}>>|\[\[[\w .-]{1,60}\]\]|%\w{1,60}%|\[[A-Za-z][\w .-]{1,60}\])(?!\S)"
)
_DASH: Final = re.compile("(?<=[a-z0-9])[\u2010-\u2014](?=[a-z0-9])")
#: Most lines have none of these.
_MAY_BE: Final = re.compile(r"[$<\[{%@]|__|[xX]\.|\.[xX]")
#: The text after these words is for people.
_TEXTS: Final = ("description", "remark", "banner", "title", "alias", "event", "action", "username")


def placeholder_in(line: str, *, refused: bool = False) -> str:
    """Return the first placeholder of a line; "" if there is none, or it is a text for people. refused: the line was
    refused.
    """
    if _MAY_BE.search(line) is None or line.lstrip().lower().startswith(_TEXTS):
        return ""
    found = _OF_TEMPLATES.search(line) or _OF_ADDRESSES.search(line) or (_OF_OTHERS.search(line) if refused else None)
    return found[0].lstrip("\\") if found is not None else ""


def as_meant(line: str) -> str:
    """Return the line with `-` for the blanks in its placeholders, as `<shared secret>` is one value, and for dashes in
    its words, which an editor of texts makes of hyphens.
    """
    return _OF_TEMPLATES.sub(lambda found: "-".join(found[0].split()), _DASH.sub("-", line))


def refusal(line: str) -> tuple[str, ...]:
    """Return the message for a line that was refused; nothing if no placeholder is in it."""
    name = placeholder_in(line, refused=True)
    return (f"% Replace the template's placeholder by a value: {_said(line, name)}",) if name else ()


def warning(line: str) -> tuple[str, ...]:
    """Return the message for a line that was accepted."""
    name = placeholder_in(line)
    return (f"% Warning: a template's placeholder is kept as text: {_said(line, name)}",) if name else ()


def _said(line: str, name: str) -> str:
    """Return the word as it is printed: a key may look like a placeholder, and is never shown."""
    return name if name in without_keys(line) else "that of a key"


# ------------------------------------------------------------------------------------------------ crypto maps


_INTERFACE: Final = "interface "


def is_crypto_map(line: str) -> bool:
    """Return whether it names a crypto map. Abbreviations count."""
    return re.match(r"cry\w*\s+map\s", line.strip().lower()) is not None


# ------------------------------------------------------------------------------------------------ the account


#: Kept lines that a report holds; a file may have a million. Refused and omitted lines decide whether a tunnel may
#: start, so these are never forgotten.
MOST_KEPT: Final = 100_000


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
        messages = result.output_lines or (() if is_of_text else warning(line))
        if not messages:
            return
        if result.refused:
            self.refuse(number, line, refusal(line) or messages, mode)
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
        profiles = {one.name: one.profile for one in (bare(self._session.tree) if self._cuts else ())}
        for cut in self._cuts:
            profile = profiles.get(cut.path[0].removeprefix(_INTERFACE))
            if profile:
                said = (f"% Lines are missing here, and one of them may have named the IPsec profile {profile}",)
                self.enter_refusal(replace(cut, message_lines=said))
        maps = [
            entry
            for entry in self._entries
            if "map" in entry.text and entry.path and entry.path[0].startswith(_INTERFACE)
            if entry.fate is not Fate.REFUSED and is_crypto_map(entry.text)
        ]
        tunnels = bare(self._session.tree) if maps else ()
        for entry in maps:
            port = entry.path[0].removeprefix(_INTERFACE)
            names = [one.name for one in tunnels if not one.shutdown and port in (one.name, one.leaves_by)]
            if names:
                said = (f"% Crypto maps have no effect here, and this one may protect {', '.join(names)}",)
                self._problems.append(Problem(entry.number, entry.text, entry.mode, said))
                self._entries.remove(entry)
                refused = replace(entry, fate=Fate.REFUSED, group=None, message_lines=said)
                self._entries += [replace(refused, path=(f"{_INTERFACE}{name}",)) for name in names]

    def _enter(self, entry: LineReport) -> None:
        if entry.fate is not Fate.KEPT or len(self._entries) < MOST_KEPT:
            self._entries.append(entry)
