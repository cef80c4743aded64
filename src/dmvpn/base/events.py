"""Events: facts from outside that a router receives. A recorded list of them replays the router's life bit for bit.

The shells (runtime, lab, simulator) make them; `Router.handle(event, now)` takes them. Interface names are IOS names
("GigabitEthernet0/1", "Tunnel100"); a shell translates to the names of its operating system. Features may define
further events of their own (a `clear` command, a `ping`): every one is a frozen dataclass that derives from `Event`.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Ends, IPAddress, OuterAddress, Prefix
from dmvpn.base.values import Value

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect, NextHop
    from dmvpn.base.filters import Packet
    from dmvpn.base.protection import SaCount
    from dmvpn.base.switching import VlanTree


class Event(Value):
    """The base of all events."""


class Job(Event, Value):
    """An event that starts something which answers later (ping, traceroute): the session waits for `JobDone`."""

    session: int


class JobAborted(Event, Value):
    """The user typed the escape sequence: the job of this session ends."""

    session: int


class Tick(Event, Value):
    """A deadline has come (or may have): machines with due timers act."""


class ConfigurationEntered(Event, Value):
    """The whole configuration, as text, that runs from now on; `by` says where it was entered ("console", "startup").

    Only a text without errors gets here: a shell or a session checks it first.
    """

    text: str = field(repr=False)
    by: str = "console"
    saved: bool = False


class EnteredLine(Value):
    """A line, and the lines that open the sections around it, outermost first."""

    within: tuple[str, ...]
    text: str = field(repr=False)


class LinesEntered(Event, Value):
    """Lines that are entered, in this order, on top of the running configuration; `by` says where they were entered.

    Only lines without errors get here. No two of them contradict each other: the effect of a line must have happened
    before another line revokes it.
    """

    lines: tuple[EnteredLine, ...]
    by: str = "console"


class KeysWanted(Event, Value):
    """The owner of the lab captures its packets and wants to read them: report keys (`ReportKey`), or stop doing so.

    No command of a router makes this event.
    """

    wanted: bool


class Remembered(Event, Value):
    """The value that the router stored under this name in an earlier life (`Store`). It comes before the configuration.

    If the value was lost, this event does not come, and nothing waits for it. The value may be a private key.
    """

    name: str
    octets: bytes = field(repr=False)


class PlaneAnnounced(Event, Value):
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


class LinkChanged(Event, Value):
    """An interface that this router does not make itself has (or lost) its carrier.

    mtu: octets of the largest IP packet.
    hardware_address: 6 octets, or empty where there is none.
    """

    interface: str
    up: bool
    mtu: int = 1500
    hardware_address: bytes = b""


class SwitchingComputed(Event, Value):
    """The lab has computed the spanning trees of this box, one for each VLAN. trunks: the ports that are trunks now.

    up: its ports of layer 2 that have a carrier.
    """

    trees: tuple[VlanTree, ...]
    trunks: tuple[str, ...]
    up: tuple[str, ...]


class AddressAssigned(Event, Value):
    """The host gave an adopted interface this address (by DHCP, or by hand); None: the interface has no address any
    more.
    """

    interface: str
    address: IPAddress | None
    prefix_length: int = 32


class HostRouteChanged(Event, Value):
    """The host has a route of its own for this prefix, out of interfaces of ours. No hops: the route is gone.

    metric: the host's.
    """

    prefix: Prefix
    next_hops: tuple[NextHop, ...]
    metric: int = 0


class IpReceived(Event, Value):
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


class Packets(Value):
    """In a machine's subscriptions: every `IpReceived` of this IP protocol. Most packets concern one machine only."""

    protocol: int


class NhrpReceived(Event, Value):
    """An NHRP packet came out of GRE (protocol type 0x2001).

    outer_source: the NBMA address it really came from.
    connection: the connection that protected it, 0: in clear.
    """

    tunnel: str
    outer_source: IPAddress
    data: bytes
    connection: int = 0


class KeepaliveReceived(Event, Value):
    """Our own GRE keepalive came back (GRE protocol type 0): the far end decapsulates and routes."""

    tunnel: str


class Unresolved(Event, Value):
    """A packet waits because the tunnel has no adjacency for this overlay next hop."""

    tunnel: str
    next_hop: IPAddress


class Hairpin(Event, Value):
    """A transit packet came out of `tunnel` and left by a tunnel of the same NHRP network (rate-limited by the plane).

    nbma, connection: the neighbor it came from.
    packet: its first octets, TTL already decremented.
    """

    tunnel: str
    out_tunnel: str
    nbma: IPAddress
    packet: bytes
    connection: int = 0


class PeerUsage(Value):
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


class UsageReported(Event, Value):
    """The answer to `PollUsage`: every peer with at least one packet."""

    tunnel: str
    peers: tuple[PeerUsage, ...]


class PacketCounts(Value, kw_only=True):
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


class InterfaceCount(PacketCounts, Value, kw_only=True):
    """The counters of one interface."""

    interface: str


class GreDrops(Value, kw_only=True):
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


class InterfacesCounted(Event, Value):
    """The answer to `PollInterfaces`: every interface that the plane knows, and the drops since the plane started."""

    counts: tuple[InterfaceCount, ...]
    drops: GreDrops


class SasCounted(Event, Value):
    """The answer to `PollSas`."""

    counts: tuple[SaCount, ...]


class SaWorn(Event, Value):
    """A pair of SAs has carried its `soft_octets`, or three quarters of its sequence numbers: sent once."""

    spi_in: int


class UnknownSpi(Event, Value):
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


class ClearReceived(Event, Value):
    """Clear GRE came for a protected tunnel, and was dropped (rate-limited by the plane). vrf: its front door."""

    local: IPAddress
    remote: IPAddress
    vrf: str = ""


class ConnectionHeard(Event, Value):
    """A valid and newest packet of a connection came from another address than its peer's; reported once for each
    address.
    """

    connection: int
    remote: IPAddress
    remote_port: int


class ConnectionUnheard(Event, Value):
    """Packets were sent over a connection for 10 s, and none came: reported once; if it goes on, after 40 s, 160 s ...

    The next good packet of the peer, or `MoveConnection`, ends the silence.
    """

    connection: int


class PacketsFiltered(Event, Value):
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


class NameResolved(Event, Value):
    """The answer to `Resolve`: no address if the name does not exist or no server answered."""

    name: str
    addresses: tuple[IPAddress, ...]


class ClockSet(Event, Value):
    """Wall time = monotonic time + `offset` seconds (since 1970, UTC) from now on. No timer moves."""

    offset: float
    authoritative: bool = False


class EffectFailed(Event, Value):
    """The shell could not carry out this effect. Its owner distinguishes wanted from actual state, and tries again
    later.

    vrf: the VRF of the effect, for machines of the router, which get it without its `InVrf`.
    """

    effect: Effect
    errno: int
    text: str
    vrf: str = ""


class KernelContested(Event, Value):
    """Another program on this machine keeps removing our objects from its kernel; or that is over.

    what: one of the objects, in words. The plane keeps restoring it, less and less often.
    """

    what: str
    ended: bool


class VrfLost(Event, Value):
    """Another program on this machine deleted what keeps the routing table of a VRF apart from other tables.

    name: of the VRF; the event is for machines of the router. The plane makes it again, and after `delay` seconds
    it reports a `Resync`.
    """

    name: str
    delay: float


class Resync(Event, Value):
    """The shell may have lost events (a full socket, a restart): every machine repeats its orders."""
