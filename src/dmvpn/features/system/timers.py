"""What the timers of the router as a computer are for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    CALL = "open the connection to a log host"
    PROBE = "give up an echo or a probe that got no answer in time"
    QUIET = "let users log in again, after too many wrong passwords"
