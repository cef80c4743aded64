"""What messages of both versions are made of: a header of 28 octets, and payloads that announce each other.

RFC 2408 §3.1 and §3.2, RFC 7296 §3.1 and §3.2. What IKEv2 calls SPIs of an IKE SA are the cookies of IKEv1.

SPIs of ESP: which numbers are reserved, and which this router has chosen.

Traffic selectors: which packets a pair of SAs is for. RFC 7296 §3.13; IKEv1 says the same with two identities.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import field
from typing import ClassVar, Final, Self, TypeVar

from dmvpn.base.addresses import IPAddress
from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError
from dmvpn.base.protection import IkeVersion
from dmvpn.base.values import Value

# ------------------------------------------------------------------------------------------------ messages


#: SPIi, SPIr, next payload, version, exchange type, flags, message ID, length.
HEADER: Final = struct.Struct("!8s8sBBBBII")
HEADER_LENGTH: Final = HEADER.size
#: Of a payload: next payload, critical bit (IKEv1: reserved), length.
GENERIC: Final = struct.Struct("!BBH")
#: More payloads than any honest message has.
LARGEST_NUMBER_OF_PAYLOADS: Final = 128
#: Of the field for the next payload, in both versions: none follows.
NO_NEXT_PAYLOAD: Final = 0
NO_SPI: Final = bytes(8)
_VERSION_AT: Final = 17
_LONGEST_NONCE: Final = 256


def version_of(octets: bytes) -> IkeVersion:
    """Return the version of a message, by octet 17 (RFC 7296 §3.1). Octets without a header are IKEv2's."""
    is_v1 = len(octets) > _VERSION_AT and octets[_VERSION_AT] >> 4 == IkeVersion.V1
    return IkeVersion.V1 if is_v1 else IkeVersion.V2


def fresh_spi(entropy: Entropy) -> bytes:
    """Return 8 octets that are not all zero (RFC 7296 §3.1)."""
    while (spi := entropy.octets(8)) == NO_SPI:
        pass
    return spi


def is_ike_spi(spi: bytes) -> bool:
    """Return whether these are 8 octets that are not all zero (RFC 7296 §3.1 and §3.3.1)."""
    return len(spi) == len(NO_SPI) and spi != NO_SPI


def cut(octets: bytes, least: int, what: str, offset: int, clause: str) -> None:
    """Check that there are as many octets as a part needs at least. Raises WireError."""
    if len(octets) < least:
        raise WireError(f"{what} is cut off", offset=offset, clause=clause)


def name_of(number: int, names: type[enum.IntEnum], what: str) -> str:
    """Return the name that the standard has for a number; without one, what it counts and the number."""
    try:
        return names(number).name
    except ValueError:
        return f"{what} {number}"


class Payload(Value):
    """The base of all payloads. `parse_body` of each makes it from the octets of `body`, and raises WireError."""

    TYPE: ClassVar[int]

    @property
    def type_number(self) -> int:
        """The number that announces it."""
        return self.TYPE

    @property
    def header_bits(self) -> int:
        """The second octet of its header."""
        return 0

    def body(self) -> bytes:
        """Return the octets behind the generic header."""
        raise NotImplementedError


P = TypeVar("P", bound=Payload)


class PayloadChain(Value):
    """Payloads in their order, with questions that exchanges ask of them."""

    payloads: tuple[Payload, ...] = field(default=())

    def find(self, kind: type[P]) -> P | None:
        """Return the first payload of a class; derived ones do not count."""
        for payload in self.payloads:
            if type(payload) is kind:
                return payload
        return None

    def all(self, kind: type[P]) -> tuple[P, ...]:
        """Return all payloads of a kind."""
        return tuple([payload for payload in self.payloads if isinstance(payload, kind)])


class OctetsPayload(Payload, Value):
    """A payload without parts, such as a vendor ID."""

    data: bytes

    def body(self) -> bytes:
        return self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        """Return the payload, which may hold any octets."""
        return cls(octets)


class NoncePayload(OctetsPayload, Value):
    """Octets that were never used before. RFC 2408 §3.13, RFC 7296 §3.9.

    SHORTEST: octets; at most 256 in both versions.
    CLAUSE: where the standard of the version says so.
    """

    SHORTEST: ClassVar[int]
    CLAUSE: ClassVar[str]

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        if not cls.SHORTEST <= len(octets) <= _LONGEST_NONCE:
            raise WireError(f"a nonce of {len(octets)} octets", offset=offset, clause=cls.CLAUSE)
        return cls(octets)


class UnknownPayload(Payload, Value):
    """A payload that stays as it came. kind: the number that announces it."""

    kind: int
    data: bytes

    @property
    def type_number(self) -> int:
        return self.kind

    def body(self) -> bytes:
        """Return the body as it came."""
        return self.data


