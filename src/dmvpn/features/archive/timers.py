"""The purpose of the archive's timer."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    ROLLBACK = "the earlier configuration comes back"
