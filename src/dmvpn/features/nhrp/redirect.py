"""Redirects: Traffic Indications (draft-detienne-dmvpn-01), from who forwards packets between members of a network.

The data plane reports transit packets that came out of a tunnel and left by a tunnel of the same network, once per
interval and pair of addresses. The one from whom the packet came is told, unless the next hop of its destination is
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_link_local
from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.extensions import ForwardTransitRecord, NatAddress, ReverseTransitRecord
from dmvpn.features.nhrp.neighbor import Neighbor
from dmvpn.features.nhrp.packet import TrafficIndication
from dmvpn.features.nhrp.tunnel import Suppressed, Tunnel
from dmvpn.net import ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Hairpin
    from dmvpn.features.nhrp.station import Station

#: What IOS quotes of a packet: the IP header and eight octets.
QUOTED = {4: 28, 6: 48}
#: Pairs that `show ip nhrp redirect` remembers of one tunnel.
LARGEST_MEMORY = 1024


class Redirects:
    """Sends Traffic Indications."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def hairpin(self, tunnel: Tunnel, event: Hairpin) -> None:
        """A packet came from a neighbor and went back into the network."""
        came_from = Neighbor(event.nbma, event.connection)
        addresses = quoted_addresses(event.packet)
        if addresses is None:
            return
        source, destination = addresses
        on_link = is_link_local(source) or is_link_local(destination)
        if not tunnel.config.redirect or on_link or source.is_multicast or destination.is_multicast:
            tunnel.counters.redirects_suppressed += 1
            return
        if self._leads_to(event.out_tunnel, destination, came_from) or is_probe(event.packet):
            tunnel.counters.redirects_suppressed += 1
            return
        self._remember(tunnel, event.nbma, destination)
        own_address, own_nbma = tunnel.own
        indication = TrafficIndication(
            source_nbma=own_nbma,
            source_protocol=own_address,
            destination_protocol=source,
            packet=event.packet[: QUOTED[source.version]],
            extensions=(
                ForwardTransitRecord(),
                ReverseTransitRecord(),
                *self._station.authentication(tunnel),
                NatAddress(),
            ),
        )
        self._station.send(tunnel, came_from, indication)

    def _leads_to(self, out_tunnel: str, destination: IPAddress, came_from: Neighbor) -> bool:
        """Did the packet go back to the very station it came from?"""
        leaves_by = self._station.tunnels.get(out_tunnel)
        if leaves_by is None:
            return False
        for hop in self._station.ports.rib.forwarding(destination):
            next_hop = hop.address if hop.address is not None else destination
            if hop.interface == out_tunnel and came_from.meets(leaves_by.adjacencies.get(next_hop)):
                return True
        return False

    def _remember(self, tunnel: Tunnel, nbma: IPAddress, destination: IPAddress) -> None:
        expires = self._station.now + tunnel.config.redirect_interval
        known = tunnel.redirects.pop((nbma, destination), None)
        drops = known.drops + 1 if known and known.expires > self._station.now else 0
        tunnel.redirects[nbma, destination] = Suppressed(nbma, destination, drops, expires)
        if len(tunnel.redirects) > LARGEST_MEMORY:
            del tunnel.redirects[next(iter(tunnel.redirects))]


def is_probe(packet: bytes) -> bool:
    """An echo by which a router checks its direct way to another, or its answer: nobody needs a redirect for it."""
    try:
        protocol, start = ip.peek_payload(packet)
        is_control = ip.peek_tos(packet) == TOS_INTERNETWORK_CONTROL
    except WireError:
        return False
    version = packet[0] >> 4
    return is_control and protocol == ip.ICMP[version] and ip.is_echo(packet[start:], version)


def quoted_addresses(packet: bytes) -> tuple[IPAddress, IPAddress] | None:
    """Source and destination of a quoted packet, or None if it is not one."""
    try:
        return ip.peek_addresses(packet)
    except WireError:
        return None