class EncodedPayload(Payload, Value):
    """An encoding and octets in it: a certificate, or a request for one. RFC 2408 §3.9, RFC 7296 §3.6."""

    encoding: int
    data: bytes

    def body(self) -> bytes:
        return bytes((self.encoding,)) + self.data

    @classmethod
    def parse_body(cls, octets: bytes, offset: int) -> Self:
        cut(octets, 1, "a certificate payload", offset, "RFC 7296 §3.6")
        return cls(octets[0], octets[1:])


def first_of(payloads: tuple[Payload, ...]) -> int:
    """Return the type of the first payload, or none."""
    return payloads[0].type_number if payloads else NO_NEXT_PAYLOAD


def serialize_chain(payloads: tuple[Payload, ...], last: int = NO_NEXT_PAYLOAD) -> bytes:
    """Serialize payloads with their headers. last: what the last payload's header announces."""
    parts: list[bytes] = []
    following = last
    for payload in reversed(payloads):
        body = payload.body()
        parts += body, GENERIC.pack(following, payload.header_bits, GENERIC.size + len(body))
        following = payload.type_number
    return b"".join(reversed(parts))


# ------------------------------------------------------------------------------------------------ SPIs of ESP


def is_reserved(spi: bytes) -> bool:
    """Return whether this is no SPI of ESP, which has 4 octets; 0 to 255 are reserved (RFC 4303 §2.1)."""
    return len(spi) != 4 or int.from_bytes(spi, "big") <= 255


class EspSpis:
    """The inbound SPIs of a router: no two of its pairs of SAs may have the same one, even with different peers.

    32 random bits alone are not enough: among 10,000 pairs that live an hour, two would be equal every other day.
    """

    __slots__ = ("_taken",)

    def __init__(self) -> None:
        self._taken: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def __contains__(self, spi: bytes) -> bool:
        return spi in self._taken

    def fresh(self, entropy: Entropy) -> bytes:
        """Return 4 octets that no pair has."""
        while is_reserved(spi := entropy.octets(4)) or spi in self._taken:
            pass
        return spi

    def take(self, spi: bytes) -> None:
        """Note that a pair has it now."""
        self._taken.add(spi)

    def free(self, spi: bytes) -> None:
        """Free it: nothing can come for it any more."""
        self._taken.discard(spi)


# ------------------------------------------------------------------------------------------------ traffic selectors


_ANY_PORT: Final = (0, 0xFFFF)
_OPAQUE: Final = (0xFFFF, 0)


class TrafficSelector(Value):
    """Addresses from `first` to `last`, an IP protocol (0: any) and a range of ports (for GRE: all)."""

    first: IPAddress
    last: IPAddress
    protocol: int = 0
    ports: tuple[int, int] = _ANY_PORT

    @classmethod
    def host(cls, address: IPAddress, protocol: int) -> Self:
        """Return all packets of one protocol from or to one address."""
        return cls(address, address, protocol)

    def __contains__(self, other: TrafficSelector) -> bool:
        """Return whether everything that `other` selects is selected here, too."""
        return (
            self.first.version == other.first.version
            and int(self.first) <= int(other.first)
            and int(other.last) <= int(self.last)
            and self.protocol in (0, other.protocol)
            and self.ports[0] <= other.ports[0]
            and other.ports[1] <= self.ports[1]
        )

    def common(self, other: TrafficSelector) -> TrafficSelector | None:
        """Return the intersection with another selector; None if it is empty."""
        protocols = {0, self.protocol, other.protocol}
        if self.first.version != other.first.version or len(protocols) > 2:
            return None
        first, last = max(self.first, other.first, key=int), min(self.last, other.last, key=int)
        ports = _common_ports(self.ports, other.ports)
        if int(first) > int(last) or ports is None:
            return None
        return TrafficSelector(first, last, self.protocol or other.protocol, ports)

    @property
    def port(self) -> str:
        """The ports, as shows write them: 0 for all."""
        low, high = self.ports
        if self.ports == _ANY_PORT:
            return "0"
        return str(low) if low == high else f"{low}-{high}"

    def __str__(self) -> str:
        addresses = str(self.first) if self.first == self.last else f"{self.first}-{self.last}"
        return f"{addresses}/{self.protocol}" + ("" if self.ports == _ANY_PORT else f"/{self.port}")


def _common_ports(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int] | None:
    """Return the common ports of two ranges; None: no port is in both. 65535 to 0: packets without ports (OPAQUE)."""
    if one == other or other == _ANY_PORT:
        return one
    if one == _ANY_PORT:
        return other
    low, high = max(one[0], other[0]), min(one[1], other[1])
    return (low, high) if low <= high and _OPAQUE not in (one, other) else None
