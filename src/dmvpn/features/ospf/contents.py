"""The content of our router and network LSAs, from the current interfaces and neighbors. RFC 2328 §12.4."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.features.ospf.lsa import LAST_RESORT, LinkType, NetworkBody, RouterBody, RouterFlag, RouterLink
from dmvpn.features.ospf.model import AreaKind, NetworkType
from dmvpn.features.ospf.neighbor import InterfaceState
from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.spf import RunningArea
    from dmvpn.features.ospf.state import State

_HOST: Final = IPv4Address("255.255.255.255")


def router_body(state: State, area: RunningArea) -> RouterBody:
    """Return the router LSA of an area; paths through us have the maximum cost while we are a last resort (RFC
    6987).
    """
    mine = [interface for interface in state.interfaces.values() if interface.area is area]
    links = [link for interface in mine for link in links_of(interface)]
    last_resort = state.last_resort
    if last_resort is not None:
        links = [_costly(link) if link.type != LinkType.STUB or last_resort.stubs else link for link in links]
    return RouterBody(int(_flags(state, area)), tuple(links))


def _flags(state: State, area: RunningArea) -> RouterFlag:
    flags = RouterFlag(0)
    if state.is_boundary and area.settings.kind is not AreaKind.STUB:
        flags |= RouterFlag.EXTERNAL
    if any(end.area == area.number and interface.full for interface, end in state.virtual_links()):
        flags |= RouterFlag.VIRTUAL
    if state.is_border:
        flags |= RouterFlag.BORDER
        if area.settings.kind is AreaKind.NSSA and area.settings.nssa.always:
            flags |= RouterFlag.TRANSLATOR
    return flags


def _costly(link: RouterLink) -> RouterLink:
    return RouterLink(link.type, link.id, link.data, LAST_RESORT)


def links_of(interface: OspfInterface) -> Iterator[RouterLink]:
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
                yield RouterLink(LinkType.VIRTUAL, neighbor.router, address, cost)
        case InterfaceState.POINT_TO_POINT:
            yield from _to_neighbors(interface)
            yield from (stub(prefix, cost) for prefix in _prefixes(interface))
        case InterfaceState.POINT_TO_MULTIPOINT:
            if not interface.settings.suppress_prefixes:
                yield stub(Prefix.of(address, 32), 0)
            yield from _to_neighbors(interface)
        case _:
            if is_transit(interface):
                yield RouterLink(LinkType.TRANSIT, interface.designated, address, cost)
                yield from (stub(prefix, cost) for prefix in _prefixes(interface)[1:])
            else:
                yield from (stub(prefix, cost) for prefix in _prefixes(interface))


def is_transit(interface: OspfInterface) -> bool:
    """Return whether we are adjacent to the designated router, or we are the designated router and have a full
    neighbor.
    """
    if interface.phase is InterfaceState.DESIGNATED:
        return bool(interface.full)
    if interface.phase not in (InterfaceState.BACKUP, InterfaceState.DR_OTHER):
        return False
    leader = interface.neighbors.get(interface.designated)
    return leader is not None and leader.counts_as_full


def network_body(state: State, interface: OspfInterface) -> NetworkBody | None:
    """Return the network LSA of a network whose designated router we are; None: it needs none."""
    if interface.phase is not InterfaceState.DESIGNATED or not interface.full:
        return None
    routers = sorted((state.router_id, *(neighbor.router for neighbor in interface.full)))
    # RFC 6860 §3.2.1: a mask of a host, which routers that know of this take for no network.
    return NetworkBody(_HOST if interface.settings.suppress_prefixes else interface.mask, tuple(routers))


def stub(prefix: Prefix, cost: int) -> RouterLink:
    """Return a network that leads no further."""
    mask, address = ipv4_address(prefix.netmask.packed), ipv4_address(prefix.address.packed)
    return RouterLink(LinkType.STUB, address, mask, cost)


def _to_neighbors(interface: OspfInterface) -> Iterator[RouterLink]:
    for neighbor in sorted(interface.full, key=lambda neighbor: neighbor.router):
        yield RouterLink(
            LinkType.POINT_TO_POINT, neighbor.router, interface.address, interface.cost_to(neighbor.address)
        )


def _prefixes(interface: OspfInterface) -> list[Prefix]:
    """Return the primary subnet, then the secondary ones; where prefixes are suppressed these alone (RFC 6860)."""
    first = 1 if interface.settings.suppress_prefixes and not is_transit(interface) else 0
    return [Prefix.of(address, length) for address, length in interface.state.addresses[first:]]
