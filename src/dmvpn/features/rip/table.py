"""Routes that the process announces: its own, learned ones, and for a while recently lost ones.

    State     configuration, circuits, and the context of the current event: only the machine writes the first two
    Changes   changed prefixes that are not announced yet, and the time of the next triggered update, RFC 2453 §3.10.1
    Table     changes are offered to the routing table at once, and queued for the next update

Changes that come together are sent together, and triggered updates are at least a second apart. When routes are known
to be lost (an interface went down, BFD lost a gateway), the update is followed by a request to all gateways for their
tables: a gateway that still has our old routes must not answer before it has received the update that poisons them.

Content of an update, RFC 2453 §3.10.2: split horizon is the simple one, as on IOS. Routes that lead out of the
interface are omitted; a route that has become unreachable is announced everywhere. Without split horizon, a route that
leads back into the same subnet carries its next hop (§4.4), so that spokes of one tunnel can reach each other directly.

Distribute lists, offset lists and distances change received and announced routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, Prefix, classful_length
from dmvpn.base.context import Context, Deadlines, Timer, earliest
from dmvpn.base.effects import NextHop
from dmvpn.base.entropy import fraction
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import InterfaceState, Route, RouteChanged, RouteOffered, RouteRetracted, RouteSource
from dmvpn.base.ports import Ports, Rib
from dmvpn.base.routemaps import MatchedRoute
from dmvpn.base.values import Mutable, Value
from dmvpn.features.rip import messages
from dmvpn.features.rip.database import (
    Announcement,
    Database,
    LearnedFrom,
    LearnedRoute,
    OwnRoute,
    all_own_routes,
    own_route,
)
from dmvpn.features.rip.interface import RipInterface, believable
from dmvpn.features.rip.model import RipConfig, RipInterfaceSettings
from dmvpn.features.rip.packet import INFINITY, MAXIMUM_ENTRIES, Command, RipEntry, RipPacket

# --------------------------------------------------------------------------------------------- the state of the process


class State(Mutable):
    """The state of the process. circuits: by interface name."""

    context: Context
    config: RipConfig = field(default_factory=RipConfig)
    circuits: dict[str, RipInterface] = field(default_factory=dict)

    @property
    def ports(self) -> Ports:
        """The router's other features."""
        return self.context.ports


# ------------------------------------------------------------------------------------------------ changed prefixes


#: Seconds until a change is announced.
TRIGGER_DELAY: Final = 0.05
#: Minimum seconds between triggered updates, and the random part added to it (RFC 2453 §3.10.1: 1 to 5 seconds).
TRIGGER_INTERVAL: Final = 1.0
TRIGGER_SPREAD: Final = 4.0


class Changes:
    """The changed prefixes of the process.

    trigger: sends a triggered update. lost: sends one and then requests the tables of all gateways.
    """

    def __init__(self, state: State, trigger: Timer, lost: Timer) -> None:
        self._state = state
        self._context = state.context
        self._prefixes: dict[Prefix, None] = {}
        self._last_trigger = float("-inf")
        self._trigger = trigger
        self._lost = lost

    def note(self, prefixes: Iterable[Prefix] = ()) -> None:
        """Announce these prefixes, and those noted earlier, in the next triggered update."""
        self._prefixes.update(dict.fromkeys(prefixes))
        if not self._prefixes or not self._state.circuits or self._context.is_running(self._trigger):
            return
        pause = TRIGGER_INTERVAL + TRIGGER_SPREAD * fraction(self._context.ports.entropy)
        self._start(self._trigger, self._last_trigger + pause)

    def note_lost(self) -> None:
        """Announce soon that routes are lost, and then request the tables of all gateways."""
        if not self._context.is_running(self._lost):
            self._start(self._lost, self._last_trigger + TRIGGER_INTERVAL)

    def take_triggered(self) -> list[Prefix]:
        """Return the changed prefixes for a triggered update that leaves now."""
        self._last_trigger = self._context.now
        return self.take()

    def take(self) -> list[Prefix]:
        """Return the changed prefixes because an update announces them now."""
        self._context.stop(self._trigger)
        changed, self._prefixes = self._prefixes, {}
        return list(changed)

    def clear(self) -> None:
        """Drop all changes because the process ends."""
        self._prefixes.clear()
        self._context.stop(self._trigger)
        self._context.stop(self._lost)

    def _start(self, timer: Timer, earliest: float) -> None:
        self._context.start(timer, max(TRIGGER_DELAY, earliest - self._context.now))


