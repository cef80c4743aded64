"""What can be configured of BGP, as values. Times are seconds."""

from __future__ import annotations

import enum
from dataclasses import field
from ipaddress import IPv4Address
from itertools import chain
from math import exp2
from typing import TYPE_CHECKING, Final

from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.distribution import DistanceOf
    from dmvpn.base.notices import RouteSource

#: A neighbor by its address, or a peer group by its name.
Peer = IPv4Address | str


class Direction(enum.Enum):
    """Which way a filter looks."""

    IN = "in"
    OUT = "out"


class FilterKind(enum.Enum):
    """What filters."""

    ROUTE_MAP = "route-map"
    PREFIX_LIST = "prefix-list"
    DISTRIBUTE_LIST = "distribute-list"
    FILTER_LIST = "filter-list"


class PrivateAs(enum.Enum):
    """What becomes of private AS numbers in what a neighbor is told."""

    KEPT = "kept"
    IF_ALL_ARE = "removed if there are no others"
    ALL = "removed"
    REPLACED = "replaced by ours"


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of a neighbor's routes. name: of the route map, or of the list."""

    kind: FilterKind
    name: str
    direction: Direction


@dataclass(frozen=True, slots=True)
class Additional:
    """`additional-paths`: whether several paths to a prefix are sent and received (RFC 7911)."""

    sends: bool = False
    receives: bool = False


