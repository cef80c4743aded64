"""The exchange with a neighbor; states and moves of neighbors and interfaces: RFC 2328 §9.3 and §10.3 as tables.

Where the RFC lets an event lead to several states (an interface comes up, a router is heard in both directions), each
possible state is a move of its own, which the caller selects. Only `OspfInterface.move` and `Neighbor.move` change
states.

    Talk             the exchange of databases: what each side has described, which LSAs we lack; §10.6 to §10.9
    Unacknowledged   the retransmission list: LSAs that the neighbor has to acknowledge; §13.5, §13.6

Nothing here sends packets: `events` passes received ones to a `Talk`, and `output` takes the next description from it.
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import Final

from dmvpn.base.values import Mutable
from dmvpn.features.ospf.lsa import MAX_AGE, Lsa, LsaHeader, LsaKey
from dmvpn.features.ospf.packet import Description, DescriptionFlag

# ------------------------------------------------------------------------------------------------ states and moves


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
    """RFC 2328 §10.1. The value is the word of `show ip ospf neighbor`; rank: how far it is, to compare states by."""

    DOWN = "DOWN"
    ATTEMPT = "ATTEMPT"
    INIT = "INIT"
    TWO_WAY = "2WAY"
    EX_START = "EXSTART"
    EXCHANGE = "EXCHANGE"
    LOADING = "LOADING"
    FULL = "FULL"

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)


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
    LOST = "silence for the dead interval, or the interface is down, or a user cleared it"


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


# ----------------------------------------------------------------------------------- the link state retransmission list


class Unacknowledged(dict[LsaKey, tuple[Lsa, float]]):
    """Advertisements with the times at which they left, the oldest first: seconds, monotonic."""

    __slots__ = ()

    def owe(self, lsa: Lsa, now: float) -> None:
        """Note that this leaves now, and has to be acknowledged."""
        key = lsa.header.key
        self.pop(key, None)
        self[key] = (lsa, now)

    def forgive(self, key: LsaKey) -> None:
        """Stop awaiting the acknowledgment of an instance: there is a newer one."""
        self.pop(key, None)

    def acknowledge(self, header: LsaHeader) -> bool:
        """Return whether this header acknowledges an instance, which is not sent again then."""
        known = self.get(header.key)
        if known is None or _differs(known[0].header, header):
            return False
        del self[header.key]
        return True

    def overdue(self, limit: float, room: int) -> list[Lsa]:
        """Return LSAs that were sent at `limit` or before, as many as fit into `room` octets."""
        found: list[Lsa] = []
        for lsa, sent in self.values():
            room -= len(lsa.octets)
            if sent > limit or (found and room < 0):
                break
            found.append(lsa)
        return found


def _differs(one: LsaHeader, other: LsaHeader) -> bool:
    """Return whether the headers are of different instances.

    The age does not count: it grows on the way, except that MAX_AGE makes a different instance.
    """
    gone, gone_too = one.age >= MAX_AGE, other.age >= MAX_AGE
    return (one.sequence, one.checksum, gone) != (other.sequence, other.checksum, gone_too)


# -------------------------------------------------------------------------------------------- the exchange of databases


class Talk(Mutable):
    """A new one begins whenever the neighbor enters EXSTART, and claims to lead.

    leads: we are the master. sequence: of descriptions. summary: headers still to send. sent, heard: the last
    description of each side. requests: LSAs that we lack. asked: of these, the LSAs in the last request.
    """

    sequence: int = 0
    leads: bool = True
    summary: list[LsaHeader] = field(default_factory=list)
    sent: Description | None = None
    heard: Description | None = None
    requests: dict[LsaKey, LsaHeader] = field(default_factory=dict)
    asked: dict[LsaKey, None] = field(default_factory=dict)

    def negotiate(self, description: Description, *, they_are_higher: bool) -> bool:
        """Negotiate the master, which is the router with the higher identifier: returns whether that is agreed now.
        §10.6
        """
        if they_are_higher:
            begins = all(map(description.has, (DescriptionFlag.INIT, DescriptionFlag.MORE, DescriptionFlag.MASTER)))
            if begins and not description.headers:
                self.leads, self.sequence = False, description.sequence
                return True
            return False
        follows = not description.has(DescriptionFlag.INIT) and not description.has(DescriptionFlag.MASTER)
        return follows and description.sequence == self.sequence

    def summarize(self, header: LsaHeader) -> None:
        """Add one of our LSAs to the headers to send."""
        self.summary.append(header)

    def is_again(self, description: Description) -> bool:
        """Return whether it is the last description of the neighbor once more."""
        last = self.heard
        said = (description.flags, description.options, description.sequence)
        return last is not None and (last.flags, last.options, last.sequence) == said

    def fits(self, description: Description) -> bool:
        """Return whether a description may follow the last one, §10.6."""
        return (
            description.has(DescriptionFlag.MASTER) != self.leads
            and not description.has(DescriptionFlag.INIT)
            and (self.heard is None or self.heard.options == description.options)
            and description.sequence == (self.sequence if self.leads else self.sequence + 1)
        )

    def hear(self, description: Description) -> None:
        """Note the next description of the neighbor."""
        self.heard = description

    @property
    def is_sent(self) -> bool:
        """Whether our last description was sent, with no more to follow."""
        last = self.sent
        return last is not None and not last.has(DescriptionFlag.MORE) and not last.has(DescriptionFlag.INIT)

    @property
    def is_heard(self) -> bool:
        """Whether the neighbor has sent its last description."""
        return self.heard is not None and not self.heard.has(DescriptionFlag.MORE)

    def turn(self) -> None:
        """Take our turn: the master increments the number, the slave repeats the received one."""
        if self.leads:
            self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        elif self.heard is not None:
            self.sequence = self.heard.sequence

    def portion(self, room: int) -> tuple[tuple[LsaHeader, ...], DescriptionFlag]:
        """Return the headers and flags of our next description, which has room for `room` headers."""
        portion, self.summary = self.summary[:room], self.summary[room:]
        flags = DescriptionFlag.MASTER if self.leads else DescriptionFlag(0)
        return tuple(portion), flags | DescriptionFlag.MORE if self.summary else flags

    def say(self, description: Description) -> None:
        """Note our description, which leaves now, and perhaps again."""
        self.sent = description

    def miss(self, header: LsaHeader) -> None:
        """Note that an instance is missing here."""
        self.requests[header.key] = header

    def ask(self, room: int) -> tuple[LsaKey, ...]:
        """Return the LSAs to request next, as many as fit; none while a request is outstanding."""
        if self.asked:
            return ()
        self.asked = dict.fromkeys(list(self.requests)[:room])
        return tuple(self.asked)

    def got(self, key: LsaKey) -> bool:
        """Note that an instance is no longer missing; returns whether it was."""
        self.asked.pop(key, None)
        return self.requests.pop(key, None) is not None