# ----------------------------------------------------------------------------------------------- the content of updates


class Summaries(Value):
    """Summaries on an interface. major: the interface's own classful network if auto-summary applies,
    otherwise None.
    """

    configured: tuple[Prefix, ...]
    major: Prefix | None

    @classmethod
    def on(cls, state: InterfaceState, settings: RipInterfaceSettings, *, auto_summary: bool) -> Summaries:
        """Return the summaries of an interface."""
        address = state.address if auto_summary else None
        return cls(settings.summaries, _major(address) if address is not None else None)

    def summary(self, prefix: Prefix) -> Prefix | None:
        """Return the summary that covers this prefix, maybe itself; None: the prefix is announced as it is."""
        for summary in self.configured:
            if prefix in summary:
                return summary
        if self.major is None or prefix.is_default:
            return None
        major = _major(prefix.address)
        return None if prefix.length < major.length or major == self.major else major


class Announced(Value):
    """A route to announce. interfaces, next_hop: where it leads, for split horizon and the next hop."""

    prefix: Prefix
    metric: int
    interfaces: tuple[str, ...] = ()
    next_hop: IPAddress | None = None
    tag: int = 0


def announced(
    prefixes: Iterable[Prefix], own: Mapping[Prefix, OwnRoute], learned: Mapping[Prefix, LearnedRoute], rib: Rib
) -> Iterator[Announced]:
    """Yield the routes to announce for these prefixes; a prefix that is neither ours nor learned is unreachable.

    A learned route is not announced if another protocol has the better route: packets would not follow ours.
    """
    for prefix in prefixes:
        mine, route = own.get(prefix), learned.get(prefix)
        if mine is not None:
            yield Announced(prefix, mine.metric, (mine.interface,), mine.next_hop, mine.tag)
        elif route is None or not route.reachable or not _is_used(prefix, rib):
            yield Announced(prefix, INFINITY)
        else:
            paths = route.announcements
            interfaces = tuple(path.interface for path in paths)
            yield Announced(prefix, min(route.metric + 1, INFINITY), interfaces, paths[0].next_hop, paths[0].tag)


def _is_used(prefix: Prefix, rib: Rib) -> bool:
    best = rib.exact(prefix)
    return best is None or best.source is RouteSource.RIP


def gather(
    chosen: dict[Prefix, RipEntry],
    state: InterfaceState,
    routes: Iterable[Announced],
    summaries: Summaries,
    *,
    split_horizon: bool,
) -> None:
    """Add the entries for these routes to an update on this interface."""
    for route in routes:
        leads_back = state.name in route.interfaces
        if leads_back and split_horizon and route.metric < INFINITY:
            continue
        prefix = summaries.summary(route.prefix) or route.prefix
        next_hop = _next_hop(route, state) if leads_back and prefix == route.prefix else UNSPECIFIED
        entry = RipEntry.of_prefix(prefix, route.metric, next_hop=next_hop, tag=route.tag)
        known = chosen.get(prefix)
        if known is None or entry.metric < known.metric:
            chosen[prefix] = entry


def in_order(chosen: Mapping[Prefix, RipEntry]) -> list[RipEntry]:
    """Return the entries of an update, sorted by prefix."""
    return [chosen[prefix] for prefix in sorted(chosen, key=lambda prefix: (int(prefix.address), prefix.length))]


def packets(entries: list[RipEntry], most: int = MAXIMUM_ENTRIES) -> list[RipPacket]:
    """Return the responses needed for the entries. most: entries per packet."""
    return [
        RipPacket(command=Command.RESPONSE, entries=tuple(entries[start : start + most]))
        for start in range(0, len(entries), most)
    ]


def answer(request: RipPacket, routes: Iterable[Announced]) -> RipPacket:
    """Answer a request for certain prefixes with our metrics; unknown prefixes are unreachable."""
    known = {route.prefix: route.metric for route in routes}
    entries = [
        replace(entry, metric=INFINITY if entry.prefix is None else known.get(entry.prefix, INFINITY))
        for entry in request.entries
    ]
    return RipPacket(command=Command.RESPONSE, entries=tuple(entries))


def _next_hop(route: Announced, state: InterfaceState) -> IPv4Address:
    """Return the route's next hop if neighbors on this interface can reach it directly, otherwise 0.0.0.0
    (ourselves).
    """
    hop, prefix = route.next_hop, state.prefix
    return hop if isinstance(hop, IPv4Address) and prefix is not None and hop in prefix else UNSPECIFIED


