"""A router's tables for the simulated plane, from its facts: orders, routes and SAs.

Routes are many, and one packet needs few of them, so they are looked up in the facts when a packet asks. Facts have no
keys: both ends of an SA get a key of its SPI.
"""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import (
    DfBit,
    InstallSa,
    InVrf,
    NextHop,
    RouteKind,
    ServeIpsec,
    SetAdjacency,
    SetCarrier,
    SetFilters,
    SetHairpin,
    SetInterface,
    SetIpv6Forwarding,
    SetTranslation,
    SetTunnel,
    SetVrfs,
    TunnelSpec,
)
from dmvpn.base.errors import UserError
from dmvpn.base.facts import NO_REASON
from dmvpn.base.protection import EspCipher, EspHash, EspSa, EspTransform
from dmvpn.base.values import project
from dmvpn.dataplane.esp.suite import EspSuite
from dmvpn.dataplane.simulated.chassis import SenderDoubt, doubt_of
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.tools.walk.view import Match

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.effects import Effect
    from dmvpn.base.facts import Address
    from dmvpn.base.filters import ReversePath
    from dmvpn.features.ipsec.facts import SaFacts
    from dmvpn.router.facts import RouterFacts

#: In the place of an address that is not known, or does not matter.
NOWHERE: Final = IPv4Address(0)


def orders(facts: RouterFacts) -> Iterator[Effect]:
    """Yield the orders that bring a plane into the state of a router, except for routes."""
    names = (*(it.vrf for it in facts.interfaces), *(it.front for it in facts.tunnels), *(it.vrf for it in facts.vrfs))
    yield SetVrfs(tuple(name for name in dict.fromkeys(names) if name))
    yield SetIpv6Forwarding(facts.forwards_ipv6)
    protected = [(it.front, it.source) for it in facts.tunnels if it.protection and it.source is not None]
    for front in dict.fromkeys(front for front, _ in protected):
        yield InVrf(front, ServeIpsec(tuple(source for there, source in protected if there == front)))
    ports = {it.name: it for it in facts.interfaces}
    for tunnel in facts.tunnels:
        port = ports.get(tunnel.name)
        yield SetTunnel(
            project(
                TunnelSpec,
                tunnel,
                source=tunnel.source or NOWHERE,
                mtu=port.ip_mtu if port is not None else tunnel.ip_mtu,
                protected=bool(tunnel.protection),
                df=DfBit(tunnel.df),
            )
        )
        yield SetCarrier(tunnel.name, port is not None and port.line)
        for version in (4, 6):
            yield SetHairpin(tunnel.name, tunnel.network_id, report=True, version=version)
    for it in facts.interfaces:
        own = tuple((each.ip, each.network.prefixlen) for each in it.addresses)
        yield SetInterface(it.name, it.enabled, own, it.ip_mtu, it.mss, it.ip6_mtu, it.mss6, vrf=it.vrf)
    for tunnel in facts.tunnels:
        for adjacency in tunnel.adjacencies:
            yield SetAdjacency(tunnel.name, *adjacency)
    for found in facts.packet_filters:
        if found.reason == NO_REASON:
            yield SetFilters(found.interface, found.filters)
    yield from map(_install, facts.sas)
    if facts.translation is not None:
        yield SetTranslation(facts.translation.inside, facts.translation.overloads)


class FactsTable(ForwardingTable):
    """The forwarding table of a VRF. With an override of NHRP, packets take its next hop."""

    def __init__(self, facts: RouterFacts, vrf: str) -> None:
        super().__init__(vrf)
        self.facts = facts
        self.vrf = vrf
        self._matches: dict[IPAddress, Match | None] = {}
        there = [it for it in facts.interfaces if it.enabled and it.vrf == vrf]
        self.own = {own.ip: it.name for it in there for own in it.addresses}

    def look_up(self, destination: IPAddress) -> tuple[Prefix, tuple[NextHop, ...] | RouteKind] | None:
        """Return the route for a destination."""
        match = self.match(destination)
        if match is None:
            return None
        route = match.route
        prefix = Prefix(route.prefix.network_address, route.prefix.prefixlen)
        if route.drops or not match.hops:
            return prefix, RouteKind.DISCARD if route.silently else RouteKind.UNREACHABLE
        return prefix, tuple(NextHop(hop.interface, hop.address, vrf=hop.vrf) for hop in match.hops)

    def match(self, destination: IPAddress) -> Match | None:
        """Return the route for a destination, and the shorter ones; None: there is none."""
        if destination not in self._matches:
            found = self.facts.routes_to(destination, self.vrf)
            self._matches[destination] = Match(found[0], tuple(found[1:])) if found else None
        return self._matches[destination]


def _install(sa: SaFacts) -> InstallSa:
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
    return InstallSa(made, eager=sa.used)


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
