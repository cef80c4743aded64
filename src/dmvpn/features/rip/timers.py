"""The timers of RIP."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What a timer does when it fires."""

    UPDATE = "send the regular update"
    TRIGGER = "send a triggered update"
    LOST = "send a triggered update about lost routes, then ask all gateways for their tables"
    FIRST = "send the whole table on a circuit that came up or has a new gateway"
    REQUEST = "ask again on a circuit where no gateway has answered"
    EXPIRY = "let routes expire that no gateway has advertised lately"
    REPEAT = "repeat what a peer of triggered RIP has not acknowledged, RFC 2091 §6.3"
