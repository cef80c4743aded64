"""Effects: orders that a router gives to the world. Shells carry them out strictly in order; they make no decisions.

All are frozen dataclasses that derive from `Effect`. A failure comes back as the event `EffectFailed`.
"""

from __future__ import annotations

import enum
from dataclasses import field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.values import Value, dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.filters import PortFilters
    from dmvpn.base.protection import EspSa
    from dmvpn.base.switching import Box
    from dmvpn.base.translation import FlowFilter, SourceRule, StaticRule

#: GRE protocol types (RFC 2784 §2.4; NHRP's is what all DMVPN implementations use).
GRE_IPV4 = 0x0800
GRE_IPV6 = 0x86DD
GRE_NHRP = 0x2001
#: Of an IP packet by its version.
GRE_OF = {4: GRE_IPV4, 6: GRE_IPV6}


class Effect(Value):
    """The base of all effects."""

    is_notice: ClassVar[bool] = False


class InVrf(Effect, Value):
    """Carry out this effect in a VRF: with its forwarding table, its addresses and its streams.

    All other effects are for the global table, or name an interface, which is in one VRF only.
    """

    vrf: str
    effect: Effect


def in_table(vrf: str, effect: Effect) -> Effect:
    """Return an effect that is to be carried out in a VRF; "": in the global table."""
    return InVrf(vrf, effect) if vrf else effect


class SetVrfs(Effect, Value):
    """Have exactly these VRFs besides the global table, always the whole list. A VRF that is removed takes its routes
    along; ports that are still in it return to the global table, without addresses.
    """

    vrfs: tuple[str, ...]


# ------------------------------------------------------------------------------------------------ packets


class SendIp(Effect, Value):
    """Send an IP packet of our own.

    interface: out of this one (needed for multicast), or None: as the forwarding table says.
    source: None lets the plane choose the address of the outgoing interface.
    hardware: 6 octets, where the receiver on the link has no address yet by which it could be found.
    payload: the octets behind the IP header. A TTL too small or a packet too big comes back as an ICMP message, like a
        foreign router's.
    """

    interface: str | None
    source: IPAddress | None
    destination: IPAddress
    protocol: int
    payload: bytes
    ttl: int = 255
    tos: int = 0
    df: bool = False
    hardware: bytes = b""


class SendGre(Effect, Value):
    """Send something in GRE directly to an NBMA address, without using the forwarding table or adjacencies.

    protocol: the GRE protocol type: `GRE_NHRP` with an NHRP packet, `GRE_IPV4` with a whole IP packet (a probe).
    connection: on a protected tunnel, over this one; 0: the newest with that address.
    """

    tunnel: str
    nbma: IPAddress
    protocol: int
    payload: bytes
    tos: int = 0xC0
    connection: int = 0


class SendKeepalive(Effect, Value):
    """Send one GRE keepalive out of a point-to-point tunnel: a packet that its far end sends back."""

    tunnel: str


# ------------------------------------------------------------------------------------------------ tunnels


class DfBit(enum.Enum):
    """The "do not fragment" bit of an outer header."""

    COPY = "copy"  # as in the packet inside
    CLEAR = "clear"
    SET = "set"


class TunnelSpec(Value, kw_only=True):
    """The data plane's settings of a GRE tunnel (RFC 2784, key: RFC 2890).

    source: our NBMA address.
    destination: the far end's, or None: multipoint.
    mtu: octets, the tunnel's `ip mtu`.
    mss: octets, clamp TCP's maximum segment size in SYNs that pass, or None.
    ttl: of the outer header.
    protected: GRE leaves in ESP or not at all, and comes out of ESP or is dropped.
    df: of the outer header; once a router on the path has reported packets with it as too big, larger ones are
        fragmented before they are encapsulated, or their senders get an ICMP error.
    checksum: GRE packets carry one (RFC 2784 §2.5).
    sequence: packets of a point-to-point tunnel carry sequence numbers, and packets out of order are dropped (RFC 2890
        §2.2).
    barred: of a protected tunnel, NBMA addresses that it sends nothing to and accepts nothing from, whatever its key,
        because the SAs with these addresses belong to another tunnel.
    """

    name: str
    source: IPAddress
    destination: IPAddress | None
    key: int | None
    mtu: int
    mss: int | None = None
    ttl: int = 255
    protected: bool = False
    df: DfBit = DfBit.CLEAR
    checksum: bool = False
    sequence: bool = False
    barred: tuple[IPAddress, ...] = ()
    vrf: str = ""
    front: str = ""


