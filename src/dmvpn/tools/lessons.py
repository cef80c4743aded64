"""Lessons: a network is examined, broken, and examined again until it works as before.

The examination uses commands that any user can type at a prompt, and pings as users would: every site pings a host
behind every other site, from its own LAN address. The hosts answer, so the whole path is tested in both directions.

`Health` holds its results: a number for each check. Each check that passed in the healthy network has to pass again;
the student may fix the wrong line or find another way. Protection is checked, too, so a network that works because its
protection was removed is not fixed.

The state of a lesson is a file in the folder of its lab, readable only by the owner of the lab. It has a fingerprint of
the trouble instead of its name, so that a learner who opens the file does not read the solution by accident. It is
deleted when the lab is reset or ends.
"""

from __future__ import annotations

import enum
import hashlib
import json
import secrets
from dataclasses import asdict, field, replace
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.addresses import spelled
from dmvpn.base.breath import gulping
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value
from dmvpn.network.device import Device
from dmvpn.shells.files import open_private
from dmvpn.shells.lab.places import FIXED, GRADE, LESSON
from dmvpn.tools import answers
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.faults import Fault, place_name, places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from dmvpn.tools.troubles.model import Trouble
    from dmvpn.tools.troubles.orders import Bench
    from dmvpn.tools.troubles.stage import Stage


# ------------------------------------------------------------------------------------------------ health


class Check(enum.Enum):
    """The kinds of checks. A subject and a value form a sentence."""

    RUNNING = "runs"
    REGISTRATION = "is registered"
    ADJACENCY = "is a routing neighbor"
    REACH = "is reached"
    LARGE = "is reached with 1500 octets"
    PATH = "is reached by the short way"
    TCP = "clamps the MSS of TCP"
    PROTECTION = "is configured"


#: A thing that is looked at: what, and of whom ("R31: 10.4.4.100 (H4)").
Subject = tuple[Check, str]

#: Bad: 0. Good: 1, or the number of hops.
BAD: Final = 0


class Health(Value):
    """The results of checks. found: 0 for a failure; 1 for a success, for paths the number of hops."""

    found: dict[Subject, int] = field(default_factory=dict)

    def dumps(self) -> str:
        """Return the health as JSON."""
        return json.dumps([[check.name, subject, value] for (check, subject), value in self.found.items()])

    @classmethod
    def loads(cls, text: str) -> Self:
        """Return the inverse of `dumps`. Raises UserError."""
        try:
            found = gulping(json.loads(text))
            return cls({(Check[check], str(subject)): int(value) for check, subject, value in found})
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"the notes about the healthy lab cannot be read: {error}") from error


class GradedCheck(Value):
    """One check of a grade. was, now: numbers as in `Health`."""

    check: Check
    subject: str
    was: int
    now: int

    @property
    def is_good(self) -> bool:
        """As good as it was, or better."""
        if self.check is Check.PATH:
            return BAD < self.now <= self.was
        return self.now >= self.was

    def __str__(self) -> str:
        text = f"{self.subject} {self.check.value}"
        if self.check is Check.PATH and not self.is_good:
            return f"{text}: {self.now or 'no'} hops, and it was {self.was}"
        return text


def grade(healthy: Health, now: Health) -> tuple[GradedCheck, ...]:
    """Return everything that was good, and what it is now."""
    return tuple(
        GradedCheck(check, subject, was, now.found.get((check, subject), BAD))
        for (check, subject), was in healthy.found.items()
        if was != BAD
    )


# ------------------------------------------------------------------------------------------------ the examination


#: Sites that ping each other; of large networks the first ones.
MOST_SITES: Final = 6
#: Lines that keep strangers out, or packets small. A network from which they were taken away is not fixed.
_GUARDS: Final = (
    "tunnel protection",
    "ip nhrp authentication",
    "ip authentication mode eigrp",
    "authentication mode",
    "mode transport",
)


class Site(Value):
    """An end of pings. source: the source address of its own pings; target: the address that answers."""

    router: str
    source: str
    target: str
    name: str


class _Examination(Mutable):
    bench: Bench
    stage: Stage
    found: dict[Subject, int] = field(default_factory=dict)

    def note(self, check: Check, subject: str, value: int) -> None:
        self.found[check, subject] = value


