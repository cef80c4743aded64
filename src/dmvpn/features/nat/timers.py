"""What the timer of NAT is for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    RETRY = "order the translation again that the data plane refused"