class SetTunnel(Effect, Value):
    """Make this tunnel, or change it into this. It has no carrier until `SetCarrier`."""

    spec: TunnelSpec


class RemoveTunnel(Effect, Value):
    """Remove the tunnel, with its adjacencies and routes."""

    tunnel: str


class SetCarrier(Effect, Value):
    """The line protocol of a tunnel: without carrier nothing is forwarded through it."""

    tunnel: str
    up: bool


class SetHairpin(Effect, Value):
    """Report transit packets that leave by a tunnel of the same NHRP network, once per `interval` (seconds) and pair.

    network: the local NHRP network identifier, or None: this tunnel belongs to none.
    report: `ip nhrp redirect` is set.
    version: of IP; the two families of a tunnel may belong to different networks.
    """

    tunnel: str
    network: int | None
    report: bool
    interval: float = 8.0
    version: int = 4


class SetAdjacency(Effect, Value):
    """Packets for this overlay next hop go to this NBMA address; replaces an earlier one without losing a packet.

    connection: on a protected tunnel, over this one, wherever its peer has moved; 0: the newest with that address.
    """

    tunnel: str
    next_hop: IPAddress
    nbma: IPAddress
    connection: int = 0


class ClearAdjacency(Effect, Value):
    """Forget the next hop: the next packet for it makes an `Unresolved` event."""

    tunnel: str
    next_hop: IPAddress


class SetMulticast(Effect, Value):
    """Copies of every multicast or broadcast packet go to exactly these NBMA addresses (the whole list each time).

    version: of IP; each family of a tunnel has its own list.
    bound: further copies, each over one connection.
    """

    tunnel: str
    nbmas: tuple[IPAddress, ...]
    version: int = 4
    bound: tuple[tuple[IPAddress, int], ...] = ()


class PollInterfaces(Effect, Value):
    """Report the packet counters of all interfaces, and dropped GRE packets, with `InterfacesCounted`."""


class PollUsage(Effect, Value):
    """Report the packet and octet counters of the tunnel's peers with `UsageReported`."""

    tunnel: str


# ------------------------------------------------------------------------------------------------ IPsec


class ServeIpsec(Effect, Value):
    """Accept ESP and IKE at exactly these addresses of ours (the whole list each time), on any interface.

    ESP: protocol 50 and UDP port 4500. IKE: UDP port 500, and 4500 behind the non-ESP marker (RFC 3948 §2.2); it comes
    as `IpReceived` of protocol 17, with its UDP header and, on 4500, the marker. `SendIp` of protocol 17 sends it.
    If this fails at some addresses, only these come back; at the others it has succeeded.
    """

    locals: tuple[IPAddress, ...]


class InstallSa(Effect, Value):
    """Receive on this pair of SAs from now on; earlier pairs of its connection stay.

    eager: send on it at once. Else its connection keeps sending on its earlier pair until the first good packet arrives
    on this one, or `UseSa` orders it, or no other pair is left.
    """

    sa: EspSa
    eager: bool


class UseSa(Effect, Value):
    """Send on this one from now on: the peer deletes its predecessor."""

    spi_in: int


class RemoveSa(Effect, Value):
    """Forget both halves, and their keys. A missing half is no failure."""

    spi_in: int


class MoveConnection(Effect, Value):
    """The peer of this connection has moved here: all its SAs send to this address and UDP port (0: protocol 50)."""

    connection: int
    remote: IPAddress
    remote_port: int


class PollSas(Effect, Value):
    """Report the counters of all SAs with `SasCounted`."""


# ------------------------------------------------------------------------------------------- interfaces, forwarding


class SetInterface(Effect, Value):
    """State and addresses of an interface: exactly the listed addresses; the first one is the primary.

    For an interface that the host owns this is compared and reported only, unless the host lets us manage it.

    leased: its addresses are the business of a DHCP client of the host; they are not touched, but reported.
    mss: octets, clamp TCP's maximum segment size in SYNs that pass between it and a tunnel, or None.
    mtu6, mss6: the same of IPv6; they apply to tunnels too.
    """

    interface: str
    up: bool
    addresses: tuple[tuple[IPAddress, int], ...]
    mtu: int | None = None
    mss: int | None = None
    mtu6: int | None = None
    mss6: int | None = None
    leased: bool = False
    vrf: str = ""


class SetIpv6Forwarding(Effect, Value):
    """`ipv6 unicast-routing`: forward IPv6 packets, or (the default) be a host that does not."""

    enabled: bool


