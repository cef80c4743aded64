"""The calculation: the shortest paths in all areas, and the resulting routes. RFC 2328 §16.

The process requests a calculation from the throttle. It runs in slices, so that Hellos are processed meanwhile; its
routes become offers to the routing table.

Behind the shortest paths come shorter ones of the backbone through areas that virtual links lead through (RFC 2328
§16.3), and external routes, learned from type 5 and type 7 LSAs (§16.4, RFC 3101 §2.5).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.lpm import PrefixTable
from dmvpn.features.ospf import spf
from dmvpn.features.ospf.links import VirtualLinks
from dmvpn.features.ospf.lsa import INFINITY, Database, ExternalBody, LsaKey, LsaType, Options, RouterFlag
from dmvpn.features.ospf.messages import EVENTS, SPF, calculated_line, ways_line
from dmvpn.features.ospf.model import AreaKind
from dmvpn.features.ospf.own_lsas import (
    Externals,
    Summaries,
    border_routers,
    inter_area_routes,
    learned_in,
    translations,
)
from dmvpn.features.ospf.prefixes import collect_prefixes
from dmvpn.features.ospf.rib import Offers
from dmvpn.features.ospf.spf import Hops, RunningArea
from dmvpn.features.ospf.state import State

# ------------------------------------------------------------------------------------------------ transit areas


_INSIDE = (spf.WayKind.INTRA, spf.WayKind.INTER)


def shorten(state: State, best: dict[Prefix, spf.OspfRoute]) -> None:
    """Move backbone routes, in `best`, into a transit area where a border router there is nearer."""
    for area in state.areas.values():
        if not (state.is_border and area.number and area.is_transit):
            continue
        for lsa, cost, border in learned_in(state, area, LsaType.SUMMARY):
            prefix = lsa.prefix
            known = best.get(prefix) if prefix is not None else None
            if known is None or known.area != 0 or known.kind not in _INSIDE or not known.hops or cost > known.cost:
                continue
            hops = border.hops if cost < known.cost else tuple(dict.fromkeys((*known.hops, *border.hops)))
            best[known.prefix] = replace(known, cost=cost, hops=hops)


def shorten_to_borders(state: State, borders: dict[IPv4Address, tuple[int, spf.Reached]]) -> None:
    """Shorten in the same way the paths to AS boundary routers."""
    for area in state.areas.values():
        if not (state.is_border and area.number and area.is_transit):
            continue
        for lsa, cost, border in learned_in(state, area, LsaType.BORDER_SUMMARY):
            number, known = borders.get(lsa.border, (None, None))
            if known is None or number != 0 or cost > known.cost:
                continue
            hops = border.hops if cost < known.cost else tuple(dict.fromkeys((*known.hops, *border.hops)))
            borders[lsa.border] = 0, spf.Reached(cost, hops, known.flags)


# ------------------------------------------------------------------------------------------------ external routes


class _InternalPaths:
    """The paths within OSPF to forwarding addresses."""

    def __init__(self, state: State, inside: Iterable[spf.OspfRoute]) -> None:
        self.table: PrefixTable[spf.OspfRoute] = PrefixTable()
        for route in inside:
            self.table[route.prefix] = route
        self._interfaces = state.interfaces.values()

    def beside(self, forwarding: IPAddress) -> Hops:
        """Return the path to a station on a connected network, which is its own next hop; (): we are that station."""
        version = forwarding.version
        if any(forwarding in (each.address, each.state.primary(version)) for each in self._interfaces):
            return ()
        real = (each for each in self._interfaces if each.far_end is None)
        return tuple(NextHop(each.name, forwarding) for each in real if each.covers(forwarding))


def external_routes(state: State, inside: Mapping[Prefix, spf.OspfRoute]) -> Iterator[spf.OspfRoute]:
    """Yield the external routes of other routers. inside: the paths within OSPF, for forwarding addresses."""
    paths, borders = _InternalPaths(state, inside.values()), state.found.borders
    for key, prefix, body, _ in _valid_lsas(state, state.externals, LsaType.EXTERNAL):
        border = borders[key.router][1] if key.router in borders else None
        way = _way(border, body.forwarding, paths, None)
        if way is not None:
            yield _route(key, prefix, body, way, None, 1)
    for area in state.areas.values():
        if area.settings.kind is not AreaKind.NSSA or area.tree is None:
            continue
        for key, prefix, body, options in _valid_lsas(state, area.database, LsaType.NSSA_EXTERNAL):
            border, wanted = area.tree.routers.get(key.router), bool(options & Options.NSSA)
            if border is None or not border.flags & RouterFlag.EXTERNAL:
                continue
            if prefix.is_default and state.is_border and not wanted:
                continue  # RFC 3101 §2.5 (3): border routers would send packets to each other
            way = _way(border, body.forwarding, paths, area)
            if way is not None:
                yield _route(key, prefix, body, way, area, 0 if wanted else 2)


def _valid_lsas(state: State, database: Database, kind: LsaType) -> Iterator[tuple[LsaKey, Prefix, ExternalBody, int]]:
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
) -> spf.OspfRoute:
    """Return the route. area: that the network is brought into by type 7."""
    cost, hops = way
    kinds = (
        (spf.WayKind.EXTERNAL_1, spf.WayKind.EXTERNAL_2) if area is None else (spf.WayKind.NSSA_1, spf.WayKind.NSSA_2)
    )
    return spf.OspfRoute(
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
    border: spf.Reached | None, forwarding: IPAddress, paths: _InternalPaths, area: RunningArea | None
) -> tuple[int, Hops] | None:
    """Return cost and next hops of the path to the border router, or to the forwarding address.

    area: that this address has to be in, RFC 3101 §2.5 (3).
    """
    if border is None:
        return None
    if not int(forwarding):
        return border.cost, border.hops
    found = paths.table.lookup(forwarding)
    if found is None:
        return None
    way = found[1]
    if area is not None and (way.kind is not spf.WayKind.INTRA or way.area != area.number):
        return None
    hops = way.hops or paths.beside(forwarding)
    return (way.cost, hops) if hops else None


# ------------------------------------------------------------------------------------------------ the calculation


class Calculation:
    """Calculates for one process; its result is `State.found`."""

    def __init__(
        self, state: State, externals: Externals, summaries: Summaries, virtual: VirtualLinks, offers: Offers
    ) -> None:
        self._state = state
        self._context = state.context
        self._externals = externals
        self._summaries = summaries
        self._virtual = virtual
        self._offers = offers
        self._work = spf.Slices("calculate the next slice of the routes", state.context)

    @property
    def is_busy(self) -> bool:
        """Whether a calculation is in progress."""
        return self._work.is_busy

    def begin(self) -> None:
        """Calculate the routes now, or once more when the calculation at hand is finished."""
        self._work.begin(self._calculate())

    def stop(self) -> None:
        """Stop calculating, because the process ends or restarts."""
        self._state.spf.stop()
        self._work.stop()

    def forget_routes(self) -> None:
        """Forget the routes."""
        self._work.stop()
        self._state.found.routes = {}

    def _calculate(self) -> Generator[None, None, None]:
        """Yield between slices: shortest paths in all areas, and the resulting routes. RFC 2328 §16."""
        state = self._state
        self._offers.begin()
        best: dict[Prefix, spf.OspfRoute] = {}
        # virtual links before the backbone
        for area in sorted(state.areas.values(), key=lambda area: not area.number):
            first_hops = state.first_hops()
            graph = yield from spf.graph_of(area.database, state.family.version)
            tree = area.tree_of(graph, first_hops)
            if tree is None:
                tree = yield from spf.grow(graph, state.router_id, first_hops)
            area.take(tree, (graph, first_hops), self._context.now)
            self._virtual.follow(area, graph)
            if state.family.version == 4:
                found = yield from spf.collect(graph, tree, state.router_id)
            else:
                found = yield from collect_prefixes(area.database, tree, state.router_id)
            for each, ends in spf.paced(found.values()):
                if ends:
                    yield
                spf.keep_better(best, spf.OspfRoute.within(area.number, each))
        yield from self._add_others(best)
        yield from self._offers.refresh(self._externals.dropped())
        if self._work.is_wanted_again or self._offers.is_renewed:
            state.request_calculation()

    def _add_others(self, best: dict[Prefix, spf.OspfRoute]) -> Generator[None, None, None]:
        """Yield between slices of work: inter-area routes, then externals, then what we originate because of both."""
        state, found = self._state, self._state.found
        found.active = spf.active_ranges(state.areas, best.values()) if state.is_border else {}
        for route, ends in spf.paced(list(inter_area_routes(state))):
            if ends:
                yield
            spf.keep_better(best, route)
        shorten(state, best)
        found.borders = border_routers(state)
        shorten_to_borders(state, found.borders)
        self._summaries.refresh(best)
        for route, ends in spf.paced(list(external_routes(state, best))):
            if ends:
                yield
            spf.keep_better(best, route)
        found.routes = best
        state.history.calculated(self._context.now, len(best))
        if self._context.ports.debugging.on(EVENTS):
            self._context.debug(calculated_line(state.number, len(best)))
        if self._context.ports.debugging.on(SPF):
            self._context.debug(ways_line(state.number, len(best), state.history.runs[-1].reasons))
        translated = translations(state.areas.values(), state.router_id, best) if state.is_border else {}
        self._externals.translate(translated)
