"""DHCPv6 messages: octets <-> values (RFC 8415). All lengths are checked here, those of nested options, too."""

from __future__ import annotations

import enum
import struct
from ipaddress import IPv6Address
from typing import Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value

#: Octets of a message: longer ones are dropped.
_LONGEST: Final = 4096
_OPTION: Final = struct.Struct("!HH")

Options = tuple[tuple[int, bytes], ...]


class Kind(enum.IntEnum):
    """Types of messages, RFC 8415 §7.3."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11
    RELAY_FORW = 12
    RELAY_REPL = 13


class Code(enum.IntEnum):
    """Options that mean something here, RFC 8415 §21, RFC 3646."""

    CLIENT = 1
    SERVER = 2
    IA_NA = 3
    ADDRESS = 5
    ELAPSED = 8
    RELAYED = 9
    STATUS = 13
    RAPID = 14
    INTERFACE = 18
    DNS_SERVER = 23
    DOMAINS = 24


#: Codes of statuses, RFC 8415 §21.13.
SUCCESS, NO_ADDRESSES, NO_BINDING, NOT_ON_LINK = 0, 2, 3, 4
#: Options that begin with so many octets before the options inside them.
_NESTED: Final = {Code.IA_NA: 12, Code.ADDRESS: 24}
#: The least and the most octets of options.
_LENGTHS: Final = {Code.CLIENT: (3, 130), Code.SERVER: (3, 130), Code.STATUS: (2, _LONGEST)}


class Message6(Value):
    """One message. head: the octets between its type and its options: the number of the transaction, or of a relay
    agent hops, link address and peer address (§9).
    """

    kind: Kind
    head: bytes
    options: Options = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode the payload of a UDP datagram. Raises WireError."""
        relayed = data[:1] in (b"\x0c", b"\x0d")
        if not data or not 1 <= data[0] <= len(Kind) or not (34 if relayed else 4) <= len(data) <= _LONGEST:
            raise WireError("no message of DHCPv6", offset=0, clause="RFC 8415 §8")
        end = 34 if relayed else 4
        return cls(Kind(data[0]), data[1:end], _parse(data, end))

    def serialize(self) -> bytes:
        """Encode."""
        return bytes((self.kind,)) + self.head + serialize(self.options)

    def address(self, place: int) -> IPv6Address:
        """Return the address at a place of a relay agent's head: 1: of its link, 17: of the client."""
        return IPv6Address(self.head[place : place + 16])

    def all(self, code: Code) -> tuple[bytes, ...]:
        """Return the octets of all options with this code."""
        return tuple(octets for one, octets in self.options if one == code)

    def get(self, code: Code) -> bytes:
        """Return the octets of the first of them, b"": there is none."""
        return next(iter(self.all(code)), b"")


def leased(association: bytes) -> tuple[bytes, ...]:
    """Return the octets of the addresses in an IA_NA that was checked: address, preferred and valid lifetime."""
    return tuple(octets for code, octets in _parse(association, 12, 1) if code == Code.ADDRESS)


def no_address(why: int) -> bytes:
    """Return the rest of an IA_NA without an address, behind the number of the client's port."""
    return bytes(8) + serialize(((Code.STATUS, why.to_bytes(2, "big")),))


def serialize(options: Options) -> bytes:
    """Encode options."""
    return b"".join(_OPTION.pack(code, len(octets)) + octets for code, octets in options)


def _parse(data: bytes, at: int, depth: int = 0) -> Options:
    """Return the options from a place on. depth: an IA has addresses, an address a status."""
    found: list[tuple[int, bytes]] = []
    while at < len(data):
        code, length = _OPTION.unpack_from(data, at) if at + 4 <= len(data) else (0, len(data))
        octets, start = data[at + 4 : at + 4 + length], _NESTED.get(code, 0)
        least, most = _LENGTHS.get(code, (start, _LONGEST))
        if len(octets) < length or not least <= length <= most:
            raise WireError(f"option {code} of {length} octets", offset=at, clause="RFC 8415 §21")
        if start and depth < 2:
            _parse(octets, start, depth + 1)
        found.append((code, octets))
        at += 4 + length
    return tuple(found)
