"""An update group: neighbors of equal outward policy share one Adj-RIB-Out and one stream of UPDATEs.

    pending ──> look ──> told (Adj-RIB-Out), and a batch of changes ──> the feed of each member ──> its session

A member that joins late is fed the whole table, put into octets once for all who join soon after each other. One that
does not read has a longer feed; when that gets longer than the table, its changes are put together into fewer.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.features.bgp.batches import Batch, Change, Chunk, Mark, heard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import Prefix
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.batches import Told
    from dmvpn.features.bgp.outbound import Audience
    from dmvpn.features.bgp.session import Session

#: Prefixes that are looked at in one go: some milliseconds, in which nothing else can happen.
SLICE: Final = 400


class Feed:
    """What one neighbor is still to be sent, in order.

    refreshed: when it was fed everything again, seconds monotonic. length: prefixes. is_blocked: it does not read.
    """

    def __init__(self, peer: IPv4Address) -> None:
        self.peer = peer
        self.refreshed = float("-inf")
        self.length = 0
        self.is_blocked = False
        self._items: deque[Batch | Mark] = deque()
        self._chunks: deque[Chunk] = deque()

    @property
    def is_empty(self) -> bool:
        """Has it been sent everything?"""
        return not self._items and not self._chunks

    def add(self, items: Iterable[Batch | Mark]) -> None:
        """Queue these for it, too."""
        for one in items:
            self._items.append(one)
            self.length += len(one.changes) if isinstance(one, Batch) else 0

    def clear(self) -> None:
        """Forget everything, because the session is over."""
        self._items.clear()
        self._chunks.clear()
        self.length = 0

    def pour(self, session: Session, most: int, now: float) -> int:
        """Send what the session has room for, until it has cost so much; returns what it cost (see `Batch.cost`)."""
        self.is_blocked = False
        spent = 0
        while spent < most:
            spent += self._open()
            if not self._chunks:
                break
            if len(self._chunks[0].octets) > session.room:
                self.is_blocked = True
                break
            chunk = self._chunks.popleft()
            session.send_updates(chunk.octets, chunk.updates, now)
            spent += 1
        return spent

    def _open(self) -> int:
        """Put what is next into octets, unless there are some; returns what that cost."""
        cost = 0
        while not self._chunks and self._items:
            item = self._items.popleft()
            if isinstance(item, Mark):
                self._chunks.append(Chunk(item.octets, int(item.ends_table)))
            else:
                self.length -= len(item.changes)
                cost += item.cost(self.peer)
                self._chunks.extend(item.chunks(self.peer))
        return cost

    def shorten(self, local: IPv4Address, remake: Callable[[Iterable[Change]], list[Batch]]) -> None:
        """Put all changes of a prefix together into one. What a refresh tells anyway is told anyway.

        Of several refreshes one is left: after a second mark that one begins, a neighbor would forget at its end what
        was told between the first two (RFC 7313 §4.1).
        """
        changes: dict[Prefix, list[Change]] = {}
        for item in self._items:
            for change in item.changes if isinstance(item, Batch) else ():
                changes.setdefault(change.prefix, []).append(change)
        every = [item for item in self._items if isinstance(item, Mark)]
        marks = [mark for mark in every if not mark.ends_table]
        ends = [mark for mark in every if mark.ends_table]
        merged = remake(_merged(self.peer, local, steps) for steps in changes.values())
        self._items.clear()
        self.length = 0
        begun = len(marks) % 2  # the beginning of the first one was sent already
        self.add((*marks[: 1 - begun], *merged, *marks[-1:], *ends))


def _merged(peer: IPv4Address, local: IPv4Address, steps: list[Change]) -> Change:
    """Return what comes to the same for this peer as all these changes of one prefix."""
    prefix, before, _ = steps[0]
    after = steps[-1].after
    if heard(after, peer, local) is None:
        known = (told for step in steps for told in step[1:] if heard(told, peer, local) is not None)
        return Change(prefix, next(known, None), None)
    return Change(prefix, before if all(step.before for step in steps) else None, after)


class Group:
    """number: of the group, in the order in which they came to be. pending: prefixes that are to be looked at; waiting:
    those that have been, and are announced at `announce_at`. hungry: feeds that are not empty, of whoever reads.
    feeds: of all members but those that come from another group while something is pending.
    """

    def __init__(self, number: int, audience: Audience) -> None:
        self.number = number
        self.audience = audience
        self.told: dict[Prefix, Told] = {}
        self.pending: dict[Prefix, None] = {}
        self.waiting: dict[Prefix, None] = {}
        self.announce_at = float("-inf")
        self.feeds: dict[IPv4Address, Feed] = {}
        self.hungry: dict[IPv4Address, Feed] = {}
        self._arriving: dict[IPv4Address, tuple[Feed, Mapping[Prefix, Told]]] = {}
        self._is_lent = False  # somebody remembers `told` as it is
        self._by_source: dict[IPv4Address, int] = {}
        self._is_announcing = False  # something of what is being told was announced
        self._table: list[Batch] = []  # what somebody who joins is fed
        self._changed_since = 0
        self._is_table_made = False

    def advertised(self, peer: IPv4Address) -> Iterator[tuple[Prefix, Attributes]]:
        """Yield what a member is told (Adj-RIB-Out), its feed included."""
        for prefix, told in self.told.items():
            attributes = heard(told, peer, self.audience.local)
            if attributes is not None:
                yield prefix, attributes

    def count(self, peer: IPv4Address) -> int:
        """Return how many prefixes a member is told."""
        return len(self.told) - self._by_source.get(peer, 0)

    @property
    def members(self) -> list[IPv4Address]:
        """Who is in it."""
        return sorted([*self.feeds, *self._arriving])

    @property
    def is_empty(self) -> bool:
        """Is nobody in it?"""
        return not self.feeds and not self._arriving

    # ---------------------------------------------------------------------------------------------------- members

    def join(self, feed: Feed) -> None:
        """Let somebody hear everything, and all that changes from now on."""
        self.feeds[feed.peer] = feed
        self.feed(feed, self._whole_table())

    def move(self, feed: Feed, told: Mapping[Prefix, Told], now: float) -> None:
        """Let somebody who was told this in another group hear the difference, as soon as it is known."""
        self._arriving[feed.peer] = feed, told
        self.announce_at = now
        if not self.pending:
            self._admit()

    def leave(self, peer: IPv4Address) -> Mapping[Prefix, Told]:
        """Remove somebody who is no member any more. Returns what it was told."""
        self.hungry.pop(peer, None)
        arriving = self._arriving.pop(peer, None)
        if arriving is not None:
            return arriving[1]
        del self.feeds[peer]
        self._is_lent = True
        return self.told

    def feed(self, feed: Feed, items: Iterable[Batch | Mark]) -> None:
        """Send a member something. A feed that gets longer than the table is shortened."""
        feed.add(items)
        if feed.length > 2 * len(self.told) + 8 * SLICE:
            feed.shorten(self.audience.local, self._batches)
        if not feed.is_empty:
            self.hungry[feed.peer] = feed

    def repeat(self, feed: Feed, begin: Iterable[Mark], end: Iterable[Mark]) -> None:
        """Let a member hear everything again that it was told."""
        if self._changed_since:
            self._is_table_made = False
        self.feed(feed, (*begin, *self._whole_table(), *end))

    def _admit(self) -> None:
        """Let those that came from other groups hear the difference now."""
        made: dict[int, list[Batch]] = {}
        arriving, self._arriving = self._arriving, {}
        for feed, told in arriving.values():
            if id(told) not in made:
                made[id(told)] = self._batches(_difference(told, self.told))
            self.feeds[feed.peer] = feed
            self.feed(feed, made[id(told)])

    # ---------------------------------------------------------------------------------------------------- changes

    def touch(self, prefixes: Iterable[Prefix]) -> None:
        """Note that these are to be looked at."""
        self.pending.update(dict.fromkeys(prefixes))

    def look(
        self, judge: Callable[[Prefix], Told | None], now: float, trace: Callable[[list[Change]], None] | None = None
    ) -> None:
        """Look at some of what is pending. Withdrawals go at once, announcements not before `announce_at`.

        trace: is told what changes.
        """
        may_announce = now >= self.announce_at
        if may_announce and self.waiting:
            self.pending = {**self.waiting, **self.pending}
            self.waiting.clear()
        changes: list[Change] = []
        for prefix in list(islice(self.pending, SLICE)):
            del self.pending[prefix]
            self.waiting.pop(prefix, None)
            before, after = self.told.get(prefix), judge(prefix)
            if before is after or before == after:
                continue
            if after is not None and not may_announce:
                self.waiting[prefix] = None
                continue
            self._is_announcing |= after is not None
            self._set(prefix, before, after)
            changes.append(Change(prefix, before, after))
        if changes and trace is not None:
            trace(changes)
        if changes:
            self._tell(self._batches(changes), len(changes))
        if self.pending:
            return  # what was begun is told to its end, whatever the interval
        if self._is_announcing:
            self._is_announcing = False
            self.announce_at = now + self.audience.interval
        self._admit()

    def _set(self, prefix: Prefix, before: Told | None, after: Told | None) -> None:
        if self._is_lent:
            self.told, self._is_lent = dict(self.told), False
        if before is not None:
            self._by_source[before.source] -= 1
        if after is None:
            del self.told[prefix]
        else:
            self.told[prefix] = after
            self._by_source[after.source] = self._by_source.get(after.source, 0) + 1

    def _tell(self, batches: list[Batch], changes: int) -> None:
        for feed in self.feeds.values():
            self.feed(feed, batches)
        if not self._is_table_made:
            return
        self._table += batches
        self._changed_since += changes
        if self._changed_since > len(self.told) // 2 + SLICE:
            self._table, self._is_table_made = [], False

    def _whole_table(self) -> list[Batch]:
        if not self._is_table_made:
            self._table = self._batches(Change(prefix, None, told) for prefix, told in self.told.items())
            self._changed_since, self._is_table_made = 0, True
        return self._table

    def _batches(self, changes: Iterable[Change]) -> list[Batch]:
        every = list(changes)
        local, wide = self.audience.local, self.audience.wide
        return [Batch(every[at : at + SLICE], local, wide=wide) for at in range(0, len(every), SLICE)]


def _difference(old: Mapping[Prefix, Told], new: Mapping[Prefix, Told]) -> Iterator[Change]:
    for prefix in {**old, **new}:
        before, after = old.get(prefix), new.get(prefix)
        if before is not after and before != after:
            yield Change(prefix, before, after)
