"""Sockets to nf_tables and conntrack: requests, the contents of tables, notifications of changes, copies of packets.

A ruleset is changed in one transaction: a datagram that begins with BATCH_BEGIN and ends with BATCH_END, which is
carried out completely or not at all.

`base_chains` asks for those of any program, with their hooks and policies.

A rule of nf_tables chooses packets of which copies come (NFLOG, linux/netfilter/nfnetlink_log.h). A group has one
listener in each network namespace; the kernel gathers copies for `_DELAY`, so a flood costs few reads.
"""

from __future__ import annotations

import enum
import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Self

from dmvpn.base.breath import breathing
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.dataplane.netlink import wire
from dmvpn.dataplane.netlink.nftables import SUBSYSTEM, Hook, NetfilterVerdict, Part, read_mark
from dmvpn.dataplane.netlink.wire import parse_attributes, read_text

# ------------------------------------------------------------------------------------------- requests and notifications


_NETLINK_NETFILTER: Final = 12
_HEADER = struct.Struct("=IHHII")
#: nfgenmsg: family, version, resource (network byte order).
_NFGENMSG = struct.Struct("=BBH")
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_GET_TABLE, _GET_CHAIN, _GET_RULE = (SUBSYSTEM << 8 | number for number in (1, 4, 7))
#: The end of a transaction, which is about no table.
_NEW_GENERATION: Final = SUBSYSTEM << 8 | 15
#: NFNLGRP_NFTABLES: changes of tables, and their authors.
_GROUP: Final = 7
_SOL_NETLINK, _ADD_MEMBERSHIP = 270, 1
_SO_SNDBUFFORCE = 32

_TABLE_NAME, _TABLE_FLAGS = 1, 2
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_USE = 1, 3, 4, 5, 6
_RULE_TABLE, _RULE_CHAIN, _RULE_HANDLE, _RULE_EXPRESSIONS, _RULE_USERDATA = 1, 2, 3, 4, 7
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_COUNTER_PACKETS = 2

_RECEIVE: Final = 1 << 17
#: Send buffer of the socket in octets, where it is allowed: a long access list makes a long transaction.
_SEND: Final = 1 << 21
_PATIENCE = 5.0


class RuleThere(Value):
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


class Family(enum.IntEnum):
    """The packets that pass a table, as nft names them."""

    INET = 1
    IP = 2
    IP6 = 10

    @property
    def head(self) -> bytes:
        """The beginning of a request."""
        return _NFGENMSG.pack(self, 0, 0)


class NetfilterSocket:
    """Sends requests to nf_tables and conntrack of the network namespace in which it was made."""

    def __init__(self, family: Family = Family.IP) -> None:
        """family: of its requests, unless a request names another family."""
        self._head = family.head
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

    def transact(self, parts: Sequence[Part], family: Family | None = None) -> None:
        """Carry out all parts or none. Raises OSError for the first part that the kernel refuses."""
        first = self._sequence + 1
        edge = _NFGENMSG.pack(0, 0, socket.htons(SUBSYSTEM))
        pieces = [_message(_BATCH_BEGIN, 0, first, edge)]
        last = first + len(parts)
        head = self._head if family is None else family.head
        for number, (kind, flags, body) in enumerate(parts, first + 1):
            # One acknowledgement is enough: refusals come unrequested.
            pieces.append(_message(kind, flags | (wire.NLM_F_ACK if number == last else 0), number, head + body))
        self._sequence = last + 1
        self._ask(b"".join([*pieces, _message(_BATCH_END, 0, self._sequence, edge)]), first, last)

    def call(self, kind: int, body: bytes) -> None:
        """Send one request. Raises OSError."""
        self._sequence += 1
        self._ask(_message(kind, wire.NLM_F_ACK, self._sequence, self._head + body), self._sequence, self._sequence)

    def dump(self, kind: int, body: bytes = b"", family: Family | None = None) -> Iterator[memoryview]:
        """Yield the bodies of all objects that a request finds, behind their nfgenmsg. Raises OSError."""
        self._sequence += 1
        head = self._head if family is None else family.head
        self._socket.send(_message(kind, wire.NLM_F_DUMP, self._sequence, head + body))
        while True:
            for message in self._receive():
                if message.sequence != self._sequence:
                    continue
                if message.kind == wire.KernelMessageType.ERROR:
                    _check(message)
                elif message.kind == wire.KernelMessageType.DONE:
                    if failure := wire.parse_done(message):
                        raise OSError(failure, os.strerror(failure))
                    return
                else:
                    yield message.body[_NFGENMSG.size :]

    def tables(self, *families: Family) -> list[str]:
        """Return the names of all tables of its family, or of these. Raises OSError."""
        found = (body for family in families or (None,) for body in self.dump(_GET_TABLE, family=family))
        return [wire.read_text(wire.parse_attributes(body)[_TABLE_NAME]) for body in found]

    def chains(self, table: str) -> list[str]:
        """Return the names of the chains of a table; none if it does not exist. Raises OSError."""
        found = [wire.parse_attributes(body) for body in self.dump(_GET_CHAIN)]
        return [wire.read_text(one[_CHAIN_NAME]) for one in found if wire.read_text(one[_CHAIN_TABLE]) == table]

    def rules(self, table: str, chain: str = "") -> list[RuleThere]:
        """Return the rules of a table, or of one of its chains, in order; none if it does not exist. Raises OSError."""
        asked = wire.attribute_text(_RULE_TABLE, table)
        if chain:
            asked += wire.attribute_text(_RULE_CHAIN, chain)
        # The socket is read to the end first: during a breath others may use it.
        found = [_rule_there(body) for body in breathing(list(self.dump(_GET_RULE, asked)))]
        return [one for one in found if one.table == table]

    def _ask(self, octets: bytes, first: int, last: int) -> None:
        """Send, and read answers up to number `last`. Raises OSError for the first refusal."""
        self._socket.send(octets)
        while True:
            for message in self._receive():
                if message.kind == wire.KernelMessageType.ERROR and _check(message, first) == last:
                    return

    def _receive(self) -> Iterator[wire.KernelMessage]:
        datagram, sender = self._socket.recvfrom(_RECEIVE)
        # Only the kernel has number 0; messages of other processes are ignored.
        return wire.parse_messages(memoryview(datagram)) if sender[0] == 0 else iter(())

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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

    def read_notifications(self, table: str, author: int = 0) -> bool:
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
                    for message in wire.parse_messages(memoryview(datagram))
                )

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def _message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | wire.NLM_F_REQUEST, sequence, 0) + body


