"""Correct addresses and tunnel sources for routers on which they are missing or wrong.

The correct value follows from the router at the other end of a wire, from the address that clients use for a server,
and from addresses that are free. () and "": unknown.

Masks: both ends of a wire must have one network; if they differ, which end is wrong.

LANs: the owner of an address, judged by the hosts there. A host knows its own network and its gateway. So it is known
which of two routers with one LAN is wrong, and which address a router's LAN port had before a change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import combinations, islice
from typing import Final, NamedTuple

from dmvpn.base.addresses import spelled
from dmvpn.base.breath import breathing
from dmvpn.base.facts import Address, AddressWithLength, Network
from dmvpn.base.findings import Cause
from dmvpn.features.interface.config import IPV6_ADDRESS as ADDRESS6
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.ios import INTERFACE, Blank, Placeholder
from dmvpn.ios.interface_addresses import ADDRESS
from dmvpn.router.facts import TunnelFacts
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.doctor import terms
from dmvpn.tools.doctor.configuration import device, static_routes
from dmvpn.tools.doctor.scene import ProbePurpose, Scene, addresses_of
from dmvpn.tools.doctor.verdicts import Finding, Step, Verdict
from dmvpn.tools.walk.view import HOST_PORT

#: Addresses of a network in the search for a free one.
_MANY: Final = 4096


def address_line(address: Address | None = None, network: IPv4Network | IPv6Network | None = None) -> str:
    """Return the line that gives a port its address, with placeholders for unknown values."""
    if isinstance(address, IPv6Address):
        near = Placeholder(f"{spelled(address)}/{Blank('length')}")
        return ADDRESS6.line(address=near if network is None else IPv6Interface((address, network.prefixlen)))
    mask = Blank("mask") if network is None else network.netmask
    return ADDRESS.line(address=address or Blank("address"), mask=mask)


def wire_lines(scene: Scene, router: str) -> tuple[str, ...]:
    """Return the address lines of a port whose wire's other end, a provider or a translator, is in another network."""
    for interface in scene.underlay_wires(router):
        own = [one for one in interface.addresses if isinstance(one, IPv4Interface)]
        if router in scene.lab.providers:
            wanted = next(_gateways(scene, router, interface.name), None) if not own else None
        else:
            wanted = _fitting(scene, own, far_end(scene, router, interface.name))
        if wanted is not None:
            return (
                INTERFACE.line(name=interface.name),
                ADDRESS.line(address=wanted.ip, mask=wanted.netmask),
            )
    return ()


def far_end(scene: Scene, router: str, port: str) -> IPv4Interface | None:
    """Return the address of the provider or the translator on the wire of a port."""
    link = scene.link((router, port))
    for node, end in link.ends if link is not None else ():
        translator, facts = scene.lab.gateways.get(node), scene.facts(node)
        if translator is not None and end == INSIDE and translator.inside is not None:
            return IPv4Interface((translator.inside, translator.private.prefixlen))
        if node in scene.lab.providers and node != router and facts is not None:
            mine = [one for one in addresses_of(facts, end) if isinstance(one, IPv4Interface)]
            return mine[0] if mine else None
    return None


def _fitting(scene: Scene, own: list[IPv4Interface], far: IPv4Interface | None) -> IPv4Interface | None:
    """Return the address that puts a port into the network of the other end; None: it is there already.

    In a full network any address is suggested: some other router's must be wrong.
    """
    if far is None or any(one.network == far.network and one.ip != far.ip for one in own):
        return None
    kept = [one.ip for one in own if one.ip in far.network and one.ip != far.ip]
    others = [host for host in islice(far.network.hosts(), _MANY) if host != far.ip]
    free = [host for host in others if scene.owner(host) is None]
    address = next(iter([*kept, *free, *others]), None)
    return IPv4Interface((address, far.network.prefixlen)) if address is not None else None


def _gateways(scene: Scene, provider: str, port: str) -> Iterator[IPv4Interface]:
    """Yield the gateways that stations on a provider's wire use."""
    link = scene.link((provider, port))
    for node, end in link.ends if link is not None else ():
        facts = scene.facts(node)
        for own in addresses_of(facts, end) if facts is not None and node != provider else ():
            for hop in device(facts).default_gateways_of("") if facts is not None else ():
                if isinstance(own, IPv4Interface) and hop in own.network:
                    yield IPv4Interface((hop, own.network.prefixlen))


def source_port(scene: Scene, router: str) -> str:
    """Return the port of a tunnel's source, if only one leads to a provider or a translator."""
    found = [one.name for one in scene.underlay_wires(router) if far_end(scene, router, one.name) is not None]
    return found[0] if len(found) == 1 else Blank("interface")


