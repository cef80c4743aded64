"""The timers of BGP."""

from __future__ import annotations

import enum


class TimerKind(enum.Enum):
    """What a timer does when it fires."""

    CONNECT = "give up a connection that the neighbor has not answered"
    HOLD = "the hold time ends, RFC 4271 §6.5"
    KEEPALIVE = "send the next KEEPALIVE"
    TURN = "read again what a neighbor sends that caused too much work"
    SEND_HOLD = "end a session whose neighbor reads nothing, RFC 9687"
    CALL = "call a neighbor"
    LEAVE = "end the sessions with a neighbor that is shut down gracefully, RFC 8326"
    RESTART = "give up a neighbor that has not returned, or has not sent its whole table, RFC 4724 §4.2"
    JUDGE = "choose again among the routes of a neighbor, because its filters changed or it was cleared softly"
    LISTEN = "try again to open the port"
    NEXT_HOPS = "look at next hops and the ways to neighbors, because the routing table changed"
    POLICIES = "advertise what changed lists and maps leave"
    ROUTES = "look at the next slice of changed routes"
    EXPORTS = "export paths to other VRFs"
    ADVERTISE = "send an update group its next slice"
    DAMPING = "use damped routes again"
