"""What the timer of the trustpoints is for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    DATES = "look at the dates of the certificates"
