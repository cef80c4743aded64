"""Messages of BGP-4: RFC 4271 §4, capabilities (RFC 5492), route refresh (RFC 2918, RFC 7313), graceful restart.

Messages arrive in a stream, so the first step is to find their ends: `split` takes complete messages off a buffer. An
invalid message raises `MessageError`, a `WireError` with the NOTIFICATION that answers it. Path attributes stay octets
here; `attributes` decodes them and handles damaged ones (RFC 7606). A prefix in an UPDATE has a path identifier where
both ends agreed on additional paths (RFC 7911 §3).

This router keeps no forwarding state when it restarts, so its graceful restart capability (RFC 4724 §3) names no
address family: neighbors only learn that we help restarting neighbors, and that we send the End-of-RIB marker. A
NOTIFICATION may ask for a hard reset (RFC 8538).
"""

from __future__ import annotations

import enum
import struct
from functools import lru_cache
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.net.ipv4 import Octets

# ------------------------------------------------------------------------------------------------ codes


class MessageType(enum.IntEnum):
    """RFC 4271 §4.1, RFC 2918 §3."""

    OPEN = 1
    UPDATE = 2
    NOTIFICATION = 3
    KEEPALIVE = 4
    ROUTE_REFRESH = 5


class ErrorCode(enum.IntEnum):
    """RFC 4271 §4.5; RFC 9687 §4."""

    HEADER = 1
    OPEN = 2
    UPDATE = 3
    HOLD_TIME = 4
    STATE_MACHINE = 5
    CEASE = 6
    SEND_HOLD_TIME = 8


class HeaderError(enum.IntEnum):
    """RFC 4271 §6.1."""

    NOT_SYNCHRONIZED = 1
    BAD_LENGTH = 2
    BAD_TYPE = 3


class OpenError(enum.IntEnum):
    """RFC 4271 §6.2."""

    UNSUPPORTED_VERSION = 1
    BAD_PEER_AS = 2
    BAD_IDENTIFIER = 3
    UNSUPPORTED_PARAMETER = 4
    UNACCEPTABLE_HOLD_TIME = 6
    UNSUPPORTED_CAPABILITY = 7


class UpdateError(enum.IntEnum):
    """RFC 4271 §6.3."""

    MALFORMED_LIST = 1
    UNRECOGNIZED_WELL_KNOWN = 2
    MISSING_WELL_KNOWN = 3
    BAD_FLAGS = 4
    BAD_LENGTH = 5
    BAD_ORIGIN = 6
    BAD_NEXT_HOP = 8
    BAD_OPTIONAL = 9
    BAD_NETWORK = 10
    BAD_AS_PATH = 11


class Cease(enum.IntEnum):
    """RFC 4486 §3, RFC 8538 §3, RFC 9384 §3."""

    MAXIMUM_PREFIXES = 1
    SHUTDOWN = 2
    DECONFIGURED = 3
    RESET = 4
    REJECTED = 5
    CONFIGURATION_CHANGE = 6
    COLLISION = 7
    OUT_OF_RESOURCES = 8
    HARD_RESET = 9
    BFD_DOWN = 10


class MessageError(WireError):
    """An error that ends the session with a NOTIFICATION. code, subcode, data: its fields."""

    def __init__(self, what: str, *, code: int, subcode: int, clause: str, data: bytes = b"", offset: int = 0) -> None:
        super().__init__(what, offset=offset, clause=clause)
        self.code = code
        self.subcode = subcode
        self.data = data


# ------------------------------------------------------------------------------------------------ prefixes


#: Octets of a path identifier.
_NUMBER_LENGTH = 4


class NumberedPrefix(NamedTuple):
    """One of several paths to a prefix. number: the path identifier that its sender chose (RFC 7911 §2)."""

    prefix: Prefix
    number: int

    def __str__(self) -> str:
        return f"{self.prefix} path-id {self.number}"


#: A route in a message: the only path to a prefix, or one of several.
Nlri = Prefix | NumberedPrefix


def named(prefix: Prefix, number: int | None) -> Nlri:
    """Return the name of a path in a session. number: its path identifier; None: the session does not use them."""
    return prefix if number is None else NumberedPrefix(prefix, number)


def prefix_of(nlri: Nlri) -> Prefix:
    """Return the prefix alone."""
    return nlri.prefix if isinstance(nlri, NumberedPrefix) else nlri


def number_of(nlri: Nlri) -> int | None:
    """Return the path identifier; None: there is none."""
    return nlri.number if isinstance(nlri, NumberedPrefix) else None


