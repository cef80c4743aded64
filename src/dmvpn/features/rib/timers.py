"""The purposes of the routing table's timers."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    RETRY = "order forwarding entries again that the shell could not carry out"
    WAITING = "take the next offers of protocols that came all at once"
    FOLLOWING = "look at the next routes that follow from others"
