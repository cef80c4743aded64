"""Messages on one IKE SA: numbered and repeated (RFC 7296 §2.1 to §2.3), sealed and cut (§3.14, RFC 7383).

    Outgoing      our requests: one is on its way at a time, the others wait; repeated until its answer comes
    Incoming      the peer's requests: each is acted on once, a repeated one gets the same answer again, not too often
    seal          payloads -> datagrams, cut into fragments where they would be too large
    open_message  a datagram with SK -> its payloads
    Fragments     datagrams with SKF, in any order -> the payloads, when the last one has come
    Channel       all that for the two directions of one IKE SA

The window is 1 in both directions, as RFC 7296 §2.3 allows: a peer may announce a larger one, and never has to use
it.

Keys: SKEYSEED, SK_* and KEYMAT (RFC 7296 §2.14, §2.17 and §2.18), and those of an IKE SA as Wireshark reads them.

They never appear in a `repr`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Final, Generic, TypeVar

from dmvpn.base.context import earliest
from dmvpn.base.errors import WireError
from dmvpn.base.values import Mutable, Value
from dmvpn.features.ike.chain import GENERIC, HEADER_LENGTH, Payload, first_of
from dmvpn.features.ike.crypto import Cipher, Opener, PrfAlgorithm, Sealer
from dmvpn.features.ike.crypto.material import ChildKeys, Nonces
from dmvpn.features.ike.numbers import Encr, Integ
from dmvpn.features.ike.udp import INTERVALS, Repetitions, mark_of
from dmvpn.features.ike.v2 import packet
from dmvpn.features.ike.v2.numbers import PayloadType

# ------------------------------------------------------------------------------------------------ keys


class IkeKeys(Value, kw_only=True):
    """The seven keys of an IKE SA, RFC 7296 §2.14. An AEAD cipher has no SK_a; its SK_e ends with the salt."""

    d: bytes = field(repr=False)
    ai: bytes = field(default=b"", repr=False)
    ar: bytes = field(default=b"", repr=False)
    ei: bytes = field(default=b"", repr=False)
    er: bytes = field(default=b"", repr=False)
    pi: bytes = field(default=b"", repr=False)
    pr: bytes = field(default=b"", repr=False)


def first_seed(prf: PrfAlgorithm, nonces: Nonces, shared: bytes) -> bytes:
    """Return SKEYSEED of a new IKE SA: prf(Ni | Nr, g^ir). RFC 7296 §2.14."""
    return prf(nonces.joined, shared)


def rekeyed_seed(old: PrfAlgorithm, d: bytes, nonces: Nonces, shared: bytes) -> bytes:
    """Return SKEYSEED of an IKE SA that replaces another: prf(SK_d (old), g^ir | Ni | Nr), with the old prf. §2.18."""
    return old(d, shared + nonces.joined)


def ike_keys(prf: PrfAlgorithm, cipher: Cipher, seed: bytes, nonces: Nonces, spis: bytes) -> IkeKeys:
    """Make SK_* out of SKEYSEED.

    spis: SPIi | SPIr, 16 octets.
    """
    sizes = (prf.size, *(cipher.integrity_size,) * 2, *(cipher.key_size,) * 2, *(prf.size,) * 2)
    d, ai, ar, ei, er, pi, pr = _cut(prf.expand(seed, nonces.joined + spis, sum(sizes)), sizes)
    return IkeKeys(d=d, ai=ai, ar=ar, ei=ei, er=er, pi=pi, pr=pr)


def child_keys(prf: PrfAlgorithm, d: bytes, nonces: Nonces, sizes: tuple[int, int], shared: bytes = b"") -> ChildKeys:
    """Make KEYMAT. §2.17.

    sizes: octets of cipher key (with salt) and of integrity key.
    shared: g^ir with PFS.
    """
    cipher, integrity = sizes
    octets = prf.expand(d, shared + nonces.joined, 2 * (cipher + integrity))
    ei, ai, er, ar = _cut(octets, (cipher, integrity, cipher, integrity))
    return ChildKeys((ei, ai), (er, ar))


def _cut(octets: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    parts, at = [], 0
    for size in sizes:
        parts.append(octets[at : at + size])
        at += size
    return parts


# ----------------------------------------------------------------------------------------- keys as Wireshark reads them


IKE_TABLE: Final = "ikev2_decryption_table"

_IKE_CIPHERS: Final[dict[tuple[int, int], str]] = {
    (Encr.AES_CBC, 128): "AES-CBC-128 [RFC3602]",
    (Encr.AES_CBC, 192): "AES-CBC-192 [RFC3602]",
    (Encr.AES_CBC, 256): "AES-CBC-256 [RFC3602]",
    (Encr.AES_GCM_16, 128): "AES-GCM-128 with 16 octet ICV [RFC5282]",
    (Encr.AES_GCM_16, 192): "AES-GCM-192 with 16 octet ICV [RFC5282]",
    (Encr.AES_GCM_16, 256): "AES-GCM-256 with 16 octet ICV [RFC5282]",
}
_IKE_HASHES: Final[dict[int, str]] = {
    Integ.NONE: "NONE [RFC4306]",
    Integ.HMAC_SHA1_96: "HMAC_SHA1_96 [RFC2404]",
    Integ.HMAC_SHA2_256_128: "HMAC_SHA2_256_128 [RFC4868]",
    Integ.HMAC_SHA2_384_192: "HMAC_SHA2_384_192 [RFC4868]",
    Integ.HMAC_SHA2_512_256: "HMAC_SHA2_512_256 [RFC4868]",
}


def ike_line(spis: tuple[bytes, bytes], keys: IkeKeys, cipher: tuple[int, int], integ: int) -> str:
    """Return the line of `IKE_TABLE` about an IKE SA.

    spis: the initiator's and the responder's.
    cipher: its transform identifier, and the bits of its key.
    """
    fields = (spis[0].hex(), spis[1].hex(), keys.ei.hex(), keys.er.hex(), f'"{_IKE_CIPHERS.get(cipher, "")}"')
    return ",".join((*fields, keys.ai.hex(), keys.ar.hex(), f'"{_IKE_HASHES.get(integ, "")}"'))


# ------------------------------------------------------------------------------------------------ messages


T = TypeVar("T")

#: Seconds after which a peer that answers nothing is given up, although something else still comes from it.
INSISTENCE: Final = 300.0
#: Requests that wait for their turn; more are our fault, and bounded anyway.
LARGEST_QUEUE: Final = 64


class _Request(Mutable):
    """A request on its way.

    datagrams: repeated exactly as they are (RFC 7296 §2.1).
    begun, due: seconds monotonic.
    """

    message_id: int
    datagrams: tuple[bytes, ...]
    begun: float
    due: float
    intervals: tuple[float, ...] = INTERVALS
    tries: int = 1


class Outgoing(Mutable, Generic[T]):
    """Our requests. T: what a request is about, returned with its answer or its failure.

    waiting: for their turn. Tuples, because a hub has thousands of these and most are always empty.
    current: on its way.
    later: requests that wait for a time, seconds monotonic, and not for their turn.
    """

    next_id: int = 0
    waiting: tuple[T, ...] = ()
    current: T | None = None
    later: tuple[tuple[float, T], ...] = ()
    _request: _Request | None = None

    def add(self, subject: T, *, urgent: bool = False) -> bool:
        """Queue a request. Returns False if there are too many.

        urgent: before all that wait.
        """
        if len(self.waiting) >= LARGEST_QUEUE:
            return False
        self.waiting = (subject, *self.waiting) if urgent else (*self.waiting, subject)
        return True

    def take(self) -> T | None:
        """Return the request whose turn it is, if none is on its way; it must be `sent` or `answered` next."""
        if self.current is None and self.waiting:
            self.current, *waiting = self.waiting
            self.waiting = tuple(waiting)
            return self.current
        return None

    def skip(self) -> None:
        """Drop the current request, which is not worth sending any more."""
        self.current = None

    def postpone(self, subject: T, when: float) -> None:
        """Ask at this time."""
        self.later = (*self.later, (when, subject))

    def take_due(self, now: float) -> list[T]:
        """Remove and return the subjects whose time has come."""
        due = [subject for when, subject in self.later if now >= when]
        self.later = tuple(each for each in self.later if now < each[0])
        return due

    @property
    def all(self) -> tuple[T, ...]:
        """Return the current request, the waiting requests, and the requests to be sent again later."""
        current = (self.current,) if self.current is not None else ()
        return *current, *self.waiting, *(subject for _, subject in self.later)

    def clear(self) -> None:
        """Drop all that waits for its turn."""
        self.waiting = ()

    def end(self) -> None:
        """Drop all requests, the current one included, because the IKE SA ends."""
        self.current = self._request = None
        self.waiting = self.later = ()

    def hand_over(self, successor: Outgoing[T], is_inherited: Callable[[T], bool]) -> list[T]:
        """Give what waits to the successor, or forget it. Returns what the successor inherits."""
        waiting = tuple(subject for subject in self.waiting if is_inherited(subject))
        later = tuple(each for each in self.later if is_inherited(each[1]))
        self.waiting = self.later = ()
        successor.waiting += waiting
        successor.later += later
        return [*waiting, *(subject for _, subject in later)]

    def sent(self, datagrams: tuple[bytes, ...], now: float, intervals: tuple[float, ...] = INTERVALS) -> None:
        """Note that the current request went out (or went out changed: a cookie, another group)."""
        self._request = _Request(self.next_id, datagrams, now, now + intervals[0], intervals)

    def is_answer(self, message_id: int) -> bool:
        """Return whether a response with this identifier answers the request that is on its way."""
        return self._request is not None and self._request.message_id == message_id

    def answered(self) -> T | None:
        """Return the request, now that its response came. The next request has the next identifier."""
        subject, self.current, self._request = self.current, None, None
        self.next_id += 1
        return subject

    def repeat(self, now: float) -> tuple[bytes, ...] | None:
        """Return what must be sent again; empty: nothing; None: the peer does not answer, give up."""
        request = self._request
        if request is None or now < request.due:
            return ()
        if request.tries >= len(request.intervals):
            return None
        request.due = now + request.intervals[request.tries]
        request.tries += 1
        return request.datagrams

    def hurry(self, intervals: tuple[float, ...], now: float) -> None:
        """Repeat the current request after these seconds: its answer matters at once."""
        request = self._request
        if request is not None and request.intervals != intervals:
            request.intervals, request.tries, request.due = intervals, 1, min(request.due, now + intervals[0])

    def insist(self, heard: float, now: float) -> tuple[bytes, ...] | None:
        """Return the datagrams to repeat if all repetitions went unanswered, but the peer was heard; None: give up.

        RFC 7296 §2.4: packets on a child SA prove that the peer lives. The path to it may be dead.
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
        """When `repeat` must be asked, or `take_due`."""
        return earliest(self._request.due if self._request else None, *(when for when, _ in self.later))


