"""What neighbors send: from an UPDATE to Adj-RIB-In, and from there to paths; limits, dampening, and graceful restart.

Damaged routes are treated as withdrawn (RFC 7606), looped routes are not accepted. Inbound filters and their changes
are applied in slices, because a neighbor may send thousands of routes. `maximum-prefix` limits the prefixes of each
neighbor, and there is a total for all.

Route flap dampening: RFC 2439, with the penalties of IOS.

    withdrawn: 1000, changed: 500 ──> penalty, halved each half-life ──> above the limit: suppressed
         suppressed ── penalty down to the reuse limit ──> used again ── down to half of that ──> forgotten

Only routes of external neighbors are dampened, and the end of a session is not a flap.

Graceful restart, the helper's side: RFC 4724 §4.2, with NOTIFICATIONs that a restart may follow (RFC 8538).

    session lost ──> its routes stay, marked as stale ──> peer is back ──> routes not sent again are removed
                              └── it does not come back within its restart time: all routes are removed
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import islice
from math import exp2, log2
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Deadlines, Timer
from dmvpn.base.notices import Notice
from dmvpn.base.ports import Ports
from dmvpn.base.routemaps import UNCHANGED, Changes, HopWord
from dmvpn.base.values import Mutable
from dmvpn.features.bgp import messages
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind, Withdraw, prepended, read
from dmvpn.features.bgp.families import FAMILIES
from dmvpn.features.bgp.model import Dampening, FilterDirection
from dmvpn.features.bgp.neighbor import FamilyState, Peer
from dmvpn.features.bgp.output import leaving
from dmvpn.features.bgp.packet import AS_TRANS, Cease, ErrorCode, Nlri, NumberedPrefix, Update, in_order, prefix_of
from dmvpn.features.bgp.paths import DEFAULT_LOCAL_PREF, LocRib, Path, PathOrigin, peer_source
from dmvpn.features.bgp.policy import EXTERNAL, INTERNAL, changed, verdict
from dmvpn.features.bgp.session import Ending, Session, cease
from dmvpn.features.bgp.settings import PeerSettings

#: A route of a neighbor: its address, and the prefix with its path identifier.
Key = tuple[IPAddress, Nlri]


# ------------------------------------------------------------------------------------------------ Adj-RIB-In


#: Seconds between two log messages about damaged UPDATEs of one peer.
_COMPLAINT_PAUSE: Final = 60.0
#: Paths to one prefix that are accepted from a peer: each change of one examines all of them. Twice as many while the
#: peer refreshes its table, because it may use other path identifiers and the old paths are still stored.
MOST_PATHS: Final = 32


class AdjRibIn:
    """Writes the Adj-RIB-In of all peers. say: takes log messages. total: prefixes of all peers."""

    def __init__(self, say: Callable[[Notice], None]) -> None:
        self._say = say
        self.total = 0

    def take(
        self, peer: Peer, session: Session, update: Update, router_id: IPv4Address, cluster: IPv4Address, now: float
    ) -> dict[Nlri, None]:
        """Apply an UPDATE to the Adj-RIB-In of a peer; returns the prefixes that changed."""
        if peer.stale:
            for nlri in (*update.withdrawn, *update.announced):
                peer.stale.pop(nlri, None)
        changed = dict.fromkeys(nlri for nlri in update.withdrawn if nlri in peer.received)
        for nlri in changed:
            self._drop(peer, nlri)
        if not update.announced:
            return changed
        attributes = self._attributes(peer, session, update, now)
        if attributes is not None and not self.is_welcome(peer, session, attributes, router_id, cluster):
            peer.denied += len(update.announced)
            attributes = None
        for nlri in update.announced:
            if not (_has_room(peer, nlri) if isinstance(nlri, NumberedPrefix) else nlri.is_for_stations):
                peer.denied += attributes is not None
                continue
            before = peer.received.get(nlri)
            if before is attributes or (before is not None and before == attributes):
                continue
            changed[nlri] = None
            if attributes is None:
                self._drop(peer, nlri)
            else:
                if before is None:
                    self.total += 1
                    if isinstance(nlri, NumberedPrefix):
                        peer.several[nlri.prefix] = peer.several.get(nlri.prefix, 0) + 1
                peer.received[nlri] = attributes
        return changed

    def _drop(self, peer: Peer, nlri: Nlri) -> None:
        del peer.received[nlri]
        self.total -= 1
        if isinstance(nlri, NumberedPrefix):
            left = peer.several.pop(nlri.prefix) - 1
            if left:
                peer.several[nlri.prefix] = left

    def clear_peer(self, peer: Peer) -> Mapping[Nlri, Attributes]:
        """Clear the Adj-RIB-In of a peer whose session is over. Returns its former content."""
        received = peer.clear_adj_rib_in()
        self.total -= len(received)
        return received

    def refresh(self, peer: Peer, *, ends: bool) -> dict[Nlri, None]:
        """Begin or end a refresh: at its end, routes not sent again are removed (RFC 7313 §4). Returns them."""
        if not ends and len(peer.stale) == len(peer.received):
            return {}  # all are marked already
        gone, peer.stale = peer.stale, {} if ends else dict.fromkeys(peer.received)
        if not ends:
            return {}
        for nlri in gone:
            if nlri in peer.received:
                self._drop(peer, nlri)
        return gone

    @staticmethod
    def readable(peer: Peer, session: Session, update: Update) -> Attributes | None:
        """Return the attributes of an UPDATE, for display; None: they cannot be read."""
        try:
            return _read(peer, session, update)[0]
        except Withdraw:
            return None

    def _attributes(self, peer: Peer, session: Session, update: Update, now: float) -> Attributes | None:
        """Return the attributes; None: the routes are treated as withdrawn."""
        try:
            if update.damage:
                raise Withdraw(update.damage, offset=0, clause="RFC 7606 §4")
            attributes, dropped = _read(peer, session, update)
            _check_path(peer.settings, attributes.path)
        except Withdraw as error:
            self._complain(peer, f"{error.what}; its routes count as withdrawn", now)
            return None
        if dropped:
            self._complain(peer, f"{', '.join(dropped)} was dropped; its routes are taken without it", now)
        return attributes

    def _complain(self, peer: Peer, what: str, now: float) -> None:
        """Log at most one line a minute: a peer that sends one damaged UPDATE sends many."""
        if now - peer.complained >= _COMPLAINT_PAUSE:
            peer.complained = now
            self._say(messages.malformed(peer.address, what))

    @staticmethod
    def is_welcome(
        peer: Peer, session: Session, attributes: Attributes, router_id: IPv4Address, cluster: IPv4Address
    ) -> bool:
        """Return whether the routes are free of loops (RFC 4271 §9.1.2, RFC 4456 §8, RFC 5065 §4) and we are not the
        next hop.
        """
        if own_systems(peer.settings, session.identity.local_as, attributes.path) > peer.settings.lines.allow_own_as:
            return False
        if session.up is not None and attributes.next_hop == session.up.local:
            return False
        return attributes.originator != router_id and cluster not in attributes.clusters


def _read(peer: Peer, session: Session, update: Update) -> tuple[Attributes, tuple[str, ...]]:
    settings = peer.settings
    inside = {"internal": settings.internal, "confederate": settings.confederate}
    return read(update.attributes, update.hops, wide=session.wide, **inside)


def _check_path(settings: PeerSettings, path: tuple[Segment, ...]) -> None:
    """Check that the path begins with the AS of the sender, and that peers outside our confederation send no
    confederation segments: RFC 4271 §6.3, RFC 5065 §5. Raises Withdraw.

    The four-octet AS number of a two-octet speaker appears as AS_TRANS; its real one is in AS4_PATH (RFC 6793).
    """
    if settings.internal:
        return
    kind = SegmentKind.CONFEDERATION_SEQUENCE if settings.confederate else SegmentKind.SEQUENCE
    if not path or path[0].kind is not kind or path[0].systems[0] != settings.remote_as != AS_TRANS:
        raise Withdraw("the path does not begin with its sender", offset=0, clause="RFC 4271 §6.3")
    if not settings.confederate and any(part.is_inside for part in path):
        raise Withdraw("the path has members of a confederation", offset=0, clause="RFC 5065 §5")


def own_systems(settings: PeerSettings, known_as: int, path: tuple[Segment, ...]) -> int:
    """Return how often our AS is in a path. known_as: the AS number that we present to the neighbor that sent it."""
    if not settings.confederation.identifier:
        return sum(part.systems.count(known_as) for part in path)
    ours = settings.system, settings.confederation.identifier
    return sum(part.systems.count(ours[0] if part.is_inside else ours[1]) for part in path)


def _has_room(peer: Peer, nlri: NumberedPrefix) -> bool:
    """Return whether a neighbor may advertise this path: it is known already, or there may be another to its prefix."""
    if not nlri.prefix.is_for_stations:
        return False
    most = 2 * MOST_PATHS if peer.stale else MOST_PATHS
    return nlri in peer.received or peer.several.get(nlri.prefix, 0) < most


# ------------------------------------------------------------------------------------------------ paths


class Learning:
    """Received routes that have not been filtered yet. Only this class writes the paths of neighbors. waiting: how
    many.

    damped: routes that dampening suppresses.
    """

    def __init__(self, ports: Ports, damped: Collection[Key]) -> None:
        self._ports = ports
        self._damped = damped
        self._waiting: dict[IPAddress, tuple[Peer, dict[Nlri, None]]] = {}
        self.waiting = 0
        self.default_pref = DEFAULT_LOCAL_PREF

    def add(self, peer: Peer, prefixes: Iterable[Nlri]) -> None:
        """Queue routes that a neighbor changed, or that its filters may treat differently now. The neighbor may be
        gone.
        """
        _, waiting = self._waiting.get(peer.address, (peer, {}))
        before = len(waiting)
        if waiting:
            waiting.update(dict.fromkeys(prefixes))
        else:
            waiting = dict.fromkeys(prefixes)  # one copy, without visiting each of 100,000 prefixes
        self.waiting += len(waiting) - before
        if waiting:
            self._waiting[peer.address] = peer, waiting

    def clear(self) -> None:
        """Drop the queue because the process ends."""
        self._waiting.clear()
        self.waiting = 0

    def prefixes(self) -> Iterator[Prefix]:
        """Yield the queued prefixes."""
        return (prefix_of(one) for _, waiting in self._waiting.values() for one in waiting)

    def take(self, table: LocRib, most: int, now: float) -> tuple[list[Nlri], list[Peer]]:
        """Process up to `most` routes; returns them, and the neighbors whose routes are all processed."""
        found: list[Nlri] = []
        done: list[Peer] = []
        while self._waiting and len(found) < most:
            address, (peer, waiting) = next(iter(self._waiting.items()))
            some = list(islice(waiting, most - len(found)))
            self._learn(table, peer, some, now)
            found += some
            self.waiting -= len(some)
            if len(some) == len(waiting):
                del self._waiting[address]
                done.append(peer)
                continue
            for one in some:
                del waiting[one]
        return found, done

    def _learn(self, table: LocRib, peer: Peer, prefixes: Iterable[Nlri], now: float) -> None:
        policies = self._ports.policies.of_routes()
        lines = peer.settings.lines
        kinds = INTERNAL if peer.settings.internal or peer.settings.confederate else EXTERNAL
        has_filters = any(filter_.direction is FilterDirection.IN for filter_ in lines.filters)
        last: tuple[Attributes, Changes, Path] | None = None  # prefixes of one UPDATE share their path
        alike: list[Prefix] = []  # those that share it

        def store() -> None:
            if last is not None:
                table.put(alike, last[2])
                alike.clear()

        for one in prefixes:
            prefix, number = one if isinstance(one, NumberedPrefix) else (one, None)
            attributes = peer.received.get(one)
            changes = (
                verdict(policies, lines, FilterDirection.IN, prefix, attributes, kinds)
                if has_filters and attributes is not None
                else UNCHANGED
            )
            if has_filters or peer.filtered:
                peer.filter(one, is_refused=attributes is not None and changes is None)
            if attributes is None or changes is None:
                store()
                table.take_away(prefix, peer_source(peer.address, number))
                continue
            its_own = number, (peer.address, one) in self._damped if self._damped else False
            is_known = last is not None and last[0] is attributes and last[1] is changes
            if last is None or not is_known or (last[2].number, last[2].damped) != its_own:
                store()
                path = _path(peer, attributes, changes, self.default_pref, now)
                is_usual = its_own == (None, False)
                last = attributes, changes, path if is_usual else replace(path, number=number, damped=its_own[1])
            alike.append(prefix)
        store()


def _path(peer: Peer, attributes: Attributes, changes: Changes, default_pref: int, now: float) -> Path:
    settings, lines = peer.settings, peer.settings.lines
    if settings.local_as != settings.real_as and not settings.internal and lines.local_as_prepends:
        attributes = replace(attributes, path=prepended(attributes.path, settings.local_as))
    attributes = changed(attributes, changes, {HopWord.PEER: peer.address})
    if settings.is_leaving:
        attributes = leaving(attributes, lines.shutdown_preference)
    return Path(
        origin=PathOrigin.PEER,
        attributes=attributes,
        peer=peer.address,
        identifier=peer.neighbor.identifier,
        internal=settings.internal,
        confederate=settings.confederate,
        client=lines.route_reflector_client,
        default_pref=default_pref,
        weight=(lines.weight or 0) if changes.weight is None else changes.weight,
        since=now,
    )


# ------------------------------------------------------------------------------------------------ route flap dampening


WITHDRAWN: Final = 1000.0
CHANGED: Final = 500.0
#: Routes whose flaps are recorded; further routes are not dampened.
MOST: Final = 20_000
#: Routes that are processed at once when their penalty has decayed.
_AT_ONCE: Final = 64
#: Cost of that, from the budget for one event.
_COST: Final = 8


class Flap(Mutable):
    """The flap history of a route. penalty: as of `at`, seconds monotonic. count: flaps since `since`.

    path: the AS path that was received last.
    """

    penalty: float
    at: float
    since: float
    count: int
    path: tuple[Segment, ...]


class Flaps:
    """Records flaps and suppresses routes. suppressed: routes that are not used."""

    def __init__(self, state: FamilyState, learning: Learning, suppressed: dict[Key, None]) -> None:
        self._state = state
        self._context = state.context
        self._learning = learning
        self._known: dict[Key, Flap] = {}
        self._due: Deadlines[Key] = Deadlines()
        self._expiry = Timer("use damped routes again", self._expire, cost=_COST)
        self.suppressed = suppressed

    def before(self, peer: Peer, update: Update) -> dict[Nlri, tuple[Segment, ...]]:
        """Return the routes that an UPDATE may flap, with their current AS paths; empty if the peer is not dampened."""
        settings = peer.settings
        if self._state.config.dampening is None or settings.internal or settings.confederate:
            return {}
        announced, received = (*update.withdrawn, *update.announced), peer.received
        return {nlri: received[nlri].path for nlri in announced if nlri in received}

    def received(self, peer: Peer, before: dict[Nlri, tuple[Segment, ...]], changed: dict[Nlri, None]) -> None:
        """Record the flaps of an UPDATE: the routes of `before` that it withdrew or changed."""
        limits = self._state.config.dampening
        if limits is None or not before:
            return
        for nlri, path in before.items():
            if nlri in changed:
                self._flap((peer.address, nlri), path, CHANGED if nlri in peer.received else WITHDRAWN, limits)
        self._arm()

    def penalty(self, flap: Flap, now: float) -> float:
        """Return the current, decayed penalty."""
        limits = self._state.config.dampening
        return flap.penalty * exp2((flap.at - now) / limits.half_life) if limits is not None else 0.0

    def history(self, address: IPAddress, nlri: Nlri) -> Flap | None:
        """Return the flap history of a route; None: it has none."""
        return self._known.get((address, nlri))

    def all(self) -> Iterator[tuple[Key, Flap]]:
        """Yield all routes with a flap history, sorted by prefix."""
        yield from sorted(self._known.items(), key=lambda one: (in_order(one[0][1]), one[0][0]))

    def reuse_in(self, address: IPAddress, nlri: Nlri, now: float) -> float | None:
        """Return the seconds until a route is used again; None: it is not suppressed."""
        due = self._due.when((address, nlri)) if (address, nlri) in self.suppressed else None
        return max(0.0, due - now) if due is not None else None

    def _expire(self) -> None:
        """Use suppressed routes again whose penalty has decayed, and forget the history of the other routes that are
        due.
        """
        limits, now = self._state.config.dampening, self._context.now
        for key in self._due.take_due(now, _AT_ONCE):
            if limits is not None and key in self.suppressed:
                self._aim(key, limits, limits.reuse / 2, now)
                self._release(key)
            else:
                self._known.pop(key, None)
        self._arm()

    def clear_flaps(self, prefix: Prefix | None = None) -> None:
        """Clear the flap history of all routes, or of those to one prefix; suppressed routes are used again."""
        for key in [key for key in self._known if prefix is None or prefix_of(key[1]) == prefix]:
            del self._known[key]
            self._due.cancel(key)
            self._release(key)
        self._arm()

    def _flap(self, key: Key, path: tuple[Segment, ...], penalty: float, limits: Dampening) -> None:
        flap, now = self._known.get(key), self._context.now
        if flap is None:
            if len(self._known) >= MOST:
                return
            flap = self._known[key] = Flap(0.0, now, now, 0, path)
        flap.penalty = min(self.penalty(flap, now) + penalty, limits.highest)
        flap.at, flap.path = now, path
        flap.count += 1
        if flap.penalty > limits.suppress:
            self.suppressed[key] = None
        self._aim(key, limits, limits.reuse if key in self.suppressed else limits.reuse / 2, now)

    def _aim(self, key: Key, limits: Dampening, target: float, now: float) -> None:
        """Schedule the moment at which the penalty will have decayed to `target`."""
        left = self.penalty(self._known[key], now) / target
        self._due.set(key, now + limits.half_life * log2(left) if left > 1 else now)

    def _release(self, key: Key) -> None:
        if key not in self.suppressed:
            return
        del self.suppressed[key]
        peer = self._state.peers.get(key[0])
        if peer is not None:
            self._learning.add(peer, (key[1],))

    def _arm(self) -> None:
        self._context.arm(self._expiry, self._due.next())


# ------------------------------------------------------------------------------------------------ graceful restart


def may_return(session: Session, ending: Ending) -> bool:
    """Return whether a restart of the peer may follow this ending of its session."""
    restart, notification = session.restart, ending.notification
    if restart is None or not restart.keeps:
        return False
    if notification is None:
        return ending.is_lost
    if notification.code == ErrorCode.CEASE and (ending.by == "sent" or notification.subcode == Cease.HARD_RESET):
        return False
    return restart.notifies


class Restarts:
    """Keeps the routes of restarting peers: those whose timer `restart` runs."""

    def __init__(self, state: FamilyState, adj_rib_in: AdjRibIn, learning: Learning) -> None:
        self._state = state
        self._context = state.context
        self._adj_rib_in = adj_rib_in
        self._learning = learning

    def deadline(self, peer: Peer) -> float | None:
        """Return when a peer must be back, or must have sent its whole table; None: no restart is in progress."""
        return self._context.timers.when(peer.restart)

    def lost(self, peer: Peer, session: Session, ending: Ending) -> None:
        """Keep the routes of a peer whose session ended if a restart may follow, otherwise remove them."""
        restart = session.restart
        if restart is None or peer.settings.family not in restart.keeps or not may_return(session, ending):
            self.give_up(peer)
            return
        if self.deadline(peer) is not None:  # the second restart in a row: RFC 4724 §4.2
            self._learning.add(peer, self._adj_rib_in.refresh(peer, ends=True))
        self._adj_rib_in.refresh(peer, ends=False)
        self._context.start(peer.restart, restart.seconds)

    def back(self, peer: Peer, session: Session) -> None:
        """Note that a restarting peer is established: it resends its table. Without preserved forwarding state, its
        stale routes are removed at once.
        """
        if self.deadline(peer) is None:
            return
        if session.restart is None or peer.settings.family not in session.restart.kept:
            self.forget_stale(peer)
        else:
            self._context.start(peer.restart, self._state.config.stale_time)

    def end_of_rib(self, peer: Peer) -> None:
        """Handle the End-of-RIB marker of a peer: if it restarted, its restart is complete."""
        if self.deadline(peer) is not None:
            self.forget_stale(peer)

    def forget_stale(self, peer: Peer) -> None:
        """Remove the routes that a peer has not sent again."""
        self._context.stop(peer.restart)
        self._learning.add(peer, self._adj_rib_in.refresh(peer, ends=True))

    def give_up(self, peer: Peer) -> None:
        """Remove all routes of a peer that has no session."""
        self._context.stop(peer.restart)
        self._learning.add(peer, self._adj_rib_in.clear_peer(peer))

    def not_back(self, peer: Peer) -> None:
        """End the wait for a restarting peer that has not returned, or not sent its whole table, in time."""
        if peer.session is None:
            self.give_up(peer)
            self._state.process.forget_guest(peer.neighbor)
        else:
            self.forget_stale(peer)


# ------------------------------------------------------------------------------------------------ maximum-prefix


#: Prefixes accepted from all peers together, whatever `maximum-prefix` says: some 700 MB.
MOST_PREFIXES: Final = 250_000


class Limits:
    """Ends sessions of peers that exceed a limit, and schedules their return."""

    def __init__(self, state: FamilyState, adj_rib_in: AdjRibIn, restarts: Restarts) -> None:
        self._state = state
        self._context = state.context
        self._adj_rib_in = adj_rib_in
        self._restarts = restarts

    def check(self, peer: Peer) -> None:
        """Check the prefix limit of a peer: warn, or end its session.

        Stale prefixes do not count: those sent again with other path identifiers would count twice.
        """
        limit, session = peer.settings.lines.maximum_prefixes, peer.session
        if not limit or session is None:
            return
        accepted, family = peer.accepted - len(peer.stale), FAMILIES[peer.settings.family].number
        if accepted > limit:
            if not peer.exceeded:  # prefixes are counted in slices: log once, until the count is below the limit again
                peer.count(exceeded=True)
                self._context.emit(messages.maximum_exceeded(peer.address, family, accepted, limit))
            if not peer.settings.lines.only_warn:
                # It stays down for the minutes of `restart`, or until `clear ip bgp`.
                minutes = peer.settings.lines.restart_minutes
                peer.neighbor.bar(self._context.now + 60.0 * minutes if minutes else float("inf"))
                if minutes:
                    self._context.start(peer.neighbor.timers.connect, 60.0 * minutes)
                session.notify(cease(Cease.MAXIMUM_PREFIXES), "BGP Notification sent")
            return
        is_near = accepted * 100 > limit * peer.settings.lines.warn_percent
        if is_near and not peer.warned:
            self._context.emit(messages.maximum_near(peer.address, family, accepted, limit))
        peer.count(warned=is_near)

    def check_all(self) -> None:
        """Check the total of all peers: the peer with the most prefixes loses its session, or its kept routes if it
        restarts; the other sessions stay up.
        """
        if self._adj_rib_in.total <= MOST_PREFIXES:
            return
        peer = max(self._state.peers.values(), key=lambda one: len(one.received))
        self._context.emit(messages.maximum_exceeded(peer.address, None, len(peer.received), MOST_PREFIXES))
        if peer.session is None:
            self._restarts.not_back(peer)
        else:
            peer.session.notify(cease(Cease.OUT_OF_RESOURCES), "BGP Notification sent")
