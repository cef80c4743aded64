"""One process on one interface: its neighbors. Those with nothing outstanding form the `Group` told by multicast.

A neighbor, RFC 7868 §5.3: another router of the same autonomous system on one of our interfaces.

It is *pending* from its first Hello until it acknowledges our first packet (Update with flag INIT); then both ways are
known to work, it is *up*, and is sent the whole table. What it still has to be told waits in its `Backlog`.

Both change themselves alone: other files say what happened, by the methods here, and hear what follows.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.backlog import Backlog, Group, Outstanding
from dmvpn.features.eigrp.packet import EigrpPacket, PacketFlag
from dmvpn.features.eigrp.states import NEIGHBOR_MOVES, NeighborMove, NeighborState
from dmvpn.features.eigrp.tlv import NextMulticastSequence, Sequence, SoftwareVersion, Stub, StubFlag

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.context import Timer
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.reasons import Reason
    from dmvpn.features.eigrp.metric import MetricScale, Vector
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.topology import Source

#: Retransmission, RFC 7868 §5.2: seconds. A neighbor that never acknowledged anything gets the first one.
INITIAL_RTO = 1.0
MINIMUM_RTO = 0.1
MAXIMUM_RTO = 5.0
_BACKOFF = 1.5
SEQUENCE_SPACE = 1 << 32
#: Seconds for which packets of a neighbor's life before may still come.
_ON_THE_WAY = 1.0
#: How often a neighbor that stays pending is greeted again: two whose unicast is lost must not go on forever.
_GREETINGS_AGAIN = 3


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
    is_untold: nobody was told that it is new.
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
    is_untold: bool = True

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

    # The handshake, RFC 7868 §5.3 -------------------------------------------------------------------------------

    def _move(self, move: NeighborMove) -> None:
        self.state = NEIGHBOR_MOVES[self.state, move]

    def announce(self) -> None:
        """Note that everybody is told that it is new."""
        self.is_untold = False

    def give_up(self) -> None:
        """Expect nothing from it any more: it is gone."""
        self._move(NeighborMove.GIVEN_UP)
        self.outstanding = None

    def hear(self, now: float) -> None:
        """Note that it is there: an authentic packet of it came."""
        self.last_heard, self.refusal = now, None

    def refuse(self, reason: Reason) -> None:
        """Refuse a packet in its name that was not authentic.

        It may be forged: only silence of the true one ends the adjacency.
        """
        self.refusal = reason

    def hear_hello(self, packet: EigrpPacket, payload: bytes, hold_time: float) -> bool:
        """Note what a Hello says of its sender; returns whether it holds for a shorter time than the one before.

        A Sequence TLV says which routers the next conditional multicast is not for, RFC 7868 §6.7.3.
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
        """Forget its last Hello: the same octets prove nothing now."""
        self.hello = b""

    def take_after(self, before: Neighbor) -> None:
        """Note what is known of the router from before it started again."""
        self.hello, self.software, self.stub = before.hello, before.software, before.stub

    def greet_again(self) -> bool:
        """Return whether to greet it once more while it is pending. That is counted."""
        is_due = self.greeted_again < _GREETINGS_AGAIN
        self.greeted_again += is_due
        return is_due

    # Reliable transport, RFC 7868 §5.2 --------------------------------------------------------------------------

    def send(self, packet: EigrpPacket, now: float) -> EigrpPacket:
        """Expect the acknowledgment of a packet to it alone; returns the packet, with what we owe it."""
        self.interface.statistics.unicasts += 1
        self.expect(packet, now)
        return replace(packet, acknowledgment=self.pay())

    def expect(self, packet: EigrpPacket, now: float) -> None:
        """Expect the acknowledgment of a packet."""
        self.outstanding = Outstanding(packet, now)

    def repeat(self, outstanding: Outstanding) -> EigrpPacket:
        """Return what is sent again, and wait longer for its acknowledgment."""
        self.retransmissions += 1
        self.interface.statistics.retransmissions += 1
        self.rto = min(self.rto * _BACKOFF, MAXIMUM_RTO)
        return replace(outstanding.repeat(), acknowledgment=self.pay())

    def acknowledged(self, sequence: int, now: float) -> bool:
        """Note that it acknowledges this number; returns whether that is news."""
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
        """Note the number of its first packet (INIT): its numbers start here."""
        self.init_sequence = self.last_sequence = sequence

    def goes_on(self, now: float) -> bool:
        """Return whether a numbered packet that it sends to us alone goes on from a first one that we never had.

        We had it in another life, which acknowledged it, and which ended by a goodbye that came late: it never heard of
        that, and would send its table in vain until it gives up. What was on its way when this life began is no sign.
        """
        return self.init_sequence is None and now >= self.since + _ON_THE_WAY

    def is_next(self, sequence: int) -> bool:
        """Return whether a packet with this number is newer than the last one; then it is the last one."""
        ahead = (sequence - self.last_sequence) % SEQUENCE_SPACE
        if ahead == 0 or ahead >= SEQUENCE_SPACE // 2:
            self.interface.statistics.out_of_sequence += 1
            return False
        self.last_sequence = sequence
        return True

    def owe(self, sequence: int) -> None:
        """Note that this number is to be acknowledged."""
        self.acknowledge = sequence

    def pay(self, *, alone: bool = False) -> int:
        """Return the number that a packet acknowledges, 0: none. alone: the packet says nothing else."""
        sequence, self.acknowledge = self.acknowledge, 0
        if alone:
            self.interface.statistics.unicasts_unreliable += 1
        elif sequence:
            self.interface.statistics.acknowledgments_suppressed += 1
        return sequence


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
    scale: MetricScale
    settings: InterfaceSettings
    hello_timer: Timer
    flow_timer: Timer
    key_timer: Timer
    pacing_timer: Timer
    link: Vector = field(init=False)
    neighbors: dict[int, Neighbor] = field(default_factory=dict)
    busy: dict[Neighbor, None] = field(default_factory=dict)
    group: Group = field(default_factory=Group)
    hello: bytes | None = None
    greetings_paid: float = float("-inf")
    paced: float = float("-inf")
    held: dict[Neighbor, None] = field(default_factory=dict)
    listening: bool = False
    blocked: Reason | None = None
    srtt: float = 0.0
    statistics: Statistics = field(default_factory=Statistics)

    def __post_init__(self) -> None:
        self.link = self.scale.link(self.state)

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

    def configure(self, settings: InterfaceSettings) -> None:
        """Obey other lines; our Hello may say another thing."""
        self.settings = settings
        self.forget_hello()

    def update(self, state: InterfaceState) -> bool:
        """Note that the interface is like this now; returns whether the way over it costs something else."""
        before = self.link
        self.state, self.link = state, self.scale.link(state)
        return self.link != before

    def seal(self, obstacle: Reason | None) -> None:
        """Seal otherwise from now on, or (obstacle) not at all."""
        self.blocked = obstacle
        self.forget_hello()

    def listen(self) -> bool:
        """Hear the group where we speak, and only there; returns whether that is news."""
        before, self.listening = self.listening, self.speaks
        return self.listening is not before

    def enter(self, neighbor: Neighbor) -> None:
        """Note a new neighbor."""
        self.neighbors[int(neighbor.address)] = neighbor

    def leave(self, neighbor: Neighbor) -> None:
        """Forget a neighbor that is given up."""
        del self.neighbors[int(neighbor.address)]
        neighbor.give_up()

    def forget_hello(self) -> None:
        """Make the next Hello afresh: it may say another thing."""
        self.hello = None

    def said(self, hello: bytes | None) -> None:
        """Note that these octets were our Hello."""
        self.statistics.hellos += 1
        self.hello = hello

    def pay_greeting(self, due: float, price: float) -> None:
        """Pay for a Hello out of turn. due: when it is sent. price: seconds."""
        self.greetings_paid = max(self.greetings_paid, due) + price

    def count_answer(self) -> None:
        """Count a Hello out of turn that answers a new router."""
        self.statistics.hellos_expedited += 1

    def count_multicast(self, *, conditional: bool) -> None:
        """Count a multicast, and whether a Hello had to name those that it is not for."""
        self.statistics.multicasts += 1
        self.statistics.conditional += conditional

    def count_exception(self) -> None:
        """Count a multicast that goes to each neighbor alone."""
        self.statistics.exceptions += 1

    def mark(self, neighbor: Neighbor) -> bool:
        """Keep the list of those who are behind; returns whether that has just become empty."""
        if neighbor.is_up and not neighbor.is_idle:
            self.busy[neighbor] = None
            return False
        if neighbor not in self.busy:
            return False
        del self.busy[neighbor]
        return not self.busy

    def hold(self, neighbor: Neighbor) -> None:
        """Let a neighbor wait for some of EIGRP's share of the bandwidth."""
        self.held[neighbor] = None

    def release(self) -> dict[Neighbor, None]:
        """Return those that waited for it."""
        held, self.held = self.held, {}
        return held

    def forget(self, neighbor: Neighbor) -> None:
        """Forget that a neighbor is behind, because it is gone."""
        self.held.pop(neighbor, None)
        self.busy.pop(neighbor, None)

    def up_neighbors(self) -> list[Neighbor]:
        """Return the neighbors that take part in routing, in the order of their arrival."""
        return [neighbor for neighbor in self.neighbors.values() if neighbor.is_up]

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
