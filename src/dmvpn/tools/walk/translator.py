"""The path through NAT: the translated address, the inside host of an answer, and packets that NAT drops."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from dmvpn.base.translation import PacketFlow
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab_model import INSIDE, OUTSIDE
from dmvpn.tools.walk.ground import ETHERNET, Ground
from dmvpn.tools.walk.values import Act, Station, WalkEnd

if TYPE_CHECKING:
    from dmvpn.base.facts import Address
    from dmvpn.shells.facts import GatewayFacts
    from dmvpn.tools.walk.packet import Packet


class Translating(Ground):
    """Passes packets through translators. They put pieces together first: only the first one has ports."""

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
        for facts in self.view.lab.routers.values():
            for sa in facts.sas if facts is not None else ():
                if sa.spi_in == spi and sa.remote == gateway.public:
                    return sa.remote_port, packet.ports[1]
        return 0, packet.ports[1]

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
        for facts in self.view.lab.routers.values():
            for sa in facts.sas if facts is not None else ():
                if sa.spi_in == spi and sa.local in gateway.private:
                    return sa.local
        return None

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
        for facts in self.view.lab.routers.values():
            for known in facts.sas if facts is not None else ():
                if known.spi_in == sa.spi_out:
                    return known.local_port
        return packet.ports[1]


def _taken(gateway: GatewayFacts, packet: Packet) -> IPv4Address | None:
    """Return another station inside that has the GRE flow to this remote."""
    if packet.protocol != IpProtocol.GRE or packet.wrapping is None:
        return None
    inside = [flow.inside for flow in gateway.flows or () if flow.remote == packet.destination]
    return inside[0] if inside and packet.source not in inside else None


def _end(address: Address, port: int) -> str:
    return f"{address}:{port}" if port else str(address)
