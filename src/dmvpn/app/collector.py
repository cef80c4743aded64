"""Reading without the garbage collector: what a file is made into stays, and there is nothing to collect in it.

A file of 200,000 lines makes millions of objects. The collector would look at all of them again and again while they
become more, for a third of the time, and find none to free.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector rests inside, and is afterwards as it was. For a command that reads files, or makes a network."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
