"""The updates sent to one peer of triggered RIP, and their acknowledgments: RFC 2091 §4.

Only one Update Response is outstanding at a time. Changes in the meantime are owed and leave with the next response, so
a peer receives the latest state of a route and skips the intermediate ones.
"""

from __future__ import annotations

from dataclasses import field
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.values import dataclass
from dmvpn.features.rip.packet import INFINITY, Command, RipEntry, RipPacket, UpdateHeader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Timer

_LAST_SEQUENCE: Final = 0xFFFF


class Pending(NamedTuple):
    """A response that is not acknowledged yet, and its prefixes."""

    packet: RipPacket
    prefixes: tuple[Prefix, ...]


@dataclass(slots=True)
class Conversation:
    """Both directions of the exchange with one peer.

    timer: repeats what the peer has not answered.

    owed: prefixes whose present state the peer lacks, the oldest change first. starts: the next response is the first
    one after a request, and has the flush bit. sequence: of the last response. pending: that response, until
    acknowledged.

    asking: the peer's table was requested and has not come. asked_at: when, seconds. heard: the sequence number of its
    last response; None: none since its request.

    tries: consecutive retransmissions. is_lost: there were too many.
    """

    timer: Timer
    owed: dict[Prefix, None] = field(default_factory=dict)
    starts: bool = False
    sequence: int = 0
    pending: Pending | None = None
    asking: bool = False
    asked_at: float = float("-inf")
    heard: int | None = None
    tries: int = 0
    is_lost: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether an answer of the peer is outstanding."""
        return self.asking or self.pending is not None

    @property
    def is_beginning(self) -> bool:
        """Whether the first response after a request is outstanding, or the next one to send."""
        header = self.pending.packet.update if self.pending is not None else None
        return self.starts or (header is not None and header.flush)

    # --------------------------------------------------------------------------------------------------------- received

    def begin(self, told: Iterable[Prefix]) -> None:
        """Send the whole table from now on, because the peer requested it."""
        self.owed = dict.fromkeys(told)
        self.starts, self.pending, self.heard = True, None, None
        self._alive()

    def owe(self, prefixes: Iterable[Prefix]) -> None:
        """Record prefixes that changed."""
        self.owed.update(dict.fromkeys(prefixes))

    def next(self, told: Mapping[Prefix, RipEntry], most: int) -> RipPacket | None:
        """Return the next response, of at most `most` entries; None: nothing is owed, or a response is outstanding."""
        if self.pending is not None or not (self.owed or self.starts):
            return None
        some = tuple(islice(self.owed, most))
        for prefix in some:
            del self.owed[prefix]
        self.pending = Pending(self._numbered(some, told, flush=self.starts), some)
        self.starts = False
        return self.pending.packet

    def again(self, told: Mapping[Prefix, RipEntry]) -> RipPacket | None:
        """Return the outstanding response again, with a new number if its routes have changed; None: there is none."""
        if self.pending is None:
            return None
        before, prefixes = self.pending
        for prefix in prefixes:
            self.owed.pop(prefix, None)
        entries = _entries(prefixes, told)
        if entries != before.entries:
            flush = before.update is not None and before.update.flush
            self.pending = Pending(self._numbered(prefixes, told, flush=flush), prefixes)
        return self.pending.packet

    def acknowledge(self, sequence: int) -> bool:
        """Handle an acknowledgment. Returns whether it is for the outstanding response."""
        if self.pending is None or sequence != self.sequence:
            return False
        self.pending = None
        self._alive()
        return True

    def farewells(self, told: Iterable[Prefix], most: int) -> Iterator[RipPacket]:
        """Yield responses that announce all routes as unreachable."""
        left = list(told)
        for start in range(0, len(left), most):
            yield self._numbered(tuple(left[start : start + most]), {}, flush=False)

    # ------------------------------------------------------------------------------------------------------------- sent

    def hear(self, header: UpdateHeader) -> bool:
        """Handle the header of a response. Returns False for a repetition."""
        is_news = header.flush or header.sequence != self.heard
        self.heard = header.sequence
        if header.flush:
            self.asking = False
        self._alive()
        return is_news

    def ask(self, now: float) -> None:
        """Record that the peer's table is requested, RFC 2091 §4.1."""
        self.asking, self.asked_at = True, now

    def repeat(self) -> None:
        """Count a retransmission."""
        self.tries += 1

    def lose(self) -> None:
        """Give the peer up for now: when it returns, it must send its whole table."""
        self.is_lost, self.asking = True, True

    def _alive(self) -> None:
        self.tries, self.is_lost = 0, False

    def _numbered(self, prefixes: tuple[Prefix, ...], told: Mapping[Prefix, RipEntry], *, flush: bool) -> RipPacket:
        self.sequence = self.sequence % _LAST_SEQUENCE + 1
        header = UpdateHeader(flush=flush, sequence=self.sequence)
        return RipPacket(command=Command.UPDATE_RESPONSE, update=header, entries=_entries(prefixes, told))


def _entries(prefixes: Iterable[Prefix], told: Mapping[Prefix, RipEntry]) -> tuple[RipEntry, ...]:
    """Return the entries for these prefixes; prefixes that are not announced are unreachable."""
    return tuple(told.get(prefix) or RipEntry.of_prefix(prefix, INFINITY) for prefix in prefixes)
