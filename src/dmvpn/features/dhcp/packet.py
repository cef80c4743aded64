"""DHCP messages: octets <-> values (RFC 2131, RFC 2132).

Options are read from all places that option 52 names, an option that comes in pieces is joined (RFC 3396), and each
known option has its length checked here. Unknown options survive a round trip.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Mapping
from dataclasses import field
from ipaddress import IPv4Address
from typing import Final, Self

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix, dotted, mask_length
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ip import UdpDatagram

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68
BROADCAST: Final = IPv4Address("255.255.255.255")
#: A lease without end (RFC 2131 §3.3).
FOREVER: Final = 0xFFFFFFFF
ETHERNET: Final = 1

_FIXED = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_COOKIE = b"\x63\x82\x53\x63"
#: BOOTP's own length (RFC 1542 §2.1): relay agents may drop shorter messages.
_SHORTEST = 300
_BROADCAST_FLAG = 0x8000
#: Octets of a message: longer ones are dropped.
_LONGEST: Final = 4096


class MessageType(enum.IntEnum):
    """Option 53, RFC 2132 §9.6."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


class Code(enum.IntEnum):
    """Options that mean something here, RFC 2132."""

    SUBNET_MASK = 1
    ROUTER = 3
    DNS_SERVER = 6
    HOST_NAME = 12
    DOMAIN_NAME = 15
    NETBIOS_SERVER = 44
    NETBIOS_NODE_TYPE = 46
    REQUESTED_ADDRESS = 50
    LEASE_TIME = 51
    OVERLOAD = 52
    MESSAGE_TYPE = 53
    SERVER = 54
    PARAMETERS = 55
    MESSAGE = 56
    RENEWAL_TIME = 58
    REBINDING_TIME = 59
    CLIENT = 61
    RELAY_INFORMATION = 82
    CLASSLESS_ROUTES = 121


_PAD, _END = 0, 255
#: The length of options of one length, octets, and the length of each value of options with several values.
_EXACT: Final = {1: 4, 46: 1, 50: 4, 51: 4, 52: 1, 53: 1, 54: 4, 58: 4, 59: 4}
_EACH: Final[Mapping[int, int]] = {Code.ROUTER: 4, Code.DNS_SERVER: 4, Code.NETBIOS_SERVER: 4}
#: Options that are not in the order of their codes.
_PLACES: Final[Mapping[int, int]] = {Code.MESSAGE_TYPE: -1, Code.RELAY_INFORMATION: 1}


