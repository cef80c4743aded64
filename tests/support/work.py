"""How much work something is, without a clock: the functions that are called meanwhile, Python's own included."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING, Self, TypeVar

from dmvpn.base.breath import BREATH, BrokenOff, in_one_go

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextvars import Token

    from dmvpn.base.breath import Breath

# A `Breath` that notes what long work does, for tests: how often it breathes, and what it does aside.

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


def calls(function: Callable[[], object]) -> int:
    """Return how many functions are entered while it runs; each step of a generator counts."""
    count = 0

    def counting(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    # What other tests have left to the collector would be taken away here, and counted.
    was_collecting = gc.isenabled()
    gc.disable()
    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        function()
    finally:
        sys.setprofile(before)
        if was_collecting:
            gc.enable()
    return count


def longest_step(work: Callable[[], object]) -> int:
    """Return the most functions that are entered between two breaths; what is done aside does not count."""
    longest = since = 0

    def breath() -> None:
        nonlocal longest, since
        longest, since = max(longest, since), 0

    def entered(frame: object, event: str, argument: object) -> None:
        nonlocal since
        since += event in ("call", "c_call")

    class Apart(Breaths):
        def aside(self, work: Callable[[], T]) -> T:
            nonlocal since
            result = super().aside(work)
            since = 0
            return result

    with Apart(breath):
        sys.setprofile(entered)
        try:
            work()
        finally:
            sys.setprofile(None)
    return max(longest, since)


# What is left of things that ended: objects that nothing frees until the collector of circles runs.
#
# A router collects seldom (`shells/runtime/collecting.py`), so what has ended must be free as soon as nothing else
# refers to it.


@contextmanager
def uncollected() -> Iterator[None]:
    """Run without the collector, after it has run once: what is in a circle stays in memory."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def circles() -> list[object]:
    """Return the program's own objects and functions that only the collector frees. A test's tools leave some, too."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [
            one
            for one in gc.garbage
            if str(one.__module__ if isinstance(one, FunctionType) else type(one).__module__).startswith("dmvpn.")
        ]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def alive(*kinds: type) -> int:
    """Return how many objects of these classes are in memory."""
    return sum(type(each) in kinds for each in gc.get_objects())
