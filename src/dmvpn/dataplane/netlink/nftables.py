"""nf_tables by nfnetlink: tables, chains, rules and their expressions as octets, and the socket for requests.

A ruleset is changed in one transaction: a datagram that begins with BATCH_BEGIN and ends with BATCH_END, which is
carried out completely or not at all. Attributes of nf_tables are in network byte order (linux/netfilter/nf_tables.h).
"""

from __future__ import annotations

import enum
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.codes import (
    NLM_F_ACK,
    NLM_F_APPEND,
    NLM_F_CREATE,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    KernelMessageType,
)
from dmvpn.dataplane.netlink.wire import (
    attribute,
    attribute_text,
    nest,
    parse_acknowledgement,
    parse_attributes,
    parse_done,
    parse_messages,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from dmvpn.dataplane.netlink.wire import KernelMessage

_NETLINK_NETFILTER: Final = 12
_HEADER = struct.Struct("=IHHII")
#: nfgenmsg: family, version, resource (network byte order).
_NFGENMSG = struct.Struct("=BBH")
_BE16, _BE32 = struct.Struct("!H"), struct.Struct("!I")
#: A number of ours at a rule or an element: type, length, value, as nft writes comments, with a type that it ignores.
MARK = struct.Struct("=BBi")
MARK_TYPE: Final = 200
_NFPROTO_IPV4 = 2
#: The beginning of a body for IPv4.
IPV4: Final = _NFGENMSG.pack(_NFPROTO_IPV4, 0, 0)

SUBSYSTEM: Final = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _GET_TABLE, _DELETE_TABLE, _NEW_CHAIN, _GET_CHAIN, _DELETE_CHAIN, _NEW_RULE, _GET_RULE, _DELETE_RULE = (
    SUBSYSTEM << 8 | number for number in range(9)
)
#: The end of a transaction, which is about no table.
_NEW_GENERATION: Final = SUBSYSTEM << 8 | 15
#: NFNLGRP_NFTABLES: changes of tables, and their authors.
_GROUP: Final = 7
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_SNDBUFFORCE = 32

_TABLE_NAME, _TABLE_FLAGS = 1, 2
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_TYPE = 1, 3, 4, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_HANDLE, _RULE_EXPRESSIONS, _RULE_USERDATA = 1, 2, 3, 4, 7
_LIST_ELEMENT = 1
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT = 1, 2
_REGISTER, _SECOND_REGISTER = 1, 2
_COUNTER_PACKETS = 2
_NAME_OCTETS = 16

_RECEIVE: Final = 1 << 17
#: Send buffer of the socket in octets, where it is allowed: a long access list makes a long transaction.
_SEND: Final = 1 << 21
_PATIENCE = 5.0

#: One part of a transaction: type, flags, body.
Part = tuple[int, int, bytes]


@dataclass(frozen=True, slots=True)
class Ruleset:
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
    return _NEW_TABLE, NLM_F_CREATE, IPV4 + attribute_text(_TABLE_NAME, table) + flagged


def delete_table(table: str) -> Part:
    """Delete a table with all its contents."""
    return _DELETE_TABLE, 0, IPV4 + attribute_text(_TABLE_NAME, table)


def base_chain(table: str, name: str, kind: str, hook: Hook, priority: int) -> Part:
    """Return a chain that packets pass. kind: "nat", "filter" or "route"."""
    where = attribute(_HOOK_NUMBER, _BE32.pack(hook)) + attribute(_HOOK_PRIORITY, struct.pack("!i", priority))
    body = attribute_text(_CHAIN_TABLE, table) + attribute_text(_CHAIN_NAME, name)
    return _NEW_CHAIN, NLM_F_CREATE, IPV4 + body + nest(_CHAIN_HOOK, where) + attribute_text(_CHAIN_TYPE, kind)


def chain(table: str, name: str) -> Part:
    """Return a chain that other chains jump to."""
    return _NEW_CHAIN, NLM_F_CREATE, IPV4 + attribute_text(_CHAIN_TABLE, table) + attribute_text(_CHAIN_NAME, name)


def delete_chain(table: str, name: str) -> Part:
    """Delete a chain with its rules; no rule of another may refer to it."""
    return _DELETE_CHAIN, 0, IPV4 + attribute_text(_CHAIN_TABLE, table) + attribute_text(_CHAIN_NAME, name)


def empty_chain(table: str, name: str) -> Part:
    """Delete all rules of a chain."""
    return _DELETE_RULE, 0, IPV4 + attribute_text(_RULE_TABLE, table) + attribute_text(_RULE_CHAIN, name)


def rule(table: str, in_chain: str, *expressions: bytes, mark: int | None = None) -> Part:
    """Return a rule that is appended to a chain. mark: a number of ours, which `RuleThere` returns."""
    listed = b"".join(nest(_LIST_ELEMENT, one) for one in expressions)
    body = attribute_text(_RULE_TABLE, table) + attribute_text(_RULE_CHAIN, in_chain) + nest(_RULE_EXPRESSIONS, listed)
    noted = b"" if mark is None else attribute(_RULE_USERDATA, marked(mark))
    return _NEW_RULE, NLM_F_CREATE | NLM_F_APPEND, IPV4 + body + noted


# ---------------------------------------------------------------------------------------------------- expressions


def is_interface(key: Meta, name: str) -> tuple[bytes, bytes]:
    """Return the match for the Linux name of the interface by which a packet came or leaves."""
    return meta(key), compare(Compare.EQUAL, name.encode().ljust(_NAME_OCTETS, b"\0"))


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


def masked(mask: bytes, register: int = _REGISTER, *, toggled: bytes = b"") -> bytes:
    """Apply a mask to the loaded value, then turn these bits over."""
    bits = toggled or bytes(len(mask))
    values = nest(4, attribute(_DATA_VALUE, mask)) + nest(5, attribute(_DATA_VALUE, bits))
    return expression("bitwise", numbers(register, register, len(mask)) + values)


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


def numbers(*values: int) -> bytes:
    """Return attributes 1, 2 ... with these numbers of four octets."""
    return b"".join(attribute(place, _BE32.pack(value)) for place, value in enumerate(values, 1))


def expression(name: str, fields: bytes) -> bytes:
    """Return an expression with its attributes."""
    return attribute_text(_EXPRESSION_NAME, name) + nest(_EXPRESSION_DATA, fields)


# ---------------------------------------------------------------------------------------------------- the kernel


@dataclass(frozen=True, slots=True)
class RuleThere:
    """A rule in the kernel.

    handle: its number in the table, never reused.
    packets: its counter; None: it has none.
    mark: the number of ours that it has, None: none.
    """

    table: str
    chain: str
    handle: int
    packets: int | None
    mark: int | None = None


class NetfilterSocket:
    """Sends requests to nf_tables and conntrack of the network namespace in which it was made."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._sequence = 0
        try:
            self._socket.settimeout(_PATIENCE)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND)
            with suppress(OSError):  # beyond the machine's limit, for real root only
                self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _SEND)
            self._socket.bind((0, 0))
        except OSError:
            self._socket.close()
            raise

    @property
    def port(self) -> int:
        """The number by which notifications name this socket as the author of a change."""
        number: int = self._socket.getsockname()[0]
        return number

    def transact(self, parts: Sequence[Part]) -> None:
        """Carry out all parts or none. Raises OSError for the first part that the kernel refuses."""
        first = self._sequence + 1
        edge = _NFGENMSG.pack(0, 0, socket.htons(SUBSYSTEM))
        pieces = [_message(_BATCH_BEGIN, 0, first, edge)]
        last = first + len(parts)
        for number, (kind, flags, body) in enumerate(parts, first + 1):
            # One acknowledgement is enough: refusals come unrequested.
            pieces.append(_message(kind, flags | (NLM_F_ACK if number == last else 0), number, body))
        self._sequence = last + 1
        self._ask(b"".join([*pieces, _message(_BATCH_END, 0, self._sequence, edge)]), first, last)

    def call(self, kind: int, body: bytes) -> None:
        """Send one request. Raises OSError."""
        self._sequence += 1
        self._ask(_message(kind, NLM_F_ACK, self._sequence, body), self._sequence, self._sequence)

    def dump(self, kind: int, body: bytes = IPV4) -> Iterator[memoryview]:
        """Yield the bodies of all objects that a request finds, behind their nfgenmsg. Raises OSError."""
        self._sequence += 1
        self._socket.send(_message(kind, NLM_F_DUMP, self._sequence, body))
        while True:
            for message in self._receive():
                if message.sequence != self._sequence:
                    continue
                if message.kind == KernelMessageType.ERROR:
                    _check(message)
                elif message.kind == KernelMessageType.DONE:
                    if failure := parse_done(message):
                        raise OSError(failure, os.strerror(failure))
                    return
                else:
                    yield message.body[_NFGENMSG.size :]

    def tables(self) -> list[str]:
        """Return the names of all tables of IPv4. Raises OSError."""
        return [read_text(parse_attributes(body)[_TABLE_NAME]) for body in self.dump(_GET_TABLE)]

    def chains(self, table: str) -> list[str]:
        """Return the names of the chains of a table; none if it does not exist. Raises OSError."""
        found = [parse_attributes(body) for body in self.dump(_GET_CHAIN)]
        return [read_text(one[_CHAIN_NAME]) for one in found if read_text(one[_CHAIN_TABLE]) == table]

    def rules(self, table: str) -> list[RuleThere]:
        """Return the rules of a table, in order; none if it does not exist. Raises OSError."""
        asked = IPV4 + attribute_text(_RULE_TABLE, table)
        found = [_rule_there(body) for body in self.dump(_GET_RULE, asked)]
        return [one for one in found if one.table == table]

    def _ask(self, octets: bytes, first: int, last: int) -> None:
        """Send, and read answers up to number `last`. Raises OSError for the first refusal."""
        self._socket.send(octets)
        while True:
            for message in self._receive():
                if message.kind == KernelMessageType.ERROR and _check(message, first) == last:
                    return

    def _receive(self) -> Iterator[KernelMessage]:
        datagram, sender = self._socket.recvfrom(_RECEIVE)
        # Only the kernel has number 0; messages of other processes are ignored.
        return parse_messages(memoryview(datagram)) if sender[0] == 0 else iter(())

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class NetfilterMonitor:
    """Notices changes of the tables in its network namespace."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        try:
            self._socket.bind((0, 0))
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP)
            self._socket.setblocking(False)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable when a table has changed."""
        return self._socket.fileno()

    def read(self, table: str, author: int = 0) -> bool:
        """Read all notifications. True: this table has changed, or a notification was lost.

        author: the `port` of a socket whose changes do not count.
        """
        changed = False
        while True:
            try:
                datagram, sender = self._socket.recvfrom(_RECEIVE)
            except BlockingIOError:
                return changed
            except OSError:  # ENOBUFS: notifications were lost
                changed = True
            else:
                # Only the kernel has number 0.
                changed = changed or any(
                    sender[0] == 0 and message.port != author and _table_of(message) == table
                    for message in parse_messages(memoryview(datagram))
                )

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def in_transactions(parts: Sequence[Part], octets: int) -> Iterator[list[Part]]:
    """Divide parts into transactions of about so many octets."""
    some: list[Part] = []
    size = 0
    for part in parts:
        length = _HEADER.size + len(part[2])
        if some and size + length > octets:
            yield some
            some, size = [], 0
        some.append(part)
        size += length
    if some:
        yield some


def _message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body


def _check(message: KernelMessage, first: int = 0) -> int:
    """Return the sequence number of an answer.

    Raises OSError for a refusal; an answer before `first` is of an earlier request.
    """
    said = parse_acknowledgement(message)
    if said.errno and said.sequence >= first:
        raise OSError(said.errno, said.text or os.strerror(said.errno))
    return said.sequence


def _table_of(message: KernelMessage) -> str:
    """Return the table that a notification is about. The table's name is attribute 1 of all kinds of objects."""
    if message.kind >> 8 != SUBSYSTEM or message.kind == _NEW_GENERATION:
        return ""
    return read_text(parse_attributes(message.body[_NFGENMSG.size :]).get(_TABLE_NAME, memoryview(b"")))


