"""What the timers of IPsec are for."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What happens when a timer fires."""

    SERVE = "order the host again to take ESP and IKE at our addresses"
    SETTLE = "believe that the host did what it was ordered"
    LEAVE = "stop serving an address that no tunnel has any more"
    POLL = "ask the plane for its counters"
    RENEWAL = "have an SA replaced that the plane does not have"