def _check(message: wire.KernelMessage, first: int = 0) -> int:
    """Return the sequence number of an answer.

    Raises OSError for a refusal; an answer before `first` is of an earlier request.
    """
    said = wire.parse_acknowledgement(message)
    if said.errno and said.sequence >= first:
        raise OSError(said.errno, said.text or os.strerror(said.errno))
    return said.sequence


def _table_of(message: wire.KernelMessage) -> str:
    """Return the table that a notification is about. The table's name is attribute 1 of all kinds of objects."""
    if message.kind >> 8 != SUBSYSTEM or message.kind == _NEW_GENERATION:
        return ""
    return wire.read_text(wire.parse_attributes(message.body[_NFGENMSG.size :]).get(_TABLE_NAME, memoryview(b"")))


def _rule_there(body: memoryview) -> RuleThere:
    fields = wire.parse_attributes(body)
    return RuleThere(
        table=wire.read_text(fields[_RULE_TABLE]),
        chain=wire.read_text(fields[_RULE_CHAIN]),
        handle=int.from_bytes(fields[_RULE_HANDLE], "big"),
        packets=next((packets for packets in _counters(fields.get(_RULE_EXPRESSIONS)) if packets is not None), None),
        mark=read_mark(fields.get(_RULE_USERDATA)),
    )


def _counters(listed: memoryview | None) -> Iterator[int | None]:
    offset = 0
    while listed is not None and offset + 4 <= len(listed):
        length = int.from_bytes(listed[offset : offset + 2], sys.byteorder)
        if length < 4:
            return
        fields = wire.parse_attributes(listed[offset + 4 : offset + length])
        if wire.read_text(fields[_EXPRESSION_NAME]) == "counter":
            yield int.from_bytes(wire.parse_attributes(fields[_EXPRESSION_DATA])[_COUNTER_PACKETS], "big")
        offset += (length + 3) & ~3


# ------------------------------------------------------------------------------------------- base chains of any program


#: NFT_TABLE_F_DORMANT: the table is kept, but its chains see no packets.
_DORMANT: Final = 1
_HOOK_NUMBER: Final = 1


class BaseChain(Value):
    """A chain at a hook.

    hook: its number, of `Hook`.
    policy: the verdict at its end; None: not reported by the kernel.
    rules: number of its rules.
    """

    family: Family
    table: str
    name: str
    hook: int
    policy: int | None
    rules: int


def base_chains(kernel: NetfilterSocket) -> Iterator[BaseChain]:
    """Yield the base chains that IPv4 or IPv6 packets pass. Raises OSError."""
    for family in Family:
        tables = [parse_attributes(body) for body in kernel.dump(_GET_TABLE, family=family)]
        dormant = [read_text(one[_TABLE_NAME]) for one in tables if _number(one.get(_TABLE_FLAGS)) & _DORMANT]
        for body in kernel.dump(_GET_CHAIN, family=family):
            fields = parse_attributes(body)
            if _CHAIN_HOOK in fields and read_text(fields[_CHAIN_TABLE]) not in dormant:
                policy = fields.get(_CHAIN_POLICY)
                yield BaseChain(
                    family=family,
                    table=_printable(fields[_CHAIN_TABLE]),
                    name=_printable(fields[_CHAIN_NAME]),
                    hook=_number(parse_attributes(fields[_CHAIN_HOOK]).get(_HOOK_NUMBER)),
                    policy=None if policy is None else _number(policy),
                    rules=_number(fields.get(_CHAIN_USE)),  # only its rules refer to a base chain
                )


