"""The garbage collector of a router: it looks at some thousand objects at a time, never at all of them.

A full collection looks at every object: with 100,000 routes it takes 0.3 s, in which BFD misses its neighbors. Machines
let go of what they need no more without it (`tests/unit/test_collecting.py` counts), so whatever has lived through a
few collections is set aside. What becomes garbage there is found only when as much again has been set aside, and
`SLACK` objects besides: that bounds what could be lost, and no router of ordinary size ever gets there.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Objects that are new between two young collections; young ones between two older; older ones between two that set
#: aside. Together they bound how many objects one collection looks at.
THRESHOLDS: Final = (700, 4, 2)
#: Objects, some 400 MB of them.
SLACK: Final = 4_000_000
_OLDEST: Final = 2


class _Aside:
    """left: how many objects there were when all of them were looked at; it is counted when somebody has to know it,
    because that takes as long as a fourth of a router's start. since: how many were set aside since then.
    """

    def __init__(self) -> None:
        self._left: int | None = None
        self._since = 0

    def __call__(self, phase: str, what: dict[str, int]) -> None:
        """Look at what a collection of the oldest generation left, and set it aside."""
        if phase != "stop" or what["generation"] != _OLDEST:
            return
        self._since += len(gc.get_objects(_OLDEST))
        gc.freeze()
        if self._since <= SLACK:
            return
        if self._left is None:
            self._left = gc.get_freeze_count() - self._since
        if self._since <= self._left + SLACK:
            return
        self._since, count = 0, gc.get_freeze_count()
        if count > 2 * self._left + SLACK:
            self._left = count
            gc.unfreeze()  # the next collection looks at everything


@contextmanager
def in_pieces() -> Iterator[None]:
    """Collect so inside, and as before outside. What is set aside stays so: the process is about to end."""
    before, aside = gc.get_threshold(), _Aside()
    gc.collect()
    gc.freeze()
    gc.collect()  # it notes how many objects are left: a quarter as many must be new before the next one
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(aside)
    try:
        yield
    finally:
        gc.callbacks.remove(aside)
        gc.set_threshold(*before)
