"""Routes that the process announces: its own, those that it has learned, and for a while those that have just gone.

What is different now is offered to the routing table at once, and waits here to be told to everybody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.deadlines import Deadlines, earliest
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import DebugOutput, RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.rip import messages
from dmvpn.features.rip.database import Database
from dmvpn.features.rip.lists import offer_of
from dmvpn.features.rip.output import announced
from dmvpn.features.rip.own import OwnRoute, all_own_routes, own_route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice, Route, RouteChanged
    from dmvpn.base.ports import Ports
    from dmvpn.features.rip.database import Announcement
    from dmvpn.features.rip.model import RipConfig
    from dmvpn.features.rip.output import Announced

Results = list["Effect | Notice"]

#: Seconds between two log messages about the same gateway, and most messages about all of them in that time.
_COMPLAINT_INTERVAL: Final = 60.0
_COMPLAINT_BURST: Final = 8


class Announcing(Protocol):
    """A process, as far as it has routes. now: seconds, monotonic."""

    config: RipConfig
    now: float


class Table:
    """Those of the process. arm: lets everybody be told soon of what is different."""

    def __init__(self, ports: Ports, process: Announcing, arm: Callable[[], None]) -> None:
        self.own: dict[Prefix, OwnRoute] = {}
        self.database = Database()
        self._ports = ports
        self._process = process
        self._arm = arm
        self._changed: dict[Prefix, None] = {}
        self._poisoned: dict[Prefix, None] = {}
        self._gone: Deadlines[Prefix] = Deadlines()
        self._offered: dict[Prefix, Route] = {}
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return earliest(self.database.next_deadline(), self._gone.next())

    def prefixes(self) -> list[Prefix]:
        """Return all that a full update speaks of."""
        return list(dict.fromkeys((*self.own, *self.database.routes, *self._poisoned)))

    def look(self, prefixes: Iterable[Prefix]) -> Iterator[Announced]:
        """Look at what we announce of prefixes now."""
        return announced(prefixes, self.own, self.database.routes, self._ports.rib)

    def take_changed(self) -> list[Prefix]:
        """Return what is different since everybody was told."""
        changed, self._changed = self._changed, {}
        return list(changed)

    def clear(self) -> Results:
        """Forget everything, because the process ends."""
        retracted: Results = [RouteRetracted(RouteSource.RIP, "", prefix) for prefix in self._offered]
        self.database.clear()
        for state in (self._offered, self._changed, self._poisoned):
            state.clear()
        self._gone = Deadlines()
        return retracted

    # ------------------------------------------------------------------------------------------------- our own

    def look_at_own(self) -> None:
        """Look at what we announce of our own accord, which may be something else: other lines, or other route maps."""
        config, before = self._process.config, self.own
        self.own = all_own_routes(config, self._ports) if config.enabled else {}
        for prefix in (*before, *self.own):
            if before.get(prefix) != self.own.get(prefix):
                self._note(prefix)

    def route_changed(self, event: RouteChanged) -> None:
        """Note that a route of our own came, went or changed; or another protocol took a learned one over."""
        prefix = event.prefix
        old, new = self.own.pop(prefix, None), own_route(prefix, self._process.config, self._ports)
        if new is not None:
            self.own[prefix] = new
        sources = [route.source for route in (event.old, event.new) if route is not None]
        is_taken_over = prefix in self._offered and len(set(sources)) > 1 and RouteSource.RIP in sources
        if old != new or is_taken_over:
            self._note(prefix)

    def tell_all(self) -> None:
        """Tell everything soon, because the lines say another thing of it."""
        self._changed.update(dict.fromkeys(self.prefixes()))
        self._arm()

    def _note(self, prefix: Prefix) -> None:
        """Note that a prefix must be announced again; one that is nobody's any more, as unreachable and for a while."""
        timers = self._process.config.timers
        self._changed[prefix] = None
        self._arm()
        if prefix in self.own:
            self._poisoned.pop(prefix, None)
            self._gone.cancel(prefix)
        else:
            self._poisoned[prefix] = None
            self._gone.set(prefix, self._process.now + max(0, timers.flush - timers.invalid))

    # ------------------------------------------------------------------------------------------------- learned

    def learn(self, announcements: Iterable[Announcement]) -> Results:
        """Take what a gateway announces; what it says again is offered again."""
        config, results = self._process.config, Results()
        changed: list[Prefix] = []
        for heard in announcements:
            if not self.database.has_room(heard):
                if self._complaints.permits(heard.path, self._process.now):
                    results.append(messages.TooMany.of(heard.gateway, heard.interface))
            elif self.database.learn(heard, config.timers, config.maximum_paths, self._process.now):
                changed.append(heard.prefix)
            else:
                results += self._offer(heard.prefix)
        return results + self.publish(changed)

    def lose(
        self, prefixes: Iterable[Prefix], is_gone: Callable[[tuple[str, IPAddress]], bool], since: float
    ) -> list[Prefix]:
        """Lose the paths to these prefixes that are seen to be gone, since then."""
        return self.database.lose(prefixes, is_gone, self._process.config.timers, since, self._process.now)

    def doubt(self, interface: str, gateway: IPAddress) -> None:
        """Doubt what a gateway said, which says everything again."""
        self.database.doubt(interface, gateway, self._process.config.timers, self._process.now)

    def rearm(self, prefixes: Sequence[Prefix]) -> Results:
        """Apply other timers and distances to these."""
        self.database.rearm(prefixes, self._process.config.timers)
        return self.publish(prefixes)

    def expire(self, most: int) -> Results:
        """Let silent paths go, no more than `most`, and forget what has been told to be gone for long enough."""
        now = self._process.now
        results = self.publish(self.database.expire(self._process.config.timers, now, most))
        for prefix in self._gone.take_due(now, most):
            self._poisoned.pop(prefix, None)
        return results

    def publish(self, prefixes: Iterable[Prefix]) -> Results:
        """Tell the RIB, and soon our neighbors, what became of learned routes."""
        results: Results = []
        for prefix in prefixes:
            results += self._offer(prefix)
            self._changed[prefix] = None
            route = self.database.routes.get(prefix)
            if route is not None and self._ports.debugging.on(messages.DATABASE):
                results.append(DebugOutput((messages.stored(route),)))
        if self._changed:
            self._arm()
        return results

    def _offer(self, prefix: Prefix) -> Results:
        route = self.database.routes.get(prefix)
        if route is None or not route.reachable:
            known = self._offered.pop(prefix, None)
            return [RouteRetracted(RouteSource.RIP, "", prefix)] if known is not None else []
        offer = offer_of(prefix, route, self._process.config, self._ports)
        self._offered[prefix] = offer
        return [RouteOffered(offer)]
