"""The purposes of the timers of tracked objects and of IP SLA."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    SEND = "send the next request"
    LATE = "an answer is late"
    DELAY = "an object changes after its delay"
    ROUTES = "look at the tracked routes"
