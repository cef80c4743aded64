"""The link state database of one scope: an area, or (type 5) all of OSPF. RFC 2328 §12.

It keeps one instance of each advertisement with its age, and says when one of them grows too old. It makes no
decisions: `flooding` and `origination` decide what to flood, acknowledge and originate again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.ospf.lsa import MAX_AGE, Lsa, LsaHeader, LsaKey, LsaType, newer

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context

#: Seconds that an instance must have been here before a newer one is taken: IOS-XE 17's, RFC 2328 has 1 s.
MINIMUM_ARRIVAL: Final = 0.1
_OVERHEAD: Final = 64


@dataclass(slots=True, eq=False)
class DatabaseEntry:
    """An instance in the database. arrived: seconds monotonic, when it had the age of its header.

    early: it came so soon after the one before that the next one may not.
    """

    lsa: Lsa
    arrived: float
    early: bool
    expiry: Timer

    def age(self, now: float) -> int:
        """Return its age in seconds, MAX_AGE at most."""
        return min(MAX_AGE, self.lsa.header.age + int(now - self.arrived))

    def may_be_replaced(self, now: float, arrival: float = MINIMUM_ARRIVAL) -> bool:
        """Return whether it has been here for long enough that a newer instance is taken. RFC 2328 §13 (5a).

        One instance may come early: a copy by way of another router may overtake the originator's own; a second one may
        not. arrival: seconds.
        """
        return not self.early or now - self.arrived >= arrival

    def outgoing(self, now: float, delay: int) -> Lsa:
        """Return the advertisement as it leaves: with its age, plus the transmission delay. delay: seconds."""
        return Lsa(self.lsa.header, self.lsa.body, self.lsa.at_age(self.age(now) + delay))

    def header(self, now: float) -> LsaHeader:
        """Return its header as of now."""
        header = self.lsa.header
        return LsaHeader(
            age=self.age(now),
            options=header.options,
            type=header.type,
            id=header.id,
            router=header.router,
            sequence=header.sequence,
            checksum=header.checksum,
            length=header.length,
        )


class Database:
    """The advertisements of one scope, by key. expired(key): called by a timer when one reaches MAX_AGE here."""

    def __init__(self, context: Context, expired: Callable[[LsaKey], None]) -> None:
        self.entries: dict[LsaKey, DatabaseEntry] = {}
        #: LSAs at MAX_AGE: removed as soon as all neighbors have acknowledged them. An ordered set.
        self.dying: dict[LsaKey, None] = {}
        #: What it takes: octets of the advertisements, and something for each.
        self.size = 0
        #: How many there are of each router that made them.
        self.by_router: dict[IPv4Address, int] = {}
        self._context = context
        self._expired = expired

    def get(self, key: LsaKey) -> DatabaseEntry | None:
        """Return the instance that we have, or None."""
        return self.entries.get(key)

    def compare(self, header: LsaHeader) -> int:
        """Compare instances: 1: this header is newer than our instance (or we have none), 0: the same, -1: older."""
        entry = self.entries.get(header.key)
        return 1 if entry is None else newer(header, entry.header(self._context.now))

    def install(self, lsa: Lsa, arrival: float = MINIMUM_ARRIVAL) -> bool:
        """Take this instance in the place of the one before. True: its content differs, RFC 2328 §13.2.

        arrival: seconds that an instance is here at least.
        """
        key, now = lsa.key, self._context.now
        old = self.entries.get(key)
        if old is not None:
            self._context.stop(old.expiry)
            self.size -= size_of(old.lsa)
        else:
            self.by_router[key.router] = self.by_router.get(key.router, 0) + 1
        self.size += size_of(lsa)
        early = old is not None and now - old.arrived < arrival
        entry = self.entries[key] = DatabaseEntry(
            lsa, now, early, Timer("an LSA reaches MaxAge", partial(self._expired, key), key)
        )
        if lsa.header.age >= MAX_AGE:
            self.dying[key] = None
        else:
            self.dying.pop(key, None)
            self._context.start(entry.expiry, MAX_AGE - lsa.header.age)
        return old is None or _says_another_thing(old.lsa, lsa)

    def remove(self, key: LsaKey) -> None:
        """Forget it; it need not be there."""
        entry = self.entries.pop(key, None)
        self.dying.pop(key, None)
        if entry is not None:
            self._context.stop(entry.expiry)
            self.size -= size_of(entry.lsa)
            self.by_router[key.router] -= 1
            if not self.by_router[key.router]:
                del self.by_router[key.router]

    def close(self) -> None:
        """Forget everything."""
        for key in list(self.entries):
            self.remove(key)

    def checksum_sum(self, kind: LsaType | None = None) -> int:
        """Return the sum of all checksums, by which people compare databases."""
        return sum(entry.lsa.header.checksum for key, entry in self.entries.items() if kind in (None, key.type))

    def expire(self, key: LsaKey) -> DatabaseEntry | None:
        """Note that an instance has reached MAX_AGE, and return it: it goes as soon as all neighbors know."""
        self.dying[key] = None
        return self.entries.get(key)


def size_of(lsa: Lsa) -> int:
    """Return the share of an LSA in the size of a database."""
    return len(lsa.octets) + _OVERHEAD


def _says_another_thing(old: Lsa, new: Lsa) -> bool:
    gone, gone_too = old.header.age >= MAX_AGE, new.header.age >= MAX_AGE
    return gone != gone_too or old.header.options != new.header.options or old.body != new.body
