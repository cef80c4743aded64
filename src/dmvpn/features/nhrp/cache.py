"""The NHRP cache of one tunnel: which NBMA address leads to which overlay addresses, and how we know (RFC 2332 §6).

An `Entry` maps a target (a host, or a whole prefix) by way of a next hop, the tunnel address of the router there, to
that router's NBMA address. The kinds of entries, by who makes them:

    static       the configuration (`map`, `nhs ... nbma`); never expires, is never overwritten
    registered   a client's Registration Request (server)
    resolved     a Resolution Reply (resolver); its route states say what the RIB was told
    implicit     the source fields of a Resolution Request that we answered (responder)
    local        our own prefix that we gave to others; remembers who asked, so that they can be told when it goes
    incomplete   asked for, no answer yet, or the answer was no

The cache finds by prefix, by longest match, by NBMA address and by connection, each without a scan. It tells nobody
about changes: whoever changes it also tells the data plane and the RIB.

Where a packet goes to, or came from: an NBMA address, and on a protected tunnel the connection that it takes there.

An NBMA address alone does not name a station: behind one translator there may be several, each with a connection of
its own. What was heard from a station names its connection; of a server that is only configured the address is known.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.lpm import PrefixTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.protection import Proved
    from dmvpn.base.reasons import Reason


class Neighbor(NamedTuple):
    """See the module's docstring. connection: 0 is the newest with that address; in clear there is no other."""

    nbma: IPAddress
    connection: int = 0

    @property
    def account(self) -> IPAddress | int:
        """What its traffic is counted under: it keeps its connection wherever it moves."""
        return self.connection or self.nbma

    def meets(self, other: Neighbor | None) -> bool:
        """Is it the same station as far as can be told?"""
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
    """Flags of an entry, in the order in which shows print them; the name in lower case is what they print.

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

#: Entries of one tunnel. Who would be one more is told "insufficient resources".
LARGEST_CACHE = 65_536
#: Entries that lead to one station: Resolution Requests and Replies add no more of them.
LARGEST_RESOLVED = 1024
#: Prefixes of ours that others know. One who answers for the whole Internet gives it away host by host.
LARGEST_LOCAL = 4096
#: Requesters of all prefixes of a tunnel together: whoever is not remembered cannot be told when a prefix goes away.
LARGEST_REQUESTERS = 65_536
#: Seconds between two looks for requesters whose time is over, while there is no room for another.
PRUNE_INTERVAL = 10.0


class RouteState(enum.Enum):
    """What NHRP told the RIB about an entry."""

    NONE = "nothing"
    INSTALLED = "a route of our own"  # T1 in `show dmvpn`
    OVERRIDE = "our next hop for another protocol's route"  # T2
    UNREACHABLE = "that nobody has the address"


#: What each state adds to the flags.
ROUTE_FLAGS: dict[RouteState, Flag] = {
    RouteState.NONE: NO_FLAGS,
    RouteState.INSTALLED: Flag.RIB,
    RouteState.OVERRIDE: Flag.RIB | Flag.NHO,
    RouteState.UNREACHABLE: NO_FLAGS,
}


@dataclass(slots=True)
class Requester:
    """Who resolved a prefix of ours. at: where our reply went, or would go directly. expires: seconds."""

    request_id: int
    at: Neighbor
    expires: float


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the cache. Times are seconds on the router's clock; expires None: never.

    nbma: where packets go; None while incomplete. connection: on a protected tunnel, over which; 0: the newest with
    that address. identity, proved: what it proved to IKE when it registered, for people and to be compared. payer:
    under which identity a registered entry is counted, or outer NBMA address where none was proved; None: it is not.
    claimed: the NBMA address that a peer behind NAT believes it has; port: the UDP port by which a server hears it, 0:
    nothing is known of one. holding_time: seconds, as the peer gave it. asked: the host that our request was for (a
    refresh asks for it again). hits: packets or redirects that an incomplete entry kept waiting. reason: why it is not
    as it should be.

    changed: of its cache; whoever changes an entry that is in one has no need to say so.
    """

    changed: dict[Prefix, None] | None = field(default=None, repr=False, compare=False)
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

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if self.changed is not None:
            self.changed[self.target] = None

    def asked_for(self) -> None:
        """A packet or a redirect wants it while it has no answer."""
        self.hits += 1

    def lasts(self, until: float, reason: Reason | None = None) -> None:
        """It is kept until then (seconds), for this reason if there is a new one."""
        self.expires = until
        self.reason = reason if reason is not None else self.reason

    def explain(self, reason: Reason | None) -> None:
        """Why it is not as it should be; None: it is."""
        self.reason = reason

    def routed(self, route: RouteState) -> RouteState:
        """What the RIB is told about it from now on. What it had been told."""
        before, self.route = self.route, route
        return before

    def prove(self, *, proved: bool) -> None:
        """Packets may take it as a way of their own, or not (any more)."""
        self.flags = self.flags & ~Flag.TEMPORARY if proved else self.flags | Flag.TEMPORARY

    def resolved(self, flags: Flag, claimed: IPAddress | None, port: int, mtu: int) -> None:
        """What a message said of a peer, or of a prefix behind it; flags: of the peer's own entry alone.

        port: 0: nothing was said of one. It is implicit no longer if the peer itself says so.
        """
        self.flags = (self.flags & Flag.TEMPORARY) | Flag.ROUTER | (Flag.NHOP | flags if self.is_next_hop else NO_FLAGS)
        if claimed is not None:
            self.flags |= Flag.NAT
        self.claimed, self.mtu = claimed, mtu
        if port or claimed is None:
            self.port = port if claimed is not None else 0

    def holds(self, seconds: int, now: float) -> None:
        """Its holding time, as the peer gave it, runs from now on."""
        self.holding_time = seconds
        self.expires = now + seconds

    def registered(self, flags: Flag, claimed: IPAddress | None, group: str, mtu: int) -> None:
        """What its client said of itself in its last registration."""
        self.flags, self.claimed, self.group, self.mtu = flags, claimed, group, mtu

    def proved_as(self, identity: str, proved: Proved | None) -> None:
        """What its client proved to IKE, where it registered from this time."""
        self.identity, self.proved = identity, proved

    @property
    def neighbor(self) -> Neighbor | None:
        """Where packets go; None while incomplete."""
        return Neighbor(self.nbma, self.connection) if self.nbma is not None else None

    @property
    def is_local(self) -> bool:
        """Our own prefix, given to others."""
        return Flag.LOCAL in self.flags

    @property
    def is_registered(self) -> bool:
        """A client of ours registered it."""
        return Flag.REGISTERED in self.flags

    @property
    def is_next_hop(self) -> bool:
        """It maps a tunnel address itself: a packet for `next_hop` goes to `nbma`."""
        return self.target.address == self.next_hop and self.target.is_host

    @property
    def is_configured(self) -> bool:
        """The configuration, or a server itself, told it."""
        return self.type is EntryType.STATIC

    @property
    def binds(self) -> bool:
        """The mapping was configured or registered here, so that packets and messages may rely on it as it stands."""
        return self.type is EntryType.STATIC or self.is_registered


