"""What a neighbor, or all on an interface together, still have to be told, and have not acknowledged.

Destinations wait as bare prefixes: what a packet says is found out when its turn comes, so it says how things are then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.metric import Vector
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.translate import WITHDRAWN, Advert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dmvpn.features.eigrp.topology import Destination, Source

#: In `told`: not everybody knows the same. Equal to no advert.
UNCERTAIN: Final = Advert(Vector(-1, -1, -1))
#: A destination, what its recipients know of it when they have the packet, and its octets there, none if it needs none.
Part = tuple[Prefix, Advert, bytes]
#: What is to be said of a destination; None: nothing, and they know what they knew.
Make = Callable[[Prefix], tuple[Advert, bytes] | None]
_Value = TypeVar("_Value")


def take(waiting: dict[Prefix, _Value], room: int, make: Make, most: int | None = None) -> list[Part]:
    """Take the first of those that wait, as many as fit into so many octets, and one at least; of so many at most."""
    parts: list[Part] = []
    taken, is_empty = [], True
    for prefix in islice(waiting, most):
        made = make(prefix)
        if made is not None:
            advert, octets = made
            room -= len(octets)
            if octets and room < 0 and not is_empty:
                break
            is_empty = is_empty and not octets
            parts.append((prefix, advert, octets))
        taken.append(prefix)
    for prefix in taken:
        del waiting[prefix]
    return parts


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

    def waits(self, prefix: Prefix) -> bool:
        """Return whether something is still to be said of a destination."""
        return any(
            prefix in kind for kind in (self.updates, self.queries, self.replies, self.sia_queries, self.sia_replies)
        )

    def tell(self, prefixes: Mapping[Prefix, bool]) -> None:
        """Tell of destinations, and if they are gone (True) of that."""
        self.updates.update(prefixes)

    def tell_table(self, prefixes: Iterable[Prefix]) -> None:
        """Tell of all destinations that there are, instead of what waited."""
        self.updates, self.table = dict.fromkeys(prefixes, False), True

    def ask(self, prefixes: Mapping[Prefix, None]) -> None:
        """Query destinations."""
        self.queries.update(prefixes)

    def reply(self, prefix: Prefix) -> None:
        """Answer a query."""
        self.replies[prefix] = None

    def ask_if_stuck(self, prefix: Prefix) -> None:
        """Send an SIA query, RFC 7868 §4.4.1."""
        self.sia_queries[prefix] = None

    def answer_if_stuck(self, prefix: Prefix) -> None:
        """Send an SIA reply, RFC 7868 §4.4.2."""
        self.sia_replies[prefix] = None

    def sort_out(self, active: Mapping[Prefix, Destination], source: Source, most: int) -> int:
        """Drop questions to this source that have been answered meanwhile, and turn answers that are out of date.

        most: no packet holds more questions. Those behind them are looked at when their turn comes. Returns how many
        questions were dropped.
        """
        left, before = most, len(self.queries)
        for prefix in list(self.queries):
            if prefix not in active or source not in active[prefix].awaiting:
                del self.queries[prefix]
                self.updates[prefix] = True
                continue
            left -= 1
            if left <= 0:
                break
        for prefix in list(self.sia_queries):
            if prefix not in active or source not in active[prefix].awaiting:
                del self.sia_queries[prefix]
        for prefix in list(self.sia_replies):
            if prefix not in active:
                del self.sia_replies[prefix]
                self.replies[prefix] = None
        return before - len(self.queries)

    def next(self) -> Opcode:
        """Return what is sent next: replies first, for others wait for them."""
        if self.replies:
            return Opcode.REPLY
        if self.queries:
            return Opcode.QUERY
        if self.sia_replies:
            return Opcode.SIA_REPLY
        return Opcode.SIA_QUERY if self.sia_queries else Opcode.UPDATE

    def take(self, room: int, make: Make) -> list[Part]:
        """Take the next packet."""
        waiting = self.replies or self.queries or self.sia_replies or self.sia_queries
        if not waiting:
            return take(self.updates, room, make)
        parts = take(waiting, room, make)
        for prefix, _, _ in parts:
            self.updates.pop(prefix, None)
        return parts

    def end_table(self) -> bool:
        """Return whether all of the first table has been taken now."""
        is_over = self.table and not self.updates
        self.table = self.table and not is_over
        return is_over

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

    def repeat(self) -> EigrpPacket:
        """Return the packet once more, now for one recipient alone."""
        self.tries += 1
        return replace(self.packet, flags=self.packet.flags & ~PacketFlag.CONDITIONAL_RECEIVE)


@dataclass(slots=True)
class Group:
    """The neighbors on an interface together, which are told by multicast.

    told: what all of them know of each destination; an update goes out only if that changes.
    updates, queries: what waits until the group is ready.
    """

    told: dict[Prefix, Advert] = field(default_factory=dict)
    updates: dict[Prefix, None] = field(default_factory=dict)
    queries: dict[Prefix, None] = field(default_factory=dict)

    def waits(self, prefix: Prefix) -> bool:
        """Return whether something is still to be said of a destination."""
        return prefix in self.updates or prefix in self.queries

    def ask(self, prefix: Prefix) -> None:
        """Query them."""
        self.queries[prefix] = None

    def tell(self, prefix: Prefix) -> None:
        """Tell the group of a change."""
        self.updates[prefix] = None

    def forget_change(self, prefix: Prefix) -> None:
        """Forget a change that is none for the group, or that it hears of otherwise."""
        self.updates.pop(prefix, None)

    def take(self, opcode: Opcode, room: int, make: Make, most: int | None = None) -> list[Part]:
        """Take the next packet to the group, which then knows what it says."""
        parts = take(self.queries if opcode is Opcode.QUERY else self.updates, room, make, most)
        for prefix, advert, _ in parts:
            self.note_told(prefix, advert)
        return parts

    def advert_told(self, prefix: Prefix) -> Advert:
        """Return what the group knows about a prefix."""
        return self.told.get(prefix, WITHDRAWN)

    def note_told(self, prefix: Prefix, advert: Advert) -> None:
        """Note that the whole group knows this now."""
        if advert.metric is None:
            self.told.pop(prefix, None)
        else:
            self.told[prefix] = advert

    def forget(self) -> None:
        """Forget the group: nobody is left who knows anything."""
        self.told.clear()
        self.updates.clear()
        self.queries.clear()
