"""Notices between features. The router passes them on; notices never leave the router.

A machine returns them among its effects, and the router hands each to the machines that subscribe to its type.
So no feature needs to know another: features share only these values.

Who watches whether a neighbor can be reached, and who wants to know: notices between BFD, NHRP and the protocols.

    routing protocol ── WatchWanted ──> BFD            a neighbor came, or went
    BFD, NHRP        ── PathLost ────> the protocols   packets do not reach it any more: give it up at once
    BFD              ── PathWatched ─> static routes   its session is up, or not

No notice says that a path is back: each protocol finds its neighbors by its own Hellos, with a watch or without.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import ClassVar, Generic, ParamSpec

from dmvpn.base.addresses import IPAddress, OuterAddress, Prefix
from dmvpn.base.effects import NextHop, RouteKind, SendIp
from dmvpn.base.events import IpReceived
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value

P = ParamSpec("P")


# ------------------------------------------------------------------------------------------------ notices


class Notice(Value):
    """The base of all notices."""

    is_notice: ClassVar[bool] = True


# ------------------------------------------------------------------------------------------------ interfaces


class Ipv6State(Value, kw_only=True):
    """IPv6 on an interface, where it is enabled.

    mtu: octets of the largest packet.
    link_local: RFC 4291 §2.5.6; it means something on this link only, so no routing table has it.
    addresses: the others with prefix lengths, the primary one first.
    borrowed: another interface's address that stands for this one (`ipv6 unnumbered`), None: none.
    reason: why IPv6 does not run here although the line may be up.
    """

    link_local: IPAddress
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    borrowed: IPAddress | None = None
    mtu: int = 1500
    reason: Reason | None = None


class InterfaceState(Value, kw_only=True):
    """The state of an interface as all features may know it.

    enabled: not `shutdown`.
    line: the line protocol is up (carries packets).
    address: the primary one, None without.
    mtu: octets of the interface.
    ip_mtu: octets of the largest IP packet.
    bandwidth: kbit/s.
    delay: microseconds: both for routing metrics only.
    wide_delay: picoseconds, what wide metrics count in its place, if that is something else.
    since: when `line` last changed, seconds monotonic.
    ipv6: None if not enabled.
    vrf: the VRF that it is in, "": the global table.

    Names without an IP version are about IPv4; code that serves both families asks with the version.
    """

    name: str
    enabled: bool
    line: bool
    address: IPAddress | None = None
    prefix_length: int = 32
    secondary: tuple[tuple[IPAddress, int], ...] = ()
    mtu: int = 1500
    ip_mtu: int = 1500
    bandwidth: int = 1_000_000
    delay: int = 10
    wide_delay: int | None = None
    reason: Reason | None = None
    since: float = 0.0
    ipv6: Ipv6State | None = None
    vrf: str = ""

    @property
    def prefix(self) -> Prefix | None:
        """The connected prefix of the primary address."""
        return Prefix.of(self.address, self.prefix_length) if self.address else None

    @property
    def addresses(self) -> tuple[tuple[IPAddress, int], ...]:
        """Primary and secondary addresses with their prefix lengths."""
        return ((self.address, self.prefix_length), *self.secondary) if self.address else self.secondary

    @property
    def known_addresses(self) -> tuple[IPAddress, ...]:
        """Its addresses that other links may know, of both IP versions."""
        return tuple([address for version in (4, 6) for address, _ in self.routed(version)])

    def carries(self, version: int) -> bool:
        """Return whether this IP version is enabled here, whether the line is up or not."""
        return version == 4 or (self.ipv6 is not None and self.ipv6.reason is None)

    def runs(self, version: int) -> bool:
        """Return whether it carries packets of this IP version now."""
        return self.line and self.carries(version)

    def routed(self, version: int) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of this IP version that other links may know, with prefix lengths; the primary one
        first.
        """
        if version == 4:
            return self.addresses
        return self.ipv6.addresses if self.ipv6 is not None and self.carries(6) else ()

    def primary(self, version: int) -> IPAddress | None:
        """Return the address of this IP version that represents the interface."""
        if version == 4:
            return self.address
        if addresses := self.routed(version):
            return addresses[0][0]
        return self.ipv6.borrowed if self.ipv6 is not None and self.carries(6) else None

    def link_local(self, version: int) -> IPAddress | None:
        """Return the link-local address; None for IPv4, which has none."""
        return self.ipv6.link_local if version == 6 and self.ipv6 is not None and self.carries(6) else None


