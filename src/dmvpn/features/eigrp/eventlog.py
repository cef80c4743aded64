"""The last events of a process, for `show ip eigrp events`: those of DUAL, and neighbors that came up or went down.

An event is stored as values, which are formatted only when shown.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.context import Context


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
        self._events: deque[PastEvent] = deque(maxlen=size)

    def resize(self, size: int) -> None:
        """Keep this many events from now on."""
        if size != self._events.maxlen:
            self._events = deque(self._events, maxlen=size)

    def clear(self) -> None:
        """Remove all events."""
        self._events.clear()

    def note(self, kind: EventKind, *values: Prefix | IPAddress | int | str) -> None:
        """Record an event."""
        self._events.append(PastEvent(self._context.now, kind, values))

    def newest_first(self) -> Iterator[PastEvent]:
        """Yield the stored events."""
        return reversed(tuple(self._events))
