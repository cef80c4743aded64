"""What there is to know of a lab or a router, as values that travel as JSON. Nothing secret is in them.

Times are seconds; ages and remainders are counted from the moment at which the facts were taken, `RouterFacts.now`.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict

from dmvpn.base.translation import Overload
from dmvpn.features.nhrp.client import Suspicion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.notices import Log
    from dmvpn.base.reasons import ReasonCode

Address = IPv4Address | IPv6Address
AddressWithLength = IPv4Interface | IPv6Interface
Network = IPv4Network | IPv6Network


class Fact(BaseModel):
    """What all of them have: they do not change, and nothing unknown is in them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonFacts(Fact):
    """Why something is not as it should be (`base.reasons`). Without a code there is no reason, and this is false.

    code: `ReasonCode.id`.
    text: for people.
    fields: other reasons, numbers, and all else as text.
    """

    code: str = ""
    text: str = ""
    fields: tuple[ReasonFacts | int | str, ...] = ()

    def is_one(self, *codes: ReasonCode) -> bool:
        """Is it one of these?"""
        return any(self.code == code.id for code in codes)

    def parts(self) -> Iterator[ReasonFacts]:
        """This reason, and those that it rests on, to any depth."""
        yield self
        for field in self.fields:
            if isinstance(field, ReasonFacts):
                yield from field.parts()

    def find(self, *codes: ReasonCode) -> ReasonFacts | None:
        """The first part that is one of these, or None."""
        return next((part for part in self.parts() if part.is_one(*codes)), None)

    def __bool__(self) -> bool:
        return bool(self.code)

    def __str__(self) -> str:
        return self.text


NO_REASON: Final = ReasonFacts()

# ------------------------------------------------------------------------------------------------ registration, IPsec


class ServerFacts(Fact):
    """A next hop server that a router is to register with.

    address: its tunnel address, None: not known yet.
    wanted: others of its cluster do not suffice.
    refused: it answers, and says no.
    reason: what the router says itself.
    suspicions: what it thinks of a silent one.
    secured: packets to it may go; on a protected tunnel IPsec says so.
    """

    address: Address | None
    nbma: Address | None
    wanted: bool
    responding: bool
    refused: bool
    secured: bool = True
    reason: ReasonFacts = NO_REASON
    suspicions: tuple[Suspicion, ...] = ()


class PeerFacts(Fact):
    """An NBMA address that a protected tunnel has no SAs with. reason: what IKE says of it, if it says anything."""

    nbma: Address
    reason: ReasonFacts = NO_REASON


class SaFacts(Fact):
    """A pair of SAs.

    connection: the peer as IKE knows it.
    transform: "AES-GCM 256", "AES-CBC 256 SHA256".
    local_port, remote_port: of UDP, 0: protocol 50.
    sent, received, broken, replayed: packets, as of the last count.
    used: we send on it.
    """

    connection: int
    local: Address
    remote: Address
    local_port: int = 0
    remote_port: int = 0
    spi_in: int
    spi_out: int
    transform: str
    transport: bool
    used: bool
    age: float
    expires_in: float
    sent: int = 0
    received: int = 0
    broken: int = 0
    replayed: int = 0


class IkeFacts(Fact):
    """An IKE SA. phase: as `show crypto ikev2 sa` has it."""

    local: Address
    local_port: int
    remote: Address
    remote_port: int
    phase: str
    age: float


# ------------------------------------------------------------------------------------------------ tunnels and NHRP


class MappingFacts(Fact):
    """An entry of the NHRP cache.

    kind: static, dynamic, incomplete.
    flags: as `show ip nhrp` prints them.
    route: what NHRP told the RIB, "T1" (a route of its own), "T2" (a next hop of its own) or "".
    expires_in: None: never.
    """

    target: Network
    next_hop: Address
    nbma: Address | None
    claimed: Address | None = None
    kind: str
    flags: tuple[str, ...] = ()
    route: str = ""
    connection: int = 0
    age: float
    expires_in: float | None
    reason: ReasonFacts = NO_REASON


