"""The configuration of BGP, as values. Times are seconds."""

from __future__ import annotations

import enum
from dataclasses import field
from ipaddress import IPv4Address
from itertools import chain
from math import exp2
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.distribution import DistanceOf, Redistribution
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value

#: IPv4 and IPv6 unicast, by the numbers of the address family and of its subsequent one (RFC 4760 §3).
IPV4_KEY: Final = b"\x00\x01\x01"
IPV6_KEY: Final = b"\x00\x02\x01"
#: A neighbor by its address, or a peer group by its name.
Peer = IPAddress | str


class FilterDirection(enum.Enum):
    """The direction in which a filter applies."""

    IN = "in"
    OUT = "out"


class FilterKind(enum.Enum):
    """The kind of map or list of a filter."""

    ROUTE_MAP = "route-map"
    PREFIX_LIST = "prefix-list"
    DISTRIBUTE_LIST = "distribute-list"
    FILTER_LIST = "filter-list"


class PrivateAs(enum.Enum):
    """How private AS numbers are handled in paths sent to a neighbor."""

    KEPT = "kept"
    IF_ALL_ARE = "removed if there are no others"
    ALL = "removed"
    REPLACED = "replaced by ours"


class Filter(Value):
    """A filter of a neighbor's routes. name: of the route map or list."""

    kind: FilterKind
    name: str
    direction: FilterDirection


class Additional(Value):
    """`additional-paths`: whether several paths to a prefix are sent and received (RFC 7911)."""

    sends: bool = False
    receives: bool = False


#: One path to a prefix, in both directions.
ONE_PATH: Final = Additional()


class PathChoice(Value, kw_only=True):
    """Paths that may be advertised besides the best one.

    every: all paths with distinct next hops. best: the best 2 or 3; 0: only the best one. group_best: the best path of
    each neighboring AS. backup: the best path of the remaining ones.
    """

    every: bool = False
    best: int = 0
    group_best: bool = False
    backup: bool = False


#: Only the best path.
BEST_ALONE: Final = PathChoice()


