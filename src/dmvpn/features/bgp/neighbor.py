"""A neighbor: its sessions, its routes (Adj-RIB-In), its update group, and our connections to it; and all neighbors.

    Idle ── route to the peer ──> Active ── connection, by either end ──> one or two sessions ──> one established

Both ends may connect at once; when an OPEN identifies the peer, one connection is closed (RFC 4271 §6.8). We connect as
soon as there is a route to the neighbor, and retry with growing pauses. BFD may watch a session (`fall-over bfd`).

`State` has the tables of neighbors and connections, which change only through its methods, and the configuration, which
only the machine writes.
"""

from __future__ import annotations

from dataclasses import field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix
from dmvpn.base.entropy import jittered
from dmvpn.base.notices import Client, InterfaceState, PathLost, Route, RouteSource, WatchWanted, Witness
from dmvpn.base.reasons import Reason
from dmvpn.base.streams import StreamOpen
from dmvpn.base.values import Mutable, project
from dmvpn.features.bgp.families import FAMILIES, Family
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.bgp.packet import Cease, Nlri, Restart
from dmvpn.features.bgp.reasons import BgpReason
from dmvpn.features.bgp.session import MessageCounts, OpenParameters, Session, SessionState, cease
from dmvpn.features.bgp.updates import SendQueue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.base.context import Context, Timer
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.attributes import Attributes
    from dmvpn.features.bgp.groups import UpdateGroup
    from dmvpn.features.bgp.settings import PeerSettings


# ------------------------------------------------------------------------------------------------ a neighbor


#: Seconds until the next connection attempt, the first time and at most; each failure doubles them.
FIRST_RETRY: Final = 5.0
LONGEST_RETRY: Final = 60.0
_ORDER: Final = tuple(SessionState)


class NeighborTimers(NamedTuple):
    """Timers of a neighbor. connect: connect to it. leave: end its sessions after graceful shutdown."""

    connect: Timer
    leave: Timer


class Neighbor:
    """A neighbor and its sessions. dynamic: it connected from a listen range. reason: why we do not connect to it.

    settings: those of its sessions. peers: what it is in each of its families, by key.
    changed: when it came up or went down last, seconds monotonic; None: never. retry: seconds until the next attempt.
    identifier: its router ID, from its last OPEN.
    barred_until: connections are neither made nor accepted before, because it sent too many prefixes.
    """

    def __init__(self, settings: PeerSettings, timers: NeighborTimers, *, dynamic: bool) -> None:
        self.settings = settings
        self.address = settings.address
        self.timers = timers
        self.peers: dict[bytes, Peer] = {}
        self.dynamic = dynamic
        self.sessions: list[Session] = []
        self.reason: Reason | None = None
        self.identifier = UNSPECIFIED
        self.last_reset = ""
        self.changed: float | None = None
        self.established = 0
        self.dropped = 0
        self.retry = FIRST_RETRY
        self.barred_until = float("-inf")
        self.counts = MessageCounts.none()

    def forget_families(self) -> None:
        """Forget what it is in its families, because it is gone: the references lead in a circle."""
        self.peers = {}

    @property
    def session(self) -> Session | None:
        """The established session."""
        return next((session for session in self.sessions if session.is_established), None)

    @property
    def state(self) -> str:
        """The state in `show ip bgp summary`."""
        if self.settings.lines.shutdown and self.session is None:
            return "Idle (Admin)"
        if self.barred_until > float("-inf") and not self.sessions:
            return "Idle (PfxCt)"
        if self.sessions:
            return max((session.state for session in self.sessions), key=_ORDER.index).value
        return "Idle" if self.reason is not None else "Active"

    def obey(self, settings: PeerSettings) -> PeerSettings:
        """Apply new settings, those of its families included; returns the old ones."""
        before, self.settings = self.settings, settings
        for one in settings.in_families:
            if one.family in self.peers:
                self.peers[one.family].obey(one)
        return before

    def came_up(self, identifier: IPv4Address, now: float) -> None:
        """Record that the session is established."""
        self.established += 1
        self.identifier = identifier
        self.changed, self.reason = now, None
        self.be_called_often()

    def went_down(self, reason: str, now: float) -> None:
        """Record that the established session ended."""
        self.dropped += 1
        self.changed, self.last_reset = now, reason

    def wait(self, reason: Reason | None) -> None:
        """Record why we do not connect; None: we do."""
        self.reason = reason

    def be_called_often(self) -> None:
        """Reset the retry pause to the shortest one."""
        self.retry = FIRST_RETRY

    def pause(self) -> float:
        """Return the seconds until the next connection attempt, and lengthen the following pause."""
        pause, self.retry = self.retry, min(2 * self.retry, LONGEST_RETRY)
        return pause

    def bar(self, until: float = float("-inf")) -> None:
        """Refuse connections before this time; without a time, allow them again."""
        self.barred_until = until

    @property
    def is_busy(self) -> bool:
        """Return whether a further incoming connection is refused, because the peer has a session already. A peer that
        supports graceful restart may have restarted without closing an established one.
        """
        return any(one.restart is None if one.is_established else one.taken for one in self.sessions)

    def losers(self, opened: Session) -> list[Session]:
        """Return the sessions that end because this one received an OPEN; it may be among them. RFC 4271 §6.8."""
        others = [session for session in self.sessions if session is not opened and session.peer_open is not None]
        if not others or opened.peer_open is None:
            return []
        established = [other for other in others if other.is_established]
        if established:
            return established if opened.taken and all(one.restart is not None for one in established) else [opened]
        own, theirs = opened.identity.router_id, opened.peer_open.identifier
        is_taken_kept = own < theirs if own != theirs else opened.identity.local_as < opened.identity.remote_as
        return [session for session in (opened, *others) if session.taken is not is_taken_kept]

    def end_sessions(self, subcode: Cease, reason: str) -> None:
        """End all sessions with a Cease NOTIFICATION."""
        for session in self.sessions:
            session.notify(cease(subcode), reason)


