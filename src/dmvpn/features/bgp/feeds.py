"""What one neighbor is still to be sent: its place in the stream of its update group.

    in step     batches that the group has told, shared with all who are as far
    behind      it does not read, and too much has come: the batches are dropped, and a number is left, of the last
                change that it was sent. When it reads again it is told what changed since (`changelog`), in slices.

So one that does not read costs a number, however many there are, and its group nothing for each change.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING

from dmvpn.features.bgp.batches import Batch, Chunk, Mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.session import Session


class Feed:
    """What one neighbor is still to be sent, in order.

    refreshed: when it was fed everything again, seconds monotonic. length: prefixes, at most. is_blocked: it does not
    read. behind: the last change that it was sent, None: it is in step.
    """

    def __init__(self, peer: IPv4Address) -> None:
        self.peer = peer
        self.refreshed = float("-inf")
        self.length = 0
        self.is_blocked = False
        self.behind: int | None = None
        self._items: deque[Batch | Mark] = deque()
        self._kept = 0  # of the items: those of a former group, which are in no log of this one
        self._since: float | None = None  # the last change before all batches of this group; None: to be looked for
        self._last: list[Mark] = []  # sent when it is in step again
        self._chunks: deque[Chunk] = deque()

    @property
    def is_empty(self) -> bool:
        """Return whether the neighbor has been sent everything."""
        return not self._items and not self._chunks and self.behind is None

    def add(self, items: Iterable[Batch | Mark]) -> None:
        """Queue these for a neighbor that is in step; one that is behind gets them later."""
        if self.behind is None:
            for one in items:
                self._items.append(one)
                if isinstance(one, Batch):
                    self.length += len(one.changes)
                    self._since = min(self._since, one.since) if self._since is not None else None

    def clear(self) -> None:
        """Forget everything: the session is over."""
        self._items.clear()
        self._chunks.clear()
        self._last.clear()
        self._since = None
        self.length, self.behind, self._kept = 0, None, 0

    def keep(self) -> None:
        """Never drop what there is now: it belongs to another group than what comes."""
        self._kept, self._since = len(self._items), None

    def follow(self, number: int) -> None:
        """Note that it gets what changed up to this number, while it is behind."""
        self.behind = number

    def position(self, latest: int) -> int:
        """Return the last change that it was sent for sure. latest: of all changes."""
        if self.behind is not None:
            return self.behind
        if self._since is None:
            own = (item for number, item in enumerate(self._items) if number >= self._kept and isinstance(item, Batch))
            self._since = min((one.since for one in own), default=inf)
        return int(min(self._since, latest))

    def fall_behind(self, latest: int) -> None:
        """Drop the batches, but for the marks of refreshes around them.

        Of several refreshes one is left: after a second mark that one begins, a neighbor would forget at its end what
        was told between the first two (RFC 7313 §4.1). The refresh that is left tells everything.
        """
        position = self.position(latest)
        items = list(self._items)
        dropped = items[self._kept :]
        marks = [item for item in dropped if isinstance(item, Mark)]
        begun = len(marks) % 2  # the beginning of the first one was sent already
        self.behind = 0 if marks else position
        self._items, self._since = deque((*items[: self._kept], *marks[: 1 - begun])), None
        self._last = marks[-1:]
        self.length -= sum(len(item.changes) for item in dropped if isinstance(item, Batch))

    def refresh(self, begin: Iterable[Mark], end: Iterable[Mark]) -> None:
        """Let one that is behind hear everything."""
        self.behind = 0
        if not self._last:
            self._items += begin
            self._last = list(end)

    def catch_up(self, batches: Iterable[Batch]) -> None:
        """Be in step again, with these before anything else."""
        self.behind = None
        self.add((*batches, *self._last))
        self._last = []

    def pour(self, session: Session, most: int, now: float, more: Callable[[Feed], Batch | None]) -> int:
        """Send what the session has room for, until it has cost so much; returns what it cost (see `Batch.cost`).

        more: what comes next for one that is behind, and moves its number; None: it is in step.
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
            session.send_updates(chunk.octets, chunk.updates, now)
            spent += 1
        return spent

    def _open(self, more: Callable[[Feed], Batch | None]) -> int:
        """Put what is next into octets, unless there are some; returns what that cost."""
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
