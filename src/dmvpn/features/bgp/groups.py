"""An update group: neighbors of equal outbound policy share one Adj-RIB-Out and one stream of UPDATEs.

    pending ──> look ──> Adj-RIB-Out, and a batch of changes ──> the send queue of each member ──> its session

A member that joins late gets the whole table, encoded once for all that join at about the same time. A member that does
not read falls behind (`updates`) and leaves the stream until it reads again. Withdrawals are kept for it meanwhile, up
to a bound; if more would have to be kept, its session ends.

`ChangeLog` has the latest changes, in order, for members that fell behind. Each change has a number. Only the last
change of a prefix is kept, so the log is as long as the table, and a withdrawn prefix stays in it until every neighbor
has received the withdrawal. Prefixes are stored in pages of consecutive numbers, oldest first, so that no operation
visits all of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.features.bgp.attributes import Attributes
from dmvpn.features.bgp.output import Audience
from dmvpn.features.bgp.packet import Nlri
from dmvpn.features.bgp.updates import AdvertisedRoute, Batch, Mark, RouteToSend, SendQueue, attributes_for

# ------------------------------------------------------------------------------------------------ the latest changes


#: Change numbers in a page.
PAGE: Final = 512
#: Withdrawn prefixes that are removed in one call.
AT_ONCE: Final = 1600


class ChangeLog:
    """latest: the number of the last change; 0: there was none."""

    def __init__(self) -> None:
        self.latest = 0
        self._last: dict[Nlri, int] = {}
        self._withdrawn: dict[Nlri, int] = {}  # oldest first
        self._pages: dict[int, dict[Nlri, None]] = {}  # no page is empty
        self._order: list[int] = []  # page numbers, ascending

    def __len__(self) -> int:
        return len(self._last)

    @property
    def withdrawn(self) -> int:
        """Return how many prefixes are kept only because they were withdrawn."""
        return len(self._withdrawn)

    def note(self, prefix: Nlri, *, is_withdrawn: bool) -> None:
        """Record a change of a prefix."""
        self._forget(prefix)
        self.latest += 1
        number = self._last[prefix] = self.latest
        if is_withdrawn:
            self._withdrawn[prefix] = number
        page = self._pages.get(number // PAGE)
        if page is None:
            page = self._pages[number // PAGE] = {}
            self._order.append(number // PAGE)
        page[prefix] = None

    def after(self, number: int, most: int) -> tuple[list[Nlri], int]:
        """Return up to `most` prefixes that changed after this number, oldest first, and the number up to which they
        reach.
        """
        found: list[Nlri] = []
        for place in range(bisect_left(self._order, number // PAGE), len(self._order)):
            for prefix in self._pages[self._order[place]]:
                if self._last[prefix] <= number:
                    continue
                if len(found) == most:
                    return found, self._last[found[-1]]
                found.append(prefix)
        return found, self.latest

    def tidy(self, received: int) -> None:
        """Remove some of the withdrawn prefixes up to a number that all neighbors have received."""
        for prefix, number in list(islice(self._withdrawn.items(), AT_ONCE)):
            if number > received:
                break
            self._forget(prefix)

    def oldest_of(self, last: int) -> int:
        """Return the number of the oldest entry among the last `last` ones; 0: there are fewer."""
        for place in reversed(self._order):
            page = self._pages[place]
            if len(page) >= last:
                return self._last[next(islice(page, len(page) - last, None))]
            last -= len(page)
        return 0

    def _forget(self, prefix: Nlri) -> None:
        number = self._last.pop(prefix, None)
        if number is None:
            return
        self._withdrawn.pop(prefix, None)
        place = number // PAGE
        page = self._pages[place]
        del page[prefix]
        if not page:
            del self._pages[place], self._order[bisect_left(self._order, place)]


# ------------------------------------------------------------------------------------------------ update groups


#: Prefixes processed at once: some milliseconds, in which no other event is handled.
SLICE: Final = 400
#: Prefixes that may be queued for one member before it falls behind: so many tables, plus so many prefixes. Twice that
#: surplus of withdrawn prefixes is kept for members that are behind.
TABLES: Final = 2
BESIDES: Final = 8 * SLICE
#: The unknown earlier state of a prefix for a member that is behind: the prefix is advertised or withdrawn in any case.
_SOMETHING: Final = AdvertisedRoute(Attributes(next_hop=UNSPECIFIED), UNSPECIFIED)


class UpdateGroup:
    """number: in order of creation. pending: prefixes to process; waiting: processed prefixes that are announced at
    `announce_at`. queues: of all members, except members moving here from another group while prefixes are pending.
    sending: queues with something to send, of members that read. lost: members that are too far behind.
    """

    def __init__(self, number: int, audience: Audience) -> None:
        self.number = number
        self.audience = audience
        self.adj_rib_out: dict[Nlri, AdvertisedRoute] = {}
        self._several: dict[Prefix, dict[Nlri, None]] = {}  # advertised paths of a prefix, if paths have identifiers
        self.pending: dict[Prefix, None] = {}
        self.waiting: dict[Prefix, None] = {}
        self.announce_at = float("-inf")
        self.queues: dict[IPAddress, SendQueue] = {}
        self.sending: OrderedDict[IPAddress, SendQueue] = OrderedDict()
        self._arriving: dict[IPAddress, tuple[SendQueue, Mapping[Nlri, AdvertisedRoute]]] = {}
        self._is_lent = False  # a member that left keeps a reference to `adj_rib_out`
        #: Routes of the Adj-RIB-Out by sender, as of this change: counted at need.
        self._by_source, self._counted = Counter[IPAddress](), 0
        self._is_announcing = False  # the current round announced a route
        self._table: list[Batch] = []  # the batches for a member that joins
        self._changed_since = 0
        self._is_table_made = False
        self._log = ChangeLog()
        self._slices: dict[int, tuple[Batch, int]] = {}  # of the log as of its last change, for members that are behind
        self.lost: list[IPAddress] = []

    def advertised(self, peer: IPAddress) -> Iterator[tuple[Nlri, Attributes]]:
        """Yield the routes advertised to a member (Adj-RIB-Out), those still in its queue included."""
        for nlri, route in self.adj_rib_out.items():
            attributes = attributes_for(route, peer, self.audience.local)
            if attributes is not None:
                yield nlri, attributes

    def advertised_of(self, prefix: Prefix) -> Iterable[Nlri]:
        """Return the names under which a prefix is advertised: none, the prefix, or several path identifiers."""
        if self.audience.numbered:
            return self._several.get(prefix, ())
        return (prefix,) if prefix in self.adj_rib_out else ()

    def count(self, peer: IPAddress) -> int:
        """Return how many prefixes are advertised to a member."""
        if self._counted != self._log.latest:
            self._counted = self._log.latest
            self._by_source = Counter(route.source for route in self.adj_rib_out.values())
        return len(self.adj_rib_out) - self._by_source[peer]

    @property
    def remembered(self) -> int:
        """Return the number of prefixes in the change log."""
        return len(self._log)

    @property
    def waits_for_readers(self) -> bool:
        """Return whether members must receive more withdrawals before further prefixes are processed: sending to a
        crowd takes longer than processing the table.
        """
        return bool(self.sending) and self._log.withdrawn > BESIDES

    @property
    def members(self) -> list[IPAddress]:
        """Addresses of the members, sorted."""
        return sorted([*self.queues, *self._arriving])

    @property
    def is_empty(self) -> bool:
        """Return whether the group has no members."""
        return not self.queues and not self._arriving

    # ---------------------------------------------------------------------------------------------------- members

    def join(self, queue: SendQueue) -> None:
        """Add a member: it receives the whole table, and all later changes."""
        self.queues[queue.peer] = queue
        self.enqueue(queue, self._whole_table())

    def move(self, queue: SendQueue, advertised: Mapping[Nlri, AdvertisedRoute], now: float) -> None:
        """Add a member from another group, with the routes that were advertised to it there: it receives the difference
        once nothing is pending.
        """
        self._arriving[queue.peer] = queue, advertised
        self.announce_at = now
        if not self.pending:
            self._admit()

    def leave(self, peer: IPAddress) -> Mapping[Nlri, AdvertisedRoute]:
        """Remove a member. Returns the routes that were advertised to it."""
        self.sending.pop(peer, None)
        arriving = self._arriving.pop(peer, None)
        if arriving is not None:
            return arriving[1]
        queue = self.queues.pop(peer)
        if queue.behind is not None:
            batches: list[Batch] = []
            while (batch := self.next_slice(queue)) is not None:
                batches.append(batch)
            queue.catch_up(batches)
        queue.keep()
        self._is_lent = True
        return self.adj_rib_out

    def enqueue(self, queue: SendQueue, items: Iterable[Batch | Mark]) -> None:
        """Queue batches or marks for a member. A member whose queue gets longer than the table falls behind."""
        queue.add(items)
        if queue.behind is None and queue.length > TABLES * len(self.adj_rib_out) + BESIDES:
            queue.fall_behind(self._log.latest)
        if not queue.is_empty:
            self.sending[queue.peer] = queue

    def next_slice(self, queue: SendQueue) -> Batch | None:
        """Return the next changes for a member that is behind; None: it has received everything."""
        number = queue.behind or 0
        if number >= self._log.latest:
            return None
        if number not in self._slices:
            found, last = self._log.after(number, SLICE)
            changes = [RouteToSend(nlri, _SOMETHING, self.adj_rib_out.get(nlri)) for nlri in found]
            self._slices[number] = Batch(changes, self.audience), last
        batch, last = self._slices[number]
        queue.follow(last)
        return batch

    def repeat(self, queue: SendQueue, begin: Iterable[Mark], end: Iterable[Mark]) -> None:
        """Repeat the whole Adj-RIB-Out to a member (route refresh)."""
        if queue.behind is not None:
            queue.refresh(begin, end)
            return
        if self._changed_since:
            self._is_table_made = False
        self.enqueue(queue, (*begin, *self._whole_table(), *end))

    def _admit(self) -> None:
        """Queue the difference for members that come from other groups."""
        made: dict[int, list[Batch]] = {}
        arriving, self._arriving = self._arriving, {}
        for queue, advertised in arriving.values():
            if id(advertised) not in made:
                made[id(advertised)] = self._batches(_difference(advertised, self.adj_rib_out))
            self.queues[queue.peer] = queue
            queue.add(made[id(advertised)])
            queue.keep()
            self.enqueue(queue, ())

    # ---------------------------------------------------------------------------------------------------- changes

    def touch(self, prefixes: Iterable[Prefix]) -> None:
        """Mark prefixes whose advertised routes may have changed."""
        self.pending.update(dict.fromkeys(prefixes))

    def look(self, select: Callable[[Prefix], Mapping[Nlri, AdvertisedRoute]], now: float) -> list[RouteToSend]:
        """Process a slice of the pending prefixes. Withdrawals are sent immediately, announcements not before
        `announce_at`.

        select: returns the routes to advertise to a prefix. Returns the changes that are queued for the members.
        """
        may_announce = now >= self.announce_at
        if may_announce and self.waiting:
            self.pending = {**self.waiting, **self.pending}
            self.waiting.clear()
        changes: list[RouteToSend] = []
        since = self._log.latest
        for prefix in list(islice(self.pending, SLICE)):
            del self.pending[prefix]
            if self.waiting:
                self.waiting.pop(prefix, None)
            selected = select(prefix)
            concerned: Iterable[Nlri] = (prefix,)
            if self.audience.numbered:
                concerned = dict.fromkeys((*self.advertised_of(prefix), *selected))
            for nlri in concerned:
                before, after = self.adj_rib_out.get(nlri), selected.get(nlri)
                if before is after or before == after:
                    continue
                if after is not None and not may_announce:
                    self.waiting[prefix] = None
                    continue
                self._is_announcing |= after is not None
                self._set(prefix, nlri, after)
                changes.append(RouteToSend(nlri, before, after))
        if changes:
            self._tell(self._batches(changes, since), len(changes))
            self._tidy()
        if self.pending:
            return changes  # a round is finished, whatever the interval
        if self._is_announcing:
            self._is_announcing = False
            self.announce_at = now + self.audience.interval
        self._admit()
        return changes

    def _set(self, prefix: Prefix, nlri: Nlri, after: AdvertisedRoute | None) -> None:
        if self._is_lent:
            self.adj_rib_out, self._is_lent = dict(self.adj_rib_out), False
        self._log.note(nlri, is_withdrawn=after is None)
        if after is None:
            del self.adj_rib_out[nlri]
        else:
            self.adj_rib_out[nlri] = after
        if self.audience.numbered:
            several = self._several.setdefault(prefix, {})
            if after is not None:
                several[nlri] = None
            else:
                several.pop(nlri, None)
            if not several:
                del self._several[prefix]

    def _tidy(self) -> None:
        """Bound the log. A member that has not received too many of the withdrawals is lost."""
        self._slices.clear()
        log, most = self._log, TABLES * len(self.adj_rib_out) + 2 * BESIDES
        if log.withdrawn <= BESIDES and len(log) <= most:
            return
        log.tidy(min((queue.position(log.latest) for queue in self.queues.values()), default=log.latest))
        if len(log) > most:
            bound = log.oldest_of(most // 2)
            self.lost = [peer for peer, queue in self.queues.items() if queue.position(log.latest) < bound]
            log.tidy(bound)

    def _tell(self, batches: list[Batch], changes: int) -> None:
        for queue in self.queues.values():
            self.enqueue(queue, batches)
        if not self._is_table_made:
            return
        self._table += batches
        self._changed_since += changes
        if self._changed_since > len(self.adj_rib_out) // 2 + SLICE:
            self._table, self._is_table_made = [], False

    def _whole_table(self) -> list[Batch]:
        if not self._is_table_made:
            self._table = self._batches(RouteToSend(nlri, None, route) for nlri, route in self.adj_rib_out.items())
            self._changed_since, self._is_table_made = 0, True
        return self._table

    def _batches(self, changes: Iterable[RouteToSend], since: int = 0) -> list[Batch]:
        every = list(changes)
        return [Batch(every[at : at + SLICE], self.audience, since) for at in range(0, len(every), SLICE)]


def _difference(old: Mapping[Nlri, AdvertisedRoute], new: Mapping[Nlri, AdvertisedRoute]) -> Iterator[RouteToSend]:
    for nlri in {**old, **new}:
        before, after = old.get(nlri), new.get(nlri)
        if before is not after and before != after:
            yield RouteToSend(nlri, before, after)
