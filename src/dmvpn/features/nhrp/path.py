"""A direct path to another spoke: whether it is proved, and whether it still works.

No routing protocol runs between spokes, so nothing else would notice that the underlay between two of them is cut, or
cut in one direction. Only the answer to an ICMP echo that was sent over the path, by whatever way the answer comes,
proves the direction *to* the peer. Packets from the peer show the other direction, and prove nothing.

    PROVING   echoes are in flight; packets go through the hub
    PROVEN    packets go directly; while they do, one echo a second checks the path
    SUSPECT   a check was not answered: echoes in quick succession, packets still go directly
    LOST      none of them was answered: packets go through the hub; tried again at growing intervals, or when the peer
              is heard
    BARE      on a protected tunnel: nothing protects packets to it (any more), so none may leave, echoes neither

The round-trip time is measured: a path over a satellite gets two round trips for a check.

A path that was lost must answer several echoes before it is used again, and after each short life it rests longer: a
path that flaps is used little, at no cost for the traffic.

A peer behind NAT has to begin if we are not behind one: `wait`.

`DirectPath` is one such path. It takes events (`PathMove`) and the time, and returns the actions to carry out
(`PathOutput`); `peers` and `registration` send the probes and update the RIB.
"""

from __future__ import annotations

import enum
from dataclasses import field

from dmvpn.base.addresses import IPAddress
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.nhrp.cache import NbmaPeer
from dmvpn.features.nhrp.reasons import NhrpReason


class PathState(enum.Enum):
    """See the module's docstring."""

    PROVING = "proving"
    PROVEN = "proven"
    SUSPECT = "suspect"
    LOST = "lost"
    BARE = "bare"


class PathMove(enum.Enum):
    """What can happen to a path."""

    START = "it is to be proved"
    PROVED = "enough echoes were answered"
    CHECK_DUE = "packets take it, and the last check is a while ago"
    PROBE_DUE = "the last echo was not answered yet"
    EXHAUSTED = "the last echo of a series was not answered"
    BARED = "nothing protects packets to it"


class PathOutput(enum.Enum):
    """Actions that the caller carries out."""

    PROBE = "send an echo"
    USE = "let packets take it"
    LEAVE = "let packets go by the hub"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: dict[tuple[PathState, PathMove], PathState] = {
    (PathState.PROVING, PathMove.START): PathState.PROVING,
    (PathState.PROVING, PathMove.PROVED): PathState.PROVEN,
    (PathState.PROVING, PathMove.PROBE_DUE): PathState.PROVING,
    (PathState.PROVING, PathMove.EXHAUSTED): PathState.LOST,
    (PathState.PROVEN, PathMove.PROVED): PathState.PROVEN,
    (PathState.PROVEN, PathMove.CHECK_DUE): PathState.PROVEN,
    (PathState.PROVEN, PathMove.PROBE_DUE): PathState.SUSPECT,
    (PathState.SUSPECT, PathMove.PROVED): PathState.PROVEN,
    (PathState.SUSPECT, PathMove.PROBE_DUE): PathState.SUSPECT,
    (PathState.SUSPECT, PathMove.EXHAUSTED): PathState.LOST,
    (PathState.LOST, PathMove.START): PathState.PROVING,
    (PathState.LOST, PathMove.PROVED): PathState.PROVEN,
    (PathState.PROVING, PathMove.BARED): PathState.BARE,
    (PathState.PROVEN, PathMove.BARED): PathState.BARE,
    (PathState.SUSPECT, PathMove.BARED): PathState.BARE,
    (PathState.LOST, PathMove.BARED): PathState.BARE,
    (PathState.BARE, PathMove.BARED): PathState.BARE,
    (PathState.BARE, PathMove.START): PathState.PROVING,
}

#: In these states packets take the direct path.
USABLE = (PathState.PROVEN, PathState.SUSPECT)

#: Seconds between the echoes of a series, and after the last one until it counts as unanswered.
PROVING_INTERVALS = (0.25, 0.5, 1.0, 2.0, 4.0)
#: The first is the check itself. All are together under a second: with a check every second a dead path is left within
#: two, and one that died while it was idle within three seconds of the first packet.
CHECK_INTERVALS = (0.3, 0.2, 0.2, 0.2)
#: Round trips that the echoes of a check are given together, where that is more; and the first of them alone.
CHECK_TRIPS, FIRST_TRIPS = 2.0, 1.25
#: Echoes whose time of departure is remembered: late answers say how slow a path is, too.
_REMEMBERED = 8
#: Echoes of one series that must be answered before a path that was lost is used again.
ANSWERS_AFTER_LOSS = 3
#: Seconds for which an answer shows that a path works: paths in use are checked each second.
FRESH = 2.0
#: Seconds that a lost path rests before it is tried again: 4, 8, 16, 32, 60, 60 ...
FIRST_REST = 4.0
LONGEST_REST = 60.0
#: Seconds that a path must have worked before its next loss counts as the first one.
STABLE = 60.0
#: Seconds that a peer behind NAT has to begin.
PATIENCE = 5.0


