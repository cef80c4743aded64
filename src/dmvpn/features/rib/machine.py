"""The routing information base: takes what protocols offer, selects, and programs the forwarding table.

    RouteOffered, RouteRetracted ──┐
    InterfaceChanged ──────────────┼─> RouteTable ──> RouteChanged ──> ForwardingTable ──> SetRoute, ClearRoute
    OverrideOffered ───────────────┘                    └───────────> redistribution, tunnels, NHRP

Connected and local routes are made here, from the interfaces that carry packets; routing protocols report on which of
these networks they run (`NetworksRun`). The shell reports the host's own routes: packets follow them anyway, and a
tunnel's destination is found by them. Questions about routes from all features (`ports.Rib`) are answered here too,
each by one longest match.

`ForwardingTable` is the forwarding table as the shell has it: it sends an order only when an entry changes.
Connected prefixes and our own addresses are the host's own business: they follow from `SetInterface`, and an entry of
ours must not lie over them; nor over routes that the host has already. NHRP's override (NHO) replaces the next hops of
a route without touching the route.

`RouteHistory` has the earlier routes of each prefix, for `show ip route at`. A `Record` is a line of `show ip route`
with times instead of ages, so one record gives the output at any moment of its life. The show of the present is made of
records, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter
from typing import ClassVar, Final

from dmvpn.base import notices
from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.chronicle import Journal
from dmvpn.base.context import PAUSE, Context, Machine, Retries, Timer, in_pieces
from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetRoute
from dmvpn.base.events import EffectFailed, Event, HostRouteChanged, KernelContested, Packets, PlaneAnnounced, Resync
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.notices import Route, RouteSource
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.rib import messages
from dmvpn.features.rib.offers import Node, Offer
from dmvpn.features.rib.reasons import RibReason
from dmvpn.features.rib.recursion import Key
from dmvpn.features.rib.table import RouteTable

# ------------------------------------------------------------------------------------------------ earlier routes


class Record(Value, kw_only=True):
    """The best route of a prefix.

    since, override_since: seconds monotonic.
    leading: its usable next hops, in the protocol's own words.
    override: NHRP's, if it is used.
    """

    route: Route
    leading: tuple[NextHop, ...]
    since: float
    override: NextHop | None
    override_since: float
    failure: Reason | None


class RouteHistory:
    """The history of the table. started: when the router began to live."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._records: Journal[Prefix, Record] = Journal()
        self._runs_ipv6: Journal[None, bool] = Journal()

    def note(self, prefix: Prefix, record: Record | None, now: float) -> None:
        """Note the best route of a prefix, or that there is none."""
        self._records.note(prefix, record, now)

    def note_ipv6(self, runs: bool, now: float) -> None:
        """Note whether IPv6 runs on any interface: then there is a route for multicasts, which is in no table."""
        self._runs_ipv6.note(None, runs, now)

    @property
    def oldest(self) -> float:
        """The earliest moment that can be asked for, seconds."""
        journals = (self._records.oldest, self._runs_ipv6.oldest)
        return max([self._started, *(oldest for oldest in journals if oldest is not None)])

    def ran_ipv6(self, time: float) -> bool:
        """Return the last argument of `note_ipv6` before that moment."""
        return self._runs_ipv6.at(time).get(None, False)

    def at(self, time: float) -> list[Record]:
        """Return the records of that moment, sorted by prefix."""
        records = self._records.at(time).items()
        return [record for _, record in sorted(records, key=itemgetter(0))]


# ------------------------------------------------------------------------------------------------ the forwarding table


_HOSTS_OWN = (RouteSource.CONNECTED, RouteSource.LOCAL, RouteSource.HOST)
#: Refused orders that are given again in one event.
_MOST_ORDERS: Final = 128


class FibEntry(Value):
    """The fate of a packet: next hops if it is forwarded."""

    kind: RouteKind
    hops: tuple[NextHop, ...]


