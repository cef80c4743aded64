"""Not too often: the first time soon, and then each time later, as long as it does not get quiet.

IOS-XE 17 does so with the calculation of routes (`timers throttle spf`, 50 200 5000 ms) and with the making of each of
its own advertisements (`timers throttle lsa`, the same numbers), where RFC 2328 has MinLSInterval, five seconds.

Two routers that redistribute the same routes may each withdraw a route as soon as they receive the other's LSA, and
originate it again when the other router has withdrawn its own. With equal delays this would never end: so a router at
the maximum delay waits a little less, at random.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction

if TYPE_CHECKING:
    from dmvpn.base.context import Context, Timer

#: Milliseconds before the first time, between two times, and at most between two times: the defaults of IOS.
TIMES: Final = (50, 200, 5000)
#: By how much of it the longest pause may be shorter.
_JITTER: Final = 0.25


class Throttle:
    """When something is done that was requested. timer: does it, and calls `begin` first."""

    __slots__ = ("_context", "_last", "_pause", "_timer")

    def __init__(self, context: Context, timer: Timer) -> None:
        self._context = context
        self._last = float("-inf")
        self._pause = 0.0
        self._timer = timer

    @property
    def is_waiting(self) -> bool:
        """Whether a run was requested and is still pending."""
        return self._context.is_running(self._timer)

    @property
    def due(self) -> float | None:
        """Return when it will be done, monotonic seconds; None: it was not requested."""
        return self._context.timers.when(self._timer)

    def request(self, times: tuple[int, int, int] = TIMES) -> None:
        """Request the work: it is done after the pause that the throttle demands. times: milliseconds, see `TIMES`."""
        if self.is_waiting:
            return
        start, hold, most = (milliseconds / 1000 for milliseconds in times)
        quiet = self._context.now - self._last
        if quiet > 2 * self._pause:
            self._pause = hold
            self._context.start(self._timer, start)
        else:
            is_longest = self._pause >= most
            pause = self._pause * (1 - _JITTER * fraction(self._context.ports.entropy)) if is_longest else self._pause
            self._context.start(self._timer, max(0.0, pause - quiet))
            self._pause = min(2 * self._pause, most)

    def stop(self) -> None:
        """Drop the request."""
        self._context.stop(self._timer)

    def begin(self) -> None:
        """Note that the work begins now, because the timer fired."""
        self._last = self._context.now
