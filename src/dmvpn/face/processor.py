"""`show processes cpu`: how busy the process is in which this router runs.

A simulated lab has all its routers in one process. Nothing samples in the background: the figures are those since the
newest earlier look that is old enough, and since the start of the process where nobody looked before. The routers of a
lab are forks: the processor time of each begins again at nothing.
"""

from __future__ import annotations

import os
import time
from collections import deque
from dataclasses import field
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios.grammar import Args, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.face.context import SessionContext

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


PROCESSOR: Final = ExecCommand(
    "show processes cpu",
    {"processes": "The process in which this router runs", "cpu": "How busy it is"},
    query=processor,
    render=render_processor,
)
