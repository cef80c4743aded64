"""Events: facts from outside that a router receives. A recorded list of them replays the router's life bit for bit.

The shells (runtime, lab, simulator) make them; `Router.handle(event, now)` takes them. Interface names are IOS names
("GigabitEthernet0/1", "Tunnel100"); a shell translates to the names of its operating system. Features may define
further events of their own (a `clear` command, a `ping`): every one is a frozen dataclass that derives from `Event`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress, Prefix
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect, NextHop
    from dmvpn.base.filters import Packet
    from dmvpn.base.protection import SaCount
    from dmvpn.base.switching import VlanTree


@dataclass(frozen=True, slots=True)
class Event:
    """The base of all events."""


@dataclass(frozen=True, slots=True)
class Job(Event):
    """An event that starts something which answers later (ping, traceroute): the session waits for `JobDone`."""

    session: int


@dataclass(frozen=True, slots=True)
class JobAborted(Event):
    """The user typed the escape sequence: the job of this session ends."""

    session: int


@dataclass(frozen=True, slots=True)
class Tick(Event):
    """A deadline has come (or may have): machines with due timers act."""


@dataclass(frozen=True, slots=True)
class ConfigurationEntered(Event):
    """The whole configuration, as text, that runs from now on; `by` says where it was entered ("console", "startup").

    Only a text without errors gets here: a shell or a session checks it first.
    """

    text: str = field(repr=False)
    by: str = "console"
    saved: bool = False


@dataclass(frozen=True, slots=True)
class EnteredLine:
    """A line, and the lines that open the sections around it, outermost first."""

    within: tuple[str, ...]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinesEntered(Event):
    """Lines that are entered, in this order, on top of the running configuration; `by` says where they were entered.

    Only lines without errors get here. No two of them contradict each other: the effect of a line must have happened
    before another line revokes it.
    """

    lines: tuple[EnteredLine, ...]
    by: str = "console"


@dataclass(frozen=True, slots=True)
class KeysWanted(Event):
    """The owner of the lab captures its packets and wants to read them: report keys (`ReportKey`), or stop doing so.

    No command of a router makes this event.
    """

    wanted: bool


@dataclass(frozen=True, slots=True)
class Remembered(Event):
    """The value that the router stored under this name in an earlier life (`Store`). It comes before the configuration.

    If the value was lost, this event does not come, and nothing waits for it. The value may be a private key.
    """

    name: str
    octets: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlaneAnnounced(Event):
    """The protocols that the data plane carries besides IPv4, which every plane carries. It comes before the
    configuration, or never.

    lacks: what it lacks for IPv6 here; "": nothing, or the plane itself carries none.
    manages: the router sets the addresses of all ports itself, as in a lab, so its own DHCP client may run there.
    shares: other programs may give a port with `ip address dhcp` its address, too: then the router follows them.
    """

    ipv6: bool
    lacks: str = ""
    manages: bool = False
    shares: bool = False


@dataclass(frozen=True, slots=True)
class LinkChanged(Event):
    """An interface that this router does not make itself has (or lost) its carrier.

    mtu: octets of the largest IP packet.
    hardware_address: 6 octets, or empty where there is none.
    """

    interface: str
    up: bool
    mtu: int = 1500
    hardware_address: bytes = b""


@dataclass(frozen=True, slots=True)
class SwitchingComputed(Event):
    """The lab has computed the spanning trees of this box, one for each VLAN. trunks: the ports that are trunks now.

    up: its ports of layer 2 that have a carrier.
    """

    trees: tuple[VlanTree, ...]
    trunks: tuple[str, ...]
    up: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressAssigned(Event):
    """The host gave an adopted interface this address (by DHCP, or by hand); None: the interface has no address any
    more.
    """

    interface: str
    address: IPAddress | None
    prefix_length: int = 32


@dataclass(frozen=True, slots=True)
class HostRouteChanged(Event):
    """The host has a route of its own for this prefix, out of interfaces of ours. No hops: the route is gone.

    metric: the host's.
    """

    prefix: Prefix
    next_hops: tuple[NextHop, ...]
    metric: int = 0


@dataclass(frozen=True, slots=True)
class IpReceived(Event):
    """An IP packet for the router itself: a routing protocol's, an ICMP message, a UDP datagram. Never overlay transit.

    payload: the octets behind the IP header.
    ttl, tos: as received.
    vrf: where it was received, "": in the global table.
    """

    interface: str
    source: IPAddress
    destination: IPAddress
    protocol: int
    payload: bytes
    ttl: int = 255
    tos: int = 0
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class Packets:
    """In a machine's subscriptions: every `IpReceived` of this IP protocol. Most packets concern one machine only."""

    protocol: int


@dataclass(frozen=True, slots=True)
class NhrpReceived(Event):
    """An NHRP packet came out of GRE (protocol type 0x2001).

    outer_source: the NBMA address it really came from.
    connection: the connection that protected it, 0: in clear.
    """

    tunnel: str
    outer_source: IPAddress
    data: bytes
    connection: int = 0


@dataclass(frozen=True, slots=True)
class KeepaliveReceived(Event):
    """Our own GRE keepalive came back (GRE protocol type 0): the far end decapsulates and routes."""

    tunnel: str


@dataclass(frozen=True, slots=True)
class Unresolved(Event):
    """A packet waits because the tunnel has no adjacency for this overlay next hop."""

    tunnel: str
    next_hop: IPAddress


@dataclass(frozen=True, slots=True)
class Hairpin(Event):
    """A transit packet came out of `tunnel` and left by a tunnel of the same NHRP network (rate-limited by the plane).

    nbma, connection: the neighbor it came from.
    packet: its first octets, TTL already decremented.
    """

    tunnel: str
    out_tunnel: str
    nbma: IPAddress
    packet: bytes
    connection: int = 0


