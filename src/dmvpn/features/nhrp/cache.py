"""The NHRP cache of one tunnel: maps overlay addresses to NBMA addresses, with the origin of each mapping (RFC 2332
§6).

An `Entry` maps a target (a host, or a whole prefix) by way of a next hop, the tunnel address of the router there, to
that router's NBMA address. The kinds of entries, by their origin:

    static       the configuration (`map`, `nhs ... nbma`); never expires, is never overwritten
    registered   a client's Registration Request (server)
    resolved     a Resolution Reply (resolver); its route state is the state of its route in the RIB
    implicit     the source fields of a Resolution Request that we answered (responder)
    local        our own prefix that we gave in a reply; remembers its requesters, so that a purge can reach them
    incomplete   requested, not answered yet, or refused

The `Cache` finds entries by prefix, by longest match, by NBMA address and by connection, each without a scan. It
announces no changes: the part that changes an entry also updates the data plane and the RIB.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable
from dataclasses import field
from typing import NamedTuple, TypeAlias, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.protection import Proved
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable

#: What an index has of a key: nearly always one entry, which needs no dictionary around it.
_Entries: TypeAlias = "Entry | dict[Prefix, Entry]"

K = TypeVar("K")

#: Entries of one tunnel. A client beyond that gets NAK "insufficient resources".
LARGEST_CACHE = 65_536
#: Requesters of all prefixes of a tunnel together: a requester that is not stored cannot get a purge when a prefix goes
#: away.
LARGEST_REQUESTERS = 65_536
#: Seconds between two scans for expired requesters while there is no room for another.
PRUNE_INTERVAL = 10.0


class NbmaPeer(NamedTuple):
    """Where a packet goes, or came from: an NBMA address, and on a protected tunnel the connection to it.

    An NBMA address alone does not identify a station: behind one translator there may be several, each with a
    connection of its own. A message from a station names its connection; of a configured server only the address is
    known.

    connection: 0 is the newest with that address; in clear there is no other.
    """

    nbma: IPAddress
    connection: int = 0

    @property
    def account(self) -> IPAddress | int:
        """The key of its traffic counters: the connection, which stays the same when the station moves, else the
        address.
        """
        return self.connection or self.nbma

    def meets(self, other: NbmaPeer | None) -> bool:
        """Return whether both are the same station, as far as we know."""
        if other is None:
            return False
        if self.connection and other.connection:
            return self.connection == other.connection
        return self.nbma == other.nbma


class EntryType(enum.Enum):
    """The word behind `Type:` in `show ip nhrp`."""

    STATIC = "static"
    DYNAMIC = "dynamic"
    INCOMPLETE = "incomplete"


class Flag(enum.Flag):
    """Flags of an entry, in the order of shows, which print the names in lower case.

    USED, RIB and NHO are never stored in an entry: they follow from the traffic and from `Entry.route`.
    """

    AUTHORITATIVE = enum.auto()
    ROUTER = enum.auto()
    IMPLICIT = enum.auto()
    UNIQUE = enum.auto()
    REGISTERED = enum.auto()
    NAT = enum.auto()
    USED = enum.auto()
    LOCAL = enum.auto()
    NEGATIVE = enum.auto()
    NHOP = enum.auto()
    RIB = enum.auto()
    NHO = enum.auto()
    BFD = enum.auto()
    TEMPORARY = enum.auto()


NO_FLAGS = Flag(0)


class RouteState(enum.Enum):
    """The state of an entry's route in the RIB."""

    NONE = "nothing"
    INSTALLED = "a route of our own"  # T1 in `show dmvpn`
    OVERRIDE = "our next hop for another protocol's route"  # T2
    UNREACHABLE = "unreachable"


class Requester(Mutable):
    """A station that resolved a prefix of ours."""

    request_id: int
    at: NbmaPeer  # where our reply went, or would go directly
    expires: float  # seconds


