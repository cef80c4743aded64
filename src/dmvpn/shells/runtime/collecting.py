"""The garbage collector of a router: it looks at some thousand objects at a time, never at all of them.

A full collection looks at every object: with 100,000 routes it takes 0.7 s, in which BFD misses its neighbors. Machines
let go of what they need no more without it (`tests/unit/test_collecting.py` counts), so whatever has lived through a
few collections is set aside. When the memory in use has doubled since, and grown by `SLACK` besides, a copy of the
process looks at everything, and says how much of that is garbage: the router goes on meanwhile. Only if it is worth it
the router collects it, too. That bounds what could be lost, and no router of ordinary size ever gets there.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from dmvpn.base.errors import surely

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Objects that are new between two young collections; young ones between two older; older ones between two that set
#: aside. Together they bound how many objects one collection looks at. What goes meanwhile is not counted as new, so
#: there are more where routes take each other's place.
THRESHOLDS: Final = (350, 2, 1)
#: Blocks of memory, most of them objects: some 400 MB.
SLACK: Final = 4_000_000
#: Objects that are garbage for which it is worth it that the router is deaf for a moment.
WORTH: Final = 1_000_000
#: Objects that are set aside between two looks at how much memory is in use: such a look takes milliseconds.
_SOME: Final = 200_000
#: Seconds that a copy has to look, whatever a lock that another thread held does to it, and then to end.
_LOOKING: Final = 300
_LEAVING: Final = 10.0
_OLDEST: Final = 2


class _Aside:
    """left: blocks of memory in use when all objects were looked at. since: objects set aside since they were counted.

    copy: the process that looks, and where it says what it found.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = sys.getallocatedblocks()
        self._since = 0
        self._copy: tuple[int, int] | None = None

    def __call__(self, phase: str, what: dict[str, int]) -> None:
        """Look at what a collection of the oldest generation left, and set it aside."""
        if phase != "stop" or what["generation"] != _OLDEST:
            return
        self._since += len(gc.get_objects(_OLDEST))
        gc.freeze()
        if self._since <= min(_SOME, SLACK) or self._copy is not None:
            return
        self._since = 0
        if sys.getallocatedblocks() > 2 * self._left + SLACK:
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        """Let a copy of the process look at everything."""
        if self._copy is not None:
            return
        self._left = sys.getallocatedblocks()
        try:
            reader, writer = os.pipe()
        except OSError:  # no descriptor is left
            return
        try:
            child = os.fork()
        except OSError:  # no memory for it: when it has doubled again
            os.close(reader)
            os.close(writer)
            return
        if not child:
            _say_what_is_garbage(writer)
        os.close(writer)
        self._copy = child, reader
        self._loop.add_reader(reader, self._heard)

    def _heard(self) -> None:
        """Take what the copy found; nothing, if somebody ended it."""
        if self._copy is None:
            return
        found = int.from_bytes(os.read(self._copy[1], 8), "big")
        child = self._forget()
        self._loop.call_later(_LEAVING, self._bury, child)
        if found >= WORTH:
            gc.unfreeze()  # the next collection looks at everything

    def close(self) -> None:
        """Wait for no copy any more."""
        if self._copy is not None:
            child = self._forget()
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
            self._bury(child)

    def _bury(self, child: int) -> None:
        """Let the system forget a process when it has ended. Giving its memory back may take it long."""
        with suppress(ChildProcessError):
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                self._loop.call_later(_LEAVING, self._bury, child)

    def _forget(self) -> int:
        child, reader = surely(self._copy)
        self._copy = None
        self._loop.remove_reader(reader)
        os.close(reader)
        return child


def _say_what_is_garbage(writer: int) -> NoReturn:
    """Say how many objects are garbage, in a copy of the process, and end. If memory is short, it goes first.

    It keeps no socket, device or log open: what the router closes meanwhile is closed, and a router that is started
    again finds its ports free. Signals for the whole group end it, and the router hears of them once.
    """
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(_LOOKING)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")
        os.closerange(0, writer)
        os.closerange(writer + 1, os.sysconf("SC_OPEN_MAX"))
        gc.callbacks.clear()
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.unfreeze()
        os.write(writer, gc.collect().to_bytes(8, "big"))
    finally:
        os._exit(0)


@contextmanager
def in_pieces() -> Iterator[None]:
    """Collect so inside, and as before outside. What is set aside stays so: the process is about to end.

    It needs a running event loop.
    """
    before, aside = gc.get_threshold(), _Aside(asyncio.get_running_loop())
    gc.collect()
    gc.freeze()
    gc.collect()  # it notes how many objects are left: a quarter as many must be new before the next one
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(aside)
    try:
        yield
    finally:
        gc.callbacks.remove(aside)
        aside.close()
        gc.set_threshold(*before)
