"""Static routes: offered to the RIB once, taken back when they are gone from the configuration.

Whether a route can be used (is its interface up, can its next hop be reached?) is the RIB's business, so nothing
happens here between two configurations, but that a line with `track` counts while its object is up, and one to a next
hop that BFD watches while its session is up. Routes to one
prefix with one distance share the load: they are one offer with several next hops. Another distance is another offer (a
floating route), with its own process name.

Route leaks are lines whose next hop is in another routing table. The RIB cannot judge these: this machine announces the
next hops that may be leaks, and the VRF feature finds out where they lead (`LeaksFound`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, TypeVar

from dmvpn.base import notices
from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Context, Machine
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import Event, Packets
from dmvpn.base.pages import Pages
from dmvpn.base.ports import Ports
from dmvpn.features.static.model import StaticConfig, StaticRoute

#: An offer: its prefix, and its process, whose name is the distance.
_Key = tuple["Prefix", str]
_T = TypeVar("_T", int, NextHop)
#: IOS routes over at most so many paths of one static prefix.
MAXIMUM_PATHS = 16


class StaticMachine(Machine):
    """Keeps the offers in step with the configuration."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        notices.TrackChanged,
        notices.PathWatched,
        notices.LeaksFound,
        notices.VrfsChanged,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = StaticConfig()
        #: The lines of each offer, by their numbers.
        self._lines: dict[_Key, dict[int, StaticRoute]] = {}
        self._offers: dict[_Key, notices.Route] = {}
        #: The tracked objects that are up, and where the next hops lead that are in another table.
        self._up: dict[int, None] = {}
        self._leaks: dict[NextHop, tuple[NextHop, ...]] = {}
        #: The next hops on whose session lines count, those of all our sessions, and those that BFD reaches.
        self._watched: dict[NextHop, None] = {}
        self._sessions: dict[NextHop, None] = {}
        self._reached: dict[NextHop, None] = {}
        #: Which offers have lines that follow an object, or a next hop.
        self._following: dict[int, dict[_Key, None]] = {}
        self._by_hop: dict[NextHop, dict[_Key, None]] = {}
        self._followed: tuple[int, ...] = ()
        self._leaks_followed: tuple[NextHop, ...] = ()

    def is_up(self, number: int) -> bool:
        """Return whether a tracked object is up, so that lines that follow it count."""
        return number in self._up

    def sessions(self) -> Iterator[tuple[NextHop, bool, tuple[Prefix, ...]]]:
        """Yield the next hops of our BFD sessions, whether each is reached, and the prefixes that count on it."""
        for hop in self._sessions:
            waiting = self._by_hop.get(hop, {}) if hop in self._watched else {}
            yield hop, hop in self._reached, tuple(dict.fromkeys(prefix for prefix, _ in waiting))

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Take a configuration, or a tracked object that changed."""
        match event:
            case notices.TrackChanged():
                # Follow a tracked object that is up or down: so are the lines that follow it.
                if event.up:
                    self._up[event.number] = None
                else:
                    self._up.pop(event.number, None)
                self._offer_again(tuple(self._following.get(event.number, ())))
            case notices.PathWatched() if (hop := NextHop(event.interface, event.address)) in self._sessions:
                if event.up:
                    self._reached[hop] = None
                else:
                    self._reached.pop(hop, None)
                self._offer_again(tuple(self._by_hop.get(hop, ())))
            case notices.LeaksFound():
                self._leak(event)
            case notices.VrfsChanged():
                self._announce_leaks()
            case notices.Configured(model=StaticConfig() as model):
                before, self.config = self.config, model
                changed = (*self._take(model.ipv4, before.ipv4), *self._take(model.ipv6, before.ipv6))
                numbers = tuple(sorted(self._following))
                if numbers != self._followed:
                    self._followed = numbers
                    self._context.emit(notices.TrackFollowed(numbers, self._context.ports.vrf))
                self._announce_leaks()
                asks = model.bfd or before.bfd or model.bfd_apart or before.bfd_apart
                watched = self._watch() if asks else ()
                self._offer_again((*changed, *watched))

    def _watch(self) -> Iterator[_Key]:
        """Let BFD watch the next hops of the lines, and yield the offers over each next hop that changed."""
        counted, self._watched = self._watched, {hop: None for hop in self.config.bfd if hop in self._by_hop}
        before, self._sessions = self._sessions, self._watched | dict.fromkeys(self.config.bfd_apart)
        for hop in dict.fromkeys((*before, *self._sessions)):
            wanted = hop in self._sessions
            if hop.address is not None and wanted != (hop in before):
                self._reached.pop(hop, None)
                client = notices.Client.STATIC if hop.address.version == 4 else notices.Client.STATIC6
                process = 1 if self._context.ports.vrf else 0  # sessions without routes are the global table's
                self._context.emit(notices.WatchWanted(client, process, hop.interface, hop.address, wanted))
            if (hop in counted) != (hop in self._watched):
                yield from self._by_hop.get(hop, ())

    def _announce_leaks(self) -> None:
        """Announce the next hops that may be in another table, if there is one and they changed."""
        ports = self._context.ports
        leaking = (hop for hop in self._by_hop if hop.address is None or hop.address.version == 4)
        next_hops = tuple(leaking) if len(ports.tables) > 1 else ()
        if next_hops != self._leaks_followed:
            self._leaks_followed = next_hops
            self._context.emit(notices.LeaksFollowed(next_hops, ports.vrf))

    def _leak(self, event: notices.LeaksFound) -> None:
        """Follow the next hops that lead into another table."""
        before, self._leaks = self._leaks, dict(event.found)
        moved = [hop for hop in {**before, **self._leaks} if before.get(hop) != self._leaks.get(hop)]
        self._offer_again(tuple(dict.fromkeys(key for hop in moved for key in self._by_hop.get(hop, ()))))

    def _offer_again(self, changed: tuple[_Key, ...]) -> None:
        """Offer the routes of these lines; first retract offers without lines."""
        routes = {key: route for key in changed if (route := self._route(key)) is not None}
        for prefix, process in changed:
            if (prefix, process) not in routes and self._offers.pop((prefix, process), None) is not None:
                self._context.emit(notices.RouteRetracted(notices.RouteSource.STATIC, process, prefix))
        for key, route in routes.items():
            if route != self._offers.get(key):
                self._offers[key] = route
                self._context.emit(notices.RouteOffered(route))

    def _route(self, key: _Key) -> notices.Route | None:
        """Return what the lines of an offer make, as long as their objects are up; None: nothing."""
        lines = self._lines.get(key, {})
        counting = {number: line for number, line in lines.items() if self._counts(line)}
        return _offer(key[1], counting, self._leaks) if counting else None

    def _counts(self, line: StaticRoute) -> bool:
        hop, is_up = _followed_hop(line), not line.track or line.track in self._up
        is_reached = hop not in self._watched or hop in self._reached
        return is_up and is_reached and (not line.is_leak or hop in self._leaks)

    def _take(self, routes: Pages[StaticRoute], before: Pages[StaticRoute]) -> list[_Key]:
        """Return the offers whose lines changed: the removed offers, then all other offers in the order of their first
        lines.
        """
        gone, came = routes.changes(before)
        changed: dict[_Key, None] = {}
        for number, route in gone.items():
            changed[_key(route)] = None
            del self._lines[_key(route)][number]
        for number, route in came.items():
            changed[_key(route)] = None
            self._lines.setdefault(_key(route), {})[number] = route
            if route.track:
                self._following.setdefault(route.track, {})[_key(route)] = None
            hop = _followed_hop(route)
            if hop is not None:
                self._by_hop.setdefault(hop, {})[_key(route)] = None
        for route in gone.values():
            _unfollow(self._following, lambda line: line.track, route, self._lines[_key(route)])
            _unfollow(self._by_hop, _followed_hop, route, self._lines[_key(route)])
        for key in changed:
            if not self._lines[key]:
                del self._lines[key]
        return sorted(changed, key=lambda key: min(self._lines.get(key, (-1,))))


def _unfollow(
    followers: dict[_T, dict[_Key, None]],
    followed_by: Callable[[StaticRoute], _T | None],
    gone: StaticRoute,
    left: dict[int, StaticRoute],
) -> None:
    """Remove an offer from the followers of what a line followed, unless one of the lines that are left follows it."""
    followed, key = followed_by(gone), _key(gone)
    if followed is None or key not in followers.get(followed, {}):
        return
    if not any(followed_by(line) == followed for line in left.values()):
        del followers[followed][key]
        if not followers[followed]:
            del followers[followed]


def _followed_hop(line: StaticRoute) -> NextHop | None:
    """Return the next hop of a line if it may be in another table, or watched by BFD."""
    if line.interface == "Null0" or not (line.is_leak or line.interface):
        return None
    return NextHop(line.interface, line.next_hop)


def _key(route: StaticRoute) -> _Key:
    return route.prefix, str(route.distance)


def _offer(process: str, lines: dict[int, StaticRoute], leaks: dict[NextHop, tuple[NextHop, ...]]) -> notices.Route:
    """Return one offer of the lines with the same prefix and distance. Null0 only counts where nothing else is said.

    leaks: where the next hops of lines lead that are in another table.
    """
    entries = [lines[number] for number in sorted(lines)]
    first = entries[0]
    hops = [hop for entry in entries if entry.interface != "Null0" for hop in _hops(entry, leaks)]
    return notices.Route(
        prefix=first.prefix,
        source=notices.RouteSource.STATIC,
        distance=first.distance,
        next_hops=tuple(hops[:MAXIMUM_PATHS]) if hops else (NextHop("Null0"),),
        kind=RouteKind.FORWARD if hops else RouteKind.DISCARD,
        process=process,
        tag=first.tag,
    )


def _hops(line: StaticRoute, leaks: dict[NextHop, tuple[NextHop, ...]]) -> tuple[NextHop, ...]:
    hop = NextHop(line.interface, line.next_hop)
    return leaks.get(hop, (hop,)) if _followed_hop(line) is not None else (hop,)
