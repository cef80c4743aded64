"""Prefixes of OSPF version 3, which are apart from the links of routers: RFC 5340 §4.4.3.8, §4.4.3.9, §4.8.

    Link LSA        to the routers on a link: our link-local address, which is their next hop, and our prefixes there
    prefixes of us  what version 2 has as stub links: of interfaces that are no transit network (`stubs_of`)
    of a network    said by its designated router, of the Link LSAs of all routers that are full there

They hang on the shortest paths afterwards (`collect`): a change of prefixes does not change the tree.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from ipaddress import IPv4Address, IPv6Address

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.features.ospf.interface import OspfInterface
from dmvpn.features.ospf.lsa import (
    Database,
    LinkBody,
    LsaKey,
    LsaType,
    PrefixEntry,
    PrefixesBody,
    Referenced,
    VertexId,
)
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.features.ospf.spf import AreaRoute, Tree, better, paced
from dmvpn.features.ospf.version3 import LOCAL_ADDRESS, NO_UNICAST

_HOST = 128
_MOST = 3200  # prefixes in one advertisement of a network, which has 65,535 octets; each router has its share


def link_body(interface: OspfInterface) -> LinkBody | None:
    """Return what we say to the routers on a link; None: nothing, for it is no link."""
    if not interface.speaks or not isinstance(interface.address, IPv6Address):
        return None
    prefixes = () if interface.settings.suppress_prefixes else interface.state.routed(6)
    entries = tuple(PrefixEntry(Prefix.of(address, length)) for address, length in prefixes)
    return LinkBody(interface.settings.priority, interface.address, entries)


def router_prefixes(router: IPv4Address, stubs: Iterable[tuple[Prefix, int]]) -> PrefixesBody | None:
    """Return the prefixes of this router with their costs, or None without a prefix."""
    entries = tuple(
        PrefixEntry(prefix, cost, LOCAL_ADDRESS if prefix.length == _HOST else 0)
        for prefix, cost in dict(stubs).items()
    )
    return PrefixesBody(Referenced(LsaType.ROUTER, UNSPECIFIED, router), entries) if entries else None


def network_prefixes(router: IPv4Address, interface: OspfInterface) -> PrefixesBody | None:
    """Return the prefixes of a network whose designated router we are, or None without a neighbor or prefix."""
    if interface.phase is not InterfaceState.DESIGNATED or not interface.full or interface.link is None:
        return None
    full = {router: interface.number} | {neighbor.router: neighbor.number for neighbor in interface.full}
    share = _MOST // len(full)
    found: dict[Prefix, int] = {}
    for key, body in _link_bodies(interface.link.database):
        for entry in body.prefixes[:share] if full.get(key.router) == key.id else ():
            if not entry.options & (NO_UNICAST | LOCAL_ADDRESS) and not entry.prefix.address.is_link_local:
                found[entry.prefix] = found.get(entry.prefix, 0) | entry.options
    entries = tuple(PrefixEntry(prefix, 0, found[prefix]) for prefix in sorted(found))
    about = Referenced(LsaType.NETWORK, interface.number, router)
    return PrefixesBody(about, entries) if entries else None


def _link_bodies(database: Database) -> list[tuple[LsaKey, LinkBody]]:
    bodies = ((key, entry.lsa.body) for key, entry in database.living())
    return [(key, body) for key, body in bodies if isinstance(body, LinkBody)]


def stations(interfaces: Iterable[OspfInterface]) -> dict[tuple[str, VertexId], IPAddress]:
    """Return the address of each router on a link, by the name of the link and its identifier, RFC 5340 §4.8.2."""
    found: dict[tuple[str, VertexId], IPAddress] = {}
    for interface in interfaces:
        for neighbor in interface.neighbors.values():
            found[interface.name, neighbor.router] = neighbor.address
        if interface.link is not None:
            for key, body in _link_bodies(interface.link.database):
                if body.address.is_link_local:
                    found[interface.name, key.router] = body.address
    return found


def collect_prefixes(
    database: Database, found: Tree, root: IPv4Address
) -> Generator[None, None, dict[Prefix, AreaRoute]]:
    """Yield between slices of work, and return the networks of an area, RFC 5340 §4.8.1. found: the shortest paths."""
    best: dict[Prefix, AreaRoute] = {}
    for (key, advertisement), ends in paced(database.living()):
        body = advertisement.lsa.body
        if ends:
            yield
        if not isinstance(body, PrefixesBody) or body.about.router != key.router:
            continue
        if body.about.type == LsaType.ROUTER:
            reached = found.routers.get(key.router)
        else:
            reached = found.networks.get((key.router, body.about.id))
        if reached is None:
            continue
        is_ours = body.about.type == LsaType.ROUTER and key.router == root
        hops = () if is_ours else tuple(hop for hop in reached.hops if hop.address is not None)
        for entry in body.prefixes:
            if not entry.options & NO_UNICAST and not entry.prefix.address.is_link_local:
                better(best, AreaRoute(entry.prefix, reached.cost + entry.metric, hops, key.router))
    return best