def in_order(nlri: Nlri) -> tuple[Prefix, int]:
    """Return the sort key of a route."""
    return (nlri.prefix, nlri.number) if isinstance(nlri, NumberedPrefix) else (nlri, -1)


def encoded(nlri: Nlri) -> bytes:
    """Return the encoding in an UPDATE: the path identifier if there is one, the length in bits, and the significant
    octets.
    """
    if isinstance(nlri, NumberedPrefix):
        return nlri.number.to_bytes(_NUMBER_LENGTH, "big") + encoded(nlri.prefix)
    return bytes((nlri.length,)) + nlri.covered


def decoded(data: bytes, at: int, end: int, numbered: bool, version: int = 4) -> Iterator[Nlri]:
    """Yield the prefixes of this IP version in this part of a message. numbered: with path identifiers. Raises
    MessageError.
    """
    width = 32 if version == 4 else 128
    while at < end:
        start = at + (_NUMBER_LENGTH if numbered else 0)
        length = data[start] if start < end else 0
        octets = (length + 7) >> 3
        following = start + 1 + octets
        if length > width or following > end:
            raise MessageError(
                f"a prefix of {length} bits" if start < end else "the number of a path without a prefix",
                code=ErrorCode.UPDATE,
                subcode=UpdateError.BAD_NETWORK,
                clause="RFC 7606 §5.3",
                offset=at,
            )
        number = int.from_bytes(data[start + 1 : following], "big") >> 8 * octets - length << width - length
        prefix = Prefix.of_number(number, length, version)
        yield NumberedPrefix(prefix, int.from_bytes(data[at:start], "big")) if numbered else prefix
        at = following


# ------------------------------------------------------------------------------------------------ messages


MARKER: Final = b"\xff" * 16
HEADER_LENGTH: Final = 19
#: Maximum octets of a message, RFC 4271 §4.1.
MAXIMUM_LENGTH: Final = 4096
VERSION: Final = 4
#: Replaces an AS number that does not fit in two octets, RFC 6793 §9.
AS_TRANS: Final = 23456
_OPEN: Final = struct.Struct("!BHH4sB")
_REFRESH: Final = struct.Struct("!HBB")


class Capability(enum.IntEnum):
    """RFC 5492 §4, and the documents named by its registry."""

    MULTIPROTOCOL = 1
    ROUTE_REFRESH = 2
    EXTENDED_NEXT_HOP = 5
    GRACEFUL_RESTART = 64
    FOUR_OCTET_AS = 65
    ADDITIONAL_PATHS = 69
    ENHANCED_REFRESH = 70
    OLD_ROUTE_REFRESH = 128


#: The value of the multiprotocol capability for IPv4 unicast, RFC 4760 §8.
IPV4_UNICAST: Final = b"\x00\x01\x00\x01"
#: A family in most messages: the address family in two octets, and the subsequent one in one.
IPV4_KEY: Final = IPV4_UNICAST[:2] + IPV4_UNICAST[3:]


class CapabilityValue(Value):
    """A capability, RFC 5492 §4."""

    code: int
    value: bytes = b""

    def serialize(self) -> bytes:
        """Encode. Raises ValueError if the value is too long."""
        return bytes((self.code, len(self.value))) + self.value


