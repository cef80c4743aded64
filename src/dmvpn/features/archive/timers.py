"""What the timer of the archive is for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    ROLLBACK = "the earlier configuration comes back"
