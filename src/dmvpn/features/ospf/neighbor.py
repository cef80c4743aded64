"""One neighbor: its state, and what is under way between the two. RFC 2328 §10."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.features.ospf.states import NEIGHBOR_MOVES, NeighborMove, NeighborState

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.context import Timer
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.lsa import Lsa, LsaHeader, LsaKey
    from dmvpn.features.ospf.packet import Description


@dataclass(slots=True)
class Talk:
    """The exchange of databases, RFC 2328 §10.8. A new one begins whenever the neighbor enters EXSTART.

    leads: we are the master. sequence: of descriptions. summary: headers that are still to be told. sent, heard: the
    last description of each side. requests: what is missing here. asked: of these, those in the last request.
    """

    leads: bool = True
    sequence: int = 0
    summary: list[LsaHeader] = field(default_factory=list)
    sent: Description | None = None
    heard: Description | None = None
    requests: dict[LsaKey, LsaHeader] = field(default_factory=dict)
    asked: dict[LsaKey, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Neighbor:
    """One neighbor on one interface. Times are seconds, monotonic.

    router: its identifier, 0.0.0.0 until it was heard. priority, options, designated, backup: of its last Hello.
    hello: that Hello, octet for octet. since: of the state. crypto_sequence: of its last packet with a digest. waiting:
    what it has not acknowledged, and when that was sent to it. refusal: why its last packet was not taken. changes: of
    state. called: when a Hello went to it alone. retransmissions: retransmit intervals in which something was sent to
    it again. unanswered: of these, those since it answered last. counted: when the last of them began.
    """

    interface: OspfInterface
    address: IPv4Address
    since: float
    inactivity_timer: Timer
    retransmit_timer: Timer
    router: IPv4Address = UNSPECIFIED
    priority: int = 0
    options: int = 0
    designated: IPv4Address = UNSPECIFIED
    backup: IPv4Address = UNSPECIFIED
    hello: bytes = b""
    state: NeighborState = NeighborState.DOWN
    last_heard: float = float("-inf")
    called: float = float("-inf")
    crypto_sequence: int = -1
    talk: Talk = field(default_factory=Talk)
    waiting: dict[LsaKey, tuple[Lsa, float]] = field(default_factory=dict)
    refusal: Reason | None = None
    changes: int = 0
    retransmissions: int = 0
    unanswered: int = 0
    counted: float = float("-inf")

    @property
    def is_full(self) -> bool:
        """Are the databases the same?"""
        return self.state is NeighborState.FULL

    @property
    def exchanges(self) -> bool:
        """Is it told of what is new: do we exchange databases with it, or have we?"""
        return self.state.rank >= NeighborState.EXCHANGE.rank

    @property
    def is_two_way(self) -> bool:
        """Have both heard each other?"""
        return self.state.rank >= NeighborState.TWO_WAY.rank

    @property
    def wants_adjacency(self) -> bool:
        """Are databases to be exchanged with it? RFC 2328 §10.4: where a router is elected, only by way of that one."""
        interface = self.interface
        return not interface.settings.elects or interface.leads or self.is_designated or self.is_backup

    @property
    def is_designated(self) -> bool:
        """Is it the designated router, as we see it?"""
        return self.interface.designated == self.address

    @property
    def is_backup(self) -> bool:
        """Is it the backup, as we see it?"""
        return self.interface.backup == self.address

    def move(self, move: NeighborMove, now: float) -> NeighborState:
        """Take the move; returns the state before."""
        old, self.state = self.state, NEIGHBOR_MOVES[self.state, move]
        if self.state is not old:
            self.since = now
            self.changes += 1
        return old
