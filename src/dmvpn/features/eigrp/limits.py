"""Why neighbors are given up though they are there: too many prefixes, missing replies.

`maximum-prefix`, and a fixed total: a limit is a number of prefixes, of one neighbor, of the whole process, or of
redistribution. Near it (the threshold) a message is logged; above it the neighbor is given up, or all neighbors are, or
redistribution stops, until the pause is over. After `restart-count` pauses this lasts until `clear ip eigrp neighbors`;
after `reset-time` without a pause the count starts again. The texts are those of IOS's message catalog.

Stuck in active, RFC 7868 §4.4.1: half of the active time after a destination became active, every neighbor that still
owes a reply gets an SIA query, and the wait starts again. A neighbor that answers (SIA reply: still active itself) may
take three such rounds. A neighbor that does not answer, or has not replied after the third round, is reset: that counts
as its reply.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, spelled
from dmvpn.base.context import Timer
from dmvpn.base.values import Mutable
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.adjacency import Teardown
from dmvpn.features.eigrp.advertiser import Advertiser
from dmvpn.features.eigrp.dual import Dual, InboundLists
from dmvpn.features.eigrp.interface import Neighbor
from dmvpn.features.eigrp.messages import stuck_in_active
from dmvpn.features.eigrp.model import PrefixLimit, ProcessSettings
from dmvpn.features.eigrp.reasons import DownReason
from dmvpn.features.eigrp.rib import Redistributor
from dmvpn.features.eigrp.state import EventKind, Neighborhood, State
from dmvpn.features.eigrp.topology import PathSource

# ------------------------------------------------------------------------------------------------ stuck in active


ROUNDS: Final = 3


class _Watch(Mutable, eq=False):
    """One active destination. silent: the neighbors that have not answered the last SIA query."""

    timer: Timer
    rounds: int = 0
    silent: dict[PathSource, None] = field(default_factory=dict)


class StuckWatch:
    """Watches the active destinations of a process."""

    def __init__(
        self, state: State, *, dual: Dual, neighborhood: Neighborhood, advertiser: Advertiser, teardown: Teardown
    ) -> None:
        self._state = state
        self._context = state.context
        self._dual = dual
        self._neighborhood = neighborhood
        self._advertiser = advertiser
        self._teardown = teardown
        self._watches: dict[Prefix, _Watch] = {}

    def begin(self, prefix: Prefix) -> None:
        """Begin to wait for the replies about a destination that became active, or is queried again."""
        self.end(prefix)
        if not self._state.settings.active_time:
            return
        watch = self._watches[prefix] = _Watch(Timer("SIA", lambda: self._half_time(prefix), prefix))
        self._context.start(watch.timer, self._state.settings.active_time / 2)

    def end(self, prefix: Prefix) -> None:
        """End the wait for a destination, if there is one."""
        watch = self._watches.pop(prefix, None)
        if watch is not None:
            self._context.stop(watch.timer)

    def answered(self, source: PathSource, prefix: Prefix) -> None:
        """Record the SIA reply of this neighbor."""
        watch = self._watches.get(prefix)
        if watch is not None:
            watch.silent.pop(source, None)

    def timers(self) -> list[Timer]:
        """Return the timers of the active destinations; the subject of each is the destination."""
        return [watch.timer for watch in self._watches.values()]

    def close(self) -> None:
        """End all waits because the process ends."""
        for prefix in list(self._watches):
            self.end(prefix)

    def _half_time(self, prefix: Prefix) -> None:
        # A neighbor that another destination waited for may have been reset in this very moment: then no reply is
        # awaited.
        destination = self._dual.active.get(prefix)
        if destination is None or not self._state.settings.active_time:
            self.end(prefix)
            return
        watch = self._watches[prefix]
        awaited = list(destination.awaiting)
        stuck = awaited if watch.rounds >= ROUNDS else [source for source in awaited if source in watch.silent]
        watch.rounds += 1
        watch.silent = dict.fromkeys(source for source in awaited if source not in stuck)
        for source in watch.silent:
            neighbor = self._neighborhood.up.get(source)
            if neighbor is not None:
                self._advertiser.ask_if_stuck(neighbor, prefix)
        self._context.start(watch.timer, self._state.settings.active_time / 2)
        for source in stuck:
            self._give_up(source, prefix)

    def _give_up(self, source: PathSource, prefix: Prefix) -> None:
        neighbor = self._neighborhood.up.get(source)
        if neighbor is not None:
            self._state.log.note(EventKind.STUCK, prefix, neighbor.address)
            self._context.emit(stuck_in_active(self._state.autonomous_system, prefix))
            self._teardown.drop(neighbor, DownReason.STUCK_IN_ACTIVE, tell=True)


# ------------------------------------------------------------------------------------------------ prefixes


#: Maximum destinations of one process, whatever is configured: some 500 MB.
MOST_PREFIXES: Final = 250_000
#: Neighbors whose pauses are recorded; when there are more, up to half of them are forgotten that have no running
#: pause.
_MOST_REMEMBERED: Final = 4096


class Gauge(Mutable, eq=False):
    """The state of one limit.

    near, over: the last count was above the threshold, or the limit.
    restarts: pauses since the count last started.
    over_at: when the last one began, seconds monotonic.
    barred_until: the end of the pause; infinite: until cleared; None: no pause.
    """

    timer: Timer
    near: bool = False
    over: bool = False
    restarts: int = 0
    over_at: float = float("-inf")
    barred_until: float | None = None

    def pause(self, limit: PrefixLimit, now: float) -> None:
        """Begin a pause after the limit was exceeded."""
        if now >= self.over_at + limit.reset_time:
            self.restarts = 0
        self.over_at = now
        self.restarts += 1
        if self.restarts > limit.restart_count:
            self.barred_until = float("inf")
            return
        factor = 2 ** (self.restarts - 1) if limit.dampened else 1
        self.barred_until = now + limit.restart * factor


class Limits:
    """The limits of one process."""

    def __init__(
        self,
        state: State,
        *,
        dual: Dual,
        inbound_lists: InboundLists,
        redistributor: Redistributor,
        neighborhood: Neighborhood,
        teardown: Teardown,
    ) -> None:
        self._state = state
        self._context = state.context
        self._dual = dual
        self._inbound_lists = inbound_lists
        self._redistributor = redistributor
        self._neighborhood = neighborhood
        self._teardown = teardown
        self.all = Gauge(Timer("Maximum prefixes", lambda: self._over(self.all)))
        self.redistributed = Gauge(Timer("Maximum prefixes", self._redistribute_again))
        self.neighbors: dict[IPAddress, Gauge] = {}
        self._own = dict(state.settings.neighbor_limits)
        #: Prefixes of each neighbor at the last check: an event concerns few of many neighbors.
        self._counts: dict[PathSource, int] = {}

    @property
    def bars_redistribution(self) -> bool:
        """Whether redistribution is stopped for now."""
        return self.redistributed.barred_until is not None

    @property
    def _kept(self) -> int:
        """Destinations in memory, and reports of destinations that are too far or denied."""
        return len(self._dual.table) + len(self._dual.too_far) + len(self._inbound_lists.denied)

    def is_barred(self, address: IPAddress) -> bool:
        """Return whether this neighbor is refused for now."""
        if self.all.barred_until is not None:
            return True
        gauge = self.neighbors.get(address) if self.neighbors else None
        return gauge is not None and gauge.barred_until is not None

    def limit_of(self, address: IPAddress) -> PrefixLimit | None:
        """Return the limit of this neighbor."""
        return self._own.get(address, self._state.settings.neighbor_limit)

    def check(self) -> None:
        """Check all limits at the end of an event."""
        settings, neighbors = self._state.settings, self._neighborhood.up
        if settings.neighbor_limit is not None or settings.neighbor_limits:
            before, self._counts = self._counts, {source: len(source.prefixes) for source in neighbors}
            for neighbor in [neighbors[one] for one, count in self._counts.items() if before.get(one) != count]:
                self._check_neighbor(neighbor)
        if settings.limit is not None and self.all.barred_until is None:
            count = len(self._dual.table)
            if self._is_over(self.all, settings.limit, count, f"{self._state.title}: Process"):
                for neighbor in list(neighbors.values()):
                    self._teardown.drop(neighbor, DownReason.PREFIX_LIMIT, tell=True)
        if self._kept > MOST_PREFIXES:
            self._make_room(list(neighbors.values()))
        if settings.redistributed_limit is not None:
            about = f"{self._state.title}: Redistributed"
            if not self.bars_redistribution and self._is_over(
                self.redistributed, settings.redistributed_limit, self._redistributor.count, about
            ):
                self._redistributor.bar(True)

    def _check_neighbor(self, neighbor: Neighbor) -> None:
        limit = self.limit_of(neighbor.address)
        if limit is not None:
            about = self._name(neighbor)
            if self._is_over(self._gauge(neighbor.address), limit, len(neighbor.source.prefixes), about):
                self._teardown.drop(neighbor, DownReason.PREFIX_LIMIT, tell=True)

    def _make_room(self, neighbors: list[Neighbor]) -> None:
        """Give up the neighbor with the most prefixes if all neighbors together exceed the total; the other
        ones stay.
        """
        too_far, denied = self._dual.too_far, self._inbound_lists.denied
        counts = {
            each: len(each.source.prefixes) + len(too_far.reports(each.source)) + len(denied.reports(each.source))
            for each in neighbors
        }
        if sum(counts.values()) <= MOST_PREFIXES:
            return
        most = max(neighbors, key=lambda one: counts[one])
        room = PrefixLimit(MOST_PREFIXES)
        if self._is_over(self._gauge(most.address), room, self._kept, self._name(most)):
            self._teardown.drop(most, DownReason.PREFIX_LIMIT, tell=True)

    def _is_over(self, gauge: Gauge, limit: PrefixLimit, count: int, about: str) -> bool:
        """Log threshold and limit; returns whether a pause begins."""
        was_near, was_over = gauge.near, gauge.over
        gauge.near, gauge.over = count * 100 > limit.maximum * limit.threshold, count > limit.maximum
        if gauge.near and not was_near:
            self._context.emit(messages.prefix_threshold(about, limit.threshold))
        if gauge.over and not was_over:
            self._context.emit(messages.prefix_limit_reached(about, limit.maximum))
        if not gauge.over or limit.warning_only:
            return False
        gauge.near = gauge.over = False
        gauge.pause(limit, self._context.now)
        if gauge.barred_until is not None and gauge.barred_until != float("inf"):
            self._context.start(gauge.timer, gauge.barred_until - self._context.now)
        return True

    def _name(self, neighbor: Neighbor) -> str:
        return f"{self._state.title}: Neighbor {spelled(neighbor.address)} ({neighbor.interface.name})"

    def _gauge(self, address: IPAddress) -> Gauge:
        gauge = self.neighbors.get(address)
        if gauge is None:
            if len(self.neighbors) >= _MOST_REMEMBERED:
                quiet = [known for known, one in self.neighbors.items() if one.barred_until is None]
                for known in quiet[: _MOST_REMEMBERED // 2]:
                    del self.neighbors[known]
            gauge = self.neighbors[address] = Gauge(Timer("Maximum prefixes", lambda: self._over_of(address), address))
        return gauge

    def _over_of(self, address: IPAddress) -> None:
        self._over(self.neighbors[address])

    @staticmethod
    def _over(gauge: Gauge) -> None:
        gauge.barred_until = None

    def _redistribute_again(self) -> None:
        self._over(self.redistributed)
        self._redistributor.bar(False)

    def clear(self, address: IPAddress | None = None) -> None:
        """Clear the pauses of a neighbor, or all pauses."""
        self._counts = {}
        if address is None:
            self._forget(self.all)
            was_barred = self.bars_redistribution
            self._forget(self.redistributed)
            if was_barred:
                self._redistributor.bar(False)
        for known, gauge in list(self.neighbors.items()):
            if address in (None, known):
                self._forget(gauge)

    def _forget(self, gauge: Gauge) -> None:
        self._context.stop(gauge.timer)
        gauge.barred_until, gauge.restarts, gauge.near, gauge.over = None, 0, False, False

    def configure(self, old: ProcessSettings) -> None:
        """Apply changed lines; pauses by the old ones are over."""
        settings = self._state.settings
        self._own = dict(settings.neighbor_limits)
        before = (old.limit, old.redistributed_limit, old.neighbor_limit, old.neighbor_limits)
        if before != (settings.limit, settings.redistributed_limit, settings.neighbor_limit, settings.neighbor_limits):
            self.clear()

    def close(self) -> None:
        """Stop all timers, because the process ends."""
        for gauge in (self.all, self.redistributed, *self.neighbors.values()):
            self._context.stop(gauge.timer)
