"""The purposes of the tunnels' timers."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    KEEPALIVE = "send a keepalive"
    RECURSION = "try a tunnel again that was shut because of recursive routing"
    ORDER = "order a tunnel again that the host refused"
