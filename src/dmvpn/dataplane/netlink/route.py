"""Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE and their events, rtnetlink(7).

The RIB owns the result of all protocols and puts one kernel route per prefix: a change of next hop is an atomic
`replace_route` of the same prefix and metric, without a moment in which lookups miss.

Traps, all measured: the kernel finds the route to replace by prefix, table, TOS and metric, *whatever its owner*: with
metric 0 the connected route would be replaced. A replacement with another metric adds a second route. A gateway must
be in a connected network unless `onlink` is set. Only what a deletion names must match; it names the protocol, so
that it never hits a foreign route.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.dataplane.netlink import wire

#: The owner's number in our routes: IANA's number of NARP (RFC 1735), from which NHRP grew. FRR sweeps 186 to 197.
ROUTE_PROTOCOL: Final = 54
#: The kernel's own: routes that it makes of addresses.
KERNEL_PROTOCOL: Final = 2
#: The one metric of our routes. Above 0 and 256, with which the kernel makes IPv4 and IPv6 connected routes: those win.
ROUTE_METRIC: Final = 260

TABLE_MAIN: Final = 254

#: rtmsg: family, destination and source length, TOS, table, protocol, scope, type, flags.
_RTMSG = struct.Struct("=BBBBBBBBI")
#: rtnexthop: length, flags, weight - 1, interface.
_RTNEXTHOP = struct.Struct("=HBBi")

_RTA_DST = 1
_RTA_OIF = 4
_RTA_GATEWAY = 5
_RTA_PRIORITY = 6
_RTA_PREFSRC = 7
_RTA_MULTIPATH = 9
_RTA_TABLE = 15
_RTA_VIA = 18

_RTM_F_CLONED = 0x200
_RTM_F_LOOKUP_TABLE = 0x1000
_RTM_F_FIB_MATCH = 0x2000
_PUT = wire.NLM_F_CREATE | wire.NLM_F_REPLACE
_SCOPE_UNIVERSE = 0
_SCOPE_LINK = 253
_SCOPE_NOWHERE = 255


class RouteType(enum.IntEnum):
    """The action of a route on packets (RTN_*)."""

    UNSPECIFIED = 0
    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3
    ANYCAST = 4
    MULTICAST = 5
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8
    THROW = 9
    NAT = 10
    EXTERNAL_RESOLVE = 11


#: Kinds that have no next hop, although the kernel reports the loopback interface with IPv6 ones.
_DISCARDING = frozenset((RouteType.BLACKHOLE, RouteType.UNREACHABLE, RouteType.PROHIBIT, RouteType.THROW))


class NextHopFlag(enum.IntFlag):
    """Flags of a next hop (RTNH_F_*): ONLINK is ours to set, the rest is reported by the kernel."""

    NONE = 0
    DEAD = 1
    ONLINK = 4
    LINKDOWN = 16


_ONLINK = int(NextHopFlag.ONLINK)


@dataclass(frozen=True, slots=True)
class KernelNextHop:
    """Where to send: out of interface index `link`, to `gateway` or (None) to the destination itself.

    onlink: treat the gateway as on the link although no connected route covers it.
    state: as reported, not compared.
    """

    link: int
    gateway: IPAddress | None = None
    onlink: bool = False
    weight: int = 1
    state: NextHopFlag = field(default=NextHopFlag.NONE, compare=False)


@dataclass(frozen=True, slots=True)
class KernelRoute:
    """One route of the kernel's. Two next hops or more: multipath, chosen per flow. source: for own packets."""

    prefix: Prefix
    next_hops: tuple[KernelNextHop, ...] = ()
    kind: RouteType = RouteType.UNICAST
    metric: int = ROUTE_METRIC
    protocol: int = ROUTE_PROTOCOL
    table: int = TABLE_MAIN
    source: IPAddress | None = None

    def __str__(self) -> str:
        hops = ", ".join(f"{hop.gateway or 'direct'} on {hop.link}" for hop in self.next_hops)
        return f"route {self.prefix} {hops or self.kind.name.lower()}"