class Open(Value, kw_only=True):
    """OPEN, RFC 4271 §4.2. hold_time: seconds. parameters: (type, value) of each; type 2 holds capabilities."""

    autonomous_system: int
    hold_time: int
    identifier: IPv4Address
    version: int = VERSION
    parameters: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def with_capabilities(
        cls, autonomous_system: int, hold_time: int, identifier: IPv4Address, capabilities: Iterable[CapabilityValue]
    ) -> Self:
        """Return an OPEN with one parameter for each capability, as most speakers send it."""
        return cls(
            autonomous_system=autonomous_system if autonomous_system < 1 << 16 else AS_TRANS,
            hold_time=hold_time,
            identifier=identifier,
            parameters=tuple((2, capability.serialize()) for capability in capabilities),
        )

    @property
    def capabilities(self) -> tuple[CapabilityValue, ...]:
        """The capabilities of all parameters, in order; a truncated one ends the list (`parse` refuses such
        an OPEN).
        """
        return tuple(found for kind, value in self.parameters if kind == 2 for found in _capabilities(value))

    def capability(self, code: Capability) -> CapabilityValue | None:
        """Return the first capability with this code."""
        return next((found for found in self.capabilities if found.code == code), None)

    @property
    def real_autonomous_system(self) -> int:
        """The AS number: the four-octet one if that capability is present, RFC 6793 §4.1."""
        wide = self.capability(Capability.FOUR_OCTET_AS)
        return int.from_bytes(wide.value, "big") if wide is not None else self.autonomous_system

    @classmethod
    def parse(cls, body: Octets) -> Self:
        """Decode the body after the header. Raises MessageError."""
        data = bytes(body)
        if len(data) < _OPEN.size:
            raise _bad_length("OPEN", len(data) + HEADER_LENGTH)
        version, autonomous_system, hold_time, identifier, length = _OPEN.unpack_from(data)
        if length != len(data) - _OPEN.size:
            raise _open_error("optional parameters that do not fill the message", 0, 9)
        parameters: list[tuple[int, bytes]] = []
        at = _OPEN.size
        while at < len(data):
            if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
                raise _open_error("an optional parameter cut short", 0, at)
            parameters.append((data[at], data[at + 2 : at + 2 + data[at + 1]]))
            at += 2 + data[at + 1]
        found = cls(
            version=version,
            autonomous_system=autonomous_system,
            hold_time=hold_time,
            identifier=IPv4Address(identifier),
            parameters=tuple(parameters),
        )
        for kind, value in parameters:
            if kind == 2 and sum(2 + len(one.value) for one in _capabilities(value)) != len(value):
                raise _open_error("a capability cut short", 0, _OPEN.size)
        wide = found.capability(Capability.FOUR_OCTET_AS)
        if wide is not None and len(wide.value) != 4:
            raise _open_error("an AS number that has not four octets", 0, _OPEN.size)
        return found

    def body(self) -> bytes:
        """Encode the body after the header. Raises ValueError if the parameters are too long."""
        parameters = b"".join(bytes((kind, len(value))) + value for kind, value in self.parameters)
        if len(parameters) > 0xFF:
            raise ValueError(f"OPEN parameters of {len(parameters)} octets")
        head = _OPEN.pack(self.version, self.autonomous_system, self.hold_time, self.identifier.packed, len(parameters))
        return head + parameters


class Attribute(Value):
    """An encoded path attribute, RFC 4271 §4.3."""

    flags: int
    code: int
    value: bytes

    def serialize(self) -> bytes:
        """Encode, with a length of one octet or two according to the Extended Length flag."""
        if self.flags & 0x10:
            return bytes((self.flags, self.code)) + len(self.value).to_bytes(2, "big") + self.value
        return bytes((self.flags, self.code, len(self.value))) + self.value