class ForwardingTable:
    """Entries by prefix, as ordered.

    line(interface, version): whether the interface carries packets of this IP version.
    touch(prefix): called when an order for the prefix failed, or is given again.
    carries_ipv6: whether the data plane does; without it no IPv6 entries are ordered.
    """

    def __init__(self, context: Context, line: Callable[[str, int], bool], touch: Callable[[Prefix], None]) -> None:
        self.carries_ipv6 = False
        self._context = context
        self._touch = touch
        self._line = line
        self._installed: dict[Prefix, SetRoute] = {}
        self._retries: Retries[Prefix] = Retries(context, "order entries again", self._order, most=_MOST_ORDERS)

    def entry(self, node: Node) -> FibEntry | None:
        """Return what the best route of this prefix, and NHRP's override, come to; None without a route."""
        return FibEntry(node.best.route.kind, self._hops(node, node.best)) if node.best is not None else None

    def _hops(self, node: Node, best: Offer) -> tuple[NextHop, ...]:
        if best.route.kind is not RouteKind.FORWARD:
            return ()
        return (node.override,) if node.override is not None and self.overridden(node) else best.hops

    def overridden(self, node: Node) -> bool:
        """Return whether NHRP's next hop replaces that of the route."""
        if node.override is None or node.best is None or not self._line(node.override.interface, node.prefix.version):
            return False
        return node.best.route.source not in (*_HOSTS_OWN, RouteSource.NHRP)

    def update(self, prefix: Prefix, node: Node | None) -> SetRoute | ClearRoute | None:
        """Return the order that brings the shell up to date for this prefix, if it needs one."""
        wanted = self._wanted(prefix, node)
        have = self._installed.get(prefix)
        if wanted is have or (wanted is not None and have is not None and wanted == have):
            return None
        self._retries.forget_order(prefix)
        if wanted is None:
            del self._installed[prefix]
            return ClearRoute(prefix)
        self._installed[prefix] = wanted
        return wanted

    def all(self) -> list[Prefix]:
        """Return the prefixes of all entries."""
        return list(self._installed)

    def again(self, prefix: Prefix) -> None:
        """Order the entry of one prefix again, if it has one."""
        if prefix in self._installed:
            self._context.emit(self._installed[prefix])

    def failed(self, prefix: Prefix, text: str) -> None:
        """Note that the shell could not carry out the order for this prefix."""
        now = self._context.now
        self._retries.failed(prefix, Reason(RibReason.REFUSED, (text,), now))
        self._touch(prefix)

    def reason(self, prefix: Prefix) -> Reason | None:
        """Return why the host does not have this route, or None."""
        return self._retries.reason(prefix)

    def _order(self, prefix: Prefix) -> None:
        self._context.emit(self._installed.get(prefix) or ClearRoute(prefix))
        self._touch(prefix)

    def _wanted(self, prefix: Prefix, node: Node | None) -> SetRoute | None:
        if node is None or node.best is None or node.best.route.source in _HOSTS_OWN:
            return None
        if prefix.version == 6 and not self.carries_ipv6:
            return None
        return SetRoute(prefix, self._hops(node, node.best), node.best.route.kind)


# ------------------------------------------------------------------------------------------------ the machine


#: Administrative distance of the host's own routes: whatever the configuration or a protocol says wins.
HOST_DISTANCE: Final = 254

#: Routes of one event. More wait: all machines hear of each.
SLICE: Final = 128


class ClearRoutes(Event, Value):
    """`clear ip route`: say the forwarding entries again and let dynamic protocols ask again; None: all prefixes."""

    prefix: Prefix | None = None
    vrf: str = ""


