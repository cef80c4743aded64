"""The send queue of one neighbor: its position in the stream of its update group.

    in step     batches of the group, shared with all members at the same position
    behind      the neighbor did not read while too many changes came: the batches are dropped, and only the number of
                the last change sent is kept. When the neighbor reads again, the changes since then are sent in slices
                (`changelog`).

So any number of neighbors that do not read cost one number each, and the group does no work for them per change.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from dmvpn.features.bgp.updates import Batch, Chunk, Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.session import Session


class Feed:
    """The send queue of one neighbor, in order.

    refreshed: when the whole table was last repeated, seconds monotonic. length: an upper bound of the prefixes queued.
    is_blocked: the session has no room. behind: the number of the last change sent; None: the neighbor is in step.
    """

    def __init__(self, peer: IPv4Address) -> None:
        self.peer = peer
        self.refreshed = float("-inf")
        self.length = 0
        self.is_blocked = False
        self.behind: int | None = None
        self._items: deque[Batch | Mark] = deque()
        self._kept = 0  # how many items belong to a former group, whose changes are not in this log
        self._since: float | None = None  # the last change before all batches of this group; None: to be computed
        self._last: list[Mark] = []  # sent when the neighbor is in step again
        self._chunks: deque[Chunk] = deque()

    @property
    def is_empty(self) -> bool:
        """Return whether everything has been sent to the neighbor."""
        return not self._items and not self._chunks and self.behind is None

    def add(self, items: Iterable[Batch | Mark]) -> None:
        """Queue these if the neighbor is in step; otherwise it gets the changes later from the log."""
        if self.behind is None:
            for one in items:
                self._items.append(one)
                if isinstance(one, Batch):
                    self.length += len(one.changes)
                    self._since = min(self._since, one.since) if self._since is not None else None

    def clear(self) -> None:
        """Discard everything because the session is over."""
        self._items.clear()
        self._chunks.clear()
        self._last.clear()
        self._since = None
        self.length, self.behind, self._kept = 0, None, 0

    def keep(self) -> None:
        """Protect the current items from `fall_behind`: they belong to another group than the following ones."""
        self._kept, self._since = len(self._items), None

    def follow(self, number: int) -> None:
        """Record that changes up to this number are queued, while the neighbor is behind."""
        self.behind = number

    def position(self, latest: int) -> int:
        """Return the number of the last change that was certainly sent. latest: the last number of the group."""
        if self.behind is not None:
            return self.behind
        if self._since is None:
            own = (item for number, item in enumerate(self._items) if number >= self._kept and isinstance(item, Batch))
            self._since = min((one.since for one in own), default=inf)
        return int(min(self._since, latest))

    def fall_behind(self, latest: int) -> None:
        """Drop the batches, but keep the marks of a refresh around them.

        Only one of several refreshes is kept: if a second begin mark followed, the neighbor would discard at the end
        the routes that were sent between the two (RFC 7313 §4.1). The refresh that is kept sends the whole table.
        """
        position = self.position(latest)
        items = list(self._items)
        dropped = items[self._kept :]
        marks = [item for item in dropped if isinstance(item, Mark)]
        begun = len(marks) % 2  # the begin mark of the first refresh was sent already
        self.behind = 0 if marks else position
        self._items, self._since = deque((*items[: self._kept], *marks[: 1 - begun])), None
        self._last = marks[-1:]
        self.length -= sum(len(item.changes) for item in dropped if isinstance(item, Batch))

    def refresh(self, begin: Iterable[Mark], end: Iterable[Mark]) -> None:
        """Repeat the whole table to a neighbor that is behind."""
        self.behind = 0
        if not self._last:
            self._items += begin
            self._last = list(end)

    def catch_up(self, batches: Iterable[Batch]) -> None:
        """Return to the stream of the group, after these batches."""
        self.behind = None
        self.add((*batches, *self._last))
        self._last = []

    def pour(self, session: Session, most: int, more: Callable[[Feed], Batch | None]) -> int:
        """Send as much as the session has room for, up to a cost of `most`; returns the cost (see `Batch.cost`).

        more: returns the next changes of a neighbor that is behind, and advances its number; None: it is in step again.
        """
        self.is_blocked = False
        spent = 0
        while spent < most:
            spent += self._open(more)
            if not self._chunks:
                break
            if len(self._chunks[0].octets) > session.room:
                self.is_blocked = True
                break
            chunk = self._chunks.popleft()
            session.send_updates(chunk.octets, chunk.updates)
            spent += 1
        return spent

    def _open(self, more: Callable[[Feed], Batch | None]) -> int:
        """Encode the next item if nothing is encoded; returns the cost."""
        cost = 0
        while not self._chunks and not self.is_empty:
            if not self._items:
                batch = more(self)
                if batch is None:
                    self.catch_up(())
                    continue
                self._items.append(batch)
                self.length += len(batch.changes)
            item = self._items.popleft()
            self._kept, self._since = max(0, self._kept - 1), None
            if isinstance(item, Mark):
                self._chunks.append(Chunk(item.octets, 0))
            else:
                self.length -= len(item.changes)
                cost += item.cost(self.peer)
                self._chunks.extend(item.chunks(self.peer))
        return cost
