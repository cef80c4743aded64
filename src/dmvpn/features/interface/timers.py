"""The purposes of the interfaces' timers."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    RETRY = "order again what the shell could not carry out"
    POLL = "request the counters of the data plane"
