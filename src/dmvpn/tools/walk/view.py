"""The queries of a walk to the facts: the owner of an address, the wire of a port, the longest matching route.

And what a bad wire does to a packet: the words of `LinkFacts.bad`, as in `lab impair` ("block esp from R31").

A router's tables for the simulated plane, from its facts: orders, routes and SAs.

Routes are many, and one packet needs few of them, so they are looked up in the facts when a packet asks. Facts have no
keys: both ends of an SA get a key of its SPI.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base import effects
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import UserError
from dmvpn.base.facts import NO_REASON, Address
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform
from dmvpn.base.values import Value, project
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.simulated.chassis import SenderDoubt, doubt_of
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.network.device import Device
from dmvpn.network.switching import Bridge, End, Layer2, PluggedWire, Vertex, layer2
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab_model import INSIDE, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.filters import ReversePath
    from dmvpn.base.switching import Box
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.features.rib.facts import HopFacts, RouteFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.shells.facts import GatewayFacts, HostFacts, LabFacts, LinkFacts


# ---------------------------------------------------------------------------------------------------- view


@lru_cache(maxsize=256)
def _box(configuration: tuple[str, ...]) -> Box:
    return Device.read("", "\n".join([*configuration, "end", ""])).box


#: The only port of a host.
HOST_PORT = "eth0"


class Match(Value):
    """The longest matching route for an address, and the shorter ones that match as well."""

    route: RouteFacts
    others: tuple[RouteFacts, ...]

    @property
    def hops(self) -> tuple[HopFacts, ...]:
        """The next hops that packets take: NHRP's override, or those of the route."""
        return (self.route.override,) if self.route.override is not None else self.route.next_hops


