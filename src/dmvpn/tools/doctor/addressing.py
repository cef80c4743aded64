"""Correct addresses and tunnel sources for routers on which they are missing or wrong.

The correct value follows from the router at the other end of a wire, from the address that clients use for a server,
and from addresses that are free. () and "": unknown.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import spelled
from dmvpn.features.interface.config import sections as port_lines
from dmvpn.features.interface.config.ipv6 import ADDRESS as ADDRESS6
from dmvpn.ios import INTERFACE, Blank, Placeholder
from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.doctor.configuration import device
from dmvpn.tools.doctor.scene import addresses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.doctor.scene import Scene

#: Addresses of a network in the search for a free one.
_MANY: Final = 4096


def address_line(address: Address | None = None, network: IPv4Network | IPv6Network | None = None) -> str:
    """Return the line that gives a port its address, with placeholders for unknown values."""
    if isinstance(address, IPv6Address):
        near = Placeholder(f"{spelled(address)}/{Blank('length')}")
        return ADDRESS6.of(address=near if network is None else IPv6Interface((address, network.prefixlen)))
    mask = Blank("mask") if network is None else network.netmask
    return port_lines.ADDRESS.of(address=address or Blank("address"), mask=mask)


def wire_lines(scene: Scene, router: str) -> tuple[str, ...]:
    """Return the address lines of a port whose wire's other end, a provider or a translator, is in another network."""
    for interface in scene.underlay_wires(router):
        own = [one for one in interface.addresses if isinstance(one, IPv4Interface)]
        if router in scene.lab.providers:
            wanted = next(_gateways(scene, router, interface.name), None) if not own else None
        else:
            wanted = _fitting(scene, own, far_end(scene, router, interface.name))
        if wanted is not None:
            return (INTERFACE.of(name=interface.name), port_lines.ADDRESS.of(address=wanted.ip, mask=wanted.netmask))
    return ()


def far_end(scene: Scene, router: str, port: str) -> IPv4Interface | None:
    """Return the address of the provider or the translator on the wire of a port."""
    link = scene.link((router, port))
    for node, end in link.ends if link is not None else ():
        translator, facts = scene.lab.gateways.get(node), scene.of(node)
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
        facts = scene.of(node)
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
    at = [one.server for one in scene.clients() if tunnel.source is not None and one.nbma == tunnel.source]
    named = [server.address for server in at if server is not None and server.address is not None]
    return next((address for address in named if scene.tunnel_owner(address) is None), None)


def tunnel_line(scene: Scene, tunnel: TunnelFacts) -> str:
    """Return the address line of a tunnel with a missing or wrong address: the address that clients use, else a free
    one.
    """
    network = _network(scene, tunnel)
    if network is None:
        return address_line()
    wanted = wanted_server_address(scene, tunnel)
    known = {client.server.address for client in scene.clients() if client.server is not None}
    free = (host for host in islice(network.hosts(), _MANY) if host not in known and scene.tunnel_owner(host) is None)
    free_hosts = list(free)
    expected = (host for host in free_hosts if host in _named_by_others(scene))
    address = wanted if wanted is not None and wanted in network else next(expected, next(iter(free_hosts), None))
    return address_line(address, network)


def _named_by_others(scene: Scene) -> set[Address]:
    """Return the addresses that routers have BGP neighbor lines or static routes for, or NHRP entries."""
    found: set[Address] = set()
    for _, facts in scene.alive():
        found |= {address for table in facts.tables for address in table.bgp.called}
        found |= {route.next_hop for route in device(facts).routes if route.next_hop is not None}
        found |= {one.next_hop for tunnel in facts.tunnels for one in tunnel.mappings if one.next_hop is not None}
    return found


def _network(scene: Scene, tunnel: TunnelFacts) -> IPv4Network | None:
    """Return the network of the tunnels with the same servers, or of its clients."""
    near = {server.address for server in tunnel.servers}
    networks: Counter[IPv4Network] = Counter()
    for name, facts in scene.alive():
        for one in facts.tunnels:
            servers = {server.address for server in one.servers}
            is_near = bool(near & {*servers, *one.addresses}) or any(
                client.nbma == tunnel.source and client.tunnel.name == one.name for client in scene.clients(name)
            )
            for own in addresses_of(facts, one.name) if is_near or one is tunnel else ():
                if isinstance(own, IPv4Interface):
                    networks[own.network] += 1
    return networks.most_common(1)[0][0] if networks else None


def unique_addresses(scene: Scene, name: str) -> Iterator[IPv4Address]:
    """Yield the addresses that only this router has, loopbacks first."""
    facts = scene.of(name)
    ports = sorted(facts.addresses.items() if facts is not None else (), key=lambda one: not one[0].startswith("Loop"))
    for _, addresses in ports:
        yield from (one for one in addresses if isinstance(one, IPv4Address) and scene.owner(one) == name)
