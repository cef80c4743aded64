"""One process on one interface: its neighbors, and what they have been told together.

Neighbors with nothing outstanding form the group that is told by multicast. `told` is what the group knows of each
destination: an update goes out only if that changes. Prefixes wait in `updates` and `queries` until the group is ready.

A neighbor, RFC 7868 §5.3: another router of the same autonomous system on one of our interfaces.

It is *pending* from its first Hello until it acknowledges our first packet (Update with flag INIT); then both ways are
known to work, it is *up*, and is sent the whole table. What a neighbor still has to be told waits in its `Backlog`
as bare prefixes; the packet is made when its turn comes, so it always says how things are then.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.metric import Vector, link_vector
from dmvpn.features.eigrp.translate import WITHDRAWN, Advert

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.context import Timer
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.reasons import Reason
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.packet import EigrpPacket
    from dmvpn.features.eigrp.tlv import SoftwareVersion, StubFlag
    from dmvpn.features.eigrp.topology import Source

#: Retransmission, RFC 7868 §5.2: seconds. A neighbor that never acknowledged anything gets the first one.
INITIAL_RTO = 1.0
MINIMUM_RTO = 0.1
MAXIMUM_RTO = 5.0


class NeighborState(enum.Enum):
    """RFC 7868 §5.3.3."""

    PENDING = "pending"
    UP = "up"


class DownReason(enum.Enum):
    """Why a neighbor is down: the words of the log message."""

    HOLD_TIME = "holding time expired"
    INTERFACE_DOWN = "interface down"
    RESTARTED = "peer restarted"
    TERMINATED = "Interface PEER-TERMINATION received"
    GOODBYE = "Interface Goodbye received"
    WEIGHTS = "K-value mismatch"
    RETRY_LIMIT = "retry limit exceeded"
    ROUTE_CONFIGURATION = "route configuration changed"
    AUTHENTICATION = "Auth failure"
    AUTHENTICATION_CHANGED = "authentication mode changed"
    STUCK_IN_ACTIVE = "stuck in active"
    PEER_INFO = "peer info changed"
    CLEARED = "manually cleared"
    SHUTDOWN = "interface shutdown"
    PASSIVE = "interface passive"
    ADDRESS = "address changed"
    STATIC = "Static peer configured"
    BFD = "BFD peer down notified"
    PREFIX_LIMIT = "prefix-limit exceeded"
    SERVER_DEAD = "next hop server does not answer"


@dataclass(slots=True)
class Backlog:
    """What a neighbor still has to be told: dictionaries without values are ordered sets.

    updates: the value says whether it must hear of an unreachable destination too; it need not in its first table.
    table: its first table is under way; the last packet of it says so.
    """

    updates: dict[Prefix, bool] = field(default_factory=dict)
    queries: dict[Prefix, None] = field(default_factory=dict)
    replies: dict[Prefix, None] = field(default_factory=dict)
    sia_queries: dict[Prefix, None] = field(default_factory=dict)
    sia_replies: dict[Prefix, None] = field(default_factory=dict)
    table: bool = False

    def __bool__(self) -> bool:
        return bool(self.updates or self.queries or self.replies or self.sia_queries or self.sia_replies or self.table)

    def __len__(self) -> int:
        sia = len(self.sia_queries) + len(self.sia_replies)
        return len(self.updates) + len(self.queries) + len(self.replies) + sia


@dataclass(slots=True)
class Outstanding:
    """A reliable packet that is not acknowledged yet.

    sent_at: first, seconds monotonic.
    tries: how often.
    """

    packet: EigrpPacket
    sent_at: float
    tries: int = 1


@dataclass(slots=True, eq=False)
class Neighbor:
    """One neighbor on one interface. Times are seconds, since and last_heard monotonic.

    handle: its number (H in `show ip eigrp neighbors`).
    hello: its last plain Hello, octet for octet.
    init_sequence: of its first packet, None until that came.
    last_sequence: of the last packet taken from it.
    conditional: the sequence number of the conditional multicast that is for us too.
    acknowledge: the sequence number that we owe it an acknowledgment for, 0 = none.
    refusal: why its last packet was not taken.
    greeted_again: how often it was greeted once more while it was pending.
    """

    interface: EigrpInterface
    address: IPv4Address
    handle: int
    source: Source
    hold_time: float
    since: float
    last_heard: float
    hold_timer: Timer
    retransmit_timer: Timer
    hello: bytes = b""
    state: NeighborState = NeighborState.PENDING
    software: SoftwareVersion | None = None
    stub: StubFlag | None = None
    init_sequence: int | None = None
    last_sequence: int = 0
    conditional: int | None = None
    acknowledge: int = 0
    outstanding: Outstanding | None = None
    backlog: Backlog = field(default_factory=Backlog)
    srtt: float = 0.0
    rto: float = INITIAL_RTO
    retransmissions: int = 0
    greeted_again: int = 0
    refusal: Reason | None = None

    @property
    def is_up(self) -> bool:
        """Does it take part in routing?"""
        return self.state is NeighborState.UP

    @property
    def is_idle(self) -> bool:
        """Does it know everything that we had to say?"""
        return self.outstanding is None and not self.backlog

    @property
    def reads_wide(self) -> bool:
        """Does it read wide route TLVs, RFC 7868 §6.7.4?"""
        return self.software is not None and self.software.tlv_major >= 2

    @property
    def is_stub(self) -> bool:
        """Is it a stub router, which is never asked?"""
        return self.stub is not None

    def hold_left(self, now: float) -> float:
        """Return seconds until it is given up if nothing comes."""
        return self.last_heard + self.hold_time - now

    def measure(self, round_trip: float) -> None:
        """Note the time between a packet and its acknowledgment, seconds."""
        self.srtt = 0.8 * self.srtt + 0.2 * round_trip if self.srtt else round_trip
        self.rto = min(max(6 * self.srtt, MINIMUM_RTO), MAXIMUM_RTO)


#: In `told`: not everybody knows the same. Equal to no advert.
UNCERTAIN: Final = Advert(Vector(-1, -1, -1))

#: Seconds that a multicast waits for neighbors that are behind: bounds, and the value before anything was measured.
_MINIMUM_FLOW, _INITIAL_FLOW, _MAXIMUM_FLOW = 0.05, 1.0, 2.0
#: Seconds' worth of EIGRP's share of the bandwidth that may be sent at once.
PACING_CREDIT: Final = 1.0
_RELIABLE_PACKET_BITS = 1400 * 8


@dataclass(slots=True)
class Statistics:
    """What `show ip eigrp interfaces detail` counts."""

    hellos: int = 0
    hellos_expedited: int = 0
    packets: int = 0
    multicasts: int = 0
    unicasts: int = 0
    multicasts_unreliable: int = 0
    unicasts_unreliable: int = 0
    exceptions: int = 0  # multicasts that went to each neighbor alone
    conditional: int = 0
    acknowledgments_suppressed: int = 0
    retransmissions: int = 0
    out_of_sequence: int = 0


@dataclass(slots=True, eq=False)
class EigrpInterface:
    """An interface that a process runs on.

    neighbors: by address, as a number (hashing an address object is slow).
    busy: neighbors that are up and not idle, an ordered set.
    link: what the way over this interface costs.
    blocked: why we neither send nor take anything here, None if we do.
    greetings_paid: until when Hellos out of turn are paid for: each costs an interval.
    paced: until when EIGRP's share of the bandwidth is spent on what was sent.
    held: neighbors whose turn comes when there is some of the share again, an ordered set.
    """

    name: str
    state: InterfaceState
    settings: InterfaceSettings
    hello_timer: Timer
    flow_timer: Timer
    key_timer: Timer
    pacing_timer: Timer
    link: Vector = field(init=False)
    neighbors: dict[int, Neighbor] = field(default_factory=dict)
    busy: dict[Neighbor, None] = field(default_factory=dict)
    told: dict[Prefix, Advert] = field(default_factory=dict)
    updates: dict[Prefix, None] = field(default_factory=dict)
    queries: dict[Prefix, None] = field(default_factory=dict)
    hello: bytes | None = None
    greetings_paid: float = float("-inf")
    paced: float = float("-inf")
    held: dict[Neighbor, None] = field(default_factory=dict)
    listening: bool = False
    blocked: Reason | None = None
    srtt: float = 0.0
    statistics: Statistics = field(default_factory=Statistics)

    def __post_init__(self) -> None:
        self.link = link_of(self.state)

    @property
    def speaks(self) -> bool:
        """May there be neighbors? Not on a passive interface, nor on one that leads nowhere."""
        return not (self.settings.passive or self.blocked) and not self.name.startswith(("Loopback", "Null"))

    @property
    def address(self) -> IPAddress | None:
        """Our address here."""
        return self.state.address

    def knows(self, address: IPv4Address) -> bool:
        """Return whether it is an address of a subnet of this interface, and not our own."""
        prefix = self.state.prefix
        return prefix is not None and address in prefix and address != self.state.address

    def up_neighbors(self) -> list[Neighbor]:
        """Return the neighbors that take part in routing, in the order of their arrival."""
        return [neighbor for neighbor in self.neighbors.values() if neighbor.is_up]

    def advert_told(self, prefix: Prefix) -> Advert:
        """Return what the group knows about a prefix."""
        return self.told.get(prefix, WITHDRAWN)

    def note_told(self, prefix: Prefix, advert: Advert) -> None:
        """Note that the whole group knows this now."""
        if advert.metric is None:
            self.told.pop(prefix, None)
        else:
            self.told[prefix] = advert

    def forget_group(self) -> None:
        """Forget the group: nobody is left who knows anything."""
        self.told.clear()
        self.updates.clear()
        self.queries.clear()

    def measure(self, round_trip: float) -> None:
        """Note the time between a packet and its acknowledgment by any neighbor here, seconds."""
        self.srtt = 0.9 * self.srtt + 0.1 * round_trip if self.srtt else round_trip

    @property
    def flow_time(self) -> float:
        """How long a multicast waits for neighbors that are behind, seconds (the multicast flow timer)."""
        return min(max(4 * self.srtt, _MINIMUM_FLOW), _MAXIMUM_FLOW) if self.srtt else _INITIAL_FLOW

    @property
    def pacing_ms(self) -> int:
        """How long a full packet takes at the share of the bandwidth that EIGRP may use, milliseconds."""
        return _RELIABLE_PACKET_BITS // self._share

    @property
    def _share(self) -> int:
        """What EIGRP may use of the bandwidth, kbit/s."""
        return max(self.state.bandwidth * self.settings.bandwidth_percent // 100, 1)

    def spend(self, octets: int, now: float) -> None:
        """Spend the bandwidth of a reliable packet of so many octets, RFC 7868 §5.2.1."""
        self.paced = max(self.paced, now) + octets * 8 / (1000 * self._share)

    def pause(self, now: float) -> float:
        """Return for how long no reliable packet may begin its way, seconds."""
        return self.paced - PACING_CREDIT - now


def link_of(state: InterfaceState) -> Vector:
    """Return what the way over an interface costs."""
    return link_vector(state.bandwidth, state.delay, state.ip_mtu)
