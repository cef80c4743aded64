"""One process on one interface: its neighbors, and what they have been told together.

Neighbors with nothing outstanding form the group that is told by multicast. `told` is what the group knows of each
destination: an update goes out only if that changes. Prefixes wait in `updates` and `queries` until the group is ready.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.metric import Vector, link_vector
from dmvpn.features.eigrp.translate import WITHDRAWN, Advert

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.notices import InterfaceState
    from dmvpn.base.reasons import Reason
    from dmvpn.features.eigrp.context import Timer
    from dmvpn.features.eigrp.model import InterfaceSettings
    from dmvpn.features.eigrp.neighbor import Neighbor

#: In `told`: not everybody knows the same. Equal to no advert.
UNCERTAIN: Final = Advert(Vector(-1, -1, -1))

#: Seconds that a multicast waits for neighbors that are behind: bounds, and the value before anything was measured.
_MINIMUM_FLOW, _INITIAL_FLOW, _MAXIMUM_FLOW = 0.05, 1.0, 2.0
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
    """

    name: str
    state: InterfaceState
    settings: InterfaceSettings
    hello_timer: Timer
    flow_timer: Timer
    link: Vector = field(init=False)
    neighbors: dict[int, Neighbor] = field(default_factory=dict)
    busy: dict[Neighbor, None] = field(default_factory=dict)
    told: dict[Prefix, Advert] = field(default_factory=dict)
    updates: dict[Prefix, None] = field(default_factory=dict)
    queries: dict[Prefix, None] = field(default_factory=dict)
    hello: bytes | None = None
    greetings_paid: float = float("-inf")
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
        """Is it an address of a subnet of this interface, and not our own?"""
        prefix = self.state.prefix
        return prefix is not None and address in prefix and address != self.state.address

    def up_neighbors(self) -> list[Neighbor]:
        """The neighbors that take part in routing, in the order of their arrival."""
        return [neighbor for neighbor in self.neighbors.values() if neighbor.is_up]

    def advert_told(self, prefix: Prefix) -> Advert:
        """What the group knows about a prefix."""
        return self.told.get(prefix, WITHDRAWN)

    def note_told(self, prefix: Prefix, advert: Advert) -> None:
        """The whole group knows this now."""
        if advert.metric is None:
            self.told.pop(prefix, None)
        else:
            self.told[prefix] = advert

    def forget_group(self) -> None:
        """Nobody is left who knows anything."""
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
        """How long a full packet takes at the share of the bandwidth that EIGRP may use, milliseconds. Shown only."""
        rate = self.state.bandwidth * self.settings.bandwidth_percent // 100
        return _RELIABLE_PACKET_BITS // max(rate, 1)


def link_of(state: InterfaceState) -> Vector:
    """What the way over an interface costs."""
    return link_vector(state.bandwidth, state.delay, state.ip_mtu)