@dataclass(frozen=True, slots=True)
class PeerUsage:
    """The packet and octet counters of one NBMA peer since the tunnel was made.

    connection: on a protected tunnel each connection is a separate peer; nbma is the current address of that peer.
    sent_octets, received_octets: of the packets inside GRE, without headers of GRE and ESP.
    """

    nbma: IPAddress
    sent: int
    received: int
    connection: int = 0
    sent_octets: int = 0
    received_octets: int = 0


@dataclass(frozen=True, slots=True)
class UsageReported(Event):
    """The answer to `PollUsage`: every peer with at least one packet."""

    tunnel: str
    peers: tuple[PeerUsage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketCounts:
    """Counters since an interface was made, in packets and octets. drops: of packets that should have left."""

    received: int
    sent: int
    received_octets: int
    sent_octets: int
    multicasts: int = 0
    receive_errors: int = 0
    send_errors: int = 0
    receive_drops: int = 0
    send_drops: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceCount(PacketCounts):
    """The counters of one interface."""

    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GreDrops:
    """GRE packets that were dropped.

    malformed: damaged, too, and out of order where packets have numbers.
    no_tunnel: for none of ours, because of their addresses or their key.
    no_peer: of our own, for a neighbor without NBMA address.
    not_ipv4: of a kind that we do not carry.
    unsent: refused by the host.
    in_clear: came without ESP for a protected tunnel.
    no_sa: should have left by a protected tunnel, to a neighbor without SA.
    no_spi: ESP for an SA that is not.
    """

    malformed: int = 0
    no_tunnel: int = 0
    no_peer: int = 0
    not_ipv4: int = 0
    unsent: int = 0
    in_clear: int = 0
    no_sa: int = 0
    no_spi: int = 0


@dataclass(frozen=True, slots=True)
class InterfacesCounted(Event):
    """The answer to `PollInterfaces`: every interface that the plane knows, and the drops since the plane started."""

    counts: tuple[InterfaceCount, ...]
    drops: GreDrops


@dataclass(frozen=True, slots=True)
class SasCounted(Event):
    """The answer to `PollSas`."""

    counts: tuple[SaCount, ...]


@dataclass(frozen=True, slots=True)
class SaWorn(Event):
    """A pair of SAs has carried its `soft_octets`, or three quarters of its sequence numbers: sent once."""

    spi_in: int


@dataclass(frozen=True, slots=True)
class UnknownSpi(Event):
    """ESP came for an SA that does not exist (rate-limited by the plane).

    remote_port: of UDP, 0: protocol 50.
    vrf: the front door that it came by.
    """

    local: IPAddress
    remote: IPAddress
    remote_port: int
    spi: int
    vrf: str = ""

    @property
    def ends(self) -> Ends:
        """Both addresses, with the front door."""
        return OuterAddress(self.local, self.vrf), self.remote


@dataclass(frozen=True, slots=True)
class ClearReceived(Event):
    """Clear GRE came for a protected tunnel, and was dropped (rate-limited by the plane). vrf: its front door."""

    local: IPAddress
    remote: IPAddress
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class ConnectionHeard(Event):
    """A valid and newest packet of a connection came from another address than its peer's; reported once for each
    address.
    """

    connection: int
    remote: IPAddress
    remote_port: int


@dataclass(frozen=True, slots=True)
class ConnectionUnheard(Event):
    """Packets were sent over a connection for 10 s, and none came: reported once; if it goes on, after 40 s, 160 s ...

    The next good packet of the peer, or `MoveConnection`, ends the silence.
    """

    connection: int


@dataclass(frozen=True, slots=True)
class PacketsFiltered(Event):
    """An entry with `log` has decided on packets of one flow. Packets of the same flow within a second may come in one
    report; flows beyond `ALARMS_PER_SECOND` are not reported.

    interface, inward: the port, and the list that was asked.
    sequence: of the entry.
    packet: the first one of them.
    hardware_address: of its sender on the link, 6 octets, or empty where there is none.
    """

    interface: str
    inward: bool
    sequence: int
    packet: Packet
    count: int = 1
    hardware_address: bytes = b""

    @property
    def version(self) -> int:
        """The version of IP of the list."""
        return self.packet.source.version


@dataclass(frozen=True, slots=True)
class NameResolved(Event):
    """The answer to `Resolve`: no address if the name does not exist or no server answered."""

    name: str
    addresses: tuple[IPAddress, ...]


@dataclass(frozen=True, slots=True)
class ClockSet(Event):
    """Wall time = monotonic time + `offset` seconds (since 1970, UTC) from now on. No timer moves."""

    offset: float
    authoritative: bool = False


@dataclass(frozen=True, slots=True)
class EffectFailed(Event):
    """The shell could not carry out this effect. Its owner distinguishes wanted from actual state, and tries again
    later.

    vrf: the VRF of the effect, for machines of the router, which get it without its `InVrf`.
    """

    effect: Effect
    errno: int
    text: str
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class KernelContested(Event):
    """Another program on this machine keeps removing our objects from its kernel; or that is over.

    what: one of the objects, in words. The plane keeps restoring it, less and less often.
    """

    what: str
    ended: bool


@dataclass(frozen=True, slots=True)
class VrfLost(Event):
    """Another program on this machine deleted what keeps the routing table of a VRF apart from other tables.

    name: of the VRF; the event is for machines of the router. The plane makes it again, and after `delay` seconds
    it reports a `Resync`.
    """

    name: str
    delay: float


@dataclass(frozen=True, slots=True)
class Resync(Event):
    """The shell may have lost events (a full socket, a restart): every machine repeats its orders."""
