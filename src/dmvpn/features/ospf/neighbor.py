"""The states of interfaces and neighbors, and every move between them: RFC 2328 §9.3 and §10.3 as tables.

Where the RFC lets an event lead to several states (an interface comes up, a router is heard in both directions), each
possible state is a move of its own, which the caller selects. Only `OspfInterface.move` and `Neighbor.move` change
states.
"""

from __future__ import annotations

import enum
from typing import Final


class InterfaceState(enum.Enum):
    """RFC 2328 §9.1. The value is the word of `show ip ospf interface`."""

    DOWN = "DOWN"
    LOOPBACK = "LOOPBACK"
    WAITING = "WAITING"
    POINT_TO_POINT = "POINT_TO_POINT"
    POINT_TO_MULTIPOINT = "POINT_TO_MULTIPOINT"
    DR_OTHER = "DROTHER"
    BACKUP = "BDR"
    DESIGNATED = "DR"


class InterfaceMove(enum.Enum):
    """The events of an interface, RFC 2328 §9.2."""

    UP_ALONE = "it comes up, with one neighbor at most"
    UP_MULTIPOINT = "it comes up, with neighbors that do not hear each other"
    UP_ELIGIBLE = "it comes up where a router is to be elected, and may be elected"
    UP_INELIGIBLE = "it comes up where a router is to be elected, and has priority 0"
    UP_LOOPBACK = "it comes up, and is a loopback"
    ELECTED = "the election made it the designated router"
    ELECTED_BACKUP = "the election made it the backup"
    NOT_ELECTED = "the election chose others"
    GOES_DOWN = "the line went down, or OSPF does not run here any more"


_I, _IM = InterfaceState, InterfaceMove
_ELECTING: Final = (_I.WAITING, _I.DR_OTHER, _I.BACKUP, _I.DESIGNATED)

#: Every legal move of an interface. A missing pair (KeyError) is our bug.
INTERFACE_MOVES: Final[dict[tuple[InterfaceState, InterfaceMove], InterfaceState]] = {
    (_I.DOWN, _IM.UP_ALONE): _I.POINT_TO_POINT,
    (_I.DOWN, _IM.UP_MULTIPOINT): _I.POINT_TO_MULTIPOINT,
    (_I.DOWN, _IM.UP_ELIGIBLE): _I.WAITING,
    (_I.DOWN, _IM.UP_INELIGIBLE): _I.DR_OTHER,
    (_I.DOWN, _IM.UP_LOOPBACK): _I.LOOPBACK,
    **{(state, _IM.ELECTED): _I.DESIGNATED for state in _ELECTING},
    **{(state, _IM.ELECTED_BACKUP): _I.BACKUP for state in _ELECTING},
    **{(state, _IM.NOT_ELECTED): _I.DR_OTHER for state in _ELECTING},
    **{(state, _IM.GOES_DOWN): _I.DOWN for state in InterfaceState},
}


class NeighborState(enum.Enum):
    """RFC 2328 §10.1. The value is the word of `show ip ospf neighbor`."""

    DOWN = "DOWN"
    ATTEMPT = "ATTEMPT"
    INIT = "INIT"
    TWO_WAY = "2WAY"
    EX_START = "EXSTART"
    EXCHANGE = "EXCHANGE"
    LOADING = "LOADING"
    FULL = "FULL"

    @property
    def rank(self) -> int:
        """How far it is: states can be compared by it."""
        return _RANKS[self]


_RANKS: Final = {state: rank for rank, state in enumerate(NeighborState)}


class NeighborMove(enum.Enum):
    """The events of a neighbor, RFC 2328 §10.2."""

    START = "it is configured, and is called by unicast"
    HEARD = "its Hello came, and it has not heard us"
    TWO_WAY = "it has heard us, and no adjacency is wanted"
    ADJACENT = "it has heard us, or nothing else was missing, and an adjacency is wanted"
    NEGOTIATED = "who leads the exchange is agreed"
    DESCRIBED = "both databases are described, and something of its is missing here"
    COMPLETE = "both databases are described, and nothing is missing"
    LOADED = "the last advertisement that was missing has come"
    RESTART = "what it said does not fit: the exchange begins again"
    UNWANTED = "the adjacency is not wanted any more"
    ONE_WAY = "its Hello does not name us any more"
    LOST = "silence for the dead interval, or the interface is down, or somebody cleared it"


_N, _NM = NeighborState, NeighborMove
_FROM_EX_START: Final = (_N.EX_START, _N.EXCHANGE, _N.LOADING, _N.FULL)
_FROM_EXCHANGE: Final = (_N.EXCHANGE, _N.LOADING, _N.FULL)

#: Every legal move of a neighbor. A missing pair (KeyError) is our bug, never the neighbor's.
NEIGHBOR_MOVES: Final[dict[tuple[NeighborState, NeighborMove], NeighborState]] = {
    (_N.DOWN, _NM.START): _N.ATTEMPT,
    (_N.DOWN, _NM.HEARD): _N.INIT,
    (_N.ATTEMPT, _NM.HEARD): _N.INIT,
    (_N.INIT, _NM.TWO_WAY): _N.TWO_WAY,
    (_N.INIT, _NM.ADJACENT): _N.EX_START,
    (_N.TWO_WAY, _NM.ADJACENT): _N.EX_START,
    (_N.EX_START, _NM.NEGOTIATED): _N.EXCHANGE,
    (_N.EXCHANGE, _NM.DESCRIBED): _N.LOADING,
    (_N.EXCHANGE, _NM.COMPLETE): _N.FULL,
    (_N.LOADING, _NM.LOADED): _N.FULL,
    **{(state, _NM.RESTART): _N.EX_START for state in _FROM_EXCHANGE},
    **{(state, _NM.UNWANTED): _N.TWO_WAY for state in _FROM_EX_START},
    **{(state, _NM.ONE_WAY): _N.INIT for state in (_N.TWO_WAY, *_FROM_EX_START)},
    **{(state, _NM.LOST): _N.DOWN for state in NeighborState},
}