class NeighborLines(Value, kw_only=True):
    """The lines of one neighbor or peer group; None: not configured, so the group or the default applies.

    group: its peer group. is_group: this is a peer group. active: in the address family.
    alternates: further AS numbers that a dynamic neighbor may be in.
    local_as_prepends: `local_as` is prepended to paths from the neighbor; local_as_replaces: it sees only that number.
    session_template, policy_templates: inherited templates; the latter with sequence numbers, the highest one wins.
    security_hops: routers that its packets may have crossed (RFC 5082); 0: any number.
    ebgp_ttl: hops that an external neighbor may be away.
    timers: keepalive, hold time, the smallest hold time accepted from the neighbor.
    anywhere: an external neighbor one hop away need not be on a connected network.
    plain_refresh: Enhanced Route Refresh (RFC 7313) is not offered.
    extended: routes of IPv4 may have next hops of IPv6 (RFC 8950).
    fall_over: the session ends when there is no route to the neighbor. bfd: BFD watches it.
    helps: its routes are kept while it restarts; None: as configured for the process.
    shutdown_delay: seconds of graceful shutdown, in which its routes are still exchanged, marked by RFC 8326 and with
    `shutdown_preference` as local preference, before the session ends; 0: it ends at once.
    originate_map: the default route is advertised while this map permits a route of the routing table.
    unsuppress_map: routes suppressed by an aggregate that are advertised nevertheless if this map permits them.
    send_community: standard and large communities are sent (RFC 1997, 8092); send_extended: extended ones (RFC 4360).
    maximum_prefixes: 0: no limit; warn_percent: share of it from which on a warning is logged; only_warn: the session
    stays up above it. restart_minutes: until the session may return; 0: on `clear ip bgp`.
    additional: whether several paths are sent and received; None: as configured for the process. advertised: which ones
    are sent.
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
    extended: bool = False
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
    advertised: PathChoice = BEST_ALONE
    weight: int | None = None
    advertisement_interval: int | None = None
    filters: tuple[Filter, ...] = ()


class ListenRange(Value):
    """`bgp listen range`: a router that connects from here is a dynamic neighbor in the group."""

    prefix: Prefix
    group: str


class NetworkLine(Value):
    """`network`: advertised if the routing table has exactly this prefix."""

    prefix: Prefix
    route_map: str = ""


class Aggregate(Value):
    """`aggregate-address`. suppress_map: contributing routes that it permits are suppressed. attribute_map: sets
    attributes.

    advertise_map: only routes that it permits contribute; "": all do.
    """

    prefix: Prefix
    summary_only: bool = False
    as_set: bool = False
    suppress_map: str = ""
    attribute_map: str = ""
    advertise_map: str = ""


class Decision(Value, kw_only=True):
    """Options of the best path decision.

    compares_all_meds: MED is compared between different neighboring ASes. missing_med_is_worst: a missing MED counts as
    the largest one, otherwise as 0. ignores_path_length: AS path length is not compared. any_equal_path: multipath
    takes AS paths of equal length, whatever ASes they have. compares_router_ids: the oldest external path is not
    preferred.
    """

    compares_all_meds: bool = False
    missing_med_is_worst: bool = False
    ignores_path_length: bool = False
    any_equal_path: bool = False
    compares_router_ids: bool = False


class Confederation(Value, kw_only=True):
    """A confederation, RFC 5065: several member ASes that appear as one AS outside.

    identifier: the AS number of the confederation; 0: there is none. members: the member ASes besides ours.
    """

    identifier: int = 0
    members: tuple[int, ...] = ()

    def has(self, system: int) -> bool:
        """Return whether this is another member AS."""
        return bool(self.identifier) and system in self.members


#: Our AS is in no confederation.
NO_CONFEDERATION: Final = Confederation()


class Vpn(Value, kw_only=True):
    """How the table of a VRF exchanges paths with those of other VRFs (RFC 4364).

    rd: its route distinguisher, "": it exchanges none. exports, imports: route targets, as extended communities.
    export_map, import_map: route maps, "" without one.
    """

    rd: str = ""
    exports: tuple[int, ...] = ()
    imports: tuple[int, ...] = ()
    export_map: str = ""
    import_map: str = ""


#: A table that exchanges nothing.
NO_VPN: Final = Vpn()


#: The largest penalty of a route, whatever limits are configured.
MOST_PENALTY: Final = 20_000.0


class Dampening(Value, kw_only=True):
    """`bgp dampening`. half_life: seconds. longest: seconds for which a route is suppressed at most.

    suppress: the penalty above which a route is suppressed; reuse: the penalty at which it is used again.
    """

    half_life: int = 900
    reuse: int = 750
    suppress: int = 2000
    longest: int = 3600

    @property
    def highest(self) -> float:
        """The largest penalty, which decays to the reuse limit in the longest suppress time."""
        return min(self.reuse * exp2(self.longest / self.half_life), MOST_PENALTY)


class BgpConfig(Value, kw_only=True):
    """`router bgp` with the lines of one address family, IPv4 unicast; local_as 0: it is not configured.

    family: that of the lines about routes, by its key. others: the same with the lines of each other family.

    router_id_of: the interface whose address is the router ID.
    in_vrf: it is the `address-family ipv4 vrf` of a VRF.
    active_by_default: neighbors with addresses of IPv4 are active in the family without `activate`.
    timers: as those of a neighbor.
    distances: of external, internal and local routes. neighbor_distances: of routes from these neighbors.
    maximum_paths: external, internal.
    graceful_restart: routes of restarting neighbors are kept (RFC 4724), for at most `stale_time` seconds after their
    session is back. restart_time: seconds, as advertised to neighbors.
    network_lists: the `network` lines of the process, and those of its family.
    default_metric: of redistributed routes. default_originate: the default route may be redistributed, too.
    local_preference: of routes without LOCAL_PREF.
    falls_over: external sessions end when the line of their interface goes down.
    tells_internal: other protocols may redistribute routes learned from internal neighbors.
    additional: whether several paths are sent and received. selected: paths that may be advertised.
    has_backups: a backup path is selected and shown.
    dampening: None: routes are not dampened.
    vpn: of a VRF.
    """

    local_as: int = 0
    confederation: Confederation = NO_CONFEDERATION
    router_id: IPv4Address | None = None
    router_id_of: str = ""
    cluster_id: IPv4Address | None = None
    log_changes: bool = True
    active_by_default: bool = True
    timers: tuple[int, int, int] = (60, 180, 0)
    distances: tuple[int, int, int] = (20, 200, 200)
    maximum_paths: tuple[int, int] = (1, 1)
    graceful_restart: bool = False
    restart_time: int = 120
    stale_time: int = 360
    listen_ranges: tuple[ListenRange, ...] = ()
    listen_limit: int = 100
    neighbors: Pages[NeighborLines] = NONE
    session_templates: tuple[NeighborLines, ...] = ()
    policy_templates: tuple[NeighborLines, ...] = ()
    network_lists: tuple[Pages[NetworkLine], ...] = ()
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
    selected: PathChoice = BEST_ALONE
    has_backups: bool = False
    dampening: Dampening | None = None
    in_vrf: bool = False
    vpn: Vpn = NO_VPN
    family: bytes = IPV4_KEY
    others: tuple[BgpConfig, ...] = ()

    @property
    def outer_as(self) -> int:
        """Our AS number outside our confederation."""
        return self.confederation.identifier or self.local_as

    @property
    def networks(self) -> tuple[NetworkLine, ...]:
        """All `network` lines."""
        return tuple(chain.from_iterable(self.network_lists))

    @property
    def called(self) -> tuple[IPAddress, ...]:
        """Addresses of neighbors that are configured with an AS or a group; dynamic neighbors are not among them."""
        return tuple(
            one.peer
            for one in self.neighbors
            if not isinstance(one.peer, str) and (one.remote_as is not None or one.group)
        )
