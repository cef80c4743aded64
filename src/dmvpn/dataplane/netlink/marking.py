"""Expressions of nf_tables that mark packets and flows, and that change the TTL.

Each reads or writes the first register, as those of `nftables` do.
"""

from __future__ import annotations

import struct
from typing import Final

from dmvpn.dataplane.netlink.nftables import Compare, compare, masked, network_header, tracked_status
from dmvpn.dataplane.netlink.wire import attribute, attribute_text, nest

_U32, _BE32 = struct.Struct("=I"), struct.Struct("!I")
_REGISTER: Final = 1
#: Fields of the IP header, octets from its beginning: TTL and protocol, checksum.
_TTL, _CHECKSUM = 8, 10
_CT_DIRECTION, _CT_MARK, _META_MARK = 1, 3, 3
_REPLY: Final = b"\1"
_INET_CHECKSUM: Final = 1
_NETWORK_HEADER: Final = 1
_FULL: Final = 255


def mark_is(mark: int) -> tuple[bytes, bytes]:
    """Return the match for the mark of a packet."""
    return _expression("meta", {1: _REGISTER, 2: _META_MARK}), compare(Compare.EQUAL, _U32.pack(mark))


def set_mark(mark: int) -> tuple[bytes, bytes]:
    """Return the statement that marks the packet."""
    return _value(_U32.pack(mark)), _expression("meta", {2: _META_MARK, 3: _REGISTER})


def set_flow_mark(mark: int) -> tuple[bytes, bytes]:
    """Return the statement that marks the flow of the packet."""
    return _value(_U32.pack(mark)), _expression("ct", {2: _CT_MARK, 4: _REGISTER})


def mark_as_flow() -> tuple[bytes, ...]:
    """Return the statement that gives a packet the mark of its flow, if that has one."""
    loaded = _expression("ct", {1: _REGISTER, 2: _CT_MARK})
    return loaded, compare(Compare.NOT_EQUAL, _U32.pack(0)), _expression("meta", {2: _META_MARK, 3: _REGISTER})


def is_reply() -> tuple[bytes, bytes]:
    """Return the match for packets against the direction of the first one of their flow."""
    return _expression("ct", {1: _REGISTER, 2: _CT_DIRECTION}), compare(Compare.EQUAL, _REPLY)


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
    values = nest(4, attribute(1, bytes((mask, 0xFF)))) + nest(5, attribute(1, bytes((toggled, 0))))
    numbers = _numbers({1: _REGISTER, 2: _REGISTER, 3: 2})
    written = {2: _NETWORK_HEADER, 3: _TTL, 4: 2, 5: _REGISTER, 6: _INET_CHECKSUM, 7: _CHECKSUM}
    return network_header(_TTL, 2), _named("bitwise", numbers + values), _expression("payload", written)


def _value(octets: bytes) -> bytes:
    return _named("immediate", _numbers({1: _REGISTER}) + nest(2, attribute(1, octets)))


def _expression(name: str, numbers: dict[int, int]) -> bytes:
    return _named(name, _numbers(numbers))


def _numbers(numbers: dict[int, int]) -> bytes:
    return b"".join(attribute(place, _BE32.pack(number)) for place, number in numbers.items())


def _named(name: str, fields: bytes) -> bytes:
    return attribute_text(1, name) + nest(2, fields)
