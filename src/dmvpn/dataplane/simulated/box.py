"""A small IP box: what the Linux kernel and a userspace plane do with packets, without Linux.

The objects: `Port` (an interface with its addresses), the forwarding table (connected prefixes and `SetRoute`s in one
longest-match table), `Tunnel`s (see tunnels.py), listeners. The way of a packet:

    receive(interface, packet) -> for us?      -> deliver  -> GRE: decapsulate -> receive(tunnel, inner packet)
                               |                           -> ICMP echo: answer; listener: event; else ICMP error
                               -> else forward -> TTL, longest match, hairpin -> emit out of a port
    emit: a tunnel  -> MTU, MSS, adjacency -> GRE -> forwarding table again -> emit out of a physical port
          physical  -> MTU, fragments -> `transmit(interface, next hop, packet)` of the network it is plugged into

Packets are real octets from end to end, so whatever passes here has been encoded and decoded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.effects import (
    GRE_IPV4,
    GRE_NHRP,
    Effect,
    NextHop,
    RouteKind,
    SendGre,
    SendIp,
    SendKeepalive,
)
from dmvpn.base.errors import WireError
from dmvpn.base.events import (
    Event,
    GreDrops,
    Hairpin,
    IpReceived,
    KeepaliveReceived,
    NhrpReceived,
    Unresolved,
)
from dmvpn.dataplane.contract import RESOLUTION_TIMEOUT, UNRESOLVED_NEXT_HOPS, WAITING_PACKETS, EffectError
from dmvpn.dataplane.simulated.errors import IcmpError, may_answer, time_exceeded, too_big, unreachable
from dmvpn.dataplane.simulated.forwarding import ForwardingTable, Port
from dmvpn.dataplane.simulated.reassembly import Reassembler
from dmvpn.dataplane.simulated.tunnels import HairpinFilter, Tunnel, TunnelTable, Waiting
from dmvpn.net import gre, icmp
from dmvpn.net.ipv4 import TOS_INTERNETWORK_CONTROL, IpProtocol, Ipv4Flag, Ipv4Packet, peek_flow
from dmvpn.net.tcp import clamp_mss

#: Hands a packet to whoever has `next_hop` on the wire of `interface`; False if nobody has.
Transmit = Callable[[str, IPAddress, bytes], bool]


@dataclass(frozen=True, slots=True)
class Counters:
    """What a box did with packets that went no further, for tests and for people."""

    malformed: int = 0
    no_route: int = 0
    expired: int = 0
    unresolved: int = 0


class IpBox:
    """Takes packets from wires and tunnels and passes them on; `plane.py` says what it is told to."""

    def __init__(self, report: Callable[[Event], None], transmit: Transmit) -> None:
        self.now = 0.0
        self.counters = Counters()
        self._gre_drops = GreDrops()
        self._report = report
        self._transmit = transmit
        self._table = ForwardingTable()
        self._tunnels = TunnelTable()
        self._hairpins = HairpinFilter()
        self._listeners: dict[tuple[str, int, int | None], int] = {}
        self._reassembler = Reassembler()
        self._deadlines: Deadlines[tuple[str, IPAddress]] = Deadlines()
        self._identification = 0

    def next_deadline(self) -> float | None:
        """When `tick` is due next: packets that wait for a next hop are not kept for ever."""
        return self._deadlines.next()

    def tick(self) -> None:
        """Give up next hops that nobody resolved in time: their senders get host unreachable."""
        for name, next_hop in self._deadlines.pop_due(self.now):
            tunnel = self._tunnels.by_name.get(name)
            waiting = tunnel.waiting.pop(next_hop, None) if tunnel else None
            for packet in waiting.packets if waiting else ():
                self._count("unresolved")
                self._refuse(packet, icmp.UnreachableCode.HOST, via=name)

    # ------------------------------------------------------------------------------------------------ from the wire

    def receive(self, interface: str, data: bytes) -> None:
        """A packet came in by a physical port."""
        port = self._table.ports.get(interface)
        if port is None or not port.running:
            return
        try:
            packet = Ipv4Packet.parse(data)
        except WireError:
            self._count("malformed")
            return
        port.count_received(len(data), multicast=packet.destination.is_multicast)
        self._take(interface, packet)

    def _take(self, interface: str, packet: Ipv4Packet, nbma: IPAddress | None = None) -> None:
        """A packet from a wire, or out of a tunnel (then `nbma` is the neighbour it came from)."""
        destination = packet.destination
        if destination.is_multicast or self._table.port(interface).is_broadcast(destination):
            self._deliver(interface, packet, quiet=True)
        elif destination in self._table.own:
            self._deliver(interface, packet)
        else:
            self._forward(interface, packet, nbma)

    # ------------------------------------------------------------------------------------------------ for ourselves

    def _deliver(self, interface: str, packet: Ipv4Packet, *, quiet: bool = False) -> None:
        """A packet for this box. quiet: it was multicast or broadcast, which no error may answer (RFC 1122 §3.2.2)."""
        whole = self._reassembler.add(packet, self.now) if packet.is_fragment else packet
        if whole is None:
            return
        if whole.protocol == IpProtocol.GRE:
            self._decapsulate(whole)
        elif whole.protocol == IpProtocol.ICMP and self._answered_echo(whole):
            return
        else:
            self._pass_up(interface, whole, quiet=quiet)

    def _answered_echo(self, packet: Ipv4Packet) -> bool:
        try:
            message = icmp.parse(packet.payload)
        except WireError:
            self._count("malformed")
            return True
        if not isinstance(message, icmp.EchoRequest):
            return False
        source = packet.destination if packet.destination in self._table.own else None
        reply = SendIp(None, source, packet.source, IpProtocol.ICMP, message.reply().serialize(), tos=packet.tos)
        with suppress(EffectError):  # a sender that nobody can reach gets no answer
            self._send_own(reply)
        return True

    def _pass_up(self, interface: str, packet: Ipv4Packet, *, quiet: bool) -> None:
        port = peek_flow(packet.serialize()).destination_port if packet.protocol == IpProtocol.UDP else None
        if packet.protocol == IpProtocol.ICMP or (interface, packet.protocol, port) in self._listeners:
            self._report(
                IpReceived(
                    interface=interface,
                    source=packet.source,
                    destination=packet.destination,
                    protocol=packet.protocol,
                    payload=packet.payload,
                    ttl=packet.ttl,
                    tos=packet.tos,
                )
            )
        elif not quiet:
            udp = packet.protocol == IpProtocol.UDP
            code = icmp.UnreachableCode.PORT if udp else icmp.UnreachableCode.PROTOCOL
            self._refuse(packet.serialize(), code, source=packet.destination)

    # ------------------------------------------------------------------------------------------------ forwarding

    def _forward(self, interface: str, packet: Ipv4Packet, nbma: IPAddress | None) -> None:
        if packet.ttl <= 1:
            self._count("expired")
            self._answer(packet.serialize(), time_exceeded, source=self._table.port(interface).address)
            return
        packet = replace(packet, ttl=packet.ttl - 1)
        data = packet.serialize()
        hop = self._table.choose(packet.destination, data)
        if isinstance(hop, RouteKind):
            self._drop(data, hop, arrived=interface)
            return
        next_hop = hop.address or packet.destination
        if nbma is not None:
            self._watch_hairpin(interface, hop.interface, next_hop, nbma, data)
        self._emit(hop.interface, next_hop, data, mss=self._table.port(interface).mss)

    def _drop(self, data: bytes, kind: RouteKind, *, arrived: str = "") -> None:
        self._count("no_route")
        if kind is not RouteKind.DISCARD:
            self._refuse(data, icmp.UnreachableCode.HOST, via=arrived)

    def _watch_hairpin(self, arrived: str, leaves: str, next_hop: IPAddress, nbma: IPAddress, data: bytes) -> None:
        incoming, outgoing = self._tunnels.by_name.get(arrived), self._tunnels.by_name.get(leaves)
        if incoming is None or outgoing is None or not incoming.report_hairpins:
            return
        if incoming.network is None or incoming.network != outgoing.network or outgoing.neighbour(next_hop) == nbma:
            return
        flow = peek_flow(data)
        if self._hairpins.first(flow.source, flow.destination, incoming.hairpin_interval, self.now):
            self._report(Hairpin(arrived, leaves, nbma, data[:64]))

    # ------------------------------------------------------------------------------------------------ out of a port

    def _emit(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None = None) -> None:
        port = self._table.ports.get(interface)
        if port is None or not port.running:
            self._drop(data, RouteKind.UNREACHABLE)
            return
        limits = [limit for limit in (mss, port.mss) if limit]
        if limits:
            data = clamp_mss(data, min(limits))
        if len(data) > port.mtu:
            self._emit_fragments(port, next_hop, data)
        elif interface in self._tunnels.by_name:
            self._emit_tunnel(self._tunnels.by_name[interface], next_hop, data)
        elif self._transmit(interface, next_hop, data):
            port.count_sent(len(data))
        else:
            self._refuse(data, icmp.UnreachableCode.HOST)

    def _emit_fragments(self, port: Port, next_hop: IPAddress, data: bytes) -> None:
        packet = Ipv4Packet.parse(data)
        if packet.dont_fragment:
            self._answer(data, too_big(port.mtu))
            return
        for piece in packet.fragments(port.mtu):
            self._emit(port.name, next_hop, piece.serialize())

    def _emit_tunnel(self, tunnel: Tunnel, next_hop: IPAddress, data: bytes) -> None:
        if next_hop.is_multicast or self._table.port(tunnel.spec.name).is_broadcast(next_hop):
            everybody = tunnel.multicast if tunnel.spec.destination is None else (tunnel.spec.destination,)
            for nbma in everybody:
                self._encapsulate(tunnel, nbma, GRE_IPV4, data)
            return
        neighbour = tunnel.neighbour(next_hop)
        if neighbour is not None:
            self._encapsulate(tunnel, neighbour, GRE_IPV4, data)
            return
        waiting = tunnel.waiting.get(next_hop)
        if waiting is None and len(tunnel.waiting) >= UNRESOLVED_NEXT_HOPS:
            self._count("unresolved")
        elif waiting is None:
            tunnel.waiting[next_hop] = Waiting(self.now, [data])
            self._deadlines.set((tunnel.spec.name, next_hop), self.now + RESOLUTION_TIMEOUT)
            self._report(Unresolved(tunnel.spec.name, next_hop))
        elif len(waiting.packets) < WAITING_PACKETS:
            waiting.packets.append(data)

    # ------------------------------------------------------------------------------------------------ GRE

    def _encapsulate(
        self, tunnel: Tunnel, nbma: IPAddress, protocol: int, payload: bytes, tos: int | None = None
    ) -> None:
        spec = tunnel.spec
        tunnel.sent[nbma] = tunnel.sent.get(nbma, 0) + 1
        self._table.port(spec.name).count_sent(len(payload))
        message = gre.GreHeader(protocol_type=protocol, key=spec.key).serialize(payload)
        outer = self._packet(spec.source, nbma, IpProtocol.GRE, message, spec.ttl, payload[1] if tos is None else tos)
        self._send_outer(nbma, outer)

    def _send_outer(self, nbma: IPAddress, outer: bytes) -> None:
        hop = self._table.choose(nbma, outer)
        # A way to the far end that leads through a tunnel would encapsulate for ever; the tunnel feature says so aloud.
        if isinstance(hop, RouteKind) or hop.interface in self._tunnels.by_name:
            self._count("no_route")
            return
        self._emit(hop.interface, hop.address or nbma, outer)

    def _decapsulate(self, packet: Ipv4Packet) -> None:
        try:
            header, start = gre.GreHeader.parse(packet.payload)
        except WireError:
            self._gre_drops = replace(self._gre_drops, malformed=self._gre_drops.malformed + 1)
            return
        tunnel = self._tunnels.demultiplex(packet.destination, packet.source, header.key)
        if tunnel is None or not self._table.port(tunnel.spec.name).up:
            self._gre_drops = replace(self._gre_drops, no_tunnel=self._gre_drops.no_tunnel + 1)
            return
        name, nbma = tunnel.spec.name, packet.source
        tunnel.received[nbma] = tunnel.received.get(nbma, 0) + 1
        payload = packet.payload[start:]
        self._table.port(name).count_received(len(payload))
        if header.protocol_type == GRE_NHRP:
            self._report(NhrpReceived(name, nbma, payload))
        elif header.protocol_type == gre.ProtocolType.KEEPALIVE:
            self._report(KeepaliveReceived(name))
        elif header.protocol_type != GRE_IPV4 or not self._take_inner(name, packet, payload):
            self._gre_drops = replace(self._gre_drops, not_ipv4=self._gre_drops.not_ipv4 + 1)

    def _take_inner(self, tunnel: str, outer: Ipv4Packet, payload: bytes) -> bool:
        """What was in GRE; False if it is no IPv4 packet."""
        try:
            inner = Ipv4Packet.parse(payload)
        except WireError:
            return False
        if inner.protocol == IpProtocol.GRE and (inner.source, inner.destination) == (outer.destination, outer.source):
            # The neighbour's keepalive goes back though our own line is down: else two could never come up again.
            self._send_outer(outer.source, payload)
        elif self._table.port(tunnel).running:
            self._take(tunnel, inner, outer.source)
        return True

    def _send_gre(self, effect: SendGre) -> None:
        tunnel = self._tunnel(effect, effect.tunnel)
        self._encapsulate(tunnel, effect.nbma, effect.protocol, effect.payload, effect.tos)

    def _send_keepalive(self, effect: SendKeepalive) -> None:
        spec = self._tunnel(effect, effect.tunnel).spec
        if not isinstance(spec.source, IPv4Address) or not isinstance(spec.destination, IPv4Address):
            raise EffectError(effect, 97, "keepalives are for point-to-point tunnels over IPv4")
        message = gre.keepalive(spec.source, spec.destination, key=spec.key)
        outer = self._packet(spec.source, spec.destination, IpProtocol.GRE, message, spec.ttl, TOS_INTERNETWORK_CONTROL)
        self._send_outer(spec.destination, outer)

    # ------------------------------------------------------------------------------------------------ our own packets

    def _send_own(self, effect: SendIp) -> None:
        destination = effect.destination
        if destination in self._table.own:
            source = effect.source or destination
            data = self._packet(source, destination, effect.protocol, effect.payload, effect.ttl, effect.tos)
            self._deliver(self._table.own[destination], Ipv4Packet.parse(data))
            return
        probe = self._packet(effect.source or destination, destination, effect.protocol, effect.payload, effect.ttl, 0)
        hop = NextHop(effect.interface) if effect.interface else self._table.choose(destination, probe)
        if isinstance(hop, RouteKind):
            raise EffectError(effect, 101, f"no route to {destination}")
        port = self._table.ports.get(hop.interface)
        source_address = effect.source or (port.address if port else None)
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
        self._emit(hop.interface, hop.address or destination, data)

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
        self._identification = (self._identification + 1) & 0xFFFF
        return Ipv4Packet(
            source=source,  # type: ignore[arg-type]  # the simulated plane is IPv4 only as yet
            destination=destination,  # type: ignore[arg-type]
            protocol=protocol,
            payload=payload,
            ttl=ttl,
            tos=tos,
            identification=self._identification,
            flags=Ipv4Flag.DONT_FRAGMENT if dont_fragment else Ipv4Flag(0),
        ).serialize()

    # ------------------------------------------------------------------------------------------------ ICMP errors

    def _refuse(
        self, data: bytes, code: icmp.UnreachableCode, *, source: IPAddress | None = None, via: str = ""
    ) -> None:
        """Tell the sender of a packet that it cannot be delivered. via: the interface it came by or should leave by."""
        if via and source is None:
            source = self._table.port(via).address
        self._answer(data, unreachable(code), source=source)

    def _answer(self, data: bytes, message: Callable[[bytes], IcmpError], source: IPAddress | None = None) -> None:
        """Send an ICMP error about a packet to its sender, unless RFC 1122 §3.2.2 forbids it."""
        if not may_answer(data):
            return
        sender = peek_flow(data).source
        body = message(icmp.quote(data)).serialize()
        if sender in self._table.own:
            self._deliver(self._table.own[sender], Ipv4Packet.parse(self._error_packet(sender, sender, body)))
            return
        hop = self._table.choose(sender, data)
        if isinstance(hop, RouteKind):
            return
        # IOS answers a probe that came by a tunnel from the tunnel's own address, whatever address was probed.
        outgoing = self._table.port(hop.interface)
        if source is None or hop.interface in self._tunnels.by_name:
            source = outgoing.address
        if source is not None:
            self._emit(hop.interface, hop.address or sender, self._error_packet(source, sender, body))

    def _error_packet(self, source: IPAddress, destination: IPAddress, message: bytes) -> bytes:
        return self._packet(source, destination, IpProtocol.ICMP, message, 255, TOS_INTERNETWORK_CONTROL)

    def _tunnel(self, effect: Effect, name: str) -> Tunnel:
        tunnel = self._tunnels.by_name.get(name)
        if tunnel is None:
            raise EffectError(effect, 19, f"no tunnel {name}")
        return tunnel

    def _count(self, what: str) -> None:
        self.counters = replace(self.counters, **{what: getattr(self.counters, what) + 1})
