"""The purpose of the trustpoints' timer."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    DATES = "look at the dates of the certificates"
