"""The calculation: the shortest paths in all areas, and the resulting routes. RFC 2328 §16.

The process requests a calculation from the throttle. It runs in slices, so that Hellos are processed meanwhile; its
routes become offers to the routing table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf.externals import translations
from dmvpn.features.ospf.messages import EVENTS, SPF, calculated_line, ways_line
from dmvpn.features.ospf.outside import external_routes
from dmvpn.features.ospf.own_lsas import border_routers, inter_area_routes
from dmvpn.features.ospf.spf import OspfRoute, Slices, active_ranges, collect, graph_of, grow, keep_better, paced
from dmvpn.features.ospf.transit import shorten, shorten_to_borders

if TYPE_CHECKING:
    from collections.abc import Generator

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.externals import Externals
    from dmvpn.features.ospf.links import VirtualLinks
    from dmvpn.features.ospf.own_lsas import Summaries
    from dmvpn.features.ospf.rib import Offers
    from dmvpn.features.ospf.state import State


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
        self._work = Slices("calculate the next slice of the routes", state.context)

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

    def forget(self) -> None:
        """Forget the routes."""
        self._work.stop()
        self._state.found.routes = {}

    def _calculate(self) -> Generator[None, None, None]:
        """Yield between slices: shortest paths in all areas, and the resulting routes. RFC 2328 §16."""
        state = self._state
        self._offers.begin()
        best: dict[Prefix, OspfRoute] = {}
        # virtual links before the backbone
        for area in sorted(state.areas.values(), key=lambda area: not area.number):
            ways = state.ways()
            graph = yield from graph_of(area.database)
            tree = area.tree_of(graph, ways)
            if tree is None:
                tree = yield from grow(graph, state.router_id, ways)
            area.take(tree, (graph, ways), self._context.now)
            self._virtual.follow(area, graph)
            found = yield from collect(graph, tree, state.router_id)
            for each, ends in paced(found.values()):
                if ends:
                    yield
                keep_better(best, OspfRoute.within(area.number, each))
        yield from self._add_others(best)
        yield from self._offers.refresh(self._externals.dropped())
        if self._work.is_wanted_again or self._offers.is_renewed:
            state.request_calculation()

    def _add_others(self, best: dict[Prefix, OspfRoute]) -> Generator[None, None, None]:
        """Yield between slices of work: inter-area routes, then externals, then what we originate because of both."""
        state, found = self._state, self._state.found
        found.active = active_ranges(state.areas, best.values()) if state.is_border else {}
        for route, ends in paced(list(inter_area_routes(state))):
            if ends:
                yield
            keep_better(best, route)
        shorten(state, best)
        found.borders = border_routers(state)
        shorten_to_borders(state, found.borders)
        self._summaries.refresh(best)
        for route, ends in paced(list(external_routes(state, best))):
            if ends:
                yield
            keep_better(best, route)
        found.routes = best
        state.history.calculated(self._context.now, len(best))
        if self._context.ports.debugging.on(EVENTS):
            self._context.debug(calculated_line(state.number, len(best)))
        if self._context.ports.debugging.on(SPF):
            self._context.debug(ways_line(state.number, len(best), state.history.runs[-1].reasons))
        translated = translations(state.areas.values(), state.router_id, best) if state.is_border else {}
        self._externals.translate(translated)
