"""The queries of a walk to the facts: the owner of an address, the wire of a port, the longest matching route.

And what a bad wire does to a packet: the words of `LinkFacts.bad`, as in `lab impair` ("block esp from R31").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet, peek_flow
from dmvpn.shells.lab_model import INSIDE, OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address, AddressWithLength
    from dmvpn.features.interface.facts import InterfaceFacts
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.features.rib.facts import HopFacts, RouteFacts
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.shells.facts import GatewayFacts, HostFacts, LabFacts, LinkFacts


# ---------------------------------------------------------------------------------------------------- view

#: The only port of a host.
HOST_PORT = "eth0"


@dataclass(frozen=True, slots=True)
class Match:
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
        return [name for name, host in self.lab.hosts.items() if any(own.ip == address for own in addresses_of(host))]

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
            if node != sender and address in self._answers_to(node, port):
                return node, port
        return None

    def _answers_to(self, node: str, port: str) -> tuple[Address, ...]:
        interface, host, gateway = self.interface(node, port), self.host(node), self.gateway(node)
        if interface is not None:
            return tuple(own.ip for own in interface.addresses) if interface.line else ()
        if host is not None:
            return tuple(own.ip for own in addresses_of(host))
        if gateway is not None:
            known = {INSIDE: gateway.inside, OUTSIDE: gateway.public}
            return tuple(address for name, address in known.items() if name == port and address is not None)
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


def addresses_of(host: HostFacts) -> tuple[AddressWithLength, ...]:
    """Return the addresses of either IP version."""
    return (host.address,) if host.address6 is None else (host.address, host.address6)


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

_PROTOCOLS = {
    "gre": (IpProtocol.GRE,),
    "esp": (IpProtocol.ESP,),
    "icmp": (IpProtocol.ICMP,),
}
_FROM = " from "


def stopped(link: LinkFacts, sender: str, data: bytes) -> str:
    """Return why a packet of this sender is certain to be lost on the wire, "" if it may pass."""
    if link.cut:
        return "cut, nothing passes"
    for text in _about(link, sender):
        word, _, rest = text.partition(" ")
        if word == "cut":
            return f"cut for what {sender} sends"
        if word == "block" and _is_blocked(rest, data):
            return f"it lets no {rest} through"
        if word == "loss" and float(rest) >= 100:
            return f"it loses everything that {sender} sends"
        if word == "mtu" and len(data) > float(rest):
            return f"{len(data)} octets are more than the {rest} that pass it, and nobody is told"
    return ""


def remark(link: LinkFacts, sender: str) -> str:
    """Return the other impairments of a wire that a packet may pass, "" if there are none."""
    return ", ".join(text for text in _about(link, sender) if not text.startswith(("cut", "block", "mtu")))


def _about(link: LinkFacts, sender: str) -> list[str]:
    """Return the impairments for packets of this sender."""
    about = [text.partition(_FROM) for text in link.bad]
    return [what for what, _, whose in about if whose in ("", sender)]


def _is_blocked(name: str, data: bytes) -> bool:
    if data[0] >> 4 != 4:
        return False
    if name == "fragments":
        return Ipv4Packet.parse(data).is_fragment
    flow = peek_flow(data)
    if name.startswith("udp-"):
        ports = (flow.source_port, flow.destination_port)
        return flow.protocol == IpProtocol.UDP and int(name.removeprefix("udp-")) in ports
    return flow.protocol in _PROTOCOLS.get(name, ())