class RibMachine(Machine):
    """Owns the routing table; answers `ports.Rib`."""

    subscriptions: ClassVar[tuple[type[Event] | type[notices.Notice] | Packets, ...]] = (
        notices.RouteOffered,
        notices.RouteRetracted,
        notices.OverrideOffered,
        notices.NetworksRun,
        notices.InterfaceChanged,
        HostRouteChanged,
        PlaneAnnounced,
        EffectFailed,
        KernelContested,
        Resync,
        ClearRoutes,
    )
    crowds: ClassVar[tuple[type[notices.Notice], ...]] = (notices.RouteOffered, notices.RouteRetracted)
    budget: ClassVar[int] = SLICE

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports, cost=SLICE))
        self._running: dict[int, dict[str, None]] = {4: {}, 6: {}}  # by IP version: the interfaces that carry it
        self._table = RouteTable(self._line, ports.vrf)
        self._fib = ForwardingTable(self._context, self._line, self._table.touch)
        self._overrides: dict[Prefix, NextHop] = {}
        self._run_by: dict[str, dict[Prefix, dict[tuple[notices.RouteSource, str], None]]] = {}  # by interface
        self._routes: tuple[notices.Route, ...] | None = None
        #: Offers of protocols that were too many for one event; how many there were at this moment.
        self._waiting: dict[Key, notices.RouteOffered | notices.RouteRetracted] = {}
        self._heard_at, self._heard = float("-inf"), 0
        self._take_more = Timer("take the next offers", self._take_waiting, cost=SLICE)
        self._follow_more = Timer("look at the next dependent routes", self._follow, cost=SLICE)
        #: The history of the table, if it is kept; made at the first event, which is its start.
        self.history: RouteHistory | None = None

    # ------------------------------------------------------------------------------------------------- ports.Rib

    def lookup(self, address: IPAddress) -> notices.Route | None:
        """Return the best route for a destination, by longest match."""
        node = self._match(address)
        return node.shown if node else None

    def lookup_without_nhrp(self, address: IPAddress) -> notices.Route | None:
        """Return the same, as if NHRP had not installed or overridden any route."""
        for _, node in self._table.nodes.matches(address):
            if node.plain is not None:
                return node.plain.resolved
        return None

    def exact(self, prefix: Prefix) -> notices.Route | None:
        """Return the best route of exactly this prefix that NHRP did not install, or None."""
        node = self._table.nodes.get(prefix)
        return node.plain.resolved if node and node.plain else None

    def forwarding(self, address: IPAddress) -> tuple[NextHop, ...]:
        """Return next hops as a packet takes them; empty if it is dropped."""
        node = self._match(address)
        entry = self._fib.entry(node) if node else None
        return entry.hops if entry else ()

    def routes(self) -> tuple[notices.Route, ...]:
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
        """Return the record that shows use for this prefix, with this offer as the best."""
        overridden = node.override is not None and self._fib.overridden(node)
        return Record(
            route=offer.route,
            leading=self._table.leading(node.prefix, offer),
            since=offer.since,
            override=node.override if overridden else None,
            override_since=node.override_since if overridden else 0.0,
            failure=self._fib.reason(node.prefix),
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

    def dispatch(self, event: Event | notices.Notice) -> None:
        """Take what protocols offer, an interface that changed, or what the host says."""
        match event:
            case notices.RouteOffered() | notices.RouteRetracted():
                self._hear(event)
            case notices.OverrideOffered():
                self._override(event)
            case notices.NetworksRun():
                self._run(event)
            case notices.InterfaceChanged():
                self._interface(event)
            case HostRouteChanged():
                self._publish(self._host_route(event))
            case PlaneAnnounced():
                self._fib.carries_ipv6 = event.ipv6
            case ClearRoutes():
                nodes = self._table.nodes
                prefixes = list(nodes) if event.prefix is None else [event.prefix] if event.prefix in nodes else []
                self._context.work(in_pieces(prefixes, SLICE, self._clear))
                self._context.emit(notices.RoutesCleared(event.prefix))
            case EffectFailed(effect=SetRoute() | ClearRoute() as order):
                self._fib.failed(order.prefix, event.text)
            case KernelContested():
                message = messages.kernel_calm if event.ended else messages.kernel_contested
                self._context.emit(message(event.what))
            case Resync():
                self._context.work(in_pieces(self._fib.all(), SLICE, self._order_again))

    def settle(self) -> None:
        """Continue later with work that is too much for one event, and record the prefixes that may have changed."""
        self._follow_later()
        touched = self._table.take_touched()
        if self._context.ports.remembers:
            history, nodes = self._remembered(), self._table.nodes
            for prefix in touched:
                node = nodes.get(prefix)
                record = self.record(node, node.best) if node is not None and node.best else None
                history.note(prefix, record, self._context.now)

    def _remembered(self) -> RouteHistory:
        history = self.history = self.history or RouteHistory(self._context.now)
        return history

    # ------------------------------------------------------------------------------------------------- long work

    def _hear(self, event: notices.RouteOffered | notices.RouteRetracted) -> None:
        """Take an offer, or its withdrawal. Whatever exceeds a slice waits, and the last word about a route counts."""
        if self._context.now != self._heard_at:
            self._heard_at, self._heard = self._context.now, 0
        self._heard += 1
        if self._heard > SLICE or (self._waiting and _route_of(event) in self._waiting):
            self._waiting[_route_of(event)] = event
            if not self._context.is_running(self._take_more):
                self._context.start(self._take_more, PAUSE)
        else:
            self._take(event)

    def _take(self, event: notices.RouteOffered | notices.RouteRetracted) -> None:
        if isinstance(event, notices.RouteOffered):
            self._publish(self._table.offer(event.route, self._context.now))
        else:
            self._publish(self._table.retract(event.source, event.process, event.prefix, self._context.now))

    def _take_waiting(self) -> None:
        try:
            for key in list(islice(self._waiting, SLICE)):
                self._take(self._waiting.pop(key))
        finally:  # an error with one offer must not hold up the others
            if self._waiting:
                self._context.start(self._take_more, PAUSE)

    def _follow(self) -> None:
        try:
            self._publish(self._table.go_on(self._context.now))
        finally:
            self._follow_later()

    def _follow_later(self) -> None:
        if self._table.is_behind and not self._context.is_running(self._follow_more):
            self._context.start(self._follow_more, PAUSE)

    def _clear(self, prefixes: Sequence[Prefix]) -> None:
        for prefix in prefixes:
            node = self._table.nodes.get(prefix)
            if node is not None:
                self._table.begin_again(node, self._context.now)
                self._fib.again(prefix)

    def _order_again(self, prefixes: Sequence[Prefix]) -> None:
        """Order entries again, for a shell that may have lost some."""
        for prefix in prefixes:
            self._fib.again(prefix)

    def _link(self, keys: Sequence[Key]) -> None:
        """Let offers that name an interface follow its line."""
        self._publish(self._table.link(keys, self._context.now))

    # ------------------------------------------------------------------------------------------------------ parts

    def _line(self, interface: str, version: int) -> bool:
        return interface in self._running[version]

    def _match(self, address: IPAddress) -> Node | None:
        for _, node in self._table.nodes.matches(address):
            if node.best is not None:
                return node
        return None

    def _publish(self, changes: list[notices.RouteChanged]) -> None:
        """Emit what follows from changes: debug lines, orders to the forwarding table, the notice."""
        if not changes:
            return
        self._routes = None
        if self._context.ports.debugging.on(messages.ROUTING):
            self._context.debug(*(line for change in changes for line in messages.change_lines(change)))
        for change in changes:
            self._update(change.prefix)
            self._context.emit(change)

    def _override(self, event: notices.OverrideOffered) -> None:
        if self._overrides.get(event.prefix) == event.next_hop:
            return
        if event.next_hop is None:
            del self._overrides[event.prefix]
        else:
            self._overrides[event.prefix] = event.next_hop
        self._table.set_override(event.prefix, event.next_hop, self._context.now)
        if self._context.ports.debugging.on(messages.ROUTING):
            hop = event.next_hop.address or event.next_hop.interface if event.next_hop else None
            self._context.debug(messages.override_line(event.prefix, hop))
        self._update(event.prefix)

    def _update(self, prefix: Prefix) -> None:
        order = self._fib.update(prefix, self._table.nodes.get(prefix))
        if order is not None:
            self._context.emit(order)

    def _interface(self, event: notices.InterfaceChanged) -> None:
        """Let connected routes, and everything else that leads out of this interface, follow the line."""
        now = self._context.now
        lines = {version: event.new is not None and event.new.runs(version) for version in (4, 6)}
        if any(up != self._line(event.name, version) for version, up in lines.items()):
            for version, up in lines.items():
                if up:
                    self._running[version][event.name] = None
                else:
                    self._running[version].pop(event.name, None)
            self._context.work(in_pieces(self._table.leading_out(event.name), SLICE, self._link))
            for prefix, next_hop in self._overrides.items():
                if next_hop.interface == event.name:
                    self._update(prefix)
                    self._table.touch(prefix)
            if self._context.ports.remembers:
                self._remembered().note_ipv6(bool(self._running[6]), now)
        old_routes, new_routes = _connected(event.old), _connected(event.new)
        for key in old_routes:
            if key not in new_routes:
                source, prefix = key
                self._publish(self._table.retract(source, event.name, prefix, now))
        for key, route in new_routes.items():
            if key not in old_routes:
                self._publish(self._table.offer(self._marked(route), now))

    def _run(self, event: notices.NetworksRun) -> None:
        """Note that a protocol runs on other networks of an interface than before."""
        owner = (event.source, event.process)
        networks = self._run_by.setdefault(event.interface, {})
        for prefix in dict.fromkeys((*networks, *event.prefixes)):
            if prefix.version != event.version:
                continue
            users = networks.setdefault(prefix, {})
            if prefix in event.prefixes:
                users[owner] = None
            else:
                users.pop(owner, None)
            if not users:
                del networks[prefix]
            node = self._table.nodes.get(prefix)
            offer = node.offers.get((notices.RouteSource.CONNECTED, event.interface)) if node else None
            if offer is not None:
                route = replace(offer.route, since=offer.since)
                self._publish(self._table.offer(self._marked(route), self._context.now))
        if not networks:
            del self._run_by[event.interface]

    def _marked(self, route: notices.Route) -> notices.Route:
        """Return a connected route, and the protocols that run there."""
        networks = self._run_by.get(route.process, {}) if route.source is notices.RouteSource.CONNECTED else {}
        users = networks.get(route.prefix, {})
        run_by = tuple(sorted(users, key=lambda owner: (owner[0].value, owner[1])))
        return route if route.run_by == run_by else replace(route, run_by=run_by)

    def _host_route(self, event: HostRouteChanged) -> list[notices.RouteChanged]:
        now = self._context.now
        if not event.next_hops:
            return self._table.retract(notices.RouteSource.HOST, "", event.prefix, now)
        route = notices.Route(
            prefix=event.prefix,
            source=notices.RouteSource.HOST,
            distance=HOST_DISTANCE,
            metric=event.metric,
            next_hops=event.next_hops,
        )
        return self._table.offer(route, now)


def _route_of(event: notices.RouteOffered | notices.RouteRetracted) -> Key:
    """Return which route of which protocol it is about."""
    if isinstance(event, notices.RouteOffered):
        return event.route.prefix, (event.route.source, event.route.process)
    return event.prefix, (event.source, event.process)


def _connected(state: notices.InterfaceState | None) -> dict[tuple[notices.RouteSource, Prefix], notices.Route]:
    """Return connected and local routes of an interface; none while its line is down.

    A /32 is connected only, as on IOS.
    """
    routes: dict[tuple[notices.RouteSource, Prefix], notices.Route] = {}
    if state is None or not state.line:
        return routes
    for address, length in (*state.addresses, *state.routed(6)):
        pairs = [(notices.RouteSource.CONNECTED, Prefix.of(address, length))]
        if length < address.max_prefixlen:
            pairs.append((notices.RouteSource.LOCAL, Prefix.host(address)))
        for source, prefix in pairs:
            routes[source, prefix] = notices.Route(
                prefix=prefix,
                source=source,
                distance=0,
                next_hops=(NextHop(state.name),),
                process=state.name,
                kind=RouteKind.FORWARD,
            )
    return routes
