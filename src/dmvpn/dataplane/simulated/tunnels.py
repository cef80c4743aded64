"""GRE tunnels of the simulated plane: which tunnel a packet belongs to, and what each one remembers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.dataplane.contract import HAIRPIN_PAIRS

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import SetHairpin, TunnelSpec


@dataclass(slots=True)
class Waiting:
    """Packets for one unresolved next hop, and when the first one came (seconds)."""

    since: float
    packets: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class Tunnel:
    """One tunnel: its specification, adjacencies and counters. sent and received: packets by NBMA address."""

    spec: TunnelSpec
    carrier: bool = False
    network: int | None = None
    report_hairpins: bool = False
    hairpin_interval: float = 8.0
    adjacencies: dict[IPAddress, IPAddress] = field(default_factory=dict)
    multicast: tuple[IPAddress, ...] = ()
    waiting: dict[IPAddress, Waiting] = field(default_factory=dict)
    sent: dict[IPAddress, int] = field(default_factory=dict)
    received: dict[IPAddress, int] = field(default_factory=dict)

    def set_hairpin(self, order: SetHairpin) -> None:
        """Take over what NHRP says of this tunnel."""
        self.network, self.report_hairpins, self.hairpin_interval = order.network, order.report, order.interval

    def neighbour(self, next_hop: IPAddress) -> IPAddress | None:
        """The NBMA address for an overlay next hop: the far end of a point-to-point tunnel, else its adjacency."""
        return self.spec.destination or self.adjacencies.get(next_hop)


class TunnelTable:
    """All tunnels, found by name or by what a received GRE packet says of itself."""

    def __init__(self) -> None:
        self.by_name: dict[str, Tunnel] = {}

    def demultiplex(self, local: IPAddress, remote: IPAddress, key: int | None) -> Tunnel | None:
        """The tunnel of a received packet: a point-to-point one to that remote address before a multipoint one."""
        multipoint: Tunnel | None = None
        for tunnel in self.by_name.values():
            spec = tunnel.spec
            if spec.source == local and spec.key == key:
                if spec.destination == remote:
                    return tunnel
                if spec.destination is None:
                    multipoint = tunnel
        return multipoint


class HairpinFilter:
    """Lets an address pair through once per interval: a bounded memory, the oldest pair is forgotten first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[IPAddress, IPAddress], float] = OrderedDict()

    def first(self, source: IPAddress, destination: IPAddress, interval: float, now: float) -> bool:
        """True if the pair was not reported during the last `interval` seconds."""
        pair = (source, destination)
        last = self._seen.get(pair)
        if last is not None and now - last < interval:
            return False
        self._seen[pair] = now
        self._seen.move_to_end(pair)
        if len(self._seen) > HAIRPIN_PAIRS:
            self._seen.popitem(last=False)
        return True
