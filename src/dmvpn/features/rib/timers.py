"""What the timers of the routing table are for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    RETRY = "order forwarding entries again that the shell could not carry out"
    WAITING = "take the next offers of protocols that came all at once"
    FOLLOWING = "look at the next routes that follow from others"
