"""UPDATEs for several neighbors, encoded once, and the queues in which they wait for each neighbor.

Two things differ between peers of equal policy: a peer does not receive its own path, and does not receive itself as
the next hop (RFC 4271 §5.1.3). `attributes_for` returns what a path becomes for one of them; UPDATEs for which this
matters are encoded separately for that peer.

The send queue of a neighbor has its position in the stream of its update group:

    in step     batches of the group, shared with all members at the same position
    behind      the neighbor did not read while too many changes came: the batches are dropped, and only the number of
                the last change sent is kept. When the neighbor reads again, the changes since then are sent in slices
                (`ChangeLog`).

So any number of neighbors that do not read cost one number each, and the group does no work for them per change.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from functools import cached_property, partial
from ipaddress import IPv6Address
from math import inf
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.bgp.attributes import Attributes, write
from dmvpn.features.bgp.families import IPV4, IPV6, Family
from dmvpn.features.bgp.packet import HEADER_LENGTH, MAXIMUM_LENGTH, Nlri, update_octets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.bgp.output import Audience
    from dmvpn.features.bgp.session import Session


# ------------------------------------------------------------------------------------------------ encoded UPDATEs


#: Octets of an UPDATE that are left for prefixes and attributes, after the header and the two length fields.
_ROOM: Final = MAXIMUM_LENGTH - HEADER_LENGTH - 4
#: Octets of UPDATEs that are sent at once.
_CHUNK: Final = 1 << 14


class AdvertisedRoute(NamedTuple):
    """A route in the Adj-RIB-Out. source: the peer that sent us the path; 0.0.0.0: the path is our own."""

    attributes: Attributes
    source: IPAddress


class RouteToSend(NamedTuple):
    """Old and new route to a prefix. before None: the new one is sent even to a peer that has it already."""

    nlri: Nlri
    before: AdvertisedRoute | None
    after: AdvertisedRoute | None


class Chunk(NamedTuple):
    """Encoded UPDATEs, and how many."""

    octets: bytes
    updates: int


class _Piece(NamedTuple):
    """An UPDATE and its changes; without octets: changes that most peers need not receive."""

    octets: bytes
    changes: Sequence[RouteToSend]


def attributes_for(route: AdvertisedRoute | None, peer: IPAddress, local: IPAddress) -> Attributes | None:
    """Return the attributes that this peer receives; None: it does not receive the route. local: our end of the
    session.
    """
    if route is None or route.source == peer:
        return None
    attributes = route.attributes
    return replace(attributes, next_hop=local) if attributes.next_hop == peer else attributes


def fits(attributes: Attributes, family: Family, *, wide: bool) -> bool:
    """Return whether the attributes leave room for at least one route of this family in an UPDATE."""
    room = _ROOM - _overhead(attributes, family)
    return room - sum(len(one.serialize()) for one in write(attributes, wide=wide)) >= family.largest


def _overhead(attributes: Attributes, family: Family) -> int:
    """Return the octets of MP_REACH_NLRI besides routes; 0: an UPDATE with this next hop has fields for them."""
    return (IPV6 if family is IPV4 and isinstance(attributes.next_hop, IPv6Address) else family).overhead


class Batch:
    """Changes that are sent together to members of this audience.

    since: the number of the last change before these in the change log of the group.
    """

    def __init__(self, changes: Sequence[RouteToSend], audience: Audience, since: int = 0) -> None:
        self.changes = changes
        self.since = since
        self._audience = audience

    def chunks(self, peer: IPAddress) -> Sequence[Chunk]:
        """Return the UPDATEs for this peer."""
        if peer not in self._concerned:
            return self._common
        hear = partial(attributes_for, peer=peer, local=self._audience.local)
        return tuple(_joined(self._for_one(hear, peer)))

    def cost(self, peer: IPAddress) -> int:
        """Return the cost of `chunks`, in prefixes to encode."""
        if "_pieces" not in self.__dict__:
            return len(self.changes)
        return len(self.changes) // 10 if peer in self._concerned else 0

    @cached_property
    def _pieces(self) -> tuple[_Piece, ...]:
        return tuple(_pieces(self.changes, attrgetter("attributes"), self._audience))

    @cached_property
    def _common(self) -> tuple[Chunk, ...]:
        return tuple(_joined(self._pieces))

    @cached_property
    def _concerned(self) -> dict[IPAddress, None]:
        """Peers for which some UPDATEs differ from those of the other members."""
        return _concerned(self.changes)

    def _for_one(self, hear: Callable[[AdvertisedRoute], Attributes | None], peer: IPAddress) -> Iterator[_Piece]:
        for piece in self._pieces:
            if peer in _concerned(piece.changes):
                yield from _pieces(piece.changes, hear, self._audience)
            else:
                yield piece


class Mark(NamedTuple):
    """A message between UPDATEs: begin or end of a refresh (RFC 7313), or the End-of-RIB marker (RFC 4724)."""

    octets: bytes


def _concerned(changes: Iterable[RouteToSend]) -> dict[IPAddress, None]:
    every = {id(route): route for change in changes for route in change[1:] if route is not None}
    return dict.fromkeys(one for route in every.values() for one in (route.source, route.attributes.next_hop))


def _pieces(
    changes: Iterable[RouteToSend], hear: Callable[[AdvertisedRoute], Attributes | None], audience: Audience
) -> Iterator[_Piece]:
    """Yield the UPDATEs for this view of the changes: withdrawals first, then prefixes grouped by attributes."""
    quiet: list[RouteToSend] = []
    withdrawn: list[RouteToSend] = []
    announced: dict[Attributes, list[RouteToSend]] = {}
    known: dict[int, tuple[Attributes, list[RouteToSend]]] = {}  # by identity, which is faster; the keys live as long
    for change in changes:
        before = hear(change.before) if change.before is not None else None
        after = hear(change.after) if change.after is not None else None
        if after is None:
            (quiet if before is None else withdrawn).append(change)
        elif before is not None and (before is after or before == after):
            quiet.append(change)
        else:
            name = id(after)
            if name not in known:
                known[name] = after, announced.setdefault(after, [])
            known[name][1].append(change)
    if quiet:
        yield _Piece(b"", quiet)
    family = audience.family
    encode = family.encode
    for some, octets in _fitting(withdrawn, _ROOM - family.overhead, encode):
        yield _Piece(update_octets(octets, b"", b"") if family is IPV4 else family.withdrawal(octets), some)
    for attributes, found in announced.items():
        raw = b"".join(one.serialize() for one in write(attributes, wide=audience.wide))
        overhead = _overhead(attributes, family)
        for some, octets in _fitting(found, _ROOM - overhead - len(raw), encode):
            if not overhead:
                yield _Piece(update_octets(b"", raw, octets), some)
            else:
                yield _Piece(family.announcement(audience.hops(attributes), raw, octets), some)


def _fitting(
    changes: Sequence[RouteToSend], room: int, encode: Callable[[Nlri], bytes]
) -> Iterator[tuple[list[RouteToSend], bytes]]:
    """Yield as many changes at a time as fit one UPDATE, with their encoded prefixes; at least one fits."""
    taken: list[RouteToSend] = []
    octets = bytearray()
    for change in changes:
        one = encode(change.nlri)
        if len(octets) + len(one) > room:
            yield taken, bytes(octets)
            taken, octets = [], bytearray()
        taken.append(change)
        octets += one
    if taken:
        yield taken, bytes(octets)


def _joined(pieces: Iterable[_Piece]) -> Iterator[Chunk]:
    octets, updates = bytearray(), 0
    for piece in pieces:
        if not piece.octets:
            continue
        if octets and len(octets) + len(piece.octets) > _CHUNK:
            yield Chunk(bytes(octets), updates)
            octets, updates = bytearray(), 0
        octets += piece.octets
        updates += 1
    if octets:
        yield Chunk(bytes(octets), updates)


# ----------------------------------------------------------------------------------------- the send queue of a neighbor


class SendQueue:
    """The send queue of one neighbor, in order.

    refreshed: when the whole table was last repeated, seconds monotonic. length: an upper bound of the prefixes queued.
    is_blocked: the session has no room. behind: the number of the last change sent; None: the neighbor is in step.
    """

    def __init__(self, peer: IPAddress) -> None:
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

    def send(self, session: Session, most: int, more: Callable[[SendQueue], Batch | None]) -> int:
        """Send as much as the session has room for, up to a cost of `most`; returns the cost (see `Batch.cost`).

        more: returns the next changes of a neighbor that is behind, and advances its number; None: it is in step again.
        """
        self.is_blocked = False
        spent, room = 0, session.room
        sent: list[Chunk] = []
        while spent < most:
            spent += self._open(more)
            if not self._chunks:
                break
            room -= len(self._chunks[0].octets)
            if room < 0:
                self.is_blocked = True
                break
            sent.append(self._chunks.popleft())
            spent += 1
        if sent:
            session.send_updates(b"".join([one.octets for one in sent]), sum([one.updates for one in sent]))
        return spent

    def _open(self, more: Callable[[SendQueue], Batch | None]) -> int:
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
