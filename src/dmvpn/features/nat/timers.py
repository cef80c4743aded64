"""The purpose of NAT's timer."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    LISTS = "order the translation whose lists were changed shortly after an order"
    RETRY = "order the translation again that the data plane refused"
