"""The configuration of EIGRP, as typed values: built by `config`, read by the machine.

EigrpConfig         all processes and key chains
ProcessSettings     one autonomous system, classic or named
InterfaceSettings   the settings of one interface, with the defaults filled in
"""

from __future__ import annotations

import enum
from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.credentials import KeyChain
from dmvpn.base.distribution import NOTHING, Distribution, RedistributionLine
from dmvpn.base.notices import Speaking
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value
from dmvpn.features.eigrp.metric import MetricScale, Vector
from dmvpn.features.eigrp.tlv import StubFlag

_CLASSIC = MetricScale()

#: Destinations farther away than this count as unreachable (`metric maximum-hops`).
MAXIMUM_HOPS = 100

#: Seconds. IOS uses 60 and 180 on slow multipoint Frame Relay and ATM; a tunnel is neither, whatever its bandwidth.
HELLO_INTERVAL = 5
HOLD_TIME = 15

#: Events that are kept: the number of IOS.
EVENT_LOG_SIZE: Final = 500
LARGEST_EVENT_LOG: Final = 100_000


class Family(Speaking, Value):
    """One address family: in what a process for IPv4 and one for IPv6 differ, RFC 7868 §6.3.

    A process for IPv6 speaks between link-local addresses, and so do its next hops. It is enabled on interfaces, never
    by `network` statements, and its router ID still has the form of an IPv4 address: without one it does not start, as
    on IOS.

    version: of IP.
    name: in the headings of shows and in the log: "EIGRP-IPv4".
    group: all EIGRP routers of a link.
    ip_header: octets.
    """

    name: str
    group: IPAddress
    ip_header: int


IPV4: Final = Family(4, "EIGRP-IPv4", IPv4Address("224.0.0.10"), 20)
IPV6: Final = Family(6, "EIGRP-IPv6", IPv6Address("ff02::a"), 40)


class NetworkLine(Value):
    """A `network` statement: interfaces with an address in it take part."""

    address: IPv4Address
    wildcard: IPv4Address

    def matches(self, address: IPAddress) -> bool:
        """Return whether an address is in this network.

        Bits set in the wildcard are ignored, wherever they are.
        """
        return not (int(address) ^ int(self.address)) & ~int(self.wildcard)


class Summary(Value):
    """`summary-address`: advertised in place of everything inside it. distance: of our own route to Null0; 255: no
    route.

    leaks: the route map of components that are advertised as well.
    """

    prefix: Prefix
    distance: int = 5
    leaks: str = ""


class AuthenticationMode(enum.Enum):
    """How packets are authenticated."""

    MD5 = "md5"
    HMAC_SHA_256 = "hmac-sha-256"


class InterfaceSettings(Value, kw_only=True):
    """One process on one interface. Times in seconds.

    shutdown: the process does not run here.
    bfd: BFD watches the neighbors.
    password: of HMAC-SHA-256.
    neighbors: the only neighbors here, reached by unicast.
    """

    hello_interval: int = HELLO_INTERVAL
    hold_time: int = HOLD_TIME
    split_horizon: bool = True
    next_hop_self: bool = True
    ecmp_mode: bool = True
    passive: bool = False
    shutdown: bool = False
    bandwidth_percent: int = 50
    summaries: tuple[Summary, ...] = ()
    authentication: AuthenticationMode | None = None
    key_chain: str = ""
    password: str = field(default="", repr=False)
    neighbors: tuple[IPAddress, ...] = ()
    bfd: bool = False


class PrefixLimit(Value):
    """`maximum-prefix`: the largest number of prefixes.

    threshold: percent of it at which a message is logged. warning_only: messages are the only consequence.
    restart: seconds of a pause. restart_count: number of pauses. reset_time: seconds after which they are counted
    again.
    dampened: each pause is twice as long as the one before.
    """

    maximum: int
    threshold: int = 75
    warning_only: bool = False
    restart: float = 300.0
    restart_count: int = 3
    reset_time: float = 900.0
    dampened: bool = False


class Redistribution(RedistributionLine, Value, kw_only=True):
    """`redistribute`. metric: None: the default metric, or else the route's own."""

    metric: Vector | None = None


class ProcessSettings(Value, kw_only=True):
    """One EIGRP process.

    name: the virtual instance of named mode; "" in classic mode.
    stub: the routes that a stub router advertises; None: it is no stub. stub_leaks: route map of further routes.
    limit, redistributed_limit, neighbor_limit, neighbor_limits: maximum prefixes of the process, of redistribution, of
    any neighbor, of these neighbors.
    event_log_size: size of `show ip eigrp events`.
    active_time: seconds until a destination is stuck in active; 0: never.
    summary_metrics: metric of summaries, None: that of the nearest component; and the distance of our route to Null0,
    None:
    as in the summary line.
    interfaces: settings of interfaces with lines of their own; other interfaces have `default_interface`.
    vrf: "", the global table. router: in classic mode the number of the `router eigrp` with the address family.
    """

    autonomous_system: int
    family: Family = IPV4
    name: str = ""
    shutdown: bool = False
    log_changes: bool = True
    event_log_size: int = EVENT_LOG_SIZE
    networks: tuple[NetworkLine, ...] = ()
    router_id: IPv4Address | None = None
    scale: MetricScale = _CLASSIC
    maximum_hops: int = MAXIMUM_HOPS
    variance: int = 1
    maximum_paths: int = 4
    internal_distance: int = 90
    external_distance: int = 170
    default_metric: Vector | None = None
    redistributions: tuple[Redistribution, ...] = ()
    distribution: Distribution = NOTHING
    stub: StubFlag | None = None
    stub_leaks: str = ""
    active_time: float = 180.0
    limit: PrefixLimit | None = None
    redistributed_limit: PrefixLimit | None = None
    neighbor_limit: PrefixLimit | None = None
    neighbor_limits: tuple[tuple[IPAddress, PrefixLimit], ...] = ()
    summary_metrics: tuple[tuple[Prefix, Vector | None, int | None], ...] = ()
    vrf: str = ""
    router: int = 0
    default_interface: InterfaceSettings = InterfaceSettings()
    interfaces: tuple[tuple[str, InterfaceSettings], ...] = ()

    def covers(self, address: IPAddress) -> bool:
        """Return whether the process runs on networks with this address; that for IPv6 has no `network` lines."""
        return self.family.version == 6 or any(network.matches(address) for network in self.networks)

    @property
    def version(self) -> int:
        """Of IP."""
        return self.family.version

    @property
    def is_named(self) -> bool:
        """Whether this is `router eigrp NAME`, with wide metrics."""
        return bool(self.name)

    def interface(self, name: str) -> InterfaceSettings:
        """Return the settings of this interface."""
        return next((settings for known, settings in self.interfaces if known == name), self.default_interface)


class EigrpConfig(Value):
    """The whole configuration, sorted by autonomous system and name. ipv6: the processes for IPv6."""

    processes: tuple[ProcessSettings, ...] = ()
    key_chains: Pages[KeyChain] = NONE
    ipv6: tuple[ProcessSettings, ...] = ()

    def of_version(self, version: int) -> tuple[ProcessSettings, ...]:
        """Return the processes for a version of IP."""
        return self.processes if version == 4 else self.ipv6

    def key_chain(self, name: str) -> KeyChain | None:
        """Return the key chain of this name."""
        return next((chain for chain in self.key_chains if chain.name == name), None)
