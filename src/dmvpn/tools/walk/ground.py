"""The path over wires and through routers: the decisions of a simple IP router about a packet, made from facts.

    start -> arrive -> for this router? -> deliver -> out of a tunnel? -> arrive
                    -> else forward -> route, next hop -> emit -> tunnel: into it (`overlay`)
                                                               -> port: MTU, wire -> arrive at the next hop

The order of decisions is that of `dataplane/simulated`, the reference for all other planes. Every function ends in an
`WalkEnd`: the walk is over when the first one returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.translation import PacketFlow
from dmvpn.dataplane.paths import LEAST
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab_model import INSIDE, OUTSIDE
from dmvpn.tools.walk import filters, wording
from dmvpn.tools.walk.packet import Packet
from dmvpn.tools.walk.values import Act, Clamp, Crossing, Passage, Refusal, Station, Step, WalkEnd, WalkOutcome
from dmvpn.tools.walk.view import HOST_PORT, View, addresses_of, remark, stopped

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.features.rib.facts import HopFacts
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.shells.facts import GatewayFacts
    from dmvpn.tools.walk.values import Question
    from dmvpn.tools.walk.view import Match

#: Octets that a host's wire takes, and a translator's.
ETHERNET = 1500
#: TTL of the packets of hosts, and of routers.
HOST_TTL, ROUTER_TTL = 64, 255

_FORWARDING6 = "ipv6 unicast-routing"


class PacketOrigin(NamedTuple):
    """The neighbor that a packet came out of a tunnel from. connection: 0 in clear."""

    tunnel: str
    nbma: Address
    connection: int


class Ground(ABC):
    """One direction of a walk; `overlay` adds tunnels. Translators put pieces together: only the first has ports."""

    def __init__(self, view: View, translated: dict[tuple[str, Address], Station] | None = None) -> None:
        """translated: the station inside for an answer, by translator and remote address."""
        self.view = view
        self.steps: list[Step] = []
        self.crossings: list[Crossing] = []
        self.clamps: list[Clamp] = []
        self.passages: list[Passage] = []
        self.translated = dict(translated or {})
        self._seen: dict[tuple[str, Address, int], int] = {}
        self._wanted = ""

    def go(self, question: Question, front: str = "") -> WalkEnd:
        """Send the packet. front: the front door of the tunnel whose router sends it; "": where its source is."""
        if front:
            return self._route(question.start, Packet.asked(question, ttl=ROUTER_TTL), vrf=front)
        self._wanted = question.receiver
        host = self.view.host(question.start)
        packet = Packet.asked(question, ttl=HOST_TTL if host is not None or question.passes else ROUTER_TTL)
        if host is not None:
            return self._leave_host(question.start, packet)
        if question.passes:
            return self._enter(question.start, packet)
        return self._originate(question.start, packet)

    # ------------------------------------------------------------------------------------------------ the beginning

    def _leave_host(self, name: str, packet: Packet) -> WalkEnd:
        host = self.view.host(name)
        version = packet.destination.version
        own = [address for address in addresses_of(host) if address.version == version] if host is not None else []
        if host is None or not own:
            return self._drop(name, packet, f"{name} has no IPv{version} address")
        if packet.destination == own[0].ip:
            return self._done(name, packet)
        gateway = host.gateway if host.address.version == version else host.gateway6
        next_hop = packet.destination if packet.destination in own[0].network else gateway
        if next_hop is None:
            return self._drop(name, packet, f"{name} has no gateway for what is not on its wire")
        what = f"to its gateway {next_hop}" if next_hop == gateway else f"to {next_hop} on its own wire"
        self._say(name, packet, Act.SEND, what, limit=ETHERNET)
        return self._onto_wire(name, HOST_PORT, next_hop, packet, ETHERNET)

    def _originate(self, router: str, packet: Packet) -> WalkEnd:
        """Return a packet of the router's own."""
        if self.view.own(router, packet.destination, self.view.vrf_of(router, packet.source)) is not None:
            return self._done(router, packet)
        self._say(router, packet, Act.SEND, f"sends a packet of its own, from {packet.source}")
        return self._route(router, packet)

    def _enter(self, router: str, packet: Packet) -> WalkEnd:
        """Return a packet from elsewhere: by the port that its sender's network is on, if there is one."""
        lan = self.view.lan(packet.source)
        port = lan[1] if lan is not None and lan[0] == router else ""
        return self.arrive(router, port, packet)

    # ------------------------------------------------------------------------------------------------ a router

    def arrive(self, router: str, port: str, packet: Packet, sender: PacketOrigin | None = None) -> WalkEnd:
        """Take a packet that comes to a router, by a port, or out of a tunnel (then there is a `sender`)."""
        interface = self.view.interface(router, port)
        if interface is not None and not interface.line:
            return self._drop(router, packet, f"{port} is down: {interface.reason}")
        if sender is None:
            where = f"in by {port}" if port else "comes in"
            self._say(router, packet, Act.ARRIVE, f"{where}, TTL {packet.ttl}")
        filtered = self._filtered(router, port, packet, inward=True)
        if filtered is not None:
            return filtered
        if self.view.own(router, packet.destination, self.view.vrf_of(router, packet.source, port)) is not None:
            moved = self._let_inside(router, port, packet)
            if moved is None:
                return self._deliver(router, packet, self.view.vrf_of(router, packet.destination, port))
            packet, vrf = moved
            return self._forward(router, interface, packet, sender, vrf)
        return self._forward(router, interface, packet, sender)

    def _deliver(self, router: str, packet: Packet, vrf: str) -> WalkEnd:
        """Deliver a packet for this router, which came in a VRF. Pieces are put together first."""
        if packet.is_cut:
            count = len(packet.pieces)
            packet = packet.whole()
            what = f"puts {count} pieces together again"
            self._say(router, packet, Act.OPEN, what, clause="RFC 791 §3.2")
        return self._done(router, packet) if packet.inner is None else self._out_of_tunnel(router, packet, vrf)

    def _done(self, where: str, packet: Packet) -> WalkEnd:
        whole = packet.whole()
        wanted = self._wanted if self.view.host(where) is not None and where != self._wanted else ""
        also = f" ({wanted}, which has the same address, is not reached)" if wanted else ""
        self._say(where, whole, Act.DELIVER, f"has {packet.destination}{also}: it has arrived, with TTL {packet.ttl}")
        return WalkEnd(outcome=WalkOutcome.DELIVERED, where=where, ttl=packet.ttl, source=packet.source)

    def _forward(
        self,
        router: str,
        came: InterfaceFacts | None,
        packet: Packet,
        sender: PacketOrigin | None,
        vrf: str | None = None,
    ) -> WalkEnd:
        """Look it up and send it. vrf: whose table, None: that of the interface by which it came."""
        facts = self.view.router(router)
        if packet.destination.version == 6 and facts is not None and not facts.forwards_ipv6:
            return self._drop(router, packet, f"{router} does not forward IPv6 (no {_FORWARDING6})")
        if packet.ttl <= 1:
            return self._drop(router, packet, "its TTL is over", "time exceeded", clause="RFC 1812 §5.3.1")
        key = (router, packet.destination, packet.depth)
        if key in self._seen:
            return self._round(router, packet, self._seen[key])
        self._seen[key] = len(self.crossings)
        if came is not None and packet.depth == 0:
            self._note_clamp(router, came, packet)
        port = came.name if came is not None else ""
        return self._route(router, replace(packet, ttl=packet.ttl - 1), sender, port, vrf)

    def _round(self, router: str, packet: Packet, since: int) -> WalkEnd:
        way = [router, *(crossing.receiver for crossing in self.crossings[since:])]
        why = f"it is where it has been: {' > '.join(way)}; so it goes round until its TTL is over"
        self._say(router, packet, Act.END, why)
        return WalkEnd(outcome=WalkOutcome.LOOP, where=router, why=why, ttl=packet.ttl)

    def _route(
        self,
        router: str,
        packet: Packet,
        sender: PacketOrigin | None = None,
        came: str = "",
        vrf: str | None = None,
    ) -> WalkEnd:
        """Look it up, and send it there. came: the interface by which it came, "" for one of the router's own."""
        table = self.view.vrf_of(router, packet.source, came) if vrf is None else vrf
        return self._by_table(router, packet, table, sender, came)

    def _by_table(self, router: str, packet: Packet, vrf: str, sender: PacketOrigin | None, came: str) -> WalkEnd:
        """Do this by the table of a VRF."""
        match = self.view.match(router, packet.destination, vrf)
        if match is None:
            return self._no_route(router, packet, vrf)
        self._say(
            router,
            packet,
            Act.ROUTE,
            wording.route(match.route),
            because=wording.why_this_route(match),
            clause="RFC 1812 §5.2.4.3",
        )
        if match.route.drops or not match.hops:
            said = "" if match.route.silently else "host unreachable"
            return self._drop(router, packet, f"the route to {match.route.prefix} leads nowhere", said)
        hop = self._hop(router, match, packet)
        if hop.vrf and not hop.interface:
            return self._by_table(router, packet, hop.vrf, sender, came)
        next_hop = hop.address or packet.destination
        if sender is not None:
            self._watch_hairpin(router, hop.interface, next_hop, sender, packet)
        outside = self._overload(router, came, hop.interface, packet)
        if isinstance(outside, WalkEnd):
            return outside
        # Lists `out` are not asked about packets of the router itself.
        filtered = self._filtered(router, hop.interface, outside, inward=False) if came else None
        return filtered or self.emit(router, hop.interface, next_hop, outside)

    def _filtered(self, router: str, port: str, packet: Packet, *, inward: bool) -> WalkEnd | None:
        """Ask the filters of a port; None: the packet passes."""
        if port:
            place = (router, port, inward)
            self.passages.append(Passage(place, packet.source, packet.destination, packet.depth > 0))
        for answer in filters.answers(self.view, router, port, packet, inward=inward):
            if not answer.passes:
                said = filters.PROHIBITED if answer.answered else ""
                end = self._drop(router, packet, answer.what, said, clause=filters.CLAUSE if said else "")
                return replace(end, listed=answer.listed)
            self._say(router, packet, Act.FILTER, answer.what)
        return None

    def _no_route(self, router: str, packet: Packet, vrf: str) -> WalkEnd:
        """Drop a packet that the table of a VRF has no route for. Another table of the router may have one."""
        apart = self.view.apart(router, packet.destination, vrf)
        why = f"no route to {packet.destination}" + (f" in VRF {vrf}; VRF {apart} has one" if apart else "")
        return replace(self._drop(router, packet, why, "host unreachable"), apart=apart)

    def _hop(self, router: str, match: Match, packet: Packet) -> HopFacts:
        override = match.route.override
        if override is not None:
            what = f"NHRP's next hop instead (%): {wording.hop(override)}"
            self._say(router, packet, Act.OVERRIDE, what, because=self._why_override(router, match, override))
        hops = match.hops
        chosen = hops[packet.spread % len(hops)]
        if len(hops) > 1:
            what = f"{len(hops)} equal ways; by source and destination: {wording.hop(chosen)}"
            self._say(router, packet, Act.CHOOSE, what, because="a kernel's own hash may choose another one")
        return chosen

    # ------------------------------------------------------------------------------------------------ out of a port

    def emit(self, router: str, port: str, next_hop: Address, packet: Packet) -> WalkEnd:
        """Send a packet from a router by a port or a tunnel."""
        interface, tunnel = self.view.interface(router, port), self.view.tunnel(router, port)
        if interface is None or not interface.line:
            return self._drop(router, packet, f"{port} is down", "host unreachable")
        limit = interface.ip_mtu if packet.destination.version == 4 else interface.ip6_mtu
        self._note_clamp(router, interface, packet)
        kind = "ip" if packet.destination.version == 4 else "ipv6"
        self._say(router, packet, Act.PORT, f"{port}, {kind} mtu {limit}", limit=limit)
        if packet.octets > limit:
            if packet.df or packet.destination.version == 6:
                return self._too_big(router, packet, limit)
            packet = packet.cut(limit)
            sizes = wording.sizes(packet.pieces)
            self._say(router, packet, Act.CUT, f"cut into {sizes}", clause="RFC 791 §2.3", limit=limit)
        if tunnel is not None:
            return self._into_tunnel(router, tunnel, next_hop, packet)
        return self._onto_wire(router, port, next_hop, packet, limit)

    def _too_big(self, node: str, packet: Packet, limit: int) -> WalkEnd:
        what = "fragmentation needed" if packet.destination.version == 4 else "packet too big"
        why = f"{packet.octets} octets and must not be cut: {limit} fit"
        clause = "RFC 1191 §4" if packet.destination.version == 4 else "RFC 4443 §3.2"
        later = None
        if packet.wrapping is not None and packet.inner is not None:
            later = packet.wrapping.largest(max(limit, LEAST))
            why += f"; {packet.wrapping.router} hears of it, and takes no more than {later} from then on"
        end = self._drop(node, packet, why, what, mtu=limit, clause=clause)
        return replace(end, later_mtu=later)

    def _onto_wire(self, node: str, port: str, next_hop: Address, packet: Packet, limit: int) -> WalkEnd:
        """Send a packet out of a physical port, to the node on its wire that has the next-hop address."""
        if packet.octets > limit:
            if packet.df or packet.destination.version == 6:
                why = f"{packet.octets} octets are more than its own wire takes ({limit}), and must not be cut"
                return self._drop(node, packet, why)
            packet = packet.cut(limit)
            self._say(node, packet, Act.CUT, f"cut into {wording.sizes(packet.pieces)}", clause="RFC 791 §2.3")
        link = self.view.link(node, port)
        if link is None:
            why = f"it leaves by {port} to {next_hop}; what is there cannot be seen from here"
            self._say(node, packet, Act.END, why)
            return WalkEnd(outcome=WalkOutcome.UNSEEN, where=node, why=why)
        found = self.view.on_wire(link, next_hop, node)
        if found is None:
            dead = [name for name, _ in link.ends if name != node and self.view.lab.routers.get(name, node) is None]
            why = f"nobody on the wire has {next_hop}" + (f": {dead[0]} does not run" if dead else "")
            is_translator = self.view.gateway(node) is not None
            return self._drop(node, packet, why, "" if is_translator else "host unreachable")
        receiver, there = found
        self.crossings.append(
            Crossing(
                link=link.name,
                sender=node,
                receiver=receiver,
                source=packet.source,
                destination=packet.destination,
                protocol=packet.name,
                octets=packet.pieces,
            )
        )
        why = stopped(link, node, packet)
        if why:
            return self._drop(node, packet, f"the wire {link.name}: {why}")
        bad = remark(link, node)
        if bad:
            self._say(node, packet, Act.PORT, f"the wire is bad: {bad}")
        return self._at(receiver, there, packet)

    def _at(self, node: str, port: str, packet: Packet) -> WalkEnd:
        if self.view.router(node) is not None:
            return self.arrive(node, port, packet)
        if self.view.gateway(node) is not None:
            return self.translate(node, port, packet)
        host = self.view.host(node)
        if host is None or all(packet.destination != own.ip for own in addresses_of(host)):
            return self._drop(node, packet, f"{node} is a host, and does not forward")
        return self._done(node, packet)

    # ------------------------------------------------------------------------------------------------ translators

    def translate(self, name: str, port: str, packet: Packet) -> WalkEnd:
        gateway = self.view.gateway(name)
        if gateway is None or packet.destination.version != 4:
            return self._drop(name, packet, f"{name} translates IPv4")
        packet = packet.whole()
        if packet.destination in (gateway.public, gateway.inside) and port == INSIDE:
            return self._done(name, packet)
        if packet.ttl <= 1:
            return self._drop(name, packet, "its TTL is over", "time exceeded", clause="RFC 1812 §5.3.1")
        packet = replace(packet, ttl=packet.ttl - 1)
        return self._outwards(name, gateway, packet) if port == INSIDE else self._inwards(name, gateway, packet)

    def _overload(self, router: str, came: str, leaves: str, packet: Packet) -> Packet | WalkEnd:
        facts = self.view.router(router)
        order = facts.translation if facts is not None else None
        source, destination = packet.source, packet.destination
        if order is None or came not in order.inside or not isinstance(source, IPv4Address):
            return packet
        vrf = self.view.vrf_of(router, source, came)
        overloads = [one for one in order.overloads if (one.outside, one.vrf) == (leaves, vrf)]
        interface = self.view.interface(router, leaves)
        public = next((own.ip for own in interface.addresses if own.version == 4), None) if interface else None
        if not overloads or public is None or not isinstance(destination, IPv4Address):
            return packet
        flow = PacketFlow(packet.protocol, source, destination, *packet.ports)
        overload = next((one for one in overloads if one.translates(flow)), None)
        if overload is None:
            what = "no NAT rule permits it: it leaves with its own address"
            self._say(router, packet, Act.TRANSLATE, what, limit=ETHERNET)
            return packet
        if packet.protocol in overload.refused:
            why = f"{packet.name} has no ports, and the router's own tunnels speak it: NAT overload does not let it out"
            return self._drop(router, packet, why)
        packet = packet.whole()
        self.translated[router, destination] = Station(source, vrf)
        outside = replace(packet, source=public)
        self._say(router, outside, Act.TRANSLATE, f"NAT overload: source {source} becomes {public}", limit=ETHERNET)
        return outside

    def _let_inside(self, router: str, came: str, packet: Packet) -> tuple[Packet, str] | None:
        facts = self.view.router(router)
        order = facts.translation if facts is not None else None
        inside = self.translated.get((router, packet.source))
        if order is None or inside is None or packet.depth or came not in [one.outside for one in order.overloads]:
            return None
        moved = replace(packet.whole(), destination=inside.address)
        what = f"NAT overload: destination {packet.destination} becomes {inside.address}"
        self._say(router, moved, Act.TRANSLATE, what, limit=ETHERNET)
        return moved, inside.vrf

    def _outwards(self, name: str, gateway: GatewayFacts, packet: Packet) -> WalkEnd:
        taken = _taken(gateway, packet)
        if taken is not None:
            why = f"{taken} has the only GRE flow from {gateway.public} to {packet.destination}: GRE has no ports"
            return self._drop(name, packet, why, clause="RFC 2663 §5.0")
        if packet.depth == 0:
            self.translated[name, packet.destination] = Station(packet.source)
        outside = replace(packet, source=gateway.public, ports=self._ports_outside(gateway, packet))
        before, after = _end(packet.source, packet.ports[0]), _end(gateway.public, outside.ports[0])
        self._say(name, outside, Act.TRANSLATE, f"source {before} becomes {after}", limit=ETHERNET)
        link = self.view.link(name, OUTSIDE)
        near = self.view.on_wire(link, packet.destination, name) if link is not None else None
        next_hop: Address = packet.destination if near is not None else gateway.gateway or packet.destination
        return self._onto_wire(name, OUTSIDE, next_hop, outside, ETHERNET)

    def _ports_outside(self, gateway: GatewayFacts, packet: Packet) -> tuple[int, int]:
        """Return the ports; the translated source port as the receiver's SA has it, 0 if that is not in view."""
        if packet.wrapping is None or packet.wrapping.sa is None or packet.protocol != IpProtocol.UDP:
            return packet.ports
        spi = packet.wrapping.sa.spi_out
        there = (sa for sa in self.view.sas() if sa.spi_in == spi and sa.remote == gateway.public)
        return next((sa.remote_port for sa in there), 0), packet.ports[1]

    def _inwards(self, name: str, gateway: GatewayFacts, packet: Packet) -> WalkEnd:
        if packet.destination != gateway.public:
            return self._drop(name, packet, f"{name} lets nothing in that is not for {gateway.public}")
        inside = self._inside(name, gateway, packet)
        if inside is None:
            why = f"nobody behind {name} has a flow that this belongs to: what comes unasked is for nobody"
            return self._drop(name, packet, why)
        ports = (packet.ports[0], self._port_inside(packet))
        moved = replace(packet, destination=inside, ports=ports)
        before, after = _end(packet.destination, packet.ports[1]), _end(inside, ports[1])
        self._say(name, moved, Act.TRANSLATE, f"destination {before} becomes {after}", limit=ETHERNET)
        return self._onto_wire(name, INSIDE, inside, moved, ETHERNET)

    def _inside(self, name: str, gateway: GatewayFacts, packet: Packet) -> Address | None:
        """Return the inside address that a packet is for, None if there is none."""
        if packet.wrapping is None:
            station = self.translated.get((name, packet.source))
            return station.address if station is not None else None
        if packet.wrapping.sa is not None:
            return self._receiver(packet.wrapping.sa.spi_out, gateway)
        if gateway.flows is None:
            return self._only_tunnel_inside(gateway, packet)
        return next((flow.inside for flow in gateway.flows if flow.remote == packet.source), None)

    def _receiver(self, spi: int, gateway: GatewayFacts) -> Address | None:
        return next((sa.local for sa in self.view.sas() if sa.spi_in == spi and sa.local in gateway.private), None)

    def _only_tunnel_inside(self, gateway: GatewayFacts, packet: Packet) -> Address | None:
        """Return the source of the only tunnel inside with the packet's key; None if there are several.

        The flows of the translator are not in view.
        """
        found = [
            tunnel.source
            for facts in self.view.lab.routers.values()
            for tunnel in (facts.tunnels if facts is not None else ())
            if packet.wrapping is not None
            and tunnel.key == packet.wrapping.key
            and tunnel.source is not None
            and tunnel.source in gateway.private
        ]
        return found[0] if len(found) == 1 else None

    def _port_inside(self, packet: Packet) -> int:
        sa = packet.wrapping.sa if packet.wrapping is not None else None
        if sa is None or packet.protocol != IpProtocol.UDP:
            return packet.ports[1]
        return next((one.local_port for one in self.view.sas() if one.spi_in == sa.spi_out), packet.ports[1])

    # ------------------------------------------------------------------------------------------------ elsewhere

    @abstractmethod
    def _into_tunnel(self, router: str, tunnel: TunnelFacts, next_hop: Address, packet: Packet) -> WalkEnd:
        """Send a packet into a tunnel."""

    @abstractmethod
    def _out_of_tunnel(self, router: str, packet: Packet, front: str) -> WalkEnd:
        """Take a tunnel's packet that has come to an address of this router in a front door."""

    @abstractmethod
    def _watch_hairpin(self, router: str, leaves: str, next_hop: Address, sender: PacketOrigin, packet: Packet) -> None:
        """Watch whether a packet that came out of a tunnel goes back into one of the same network."""

    @abstractmethod
    def _why_override(self, router: str, match: Match, override: HopFacts) -> str:
        """Return the NHRP entry that made the override."""

    # ------------------------------------------------------------------------------------------------ saying it

    def _note_clamp(self, router: str, interface: InterfaceFacts, packet: Packet) -> None:
        mss = interface.mss if packet.destination.version == 4 else interface.mss6
        if mss is not None and packet.depth == 0:
            self.clamps.append(Clamp(where=router, interface=interface.name, mss=mss))

    def _say(
        self,
        where: str,
        packet: Packet,
        act: Act,
        what: str,
        *,
        because: str = "",
        limit: int | None = None,
        clause: str = "",
    ) -> None:
        self.steps.append(
            Step(
                where=where,
                act=act,
                what=what,
                because=because,
                depth=packet.depth,
                octets=packet.octets,
                left=None if limit is None else limit - packet.octets,
                clause=clause,
            )
        )

    def _drop(
        self, where: str, packet: Packet, why: str, icmp: str = "", *, mtu: int | None = None, clause: str = ""
    ) -> WalkEnd:
        """Drop a packet that ends here. icmp: the error to its sender, "": no error is sent."""
        refusal = Refusal(by=where, to=packet.source, what=icmp, mtu=mtu) if icmp else None
        heard = wording.refusal(refusal) if refusal is not None else "nobody is told"
        if refusal is not None and not self._reaches(where, packet.source):
            heard, refusal = f"nobody is told: {where} has no route to {packet.source}", None
        self._say(where, packet, Act.END, f"dropped: {why}", because=heard, clause=clause)
        return WalkEnd(outcome=WalkOutcome.DROPPED, where=where, why=why, ttl=packet.ttl, refusal=refusal)

    def _reaches(self, node: str, address: Address) -> bool:
        """Return whether the router that drops a packet can answer its sender at all."""
        if self.view.router(node) is None or self.view.own(node, address) is not None:
            return True
        match = self.view.match(node, address)
        return match is not None and bool(match.hops)


def _taken(gateway: GatewayFacts, packet: Packet) -> IPv4Address | None:
    """Return another station inside that has the GRE flow to this remote."""
    if packet.protocol != IpProtocol.GRE or packet.wrapping is None:
        return None
    inside = [flow.inside for flow in gateway.flows or () if flow.remote == packet.destination]
    return inside[0] if inside and packet.source not in inside else None


def _end(address: Address, port: int) -> str:
    return f"{address}:{port}" if port else str(address)
