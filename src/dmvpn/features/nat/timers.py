"""The purpose of NAT's timer."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    RETRY = "order the translation again that the data plane refused"
