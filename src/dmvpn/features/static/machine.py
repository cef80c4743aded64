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
    from dmvpn.base.ports import Ports

#: IOS routes over at most so many paths of one static prefix.
MAXIMUM_PATHS = 16


class StaticMachine:
    """Keeps the offers in step with the configuration."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = ()

    def __init__(self, ports: Ports) -> None:
        self._offers: dict[tuple[Prefix, str], Route] = {}

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if not isinstance(event, Configured) or not isinstance(event.model, StaticConfig):
            return []
        wanted = make_offers(event.model)
        results: list[Effect | Notice] = [
            RouteRetracted(RouteSource.STATIC, process, prefix)
            for prefix, process in self._offers
            if (prefix, process) not in wanted
        ]
        results += [RouteOffered(route) for key, route in wanted.items() if self._offers.get(key) != route]
        self._offers = wanted
        return results

    def next_deadline(self) -> float | None:
        """Nothing here waits for a time."""
        return None


def make_offers(config: StaticConfig) -> dict[tuple[Prefix, str], Route]:
    """The offers that these lines make, by prefix and process; the distance is the process's name."""
    groups: dict[tuple[Prefix, str], list[StaticRoute]] = {}
    for entry in config.routes:
        groups.setdefault((entry.prefix, str(entry.distance)), []).append(entry)
    return {key: _offer(key[1], entries) for key, entries in groups.items()}


def _offer(process: str, entries: list[StaticRoute]) -> Route:
    """One offer of the entries with the same prefix and distance. Null0 only counts where nothing else is said."""
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
