"""Stuck in active, RFC 7868 §4.4.1: missing replies.

Half of the active time after a destination became active, every neighbor that still owes a reply gets an SIA query, and
the wait starts again. A neighbor that answers (SIA reply: still active itself) may take three such rounds. A neighbor
that does not answer, or has not replied after the third round, is reset: that counts as its reply.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.messages import StuckInActive
from dmvpn.features.eigrp.state import EventKind
from dmvpn.features.eigrp.states import DownReason

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.adjacency import Neighborhood, Teardown
    from dmvpn.features.eigrp.advertiser import Advertiser
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.topology import PathSource

ROUNDS: Final = 3


@dataclass(slots=True, eq=False)
class _Watch:
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
            self._ask(source, prefix)
        self._context.start(watch.timer, self._state.settings.active_time / 2)
        for source in stuck:
            self._give_up(source, prefix)

    def _ask(self, source: PathSource, prefix: Prefix) -> None:
        neighbor = self._neighborhood.up.get(source)
        if neighbor is not None:
            self._advertiser.ask_if_stuck(neighbor, prefix)

    def _give_up(self, source: PathSource, prefix: Prefix) -> None:
        neighbor = self._neighborhood.up.get(source)
        if neighbor is not None:
            self._state.log.note(EventKind.STUCK, prefix, neighbor.address)
            self._context.emit(StuckInActive.of(self._state.autonomous_system, prefix))
            self._teardown.drop(neighbor, DownReason.STUCK_IN_ACTIVE, tell=True)