def wanted_server_address(scene: Scene, tunnel: TunnelFacts) -> Address | None:
    """Return the address that clients use for the server of this tunnel, if no router has it."""
    at = [
        one.server
        for one in scene.clients()
        if tunnel.source is not None and (one.nbma == tunnel.source or one.there is tunnel)
    ]
    named = [server.address for server in at if server is not None and server.address is not None]
    return next((address for address in named if scene.tunnel_owner(address) is None), None)


def tunnel_line(scene: Scene, tunnel: TunnelFacts, version: int | None = None) -> str:
    """Return the address line of a tunnel with a missing or wrong address: the address that clients use, else a free
    one. version: of IP; None: any.
    """
    network = _network(scene, tunnel, version)
    if network is None:
        return address_line()
    wanted = wanted_server_address(scene, tunnel)
    known = {client.server.address for client in scene.clients() if client.server is not None}
    hosts: Iterator[Address] = iter(islice(network.hosts(), _MANY))
    free = (host for host in hosts if host not in known and scene.tunnel_owner(host) is None)
    free_hosts = list(free)
    expected = (host for host in free_hosts if host in _named_by_others(scene))
    address = wanted if wanted is not None and wanted in network else next(expected, next(iter(free_hosts), None))
    return address_line(address, network)


def _named_by_others(scene: Scene) -> set[Address]:
    """Return the addresses that routers have BGP neighbor lines or static routes for, or NHRP entries."""
    found: set[Address] = set()
    for _, facts in scene.alive():
        found |= {address for table in facts.tables for address in table.bgp.called}
        found |= {route.next_hop for route, _ in static_routes(facts) if route.next_hop is not None}
        found |= {one.next_hop for tunnel in facts.tunnels for one in tunnel.mappings if one.next_hop is not None}
    return found


def _network(scene: Scene, tunnel: TunnelFacts, version: int | None) -> Network | None:
    """Return the network of the tunnels with the same servers, or of its clients. version: of IP; None: any."""
    near = {server.address for server in tunnel.servers}
    networks: Counter[Network] = Counter()
    for name, facts in scene.alive():
        for one in facts.tunnels:
            servers = {server.address for server in one.servers}
            is_near = bool(near & {*servers, *one.addresses}) or any(
                (client.nbma == tunnel.source or client.there is tunnel) and client.tunnel.name == one.name
                for client in scene.clients(name)
            )
            for own in addresses_of(facts, one.name) if is_near or one is tunnel else ():
                if version in (None, own.version):
                    networks[own.network] += 1
    return networks.most_common(1)[0][0] if networks else None


def unique_addresses(scene: Scene, name: str) -> Iterator[IPv4Address]:
    """Yield the addresses that only this router has, loopbacks first."""
    facts = scene.facts(name)
    ports = sorted(facts.addresses.items() if facts is not None else (), key=lambda one: not one[0].startswith("Loop"))
    for _, addresses in ports:
        yield from (one for one in addresses if isinstance(one, IPv4Address) and scene.owner(one) == name)


# ------------------------------------------------------------------------------------------------ masks


class _End(NamedTuple):
    """An address at an end of a wire."""

    node: str
    port: str
    own: AddressWithLength


def masks(scene: Scene) -> Iterator[Verdict]:
    """Check that both ends of a wire have the same network."""
    for link in scene.lab.links:
        ends = [_End(node, port, each) for node, port in link.ends for each in scene.addresses_at(node, port)]
        for one, other in combinations(ends, 2):
            mine, theirs = one.own, other.own
            if one.node == other.node or mine.version != theirs.version or mine.network == theirs.network:
                continue
            if mine.network.overlaps(theirs.network):
                wrong, right = _wrong_and_right(scene, ends, one, other)
                if wrong.own.ip in right.own.network:  # else its address is wrong: no mask would help
                    yield _wrong_mask(scene, wrong, right)


def _wrong_mask(scene: Scene, wrong: _End, right: _End) -> Finding:
    host = scene.lab.hosts.get(wrong.node)
    lines = (INTERFACE.line(name=wrong.port), address_line(wrong.own.ip, right.own.network))
    return Finding(
        step=Step.UNDERLAY,
        cause=Cause.WRONG_MASK,
        router=wrong.node if host is None else host.router,
        what=(
            f"{wrong.port} of {wrong.node} has {wrong.own}, and {right.node} at the other end of the wire has "
            f"{right.own}: the mask of {wrong.node} is wrong"
        ),
        evidence=(f"{wrong.node}: {wrong.own}", f"{right.node}: {right.own}"),
        fix=lines if host is None else (),
        order="" if host is None else f"give the host {wrong.node} the mask {right.own.network.netmask}",
        others=(right.node,),
    )