class Incoming(Mutable):
    """The peer's requests.

    expected: the identifier of its next one.
    """

    expected: int = 0
    _mark: bytes = b""
    _answer: tuple[bytes, ...] = ()
    _repetitions: Repetitions = field(default_factory=Repetitions)

    def is_new(self, message_id: int) -> bool:
        """Return whether it is the next request."""
        return message_id == self.expected

    def is_last(self, message_id: int) -> bool:
        """Return whether it has the identifier of the last request. Older ones were answered long ago."""
        return message_id == self.expected - 1

    def is_repetition(self, octets: bytes) -> bool:
        """Return whether it is the last request again, bit for bit (RFC 7296 §2.1); of fragments, number 1."""
        return bool(self._mark) and mark_of(octets) == self._mark

    def again(self, now: float) -> tuple[bytes, ...]:
        """Return the answer to the last request again; empty: it was repeated often enough.

        now: seconds monotonic.
        """
        return self._answer if self._repetitions.may(now) else ()

    def answered(self, mark: bytes, datagrams: tuple[bytes, ...]) -> None:
        """Note the answer to the request that was expected.

        mark: `mark_of` its (first) datagram.
        """
        self._mark, self._answer = mark, datagrams
        self._repetitions.clear()
        self.expected += 1


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


def seal(
    header: packet.Header, payloads: tuple[Payload, ...], sealer: Sealer, limit: int | None = None
) -> tuple[bytes, ...]:
    """Return the datagrams of a message.

    limit: octets of the largest, None: never fragment.
    """
    inner, first = packet.serialize_chain(payloads), first_of(payloads)
    if limit is None or HEADER_LENGTH + GENERIC.size + sealer.overhead(len(inner)) <= limit:
        return (_sealed(header, PayloadType.SK, first, b"", inner, sealer),)
    room = limit - HEADER_LENGTH - GENERIC.size - _FRAGMENT_FIELDS
    size = max(1, room - (sealer.overhead(room) - room) - 16)  # a block of padding fits, too
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


