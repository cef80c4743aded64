"""Send queues: what a neighbor, or the group on an interface, has yet to receive or to acknowledge.

Destinations wait as bare prefixes: the content of a packet is made when it is sent, so it carries the state of that
moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import Mutable
from dmvpn.features.eigrp.metric import Vector
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.topology import WITHDRAWN, Advert, Destination, PathSource

#: In `advertised`: members may have different versions. Equal to no advert.
UNCERTAIN: Final = Advert(Vector(-1, -1, -1))


class Backlog(Mutable):
    """The queue of one neighbor. Dictionaries without values are ordered sets.

    updates: the value is True if an unreachable destination must be sent as well; in its first table it need not.
    table: its first table is being sent; the last packet of it has the end-of-table flag.
    """

    updates: dict[Prefix, bool] = field(default_factory=dict)
    queries: dict[Prefix, None] = field(default_factory=dict)
    replies: dict[Prefix, None] = field(default_factory=dict)
    sia_queries: dict[Prefix, None] = field(default_factory=dict)
    sia_replies: dict[Prefix, None] = field(default_factory=dict)
    table: bool = False

    def waits(self, prefix: Prefix) -> bool:
        """Return whether anything about a destination is queued."""
        return any(
            prefix in kind for kind in (self.updates, self.queries, self.replies, self.sia_queries, self.sia_replies)
        )

    def tell(self, prefixes: Mapping[Prefix, bool]) -> None:
        """Queue updates about destinations; True: also if they are unreachable."""
        self.updates.update(prefixes)

    def tell_table(self, prefixes: Iterable[Prefix]) -> None:
        """Queue all existing destinations, in place of the queued updates."""
        self.updates, self.table = dict.fromkeys(prefixes, False), True

    def ask(self, prefixes: Mapping[Prefix, None]) -> None:
        """Queue queries."""
        self.queries.update(prefixes)

    def reply(self, prefix: Prefix) -> None:
        """Queue the reply to a query."""
        self.replies[prefix] = None

    def ask_if_stuck(self, prefix: Prefix) -> None:
        """Queue an SIA query, RFC 7868 §4.4.1."""
        self.sia_queries[prefix] = None

    def answer_if_stuck(self, prefix: Prefix) -> None:
        """Queue an SIA reply, RFC 7868 §4.4.2."""
        self.sia_replies[prefix] = None

    def sort_out(self, active: Mapping[Prefix, Destination], source: PathSource, most: int) -> int:
        """Drop queries to this source that were answered meanwhile, and turn outdated SIA replies into replies.

        most: queries that one packet can hold; the ones behind them are checked when their turn comes. Returns how many
        queries were dropped.
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
        """Return the opcode to send next: replies first, because their recipients wait for them."""
        if self.replies:
            return Opcode.REPLY
        if self.queries:
            return Opcode.QUERY
        if self.sia_replies:
            return Opcode.SIA_REPLY
        return Opcode.SIA_QUERY if self.sia_queries else Opcode.UPDATE

    def waiting(self) -> Mapping[Prefix, bool | None]:
        """Return the destinations of the next packet's opcode, in order."""
        return self._questions_and_answers() or self.updates

    def took(self, prefixes: Iterable[Prefix]) -> None:
        """Remove destinations that the next packet carries; updates about them are not needed any more."""
        waiting = self._questions_and_answers()
        for prefix in prefixes:
            waiting.pop(prefix, None)
            self.updates.pop(prefix, None)

    def _questions_and_answers(self) -> dict[Prefix, None]:
        return self.replies or self.queries or self.sia_replies or self.sia_queries

    def end_table(self) -> bool:
        """Return whether the first table has just been taken completely."""
        is_over = self.table and not self.updates
        self.table = self.table and not is_over
        return is_over

    def __bool__(self) -> bool:
        return bool(self.updates or self.queries or self.replies or self.sia_queries or self.sia_replies or self.table)

    def __len__(self) -> int:
        sia = len(self.sia_queries) + len(self.sia_replies)
        return len(self.updates) + len(self.queries) + len(self.replies) + sia


class Outstanding(Mutable):
    """A reliable packet that is not acknowledged yet.

    sent_at: time of the first transmission, seconds monotonic.
    tries: number of transmissions.
    """

    packet: EigrpPacket
    sent_at: float
    tries: int = 1

    def repeat(self) -> EigrpPacket:
        """Return the packet for a retransmission, which has only one recipient."""
        self.tries += 1
        return replace(self.packet, flags=self.packet.flags & ~PacketFlag.CONDITIONAL_RECEIVE)


class MulticastGroup(Mutable):
    """The neighbors on an interface together, which receive multicasts.

    advertised: the last advertisement of each destination to all of them; an update is sent only if it changes.
    updates, queries: queued until the group is ready.
    """

    advertised: dict[Prefix, Advert] = field(default_factory=dict)
    updates: dict[Prefix, None] = field(default_factory=dict)
    queries: dict[Prefix, None] = field(default_factory=dict)

    def waits(self, prefix: Prefix) -> bool:
        """Return whether anything about a destination is queued."""
        return prefix in self.updates or prefix in self.queries

    def ask(self, prefix: Prefix) -> None:
        """Queue a query."""
        self.queries[prefix] = None

    def tell(self, prefix: Prefix) -> None:
        """Queue a change."""
        self.updates[prefix] = None

    def forget_change(self, prefix: Prefix) -> None:
        """Remove a change that does not concern the group, or that it receives in another packet."""
        self.updates.pop(prefix, None)

    def waiting(self, opcode: Opcode) -> Mapping[Prefix, None]:
        """Return the destinations queued for this opcode, in order."""
        return self.queries if opcode is Opcode.QUERY else self.updates

    def took(self, opcode: Opcode, prefixes: Iterable[Prefix]) -> None:
        """Remove destinations that the next packet carries, or that need none."""
        waiting = self.queries if opcode is Opcode.QUERY else self.updates
        for prefix in prefixes:
            del waiting[prefix]

    def last_advert(self, prefix: Prefix) -> Advert:
        """Return the advert of a prefix that the group knows."""
        return self.advertised.get(prefix, WITHDRAWN)

    def note_advert(self, prefix: Prefix, advert: Advert) -> None:
        """Record the advert that the whole group knows now."""
        if advert.metric is None:
            self.advertised.pop(prefix, None)
        else:
            self.advertised[prefix] = advert

    def clear_group(self) -> None:
        """Clear the group: no neighbor is left."""
        self.advertised.clear()
        self.updates.clear()
        self.queries.clear()