def _wrong_and_right(scene: Scene, ends: Sequence[_End], one: _End, other: _End) -> tuple[_End, _End]:
    """Return the wrong end, then the right one: the evidence against each decides, then its role."""
    against = [_against(scene, ends, mine, theirs) for mine, theirs in ((one, other), (other, one))]
    if against[0] != against[1]:
        return (one, other) if against[0] > against[1] else (other, one)
    is_router = one.node not in scene.lab.providers and one.node not in scene.lab.hosts
    return (one, other) if is_router else (other, one)


def _against(scene: Scene, ends: Sequence[_End], mine: _End, theirs: _End) -> int:
    """Return the weight of evidence against the mask of an end.

    Its address is the network or broadcast address, or its network contains networks on other wires; the other stations
    on the wire have the mask of the other end; other wires of this kind have it.
    """
    network = mine.own.network
    is_no_station = network.num_addresses > 2 and mine.own.ip in (network.network_address, network.broadcast_address)
    agree = [end for end in ends if end not in (mine, theirs) and end.own.network == theirs.own.network]
    here = {end.own for end in ends}
    takes_in_others = any(
        own not in here and own.version == mine.own.version and own.ip in network
        for _, facts in scene.alive()
        for interface in facts.interfaces
        for own in interface.addresses
    )
    # The usual prefix length of other wires between these two kinds of nodes; 0: there are none
    kinds = {_kind(scene, mine.node), _kind(scene, theirs.node)}
    lengths: Counter[int] = Counter()
    for link in scene.lab.links:
        if {_kind(scene, node) for node, _ in link.ends} != kinds or (mine.node, mine.port) in link.ends:
            continue
        networks = {own.network for node, port in link.ends for own in scene.addresses_at(node, port)}
        lengths.update(network.prefixlen for network in networks if len(networks) == 1 and network.version == 4)
    is_usual = (lengths.most_common(1)[0][0] if lengths else 0) == theirs.own.network.prefixlen
    return 4 * (is_no_station or takes_in_others) + 2 * bool(agree) + is_usual


def _kind(scene: Scene, node: str) -> str:
    return "provider" if node in scene.lab.providers else "host" if node in scene.lab.hosts else "router"


# ------------------------------------------------------------------------------------------------ LANs


class Lan(NamedTuple):
    """A host's wire: the host, its address, its configured gateway, and the port of the router there."""

    host: str
    own: AddressWithLength
    gateway: Address | None
    router: str
    port: InterfaceFacts


def gateways(scene: Scene) -> Iterator[Verdict]:
    """Check that each host finds its gateway at its router's port."""
    for lan in _strange_lans(scene):
        yield strange(scene, lan)


#: Checks of what a branch has around its tunnels: leases, NAT, VLANs.
branch: Final = terms.of_all(Step.UNDERLAY, *terms.BRANCH, stops=False)


def silent_hosts(scene: Scene) -> Iterator[Verdict]:
    """Check that a host of each LAN answers its router: a silent one is perhaps not plugged in."""
    names = {host.address.ip: name for name, host in scene.lab.hosts.items()}
    for probe, answer in scene.answers.items():
        if probe.kind is ProbePurpose.LAN and answer.silent and probe.target in names:
            yield Finding(
                step=Step.UNDERLAY,
                cause=Cause.LINK_CUT,
                router=probe.router,
                what=f"{names[probe.target]} ({probe.target}) does not answer at {probe.source} of {probe.router}",
                evidence=(f"pings from {probe.router}: {answer}",),
                order=f"look at the wire of {probe.source}, and whether the host runs",
                stops=False,
            )


