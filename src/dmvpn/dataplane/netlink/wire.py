"""Netlink messages and attributes as octets, netlink(7): the part that rtnetlink and nfnetlink share.

A datagram holds messages, a message has a header and a body, a body begins with a fixed structure of its type and goes
on with attributes (type, length, value), which may nest. Everything is in host byte order except addresses and ports
inside values. There are no sockets here: `KernelRequest` is a message to the kernel, `KernelMessage` one from it.

The kernel is trusted but may be newer than we are: unknown message types, attributes and flag bits pass; a length that
points outside the block raises `WireError`, whose offset counts from the start of the block (datagram, attributes) it
is in.

The numbers of rtnetlink that we use, as linux/netlink.h, linux/rtnetlink.h and linux/neighbor.h name them.
"""

from __future__ import annotations

import enum
import socket
import struct
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final, Protocol

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value

# ---------------------------------------------------------------------------------------------------- codes

# The request flags of netlink(7). Some bits have another meaning in "get" requests.
NLM_F_REQUEST: Final = 0x01
NLM_F_ACK: Final = 0x04
NLM_F_DUMP_INTR: Final = 0x10
NLM_F_REPLACE: Final = 0x100
NLM_F_EXCL: Final = 0x200
NLM_F_CREATE: Final = 0x400
NLM_F_APPEND: Final = 0x800
NLM_F_DUMP: Final = 0x300

AF_UNSPEC: Final = 0
AF_INET: Final = int(socket.AF_INET)
AF_INET6: Final = int(socket.AF_INET6)
AF_BRIDGE: Final = int(socket.AF_BRIDGE)


class KernelMessageType(enum.IntEnum):
    """Message types, with the three control messages that a request may be answered with."""

    NOOP = 1
    ERROR = 2
    DONE = 3
    OVERRUN = 4
    NEWLINK = 16
    DELLINK = 17
    GETLINK = 18
    SETLINK = 19
    NEWADDR = 20
    DELADDR = 21
    GETADDR = 22
    NEWROUTE = 24
    DELROUTE = 25
    GETROUTE = 26
    NEWNEIGH = 28
    DELNEIGH = 29
    GETNEIGH = 30
    NEWRULE = 32
    DELRULE = 33
    GETRULE = 34
    SETNEIGHTBL = 67


class NotificationGroup(enum.IntFlag):
    """Groups of notifications (RTMGRP_*). GETNEIGH messages come with NEIGHBOR, for both families."""

    LINK = 0x1
    NEIGHBOR = 0x4
    IPV4_ADDRESS = 0x10
    IPV4_ROUTE = 0x40
    IPV4_RULE = 0x80
    IPV6_ADDRESS = 0x100
    IPV6_ROUTE = 0x400
    IPV6_RULE = 0x40000

    ADDRESS = IPV4_ADDRESS | IPV6_ADDRESS
    ROUTE = IPV4_ROUTE | IPV6_ROUTE
    RULE = IPV4_RULE | IPV6_RULE
    EVERYTHING = LINK | NEIGHBOR | ADDRESS | ROUTE | RULE


def family_of(version: int) -> int:
    """Return the address family of an IP version (4 or 6)."""
    return AF_INET if version == 4 else AF_INET6


# ---------------------------------------------------------------------------------------------------- wire

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_ERROR = struct.Struct("=i")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")

#: NLA_F_NESTED and NLA_F_NET_BYTEORDER share the type field with the type itself.
_TYPE_MASK = 0x3FFF
NLA_F_NESTED = 0x8000

_NLM_F_CAPPED = 0x100
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1

CLAUSE = "netlink(7)"


class Request(Protocol):
    """One request to the kernel. Its text is printed in the error if it is refused."""

    def serialize(self, sequence: int, extra_flags: int = 0) -> bytes:
        """Return the message as octets, padded so that another one may follow."""


class KernelRequest(Value):
    """A request as its parts. `subject` is its object: only printed."""

    kind: KernelMessageType
    flags: int
    body: bytes
    subject: object

    def serialize(self, sequence: int, extra_flags: int = 0) -> bytes:
        """Return the message as octets, padded so that another one may follow."""
        length = _HEADER.size + len(self.body)
        flags = self.flags | extra_flags | NLM_F_REQUEST
        return _HEADER.pack(length, self.kind, flags, sequence, 0) + self.body + _PADDING[length & 3]

    def __str__(self) -> str:
        return f"{self.kind.name} {self.subject}"


class KernelMessage(Value):
    """One message from the kernel.

    `kind` may be an unknown number. `port`: of the socket whose request caused it, or 0.
    """

    kind: int
    flags: int
    sequence: int
    port: int
    body: memoryview


