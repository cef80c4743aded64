"""Traffic of two hosts that do not wait for each other, as of a telephone call: each direction is judged by itself."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.effects import SendIp
from dmvpn.net import icmp
from dmvpn.net.ipv4 import IpProtocol

if TYPE_CHECKING:
    from support.world import World

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
                _say(world, name, address)
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


def _say(world: World, host: str, address: str) -> None:
    # An echo reply that nobody asked for: no host answers it.
    message = icmp.EchoReply(identifier=_IDENTIFIER, sequence=0, payload=_STAMP.pack(world.now))
    world.send(host, SendIp(None, None, IPv4Address(address), IpProtocol.ICMP, message.serialize(), ttl=64))


def _heard(world: World, host: str) -> set[float]:
    times = set()
    for packet in world.sim.hosts[host].received:
        message = icmp.parse(packet.payload) if packet.protocol == IpProtocol.ICMP else None
        if isinstance(message, icmp.EchoReply) and message.identifier == _IDENTIFIER:
            times.add(_STAMP.unpack(message.payload)[0])
    return times
