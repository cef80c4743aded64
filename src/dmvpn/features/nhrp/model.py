"""The NHRP configuration as values. `config` makes them out of the configuration lines, the machine acts on them.

The network identifier is local to the router and never on the wire. Tunnels with the same identifier are one network,
so that a redirect, a request or a reply may pass from one to another.

The events here are operator commands. All other events of NHRP are in `base.events`, `base.notices` and
`base.negotiation`.
"""

from __future__ import annotations

from dataclasses import field

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.events import Event
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value

#: RFC 2332 sets no default; this one is used by IOS, FRR and every capture.
DEFAULT_HOLDTIME = 7200
#: `ip nhrp max-send`: packets in seconds.
DEFAULT_MAX_SEND = (10_000, 10)
#: Seconds between two redirects for one pair of addresses.
DEFAULT_REDIRECT_INTERVAL = 8
#: `ip nhrp registration limit`: entries of one identity, in clear of one NBMA address. A spoke has two or three.
DEFAULT_REGISTRATIONS = 32
#: `ip nhrp hearsay limit`: new NBMA addresses in a minute to which IKE goes because of one station's messages.
DEFAULT_HEARSAY = 20
#: Octets of the password that IOS puts into a packet.
PASSWORD_LENGTH = 8
#: Octets of a group name: its length is one octet of the extension.
GROUP_LENGTH = 255
#: NHSs of a cluster that are used at the same time; IOS's default is "all".
ALL_CONNECTIONS = 255


class NhsConfig(Value, kw_only=True):
    """One `ip nhrp nhs` line.

    address: the server's tunnel address; None: `dynamic`, learned from its replies.
    nbma: None: a `map` line has it.
    name: the host name of `nbma`.
    priority: 0 is best.
    """

    address: IPAddress | None
    nbma: IPAddress | None = None
    name: str = ""
    multicast: bool = False
    priority: int = 0
    cluster: int = 0


class TunnelConfig(Value, kw_only=True):
    """The NHRP lines of one interface for one IP version. Without a network_id NHRP does not run on it.

    maps: (target, NBMA address).
    multicast: NBMA addresses that get copies of multicasts.
    multicast_dynamic: clients that register get copies, too.
    holdtime, registration_timeout, redirect_interval, fallback: seconds.
    max_send: packets and seconds.
    group: sent with registrations.
    max_connections: (cluster, servers used at a time).
    if_state: the line protocol follows the servers.
    server_only, interest: no Resolution Requests.
    non_caching: nothing is learned from Resolution Requests of other stations.
    bind_identity: a registered address belongs to the IKE identity that registered it.
    registration_limit: entries that one identity (in clear: one NBMA address) may have registered here.
    hearsay_limit: new NBMA addresses in a minute to which IKE goes because of one station's messages.
    record: our requests carry transit records.
    responder: the interface whose address identifies us as responder, "" for the tunnel itself.
    watch_servers: routing protocols are notified of a server that answers no echoes.
    vrf: of the packets inside, "": the global table.
    password: the value of the authentication extension, made once: eight octets at most, as from IOS.
    """

    name: str
    version: int = 4
    network_id: int | None = None
    authentication: str = field(default="", repr=False)
    maps: Pages[tuple[Prefix, IPAddress]] = NONE
    multicast: Pages[IPAddress] = NONE
    multicast_dynamic: bool = False
    holdtime: int = DEFAULT_HOLDTIME
    nhs: tuple[NhsConfig, ...] = ()
    fallback: int = 0
    max_connections: tuple[tuple[int, int], ...] = ()
    registration_timeout: int | None = None
    unique: bool = True
    bind_identity: bool = False
    registration_limit: int = DEFAULT_REGISTRATIONS
    hearsay_limit: int = DEFAULT_HEARSAY
    shortcut: bool = False
    redirect: bool = False
    redirect_interval: int = DEFAULT_REDIRECT_INTERVAL
    server_only: bool = False
    non_caching: bool = False
    record: bool = True
    responder: str = ""
    interest: bool = True
    max_send: tuple[int, int] = DEFAULT_MAX_SEND
    group: str = ""
    groups: tuple[tuple[str, str], ...] = ()
    if_state: bool = False
    watch_servers: bool = False
    vrf: str = ""
    password: bytes = field(init=False, default=b"", repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "password", self.authentication.encode()[:PASSWORD_LENGTH])

    @property
    def asks(self) -> bool:
        """Whether packets of the data plane, and redirects, cause Resolution Requests."""
        return self.interest and not self.server_only

    @property
    def refresh(self) -> float:
        """Seconds from one registration to the next, RFC 2332 §5.2.3."""
        return float(self.registration_timeout) if self.registration_timeout else self.holdtime / 3

    def mapped(self, address: IPAddress | None) -> IPAddress | None:
        """Return the NBMA address that the closest `map` line gives a tunnel address; of two alike the last counts."""
        fitting = [one for one in reversed([*self.maps]) if address in one[0]]
        return max(fitting, key=lambda one: one[0].length)[1] if fitting else None


class NhrpConfig(Value, kw_only=True):
    """All NHRP settings.

    logging: `logging dmvpn`.
    rate_limit: at most one message of a kind in so many seconds.
    hosts, vrf_hosts, domain: `ip host` and `ip domain name`, for servers that are configured by name.
    """

    tunnels: tuple[TunnelConfig, ...] = ()
    logging: bool = False
    rate_limit: int = 0
    hosts: Pages[tuple[str, IPAddress]] = NONE
    vrf_hosts: Pages[tuple[str, str, IPAddress]] = NONE
    domain: str = ""


class ClearCache(Event, Value):
    """`clear ip nhrp [vrf X] [A.B.C.D]`: forget learned entries, all of them or one target. Configured entries stay.

    version: of IP. vrf: of the tunnels' packets, "": the global table, None: all tunnels.
    """

    target: Prefix | None = None
    version: int = 4
    vrf: str | None = None


class ClearNhrpCounters(Event, Value):
    """`clear ip nhrp [A.B.C.D] counters [interface X]`: reset the numbers of `show ip nhrp traffic` and `nhs detail`.

    server: reset the numbers of this next hop server alone.
    version: of IP.
    """

    version: int = 4
    interface: str | None = None
    server: IPAddress | None = None


class ClearStatistics(Event, Value):
    """`clear ip nhrp stats [X]`: reset the numbers of `show nhrp stats`, which cover both versions of IP."""

    interface: str | None = None


class ClearSessions(Event, Value, kw_only=True):
    """`clear dmvpn session ...`: forget peers and start again with them.

    static: servers too: register again.
    """

    interface: str | None = None
    nbma: IPAddress | None = None
    tunnel: IPAddress | None = None
    static: bool = False


class Withdraw(Event, Value):
    """An orderly stop is near: servers and requesters must forget us."""