@dataclass(frozen=True, slots=True, order=True)
class NextHop:
    """Where a route leads: out of an interface, to an address there, or (None) directly to the destination.

    A static route may name only the address: then interface is "" until the RIB has resolved it.

    In a forwarding table the interface may be in another VRF. Without an interface, the address (None: the
    destination) is looked up again in the table of `vrf`. Neither costs a hop.

    weight: of several next hops of a route, how many parts of its flows take this one.
    vrf: without an interface, whose table comes next, "": the global one.
    leaks: the interface is in another VRF than the route. Only the offer of the route says whether it carries packets.
    """

    interface: str
    address: IPAddress | None = None
    weight: int = 1
    vrf: str = ""
    leaks: bool = False


class RouteKind(enum.Enum):
    """The forwarding table's action for a packet."""

    FORWARD = "forward"
    DISCARD = "discard"  # Null0: dropped silently
    UNREACHABLE = "unreachable"  # dropped, and the sender gets ICMP host unreachable


class SetRoute(Effect, Value):
    """Add or replace one entry of the forwarding table, in one step. This does not set connected prefixes."""

    prefix: Prefix
    next_hops: tuple[NextHop, ...]
    kind: RouteKind = RouteKind.FORWARD


class ClearRoute(Effect, Value):
    """Remove an entry from the forwarding table."""

    prefix: Prefix


class SetFilters(Effect, Value):
    """Let only these packets of a version of IP pass the port, in whichever VRF it is, always all of its lists; without
    lists all pass.

    The port may come later. From one order to the next no packet passes that both orders deny, and entries that stay
    keep their counts. If this fails, nothing of a direction that has a list passes, until another order succeeds.
    """

    interface: str
    filters: PortFilters
    version: int = 4


class SetTranslation(Effect, Value):
    """Translate packets that come in by one of `inside` and leave by one of `outside` (all of it each time).

    This concerns only packets that are routed from one to the other, packets to an address of a static rule from
    either side, and packets that the router itself sends from one of `own` (`base.translation.begins_as_station`).
    Static rules come first, then source rules in their order.
    Existing flows stay until they end by themselves, or until `ForgetTranslations`.

    aliases: addresses that the router answers for on its wires beside its own. What comes to one of them and is
        translated by no rule is dropped.
    own: the router's addresses inside.
    """

    inside: tuple[str, ...] = ()
    rules: tuple[SourceRule, ...] = ()
    outside: tuple[str, ...] = ()
    statics: tuple[StaticRule, ...] = ()
    aliases: tuple[Prefix, ...] = ()
    own: tuple[IPv4Address, ...] = ()


class SetSwitching(Effect, Value):
    """Carry frames between the ports of this box as its VLANs say, if a lab is around; `SwitchingComputed` answers."""

    box: Box


class ForgetTranslations(Effect, Value):
    """Forget these translated flows, None: all. Their next packet from inside makes another flow."""

    meant: FlowFilter | None = None


class Listen(Effect, Value):
    """Deliver packets of this protocol that arrive on the interface, including those to the multicast group.

    port: UDP port for protocol 17, else None.
    """

    interface: str
    protocol: int
    group: IPAddress | None = None
    port: int | None = None


class StopListening(Effect, Value):
    """The reverse of `Listen`."""

    interface: str
    protocol: int
    group: IPAddress | None = None
    port: int | None = None


# ------------------------------------------------------------------------------------------------ people, files, names


class ConsoleLine(Effect, Value):
    """A finished log or debug line for console and terminals that monitor. severity: 0 (emergency) to 7 (debug)."""

    text: str
    severity: int


class JobOutput(Effect, Value):
    """Text for the session that started a job; may be a part of a line."""

    session: int
    text: str


class JobDone(Effect, Value):
    """The job of this session is over: give it its prompt back."""

    session: int


class HistoryGrew(Effect, Value):
    """There are new lines in the chronicle, for watching users. It is no part of a router's behavior: it is not
    recorded.
    """


class Resolve(Effect, Value):
    """Ask the name service; the answer is `NameResolved`."""

    name: str


class ReportKey(Effect, Value):
    """Keys for a capture of packets, only after `KeysWanted`.

    table: a file of Wireshark.
    line: for that file.
    """

    table: str
    line: str = field(repr=False)


class Store(Effect, Value):
    """Keep octets under a name across restarts; the next life gets them as `Remembered`. They may be a private key."""

    name: str
    octets: bytes = field(repr=False)
