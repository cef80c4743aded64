"""Static routes: offered to the RIB once, taken back when they are gone from the configuration.

Whether a route can be used (is its interface up, can its next hop be reached?) is the RIB's business, so nothing
happens here between two configurations, but that a line with `track` counts while its object is up. Routes to one
prefix with one distance share the load: they are one offer with several next hops. Another distance is another offer (a
floating route), told apart by the process name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import Effect, NextHop, RouteKind
from dmvpn.base.notices import (
    Configured,
    Notice,
    Route,
    RouteOffered,
    RouteRetracted,
    RouteSource,
    TrackChanged,
    TrackFollowed,
)
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

    subscriptions: tuple[type[Event] | type[Notice], ...] = (TrackChanged,)

    def __init__(self, ports: Ports) -> None:
        self.config = StaticConfig()
        #: The lines of each offer, by their numbers.
        self._lines: dict[_Key, dict[int, StaticRoute]] = {}
        self._offers: dict[_Key, Route] = {}
        #: The tracked objects that are up, and which offers have lines that follow an object.
        self._up: dict[int, None] = {}
        self._following: dict[int, dict[_Key, None]] = {}
        self._told: tuple[int, ...] = ()

    def is_up(self, number: int) -> bool:
        """Return whether a tracked object is up, so that lines that follow it count."""
        return number in self._up

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if isinstance(event, TrackChanged):
            return self._follow(event)
        if not isinstance(event, Configured) or not isinstance(event.model, StaticConfig):
            return []
        before, self.config = self.config, event.model
        changed = (*self._take(event.model.ipv4, before.ipv4), *self._take(event.model.ipv6, before.ipv6))
        return [*self._followed(), *self._offer_again(changed)]

    def _followed(self) -> list[Notice]:
        """Return the notice of which objects lines follow, if these are others now."""
        numbers = tuple(sorted(self._following))
        if numbers == self._told:
            return []
        self._told = numbers
        return [TrackFollowed(numbers)]

    def _follow(self, event: TrackChanged) -> list[Effect | Notice]:
        """Follow a tracked object that is up or down: so are the lines that follow it."""
        if event.up:
            self._up[event.number] = None
        else:
            self._up.pop(event.number, None)
        return self._offer_again(tuple(self._following.get(event.number, ())))

    def _offer_again(self, changed: tuple[_Key, ...]) -> list[Effect | Notice]:
        """Offer what these lines make now; first take back what is no offer any more."""
        results: list[Effect | Notice] = []
        routes = {key: route for key in changed if (route := self._route(key)) is not None}
        for prefix, process in changed:
            if (prefix, process) not in routes and self._offers.pop((prefix, process), None) is not None:
                results.append(RouteRetracted(RouteSource.STATIC, process, prefix))
        for key, route in routes.items():
            if route != self._offers.get(key):
                self._offers[key] = route
                results.append(RouteOffered(route))
        return results

    def _route(self, key: _Key) -> Route | None:
        """Return what the lines of an offer make, as long as their objects are up; None: nothing."""
        lines = self._lines.get(key, {})
        counting = {number: line for number, line in lines.items() if not line.track or line.track in self._up}
        return _offer(key[1], counting) if counting else None

    def _take(self, routes: Pages[StaticRoute], before: Pages[StaticRoute]) -> list[_Key]:
        """Return the offers whose lines changed: those that are gone, then the others in the order of their first
        lines.
        """
        gone, came = routes.changes(before)
        changed: dict[_Key, None] = {}
        for number, route in gone.items():
            changed[_key(route)] = None
            del self._lines[_key(route)][number]
        for number, route in came.items():
            changed[_key(route)] = None
            self._lines.setdefault(_key(route), {})[number] = route
            if route.track:
                self._following.setdefault(route.track, {})[_key(route)] = None
        for route in gone.values():
            self._unfollow(route.track, _key(route))
        for key in changed:
            if not self._lines[key]:
                del self._lines[key]
        return sorted(changed, key=lambda key: min(self._lines.get(key, (-1,))))

    def _unfollow(self, number: int, key: _Key) -> None:
        """Note that no line of an offer follows an object any more, if that is so; one that did is gone."""
        keys = self._following.get(number, {})
        if key in keys and not any(line.track == number for line in self._lines.get(key, {}).values()):
            del keys[key]
            if not keys:
                del self._following[number]

    def next_deadline(self) -> float | None:
        """Return None: static routes have no timers."""
        return None


def _key(route: StaticRoute) -> _Key:
    return route.prefix, str(route.distance)


def _offer(process: str, lines: dict[int, StaticRoute]) -> Route:
    """Return one offer of the lines with the same prefix and distance. Null0 only counts where nothing else is said."""
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
