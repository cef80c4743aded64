"""Neighbors: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH, and the parameters of their tables, rtnetlink(7), arp(7).

The neighbor table of a tunnel is the NHRP cache as the kernel's forwarding sees it. With `app_probes` 1 and the other
probes 0 the kernel sends no ARP: the first packet to an unknown address waits, and a GETNEIGH message in state
INCOMPLETE requests a resolution; setting the entry releases the packet. GETNEIGH in state PROBE checks whether an entry
that is in use (made as STALE and externally learned) is still valid.

Entries that we set are PERMANENT: exempt from the table's limits, which all namespaces of the machine share, and kept
when the carrier goes. Replacing one loses no packet. They carry no usage information.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import wire

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: ndmsg: family, padding (8 and 16 bits), interface, state, flags, type.
_NDMSG = struct.Struct("=BBHiHBB")
#: ndtmsg: family, padding (8 and 16 bits).
_NDTMSG = struct.Struct("=BBH")

_NDA_DST = 1
_NDA_LLADDR = 2
_NDA_IFINDEX = 8

_NDTA_NAME = 1
_NDTA_PARMS = 6
_NDTPA_IFINDEX = 1
_NDTPA_RETRANS_TIME = 5
_NDTPA_DELAY_PROBE_TIME = 7
_NDTPA_APP_PROBES = 9
_NDTPA_UCAST_PROBES = 10
_NDTPA_MCAST_PROBES = 11
_NDTPA_QUEUE_LENBYTES = 16

_TABLE_NAMES = {wire.AF_INET: "arp_cache", wire.AF_INET6: "ndisc_cache"}


class KernelNeighborState(enum.IntFlag):
    """States of an entry (NUD_*)."""

    NONE = 0x00
    INCOMPLETE = 0x01
    REACHABLE = 0x02
    STALE = 0x04
    DELAY = 0x08
    PROBE = 0x10
    FAILED = 0x20
    NOARP = 0x40
    PERMANENT = 0x80


class NeighborFlag(enum.IntFlag):
    """Flags of an entry (NTF_*)."""

    NONE = 0
    PROXY = 0x08
    EXTERNALLY_LEARNED = 0x10
    ROUTER = 0x80


@dataclass(frozen=True, slots=True)
class KernelNeighbor:
    """One entry.

    link: interface index.
    lladdr: 6 octets on a TAP, the NBMA address itself on a kernel GRE tunnel.
    """

    link: int
    address: IPAddress
    lladdr: bytes = b""
    state: KernelNeighborState = KernelNeighborState.PERMANENT
    flags: NeighborFlag = NeighborFlag.NONE

    def __str__(self) -> str:
        return f"neighbor {self.address} on interface {self.link}"


def set_neighbor(neighbor: KernelNeighbor) -> wire.KernelRequest:
    """Make the entry, or change it in place."""
    body = _body(neighbor) + (wire.attribute(_NDA_LLADDR, neighbor.lladdr) if neighbor.lladdr else b"")
    return wire.KernelRequest(wire.KernelMessageType.NEWNEIGH, wire.NLM_F_CREATE | wire.NLM_F_REPLACE, body, neighbor)


def delete_neighbor(neighbor: KernelNeighbor) -> wire.KernelRequest:
    """Delete the entry of this interface and address; ENOENT if there is none."""
    return wire.KernelRequest(wire.KernelMessageType.DELNEIGH, 0, _body(neighbor), neighbor)


def dump_neighbors(link: int | None = None, family: int = wire.AF_UNSPEC) -> wire.KernelRequest:
    """Request the entries of one interface, or of all; of one address family, or of both."""
    body = _NDMSG.pack(family, 0, 0, 0, 0, 0, 0) + (wire.attribute_u32(_NDA_IFINDEX, link) if link is not None else b"")
    return wire.KernelRequest(
        wire.KernelMessageType.GETNEIGH,
        wire.NLM_F_DUMP,
        body,
        "all neighbors" if link is None else f"neighbors of {link}",
    )


def parse_neighbor(body: memoryview) -> KernelNeighbor | None:
    """Read the body of a NEWNEIGH, DELNEIGH or GETNEIGH message; None: a bridge's entry. Raises WireError."""
    (family, _, _, link, state, flags, _), found = wire.split_body(body, _NDMSG, "ndmsg")
    if family not in (wire.AF_INET, wire.AF_INET6):
        return None
    if _NDA_DST not in found:
        raise WireError("neighbor without address", offset=_NDMSG.size, clause=wire.CLAUSE)
    address = wire.read_address(found[_NDA_DST])
    if wire.family_of(address.version) != family:
        raise WireError("neighbor address not of its family", offset=_NDMSG.size, clause=wire.CLAUSE)
    lladdr = bytes(found.get(_NDA_LLADDR, b""))
    return KernelNeighbor(link, address, lladdr, KernelNeighborState(state), NeighborFlag(flags))


def _body(neighbor: KernelNeighbor) -> bytes:
    family = wire.family_of(neighbor.address.version)
    head = _NDMSG.pack(family, 0, 0, neighbor.link, neighbor.state, neighbor.flags, 0)
    return head + wire.attribute(_NDA_DST, neighbor.address.packed)


# ----------------------------------------------------------------------------------------------- table parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighborParameters:
    """Parameters of one interface in one table, net.ipv4.neigh.IF.*; None: leave as it is.

    app_probes: requests to us (a GETNEIGH each) before the entry fails.
    unicast_probes, multicast_probes: sent by the kernel itself.
    queue_octets: octets of kernel buffer for packets that wait for one address (the default holds 256 small packets).
    retransmit_ms: milliseconds between requests; times app_probes it is how long packets wait.
    delay_probe_ms: milliseconds until a STALE entry that is used is probed.
    """

    link: int
    family: int = wire.AF_INET
    app_probes: int | None = None
    unicast_probes: int | None = None
    multicast_probes: int | None = None
    queue_octets: int | None = None
    retransmit_ms: int | None = None
    delay_probe_ms: int | None = None

    def __str__(self) -> str:
        return f"{_TABLE_NAMES[self.family]} parameters of interface {self.link}"


def set_neighbor_parameters(parameters: NeighborParameters) -> wire.KernelRequest:
    """Change the parameters of an interface; works where /proc/sys is read-only."""
    words = (
        (_NDTPA_APP_PROBES, parameters.app_probes),
        (_NDTPA_UCAST_PROBES, parameters.unicast_probes),
        (_NDTPA_MCAST_PROBES, parameters.multicast_probes),
        (_NDTPA_QUEUE_LENBYTES, parameters.queue_octets),
    )
    times = ((_NDTPA_RETRANS_TIME, parameters.retransmit_ms), (_NDTPA_DELAY_PROBE_TIME, parameters.delay_probe_ms))
    values = [wire.attribute_u32(_NDTPA_IFINDEX, parameters.link)]
    values += [wire.attribute_u32(number, value) for number, value in words if value is not None]
    values += [wire.attribute_u64(number, value) for number, value in times if value is not None]
    body = _NDTMSG.pack(parameters.family, 0, 0)
    body += wire.attribute_text(_NDTA_NAME, _TABLE_NAMES[parameters.family]) + wire.nest(_NDTA_PARMS, *values)
    return wire.KernelRequest(wire.KernelMessageType.SETNEIGHTBL, 0, body, parameters)
