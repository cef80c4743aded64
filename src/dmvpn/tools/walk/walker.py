"""One packet on its way through a network of facts: hosts, wires, translators; a router decides by its `RecordedPlane`.

    question -> octets -> host: its gateway | router: `SendIp`, or it comes in -> wire -> router, host, translator ...

The octets are real ones, and so are their sizes: ESP seals and opens. A node gets all pieces of a packet that are on a
wire before the next node gets any.
"""

from __future__ import annotations

from functools import partial
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.effects import SendIp
from dmvpn.base.filters import TcpFlag
from dmvpn.base.translation import TCP, UDP
from dmvpn.dataplane.contract import EffectError
from dmvpn.dataplane.fragmentation import Reassembler
from dmvpn.net import icmp, ip, translate
from dmvpn.net import ip as udp
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.translate import Side
from dmvpn.shells.lab_model import INSIDE, OUTSIDE
from dmvpn.tools.walk import values
from dmvpn.tools.walk.box import ETHERNET, RecordedPlane
from dmvpn.tools.walk.trail import Over, Trail, Wrap
from dmvpn.tools.walk.values import Act, Question, WalkEnd
from dmvpn.tools.walk.view import HOST_PORT, View, remark, stopped

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.shells.facts import GatewayFacts

#: TTL of the packets of hosts, and of routers.
HOST_TTL, ROUTER_TTL = 64, 255
_TCP_HEADER = 20


class Piece(NamedTuple):
    """A piece of the packet that comes to a node."""

    node: str
    port: str
    data: bytes
    wraps: tuple[Wrap, ...]


