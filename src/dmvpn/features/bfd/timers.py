"""What the timers of a BFD session are for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    TRANSMIT = "send the next packet"
    DETECT = "the detection time ends, RFC 5880 §6.8.4"
