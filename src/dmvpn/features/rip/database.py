"""The routes that a process knows: learned ones with their paths and timers, and its own.

A learned route has the four timers of RFC 2453 §3.8 with IOS's holddown. `MOVES` are the state transitions of a route.
The state itself is not stored, because it follows from the paths.

The metric is stored as received: the sender has counted the hop (a neighbor's connected network has metric 1, as IOS
shows it; RFC 2453 §3.9.2 adds the hop on receipt, with the same result on the wire). Equal paths share the load.

Routes that RIP originates are connected networks, redistributed routes, a default route. Each is updated when it
changes in the routing table (`RouteChanged`); only a change of the configuration scans the whole table. A route that is
no longer ours is announced as unreachable for a while, like a learned one.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import field, replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Deadlines
from dmvpn.base.distribution import Redistribution, line_for
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.ports import Ports
from dmvpn.base.routemaps import UNCHANGED, MatchedRoute
from dmvpn.base.values import Mutable, Value
from dmvpn.features.rip.model import RipConfig, RipTimers
from dmvpn.features.rip.packet import INFINITY

# ------------------------------------------------------------------------------------------------ routes of our own


DEFAULT: Final = Prefix.of(IPv4Address(0), 0)

#: Sources whose routes need no configured metric: IOS announces them with this one.
_METRIC_FREE: Final = (RouteSource.CONNECTED, RouteSource.STATIC)
_SEED_METRIC: Final = 1
#: The largest metric that can be configured; it means unreachable.
_FARTHEST: Final = 16


class OwnRoute(Value):
    """A route that we originate.

    interface, next_hop: where it leads.
    kind: as `show ip rip database` prints it.
    """

    metric: int
    interface: str = ""
    next_hop: IPAddress | None = None
    tag: int = 0
    kind: str = "directly connected"


def own_route(prefix: Prefix, config: RipConfig, ports: Ports) -> OwnRoute | None:
    """Return the route that we originate for this prefix now; None: none."""
    if not config.enabled or prefix.version != 4:
        return None
    if prefix == DEFAULT and config.default_originate:
        return OwnRoute(_SEED_METRIC, kind="redistributed")
    route = ports.rib.exact(prefix)
    if route is None or not route.next_hops:
        return None
    hop = route.next_hops[0]
    if route.source is RouteSource.CONNECTED and _speaks_rip(hop.interface, prefix, config, ports):
        return OwnRoute(_SEED_METRIC, hop.interface)
    line = line_for(config.redistributions, route)
    return _redistributed(line, route, config, ports) if line is not None else None


def _redistributed(line: Redistribution, route: Route, config: RipConfig, ports: Ports) -> OwnRoute | None:
    policies, asked = ports.policies.of_routes(), MatchedRoute.of(route)
    if not config.distribution.brings_in(policies, asked):
        return None
    changes = policies.mapped(line.route_map, asked) if line.route_map else UNCHANGED
    if changes is None:
        return None
    seed = _metric(line, config)
    metric = max(1, changes.metric_of(seed or 0)) if changes.sets_metric else seed
    if not metric or metric > _FARTHEST:
        return None
    hop = route.next_hops[0]
    tag = route.tag if changes.tag is None else changes.tag & 0xFFFF
    address = hop.address if hop.address is not None and hop.address.version == 4 else None
    return OwnRoute(metric, hop.interface, address, tag, "redistributed")


def all_own_routes(config: RipConfig, ports: Ports) -> dict[Prefix, OwnRoute]:
    """Return all routes that we originate now."""
    prefixes = dict.fromkeys(route.prefix for route in ports.rib.routes())
    prefixes[DEFAULT] = None
    found = ((prefix, own_route(prefix, config, ports)) for prefix in prefixes)
    return {prefix: own for prefix, own in found if own is not None}


def _speaks_rip(interface: str, prefix: Prefix, config: RipConfig, ports: Ports) -> bool:
    """Return whether this is a connected network of an interface covered by a `network` line."""
    state = ports.interfaces.get(interface)
    addresses = state.addresses if state is not None else ()
    return any(config.covers(address) for address, _ in addresses if address in prefix)


def _metric(redistribution: Redistribution, config: RipConfig) -> int | None:
    """Return the metric of redistributed routes; those of dynamic protocols are not announced without one (IOS)."""
    if redistribution.metric is not None:
        return max(1, redistribution.metric)
    if config.default_metric is not None:
        return config.default_metric
    return _SEED_METRIC if redistribution.source in _METRIC_FREE else None


# ------------------------------------------------------------------------------------------------ learned routes


#: Maximum prefixes learned from all gateways together, and paths of one gateway: a gateway that announces without end
#: does not use up the room of other gateways.
MOST_PREFIXES: Final = 250_000
MOST_OF_ONE: Final = 50_000


class RouteState(enum.Enum):
    """The state of a prefix."""

    UNKNOWN = "nothing"
    REACHABLE = "a path"
    UNREACHABLE = "no path any more, which is advertised to all neighbors"


class RouteMove(enum.Enum):
    """Events of a route."""

    HEARD = "a gateway advertises it; once it was lost: its old gateway, a better metric, or any after `holddown`"
    LOST = "its last path is poisoned by its gateway, silent for `invalid`, or its interface is down"
    FLUSHED = "`flush` is over"


#: Every legal transition. A missing pair (KeyError) is our bug, never a neighbor's.
MOVES: Final[dict[tuple[RouteState, RouteMove], RouteState]] = {
    **{(state, RouteMove.HEARD): RouteState.REACHABLE for state in RouteState},
    (RouteState.REACHABLE, RouteMove.LOST): RouteState.UNREACHABLE,
    (RouteState.UNREACHABLE, RouteMove.FLUSHED): RouteState.UNKNOWN,
}


class Announcement(Value, kw_only=True):
    """One entry of a response: `gateway` reaches `prefix`. next_hop: the gateway, or a better next hop (§4.4).

    permanent: valid until the gateway withdraws it (triggered RIP), not only for `invalid` seconds.
    """

    prefix: Prefix
    metric: int
    tag: int
    gateway: IPAddress
    next_hop: IPAddress
    interface: str
    permanent: bool = False

    @property
    def path(self) -> tuple[str, IPAddress]:
        """The key of this path among those of the route."""
        return self.interface, self.gateway


class LearnedFrom(Value):
    """The source of learned routes: an interface, or a single gateway there."""

    interface: str
    gateway: IPAddress | None = None

    def has(self, path: tuple[str, IPAddress]) -> bool:
        """Return whether a path (interface and gateway) is from this source."""
        return path[0] == self.interface and self.gateway in (None, path[1])


class LearnedRoute(Mutable):
    """A route. paths: each with the time of its last update; empty: unreachable.

    Of an unreachable route: lost, its last path; hold_until, the end of holddown; flush_at, when it is removed.
    """

    prefix: Prefix
    paths: dict[tuple[str, IPAddress], tuple[Announcement, float]] = field(default_factory=dict)
    lost: Announcement | None = None
    hold_until: float = 0.0
    flush_at: float = 0.0

    @property
    def reachable(self) -> bool:
        """Whether the route has a path."""
        return bool(self.paths)

    @property
    def metric(self) -> int:
        """The metric of all paths."""
        return next(iter(self.paths.values()))[0].metric if self.paths else INFINITY

    @property
    def announcements(self) -> list[Announcement]:
        """The paths, sorted."""
        return [self.paths[key][0] for key in sorted(self.paths)]

    @property
    def oldest(self) -> float | None:
        """The last update of the path that expires first; None: none expires."""
        return min((heard for path, heard in self.paths.values() if not path.permanent), default=None)

    @property
    def updated(self) -> float:
        """The latest update of any path."""
        return max((heard for _, heard in self.paths.values()), default=0.0)


class Database:
    """Learned routes by prefix. Methods return the prefixes whose metric or paths changed."""

    def __init__(self) -> None:
        self.routes: dict[Prefix, LearnedRoute] = {}
        self._deadlines: Deadlines[Prefix] = Deadlines()
        #: Number of paths of each gateway.
        self._counts: Counter[tuple[str, IPAddress]] = Counter()

    def has_room(self, heard: Announcement) -> bool:
        """Return whether there is room for an announcement; there always is for a known path."""
        route = self.routes.get(heard.prefix)
        if heard.metric >= INFINITY or (route is not None and heard.path in route.paths):
            return True
        return self._counts[heard.path] < MOST_OF_ONE and (route is not None or len(self.routes) < MOST_PREFIXES)

    def state(self, prefix: Prefix) -> RouteState:
        """Return the state of a prefix."""
        route = self.routes.get(prefix)
        if route is None:
            return RouteState.UNKNOWN
        return RouteState.REACHABLE if route.reachable else RouteState.UNREACHABLE

    def learn(self, heard: Announcement, timers: RipTimers, maximum_paths: int, now: float) -> bool:
        """Apply an announcement. Returns whether the route changed."""
        route = self.routes.get(heard.prefix)
        if route is None or not route.reachable:
            return self._learn_again(route, heard, timers, now)
        known = route.paths.get(heard.path)
        if heard.metric >= INFINITY:
            return known is not None and self._lose(route, [heard.path], timers, now)
        best = route.metric
        if known is None and heard.metric > best:
            return False
        if known is None and heard.metric == best and len(route.paths) >= maximum_paths:
            return False
        if known is not None and heard.metric > best and len(route.paths) > 1:
            return self._lose(route, [heard.path], timers, now)
        if heard.metric != best:
            for path in list(route.paths):
                self._drop(route, path)
        self._put(route, heard, now)
        self._arm(route, timers)
        return known is None or known[0] != heard

    def lose(
        self, prefixes: Iterable[Prefix], gone: LearnedFrom, timers: RipTimers, since: float, now: float
    ) -> list[Prefix]:
        """Remove the paths of a lost source that were last updated before `since` (seconds).

        Holddown protects from late announcements of gateways, so these routes are not held down.
        """
        changed = []
        for prefix in prefixes:
            route = self.routes.get(prefix)
            known = route.paths.items() if route is not None else ()
            paths = [path for path, (_, heard) in known if heard <= since and gone.has(path)]
            if route is not None and paths and self._lose(route, paths, timers, now):
                route.hold_until = now
                changed.append(prefix)
        return changed

    def doubt(self, interface: str, gateway: IPAddress, timers: RipTimers, now: float) -> None:
        """Let every path of a gateway that sends its table again expire, unless it is announced again
        within `invalid`.
        """
        for route in self.routes.values():
            path = route.paths.get((interface, gateway))
            if path is not None:
                route.paths[interface, gateway] = replace(path[0], permanent=False), now
                self._arm(route, timers)

    def expire(self, timers: RipTimers, now: float, most: int) -> list[Prefix]:
        """Remove silent paths, and routes that have been unreachable for long enough; at most `most` of them."""
        changed = []
        for prefix in self._deadlines.take_due(now, most):
            route = self.routes[prefix]
            if not route.reachable:
                del self.routes[prefix]
                continue
            silent = [
                key
                for key, (path, heard) in route.paths.items()
                if not path.permanent and heard + timers.invalid <= now
            ]
            if silent and self._lose(route, silent, timers, now):
                changed.append(prefix)
            else:
                self._arm(route, timers)
        return changed

    def rearm(self, prefixes: Iterable[Prefix], timers: RipTimers) -> None:
        """Set the deadlines of these routes again because the timers changed."""
        for prefix in prefixes:
            if prefix in self.routes:
                self._arm(self.routes[prefix], timers)

    def clear(self) -> list[Prefix]:
        """Remove everything; returns the prefixes that were known."""
        known = list(self.routes)
        self.routes.clear()
        self._counts.clear()
        self._deadlines = Deadlines()
        return known

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return self._deadlines.next()

    def _learn_again(self, route: LearnedRoute | None, heard: Announcement, timers: RipTimers, now: float) -> bool:
        """Learn a route that is unknown, or unreachable and maybe in holddown."""
        if heard.metric >= INFINITY:
            return False
        if route is not None and route.lost is not None and now < route.hold_until:
            is_better = heard.path == route.lost.path or heard.metric < route.lost.metric
            if not is_better:
                return False
        fresh = self.routes[heard.prefix] = LearnedRoute(heard.prefix)
        self._put(fresh, heard, now)
        self._arm(fresh, timers)
        return True

    def _put(self, route: LearnedRoute, heard: Announcement, now: float) -> None:
        self._counts[heard.path] += heard.path not in route.paths
        route.paths[heard.path] = (heard, now)

    def _drop(self, route: LearnedRoute, path: tuple[str, IPAddress]) -> Announcement:
        self._counts[path] -= 1
        if not self._counts[path]:
            del self._counts[path]
        return route.paths.pop(path)[0]

    def _lose(self, route: LearnedRoute, paths: list[tuple[str, IPAddress]], timers: RipTimers, now: float) -> bool:
        """Remove these paths; a route without any other path becomes unreachable."""
        updated = route.updated
        for path in paths:
            route.lost = self._drop(route, path)
        if not route.reachable:
            route.hold_until = now + timers.holddown
            route.flush_at = max(updated + timers.flush, now + timers.flush - timers.invalid)
        self._arm(route, timers)
        return True

    def _arm(self, route: LearnedRoute, timers: RipTimers) -> None:
        if not route.reachable:
            self._deadlines.set(route.prefix, route.flush_at)
        elif route.oldest is not None:
            self._deadlines.set(route.prefix, route.oldest + timers.invalid)
        else:
            self._deadlines.cancel(route.prefix)
