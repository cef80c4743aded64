"""Forwarding what is for others, RFC 2332 §5.3.1 to §5.3.3: one hop less, ourselves on the record, our password.

Guards, before anything is sent: the hop count, our own address on the record (a loop), a way that does not lead back,
and the size, which grows with every record. A packet with a compulsory extension that we do not know is passed on
untouched and unrecorded.

`Redirects` are Traffic Indications (draft-detienne-dmvpn-01), which a router sends that forwards packets between
members of a network. The data plane reports transit packets that came out of a tunnel and left by a tunnel of the same
network, once for each interval and pair of addresses. The station from which the packet came is told, unless it is
itself the next hop of the packet's destination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import is_link_local, is_one_station
from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.cache import Neighbor
from dmvpn.features.nhrp.errors import HOP_COUNT_AT, Errors, extension_offset
from dmvpn.features.nhrp.packet import (
    REPLIES,
    ErrorCode,
    NhrpPacket,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import (
    AddressExtension,
    ClientInfo,
    Extensions,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
    append_entry,
    find,
    hop_by_hop,
    unknown_compulsory,
)
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.tunnel import Suppressed, Tunnel
from dmvpn.features.nhrp.vendor import MappedPort, MappedPorts, mapped_ports, with_mapped_ports
from dmvpn.features.nhrp.ways import Onward
from dmvpn.net import ip
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import Hairpin
    from dmvpn.features.nhrp.station import Station


class Transit:
    """Passes packets on."""

    def __init__(self, station: Station, errors: Errors) -> None:
        self._station = station
        self._errors = errors

    def forward(self, tunnel: Tunnel, packet: NhrpPacket, sender: Neighbor, way: Onward) -> None:
        """Send a packet that came in by `tunnel` along `way`, or say why not."""
        if packet.hop_count <= 1:  # it would arrive with 0, and IOS drops such packets
            code, why = ErrorCode.HOP_COUNT_EXCEEDED, Refusal.HOP_COUNT
            self._errors.refuse(tunnel, packet, sender, code, why, HOP_COUNT_AT)
            return
        record = self._loop(packet)
        if record is not None:
            code, why = ErrorCode.LOOP_DETECTED, Refusal.LOOP
            self._errors.refuse(tunnel, packet, sender, code, why, extension_offset(packet, record))
            return
        extensions = packet.extensions
        if unknown_compulsory(extensions) is None:
            extensions = self._recorded(tunnel, way.tunnel, packet)
        extensions = hop_by_hop(extensions, self._station.authentication(way.tunnel))
        onward = packet.forwarded(extensions)
        if way.tunnel.state is not None and len(onward.serialize()) > way.tunnel.state.ip_mtu:
            self._errors.refuse(tunnel, packet, sender, ErrorCode.SDU_SIZE_EXCEEDED, Refusal.TOO_LARGE)
            return
        self._station.send(way.tunnel, way.neighbor, onward, forwarded=True)

    def way_back(self, tunnel: Tunnel, packet: NhrpPacket) -> Onward | None:
        """Return where a reply came from as a request, if no route leads there: the server before us, or its sender."""
        if not isinstance(packet, REPLIES):
            return None
        record = find(packet.extensions, ForwardTransitRecord)
        before, nbma = packet.source_protocol, packet.source_nbma
        for entry in record.entries if record else ():
            if entry.protocol is None or entry.nbma is None:
                return None
            if self._station.owns(entry.protocol):
                return Onward(tunnel, before, Neighbor(nbma)) if is_one_station(nbma) and nbma != tunnel.nbma else None
            before, nbma = entry.protocol, entry.nbma
        return None

    def _loop(self, packet: NhrpPacket) -> AddressExtension | None:
        """Return the record that says that we forwarded, or answered, this packet before. RFC 2332 §5.3.1 to §5.3.3."""
        kinds: tuple[type[ForwardTransitRecord] | type[ReverseTransitRecord] | type[ResponderAddress], ...]
        kinds = (ReverseTransitRecord, ResponderAddress) if isinstance(packet, REPLIES) else (ForwardTransitRecord,)
        for kind in kinds:
            record = find(packet.extensions, kind)
            for entry in record.entries if record else ():
                if entry.protocol is not None and self._station.owns(entry.protocol):
                    return record
        return None

    def _recorded(self, came_by: Tunnel, leaves_by: Tunnel, packet: NhrpPacket) -> Extensions:
        """Return the extensions with ourselves on the record, and translated addresses that only we know filled in."""
        own = self._station.own_entry(leaves_by)
        if isinstance(packet, REPLIES):
            extensions = append_entry(packet.extensions, ReverseTransitRecord, own)
            if isinstance(packet, ResolutionReply) and packet.cies and packet.cies[0].protocol is not None:
                extensions = _translate(extensions, came_by, packet.cies[0].protocol)
                extensions = self._mapped(extensions, came_by, packet, packet.cies[0].protocol)
            return extensions
        extensions = append_entry(packet.extensions, ForwardTransitRecord, own)
        if isinstance(packet, ResolutionRequest):
            extensions = _translate(extensions, came_by, packet.source_protocol)
            extensions = self._mapped(extensions, came_by, packet, packet.source_protocol)
        return extensions

    def _mapped(self, extensions: Extensions, tunnel: Tunnel, packet: NhrpPacket, address: IPAddress) -> Extensions:
        """Return the UDP port by which a client is heard. Others' words count only if another server passed it on."""
        ports = mapped_ports(extensions)
        if ports is None:
            return extensions
        record = find(packet.extensions, ReverseTransitRecord if isinstance(packet, REPLIES) else ForwardTransitRecord)
        passed_on = ports.entries if record is not None and record.entries else ()
        entry = tunnel.cache.host(address)
        if entry is None or not entry.is_registered:
            return with_mapped_ports(extensions, MappedPorts(passed_on, ports.others))
        at = self._station.ports.protection.connection(entry.connection)
        known = (MappedPort(address, at.remote, at.remote_port),) if at and at.behind_nat and at.remote_port else ()
        rest = tuple(other for other in passed_on if other.protocol != address)
        return with_mapped_ports(extensions, MappedPorts((*rest, *known), ports.others))