class View:
    """The facts of a lab, or of one router (a lab without wires), by name and by address."""

    def __init__(self, lab: LabFacts) -> None:
        self.lab = lab
        self._links = {end: link for link in lab.links for end in link.ends}

    # ------------------------------------------------------------------------------------------------ by name

    def router(self, name: str) -> RouterFacts | None:
        """Return a router that runs."""
        return self.lab.routers.get(name)

    def host(self, name: str) -> HostFacts | None:
        """Return a host."""
        return self.lab.hosts.get(name)

    def gateway(self, name: str) -> GatewayFacts | None:
        """Return a translator."""
        return self.lab.gateways.get(name)

    def interface(self, router: str, name: str) -> InterfaceFacts | None:
        """Return an interface of a router that runs."""
        facts = self.router(router)
        return next((it for it in facts.interfaces if it.name == name), None) if facts is not None else None

    def tunnel(self, router: str, name: str) -> TunnelFacts | None:
        """Return a tunnel of a router that runs."""
        facts = self.router(router)
        return next((it for it in facts.tunnels if it.name == name), None) if facts is not None else None

    def link(self, node: str, port: str) -> LinkFacts | None:
        """Return the wire that a port is on."""
        return self._links.get((node, port))

    # ------------------------------------------------------------------------------------------------ by address

    def own(self, router: str, address: Address, vrf: str | None = None) -> InterfaceFacts | None:
        """Return the interface of a router that has an address. vrf: None: in any VRF."""
        facts = self.router(router)
        for interface in facts.interfaces if facts is not None else ():
            is_there = interface.enabled and vrf in (None, interface.vrf)
            if is_there and any(own.ip == address for own in interface.addresses):
                return interface
        return None

    def hosts_with(self, address: Address) -> list[str]:
        """Return the hosts that have an address: in different VRFs there may be several."""
        return [name for name, host in self.lab.hosts.items() if any(own.ip == address for own in host.addresses)]

    def owner(self, address: Address) -> str | None:
        """Return the host or router that has an address."""
        hosts = self.hosts_with(address)
        if hosts:
            return hosts[0]
        return next((name for name in self.lab.routers if self.own(name, address) is not None), None)

    def lan(self, address: Address) -> tuple[str, str] | None:
        """Return the router and the port on whose subnet an address is, for a host that is not in view."""
        for name, facts in self.lab.routers.items():
            for interface in facts.interfaces if facts is not None else ():
                is_tunnel = self.tunnel(name, interface.name) is not None
                if not is_tunnel and any(address in own.network for own in interface.addresses):
                    return name, interface.name
        return None

    def on_wire(self, link: LinkFacts, address: Address, sender: str) -> tuple[str, str] | None:
        """Return the node and port on a wire that answer for an address."""
        for node, port in link.ends:
            if node != sender and (address in self._answers_to(node, port) or self._translates(node, port, address)):
                return node, port
        return next((end for end in link.ends if end[0] != sender and self._has_elsewhere(*end, address)), None)

    def bridges(self, one: tuple[str, str], other: tuple[str, str]) -> list[Bridge]:
        """Return the VLANs of switches that a frame passes from one end to another."""
        way = self._layer2.ways_to(End(*other)) if self.lab.cables else {}
        vertex: Vertex = End(*one)
        found: list[Bridge] = []
        while way.get(vertex, vertex) != vertex:
            vertex = way[vertex]
            found += [vertex] if isinstance(vertex, Bridge) else []
        return found

    @cached_property
    def _layer2(self) -> Layer2:
        running = {name: facts for name, facts in self.lab.routers.items() if facts is not None}
        boxes = {name: _box(facts.configuration) for name, facts in running.items()}
        return layer2([PluggedWire(cable.ends, cable.cut) for cable in self.lab.cables], boxes)

    def _translates(self, node: str, port: str, address: Address) -> bool:
        """Return whether a router answers for an address of its NAT on a wire."""
        facts, interface = self.router(node), self.interface(node, port)
        order = facts.translation if facts is not None else None
        if order is None or interface is None or not interface.line:
            return False
        on_wire = any(address in own.network for own in interface.addresses)
        return on_wire and any(address in Prefix.parse(alias) for alias in order.aliases)

    def _has_elsewhere(self, node: str, port: str, address: Address) -> bool:
        """Return whether a router answers on a wire for the IPv4 address of another port of the same VRF."""
        here = self.interface(node, port)
        return here is not None and here.line and address.version == 4 and bool(self.own(node, address, here.vrf))

    def _answers_to(self, node: str, port: str) -> tuple[Address, ...]:
        interface, host, gateway = self.interface(node, port), self.host(node), self.gateway(node)
        if interface is not None:
            return tuple(own.ip for own in interface.addresses) if interface.line else ()
        if host is not None:
            return tuple(own.ip for own in host.addresses)
        if gateway is not None:
            known = {INSIDE: (gateway.inside,), OUTSIDE: gateway.publics}
            return tuple(address for address in known.get(port, ()) if address is not None)
        return ()

    # ------------------------------------------------------------------------------------------------ routes, SAs

    def match(self, router: str, address: Address, vrf: str = "") -> Match | None:
        """Return the route of a VRF that a router takes to an address."""
        facts = self.router(router)
        found = facts.routes_to(address, vrf) if facts is not None else []
        return Match(found[0], tuple(found[1:])) if found else None

    def apart(self, router: str, address: Address, vrf: str) -> str:
        """Return another VRF that has a route to an address, other than a default route; "": none, or `vrf` is the
        global table.
        """
        facts = self.router(router) if vrf else None
        others = [table.vrf for table in facts.tables if table.vrf not in ("", vrf)] if facts is not None else []
        matches = {one: self.match(router, address, one) for one in others}
        return next((one for one, match in matches.items() if match and match.route.prefix.prefixlen), "")

    def vrf_of(self, router: str, own: Address, came: str = "") -> str:
        """Return the VRF of the interface by which a packet came, or of the router's own address that sends it."""
        facts = self.router(router)
        interfaces = facts.interfaces if facts is not None else ()
        if came:
            return next((one.vrf for one in interfaces if one.name == came), "")
        return next((one.vrf for one in interfaces if any(each.ip == own for each in one.addresses)), "")

    def vrf_of_host(self, name: str) -> str:
        """Return the VRF of the router's port that a host is behind, "": the global table, or there is no such host."""
        host = self.host(name)
        link = self.link(name, HOST_PORT)
        ends = link.ends if link is not None and host is not None else ()
        ports = (self.interface(*end) for end in ends if host is not None and end[0] == host.router)
        return next((port.vrf for port in ports if port is not None), "")

    def sas(self) -> Iterator[SaFacts]:
        """Yield the pairs of SAs of all routers that run."""
        for facts in self.lab.routers.values():
            yield from facts.sas if facts is not None else ()


