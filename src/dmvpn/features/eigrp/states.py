"""The states of a neighbor, their transitions, and the reasons for its end. Those of a destination: `topology.py`."""

from __future__ import annotations

import enum
from typing import Final


class NeighborState(enum.Enum):
    """RFC 7868 §5.3.3. A neighbor that is down is forgotten: when the router returns, it is a new neighbor."""

    PENDING = "pending"
    UP = "up"
    DOWN = "down"


class NeighborMove(enum.Enum):
    """Events of a neighbor."""

    ACKNOWLEDGED = "it acknowledges our first packet (INIT), so both ways work"
    GIVEN_UP = "silence, a goodbye, a restart, a change of lines ..."


#: Every legal transition. A missing pair (KeyError) is our bug, never a neighbor's.
NEIGHBOR_MOVES: Final[dict[tuple[NeighborState, NeighborMove], NeighborState]] = {
    (NeighborState.PENDING, NeighborMove.ACKNOWLEDGED): NeighborState.UP,
    (NeighborState.PENDING, NeighborMove.GIVEN_UP): NeighborState.DOWN,
    (NeighborState.UP, NeighborMove.GIVEN_UP): NeighborState.DOWN,
}


class DownReason(enum.Enum):
    """Why a neighbor is down, in the words of the log message."""

    HOLD_TIME = "holding time expired"
    INTERFACE_DOWN = "interface down"
    RESTARTED = "peer restarted"
    TERMINATED = "Interface PEER-TERMINATION received"
    GOODBYE = "Interface Goodbye received"
    WEIGHTS = "K-value mismatch"
    RETRY_LIMIT = "retry limit exceeded"
    ROUTE_CONFIGURATION = "route configuration changed"
    AUTHENTICATION = "Auth failure"
    AUTHENTICATION_CHANGED = "authentication mode changed"
    STUCK_IN_ACTIVE = "stuck in active"
    PEER_INFO = "peer info changed"
    CLEARED = "manually cleared"
    SHUTDOWN = "interface shutdown"
    PASSIVE = "interface passive"
    ADDRESS = "address changed"
    STATIC = "Static peer configured"
    BFD = "BFD peer down notified"
    PREFIX_LIMIT = "prefix-limit exceeded"
    CROWDED = "too many neighbors"
    SERVER_DEAD = "next hop server does not answer"
