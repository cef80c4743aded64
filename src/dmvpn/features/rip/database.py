"""What RIP has learned: routes, their paths, and the four timers of each, RFC 2453 §3.8 with IOS's holddown.

The moves between the states of a route are the table `MOVES`. The state itself is not kept: it follows from the paths.

The metric is the one received: the sender has counted the hop (a neighbor's connected network has metric 1, as IOS
shows it; RFC 2453 §3.9.2 adds the hop on receipt, which comes to the same on the wire). Equal paths share the load.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.values import dataclass
from dmvpn.features.rip.packet import INFINITY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.features.rip.model import RipTimers


#: Prefixes that are learned from all gateways together, and paths of one of them: one that tells without end takes the
#: room of nobody else.
MOST_PREFIXES: Final = 250_000
MOST_OF_ONE: Final = 50_000


class RouteState(enum.Enum):
    """What RIP has of a prefix."""

    UNKNOWN = "nothing"
    REACHABLE = "a path"
    UNREACHABLE = "no path any more, which everybody is told"


class RouteMove(enum.Enum):
    """What can happen to a route."""

    HEARD = "a gateway announces it; once it was lost: its old gateway, a better metric, or any after `holddown`"
    LOST = "its last path is poisoned by its gateway, silent for `invalid`, or its interface is down"
    FLUSHED = "`flush` is over"


#: Every legal move. A missing pair (KeyError) is our bug, never a neighbor's.
MOVES: Final[dict[tuple[RouteState, RouteMove], RouteState]] = {
    **{(state, RouteMove.HEARD): RouteState.REACHABLE for state in RouteState},
    (RouteState.REACHABLE, RouteMove.LOST): RouteState.UNREACHABLE,
    (RouteState.UNREACHABLE, RouteMove.FLUSHED): RouteState.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """One entry of a response: gateway says that it reaches `prefix`. next_hop: gateway, or better than it (§4.4).

    permanent: it is believed until the gateway says otherwise (triggered RIP), not for `invalid` seconds alone.
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
        """What tells the paths of a route apart."""
        return self.interface, self.gateway


@dataclass(slots=True)
class LearnedRoute:
    """A route. paths: with the time of the last update each; none: unreachable. changed: since then.

    Of an unreachable route: lost, the last path that it had; hold_until, flush_at.
    """

    prefix: Prefix
    paths: dict[tuple[str, IPAddress], tuple[Announcement, float]] = field(default_factory=dict)
    lost: Announcement | None = None
    hold_until: float = 0.0
    flush_at: float = 0.0

    @property
    def reachable(self) -> bool:
        """Is there a path?"""
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
        """When the path was last heard of that will be forgotten first; None: none will."""
        return min((heard for path, heard in self.paths.values() if not path.permanent), default=None)

    @property
    def updated(self) -> float:
        """When a path was last heard of."""
        return max((heard for _, heard in self.paths.values()), default=0.0)


class Database:
    """Learned routes by prefix. Methods return the prefixes whose metric or paths are different now."""

    def __init__(self) -> None:
        self.routes: dict[Prefix, LearnedRoute] = {}
        self._deadlines: Deadlines[Prefix] = Deadlines()
        #: How many paths each gateway has.
        self._counts: Counter[tuple[str, IPAddress]] = Counter()

    def has_room(self, heard: Announcement) -> bool:
        """Return whether there is room for what a gateway announces: always, if it is no news."""
        route = self.routes.get(heard.prefix)
        if heard.metric >= INFINITY or (route is not None and heard.path in route.paths):
            return True
        return self._counts[heard.path] < MOST_OF_ONE and (route is not None or len(self.routes) < MOST_PREFIXES)

    def state(self, prefix: Prefix) -> RouteState:
        """Return what there is of a prefix."""
        route = self.routes.get(prefix)
        if route is None:
            return RouteState.UNKNOWN
        return RouteState.REACHABLE if route.reachable else RouteState.UNREACHABLE

    def learn(self, heard: Announcement, timers: RipTimers, maximum_paths: int, now: float) -> bool:
        """Take an announcement. True if the route is another one now."""
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
        self,
        prefixes: Iterable[Prefix],
        is_gone: Callable[[tuple[str, IPAddress]], bool],
        timers: RipTimers,
        since: float,
        now: float,
    ) -> list[Prefix]:
        """Lose the paths to these prefixes that are gone before our own eyes, since then: holddown is for what others
        say, so there is none.
        """
        changed = []
        for prefix in prefixes:
            route = self.routes.get(prefix)
            known = route.paths.items() if route is not None else ()
            paths = [path for path, (_, heard) in known if heard <= since and is_gone(path)]
            if route is not None and paths and self._lose(route, paths, timers, now):
                route.hold_until = now
                changed.append(prefix)
        return changed

    def doubt(self, interface: str, gateway: IPAddress, timers: RipTimers, now: float) -> None:
        """Let every path by a gateway that tells its table again go, unless it is told again within `invalid`."""
        for route in self.routes.values():
            path = route.paths.get((interface, gateway))
            if path is not None:
                route.paths[interface, gateway] = replace(path[0], permanent=False), now
                self._arm(route, timers)

    def expire(self, timers: RipTimers, now: float, most: int) -> list[Prefix]:
        """Let silent paths go, and forget routes that have been unreachable for long enough; no more than `most`."""
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
        """Set the timers of these again, which are other ones now."""
        for prefix in prefixes:
            if prefix in self.routes:
                self._arm(self.routes[prefix], timers)

    def clear(self) -> list[Prefix]:
        """Forget everything; the prefixes that were known."""
        known = list(self.routes)
        self.routes.clear()
        self._counts.clear()
        self._deadlines = Deadlines()
        return known

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return self._deadlines.next()

    def _learn_again(self, route: LearnedRoute | None, heard: Announcement, timers: RipTimers, now: float) -> bool:
        """Learn a route that we do not have, or that is unreachable and maybe held down."""
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
        """Take these paths away; without another one the route is unreachable from now on."""
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