class Peer:
    """A neighbor in one address family. restart: the timer that stops the wait for its restart, or for the end of its
    table after that; select: filters its routes again.

    received: its Adj-RIB-In. several: how many paths it sent to a prefix, if paths have identifiers.
    filtered: routes of `received` that its filters deny. stale: routes not sent again since a refresh or restart began.
    denied: received routes that were not accepted.
    group: its update group. queue: its send queue. complained: when a damaged UPDATE was last logged.
    """

    def __init__(self, neighbor: Neighbor, settings: PeerSettings, restart: Timer, select: Timer) -> None:
        self.neighbor = neighbor
        self.settings = settings
        self.address = settings.address
        self.restart, self.select = restart, select
        self.received: dict[Nlri, Attributes] = {}
        self.several: dict[Prefix, int] = {}
        self.filtered: dict[Nlri, None] = {}
        self.group: UpdateGroup | None = None
        self.queue = SendQueue(settings.address)
        self.stale: dict[Nlri, None] = {}
        self.complained = float("-inf")
        self.denied = 0
        self.warned = False
        self.exceeded = False

    @property
    def session(self) -> Session | None:
        """The established session that carries the family."""
        key = self.settings.family
        return next((one for one in self.neighbor.sessions if one.is_established and key in one.families), None)

    @property
    def queued(self) -> int:
        """The number of prefixes that are still to be sent to it."""
        group = self.group
        return self.queue.length + (len(group.pending) + len(group.waiting) if group is not None else 0)

    @property
    def accepted(self) -> int:
        """How many of its prefixes were accepted."""
        return len(self.received) - len(self.filtered)

    def obey(self, settings: PeerSettings) -> None:
        """Apply new settings."""
        self.settings = settings

    def count(self, *, warned: bool = False, exceeded: bool = False) -> None:
        """Record which messages about `maximum-prefix` were logged; without an argument, that the count is
        low again.
        """
        self.warned = warned or (exceeded and self.warned)
        self.exceeded = exceeded

    def clear_adj_rib_in(self) -> dict[Nlri, Attributes]:
        """Clear the Adj-RIB-In; returns its content."""
        received, self.received, self.several = self.received, {}, {}
        self.filtered.clear()
        self.stale.clear()
        self.denied = 0
        self.warned = self.exceeded = False
        return received

    def filter(self, nlri: Nlri, *, is_refused: bool) -> None:
        """Record whether its filters deny this route."""
        if is_refused:
            self.filtered[nlri] = None
        else:
            self.filtered.pop(nlri, None)


# ------------------------------------------------------------------------------------------------ the route to it


def local_end(ports: Ports, settings: PeerSettings) -> tuple[IPAddress | None, BgpReason | None]:
    """Return our address for the session, or why no session is possible."""
    route = ports.rib.lookup_without_nhrp(settings.address)
    if route is None or not route.next_hops or leads_past_its_tunnel(ports, settings.address, route):
        return None, BgpReason.NO_ROUTE
    state = ports.interfaces.get(route.next_hops[0].interface)
    is_near = route.source is RouteSource.CONNECTED
    if settings.must_be_connected and not is_near:
        return None, BgpReason.NOT_CONNECTED
    if settings.lines.update_source:
        state = ports.interfaces.get(settings.lines.update_source)
    address = state.primary(settings.address.version) if state is not None and state.line else None
    return address, BgpReason.NO_ADDRESS if address is None else None


