"""A steady stream of pings between two hosts of a simulated world, and the gaps in it: what a user calls an outage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import World

#: Seconds that a ping may be on its way.
FLIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Outage:
    """A gap in the answers.

    start: when the first unanswered ping was sent.
    seconds: until the next answered one.
    """

    start: float
    seconds: float


def outages(
    world: World,
    way: tuple[str, str],
    *,
    seconds: float,
    rate: float = 10.0,
    events: tuple[tuple[float, Callable[[], object]], ...] = (),
) -> list[Outage]:
    """Ping at `rate` a second for `seconds`, along `way` (host, address); the gaps, by the time since the start.

    events: what happens meanwhile, (seconds since the start, action), in order.
    """
    host, destination = way
    begin, waiting = world.now, list(events)
    sent: dict[int, float] = {}
    seen = world.replies(host)
    first = max(seen, default=-1) + 1
    for number in range(round(seconds * rate)):
        while waiting and world.now - begin >= waiting[0][0] - 1e-6:
            waiting.pop(0)[1]()
        sent[first + number] = world.now - begin
        world.ping(host, destination, first + number)
        world.run_for(1 / rate)
    world.run_for(FLIGHT)
    answered = set(world.replies(host)[len(seen) :])
    return _gaps([(time, number in answered) for number, time in sent.items()], 1 / rate)


def _gaps(pings: list[tuple[float, bool]], pause: float) -> list[Outage]:
    """Runs of unanswered pings. pings: when they were sent, and whether an answer came."""
    found: list[Outage] = []
    start: float | None = None
    for time, answered in [*pings, (pings[-1][0] + pause, True)]:
        if not answered and start is None:
            start = time
        elif answered and start is not None:
            found.append(Outage(round(start, 3), round(time - start, 3)))
            start = None
    return found


def hops(world: World, router: str, destination: str, source: str) -> list[str]:
    """The routers that answered a traceroute, in order, each once: a path that changes in the middle shows both."""
    words = [line.split() for line in world.do(router, f"traceroute {destination} source {source}").splitlines()[3:]]
    return list(dict.fromkeys(word for line in words for word in line if word.count(".") == 3))


def route(world: World, router: str, prefix: str) -> str:
    """Return the line of `show ip route` about a prefix without its age, "" if there is none.

    Subnets of one length have it in their heading; here each has its own.
    """
    length = ""
    for line in world.lines(router, "ip route"):
        words = [word.rstrip(",") for word in line.split()]
        if "subnetted" in words:
            length = words[0].rpartition("/")[2] if "variably" not in words else ""
        elif length and line[:9].strip() and "/" not in words[1]:
            words = [f"{word}/{length}" if word == prefix.partition("/")[0] else word for word in words]
        if prefix in words and line[0] != " ":
            return " ".join(word for word in words if ":" not in word)
    return ""


def peers(world: World, router: str) -> list[str]:
    """The rows of `show dmvpn detail`: NBMA address, tunnel address, state, attributes, target, without the ages."""
    found = []
    for line in world.lines(router, "dmvpn detail"):
        words = line.split()
        if len(words) >= 6 and words[-1].count("/") == 1 and words[-6].count(".") == 3:
            nbma, address, state, _, attributes, target = words[-6:]
            found.append(f"{nbma} {address} {state} {attributes} {target}")
    return found
