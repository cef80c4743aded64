"""nf_tables by nfnetlink: tables, chains, rules and their expressions as octets. `nfsocket` has the sockets.

Attributes of nf_tables are in network byte order (linux/netfilter/nf_tables.h).

Each expression reads or writes the first register.
"""

from __future__ import annotations

import enum
import itertools
import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.values import Value
from dmvpn.dataplane.netlink.wire import NLM_F_APPEND, NLM_F_CREATE, attribute, attribute_text, nest
from dmvpn.net.ipv6 import FRAGMENT

# ------------------------------------------------------------------------------------------------ tables, chains, rules


_BE16, _BE32, _BE64 = struct.Struct("!H"), struct.Struct("!I"), struct.Struct("!Q")
#: A number of ours at a rule or an element: type, length, value, as nft writes comments, with a type that it ignores.
MARK = struct.Struct("=BBi")
MARK_TYPE: Final = 200
_NFPROTO_IPV4 = 2

SUBSYSTEM: Final = 10
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _DELETE_CHAIN, _NEW_RULE, _DELETE_RULE = (
    SUBSYSTEM << 8 | number for number in (0, 2, 3, 5, 6, 8)
)
_TABLE_NAME, _TABLE_FLAGS = 1, 2
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_TYPE = 1, 3, 4, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS, _RULE_USERDATA = 1, 2, 4, 7
_LIST_ELEMENT = 1
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT = 1, 2
_REGISTER, _SECOND_REGISTER = 1, 2
_NAME_OCTETS = 16
#: Of the header of a netlink message, and of nfgenmsg.
_HEADER_OCTETS: Final = 20

#: One part of a transaction: type, flags, body behind nfgenmsg, which names the family of the socket's tables.
Part = tuple[int, int, bytes]


class Ruleset(Value):
    """The contents of a table.

    bases: the chains that packets pass, and their rules.
    chains: the other ones, which rules jump to; without `bases` no packet comes there.
    """

    bases: tuple[Part, ...]
    chains: tuple[Part, ...] = ()


class Hook(enum.IntEnum):
    """The place of a base chain."""

    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4


class Meta(enum.IntEnum):
    """Packet metadata, which is not in the packet itself."""

    MARK = 3
    INPUT = 4
    INPUT_NAME = 6
    OUTPUT_NAME = 7
    PROTOCOL = 16


class Compare(enum.IntEnum):
    """How values are compared."""

    EQUAL = 0
    NOT_EQUAL = 1
    AT_MOST = 3
    MORE = 4
    AT_LEAST = 5


class NetfilterVerdict(enum.IntEnum):
    """The fate of a packet."""

    DROP = 0
    ACCEPT = 1
    JUMP = -3
    GOTO = -4
    RETURN = -5


# ---------------------------------------------------------------------------------------------------- tables


class TableFlag(enum.IntFlag):
    """OWNER: only the socket that made the table changes it, since Linux 5.12; PERSIST: it stays when that is closed,
    since 6.9.
    """

    OWNER = 2
    PERSIST = 4


def new_table(table: str, flags: TableFlag | None = None) -> Part:
    """Make a table, if it does not exist."""
    flagged = b"" if not flags else attribute(_TABLE_FLAGS, _BE32.pack(flags))
    return _NEW_TABLE, NLM_F_CREATE, attribute_text(_TABLE_NAME, table) + flagged


def delete_table(table: str) -> Part:
    """Delete a table with all its contents."""
    return _DELETE_TABLE, 0, attribute_text(_TABLE_NAME, table)


def base_chain(table: str, name: str, kind: str, hook: Hook, priority: int) -> Part:
    """Return a chain that packets pass. kind: "nat", "filter" or "route"."""
    where = attribute(_HOOK_NUMBER, _BE32.pack(hook)) + attribute(_HOOK_PRIORITY, struct.pack("!i", priority))
    body = attribute_text(_CHAIN_TABLE, table) + attribute_text(_CHAIN_NAME, name)
    return _NEW_CHAIN, NLM_F_CREATE, body + nest(_CHAIN_HOOK, where) + attribute_text(_CHAIN_TYPE, kind)


def chain(table: str, name: str) -> Part:
    """Return a chain that other chains jump to."""
    return _NEW_CHAIN, NLM_F_CREATE, attribute_text(_CHAIN_TABLE, table) + attribute_text(_CHAIN_NAME, name)


def delete_chain(table: str, name: str) -> Part:
    """Delete a chain with its rules; no rule of another may refer to it."""
    return _DELETE_CHAIN, 0, attribute_text(_CHAIN_TABLE, table) + attribute_text(_CHAIN_NAME, name)