def _sealed(header: packet.Header, kind: int, first: int, fields: bytes, inner: bytes, sealer: Sealer) -> bytes:
    size = GENERIC.size + len(fields) + sealer.overhead(len(inner))
    front = header.serialize(kind, HEADER_LENGTH + size) + GENERIC.pack(first, 0, size) + fields
    return front + sealer.seal(front, inner)


def open_message(message: packet.Message, octets: bytes, opener: Opener) -> packet.Chain:
    """Return the payloads inside SK, and those before it. Raises WireError."""
    sealed = message.find(packet.Encrypted)
    if sealed is None:
        raise _in_clear()
    return packet.Chain((*message.payloads[:-1], *_read(sealed.first, _opened(sealed, octets, opener))))


def _opened(sealed: packet.Encrypted | packet.EncryptedFragment, octets: bytes, opener: Opener) -> bytes:
    """Return the contents of the payload at the end of these octets. Raises WireError."""
    return opener.open(octets[: len(octets) - len(sealed.sealed)], sealed.sealed)


def _in_clear() -> WireError:
    return WireError("a message that must be encrypted is not", offset=HEADER_LENGTH, clause="RFC 7296 §3.14")


def _read(first: int, inner: bytes) -> tuple[Payload, ...]:
    try:
        return packet.parse_chain(first, inner)
    except WireError as error:
        illegible = Illegible(error.what, offset=error.offset, clause=error.clause)
        illegible.critical = error.kind if isinstance(error, packet.UnsupportedCritical) else None
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
        """How many octets there are so far."""
        return sum(map(len, self._pieces.values()))

    def add(self, message: packet.Message, octets: bytes, opener: Opener) -> packet.Chain | None:
        """Add one more fragment. Returns the payloads if it was the last missing one. Raises WireError."""
        fragment = message.find(packet.EncryptedFragment)
        if fragment is None or fragment.total > LARGEST_NUMBER_OF_FRAGMENTS:
            raise WireError("not a fragment, or one of too many", offset=HEADER_LENGTH, clause=_CLAUSE)
        if fragment.total < self._total or (fragment.number in self._pieces and fragment.total == self._total):
            return None
        piece = _opened(fragment, octets, opener)
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
        return packet.Chain(_read(self._first, inner))