def without_filters(lab: LabFacts) -> LabFacts:
    """Return the lab as if no router filtered packets."""
    routers = {name: facts and facts.model_copy(update={"packet_filters": ()}) for name, facts in lab.routers.items()}
    return lab.model_copy(update={"routers": routers})


def without_shortcuts(lab: LabFacts) -> LabFacts:
    """Return the lab without NHRP's changes to the routing tables, which expire with its entries."""
    routers = {
        name: facts
        and facts.model_copy(
            update={
                "routes": tuple(
                    one.model_copy(update={"override": None}) for one in facts.routes if one.source != "nhrp"
                )
            }
        )
        for name, facts in lab.routers.items()
    }
    return lab.model_copy(update={"routers": routers})


# ---------------------------------------------------------------------------------------------------- wires

_FROM = " from "


def stopped(link: LinkFacts, sender: str, data: bytes) -> str:
    """Return why a packet of this sender is certain to be lost on the wire, "" if it may pass."""
    if link.cut:
        return "cut, nothing passes"
    for text in _about(link, sender):
        word, _, rest = text.partition(" ")
        if word == "cut":
            return f"cut for what {sender} sends"
        if word == "block" and Badness(block=(rest,)).blocks(data):
            return f"it lets no {rest} through"
        if word == "loss" and float(rest) >= 100:
            return f"it loses everything that {sender} sends"
        if word == "mtu" and len(data) > float(rest):
            return f"{len(data)} octets are more than the {rest} that pass it, and no error is sent"
    return ""


def remark(link: LinkFacts, sender: str) -> str:
    """Return the other impairments of a wire that a packet may pass, "" if there are none."""
    return ", ".join(text for text in _about(link, sender) if not text.startswith(("cut", "block", "mtu")))


def _about(link: LinkFacts, sender: str) -> list[str]:
    """Return the impairments for packets of this sender."""
    about = [text.partition(_FROM) for text in link.bad]
    return [what for what, _, whose in about if whose in ("", sender)]


# ------------------------------------------------------------------------------------------------ tables of a router


#: In the place of an address that is not known, or does not matter.
NOWHERE: Final = IPv4Address(0)


def orders(facts: RouterFacts) -> Iterator[effects.Effect]:
    """Yield the orders that bring a plane into the state of a router, except for routes."""
    names = (*(it.vrf for it in facts.interfaces), *(it.front for it in facts.tunnels), *(it.vrf for it in facts.vrfs))
    yield effects.SetVrfs(tuple(name for name in dict.fromkeys(names) if name))
    yield effects.SetIpv6Forwarding(facts.forwards_ipv6)
    protected = [(it.front, it.source) for it in facts.tunnels if it.protection and it.source is not None]
    for front in dict.fromkeys(front for front, _ in protected):
        yield effects.InVrf(front, effects.ServeIpsec(tuple(source for there, source in protected if there == front)))
    ports = {it.name: it for it in facts.interfaces}
    for tunnel in facts.tunnels:
        port = ports.get(tunnel.name)
        yield effects.SetTunnel(
            project(
                effects.TunnelSpec,
                tunnel,
                source=tunnel.source or NOWHERE,
                mtu=port.ip_mtu if port is not None else tunnel.ip_mtu,
                protected=bool(tunnel.protection),
                df=effects.DfBit(tunnel.df),
            )
        )
        yield effects.SetCarrier(tunnel.name, port is not None and port.line)
        for version in (4, 6):
            yield effects.SetHairpin(tunnel.name, tunnel.network_id, report=True, version=version)
    for it in facts.interfaces:
        own = tuple((each.ip, each.network.prefixlen) for each in it.addresses)
        yield effects.SetInterface(it.name, it.enabled, own, it.ip_mtu, it.mss, it.ip6_mtu, it.mss6, vrf=it.vrf)
    for tunnel in facts.tunnels:
        for adjacency in tunnel.adjacencies:
            yield effects.SetAdjacency(tunnel.name, *adjacency)
    for found in facts.packet_filters:
        if found.reason == NO_REASON:
            yield effects.SetFilters(found.interface, found.filters, found.version)
    yield from map(_install, facts.sas)
    if facts.translation is not None:
        order = facts.translation
        aliases = tuple(map(Prefix.parse, order.aliases))
        yield effects.SetTranslation(order.inside, order.rules, order.outside, order.statics, aliases, order.own)


