"""How a front end uses memory: threads compute passwords, and each would get a heap of its own that never shrinks."""

from __future__ import annotations

import ctypes
from typing import Final

#: M_ARENA_MAX of mallopt(3).
_ARENA_MAX: Final = -8


def use_one_heap() -> None:
    """Let all threads that begin from now on share one heap, where the C library is glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_ARENA_MAX, 1)
