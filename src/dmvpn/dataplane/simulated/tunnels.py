"""GRE tunnels of the simulated plane: the tunnel of a received packet, and the state of each tunnel."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import HAIRPIN_PAIRS, Amount
from dmvpn.net import gre

if TYPE_CHECKING:
    from collections.abc import Container

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetHairpin, TunnelSpec


class NbmaPeer(NamedTuple):
    """The peer that a GRE packet goes to, or came from.

    connection: the connection that protects it; 0: in clear, or the newest there.
    """

    nbma: IPAddress
    connection: int = 0


class Outer(NamedTuple):
    """A packet for the wire, and the neighbor that it reaches."""

    receiver: NbmaPeer
    packet: bytes


@dataclass(slots=True)
class Waiting:
    """Packets for one unresolved next hop, and when the first one arrived (seconds)."""

    since: float
    packets: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class SimulatedTunnel:
    """One tunnel: its specification, adjacencies and counters.

    sent and received: what passed, by NBMA address, or by the number of the connection that protected it.
    hairpins, multicast: the orders of NHRP for each IP version.
    """

    spec: TunnelSpec
    carrier: bool = False
    hairpins: dict[int, SetHairpin] = field(default_factory=dict)
    adjacencies: dict[IPAddress, NbmaPeer] = field(default_factory=dict)
    multicast: dict[int, tuple[NbmaPeer, ...]] = field(default_factory=dict)
    waiting: dict[IPAddress, Waiting] = field(default_factory=dict)
    sent: dict[IPAddress | int, Amount] = field(default_factory=dict)
    received: dict[IPAddress | int, Amount] = field(default_factory=dict)
    sequence: gre.GreSequence = field(default_factory=gre.GreSequence)

    def header(self, protocol: int) -> gre.GreHeader:
        """Return the header of the next GRE packet that leaves."""
        spec = self.spec
        sequence = self.sequence if spec.sequence else None
        return gre.next_header(protocol, spec.key, checksum=spec.checksum, sequence=sequence)

    def set_hairpin(self, order: SetHairpin) -> None:
        """Set which transit packets this tunnel reports for an IP version."""
        self.hairpins[order.version] = order

    def forget_other_versions(self, versions: Container[int]) -> None:
        """Forget the neighbors of IP versions without an address here."""
        self.adjacencies = {hop: known for hop, known in self.adjacencies.items() if hop.version in versions}

    def network(self, version: int) -> int | None:
        """Return the NHRP network that packets of this IP version belong to."""
        order = self.hairpins.get(version)
        return order.network if order is not None else None

    def neighbor(self, next_hop: IPAddress) -> NbmaPeer | None:
        """Return the neighbor of an overlay next hop: the far end of a point-to-point tunnel, else its adjacency."""
        if self.spec.destination is not None:
            return NbmaPeer(self.spec.destination)
        return self.adjacencies.get(next_hop)

    def count_sent(self, receiver: NbmaPeer, octets: int) -> None:
        """Count a packet that went to a neighbor."""
        _count(self.sent, receiver, octets)

    def count_received(self, sender: NbmaPeer, octets: int) -> None:
        """Count a packet that came from a neighbor."""
        _count(self.received, sender, octets)


def _count(amounts: dict[IPAddress | int, Amount], neighbor: NbmaPeer, octets: int) -> None:
    peer = neighbor.connection or neighbor.nbma
    amount = amounts.get(peer)
    if amount is None:
        amount = amounts[peer] = Amount()
    amount.add(octets)


class TunnelTable:
    """All tunnels, found by name or by the header of a received GRE packet."""

    __slots__ = ("by_name",)

    def __init__(self) -> None:
        self.by_name: dict[str, SimulatedTunnel] = {}

    def hairpin(self, arrived: str, leaves: str, version: int) -> SetHairpin | None:
        """Return the order to report packets from one tunnel to another one, if there is one."""
        incoming, outgoing = self.by_name.get(arrived), self.by_name.get(leaves)
        order = incoming.hairpins.get(version) if incoming is not None else None
        if order is None or outgoing is None or not order.report or order.network is None:
            return None
        return order if order.network == outgoing.network(version) else None

    def demultiplex(self, front: str, local: IPAddress, remote: IPAddress, key: int | None) -> SimulatedTunnel | None:
        """Return the tunnel of a packet received in a front door: a point-to-point one to that remote address before
        a multipoint one.
        """
        multipoint: SimulatedTunnel | None = None
        for tunnel in self.by_name.values():
            spec = tunnel.spec
            if spec.source == local and spec.key == key and spec.front == front:
                if spec.destination == remote:
                    return tunnel
                if spec.destination is None:
                    multipoint = tunnel
        return multipoint


class HairpinFilter:
    """Passes each address pair of an NHRP network once per interval; its memory is bounded, and the oldest pair is
    forgotten first.
    """

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[int | None, IPAddress, IPAddress], float] = OrderedDict()

    def first(self, order: SetHairpin, source: IPAddress, destination: IPAddress, now: float) -> bool:
        """Return True if the pair was not reported during the interval of this order."""
        pair = (order.network, source, destination)
        last = self._seen.get(pair)
        if last is not None and now - last < order.interval:
            return False
        self._seen[pair] = now
        self._seen.move_to_end(pair)
        if len(self._seen) > HAIRPIN_PAIRS:
            self._seen.popitem(last=False)
        return True