def network_of(state: InterfaceState, version: int) -> Prefix | None:
    """Return the connected network of the primary address of this IP version."""
    own = next(iter(state.routed(version)), None)
    return Prefix.of(*own) if own is not None else None


def own_hop(version: int, end: IPAddress, state: InterfaceState | None, router_id: IPv4Address) -> IPAddress:
    """Return the next hop of this IP version that stands for us. end: our end of the session; state: its interface.

    Without an address of the version it is what IOS sends, which no other router can use.
    """
    own = end if end.version == version else state.primary(version) if state is not None else None
    if own is not None:
        return own
    return IPv6Address(0xFFFF << 32 | int(end)) if version == 6 else router_id


def leads_past_its_tunnel(ports: Ports, address: IPAddress, route: Route) -> bool:
    """Return whether the route to a peer in a tunnel's network leaves through another interface: its packets would be
    unencrypted, and another host might answer.
    """
    tunnels = ports.tunnels
    states = [ports.interfaces.get(tunnel.name) for tunnel in tunnels.all()]
    networks = [network_of(state, address.version) for state in states if state is not None]
    inside = any(address in network for network in networks if network is not None)
    return inside and tunnels.get(route.next_hops[0].interface) is None


# ------------------------------------------------------------------------------------------------ all neighbors


class State(Mutable):
    """The state of the process.

    router_id: None while no address can serve as router ID.
    neighbors: by address. families: what their parts share, by key. by_stream: the connections. ended: sessions that
    ended and are not yet buried.
    guests: how many of the neighbors are dynamic.
    """

    context: Context
    config: BgpConfig = field(default_factory=BgpConfig)
    router_id: IPv4Address | None = None
    neighbors: dict[IPAddress, Neighbor] = field(default_factory=dict)
    families: dict[bytes, FamilyState] = field(default_factory=dict)
    by_stream: dict[int, tuple[Neighbor, Session]] = field(default_factory=dict)
    ended: list[Session] = field(default_factory=list)
    guests: int = 0

    @property
    def ports(self) -> Ports:
        """The router's other features."""
        return self.context.ports

    def traces(self, neighbor: IPAddress, *flags: str) -> bool:
        """Return whether one of these debugs is on for this neighbor. Ask first: formatting costs time."""
        return any(self.ports.debugging.on(flag, address=neighbor) for flag in flags)

    # -------------------------------------------------------------------------------------------------- neighbors

    def add(self, neighbor: Neighbor) -> None:
        """Add a neighbor."""
        self.neighbors[neighbor.address] = neighbor
        self.guests += neighbor.dynamic

    def forget_neighbor(self, neighbor: Neighbor) -> None:
        """Forget a neighbor and its timers."""
        self.context.retire(*neighbor.timers)
        for peer in neighbor.peers.values():
            self.forget_peer(peer)
        if self.neighbors.pop(neighbor.address, None) is not None:
            self.guests -= neighbor.dynamic

    def forget_peer(self, peer: Peer) -> None:
        """Forget what a neighbor is in a family, and its timers."""
        self.context.retire(peer.restart, peer.select)
        self.families[peer.settings.family].peers.pop(peer.address, None)

    def forget_guest(self, neighbor: Neighbor) -> None:
        """Forget a dynamic neighbor without a session, unless it may be restarting."""
        is_awaited = any(self.context.is_running(peer.restart) for peer in neighbor.peers.values())
        if neighbor.dynamic and not neighbor.sessions and not is_awaited:
            self.forget_neighbor(neighbor)
            neighbor.forget_families()

    def add_family(self, family: FamilyState) -> None:
        """Add an address family."""
        self.families[family.family.key] = family

    def open(self, neighbor: Neighbor, session: Session) -> None:
        """Add a connection to a neighbor."""
        neighbor.sessions.append(session)
        self.by_stream[session.stream] = neighbor, session

    def close(self, session: Session) -> Neighbor:
        """Remove a connection that ended, and return its neighbor."""
        neighbor, _ = self.by_stream.pop(session.stream)
        neighbor.sessions.remove(session)
        return neighbor

    # -------------------------------------------------------------------------------------------------- router ID

    def choose_router_id(self, *, again: bool = False) -> None:
        """Choose the router ID: the configured one, or the address of the configured interface. Otherwise keep the
        present one; without one, take the highest loopback address, or else the highest address. again: do not keep the
        present one.
        """
        state = self.ports.interfaces.get(self.config.router_id_of) if self.config.router_id_of else None
        if self.config.router_id is not None:
            self.router_id = self.config.router_id
        elif state is not None and isinstance(state.address, IPv4Address):
            self.router_id = state.address
        elif self.router_id is None or again:
            states = self.ports.interfaces.all()
            for some in ([one for one in states if one.name.startswith("Loopback")], states):
                addresses = [one.address for one in some if isinstance(one.address, IPv4Address)]
                if addresses:
                    self.router_id = max(addresses)
                    return

    def forget_router_id(self) -> None:
        """Forget the router ID, because the process ends."""
        self.router_id = None


