"""BFD Control packets: octets <-> values. RFC 5880 §4.1, over UDP as in RFC 5881 §4.

    vers|diag  Sta|P|F|C|A|D|M  Detect Mult  Length
    My Discriminator, Your Discriminator
    Desired Min TX, Required Min RX, Required Min Echo RX: microseconds

`MOVES` has the states of a session and every move between them, §6.2, §6.8.6; `Drop` why a packet is not taken.

Authentication, §4.2 to §4.4, §6.7, is a section behind the packet: type, length, key number, and a password, or a
number that never falls and a digest of the whole packet with the key in the digest's place. The number of a
*meticulous* type grows with each packet, that of the others may stay; a number that is too old or too far ahead is
refused, unless the session has been silent for long.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import struct
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from dmvpn.net.ipv4 import Octets


# ------------------------------------------------------------------------------------------- packets that are not taken


class Drop(enum.Enum):
    """Why a packet was not taken; the value is IOS's row."""

    TTL = "Invalid TTL"
    SESSION = "No BFD Adjacency"
    HEADER = "Invalid Header Bits"
    DISCRIMINATOR = "Invalid Discriminator"
    AUTH_LENGTH = "Authen invalid len"
    AUTH_SEQUENCE = "Authen invalid seq"
    AUTH_FAILED = "Authen failed"


class Dropped(WireError):
    """A refused packet, and the row that counts it; without a row it is malformed: `Drop.HEADER`."""

    def __init__(self, drop: Drop, what: str, *, offset: int, clause: str) -> None:
        super().__init__(what, offset=offset, clause=clause)
        self.drop = drop


# ------------------------------------------------------------------------------------------------ authentication


_AUTH_CLAUSE: Final = "RFC 5880 §4.2"
_HEAD: Final = struct.Struct("!BBBBI")
#: The largest number of a key in a packet.
LAST_KEY: Final = 255


class AuthType(enum.IntEnum):
    """RFC 5880 §4.1."""

    PASSWORD = 1
    MD5 = 2
    METICULOUS_MD5 = 3
    SHA1 = 4
    METICULOUS_SHA1 = 5

    @property
    def word(self) -> str:
        """As the line `authentication` has it."""
        return _AUTH_WORDS[self]

    @property
    def is_meticulous(self) -> bool:
        """Whether the number grows with each packet."""
        return self in (AuthType.METICULOUS_MD5, AuthType.METICULOUS_SHA1)

    @property
    def digest_length(self) -> int:
        """Octets of the digest, and of the key when it is padded."""
        return 20 if self in (AuthType.SHA1, AuthType.METICULOUS_SHA1) else 16

    @property
    def length(self) -> int:
        """Octets of the section, where there is a digest."""
        return _HEAD.size + self.digest_length


_AUTH_WORDS: Final = {
    AuthType.PASSWORD: "password",
    AuthType.MD5: "md5",
    AuthType.METICULOUS_MD5: "meticulous-md5",
    AuthType.SHA1: "sha-1",
    AuthType.METICULOUS_SHA1: "meticulous-sha-1",
}
BY_WORD: Final = {word: kind for kind, word in _AUTH_WORDS.items()}


