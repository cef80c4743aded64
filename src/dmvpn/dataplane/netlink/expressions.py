"""Expressions of nf_tables for packet filters: marks, limits, copies to the router, routes back."""

from __future__ import annotations

import enum
import struct
from typing import Final

from dmvpn.dataplane.netlink.nftables import (
    Compare,
    Meta,
    compare,
    constant,
    expression,
    masked,
    meta,
    network_header,
    numbers,
)
from dmvpn.dataplane.netlink.wire import attribute, attribute_text

_BE16, _BE32, _BE64 = struct.Struct("!H"), struct.Struct("!I"), struct.Struct("!Q")
_NATIVE32 = struct.Struct("=I")
_REGISTER, _SECOND_REGISTER = 1, 2
_META_KEY, _META_SOURCE = 2, 3
#: NFTA_FIB_F_*: of what the route is looked up.
_OF_SOURCE, _OF_MARK, _OF_INPUT = 1, 4, 8
_OUTPUT_INDEX: Final = 1
_HEADER_LENGTH: Final = 0x0F


class Fragment(enum.Enum):
    """Which packets, by their fragment offset in units of 8 octets."""

    LATER = "later"
    SECOND = "second"


def is_fragment(which: Fragment) -> tuple[bytes, ...]:
    """Return the match for later fragments, or for fragments that begin in octet 8."""
    wanted = (Compare.NOT_EQUAL, 0) if which is Fragment.LATER else (Compare.EQUAL, 1)
    # Four octets, with the identification: the kernel masks these faster than two.
    return network_header(4, 4), masked(b"\0\0\x1f\xff"), compare(wanted[0], _BE32.pack(wanted[1]))


def header_words(operation: Compare, words: int) -> tuple[bytes, ...]:
    """Return the match for the length of the IP header in words of four octets."""
    return network_header(0, 1), masked(bytes((_HEADER_LENGTH,))), compare(operation, bytes((words,)))


def has_mark(number: int) -> tuple[bytes, bytes]:
    """Return the match for the packet's mark."""
    return meta(Meta.MARK), compare(Compare.EQUAL, _NATIVE32.pack(number))


def set_mark(number: int) -> tuple[bytes, bytes]:
    """Set the packet's mark."""
    return constant(_NATIVE32.pack(number)), mark_from(_REGISTER)


def mark_from(register: int) -> bytes:
    """Set the packet's mark to the value of a register."""
    fields = attribute(_META_KEY, _BE32.pack(Meta.MARK)) + attribute(_META_SOURCE, _BE32.pack(register))
    return expression("meta", fields)


def limited(packets: int, *, burst: int) -> bytes:
    """Continue for so many packets a second."""
    fields = attribute(1, _BE64.pack(packets)) + attribute(2, _BE64.pack(1)) + attribute(3, _BE32.pack(burst))
    return expression("limit", fields)


def copied(group: int, prefix: str, octets: int) -> bytes:
    """Copy the first octets of a packet to the listener of a group (`nflog`). prefix: it gets this text with it."""
    fields = attribute(1, _BE16.pack(group)) + attribute_text(2, prefix) + attribute(3, _BE32.pack(octets))
    return expression("log", fields)


def route_back(*, by_input: bool, marked: bool) -> tuple[bytes, bytes]:
    """Return the match for packets whose source has no route.

    by_input: out of the interface by which the packet came. marked: rules for the packet's mark decide, too.
    """
    flags = _OF_SOURCE | (_OF_INPUT if by_input else 0) | (_OF_MARK if marked else 0)
    return expression("fib", numbers(_REGISTER, _OUTPUT_INDEX, flags)), compare(Compare.EQUAL, _NATIVE32.pack(0))
