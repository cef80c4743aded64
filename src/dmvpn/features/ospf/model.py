"""The configuration of OSPF, as values. Costs and metrics are RFC 2328's numbers, times are seconds."""

from __future__ import annotations

import enum
import struct
from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dmvpn.base import distribution
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.credentials import KeyChain
from dmvpn.base.distribution import NOTHING, Distribution
from dmvpn.base.notices import Speaking
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value, dataclass


class Family(Speaking, Value):
    """An IP version and its OSPF: version 2 for IPv4, RFC 2328, version 3 for IPv6, RFC 5340.

    The latter speaks between link-local addresses, and so do its next hops. It is enabled on interfaces, never by
    `network` lines. Routers of a network are known by their identifiers, which have the form of an IPv4 address.

    version: of IP. routers, designated: all OSPF routers of a link, and the designated ones. header: octets of the IP
    header and of OSPF's. default: the default route.
    """

    routers: IPAddress
    designated: IPAddress
    header: int
    default: Prefix


IPV4: Final = Family(4, IPv4Address("224.0.0.5"), IPv4Address("224.0.0.6"), 44, Prefix.of(IPv4Address(0), 0))
IPV6: Final = Family(6, IPv6Address("ff02::5"), IPv6Address("ff02::6"), 56, Prefix.of(IPv6Address(0), 0))


class NetworkType(enum.Enum):
    """The types of RFC 2328 §1.2, and IOS's variant of point-to-multipoint."""

    BROADCAST = "broadcast"
    NON_BROADCAST = "non-broadcast"
    POINT_TO_MULTIPOINT = "point-to-multipoint"
    POINT_TO_MULTIPOINT_NON_BROADCAST = "point-to-multipoint non-broadcast"
    POINT_TO_POINT = "point-to-point"


class AuthenticationType(enum.Enum):
    """AuType, RFC 2328 Appendix D."""

    NULL = 0
    SIMPLE = 1
    CRYPTOGRAPHIC = 2


#: Of version 3, before the digest of an authentication trailer: type, length, reserved, number of the key, sequence
#: number (RFC 7166 §4.1).
TRAILER: Final = struct.Struct("!HHHHQ")
HMAC_TRAILER: Final = 1


class AreaKind(enum.Enum):
    """The LSAs that an area imports."""

    NORMAL = "normal"
    STUB = "stub"
    NSSA = "nssa"


class NetworkLine(Value):
    """`network ... area`: interfaces whose address agrees in the bits that are 0 in the wildcard."""

    address: IPv4Address
    wildcard: IPv4Address
    area: int

    def matches(self, address: IPAddress) -> bool:
        """Return whether an address is in this network."""
        return not (int(address) ^ int(self.address)) & ~int(self.wildcard)


class AreaRange(Value):
    """`area ... range`: one prefix advertised for many."""

    prefix: Prefix
    advertise: bool = True
    cost: int | None = None


class ExternalSummary(Value):
    """`summary-address`: one prefix for many redistributed ones. advertise: False: none of them is advertised."""

    prefix: Prefix
    advertise: bool = True
    tag: int = 0


class Nssa(Value, kw_only=True):
    """Options of `area ... nssa`. default: a default route is advertised into the area, with metric and metric_type.

    redistribute: redistributed routes of a border router enter the area, too. always: this router always translates.
    suppress_forwarding: translated routes lead through the border router.
    """

    default: bool = False
    metric: int = 1
    metric_type: int = 2
    redistribute: bool = True
    always: bool = False
    suppress_forwarding: bool = False


class Area(Value, kw_only=True):
    """The `area` lines of one area. no_summary: totally stubby.

    filter_in, filter_out: prefix lists for routes into the area, and out of it to other areas; "": all routes.
    """

    number: int
    kind: AreaKind = AreaKind.NORMAL
    no_summary: bool = False
    default_cost: int = 1
    authentication: AuthenticationType = AuthenticationType.NULL
    ranges: tuple[AreaRange, ...] = ()
    nssa: Nssa = Nssa()
    filter_in: str = ""
    filter_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redistribution(distribution.Redistribution):
    """`redistribute`. subnets: not classful networks alone. metric None: the default. type 1 or 2: external metric."""

    subnets: bool = False
    metric_type: int = 2
    tag: int = 0


class DefaultOriginate(Value, kw_only=True):
    """`default-information originate`. always: even without a default route of our own."""

    always: bool = False
    metric: int | None = None
    metric_type: int = 2
    route_map: str = ""


class NeighborLine(Value, kw_only=True):
    """`neighbor`: a neighbor to which Hellos are sent by unicast."""

    address: IPAddress
    priority: int = 0
    cost: int | None = None
    poll_interval: int = 120


