"""Static routes: offered to the RIB once, taken back when they are gone from the configuration.

Whether a route can be used (is its interface up, can its next hop be reached?) is the RIB's business, so nothing
happens here between two configurations. Routes to one prefix with one distance share the load: they are one offer with
several next hops. Another distance is another offer (a floating route), told apart by the process name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import Effect, NextHop, RouteKind
from dmvpn.base.notices import Configured, Notice, Route, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.static.model import StaticConfig, StaticRoute

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.events import Event
    from dmvpn.base.pages import Pages
    from dmvpn.base.ports import Ports

#: An offer: its prefix, and its process, whose name is the distance.
_Key = tuple["Prefix", str]
#: IOS routes over at most so many paths of one static prefix.
MAXIMUM_PATHS = 16


class StaticMachine:
    """Keeps the offers in step with the configuration."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = ()

    def __init__(self, ports: Ports) -> None:
        self._config = StaticConfig()
        #: The lines of each offer, by their numbers.
        self._lines: dict[_Key, dict[int, StaticRoute]] = {}
        self._offers: dict[_Key, Route] = {}

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if not isinstance(event, Configured) or not isinstance(event.model, StaticConfig):
            return []
        before, self._config = self._config, event.model
        changed = (*self._take(event.model.ipv4, before.ipv4), *self._take(event.model.ipv6, before.ipv6))
        results: list[Effect | Notice] = []
        for prefix, process in changed:
            if (prefix, process) not in self._lines:
                del self._offers[prefix, process]
                results.append(RouteRetracted(RouteSource.STATIC, process, prefix))
        for key in changed:
            route = _offer(key[1], self._lines[key]) if key in self._lines else None
            if route is not None and route != self._offers.get(key):
                self._offers[key] = route
                results.append(RouteOffered(route))
        return results

    def _take(self, routes: Pages[StaticRoute], before: Pages[StaticRoute]) -> list[_Key]:
        """The offers whose lines changed: those that are gone, then the others in the order of their first lines."""
        gone, came = routes.changes(before)
        changed: dict[_Key, None] = {}
        for number, route in gone.items():
            changed[_key(route)] = None
            del self._lines[_key(route)][number]
        for number, route in came.items():
            changed[_key(route)] = None
            self._lines.setdefault(_key(route), {})[number] = route
        for key in changed:
            if not self._lines[key]:
                del self._lines[key]
        return sorted(changed, key=lambda key: min(self._lines.get(key, (-1,))))

    def next_deadline(self) -> float | None:
        """Nothing here waits for a time."""
        return None


def _key(route: StaticRoute) -> _Key:
    return route.prefix, str(route.distance)


def _offer(process: str, lines: dict[int, StaticRoute]) -> Route:
    """One offer of the lines with the same prefix and distance. Null0 only counts where nothing else is said."""
    entries = [lines[number] for number in sorted(lines)]
    first = entries[0]
    hops = [NextHop(entry.interface, entry.next_hop) for entry in entries if entry.interface != "Null0"]
    return Route(
        prefix=first.prefix,
        source=RouteSource.STATIC,
        distance=first.distance,
        next_hops=tuple(hops[:MAXIMUM_PATHS]) if hops else (NextHop("Null0"),),
        kind=RouteKind.FORWARD if hops else RouteKind.DISCARD,
        process=process,
        tag=first.tag,
    )