def empty_chain(table: str, name: str) -> Part:
    """Delete all rules of a chain."""
    return _DELETE_RULE, 0, attribute_text(_RULE_TABLE, table) + attribute_text(_RULE_CHAIN, name)


def rule(table: str, in_chain: str, *expressions: bytes, mark: int | None = None) -> Part:
    """Return a rule that is appended to a chain. mark: a number of ours, which `RuleThere` returns."""
    listed = b"".join(nest(_LIST_ELEMENT, one) for one in expressions)
    body = attribute_text(_RULE_TABLE, table) + attribute_text(_RULE_CHAIN, in_chain) + nest(_RULE_EXPRESSIONS, listed)
    noted = b"" if mark is None else attribute(_RULE_USERDATA, marked(mark))
    return _NEW_RULE, NLM_F_CREATE | NLM_F_APPEND, body + noted


# ---------------------------------------------------------------------------------------------------- expressions


def is_interface(key: Meta, name: str, operation: Compare = Compare.EQUAL) -> tuple[bytes, bytes]:
    """Return the match for the Linux name of the interface by which a packet came or leaves."""
    return meta(key), compare(operation, name.encode().ljust(_NAME_OCTETS, b"\0"))


def is_protocol(number: int) -> tuple[bytes, bytes]:
    """Return the match for the protocol in the IP header."""
    return meta(Meta.PROTOCOL), compare(Compare.EQUAL, bytes((number,)))


def meta(key: Meta, register: int = _REGISTER) -> bytes:
    """Load packet metadata."""
    return expression("meta", numbers(register, key))


def network_header(offset: int, length: int) -> bytes:
    """Load octets of the IP header."""
    return expression("payload", numbers(_REGISTER, 1, offset, length))


def transport_header(offset: int, length: int) -> bytes:
    """Load octets behind the IP header."""
    return expression("payload", numbers(_REGISTER, 2, offset, length))


def tracked_status() -> bytes:
    """Load the status of the packet's flow, four octets in host order."""
    return expression("ct", numbers(_REGISTER, 2))


def constant(value: bytes, register: int = _REGISTER) -> bytes:
    """Load these octets."""
    return expression("immediate", numbers(register) + nest(2, attribute(_DATA_VALUE, value)))


def masked(mask: bytes, register: int = _REGISTER, *, toggled: bytes = b"", to: int | None = None) -> bytes:
    """Apply a mask to the loaded value, then turn these bits over. to: the register of the result, None: the same."""
    bits = toggled or bytes(len(mask))
    values = nest(4, attribute(_DATA_VALUE, mask)) + nest(5, attribute(_DATA_VALUE, bits))
    return expression("bitwise", numbers(register, register if to is None else to, len(mask)) + values)


def compare(operation: Compare, value: bytes) -> bytes:
    """Continue if the comparison of the loaded value holds."""
    return expression("cmp", numbers(_REGISTER, operation) + nest(3, attribute(_DATA_VALUE, value)))


def counter() -> bytes:
    """Count the packets that reach this point."""
    return expression("counter", b"")


def verdict(code: NetfilterVerdict, to: str = "") -> bytes:
    """End here. to: the chain, of JUMP and GOTO."""
    fields = attribute(1, struct.pack("!i", code)) + (attribute_text(2, to) if to else b"")
    return expression("immediate", attribute(1, _BE32.pack(0)) + nest(2, nest(_DATA_VERDICT, fields)))


def masquerade(flags: int = 0, ports: tuple[int, int] | None = None) -> tuple[bytes, ...]:
    """Return the expressions that translate the source to the address of the outgoing interface, and to a port of this
    range.
    """
    body = attribute(1, _BE32.pack(flags)) if flags else b""
    if ports is None:
        return (expression("masq", body),)
    registers = (_REGISTER, _SECOND_REGISTER)
    loads = (constant(_BE16.pack(port), register) for register, port in zip(registers, ports, strict=True))
    where = b"".join(attribute(2 + place, _BE32.pack(register)) for place, register in enumerate(registers))
    return (*loads, expression("masq", body + where))


def one_to_one(old: IPv4Address, new: IPv4Address, *, of_source: bool) -> tuple[bytes, ...]:
    """Return the expressions that replace the source or destination address of a flow, and its port if it is taken."""
    matched = (network_header(12 if of_source else 16, 4), compare(Compare.EQUAL, old.packed))
    return (*matched, *replaced((new, new), of_source=of_source))


#: NF_NAT_RANGE_NETMAP: the bits of the network are replaced, those of the station stay.
NETWORK_MAPPED: Final = 1 << 6