def add_route(route: KernelRoute) -> wire.KernelRequest:
    """Add a route; EEXIST if there is one with this prefix and metric."""
    return wire.KernelRequest(wire.KernelMessageType.NEWROUTE, wire.NLM_F_CREATE | wire.NLM_F_EXCL, _body(route), route)


def replace_route(route: KernelRoute, known: dict[int, bytes] | None = None) -> wire.KernelRequest:
    """Add a route, or replace the one with this prefix and metric, in one step.

    known: octets of next hops by their identity, for a caller with many routes of the same ones; they must live. Raises
        ValueError for metric 0: that would replace a connected route.
    """
    if route.metric == 0:
        raise ValueError(f"{route}: replacing with metric 0 replaces connected routes")
    return wire.KernelRequest(wire.KernelMessageType.NEWROUTE, _PUT, _body(route, known), route)


def append_route(route: KernelRoute) -> wire.KernelRequest:
    """Add a route beside those with this prefix and metric; EEXIST if this very route exists."""
    return wire.KernelRequest(
        wire.KernelMessageType.NEWROUTE, wire.NLM_F_CREATE | wire.NLM_F_APPEND, _body(route), route
    )


def delete_route(route: KernelRoute) -> wire.KernelRequest:
    """Delete the route with this prefix, table, metric and protocol, whatever its kind and next hops are now."""
    head = _head(route, scope=_SCOPE_NOWHERE, kind=RouteType.UNSPECIFIED)
    return wire.KernelRequest(wire.KernelMessageType.DELROUTE, 0, head + _key(route), route)


def dump_routes(family: int = wire.AF_UNSPEC) -> wire.KernelRequest:
    """Request the routes of one address family, or of all."""
    body = _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    return wire.KernelRequest(wire.KernelMessageType.GETROUTE, wire.NLM_F_DUMP, body, "all routes")


def find_route(address: IPAddress) -> wire.KernelRequest:
    """Request the route that a packet to this address takes, as the table has it."""
    flags = _RTM_F_FIB_MATCH | _RTM_F_LOOKUP_TABLE
    head = _RTMSG.pack(wire.family_of(address.version), address.max_prefixlen, 0, 0, 0, 0, 0, 0, flags)
    return wire.KernelRequest(
        wire.KernelMessageType.GETROUTE, 0, head + wire.attribute(_RTA_DST, address.packed), f"the route to {address}"
    )


def route_protocol(body: memoryview) -> int:
    """Return the owner in the body of a NEWROUTE or DELROUTE message, without reading the rest; 0 if it is cut
    short.
    """
    return body[5] if len(body) >= _RTMSG.size else 0


def parse_route(body: memoryview) -> KernelRoute | None:
    """Read the body of a NEWROUTE or DELROUTE message; None: not IP, or only a cache entry. Raises WireError."""
    fields, found = wire.split_body(body, _RTMSG, "rtmsg")
    family, length, _, _, short_table, protocol, _, kind_number, flags = fields
    if family not in (wire.AF_INET, wire.AF_INET6) or flags & _RTM_F_CLONED:
        return None
    if kind_number > max(RouteType):
        raise WireError(f"route type {kind_number}", offset=7, clause=wire.CLAUSE)
    kind = RouteType(kind_number)
    destination = found.get(_RTA_DST, memoryview(bytes(4 if family == wire.AF_INET else 16)))
    address = wire.read_address(destination)
    if wire.family_of(address.version) != family or length > address.max_prefixlen:
        raise WireError("destination not of its family", offset=_RTMSG.size, clause=wire.CLAUSE)
    return KernelRoute(
        prefix=Prefix.of(address, length),
        next_hops=() if kind in _DISCARDING else _parse_next_hops(found, flags),
        kind=kind,
        metric=wire.read_uint(found[_RTA_PRIORITY]) if _RTA_PRIORITY in found else 0,
        protocol=protocol,
        table=wire.read_uint(found[_RTA_TABLE]) if _RTA_TABLE in found else short_table,
        source=wire.read_address(found[_RTA_PREFSRC]) if _RTA_PREFSRC in found else None,
    )


# ------------------------------------------------------------------------------------------------------- encoding