class Walker:
    """Walks in a network. Flows of translators are those of the last packet that was no answer.

    Translators put pieces together: only the first has ports.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        self.trail = Trail()
        self._planes: dict[str, RecordedPlane] = {}
        self._joiners: dict[str, Reassembler] = {}
        #: The station inside for an answer, by translator and remote address.
        self._translated: dict[tuple[str, Address], Address] = {}
        self._pieces: list[Piece] = []
        self._wanted = ""
        self._identification = 0

    def go(self, question: Question, front: str = "") -> WalkEnd:
        """Send the packet. front: the front door of the tunnel whose router sends it; "": where its source is."""
        self.trail.begin()
        self._wanted, self._pieces = question.receiver, []
        if not question.answers:
            self._translated.clear()
            for plane in self._planes.values():
                plane.translation.clear_flows()
        try:
            self._begin(question, front)
            while self._pieces and not self.trail.is_lost:
                pieces, self._pieces = self._pieces, []
                self.trail.next_wire()
                for piece in pieces:
                    self._take(piece)
        except Over as over:
            return over.end
        return self.trail.end()

    # ------------------------------------------------------------------------------------------------ the beginning

    def _begin(self, question: Question, front: str) -> None:
        host, payload = self.view.host(question.start), _payload(question)
        self._identification = (self._identification + 1) & 0xFFFF
        data = ip.build(
            source=question.source,
            destination=question.destination,
            protocol=question.protocol or ip.ICMP[question.destination.version],
            payload=payload,
            ttl=HOST_TTL if host is not None or question.passes else ROUTER_TTL,
            identification=self._identification,
            dont_fragment=question.df,
        )
        self.trail.enter(question.start, data, ())
        if host is not None and not front:
            self._leave_host(question.start, data)
        elif question.passes and not front:
            lan = self.view.lan(question.source)
            self._take(Piece(question.start, lan[1] if lan is not None and lan[0] == question.start else "", data, ()))
        else:
            self._originate(question, data, front)

    def _leave_host(self, name: str, data: bytes) -> None:
        host, destination = self.view.host(name), ip.peek_addresses(data)[1]
        version = destination.version
        own = [address for address in host.addresses if address.version == version] if host is not None else []
        if host is None or not own or version in host.waits:
            waits = host is not None and version in host.waits
            why = ": no DHCP server has leased it one; dmvpn doctor says why" if waits else ""
            self.trail.lose(f"{name} has no IPv{version} address{why}")
            return
        if destination == own[0].ip:
            self._arrived(name, data)
        gateway = host.gateway if host.address.version == version else host.gateway6
        next_hop = destination if destination in own[0].network else gateway
        if next_hop is None:
            self.trail.lose(f"{name} has no gateway for destinations off its wire")
            return
        what = f"to its gateway {next_hop}" if next_hop == gateway else f"to {next_hop} on its own wire"
        self.trail.say(Act.SEND, what, left=ETHERNET - len(data))
        self._send(name, HOST_PORT, next_hop, data)

    def _originate(self, question: Question, data: bytes, front: str) -> None:
        """Send a packet of the router's own."""
        plane = self._plane(question.start)
        box = plane.boxes.get(front or self.view.vrf_of(question.start, question.source))
        packet = ip.parse(data)
        if not front and self.view.own(question.start, packet.destination, box.vrf if box is not None else ""):
            self._arrived(question.start, data)
        if not front:
            self.trail.say(Act.SEND, f"sends a packet of its own, from {packet.source}")
        order = SendIp(
            None, packet.source, packet.destination, packet.protocol, packet.payload, ttl=packet.ttl, df=question.df
        )
        try:
            if box is not None:
                box.execute(order)
        except EffectError:
            plane.lose_own()

    # ------------------------------------------------------------------------------------------------ wires

    def _send(self, node: str, port: str, next_hop: Address, data: bytes) -> None:
        """Send a packet of a host or a translator."""
        pieces = [data]
        if len(data) > ETHERNET:
            packet = ip.parse(data)
            if not isinstance(packet, Ipv4Packet) or packet.dont_fragment:
                why = f"{len(data)} octets are more than its own wire takes ({ETHERNET}), and must not be cut"
                self.trail.lose(why)
                return
            pieces = [piece.serialize() for piece in packet.fragments(ETHERNET)]
            what = f"cut into {values.sizes(tuple(map(len, pieces)))}"
            self.trail.say(Act.CUT, what, pieces[0], clause="RFC 791 §2.3")
        for piece in pieces:
            if not self._transmit(node, port, next_hop, piece) and self.view.host(node) is not None:
                self.trail.refuse("host unreachable")

    def _transmit(self, node: str, port: str, next_hop: Address, data: bytes) -> bool:
        """Send a packet out of a physical port, to the node on its wire that has the next-hop address."""
        link = self.view.link(node, port)
        if link is None:
            self.trail.leaves_view(f"it leaves by {port} to {next_hop}; its other end cannot be seen from here")
            return True
        found = self.view.on_wire(link, next_hop, node)
        if found is None:
            dead = [name for name, _ in link.ends if name != node and self.view.lab.routers.get(name, node) is None]
            self.trail.lose(f"no station on the wire has {next_hop}" + (f": {dead[0]} does not run" if dead else ""))
            return False
        bridges = self.view.bridges((node, port), found)
        if bridges:
            self.trail.say(Act.PORT, "by " + ", ".join(f"VLAN {vlan} of {box}" for box, vlan in bridges))
        self.trail.cross(link.name, found[0], data)
        why = stopped(link, node, data)
        if why:
            self.trail.lose(f"the wire {link.name}: {why}")
            return True
        bad = remark(link, node)
        if bad:
            self.trail.say(Act.PORT, f"the wire is bad: {bad}")
        self._pieces.append(Piece(*found, data, self.trail.wraps))
        return True

    def _take(self, piece: Piece) -> None:
        """Take a piece that comes to a node."""
        node, port, data, wraps = piece
        self.trail.enter(node, data, wraps)
        if self.view.router(node) is not None:
            self._plane(node).take(port, data)
            return
        whole = self._whole(node, data)
        if whole is None:
            return
        self.trail.data = whole.serialize()
        gateway, host = self.view.gateway(node), self.view.host(node)
        if gateway is not None:
            self._translate(node, gateway, port, whole)
        elif host is not None and any(whole.destination == own.ip for own in host.addresses):
            self._arrived(node, whole.serialize())
        else:
            self.trail.lose(f"{node} is a host, and does not forward")

    def _whole(self, node: str, data: bytes) -> ip.IpPacket | None:
        packet = ip.parse(data)
        if not isinstance(packet, Ipv4Packet) or not packet.is_fragment:
            return packet
        return self._joiners.setdefault(node, Reassembler()).add(packet, 0.0)

    def _arrived(self, node: str, data: bytes) -> None:
        wanted = self._wanted if self.view.host(node) is not None and node != self._wanted else ""
        self.trail.arrived(data, wanted)

    def _plane(self, router: str) -> RecordedPlane:
        if router not in self._planes:
            self._planes[router] = RecordedPlane(router, self.view, self.trail, partial(self._transmit, router))
        return self._planes[router]

    # ------------------------------------------------------------------------------------------------ translators

    def _translate(self, name: str, gateway: GatewayFacts, port: str, packet: ip.IpPacket) -> None:
        if not isinstance(packet, Ipv4Packet):
            self.trail.lose(f"{name} translates IPv4")
        elif (
            port == INSIDE
            and packet.destination not in gateway.inward
            and packet.destination
            in (
                *gateway.publics,
                gateway.inside,
            )
        ):
            self._arrived(name, packet.serialize())
        elif packet.ttl <= 1:
            self.trail.lose("its TTL is over", clause="RFC 1812 §5.3.1")
            self.trail.refuse("time exceeded")
        else:
            self.trail.data = ip.one_hop_on(packet.serialize())
            packet = Ipv4Packet.parse(self.trail.data)
            station = gateway.inward.get(packet.destination) if port == INSIDE else None
            if station is not None:
                self._turn_round(name, packet, station)
            elif port == INSIDE:
                self._outwards(name, gateway, packet)
            else:
                self._inwards(name, gateway, packet)

    def _outwards(self, name: str, gateway: GatewayFacts, packet: Ipv4Packet) -> None:
        public = gateway.public_of(packet.source)
        flows = [flow.inside for flow in gateway.flows or () if flow.remote == packet.destination]
        taken = [inside for inside in flows if gateway.public_of(inside) == public]
        if packet.protocol == IpProtocol.GRE and self.trail.wraps and taken and packet.source not in taken:
            why = f"{taken[0]} has the only GRE flow from {public} to {packet.destination}: GRE has no ports"
            self.trail.lose(why, clause="RFC 2663 §5.0")
            return
        if not self.trail.wraps:
            self._translated[name, packet.destination] = packet.source
        wrap = self.trail.wraps[-1] if self.trail.wraps else None
        port = ip.peek_flow(packet.serialize()).source_port
        if wrap is not None and wrap.sa is not None and packet.protocol == IpProtocol.UDP:
            # As the receiver's SA has it, 0 if that is not in view.
            spi = wrap.sa.spi_out
            there = (sa for sa in self.view.sas() if sa.spi_in == spi and sa.remote == public)
            port = next((sa.remote_port for sa in there), 0)
        outside = self._rewritten(packet, Side.SOURCE, public, port)
        link = self.view.link(name, OUTSIDE)
        near = self.view.on_wire(link, packet.destination, name) if link is not None else None
        next_hop: Address = packet.destination if near is not None else gateway.gateway or packet.destination
        self._send(name, OUTSIDE, next_hop, outside)

    def _turn_round(self, name: str, packet: Ipv4Packet, station: IPv4Address) -> None:
        """Send a packet of a station inside to the station with the public address, or its answer back."""
        asked = self._translated.get((name, packet.source)) if packet.source == station else None
        target = asked if isinstance(asked, IPv4Address) else station
        self._translated[name, target] = packet.source
        moved = Ipv4Packet.parse(self._rewritten(packet, Side.DESTINATION, target, 0))
        self._send(name, INSIDE, target, self._rewritten(moved, Side.SOURCE, packet.destination, 0))

    def _rewritten(self, packet: Ipv4Packet, side: Side, address: IPv4Address, port: int) -> bytes:
        data = bytearray(packet.serialize())
        flow = ip.peek_flow(data)
        before = (flow.source, flow.source_port) if side is Side.SOURCE else (flow.destination, flow.destination_port)
        translate.rewrite(data, side, address, port or translate.port(data, side))
        what = f"{side.name.lower()} {_end(*before)} becomes {_end(address, port)}"
        self.trail.say(Act.TRANSLATE, what, bytes(data), left=ETHERNET - len(data))
        return bytes(data)

    def _inwards(self, name: str, gateway: GatewayFacts, packet: Ipv4Packet) -> None:
        if packet.destination not in gateway.publics:
            self.trail.lose(f"{name} lets nothing in that is not for {' or '.join(map(str, gateway.publics))}")
            return
        inside: Address | None = gateway.inward.get(packet.destination)
        if inside is None or packet.destination == gateway.public:
            inside = self._inside(name, gateway, packet.source) or inside
        if not isinstance(inside, IPv4Address):
            why = f"no station behind {name} has a flow for it: unsolicited packets are dropped"
            self.trail.lose(why)
            return
        port, wrap = ip.peek_flow(packet.serialize()).destination_port, self.trail.wraps[-1:]
        if wrap and wrap[0].sa is not None and packet.protocol == IpProtocol.UDP:
            port = next((sa.local_port for sa in self.view.sas() if sa.spi_in == wrap[0].sa.spi_out), port)
        self._send(name, INSIDE, inside, self._rewritten(packet, Side.DESTINATION, inside, port))

    def _inside(self, name: str, gateway: GatewayFacts, remote: Address) -> Address | None:
        """Return the inside address that a packet is for, None if there is none."""
        if not self.trail.wraps:
            return self._translated.get((name, remote))
        wrap = self.trail.wraps[-1]
        if wrap.sa is not None:
            spi = wrap.sa.spi_out
            return next((sa.local for sa in self.view.sas() if sa.spi_in == spi and sa.local in gateway.private), None)
        if gateway.flows is not None:
            return next((flow.inside for flow in gateway.flows if flow.remote == remote), None)
        # The flows of the translator are not in view: it is the only tunnel inside with that key.
        found = [
            tunnel.source
            for facts in self.view.lab.routers.values()
            for tunnel in (facts.tunnels if facts is not None else ())
            if tunnel.key == wrap.key and tunnel.source is not None and tunnel.source in gateway.private
        ]
        return found[0] if len(found) == 1 else None


def _payload(question: Question) -> bytes:
    """Return what a packet of this question carries: an echo, UDP, or the first segment of a connection."""
    version = question.destination.version
    octets, ports = question.size - ip.HEADER_LENGTH[version], [port.to_bytes(2, "big") for port in question.ports]
    if question.protocol == UDP:
        return udp.without_checksum(*question.ports, bytes(max(0, octets - udp.UDP_HEADER_LENGTH)))
    if question.protocol == TCP:
        flags = TcpFlag.SYN | (TcpFlag.ACK if question.answers else 0)
        header = b"".join(ports) + bytes(8) + bytes((_TCP_HEADER << 2, flags))
        return header.ljust(max(octets, _TCP_HEADER), b"\0")
    content = bytes(max(0, octets - icmp.HEADER_LENGTH))
    echo = icmp.EchoReply if question.answers else icmp.EchoRequest
    return ip.serialize_icmp(echo(identifier=0, sequence=0, payload=content), version)


def _end(address: Address, port: int) -> str:
    return f"{address}:{port}" if port else str(address)
