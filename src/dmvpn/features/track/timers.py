"""What the timers of tracked objects and of IP SLA are for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    SEND = "send the next request"
    LATE = "an answer is late"
    DELAY = "an object changes after its delay"
    ROUTES = "look at the tracked routes"
