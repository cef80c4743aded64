"""The purposes of the timers of the router as a computer."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    CALL = "open the connection to a log host"
    PROBE = "give up an echo or a probe that got no answer in time"
    QUIET = "let users log in again, after too many wrong passwords"
