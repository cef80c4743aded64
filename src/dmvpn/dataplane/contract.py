"""The contract of every data plane: simulated, Python, Rust engine. One suite (`tests/contract/`) runs on all of them.
Below it is what the planes in Python share to fulfill it.

A plane carries out effects in order and reports facts as events. It makes no decisions: the router decides which route
is best, which clients are registered, and when a shortcut is proved. A plane does by itself what happens per packet:

* IP: forward by longest match, TTL, ICMP errors, answer echo requests (and report those of other routers, which are
marked internetwork control: `IpReceived`), fragment or report the MTU;
* GRE: encapsulate (TTL 255, TOS copied, DF as `TunnelSpec` says), demultiplex by local address, key and, on
point-to-point tunnels, remote address; replicate multicast; clamp TCP's MSS; count packets and octets per peer
(`Amount`);
* path MTUs: an ICMP error of a router on the way about packets with DF that are too big applies to the packets inside
(`fragmentation`): larger ones are cut before GRE encapsulation, or their senders get an ICMP error; not on tunnels
whose DF is clear, and where no tunnel of a source address sets DF, such errors are ignored, by the kernel too;
* an unknown next hop of a multipoint tunnel: the packet waits, `Unresolved` is reported once until it is answered;
* a transit packet between tunnels of one NHRP network: `Hairpin`, once per interval and address pair;
* ICMP port unreachable that leaves by a tunnel carries the tunnel's address, as IOS has it (the last line of a
traceroute to a LAN address shows the tunnel address);
* ESP (RFC 4303, RFC 3948): on a protected tunnel GRE leaves only encrypted and is accepted from ESP alone; packets are
fragmented before encryption, and fragments of the peer are reassembled after decryption; sequence numbers, replay
windows, limits; counters by connection and by SA; an alarm when packets go out on a connection and none comes in
(`ConnectionUnheard`, `esp.table`);
* byte streams (`base.streams`): TCP from and to addresses of the router's own; connections from unlisted peers are
refused; MD5 signatures, TTL security;
* translation (`SetTranslation`): packets from inside to outside get the outside's address, with a port that the router
itself does not use; replies, and ICMP errors about them, are translated back;
* filters (`SetFilters`, `base.filters`): the inward list is asked before all else about every packet that comes by a
port, those for the router included (a tunnel: every packet that comes out of it, but NHRP); the outward list, after
translation, about what others sent and leaves by the port; an order that fails shuts its port, or, where `errno` is not
0, leaves it open, because the host filters nothing; a denied packet is answered by ICMP "administratively
prohibited", of a router once in `PROHIBITED_INTERVAL`, unless the port that the answer leaves by has no unreachables;
* choice of the SA: of the connection that the adjacency names, else of the newest connection between tunnel source and
NBMA address; of its SAs the latest that was made current (`InstallSa`).

A stranger can cause reports: ESP with an unknown SPI, GRE in clear, packets too big; `Alarms` limits them. Reports
about the same addresses are sent once a second, so that one peer does not crowd out the reports about peers that lost
their SAs; and there is a limit to all of them together, because an address costs a forger nothing.

What passed between a tunnel and one of its peers is counted in the same way by all planes in Python: each packet in
GRE, NHRP and keepalives included, with the octets behind the GRE header: of an IP packet with its own header, or of a
message of NHRP. Headers of GRE and ESP and outer headers are left out, so a packet has the same octets in clear and in
ESP, and at both of its ends. A packet that was cut counts as its pieces.

An address of ours in a front door, where packets of a tunnel or of an SA are received, is one small number (`Doors`).
Two front doors may have the same address. A socket is at one of them, so its number is known at no cost for every
packet that it receives; tables have one short key instead of two, whatever addresses are like. `engine/src/doors.rs` is
the same in Rust.

A number is given once and stays: path MTUs of an address still hold when it comes back. There are as many as
addresses that a router ever had, in each front door.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple, NewType, Protocol

from dmvpn.base.addresses import IPAddress
from dmvpn.base.effects import Effect
from dmvpn.base.events import PeerUsage
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.shell import Counting
from dmvpn.base.streams import StreamPeer
from dmvpn.base.values import Mutable

# ------------------------------------------------------------------------------------------------ the contract


class EffectError(Exception):
    """The plane could not carry out an effect; the shell makes an `EffectFailed` of it."""

    def __init__(self, effect: Effect, errno: int, text: str) -> None:
        super().__init__(f"{type(effect).__name__}: {text}")
        self.effect = effect
        self.errno = errno
        self.text = text


class DataPlane(Counting, Protocol):
    """Carries out effects, and answers the shows of counters; facts go to the function that it was made with.

    Every plane derives from it, so mypy compares each method with the one here, and refuses to make a plane that lacks
    one.
    """

    def execute(self, effect: Effect) -> None:
        """Carry out one effect; effects for other modules are ignored. Raises EffectError."""

    def close(self) -> None:
        """Release all resources; a second call does nothing."""


#: Packets that may wait for one next hop, and next hops that may be unresolved at a time, for each tunnel.
WAITING_PACKETS = 64
UNRESOLVED_NEXT_HOPS = 256
#: Seconds until the packets that wait for a next hop are dropped (Linux: app_solicit x retrans_time).
RESOLUTION_TIMEOUT = 1.0
#: Address pairs of NHRP networks that the hairpin detector stores.
HAIRPIN_PAIRS = 65536
#: NBMA addresses whose packets a tunnel counts although no adjacency names them.
COUNTED_PEERS = 65536
#: Reports of `UnknownSpi` and `ClearReceived` in a second, in all; of the same addresses one. Further packets are only
#: counted. The same limit applies, separately, to senders of inner packets that get an ICMP error because these do not
#: fit the path.
ALARMS_PER_SECOND = 100
#: Seconds between two ICMP messages "administratively prohibited" of a router.
PROHIBITED_INTERVAL = 0.5


# ------------------------------------------------------------------------------------ reports that a stranger can cause


class Alarms:
    """Senders that were reported within the current second."""

    __slots__ = ("_logged", "_since")

    def __init__(self) -> None:
        self._since = 0.0
        self._logged: dict[Hashable, None] = {}  # empty it has a third of the octets of a set

    def may_tell(self, what: Hashable, now: float) -> bool:
        """Return whether to send this report. now: seconds."""
        if not self._since <= now < self._since + 1.0:
            self._since = now
            self._logged.clear()
        if what in self._logged or len(self._logged) >= ALARMS_PER_SECOND:
            return False
        self._logged[what] = None
        return True


# ------------------------------------------------------------------------------------------------ amounts


class Amount(Mutable):
    """What passed in one direction."""

    packets: int = 0
    octets: int = 0

    def add(self, octets: int) -> None:
        """Count a packet of so many octets."""
        self.packets += 1
        self.octets += octets


def usage_of(nbma: IPAddress, sent: Amount | None, received: Amount | None, connection: int = 0) -> PeerUsage:
    """Return the counters of a peer. None: nothing passed in this direction."""
    out, came = sent or Amount(), received or Amount()
    return PeerUsage(nbma, out.packets, came.packets, connection, out.octets, came.octets)


# ----------------------------------------------------------------------------------------- peers that may open a stream


class Callers:
    """The peers of one port. peers: of the last order."""

    def __init__(self) -> None:
        self.peers: tuple[StreamPeer, ...] = ()
        self._table: PrefixTable[StreamPeer] | None = None

    def set(self, peers: tuple[StreamPeer, ...]) -> list[tuple[StreamPeer, bool]]:
        """Replace the peers; returns removed peers with passwords (False), then added ones (True)."""
        before, after = ({peer: None for peer in some if peer.password} for some in (self.peers, peers))
        self.peers, self._table = peers, None
        gone = [(peer, False) for peer in before if peer not in after]
        return gone + [(peer, True) for peer in after if peer not in before]

    def closest(self, address: IPAddress) -> StreamPeer | None:
        """Return the peer with the longest prefix that holds this address; of equal ones the first."""
        if self._table is None:  # many orders may come before the first connection
            self._table = PrefixTable()
            for peer in reversed(self.peers):
                self._table[peer.prefix] = peer
        found = self._table.lookup(address)
        return found[1] if found is not None else None


# ------------------------------------------------------------------------------------------- where packets are received


#: An address of ours in a front door.
Door = NewType("Door", int)


class OwnAddress(NamedTuple):
    """An address of ours, and the number of the routing table that it is in; two VRFs may have the same address."""

    table: int
    address: bytes


class Doors:
    """The doors of a router, and its front doors: "" is the global table, with number 0."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[IPAddress, str], Door] = {}
        self._places: list[tuple[IPAddress, str]] = []
        self._tables: dict[str, int] = {"": 0}

    def number(self, address: IPAddress, front: str) -> Door:
        """Return the number of an address in a front door."""
        place = address, front
        known = self._numbers.get(place)
        if known is None:
            known = self._numbers[place] = Door(len(self._places))
            self._places.append(place)
            self._tables.setdefault(front, len(self._tables))
        return known

    def address(self, door: Door) -> IPAddress:
        """Return the address of a door."""
        return self._places[door][0]

    def front(self, door: Door) -> str:
        """Return the front door of a door."""
        return self._places[door][1]

    def table(self, door: Door) -> int:
        """Return the number of the front door of a door."""
        return self._tables[self._places[door][1]]


# ------------------------------------------------------------------------------------------------ numbers of networks


class NhrpNetworks:
    """The NHRP networks of all VRFs: two VRFs may use the same network id, and are two networks nevertheless."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, int], int] = {}

    def number(self, vrf: str, network: int | None) -> int | None:
        """Return the number of a network id in a VRF; None: the tunnel is in no network."""
        return None if network is None else self._numbers.setdefault((vrf, network), len(self._numbers))
