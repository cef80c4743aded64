"""Message identifiers, retransmission and repeated requests: RFC 7296 §2.1 to §2.3.

    Outgoing   our requests: one is on its way at a time, the others wait; repeated until its answer comes
    Incoming   the peer's requests: each is acted on once, a repeated one gets the same answer again, not too often

The window is 1 in both directions, as RFC 7296 §2.3 allows everybody: a peer may announce a larger one, and never has
to use it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from dmvpn.base.deadlines import earliest

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

#: Seconds after which a request is repeated, and after the last one until the peer counts as dead: half a minute.
INTERVALS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0)
#: Seconds after which a peer that answers nothing is given up, although something else still comes from it.
INSISTENCE: Final = 300.0
#: Requests that wait for their turn; more are a fault of ours, and bounded anyway.
LARGEST_QUEUE: Final = 64
#: How often a request is answered again, in how many seconds: whoever holds one can send it as often as it likes.
MOST_REPETITIONS: Final = 8
REPETITION_TIME: Final = 30.0


@dataclass(slots=True)
class _Request:
    """A request on its way. datagrams: exactly what is repeated (RFC 7296 §2.1). begun, due: seconds monotonic."""

    message_id: int
    datagrams: tuple[bytes, ...]
    begun: float
    due: float
    intervals: tuple[float, ...] = INTERVALS
    tries: int = 1


@dataclass(slots=True)
class Outgoing(Generic[T]):
    """Our requests. T: what a request is about, told back with its answer or its failure.

    current: on its way. later: those that wait for a time, seconds monotonic, and not for their turn.
    """

    next_id: int = 0
    waiting: deque[T] = field(default_factory=deque)
    current: T | None = None
    later: list[tuple[float, T]] = field(default_factory=list)
    _request: _Request | None = None

    def add(self, subject: T, *, urgent: bool = False) -> bool:
        """Queue a request; False: there are too many. urgent: before all that wait."""
        if len(self.waiting) >= LARGEST_QUEUE:
            return False
        if urgent:
            self.waiting.appendleft(subject)
        else:
            self.waiting.append(subject)
        return True

    def take(self) -> T | None:
        """The request whose turn it is, if none is on its way; it must be `sent` or `answered` next."""
        if self.current is None and self.waiting:
            self.current = self.waiting.popleft()
            return self.current
        return None

    def skip(self) -> None:
        """The current request is not worth sending any more."""
        self.current = None

    def postpone(self, subject: T, when: float) -> None:
        """Ask then."""
        self.later.append((when, subject))

    def take_due(self, now: float) -> list[T]:
        """Those whose time has come."""
        due = [subject for when, subject in self.later if now >= when]
        self.later = [each for each in self.later if now < each[0]]
        return due

    @property
    def all(self) -> tuple[T, ...]:
        """What is asked, what waits, and what is asked again later."""
        current = (self.current,) if self.current is not None else ()
        return *current, *self.waiting, *(subject for _, subject in self.later)

    def clear(self) -> None:
        """Nothing waits for its turn any more."""
        self.waiting.clear()

    def hand_over(self, successor: Outgoing[T], is_inherited: Callable[[T], bool]) -> list[T]:
        """Whatever waits is the successor's from now on, or forgotten: what it inherits."""
        waiting = [subject for subject in self.waiting if is_inherited(subject)]
        later = [each for each in self.later if is_inherited(each[1])]
        self.waiting.clear()
        self.later = []
        successor.waiting.extend(waiting)
        successor.later += later
        return [*waiting, *(subject for _, subject in later)]

    def sent(self, datagrams: tuple[bytes, ...], now: float, intervals: tuple[float, ...] = INTERVALS) -> None:
        """The current request went out (or went out changed: a cookie, another group)."""
        self._request = _Request(self.next_id, datagrams, now, now + intervals[0], intervals)

    def is_answer(self, message_id: int) -> bool:
        """Does a response with this identifier answer the request that is on its way?"""
        return self._request is not None and self._request.message_id == message_id

    def answered(self) -> T | None:
        """The answer came: what was asked. The next request has the next identifier."""
        subject, self.current, self._request = self.current, None, None
        self.next_id += 1
        return subject

    def repeat(self, now: float) -> tuple[bytes, ...] | None:
        """What is due to be sent again; empty: nothing; None: the peer does not answer, give up."""
        request = self._request
        if request is None or now < request.due:
            return ()
        if request.tries >= len(request.intervals):
            return None
        request.due = now + request.intervals[request.tries]
        request.tries += 1
        return request.datagrams

    def insist(self, heard: float, now: float) -> tuple[bytes, ...] | None:
        """All repetitions went unanswered, but the peer was heard: what is sent again for that; None: give up.

        RFC 7296 §2.4: what comes by a child SA proves that the peer lives. The way to it may be dead.
        """
        request = self._request
        if request is None or now - heard >= sum(request.intervals[:-1]) or now - request.begun >= INSISTENCE:
            return None
        request.due = now + request.intervals[-1]
        request.tries += 1
        return request.datagrams

    @property
    def tries(self) -> int:
        """How often the current request went out."""
        return self._request.tries if self._request else 0

    @property
    def deadline(self) -> float | None:
        """When `repeat` is to be asked, or `take_due`."""
        return earliest(self._request.due if self._request else None, *(when for when, _ in self.later))


def mark_of(octets: bytes) -> bytes:
    """What is kept of a request, to know it when the same octets come again."""
    return hashlib.sha256(octets).digest()


@dataclass(slots=True)
class Incoming:
    """The peer's requests. expected: the identifier of its next one."""

    expected: int = 0
    _mark: bytes = b""
    _answer: tuple[bytes, ...] = ()
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_REPETITIONS))  # when it was repeated

    def is_new(self, message_id: int) -> bool:
        """Is it the next request?"""
        return message_id == self.expected

    def is_last(self, message_id: int) -> bool:
        """Has it the identifier of the last request? Older ones were answered long ago."""
        return message_id == self.expected - 1

    def is_repetition(self, octets: bytes) -> bool:
        """Is it the last request again, bit for bit (RFC 7296 §2.1)? With fragments: its fragment number 1."""
        return bool(self._mark) and mark_of(octets) == self._mark

    def again(self, now: float) -> tuple[bytes, ...]:
        """The answer to the last request once more; empty: it was repeated often enough. now: seconds monotonic."""
        if len(self._times) == MOST_REPETITIONS and now - self._times[0] < REPETITION_TIME:
            return ()
        self._times.append(now)
        return self._answer

    def answered(self, mark: bytes, datagrams: tuple[bytes, ...]) -> None:
        """This is the answer to the request that was expected. mark: `mark_of` its (first) datagram."""
        self._mark, self._answer = mark, datagrams
        self._times.clear()
        self.expected += 1