def _major(address: IPAddress) -> Prefix:
    return Prefix.of(address, classful_length(IPv4Address(int(address))))


# ------------------------------------------------------------------------------------------------ lists


def believed(
    entries: Iterable[RipEntry], circuit: RipInterface, gateway: IPAddress, config: RipConfig, ports: Ports
) -> Iterator[Announcement]:
    """Yield the accepted entries of a gateway's response. A bad entry does not invalidate the other entries."""
    for entry in entries:
        prefix = believable(entry)
        if prefix is None:
            continue
        heard = Announcement(
            prefix=prefix,
            metric=entry.metric,
            tag=entry.tag,
            gateway=gateway,
            next_hop=circuit.next_hop(entry, gateway),
            interface=circuit.name,
            permanent=circuit.triggered,
        )
        left = believed_of(heard, config, ports)
        if left is not None:
            yield left


def believed_of(heard: Announcement, config: RipConfig, ports: Ports) -> Announcement | None:
    """Return an announcement after the inbound lists; None: it is denied, and treated as if it had not come."""
    distribution = config.distribution
    if heard.metric >= INFINITY or not distribution.says(inwards=True):
        return heard
    policies, route = ports.policies.of_routes(), candidate(heard)
    if not distribution.permits(policies, route, heard.interface, inwards=True):
        return None
    offset = distribution.offset(policies, route, heard.interface, inwards=True)
    return replace(heard, metric=min(heard.metric + offset, INFINITY))


def advertised_on(interface: str, routes: Sequence[Announced], config: RipConfig, ports: Ports) -> Sequence[Announced]:
    """Return the routes to announce on an interface after the outbound lists."""
    distribution = config.distribution
    if not distribution.says(inwards=False):
        return routes
    policies = ports.policies.of_routes()
    advertised = []
    for route in routes:
        asked = candidate_on(route)
        if distribution.permits(policies, asked, interface, inwards=False):
            offset = distribution.offset(policies, asked, interface, inwards=False)
            advertised.append(replace(route, metric=min(route.metric + offset, INFINITY)))
    return advertised


def candidate_on(route: Announced) -> MatchedRoute:
    """Return a route to announce in the form that lists match."""
    return MatchedRoute(prefix=route.prefix, interface=next(iter(route.interfaces), ""), tag=route.tag)


def candidate(path: Announcement) -> MatchedRoute:
    """Return a received path in the form that lists match."""
    hop = path.next_hop if isinstance(path.next_hop, IPv4Address) else None
    teller = path.gateway if isinstance(path.gateway, IPv4Address) else None
    return MatchedRoute(prefix=path.prefix, next_hop=hop, interface=path.interface, tag=path.tag, gateway=teller)


# ------------------------------------------------------------------------------------------------ the table


#: Seconds between two log messages about the same gateway, and most messages about all of them in that time.
_COMPLAINT_INTERVAL: Final = 60.0
_COMPLAINT_BURST: Final = 8


