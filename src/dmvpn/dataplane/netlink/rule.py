"""Policy rules: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE and their events, fib-rules(7) as linux/fib_rules.h has it.

The kernel looks its tables up in the order of the rules: 0 local, 32766 main, 32767 default; ours are in between. A
rule may reject its table's route if the prefix is too short (`suppress`): then the next rule applies. A route that is
an error (blackhole, unreachable) ends the search, whatever `suppress` says.
"""

from __future__ import annotations

import struct
from typing import Final

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import wire
from dmvpn.dataplane.netlink.route import ROUTE_PROTOCOL, TABLE_MAIN

#: fib_rule_hdr: family, destination and source length, TOS, table, two reserved, action, flags.
_RULE = struct.Struct("=BBBBBBBBI")

_FRA_INPUT_NAME = 3
_FRA_PRIORITY = 6
_FRA_MARK = 10
_FRA_SUPPRESS_PREFIXLEN = 14
_FRA_TABLE = 15
_FRA_PROTOCOL = 21

_FR_ACT_TO_TBL, _FR_ACT_BLACKHOLE = 1, 6
_NO_SUPPRESS: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Rule:
    """Look every packet up in a table, or only some.

    priority: its place among the rules.
    protocol: its owner.
    suppress: routes count only if their prefix is longer than this; None: all routes count.
    arrives: only packets that came in by this interface, its Linux name; "": all.
    mark: only packets with this mark; 0: all.
    is_end: there is no route for these packets, instead of the table's.
    """

    priority: int
    table: int = TABLE_MAIN
    suppress: int | None = None
    version: int = 4
    protocol: int = ROUTE_PROTOCOL
    arrives: str = ""
    mark: int = 0
    is_end: bool = False

    def __str__(self) -> str:
        only = f" iif {self.arrives}" if self.arrives else ""
        only += f" fwmark {self.mark:#x}" if self.mark else ""
        if self.is_end:
            return f"rule {self.priority}{only} blackhole"
        words = f"rule {self.priority}{only} lookup {'main' if self.table == TABLE_MAIN else self.table}"
        return words if self.suppress is None else f"{words} suppress_prefixlength {self.suppress}"


def add_rule(rule: Rule) -> wire.KernelRequest:
    """Add a rule; EEXIST if there is the same one."""
    return wire.KernelRequest(wire.KernelMessageType.NEWRULE, wire.NLM_F_CREATE | wire.NLM_F_EXCL, _body(rule), rule)


def delete_rule(rule: Rule) -> wire.KernelRequest:
    """Delete the rule; ENOENT if there is none of this place, table and owner."""
    return wire.KernelRequest(wire.KernelMessageType.DELRULE, 0, _body(rule), rule)


def dump_rules(family: int = wire.AF_UNSPEC) -> wire.KernelRequest:
    """Request the rules of one address family, or of all."""
    return wire.KernelRequest(
        wire.KernelMessageType.GETRULE, wire.NLM_F_DUMP, _RULE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0), "all rules"
    )


def parse_rule(body: memoryview) -> Rule | None:
    """Read the body of a NEWRULE or DELRULE message; None: not IP, or more than a table look-up. Raises WireError."""
    fields, found = wire.split_body(body, _RULE, "fib_rule_hdr")
    family, short_table, action = fields[0], fields[4], fields[7]
    if family not in (wire.AF_INET, wire.AF_INET6) or action not in (_FR_ACT_TO_TBL, _FR_ACT_BLACKHOLE):
        return None
    suppress = wire.read_uint(found[_FRA_SUPPRESS_PREFIXLEN]) if _FRA_SUPPRESS_PREFIXLEN in found else _NO_SUPPRESS
    if suppress != _NO_SUPPRESS and suppress > 128:
        raise WireError(f"suppressed length {suppress}", offset=_RULE.size, clause=wire.CLAUSE)
    is_end = action == _FR_ACT_BLACKHOLE
    return Rule(
        priority=wire.read_uint(found[_FRA_PRIORITY]) if _FRA_PRIORITY in found else 0,
        table=TABLE_MAIN if is_end else wire.read_uint(found[_FRA_TABLE]) if _FRA_TABLE in found else short_table,
        suppress=None if suppress == _NO_SUPPRESS else suppress,
        version=4 if family == wire.AF_INET else 6,
        protocol=wire.read_uint(found[_FRA_PROTOCOL]) if _FRA_PROTOCOL in found else 0,
        arrives=wire.read_text(found[_FRA_INPUT_NAME]) if _FRA_INPUT_NAME in found else "",
        mark=wire.read_uint(found[_FRA_MARK]) if _FRA_MARK in found else 0,
        is_end=is_end,
    )


def _body(rule: Rule) -> bytes:
    table = rule.table if rule.table < 256 and not rule.is_end else 0
    action = _FR_ACT_BLACKHOLE if rule.is_end else _FR_ACT_TO_TBL
    parts = [
        _RULE.pack(wire.family_of(rule.version), 0, 0, 0, table, 0, 0, action, 0),
        wire.attribute_u32(_FRA_PRIORITY, rule.priority),
        wire.attribute_u8(_FRA_PROTOCOL, rule.protocol),
    ]
    if not rule.is_end:
        parts.append(wire.attribute_u32(_FRA_TABLE, rule.table))
    if rule.arrives:
        parts.append(wire.attribute_text(_FRA_INPUT_NAME, rule.arrives))
    if rule.mark:
        parts.append(wire.attribute_u32(_FRA_MARK, rule.mark))
    if rule.suppress is not None:
        parts.append(wire.attribute_u32(_FRA_SUPPRESS_PREFIXLEN, rule.suppress))
    return b"".join(parts)