def _rule_there(body: memoryview) -> RuleThere:
    fields = parse_attributes(body)
    return RuleThere(
        table=read_text(fields[_RULE_TABLE]),
        chain=read_text(fields[_RULE_CHAIN]),
        handle=int.from_bytes(fields[_RULE_HANDLE], "big"),
        packets=next((packets for packets in _counters(fields.get(_RULE_EXPRESSIONS)) if packets is not None), None),
        mark=read_mark(fields.get(_RULE_USERDATA)),
    )


def marked(number: int) -> bytes:
    """Return a number of ours as the user data of a rule or an element."""
    return MARK.pack(MARK_TYPE, 4, number)


def read_mark(noted: memoryview | None) -> int | None:
    """Return the number of ours that a rule or an element has; without one, None."""
    if noted is None or len(noted) != MARK.size or noted[0] != MARK_TYPE:
        return None
    return int(MARK.unpack(noted)[2])


def _counters(listed: memoryview | None) -> Iterator[int | None]:
    offset = 0
    while listed is not None and offset + 4 <= len(listed):
        length = int.from_bytes(listed[offset : offset + 2], sys.byteorder)
        if length < 4:
            return
        fields = parse_attributes(listed[offset + 4 : offset + length])
        if read_text(fields[_EXPRESSION_NAME]) == "counter":
            yield int.from_bytes(parse_attributes(fields[_EXPRESSION_DATA])[_COUNTER_PACKETS], "big")
        offset += (length + 3) & ~3
