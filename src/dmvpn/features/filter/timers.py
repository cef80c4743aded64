"""The purposes of the timers of packet filters."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    RETRY = "order the filters of a port again that the data plane refused"
    LISTS = "order the filters of ports whose lists were changed shortly after an order"
    UPDATE = "log the packets of a flow since its last log line"