class Acknowledgement(Value):
    """The kernel's answer to the request with this sequence number; errno 0 is success.

    text: the kernel's own explanation (NLMSGERR_ATTR_MSG, "Nexthop has invalid gateway"), or empty.
    """

    sequence: int
    errno: int
    text: str


def parse_messages(datagram: memoryview) -> Iterator[KernelMessage]:
    """Yield the messages of a datagram, in order. Raises WireError."""
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, flags, sequence, port = _HEADER.unpack_from(datagram, offset)
        if length < _HEADER.size or offset + length > len(datagram):
            raise WireError(f"message of {length} octets", offset=offset, clause=CLAUSE)
        yield KernelMessage(kind, flags, sequence, port, datagram[offset + _HEADER.size : offset + length])
        offset += (length + 3) & ~3


def parse_acknowledgement(message: KernelMessage) -> Acknowledgement:
    """Read an NLMSG_ERROR message; without NETLINK_CAP_ACK a refused request is quoted in full. Raises WireError."""
    body = message.body
    if len(body) < _ERROR.size + _HEADER.size:
        raise WireError("acknowledgement cut short", offset=len(body), clause=CLAUSE)
    (error,) = _ERROR.unpack_from(body)
    length, _, _, sequence, _ = _HEADER.unpack_from(body, _ERROR.size)
    text = ""
    if message.flags & _NLM_F_ACK_TLVS:
        quoted = _HEADER.size if message.flags & _NLM_F_CAPPED or error == 0 else (length + 3) & ~3
        explanation = parse_attributes(body[_ERROR.size + quoted :]).get(_NLMSGERR_ATTR_MSG)
        text = read_text(explanation) if explanation is not None else ""
    return Acknowledgement(sequence, -error, text)


def parse_done(message: KernelMessage) -> int:
    """Return the errno with which a dump ended; 0: it is complete."""
    return -int(_ERROR.unpack_from(message.body)[0]) if len(message.body) >= _ERROR.size else 0


# ---------------------------------------------------------------------------------------------------- attributes


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + _PADDING[length & 3]


def attribute_u8(kind: int, value: int) -> bytes:
    """Return an attribute of one octet."""
    return attribute(kind, bytes((value,)))


def attribute_u32(kind: int, value: int) -> bytes:
    """Return an attribute of four octets."""
    return attribute(kind, struct.pack("=I", value))


def attribute_u64(kind: int, value: int) -> bytes:
    """Return an attribute of eight octets."""
    return attribute(kind, struct.pack("=Q", value))


def attribute_text(kind: int, value: str) -> bytes:
    """Return a string attribute with its final zero."""
    return attribute(kind, value.encode() + b"\0")


def nest(kind: int, *values: bytes) -> bytes:
    """Return an attribute that holds attributes, marked as such (kernels since 5.2 want the mark in new places)."""
    return attribute(kind | NLA_F_NESTED, b"".join(values))


def parse_attributes(data: memoryview) -> dict[int, memoryview]:
    """Return attributes by type; of a repeated one the last counts, as in the kernel. Raises WireError."""
    found: dict[int, memoryview] = {}
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size or offset + length > len(data):
            raise WireError(f"attribute {kind & _TYPE_MASK} of {length} octets", offset=offset, clause=CLAUSE)
        found[kind & _TYPE_MASK] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found


def split_body(body: memoryview, structure: struct.Struct, name: str) -> tuple[tuple[int, ...], dict[int, memoryview]]:
    """Return the fields of the fixed structure at the start of a body, and the attributes behind it.

    Raises WireError.
    """
    if len(body) < structure.size:
        raise WireError(f"{name} cut short", offset=len(body), clause=CLAUSE)
    return structure.unpack_from(body), parse_attributes(body[(structure.size + 3) & ~3 :])


def read_uint(value: memoryview) -> int:
    """Return an unsigned integer of one, two, four or eight octets. Raises WireError."""
    if len(value) not in (1, 2, 4, 8):
        raise WireError(f"integer of {len(value)} octets", offset=0, clause=CLAUSE)
    return int.from_bytes(value, sys.byteorder)


def read_text(value: memoryview) -> str:
    """Return a string up to its final zero; octets that are not UTF-8 survive as surrogates."""
    return bytes(value).split(b"\0", 1)[0].decode(errors="surrogateescape")


def read_address(value: memoryview) -> IPAddress:
    """Return an IPv4 or IPv6 address, by its length. Raises WireError."""
    if len(value) == 4:
        return IPv4Address(bytes(value))
    if len(value) == 16:
        return IPv6Address(bytes(value))
    raise WireError(f"address of {len(value)} octets", offset=0, clause=CLAUSE)
