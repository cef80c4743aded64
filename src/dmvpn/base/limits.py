"""How often something may happen: at most so many times in any so many seconds, or once for each name."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Name = TypeVar("Name", bound="Hashable")


class RateLimit:
    """At most `times` in any `seconds`.

    The window slides in tenths, so a limit of 10,000 in 10 s never needs more than eleven numbers.
    """

    __slots__ = ("_slices", "_total", "seconds", "times")

    def __init__(self, times: int, seconds: int) -> None:
        self.times = times
        self.seconds = seconds
        self._slices: deque[list[int]] = deque()  # [number of the tenth, times in it]
        self._total = 0

    def may(self, now: float) -> bool:
        """Return whether it may happen once more now."""
        self._forget(now)
        return self._total < self.times

    def take(self, now: float) -> bool:
        """Count it once more if that may be, and return whether it may."""
        if not self.may(now):
            return False
        tenth = self._tenth(now)
        if not self._slices or self._slices[-1][0] != tenth:
            self._slices.append([tenth, 0])
        self._slices[-1][1] += 1
        self._total += 1
        return True

    def usage(self, now: float) -> int:
        """Return how much of the limit the last `seconds` used, in percent."""
        tenth = self._tenth(now) - 10
        return 100 * sum(count for number, count in self._slices if number > tenth) // self.times

    def _tenth(self, now: float) -> int:
        return int(now * 10 // self.seconds)

    def _forget(self, now: float) -> None:
        oldest = self._tenth(now) - 10
        while self._slices and self._slices[0][0] <= oldest:
            self._total -= self._slices.popleft()[1]


class Limiter(Generic[Name]):
    """Permits once in `interval` seconds for each name; `burst` in that time for all of them together."""

    __slots__ = ("_burst", "_interval", "_said")

    def __init__(self, interval: float, burst: int) -> None:
        self._interval, self._burst = interval, burst
        self._said: dict[Name, float] = {}  # the earliest first

    def permits(self, name: Name, now: float) -> bool:
        """Return whether it may be said now. Then it counts as said."""
        said = self._said
        while said and now - next(iter(said.values())) >= self._interval:
            del said[next(iter(said))]
        if name in said or len(said) >= self._burst:
            return False
        said[name] = now
        return True

    def __contains__(self, name: Name) -> bool:
        return name in self._said

    def forget(self, name: Name) -> None:
        """Permit it again."""
        self._said.pop(name, None)