class Speaking(Value):
    """A version of IP in which a routing protocol speaks: over IPv6 between link-local addresses."""

    version: int

    def address(self, state: InterfaceState) -> IPAddress | None:
        """Return our address on an interface; None: it has no address of this version."""
        return state.address if self.version == 4 else state.link_local(6)

    def mtu(self, state: InterfaceState) -> int:
        """Return the octets of the largest packet on an interface."""
        return state.ip_mtu if self.version == 4 or state.ipv6 is None else state.ipv6.mtu


class InterfaceChanged(Notice, Value):
    """An interface appeared (old is None), disappeared (new is None) or has changed."""

    name: str
    old: InterfaceState | None
    new: InterfaceState | None


class AddressLeased(Notice, Value):
    """Our own DHCP client has an address for an interface. None: the address is gone."""

    interface: str
    address: IPAddress | None
    prefix_length: int = 32


class LineProtocolDecided(Notice, Value):
    """The owner of a logical interface says whether it carries packets, and why not. `mtu`: its default IP MTU."""

    interface: str
    up: bool
    reason: Reason | None = None
    mtu: int | None = None


class GreTunnel(Value, kw_only=True):
    """What the configuration of a GRE tunnel and its state have alike.

    source_interface: the interface that has the NBMA address, "" while there is none.
    destination: None on a multipoint tunnel.
    keepalive: seconds between two, and how many may go unanswered.
    ttl: of the outer header.
    transmit_bandwidth, receive_bandwidth: kbit/s.
    mss: octets that TCP over IPv4 is clamped to, None: not at all.
    checksum, sequence: what GRE headers have besides; sequence never of a multipoint tunnel.
    vrf: the VRF of the packets inside, front: of the GRE packets (`tunnel vrf`); "": the global table.
    """

    name: str
    multipoint: bool = False
    source_interface: str = ""
    destination: IPAddress | None = None
    key: int | None = None
    checksum: bool = False
    sequence: bool = False
    keepalive: tuple[int, int] | None = None
    ttl: int = 255
    path_mtu_discovery: bool = False
    transmit_bandwidth: int = 8000
    receive_bandwidth: int = 8000
    mss: int | None = None
    vrf: str = ""
    front: str = ""


class TunnelState(GreTunnel, Value, kw_only=True):
    """What NHRP and others may know of a tunnel.

    source: our NBMA address, None while there is none.
    up: the tunnel can send (its line protocol, `if-state nhrp` aside).
    transport_mtu: octets, what IOS announces for the tunnel itself (17916, with a key 17912), whatever `ip mtu` says.
    protection: the IPsec profile's name, or "".
    ip_mtu: octets, the default `ip mtu`: what fits into the egress interface unfragmented.
    sealing: how many of them ESP takes away.
    enabled: not `shutdown`, and nothing asked of it that we cannot do at all.
    """

    source: IPAddress | None
    transport_mtu: int
    up: bool
    protection: str = ""
    reason: Reason | None = None
    ip_mtu: int = 1476
    sealing: int = 0
    enabled: bool = True

    @property
    def outer(self) -> OuterAddress | None:
        """The source in its front door."""
        return OuterAddress(self.source, self.front) if self.source is not None else None


class TunnelChanged(Notice, Value):
    """A tunnel appeared (old is None), disappeared (new is None) or has changed."""

    name: str
    old: TunnelState | None
    new: TunnelState | None


class AccessListsChanged(Notice, Value):
    """Access lists or route maps have changed (`ports.policies`)."""


class FiltersChanged(Notice, Value):
    """Packet filters of ports have changed (`ports.filters`)."""


class TrackChanged(Notice, Value):
    """A tracked object is up or down from now on. A tracked object that is not configured is down."""

    number: int
    up: bool


class TrackFollowed(Notice, Value):
    """The static routes of a VRF follow these tracked objects."""

    numbers: tuple[int, ...]
    vrf: str = ""


class LeaksFollowed(Notice, Value):
    """The static routes of a VRF have these next hops, which another routing table may have.

    next_hops: without an interface, the address is looked up in the global table.
    """

    next_hops: tuple[NextHop, ...]
    vrf: str = ""


