"""What all boxes of one simulated router share, whatever their VRF.

    Chassis          one router: clock, ports by name, tunnels, SAs, listeners, streams, translation, counters
      tables         their forwarding tables, which find next hops for each other (route leaks)

A port is in one box. A tunnel's port is in the box of the packets inside; its GRE and ESP packets are those of the box
of its front door.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import breathing
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.events import Event, GreDrops, InterfaceCount, InterfacesCounted, SasCounted
from dmvpn.base.values import dataclass
from dmvpn.dataplane.contract import usage_of
from dmvpn.dataplane.esp.protection import Protection
from dmvpn.dataplane.simulated.filters import RouterFilters
from dmvpn.dataplane.simulated.streams import SimulatedStreams
from dmvpn.dataplane.simulated.translation import RouterTranslation
from dmvpn.dataplane.simulated.tunnels import TunnelTable
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.captures import CaptureDirection
    from dmvpn.base.effects import SendIp
    from dmvpn.base.events import PeerUsage
    from dmvpn.dataplane.simulated.forwarding import ForwardingTable, SimulatedPort
    from dmvpn.dataplane.simulated.tunnels import SimulatedTunnel


#: Hands a packet to the station that has `next_hop` on the wire of `interface`; False if there is none.
Transmit = Callable[[str, IPAddress, bytes], bool]


class Loss(enum.Enum):
    """Why a box does not deliver or forward a packet. What GRE and ESP drop has names of its own (`GreDrops`)."""

    MALFORMED = "it is malformed"
    NO_ROUTE = "no route to {destination}"
    NO_IPV4 = "it came by an interface without an IPv4 address"
    NO_IPV6 = "{router} does not forward IPv6 (no ipv6 unicast-routing)"
    EXPIRED = "its TTL is over"
    PORT_DOWN = "{port} is down"
    UNRESOLVED = "{next_hop} has not registered, and there is no next hop server to ask"
    NOT_TRANSLATED = "{protocol} has no ports, and the router's own tunnels speak it: NAT overload does not let it out"
    RECURSIVE = "the route to {destination} leads into a tunnel: recursive routing"


def _count_of(port: SimulatedPort) -> InterfaceCount:  # often: every router asks every few seconds
    return InterfaceCount(
        interface=port.name,
        received=port.received,
        sent=port.sent,
        received_octets=port.received_octets,
        sent_octets=port.sent_octets,
        multicasts=port.multicasts,
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A source of octets as entropy."""

    octets: Callable[[int], bytes]


class Chassis:
    """The shared parts of a simulated router."""

    def __init__(
        self,
        report: Callable[[Event], None],
        transmit: Transmit,
        random: Callable[[int], bytes],
        send: Callable[[str, SendIp], None],
    ) -> None:
        """random: source of unpredictable values. send: sends a segment from a VRF.

        `sealed` may be set: it is called with each GRE packet and its ESP packet. So may `overhear`: it is called with
        every packet that goes into a tunnel or comes out, and the tunnel's name.
        """
        self.now = 0.0
        self.report = report
        self.transmit = transmit
        self.random = random
        self.sealed: Callable[[bytes, bytes], None] | None = None
        self.overhear: Callable[[str, bytes, CaptureDirection], None] | None = None
        #: TTL of answers to echo requests; routers send 255.
        self.echo_ttl = 255
        self.forwards_ipv6 = False
        #: Packets that were dropped, for tests and for people.
        self.losses: dict[Loss, int] = {}
        self.gre_drops = GreDrops()
        self.tables: dict[str, ForwardingTable] = {}
        self.ports: dict[str, SimulatedPort] = {}
        self.tunnel_table = TunnelTable()
        self.protection = Protection(self.count_drop, random)
        #: When packets stop waiting, by tunnel and unresolved next hop.
        self.deadlines: Deadlines[tuple[str, IPAddress]] = Deadlines()
        self.listeners = Listeners()
        self.streams = SimulatedStreams(send, self._owns, report, random)
        self.translation = RouterTranslation(self.ports, _Drawn(random))
        self.filters = RouterFilters(report)

    def count_drop(self, why: str) -> None:
        """Count a dropped GRE packet."""
        self.gre_drops = replace(self.gre_drops, **{why: getattr(self.gre_drops, why) + 1})

    def interfaces_counted(self) -> InterfacesCounted:
        """Return the counters of all interfaces, and of dropped packets."""
        return InterfacesCounted(tuple(_count_of(port) for port in self.ports.values()), self.gre_drops)

    def sas_counted(self) -> SasCounted:
        """Return the counters of all pairs of SAs."""
        return SasCounted(tuple(pair.count() for pair in breathing(tuple(self.protection.table.pairs()))))

    def usage(self, tunnel: str) -> tuple[PeerUsage, ...]:
        """Return the counters of every peer of a tunnel; none if there is no such tunnel."""
        found = self.tunnel_table.by_name.get(tunnel)
        peers = dict.fromkeys((*found.sent, *found.received)) if found is not None else {}
        counted = [self._usage_of(found, peer) for peer in breathing(peers)] if found is not None else []
        return tuple(peer for peer in counted if peer is not None)

    def _usage_of(self, tunnel: SimulatedTunnel, peer: IPAddress | int) -> PeerUsage | None:
        sent, received = tunnel.sent.get(peer), tunnel.received.get(peer)
        if not isinstance(peer, int):
            return usage_of(peer, sent, received)
        link = self.protection.table.link(peer)
        return usage_of(ip_address(link.place.address), sent, received, peer) if link is not None else None

    def _owns(self, vrf: str, address: IPv4Address) -> bool:
        table = self.tables.get(vrf)
        return table is not None and address in table.own


class Listeners:
    """Which packets are reported: by interface, protocol and port.

    The machines of several VRFs may listen on one interface while it moves from one VRF to the other.
    """

    __slots__ = ("_by_place",)

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, int, int | None], dict[str, None]] = {}

    def __contains__(self, place: tuple[str, int, int | None]) -> bool:
        return place in self._by_place

    def add(self, place: tuple[str, int, int | None], vrf: str) -> None:
        """Report packets to this place. vrf: whose machine listens."""
        self._by_place.setdefault(place, {})[vrf] = None

    def remove(self, place: tuple[str, int, int | None], vrf: str) -> None:
        """End it."""
        askers = self._by_place.get(place, {})
        askers.pop(vrf, None)
        if not askers:
            self._by_place.pop(place, None)

    def forget(self, vrf: str) -> None:
        """Remove the listeners of a VRF."""
        for place in list(self._by_place):
            self.remove(place, vrf)
