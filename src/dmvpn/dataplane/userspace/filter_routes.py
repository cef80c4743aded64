"""The check of a packet's sender, `ip verify unicast source`, as rules of nf_tables.

`fib` asks the kernel's routing tables. They do not say which route they found: without `allow-default` the packet has a
mark while it is asked, and policy rules of that mark (`source_rules`) leave the default route out. So the mark of a
packet is cleared that such a port receives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import UNREACHABLE_SENDER
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink.expressions import route_back, set_mark
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    NetfilterVerdict,
    compare,
    counter,
    masked,
    network_header,
    verdict,
)

if TYPE_CHECKING:
    from dmvpn.base.filters import ReversePath
    from dmvpn.dataplane.userspace.filter_chains import Rules

#: The mark of packets whose source is looked up without the default route; and the priority of the rules.
SOURCE_MARK: Final = 0x0D5F0001
_PRIORITY: Final = 32690
_DESTINATION: Final = 16


def add_reverse_path(rules: Rules, name: str, wanted: ReversePath) -> None:
    """Add rules that drop packets whose source is not reachable. They pass what asks for an address, and multicast."""
    multicast = (network_header(_DESTINATION, 1), masked(b"\xf0"), compare(Compare.EQUAL, b"\xe0"))
    rules.rule(name, *multicast, verdict(NetfilterVerdict.ACCEPT))
    marked = not wanted.allow_default
    if marked:
        rules.rule(name, *set_mark(SOURCE_MARK))
    drop = (counter(), verdict(NetfilterVerdict.DROP))
    rules.rule(name, *route_back(by_input=wanted.strict, marked=marked), *drop, mark=UNREACHABLE_SENDER)
    if marked:
        rules.rule(name, *set_mark(0))


def source_rules() -> tuple[netlink.Rule, netlink.Rule]:
    """Return the policy rules by which a marked packet finds no default route."""
    found = netlink.Rule(_PRIORITY, suppress=0, mark=SOURCE_MARK)
    return found, netlink.Rule(_PRIORITY + 1, mark=SOURCE_MARK, is_end=True)