class LeaksFound(Notice, Value):
    """Of the next hops that the static routes of a VRF announced, these lead into another table now.

    found: each next hop as the routes name it, and where it leads there.
    """

    found: tuple[tuple[NextHop, tuple[NextHop, ...]], ...]
    vrf: str = ""


class VrfsChanged(Notice, Value):
    """The VRFs of this router are these from now on, sorted by name."""

    names: tuple[str, ...]


class LineEnds(Notice, Value):
    """We are about to take the line protocol of an interface down. Packets still leave it: now goodbyes can be said."""

    interface: str


class AnswersEnd(Notice, Value):
    """A user shut down a tunnel: routers that resolved an address of ours over it should forget that. Registrations
    stay.
    """

    tunnel: str


class HoldTunnel(Notice, Value):
    """NHRP takes a tunnel's line protocol down (`if-state nhrp`: no NHS answers), or (None) no longer does."""

    tunnel: str
    reason: Reason | None


class MulticastReached(Notice, Value):
    """Multicast over a tunnel reaches a new router, or a new router sends to us: a client registered, a server answers.

    A routing protocol greets at once: packets sent when the tunnel came up reached no neighbor.
    """

    tunnel: str


class NeighborSilent(Notice, Value):
    """A routing protocol did not hear a neighbor for its holding time. To NHRP.

    If the neighbor is a next hop server, it may have forgotten us: a server sends no multicast to unknown clients.
    """

    interface: str
    address: IPAddress


# ------------------------------------------------------------------------------------------------ routes


class RouteSource(enum.Enum):
    """The source of a route. The value is what `show ip route A.B.C.D` says after `Known via`."""

    __hash__ = object.__hash__  # that of enum.Enum is written in Python, and a source is part of many a key

    CONNECTED = "connected"
    LOCAL = "local"
    STATIC = "static"
    EIGRP = "eigrp"
    OSPF = "ospf"
    RIP = "rip"
    BGP = "bgp"
    NHRP = "nhrp"
    ND = "ND"  # a default route by router advertisements
    HOST = "host"  # of the machine below, set by another program; no protocol announces it


class OwnWay(Value):
    """What the way by one next hop costs, where ways are unequal, and lines like the route's `details`."""

    metric: int
    details: tuple[str, ...] = ()


class Route(Value, kw_only=True):
    """A route as its protocol offers it to the RIB.

    process: "100" for EIGRP 100, "" where there is only one.
    distance: administrative distance, 0-255.
    kind: DISCARD for a summary's Null0.
    external: learned by redistribution into the protocol.
    subtype: of a source that has several kinds, as the table shows it ("IA", "E1").
    told_by: the router that advertised each next hop, in their order; (): the next hops themselves.
    tag: an administrator's mark.
    details: further lines of the protocol's own for `show ip route A.B.C.D`, printed unchanged.
    ways: of next hops whose ways differ, in their order; (): metric and details hold for all.
    run_by: of a connected network, the routing protocols (and processes) that run there.
    stays: no other protocol may redistribute it.
    imported: the VRF that BGP imported it from; "": none.
    """

    prefix: Prefix
    source: RouteSource
    distance: int
    metric: int = 0
    next_hops: tuple[NextHop, ...] = ()
    kind: RouteKind = RouteKind.FORWARD
    process: str = ""
    external: bool = False
    subtype: str = ""
    tag: int = 0
    told_by: tuple[IPAddress, ...] = ()
    details: tuple[str, ...] = ()
    ways: tuple[OwnWay, ...] = ()
    run_by: tuple[tuple[RouteSource, str], ...] = ()
    stays: bool = False
    imported: str = ""
    since: float = field(default=0.0, compare=False)


class RouteOffered(Notice, Value):
    """A protocol offers this route, or a new version of it (same source, process and prefix).

    vrf: of the table, here and in all notices about a table; "": the global table, or the sender's own VRF.
    """

    route: Route
    vrf: str = ""


class RouteRetracted(Notice, Value):
    """The protocol withdraws its route."""

    source: RouteSource
    process: str
    prefix: Prefix
    vrf: str = ""


class NetworksRun(Notice, Value):
    """A routing protocol runs on these connected networks of an interface, and on no others there. To the RIB.

    version: of IP, of which they all are.

    Protocols that redistribute its routes include these networks, too.
    """

    source: RouteSource
    process: str
    interface: str
    prefixes: tuple[Prefix, ...]
    version: int = 4


