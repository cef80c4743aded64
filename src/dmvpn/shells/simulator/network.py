"""Wires of the simulation: their ends, the delay of packets, and which packets are lost.

A segment with two ends is a cable, with more a switch. Chance (loss, reordering, duplication) comes from one seeded
stream for each segment, so a change on one wire does not affect another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dmvpn.base.addresses import IPAddress
from dmvpn.base.entropy import Entropy, fraction
from dmvpn.base.values import dataclass
from dmvpn.shells.lab.badness import HARMLESS, LONGEST_QUEUE, Badness

#: Seconds that even the shortest wire takes: no packet arrives at the moment of its departure.
SHORTEST_DELAY = 50e-6
#: On a switch with so many ports the search for an unknown address is not repeated for every packet: thousands of
#: routers that all send to a dead hub would search without end. Seconds for which the address counts as absent.
MANY_PORTS = 64
ABSENT_FOR = 0.01

#: Runs a function after so many seconds.
Later = Callable[[float, Callable[[], None]], None]

#: Gets a packet with the names of its sender and receiver, and returns whether it may pass.
Gate = Callable[[str, str, bytes], bool]


class SimulatedNode(Protocol):
    """Something with ports: a router or a host."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    def receive(self, interface: str, packet: bytes) -> None:
        """Process a packet that arrives."""
        ...

    def addresses_of(self, interface: str) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of the port."""
        ...


@dataclass(slots=True)
class Impairment:
    """Impairments of a wire.

    delay, jitter: seconds one way.
    loss, duplicate: 0 to 1.
    rate: bit/s, 0: unlimited.
    cut: nothing passes. Jitter makes packets overtake each other.
    filters: other settings of `lab impair`: kinds of packets that do not pass, and whether all this applies to one
        sender alone.
    """

    delay: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    duplicate: float = 0.0
    rate: float = 0.0
    cut: bool = False
    filters: Badness = HARMLESS

    @classmethod
    def of(cls, badness: Badness) -> Impairment:
        """Return the impairments of a request of `lab impair`."""
        return cls(
            delay=badness.delay / 1000,
            loss=badness.loss / 100,
            rate=badness.rate * 1000,
            cut=bool(badness.cut),
            filters=badness,
        )


_GOOD = Impairment()


class Segment:
    """One wire with its ends."""

    def __init__(self, name: str, entropy: Entropy, later: Later) -> None:
        self.name = name
        self.impairment = Impairment()
        self.ends: list[tuple[SimulatedNode, str]] = []
        self.watch: Callable[[bytes], None] | None = None
        self.gate: Gate | None = None
        self._entropy = entropy
        self._later = later
        self._found: dict[IPAddress, tuple[SimulatedNode, str]] = {}
        self._absent_until: dict[IPAddress, float] = {}
        self._free_at: dict[str, float] = {}

    def plug(self, station: SimulatedNode, interface: str) -> None:
        """Connect a port."""
        self.ends.append((station, interface))

    def transmit(self, sender: SimulatedNode, next_hop: IPAddress, packet: bytes, now: float) -> bool:
        """Carry a packet to the port that has `next_hop`, or to all for multicast. False: no port has the address."""
        if next_hop.is_multicast or int(next_hop) == 0xFFFFFFFF:
            for station, interface in self.ends:
                if station is not sender:
                    self.carry(sender, station, interface, packet, now)
            return True
        end = self._resolve(next_hop, now)
        if end is None:
            return False
        self.carry(sender, *end, packet, now)
        return True

    def _resolve(self, address: IPAddress, now: float) -> tuple[SimulatedNode, str] | None:
        known = self._found.get(address)
        if known is None or not _answers(known, address):
            if now < self._absent_until.get(address, now):
                return None
            # Find the owners of all addresses: one pass over all ports, not one for each. Of two claimants the first
            # counts
            self._found = {}
            for end in self.ends:
                station, interface = end
                for own, _ in station.addresses_of(interface):
                    self._found.setdefault(own, end)
            known = self._found.get(address)
            if known is None and len(self.ends) > MANY_PORTS:
                self._absent_until[address] = now + ABSENT_FOR
        return known

    def carry(self, sender: SimulatedNode, station: SimulatedNode, interface: str, packet: bytes, now: float) -> None:
        """Carry a packet to one port, unless it gets lost."""
        if self.watch is not None:
            self.watch(packet)
        if self.gate is not None and not self.gate(sender.name, station.name, packet):
            return
        wrong = self.impairment if self.impairment.filters.concerns(sender.name) else _GOOD
        if (wrong.filters.block and wrong.filters.blocks(packet)) or wrong.filters.swallows(len(packet)):
            return
        if wrong.cut or (wrong.loss and fraction(self._entropy) < wrong.loss):
            return
        delay = SHORTEST_DELAY + wrong.delay
        if wrong.jitter:
            delay += wrong.jitter * fraction(self._entropy)
        if wrong.rate:
            start, seconds = max(now, self._free_at.get(sender.name, now)), len(packet) * 8 / wrong.rate
            if start - now > LONGEST_QUEUE * seconds:
                return
            self._free_at[sender.name] = start + seconds
            delay += self._free_at[sender.name] - now
        copies = 2 if wrong.duplicate and fraction(self._entropy) < wrong.duplicate else 1
        for _ in range(copies):
            self._later(delay, lambda: station.receive(interface, packet))


def _answers(end: tuple[SimulatedNode, str], address: IPAddress) -> bool:
    station, interface = end
    return address in [own for own, _ in station.addresses_of(interface)]
