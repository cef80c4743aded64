"""What the timers of interfaces are for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    RETRY = "order again what the shell could not carry out"
    POLL = "request the counters of the data plane"
