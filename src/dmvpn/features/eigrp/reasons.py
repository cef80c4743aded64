"""The states of a neighbor, their transitions, and the reasons for its end; and why EIGRP accepts no packets of a
neighbor, or sends none on an interface. States of a destination: `topology.py`.
"""

from __future__ import annotations

import enum
from typing import Final

from dmvpn.base.reasons import ReasonCode

# ------------------------------------------------------------------------------------------------ states of a neighbor


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


# ------------------------------------------------------------------------------------------------ refusals


@enum.unique
class EigrpReason(ReasonCode):
    """Stored as `Neighbor.refusal` and `EigrpInterface.blocked`."""

    HIDDEN = "the password of hmac-sha-256 cannot be read", "write it in clear (type 0)", "RFC 7868 §6.7.2"
    NO_KEY_CHAIN = "authentication without a key chain", "authentication key-chain is missing"
    NO_KEY = 'key chain "<name>" has no key', "no key-string in it"
    NO_VALID_KEY = 'no key of key chain "<name>" is valid now', "send-lifetime is over, or has not begun"
    WRONG_DIGEST = "the digest is wrong", "", "RFC 7868 §6.7.2"
    NO_DIGEST = "no digest", "", "RFC 7868 §6.7.2"
    OFF_HERE = "authentication is off here", "", "RFC 7868 §6.7.2"
