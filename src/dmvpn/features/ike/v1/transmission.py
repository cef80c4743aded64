"""Both ends of an exchange of IKEv1 send by turns, and each may send its last message again: RFC 2408 §5.1.

A message that comes again is answered again by one end only, else one message that the network doubled would go to and
fro: by the end that does not repeat its own message unasked, or that has sent the last message of the exchange.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from dmvpn.features.ike.repetition import INTERVALS, SHORT_INTERVALS, Repetitions, mark_of

if TYPE_CHECKING:
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.numbers import ExchangeType
    from dmvpn.features.ike.v1.packet import Message


class Turns:
    """Our last message of an exchange, and the message of the peer that it answers.

    tries: how often our last message was sent without being asked for.
    is_again: our last message was sent more than once.
    """

    __slots__ = ("_due", "_heard", "_intervals", "_repetitions", "_said", "is_again", "tries")

    def __init__(self) -> None:
        self.tries = 0
        self.is_again = False
        self._said = self._heard = b""
        self._due: float | None = None
        self._intervals: tuple[float, ...] = INTERVALS
        self._repetitions = Repetitions()

    def says(self, octets: bytes, now: float, *, awaits: bool) -> None:
        """Note our message. awaits: it is repeated until the peer's next message comes."""
        self._said, self.tries, self.is_again = octets, 1, False
        self._due = now + self._intervals[0] if awaits else None

    def hurry(self, now: float) -> None:
        """Repeat our message sooner: its answer matters at once."""
        self._intervals = SHORT_INTERVALS
        if self._due is not None:
            self.tries, self._due = 1, min(self._due, now + SHORT_INTERVALS[0])

    def hears(self, octets: bytes) -> None:
        """Note the peer's next message, which proved to be the peer's."""
        self._heard, self._due = mark_of(octets), None
        self._repetitions.clear()

    def ends(self) -> None:
        """Note that the peer's last message ends the exchange: nothing answers it, however often it comes."""
        self._said, self._due = b"", None

    @property
    def awaits(self) -> bool:
        """Whether a message of the peer must come."""
        return self._due is not None

    @property
    def deadline(self) -> float | None:
        """When `repeat` must be asked."""
        return self._due

    def is_repetition(self, octets: bytes) -> bool:
        """Return whether this is the peer's last message again, bit for bit."""
        return bool(self._heard) and mark_of(octets) == self._heard

    def again(self, now: float) -> bytes:
        """Return what answers the peer's last message, which came again; empty: it was answered often enough."""
        if not self._said or not self._repetitions.may(now):
            return b""
        self.is_again = True
        return self._said

    def repeat(self, now: float) -> bytes | None:
        """Return the message to send again; empty: nothing is due yet; None: the peer does not answer, give up."""
        if self._due is None or now < self._due:
            return b""
        if self.tries >= len(self._intervals):
            self._due = None
            return None
        self._due = now + self._intervals[self.tries]
        self.tries += 1
        self.is_again = True
        return self._said


class Running(Protocol):
    """An exchange as its ISAKMP SA keeps it; `exchange.Exchange` says what each part means."""

    KIND: ClassVar[ExchangeType]
    ANSWERS_AGAIN: ClassVar[bool]
    old: bytes | None
    message_id: int
    turns: Turns
    over_at: float | None

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None: ...

    def unanswered(self) -> None: ...

    def describe(self) -> str: ...

    def expire(self) -> None: ...
