"""The purposes of a BFD session's timers."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    TRANSMIT = "send the next packet"
    DETECT = "the detection time ends, RFC 5880 §6.8.4"
