"""How much work something is, without a clock: the functions that are called meanwhile, Python's own included."""

from __future__ import annotations

import gc
import sys
from typing import TYPE_CHECKING, TypeVar

from support.breaths import Breaths

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


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
