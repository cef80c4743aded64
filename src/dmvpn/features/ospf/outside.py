"""External routes learned from type 5 and type 7 LSAs. RFC 2328 §16.4, RFC 3101 §2.5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import NextHop
from dmvpn.base.lpm import PrefixTable
from dmvpn.features.ospf.lsa import INFINITY, ExternalBody, LsaType, Options, RouterFlag
from dmvpn.features.ospf.model import AreaKind
from dmvpn.features.ospf.spf import OspfRoute, WayKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.lsa import Database, LsaKey
    from dmvpn.features.ospf.spf import Hops, Reached, RunningArea
    from dmvpn.features.ospf.state import State


class _Ways:
    """The paths within OSPF to forwarding addresses."""

    def __init__(self, state: State, inside: Iterable[OspfRoute]) -> None:
        self.table: PrefixTable[OspfRoute] = PrefixTable()
        for route in inside:
            self.table[route.prefix] = route
        self._interfaces = state.interfaces.values()

    def beside(self, forwarding: IPv4Address) -> Hops:
        """Return the path to a station on a connected network, which is its own next hop; (): we are that station."""
        if any(each.address == forwarding for each in self._interfaces):
            return ()
        real = (each for each in self._interfaces if each.far_end is None)
        return tuple(NextHop(each.name, forwarding) for each in real if forwarding in each.prefix)


def external_routes(state: State, inside: Mapping[Prefix, OspfRoute]) -> Iterator[OspfRoute]:
    """Yield the external routes of other routers. inside: the paths within OSPF, for forwarding addresses."""
    ways, borders = _Ways(state, inside.values()), state.found.borders
    for key, prefix, body, _ in _told(state, state.externals, LsaType.EXTERNAL):
        border = borders[key.router][1] if key.router in borders else None
        way = _way(border, body.forwarding, ways, None)
        if way is not None:
            yield _route(key, prefix, body, way, None, 1)
    for area in state.areas.values():
        if area.settings.kind is not AreaKind.NSSA or area.tree is None:
            continue
        for key, prefix, body, options in _told(state, area.database, LsaType.NSSA_EXTERNAL):
            border, wanted = area.tree.routers.get(key.router), bool(options & Options.NSSA)
            if border is None or not border.flags & RouterFlag.EXTERNAL:
                continue
            if prefix.is_default and state.is_border and not wanted:
                continue  # RFC 3101 §2.5 (3): border routers would send packets to each other
            way = _way(border, body.forwarding, ways, area)
            if way is not None:
                yield _route(key, prefix, body, way, area, 0 if wanted else 2)


def _told(state: State, database: Database, kind: LsaType) -> Iterator[tuple[LsaKey, Prefix, ExternalBody, int]]:
    """Yield valid LSAs of other routers: key, network, body and options. A provider's router uses none of another."""
    for key, entry in database.entries.items():
        body, prefix = entry.lsa.body, entry.lsa.prefix
        gone = key.type != kind or key in database.dying or key.router == state.router_id
        if entry.lsa.header.options & Options.DOWN and state.is_provider_edge:
            continue
        if not gone and prefix is not None and isinstance(body, ExternalBody) and body.metric < INFINITY:
            yield key, prefix, body, entry.lsa.header.options


def _route(
    key: LsaKey, prefix: Prefix, body: ExternalBody, way: tuple[int, Hops], area: RunningArea | None, liking: int
) -> OspfRoute:
    """Return the route. area: that the network is brought into by type 7."""
    cost, hops = way
    kinds = (WayKind.EXTERNAL_1, WayKind.EXTERNAL_2) if area is None else (WayKind.NSSA_1, WayKind.NSSA_2)
    return OspfRoute(
        prefix=prefix,
        kind=kinds[body.is_type_2],
        cost=cost if body.is_type_2 else cost + body.metric,
        outer=body.metric if body.is_type_2 else 0,
        hops=hops,
        origin=key.router,
        area=area.number if area is not None else None,
        tag=body.tag,
        liking=liking,
    )


def _way(
    border: Reached | None, forwarding: IPv4Address, ways: _Ways, area: RunningArea | None
) -> tuple[int, Hops] | None:
    """Return cost and next hops of the path to the border router, or to the forwarding address.

    area: that this address has to be in, RFC 3101 §2.5 (3).
    """
    if border is None:
        return None
    if not int(forwarding):
        return border.cost, border.hops
    found = ways.table.lookup(forwarding)
    if found is None:
        return None
    way = found[1]
    if area is not None and (way.kind is not WayKind.INTRA or way.area != area.number):
        return None
    hops = way.hops or ways.beside(forwarding)
    return (way.cost, hops) if hops else None