class Update(Value, kw_only=True):
    """UPDATE, RFC 4271 §4.3, or the part of it about one family. damage: the attributes could not be delimited, so the
    announced routes count as withdrawn.

    hops: the next hop that MP_REACH_NLRI has, and a link-local one; without them it is an attribute.
    """

    withdrawn: tuple[Nlri, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    announced: tuple[Nlri, ...] = ()
    damage: str = ""
    family: bytes = IPV4_KEY
    hops: tuple[IPAddress, ...] = ()

    @property
    def ends_table(self) -> bool:
        """Whether it is the End-of-RIB marker of its family, RFC 4724 §2."""
        return not (self.withdrawn or self.attributes or self.announced or self.damage)

    @classmethod
    def parse(cls, body: Octets, *, numbered: bool = False) -> Self:
        """Decode the body after the header. numbered: prefixes have path identifiers (RFC 7911 §3). Raises MessageError
        for prefixes that cannot be read.
        """
        data = bytes(body)
        if len(data) < 4:
            raise _bad_length("UPDATE", len(data) + HEADER_LENGTH)
        withdrawn_end = 2 + int.from_bytes(data[:2], "big")
        if withdrawn_end + 2 > len(data):
            raise _list_error("withdrawn routes that do not fit", 0)
        attributes_at = withdrawn_end + 2
        attributes_end = attributes_at + int.from_bytes(data[withdrawn_end:attributes_at], "big")
        if attributes_end > len(data):
            raise _list_error("path attributes that do not fit", withdrawn_end)
        withdrawn = tuple(decoded(data, 2, withdrawn_end, numbered))
        announced = tuple(decoded(data, attributes_end, len(data), numbered))
        attributes, damage = _attributes(data[attributes_at:attributes_end])
        return cls(withdrawn=withdrawn, attributes=attributes, announced=announced, damage=damage)

    def body(self) -> bytes:
        """Encode the body after the header."""
        return _update_body(
            b"".join(map(encoded, self.withdrawn)),
            b"".join(attribute.serialize() for attribute in self.attributes),
            b"".join(map(encoded, self.announced)),
        )


class Notification(Value):
    """RFC 4271 §4.5."""

    code: int
    subcode: int = 0
    data: bytes = b""

    @classmethod
    def parse(cls, body: Octets) -> Self:
        """Decode the body after the header. Raises MessageError."""
        data = bytes(body)
        if len(data) < 2:
            raise _bad_length("NOTIFICATION", len(data) + HEADER_LENGTH)
        return cls(data[0], data[1], data[2:])

    def body(self) -> bytes:
        """Encode the body after the header."""
        return bytes((self.code, self.subcode)) + self.data


class Keepalive(Value):
    """KEEPALIVE, RFC 4271 §4.4: a header without a body."""

    @classmethod
    def parse(cls, body: Octets) -> Self:
        """Decode the body, which must be empty. Raises MessageError."""
        if len(body):
            raise _bad_length("KEEPALIVE", len(body) + HEADER_LENGTH)
        return cls()

    def body(self) -> bytes:
        """Return the body, which is empty."""
        return b""


class RouteRefresh(Value):
    """ROUTE-REFRESH, RFC 2918 §3. subtype: 0: request; 1, 2: begin and end of the refresh, RFC 7313 §3.2. rest: the
    filters of RFC 5291.
    """

    family: int = 1
    subtype: int = 0
    subsequent: int = 1
    rest: bytes = b""

    @property
    def key(self) -> bytes:
        """The numbers of the family."""
        return self.family.to_bytes(2, "big") + bytes((self.subsequent,))

    @classmethod
    def parse(cls, body: Octets) -> Self:
        """Decode the body after the header. Raises MessageError."""
        data = bytes(body)
        if len(data) < _REFRESH.size:
            raise _bad_length("ROUTE-REFRESH", len(data) + HEADER_LENGTH)
        family, subtype, subsequent = _REFRESH.unpack_from(data)
        return cls(family, subtype, subsequent, data[_REFRESH.size :])

    def body(self) -> bytes:
        """Encode the body after the header."""
        return _REFRESH.pack(self.family, self.subtype, self.subsequent) + self.rest


Message = Open | Update | Notification | Keepalive | RouteRefresh
_TYPES: Final[dict[type[Message], MessageType]] = {
    Open: MessageType.OPEN,
    Update: MessageType.UPDATE,
    Notification: MessageType.NOTIFICATION,
    Keepalive: MessageType.KEEPALIVE,
    RouteRefresh: MessageType.ROUTE_REFRESH,
}
_KINDS: Final[dict[int, type[Message]]] = {int(number): kind for kind, number in _TYPES.items()}


def serialize(message: Message) -> bytes:
    """Return the message with its header. Raises ValueError if it is too long."""
    return _framed(_TYPES[type(message)], message.body())


def update_octets(withdrawn: bytes, attributes: bytes, announced: bytes) -> bytes:
    """Return an UPDATE made of three encoded parts. Raises ValueError if it is too long."""
    return _framed(MessageType.UPDATE, _update_body(withdrawn, attributes, announced))


def _update_body(withdrawn: bytes, attributes: bytes, announced: bytes) -> bytes:
    lengths = len(withdrawn).to_bytes(2, "big"), len(attributes).to_bytes(2, "big")
    return lengths[0] + withdrawn + lengths[1] + attributes + announced


def _framed(kind: MessageType, body: bytes) -> bytes:
    length = HEADER_LENGTH + len(body)
    if length > MAXIMUM_LENGTH:
        raise ValueError(f"BGP message of {length} octets")
    return MARKER + length.to_bytes(2, "big") + bytes((kind,)) + body


def parse(data: Octets, *, numbered: bool = False) -> Message:
    """Decode one complete message. numbered: as in `Update.parse`. Raises MessageError."""
    length = message_length(data)
    if length is None or length != len(data):
        raise _bad_length("message", len(data))
    kind = _KINDS.get(data[18])
    if kind is None:
        raise MessageError(
            f"BGP message type {data[18]}",
            code=ErrorCode.HEADER,
            subcode=HeaderError.BAD_TYPE,
            clause="RFC 4271 §6.1",
            data=bytes(data[18:19]),
            offset=18,
        )
    body = data[HEADER_LENGTH:]
    return Update.parse(body, numbered=numbered) if kind is Update else kind.parse(body)


def message_length(data: Octets) -> int | None:
    """Return the length of the message at the start of `data`; None: its header is incomplete. Raises MessageError."""
    if len(data) < HEADER_LENGTH:
        return None
    if bytes(data[:16]) != MARKER:
        raise MessageError(
            "a marker that is not all ones",
            code=ErrorCode.HEADER,
            subcode=HeaderError.NOT_SYNCHRONIZED,
            clause="RFC 4271 §6.1",
        )
    length = int.from_bytes(data[16:18], "big")
    if not HEADER_LENGTH <= length <= MAXIMUM_LENGTH:
        raise _bad_length("message", length)
    return length


def split(buffer: bytearray) -> Iterator[bytes]:
    """Take complete messages off the buffer; an incomplete one stays. Raises MessageError."""
    while (length := message_length(buffer)) is not None and len(buffer) >= length:
        message = bytes(buffer[:length])
        del buffer[:length]
        yield message


def _attributes(data: bytes) -> tuple[tuple[Attribute, ...], str]:
    """Return all attributes, and the error if the list cannot be delimited to its end, RFC 7606 §4."""
    found: list[Attribute] = []
    at = 0
    while at < len(data):
        start = at + (4 if data[at] & 0x10 else 3)
        if start > len(data):
            return tuple(found), "an attribute cut short"
        length = int.from_bytes(data[at + 2 : start], "big")
        if start + length > len(data):
            return tuple(found), f"attribute {data[at + 1]} is longer than the rest"
        found.append(Attribute(data[at], data[at + 1], data[start : start + length]))
        at = start + length
    return tuple(found), ""


@lru_cache(maxsize=64)  # as a rule all neighbors offer the same
def _capabilities(value: bytes) -> tuple[CapabilityValue, ...]:
    found, at = list[CapabilityValue](), 0
    while at + 2 <= len(value) and at + 2 + value[at + 1] <= len(value):
        found.append(CapabilityValue(value[at], value[at + 2 : at + 2 + value[at + 1]]))
        at += 2 + value[at + 1]
    return tuple(found)


def _bad_length(what: str, length: int) -> MessageError:
    return MessageError(
        f"{what} of {length} octets",
        code=ErrorCode.HEADER,
        subcode=HeaderError.BAD_LENGTH,
        clause="RFC 4271 §6.1",
        data=(length & 0xFFFF).to_bytes(2, "big"),
        offset=16,
    )


def _open_error(what: str, subcode: int, offset: int) -> MessageError:
    return MessageError(what, code=ErrorCode.OPEN, subcode=subcode, clause="RFC 4271 §6.2", offset=offset)


def _list_error(what: str, offset: int) -> MessageError:
    return MessageError(
        what, code=ErrorCode.UPDATE, subcode=UpdateError.MALFORMED_LIST, clause="RFC 4271 §6.3", offset=offset
    )


# ------------------------------------------------------------------------------------------------ graceful restart


_NOTIFIES: Final = 0x4000
_SECONDS: Final = 0x0FFF
_KEPT: Final = 0x80


class Restart(Value, kw_only=True):
    """The capability, RFC 4724 §3. seconds: restart time.

    notifies: a restart may also follow a NOTIFICATION (RFC 8538 §2). keeps: the keys of its families; kept: those whose
    forwarding state was preserved in the restart.
    """

    seconds: int
    notifies: bool = True
    keeps: tuple[bytes, ...] = ()
    kept: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, received: Open) -> Self | None:
        """Return the capability of an OPEN; None: absent or malformed."""
        found = received.capability(Capability.GRACEFUL_RESTART)
        if found is None or len(found.value) < 2 or len(found.value) % 4 != 2:
            return None
        head = int.from_bytes(found.value[:2], "big")
        families = {found.value[at : at + 3]: found.value[at + 3] for at in range(2, len(found.value), 4)}
        return cls(
            seconds=head & _SECONDS,
            notifies=bool(head & _NOTIFIES),
            keeps=tuple(families),
            kept=tuple(key for key, flags in families.items() if flags & _KEPT),
        )

    def capability(self) -> CapabilityValue:
        """Return the capability in our OPEN, RFC 4724 §3."""
        head = self.seconds & _SECONDS | (_NOTIFIES if self.notifies else 0)
        return CapabilityValue(Capability.GRACEFUL_RESTART, head.to_bytes(2, "big"))


def hard(notification: Notification) -> Notification:
    """Return a Hard Reset, RFC 8538 §3.1: its receiver does not keep the routes."""
    inner = bytes((notification.code, notification.subcode)) + notification.data
    return Notification(ErrorCode.CEASE, Cease.HARD_RESET, inner)
