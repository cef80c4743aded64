"""The purpose of the timer of VRFs."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    RETRY = "order the VRFs again that the data plane refused"