class Entry(Mutable, kw_only=True):
    """One line of the cache. Times are seconds on the router's clock; expires None: never.

    Each method that changes it calls `say_changed`, so that the history sees every change; no other code sets a field.

    changed: changed targets of the cache that holds the entry; None: the entry is in no cache.
    nbma: where packets go; None while incomplete.
    connection: on a protected tunnel, the connection they take; 0: the newest with that address.
    identity, proved: the IKE identity of the client at registration, for display and for comparison.
    payer: the identity that a registered entry is charged to, or the NBMA address if none was proved; None: no account.
    claimed: the NBMA address that a peer behind NAT believes it has.
    port: the UDP port at which a server hears the peer, 0: unknown.
    asked: the host that our request was for (a refresh requests it again).
    hits: packets or redirects that arrived while the entry was incomplete.
    answer: of a registered entry, the digest of the request and the pattern of its reply (`renewals.py`), until the
        entry changes.
    """

    changed: dict[Prefix, Entry] | None = field(default=None, repr=False, compare=False)
    target: Prefix
    next_hop: IPAddress
    nbma: IPAddress | None
    type: EntryType
    created: float
    expires: float | None = None
    flags: Flag = NO_FLAGS
    connection: int = 0
    identity: str = ""
    payer: IPAddress | Proved | None = None
    proved: Proved | None = None
    claimed: IPAddress | None = None
    port: int = 0
    holding_time: int = 0
    mtu: int = 0
    preference: int = 255
    group: str = ""
    route: RouteState = RouteState.NONE
    asked: IPAddress | None = None
    hits: int = 0
    requesters: dict[IPAddress, Requester] | None = None
    reason: Reason | None = None
    answer: tuple[int, object] | None = field(default=None, repr=False, compare=False)

    def answered(self, answer: tuple[int, object] | None) -> None:
        """Take over how the client's last registration was answered."""
        self.answer = answer

    def say_changed(self) -> None:
        """Record in the cache that the entry may have changed."""
        self.answer = None
        if self.changed is not None:
            self.changed[self.target] = self

    def asked_for(self) -> None:
        """Count a packet or a redirect for the target while the entry has no answer."""
        self.hits += 1
        self.say_changed()

    def lasts(self, until: float, reason: Reason | None = None) -> None:
        """Keep the entry until then (seconds), with this reason if there is a new one."""
        self.expires = until
        self.reason = reason if reason is not None else self.reason
        self.say_changed()

    def explain(self, reason: Reason | None) -> None:
        """Set the reason why the entry is not as it should be; None: it is."""
        self.reason = reason
        self.say_changed()

    def routed(self, route: RouteState) -> RouteState:
        """Set the state of its route in the RIB. Returns the state before."""
        before, self.route = self.route, route
        self.say_changed()
        return before

    def prove(self, *, proved: bool) -> None:
        """Let packets take the entry's own path, or no longer."""
        self.flags = self.flags & ~Flag.TEMPORARY if proved else self.flags | Flag.TEMPORARY
        self.say_changed()

    def resolved(self, flags: Flag, claimed: IPAddress | None, port: int, mtu: int) -> None:
        """Take over what a message said of a peer, or of a prefix behind it.

        flags: of the peer's own entry alone.
        port: 0: the message said nothing. The entry is implicit no longer if the peer itself says so.
        """
        self.flags = (self.flags & Flag.TEMPORARY) | Flag.ROUTER | (Flag.NHOP | flags if self.is_next_hop else NO_FLAGS)
        if claimed is not None:
            self.flags |= Flag.NAT
        self.claimed, self.mtu = claimed, mtu
        if port or claimed is None:
            self.port = port if claimed is not None else 0
        self.say_changed()

    def holds(self, seconds: int, now: float) -> None:
        """Start the holding time that the peer announced."""
        self.holding_time = seconds
        self.expires = now + seconds
        self.say_changed()

    def renewed(self, now: float) -> None:
        """Start the holding time again. The client registered as before, so its answer stays."""
        answer = self.answer
        self.expires = now + self.holding_time
        self.say_changed()
        self.answer = answer

    def registered(self, flags: Flag, claimed: IPAddress | None, group: str, mtu: int) -> None:
        """Take over the attributes in the client's last registration."""
        self.flags, self.claimed, self.group, self.mtu = flags, claimed, group, mtu
        self.say_changed()

    def proved_as(self, identity: str, proved: Proved | None) -> None:
        """Take over the IKE identity of the client, where it registers from now on."""
        self.identity, self.proved = identity, proved
        self.say_changed()

    @property
    def neighbor(self) -> NbmaPeer | None:
        """Where packets go; None while incomplete."""
        return tuple.__new__(NbmaPeer, (self.nbma, self.connection)) if self.nbma is not None else None

    @property
    def is_local(self) -> bool:
        """Whether the entry is our own prefix, given in a reply."""
        return Flag.LOCAL in self.flags

    @property
    def is_registered(self) -> bool:
        """Whether a client of ours registered it."""
        return Flag.REGISTERED in self.flags

    @property
    def is_next_hop(self) -> bool:
        """Whether it maps a tunnel address itself: a packet for `next_hop` goes to `nbma`."""
        target, next_hop = self.target, self.next_hop  # by number: to make the address takes most of the time
        return target.number == int(next_hop) and target.version == next_hop.version and target.is_host

    @property
    def binds(self) -> bool:
        """Whether it was configured or registered here, so that packets and messages may rely on it."""
        return self.type is EntryType.STATIC or self.is_registered