class AuthSection(Value):
    """The authentication section of a packet. sequence: 0 of a password."""

    type: AuthType
    key: int
    sequence: int = 0

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the octets behind the packet, all of them. Raises WireError."""
        section = bytes(data)
        if len(section) < 4 or section[1] != len(section):
            raise Dropped(Drop.AUTH_LENGTH, "authentication cut short", offset=24, clause=_AUTH_CLAUSE)
        if section[0] not in _KNOWN:
            raise WireError(f"authentication of type {section[0]}", offset=24, clause=_AUTH_CLAUSE)
        kind = AuthType(section[0])
        if kind is AuthType.PASSWORD:
            return cls(kind, section[2])
        if len(section) != kind.length:
            raise Dropped(
                Drop.AUTH_LENGTH, f"authentication of {len(section)} octets", offset=25, clause="RFC 5880 §4.3"
            )
        return cls(kind, section[2], _HEAD.unpack_from(section)[4])


_KNOWN: Final = frozenset(int(kind) for kind in AuthType)


def seal(packet: bytes, kind: AuthType, key: int, text: bytes, sequence: int) -> bytes:
    """Return the packet, whose length counts the section already, with the section behind it."""
    if kind is AuthType.PASSWORD:
        password = text[:16]
        return packet + bytes((kind, 3 + len(password), key)) + password
    head = _HEAD.pack(kind, kind.length, key, 0, sequence)
    return packet + head + _digest(packet + head, kind, text)


def is_genuine(octets: bytes, section: AuthSection, text: bytes) -> bool:
    """Return whether the packet was sealed with this key."""
    if section.type is AuthType.PASSWORD:
        return hmac.compare_digest(octets[27:], text[:16])
    length = section.type.digest_length
    return hmac.compare_digest(octets[-length:], _digest(octets[:-length], section.type, text))


def _digest(head: bytes, kind: AuthType, text: bytes) -> bytes:
    length = kind.digest_length
    padded = text[:length].ljust(length, b"\0")
    if length == 20:
        return hashlib.sha1(head + padded, usedforsecurity=False).digest()
    return hashlib.md5(head + padded, usedforsecurity=False).digest()


def may_follow(sequence: int, last: int, multiplier: int, *, meticulous: bool) -> bool:
    """Return whether the number is neither old nor far ahead. RFC 5880 §6.7.3, §6.7.4; numbers go round."""
    ahead = (sequence - last) & 0xFFFFFFFF
    return (1 if meticulous else 0) <= ahead <= 3 * multiplier


# ------------------------------------------------------------------------------------------------ states


class BfdState(enum.IntEnum):
    """RFC 5880 §4.1, Sta."""

    ADMIN_DOWN = 0
    DOWN = 1
    INIT = 2
    UP = 3

    @property
    def word(self) -> str:
        """As `show bfd neighbors` has it."""
        return _WORDS[self]


_WORDS: Final = {BfdState.ADMIN_DOWN: "AdminDown", BfdState.DOWN: "Down", BfdState.INIT: "Init", BfdState.UP: "Up"}


class Diagnostic(enum.IntEnum):
    """Why the state changed last, RFC 5880 §4.1."""

    NONE = 0
    TIME_EXPIRED = 1
    ECHO_FAILED = 2
    NEIGHBOR_DOWN = 3
    FORWARDING_RESET = 4
    PATH_DOWN = 5
    CONCATENATED_PATH_DOWN = 6
    ADMIN_DOWN = 7
    REVERSE_PATH_DOWN = 8


class SessionMove(enum.Enum):
    """The events of a session."""

    HEARD_ADMIN_DOWN = "the far end does not want a session"
    HEARD_DOWN = "the far end does not hear us"
    HEARD_INIT = "the far end hears us"
    HEARD_UP = "the far end knows that both ends hear each other"
    SILENT = "nothing came for the detection time"
    INTERRUPTED = "the interface went down, or its lines are gone"
    DISABLED = "no routing protocol here wants it any more"
    ENABLED = "a routing protocol wants it again"


HEARD: Final = {
    BfdState.ADMIN_DOWN: SessionMove.HEARD_ADMIN_DOWN,
    BfdState.DOWN: SessionMove.HEARD_DOWN,
    BfdState.INIT: SessionMove.HEARD_INIT,
    BfdState.UP: SessionMove.HEARD_UP,
}

#: Moves that end a session, with what they mean in packets (§4.1) and in the log.
ENDS: Final = {
    SessionMove.SILENT: (Diagnostic.TIME_EXPIRED, "DETECT TIMER EXPIRED"),
    SessionMove.HEARD_DOWN: (Diagnostic.NEIGHBOR_DOWN, "RX DOWN"),
    SessionMove.HEARD_ADMIN_DOWN: (Diagnostic.NEIGHBOR_DOWN, "RX ADMINDOWN"),
    SessionMove.INTERRUPTED: (Diagnostic.PATH_DOWN, "INTERFACE DOWN"),
    SessionMove.DISABLED: (Diagnostic.ADMIN_DOWN, "ADMIN DOWN"),
}
#: Of these, the moves that are no failure of the path: RFC 5882 §3.2.
PEACEFUL: Final = (SessionMove.HEARD_ADMIN_DOWN, SessionMove.DISABLED, SessionMove.INTERRUPTED)

_DOWN, _INIT, _UP = BfdState.DOWN, BfdState.INIT, BfdState.UP

#: Every legal move. A missing pair (KeyError) is our bug: a disabled session gets no events.
MOVES: Final[dict[tuple[BfdState, SessionMove], BfdState]] = {
    (_DOWN, SessionMove.HEARD_ADMIN_DOWN): _DOWN,
    (_DOWN, SessionMove.HEARD_DOWN): _INIT,
    (_DOWN, SessionMove.HEARD_INIT): _UP,
    (_DOWN, SessionMove.HEARD_UP): _DOWN,
    (_INIT, SessionMove.HEARD_ADMIN_DOWN): _DOWN,
    (_INIT, SessionMove.HEARD_DOWN): _INIT,
    (_INIT, SessionMove.HEARD_INIT): _UP,
    (_INIT, SessionMove.HEARD_UP): _UP,
    (_UP, SessionMove.HEARD_ADMIN_DOWN): _DOWN,
    (_UP, SessionMove.HEARD_DOWN): _DOWN,
    (_UP, SessionMove.HEARD_INIT): _UP,
    (_UP, SessionMove.HEARD_UP): _UP,
    **{(state, move): _DOWN for state in (_DOWN, _INIT, _UP) for move in (SessionMove.SILENT, SessionMove.INTERRUPTED)},
    **{(state, SessionMove.DISABLED): BfdState.ADMIN_DOWN for state in BfdState},
    (BfdState.ADMIN_DOWN, SessionMove.ENABLED): _DOWN,
}


# ------------------------------------------------------------------------------------------------ packets


VERSION: Final = 1
LENGTH: Final = 24
_BODY: Final = struct.Struct("!BBBBIIIII")
_CLAUSE: Final = "RFC 5880 §6.8.6"
_POLL, _FINAL, _CONTROL_PLANE, _AUTHENTICATED, _DEMAND, _MULTIPOINT = 0x20, 0x10, 0x08, 0x04, 0x02, 0x01


class PacketFields(Value, kw_only=True):
    """The fields of a packet besides its state. Intervals are microseconds.

    diagnostic: a `Diagnostic`, or an unassigned number.
    control_plane_independent: the C bit; demand: the D bit.
    mine, yours: discriminators, of the sender and (0: not known) of the receiver.
    """

    diagnostic: int = 0
    poll: bool = False
    final: bool = False
    control_plane_independent: bool = False
    demand: bool = False
    multiplier: int
    mine: int
    yours: int
    desired_tx: int
    required_rx: int
    required_echo_rx: int = 0


class ControlPacket(PacketFields, Value, kw_only=True):
    """One packet."""

    state: BfdState
    authentication: AuthSection | None = None

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the payload of a datagram, checked as RFC 5880 §6.8.6 asks before a session is looked for.

        Whether its authentication is right, only the session knows. Raises WireError.
        """
        if len(data) < LENGTH:
            raise WireError("BFD packet cut short", offset=len(data), clause=_CLAUSE)
        first, second, multiplier, length, mine, yours, desired, required, echo = _BODY.unpack_from(data)
        if first >> 5 != VERSION:
            raise WireError(f"BFD version {first >> 5}", offset=0, clause=_CLAUSE)
        if not LENGTH <= length <= len(data):
            raise WireError(f"BFD length {length}", offset=3, clause=_CLAUSE)
        if not multiplier:
            raise WireError("detection multiplier 0", offset=2, clause=_CLAUSE)
        if second & _MULTIPOINT:
            raise WireError("the multipoint bit is set", offset=1, clause=_CLAUSE)
        authentication = AuthSection.parse(data[LENGTH:length]) if second & _AUTHENTICATED else None
        if not mine:
            raise WireError("my discriminator is 0", offset=4, clause=_CLAUSE)
        state = BfdState(second >> 6)
        if not yours and state in (BfdState.INIT, BfdState.UP):
            raise WireError(f"your discriminator is 0 in state {state.word}", offset=8, clause=_CLAUSE)
        return cls(
            state=state,
            diagnostic=first & 0x1F,
            poll=bool(second & _POLL),
            final=bool(second & _FINAL),
            control_plane_independent=bool(second & _CONTROL_PLANE),
            demand=bool(second & _DEMAND),
            multiplier=multiplier,
            mine=mine,
            yours=yours,
            desired_tx=desired,
            required_rx=required,
            required_echo_rx=echo,
            authentication=authentication,
        )

    def serialize(self, more: int = 0) -> bytes:
        """Encode all but the authentication. Raises struct.error if a number does not fit its field.

        more: octets of the authentication that follows, 0: none does.
        """
        bits = (
            self.state << 6
            | _POLL * self.poll
            | _FINAL * self.final
            | _CONTROL_PLANE * self.control_plane_independent
            | _DEMAND * self.demand
            | _AUTHENTICATED * bool(more)
        )
        return _BODY.pack(
            VERSION << 5 | self.diagnostic,
            bits,
            self.multiplier,
            LENGTH + more,
            self.mine,
            self.yours,
            self.desired_tx,
            self.required_rx,
            self.required_echo_rx,
        )
