"""How a message of IKEv1 goes out again, and how it goes in parts.

Both ends of an exchange of IKEv1 take turns, and each may send its last message again: RFC 2408 §5.1.

A message that comes again is answered again by one end only, else one message that the network doubled would go to and
fro: by the end that does not repeat its own message unasked, or that has sent the last message of the exchange.

Cisco's fragments of IKEv1: a large message in parts, each an ISAKMP message in clear with one payload (132).

No standard has them; strongSwan and libreswan speak them, too. The parts are not authentic, the whole message is: a
forged part can spoil a message, which its sender repeats. A message that is repeated has the same parts again, with the
same number: the peer may have some of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final, Protocol

from dmvpn.base.errors import WireError
from dmvpn.features.ike.chain import GENERIC, HEADER_LENGTH
from dmvpn.features.ike.peer_settings import DatagramPath
from dmvpn.features.ike.udp import INTERVALS, SHORT_INTERVALS, Repetitions, mark_of
from dmvpn.features.ike.v1.numbers import ExchangeType
from dmvpn.features.ike.v1.packet import Fragment, Header, Message

# ------------------------------------------------------------------------------------------------ messages again


class Retransmission:
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
    """An exchange as its ISAKMP SA keeps it; `main_mode.Exchange` says what each part means."""

    KIND: ClassVar[ExchangeType]
    ANSWERS_AGAIN: ClassVar[bool]
    old: bytes | None
    message_id: int
    retransmission: Retransmission
    over_at: float | None

    def hear(self, message: Message, octets: bytes, path: DatagramPath) -> None: ...

    def unanswered(self) -> None: ...

    def describe(self) -> str: ...

    def expire(self) -> None: ...


# ------------------------------------------------------------------------------------------------ messages in parts


#: More parts than a chain of large certificates needs, and octets of all of them: one peer makes us keep no more.
LARGEST_NUMBER_OF_FRAGMENTS: Final = 64
LARGEST_MESSAGE: Final = 16_384
#: Octets around a message: IPv4 and UDP, and the non-ESP marker of port 4500; then those of a part.
AROUND: Final = 20 + 8 + 4
_HEADERS: Final = HEADER_LENGTH + GENERIC.size + 4
_LAST: Final = 1
_CLAUSE = "RFC 2408 §3.2"


def cut(header: Header, octets: bytes, largest: int) -> tuple[bytes, ...]:
    """Return a message as it is, or in parts.

    header: of the parts, which are in clear whatever it says.
    largest: octets of a packet.
    """
    if len(octets) + AROUND <= largest:
        return (octets,)
    size = max(largest - AROUND - _HEADERS, -(-len(octets) // LARGEST_NUMBER_OF_FRAGMENTS))
    header = replace(header, flags=0)
    name = int.from_bytes(mark_of(octets)[:2], "big")
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    return tuple(
        Message((Fragment(name, number, _LAST if number == len(pieces) else 0, piece),), header=header).serialize()
        for number, piece in enumerate(pieces, 1)
    )


def parse_whole(outer: Message, octets: bytes) -> Message:
    """Read a message that came in fragments. outer: the last of them. Raises WireError."""
    inner = Message.parse(octets)
    given, wanted = inner.header, outer.header
    if (given.cookies, given.exchange) != (wanted.cookies, wanted.exchange) or inner.find(Fragment):
        raise WireError("fragments of a message with another header", offset=0, clause="RFC 2408 §3.1")
    return inner


class Fragments:
    """The parts of one message so far."""

    __slots__ = ("_id", "_last", "_pieces")

    def __init__(self) -> None:
        self._id = self._last = 0
        self._pieces: dict[int, bytes] = {}

    @property
    def octets(self) -> int:
        """How many octets there are so far."""
        return sum(map(len, self._pieces.values()))

    def add(self, fragment: Fragment, largest: int = LARGEST_MESSAGE) -> bytes | None:
        """Add a part. Returns the message if it was the last missing part. Raises WireError for too large a message.

        largest: octets of a message.
        """
        if fragment.id != self._id:
            self.clear()
            self._id = fragment.id
        self._pieces[fragment.number] = fragment.data
        if fragment.is_last:
            self._last = fragment.number
        if fragment.number > LARGEST_NUMBER_OF_FRAGMENTS or self.octets > largest:
            self.clear()
            raise WireError("the fragments are too many, or too large together", offset=28, clause=_CLAUSE)
        if not self._last or any(number not in self._pieces for number in range(1, self._last + 1)):
            return None
        octets = b"".join(self._pieces[number] for number in range(1, self._last + 1))
        self.clear()
        return octets

    def clear(self) -> None:
        """Forget the parts."""
        self._id = self._last = 0
        self._pieces = {}
