"""Commands for other routers that check what one router cannot see: the far end of each tunnel, pairs of spokes, and
other sites.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.doctor.scene import addresses_of, lan_ports
from dmvpn.tools.doctor.verdicts import Unseen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.facts import Address
    from dmvpn.router.facts import RouterFacts, TunnelFacts
    from dmvpn.tools.doctor.scene import Client, Scene

#: Other sites that are named one by one.
_MOST_PEERS: Final = 5


def unseen_ends(scene: Scene, name: str, address: Address | None) -> tuple[Unseen, ...]:
    """Return all of them, each router once. address: the requested destination, if any."""
    facts = scene.of(name)
    if facts is None:
        return ()
    clients = scene.clients(name)
    found = [*(_server(one) for one in clients), *_peers(name, facts)]
    if address is not None and scene.owner(address) != name:
        found.append(_site(facts, address))
    if not clients:
        found += _clients(name, facts)
    return tuple({one.whom: one for one in reversed(found)}.values())[::-1]


def _server(client: Client) -> Unseen:
    """Return the router that this one registers with, or has a tunnel to."""
    tunnel, nbma = client.tunnel, client.nbma
    inside = client.server.address if client.server is not None else None
    whom = " at ".join(str(one) for one in (inside, nbma) if one is not None) or "the server"
    return Unseen(whom=whom, about=f"the pair {client.name} and its server", ask=_pair(client.facts, tunnel))


def _pair(facts: RouterFacts, tunnel: TunnelFacts) -> tuple[str, ...]:
    """Return the commands for the other end of a tunnel."""
    own = next(iter(tunnel.addresses), None)
    ask = ["show running-config | section interface Tunnel"]
    if own is not None:
        ask.append(f"show ip nhrp {own}" if own.version == 4 else f"show ipv6 nhrp {own}")
    if tunnel.protection:
        ask += ["show crypto session detail", "show logging | include IKEV2"]
    if tunnel.source is not None:
        ask.append(f"ping {tunnel.source}")
    return (*ask, *_routes(facts))


def _routes(facts: RouterFacts) -> list[str]:
    """Return the commands for the way back to the LANs of this router."""
    networks = [own.network for port in lan_ports(facts) for own in port.addresses if own.version == 4]
    return [f"show ip route {one.network_address}" for one in networks if one.prefixlen < 32]


def _peers(name: str, facts: RouterFacts) -> Iterator[Unseen]:
    """Yield other sites that NHRP knows: only one half of such a pair is visible from here."""
    for tunnel in facts.tunnels:
        known = {*tunnel.addresses, *(server.address for server in tunnel.servers)}
        found = [one for one in tunnel.mappings if one.kind == "dynamic" and one.next_hop not in known]
        own = next(iter(tunnel.addresses), None)
        for hop in list(dict.fromkeys(one.next_hop for one in found))[:_MOST_PEERS]:
            ask = (*([f"show ip nhrp {own}"] if own is not None else []), *_routes(facts))
            yield Unseen(whom=str(hop), about=f"the pair {name} and {hop}", ask=ask)


def _clients(name: str, facts: RouterFacts) -> Iterator[Unseen]:
    """Yield clients that are configured for this server and never registered."""
    for tunnel in facts.tunnels:
        if tunnel.multipoint:
            network = next((own.network for own in addresses_of(facts, tunnel.name)), tunnel.name)
            ask = ("show ip nhrp nhs detail", "show running-config | section interface Tunnel")
            yield Unseen(whom=f"each spoke of {network}", about=f"spokes that never came to {name}", ask=ask)


def _site(facts: RouterFacts, address: Address) -> Unseen:
    """Return the site of the address."""
    ask = (f"ping {address}", f"show ip route {address}", "show ip interface brief", *_routes(facts))
    return Unseen(whom=f"the router of {address}", about=f"the end behind which {address} is", ask=ask)
