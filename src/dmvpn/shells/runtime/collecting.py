"""The garbage collector of a router: it examines some thousand objects at a time, never all of them.

A full collection examines every object: with 100,000 routes it takes 0.7 s, in which BFD misses its neighbors. Machines
free unused objects without it (`tests/unit/test_collecting.py` counts), so objects that survive one or two collections
are set aside. When the memory in use has doubled since, and grown by `SLACK` besides, a copy of the process examines
everything, and reports how much of that is garbage: the router goes on meanwhile. The router itself collects only if it
is worth it. That bounds possible leaks, and no router of ordinary size ever gets there.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

from dmvpn.base.errors import surely

#: New objects between two young collections; young collections between two older ones, which set aside; older ones
#: between two of the oldest. Together they bound how many objects one collection examines. Objects freed meanwhile are
#: not counted as new, so there are more where routes replace each other.
THRESHOLDS: Final = (700, 0, 0)
#: Blocks of memory, most of them objects: some 400 MB.
SLACK: Final = 4_000_000
#: Objects of garbage that are worth a moment without service.
WORTH: Final = 1_000_000
#: Objects that are set aside between two checks of the memory in use: a check takes milliseconds.
_SOME: Final = 200_000
#: Seconds that a copy has to examine everything, even if another thread held a lock, and then to end.
_LOOKING: Final = 300
_LEAVING: Final = 10.0
_OLDEST: Final = 2


class _Aside:
    """left: blocks of memory in use when all objects were examined. since: objects set aside since the last count.

    copy: the process that examines, and the pipe of its result.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._left = sys.getallocatedblocks()
        self._since = 0
        self._copy: tuple[int, int] | None = None

    def __call__(self, phase: str, what: dict[str, int]) -> None:
        """Set aside the objects that survived a collection of more than the youngest ones."""
        if phase != "stop" or not what["generation"]:
            return
        self._since += len(gc.get_objects(_OLDEST))
        gc.freeze()
        if self._since <= min(_SOME, SLACK) or self._copy is not None:
            return
        self._since = 0
        if sys.getallocatedblocks() > 2 * self._left + SLACK:
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        """Let a copy of the process examine everything."""
        if self._copy is not None:
            return
        self._left = sys.getallocatedblocks()
        try:
            reader, writer = os.pipe()
        except OSError:  # no descriptor is available
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
        """Read the result of the copy; it is empty if the copy was killed."""
        if self._copy is None:
            return
        found = int.from_bytes(os.read(self._copy[1], 8), "big")
        child = self._forget()
        self._loop.call_later(_LEAVING, self._bury, child)
        if found >= WORTH:
            gc.unfreeze()
            gc.collect()

    def close(self) -> None:
        """Stop waiting for a copy."""
        if self._copy is not None:
            child = self._forget()
            with suppress(OSError):
                os.kill(child, signal.SIGKILL)
            self._bury(child)

    def _bury(self, child: int) -> None:
        """Reap a process when it has ended. Freeing its memory may take long."""
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
    """Report the number of garbage objects, in a copy of the process, and end. If memory is short, it is killed first.

    It keeps no socket, device or log open: descriptors that the router closes meanwhile are really closed, and a router
    that is started again finds its ports free. Signals for the whole group end it, and the router receives them once.
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
    """Collect this way inside, and as before outside. Objects stay set aside: the process is about to end.

    It needs a running event loop.
    """
    before, aside = gc.get_threshold(), _Aside(asyncio.get_running_loop())
    gc.collect()
    gc.freeze()
    gc.collect()  # it counts the remaining objects: a quarter as many must be new before the next one
    gc.set_threshold(*THRESHOLDS)
    gc.callbacks.append(aside)
    try:
        yield
    finally:
        gc.callbacks.remove(aside)
        aside.close()
        gc.set_threshold(*before)
