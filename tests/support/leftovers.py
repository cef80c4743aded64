"""What is left of things that ended: objects that nothing frees until the collector of circles runs.

A router collects seldom (`shells/runtime/collecting.py`), so what has ended must be free as soon as nothing else refers
to it.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        return [one for one in gc.garbage if _module(one).startswith("dmvpn.")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def _module(one: object) -> str:
    """Return the module of a function or of an object's class."""
    return str(one.__module__ if isinstance(one, FunctionType) else type(one).__module__)


def alive(*kinds: type) -> int:
    """Return how many objects of these classes are in memory."""
    return sum(type(each) in kinds for each in gc.get_objects())
