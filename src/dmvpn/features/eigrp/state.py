"""State shared by the parts of an EIGRP process: configuration, router ID, interfaces, and the context of the current
event.

The state calls no part. Each field has one writer: `machine.py` the configuration and the tables, `links.py` interfaces
and router ID.

    Neighborhood    neighbors by state: pending, up, or leaving; and which of them DUAL may query
    EventLog        the last events, for `show ip eigrp events`: those of DUAL, and neighbors that came up or went down;
                    stored as values, which are formatted only when shown
    PacketCounts    for `show ip eigrp traffic`
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from heapq import heappop, heappush
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.context import Context
from dmvpn.base.values import Mutable
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.model import EigrpConfig, ProcessSettings
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode
from dmvpn.features.eigrp.topology import Destination, PathSource

# ------------------------------------------------------------------------------------------------ the last events


class EventKind(enum.Enum):
    """The kind of an event, in IOS's words where it has some; `show ip eigrp events` appends the values."""

    NEIGHBOR_UP = "Peer up"
    NEIGHBOR_DOWN = "Peer down"
    METRIC = "Metric set"
    GONE = "NDB delete"
    ACTIVE = "Active net/peers"
    STUCK = "Stuck in active"


class PastEvent(NamedTuple):
    """An event. when: seconds, monotonic. values: a prefix and a metric, a neighbor and its interface, ..."""

    when: float
    kind: EventKind
    values: tuple[object, ...]


class EventLog:
    """The last events of one process."""

    def __init__(self, context: Context, size: int) -> None:
        self._context = context
        self._size = size
        self._events: list[PastEvent] = []

    def resize(self, size: int) -> None:
        """Keep this many events from now on."""
        self._size = size
        self._trim()

    def clear(self) -> None:
        """Remove all events."""
        self._events.clear()

    def note(self, kind: EventKind, *values: Prefix | IPAddress | int | str) -> None:
        """Record an event."""
        self._events.append(PastEvent(self._context.now, kind, values))
        self._trim()

    def _trim(self) -> None:
        if len(self._events) > self._size:
            del self._events[: len(self._events) - self._size]

    def newest_first(self) -> Iterator[PastEvent]:
        """Yield the stored events."""
        return reversed(tuple(self._events))


# ------------------------------------------------------------------------------------------------ packet counters


class PacketCounts(Mutable):
    """Packets of a process by opcode, and dropped ones by reason. An acknowledgment counts as `Opcode.ACK`."""

    sent: Counter[int] = field(default_factory=Counter)
    received: Counter[int] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def send(self, packet: EigrpPacket) -> None:
        """Count a packet that is sent."""
        self.sent[_kind(packet)] += 1

    def send_again(self) -> None:
        """Count a Hello that is sent again unchanged."""
        self.sent[Opcode.HELLO] += 1

    def receive(self, packet: EigrpPacket) -> None:
        """Count a packet that is accepted."""
        self.received[_kind(packet)] += 1

    def hear_again(self) -> None:
        """Count a received Hello that repeats the last one."""
        self.received[Opcode.HELLO] += 1

    def drop(self, why: str) -> None:
        """Count a packet that is dropped."""
        self.dropped[why] += 1


def _kind(packet: EigrpPacket) -> int:
    return Opcode.ACK if packet.is_acknowledgment else packet.opcode


# ------------------------------------------------------------------------------------------------ the state


class State(Mutable):
    """The state of one process.

    config: of the router, with its key chains.
    tables: the topology tables of all processes of the router, by autonomous system.
    router_id: our router ID, in routes that we originate.
    interfaces: by name, the interfaces that the process runs on.
    traces_dual: `debug eigrp fsm` is on.
    is_over: the process ends; its tables are not used any more.
    """

    context: Context
    settings: ProcessSettings
    config: EigrpConfig
    tables: Mapping[int, Mapping[Prefix, Destination]]
    log: EventLog
    traffic: PacketCounts
    router_id: IPv4Address = UNSPECIFIED
    interfaces: dict[str, EigrpInterface] = field(default_factory=dict)
    traces_dual: bool = False
    is_over: bool = False

    @property
    def autonomous_system(self) -> int:
        """Its number."""
        return self.settings.autonomous_system

    @property
    def title(self) -> str:
        """Its family and number, as messages name it: "EIGRP-IPv4 100"."""
        return f"{self.settings.family.name} {self.settings.autonomous_system}"


# ------------------------------------------------------------------------------------------------ neighbors by state


#: Maximum neighbors of one process. Senders can be forged, and each is greeted until it answers or a limit is reached.
MOST_NEIGHBORS: Final = 10_000


class Neighborhood:
    """The neighbors of one process.

    up: the neighbors that take part in routing, by their source of paths.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.up: dict[PathSource, Neighbor] = {}
        #: In order of arrival.
        self._pending: dict[Neighbor, None] = {}
        self._leaving: dict[PathSource, Neighbor] = {}
        self._free_handles: list[int] = []
        self._handles = 0

    @property
    def most(self) -> int:
        """How many neighbors there may be."""
        return MOST_NEIGHBORS

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another neighbor."""
        return self._handles - len(self._free_handles) >= self.most

    def all(self) -> list[Neighbor]:
        """Return the neighbors on all interfaces, in order of their handles."""
        found = [each for interface in self._state.interfaces.values() for each in interface.neighbors.values()]
        return sorted(found, key=lambda neighbor: neighbor.handle)

    def longest_pending(self) -> Neighbor | None:
        """Return the neighbor that has been pending for longest."""
        return next(iter(self._pending), None)

    def take_handle(self) -> int:
        """Return the handle of a new neighbor: the smallest free one."""
        if self._free_handles:
            return heappop(self._free_handles)
        handle, self._handles = self._handles, self._handles + 1
        return handle

    def enter(self, neighbor: Neighbor) -> None:
        """Add a new, pending neighbor."""
        neighbor.interface.enter(neighbor)
        self._pending[neighbor] = None

    def come_up(self, neighbor: Neighbor) -> None:
        """Note that a neighbor takes part in routing from now on."""
        del self._pending[neighbor]
        self.up[neighbor.source] = neighbor

    def leave(self, neighbor: Neighbor) -> None:
        """Note that a neighbor is given up: it is no longer queried."""
        neighbor.interface.leave(neighbor)
        self._pending.pop(neighbor, None)
        if self.up.pop(neighbor.source, None) is not None:
            self._leaving[neighbor.source] = neighbor

    def free_handle(self, neighbor: Neighbor) -> None:
        """Free the handle of a neighbor that has left."""
        heappush(self._free_handles, neighbor.handle)

    def forget_neighbor(self, neighbor: Neighbor) -> bool:
        """Forget a neighbor that has left. Returns whether it took part in routing."""
        return self._leaving.pop(neighbor.source, None) is not None

    def audience(self, prefix: Prefix, reported_by: PathSource | None) -> list[PathSource]:
        """Return the neighbors to query, in a fixed order: all except stubs.

        reported_by: the successor whose message caused the query. Split horizon omits its interface (RFC 7868 §5.4.2),
        except neighbors there that may believe that they reach the prefix through us.
        """
        spared = self._state.interfaces.get(reported_by.interface) if reported_by else None
        if spared is not None and (not spared.settings.split_horizon or prefix in spared.group.advertised):
            spared = None
        return [
            source
            for source, neighbor in self.up.items()
            if not neighbor.is_stub and not (neighbor.interface is spared and neighbor.is_idle)
        ]