class Message(Value, kw_only=True):
    """One message, RFC 2131 §2.

    is_reply: from a server. hardware: the client's address (chaddr), at most 16 octets.
    seconds: since the client began.
    ciaddr, yiaddr, siaddr, giaddr: of the client as it says itself, as the server says, of the next server, of the
        relay agent; 0.0.0.0 without.
    broadcast: the client cannot receive a unicast before it has an address.
    server_name, file: of BOOTP, without what option 52 put there.
    options: octets by code.
    """

    is_reply: bool = False
    xid: int
    hardware: bytes
    hardware_type: int = ETHERNET
    hops: int = 0
    seconds: int = 0
    broadcast: bool = False
    ciaddr: IPv4Address = UNSPECIFIED
    yiaddr: IPv4Address = UNSPECIFIED
    siaddr: IPv4Address = UNSPECIFIED
    giaddr: IPv4Address = UNSPECIFIED
    server_name: bytes = b""
    file: bytes = b""
    options: Mapping[int, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Decode the payload of a UDP datagram. Raises WireError."""
        if not _FIXED.size + len(_COOKIE) <= len(data) <= _LONGEST or data[_FIXED.size : _FIXED.size + 4] != _COOKIE:
            raise WireError("no DHCP message", offset=min(len(data), _FIXED.size), clause="RFC 2131 §3")
        op, kind, length, hops, xid, seconds, flags, *addresses, chaddr, sname, file = _FIXED.unpack_from(data)
        if op not in (1, 2) or length > len(chaddr):
            raise WireError(f"operation {op}, hardware length {length}", offset=0, clause="RFC 2131 §2")
        options: dict[int, bytes] = {}
        _read(data[_FIXED.size + 4 :], _FIXED.size + 4, options)
        overload = options.pop(Code.OVERLOAD, b"\0")[0]
        for bit, area, offset in ((1, file, 108), (2, sname, 44)):
            if overload & bit:
                _read(area, offset, options)
        options.pop(Code.OVERLOAD, None)
        check(options)
        ciaddr, yiaddr, siaddr, giaddr = map(IPv4Address, addresses)
        return cls(
            is_reply=op == 2,
            xid=xid,
            hardware=chaddr[:length],
            hardware_type=kind,
            hops=hops,
            seconds=seconds,
            broadcast=bool(flags & _BROADCAST_FLAG),
            ciaddr=ciaddr,
            yiaddr=yiaddr,
            siaddr=siaddr,
            giaddr=giaddr,
            server_name=b"" if overload & 2 else sname.rstrip(b"\0"),
            file=b"" if overload & 1 else file.rstrip(b"\0"),
            options=options,
        )

    def serialize(self) -> bytes:
        """Encode. The message type is the first option, and what a relay agent added the last (RFC 3046 §2.1)."""
        flags = _BROADCAST_FLAG if self.broadcast else 0
        addresses = (each.packed for each in (self.ciaddr, self.yiaddr, self.siaddr, self.giaddr))
        head = (2 if self.is_reply else 1, self.hardware_type, len(self.hardware), self.hops, self.xid, self.seconds)
        fixed = _FIXED.pack(*head, flags, *addresses, self.hardware, self.server_name, self.file)
        area = bytearray(_COOKIE)
        for code in sorted(self.options, key=lambda code: (_PLACES.get(code, 0), code)):
            octets = self.options[code]
            for start in range(0, max(1, len(octets)), 255):
                piece = octets[start : start + 255]
                area += bytes((code, len(piece))) + piece
        area.append(_END)
        return (fixed + area).ljust(_SHORTEST, b"\0")

    # ------------------------------------------------------------------------------------------ options

    @property
    def type(self) -> MessageType | None:
        """The message type, or None for BOOTP and for types that RFC 2132 does not know."""
        number = self.options.get(Code.MESSAGE_TYPE, b"\0")[0]
        return MessageType(number) if 1 <= number <= len(MessageType) else None

    @property
    def name(self) -> str:
        """The message type as IOS writes it."""
        return f"DHCP{self.type.name}" if self.type is not None else "BOOTREPLY" if self.is_reply else "BOOTREQUEST"

    @property
    def identity(self) -> bytes:
        """The client's identifier, or its hardware type and address (RFC 2131 §4.2): what a binding is kept by."""
        return self.options.get(Code.CLIENT) or bytes((self.hardware_type,)) + self.hardware

    def addresses(self, code: Code) -> tuple[IPv4Address, ...]:
        """Return the addresses of an option."""
        octets = self.options.get(code, b"")
        return tuple(IPv4Address(octets[start : start + 4]) for start in range(0, len(octets), 4))

    def address(self, code: Code) -> IPv4Address | None:
        """Return the first of them."""
        return next(iter(self.addresses(code)), None)

    def number(self, code: Code) -> int | None:
        """Return an option as a number."""
        return int.from_bytes(self.options[code], "big") if code in self.options else None

    def text(self, code: Code) -> str:
        """Return an option as printable text, of 255 letters at most."""
        decoded = self.options.get(code, b"")[:255].decode("ascii", "replace")
        return "".join(letter if letter.isprintable() else "?" for letter in decoded.rstrip("\0"))

    @property
    def mask_length(self) -> int | None:
        """The length of the subnet mask; None without one, or if it is no mask."""
        mask = self.address(Code.SUBNET_MASK)
        return mask_length(mask) if mask is not None else None

    @property
    def routes(self) -> tuple[tuple[Prefix, IPv4Address], ...]:
        """The classless static routes, RFC 3442."""
        return _routes(self.options.get(Code.CLASSLESS_ROUTES, b""))


def _read(area: bytes, offset: int, options: dict[int, bytes]) -> None:
    """Read an area with options. An option that comes again is joined, RFC 3396 §7."""
    at = 0
    while at < len(area) and area[at] != _END:
        if area[at] == _PAD:
            at += 1
            continue
        end = at + 2 + area[at + 1] if at + 1 < len(area) else len(area) + 1
        if end > len(area):
            raise WireError(f"option {area[at]} cut short", offset=offset + at, clause="RFC 2132 §2")
        options[area[at]] = options.get(area[at], b"") + area[at + 2 : end]
        at = end


def check(options: Mapping[int, bytes]) -> None:
    """Check the lengths of known options. Raises WireError."""
    for code, octets in options.items():
        wrong = len(octets) != _EXACT.get(code, len(octets)) or (code == Code.CLIENT and len(octets) > 255)
        unit = _EACH.get(code, 0)
        if wrong or (unit and (not octets or len(octets) % unit)):
            raise WireError(f"option {code} of {len(octets)} octets", offset=240, clause="RFC 2132")
    _routes(options.get(Code.CLASSLESS_ROUTES, b""))


def _routes(octets: bytes) -> tuple[tuple[Prefix, IPv4Address], ...]:
    found: list[tuple[Prefix, IPv4Address]] = []
    at = 0
    while at < len(octets):
        length = octets[at]
        significant = (length + 7) // 8
        end = at + 1 + significant + 4
        if length > 32 or end > len(octets):
            raise WireError(f"a classless route of length {length}", offset=240, clause="RFC 3442")
        network = IPv4Address(octets[at + 1 : at + 1 + significant].ljust(4, b"\0"))
        found.append((Prefix.of(network, length), IPv4Address(octets[end - 4 : end])))
        at = end
    return tuple(found)


def datagram(message: Message, source: IPv4Address, destination: IPv4Address, ports: tuple[int, int]) -> bytes:
    """Return the payload of the IP packet with a message. ports: its source and its destination."""
    udp = UdpDatagram(source_port=ports[0], destination_port=ports[1], payload=message.serialize())
    return udp.serialize(source, destination)


def packed(addresses: Iterable[IPAddress]) -> bytes:
    """Return the octets of an option with addresses."""
    return b"".join(address.packed for address in addresses)


def seconds(time: float) -> bytes:
    """Return the octets of an option with a time."""
    return min(int(time), FOREVER).to_bytes(4, "big")


def identifier_text(identifier: bytes) -> str:
    """Return a client identifier as people read it: in text, unless it is a hardware address."""
    return dotted(identifier) if identifier[0] else identifier[1:].decode("ascii", "replace")