class DirectPath(Mutable):
    """One direct path.

    identifier: of its echoes.
    deadline: when it wants `expired`, seconds, or None.
    neighbor: where packets go by it.
    sequence: of the last echo.
    checked_at: when the last one was answered.
    round_trip: seconds that the last answer took.
    """

    peer: IPAddress
    neighbor: NbmaPeer
    identifier: int
    since: float
    state: PathState = PathState.PROVING
    reason: Reason | None = None
    deadline: float | None = None
    sequence: int = 0
    checked_at: float | None = None
    round_trip: float = 0.0
    _left: dict[int, float] = field(default_factory=dict)
    _tries: int = 0
    _missing: int = 1
    _last_answered: int = 0
    _used_since: float = 0.0
    _rest: float = FIRST_REST
    _awaited: bool = False

    @property
    def nbma(self) -> IPAddress:
        """The peer's NBMA address."""
        return self.neighbor.nbma

    @property
    def usable(self) -> bool:
        """Whether packets may take it."""
        return self.state in USABLE

    @property
    def waits(self) -> bool:
        """Whether the peer has to begin, and has not yet."""
        return self.state is PathState.PROVING and not self._tries

    def move(self, to: NbmaPeer) -> None:
        """Reach the peer there, or over that connection, from now on."""
        self.neighbor = to

    def start(self, now: float) -> list[PathOutput]:
        """Prove it, from the first echo on. A path in use is left alone."""
        if self.usable:
            return []
        if self.state is PathState.LOST:
            self._missing = ANSWERS_AFTER_LOSS
        elif self.state is PathState.BARE:
            self.reason = None
        self._move(PathMove.START, now)
        self._tries = 0
        return self._probe(now)

    def wait(self, reason: Reason, now: float) -> list[PathOutput]:
        """Let the peer begin: send it nothing until it is heard, or for a while."""
        self.reason = reason
        self.deadline = now + PATIENCE
        return []

    def bare(self, reason: Reason | None, now: float) -> list[PathOutput]:
        """Rest until `start`: nothing protects packets to it."""
        was_usable = self.usable
        self._move(PathMove.BARED, now)
        self.deadline = None
        self.reason = reason
        return [PathOutput.LEAVE] if was_usable else []

    def answered(self, sequence: int, now: float) -> list[PathOutput]:
        """Take in the answer to the echo with this number. The same answer once more proves nothing more."""
        if self.state is PathState.BARE or not 0 < (sequence - self._last_answered) & 0xFFFF < 0x8000:
            return []
        self._last_answered = sequence
        self.checked_at = now
        self.round_trip = now - self._left.get(sequence, now)
        self._missing -= 1
        if self._missing > 0:
            return []
        was_usable = self.usable
        self._move(PathMove.PROVED, now)
        self._tries, self._missing = 0, 1
        self.deadline = None
        self.reason = None
        if was_usable and not self._awaited:
            return []
        self._awaited = False
        if not was_usable:
            self._used_since = now
        return [PathOutput.USE]

    def check(self, now: float) -> list[PathOutput]:
        """See whether it still works, unless that is being done: packets take it."""
        if self.state is not PathState.PROVEN or self.deadline is not None:
            return []
        self._move(PathMove.CHECK_DUE, now)
        return self._probe(now)

    def confirm(self, now: float) -> list[PathOutput]:
        """See whether it works before packets that take the hub change to it: it may have died while it was idle."""
        if self.checked_at is not None and now - self.checked_at <= FRESH:
            return [PathOutput.USE]
        self._awaited = True
        return self.check(now)

    def heard(self, now: float) -> list[PathOutput]:
        """Take in that something came from the peer directly: a lost path may work again, and need not rest.

        A path that waited for that need not wait any longer, either.
        """
        if self.waits:
            self.reason = None
            return self.start(now)
        if self.state is PathState.LOST and now >= self.since + FIRST_REST:
            return self.start(now)
        return []

    def expired(self, now: float) -> list[PathOutput]:
        """Act on the deadline."""
        if self.state is PathState.LOST:
            return self.start(now)
        if self._tries < len(self._intervals):
            self._move(PathMove.PROBE_DUE, now)
            return self._probe(now)
        was_usable = self.usable
        if was_usable and now >= self._used_since + STABLE:
            self._rest = FIRST_REST
        self._move(PathMove.EXHAUSTED, now)
        self.deadline = now + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST)
        self._missing = ANSWERS_AFTER_LOSS
        self.reason = Reason(NhrpReason.NO_PATH, (self._tries, self.peer, self.nbma), now)
        return [PathOutput.LEAVE] if was_usable else []

    @property
    def _intervals(self) -> tuple[float, ...]:
        if not self.usable:
            return PROVING_INTERVALS
        stretch = CHECK_TRIPS * self.round_trip / sum(CHECK_INTERVALS)
        if stretch <= 1:
            return CHECK_INTERVALS
        first, *more = (stretch * interval for interval in CHECK_INTERVALS)
        return (max(first, FIRST_TRIPS * self.round_trip), *more)

    def _probe(self, now: float) -> list[PathOutput]:
        self.deadline = now + self._intervals[self._tries]
        self._tries += 1
        self.sequence = (self.sequence + 1) & 0xFFFF
        self._left[self.sequence] = now
        self._left.pop((self.sequence - _REMEMBERED) & 0xFFFF, None)
        return [PathOutput.PROBE]

    def _move(self, move: PathMove, now: float) -> None:
        old, self.state = self.state, MOVES[self.state, move]
        if old is not self.state:
            self.since = now
