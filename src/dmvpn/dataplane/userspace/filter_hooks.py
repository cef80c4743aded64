"""The parts of the table of packet filters that packets pass first, whatever lists its ports have (`filtering`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.translation import ICMP
from dmvpn.dataplane.netlink.expressions import copied, limited
from dmvpn.dataplane.netlink.nftables import (
    Compare,
    Hook,
    Meta,
    NetfilterVerdict,
    base_chain,
    chain,
    compare,
    is_protocol,
    meta,
    rule,
    transport_header,
    verdict,
)
from dmvpn.dataplane.netlink.sets import FIRST_REGISTER, lookup, name_map
from dmvpn.dataplane.userspace.filter_reports import DENIED_PREFIX, OCTETS
from dmvpn.dataplane.userspace.filter_rules import DENIED
from dmvpn.net.icmp import IcmpType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.dataplane.netlink.nftables import Part

#: The chain of ports that let nothing pass.
SHUT: Final = "shut"
#: The map of ports by which no ICMP unreachable of the router leaves.
UNREACHABLES: Final = "quiet"
#: Base chains that are not always there.
LEAVING: Final = "leaving"
SENT: Final = "sent"
#: Before conntrack reassembles (-400); behind the translation of sources (100).
_ARRIVING_PRIORITY, _LEAVING_PRIORITY = -450, 200
#: ICMP messages about denied packets, a second: one in `PROHIBITED_INTERVAL`.
_ANSWERS: Final = 2


def map_of(*, inward: bool) -> str:
    """Return the name of the map from ports to their lists."""
    return "in" if inward else "out"


def bases(table: str, group: int | None) -> Iterator[Part]:
    """Yield the maps, and the chains at the end of all lists.

    group: where copies of denied packets go, None: there are none.
    """
    yield name_map(table, map_of(inward=True), 1)
    yield name_map(table, map_of(inward=False), 2)
    yield name_map(table, UNREACHABLES, 3)
    for name in (DENIED, SHUT):
        yield chain(table, name)
    if group is not None:
        answer = (limited(_ANSWERS, burst=1), copied(group, DENIED_PREFIX, OCTETS))
        yield rule(table, DENIED, *answer, verdict(NetfilterVerdict.DROP))
    yield rule(table, DENIED, verdict(NetfilterVerdict.DROP))
    yield rule(table, SHUT, verdict(NetfilterVerdict.DROP))


def arriving(table: str) -> Iterator[Part]:
    """Yield the base chain of packets that arrive."""
    yield base_chain(table, "arriving", "filter", Hook.PREROUTING, _ARRIVING_PRIORITY)
    yield rule(table, "arriving", meta(Meta.INPUT_NAME, FIRST_REGISTER), lookup(map_of(inward=True)))


def hook(table: str, name: str) -> Iterator[Part]:
    """Yield a base chain that is not always there: each costs every packet some time."""
    if name == LEAVING:
        yield base_chain(table, name, "filter", Hook.POSTROUTING, _LEAVING_PRIORITY)
        came_in = (meta(Meta.INPUT), compare(Compare.NOT_EQUAL, bytes(4)))
        yield rule(table, name, *came_in, meta(Meta.OUTPUT_NAME, FIRST_REGISTER), lookup(map_of(inward=False)))
        return
    yield base_chain(table, name, "filter", Hook.OUTPUT, 0)
    kind = (transport_header(0, 1), compare(Compare.EQUAL, bytes((IcmpType.DESTINATION_UNREACHABLE,))))
    silent = (meta(Meta.OUTPUT_NAME, FIRST_REGISTER), lookup(UNREACHABLES))
    yield rule(table, name, *is_protocol(ICMP), *kind, *silent)
