"""Not too often: the first time soon, and then each time later, as long as it does not get quiet.

IOS-XE 17 does so with the calculation of routes (`timers throttle spf`, 50 200 5000 ms) and with the making of each of
its own advertisements (`timers throttle lsa`, the same numbers), where RFC 2328 has MinLSInterval, five seconds.

Two routers that bring the same routes in may each take back what they tell as soon as they hear the other one, and tell
it again when the other one has taken it back. As long as both wait equally long this never ends: so whoever waits for
the longest time waits a little less, by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.entropy import fraction

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.context import Context


#: By how much of it the longest pause may be shorter.
_JITTER: Final = 0.25


class Throttle:
    """Does one thing soon after it is asked for. times(): milliseconds before the first, between two, at most."""

    __slots__ = ("_context", "_do", "_last", "_pause", "_timer", "_times")

    def __init__(
        self,
        context: Context,
        do: Callable[[], None],
        times: Callable[[], tuple[int, int, int]] = lambda: (50, 200, 5000),
    ) -> None:
        self._times = times
        self._context = context
        self._do = do
        self._last = float("-inf")
        self._pause = 0.0
        self._timer = Timer(self._run)

    @property
    def is_waiting(self) -> bool:
        """Has it been asked for, and not been done yet?"""
        return self._context.is_running(self._timer)

    @property
    def due(self) -> float | None:
        """Return when it will be done, monotonic seconds; None: it was not asked for."""
        return self._context.timers.when(self._timer)

    def request(self) -> None:
        """Request the work: it is done after the pause that the throttle demands."""
        if self.is_waiting:
            return
        start, hold, most = (milliseconds / 1000 for milliseconds in self._times())
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

    def _run(self) -> None:
        self._last = self._context.now
        self._do()