def _body(route: KernelRoute, known: dict[int, bytes] | None = None) -> bytes:
    hops = route.next_hops
    # As ip(8) does: without a gateway the destination is on the link, and the kernel checks gateways against that.
    direct = len(hops) == 1 and hops[0].gateway is None and route.kind is RouteType.UNICAST
    scope = _SCOPE_LINK if direct else _SCOPE_UNIVERSE
    flags = _ONLINK if len(hops) == 1 and hops[0].onlink else 0
    source = wire.attribute(_RTA_PREFSRC, route.source.packed) if route.source is not None else b""
    ways = known.get(id(hops)) if known is not None else None
    if ways is None:
        ways = _ways(route)
        if known is not None:
            known[id(hops)] = ways
    return _head(route, scope=scope, kind=route.kind, flags=flags) + _key(route) + source + ways


def _ways(route: KernelRoute) -> bytes:
    hops = route.next_hops
    if len(hops) == 1:
        return _gateway(route, hops[0]) + wire.attribute_u32(_RTA_OIF, hops[0].link)
    return wire.attribute(_RTA_MULTIPATH, b"".join(_multipath_hop(route, hop) for hop in hops)) if hops else b""


def _head(route: KernelRoute, *, scope: int, kind: RouteType, flags: int = 0) -> bytes:
    family = wire.family_of(route.prefix.version)
    table = route.table if route.table < 256 else 0
    return _RTMSG.pack(family, route.prefix.length, 0, 0, table, route.protocol, scope, kind, flags)


def _key(route: KernelRoute) -> bytes:
    found, prefix = wire.attribute_u32(_RTA_PRIORITY, route.metric), route.prefix
    if prefix.length:
        found += wire.attribute(_RTA_DST, prefix.number.to_bytes(prefix.width // 8, "big"))
    if route.table > 255:
        found += wire.attribute_u32(_RTA_TABLE, route.table)
    return found


def _gateway(route: KernelRoute, hop: KernelNextHop) -> bytes:
    if hop.gateway is None:
        return b""
    if hop.gateway.version == route.prefix.version:
        return wire.attribute(_RTA_GATEWAY, hop.gateway.packed)
    return wire.attribute(_RTA_VIA, struct.pack("=H", wire.family_of(hop.gateway.version)) + hop.gateway.packed)


def _multipath_hop(route: KernelRoute, hop: KernelNextHop) -> bytes:
    gateway = _gateway(route, hop)
    flags = NextHopFlag.ONLINK if hop.onlink else NextHopFlag.NONE
    return _RTNEXTHOP.pack(_RTNEXTHOP.size + len(gateway), flags, hop.weight - 1, hop.link) + gateway


# ------------------------------------------------------------------------------------------------------- decoding


def _parse_next_hops(found: dict[int, memoryview], flags: int) -> tuple[KernelNextHop, ...]:
    if _RTA_MULTIPATH in found:
        return _parse_multipath(found[_RTA_MULTIPATH])
    if _RTA_OIF not in found:
        return ()
    return (_next_hop(wire.read_uint(found[_RTA_OIF]), found, flags & 0xFF, 1),)


def _parse_multipath(value: memoryview) -> tuple[KernelNextHop, ...]:
    hops = []
    offset = 0
    while offset + _RTNEXTHOP.size <= len(value):
        length, flags, extra_weight, link = _RTNEXTHOP.unpack_from(value, offset)
        if length < _RTNEXTHOP.size or offset + length > len(value):
            raise WireError(f"next hop of {length} octets", offset=offset, clause=wire.CLAUSE)
        inner = wire.parse_attributes(value[offset + _RTNEXTHOP.size : offset + length])
        hops.append(_next_hop(link, inner, flags, extra_weight + 1))
        offset += (length + 3) & ~3
    return tuple(hops)


def _next_hop(link: int, found: dict[int, memoryview], flags: int, weight: int) -> KernelNextHop:
    state = NextHopFlag(flags)
    gateway = None
    if _RTA_GATEWAY in found:
        gateway = wire.read_address(found[_RTA_GATEWAY])
    elif _RTA_VIA in found:
        gateway = wire.read_address(found[_RTA_VIA][2:])  # behind the address family
    return KernelNextHop(link, gateway, NextHopFlag.ONLINK in state, weight, state)