def mistaken_ports(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield ports of routers whose hosts have another gateway."""
    for lan in _strange_lans(scene):
        yield lan.router, lan.port.name


def _strange_lans(scene: Scene) -> Iterator[Lan]:
    asked: set[tuple[str, str]] = set()
    for lan in _lans(scene):
        if (lan.router, lan.port.name) in asked or not lan.port.enabled or not isinstance(lan.gateway, IPv4Address):
            continue
        asked.add((lan.router, lan.port.name))
        if all(lan.gateway != one.ip for one in lan.port.addresses):
            yield lan


def _lans(scene: Scene) -> Iterator[Lan]:
    """Yield the wires of hosts with one router, of which it is known that it is the gateway."""
    for name, host in scene.lab.hosts.items():
        lan, link = lan_of(scene, name), scene.link((name, HOST_PORT))
        routers = [node for node, _ in link.ends if node in scene.lab.routers] if link is not None else []
        if lan is not None and len(routers) == 1 and host.gateway and host.router not in scene.lab.providers:
            yield lan


def lan_of(scene: Scene, name: str) -> Lan | None:
    """Return the wire of a host; None: its router does not run, or has no port there."""
    host, port = scene.lab.hosts[name], scene.gateway_port(name)
    return Lan(name, host.address, host.gateway, host.router, port) if port is not None else None


def strange(scene: Scene, lan: Lan, evidence: tuple[str, ...] = ()) -> Finding:
    """Return the finding that the port has a wrong address or none, or that the host has a wrong gateway."""
    mine = [one for one in lan.port.addresses if one.version == lan.own.version]
    if _is_mistaken(scene, lan.host):
        return _gateway(scene, lan.host, lan.port.name, mine, evidence)
    others = [
        name
        for name, facts in scene.alive()
        if name != lan.router
        and any(one.network == own.network for one in mine for port in facts.interfaces for own in port.addresses)
    ]
    has = f"is {', '.join(map(str, mine))}" if mine else "has no address"
    wrong = Cause.LAN_OVERLAP if others else Cause.HOST_GATEWAY
    also = f"; that network is the one of {', '.join(others)}" if others else ""
    return Finding(
        step=Step.UNDERLAY,
        cause=wrong if mine else Cause.NO_ADDRESS,
        router=lan.router,
        what=(
            f"{lan.host} ({lan.own}) sends to the gateway {lan.gateway}, "
            f"and {lan.port.name} of {lan.router} {has}{also}"
        ),
        evidence=evidence or (f"{lan.router}: {lan.port.name} {has}", f"{lan.host}: {lan.own}, gateway {lan.gateway}"),
        fix=(INTERFACE.line(name=lan.port.name), address_line(lan.gateway, lan.own.network)),
        others=tuple(others),
    )


def _is_mistaken(scene: Scene, name: str) -> bool:
    """Return whether a host, and not its router, has the wrong gateway.

    The gateway is unreachable for it, is another host's address, or other hosts on its wire use the router as gateway.
    """
    host = scene.lab.hosts[name]
    own, wanted = host.address, host.gateway
    if wanted is None or wanted.version != own.version:
        return False
    nobody = wanted not in own.network or wanted in (own.ip, own.network.network_address, own.network.broadcast_address)
    others = [one for other, one in scene.lab.hosts.items() if other != name and one.router == host.router]
    near = [one for one in others if one.address.network == own.network]
    served = [one.gateway for one in near if one.gateway is not None and scene.owner(one.gateway) == host.router]
    return nobody or any(one.address.ip == wanted for one in others) or (bool(served) and wanted not in served)


def _gateway(scene: Scene, name: str, port: str, mine: list[AddressWithLength], evidence: tuple[str, ...]) -> Finding:
    """Return the finding that a host has the wrong gateway; mine: the addresses of its router there."""
    host = scene.lab.hosts[name]
    right = next((one.ip for one in mine if one.version == host.address.version), None)
    return Finding(
        step=Step.UNDERLAY,
        cause=Cause.HOST_GATEWAY,
        router=host.router,
        what=(
            f"the host {name} ({host.address}) sends to the gateway {host.gateway}, which is wrong: "
            f"{port} of {host.router} is {', '.join(map(str, mine)) or 'without address'}"
        ),
        evidence=evidence or (f"{name}: {host.address}, gateway {host.gateway}",),
        order=f"give the host {name} the gateway {right}" if right is not None else f"give {port} an address",
    )


def duplicate_addresses(scene: Scene) -> Iterator[Verdict]:
    """Check that no other router has an address out of a host's LAN.

    A longer prefix takes only its part of the LAN: packets for hosts in the other part arrive.
    """
    hosts = [lan.own for lan in _lans(scene)]
    known = {lan.own.network: lan for lan in _lans(scene) if any(lan.gateway == one.ip for one in lan.port.addresses)}
    for network, lan in breathing(known.items()):
        for name, facts in scene.alive():
            if name == lan.router:
                continue
            for interface in facts.interfaces:
                for own in interface.addresses:
                    if own.version != network.version or own.network == network or own.ip not in network:
                        continue
                    if own.network.prefixlen > network.prefixlen and not any(
                        host.network == network and host.ip in own.network for host in hosts
                    ):
                        continue
                    yield Finding(
                        step=Step.ROUTING,
                        cause=Cause.LAN_OVERLAP,
                        router=name,
                        what=f"{interface.name} of {name} has {own}, out of {network}, the LAN of {lan.router}",
                        evidence=(f"{name}: {interface.name} {own}", f"{lan.router}: {lan.host} is there"),
                        fix=(INTERFACE.line(name=interface.name), ADDRESS.no()),
                        others=(lan.router,),
                    )
