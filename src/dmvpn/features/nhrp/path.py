"""A direct path to another spoke: is it proved, and does it still work?

No routing protocol runs between spokes, so nobody else would notice that the underlay between two of them is cut. A
path is proved when something was received over it: the answer (by any way) to an ICMP echo that was sent through it, a
packet of the peer's own, or an NHRP reply that came directly. Until then, and after it is lost, packets go by the hub.

    PROVING   echoes are on their way; packets go by the hub
    PROVEN    packets go directly
    SUSPECT   we sent, and heard nothing back for a while: echoes again, packets still go directly
    LOST      nothing came back: packets go by the hub; tried again later and later

`Path` is one such path. It is told facts (`Move`) and the time, and answers what is to be done (`Act`); who probes how
and what the RIB hears of it is up to `liveness` and `shortcuts`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.reasons import Reason

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


class PathState(enum.Enum):
    """See the module's docstring."""

    PROVING = "proving"
    PROVEN = "proven"
    SUSPECT = "suspect"
    LOST = "lost"


class Move(enum.Enum):
    """What can happen to a path."""

    PROVED = "something came back over it"
    SILENCE = "packets were sent, none came back"
    PROBE_DUE = "the last echo was not answered yet"
    EXHAUSTED = "the last echo of a series was not answered"


class Act(enum.Enum):
    """What is to be done about a path."""

    PROBE = "send an echo"
    USE = "let packets take it"
    LEAVE = "let packets go by the hub"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: dict[tuple[PathState, Move], PathState] = {
    (PathState.PROVING, Move.PROVED): PathState.PROVEN,
    (PathState.PROVING, Move.SILENCE): PathState.PROVING,
    (PathState.PROVING, Move.PROBE_DUE): PathState.PROVING,
    (PathState.PROVING, Move.EXHAUSTED): PathState.LOST,
    (PathState.PROVEN, Move.PROVED): PathState.PROVEN,
    (PathState.PROVEN, Move.SILENCE): PathState.SUSPECT,
    (PathState.SUSPECT, Move.PROVED): PathState.PROVEN,
    (PathState.SUSPECT, Move.SILENCE): PathState.SUSPECT,
    (PathState.SUSPECT, Move.PROBE_DUE): PathState.SUSPECT,
    (PathState.SUSPECT, Move.EXHAUSTED): PathState.LOST,
    (PathState.LOST, Move.PROVED): PathState.PROVEN,
    (PathState.LOST, Move.SILENCE): PathState.LOST,
    (PathState.LOST, Move.PROBE_DUE): PathState.PROVING,
}

#: Packets take the direct path in these.
USABLE = (PathState.PROVEN, PathState.SUSPECT)

#: Seconds between the echoes of a series, and after the last one until it counts as unanswered.
PROVING_INTERVALS = (0.25, 0.5, 1.0, 2.0, 4.0)
#: Together under a second: with one poll of the counters a second, a dead path is left within three.
SUSPECT_INTERVALS = (0.2, 0.2, 0.2, 0.3)
#: Seconds that a lost path rests before it is tried again: 4, 8, 16, 32, 60, 60 ...
FIRST_REST = 4.0
LONGEST_REST = 60.0


@dataclass(slots=True)
class Path:
    """One direct path. identifier: of its echoes. deadline: when it wants `expired`, seconds, or None."""

    peer: IPAddress
    nbma: IPAddress
    identifier: int
    since: float
    state: PathState = PathState.PROVING
    reason: Reason | None = None
    deadline: float | None = None
    sequence: int = 0
    _tries: int = 0
    _rest: float = FIRST_REST
    _was_lost: bool = False

    @property
    def usable(self) -> bool:
        """Packets may take it."""
        return self.state in USABLE

    def start(self, now: float) -> list[Act]:
        """Begin to prove it."""
        return self._probe(now)

    def proved(self, now: float, *, by_echo: bool = False) -> list[Act]:
        """Something came over it. After a loss only an answered echo counts: other packets show one direction."""
        if self._was_lost and not by_echo:
            return []
        self._was_lost = False
        was_usable = self.usable
        self._move(Move.PROVED, now)
        self._tries = 0
        self._rest = FIRST_REST
        self.deadline = None
        self.reason = None
        return [] if was_usable else [Act.USE]

    def silence(self, now: float) -> list[Act]:
        """Packets were sent over it since the last look, and none came back."""
        was_proven = self.state is PathState.PROVEN
        self._move(Move.SILENCE, now)
        return self._probe(now) if was_proven else []

    def expired(self, now: float) -> list[Act]:
        """The deadline has come."""
        intervals = SUSPECT_INTERVALS if self.state is PathState.SUSPECT else PROVING_INTERVALS
        if self.state is PathState.LOST or self._tries < len(intervals):
            self._move(Move.PROBE_DUE, now)
            return self._probe(now)
        was_usable, tries = self.usable, self._tries
        self._move(Move.EXHAUSTED, now)
        self._tries = 0
        self._was_lost = True
        self.deadline = now + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)
        self.reason = Reason(
            "the direct path does not answer, packets go by the hub",
            f"{tries} echoes to {self.peer} at {self.nbma} unanswered",
            since=now,
        )
        return [Act.LEAVE] if was_usable else []

    def _probe(self, now: float) -> list[Act]:
        intervals = SUSPECT_INTERVALS if self.state is PathState.SUSPECT else PROVING_INTERVALS
        self.deadline = now + intervals[self._tries]
        self._tries += 1
        self.sequence = (self.sequence + 1) & 0xFFFF
        return [Act.PROBE]

    def _move(self, move: Move, now: float) -> None:
        old, self.state = self.state, MOVES[self.state, move]
        if old is not self.state:
            self.since = now
