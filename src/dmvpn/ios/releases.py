"""What releases of IOS have on without showing it, and the mark of configurations that are none of theirs.

    DEFAULTS        the table: a line, since which releases it is on without being shown, where, and the source
    Unshown         reads along with a file, and puts in at its end what its release has on and it does not refuse

A running configuration does not show a default, so a line that is missing there means something else on each release.
The defaults here are those of the oldest. A file that names a release, and does not bear our mark, was shown by such a
router: a default of that release becomes a line of the configuration, so that it is visible, can be removed, and stays
when it is saved. Typed lines, and files that name no release, mean exactly their text. A line that permits weak
algorithms is put in for labs, and for programs that judge files, alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final, NamedTuple

from dmvpn.base.values import Mutable, Value
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import GLOBAL, Command, ConfigLine, Verb
from dmvpn.ios.errors import CliError
from dmvpn.ios.language import Language
from dmvpn.ios.matcher import MatchedLine
from dmvpn.ios.section import Section
from dmvpn.ios.session import ConfigSession
from dmvpn.ios.tree import MARK, ConfigTree

#: The second is what `dmvpn render` says in the first line of a file.
_MARK: Final = re.compile(r"!\s*(?:written by dmvpn|made by `dmvpn)\b", re.IGNORECASE)
_VERSION: Final = re.compile(r"\s*version\s+(\d{1,2})\.(\d{1,4})(?:[(.A-Za-z]\S*)?\s*\Z", re.IGNORECASE)


class Release(NamedTuple):
    """15.7, as the line `version` says it. IOS XE is 16 and more."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


class UnseenDefault(Value):
    """A line that releases have on without showing it.

    since: the first release of each major number, later majors have it too; empty: all releases.
    where: regular expressions; each must match the beginning of a line of the interface, or of the router. There the
        lines of sections count, with their header in front.
    meaning: for people.
    source: the document that says so.
    until: the first release that has it no more, None: none.
    is_of_router: else it is a line of an interface.
    is_weak: it permits weak algorithms: a router of `dmvpn run` needs the line itself.
    """

    line: str
    since: tuple[Release, ...]
    where: tuple[str, ...]
    meaning: str
    source: str
    until: Release | None = None
    is_of_router: bool = False
    is_weak: bool = False

    def holds(self, release: Release) -> bool:
        """Return whether it is on in this release."""
        if self.until is not None and release >= self.until:
            return False
        if not self.since or release.major > self.since[-1].major:
            return True
        return any(release.major == first.major and release >= first for first in self.since)

    def fits(self, there: Sequence[str]) -> bool:
        """Return whether it is on beside these lines."""
        return all(any(re.match(each, text) for text in there) for each in self.where)


_CLOUD: Final = ("tunnel mode gre multipoint", "ip nhrp network-id ")
_CLOUD6: Final = ("tunnel mode gre multipoint", "ipv6 nhrp network-id ")
_COPIES: Final = "every client that registers gets copies of multicasts: without them a hub has no neighbors"
_FOLLOWS: Final = "redirects are followed: spokes go to each other directly"
_HOLDS: Final = "clients that fall silent are forgotten after 10 minutes, and not after 2 hours"
_GUIDE6: Final = (
    "Cisco, *Dynamic Multipoint VPN Configuration Guide*, IPv6 over DMVPN: on by default from IOS XE Denali 16.3"
)
_SHOWN: Final = (
    "running configurations: those of 15.6 and before show the line where it is on; those of 15.7, 15.9, 17.3, 17.12 "
    "and 17.15 never do, and show its `no`"
)

DEFAULTS: Final = (
    UnseenDefault(
        "ip nhrp map multicast dynamic",
        (Release(15, 7), Release(16, 3)),
        _CLOUD,
        _COPIES,
        f"{_SHOWN}. None of 16.3 to 16.12 was seen: there it goes by the IPv6 line, which a guide documents",
    ),
    UnseenDefault(
        "ip nhrp shortcut",
        (Release(15, 7), Release(16, 3)),
        _CLOUD,
        _FOLLOWS,
        "Cisco, *Shortcut Switching Enhancements for NHRP in DMVPN Networks*: on by default from IOS XE 16.3. For IOS "
        f"15.7, {_SHOWN}",
    ),
    UnseenDefault(
        "ip nhrp holdtime 600",
        (Release(15, 7), Release(16, 3)),
        _CLOUD,
        _HOLDS,
        "hubs without the line: clients of 15.7 and 15.9 expire within 10 minutes, of 15.4 within 2 hours. Running "
        "configurations of 15.7, 15.9, 17.3 and 17.12 never show 600, those of 15.2 and 15.5 do. None of 16.3 to 16.12 "
        "was seen",
    ),
    UnseenDefault("ipv6 nhrp map multicast dynamic", (Release(16, 3),), _CLOUD6, _COPIES, _GUIDE6),
    UnseenDefault("ipv6 nhrp shortcut", (Release(16, 3),), _CLOUD6, _FOLLOWS, _GUIDE6),
    UnseenDefault(
        "crypto engine compliance shield disable",
        (),
        (
            r"crypto (isakmp policy|ikev2 proposal|ipsec profile) \S+ "
            r"(encryption 3des|hash md5|group (.* )?[25]( |$)|set pfs group[25]$)",
        ),
        "policies with Diffie-Hellman groups 2 and 5, and of IKEv1 those with 3DES and MD5, are used",
        "Cisco, field notice FN72510: weak algorithms are no longer permitted by default from IOS XE 17.11.1",
        until=Release(17, 11),
        is_of_router=True,
        is_weak=True,
    ),
)

