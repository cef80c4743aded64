"""Routes that the process announces: its own, learned ones, and for a while recently lost ones.

Changes are offered to the routing table at once, and queued here for the next update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines, earliest
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import RouteOffered, RouteRetracted, RouteSource
from dmvpn.features.rip import messages
from dmvpn.features.rip.database import Database, OwnRoute, all_own_routes, own_route
from dmvpn.features.rip.lists import offer_of
from dmvpn.features.rip.output import announced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.notices import Route, RouteChanged
    from dmvpn.features.rip.changes import Changes
    from dmvpn.features.rip.database import Announcement, LearnedFrom
    from dmvpn.features.rip.output import Announced
    from dmvpn.features.rip.state import State

#: Seconds between two log messages about the same gateway, and most messages about all of them in that time.
_COMPLAINT_INTERVAL: Final = 60.0
_COMPLAINT_BURST: Final = 8


class Table:
    """The routes of the process."""

    def __init__(self, state: State, changes: Changes) -> None:
        self.own: dict[Prefix, OwnRoute] = {}
        self.database = Database()
        self._state = state
        self._context = state.context
        self._changes = changes
        self._poisoned: dict[Prefix, None] = {}
        self._gone: Deadlines[Prefix] = Deadlines()
        self._offered: dict[Prefix, Route] = {}
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return earliest(self.database.next_deadline(), self._gone.next())

    def prefixes(self) -> list[Prefix]:
        """Return all prefixes of a full update."""
        return list(dict.fromkeys((*self.own, *self.database.routes, *self._poisoned)))

    def look(self, prefixes: Iterable[Prefix]) -> Iterator[Announced]:
        """Yield the routes to announce for these prefixes now."""
        return announced(prefixes, self.own, self.database.routes, self._state.ports.rib)

    def clear(self) -> None:
        """Clear everything because the process ends."""
        for prefix in self._offered:
            self._context.emit(RouteRetracted(RouteSource.RIP, "", prefix))
        self.database.clear()
        self._offered.clear()
        self._poisoned.clear()
        self._gone = Deadlines()

    # ------------------------------------------------------------------------------------------------- our own

    def look_at_own(self) -> None:
        """Rebuild our own routes because configuration lines or route maps changed."""
        config, before = self._state.config, self.own
        self.own = all_own_routes(config, self._state.ports) if config.enabled else {}
        for prefix in (*before, *self.own):
            if before.get(prefix) != self.own.get(prefix):
                self._note(prefix)

    def route_changed(self, event: RouteChanged) -> None:
        """Update our own route to a prefix; or note that another protocol replaced a learned one in the
        routing table.
        """
        prefix = event.prefix
        old, new = self.own.pop(prefix, None), own_route(prefix, self._state.config, self._state.ports)
        if new is not None:
            self.own[prefix] = new
        sources = [route.source for route in (event.old, event.new) if route is not None]
        is_taken_over = prefix in self._offered and len(set(sources)) > 1 and RouteSource.RIP in sources
        if old != new or is_taken_over:
            self._note(prefix)

    def tell_all(self) -> None:
        """Announce the whole table soon because the configuration affects all of it."""
        self._changes.note(self.prefixes())

    def _note(self, prefix: Prefix) -> None:
        """Announce a prefix again; if it is no longer ours, it is announced as unreachable for a while."""
        timers = self._state.config.timers
        self._changes.note((prefix,))
        if prefix in self.own:
            self._poisoned.pop(prefix, None)
            self._gone.cancel(prefix)
        else:
            self._poisoned[prefix] = None
            self._gone.set(prefix, self._context.now + max(0, timers.flush - timers.invalid))

    # ------------------------------------------------------------------------------------------------- learned

    def learn(self, announcements: Iterable[Announcement]) -> None:
        """Learn the announcements of a gateway; unchanged routes are offered again as well."""
        config, now = self._state.config, self._context.now
        changed: list[Prefix] = []
        for heard in announcements:
            if not self.database.has_room(heard):
                if self._complaints.permits(heard.path, now):
                    self._context.emit(messages.TooManyPrefixes.of(heard.gateway, heard.interface))
            elif self.database.learn(heard, config.timers, config.maximum_paths, now):
                changed.append(heard.prefix)
            else:
                self._offer(heard.prefix)
        self.publish(changed)

    def lose(self, prefixes: Iterable[Prefix], gone: LearnedFrom, since: float) -> list[Prefix]:
        """Remove the paths of a lost source that were last updated before `since` (seconds)."""
        return self.database.lose(prefixes, gone, self._state.config.timers, since, self._context.now)

    def doubt(self, interface: str, gateway: IPAddress) -> None:
        """Let the paths of a gateway expire, because it sends its table again."""
        self.database.doubt(interface, gateway, self._state.config.timers, self._context.now)

    def rearm(self, prefixes: Sequence[Prefix]) -> None:
        """Apply changed timers and distances to these routes."""
        self.database.rearm(prefixes, self._state.config.timers)
        self.publish(prefixes)

    def expire(self, most: int) -> None:
        """Remove silent paths, at most `most`, and prefixes that were announced as unreachable for long enough."""
        now = self._context.now
        self.publish(self.database.expire(self._state.config.timers, now, most))
        for prefix in self._gone.take_due(now, most):
            self._poisoned.pop(prefix, None)

    def publish(self, prefixes: Sequence[Prefix]) -> None:
        """Offer learned routes to the RIB, and announce them soon."""
        for prefix in prefixes:
            self._offer(prefix)
            route = self.database.routes.get(prefix)
            if route is not None and self._state.ports.debugging.on(messages.DATABASE):
                self._context.debug(messages.stored(route))
        self._changes.note(prefixes)

    def _offer(self, prefix: Prefix) -> None:
        route = self.database.routes.get(prefix)
        if route is None or not route.reachable:
            known = self._offered.pop(prefix, None)
            if known is not None:
                self._context.emit(RouteRetracted(RouteSource.RIP, "", prefix))
            return
        offer = offer_of(prefix, route, self._state.config, self._state.ports)
        self._offered[prefix] = offer
        self._context.emit(RouteOffered(offer))
