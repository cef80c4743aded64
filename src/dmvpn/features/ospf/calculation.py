"""The calculation: the shortest ways in all areas, and what the routing table is to have of them. RFC 2328 §16.

request -> not too often (throttle) -> in slices, so that neighbors are heard meanwhile -> routes -> offers
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from dmvpn.base.effects import NextHop
from dmvpn.features.ospf.messages import EVENTS, SPF, calculated_line, ways_line
from dmvpn.features.ospf.nssa import translations
from dmvpn.features.ospf.outside import external_routes
from dmvpn.features.ospf.ranges import Active, active_ranges, dropped
from dmvpn.features.ospf.routes import OspfRoute, keep_better
from dmvpn.features.ospf.slices import Slices, drained, paced
from dmvpn.features.ospf.spf import Ways, collect, graph_of, grow
from dmvpn.features.ospf.summaries import Summaries, border_routers, inter_area_routes
from dmvpn.features.ospf.surroundings import Surroundings
from dmvpn.features.ospf.throttle import Throttle
from dmvpn.features.ospf.transit import shorten, shorten_to_borders

if TYPE_CHECKING:
    from collections.abc import Generator
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.ospf.externals import Externals
    from dmvpn.features.ospf.history import History
    from dmvpn.features.ospf.model import MaximumMetric
    from dmvpn.features.ospf.offers import Offers
    from dmvpn.features.ospf.origination import Origination
    from dmvpn.features.ospf.spf import Reached
    from dmvpn.features.ospf.virtual import VirtualLinks


class Calculating(Surroundings, Protocol):
    """A process, as far as it calculates."""

    @property
    def calculation(self) -> Calculation:
        """This."""
        ...

    @property
    def history(self) -> History:
        """What it did lately."""
        ...

    @property
    def last_resort(self) -> MaximumMetric | None:
        """Is nobody to go through us who can help it?"""
        ...

    @property
    def offers(self) -> Offers:
        """What the routing table has been offered."""
        ...

    @property
    def origination(self) -> Origination:
        """Makes advertisements."""
        ...

    @property
    def redistributor(self) -> Externals:
        """Tells of the outside."""
        ...

    @property
    def summaries(self) -> Summaries:
        """What areas are told of each other."""
        ...

    @property
    def virtual(self) -> VirtualLinks:
        """Its virtual links."""
        ...


class Calculation:
    """What one process has calculated.

    borders: routers at the borders of areas and of OSPF, with the area of the way there. active: ranges that hold a
    network.
    """

    def __init__(self, process: Calculating) -> None:
        self.routes: dict[Prefix, OspfRoute] = {}
        self.borders: dict[IPv4Address, tuple[int, Reached]] = {}
        self.active: Active = {}
        self._process = process
        self._context = process.context
        self._work = Slices(process.context, self._calculate, self.request)
        self._throttle = Throttle(process.context, self._work.begin, lambda: process.settings.spf_throttle)

    @property
    def is_busy(self) -> bool:
        """Has a calculation begun, and not been finished?"""
        return self._work.is_busy

    def request(self) -> None:
        """Request a calculation, because what it is made of may be another thing now."""
        self._throttle.request()

    def stop(self) -> None:
        """Calculate nothing more, because the process ends or begins again."""
        self._throttle.stop()
        self._work.stop()

    def forget(self) -> None:
        """Forget the routes."""
        self._work.stop()
        self.routes = {}

    def _calculate(self) -> Generator[None, None, None]:
        """Yield the shortest ways in all areas, and what the routing table is to have of them. RFC 2328 §16."""
        process = self._process
        best: dict[Prefix, OspfRoute] = {}
        # virtual links before the backbone
        for area in sorted(process.areas.values(), key=lambda area: not area.number):
            ways = self._ways()
            graph = yield from graph_of(area.database)
            tree = area.tree_of(graph, ways)
            if tree is None:
                tree = yield from grow(graph, process.router_id, ways)
            area.take(tree, (graph, ways), self._context.now)
            process.virtual.follow(area, graph)
            found = yield from collect(graph, tree, process.router_id)
            for each, ends in paced(found.values()):
                if ends:
                    yield
                keep_better(best, OspfRoute.within(area.number, each))
        yield from self._add_others(best)
        yield from self._offering()

    def _add_others(self, best: dict[Prefix, OspfRoute]) -> Generator[None, None, None]:
        """Yield networks of other areas, then those outside; and what we tell of both."""
        process = self._process
        self.active = active_ranges(process.areas, best.values()) if process.is_border else {}
        for route, ends in paced(list(inter_area_routes(process))):
            if ends:
                yield
            keep_better(best, route)
        shorten(process, best)
        self.borders = border_routers(process)
        shorten_to_borders(process, self.borders)
        process.summaries.refresh(best)
        for route, ends in paced(list(external_routes(process, best))):
            if ends:
                yield
            keep_better(best, route)
        self.routes = best
        process.history.calculated(self._context.now, len(best))
        if self._context.ports.debugging.on(EVENTS):
            self._context.debug(calculated_line(process.number, len(best)))
        if self._context.ports.debugging.on(SPF):
            self._context.debug(ways_line(process.number, len(best), process.history.runs[-1].reasons))
        translated = translations(process.areas.values(), process.router_id, best) if process.is_border else {}
        process.redistributor.translate(translated)

    def _offering(self) -> Generator[None, None, None]:
        """Let the routing table have what holds now, in slices."""
        process, settings = self._process, self._process.settings
        ranges = dropped(self.active, self.routes) if settings.discards_ranges else {}
        summaries = process.redistributor.dropped() if settings.discards_summaries else {}
        return process.offers.refresh(self.routes, settings, ranges, summaries)

    def offer(self) -> None:
        """Offer the same at once; what is being calculated is to be offered again, since it may be older."""
        drained(self._offering())
        if self.is_busy:
            self._work.begin()

    def _ways(self) -> Ways:
        interfaces = self._process.interfaces.values()
        neighbors = {
            (interface.address, neighbor.router): NextHop(interface.name, neighbor.address)
            for interface in interfaces
            for neighbor in interface.full
            if interface.far_end is None
        }
        real = (interface for interface in interfaces if interface.far_end is None)
        return Ways(neighbors, {interface.address: interface.name for interface in real}, self._process.virtual.hops())