#: What a text has, abbreviated or not, that names algorithms which are weak, or not built.
MAY_BE_WEAK: Final = re.compile(
    r"\besp-(?:3|d|se|m|aes(?!.*hmac))|\bah-|\bcomp-lzs|\benc\w*\s+3|\bhas?h?\s+m"
    r"|^\s+gr\w*\s(?:.*\s)?[25]\b|\bpfs\s+group[25]\b|\bisa\w*\s+pol",
    re.IGNORECASE | re.MULTILINE,
)


class PutIn(NamedTuple):
    """A line that a file's release has on unseen, and the interface that has it now, "": the router."""

    line: str
    interface: str


def marked(lines: Iterable[str]) -> list[str]:
    """Return the lines of a configuration, with our mark before all of them unless they have it."""
    body = list(lines)
    return body if is_marked(body) else [MARK, *body]


def is_marked(lines: Iterable[str]) -> bool:
    """Return whether a configuration has our mark."""
    return any(_MARK.match(line.lstrip()) for line in lines)


def permission(tree: ConfigTree, release: Release | None) -> str:
    """Return the line that permits the weak algorithms of a configuration, if this release permits them without it.

    release: None: an old one.
    """
    rows = [row for row in DEFAULTS if row.is_weak and (release is None or row.holds(release))]
    there = list(_inside(tree)) if rows else []
    return next((row.line for row in rows if row.fits(there)), "")


class _Met(Mutable):
    """An interface that the file speaks of.

    number: of its first line.
    refused: defaults that it takes back.
    """

    section: Section
    number: int
    refused: set[str] = field(default_factory=set)  # looked up, never iterated


class Unshown:
    """Reads along with one file.

    release: whose defaults hold for it; None: it names none, or it is ours.
    """

    __slots__ = ("_configurator", "_is_ours", "_met", "_rows", "_targets", "release")

    def __init__(self, configurator: Language, *, weak: bool) -> None:
        """weak: defaults that permit weak algorithms count, too."""
        self._configurator = configurator
        self._is_ours = False
        self._rows = [row for row in DEFAULTS if weak or not row.is_weak]
        self._met: dict[int, _Met] = {}
        self._targets: dict[str, MatchedLine[ConfigLine]] | None = None
        self.release: Release | None = None

    @property
    def is_ours(self) -> bool:
        """Whether the file has our mark."""
        return self._is_ours

    def comment(self, line: str) -> None:
        """Take a comment of the file: ours, perhaps."""
        self._is_ours = self._is_ours or (self.release is None and _MARK.match(line.lstrip()) is not None)

    def line(self, number: int, line: str, mode: str, session: ConfigSession) -> None:
        """Take a line that was taken. mode: in which it was entered."""
        section = session.section
        if section.mode.name == GLOBAL.name:
            said = _VERSION.match(line) if self.release is None and not self._is_ours else None
            if said is not None:
                self.release = Release(int(said[1]), int(said[2]))
                self._met[id(section)] = _Met(section, number)
        elif section.mode.name != INTERFACE.opens:
            return
        elif id(section) not in self._met:
            self._met[id(section)] = _Met(section, number)
        met, word = self._met.get(id(section)), line.split(None, 1)[0].lower()
        if met is not None and (word == "no" or word.startswith("def")):
            self._take_back(met, self._configurator.interpret(mode, line))

    def _take_back(self, met: _Met, command: Command | CliError) -> None:
        if isinstance(command, CliError) or command.verb not in (Verb.NO, Verb.DEFAULT):
            return
        for name, ours in self._lines().items():
            if any(found.line is ours.line and found.args.agrees_with(ours.args) for found in command.targets):
                (met.refused.add if command.verb is Verb.NO else met.refused.discard)(name)

    def _lines(self) -> dict[str, MatchedLine[ConfigLine]]:
        """Return what the lines of the table are in our language."""
        if self._targets is None:
            modes = {row.line: GLOBAL.name if row.is_of_router else INTERFACE.opens or "" for row in self._rows}
            said = {line: self._configurator.interpret(mode, line) for line, mode in modes.items()}
            self._targets = {
                line: command.targets[0]
                for line, command in said.items()
                if not isinstance(command, CliError) and command.targets
            }
        return self._targets

    def put_in(self, session: ConfigSession) -> Iterator[tuple[int, PutIn]]:
        """Enter what the release has on, where the file speaks of the interface; with the number of its first line."""
        release = self.release
        rows = [
            each for each in self._rows if release is not None and each.holds(release) and each.line in self._lines()
        ]
        named = [(args.interface("name"), each) for args, each in session.tree.sections(INTERFACE)] if rows else []
        for name, section in [("", session.tree), *named]:
            met = self._met.get(id(section))
            here = [row for row in rows if row.is_of_router == (not name)]
            if met is None or not here:
                continue
            there = [each.text for each in section.statements()] if name else list(_inside(section))
            for row in here:
                ours = self._lines()[row.line]
                is_there = row.line in met.refused or section.find(ours.line, ours.args) is not None
                if is_there or not row.fits(there):
                    continue
                session.leave_sections()
                if name:
                    session.enter(f"interface {name}")
                session.enter(row.line)
                yield met.number, PutIn(row.line, name)


def _inside(section: Section) -> Iterator[str]:
    """Yield the lines of all sections, each with the header in front."""
    for each in section.statements():
        yield from (f"{each.text} {inner.text}" for inner in (each.section.statements() if each.section else ()))