class FactsTable(ForwardingTable):
    """The forwarding table of a VRF. With an override of NHRP, packets take its next hop."""

    def __init__(self, facts: RouterFacts, vrf: str) -> None:
        super().__init__(vrf)
        self.facts = facts
        self.vrf = vrf
        self._matches: dict[IPAddress, Match | None] = {}
        there = [it for it in facts.interfaces if it.enabled and it.vrf == vrf]
        self.own = {own.ip: it.name for it in there for own in it.addresses}

    def look_up(self, destination: IPAddress) -> tuple[Prefix, tuple[effects.NextHop, ...] | effects.RouteKind] | None:
        """Return the route for a destination."""
        match = self.match(destination)
        if match is None:
            return None
        route = match.route
        prefix = Prefix(route.prefix.network_address, route.prefix.prefixlen)
        if route.drops or not match.hops:
            return prefix, effects.RouteKind.DISCARD if route.silently else effects.RouteKind.UNREACHABLE
        return prefix, tuple(effects.NextHop(hop.interface, hop.address, vrf=hop.vrf) for hop in match.hops)

    def match(self, destination: IPAddress) -> Match | None:
        """Return the route for a destination, and the shorter ones; None: there is none."""
        if destination not in self._matches:
            found = self.facts.routes_to(destination, self.vrf)
            self._matches[destination] = Match(found[0], tuple(found[1:])) if found else None
        return self._matches[destination]


def _install(sa: SaFacts) -> effects.InstallSa:
    transform = transform_of(sa)
    octets = EspSuite.of(transform).keymat
    keys = sa.spi_in.to_bytes(octets, "big"), sa.spi_out.to_bytes(octets, "big")
    made = project(
        EspSa,
        sa,
        transform=transform,
        key_in=keys[0],
        key_out=keys[1],
        hash_key_in=keys[0],
        hash_key_out=keys[1],
        tunnel_mode=not sa.transport,
        inner_local=NOWHERE,  # both ends have agreed on the selectors
        inner_remote=NOWHERE,
    )
    return effects.InstallSa(made, eager=sa.used)


def transform_of(sa: SaFacts) -> EspTransform:
    """Return an SA's algorithms: "aes-gcm 256", "aes-cbc 128 sha256". Raises UserError."""
    cipher, bits, *hashes = sa.transform.lower().split()
    try:
        return EspTransform(EspCipher(cipher), int(bits), EspHash(hashes[0]) if hashes else None)
    except ValueError as error:
        raise UserError(f"this program does not know the transform {sa.transform!r}") from error


def unreachable(facts: RouterFacts, port: str, source: Address, asked: ReversePath) -> str:
    """Return why a port that verifies senders drops a packet from this one, "": it lets it in."""
    table = FactsTable(facts, next((one.vrf for one in facts.interfaces if one.name == port), ""))
    return words_of_doubt(doubt_of(port, asked, source, table), source, table)


def words_of_doubt(doubt: SenderDoubt | None, source: IPAddress, table: FactsTable) -> str:
    """Return why a sender is not reachable as a port asks for, "": it is."""
    match = table.match(source)
    ports = " and ".join(hop.interface for hop in match.hops) if match is not None else ""
    return doubt.value.format(source=source, ports=ports) if doubt is not None else ""
