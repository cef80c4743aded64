"""How often something may happen (a number of times in a period, or once for each name), and how much work a sender may
cause.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Generic, TypeVar

Name = TypeVar("Name", bound="Hashable")
#: Senders that are remembered whether they have a debt or not.
_FEW: Final = 16


class RateLimit:
    """At most `times` in any `seconds`.

    The window slides in tenths, so a limit of 10,000 in 10 s never needs more than eleven numbers.
    """

    __slots__ = ("_slices", "_total", "seconds", "times")

    def __init__(self, times: int, seconds: int) -> None:
        self.times = times
        self.seconds = seconds
        self._slices: list[list[int]] = []  # [number of the tenth, times in it]
        self._total = 0

    def may(self, now: float) -> bool:
        """Return whether it may happen once more now."""
        oldest = self._tenth(now) - 10
        while self._slices and self._slices[0][0] <= oldest:
            self._total -= self._slices.pop(0)[1]
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


class Limiter(Generic[Name]):
    """Permits once in `interval` seconds for each name; `burst` in that time for all of them together."""

    __slots__ = ("_burst", "_interval", "_said")

    def __init__(self, interval: float, burst: int) -> None:
        self._interval, self._burst = interval, burst
        self._said: dict[Name, float] | None = None  # the earliest first; made with the first

    def permits(self, name: Name, now: float) -> bool:
        """Return whether it may be said now. Then it counts as said."""
        said = self._said
        if said is None:
            said = self._said = {}
        while said and now - next(iter(said.values())) >= self._interval:
            del said[next(iter(said))]
        if name in said or len(said) >= self._burst:
            return False
        said[name] = now
        return True

    def __contains__(self, name: Name) -> bool:
        return self._said is not None and name in self._said

    def permit_again(self, name: Name) -> None:
        """Permit it again."""
        if self._said is not None:
            self._said.pop(name, None)


class Budgets(Generic[Name]):
    """How much work each sender may cause: `rate` in a second, and `credit` at once.

    Work is counted in units of the caller (octets, packets) and not in time, so a replay refuses the same packets. Some
    work is known only after it is done: a sender may cause work while it owes less than its credit, and may then owe
    more. The debt shrinks by `rate` each second, and a sender without debt is forgotten.
    """

    __slots__ = ("_credit", "_free", "_most", "_rate", "_room")

    def __init__(self, rate: float, credit: float, most: int = 16_384) -> None:
        """most: senders that are remembered; then the least recent ones are forgotten, an eighth at once."""
        self._rate = rate
        self._credit = credit / rate
        self._most = most
        self._free: dict[Name, float] = {}  # the moment from which each sender may cause work, the least recent first
        self._room = min(_FEW, most)

    def __len__(self) -> int:
        return len(self._free)

    def may(self, sender: Name, now: float) -> bool:
        """Return whether a sender may cause work now."""
        return self._free.get(sender, now) <= now

    def when(self, sender: Name, now: float) -> float:
        """Return the moment from which a sender may cause work."""
        return max(now, self._free.get(sender, now))

    def charge(self, sender: Name, work: float, now: float) -> None:
        """Add work to what a sender owes; a negative amount takes some back."""
        self.admit(sender, work, now, always=True)

    def admit(self, sender: Name, work: float, now: float, *, always: bool = False) -> bool:
        """Charge work to a sender that may cause it now; False: it may not. Either way it is the most recent one.

        always: also if it may not.
        """
        free, owes_nothing = self._free, now - self._credit
        owed = free.pop(sender, owes_nothing)
        if owed > now and not always:
            free[sender] = owed
            return False
        free[sender] = (owed if owed > owes_nothing else owes_nothing) + work / self._rate
        if len(free) > self._room:
            self._forget(owes_nothing)
        return True

    def _forget(self, owes_nothing: float) -> None:
        """Forget senders without debt, and the least recent ones of too many.

        All in one pass: to find the first entry of a dict, Python goes over the places of all that were deleted there.
        """
        indebted = [(sender, until) for sender, until in self._free.items() if until > owes_nothing]
        kept = indebted[-(self._most - self._most // 8) :]
        if len(kept) < len(self._free):
            self._free = dict(kept)
        self._room = min(2 * len(kept) + _FEW, self._most)
