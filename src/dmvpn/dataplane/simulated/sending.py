"""The sending half of a small IP box: out of a port or a tunnel, the box's own packets, and ICMP errors.

emit: a tunnel  -> MTU, MSS, adjacency -> GRE -> forwarding table again -> emit out of a physical port
      physical  -> MTU, fragments -> `transmit(interface, next hop, packet)` of the network it is plugged into
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.effects import NextHop, RouteKind, SendIp
from dmvpn.base.errors import WireError
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.refusals import IcmpError, may_answer, too_big, unreachable
from dmvpn.dataplane.simulated.forwarding import ForwardingTable, SimulatedPort
from dmvpn.net import icmp, ip
from dmvpn.net.ip import IpPacket, peek_flow
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, Ipv4Packet
from dmvpn.net.tcp import clamp_mss

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.dataplane.simulated.chassis import Chassis
    from dmvpn.dataplane.simulated.tunnels import SimulatedTunnel


class SendingBox(ABC):
    """The half of a box that sends."""

    def __init__(self, chassis: Chassis, vrf: str) -> None:
        """vrf: the VRF that it is the box of, "": the global table."""
        self.vrf = vrf
        self._chassis = chassis
        self._report = chassis.report
        self._transmit = chassis.transmit
        self._table = chassis.tables[vrf] = ForwardingTable(vrf, chassis.ports, chassis.tables)
        self._tunnels = chassis.tunnel_table
        self._translation = chassis.translation
        self._filters = chassis.filters
        self._identification = 0

    @abstractmethod
    def _deliver(self, interface: str, packet: IpPacket, *, quiet: bool = False) -> None:
        """Deliver a packet for this box itself, as if it had come in there."""

    @abstractmethod
    def _emit_tunnel(self, tunnel: SimulatedTunnel, next_hop: IPAddress, data: bytes) -> None:
        """Send a packet by a tunnel."""

    # ------------------------------------------------------------------------------------------------ out of a port

    def _emit(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None = None) -> None:
        port = self._table.ports.get(interface)
        if port is None and (other := self._chassis.ports.get(interface)) is not None:
            if len(data) > other.largest(next_hop.version):  # its sender is in this table
                self._emit_fragments(other, next_hop, data)
            else:
                self._chassis.boxes[other.vrf].take_leaked(interface, next_hop, data, mss=mss)
            return
        if port is None or not port.running:
            self._drop(data, RouteKind.UNREACHABLE)
            return
        version = next_hop.version
        own_mss = port.clamp(version)
        if limit := min(mss, own_mss) if mss and own_mss else mss or own_mss:
            data = clamp_mss(data, limit)
        if len(data) > port.largest(version):
            self._emit_fragments(port, next_hop, data)
        elif interface in self._tunnels.by_name:
            self._emit_tunnel(self._tunnels.by_name[interface], next_hop, data)
        elif self._transmit(interface, next_hop, data):
            port.count_sent(len(data))
        else:
            self._refuse(data, icmp.UnreachableCode.HOST, link=interface)

    def take_leaked(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None) -> None:
        """Send a packet from the box of another VRF out of an interface of this one, or deliver it here."""
        own = self._table.owner(next_hop, interface)
        if own is not None and next_hop == peek_flow(data).destination:
            self._deliver(own, ip.parse(data))
        else:
            self._emit(interface, next_hop, data, mss=mss)

    def _emit_fragments(self, port: SimulatedPort, next_hop: IPAddress, data: bytes) -> None:
        packet = ip.parse(data)
        if not isinstance(packet, Ipv4Packet) or packet.dont_fragment:
            self._answer(data, too_big(port.largest(packet.source.version)), link=port.name)
            return
        try:
            pieces = packet.fragments(port.mtu)
        except WireError:
            self._count("malformed")
            return
        for piece in pieces:
            self._emit(port.name, next_hop, piece.serialize())

    # ------------------------------------------------------------------------------------------------ our own packets

    def _send_own(self, effect: SendIp) -> None:
        destination = effect.destination
        if effect.source is not None and effect.source.version != destination.version:
            raise EffectError(effect, 97, f"a packet from {effect.source} to {destination}")
        own = self._table.owner(destination, effect.interface or "")
        if own is not None:
            source = effect.source or destination
            data = self._packet(source, destination, effect.protocol, effect.payload, effect.ttl, effect.tos)
            self._deliver(own, ip.parse(data))
            return
        hop = self._way_of(effect)
        if isinstance(hop, RouteKind):
            raise EffectError(effect, 101, f"no route to {destination}")
        port = self._table.ports.get(hop.interface) or (
            None if effect.interface else self._chassis.ports.get(hop.interface)
        )
        source_address = effect.source or (port.address_towards(destination) if port else None)
        if port is None or not port.running or source_address is None:
            raise EffectError(effect, 100, f"{hop.interface} is down or has no address")
        data = self._packet(
            source_address,
            destination,
            effect.protocol,
            effect.payload,
            effect.ttl,
            effect.tos,
            dont_fragment=effect.df,
        )
        self._emit(
            hop.interface,
            hop.address or destination,
            self._translation.own(hop.interface, data, self._chassis.now, self.vrf),
        )

    def _way_of(self, effect: SendIp) -> NextHop | RouteKind:
        """Return the next hop of a packet of our own: the interface that it has to leave by, or the route of
        its flow.
        """
        if effect.interface:
            self._draw_identification()  # drawn here as the flow check does: the packets of a seed stay the same
            return NextHop(effect.interface)
        source, destination = effect.source or effect.destination, effect.destination
        probe = self._packet(source, destination, effect.protocol, effect.payload, effect.ttl, 0)
        return self._table.choose(destination, probe)

    def _draw_identification(self) -> int:
        self._identification = (self._identification + 1) & 0xFFFF
        return self._identification

    def _packet(
        self,
        source: IPAddress,
        destination: IPAddress,
        protocol: int,
        payload: bytes,
        ttl: int,
        tos: int,
        *,
        dont_fragment: bool = False,
    ) -> bytes:
        return ip.build(
            source=source,
            destination=destination,
            protocol=protocol,
            payload=payload,
            ttl=ttl,
            tos=tos,
            identification=self._draw_identification(),
            dont_fragment=dont_fragment,
        )

    # ------------------------------------------------------------------------------------------------ ICMP errors

    def _refuse(
        self,
        data: bytes,
        code: icmp.UnreachableCode,
        *,
        source: IPAddress | None = None,
        via: str = "",
        link: str = "",
    ) -> None:
        """Send the sender of a packet an ICMP error: it cannot be delivered.

        via: the interface it came by or should leave by; its address is the source.
        link: the same, if it may be another interface.
        """
        if via and source is None:
            source = self._table.port(via).address_towards(peek_flow(data).source)
        self._answer(data, unreachable(code), source=source, link=link or via)

    def _answer(
        self,
        data: bytes,
        message: Callable[[bytes], IcmpError],
        *,
        source: IPAddress | None = None,
        link: str = "",
    ) -> None:
        """Send an ICMP error about a packet to its sender, unless RFC 1122 §3.2.2 forbids it.

        link: where the sender is, if its address is link-local.
        """
        if not may_answer(data):
            return
        sender = peek_flow(data).source
        body = ip.serialize_icmp(message(ip.quote(data)), sender.version)
        own = self._table.owner(sender, link)
        if own is not None:
            self._deliver(own, ip.parse(self._error_packet(sender, sender, body)))
            return
        if is_link_local(sender):
            hop = NextHop(link) if link else RouteKind.UNREACHABLE
        else:
            hop = self._table.choose(sender, data)
        if isinstance(hop, RouteKind):
            return
        # IOS answers a probe that came by a tunnel from the tunnel's own address, whatever address was probed.
        outgoing = self._table.port(hop.interface)
        if source is None or hop.interface in self._tunnels.by_name:
            source = outgoing.address_towards(sender)
        if body[0] == icmp.IcmpType.DESTINATION_UNREACHABLE and self._filters.is_silent(hop.interface):
            return
        if source is not None:
            self._emit(hop.interface, hop.address or sender, self._error_packet(source, sender, body))

    def _prohibit(self, data: bytes, interface: str) -> None:
        """Answer a packet that a list of the interface denies, not more often than IOS does."""
        if may_answer(data) and self._filters.may_prohibit(self._chassis.now):
            self._refuse(data, icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED, via=interface)

    def _error_packet(self, source: IPAddress, destination: IPAddress, message: bytes) -> bytes:
        protocol = ip.ICMP[destination.version]
        return self._packet(source, destination, protocol, message, 255, TOS_INTERNETWORK_CONTROL)

    def _count(self, what: str) -> None:
        counters = self._chassis.counters
        self._chassis.counters = replace(counters, **{what: getattr(counters, what) + 1})

    def _drop(self, data: bytes, kind: RouteKind, *, arrived: str = "") -> None:
        self._count("no_route")
        if kind is not RouteKind.DISCARD:
            self._refuse(data, icmp.UnreachableCode.HOST, via=arrived)
