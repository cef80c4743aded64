"""Reading without the garbage collector: the objects made from a file stay, so there is nothing to collect.

A file of 200,000 lines makes millions of objects. The collector would scan them again and again as their number grows,
for a third of the time, and free none. It is the same with the modules that a command imports, which stay until the
command ends, and with the boot of a large simulated network. Campaigns boot small networks, one after the other: there
the collector takes next to no time, and frees each network after its run. A router collects in its own way
(`runtime/collecting.py`).
"""

from __future__ import annotations

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
    """Let the collector ignore all objects that exist before the block. For a running network.

    At the end of the process there is no collection either: the system frees the memory as a whole. So code that opens
    a file must close it.
    """
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
