"""Packet counters of interfaces: RTM_GETLINK with IFLA_STATS64 (struct rtnl_link_stats64), rtnetlink(7).

They are requested separately from the interfaces: the kernel sums them over all processors, and interfaces are read far
more often than counters.
"""

from __future__ import annotations

import struct

from dmvpn.base.errors import WireError
from dmvpn.base.events import PacketCounts
from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink.wire import AF_UNSPEC, CLAUSE, NLM_F_DUMP, KernelMessageType, KernelRequest, split_body

#: ifinfomsg: family, padding, hardware type, index, flags, mask of the flags to change.
_IFINFOMSG = struct.Struct("=BBHiII")
#: The first nine words: packets, octets, errors, drops (each received, sent), multicast packets received.
_STATS64 = struct.Struct("=9Q")
_IFLA_STATS64 = 23


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCounters(PacketCounts):
    """The counters of the interface with this index."""

    index: int


def dump_counters() -> KernelRequest:
    """Request the counters of all interfaces of the namespace."""
    return KernelRequest(
        KernelMessageType.GETLINK, NLM_F_DUMP, _IFINFOMSG.pack(AF_UNSPEC, 0, 0, 0, 0, 0), "all counters"
    )


def parse_counters(body: memoryview) -> LinkCounters | None:
    """Read the body of a NEWLINK message; None: it has no counters. Raises WireError."""
    (family, _, _, index, _, _), found = split_body(body, _IFINFOMSG, "ifinfomsg")
    stats = found.get(_IFLA_STATS64)
    if family != AF_UNSPEC or stats is None:
        return None
    if len(stats) < _STATS64.size:
        raise WireError("interface counters cut short", offset=len(stats), clause=CLAUSE)
    received, sent, received_octets, sent_octets, bad, unsent, lost, dropped, multicasts = _STATS64.unpack_from(stats)
    return LinkCounters(
        index=index,
        received=received,
        sent=sent,
        received_octets=received_octets,
        sent_octets=sent_octets,
        receive_errors=bad,
        send_errors=unsent,
        receive_drops=lost,
        send_drops=dropped,
        multicasts=multicasts,
    )
