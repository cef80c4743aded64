"""`show processes cpu`: the CPU load of the process in which this router runs.

A simulated lab has all its routers in one process. There is no sampling in the background: the figures count from the
newest earlier show that is old enough, or from the start of the process if there was none. The routers of a lab are
forks: the CPU time of each begins at zero.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.face.context import SessionContext
    from dmvpn.ios import ShowContext

#: Seconds of the three figures, and looks that are remembered: at most one in half the shortest time.
_SPANS: Final = (5.0, 60.0, 300.0)
_MOST: Final = 240


@dataclass(frozen=True, slots=True)
class Look:
    """A moment, and the processor time used by then; seconds."""

    when: float
    used: float


@dataclass(slots=True)
class Looks:
    """Earlier looks, the oldest first."""

    begun: Look
    seen: deque[Look] = field(default_factory=lambda: deque(maxlen=_MOST))

    def begin_again(self, now: Look) -> None:
        """Forget what another process used."""
        self.begun = now
        self.seen.clear()

    def busy(self, now: Look) -> tuple[int, ...]:
        """Return per cent of one processor, for each span; this look is remembered."""
        found = tuple(_share(self._before(now.when - span), now) for span in _SPANS)
        if not self.seen or now.when - self.seen[-1].when >= _SPANS[0] / 2:
            self.seen.append(now)
        return found

    def _before(self, moment: float) -> Look:
        return next((look for look in reversed(self.seen) if look.when <= moment), self.begun)


def _share(since: Look, now: Look) -> int:
    return round(100 * (now.used - since.used) / max(now.when - since.when, 1e-3))


def _look() -> Look:
    return Look(time.monotonic(), time.process_time())


_looks: Final = Looks(_look())
os.register_at_fork(after_in_child=lambda: _looks.begin_again(_look()))


@dataclass(frozen=True, slots=True)
class Processor:
    """`show processes cpu`. Per cent of one processor; more than 100 with threads."""

    five_seconds: int
    one_minute: int
    five_minutes: int


def processor(_: SessionContext, __: Args) -> Processor:
    """Show the processor (`show processes cpu`)."""
    return Processor(*_looks.busy(_look()))


def render_processor(found: Processor) -> Iterator[str]:
    """Yield the line that tools read; the second number is time in interrupts, of which a process has none."""
    yield (
        f"CPU utilization for five seconds: {found.five_seconds}%/0%; "
        f"one minute: {found.one_minute}%; five minutes: {found.five_minutes}%"
    )


def timestamp(view: ShowContext) -> Iterator[str]:
    """Yield what precedes each show after `terminal exec prompt timestamp`: the load, and the time."""
    from dmvpn.features.system.show import time_source  # shows are loaded at their first use

    load = Processor(*_looks.busy(_look()))
    longer = f"one minute: {load.one_minute}%; five minutes: {load.five_minutes}%"
    yield f"Load for five secs: {load.five_seconds}%/0%; {longer}"
    yield time_source(view)
    yield ""


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """The process of this router. runtime: milliseconds of processor time since it started."""

    number: int
    runtime: int
    load: Processor


def process(_: SessionContext, __: Args) -> ProcessLine:
    """Show the process (`show processes cpu sorted`): there is one, in which all protocols run."""
    now = _look()
    return ProcessLine(os.getpid(), round(now.used * 1000), Processor(*_looks.busy(now)))


def render_process(found: ProcessLine) -> Iterator[str]:
    """Yield the head of `show processes cpu`, and a table of one row. Calls are not counted."""
    yield from render_processor(found.load)
    load = found.load
    yield " PID Runtime(ms)     Invoked      uSecs   5Sec   1Min   5Min TTY Process"
    shares = " ".join(f"{share:>5.2f}%" for share in (load.five_seconds, load.one_minute, load.five_minutes))
    yield f"{found.number:>4} {found.runtime:>11} {'-':>11} {'-':>10} {shares}   0 dmvpn"


_HELP: Final = {
    "processes": "The process in which this router runs",
    "cpu": "How busy it is",
    "sorted": "With the process as a row of a table",
    "5sec": "By the last five seconds",
    "1min": "By the last minute",
    "5min": "By the last five minutes",
}
PROCESSOR: Final = (
    ExecCommand("show processes cpu", _HELP, query=processor, render=render_processor),
    ExecCommand("show processes cpu sorted [ 5sec | 1min | 5min ]", _HELP, query=process, render=render_process),
)
