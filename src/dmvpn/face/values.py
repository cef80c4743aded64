"""The process in which this router runs, as metrics: processor, memory, files, version, and how late its loop is.

All routers of a simulated lab share one process, and so these numbers. The lateness of the loop is measured while
metrics are asked for, and a while longer: a timer of `_BEAT` seconds is called late when something held the loop.
"""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from dmvpn import __version__
from dmvpn.base.breath import at_home
from dmvpn.base.values import collected
from dmvpn.ios import Measured
from dmvpn.ios.measured import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.metrics import MetricRow
    from dmvpn.ios import ShowContext

#: Seconds between two looks at the loop; for how long the largest lateness counts; for how long looking goes on.
_BEAT: Final = 0.25
_MEMORY: Final = 60.0
_INTEREST: Final = 600.0


class LoopWatch:
    """Measures how late the loop is. late: seconds in all."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.late = 0.0
        self._loop = loop
        self._worst: deque[tuple[float, float]] = deque()
        self._due = self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def wanted(self) -> None:
        """Look for a while from now on."""
        self._until = self._loop.time() + _INTEREST
        if self._timer is None:
            self._arm()

    @property
    def lag(self) -> float:
        """The largest lateness of the last minute, seconds."""
        since = self._loop.time() - _MEMORY
        return max((late for when, late in self._worst if when >= since), default=0.0)

    def _arm(self) -> None:
        self._due = self._loop.time() + _BEAT
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        now = self._loop.time()
        late = max(0.0, now - self._due)
        self.late += late
        while self._worst and (self._worst[-1][1] <= late or self._worst[0][0] < now - _MEMORY):
            self._worst.pop() if self._worst[-1][1] <= late else self._worst.popleft()
        self._worst.append((now, late))
        self._timer = None
        if now < self._until:
            self._arm()


_WATCHES: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, LoopWatch]] = WeakKeyDictionary()


def be_observed() -> LoopWatch | None:
    """Let the loop of the router be watched for a while. Returns None where no loop runs."""
    return at_home(_watch)


def _watch() -> LoopWatch | None:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    watch = _WATCHES.setdefault(loop, LoopWatch(loop))
    watch.wanted()
    return watch


@measured("build", "version", "python")("""
    info dmvpn_build_info :: The version of this program and of Python.
    """)
def _versions(_: ShowContext) -> Iterator[MetricRow]:
    yield (__version__, platform.python_version(), 1)


@measured("process")("""
    counter dmvpn_process_cpu_seconds_total :: Processor time of the process in which the router runs.
    gauge dmvpn_process_resident_memory_bytes :: Memory of the process in which the router runs.
    gauge dmvpn_process_start_time_seconds :: When the process in which the router runs was started.
    gauge dmvpn_process_open_fds :: Open files and sockets of the process in which the router runs.
    gauge dmvpn_process_threads :: Threads of the process in which the router runs.
    """)
def _process(_: ShowContext) -> Iterator[MetricRow]:
    words = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    threads, begun, pages = int(words[17]), int(words[19]) / os.sysconf("SC_CLK_TCK"), int(words[21])
    start = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + begun
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield (time.process_time(), memory, round(start, 2), len(os.listdir("/proc/self/fd")), threads)


@measured("loop")("""
    gauge dmvpn_loop_lag_seconds :: The longest time for which the router's loop was held in the last minute.
    counter dmvpn_loop_late_seconds_total :: For how long in all the router's loop was late.
    """)
def _loop(_: ShowContext) -> Iterator[MetricRow]:
    watch = be_observed()
    if watch is not None:
        yield (watch.lag, watch.late)


METRICS: Final = collected(Measured, vars())
