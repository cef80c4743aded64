"""Trying again what the shell could not carry out: after 1, 2, 4 ... 64 seconds.

A machine that gets `EffectFailed` says `failed(name, reason, now)`; when `pop_due` names it, the machine orders the
same again. Success is not reported: an order that does not fail again is done, and its reason is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from dmvpn.base.deadlines import Deadlines

if TYPE_CHECKING:
    from dmvpn.base.reasons import Reason

Name = TypeVar("Name")

LONGEST_DELAY = 64.0


class Retries(Generic[Name]):
    """Failed orders by name, with the reason of the last failure and the time of the next attempt."""

    __slots__ = ("_deadlines", "_delays", "_reasons")

    def __init__(self) -> None:
        self._deadlines: Deadlines[Name] = Deadlines()
        self._delays: dict[Name, float] = {}
        self._reasons: dict[Name, Reason] = {}

    def failed(self, name: Name, reason: Reason, now: float) -> None:
        """Note that the order `name` failed at `now`: it will be due again."""
        delay = self._delays[name] = min(2 * self._delays.get(name, 0.5), LONGEST_DELAY)
        self._reasons[name] = reason
        self._deadlines.set(name, now + delay)

    def forget(self, name: Name) -> None:
        """Forget the failures of an order that was replaced by another one."""
        if self._delays.pop(name, None) is not None:
            self._reasons.pop(name, None)
            self._deadlines.cancel(name)

    def reason(self, name: Name) -> Reason | None:
        """Return why the last attempt failed, or None if nothing is known to be wrong."""
        return self._reasons.get(name)

    def next(self) -> float | None:
        """Return when the next attempt is due, or None."""
        return self._deadlines.next()

    def pop_due(self, now: float) -> list[Name]:
        """Return names to be ordered again now; each counts as done until it fails again."""
        return self._done(self._deadlines.pop_due(now))

    def take_due(self, now: float, most: int) -> list[Name]:
        """Return so many of them, the others later."""
        return self._done(list(self._deadlines.take_due(now, most)))

    def _done(self, names: list[Name]) -> list[Name]:
        for name in names:
            self._reasons.pop(name, None)
        return names
