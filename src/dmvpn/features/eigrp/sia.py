"""Stuck in active, RFC 7868 §4.4.1: what happens when a reply does not come.

Half of the active time after a destination went active, every neighbor that still owes a reply gets an SIA query, and
the wait starts again. A neighbor that answers (SIA reply: "I am waiting myself") may take three such rounds. A neighbor
that does not answer, or is not done after the third round, is reset: that counts as its reply.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.dual import Dual
    from dmvpn.features.eigrp.surroundings import Surroundings
    from dmvpn.features.eigrp.topology import Source

ROUNDS: Final = 3


@dataclass(slots=True, eq=False)
class _Watch:
    """One active destination. silent: the neighbors that were sent an SIA query and have not answered."""

    timer: Timer
    rounds: int = 0
    silent: dict[Source, None] = field(default_factory=dict)


class StuckWatch:
    """Watches the active destinations of a process."""

    def __init__(
        self,
        process: Surroundings,
        dual: Dual,
        *,
        ask: Callable[[Source, Prefix], None],
        give_up: Callable[[Source, Prefix], None],
    ) -> None:
        self._process = process
        self._context = process.context
        self._dual = dual
        self._ask = ask
        self._give_up = give_up
        self._watches: dict[Prefix, _Watch] = {}

    def begin(self, prefix: Prefix) -> None:
        """Begin to wait for a destination that went active, or asks again."""
        self.end(prefix)
        if not self._process.settings.active_time:
            return
        watch = self._watches[prefix] = _Watch(Timer(lambda: self._half_time(prefix)))
        self._context.start(watch.timer, self._process.settings.active_time / 2)

    def end(self, prefix: Prefix) -> None:
        """End the wait for a destination that is passive; it need not have been active."""
        watch = self._watches.pop(prefix, None)
        if watch is not None:
            self._context.stop(watch.timer)

    def answered(self, source: Source, prefix: Prefix) -> None:
        """Note that this neighbor says that it is still active itself."""
        watch = self._watches.get(prefix)
        if watch is not None:
            watch.silent.pop(source, None)

    def timers(self) -> list[tuple[Prefix, Timer]]:
        """Return what is waited for, with the timers."""
        return [(prefix, watch.timer) for prefix, watch in self._watches.items()]

    def close(self) -> None:
        """End all waits, because the process ends."""
        for prefix in list(self._watches):
            self.end(prefix)

    def _half_time(self, prefix: Prefix) -> None:
        # Somebody whom another destination waited for in vain, too, may be gone since this moment: nobody is awaited.
        destination = self._dual.active.get(prefix)
        if destination is None or not self._process.settings.active_time:
            self.end(prefix)
            return
        watch = self._watches[prefix]
        awaited = list(destination.awaiting)
        stuck = awaited if watch.rounds >= ROUNDS else [source for source in awaited if source in watch.silent]
        watch.rounds += 1
        watch.silent = dict.fromkeys(source for source in awaited if source not in stuck)
        for source in watch.silent:
            self._ask(source, prefix)
        self._context.start(watch.timer, self._process.settings.active_time / 2)
        for source in stuck:
            self._give_up(source, prefix)
