"""Examine a network that runs: registrations, neighbours, pings from site to site, large ones, paths, protection.

It asks the routers what anybody could ask at their prompts, and pings from where users are: every site pings a host
behind every other one, with its own LAN address. Hosts answer, so the whole way is tried in both directions.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from dmvpn.shells.lines import Lines, interfaces
from dmvpn.tools.lessons.health import BAD, Check, Health, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.tools.troubles import Actor, Bench, Stage

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

#: Sites that ping each other; of large networks the first ones.
MOST_SITES: Final = 6
#: Seconds that a shortcut may take to come up, and tries.
SHORTCUT: Final = 1.5
TRIES: Final = 3
#: Seconds after which a neighbour counts as one that stays. What comes and goes does so within this.
STEADY: Final = 13
_RATE: Final = re.compile(r"Success rate is (\d+) percent")
_HOP: Final = re.compile(r"(?m)^ *\d+ +(\S+)")
#: Octets of the IPv4 and TCP headers without options.
_TCP_HEADERS: Final = 40
#: Lines that keep strangers out, or packets small. Who mends a network by taking them away has not mended it.
_GUARDS: Final = (
    "tunnel protection",
    "ip nhrp authentication",
    "ip authentication mode eigrp",
    "authentication mode",
    "mode transport",
)


@dataclass(frozen=True, slots=True)
class Site:
    """Somebody who can be reached. source: the address that pings from there carry; target: the one that answers."""

    router: str
    source: str
    target: str
    name: str


@dataclass(slots=True)
class _Examination:
    bench: Bench
    stage: Stage
    found: dict[Subject, int] = field(default_factory=dict)

    def note(self, check: Check, subject: str, value: int) -> None:
        self.found[check, subject] = value


def examine(bench: Bench, stage: Stage, healthy: Health | None = None) -> Health:
    """Look at everything.

    healthy: what to expect. Where a path is longer than that, it gets a little more time, and neighbours must have been
    there for a while: what comes and goes is not mended.
    """
    work = _Examination(bench, stage)
    for _ in range(2 if healthy is not None else 0):  # the second time for those who were not there the first time
        bench.wait(_young(bench, stage))
    _ask_routers(work, _routers(stage), steady=healthy is not None)
    _ping(work, list(sites(stage))[:MOST_SITES], healthy)
    return Health(work.found)


def sites(stage: Stage) -> Iterator[Site]:
    """Every router with a host behind it, and hubs without one by their tunnel addresses."""
    for name, actor in stage.actors.items():
        host = _host(stage, actor)
        if host is not None and actor.lan_interface is not None:
            yield Site(name, str(actor.lan_interface.ip), actor.host, f"{host} ({actor.host})")
        elif name in stage.hubs and actor.tunnel_interface is not None:
            address = str(actor.tunnel_interface.ip)
            yield Site(name, address, address, f"{name} ({address})")


def _host(stage: Stage, actor: Actor) -> str | None:
    hosts = stage.scenario.lab.hosts.items()
    return next((name for name, host in hosts if str(host.interface.ip) == actor.host), None)


# ---------------------------------------------------------------------------------------------------- the routers


def _ask_routers(work: _Examination, routers: Sequence[str], *, steady: bool) -> None:
    questions = ("show ip nhrp nhs | json", "show ip eigrp neighbors | json", "show running-config")
    answers = iter(work.bench.ask([(router, line) for router in routers for line in questions]))
    for router in routers:
        servers, neighbours, running = next(answers), next(answers), next(answers)
        work.note(Check.RUNNING, router, int(bool(running)))
        for tunnel in _rows(servers, "tunnels"):
            for server in _rows(tunnel, "servers"):
                subject = f"{router} with {_text(server, 'address')} on {_text(tunnel, 'tunnel')}"
                work.note(Check.REGISTRATION, subject, int("R" in _text(server, "letters")))
        found = [row for table in _rows(neighbours, "tables") for row in _rows(table, "neighbors")]
        for neighbour in sorted(found, key=lambda row: _text(row, "address")):
            subject = f"{router}: {_text(neighbour, 'address')} on {_text(neighbour, 'interface')}"
            is_old = not steady or _seconds(_text(neighbour, "uptime")) >= STEADY
            work.note(Check.ADJACENCY, subject, int(is_old and _text(neighbour, "state") == "up"))
        _read_configuration(work, router, Lines.of(running))


def _routers(stage: Stage) -> list[str]:
    return [name for name in stage.actors if stage.scenario.role(name) != "provider"]


def _young(bench: Bench, stage: Stage) -> float:
    """Seconds until all neighbours have been there for so long that they count as steady; 0: they do."""
    ages = [
        _seconds(_text(neighbour, "uptime"))
        for answer in bench.ask([(router, "show ip eigrp neighbors | json") for router in _routers(stage)])
        for table in _rows(answer, "tables")
        for neighbour in _rows(table, "neighbors")
    ]
    return max(0.0, STEADY - min(ages, default=STEADY))


def _seconds(uptime: str) -> float:
    """Of "00:01:05"; what is older than a day is old."""
    parts = uptime.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return float("inf")
    return float(int(parts[0]) * 3600 + int(parts[1]) * 60 + int(parts[2]))


def _read_configuration(work: _Examination, router: str, lines: Lines) -> None:
    for name, interface in interfaces(lines):
        if name.startswith("Tunnel"):
            clamp, mtu = interface.value("ip tcp adjust-mss "), interface.value("ip mtu ")
            fits = clamp.isdecimal() and (not mtu or int(clamp) <= int(mtu) - _TCP_HEADERS)
            work.note(Check.TCP, f"{router}: {name}", int(fits))
    for guard in _GUARDS:
        number = sum(1 for line in lines.lines if line.strip().startswith(guard))
        work.note(Check.PROTECTION, f"{router}: {guard}", number)


# ---------------------------------------------------------------------------------------------------- the pings


def _ping(work: _Examination, places: Sequence[Site], healthy: Health | None) -> None:
    pairs = [(one, other) for one in places for other in places if one is not other]
    small = work.bench.ask([_echo(one, other, "repeat 5 timeout 1") for one, other in pairs])
    reached = [pair for pair, answer in zip(pairs, small, strict=True) if _rate(answer) == 100]
    for pair in pairs:
        work.note(Check.REACH, _way(*pair), int(pair in reached))
    large = work.bench.ask([_echo(one, other, "size 1500 repeat 2 timeout 1") for one, other in reached])
    for pair, answer in zip(reached, large, strict=True):
        work.note(Check.LARGE, _way(*pair), int(_rate(answer) == 100))
    _trace(work, reached, healthy)


def _trace(work: _Examination, pairs: Sequence[tuple[Site, Site]], healthy: Health | None) -> None:
    """Paths. Where one is longer than it was, or nobody knows how long it was, a shortcut may be on its way."""
    left = list(pairs)
    for attempt in range(TRIES):
        work.bench.wait(SHORTCUT)
        answers = work.bench.ask(
            [(one.router, f"traceroute {other.target} source {one.source} probe 1 timeout 1") for one, other in left]
        )
        for (one, other), answer in zip(left, answers, strict=True):
            hops = _HOP.findall(answer)
            known = work.found.get((Check.PATH, _way(one, other)), BAD)
            if hops and hops[-1] == other.target:
                work.note(Check.PATH, _way(one, other), min(len(hops), known or len(hops)))
        if healthy is None and attempt:
            return
        left = [pair for pair in left if healthy is None or _is_longer(work, healthy, _way(*pair))]
        if not left:
            return


def _is_longer(work: _Examination, healthy: Health, way: str) -> bool:
    now = work.found.get((Check.PATH, way), BAD)
    return now == BAD or now > healthy.found.get((Check.PATH, way), now)


def _echo(one: Site, other: Site, how: str) -> tuple[str, str]:
    return one.router, f"ping {other.target} source {one.source} {how}"


def _way(one: Site, other: Site) -> str:
    return f"from {one.router}: {other.name}"


def _rate(answer: str) -> int:
    found = _RATE.search(answer)
    return int(found[1]) if found else 0


# ---------------------------------------------------------------------------------------------------- JSON


def _rows(answer: Json, key: str) -> list[Json]:
    """A list in an answer, that of a router as text, or one inside; nothing where it did not answer so."""
    value: Json = answer
    if isinstance(answer, str):
        try:
            value = json.loads(answer)
        except ValueError:
            return []
    rows = value.get(key) if isinstance(value, dict) else None
    return rows if isinstance(rows, list) else []


def _text(row: Json, key: str) -> str:
    return str(row.get(key, "")) if isinstance(row, dict) else ""