class TunnelFacts(Fact):
    """A tunnel interface.

    addresses: of either IP version.
    source: its NBMA address.
    destination: None if multipoint.
    nhrp: it has a network-id, of either version.
    servers: those of both.
    unsecured: the peers that it should protect and does not.
    ip_mtu: octets of the largest IP packet.
    room: those that leave the egress interface in one piece, ESP counted.
    mss: what TCP is clamped to, None: not at all.
    multicast: the NBMA addresses that it is copied to.
    adjacencies: where packets for a next hop go, (next hop, NBMA address, connection).
    by_server: next hops whose packets go by a server for now.
    redirects, shortcuts: `ip nhrp redirect`, `ip nhrp shortcut`.
    keepalive: seconds and retries.
    authenticated: `ip nhrp authentication`.
    holding_time, registration_interval: seconds.
    multicast_dynamic: clients that register get copies.
    refusals: NHRP packets that were not acted on, by why.
    df: "don't fragment" of the outer header: "clear", "set", or "copy" of the packet's own.
    ttl: of that header.
    checksum, sequence: what its GRE headers have besides.
    """

    name: str
    up: bool
    enabled: bool = True
    reason: ReasonFacts = NO_REASON
    addresses: tuple[Address, ...]
    multipoint: bool = False
    source: Address | None
    source_interface: str
    destination: Address | None
    key: int | None
    protection: str = ""
    ip_mtu: int = 1476
    room: int = 1476
    mss: int | None = None
    nhrp: bool
    network_id: int | None = None
    keepalive: tuple[int, int] | None = None
    authenticated: bool = False
    holding_time: int = 7200
    registration_interval: float = 2400.0
    multicast_dynamic: bool = False
    redirects: bool = False
    shortcuts: bool = False
    df: str = "clear"
    ttl: int = 255
    checksum: bool = False
    sequence: bool = False
    servers: tuple[ServerFacts, ...] = ()
    unsecured: tuple[PeerFacts, ...] = ()
    mappings: tuple[MappingFacts, ...] = ()
    multicast: tuple[Address, ...] = ()
    adjacencies: tuple[tuple[Address, Address, int], ...] = ()
    by_server: tuple[Address, ...] = ()
    refusals: dict[str, int] = {}


# ------------------------------------------------------------------------------------------------ interfaces, routing


class InterfaceFacts(Fact):
    """An interface.

    enabled: not `shutdown`.
    line: it carries packets.
    ip_mtu: octets of the largest IP packet.
    received, sent: packets, as of the last count.
    mss: what TCP that passes here is clamped to, None: not at all. Those with a 6 are of IPv6.
    """

    name: str
    enabled: bool
    line: bool
    addresses: tuple[AddressWithLength, ...] = ()
    mtu: int = 1500
    ip_mtu: int = 1500
    ip6_mtu: int = 1500
    mss: int | None = None
    mss6: int | None = None
    reason: ReasonFacts = NO_REASON
    received: int = 0
    sent: int = 0


class HopFacts(Fact):
    """A next hop.

    address: None: connected.
    interface: "" while it is not known.
    """

    address: Address | None
    interface: str


class OfferFacts(Fact):
    """A route of a prefix that is not the best one. usable: it would be taken if the better ones were not there."""

    source: str
    process: str = ""
    distance: int
    metric: int
    usable: bool = True


class RouteFacts(Fact):
    """A best route.

    source: "eigrp", "static", "connected" ...
    override: NHRP's next hop in place of the route's own.
    drops: it leads nowhere.
    silently: to Null0, so that no sender hears of it.
    beaten: others of the same prefix.
    """

    prefix: Network
    source: str
    process: str = ""
    distance: int
    metric: int
    next_hops: tuple[HopFacts, ...] = ()
    override: HopFacts | None = None
    drops: bool = False
    silently: bool = False
    beaten: tuple[OfferFacts, ...] = ()
    age: float = 0.0


class NeighborFacts(Fact):
    """A neighbor of a routing protocol.

    protocol: "eigrp 100".
    up: both have heard each other.
    reason: why not.
    stub: it passes nothing on.
    """

    protocol: str
    interface: str
    address: Address
    up: bool
    age: float
    reason: ReasonFacts = NO_REASON
    stub: bool = False


class OspfInterfaceFacts(Fact):
    """An interface that OSPF runs on. network: its type, as configured; speaks: neighbors are wanted there."""

    name: str
    area: int
    network: str
    cost: int
    speaks: bool


class OspfFacts(Fact):
    """An OSPF process: its number, which is nobody else's business, and its router identifier."""

    process: int
    router_id: IPv4Address
    interfaces: tuple[OspfInterfaceFacts, ...] = ()


class EigrpInterfaceFacts(Fact):
    """An interface that a process runs on. Times in seconds.

    blocked: why nothing is sent and taken here.
    authentication: how packets are protected, "": not at all.
    """

    name: str
    passive: bool = False
    hello_interval: int = 5
    hold_time: int = 15
    split_horizon: bool = True
    next_hop_self: bool = True
    authentication: str = ""
    blocked: ReasonFacts = NO_REASON


class EigrpFacts(Fact):
    """An EIGRP process.

    name: of named mode.
    weights: K1 to K6.
    networks: (address, wildcard) of its statements.
    stub: what a stub tells of, as `eigrp stub` has it ("connected", "summary"), () of one that tells nothing
        (`receive-only`); None: it is no stub.
    redistributes: of what.
    dropped: packets that were not taken, by why.
    """

    autonomous_system: int
    name: str = ""
    weights: tuple[int, ...] = ()
    stub: tuple[str, ...] | None = None
    networks: tuple[tuple[IPv4Address, IPv4Address], ...] = ()
    redistributes: tuple[str, ...] = ()
    interfaces: tuple[EigrpInterfaceFacts, ...] = ()
    dropped: dict[str, int] = {}


class RipInterfaceFacts(Fact):
    """An interface that a `network` line of RIP names.

    heard: the neighbors that sent something lately.
    blocked: why nothing is sent and taken here.
    """

    name: str
    passive: bool = False
    split_horizon: bool = True
    heard: tuple[IPv4Address, ...] = ()
    blocked: ReasonFacts = NO_REASON