class Cache(Mutable):
    """All entries of a tunnel.

    changed: entries that may have changed, also removed ones, by target, if the history is on; else None.
    """

    changed: dict[Prefix, Entry] | None = None
    _table: PrefixTable[Entry] = field(default_factory=PrefixTable)
    _by_nbma: dict[IPAddress, _Entries] = field(default_factory=dict)
    _by_next_hop: dict[IPAddress, _Entries] = field(default_factory=dict)
    _by_connection: dict[int, _Entries] = field(default_factory=dict)
    #: Incomplete entries, the oldest first: they are bounded, see `resolver`.
    incomplete: dict[Prefix, Entry] = field(default_factory=dict)
    #: Our own prefixes that we gave in replies.
    local: dict[Prefix, Entry] = field(default_factory=dict)
    _by_payer: dict[IPAddress | Proved, int] = field(default_factory=dict)
    _requesters: int = 0
    _pruned_at: float | None = None

    def __len__(self) -> int:
        return len(self._table)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for further entries that other stations cause."""
        return len(self._table) >= LARGEST_CACHE

    def get(self, target: Prefix) -> Entry | None:
        """Return the entry of exactly this target."""
        return self._table.get(target)

    def host(self, address: IPAddress) -> Entry | None:
        """Return the entry of this one address."""
        return self._table.get(Prefix.host(address))

    def lookup(self, address: IPAddress) -> Entry | None:
        """Return the entry with the longest target that holds `address`."""
        return found[1] if (found := self._table.lookup(address)) else None

    def binding(self, address: IPAddress) -> Entry | None:
        """Return the same among the entries that were configured or registered."""
        for _, entry in self._table.matches(address):
            if entry.binds:
                return entry
        return None

    def at(self, nbma: IPAddress) -> Collection[Entry]:
        """Return the entries that lead to this NBMA address, in the order in which they came."""
        there = self._by_nbma.get(nbma)
        return (there,) if type(there) is Entry else _of(there)  # as a rule there is one

    def nbmas(self) -> list[IPAddress]:
        """Return all NBMA addresses that entries lead to."""
        return list(self._by_nbma)

    def over(self, connection: int) -> list[Entry]:
        """Return the entries that are bound to this connection."""
        return list(_of(self._by_connection.get(connection)))

    def paid_by(self, payer: IPAddress | Proved) -> int:
        """Return how many registered addresses are charged to this identity or NBMA address: a prefix has many."""
        return self._by_payer.get(payer, 0)

    def led_to(self, to: NbmaPeer) -> int:
        """Return how many entries lead to a station, by its connection, or by its address where it has none."""
        return len(self.over(to.connection) if to.connection else self.at(to.nbma))

    def behind(self, next_hop: IPAddress) -> list[Entry]:
        """Return the entries by way of this next hop, including the next hop's own entry."""
        return list(_of(self._by_next_hop.get(next_hop)))

    def entries(self) -> list[Entry]:
        """Return all entries by ascending target."""
        return [entry for _, entry in self._table.items()]

    def static(self) -> list[Entry]:
        """Return the configured entries, by ascending target. A hub has thousands of other entries."""
        return _by_target(entry for entry in self._table.values() if entry.type is EntryType.STATIC)

    def unregistered(self) -> list[Entry]:
        """Return the entries that were not registered here, by ascending target."""
        return _by_target(entry for entry in self._table.values() if not entry.is_registered)

    def add(self, entry: Entry) -> None:
        """Add an entry; one with the same target is replaced."""
        self.remove(entry.target)
        self._table[entry.target] = entry
        entry.changed = self.changed
        entry.say_changed()
        if (there := self._by_next_hop.setdefault(entry.next_hop, entry)) is not entry:
            self._by_next_hop[entry.next_hop] = _joined(there, entry)
        self._place(entry)
        self._pay(entry, 1)
        if entry.type is EntryType.INCOMPLETE:
            self.incomplete[entry.target] = entry
        if entry.is_local:
            self.local[entry.target] = entry

    def remove(self, target: Prefix) -> Entry | None:
        """Remove the entry of exactly this target and return it."""
        entry = self._table.pop(target)
        if entry is None:
            return None
        entry.say_changed()
        entry.changed = None
        _forget(self._by_next_hop, entry.next_hop, target)
        self._displace(entry)
        self._pay(entry, -1)
        self.incomplete.pop(target, None)
        self.local.pop(target, None)
        self._requesters -= len(entry.requesters or ())
        return entry

    def charge(self, entry: Entry, payer: IPAddress | Proved | None) -> None:
        """Charge an entry of this cache to another account from now on, or to none."""
        if entry.payer != payer:
            self._pay(entry, -1)
            entry.payer = payer
            entry.say_changed()
            self._pay(entry, 1)

    def _pay(self, entry: Entry, more: int) -> None:
        if entry.payer is not None:
            addresses = self._by_payer.pop(entry.payer, 0) + more * entry.target.size
            if addresses:
                self._by_payer[entry.payer] = addresses

    def touch(self) -> None:
        """Record that all entries may look different now."""
        if self.changed is not None:
            self.changed.update(zip(self._table, self._table.values(), strict=True))

    def remember(self, entry: Entry, asker: IPAddress, requester: Requester, now: float) -> bool:
        """Store who resolved a local entry of this cache. Returns False if there is no room."""
        is_new = asker not in (entry.requesters or {})
        if is_new and self._requesters >= LARGEST_REQUESTERS:
            if self._pruned_at is None or now - self._pruned_at >= PRUNE_INTERVAL:
                self._pruned_at = now
                for local in self.local.values():  # what an expired requester resolved has expired there, too
                    known = {asker: one for asker, one in (local.requesters or {}).items() if one.expires > now}
                    local.requesters = known
                    local.say_changed()
                self._requesters = sum(len(local.requesters or ()) for local in self.local.values())
            if self._requesters >= LARGEST_REQUESTERS:
                return False
        self._requesters += is_new
        known = entry.requesters = entry.requesters or {}
        known[asker] = requester
        entry.say_changed()
        return True

    def move(self, entry: Entry, to: NbmaPeer) -> None:
        """Give the peer of this entry another NBMA address or connection."""
        self._displace(entry)
        entry.port = entry.port if to.nbma == entry.nbma else 0
        entry.nbma, entry.connection = to
        entry.say_changed()
        self._place(entry)

    def _place(self, entry: Entry) -> None:
        if entry.nbma is not None and (there := self._by_nbma.setdefault(entry.nbma, entry)) is not entry:
            self._by_nbma[entry.nbma] = _joined(there, entry)
        number = entry.connection
        if number and (there := self._by_connection.setdefault(number, entry)) is not entry:
            self._by_connection[number] = _joined(there, entry)

    def _displace(self, entry: Entry) -> None:
        if entry.nbma is not None:
            _forget(self._by_nbma, entry.nbma, entry.target)
        if entry.connection:
            _forget(self._by_connection, entry.connection, entry.target)


def _by_target(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.target)


def _of(there: _Entries | None) -> Collection[Entry]:
    match there:
        case None:
            return ()
        case dict():
            return there.values()
        case _:
            return (there,)


def _joined(there: _Entries, entry: Entry) -> _Entries:
    """Return the entries of a key, with another one."""
    if not isinstance(there, dict):
        return {there.target: there, entry.target: entry}
    there[entry.target] = entry
    return there


def _forget(index: dict[K, _Entries], key: K, target: Prefix) -> None:
    there = index[key]
    if isinstance(there, dict):
        del there[target]
    if not isinstance(there, dict) or not there:
        del index[key]