class _Counting:
    """An opener that counts what it has opened."""

    __slots__ = ("_opener", "count")

    def __init__(self, opener: Opener) -> None:
        self._opener, self.count = opener, 0

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        """Return the plaintext without padding. Raises WireError."""
        inner = self._opener.open(associated, sealed)
        self.count += 1
        return inner


class Channel:
    """Both directions of an IKE SA: seals what we say, opens what the peer says.

    fragments: of the one request that is due, and of the one answer.
    asked: the mark of the request that was opened last, or could not be opened.
    """

    __slots__ = ("_opener", "asked", "fragments", "sealer")

    def __init__(self, sealer: Sealer, opener: Opener) -> None:
        self.sealer, self._opener = sealer, _Counting(opener)
        self.fragments: dict[bool, Fragments] = {}
        self.asked = b""

    @property
    def opened(self) -> int:
        """How many datagrams were authentic, whatever was inside, fragments among them."""
        return self._opener.count

    def check(self, message: packet.Message, octets: bytes) -> None:
        """Check that the peer has sealed this datagram; the contents do not matter. Raises WireError."""
        sealed = message.find(packet.Encrypted) or message.find(packet.EncryptedFragment)
        if sealed is None:
            raise _in_clear()
        _opened(sealed, octets, self._opener)

    def open(self, message: packet.Message, octets: bytes) -> packet.Chain | None:
        """Return the contents; None: fragments are missing. Raises WireError."""
        is_answer = message.header.is_response
        if message.find(packet.EncryptedFragment) is None:
            self.asked = b"" if is_answer else mark_of(octets)
            inside: packet.Chain | None = open_message(message, octets, self._opener)
        else:
            fragments = self.fragments.setdefault(is_answer, Fragments())
            try:
                inside = fragments.add(message, octets, self._opener)
            finally:
                self.asked = b"" if is_answer else fragments.mark
        if inside is not None:  # nobody waits for the rest of an earlier message
            self.fragments.pop(is_answer, None)
        return inside