class OverrideOffered(Notice, Value):
    """NHRP knows a better next hop for a prefix that another protocol routes (NHO). `None`: NHRP withdraws the next
    hop.
    """

    prefix: Prefix
    next_hop: NextHop | None
    vrf: str = ""


class RouteChanged(Notice, Value):
    """The best route of a prefix changed; overrides (NHO) do not count. None: there was, or is, none."""

    prefix: Prefix
    old: Route | None
    new: Route | None
    vrf: str = ""


class RoutesCleared(Notice, Value):
    """A user cleared the routing table (None: all of it): dynamic protocols request routes from neighbors again."""

    prefix: Prefix | None = None
    vrf: str = ""


# ------------------------------------------------------------------------------------------------ logs


class LogKind:
    """A message of the log.

    name: "NHRP-3-PAKREPLY", of which the digit is the severity.
    meaning: what `dmvpn explain` says of it.
    """

    __slots__ = ("meaning", "name", "severity")

    def __init__(self, name: str, meaning: str) -> None:
        self.name, self.severity, self.meaning = name, int(name.split("-")[1]), " ".join(meaning.split())


class LogWriter(LogKind, Generic[P]):
    """A message of the log that is called with what it is about, and returns the line."""

    __slots__ = ("_text",)

    def __init__(self, name: str, meaning: str, text: Callable[P, str]) -> None:
        super().__init__(name, meaning)
        self._text = text

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Log:
        return Log(self, self._text(*args, **kwargs))


class Log(Notice, Value):
    """One line for the log: `%FACILITY-SEVERITY-MNEMONIC: text`."""

    kind: LogKind
    text: str


def log_kind(name: str) -> Callable[[Callable[P, str]], LogWriter[P]]:
    """Return what makes a message of the log from the function that writes its text: its docstring is the meaning."""
    return lambda text: LogWriter(name, text.__doc__ or "", text)


def log_messages(names: Mapping[str, object]) -> tuple[LogKind, ...]:
    """Return the log messages among the names of a module (`vars()`), in the order of their definition."""
    return tuple(kind for kind in names.values() if isinstance(kind, LogKind))


class DebugOutput(Notice, Value):
    """Lines of a debug that is switched on (`Debugging.on`)."""

    lines: tuple[str, ...]


class PacketsHandled(Notice, Value):
    """IP packets of the router itself in one event, while any debug is on: `debug ip packet`, `debug ip icmp`."""

    received: IpReceived | None
    sent: tuple[SendIp, ...]


class ConfigurationRestored(Notice, Value):
    """The router replaces the running configuration with this one, because no user confirmed the running one."""

    text: str = field(repr=False)
    by: str


class Configured(Notice, Value):
    """The typed configuration of the feature that receives this; it compares with what it has and acts."""

    feature: str
    model: object


# ------------------------------------------------------------------------------------------------ watched neighbors


class Client(enum.Enum):
    """Who wants a neighbor watched: the words of `show bfd neighbors details`."""

    EIGRP = "EIGRP"
    OSPF = "OSPF"
    BGP = "BGP"
    RIP = "RIP"
    STATIC = "IPv4 Static"
    STATIC6 = "IPv6 Static"


class Witness(enum.Enum):
    """Who found out that a neighbor cannot be reached."""

    BFD = "BFD"
    NHRP = "NHRP"


class WatchWanted(Notice, Value):
    """This neighbor is to be watched on behalf of a protocol, or (wanted False) not any more. To BFD.

    process: of several of one protocol, which one.
    """

    client: Client
    process: int
    interface: str
    address: IPAddress
    wanted: bool


class PathWatched(Notice, Value):
    """The BFD session to a neighbor is up, or not. To static routes, which have no neighbors of their own."""

    interface: str
    address: IPAddress
    up: bool


class PathLost(Notice, Value):
    """Packets do not reach this neighbor any more, although the interface is up. To routing protocols, and to NHRP.

    clients: the protocols that asked for the watch, with their processes; None: any protocol that has a neighbor there.
    """

    witness: Witness
    interface: str
    address: IPAddress
    clients: tuple[tuple[Client, int], ...] | None = None

    def concerns(self, client: Client, process: int) -> bool:
        """Return whether it is about neighbors of this process."""
        return self.clients is None or (client, process) in self.clients