class RipFacts(Fact):
    """The RIP process.

    neighbors: the routers that get updates by unicast.
    announces: its own networks, and redistributed ones.
    """

    neighbors: tuple[Address, ...] = ()
    announces: tuple[Network, ...] = ()
    interfaces: tuple[RipInterfaceFacts, ...] = ()


class DropFacts(Fact):
    """GRE packets that went nowhere; the fields are those of `base.events.GreDrops`, as of the last count."""

    malformed: int = 0
    no_tunnel: int = 0
    no_peer: int = 0
    not_ipv4: int = 0
    unsent: int = 0
    in_clear: int = 0
    no_sa: int = 0
    no_spi: int = 0


# ------------------------------------------------------------------------------------------------ routers and labs


class KernelFacts(Fact):
    """Something in which the kernel of a router's machine differs from its orders.

    there: what is there instead.
    unordered: it has the router's mark, and the router did not order it.
    """

    what: str
    there: str
    unordered: bool = False


class LogFacts(Fact):
    """A line of the log.

    message: the class of what it tells, "dmvpn.features.tunnel.messages.RecursiveRouting"; "" for a debug.
    """

    message: str
    text: str

    def is_one(self, *messages: type[Log]) -> bool:
        """Does it tell one of these?"""
        return any(self.message == log_name(message) for message in messages)


def log_name(message: type[Log]) -> str:
    """How facts name a message."""
    return f"{message.__module__}.{message.__qualname__}"


class TranslationFacts(Fact):
    """NAT overload of a router: the interfaces inside, and what is translated that leaves by which one outside."""

    inside: tuple[str, ...]
    overloads: tuple[Overload, ...]


class RouterFacts(Fact):
    """A router that runs.

    now: its monotonic clock; clock: its wall clock.
    configuration: `show running-config` with secrets hidden.
    refused: peers without an agreement, whichever end began; the last reason of each.
    log: the last lines of `show logging`.
    kernel: with real packets, in what its machine's tables differ from its orders.
    """

    hostname: str = ""
    now: float = 0.0
    configuration: tuple[str, ...] = ()
    interfaces: tuple[InterfaceFacts, ...] = ()
    routes: tuple[RouteFacts, ...] = ()
    neighbors: tuple[NeighborFacts, ...] = ()
    eigrp: tuple[EigrpFacts, ...] = ()
    ospf: tuple[OspfFacts, ...] = ()
    rip: RipFacts | None = None
    tunnels: tuple[TunnelFacts, ...]
    sas: tuple[SaFacts, ...] = ()
    ike: tuple[IkeFacts, ...] = ()
    drops: DropFacts = DropFacts()
    refused: tuple[PeerFacts, ...] = ()
    log: tuple[LogFacts, ...] = ()
    kernel: tuple[KernelFacts, ...] = ()
    translation: TranslationFacts | None = None

    @property
    def addresses(self) -> dict[str, tuple[Address, ...]]:
        """Of all its interfaces, by name; those without are not there."""
        return {it.name: tuple(address.ip for address in it.addresses) for it in self.interfaces if it.addresses}

    def routes_to(self, address: Address) -> list[RouteFacts]:
        """Those that lead to an address, the one that a packet takes first."""
        fitting = [route for route in self.routes if address in route.prefix]
        return sorted(fitting, key=lambda route: route.prefix.prefixlen, reverse=True)


class GreFlow(Fact):
    """GRE through a translator: which inside station talks to which outside station."""

    inside: IPv4Address
    remote: IPv4Address


class GatewayFacts(Fact):
    """A translator.

    flows: the GRE that it lets through now; None: nobody can say.
    inside: its own address on the inside link.
    gateway: where what goes out goes next.
    """

    private: IPv4Network
    public: IPv4Address
    inside: IPv4Address | None = None
    gateway: IPv4Address | None = None
    flows: tuple[GreFlow, ...] | None


class HostFacts(Fact):
    """A host.

    router: whose wire it is on.
    gateway: where it sends what is not on its wire.
    address6, gateway6: of IPv6, besides those of IPv4.
    """

    address: AddressWithLength
    gateway: Address | None = None
    address6: IPv6Interface | None = None
    gateway6: Address | None = None
    router: str


class LinkFacts(Fact):
    """A wire.

    ends: "R31:GigabitEthernet0/1", "NAT1:inside".
    bad: what was done to it ("loss 10", "block esp").
    """

    name: str
    ends: tuple[tuple[str, str], ...]
    cut: bool
    bad: tuple[str, ...] = ()


class LabFacts(Fact):
    """A whole lab.

    routers: None for one that does not run.
    providers: routers that only represent the underlay.
    """

    routers: dict[str, RouterFacts | None]
    providers: tuple[str, ...] = ()
    gateways: dict[str, GatewayFacts]
    hosts: dict[str, HostFacts] = {}
    links: tuple[LinkFacts, ...]
