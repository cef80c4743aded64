"""The purpose of the timer of lists."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    MINUTE = "see which time ranges have begun or ended"