def examine(bench: Bench, stage: Stage, healthy: Health | None = None) -> Health:
    """Look at everything.

    healthy: what to expect. A longer path gets a little more time, and neighbors must have been up for a while: a
    flapping neighbor is not fixed.
    """
    work = _Examination(bench, stage)
    routers = [name for name in stage.actors if stage.scenario.role(name) != "provider"]
    for _ in range(2 if healthy is not None else 0):  # the second time for neighbors that came up after the first
        # Until all neighbors have been up long enough to count as stable.
        said = bench.ask([(router, answers.NEIGHBORS) for router in routers])
        ages = [neighbor.age for answer in said for neighbor in answers.neighbors(answer)]
        bench.wait(max(0.0, answers.STEADY - min(ages, default=answers.STEADY)))
    _ask_routers(work, routers, steady=healthy is not None)
    _ping(work, list(sites(stage))[:MOST_SITES], healthy)
    return Health(work.found)


def sites(stage: Stage) -> Iterator[Site]:
    """Yield every router with a host behind it, and hubs without one by their tunnel addresses."""
    hosts = {
        spelled(interface.ip): name
        for name, host in reversed(stage.scenario.lab.hosts.items())
        for interface in (host.interface, host.interface6)
        if interface is not None
    }
    for name, actor in (each for family in stage.families() for each in family.actors.items()):
        host = hosts.get(actor.host)
        if host is not None and actor.lan_interface is not None:
            yield Site(name, spelled(actor.lan_interface.ip), actor.host, f"{host} ({actor.host})")
        elif name in stage.hubs and actor.tunnel_interface is not None:
            address = spelled(actor.tunnel_interface.ip)
            yield Site(name, address, address, f"{name} ({address})")


# ---------------------------------------------------------------------------------------------------- the routers


def _ask_routers(work: _Examination, routers: Sequence[str], *, steady: bool) -> None:
    questions = (answers.SERVERS, answers.NEIGHBORS, answers.CONFIGURATION)
    said = iter(work.bench.ask([(router, line) for router in routers for line in questions]))
    for router in routers:
        servers, neighbors, running = next(said), next(said), next(said)
        work.note(Check.RUNNING, router, int(bool(running)))
        for server in answers.servers(servers):
            subject = f"{router} with {server.address} on {server.tunnel}"
            work.note(Check.REGISTRATION, subject, int(server.is_registered))
        for neighbor in sorted(answers.neighbors(neighbors), key=lambda one: one.address):
            subject = f"{router}: {neighbor.address} on {neighbor.interface}"
            work.note(Check.ADJACENCY, subject, int(neighbor.is_up and (neighbor.is_steady or not steady)))
        device = Device.read(router, running)
        for tunnel in device.tunnels.tunnels:
            fits = tunnel.mss is not None and (not tunnel.ip_mtu or tunnel.mss <= tunnel.ip_mtu - answers.TCP_HEADERS)
            work.note(Check.TCP, f"{router}: {tunnel.name}", int(fits))
        for guard in _GUARDS:
            number = sum(1 for line in device.lines.lines if line.strip().startswith(guard))
            work.note(Check.PROTECTION, f"{router}: {guard}", number)


# ---------------------------------------------------------------------------------------------------- the pings


def _ping(work: _Examination, places: Sequence[Site], healthy: Health | None) -> None:
    pairs = [
        (one, other)
        for one in places
        for other in places
        if one is not other and (":" in one.target) is (":" in other.target)
    ]
    small = work.bench.ask([_echo(one, other, "repeat 5 timeout 1") for one, other in pairs])
    reached = [pair for pair, answer in zip(pairs, small, strict=True) if answers.rate(answer) == 100]
    for pair in pairs:
        work.note(Check.REACH, _way(*pair), int(pair in reached))
    large = work.bench.ask([_echo(one, other, "size 1500 repeat 2 timeout 1") for one, other in reached])
    for pair, answer in zip(reached, large, strict=True):
        work.note(Check.LARGE, _way(*pair), int(answers.rate(answer) == 100))
    _trace(work, reached, healthy)


