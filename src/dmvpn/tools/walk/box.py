"""The box of the simulated plane on tables of facts: it decides as for a real packet, and records each decision.

    orders, routes and SAs of a `View` -> RecordedPlane -> RecordedBox of each VRF -> Trail

Nothing leaves a box but packets for its wires: no event, no ICMP error, no counter. What facts do not show is as in a
plane that has just begun: no path MTU is known, and no flow is translated but those of this walk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from ipaddress import ip_network
from itertools import chain

from dmvpn.base.addresses import IPAddress, ip_keyword
from dmvpn.base.effects import NextHop, RouteKind, TunnelSpec
from dmvpn.base.facts import NO_REASON
from dmvpn.base.filters import FilterList, Packet, PortFilters, ReversePath
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.esp.table import PeerPlace
from dmvpn.dataplane.fragmentation import PathMtus
from dmvpn.dataplane.packets import IcmpError, may_answer
from dmvpn.dataplane.simulated.chassis import Loss, RouterFilters, Transmit, doubt_of
from dmvpn.dataplane.simulated.forwarding import ForwardingTable, NbmaPeer, Outer, SimulatedPort, SimulatedTunnel
from dmvpn.dataplane.simulated.vrfs import SimulatedPlane, VrfBox
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.features.ipsec.facts import SaFacts
from dmvpn.net import gre, icmp, ip
from dmvpn.net.ip import UDP_HEADER_LENGTH, IpPacket
from dmvpn.net.ipv4 import HEADER_LENGTH, Header, Ipv4Packet
from dmvpn.network.access_entries import entry_line
from dmvpn.router.facts import RouterFacts, TunnelFacts
from dmvpn.tools.walk import values
from dmvpn.tools.walk.trail import Trail, Wrap
from dmvpn.tools.walk.values import Act
from dmvpn.tools.walk.view import NOWHERE, FactsTable, View, orders, words_of_doubt

#: Octets that a translator's wire takes.
ETHERNET = 1500
_CHECK = "ip verify unicast source"
_CLAUSES = {Loss.EXPIRED: "RFC 1812 §5.3.1", Loss.UNRESOLVED: "RFC 2332 §5.2.2"}
_REFUSED = {
    icmp.UnreachableCode.HOST: ("host unreachable", ""),
    icmp.UnreachableCode.ADMINISTRATIVELY_PROHIBITED: (
        "administratively prohibited, at most twice a second",
        "RFC 1812 §5.2.7.1",
    ),
}


class RecordedTable(FactsTable):
    """A forwarding table that records the route of a packet."""

    def __init__(self, plane: RecordedPlane, vrf: str) -> None:
        super().__init__(plane.router, vrf)
        self._every, self._tables = plane.ports, plane.tables
        self._plane, self._trail = plane, plane.trail

    def choose(self, destination: IPAddress, data: bytes, tables: int = 4) -> NextHop | RouteKind:
        """Return the next hop of one packet."""
        match = self.match(destination)
        self._plane.asked, self._trail.data = (self, destination), data
        if match is not None:
            clause = "RFC 1812 §5.2.4.3"
            because = values.why_this_route(match)
            self._trail.say(Act.ROUTE, values.route(match.route), data, because=because, clause=clause)
            override = match.route.override
            if override is not None:
                what = f"NHRP's next hop instead (%): {values.hop(override)}"
                # The entry of that very prefix; one with the same next hop is a poorer answer: that hop has one of
                # its own
                tunnel = self._plane.view.tunnel(self._plane.name, override.interface)
                entries = tunnel.mappings if tunnel is not None else ()
                exact = (entry for entry in entries if entry.target == match.route.prefix)
                near = (entry for entry in entries if entry.route and entry.next_hop == override.address)
                entry = next(chain(exact, near), None)
                self._trail.say(Act.OVERRIDE, what, because=values.mapping(entry) if entry is not None else "")
        return super().choose(destination, data, tables)

    def _share(self, hops: tuple[NextHop, ...], data: bytes) -> NextHop:
        hop = super()._share(hops, data)
        what = f"{len(hops)} equal ways; by source and destination: {values.hop(hop)}"
        self._trail.say(Act.CHOOSE, what, because="a kernel's own hash may choose another one")
        return hop


class RecordedFilters(RouterFilters):
    """The filters of a router, which record the entry that decides."""

    def __init__(self, plane: RecordedPlane) -> None:
        super().__init__(lambda _: None)
        self._name, self._facts, self._trail = plane.name, plane.router, plane.trail
        failed = (it for it in plane.router.packet_filters if it.reason != NO_REASON)
        self._failed = {(it.interface, it.version): it for it in failed}
        self.ports["", 4] = PortFilters()  # with lists of some port, all ports are asked

    def admits(self, port: str, data: bytes, table: ForwardingTable, now: float) -> bool | None:
        """Return whether a packet that came by the port may go on."""
        passes = self._passes_failed(port, data, inward=True)
        return passes and super().admits(port, data, table, now)

    def releases(self, port: str, data: bytes, now: float) -> bool | None:
        """Return whether a forwarded packet may leave by the port."""
        passes = self._passes_failed(port, data, inward=False)
        return passes and super().releases(port, data, now)

    def may_prohibit(self, now: float) -> bool:
        """Return True: a walk is about the first packet."""
        return True

    def _passes_failed(self, port: str, data: bytes, *, inward: bool) -> bool | None:
        """Return whether a packet passes the lists of a port if the host could not take them."""
        if port:
            self._trail.passes((self._name, port, inward), data)
        found = self._failed.get((port, data[0] >> 4))
        if found is None:
            return True
        listed = found.filters.inward if inward else found.filters.outward
        if listed is None and not (inward and found.filters.reverse_path is not None):
            return True
        name = f"{port}, {_CHECK}" if listed is None else f"{port}, list {listed.name} {'in' if inward else 'out'}"
        is_open = found.reason.is_one(FilterReason.UNFILTERED)
        passes = "all packets pass" if is_open else "the port lets nothing pass it"
        what = f"{name}: {passes}, because {found.reason.text}"
        if is_open:
            self._trail.say(Act.FILTER, what, data)
        else:
            self._trail.lose(what, listed=listed is not None)
        return is_open or None

    def _passes(self, port: str, listed: FilterList, packet: Packet, now: float, *, inward: bool) -> bool:
        entry = listed.decides(packet)
        name = f"{port}, list {listed.name} {'in' if inward else 'out'}"
        line = entry_line(self._facts.configuration, listed.name, entry.sequence) if entry is not None else ""
        number = (
            f"entry {entry.sequence}"
            if entry is not None and entry.sequence > 0
            else "its implicit entry for neighbor discovery"
        )
        which = "its later fragments" if packet.is_later_fragment else "it"
        if entry is None:
            self._trail.lose(f"{name}: no entry permits {which}, so it is denied", listed=True)
            return False
        said = f" ({line})" if line else ""
        if entry.permit:
            self._trail.say(Act.FILTER, f"{name}: {number} permits it{said}")
        else:
            self._trail.lose(f"{name}: {number} denies {which}{said}", listed=True)
        return entry.permit

    def _is_reachable(self, port: str, asked: ReversePath, data: bytes, table: ForwardingTable) -> bool:
        source, _ = ip.peek_addresses(data)
        doubt = doubt_of(port, asked, source, table)
        if doubt is None:
            found = table.look_up(source)
            self._trail.say(Act.FILTER, f"{port}, {_CHECK}: {source} is reachable by {found[0] if found else ''}")
        elif isinstance(table, FactsTable):
            self._trail.lose(f"{port}, {_CHECK}: {words_of_doubt(doubt, source, table)}")
        return doubt is None


class RecordedBox(VrfBox):
    """The box of a VRF. Each method records the decision that the method of the box takes."""

    def __init__(self, plane: RecordedPlane, vrf: str, boxes: Mapping[str, RecordedBox]) -> None:
        super().__init__(plane, vrf, boxes)
        self._plane, self._trail, self._name = plane, plane.trail, plane.name
        self._table = plane.tables[vrf] = RecordedTable(plane, vrf)
        self._filters = plane.filters = RecordedFilters(plane) if not vrf else plane.filters
        self._wrap: tuple[Wrap, ...] = ()
        self._leaves = ""
        #: A next hop that NHRP does not find.
        self._unresolved: IPAddress | None = None

    # ------------------------------------------------------------------------------------------------ for ourselves

    def _deliver(self, interface: str, packet: IpPacket, *, quiet: bool = False) -> None:
        whole = self._whole(packet) if packet.is_fragment else packet
        if packet.is_fragment:
            self._trail.join(whole.serialize() if whole is not None else None)
        if whole is not None:
            super()._deliver(interface, whole, quiet=quiet)

    def _has_streams(self, interface: str, packet: IpPacket) -> bool:
        return False

    def _answered_echo(self, interface: str, packet: IpPacket) -> bool:
        return False

    def _pass_up(self, interface: str, packet: IpPacket, *, quiet: bool) -> None:
        self._trail.arrived(packet.serialize())

    def _hand_to_ike(self, interface: str, header: Header | IpPacket, payload: bytes) -> None:
        self._trail.arrived(self._trail.data)

    # ------------------------------------------------------------------------------------------------ forwarding

    def forward(self, interface: str, packet: IpPacket | Header, data: bytes, sender: NbmaPeer | None) -> None:
        """Forward a packet."""
        if packet.ttl > 1:
            self._trail.visit(packet.destination)
            self._clamp(interface)
        super().forward(interface, packet, data, sender)

    def _watch_hairpin(self, arrived: str, leaves: str, next_hop: IPAddress, sender: NbmaPeer, data: bytes) -> None:
        if self._tunnels.hairpin(arrived, leaves, data[0] >> 4) is None:
            return
        going = self._tunnels.by_name[leaves]
        self._resolve(going, next_hop)
        if self._reached(going, next_hop) == sender:
            return
        came = self._plane.tunnel_facts(arrived)
        how = "no redirect is sent without ip nhrp redirect"
        if came.redirects:
            how = f"a redirect goes to {sender.nbma}, once in a while"
        self._trail.say(Act.REDIRECT, f"goes back into NHRP network {came.network_id}: {how}", data)

    def _translated(self, leaves: str, packet: Ipv4Packet) -> bytes | None:
        translated = super()._translated(leaves, packet)
        if translated is not None:
            source, public = packet.source, Ipv4Packet.parse(translated).source
            what = f"NAT: source {source} becomes {public}"
            if source == public:
                what = "no NAT rule permits it: it leaves with its own address"
            self._trail.say(Act.TRANSLATE, what, translated, left=ETHERNET - len(translated))
        return translated

    def _own_translated(self, leaves: str, data: bytes) -> bytes:
        moved = super()._own_translated(leaves, data)
        if moved[12:16] != data[12:16] and data[0] >> 4 == 4:
            source, public = (Ipv4Packet.parse(one).source for one in (data, moved))
            self._trail.say(Act.TRANSLATE, f"NAT: source {source} becomes {public}", moved)
        return moved

    def _let_inside(self, interface: str, packet: IpPacket) -> IpPacket | None:
        found = self._translation.inwards(interface, packet.serialize(), self._chassis.now)
        if found is not None:
            moved = ip.parse(found[1])
            if moved.destination != packet.destination:
                what = f"NAT: destination {packet.destination} becomes {moved.destination}"
                if moved.source != packet.source:
                    what += f", and source {packet.source} becomes {moved.source}"
                self._trail.say(Act.TRANSLATE, what, found[1], left=ETHERNET - len(found[1]))
        return super()._let_inside(interface, packet)

    # ------------------------------------------------------------------------------------------------ out of a port

    def _emit(self, interface: str, next_hop: IPAddress, data: bytes, *, mss: int | None = None) -> None:
        port, self._leaves = self._chassis.ports.get(interface), interface
        if self._trail.cut is not None and self._trail.cut[0] == interface:
            self._trail.said = Counter(self._trail.cut[1])
        elif port is not None and port.running and (port.vrf == self.vrf or len(data) > port.largest(data[0] >> 4)):
            version = ip.peek_addresses(data)[1].version
            limit, kind = port.largest(version), ip_keyword(version)
            self._clamp(port.name)
            self._trail.say(Act.PORT, f"{port.name}, {kind} mtu {limit}", data, left=limit - len(data))
        super()._emit(interface, next_hop, data, mss=mss)

    def _emit_fragments(self, port: SimulatedPort, next_hop: IPAddress, data: bytes) -> None:
        packet = ip.parse(data)
        if isinstance(packet, Ipv4Packet) and not packet.dont_fragment:
            pieces = [piece.serialize() for piece in packet.fragments(port.mtu)]
            what = f"cut into {values.sizes(tuple(map(len, pieces)))}"
            self._trail.say(Act.CUT, what, pieces[0], clause="RFC 791 §2.3", left=port.mtu - len(pieces[0]))
        before, self._trail.cut = self._trail.cut, (port.name, Counter(self._trail.said))
        super()._emit_fragments(port, next_hop, data)
        self._trail.cut = before

    # ------------------------------------------------------------------------------------------------ drops

    def _lose(self, loss: Loss) -> None:
        packet, (why, apart) = self._trail.packet, (loss.value, "")
        if loss is Loss.NO_ROUTE:
            why, apart = self._plane.why_no_route()
        said = why.format(
            router=self._name,
            port=self._leaves,
            next_hop=self._unresolved,
            destination=packet.destination,
            protocol=values.protocol(packet.protocol),
        )
        self._trail.lose(said, clause=_CLAUSES.get(loss, ""), apart=apart)

    def _answer(
        self,
        data: bytes,
        message: Callable[[bytes], IcmpError],
        *,
        source: IPAddress | None = None,
        link: str = "",
    ) -> None:
        error, sender = message(b""), ip.peek_addresses(data)[0]
        what, clause, mtu, later = "time exceeded", "", None, None
        if isinstance(error, icmp.DestinationUnreachable):
            if error.code == icmp.UnreachableCode.FRAGMENTATION_NEEDED:
                mtu = error.next_hop_mtu
                what, clause, later = self._too_big(data, mtu)
            else:
                what, clause = _REFUSED[icmp.UnreachableCode(error.code)]
                what += ", after a second" if self._unresolved is not None else ""
        hops = self._table.next_hops(sender)
        is_known = self._table.owner(sender, link) is not None or not isinstance(hops, RouteKind)
        ports = () if isinstance(hops, RouteKind) else (hop.interface for hop in hops)
        is_silent = isinstance(error, icmp.DestinationUnreachable) and any(map(self._filters.is_silent, ports))
        if not is_known or (may_answer(data) and not is_silent):
            self._trail.refuse(what if is_known else "", mtu=mtu, clause=clause, later_mtu=later)

    def _too_big(self, data: bytes, mtu: int) -> tuple[str, str, int | None]:
        """Note that a packet is too big, and return what its sender hears, the clause, and the packet that its tunnel
        takes from then on.
        """
        version, later = ip.peek_addresses(data)[0].version, None
        why = f"{len(data)} octets and must not be cut: {mtu} fit"
        clause = "RFC 1191 §4" if version == 4 else "RFC 4443 §3.2"
        if self._trail.wraps:
            wrap = self._trail.wraps[-1]
            later = wrap.largest(mtu)
            why += f"; {wrap.router} hears of it, and takes no more than {later} from then on"
        self._trail.lose(why, clause=clause)
        return ("fragmentation needed" if version == 4 else "packet too big"), clause, later

    # ------------------------------------------------------------------------------------------------ into a tunnel

    def _emit_tunnel(self, tunnel: SimulatedTunnel, next_hop: IPAddress, data: bytes) -> None:
        facts = self._plane.tunnel_facts(tunnel.spec.name)
        said = self._resolve(tunnel, next_hop)
        if said is None:
            self._unresolved = next_hop
            super()._emit_tunnel(tunnel, next_hop, data)
            self.give_up(tunnel, next_hop)
            self._unresolved = None
            return
        self._trail.say(Act.NEIGHBOR, said[0], data, because=said[1], clause="RFC 2332 §2.2")
        if facts.source is None:
            self._trail.lose(f"{facts.name} has no source address")
            return
        super()._emit_tunnel(tunnel, next_hop, data)

    def _resolve(self, tunnel: SimulatedTunnel, next_hop: IPAddress) -> tuple[str, str] | None:
        """Return where packets for a next hop go, and why; None: nowhere.

        NHRP answers for a neighbor that the plane does not know yet as soon as a packet asks.
        """
        facts = self._plane.tunnel_facts(tunnel.spec.name)
        if facts.destination is not None:
            return f"point-to-point: everything goes to {facts.destination}", ""
        target = ip_network(next_hop)
        entry = next((it for it in facts.mappings if it.target == target), None)
        known = next((nbma for hop, nbma, _ in facts.adjacencies if hop == next_hop), None)
        words = values.mapping(entry) if entry is not None else ""
        if known is not None and next_hop in facts.by_server:
            what = f"NHRP: {next_hop} by the server for now, at {known}"
            return what, f"{words or 'no answer yet'}; it is asked for meanwhile"
        if known is None and entry is not None and entry.kind == "static":
            known = entry.nbma
        if known is not None:
            tunnel.adjacencies.setdefault(next_hop, NbmaPeer(known))
            return f"NHRP: {next_hop} is at {known}", words
        known_servers = (one for one in facts.servers if one.address is not None and one.nbma is not None)
        fitting = (one for one in known_servers if one.address is not None and one.address.version == next_hop.version)
        server = min(fitting, key=lambda one: not one.responding, default=None)
        if server is None or server.nbma is None or server.address == next_hop:
            return None
        tunnel.adjacencies[next_hop] = NbmaPeer(server.nbma)
        what = f"NHRP: {next_hop} is not known; the first packets go by {server.address} at {server.nbma}"
        return what, f"{self._name} sends a Resolution Request meanwhile"

    def outer(
        self, spec: TunnelSpec, receiver: NbmaPeer, message: bytes, tos: int, *, df: bool = False
    ) -> Outer | None:
        """Return the outer packet for a GRE packet, or None: it must not leave."""
        link = self._link_to(spec, receiver) if spec.protected else None
        if spec.protected and link is None:
            facts = self._plane.tunnel_facts(spec.name)
            reason = next((peer.reason for peer in facts.unsecured if peer.nbma == receiver.nbma), "")
            why = f"no SA with {receiver.nbma}" + (f": {reason}" if reason else "")
            self._trail.lose(why, clause="RFC 4301 §5.1")
        found = super().outer(spec, receiver, message, tos, df=df)
        if found is None:
            return None
        sa = self._plane.sas[link.current.spi_in] if link is not None else None
        hops = self._table.next_hops(found.receiver.nbma)
        port = self._chassis.ports.get(hops[0].interface) if not isinstance(hops, RouteKind) else None
        limit = port.mtu if port is not None else None
        left = room = None if limit is None else limit - len(found.packet)
        if limit is not None and link is not None:
            room = link.room(limit) - len(message)
        self._trail.wraps += (Wrap(self._name, spec.key, sa, partial(self._largest, spec, receiver)),)
        header = gre.header_length(spec.key, checksum=spec.checksum, sequence=spec.sequence)
        clause = "RFC 2784 §2.1" if spec.key is None and not spec.sequence else "RFC 2890 §2"
        what = f"GRE, {values.header(spec)}: {header} octets"
        self._trail.say(Act.GRE, what, found.packet, octets=len(message), left=room, clause=clause)
        if sa is not None and link is not None:
            self._say_esp(sa, link.current.outbound.suite, len(message), left)
        within = "GRE" if sa is None else "ESP in UDP" if sa.remote_port else "ESP"
        what = f"IPv4 {spec.source} > {found.receiver.nbma}, {within}, {'DF set' if df else 'DF clear'}"
        self._trail.say(Act.OUTER, what, left=left)
        self._trail.wraps, self._wrap = self._trail.wraps[:-1], self._trail.wraps[-1:]
        return found

    def _say_esp(self, sa: SaFacts, suite: EspSuite, message: int, left: int | None) -> None:
        """Record ESP, and UDP, of the present packet. message: octets of GRE."""
        octets, flow = len(self._trail.data) - HEADER_LENGTH, ip.peek_flow(self._trail.data)
        port = UDP_HEADER_LENGTH if sa.remote_port else 0
        inner = 0 if sa.transport else HEADER_LENGTH
        added = octets - port - message
        padding = added - inner - suite.iv - suite.icv - 10
        parts = f"8 + IV {suite.iv} + padding {padding} + 2 + ICV {suite.icv}{f' + IP header {inner}' if inner else ''}"
        what = f"ESP, SPI 0x{sa.spi_out:08X}, {values.transform(sa)}: {added} octets"
        because = f"{parts}; connection {sa.connection}"
        self._trail.say(Act.ESP, what, octets=octets - port, because=because, left=left, clause="RFC 4303 §2")
        if port:
            what = f"UDP, port {flow.source_port} to {flow.destination_port}: {port} octets"
            self._trail.say(Act.UDP, what, octets=octets, left=left, clause="RFC 3948 §2.1")

    def _largest(self, spec: TunnelSpec, receiver: NbmaPeer, mtu: int) -> int:
        """Return octets of the largest packet inside once the path to a neighbor is known to have this MTU."""
        link = self._link_to(spec, receiver)
        self._paths.learn(receiver.nbma.packed if link is None else link.place.address, mtu, self._chassis.now)
        room = self.room(spec, receiver)
        self._paths = PathMtus()
        return room.largest if room is not None else mtu

    def send_outer(self, nbma: IPAddress, outer: bytes) -> None:
        """Send the outer packet of a tunnel whose front door this is."""
        before, self._trail.wraps = self._trail.wraps, self._trail.wraps + self._wrap
        super().send_outer(nbma, outer)
        self._trail.wraps = before

    # ------------------------------------------------------------------------------------------------ out of a tunnel

    def _open(self, source: PeerPlace, header: Header | IpPacket, packet: bytes) -> None:
        spi, clause = int.from_bytes(packet[:4], "big"), "RFC 4301 §5.2"
        found = self._protection.table.find(spi)
        if found is None or found[0].local != self._protection.table.doors.number(header.destination, self.vrf):
            self._trail.lose(f"{self._name} has no SA with SPI 0x{spi:08X}", clause=clause)
        else:
            sa = self._plane.sas[spi]
            what = f"ESP opens: SPI 0x{spi:08X} is of connection {sa.connection} with {sa.remote}"
            self._trail.say(Act.OPEN, what, clause=clause)
        super()._open(source, header, packet)

    def _decapsulate(self, sender: NbmaPeer, local: IPAddress, message: bytes, tos: int | None = None) -> None:
        self._plane.gre = local, self.vrf, gre.GreHeader.parse(message)[0].key
        super()._decapsulate(sender, local, message, tos)

    def _may_come(self, tunnel: SimulatedTunnel, sender: NbmaPeer, local: IPAddress) -> bool:
        if tunnel.spec.protected != bool(sender.connection):
            how = "in ESP, and its tunnel has none" if sender.connection else "in clear, and its tunnel takes only ESP"
            self._trail.lose(f"it came {how} ({tunnel.spec.name})", clause="RFC 4301 §5.2")
        return super()._may_come(tunnel, sender, local)

    def take_inner(
        self, tunnel: SimulatedTunnel, sender: NbmaPeer, local: IPAddress, protocol: int, payload: bytes
    ) -> bool:
        """Process the payload of GRE."""
        name = tunnel.spec.name
        if not self._table.port(name).running:
            self._trail.lose(f"{name} is down: {self._plane.tunnel_facts(name).reason}")
            return True
        before, self._trail.wraps = self._trail.wraps, self._trail.wraps[:-1]
        key = values.key(tunnel.spec.key)
        what = f"out of {name}: GRE with {key} from {sender.nbma}, TTL {ip.parse(payload).ttl}"
        self._trail.say(Act.OPEN, what, payload, clause="RFC 2784 §2.4")
        taken = super().take_inner(tunnel, sender, local, protocol, payload)
        self._trail.wraps = before
        return taken

    def _clamp(self, port: str) -> None:
        self._trail.clamp(self._plane.view.interface(self._name, port))


class RecordedPlane(SimulatedPlane):
    """The plane of one router. The port "" is where packets come into view."""

    box_type = RecordedBox

    def __init__(self, name: str, view: View, trail: Trail, transmit: Transmit) -> None:
        self.name, self.view, self.trail = name, view, trail
        self.router = facts = view.lab.routers[name] or RouterFacts(tunnels=())
        #: Of the last GRE packet: the address that it came to, its VRF, and its key.
        self.gre: tuple[IPAddress, str, int | None] = (NOWHERE, "", None)
        self.sas = {sa.spi_in: sa for sa in facts.sas}
        #: The table that was asked last, for what address.
        self.asked: tuple[FactsTable, IPAddress] = (FactsTable(facts, ""), NOWHERE)
        super().__init__(lambda _: None, transmit, bytes)
        for order in orders(facts):
            self.execute(order)
        for it in facts.interfaces:
            self.ports[it.name].carrier = it.line or not it.enabled
        self.tables[""].port("").has_ipv4 = self.tables[""].port("").has_ipv6 = True

    def tunnel_facts(self, name: str) -> TunnelFacts:
        """Return a tunnel of this plane."""
        return next(it for it in self.router.tunnels if it.name == name)

    def take(self, port: str, data: bytes) -> None:
        """Take a packet that comes by a port."""
        interface = self.view.interface(self.name, port)
        if interface is not None and not interface.line:
            self.trail.lose(f"{port} is down: {interface.reason}")
            return
        self.trail.say(Act.ARRIVE, f"{f'in by {port}' if port else 'comes in'}, TTL {ip.parse(data).ttl}", data)
        found = self.tables[""].port(port)
        self.boxes[found.vrf].receive(found, data)

    def lose_own(self) -> None:
        """Note that a packet of the router itself has no route, or its route leads nowhere."""
        why, apart = self.why_no_route()
        self.trail.lose(why, apart=apart)
        table, destination = self.asked
        if table.next_hops(destination) is not RouteKind.DISCARD:
            self.trail.refuse("host unreachable")

    def why_no_route(self) -> tuple[str, str]:
        """Return why there is no route for the packet, and another VRF that has one."""
        table, destination = self.asked
        found = table.look_up(destination)
        if found is not None:
            return f"the route to {found[0]} leads nowhere", ""
        apart = "" if self.trail.wraps else self.view.apart(self.name, destination, table.vrf)
        return f"no route to {destination}" + (f" in VRF {table.vrf}; VRF {apart} has one" if apart else ""), apart

    def count_drop(self, why: str) -> None:
        """Note why GRE or ESP is dropped."""
        self.trail.lose(self._why_no_tunnel() if why == "no_tunnel" else Loss.MALFORMED.value)

    def _why_no_tunnel(self) -> str:
        local, front, key = self.gre
        there = [it for it in self.router.tunnels if (it.source, it.front) == (local, front)]
        if not there:
            return f"{self.name} has no tunnel with the source {local}{f' in VRF {front}' if front else ''}"
        known = " and ".join(f"{it.name} has {values.key(it.key)}" for it in there)
        if any(it.key == key for it in there):
            return f"no tunnel of {self.name} takes it: {known}, for another far end, or is shut"
        return f"no tunnel of {self.name} has {values.key(key)}: {known}"
