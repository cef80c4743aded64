"""What the configuration says of EIGRP, as typed values: made by `config.py`, read by the machine.

EigrpConfig         all processes and key chains
ProcessSettings     one autonomous system, classic or named
InterfaceSettings   what holds on one interface, with the defaults filled in
"""

from __future__ import annotations

import enum
from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.distribution import NOTHING, Distribution
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.dual import MAXIMUM_HOPS
from dmvpn.features.eigrp.eventlog import DEFAULT_SIZE
from dmvpn.features.eigrp.metric import MetricScale, Vector

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.keychains import KeyChain
    from dmvpn.base.notices import RouteSource
    from dmvpn.features.eigrp.tlv import StubFlag

_CLASSIC = MetricScale()

#: Seconds. IOS has 60 and 180 on slow multipoint Frame Relay and ATM; a tunnel is neither, whatever its bandwidth.
HELLO_INTERVAL = 5
HOLD_TIME = 15


@dataclass(frozen=True, slots=True)
class Network:
    """A `network` statement: interfaces with an address in it take part."""

    address: IPv4Address
    wildcard: IPv4Address

    def matches(self, address: IPAddress) -> bool:
        """Return whether it is an address of this network.

        The ones of the wildcard do not matter, wherever they are.
        """
        return not (int(address) ^ int(self.address)) & ~int(self.wildcard)


@dataclass(frozen=True, slots=True)
class Summary:
    """`summary-address`: told instead of everything inside it. distance: of our own route to Null0, 255 = none.

    leaks: the route map of what is told all the same.
    """

    prefix: Prefix
    distance: int = 5
    leaks: str = ""


class AuthenticationMode(enum.Enum):
    """How packets are protected."""

    MD5 = "md5"
    HMAC_SHA_256 = "hmac-sha-256"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceSettings:
    """One process on one interface. Times in seconds. shutdown: the process does not run here. bfd: neighbors are
    watched.
    password: of HMAC-SHA-256.
    neighbors: the only ones here, each sent to alone.
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
    neighbors: tuple[IPv4Address, ...] = ()
    bfd: bool = False


@dataclass(frozen=True, slots=True)
class PrefixLimit:
    """`maximum-prefix`: how many there may be.

    threshold: percent of it at which a line is logged. warning_only: nothing but log lines follows. restart: seconds
    for which whoever told too much stays away, restart_count: so often, reset_time: seconds after which these times are
    counted again. dampened: each pause is twice as long as the one before.
    """

    maximum: int
    threshold: int = 75
    warning_only: bool = False
    restart: float = 300.0
    restart_count: int = 3
    reset_time: float = 900.0
    dampened: bool = False


@dataclass(frozen=True, slots=True)
class Redistribution:
    """`redistribute`: which routes of the routing table come in. metric: theirs, or None: the default or the link's.

    process: its number, where a protocol has several; "": whatever it is.
    """

    source: RouteSource
    metric: Vector | None = None
    route_map: str = ""
    kinds: tuple[str, ...] = ()
    process: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSettings:
    """One EIGRP process.

    name: the virtual instance of named mode, "" in classic mode.
    stub: what a stub router tells, None for a router that is none; stub_leaks: and what this route map lets through.
    limit, redistributed_limit, neighbor_limit, neighbor_limits: how many prefixes there may be, and how many may be
    brought in, told by any one neighbor, told by these.
    event_log_size: how many events `show ip eigrp events` has.
    active_time: seconds until a destination is stuck in active, 0: it never is.
    summary_metrics: what summaries cost, None: as much as the nearest part; and the distance of our own routes to
    Null0, None: as the line of the summary says.
    interfaces: settings of those that have any of their own; the others have `default_interface`.
    """

    autonomous_system: int
    name: str = ""
    shutdown: bool = False
    log_changes: bool = True
    event_log_size: int = DEFAULT_SIZE
    networks: tuple[Network, ...] = ()
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
    neighbor_limits: tuple[tuple[IPv4Address, PrefixLimit], ...] = ()
    summary_metrics: tuple[tuple[Prefix, Vector | None, int | None], ...] = ()
    default_interface: InterfaceSettings = InterfaceSettings()
    interfaces: tuple[tuple[str, InterfaceSettings], ...] = ()

    @property
    def is_named(self) -> bool:
        """True for `router eigrp NAME`: wide metrics."""
        return bool(self.name)

    def interface(self, name: str) -> InterfaceSettings:
        """Return what holds on this interface."""
        return next((settings for known, settings in self.interfaces if known == name), self.default_interface)


@dataclass(frozen=True, slots=True)
class EigrpConfig:
    """All of it, sorted by autonomous system and name."""

    processes: tuple[ProcessSettings, ...] = ()
    key_chains: Pages[KeyChain] = NONE

    def key_chain(self, name: str) -> KeyChain | None:
        """Return the key chain of this name."""
        return next((chain for chain in self.key_chains if chain.name == name), None)
