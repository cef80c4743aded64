"""How much neighbors may tell and redistribution may bring in: `maximum-prefix`, and what there is room for.

A limit is a number of prefixes, of one neighbor, of the whole process, or of redistribution. Close to it (the
threshold) a line goes into the log; above it the neighbor is given up, or all of them, or nothing is brought in, until
the pause is over. After so many pauses (`restart-count`) it stays so until somebody types `clear ip eigrp neighbors`;
after a time without any (`reset-time`) they are counted from the start. The texts are those of IOS's message catalog.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.model import PrefixLimit
from dmvpn.features.eigrp.states import DownReason

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.eigrp.adjacency import Adjacencies
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.interface import Neighbor
    from dmvpn.features.eigrp.model import ProcessSettings
    from dmvpn.features.eigrp.redistribute import Redistributor
    from dmvpn.features.eigrp.surroundings import Surroundings
    from dmvpn.features.eigrp.topology import Source

#: Destinations of one process, whatever is configured: some 500 MB.
MOST_PREFIXES: Final = 250_000
#: Neighbors whose pauses are remembered; the one that has been quiet for longest is forgotten.
_MOST_REMEMBERED: Final = 4096


@dataclass(slots=True, eq=False)
class Gauge:
    """What became of one limit.

    near, over: the last count was above the threshold, or the limit.
    restarts: pauses since they were last counted from the start.
    over_at: when the last one began, seconds monotonic.
    barred_until: the end of the pause, infinite: until somebody clears it; None: there is none.
    """

    timer: Timer
    near: bool = False
    over: bool = False
    restarts: int = 0
    over_at: float = float("-inf")
    barred_until: float | None = None

    def pause(self, limit: PrefixLimit, now: float) -> None:
        """Set how long to stay away after the limit was passed."""
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
    """Those of one process."""

    def __init__(self, process: Surroundings, dual: Dual, redistributor: Redistributor) -> None:
        self._process = process
        self._context = process.context
        self._dual = dual
        self._redistributor = redistributor
        self.all = Gauge(Timer(lambda: self._over(self.all)))
        self.redistributed = Gauge(Timer(self._redistribute_again))
        self.neighbors: dict[IPv4Address, Gauge] = {}
        self._own = dict(process.settings.neighbor_limits)
        #: How much each neighbor told when it was last looked at: an event is about few of many neighbors.
        self._counts: dict[Source, int] = {}

    @property
    def bars_redistribution(self) -> bool:
        """Is nothing to be brought in for now?"""
        return self.redistributed.barred_until is not None

    def is_barred(self, address: IPv4Address) -> bool:
        """Return whether this neighbor must stay away for now."""
        if self.all.barred_until is not None:
            return True
        gauge = self.neighbors.get(address) if self.neighbors else None
        return gauge is not None and gauge.barred_until is not None

    def limit_of(self, address: IPv4Address) -> PrefixLimit | None:
        """Return how much this neighbor may tell."""
        return self._own.get(address, self._process.settings.neighbor_limit)

    def check(self, neighbors: dict[Source, Neighbor], adjacencies: Adjacencies) -> None:
        """Look at what is known now; called at the end of each event."""
        settings = self._process.settings
        if settings.neighbor_limit is not None or settings.neighbor_limits:
            before, self._counts = self._counts, {source: len(source.prefixes) for source in neighbors}
            for neighbor in [neighbors[one] for one, count in self._counts.items() if before.get(one) != count]:
                self._check_neighbor(neighbor, adjacencies)
        if settings.limit is not None and self.all.barred_until is None:
            count, number = len(self._dual.table), settings.autonomous_system
            if self._is_over(self.all, settings.limit, count, f"{number}: Process"):
                for neighbor in list(neighbors.values()):
                    adjacencies.drop(neighbor, DownReason.PREFIX_LIMIT, tell=True)
        if len(self._dual.table) > MOST_PREFIXES:
            self._make_room(list(neighbors.values()), adjacencies)
        if settings.redistributed_limit is not None:
            self._check_redistribution(settings.redistributed_limit)

    def _check_neighbor(self, neighbor: Neighbor, adjacencies: Adjacencies) -> None:
        limit = self.limit_of(neighbor.address)
        if limit is not None:
            about = self._name(neighbor)
            if self._is_over(self._gauge(neighbor.address), limit, len(neighbor.source.prefixes), about):
                adjacencies.drop(neighbor, DownReason.PREFIX_LIMIT, tell=True)

    def _make_room(self, neighbors: list[Neighbor], adjacencies: Adjacencies) -> None:
        """Make room where neighbors tell more than there is room for: the one that tells most of it goes, and the
        others stay.
        """
        if sum(len(each.source.prefixes) for each in neighbors) <= MOST_PREFIXES:
            return
        most = max(neighbors, key=lambda one: len(one.source.prefixes))
        room = PrefixLimit(MOST_PREFIXES)
        if self._is_over(self._gauge(most.address), room, len(self._dual.table), self._name(most)):
            adjacencies.drop(most, DownReason.PREFIX_LIMIT, tell=True)

    def _check_redistribution(self, limit: PrefixLimit) -> None:
        about = f"{self._process.settings.autonomous_system}: Redistributed"
        if not self.bars_redistribution and self._is_over(self.redistributed, limit, self._redistributor.count, about):
            self._redistributor.refresh_all()

    def _is_over(self, gauge: Gauge, limit: PrefixLimit, count: int, about: str) -> bool:
        """Log what is to be logged; True if whoever it is about has to go."""
        was_near, was_over = gauge.near, gauge.over
        gauge.near, gauge.over = count * 100 > limit.maximum * limit.threshold, count > limit.maximum
        if gauge.near and not was_near:
            self._context.out.append(messages.PrefixThreshold.of(about, limit.threshold))
        if gauge.over and not was_over:
            self._context.out.append(messages.PrefixLimit.of(about, limit.maximum))
        if not gauge.over or limit.warning_only:
            return False
        gauge.near = gauge.over = False
        gauge.pause(limit, self._context.now)
        if gauge.barred_until is not None and gauge.barred_until != float("inf"):
            self._context.start(gauge.timer, gauge.barred_until - self._context.now)
        return True

    def _name(self, neighbor: Neighbor) -> str:
        return f"{self._process.settings.autonomous_system}: Neighbor {neighbor.address} ({neighbor.interface.name})"

    def _gauge(self, address: IPv4Address) -> Gauge:
        gauge = self.neighbors.get(address)
        if gauge is None:
            if len(self.neighbors) >= _MOST_REMEMBERED:
                quiet = [known for known, one in self.neighbors.items() if one.barred_until is None]
                for known in quiet[: _MOST_REMEMBERED // 2]:
                    del self.neighbors[known]
            gauge = self.neighbors[address] = Gauge(Timer(lambda: self._over_of(address)))
        return gauge

    def _over_of(self, address: IPv4Address) -> None:
        self._over(self.neighbors[address])

    @staticmethod
    def _over(gauge: Gauge) -> None:
        gauge.barred_until = None

    def _redistribute_again(self) -> None:
        self._over(self.redistributed)
        self._redistributor.refresh_all()

    def clear(self, address: IPv4Address | None = None) -> None:
        """Clear the pauses of a neighbor, or of all of them."""
        self._counts = {}
        if address is None:
            self._forget(self.all)
            was_barred = self.redistributed.barred_until is not None
            self._forget(self.redistributed)
            if was_barred:
                self._redistributor.refresh_all()
        for known, gauge in list(self.neighbors.items()):
            if address in (None, known):
                self._forget(gauge)

    def _forget(self, gauge: Gauge) -> None:
        self._context.stop(gauge.timer)
        gauge.barred_until, gauge.restarts, gauge.near, gauge.over = None, 0, False, False

    def configure(self, old: ProcessSettings) -> None:
        """Apply other lines than the old ones: pauses by lines that are gone, or say something else, are over."""
        settings = self._process.settings
        self._own = dict(settings.neighbor_limits)
        before = (old.limit, old.redistributed_limit, old.neighbor_limit, old.neighbor_limits)
        if before != (settings.limit, settings.redistributed_limit, settings.neighbor_limit, settings.neighbor_limits):
            self.clear()

    def close(self) -> None:
        """Stop all timers, because the process ends."""
        for gauge in (self.all, self.redistributed, *self.neighbors.values()):
            self._context.stop(gauge.timer)