def replaced(
    addresses: tuple[IPv4Address, IPv4Address] | None,
    *,
    of_source: bool,
    ports: tuple[int, int] | None = None,
    flags: int = 0,
) -> tuple[bytes, ...]:
    """Return the expressions that replace the source or destination of a flow by one of these addresses and ports.

    addresses: the first and the last; None: the one in the second register.
    """
    values = {} if addresses is None else dict(zip((3, 4), (one.packed for one in addresses), strict=True))
    values |= {} if ports is None else dict(zip((5, 6), map(_BE16.pack, ports), strict=True))
    loads = [constant(value, register) for register, value in enumerate(values.values(), _REGISTER)]
    places = dict(zip(values, itertools.count(_REGISTER))) if addresses else {3: _SECOND_REGISTER}
    where = b"".join(attribute(kind, _BE32.pack(register)) for kind, register in places.items())
    body = numbers(0 if of_source else 1, _NFPROTO_IPV4) + where
    return *loads, expression("nat", body + (attribute(7, _BE32.pack(flags)) if flags else b""))


def numbers(*values: int) -> bytes:
    """Return attributes 1, 2 ... with these numbers of four octets."""
    return b"".join(attribute(place, _BE32.pack(value)) for place, value in enumerate(values, 1))


def expression(name: str, fields: bytes) -> bytes:
    """Return an expression with its attributes."""
    return attribute_text(_EXPRESSION_NAME, name) + nest(_EXPRESSION_DATA, fields)


# ---------------------------------------------------------------------------------------------------- transactions


def in_transactions(parts: Sequence[Part], octets: int) -> Iterator[list[Part]]:
    """Divide parts into transactions of about so many octets."""
    some: list[Part] = []
    size = 0
    for part in parts:
        length = _HEADER_OCTETS + len(part[2])
        if some and size + length > octets:
            yield some
            some, size = [], 0
        some.append(part)
        size += length
    if some:
        yield some


def marked(number: int) -> bytes:
    """Return a number of ours as the user data of a rule or an element."""
    return MARK.pack(MARK_TYPE, 4, number)


def read_mark(noted: memoryview | None) -> int | None:
    """Return the number of ours that a rule or an element has; without one, None."""
    if noted is None or len(noted) != MARK.size or noted[0] != MARK_TYPE:
        return None
    return int(MARK.unpack(noted)[2])


# ---------------------------------------------------------------------------------------- expressions of packet filters


_NATIVE32 = struct.Struct("=I")
_META_KEY, _META_SOURCE = 2, 3
#: NFTA_FIB_F_*: of what the route is looked up.
_OF_SOURCE, _OF_MARK, _OF_INPUT = 1, 4, 8
_OUTPUT_INDEX: Final = 1
_HEADER_LENGTH: Final = 0x0F
#: NFT_EXTHDR_F_PRESENT.
_IS_THERE: Final = 1


class Fragment(enum.Enum):
    """Which packets, by their fragment offset in units of 8 octets."""

    LATER = "later"
    SECOND = "second"


def is_fragment(which: Fragment, version: int = 4) -> tuple[bytes, ...]:
    """Return the match for later fragments, or for fragments that begin in octet 8."""
    wanted = (Compare.NOT_EQUAL, 0) if which is Fragment.LATER else (Compare.EQUAL, 1)
    if version == 6:  # RFC 8200 §4.5: the offset is in the upper 13 bits
        return _extension(FRAGMENT, 2, 2), masked(b"\xff\xf8"), compare(wanted[0], _BE16.pack(wanted[1] << 3))
    # Four octets, with the identification: the kernel masks these faster than two.
    return network_header(4, 4), masked(b"\0\0\x1f\xff"), compare(wanted[0], _BE32.pack(wanted[1]))


def has_extension(number: int) -> tuple[bytes, bytes]:
    """Return the match for packets with an extension header of IPv6."""
    return _extension(number, 0, 1, _IS_THERE), compare(Compare.EQUAL, b"\1")


def is_behind(header: int, number: int) -> tuple[bytes, bytes]:
    """Return the match for an extension header of IPv6 that names this one as its next."""
    return _extension(header, 0, 1), compare(Compare.EQUAL, bytes((number,)))


def _extension(number: int, offset: int, length: int, flags: int = 0) -> bytes:
    where = (_BE32.pack(_REGISTER), bytes((number,)), *(_BE32.pack(value) for value in (offset, length, flags)))
    return expression("exthdr", b"".join(attribute(place, value) for place, value in enumerate(where, 1)))


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


# ------------------------------------------------------------------------------------------ marks of flows, and the TTL


_U32 = struct.Struct("=I")
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
