"""One process on one interface, and its neighbors. Neighbors with nothing outstanding form a `MulticastGroup`.

A neighbor, RFC 7868 §5.3: another router of the same autonomous system on one of our interfaces.

It is *pending* from its first Hello until it acknowledges our first packet (Update with flag INIT); then both
directions are known to work, it is *up*, and is sent the whole table. Its queue is its `Backlog`.

Only these two classes change their fields: other files report events by calling the methods here, and get the results.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress, is_link_local
from dmvpn.base.context import Timer
from dmvpn.base.notices import InterfaceState
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable, copier
from dmvpn.features.eigrp.backlog import Backlog, MulticastGroup, Outstanding
from dmvpn.features.eigrp.metric import MetricScale, Vector
from dmvpn.features.eigrp.model import Family, InterfaceSettings
from dmvpn.features.eigrp.packet import EigrpPacket, PacketFlag
from dmvpn.features.eigrp.reasons import NEIGHBOR_MOVES, NeighborMove, NeighborState
from dmvpn.features.eigrp.tlv import NextMulticastSequence, Sequence, SoftwareVersion, Stub, StubFlag
from dmvpn.features.eigrp.topology import PathSource

#: Retransmission timeouts, RFC 7868 §5.2: seconds. The initial one is for a neighbor that has acknowledged nothing yet.
INITIAL_RTO = 1.0
MINIMUM_RTO = 0.1
MAXIMUM_RTO = 5.0
_BACKOFF = 1.5
SEQUENCE_SPACE = 1 << 32
#: Seconds for which packets of a neighbor's previous adjacency may still arrive.
_ON_THE_WAY = 1.0
#: How often a pending neighbor is greeted again: two routers whose unicast is lost must not continue forever.
_GREETINGS_AGAIN = 3
_acknowledging: Final = copier(EigrpPacket, "acknowledgment")


class Neighbor(Mutable, eq=False):
    """One neighbor on one interface. Times are seconds, since and last_heard monotonic.

    handle: its number (H in `show ip eigrp neighbors`).
    hello: its last plain Hello, unparsed.
    init_sequence: the number of its first packet; None until received.
    last_sequence: the number of the last packet accepted from it.
    conditional: the sequence number of the conditional multicast that we may accept.
    acknowledge: the sequence number that we have yet to acknowledge; 0: none.
    refusal: why its last packet was not accepted.
    greeted_again: how often it was greeted again while pending.
    is_untold: it has not been announced in the log yet.
    """

    interface: EigrpInterface
    address: IPAddress
    handle: int
    source: PathSource
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
    is_untold: bool = True

    @property
    def is_up(self) -> bool:
        """Whether it takes part in routing."""
        return self.state is NeighborState.UP

    @property
    def is_idle(self) -> bool:
        """Whether it has received and acknowledged everything."""
        return self.outstanding is None and not self.backlog

    @property
    def reads_wide(self) -> bool:
        """Whether it reads wide route TLVs, RFC 7868 §6.7.4."""
        return self.software is not None and self.software.tlv_major >= 2

    @property
    def is_stub(self) -> bool:
        """Whether it is a stub router, which is never queried."""
        return self.stub is not None

    def hold_left(self, now: float) -> float:
        """Return the seconds until its holding time expires."""
        return self.last_heard + self.hold_time - now

    # The handshake, RFC 7868 §5.3 -------------------------------------------------------------------------------

    def _move(self, move: NeighborMove) -> None:
        self.state = NEIGHBOR_MOVES[self.state, move]

    def announce(self) -> None:
        """Note that it has been announced in the log."""
        self.is_untold = False

    def give_up(self) -> None:
        """Note that it is gone, and stop waiting for its acknowledgment."""
        self._move(NeighborMove.GIVEN_UP)
        self.outstanding = None

    def hear(self, now: float) -> None:
        """Note that an authentic packet of it arrived."""
        self.last_heard, self.refusal = now, None

    def refuse(self, reason: Reason) -> None:
        """Note a packet in its name that was not authentic.

        The packet may be forged: only the silence of the real neighbor ends the adjacency.
        """
        self.refusal = reason

    def hear_hello(self, packet: EigrpPacket, payload: bytes, hold_time: float) -> bool:
        """Record the content of a Hello; returns whether its holding time is shorter than that of the one before.

        A Sequence TLV lists the routers that must ignore the next conditional multicast, RFC 7868 §6.7.3.
        """
        stub, behind, following = packet.find(Stub), packet.find(Sequence), packet.find(NextMulticastSequence)
        self.software, self.stub = packet.find(SoftwareVersion), stub.flags if stub else None
        if behind is None:
            self.hello = payload
        elif following is not None:
            is_for_us = self.interface.address not in behind.addresses
            self.conditional = following.sequence if is_for_us else None
        before, self.hold_time = self.hold_time, hold_time
        return hold_time < before

    def distrust(self) -> None:
        """Forget its last Hello: the same octets must be authenticated again."""
        self.hello = b""

    def take_after(self, before: Neighbor) -> None:
        """Take over the Hello, software version and stub flags of the router from before its restart."""
        self.hello, self.software, self.stub = before.hello, before.software, before.stub

    def greet_again(self) -> bool:
        """Return whether to greet it again while it is pending, and count that."""
        is_due = self.greeted_again < _GREETINGS_AGAIN
        self.greeted_again += is_due
        return is_due

    # Reliable transport, RFC 7868 §5.2 --------------------------------------------------------------------------

    def send(self, packet: EigrpPacket, now: float) -> EigrpPacket:
        """Record a unicast packet that it must acknowledge; returns the packet with the acknowledgment that we owe."""
        self.interface.statistics.unicasts += 1
        self.expect(packet, now)
        return _acknowledging(packet, self.pay())

    def expect(self, packet: EigrpPacket, now: float) -> None:
        """Record a packet that it must acknowledge."""
        self.outstanding = Outstanding(packet, now)

    def repeat(self, outstanding: Outstanding) -> EigrpPacket:
        """Return the retransmission, and lengthen the timeout."""
        self.retransmissions += 1
        self.interface.statistics.retransmissions += 1
        self.rto = min(self.rto * _BACKOFF, MAXIMUM_RTO)
        return _acknowledging(outstanding.repeat(), self.pay())

    def acknowledged(self, sequence: int, now: float) -> bool:
        """Handle an acknowledgment; returns whether it is for the outstanding packet."""
        outstanding = self.outstanding
        if outstanding is None or outstanding.packet.sequence != sequence:
            return False
        self.outstanding = None
        if outstanding.tries == 1:
            round_trip = now - outstanding.sent_at
            self.srtt = 0.8 * self.srtt + 0.2 * round_trip if self.srtt else round_trip
            self.rto = min(max(6 * self.srtt, MINIMUM_RTO), MAXIMUM_RTO)
            self.interface.measure(round_trip)
        if not self.is_up and PacketFlag.INIT in outstanding.packet.flags:
            self._move(NeighborMove.ACKNOWLEDGED)
        return True

    def start_at(self, sequence: int) -> None:
        """Record the number of its first packet (INIT), where its sequence begins."""
        self.init_sequence = self.last_sequence = sequence

    def goes_on(self, now: float) -> bool:
        """Return whether a numbered unicast packet continues an adjacency of which we do not have the first packet.

        An earlier adjacency acknowledged that packet, and was ended here by a goodbye that arrived late. The neighbor
        does not know that, and would retransmit its table until it gives up. Packets that were in flight when the
        present adjacency began do not count.
        """
        return self.init_sequence is None and now >= self.since + _ON_THE_WAY

    def is_next(self, sequence: int) -> bool:
        """Return whether a packet with this number is newer than the last one, and record the number if so."""
        ahead = (sequence - self.last_sequence) % SEQUENCE_SPACE
        if ahead == 0 or ahead >= SEQUENCE_SPACE // 2:
            self.interface.statistics.out_of_sequence += 1
            return False
        self.last_sequence = sequence
        return True

    def owe(self, sequence: int) -> None:
        """Record a number to be acknowledged."""
        self.acknowledge = sequence

    def pay(self, *, alone: bool = False) -> int:
        """Return the number that a packet acknowledges; 0: none. alone: the packet has no other content."""
        sequence, self.acknowledge = self.acknowledge, 0
        if alone:
            self.interface.statistics.unicasts_unreliable += 1
        elif sequence:
            self.interface.statistics.acknowledgments_suppressed += 1
        return sequence


#: Seconds that a multicast waits for neighbors that are behind: bounds, and the value before any measurement.
_MINIMUM_FLOW, _INITIAL_FLOW, _MAXIMUM_FLOW = 0.05, 1.0, 2.0
#: Seconds' worth of EIGRP's share of the bandwidth that may be used at once.
PACING_CREDIT: Final = 1.0
_RELIABLE_PACKET_BITS = 1400 * 8


class Statistics(Mutable):
    """Counters of `show ip eigrp interfaces detail`."""

    hellos: int = 0
    hellos_expedited: int = 0
    multicasts: int = 0
    unicasts: int = 0
    multicasts_unreliable: int = 0
    unicasts_unreliable: int = 0
    exceptions: int = 0  # multicasts sent to each neighbor by unicast
    conditional: int = 0
    acknowledgments_suppressed: int = 0
    retransmissions: int = 0
    out_of_sequence: int = 0


class EigrpInterface(Mutable, eq=False):
    """An interface that a process runs on.

    neighbors: by address, as a number (hashing an address object is slow).
    busy: neighbors that are up and not idle, an ordered set.
    address: ours, of the family.
    link: the cost of this interface.
    blocked: why we neither send nor accept anything here; None: we do.
    greetings_paid: the time up to which extra Hellos are paid for: each costs an interval.
    paced: the time up to which EIGRP's share of the bandwidth is used.
    held: neighbors that wait for bandwidth, an ordered set.
    """

    name: str
    family: Family
    state: InterfaceState
    scale: MetricScale
    settings: InterfaceSettings
    hello_timer: Timer
    flow_timer: Timer
    key_timer: Timer
    pacing_timer: Timer
    address: IPAddress | None = field(init=False)
    link: Vector = field(init=False)
    neighbors: dict[int, Neighbor] = field(default_factory=dict)
    busy: dict[Neighbor, None] = field(default_factory=dict)
    group: MulticastGroup = field(default_factory=MulticastGroup)
    hello: bytes | None = None
    greetings_paid: float = float("-inf")
    paced: float = float("-inf")
    held: dict[Neighbor, None] = field(default_factory=dict)
    listening: bool = False
    blocked: Reason | None = None
    srtt: float = 0.0
    statistics: Statistics = field(default_factory=Statistics)

    def __post_init__(self) -> None:
        self.address, self.link = self.family.address(self.state), self.scale.link(self.state)

    @property
    def speaks(self) -> bool:
        """Whether there may be neighbors: not on a passive interface, a blocked one, a loopback or Null interface."""
        return not (self.settings.passive or self.blocked) and not self.name.startswith(("Loopback", "Null"))

    def knows(self, address: IPAddress) -> bool:
        """Return whether the address is on the link of this interface and not our own: in its subnet, or link-local."""
        if self.family.version == 6:
            return is_link_local(address) and address != self.address
        prefix = self.state.prefix
        return prefix is not None and address in prefix and address != self.state.address

    def configure(self, settings: InterfaceSettings) -> None:
        """Apply changed settings; the next Hello is encoded again."""
        self.settings = settings
        self.forget_hello()

    def update(self, state: InterfaceState) -> bool:
        """Apply a changed interface state; returns whether the cost changed."""
        before = self.link
        self.state, self.link = state, self.scale.link(state)
        return self.link != before

    def seal(self, obstacle: Reason | None) -> None:
        """Apply a changed authentication; obstacle: why none is possible."""
        self.blocked = obstacle
        self.forget_hello()

    def listen(self) -> bool:
        """Update whether we listen to the group, which we do where we send to it; returns whether that changed."""
        before, self.listening = self.listening, self.speaks and not self.settings.neighbors
        return self.listening is not before

    def enter(self, neighbor: Neighbor) -> None:
        """Add a neighbor."""
        self.neighbors[int(neighbor.address)] = neighbor

    def leave(self, neighbor: Neighbor) -> None:
        """Remove a neighbor that is given up."""
        del self.neighbors[int(neighbor.address)]
        neighbor.give_up()

    def forget_hello(self) -> None:
        """Discard the encoded Hello because its content may change."""
        self.hello = None

    def said(self, hello: bytes | None) -> None:
        """Count our Hello, and keep its octets."""
        self.statistics.hellos += 1
        self.hello = hello

    def pay_greeting(self, due: float, price: float) -> None:
        """Pay for an extra Hello. due: when it is sent. price: seconds."""
        self.greetings_paid = max(self.greetings_paid, due) + price

    def count_answer(self) -> None:
        """Count an extra Hello for a new router."""
        self.statistics.hellos_expedited += 1

    def count_multicast(self, *, conditional: bool) -> None:
        """Count a multicast. conditional: a Hello named the neighbors that must ignore it."""
        self.statistics.multicasts += 1
        self.statistics.conditional += conditional

    def count_exception(self) -> None:
        """Count a multicast that is sent to each neighbor by unicast."""
        self.statistics.exceptions += 1

    def mark(self, neighbor: Neighbor) -> bool:
        """Update the set of neighbors that are behind; returns whether it has just become empty."""
        if neighbor.is_up and not neighbor.is_idle:
            self.busy[neighbor] = None
            return False
        if neighbor not in self.busy:
            return False
        del self.busy[neighbor]
        return not self.busy

    def hold(self, neighbor: Neighbor) -> None:
        """Let a neighbor wait for bandwidth."""
        self.held[neighbor] = None

    def release(self) -> dict[Neighbor, None]:
        """Return the neighbors that waited for bandwidth."""
        held, self.held = self.held, {}
        return held

    def forget_neighbor(self, neighbor: Neighbor) -> None:
        """Remove a lost neighbor from the sets of waiting ones."""
        self.held.pop(neighbor, None)
        self.busy.pop(neighbor, None)

    def up_neighbors(self) -> list[Neighbor]:
        """Return the neighbors that take part in routing, in order of arrival."""
        return [neighbor for neighbor in self.neighbors.values() if neighbor.is_up]

    def measure(self, round_trip: float) -> None:
        """Record the time between a packet and its acknowledgment by any neighbor here, seconds."""
        self.srtt = 0.9 * self.srtt + 0.1 * round_trip if self.srtt else round_trip

    @property
    def flow_time(self) -> float:
        """The multicast flow timer: how long a multicast waits for neighbors that are behind, seconds."""
        return min(max(4 * self.srtt, _MINIMUM_FLOW), _MAXIMUM_FLOW) if self.srtt else _INITIAL_FLOW

    @property
    def pacing_ms(self) -> int:
        """Transmission time of a full packet at EIGRP's share of the bandwidth, milliseconds."""
        return _RELIABLE_PACKET_BITS // self._share

    @property
    def _share(self) -> int:
        """EIGRP's share of the bandwidth, kbit/s."""
        return max(self.state.bandwidth * self.settings.bandwidth_percent // 100, 1)

    def spend(self, octets: int, now: float) -> None:
        """Charge a reliable packet of this size to EIGRP's share of the bandwidth, RFC 7868 §5.2.1."""
        self.paced = max(self.paced, now) + octets * 8 / (1000 * self._share)

    def pause(self, now: float) -> float:
        """Return for how many seconds no reliable packet may be sent."""
        return self.paced - PACING_CREDIT - now
