"""Routes, policy rules and neighbors of the kernel: RTM_NEWROUTE, RTM_NEWRULE, RTM_NEWNEIGH and so on, and their
events.

The RIB owns the result of all protocols and puts one kernel route per prefix: a change of next hop is an atomic
`replace_route` of the same prefix and metric, without a moment in which lookups miss.

Traps, all measured: the kernel finds the route to replace by prefix, table, TOS and metric, *whatever its owner*: with
metric 0 the connected route would be replaced. A replacement with another metric adds a second route. A gateway must
be in a connected network unless `onlink` is set. Only what a deletion names must match; it names the protocol, so
that it never hits a foreign route.

Policy rules are those of fib-rules(7), as linux/fib_rules.h has it. The kernel looks its tables up in the order of the
rules: 0 local, 32766 main, 32767 default; ours are in between. A rule may reject its table's route if the prefix is too
short (`suppress`): then the next rule applies. A route that is an error (blackhole, unreachable) ends the search,
whatever `suppress` says.

The neighbor table (rtnetlink(7), arp(7)) of a tunnel is the NHRP cache as the kernel's forwarding sees it. With
`app_probes` 1 and the other probes 0 the kernel sends no ARP: the first packet to an unknown address waits, and a
GETNEIGH message in state INCOMPLETE requests a resolution; setting the entry releases the packet. GETNEIGH in state
PROBE checks whether an entry that is in use (made as STALE and externally learned) is still valid.

Entries that we set are PERMANENT: exempt from the table's limits, which all namespaces of the machine share, and kept
when the carrier goes. Replacing one loses no packet. They carry no usage information.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from dataclasses import field
from typing import Final, TypeAlias

from dmvpn.base.addresses import UNSPECIFIED_OF, IPAddress, Prefix
from dmvpn.base.errors import WireError
from dmvpn.base.values import Mutable, Value, copier
from dmvpn.dataplane.netlink import wire

# ------------------------------------------------------------------------------------------------ neighbors


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


class KernelNeighbor(Value):
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
    body = _neighbor_body(neighbor) + (wire.attribute(_NDA_LLADDR, neighbor.lladdr) if neighbor.lladdr else b"")
    return wire.KernelRequest(wire.KernelMessageType.NEWNEIGH, wire.NLM_F_CREATE | wire.NLM_F_REPLACE, body, neighbor)


def delete_neighbor(neighbor: KernelNeighbor) -> wire.KernelRequest:
    """Delete the entry of this interface and address; ENOENT if there is none."""
    return wire.KernelRequest(wire.KernelMessageType.DELNEIGH, 0, _neighbor_body(neighbor), neighbor)


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


def parse_station(body: memoryview) -> tuple[int, bytes] | None:
    """Read the port and the address of a station that a bridge has learned; None: another entry. Raises WireError."""
    (family, _, _, link, state, _, _), found = wire.split_body(body, _NDMSG, "ndmsg")
    is_learned = family == wire.AF_BRIDGE and not state & KernelNeighborState.PERMANENT
    return (link, bytes(found[_NDA_LLADDR])) if is_learned and _NDA_LLADDR in found else None


def _neighbor_body(neighbor: KernelNeighbor) -> bytes:
    family = wire.family_of(neighbor.address.version)
    head = _NDMSG.pack(family, 0, 0, neighbor.link, neighbor.state, neighbor.flags, 0)
    return head + wire.attribute(_NDA_DST, neighbor.address.packed)


# ----------------------------------------------------------------------------------------------- table parameters


class NeighborParameters(Value, kw_only=True):
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


# ------------------------------------------------------------------------------------------------ routes


#: The owner's number in our routes: IANA's number of NARP (RFC 1735), from which NHRP grew. FRR sweeps 186 to 197.
ROUTE_PROTOCOL: Final = 54
#: The kernel's own: routes that it makes of addresses.
KERNEL_PROTOCOL: Final = 2
#: The one metric of our routes. Above 0 and 256, with which the kernel makes IPv4 and IPv6 connected routes: those win.
ROUTE_METRIC: Final = 260

#: With which the kernel makes the connected routes of IPv6.
CONNECTED_METRIC6: Final = 256

TABLE_MAIN: Final = 254
#: The prefix of a route that stands for all of a form.
EVERYWHERE: Final = Prefix.parse("0.0.0.0/0")

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
_SCOPE_HOST = 254
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


class KernelNextHop(Value):
    """Where to send: out of interface index `link`, to `gateway` or (None) to the destination itself.

    onlink: treat the gateway as on the link although no connected route covers it.
    state: as reported, not compared.
    """

    link: int
    gateway: IPAddress | None = None
    onlink: bool = False
    weight: int = 1
    state: NextHopFlag = field(default=NextHopFlag.NONE, compare=False)


class KernelRoute(Value):
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


_of_prefix: Final = copier(KernelRoute, "prefix")


def add_route(route: KernelRoute) -> wire.KernelRequest:
    """Add a route; EEXIST if there is one with this prefix and metric."""
    return wire.KernelRequest(wire.KernelMessageType.NEWROUTE, wire.NLM_F_CREATE | wire.NLM_F_EXCL, _body(route), route)


def replace_route(route: KernelRoute) -> wire.KernelRequest:
    """Add a route, or replace the one with this prefix and metric, in one step.

    Raises ValueError for metric 0: that would replace a connected route.
    """
    if route.metric == 0:
        raise ValueError(f"{route}: replacing with metric 0 replaces connected routes")
    return wire.KernelRequest(wire.KernelMessageType.NEWROUTE, _PUT, _body(route), route)


def append_route(route: KernelRoute) -> wire.KernelRequest:
    """Add a route beside those with this prefix and metric; EEXIST if this very route exists."""
    return wire.KernelRequest(
        wire.KernelMessageType.NEWROUTE, wire.NLM_F_CREATE | wire.NLM_F_APPEND, _body(route), route
    )


def delete_route(route: KernelRoute) -> wire.KernelRequest:
    """Delete the route with this prefix, table, metric and protocol, whatever its kind and next hops are now."""
    head = _head(route, scope=_SCOPE_NOWHERE, kind=RouteType.UNSPECIFIED)
    return wire.KernelRequest(wire.KernelMessageType.DELROUTE, 0, head + _key(route), route)


#: What packs a request, its size, kind and flags, the family, the octets behind the length, and those of a prefix.
_Frame: TypeAlias = "tuple[Callable[..., bytes], int, int, int, int, bytes, int]"


class RouteForm:
    """What routes share that differ in their prefixes alone: the octets of a request about each, but for its prefix."""

    __slots__ = ("_frames", "_make", "_route", "links", "place")

    def __init__(self, route: KernelRoute, make: Callable[[KernelRoute], wire.KernelRequest] = replace_route) -> None:
        """route: the one to `EVERYWHERE`. make: returns the request about a route."""
        self._route, self._make = route, make
        #: The interfaces that they lead out of; and their place beside other routes of a prefix: table and metric.
        self.links = tuple(dict.fromkeys([hop.link for hop in route.next_hops]))
        self.place = route.table, route.metric
        #: The octets, by IP version.
        self._frames: dict[int, _Frame] = {}

    def route(self, prefix: Prefix) -> KernelRoute:
        """Return the route of this prefix."""
        return _of_prefix(self._route, prefix)

    def request(self, prefix: Prefix) -> wire.KernelRequest:
        """Return the request about the route of this prefix."""
        return self._make(self.route(prefix))

    def serialize(self, prefix: Prefix, sequence: int, extra_flags: int) -> bytes:
        """Return the request about the route of this prefix as octets."""
        version, number, length = prefix.version, prefix.number, prefix.length
        if not length:
            return self.request(prefix).serialize(sequence, extra_flags)
        pack, size, kind, flags, family, rest, octets = self._frames.get(version) or self._frame(version)
        key = 4 + octets, _RTA_DST, number.to_bytes(octets, "big")
        return pack(size, kind, flags | extra_flags, sequence, 0, family, length, rest, *key)

    def _frame(self, version: int) -> _Frame:
        made, octets = self.request(Prefix.of(UNSPECIFIED_OF[version], 0)), 4 if version == 4 else 16
        rest = made.body[2:]  # behind family and length; the prefix itself comes last
        pack = struct.Struct(f"=IHHIIBB{len(rest)}sHH{octets}s").pack
        size, flags = 22 + len(rest) + octets, made.flags | wire.NLM_F_REQUEST
        self._frames[version] = frame = pack, size, made.kind, flags, made.body[0], rest, octets
        return frame


class RouteRequest(Mutable, eq=False):
    """A request about one route of a form."""

    form: RouteForm
    prefix: Prefix

    def serialize(self, sequence: int, extra_flags: int = 0) -> bytes:
        """Return the message as octets."""
        return self.form.serialize(self.prefix, sequence, extra_flags)

    def __str__(self) -> str:
        return str(self.form.request(self.prefix))


def dump_routes(family: int = wire.AF_UNSPEC) -> wire.KernelRequest:
    """Request the routes of one address family, or of all."""
    body = _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    return wire.KernelRequest(wire.KernelMessageType.GETROUTE, wire.NLM_F_DUMP, body, "all routes")


def find_route(address: IPAddress) -> wire.KernelRequest:
    """Request the route that a packet to this address takes, as the table has it."""
    # The kernel refuses the second flag for IPv6, of whose routes it always says the table.
    flags = _RTM_F_FIB_MATCH | (_RTM_F_LOOKUP_TABLE if address.version == 4 else 0)
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


def _body(route: KernelRoute) -> bytes:
    hops = route.next_hops
    # As ip(8) does: without a gateway the destination is on the link, and the kernel checks gateways against that.
    direct = len(hops) == 1 and hops[0].gateway is None and route.kind is RouteType.UNICAST
    scope = _SCOPE_HOST if route.kind is RouteType.LOCAL else _SCOPE_LINK if direct else _SCOPE_UNIVERSE
    flags = _ONLINK if len(hops) == 1 and hops[0].onlink else 0
    source = wire.attribute(_RTA_PREFSRC, route.source.packed) if route.source is not None else b""
    ways = b""
    if len(hops) == 1:
        ways = _gateway(route, hops[0]) + wire.attribute_u32(_RTA_OIF, hops[0].link)
    elif hops:
        ways = wire.attribute(_RTA_MULTIPATH, b"".join(_multipath_hop(route, hop) for hop in hops))
    return _head(route, scope=scope, kind=route.kind, flags=flags) + _key(route) + source + ways


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


# ------------------------------------------------------------------------------------------------ policy rules


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


class Rule(Value):
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
    return wire.KernelRequest(
        wire.KernelMessageType.NEWRULE, wire.NLM_F_CREATE | wire.NLM_F_EXCL, _rule_body(rule), rule
    )


def delete_rule(rule: Rule) -> wire.KernelRequest:
    """Delete the rule; ENOENT if there is none of this place, table and owner."""
    return wire.KernelRequest(wire.KernelMessageType.DELRULE, 0, _rule_body(rule), rule)


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


def _rule_body(rule: Rule) -> bytes:
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