@dataclass(slots=True)
class Cache:
    """All entries of a tunnel. changed: targets whose entries may be other ones than before, if anybody remembers."""

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
        """No entry may be added that somebody in the network makes us add."""
        return len(self._table) >= LARGEST_CACHE

    def get(self, target: Prefix) -> Entry | None:
        """The entry of exactly this target."""
        return self._table.get(target)

    def host(self, address: IPAddress) -> Entry | None:
        """The entry of this one address."""
        return self._table.get(Prefix.host(address))

    def lookup(self, address: IPAddress) -> Entry | None:
        """The entry with the longest target that holds `address`."""
        found = self._table.lookup(address)
        return found[1] if found else None

    def binding(self, address: IPAddress) -> Entry | None:
        """The entry with the longest target that holds `address` among those that were configured or registered."""
        for _, entry in self._table.matches(address):
            if entry.binds:
                return entry
        return None

    def at(self, nbma: IPAddress) -> Iterable[Entry]:
        """The entries that lead to this NBMA address, in the order in which they came."""
        return self._by_nbma.get(nbma, {}).values()

    def nbmas(self) -> list[IPAddress]:
        """All NBMA addresses that entries lead to."""
        return list(self._by_nbma)

    def over(self, connection: int) -> list[Entry]:
        """The entries that are bound to this connection."""
        return list(self._by_connection.get(connection, {}).values())

    def paid_by(self, payer: IPAddress | Proved) -> int:
        """How many registered addresses are counted under this identity or NBMA address: a prefix has many."""
        return self._by_payer.get(payer, 0)

    def led_to(self, to: Neighbor) -> int:
        """How many entries lead to a station, by its connection, or by its address where it has none."""
        if to.connection:
            return len(self._by_connection.get(to.connection, ()))
        return len(self._by_nbma.get(to.nbma, ()))

    def behind(self, next_hop: IPAddress) -> list[Entry]:
        """The entries by way of this next hop, its own one included."""
        return list(self._by_next_hop.get(next_hop, {}).values())

    def entries(self) -> list[Entry]:
        """All entries by ascending target."""
        return [entry for _, entry in self._table.items()]

    def add(self, entry: Entry) -> None:
        """Put an entry in; one with the same target is replaced."""
        self.remove(entry.target)
        self._table[entry.target] = entry
        entry.changed = self.changed
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
        entry.changed = None
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
        """An entry of this cache is counted under somebody else from now on, or under nobody."""
        if entry.payer != payer:
            self._pay(entry, -1)
            entry.payer = payer
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
        """What is shown of any entry may be different now."""
        if self.changed is not None:
            self.changed.update(dict.fromkeys(self._table))

    def remember(self, entry: Entry, asker: IPAddress, requester: Requester, now: float) -> bool:
        """Somebody resolved a local entry of this cache. False: there is no room to remember it."""
        known = entry.requesters or {}
        if asker not in known and self._requesters >= LARGEST_REQUESTERS:
            self._prune(now)
            known = entry.requesters or {}
            if self._requesters >= LARGEST_REQUESTERS:
                return False
        self._requesters += asker not in known
        known[asker] = requester
        entry.requesters = known
        return True

    def _prune(self, now: float) -> None:
        """Forget the requesters whose time is over: what they resolved has expired there, too."""
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_INTERVAL:
            return
        self._pruned_at = now
        self._requesters = 0
        for entry in self.local.values():
            known = entry.requesters or {}
            entry.requesters = {asker: requester for asker, requester in known.items() if requester.expires > now}
            self._requesters += len(entry.requesters)

    def move(self, entry: Entry, to: Neighbor) -> None:
        """The peer of this entry has another NBMA address or connection now."""
        if entry.nbma is not None:
            _forget(self._by_nbma, entry.nbma, entry.target)
        if entry.connection:
            _forget(self._by_connection, entry.connection, entry.target)
        entry.port = entry.port if to.nbma == entry.nbma else 0
        entry.nbma, entry.connection = to
        self._by_nbma.setdefault(to.nbma, {})[entry.target] = entry
        if to.connection:
            self._by_connection.setdefault(to.connection, {})[entry.target] = entry


K = TypeVar("K")


def _forget(index: dict[K, dict[Prefix, Entry]], key: K, target: Prefix) -> None:
    targets = index[key]
    del targets[target]
    if not targets:
        del index[key]
