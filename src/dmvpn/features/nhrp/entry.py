"""One entry of the NHRP cache: which NBMA address leads to which overlay addresses, and how we know (RFC 2332 §6).

An `Entry` maps a target (a host, or a whole prefix) by way of a next hop, the tunnel address of the router there, to
that router's NBMA address. The kinds of entries, by their origin:

    static       the configuration (`map`, `nhs ... nbma`); never expires, is never overwritten
    registered   a client's Registration Request (server)
    resolved     a Resolution Reply (resolver); its route states say what the RIB was told
    implicit     the source fields of a Resolution Request that we answered (responder)
    local        our own prefix that we gave to others; remembers who asked, so that they can be told when it goes
    incomplete   asked for, no answer yet, or the answer was no

A `Neighbor` is where a packet goes, or came from: an NBMA address, and on a protected tunnel the connection that the
packet takes there. An NBMA address alone does not name a station: behind one translator there may be several, each with
a connection of its own. A message from a station names its connection; of a server that is only configured the address
is known.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.protection import Proved
    from dmvpn.base.reasons import Reason


class Neighbor(NamedTuple):
    """See the module's docstring.

    connection: 0 is the newest with that address; in clear there is no other.
    """

    nbma: IPAddress
    connection: int = 0

    @property
    def account(self) -> IPAddress | int:
        """What its traffic is counted under: it keeps its connection wherever it moves."""
        return self.connection or self.nbma

    def meets(self, other: Neighbor | None) -> bool:
        """Return whether it is the same station, as far as we know."""
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
    """Who resolved a prefix of ours.

    at: where our reply went, or would go directly.
    expires: seconds.
    """

    request_id: int
    at: Neighbor
    expires: float


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the cache. Times are seconds on the router's clock; expires None: never.

    changed: of the cache that it is in, which notes by itself what changes.
    nbma: where packets go; None while incomplete.
    connection: on a protected tunnel, over which; 0: the newest with that address.
    identity, proved: what it proved to IKE when it registered, for people and to be compared.
    payer: under which identity a registered entry is counted, or outer NBMA address if none was proved; None: it is
        not.
    claimed: the NBMA address that a peer behind NAT believes it has.
    port: the UDP port by which a server hears it, 0: none is known.
    holding_time: seconds, as the peer gave it.
    asked: the host that our request was for (a refresh asks for it again).
    hits: packets or redirects that an incomplete entry kept waiting.
    reason: why it is not as it should be.
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

    def tell(self, changed: dict[Prefix, None] | None) -> None:
        """Note changes there from now on, or nowhere: the entry came into a cache, or left it."""
        self.changed = changed

    def moved(self, to: Neighbor) -> None:
        """Lead to this place from now on."""
        self.port = self.port if to.nbma == self.nbma else 0
        self.nbma, self.connection = to

    def charged(self, payer: IPAddress | Proved | None) -> None:
        """Count under this identity or NBMA address from now on, or under nobody."""
        self.payer = payer

    def known_to(self, requesters: dict[IPAddress, Requester]) -> None:
        """Remember these requesters, by their tunnel addresses, and no others."""
        self.requesters = requesters

    def asked_for(self) -> None:
        """Count a packet or a redirect that wants it while it has no answer."""
        self.hits += 1

    def lasts(self, until: float, reason: Reason | None = None) -> None:
        """Keep it until then (seconds), for this reason if there is a new one."""
        self.expires = until
        self.reason = reason if reason is not None else self.reason

    def explain(self, reason: Reason | None) -> None:
        """Say why it is not as it should be; None: it is."""
        self.reason = reason

    def routed(self, route: RouteState) -> RouteState:
        """Note what the RIB is told about it from now on. Returns what the RIB was told before."""
        before, self.route = self.route, route
        return before

    def prove(self, *, proved: bool) -> None:
        """Let packets take it as a way of their own, or not (any more)."""
        self.flags = self.flags & ~Flag.TEMPORARY if proved else self.flags | Flag.TEMPORARY

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

    def holds(self, seconds: int, now: float) -> None:
        """Start its holding time, as the peer gave it."""
        self.holding_time = seconds
        self.expires = now + seconds

    def registered(self, flags: Flag, claimed: IPAddress | None, group: str, mtu: int) -> None:
        """Take over what its client said of itself in its last registration."""
        self.flags, self.claimed, self.group, self.mtu = flags, claimed, group, mtu

    def proved_as(self, identity: str, proved: Proved | None) -> None:
        """Take over what its client proved to IKE, where it registers from now on."""
        self.identity, self.proved = identity, proved

    @property
    def neighbor(self) -> Neighbor | None:
        """Where packets go; None while incomplete."""
        return Neighbor(self.nbma, self.connection) if self.nbma is not None else None

    @property
    def is_local(self) -> bool:
        """Whether it is our own prefix, given to others."""
        return Flag.LOCAL in self.flags

    @property
    def is_registered(self) -> bool:
        """Whether a client of ours registered it."""
        return Flag.REGISTERED in self.flags

    @property
    def is_next_hop(self) -> bool:
        """Whether it maps a tunnel address itself: a packet for `next_hop` goes to `nbma`."""
        return self.target.address == self.next_hop and self.target.is_host

    @property
    def is_configured(self) -> bool:
        """Whether the configuration, or a server itself, told it."""
        return self.type is EntryType.STATIC

    @property
    def binds(self) -> bool:
        """Whether it was configured or registered here, so that packets and messages may rely on it."""
        return self.type is EntryType.STATIC or self.is_registered