class Table:
    """The routes of the process."""

    def __init__(self, state: State, changes: Changes) -> None:
        self.own: dict[Prefix, OwnRoute] = {}
        self.database = Database()
        self._state = state
        self._context = state.context
        self._changes = changes
        self._poisoned: dict[Prefix, None] = {}
        self._gone: Deadlines[Prefix] = Deadlines()
        self._offered: dict[Prefix, Route] = {}
        self._complaints: Limiter[tuple[str, IPAddress]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    def next_deadline(self) -> float | None:
        """Return when `expire` has something to do."""
        return earliest(self.database.next_deadline(), self._gone.next())

    def prefixes(self) -> list[Prefix]:
        """Return all prefixes of a full update."""
        return list(dict.fromkeys((*self.own, *self.database.routes, *self._poisoned)))

    def look(self, prefixes: Iterable[Prefix]) -> Iterator[Announced]:
        """Yield the routes to announce for these prefixes now."""
        return announced(prefixes, self.own, self.database.routes, self._state.ports.rib)

    def clear(self) -> None:
        """Clear everything because the process ends."""
        for prefix in self._offered:
            self._context.emit(RouteRetracted(RouteSource.RIP, "", prefix))
        self.database.clear()
        self._offered.clear()
        self._poisoned.clear()
        self._gone = Deadlines()

    # ------------------------------------------------------------------------------------------------- our own

    def look_at_own(self) -> None:
        """Rebuild our own routes because configuration lines or route maps changed."""
        config, before = self._state.config, self.own
        self.own = all_own_routes(config, self._state.ports) if config.enabled else {}
        for prefix in (*before, *self.own):
            if before.get(prefix) != self.own.get(prefix):
                self._note(prefix)

    def route_changed(self, event: RouteChanged) -> None:
        """Update our own route to a prefix; or note that another protocol replaced a learned one in the
        routing table.
        """
        prefix = event.prefix
        old, new = self.own.pop(prefix, None), own_route(prefix, self._state.config, self._state.ports)
        if new is not None:
            self.own[prefix] = new
        sources = [route.source for route in (event.old, event.new) if route is not None]
        is_taken_over = prefix in self._offered and len(set(sources)) > 1 and RouteSource.RIP in sources
        if old != new or is_taken_over:
            self._note(prefix)

    def tell_all(self) -> None:
        """Announce the whole table soon because the configuration affects all of it."""
        self._changes.note(self.prefixes())

    def _note(self, prefix: Prefix) -> None:
        """Announce a prefix again; if it is no longer ours, it is announced as unreachable for a while."""
        timers = self._state.config.timers
        self._changes.note((prefix,))
        if prefix in self.own:
            self._poisoned.pop(prefix, None)
            self._gone.cancel(prefix)
        else:
            self._poisoned[prefix] = None
            self._gone.set(prefix, self._context.now + max(0, timers.flush - timers.invalid))

    # ------------------------------------------------------------------------------------------------- learned

    def learn(self, announcements: Iterable[Announcement]) -> None:
        """Learn the announcements of a gateway; unchanged routes are offered again as well."""
        config, now = self._state.config, self._context.now
        changed: list[Prefix] = []
        for heard in announcements:
            if not self.database.has_room(heard):
                if self._complaints.permits(heard.path, now):
                    self._context.emit(messages.too_many_prefixes(heard.gateway, heard.interface))
            elif self.database.learn(heard, config.timers, config.maximum_paths, now):
                changed.append(heard.prefix)
            else:
                self._offer(heard.prefix)
        self.publish(changed)

    def lose(self, prefixes: Iterable[Prefix], gone: LearnedFrom, since: float) -> list[Prefix]:
        """Remove the paths of a lost source that were last updated before `since` (seconds)."""
        return self.database.lose(prefixes, gone, self._state.config.timers, since, self._context.now)

    def doubt(self, interface: str, gateway: IPAddress) -> None:
        """Let the paths of a gateway expire, because it sends its table again."""
        self.database.doubt(interface, gateway, self._state.config.timers, self._context.now)

    def rearm(self, prefixes: Sequence[Prefix]) -> None:
        """Apply changed timers and distances to these routes."""
        self.database.rearm(prefixes, self._state.config.timers)
        self.publish(prefixes)

    def expire(self, most: int) -> None:
        """Remove silent paths, at most `most`, and prefixes that were announced as unreachable for long enough."""
        now = self._context.now
        self.publish(self.database.expire(self._state.config.timers, now, most))
        for prefix in self._gone.take_due(now, most):
            self._poisoned.pop(prefix, None)

    def publish(self, prefixes: Sequence[Prefix]) -> None:
        """Offer learned routes to the RIB, and announce them soon."""
        for prefix in prefixes:
            self._offer(prefix)
            route = self.database.routes.get(prefix)
            if route is not None and self._state.ports.debugging.on(messages.DATABASE):
                self._context.debug(messages.stored(route))
        self._changes.note(prefixes)

    def _offer(self, prefix: Prefix) -> None:
        route = self.database.routes.get(prefix)
        if route is None or not route.reachable:
            known = self._offered.pop(prefix, None)
            if known is not None:
                self._context.emit(RouteRetracted(RouteSource.RIP, "", prefix))
            return
        paths, policies = route.announcements, self._state.ports.policies.of_routes()
        first = paths[0]
        config = self._state.config
        offer = Route(
            prefix=prefix,
            source=RouteSource.RIP,
            distance=config.distribution.distance(policies, candidate(first), first.gateway, config.distance),
            metric=route.metric,
            next_hops=tuple(dict.fromkeys(NextHop(path.interface, path.next_hop) for path in paths)),
            tag=first.tag,
            since=route.updated,
        )
        self._offered[prefix] = offer
        self._context.emit(RouteOffered(offer))
