"""What one peer of triggered RIP is told, and what it acknowledged: RFC 2091 §4.

One Update Response is on its way at a time. What changes meanwhile is owed, and goes with the next one: so a peer is
told the last state of a route, and not each one before it.
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

_LAST_SEQUENCE: Final = 0xFFFF


class Pending(NamedTuple):
    """A response that is not acknowledged, and what it is about."""

    packet: RipPacket
    prefixes: tuple[Prefix, ...]


@dataclass(slots=True)
class Conversation:
    """The two directions.

    owed: what the peer does not know as it is now, the oldest change first. starts: the next response is the first
    after a request, and says so. sequence: of the last response. pending: it, until it is acknowledged.

    asking: the peer has been asked for everything and has not answered. asked_at: when, seconds. heard: the number of
    its last response, None: of none since it asked.

    tries: how often something came again in vain. is_lost: too often.
    """

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
        """Is something to come from the peer?"""
        return self.asking or self.pending is not None

    @property
    def is_beginning(self) -> bool:
        """Is the first response after a request on its way, or to go next?"""
        header = self.pending.packet.update if self.pending is not None else None
        return self.starts or (header is not None and header.flush)

    # --------------------------------------------------------------------------------------------- what it is told

    def begin(self, told: Iterable[Prefix]) -> None:
        """Tell it everything from now on: it asked for that."""
        self.owed = dict.fromkeys(told)
        self.starts, self.pending, self.heard = True, None, None
        self._alive()

    def owe(self, prefixes: Iterable[Prefix]) -> None:
        """Note that these are something else now."""
        self.owed.update(dict.fromkeys(prefixes))

    def next(self, told: Mapping[Prefix, RipEntry], most: int) -> RipPacket | None:
        """Return the next response, of no more than `most` entries; None: nothing is owed, or it is not its turn."""
        if self.pending is not None or not (self.owed or self.starts):
            return None
        some = tuple(islice(self.owed, most))
        for prefix in some:
            del self.owed[prefix]
        self.pending = Pending(self._numbered(some, told, flush=self.starts), some)
        self.starts = False
        return self.pending.packet

    def again(self, told: Mapping[Prefix, RipEntry]) -> RipPacket | None:
        """Return the pending response again, with another number if it says something else now; None: there is none."""
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
        """Take an acknowledgment. False: not of what is on its way."""
        if self.pending is None or sequence != self.sequence:
            return False
        self.pending = None
        self._alive()
        return True

    def farewells(self, told: Iterable[Prefix], most: int) -> Iterator[RipPacket]:
        """Yield the responses that say that nothing is to be reached by us any more."""
        left = list(told)
        for start in range(0, len(left), most):
            yield self._numbered(tuple(left[start : start + most]), {}, flush=False)

    # ----------------------------------------------------------------------------------------------- what it tells

    def hear(self, header: UpdateHeader) -> bool:
        """Take the head of a response. False: it came before."""
        is_news = header.flush or header.sequence != self.heard
        self.heard = header.sequence
        if header.flush:
            self.asking = False
        self._alive()
        return is_news

    def ask(self, now: float) -> None:
        """Note that it is asked for everything, RFC 2091 §4.1."""
        self.asking, self.asked_at = True, now

    def repeat(self) -> None:
        """Count something that came again in vain."""
        self.tries += 1

    def lose(self) -> None:
        """Give it up for now: when it is back it must tell everything."""
        self.is_lost, self.asking = True, True

    def _alive(self) -> None:
        self.tries, self.is_lost = 0, False

    def _numbered(self, prefixes: tuple[Prefix, ...], told: Mapping[Prefix, RipEntry], *, flush: bool) -> RipPacket:
        self.sequence = self.sequence % _LAST_SEQUENCE + 1
        header = UpdateHeader(flush=flush, sequence=self.sequence)
        return RipPacket(command=Command.UPDATE_RESPONSE, update=header, entries=_entries(prefixes, told))


def _entries(prefixes: Iterable[Prefix], told: Mapping[Prefix, RipEntry]) -> tuple[RipEntry, ...]:
    """Return what is said of these: those that are not told are not to be reached."""
    return tuple(told.get(prefix) or _gone(prefix) for prefix in prefixes)


def _gone(prefix: Prefix) -> RipEntry:
    return RipEntry.of_prefix(prefix, INFINITY)
