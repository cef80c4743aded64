"""What our router and network advertisements say, made of interfaces and neighbors as they are. RFC 2328 §12.4."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.features.ospf.lsa import LAST_RESORT, Link, LinkType, NetworkBody, RouterBody, RouterFlag
from dmvpn.features.ospf.model import NetworkType
from dmvpn.features.ospf.states import InterfaceState
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.model import MaximumMetric

_HOST: Final = IPv4Address("255.255.255.255")


def router_body(
    interfaces: Iterable[OspfInterface], flags: RouterFlag, last_resort: MaximumMetric | None = None
) -> RouterBody:
    """Return the router LSA of an area. last_resort: nobody goes through us who can help it (RFC 6987)."""
    links = [link for interface in interfaces for link in links_of(interface)]
    if last_resort is not None:
        links = [_costly(link) if link.type != LinkType.STUB or last_resort.stubs else link for link in links]
    return RouterBody(int(flags), tuple(links))


def _costly(link: Link) -> Link:
    return Link(link.type, link.id, link.data, LAST_RESORT)


def links_of(interface: OspfInterface) -> Iterator[Link]:
    """Yield the links that one interface adds."""
    address, cost = interface.address, interface.cost
    match interface.phase:
        case InterfaceState.DOWN:
            return
        case InterfaceState.LOOPBACK:
            whole = interface.settings.network is NetworkType.POINT_TO_POINT  # `ip ospf network point-to-point`
            yield stub(interface.prefix if whole else Prefix.of(address, 32), cost)
        case InterfaceState.POINT_TO_POINT if interface.far_end is not None:
            for neighbor in interface.full:
                yield Link(LinkType.VIRTUAL, neighbor.router, address, cost)
        case InterfaceState.POINT_TO_POINT:
            yield from _to_neighbors(interface)
            yield from (stub(prefix, cost) for prefix in _prefixes(interface))
        case InterfaceState.POINT_TO_MULTIPOINT:
            if not interface.settings.suppress_prefixes:
                yield stub(Prefix.of(address, 32), 0)
            yield from _to_neighbors(interface)
        case _:
            if is_transit(interface):
                yield Link(LinkType.TRANSIT, interface.designated, address, cost)
                yield from (stub(prefix, cost) for prefix in _prefixes(interface)[1:])
            else:
                yield from (stub(prefix, cost) for prefix in _prefixes(interface))


def is_transit(interface: OspfInterface) -> bool:
    """Return whether there is a designated router that we are adjacent with, or we are that and somebody is."""
    if interface.phase is InterfaceState.DESIGNATED:
        return bool(interface.full)
    if interface.phase not in (InterfaceState.BACKUP, InterfaceState.DR_OTHER):
        return False
    leader = interface.neighbors.get(interface.designated)
    return leader is not None and leader.counts_as_full


def network_body(interface: OspfInterface, router_id: IPv4Address) -> NetworkBody | None:
    """Return the network LSA of a network whose designated router we are; None: it needs none."""
    if interface.phase is not InterfaceState.DESIGNATED or not interface.full:
        return None
    routers = sorted((router_id, *(neighbor.router for neighbor in interface.full)))
    # RFC 6860 §3.2.1: a mask of a host, which routers that know of this take for no network.
    return NetworkBody(_HOST if interface.settings.suppress_prefixes else interface.mask, tuple(routers))


def stub(prefix: Prefix, cost: int) -> Link:
    """Return a network that leads no further."""
    mask, address = ipv4_address(prefix.netmask.packed), ipv4_address(prefix.address.packed)
    return Link(LinkType.STUB, address, mask, cost)


def _to_neighbors(interface: OspfInterface) -> Iterator[Link]:
    for neighbor in sorted(interface.full, key=lambda neighbor: neighbor.router):
        yield Link(LinkType.POINT_TO_POINT, neighbor.router, interface.address, interface.cost_to(neighbor.address))


def _prefixes(interface: OspfInterface) -> list[Prefix]:
    """Return the primary subnet, then the secondary ones; where prefixes are suppressed these alone (RFC 6860)."""
    first = 1 if interface.settings.suppress_prefixes and not is_transit(interface) else 0
    return [Prefix.of(address, length) for address, length in interface.state.addresses[first:]]
