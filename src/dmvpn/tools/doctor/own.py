"""What a router should have for its own, where it has nothing or another's: addresses, and the source of a tunnel.

The router at the other end of a wire, the address that others look for, and what is free decide it. () and "": nobody
can say.
"""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.shells.lab_model import INSIDE
from dmvpn.tools.doctor.scene import interface_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import TunnelFacts
    from dmvpn.tools.doctor.scene import Scene

_DEFAULT: Final = "ip route 0.0.0.0 0.0.0.0 "
#: Addresses of a network that are looked at for a free one.
_MANY: Final = 4096


def wire_lines(scene: Scene, router: str) -> tuple[str, ...]:
    """Return the address of a port whose wire's other end, a provider or a translator, is in another network."""
    for interface in scene.underlay_wires(router):
        own = [one for one in interface.addresses if isinstance(one, IPv4Interface)]
        if router in scene.lab.providers:
            wanted = next(_gateways(scene, router, interface.name), None) if not own else None
        else:
            wanted = _fitting(scene, own, _far_end(scene, router, interface.name))
        if wanted is not None:
            return (f"interface {interface.name}", f"ip address {wanted.ip} {wanted.netmask}")
    return ()


def _far_end(scene: Scene, router: str, port: str) -> IPv4Interface | None:
    """Return what the provider or the translator has on the wire of a port."""
    link = scene.link((router, port))
    for node, end in link.ends if link is not None else ():
        translator, facts = scene.lab.gateways.get(node), scene.of(node)
        if translator is not None and end == INSIDE and translator.inside is not None:
            return IPv4Interface((translator.inside, translator.private.prefixlen))
        if node in scene.lab.providers and node != router and facts is not None:
            found = interface_of(facts, end)
            mine = [one for one in (found.addresses if found is not None else ()) if isinstance(one, IPv4Interface)]
            return mine[0] if mine else None
    return None


def _fitting(scene: Scene, own: list[IPv4Interface], far: IPv4Interface | None) -> IPv4Interface | None:
    """Return what a port needs to be in the network of the other end; None: it is.

    In a full one somebody has it wrongly.
    """
    if far is None or any(one.network == far.network and one.ip != far.ip for one in own):
        return None
    kept = [one.ip for one in own if one.ip in far.network and one.ip != far.ip]
    others = [host for host in islice(far.network.hosts(), _MANY) if host != far.ip]
    free = [host for host in others if scene.owner(host) is None]
    address = next(iter([*kept, *free, *others]), None)
    return IPv4Interface((address, far.network.prefixlen)) if address is not None else None


def _gateways(scene: Scene, provider: str, port: str) -> Iterator[IPv4Interface]:
    """Yield whom those on a provider's wire take for their gateway."""
    link = scene.link((provider, port))
    for node, end in link.ends if link is not None else ():
        facts = scene.of(node)
        found = interface_of(facts, end) if facts is not None and node != provider else None
        hops = [line.split()[-1] for line in facts.configuration if line.startswith(_DEFAULT)] if facts else []
        for own in found.addresses if found is not None else ():
            for hop in hops:
                if isinstance(own, IPv4Interface) and _is_in(hop, own.network):
                    yield IPv4Interface((hop, own.network.prefixlen))


def _is_in(text: str, network: IPv4Network) -> bool:
    """Return whether it is an address of this network. A line may end with a port or a name, too."""
    try:
        return IPv4Address(text) in network
    except ValueError:
        return False


def source_of(scene: Scene, router: str) -> str:
    """Return the port that a tunnel leaves from, if only one leads to a provider or a translator."""
    found = [one.name for one in scene.underlay_wires(router) if _far_end(scene, router, one.name) is not None]
    return found[0] if len(found) == 1 else "INTERFACE"


def sought(scene: Scene, tunnel: TunnelFacts) -> Address | None:
    """Return the tunnel address at which others look for the server that this tunnel is, and that nobody has."""
    at = [one.server for one in scene.clients() if tunnel.source is not None and one.nbma == tunnel.source]
    named = [server.address for server in at if server is not None and server.address is not None]
    return next((address for address in named if scene.tunnel_owner(address) is None), None)


def tunnel_line(scene: Scene, tunnel: TunnelFacts) -> str:
    """Return the address of a tunnel that has none, or another's: that at which others look for it, else one that is
    free.
    """
    network = _network(scene, tunnel)
    if network is None:
        return "ip address ADDRESS MASK"
    wanted = sought(scene, tunnel)
    known = {client.server.address for client in scene.clients() if client.server is not None}
    free = (host for host in islice(network.hosts(), _MANY) if host not in known and scene.tunnel_owner(host) is None)
    address = wanted if wanted is not None and wanted in network else next(free, None)
    return f"ip address {address or 'ADDRESS'} {network.netmask}"


def _network(scene: Scene, tunnel: TunnelFacts) -> IPv4Network | None:
    """Return that of the tunnels with the same servers, or of its clients."""
    near = {server.address for server in tunnel.servers}
    networks: Counter[IPv4Network] = Counter()
    for name, facts in scene.alive():
        for one in facts.tunnels:
            found = interface_of(facts, one.name)
            servers = {server.address for server in one.servers}
            is_near = bool(near & {*servers, *one.addresses}) or any(
                client.nbma == tunnel.source and client.tunnel.name == one.name for client in scene.clients(name)
            )
            for own in found.addresses if found is not None and (is_near or one is tunnel) else ():
                if isinstance(own, IPv4Interface):
                    networks[own.network] += 1
    return networks.most_common(1)[0][0] if networks else None


def addresses(scene: Scene, name: str) -> Iterator[IPv4Address]:
    """Yield the addresses that a router alone has, loopbacks first."""
    facts = scene.of(name)
    ports = sorted(facts.addresses.items() if facts is not None else (), key=lambda one: not one[0].startswith("Loop"))
    for _, addresses in ports:
        yield from (one for one in addresses if isinstance(one, IPv4Address) and scene.owner(one) == name)
