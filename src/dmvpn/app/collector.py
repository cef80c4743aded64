"""Reading without the garbage collector: what a file is made into stays, and there is nothing to collect in it.

A file of 200,000 lines makes millions of objects. The collector would look at all of them again and again while they
become more, for a third of the time, and find none to free. It is the same with the modules that a command imports, and
with a network that is simulated: both stay to the end of the command.
"""

from __future__ import annotations

import atexit
import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """Let the collector rest inside; afterwards it is as it was. For imports, reading files and making a network."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def set_aside() -> Iterator[None]:
    """Let the collector work inside, but look at nothing that was there before. For a network that runs.

    At the end of the process it does not look through everything either: the system takes the memory back as a whole.
    So files are closed by those who opened them.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
