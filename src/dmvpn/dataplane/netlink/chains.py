"""The base chains of nf_tables, of any program: their hooks and policies."""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.netlink.nftables import SUBSYSTEM, Hook, NetfilterVerdict
from dmvpn.dataplane.netlink.wire import parse_attributes, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_NFGENMSG = struct.Struct("=BBH")
_GET_TABLE, _GET_CHAIN, _GET_RULE = (SUBSYSTEM << 8 | number for number in (1, 4, 7))
_TABLE_NAME, _TABLE_FLAGS = 1, 2
#: NFT_TABLE_F_DORMANT: the table is kept, but its chains see no packets.
_DORMANT: Final = 1
_CHAIN_TABLE, _CHAIN_NAME, _CHAIN_HOOK, _CHAIN_POLICY, _CHAIN_USE = 1, 3, 4, 5, 6
_HOOK_NUMBER: Final = 1


class Family(enum.IntEnum):
    """The packets that pass a table, as nft names them."""

    INET = 1
    IP = 2
    IP6 = 10


@dataclass(frozen=True, slots=True)
class BaseChain:
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
        asked = _NFGENMSG.pack(family, 0, 0)
        tables = [parse_attributes(body) for body in kernel.dump(_GET_TABLE, asked)]
        dormant = [read_text(one[_TABLE_NAME]) for one in tables if _number(one.get(_TABLE_FLAGS)) & _DORMANT]
        for body in kernel.dump(_GET_CHAIN, asked):
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
