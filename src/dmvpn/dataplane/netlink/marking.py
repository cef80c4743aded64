"""Expressions of nf_tables that mark flows, and that change the TTL.

Each reads or writes the first register, as those of `nftables` do.
"""

from __future__ import annotations

import struct
from typing import Final

from dmvpn.dataplane.netlink.expressions import mark_from
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    compare,
    constant,
    expression,
    masked,
    network_header,
    numbers,
    tracked_status,
)
from dmvpn.dataplane.netlink.wire import attribute

_U32 = struct.Struct("=I")
_BE16, _BE32, _BE64 = struct.Struct("!H"), struct.Struct("!I"), struct.Struct("!Q")
_REGISTER, _SECOND_REGISTER = 1, 2
#: Fields of the IP header, octets from its beginning: TTL and protocol, checksum.
_TTL, _CHECKSUM = 8, 10
_CT_DIRECTION, _CT_MARK = 1, 3
_REPLY: Final = b"\1"
_INET_CHECKSUM: Final = 1
_NETWORK_HEADER: Final = 1
_FULL: Final = 255


def set_flow_mark(mark: int) -> tuple[bytes, bytes]:
    """Return the statement that marks the flow of the packet."""
    key_and_source = attribute(2, _BE32.pack(_CT_MARK)) + attribute(4, _BE32.pack(_REGISTER))
    return constant(_U32.pack(mark)), expression("ct", key_and_source)


def mark_as_flow() -> tuple[bytes, ...]:
    """Return the statement that gives a packet the mark of its flow, if that has one."""
    loaded = expression("ct", numbers(_REGISTER, _CT_MARK))
    return loaded, compare(Compare.NOT_EQUAL, _U32.pack(0)), mark_from(_REGISTER)


def is_reply() -> tuple[bytes, bytes]:
    """Return the match for packets against the direction of the first one of their flow."""
    return expression("ct", numbers(_REGISTER, _CT_DIRECTION)), compare(Compare.EQUAL, _REPLY)


def has_status(bit: int) -> tuple[bytes, ...]:
    """Return the match for packets whose flow has this bit in its status."""
    return tracked_status(), masked(_U32.pack(bit)), compare(Compare.NOT_EQUAL, _U32.pack(0))


def ttl_lacks(bit: int) -> tuple[bytes, ...]:
    """Return the match for a TTL without this bit."""
    return network_header(_TTL, 1), masked(bytes((bit,))), compare(Compare.EQUAL, b"\0")


def toggle_ttl(bits: int) -> tuple[bytes, ...]:
    """Return the statement that turns these bits of the TTL over."""
    return _changed_ttl(0xFF, bits)


def fill_ttl() -> tuple[bytes, ...]:
    """Return the statement that sets the TTL to 255."""
    return _changed_ttl(0, _FULL)


def ttl_is_full() -> tuple[bytes, bytes]:
    """Return the match for TTL 255."""
    return network_header(_TTL, 1), compare(Compare.EQUAL, bytes((_FULL,)))


def _changed_ttl(mask: int, toggled: int) -> tuple[bytes, ...]:
    """Return the statement for both octets, because the checksum is of pairs: the TTL and the protocol."""
    fields = (_NETWORK_HEADER, _TTL, 2, _REGISTER, _INET_CHECKSUM, _CHECKSUM)
    written = b"".join(attribute(place, _BE32.pack(value)) for place, value in enumerate(fields, 2))
    changed = masked(bytes((mask, 0xFF)), toggled=bytes((toggled, 0)))
    return network_header(_TTL, 2), changed, expression("payload", written)