class MaximumMetric(Value, kw_only=True):
    """`max-metric router-lsa`: a last resort. on_startup: for so many seconds after the start, None: always.

    stubs: for our own networks, too. summaries, externals: what these cost, None: as always.
    """

    on_startup: int | None = None
    stubs: bool = False
    summaries: int | None = None
    externals: int | None = None


class LsaLimitLine(Value, kw_only=True):
    """`max-lsa`: how many LSAs of other routers are accepted. threshold: the percentage above which a line is logged.

    warning_only: nothing else happens. Otherwise the process ignores all neighbors for ignore_minutes, at most
    ignore_count times; the count starts again after reset_minutes without.
    """

    maximum: int
    threshold: int = 75
    warning_only: bool = False
    ignore_minutes: int = 5
    ignore_count: int = 5
    reset_minutes: int = 10


class VirtualLink(Value):
    """`area ... virtual-link`. area: that it leads through. router: at its other end. lines: as of an interface."""

    area: int
    router: IPv4Address
    lines: Interface


class ProcessSettings(Value, kw_only=True):
    """`router ospf`, or of version 3. reference_bandwidth: Mbit/s for cost 1.

    spf_throttle, lsa_throttle, lsa_arrival: milliseconds.

    shutdown: configured so. helps: neighbors that restart gracefully; helps_strictly: only while nothing else changes.
    bfd: neighbors are watched. discards_ranges, discards_summaries: their rest goes to Null0, with these distances;
    None: that of routes within an area, and 254.
    ttl_hops: over so many routers packets may have come at most (`ttl-security`); None: over any number.
    vrf_lite: in a VRF, it is a customer's router (`capability vrf-lite`).
    """

    number: int
    family: Family = IPV4
    router_id: IPv4Address | None = None
    networks: tuple[NetworkLine, ...] = ()
    areas: tuple[Area, ...] = ()
    passive_default: bool = False
    passive: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    redistributions: tuple[Redistribution, ...] = ()
    default_originate: DefaultOriginate | None = None
    default_metric: int | None = None
    summaries: tuple[ExternalSummary, ...] = ()
    neighbors: tuple[NeighborLine, ...] = ()
    virtual_links: tuple[VirtualLink, ...] = ()
    reference_bandwidth: int = 100
    log_changes: bool = True
    log_changes_in_detail: bool = False
    maximum_paths: int = 4
    distances: tuple[int, int, int] = (110, 110, 110)
    distribution: Distribution = NOTHING
    spf_throttle: tuple[int, int, int] = (50, 200, 5000)
    lsa_throttle: tuple[int, int, int] = (50, 200, 5000)
    lsa_arrival: int = 100
    helps: bool = True
    helps_strictly: bool = False
    maximum_metric: MaximumMetric | None = None
    lsa_limit: LsaLimitLine | None = None
    suppress_prefixes: bool = False
    discards_ranges: bool = True
    discards_summaries: bool = True
    ranges_distance: int | None = None
    summaries_distance: int | None = None
    ttl_hops: int | None = None
    shutdown: bool = False
    bfd: bool = False
    vrf_lite: bool = False


class MessageDigestKey(Value):
    """`ip ospf message-digest-key`."""

    number: int
    text: str = field(repr=False)


class Interface(Value, kw_only=True):
    """The `ip ospf` lines of one interface. None: not said, so the default of process, area or network type holds.

    checks_ttl: False: whatever the process says. ttl_hops: as of a process, if it is True.
    instance, neighbors: of version 3; version 2 has neighbors of a process.
    """

    name: str
    process: int | None = None
    area: int | None = None
    cost: int | None = None
    network: NetworkType | None = None
    priority: int = 1
    hello_interval: int | None = None
    dead_interval: int | None = None
    hello_multiplier: int | None = None
    retransmit_interval: int = 5
    transmit_delay: int = 1
    authentication: AuthenticationType | None = None
    password: str = field(default="", repr=False)
    key_chain: str = ""
    keys: tuple[MessageDigestKey, ...] = ()
    ignore_mtu: bool = False
    filter_database: bool = False
    suppress_prefixes: bool | None = None
    shutdown: bool = False
    bfd: bool | None = None
    checks_ttl: bool | None = None
    ttl_hops: int = 1
    instance: int = 0
    neighbors: tuple[NeighborLine, ...] = ()


class OspfConfig(Value):
    """All processes, sorted by number, the interfaces that say something about OSPF, and the key chains.

    ipv6: the same of OSPF version 3; None: nothing.
    """

    processes: tuple[ProcessSettings, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    key_chains: Pages[KeyChain] = NONE
    ipv6: OspfConfig | None = None

    def of_version(self, version: int) -> OspfConfig:
        """Return the configuration of OSPF for a version of IP."""
        return self if version == 4 else self.ipv6 or OspfConfig()
