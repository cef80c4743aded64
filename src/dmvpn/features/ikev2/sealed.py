"""Messages whose payloads are sealed: one SK payload, or several fragments (RFC 7296 §3.14, RFC 7383).

seal           payloads -> datagrams, cut into fragments where they would be too large
open_message   a datagram with SK -> its payloads
check_seal     a datagram with SK or SKF -> is it the peer's?
Fragments      datagrams with SKF, in any order -> the payloads, when the last one has come
Channel        all that for the two directions of one IKE SA
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.window import mark_of
from dmvpn.features.ikev2.wire.message import (
    GENERIC,
    HEADER_LENGTH,
    Chain,
    Header,
    Message,
    UnsupportedCritical,
    first_of,
    parse_chain,
    serialize_chain,
)
from dmvpn.features.ikev2.wire.numbers import PayloadType
from dmvpn.features.ikev2.wire.payloads import Encrypted, EncryptedFragment, Payload

if TYPE_CHECKING:
    from dmvpn.features.ikev2.crypto.sealing import Opener, Sealer

#: Number and total of a fragment.
_FRAGMENT_FIELDS: Final = 4
#: More fragments than a chain of large certificates needs; what one peer can make us keep is bounded by it.
LARGEST_NUMBER_OF_FRAGMENTS: Final = 64
#: Octets of all fragments of one message.
LARGEST_MESSAGE: Final = 65_535
_CLAUSE = "RFC 7383 §2.6"


class Illegible(WireError):
    """The peer itself sent it, as its seal shows, and yet it cannot be read: RFC 7296 §2.21.3.

    critical: the type of a payload that must be understood and is not (§2.5), or None.
    """

    critical: int | None = None


def seal(header: Header, payloads: tuple[Payload, ...], sealer: Sealer, limit: int | None = None) -> tuple[bytes, ...]:
    """The datagrams of a message. limit: octets of the largest, None: never fragment."""
    inner, first = serialize_chain(payloads), first_of(payloads)
    if limit is None or HEADER_LENGTH + GENERIC.size + sealer.overhead(len(inner)) <= limit:
        return (_sealed(header, PayloadType.SK, first, b"", inner, sealer),)
    room = limit - HEADER_LENGTH - GENERIC.size - _FRAGMENT_FIELDS
    size = max(1, room - (sealer.overhead(room) - room) - 16)  # a block of padding fits besides
    pieces = [inner[at : at + size] for at in range(0, len(inner), size)]
    return tuple(
        _sealed(
            header,
            PayloadType.SKF,
            first if number == 1 else PayloadType.NONE,
            number.to_bytes(2, "big") + len(pieces).to_bytes(2, "big"),
            piece,
            sealer,
        )
        for number, piece in enumerate(pieces, 1)
    )


def _sealed(header: Header, kind: int, first: int, fields: bytes, inner: bytes, sealer: Sealer) -> bytes:
    size = GENERIC.size + len(fields) + sealer.overhead(len(inner))
    front = header.serialize(kind, HEADER_LENGTH + size) + GENERIC.pack(first, 0, size) + fields
    return front + sealer.seal(front, inner)


def open_message(message: Message, octets: bytes, opener: Opener) -> Chain:
    """The payloads inside SK, and those before it. Raises WireError."""
    sealed = message.find(Encrypted)
    if sealed is None:
        raise WireError("a message that must be encrypted is not", offset=HEADER_LENGTH, clause="RFC 7296 §3.14")
    inner = opener.open(octets[: len(octets) - len(sealed.sealed)], sealed.sealed)
    return Chain((*message.payloads[:-1], *_read(sealed.first, inner)))


def check_seal(message: Message, octets: bytes, opener: Opener) -> None:
    """Raises WireError if the peer has not sealed this datagram; what is inside does not matter."""
    sealed = message.find(Encrypted) or message.find(EncryptedFragment)
    if sealed is None:
        raise WireError("a message that must be encrypted is not", offset=HEADER_LENGTH, clause="RFC 7296 §3.14")
    opener.open(octets[: len(octets) - len(sealed.sealed)], sealed.sealed)


def _read(first: int, inner: bytes) -> tuple[Payload, ...]:
    try:
        return tuple(parse_chain(first, inner))
    except WireError as error:
        illegible = Illegible(error.what, offset=error.offset, clause=error.clause)
        illegible.critical = error.kind if isinstance(error, UnsupportedCritical) else None
        raise illegible from error


class Fragments:
    """The fragments of one message so far. Each is opened when it comes, so that a forged one takes no place.

    mark: of the datagram with fragment number 1, by which a repetition of the message is known.
    """

    __slots__ = ("_first", "_pieces", "_total", "mark")

    def __init__(self) -> None:
        self.mark = b""
        self._pieces: dict[int, bytes] = {}
        self._total = 0
        self._first: int = PayloadType.NONE

    @property
    def octets(self) -> int:
        """How many there are so far."""
        return sum(map(len, self._pieces.values()))

    def add(self, message: Message, octets: bytes, opener: Opener) -> Chain | None:
        """One more fragment; the payloads if it was the last that lacked. Raises WireError."""
        fragment = message.find(EncryptedFragment)
        if fragment is None or fragment.total > LARGEST_NUMBER_OF_FRAGMENTS:
            raise WireError("not a fragment, or one of too many", offset=HEADER_LENGTH, clause=_CLAUSE)
        if fragment.total < self._total or (fragment.number in self._pieces and fragment.total == self._total):
            return None
        piece = opener.open(octets[: len(octets) - len(fragment.sealed)], fragment.sealed)
        if fragment.total > self._total:  # the sender cuts smaller now: what we have is of no use, §2.6.1
            self._pieces.clear()
            self._total = fragment.total
        if self.octets + len(piece) > LARGEST_MESSAGE:
            raise WireError("the fragments are too large together", offset=HEADER_LENGTH, clause=_CLAUSE)
        self._pieces[fragment.number] = piece
        if fragment.number == 1:
            self._first, self.mark = fragment.first, mark_of(octets)
        if len(self._pieces) < self._total:
            return None
        inner = b"".join(self._pieces[number] for number in range(1, self._total + 1))
        return Chain(_read(self._first, inner))


class Channel:
    """Both directions of an IKE SA: seals what we say, opens what the peer says.

    fragments: of the one request that is due, and of the one answer. asked: the mark of the request that was opened
    last, or could not be opened.
    """

    __slots__ = ("_opener", "asked", "fragments", "sealer")

    def __init__(self, sealer: Sealer, opener: Opener) -> None:
        self.sealer, self._opener = sealer, opener
        self.fragments: dict[bool, Fragments] = {}
        self.asked = b""

    def seal(self, header: Header, payloads: tuple[Payload, ...], limit: int | None) -> tuple[bytes, ...]:
        """The datagrams of a message of ours."""
        return seal(header, payloads, self.sealer, limit)

    def check(self, message: Message, octets: bytes) -> None:
        """Raises WireError if the peer has not sealed this datagram."""
        check_seal(message, octets, self._opener)

    def open(self, message: Message, octets: bytes) -> Chain | None:
        """What is inside; None: fragments lack. Raises WireError."""
        is_answer = message.header.is_response
        if message.find(EncryptedFragment) is None:
            self.asked = b"" if is_answer else mark_of(octets)
            inside: Chain | None = open_message(message, octets, self._opener)
        else:
            fragments = self.fragments.setdefault(is_answer, Fragments())
            try:
                inside = fragments.add(message, octets, self._opener)
            finally:
                self.asked = b"" if is_answer else fragments.mark
        if inside is not None:  # nobody waits for the rest of an earlier message
            self.fragments.pop(is_answer, None)
        return inside
