"""What holds what is measured: an event loop for a data plane without a router, and a router's way with garbage."""

from __future__ import annotations

import asyncio
import gc
import heapq
import itertools
import selectors
import time
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from dmvpn.shells.runtime.collecting import in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")


class Loop:
    """What a plane wants of its event loop."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def add(self, descriptor: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever the descriptor is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, ready)

    def remove(self, descriptor: int) -> None:
        """Stop watching."""
        self._selector.unregister(descriptor)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call it once, after so many seconds."""
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._numbers), call))

    def run(self, seconds: float | None = None) -> None:
        """Go round, for so many seconds, or without end."""
        end = None if seconds is None else time.monotonic() + seconds
        while end is None or time.monotonic() < end:
            due = self._timers[0][0] - time.monotonic() if self._timers else 0.05
            for key, _ in self._selector.select(min(0.05, max(0.0, due))):
                key.data()
            while self._timers and self._timers[0][0] <= time.monotonic():
                heapq.heappop(self._timers)[2]()


def collecting(measured: Callable[P, T]) -> Callable[P, T]:
    """Collect garbage while this runs as a router that runs does, and not as the interpreter does by itself."""

    @wraps(measured)
    def run(*args: P.args, **named: P.kwargs) -> T:
        async def inside() -> T:
            with in_pieces():
                return measured(*args, **named)

        try:
            return asyncio.run(inside())
        finally:
            gc.unfreeze()
            gc.collect()

    return run
