"""The last events of a process, for `show ip eigrp events`: what DUAL did, and which neighbors came and went.

An event is noted as the values that it is about; they become text when somebody asks.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.context import Context

#: Events that are kept: IOS's number, and more than anybody reads.
DEFAULT_SIZE: Final = 500
LARGEST_SIZE: Final = 100_000


class EventKind(enum.Enum):
    """What happened, in IOS's words where it has some; `show ip eigrp events` puts the values behind it."""

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
    """The events of one process, the last ones."""

    def __init__(self, context: Context, size: int) -> None:
        self._context = context
        self._events: deque[PastEvent] = deque(maxlen=size)

    def resize(self, size: int) -> None:
        """Keep so many from now on."""
        if size != self._events.maxlen:
            self._events = deque(self._events, maxlen=size)

    def clear(self) -> None:
        """Forget everything."""
        self._events.clear()

    def note(self, kind: EventKind, *values: Prefix | IPAddress | int | str) -> None:
        """Note an event of this moment."""
        self._events.append(PastEvent(self._context.now, kind, values))

    def newest_first(self) -> Iterator[PastEvent]:
        """Yield what is kept."""
        return reversed(tuple(self._events))
