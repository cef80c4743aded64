"""A `Breath` that notes what long work does, for tests: how often it breathes, and what it does aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from dmvpn.base.breath import BREATH, BrokenOff, in_one_go

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from dmvpn.base.breath import Breath

T = TypeVar("T")


class Breaths:
    """Between `with Breaths() as breaths:` and its end. meanwhile: called at each breath, and while work is done aside.

    last: the number of the breath that breaks the work off.
    """

    def __init__(self, meanwhile: Callable[[], object] | None = None, *, last: int | None = None) -> None:
        self.count = 0
        self.asides = 0
        self._meanwhile = meanwhile
        self._last = last
        self._token: Token[Breath | None] | None = None

    def __enter__(self) -> Self:
        self._token = BREATH.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        BREATH.reset(self._token)

    def pause(self) -> None:
        self.count += 1
        if self._meanwhile is not None:
            in_one_go(self._meanwhile)
        if self.count == self._last:
            raise BrokenOff

    def aside(self, work: Callable[[], T]) -> T:
        self.asides += 1
        if self._meanwhile is not None:
            in_one_go(self._meanwhile)
        return work()

    def at_home(self, work: Callable[[], T]) -> T:
        return work()
