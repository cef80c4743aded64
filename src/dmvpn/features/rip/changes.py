"""Changed prefixes that are not announced yet, and the time of the next triggered update: RFC 2453 §3.10.1.

Changes that come together are sent together, and triggered updates are at least a second apart. When routes are known
to be lost (an interface went down, BFD lost a gateway), the update is followed by a request to all gateways for their
tables: a gateway that still has our old routes must not answer before it has received the update that poisons them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Timer
    from dmvpn.features.rip.state import State

#: Seconds until a change is announced.
TRIGGER_DELAY: Final = 0.05
#: Minimum seconds between triggered updates, and the random part added to it (RFC 2453 §3.10.1: 1 to 5 seconds).
TRIGGER_INTERVAL: Final = 1.0
TRIGGER_SPREAD: Final = 4.0


class Changes:
    """The changed prefixes of the process.

    trigger: sends a triggered update. lost: sends one and then requests the tables of all gateways.
    """

    def __init__(self, state: State, trigger: Timer, lost: Timer) -> None:
        self._state = state
        self._context = state.context
        self._prefixes: dict[Prefix, None] = {}
        self._last_trigger = float("-inf")
        self._trigger = trigger
        self._lost = lost

    def note(self, prefixes: Iterable[Prefix] = ()) -> None:
        """Announce these prefixes, and those noted earlier, in the next triggered update."""
        self._prefixes.update(dict.fromkeys(prefixes))
        if not self._prefixes or not self._state.circuits or self._context.is_running(self._trigger):
            return
        pause = TRIGGER_INTERVAL + TRIGGER_SPREAD * fraction(self._context.ports.entropy)
        self._start(self._trigger, self._last_trigger + pause)

    def note_lost(self) -> None:
        """Announce soon that routes are lost, and then request the tables of all gateways."""
        if not self._context.is_running(self._lost):
            self._start(self._lost, self._last_trigger + TRIGGER_INTERVAL)

    def take_triggered(self) -> list[Prefix]:
        """Return the changed prefixes for a triggered update that leaves now."""
        self._last_trigger = self._context.now
        return self.take()

    def take(self) -> list[Prefix]:
        """Return the changed prefixes because an update announces them now."""
        self._context.stop(self._trigger)
        changed, self._prefixes = self._prefixes, {}
        return list(changed)

    def clear(self) -> None:
        """Drop all changes because the process ends."""
        self._prefixes.clear()
        self._context.stop(self._trigger)
        self._context.stop(self._lost)

    def _start(self, timer: Timer, earliest: float) -> None:
        self._context.start(timer, max(TRIGGER_DELAY, earliest - self._context.now))