def _translate(extensions: Extensions, tunnel: Tunnel, address: IPAddress) -> Extensions:
    """Add the translated address of a client behind NAT, which it does not know and the other side must (Cisco)."""
    entry = tunnel.cache.host(address)
    nat = find(extensions, NatAddress)
    if entry is None or entry.claimed is None or nat is None:
        return extensions
    if any(known.protocol == address for known in nat.entries):
        return extensions
    translated = ClientInfo(
        prefix_length=address.max_prefixlen, mtu=tunnel.mtu, preference=255, nbma=entry.nbma, protocol=address
    )
    return append_entry(extensions, NatAddress, translated)


#: What IOS quotes of a packet: the IP header and eight octets.
QUOTED = {4: 28, 6: 48}
#: Pairs that `show ip nhrp redirect` remembers of one tunnel.
LARGEST_MEMORY = 1024


class Redirects:
    """Sends Traffic Indications."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def hairpin(self, tunnel: Tunnel, event: Hairpin) -> None:
        """Tell the station before us about a packet that came from a neighbor and went back into the network."""
        came_from = Neighbor(event.nbma, event.connection)
        addresses = quoted_addresses(event.packet)
        if addresses is None:
            return
        source, destination = addresses
        on_link = is_link_local(source) or is_link_local(destination)
        if not tunnel.config.redirect or on_link or source.is_multicast or destination.is_multicast:
            tunnel.counters.count_suppressed()
            return
        if self._leads_to(event.out_tunnel, destination, came_from) or is_probe(event.packet):
            tunnel.counters.count_suppressed()
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
        """Return whether the packet went back to the very station it came from."""
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
    """Return whether it checks a direct way to another router, or answers such a check: that needs no redirect."""
    try:
        protocol, start = ip.peek_payload(packet)
        is_control = ip.peek_tos(packet) == TOS_INTERNETWORK_CONTROL
    except WireError:
        return False
    version = packet[0] >> 4
    return is_control and protocol == ip.ICMP[version] and ip.is_echo(packet[start:], version)


def quoted_addresses(packet: bytes) -> tuple[IPAddress, IPAddress] | None:
    """Return source and destination of a quoted packet, or None if it is not one."""
    try:
        return ip.peek_addresses(packet)
    except WireError:
        return None
