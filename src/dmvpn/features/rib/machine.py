"""The routing information base: takes what protocols offer, selects, and programs the forwarding table.

    RouteOffered, RouteRetracted ──┐
    InterfaceChanged ──────────────┼─> RouteTable ──> Change ──> ForwardingTable ──> SetRoute, ClearRoute
    OverrideOffered ───────────────┘                    └─────> RouteChanged (for redistribution, tunnels, NHRP)

Connected and local routes are made here, from the interfaces that carry packets; routing protocols say on which of
these networks they run (`NetworksRun`). Routes that the host has of its own
are told: packets take them anyway, and so a tunnel's destination is found. Everybody's questions about routes
(`ports.Rib`) are answered here too, each by one longest match.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.chores import PAUSE, Chores
from dmvpn.base.deadlines import earliest
from dmvpn.base.effects import ClearRoute, Effect, NextHop, RouteKind, SetRoute
from dmvpn.base.events import EffectFailed, Event, HostRouteChanged, KernelContested, PlaneAnnounced, Resync, Tick
from dmvpn.base.notices import (
    DebugOutput,
    InterfaceChanged,
    InterfaceState,
    NetworksRun,
    Notice,
    OverrideOffered,
    Route,
    RouteChanged,
    RouteOffered,
    RouteRetracted,
    RoutesCleared,
    RouteSource,
)
from dmvpn.base.values import dataclass
from dmvpn.features.rib import messages
from dmvpn.features.rib.fib import ForwardingTable
from dmvpn.features.rib.past import Past, Record
from dmvpn.features.rib.table import Change, RouteTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.lpm import PrefixTable
    from dmvpn.base.ports import Ports
    from dmvpn.base.reasons import Reason
    from dmvpn.features.rib.circles import Key
    from dmvpn.features.rib.offers import Node, Offer

#: Administrative distance of the host's own routes: whatever the configuration or a protocol says wins.
HOST_DISTANCE: Final = 254

#: Routes of one event. More wait: all machines hear of each.
SLICE: Final = 128


@dataclass(frozen=True, slots=True)
class ClearRoutes(Event):
    """`clear ip route`: say the forwarding entries again and let dynamic protocols ask again; None: all prefixes."""

    prefix: Prefix | None = None


class RibMachine:
    """Owns the routing table; answers `ports.Rib`."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (
        RouteOffered,
        RouteRetracted,
        OverrideOffered,
        NetworksRun,
        InterfaceChanged,
        HostRouteChanged,
        PlaneAnnounced,
        EffectFailed,
        KernelContested,
        Resync,
        ClearRoutes,
    )

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._running: dict[int, dict[str, None]] = {4: {}, 6: {}}  # by IP version: the interfaces that carry it
        self._table = RouteTable(self._line)
        self._fib = ForwardingTable(self._line)
        self._overrides: dict[Prefix, NextHop] = {}
        self._run_by: dict[str, dict[Prefix, dict[tuple[RouteSource, str], None]]] = {}  # by interface
        self._routes: tuple[Route, ...] | None = None
        #: What protocols said, and was too much for one event; how many said something at this moment.
        self._waiting: dict[Key, RouteOffered | RouteRetracted] = {}
        self._heard_at, self._heard = float("-inf"), 0
        self._chores = Chores(1)
        self._going_on: float | None = None
        self._now = 0.0
        self._results: list[Effect | Notice] = []
        #: What the table was, if anybody remembers; made with the first event, which says when that begins.
        self.past: Past | None = None

    # ------------------------------------------------------------------------------------------------- ports.Rib

    def lookup(self, address: IPAddress) -> Route | None:
        """Return the best route for a destination, by longest match."""
        node = self._match(address)
        return node.shown if node else None

    def lookup_without_nhrp(self, address: IPAddress) -> Route | None:
        """Return the same, as if NHRP had installed and overridden nothing."""
        for _, node in self._table.nodes.matches(address):
            if node.plain is not None:
                return node.plain.resolved
        return None

    def exact(self, prefix: Prefix) -> Route | None:
        """Return the best route of exactly this prefix that NHRP did not install, or None."""
        node = self._table.nodes.get(prefix)
        return node.plain.resolved if node and node.plain else None

    def forwarding(self, address: IPAddress) -> tuple[NextHop, ...]:
        """Return next hops as a packet takes them; empty if it is dropped."""
        node = self._match(address)
        entry = self._fib.entry(node) if node else None
        return entry.hops if entry else ()

    def routes(self) -> tuple[Route, ...]:
        """Return the best routes, sorted by prefix."""
        if self._routes is None:
            self._routes = tuple(node.shown for _, node in self._table.nodes.items() if node.shown is not None)
        return self._routes

    # -------------------------------------------------------------------------------------------------- for shows

    @property
    def nodes(self) -> PrefixTable[Node]:
        """All that is known, by prefix."""
        return self._table.nodes

    def record(self, node: Node, offer: Offer) -> Record:
        """Return what is shown of this prefix, with this offer as the best."""
        overridden = self.overridden(node)
        return Record(
            route=offer.route,
            leading=self.leading(node.prefix, offer),
            since=offer.since,
            override=node.override if overridden else None,
            override_since=node.override_since if overridden else 0.0,
            failure=self.failure(node.prefix),
        )

    def overridden(self, node: Node) -> bool:
        """Return whether NHRP's next hop replaces that of the route."""
        return self._fib.overridden(node)

    def leading(self, prefix: Prefix, offer: Offer) -> tuple[NextHop, ...]:
        """Return the next hops of an offer, in the protocol's own words, that can be used now."""
        return self._table.leading(prefix, offer)

    def failure(self, prefix: Prefix) -> Reason | None:
        """Return why the host does not have this route, or None."""
        return self._fib.reason(prefix)

    # ---------------------------------------------------------------------------------------------------- machine

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        results = self._handle(event, now)
        if self._going_on is None and self._table.is_behind:
            self._going_on = now + PAUSE
        touched = self._table.take_touched()
        if self._ports.remembers:
            self._remember(event, touched, results, now)
        return results

    def _remember(
        self, event: Event | Notice, touched: dict[Prefix, None], results: list[Effect | Notice], now: float
    ) -> None:
        """Remember what is shown of a prefix when the table, its forwarding entry or a failure of it is another."""
        past = self.past = self.past or Past(now)
        if isinstance(event, EffectFailed) and isinstance(event.effect, SetRoute | ClearRoute):
            touched[event.effect.prefix] = None
        if not isinstance(event, RouteOffered | RouteRetracted):  # what follows from these is touched already
            touched.update((one.prefix, None) for one in results if isinstance(one, SetRoute | ClearRoute))
        if isinstance(event, InterfaceChanged):
            past.note_ipv6(bool(self._running[6]), now)
        for prefix in touched:
            node = self.nodes.get(prefix)
            past.note(prefix, self.record(node, node.best) if node is not None and node.best else None, now)

    def _handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        match event:
            case RouteOffered() | RouteRetracted():
                return self._hear(event, now)
            case OverrideOffered():
                return self._override(event, now)
            case NetworksRun():
                return self._run(event, now)
            case InterfaceChanged():
                return self._interface(event, now)
            case HostRouteChanged():
                return self._publish(self._host_route(event, now))
            case PlaneAnnounced():
                self._fib.carries_ipv6 = event.ipv6
                return []
            case ClearRoutes():
                nodes = self._table.nodes
                prefixes = list(nodes) if event.prefix is None else [event.prefix] if event.prefix in nodes else []
                return [*self._work(self._clear(prefixes), now), RoutesCleared(event.prefix)]
            case EffectFailed(effect=SetRoute() | ClearRoute() as order):
                self._fib.failed(order.prefix, event.text, now)
                return []
            case KernelContested():
                message = messages.KernelCalm if event.ended else messages.KernelContested
                return [message.of(event.what)]
            case Tick():
                return [*self._fib.retry(now, SLICE), *self._go_on(now)]
            case Resync():
                return self._work(self._order_again(self._fib.all()), now)
            case _:
                return []

    def next_deadline(self) -> float | None:
        """Return when an order that failed is tried again, or what is left of long work goes on."""
        return earliest(self._going_on, self._fib.next_deadline())

    # ------------------------------------------------------------------------------------------------- long work

    def _hear(self, event: RouteOffered | RouteRetracted, now: float) -> list[Effect | Notice]:
        """Take what a protocol says of a route. Whatever exceeds a slice waits; the last word about a route counts."""
        key = _route_of(event)
        if now != self._heard_at:
            self._heard_at, self._heard = now, 0
        self._heard += 1
        if key in self._waiting or self._heard > SLICE:
            self._waiting[key] = event
            self._going_on = self._going_on or now + PAUSE
            return []
        return self._take(event, now)

    def _take(self, event: RouteOffered | RouteRetracted, now: float) -> list[Effect | Notice]:
        if isinstance(event, RouteOffered):
            return self._publish(self._table.offer(event.route, now))
        return self._publish(self._table.retract(event.source, event.process, event.prefix, now))

    def _work(self, work: Iterator[None], now: float) -> list[Effect | Notice]:
        """Do long work: some of it now, the rest in later events."""
        self._now, self._results = now, []
        self._chores.begin(work)
        return self._rest(now)

    def _go_on(self, now: float) -> list[Effect | Notice]:
        """Do some more of what is left to do."""
        if self._going_on is None or self._going_on > now:
            return []
        self._now, self._results = now, []
        for key in list(islice(self._waiting, SLICE)):
            self._results += self._take(self._waiting.pop(key), now)
        if not self._waiting:
            self._results += self._publish(self._table.go_on(now))
            self._chores.go_on()
        return self._rest(now)

    def _rest(self, now: float) -> list[Effect | Notice]:
        is_busy = self._waiting or self._table.is_behind or self._chores.is_busy
        self._going_on = now + PAUSE if is_busy else None
        results, self._results = self._results, []
        return results

    def _clear(self, prefixes: list[Prefix]) -> Iterator[None]:
        for first in range(0, len(prefixes), SLICE):
            if first:
                yield
            for prefix in prefixes[first : first + SLICE]:
                node = self._table.nodes.get(prefix)
                if node is not None:
                    self._table.begin_again(node, self._now)
                    self._results += self._fib.again(prefix)

    def _order_again(self, prefixes: list[Prefix]) -> Iterator[None]:
        """Order entries again, for a shell that may have lost some."""
        for first in range(0, len(prefixes), SLICE):
            if first:
                yield
            self._results += [order for prefix in prefixes[first : first + SLICE] for order in self._fib.again(prefix)]

    def _link(self, keys: list[Key]) -> Iterator[None]:
        """Let offers that name an interface follow its line."""
        for first in range(0, len(keys), SLICE):
            if first:
                yield
            self._results += self._publish(self._table.link(keys[first : first + SLICE], self._now))

    # ------------------------------------------------------------------------------------------------------ parts

    def _line(self, interface: str, version: int) -> bool:
        return interface in self._running[version]

    def _match(self, address: IPAddress) -> Node | None:
        for _, node in self._table.nodes.matches(address):
            if node.best is not None:
                return node
        return None

    def _publish(self, changes: list[Change]) -> list[Effect | Notice]:
        """Return what follows from changes: debug lines, orders to the forwarding table, the notice."""
        if not changes:
            return []
        self._routes = None
        results: list[Effect | Notice] = []
        if self._ports.debugging.on(messages.ROUTING):
            results.append(DebugOutput(tuple(line for change in changes for line in messages.change_lines(change))))
        for change in changes:
            results += self._fib.update(change.prefix, self._table.nodes.get(change.prefix))
            results.append(RouteChanged(change.prefix, change.old, change.new))
        return results

    def _override(self, event: OverrideOffered, now: float) -> list[Effect | Notice]:
        if self._overrides.get(event.prefix) == event.next_hop:
            return []
        if event.next_hop is None:
            del self._overrides[event.prefix]
        else:
            self._overrides[event.prefix] = event.next_hop
        self._table.set_override(event.prefix, event.next_hop, now)
        results: list[Effect | Notice] = []
        if self._ports.debugging.on(messages.ROUTING):
            hop = event.next_hop.address or event.next_hop.interface if event.next_hop else None
            results.append(DebugOutput((messages.override_line(event.prefix, hop),)))
        return [*results, *self._fib.update(event.prefix, self._table.nodes.get(event.prefix))]

    def _interface(self, event: InterfaceChanged, now: float) -> list[Effect | Notice]:
        """Let connected routes, and everything else that leads out of this interface, follow the line."""
        results: list[Effect | Notice] = []
        lines = {version: event.new is not None and event.new.runs(version) for version in (4, 6)}
        if any(up != self._line(event.name, version) for version, up in lines.items()):
            for version, up in lines.items():
                if up:
                    self._running[version][event.name] = None
                else:
                    self._running[version].pop(event.name, None)
            results += self._work(self._link(self._table.leading_out(event.name)), now)
            for prefix, next_hop in self._overrides.items():
                if next_hop.interface == event.name:
                    results += self._fib.update(prefix, self._table.nodes.get(prefix))
        old_routes, new_routes = _connected(event.old), _connected(event.new)
        for key in old_routes:
            if key not in new_routes:
                source, prefix = key
                results += self._publish(self._table.retract(source, event.name, prefix, now))
        for key, route in new_routes.items():
            if key not in old_routes:
                results += self._publish(self._table.offer(self._marked(route), now))
        return results

    def _run(self, event: NetworksRun, now: float) -> list[Effect | Notice]:
        """Note that a protocol runs on other networks of an interface than before."""
        owner = (event.source, event.process)
        networks = self._run_by.setdefault(event.interface, {})
        results: list[Effect | Notice] = []
        for prefix in dict.fromkeys((*networks, *event.prefixes)):
            users = networks.setdefault(prefix, {})
            if prefix in event.prefixes:
                users[owner] = None
            else:
                users.pop(owner, None)
            if not users:
                del networks[prefix]
            node = self._table.nodes.get(prefix)
            offer = node.offers.get((RouteSource.CONNECTED, event.interface)) if node else None
            if offer is not None:
                route = replace(offer.route, since=offer.since)
                results += self._publish(self._table.offer(self._marked(route), now))
        if not networks:
            del self._run_by[event.interface]
        return results

    def _marked(self, route: Route) -> Route:
        """Return a connected route, and who runs there."""
        networks = self._run_by.get(route.process, {}) if route.source is RouteSource.CONNECTED else {}
        users = networks.get(route.prefix, {})
        run_by = tuple(sorted(users, key=lambda owner: (owner[0].value, owner[1])))
        return route if route.run_by == run_by else replace(route, run_by=run_by)

    def _host_route(self, event: HostRouteChanged, now: float) -> list[Change]:
        if not event.next_hops:
            return self._table.retract(RouteSource.HOST, "", event.prefix, now)
        route = Route(
            prefix=event.prefix,
            source=RouteSource.HOST,
            distance=HOST_DISTANCE,
            metric=event.metric,
            next_hops=event.next_hops,
        )
        return self._table.offer(route, now)


def _route_of(event: RouteOffered | RouteRetracted) -> Key:
    """Return which route of which protocol it is about."""
    if isinstance(event, RouteOffered):
        return event.route.prefix, (event.route.source, event.route.process)
    return event.prefix, (event.source, event.process)


def _connected(state: InterfaceState | None) -> dict[tuple[RouteSource, Prefix], Route]:
    """Return connected and local routes of an interface; none while its line is down.

    A /32 is connected only, as on IOS.
    """
    routes: dict[tuple[RouteSource, Prefix], Route] = {}
    if state is None or not state.line:
        return routes
    for address, length in (*state.addresses, *state.routed(6)):
        pairs = [(RouteSource.CONNECTED, Prefix.of(address, length))]
        if length < address.max_prefixlen:
            pairs.append((RouteSource.LOCAL, Prefix.host(address)))
        for source, prefix in pairs:
            routes[source, prefix] = Route(
                prefix=prefix,
                source=source,
                distance=0,
                next_hops=(NextHop(state.name),),
                process=state.name,
                kind=RouteKind.FORWARD,
            )
    return routes