def forward_drops() -> list[BaseChain]:
    """Return the base chains at hook forward whose policy is to drop, in the network namespace of the calling thread.

    None where the kernel has no nf_tables, or refuses the request.
    """
    try:
        with NetfilterSocket() as kernel:
            return [
                one for one in base_chains(kernel) if one.hook == Hook.FORWARD and one.policy == NetfilterVerdict.DROP
            ]
    except (OSError, WireError, KeyError):
        return []


def _number(value: memoryview | None) -> int:
    return 0 if value is None else int.from_bytes(value, "big")


def _printable(value: memoryview) -> str:
    return "".join(one if one.isprintable() else "?" for one in read_text(value))


# ------------------------------------------------------------------------------------------------ copies of packets


_NFGENMSG_LENGTH: Final = 4
_PACKET, _CONFIGURE = 4 << 8, 4 << 8 | 1
_COMMAND, _MODE, _TIMEOUT = 1, 2, 4
_BIND: Final = 1
_COPY_PACKET: Final = 2
_ARRIVED, _HARDWARE_ADDRESS, _PAYLOAD, _PREFIX = 4, 8, 9, 10
_BE32 = struct.Struct("!I")
#: Until copies are delivered, in hundredths of a second.
_DELAY: Final = 1
_BUFFER: Final = 1 << 21
#: Groups that are tried: of each router of a network namespace one.
_GROUPS: Final = range(5400, 5464)


class CopiedPacket(Value):
    """A copy.

    prefix: the text of the rule.
    hardware_address: of its sender on the link, or empty.
    arrived: the index of the interface by which it came, 0: none.
    """

    prefix: str
    data: bytes
    hardware_address: bytes
    arrived: int


class CopiedPackets:
    """Listens to a group of its own in the network namespace in which it was made. Raises OSError."""

    def __init__(self, octets: int) -> None:
        """octets: of each packet."""
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self._socket.bind((0, 0))
            self._socket.settimeout(1.0)
            self.group = self._bind(octets)
            self._socket.setblocking(False)
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that is readable when there are copies."""
        return self._socket.fileno()

    def read_packets(self) -> Iterator[CopiedPacket]:
        """Yield the copies that have arrived; some may be lost."""
        while True:
            try:
                datagram, sender = self._socket.recvfrom(_RECEIVE)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                continue
            if sender[0] == 0:  # the kernel
                for message in wire.parse_messages(memoryview(datagram)):
                    if message.kind == _PACKET:
                        yield _packet(message)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _bind(self, octets: int) -> int:
        for group in _GROUPS:
            failure = self._configure(group, wire.attribute(_COMMAND, bytes((_BIND,))))
            if not failure:
                break
            if failure not in (errno.EBUSY, errno.EPERM) or group == _GROUPS[-1]:
                raise OSError(failure, "the kernel copies no packets (nfnetlink_log)")
        mode = wire.attribute(_MODE, _BE32.pack(octets) + bytes((_COPY_PACKET, 0)))
        self._configure(group, mode + wire.attribute(_TIMEOUT, _BE32.pack(_DELAY)))
        return group

    def _configure(self, group: int, attributes: bytes) -> int:
        body = bytes((socket.AF_UNSPEC, 0)) + group.to_bytes(2, "big") + attributes
        self._socket.send(
            _HEADER.pack(_HEADER.size + len(body), _CONFIGURE, wire.NLM_F_REQUEST | wire.NLM_F_ACK, group, 0) + body
        )
        while True:
            datagram = self._socket.recv(_RECEIVE)
            for message in wire.parse_messages(memoryview(datagram)):
                if message.kind == wire.KernelMessageType.ERROR:
                    return wire.parse_acknowledgement(message).errno


def _packet(message: wire.KernelMessage) -> CopiedPacket:
    fields = wire.parse_attributes(message.body[_NFGENMSG_LENGTH:])
    address = bytes(fields.get(_HARDWARE_ADDRESS, memoryview(b"\0\0")))
    return CopiedPacket(
        prefix=wire.read_text(fields.get(_PREFIX, memoryview(b""))),
        data=bytes(fields.get(_PAYLOAD, memoryview(b""))),
        hardware_address=address[4 : 4 + int.from_bytes(address[:2], "big")],
        arrived=int.from_bytes(fields.get(_ARRIVED, memoryview(b"")), "big"),
    )
