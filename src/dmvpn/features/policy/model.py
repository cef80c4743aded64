"""Access lists, prefix lists and route maps, as values. The first entry that fits decides; none: denied."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.routemaps import AttributeRule, CommunityChange, CommunityMatch


@dataclass(frozen=True, slots=True)
class AddressRange:
    """Addresses that agree with `address` in the bits that are 0 in `wildcard`."""

    address: IPv4Address
    wildcard: IPv4Address


#: `any`.
ANY = AddressRange(IPv4Address(0), IPv4Address(0xFFFFFFFF))


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from `low` to `high`; inverse: all others."""

    low: int = 0
    high: int = 65_535
    inverse: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessEntry:
    """One entry. protocol: the number in the IP header, None: every one. Standard lists look at the source alone."""

    sequence: int
    permit: bool
    source: AddressRange
    destination: AddressRange = ANY
    protocol: int | None = None
    source_ports: PortRange | None = None
    destination_ports: PortRange | None = None
    established: bool = False
    log: bool = False


@dataclass(frozen=True, slots=True)
class AccessList:
    """name: "10" for numbered lists. entries: by sequence number."""

    name: str
    extended: bool
    entries: tuple[AccessEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PrefixEntry:
    """Prefixes inside of `prefix` whose length is between `shortest` and `longest`."""

    sequence: int
    permit: bool
    prefix: Prefix
    shortest: int
    longest: int


@dataclass(frozen=True, slots=True)
class PrefixList:
    """entries: by sequence number."""

    name: str
    entries: tuple[PrefixEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeList:
    """An AS path or community list, whose entries are in the order in which they were typed."""

    name: str
    entries: tuple[AttributeRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMapEntry:
    """One `route-map NAME permit|deny N`. Every kind of match must hold, of each kind one of its values.

    go_on: the sequence number of the entry that goes on after this one fitted; 0: the next one; None: it ends here.
    """

    sequence: int
    permit: bool
    access_lists: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    next_hop_access_lists: tuple[str, ...] = ()
    next_hop_prefix_lists: tuple[str, ...] = ()
    interfaces: tuple[str, ...] = ()
    as_paths: tuple[str, ...] = ()
    communities: tuple[CommunityMatch, ...] = ()
    tags: tuple[int, ...] = ()
    metrics: tuple[int, ...] = ()
    set_metric: int | None = None
    set_metric_type: str = ""
    set_tag: int | None = None
    set_next_hop: IPv4Address | None = None
    set_local_preference: int | None = None
    set_weight: int | None = None
    set_origin: str = ""
    prepend: tuple[int, ...] = ()
    set_communities: CommunityChange | None = None
    go_on: int | None = None


@dataclass(frozen=True, slots=True)
class RouteMap:
    """entries: by sequence number."""

    name: str
    entries: tuple[RouteMapEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """All lists and maps, by name."""

    access_lists: tuple[AccessList, ...] = ()
    prefix_lists: tuple[PrefixList, ...] = ()
    as_path_lists: tuple[AttributeList, ...] = ()
    community_lists: tuple[AttributeList, ...] = ()
    route_maps: tuple[RouteMap, ...] = ()
