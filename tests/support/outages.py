"""A steady stream of pings between two hosts of a simulated world, and the gaps in it: what a user calls an outage."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import SendIp
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol

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


# Traffic of two hosts that do not wait for each other, as of a telephone call: each direction is judged by itself.

_STAMP = struct.Struct("!d")
#: Of the datagrams, to tell them from answers to pings.
_IDENTIFIER = 0xCA11


@dataclass(frozen=True, slots=True)
class Call:
    """What two hosts said to each other. Each: name and address."""

    one: tuple[str, str]
    other: tuple[str, str]

    def talk(self, world: World, *, seconds: float, rate: float, both: bool = True) -> Heard:
        """Both (or the one) send at `rate` per second, for so long; what each heard of it."""
        ends = (self.one, self.other)
        for name, _ in ends:
            world.sim.hosts[name].received.clear()
        sent, directions = [], ((self.one, self.other), (self.other, self.one)) if both else ((self.one, self.other),)
        for _ in range(round(seconds * rate)):
            for (name, _), (_, address) in directions:
                # An echo reply that nobody asked for: no host answers it.
                message = icmp.EchoReply(identifier=_IDENTIFIER, sequence=0, payload=_STAMP.pack(world.now))
                world.send(name, SendIp(None, None, IPv4Address(address), IpProtocol.ICMP, message.serialize(), ttl=64))
            sent.append(world.now)
            world.run_for(1 / rate)
        world.run_for(0.5)
        return Heard(tuple(sent), {name: _heard(world, name) for name, _ in ends})


@dataclass(frozen=True, slots=True)
class Heard:
    """sent: when something was said (seconds), by both. heard: the same times, by the host that heard it."""

    sent: tuple[float, ...]
    heard: dict[str, set[float]]

    def missed(self, host: str) -> list[float]:
        """When something was said that this host did not hear."""
        return [when for when in self.sent if when not in self.heard[host]]

    @property
    def is_complete(self) -> bool:
        """Nothing was lost in either direction."""
        return not any(self.missed(host) for host in self.heard)

    def silence(self, host: str) -> float:
        """Seconds of the longest silence for this host: from the first thing that it missed to the next it heard."""
        longest, began = 0.0, None
        for when in self.sent:
            if when not in self.heard[host]:
                began = when if began is None else began
                longest = max(longest, when - began)
            elif began is not None:
                longest, began = max(longest, when - began), None
        return longest


def _heard(world: World, host: str) -> set[float]:
    times = set()
    for packet in world.sim.hosts[host].received:
        message = icmp.parse(packet.payload) if packet.protocol == IpProtocol.ICMP else None
        if isinstance(message, icmp.EchoReply) and message.identifier == _IDENTIFIER:
            times.add(_STAMP.unpack(message.payload)[0])
    return times