def _trace(work: _Examination, pairs: Sequence[tuple[Site, Site]], healthy: Health | None) -> None:
    """Trace paths. A path that is longer than before, or new, is traced again, as a shortcut may follow."""
    left = list(pairs)
    for attempt in range(answers.TRIES):
        work.bench.wait(answers.SHORTCUT)
        said = work.bench.ask([(one.router, answers.trace(other.target, one.source)) for one, other in left])
        for (one, other), answer in zip(left, said, strict=True):
            hops = answers.hops(answer)
            known = work.found.get((Check.PATH, _way(one, other)), BAD)
            if hops and hops[-1] == other.target:
                work.note(Check.PATH, _way(one, other), min(len(hops), known or len(hops)))
        if healthy is None and attempt:
            return
        if healthy is not None:
            now = {pair: work.found.get((Check.PATH, _way(*pair)), BAD) for pair in left}
            before = {pair: healthy.found.get((Check.PATH, _way(*pair)), now[pair]) for pair in left}
            left = [pair for pair in left if now[pair] == BAD or now[pair] > before[pair]]
        if not left:
            return


def _echo(one: Site, other: Site, how: str) -> tuple[str, str]:
    return one.router, answers.ping(other.target, one.source, how)


def _way(one: Site, other: Site) -> str:
    return f"from {one.router}: {other.name}"


# ------------------------------------------------------------------------------------------------ the state of a lesson


class Lesson(Value, kw_only=True):
    """salt, fingerprint, place: of the fault. configurations: of the routers before it. hints: how many were given."""

    salt: str
    fingerprint: str
    place: str
    healthy: str
    configurations: dict[str, str]
    complaint: str
    hints: int = 0

    @classmethod
    def begin(cls, fault: Fault, healthy: Health, configurations: dict[str, str], complaint: str) -> Self:
        """Return a lesson about this."""
        salt = secrets.token_hex(8)
        return cls(
            salt=salt,
            fingerprint=_fingerprint(salt, fault.trouble.id),
            place=_fingerprint(salt, fault.place),
            healthy=healthy.dumps(),
            configurations=configurations,
            complaint=complaint,
        )

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the lesson of a lab, or None. Raises UserError."""
        try:
            return cls(**json.loads((folder / LESSON).read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{folder / LESSON}: {error}; 'dmvpn lab reset' resets the lab") from error

    def write(self, folder: Path) -> None:
        """Remember it. Raises OSError."""
        with open_private(folder / LESSON) as file:
            json.dump(asdict(self), file)

    @property
    def trouble(self) -> Trouble:
        """The trouble that was injected."""
        for trouble in TROUBLES:
            if _fingerprint(self.salt, trouble.id) == self.fingerprint:
                return trouble
        raise UserError("this lesson is of another release; 'dmvpn lab reset' resets the lab")

    def stage(self, stage: Stage) -> Stage:
        """Return its place in the network."""
        return next((one for one in places(stage) if _fingerprint(self.salt, place_name(one)) == self.place), stage)

    @property
    def health(self) -> Health:
        """The health of the lab before the trouble."""
        return Health.loads(self.healthy)

    def hinted(self) -> Self:
        """Return the lesson with one more hint given."""
        return replace(self, hints=self.hints + 1)


def forget(folder: Path) -> None:
    """Forget the lesson, which is over."""
    (folder / LESSON).unlink(missing_ok=True)


def fixed(folder: Path) -> int:
    """Return the number of different troubles that were fixed in this lab."""
    path = folder / FIXED
    return len(set(path.read_text().split())) if path.exists() else 0


class LastGrade(Value):
    """How far a lab was when it was graded last. at: seconds since 1970. left: titles of the checks that failed."""

    at: float = 0.0
    checks: int = 0
    left: tuple[str, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> LastGrade:
        """Return the last grade of a lab; one without checks: it was not graded. Raises UserError."""
        try:
            found = cls(**json.loads((folder / GRADE).read_text()))
            return replace(found, left=tuple(map(str, found.left)))
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{folder / GRADE}: {error}; 'dmvpn lab grade' writes it again") from error

    def write(self, folder: Path) -> None:
        """Remember it. Raises OSError."""
        with open_private(folder / GRADE) as file:
            json.dump(asdict(self), file)


def note_fixed(folder: Path, trouble: Trouble) -> None:
    """Note that this trouble was fixed."""
    with (folder / FIXED).open("a") as file:
        file.write(f"{trouble.id}\n")


def _fingerprint(salt: str, name: str) -> str:
    return hashlib.sha256(f"{salt}/{name}".encode()).hexdigest()
