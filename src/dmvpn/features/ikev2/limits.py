"""How often something may be said about one peer, and about all of them: what strangers cause has bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Name = TypeVar("Name", bound="Hashable")


class Limiter(Generic[Name]):
    """Once in `interval` seconds for each name; `burst` in that time for all of them together."""

    __slots__ = ("_burst", "_interval", "_said")

    def __init__(self, interval: float, burst: int) -> None:
        self._interval, self._burst = interval, burst
        self._said: dict[Name, float] = {}  # the earliest first

    def permits(self, name: Name, now: float) -> bool:
        """May it be said now? Then it counts as said."""
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
        """It may be said again."""
        self._said.pop(name, None)