class FamilyState(Mutable):
    """What the parts of one address family share. config: the lines of the family. peers: its neighbors by address."""

    process: State
    family: Family
    config: BgpConfig = field(default_factory=BgpConfig)
    peers: dict[IPAddress, Peer] = field(default_factory=dict)

    @property
    def context(self) -> Context:
        """That of the process."""
        return self.process.context

    @property
    def ports(self) -> Ports:
        """The router's other features."""
        return self.process.context.ports

    def configure(self, config: BgpConfig) -> BgpConfig:
        """Take over the lines of the family. Returns the old ones."""
        old, self.config = self.config, config
        return old

    def join(self, peer: Peer) -> None:
        """Add a neighbor to the family."""
        self.peers[peer.address] = peer.neighbor.peers[self.family.key] = peer

    def leave(self, peer: Peer) -> None:
        """Remove a neighbor from the family."""
        self.process.forget_peer(peer)
        del peer.neighbor.peers[self.family.key]


# ------------------------------------------------------------------------------------------------ BFD


#: There is only one process.
_PROCESS = 0


def watch(ports: Ports, peer: Neighbor, session: Session, *, wanted: bool) -> list[WatchWanted]:
    """Start or stop watching a peer; nothing for a peer that is not on a connected network."""
    state = ports.interfaces.owner(session.up.local) if session.up is not None else None
    prefix = network_of(state, peer.address.version) if state is not None else None
    if state is None or prefix is None or peer.address not in prefix:
        return []
    return [WatchWanted(Client.BGP, _PROCESS, state.name, peer.address, wanted)]


def path_lost(lost: PathLost, peers: Iterable[Neighbor]) -> None:
    """End the session with an unreachable peer without waiting for the hold time. RFC 9384."""
    why = "BFD adjacency down" if lost.witness is Witness.BFD else "Next hop server does not answer"
    for peer in peers:
        if peer.address == lost.address and peer.session is not None and lost.concerns(Client.BGP, _PROCESS):
            peer.session.notify(cease(Cease.BFD_DOWN), why)


# ------------------------------------------------------------------------------------------------ outgoing connections


PORT: Final = 179


class Connector:
    """Opens connections to neighbors."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._context = state.context

    def connect_soon(self, peer: Neighbor, *, at_once: bool = False) -> None:
        """Connect to a neighbor immediately, or after its retry pause, which grows with each attempt."""
        pause = 0.0 if at_once else jittered(self._state.ports.entropy, peer.pause(), 0.25)
        self._context.start(peer.timers.connect, pause)

    def connect(self, peer: Neighbor) -> None:
        """Open a connection, unless one exists, the peer must not be called, or there is no route to it."""
        state, settings = self._state, peer.settings
        if peer.sessions or peer.dynamic or settings.lines.shutdown or self._context.now < peer.barred_until:
            return
        peer.bar()
        local, why = local_end(state.ports, settings)
        peer.wait(Reason(why, since=self._context.now) if why is not None else None)
        self.connect_soon(peer)
        identity = self.identity(settings)
        if local is None or identity is None or settings.lines.passive:
            return
        session = self.open(peer, state.ports.streams.next(), identity)
        order = StreamOpen(
            session.stream,
            local,
            peer.address,
            PORT,
            password=settings.lines.password,
            minimum_ttl=settings.minimum_ttl,
            ttl=settings.ttl,
        )
        session.connect()
        self._context.emit(order)

    def identity(self, settings: PeerSettings, *, dynamic: bool = False) -> OpenParameters | None:
        """Return the parameters of our OPEN to a neighbor; None: no address can serve as our router ID."""
        state = self._state
        state.choose_router_id()
        if state.router_id is None:
            return None
        return project(
            OpenParameters,
            settings,
            router_id=state.router_id,
            marks_refreshes=not settings.lines.plain_refresh,
            extended=settings.extended,
            families=tuple((FAMILIES[key], ways) for key, ways in settings.families),
            restart=Restart(seconds=state.config.restart_time) if settings.helps else None,
            alternates=settings.lines.alternates if dynamic else (),
        )

    def open(self, peer: Neighbor, stream: int, identity: OpenParameters) -> Session:
        """Begin a session with a neighbor over this stream."""
        state = self._state
        session = Session(stream, identity, peer.address, peer.counts, self._context, state.ended.append)
        state.open(peer, session)
        return session