#: Neither: one path to a prefix.
ONE_PATH: Final = Additional()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which paths may be told besides the best one. every: all with a next hop of their own. best: the best so many,
    2 or 3; 0: that one alone. group_best: the best of each neighboring system. backup: the best of the others.
    """

    every: bool = False
    best: int = 0
    group_best: bool = False
    backup: bool = False


#: No other than the best one.
BEST_ALONE: Final = Choice()


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbor:
    """Everything that is said of a neighbor or peer group by itself; None: not said, so its group or the default holds.

    group: the peer group it belongs to. is_group: it is one. active: in IPv4 unicast. maximum_prefixes: 0: no limit;
    warn_percent: from how much of it on there is a warning; only_warn: it is no reason to give the neighbor up.
    timers: keepalive, hold, the least hold time that the neighbor may want.
    ebgp_ttl: hops that an external neighbor may be away; anywhere: one hop, whatever its
    address. fall_over: given up when there is no route to it. bfd: watched by BFD.
    alternates: of whoever calls by a listen range, other autonomous systems that it may be in.
    local_as_prepends: what it tells gets `local_as` before its path; local_as_replaces: it sees that number alone.
    helps: its routes are kept while it restarts; None: as the process says.
    session_template, policy_templates: whose lines it has, too; the latter with their place, the last one wins.
    plain_refresh: it does not hear that we can mark refreshes (RFC 7313).
    shutdown_delay: seconds for which its routes are still told and taken before the session ends, as ones that go
    (RFC 8326), with `shutdown_preference` as their local preference; 0: the session ends at once.
    security_hops: its packets may have crossed so many routers, 0: any number (RFC 5082).
    restart_minutes: after so many it may come again that told too many prefixes, 0: when somebody clears it.
    originate_map: the default route is told while this map permits some route.
    unsuppress_map: what an aggregate speaks for is told nevertheless if this map permits it.
    additional: whether it tells and hears several paths; None: as the process says. advertised: which ones it hears.
    send_community: plain and large communities are told (RFC 1997, 8092); send_extended: extended ones (RFC 4360).
    """

    peer: Peer
    is_group: bool = False
    group: str = ""
    remote_as: int | None = None
    alternates: tuple[int, ...] = ()
    local_as: int | None = None
    local_as_prepends: bool = True
    local_as_replaces: bool = False
    session_template: str = ""
    policy_templates: tuple[tuple[int, str], ...] = ()
    security_hops: int = 0
    password: str = field(default="", repr=False)
    update_source: str = ""
    description: str = ""
    ebgp_ttl: int | None = None
    timers: tuple[int, int, int] | None = None
    anywhere: bool = False
    passive: bool = False
    plain_refresh: bool = False
    fall_over: bool = False
    bfd: bool = False
    helps: bool | None = None
    shutdown: bool = False
    shutdown_delay: int = 0
    shutdown_preference: int = 0
    active: bool | None = None
    next_hop_self: bool = False
    next_hop_self_all: bool = False
    next_hop_unchanged: bool = False
    route_reflector_client: bool = False
    default_originate: bool = False
    originate_map: str = ""
    unsuppress_map: str = ""
    send_community: bool = False
    send_extended: bool = False
    soft_reconfiguration: bool = False
    remove_private_as: PrivateAs = PrivateAs.KEPT
    override_as: bool = False
    allow_own_as: int = 0
    maximum_prefixes: int = 0
    warn_percent: int = 75
    only_warn: bool = False
    restart_minutes: int = 0
    additional: Additional | None = None
    advertised: Choice = BEST_ALONE
    weight: int | None = None
    advertisement_interval: int | None = None
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class ListenRange:
    """`bgp listen range`: whoever connects from here is a neighbor of the group."""

    prefix: Prefix
    group: str


@dataclass(frozen=True, slots=True)
class Network:
    """`network`: told if the table has exactly this prefix."""

    prefix: Prefix
    route_map: str = ""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`aggregate-address`. suppress_map: parts that it permits are told no more. attribute_map: what it sets.

    advertise_map: parts that it permits make the aggregate; "": all do.
    """

    prefix: Prefix
    summary_only: bool = False
    as_set: bool = False
    suppress_map: str = ""
    attribute_map: str = ""
    advertise_map: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution:
    """`redistribute`."""

    source: RouteSource
    process: str = ""
    metric: int | None = None
    route_map: str = ""
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How the best path is found where IOS lets people choose.

    compares_all_meds: also of different neighboring systems. missing_med_is_worst: none is the largest, else 0.
    ignores_path_length: AS paths are not compared. any_equal_path: paths of equal length may be used at once, whatever
    systems they have. compares_router_ids: the older external path is no better than another.
    """

    compares_all_meds: bool = False
    missing_med_is_worst: bool = False
    ignores_path_length: bool = False
    any_equal_path: bool = False
    compares_router_ids: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Confederation:
    """Several systems that are one for those outside: RFC 5065.

    identifier: the number of that one, 0: there is no confederation. members: the systems in it besides ours.
    """

    identifier: int = 0
    members: tuple[int, ...] = ()

    def has(self, system: int) -> bool:
        """Return whether this is a system in it besides ours."""
        return bool(self.identifier) and system in self.members


#: Our system is in none.
NO_CONFEDERATION: Final = Confederation()


#: The largest penalty of a route, whatever limits there are.
MOST_PENALTY: Final = 20_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dampening:
    """`bgp dampening`. half_life, longest: seconds; the latter is for how long a route is suppressed at most.

    suppress: the penalty above which it is; reuse: the one from which on it is not any more.
    """

    half_life: int = 900
    reuse: int = 750
    suppress: int = 2000
    longest: int = 3600

    @property
    def highest(self) -> float:
        """The largest penalty: after the longest time it is down to the reuse limit."""
        return min(self.reuse * exp2(self.longest / self.half_life), MOST_PENALTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class BgpConfig:
    """`router bgp` with its IPv4 unicast family; local_as 0: there is none.

    distances: of external, internal and local routes. maximum_paths: external, internal. timers: as those of a
    neighbor. router_id_of: the interface whose address is the name.
    ipv4_by_default: neighbors are in IPv4 unicast without being activated.
    default_metric: of redistributed routes. default_originate: redistribution may bring in the default route, too.
    neighbor_distances: of what these neighbors tell.
    local_preference: where nothing is said. falls_over: external sessions end with the line of their interface.
    tells_internal: other protocols may redistribute what internal neighbors told.
    network_lists: the networks of the process, and those of its family.
    graceful_restart: routes of neighbors that restart are kept (RFC 4724), after they are back for `stale_time`
    seconds at most. restart_time: that neighbors hear of us.
    additional: whether neighbors tell and hear several paths. selected: which of them may be told.
    has_backups: a backup path is chosen, and shown.
    dampening: None: routes that come and go are used at once.
    """

    local_as: int = 0
    confederation: Confederation = NO_CONFEDERATION
    router_id: IPv4Address | None = None
    router_id_of: str = ""
    cluster_id: IPv4Address | None = None
    log_changes: bool = True
    ipv4_by_default: bool = True
    timers: tuple[int, int, int] = (60, 180, 0)
    distances: tuple[int, int, int] = (20, 200, 200)
    maximum_paths: tuple[int, int] = (1, 1)
    graceful_restart: bool = False
    restart_time: int = 120
    stale_time: int = 360
    listen_ranges: tuple[ListenRange, ...] = ()
    listen_limit: int = 100
    neighbors: Pages[Neighbor] = NONE
    session_templates: tuple[Neighbor, ...] = ()
    policy_templates: tuple[Neighbor, ...] = ()
    network_lists: tuple[Pages[Network], ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    redistributions: tuple[Redistribution, ...] = ()
    default_metric: int | None = None
    default_originate: bool = False
    neighbor_distances: tuple[DistanceOf, ...] = ()
    decision: Decision = Decision()
    local_preference: int = 100
    falls_over: bool = True
    tells_internal: bool = False
    additional: Additional = ONE_PATH
    selected: Choice = BEST_ALONE
    has_backups: bool = False
    dampening: Dampening | None = None

    @property
    def outer_as(self) -> int:
        """Our number for those outside our confederation."""
        return self.confederation.identifier or self.local_as

    @property
    def networks(self) -> tuple[Network, ...]:
        """All `network` lines."""
        return tuple(chain.from_iterable(self.network_lists))

    @property
    def called(self) -> tuple[IPv4Address, ...]:
        """The neighbors with a system of their own, or of their group; those of a listen range call us."""
        return tuple(
            one.peer
            for one in self.neighbors
            if isinstance(one.peer, IPv4Address) and (one.remote_as is not None or one.group)
        )
