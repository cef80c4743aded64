"""The NHRP cache of one tunnel: all its entries (RFC 2332 §6).

The cache finds by prefix, by longest match, by NBMA address and by connection, each without a scan. It tells nobody
about changes: whoever changes it also tells the data plane and the RIB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.lpm import PrefixTable
from dmvpn.features.nhrp.entry import Entry, EntryType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.protection import Proved
    from dmvpn.features.nhrp.entry import Neighbor, Requester

#: Entries of one tunnel. A client beyond that is told "insufficient resources".
LARGEST_CACHE = 65_536
#: Entries that lead to one station: Resolution Requests and Replies add no more of them.
LARGEST_RESOLVED = 1024
#: Prefixes of ours that others know. A router that answers for the whole Internet gives it away host by host.
LARGEST_LOCAL = 4096
#: Requesters of all prefixes of a tunnel together: whoever is not remembered cannot be told when a prefix goes away.
LARGEST_REQUESTERS = 65_536
#: Seconds between two searches for requesters whose time is over, while there is no room for another.
PRUNE_INTERVAL = 10.0


@dataclass(slots=True)
class Cache:
    """All entries of a tunnel.

    changed: targets whose entries may be different now, if anybody remembers.
    """

    changed: dict[Prefix, None] | None = None
    _table: PrefixTable[Entry] = field(default_factory=PrefixTable)
    _by_nbma: dict[IPAddress, dict[Prefix, Entry]] = field(default_factory=dict)
    _by_next_hop: dict[IPAddress, dict[Prefix, Entry]] = field(default_factory=dict)
    _by_connection: dict[int, dict[Prefix, Entry]] = field(default_factory=dict)
    #: Incomplete entries, the oldest first: they are bounded, see `resolver`.
    incomplete: dict[Prefix, Entry] = field(default_factory=dict)
    #: Our own prefixes that others know.
    local: dict[Prefix, Entry] = field(default_factory=dict)
    _by_payer: dict[IPAddress | Proved, int] = field(default_factory=dict)
    _requesters: int = 0
    _pruned_at: float | None = None

    def __len__(self) -> int:
        return len(self._table)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for further entries that somebody in the network makes us add."""
        return len(self._table) >= LARGEST_CACHE

    def get(self, target: Prefix) -> Entry | None:
        """Return the entry of exactly this target."""
        return self._table.get(target)

    def host(self, address: IPAddress) -> Entry | None:
        """Return the entry of this one address."""
        return self._table.get(Prefix.host(address))

    def lookup(self, address: IPAddress) -> Entry | None:
        """Return the entry with the longest target that holds `address`."""
        found = self._table.lookup(address)
        return found[1] if found else None

    def binding(self, address: IPAddress) -> Entry | None:
        """Return the same among the entries that were configured or registered."""
        for _, entry in self._table.matches(address):
            if entry.binds:
                return entry
        return None

    def at(self, nbma: IPAddress) -> Iterable[Entry]:
        """Return the entries that lead to this NBMA address, in the order in which they came."""
        return self._by_nbma.get(nbma, {}).values()

    def nbmas(self) -> list[IPAddress]:
        """Return all NBMA addresses that entries lead to."""
        return list(self._by_nbma)

    def over(self, connection: int) -> list[Entry]:
        """Return the entries that are bound to this connection."""
        return list(self._by_connection.get(connection, {}).values())

    def paid_by(self, payer: IPAddress | Proved) -> int:
        """Return how many registered addresses are counted under this identity or NBMA address: a prefix has many."""
        return self._by_payer.get(payer, 0)

    def led_to(self, to: Neighbor) -> int:
        """Return how many entries lead to a station, by its connection, or by its address where it has none."""
        if to.connection:
            return len(self._by_connection.get(to.connection, ()))
        return len(self._by_nbma.get(to.nbma, ()))

    def behind(self, next_hop: IPAddress) -> list[Entry]:
        """Return the entries by way of this next hop, its own one included."""
        return list(self._by_next_hop.get(next_hop, {}).values())

    def entries(self) -> list[Entry]:
        """Return all entries by ascending target."""
        return [entry for _, entry in self._table.items()]

    def add(self, entry: Entry) -> None:
        """Put an entry in; one with the same target is replaced."""
        self.remove(entry.target)
        self._table[entry.target] = entry
        entry.tell(self.changed)
        self._by_next_hop.setdefault(entry.next_hop, {})[entry.target] = entry
        if entry.nbma is not None:
            self._by_nbma.setdefault(entry.nbma, {})[entry.target] = entry
        if entry.connection:
            self._by_connection.setdefault(entry.connection, {})[entry.target] = entry
        self._pay(entry, 1)
        if entry.type is EntryType.INCOMPLETE:
            self.incomplete[entry.target] = entry
        if entry.is_local:
            self.local[entry.target] = entry

    def remove(self, target: Prefix) -> Entry | None:
        """Take the entry of exactly this target out and return it."""
        entry = self._table.pop(target)
        if entry is None:
            return None
        if self.changed is not None:
            self.changed[target] = None
        entry.tell(None)
        _forget(self._by_next_hop, entry.next_hop, target)
        if entry.nbma is not None:
            _forget(self._by_nbma, entry.nbma, target)
        if entry.connection:
            _forget(self._by_connection, entry.connection, target)
        self._pay(entry, -1)
        self.incomplete.pop(target, None)
        self.local.pop(target, None)
        self._requesters -= len(entry.requesters or ())
        return entry

    def charge(self, entry: Entry, payer: IPAddress | Proved | None) -> None:
        """Count an entry of this cache under somebody else from now on, or under nobody."""
        if entry.payer != payer:
            self._pay(entry, -1)
            entry.charged(payer)
            self._pay(entry, 1)

    def _pay(self, entry: Entry, more: int) -> None:
        if entry.payer is None:
            return
        addresses = self._by_payer.get(entry.payer, 0) + more * entry.target.size
        if addresses:
            self._by_payer[entry.payer] = addresses
        else:
            del self._by_payer[entry.payer]

    def touch(self) -> None:
        """Note that what is shown of any entry may be different now."""
        if self.changed is not None:
            self.changed.update(dict.fromkeys(self._table))

    def remember(self, entry: Entry, asker: IPAddress, requester: Requester, now: float) -> bool:
        """Note who resolved a local entry of this cache. Returns False if there is no room."""
        known = entry.requesters or {}
        if asker not in known and self._requesters >= LARGEST_REQUESTERS:
            self._prune(now)
            known = entry.requesters or {}
            if self._requesters >= LARGEST_REQUESTERS:
                return False
        self._requesters += asker not in known
        known[asker] = requester
        entry.known_to(known)
        return True

    def _prune(self, now: float) -> None:
        """Forget the requesters whose time is over: what they resolved has expired there, too."""
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_INTERVAL:
            return
        self._pruned_at = now
        self._requesters = 0
        for entry in self.local.values():
            known = entry.requesters or {}
            left = {asker: requester for asker, requester in known.items() if requester.expires > now}
            entry.known_to(left)
            self._requesters += len(left)

    def move(self, entry: Entry, to: Neighbor) -> None:
        """Let the peer of this entry have another NBMA address or connection."""
        if entry.nbma is not None:
            _forget(self._by_nbma, entry.nbma, entry.target)
        if entry.connection:
            _forget(self._by_connection, entry.connection, entry.target)
        entry.moved(to)
        self._by_nbma.setdefault(to.nbma, {})[entry.target] = entry
        if to.connection:
            self._by_connection.setdefault(to.connection, {})[entry.target] = entry


K = TypeVar("K")


def _forget(index: dict[K, dict[Prefix, Entry]], key: K, target: Prefix) -> None:
    targets = index[key]
    del targets[target]
    if not targets:
        del index[key]
