"""The purposes of OSPF's timers."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """The action when a timer fires."""

    HELLO = "send a Hello"
    WAIT = "elect a designated router, RFC 2328 §9.1"
    ACKNOWLEDGE = "send delayed acknowledgments"
    CALL = "send Hellos to the next neighbors of a list"
    INACTIVITY = "lose a silent neighbor"
    GRACE = "stop helping a neighbor that restarts, RFC 3623"
    RETRANSMIT = "repeat packets to a neighbor"
    EXPIRY = "an LSA reaches MaxAge"
    REFRESH = "originate an LSA again"
    ORIGINATE = "originate a changed LSA"
    CALCULATE = "calculate the routes"
    CALCULATE_FURTHER = "calculate the next slice of the routes"
    STARTUP = "end max-metric on startup"
    ROUTER_ID = "report that no interface gives a router ID"
    IGNORE = "ignore all neighbors: too many LSAs"
    RESUME = "hear the neighbors again"
    FORGIVE = "forget how often neighbors were ignored"
