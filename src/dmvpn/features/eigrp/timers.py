"""The timers of EIGRP, in the words of `show ip eigrp timers`."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What a timer is for."""

    HELLO = "Hello"
    HOLD = "Peer holding"
    RETRANSMIT = "Peer transmission"
    FLOW = "Multicast flow"
    PACING = "Pacing"
    KEY = "Key roll-over"
    SIA = "SIA"
    GOODBYE = "Goodbyes that wait"
    REST = "A crowd of neighbors"
    BARRED = "Prefixes over the maximum"
