"""A neighbor, RFC 7868 §5.3: another router of the same autonomous system on one of our interfaces.

It is *pending* from its first Hello until it acknowledges our first packet (Update with flag INIT); then both ways are
known to work, it is *up*, and is sent the whole table. What a neighbor still has to be told waits in its `Backlog`
as bare prefixes; the packet is made when its turn comes, so it always says how things are then.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.reasons import Reason
    from dmvpn.features.eigrp.context import Timer
    from dmvpn.features.eigrp.interface import EigrpInterface
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
        """Seconds until it is given up if nothing comes."""
        return self.last_heard + self.hold_time - now

    def measure(self, round_trip: float) -> None:
        """Note the time between a packet and its acknowledgment, seconds."""
        self.srtt = 0.8 * self.srtt + 0.2 * round_trip if self.srtt else round_trip
        self.rto = min(max(6 * self.srtt, MINIMUM_RTO), MAXIMUM_RTO)
