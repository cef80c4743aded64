"""Address translation in the kernel, nf_tables by nfnetlink: what `nft` would be told, without that program.

A ruleset is changed in one transaction: a datagram that begins with BATCH_BEGIN and ends with BATCH_END, of which
everything is done or nothing. Attributes of nf_tables are in network byte order. What `Masquerade` makes is, in nft's
words, for the outside interface `outside`:

    table ip dmvpn {
        chain out { type nat hook postrouting priority 100; oifname "outside" masquerade [random,fully-random] }
        chain in  { type filter hook input priority 0; iifname "outside" meta l4proto != icmp drop }
    }

The second chain is what every such box has: without it a stray packet for the public address would make a conntrack
entry of its own, which keeps the flow out that somebody inside is about to begin with the same peer (measured on Linux
6.18, for GRE). Also measured: GRE of less than eight octets in all, an empty keepalive without key, is not translated.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane.netlink.codes import NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST, MessageType
from dmvpn.dataplane.netlink.wire import attribute, attribute_text, nest, parse_acknowledgement, parse_messages
from dmvpn.dataplane.problems import HostProblem, need

if TYPE_CHECKING:
    from collections.abc import Sequence

_NETLINK_NETFILTER = 12
_HEADER = struct.Struct("=IHHII")
#: nfgenmsg: family, version, resource (network byte order).
_NFGENMSG = struct.Struct("=BBH")
_BE32 = struct.Struct("!I")
_NFPROTO_IPV4 = 2
_CTNETLINK = 1 << 8
_CT_DELETE = _CTNETLINK | 2
_NFTABLES = 10
_BATCH_BEGIN, _BATCH_END = 0x10, 0x11
_NEW_TABLE, _DELETE_TABLE, _NEW_CHAIN, _NEW_RULE = (_NFTABLES << 8 | number for number in (0, 2, 3, 6))

# Table, chain, rule: attributes of linux/netfilter/nf_tables.h.
_TABLE_NAME = 1
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_TYPE = 1, 3, 4, 7
_HOOK_NUMBER, _HOOK_PRIORITY = 1, 2
_RULE_TABLE, _RULE_CHAIN, _RULE_EXPRESSIONS = 1, 2, 4
_LIST_ELEMENT = 1
_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_DATA_VALUE, _DATA_VERDICT = 1, 2

_META_REGISTER, _META_KEY = 1, 2
_META_IIFNAME, _META_OIFNAME, _META_L4PROTO = 6, 7, 16
_CMP_REGISTER, _CMP_OPERATION, _CMP_DATA = 1, 2, 3
_CMP_EQUAL, _CMP_NOT_EQUAL = 0, 1
_IMMEDIATE_REGISTER, _IMMEDIATE_DATA = 1, 2
_VERDICT_CODE, _VERDICT_DROP = 1, 0
_MASQUERADE_FLAGS = 1
#: NF_NAT_RANGE_PROTO_RANDOM and NF_NAT_RANGE_PROTO_RANDOM_FULLY.
_RANDOM: Final = 1 << 2 | 1 << 4
_REGISTER = 1

_HOOK_INPUT, _HOOK_POSTROUTING = 1, 4
_NAT_PRIORITY = 100
_NAME_OCTETS = 16
_ICMP = 1

_TABLE = "dmvpn"
_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Masquerade:
    """Let everything that leaves by `outside` carry its address. random: with another port for every flow."""

    outside: str
    random: bool = False


def install(masquerade: Masquerade, *, again: bool = False) -> None:
    """Put the rules into the network namespace of the calling thread; again: in place of those that are there.

    Raises HostProblem.
    """
    head = _NFGENMSG.pack(_NFPROTO_IPV4, 0, 0)
    gone = [(_DELETE_TABLE, 0, head + attribute_text(_TABLE_NAME, _TABLE))] if again else []
    try:
        _transact([*gone, *messages(masquerade)])
    except OSError as error:
        raise _explained(error) from error


def forget_flows() -> None:
    """Delete every conntrack entry of the network namespace. Raises HostProblem."""
    body = _NFGENMSG.pack(_NFPROTO_IPV4, 0, 0)
    try:
        _exchange(_message(_CT_DELETE, NLM_F_ACK, 1, body), last=1)
    except OSError as error:
        raise _explained(error) from error


def messages(masquerade: Masquerade) -> list[tuple[int, int, bytes]]:
    """The parts of the transaction: type, flags, body."""
    head = _NFGENMSG.pack(_NFPROTO_IPV4, 0, 0)
    flags = attribute(_MASQUERADE_FLAGS, _BE32.pack(_RANDOM)) if masquerade.random else b""
    return [
        (_NEW_TABLE, NLM_F_CREATE, head + attribute_text(_TABLE_NAME, _TABLE)),
        (_NEW_CHAIN, NLM_F_CREATE, head + _chain("out", "nat", _HOOK_POSTROUTING, _NAT_PRIORITY)),
        (_NEW_CHAIN, NLM_F_CREATE, head + _chain("in", "filter", _HOOK_INPUT, 0)),
        (
            _NEW_RULE,
            NLM_F_CREATE | NLM_F_APPEND,
            head + _rule("out", *_is_interface(_META_OIFNAME, masquerade.outside), _expression("masq", flags)),
        ),
        (
            _NEW_RULE,
            NLM_F_CREATE | NLM_F_APPEND,
            head
            + _rule(
                "in",
                *_is_interface(_META_IIFNAME, masquerade.outside),
                _meta(_META_L4PROTO),
                _compare(_CMP_NOT_EQUAL, bytes((_ICMP,))),
                _drop(),
            ),
        ),
    ]


# ---------------------------------------------------------------------------------------------------- attributes


def _chain(name: str, kind: str, hook: int, priority: int) -> bytes:
    where = attribute(_HOOK_NUMBER, _BE32.pack(hook)) + attribute(_HOOK_PRIORITY, struct.pack("!i", priority))
    return (
        attribute_text(_CHAIN_TABLE, _TABLE)
        + attribute_text(_CHAIN_NAME, name)
        + nest(_CHAIN_HOOK, where)
        + attribute_text(_CHAIN_TYPE, kind)
    )


def _rule(chain: str, *expressions: bytes) -> bytes:
    listed = b"".join(nest(_LIST_ELEMENT, expression) for expression in expressions)
    return attribute_text(_RULE_TABLE, _TABLE) + attribute_text(_RULE_CHAIN, chain) + nest(_RULE_EXPRESSIONS, listed)


def _is_interface(key: int, name: str) -> tuple[bytes, bytes]:
    return _meta(key), _compare(_CMP_EQUAL, name.encode().ljust(_NAME_OCTETS, b"\0"))


def _meta(key: int) -> bytes:
    fields = attribute(_META_REGISTER, _BE32.pack(_REGISTER)) + attribute(_META_KEY, _BE32.pack(key))
    return _expression("meta", fields)


def _compare(operation: int, value: bytes) -> bytes:
    fields = attribute(_CMP_REGISTER, _BE32.pack(_REGISTER)) + attribute(_CMP_OPERATION, _BE32.pack(operation))
    return _expression("cmp", fields + nest(_CMP_DATA, attribute(_DATA_VALUE, value)))


def _drop() -> bytes:
    verdict = nest(_DATA_VERDICT, attribute(_VERDICT_CODE, _BE32.pack(_VERDICT_DROP)))
    return _expression("immediate", attribute(_IMMEDIATE_REGISTER, _BE32.pack(0)) + nest(_IMMEDIATE_DATA, verdict))


def _expression(name: str, fields: bytes) -> bytes:
    return attribute_text(_EXPRESSION_NAME, name) + nest(_EXPRESSION_DATA, fields)


# ---------------------------------------------------------------------------------------------------- the socket


def _transact(parts: Sequence[tuple[int, int, bytes]]) -> None:
    """Do all or nothing. Raises OSError for the first part that the kernel refuses."""
    edge = _NFGENMSG.pack(0, 0, socket.htons(_NFTABLES))
    octets = _message(_BATCH_BEGIN, 0, 0, edge)
    for number, (kind, flags, body) in enumerate(parts, 1):
        octets += _message(kind, flags | NLM_F_ACK, number, body)
    octets += _message(_BATCH_END, 0, len(parts) + 1, edge)
    _exchange(octets, last=len(parts))


def _message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body


def _exchange(octets: bytes, *, last: int) -> None:
    """Send, and read acknowledgements up to number `last`. Raises OSError for the first refusal."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as kernel:
        kernel.settimeout(_PATIENCE)
        kernel.bind((0, 0))
        kernel.send(octets)
        while True:
            for message in parse_messages(memoryview(kernel.recv(1 << 16))):
                if message.kind != MessageType.ERROR:
                    continue
                verdict = parse_acknowledgement(message)
                if verdict.errno:
                    raise OSError(verdict.errno, verdict.text or os.strerror(verdict.errno))
                if verdict.sequence == last:
                    return


def _explained(error: OSError) -> HostProblem:
    if error.errno == errno.EPERM:
        return HostProblem("address translation needs the capability NET_ADMIN", fix=need("NET_ADMIN"))
    what = f"this kernel cannot translate addresses (nf_tables with masquerade): {error.strerror or error}"
    modules = "nf_tables nft_chain_nat nft_masq nf_conntrack_netlink"
    return HostProblem(what, fix=f"sudo modprobe -a {modules}, or: dmvpn lab up --simulated")
