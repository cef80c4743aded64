"""The routes that a router has added to the kernel; routes into protected tunnels are guarded.

routes       the orders of the RIB, by prefix; each is added or replaced in one step
protected    tunnels whose packets must not leave in clear: prefixes routed into them, and their own networks, are
             guarded (`Guard`) from before any step may fail until the RIB withdraws them

The guard: packets that are routed into a protected tunnel never leave by another route, even while their own is
missing.

The guard is outside the main table, so that a program that empties the main table does not empty the guard. For each
length L of prefixes that lead into protected tunnels there are two rules and a table, the longest prefixes first:

    32700 + 2 (32 - L)        look up main, and accept no route shorter than L (suppress_prefixlength L - 1)
    the next number           look up table 5400 + L: a blackhole for each such prefix of this length

For prefixes of IPv6 the numbers are 32400 + 2 (128 - L) and 6100 + L.

So the longest match decides, over both tables. While main has the route, or one of the host's that is more specific,
forwarding is unchanged. Without it, the packet finds the blackhole before main's shorter routes, before the default.
Only the RIB's withdrawal removes the blackhole; with the last one the rules go, unless another router of this namespace
needs them, too, living or killed meanwhile. Each router has a metric of its own, so that of two routers that guard the
same prefix neither removes the other's blackhole. All routes and rules have our protocol number, `ip rule show` prints
"proto 54".

The kernel looks up the table of a VRF device before these rules, and it is ours alone: its blackholes are in that table
itself, with the last metric.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol, Self

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local
from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetInterface, SetRoute
from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, TABLE_MAIN, KernelNextHop
from dmvpn.dataplane.userspace.cleanup import StaleObjects
from dmvpn.dataplane.userspace.keeper import GUARD_TABLES, Keeper, WantedRoute
from dmvpn.dataplane.userspace.links import GUARD_METRIC, made_here
from dmvpn.dataplane.userspace.records import Ledger, Others
from dmvpn.dataplane.userspace.translation import Translation

# ---------------------------------------------------------------------------------------------------- leak ways


class Way(Value):
    """Where routes of a VRF lead: out of an interface to an address there, or into the table of `to`."""

    vrf: str
    interface: str
    address: IPAddress | None
    to: str

    @classmethod
    def of(cls, vrf: str, hop: NextHop) -> Self:
        """Return the way of a next hop of a VRF. Without an interface, the other table has the next hop."""
        return cls(vrf, hop.interface, hop.address if hop.interface else None, hop.vrf)

    def takes(self, hop: NextHop) -> bool:
        """Return whether a next hop of its VRF is this one."""
        return Way.of(self.vrf, hop) == self


class LeakWays(Protocol):
    """What the routes of one VRF need of this."""

    def hold(self, hop: NextHop) -> None:
        """Let there be a way for one more route. Raises UserError, OSError."""

    def hop(self, hop: NextHop) -> KernelNextHop:
        """Return a way that is held. Raises UserError."""

    def release(self, hop: NextHop) -> None:
        """Take in that one route fewer takes it."""


def is_leak(hop: NextHop) -> bool:
    """Return whether a next hop is in another VRF than its route."""
    return hop.leaks or not hop.interface


# ---------------------------------------------------------------------------------------------------- guard

#: The rule of the longest prefixes, by IP version.
PRIORITY: Final = {4: 32700, 6: 32400}

#: Reasons to guard a prefix: a route leads into a tunnel; the previous run guarded it.
ROUTED: Final = "route"
_LEFT: Final = "left"

#: Number of routers in this process so far.
_routers = itertools.count()


class Guard:
    """The guarded prefixes, with the reasons."""

    def __init__(
        self, kernel: netlink.NetlinkSocket, keeper: Keeper, others: Callable[[], Others], table: int = TABLE_MAIN
    ) -> None:
        """others: the other routers of this network namespace, as they are now. table: that is guarded."""
        self._table = table
        self._kernel = kernel
        self._keeper = keeper
        self._others = others
        self._covered: dict[Prefix, tuple[str, ...]] = {}
        #: The rules by the table of the guard that they look up.
        self._rules: dict[int, tuple[netlink.Rule, netlink.Rule]] = {}
        self._possible = True
        metric = (os.getpid() << 8 | next(_routers) & 0xFF) & 0x7FFFFFFF or 1
        self._metric = metric if self._is_main else GUARD_METRIC
        #: Of the requests that make blackholes and remove them, by that table.
        self._forms: dict[int, tuple[netlink.RouteForm, netlink.RouteForm]] = {}

    @property
    def _is_main(self) -> bool:
        return self._table == TABLE_MAIN

    def problem(self) -> str | None:
        """Return why this kernel cannot have a guard, or None. Without one, orders are ignored."""
        try:
            if self._is_main:
                self._kernel.rules()
        except netlink.NetlinkError as error:
            self._possible = False
            return error.refusal.text
        return None

    def begin(self, others: Others, *, keep: bool) -> None:
        """Keep the guard of the previous run until this one has installed its routes, or end it at once.

        others: routers that live in this network namespace, too; their blackholes stay.
        """
        ours = [route for route in self._kernel.routes(protocol=ROUTE_PROTOCOL) if self._is_guard(route)]
        left = [route for route in ours if route.prefix not in others.prefixes]
        if keep:
            self.cover([route.prefix for route in left], _LEFT)
        else:
            self.close(shared=bool(others.living))
        self._kernel.execute([netlink.delete_route(route) for route in left if not (keep and self.owns(route))])

    def age(self) -> None:
        """Remove the guard of the previous run where this one does not need it."""
        self.uncover([prefix for prefix, reasons in self._covered.items() if _LEFT in reasons], _LEFT)

    def cover(self, prefixes: Iterable[Prefix], reason: str) -> None:
        """Guard prefixes; must be called before their routes are made."""
        requests = [request for prefix in prefixes if (request := self.covering(prefix, reason)) is not None]
        self.repeat_later(self._kernel.execute(requests))

    def uncover(self, prefixes: Iterable[Prefix], reason: str) -> None:
        """Remove this reason to guard prefixes; must be called after their routes are removed."""
        requests: list[netlink.Request] = []
        for prefix in prefixes:
            reasons = self._covered.get(prefix, ())
            if reason not in reasons:
                continue
            if len(reasons) > 1:
                self._covered[prefix] = tuple(one for one in reasons if one != reason)
            else:
                del self._covered[prefix]
                table = GUARD_TABLES[prefix.version].start + prefix.length
                requests.append(self._keeper.release_route(self._forms[table][1], prefix))
        self._kernel.execute(requests)
        if requests and not self._covered:
            self._remove_rules()

    def covering(self, prefix: Prefix, reason: str) -> WantedRoute | None:
        """Return the request that guards a prefix, to be carried out before its route's; None: it is guarded."""
        if not self._possible:
            return None
        reasons = self._covered.get(prefix)
        if reasons is not None:
            self._covered[prefix] = reasons if reason in reasons else (*reasons, reason)
            return None
        table = GUARD_TABLES[prefix.version].start + prefix.length
        self._ask_for(table, prefix)
        self._covered[prefix] = (reason,)
        forms = self._forms.get(table)
        if forms is None:
            one = netlink.KernelRoute(
                netlink.EVERYWHERE,
                kind=netlink.RouteType.BLACKHOLE,
                metric=self._metric,
                table=table if self._is_main else self._table,
            )
            forms = self._forms[table] = netlink.RouteForm(one), netlink.RouteForm(one, netlink.delete_route)
        return self._keeper.want_route(forms[0], prefix, None)

    def repeat_later(self, refusals: Iterable[netlink.KernelRefusal]) -> list[netlink.KernelRefusal]:
        """Let refused requests that guard a prefix be repeated later; return the other refusals."""
        others = []
        for refusal in refusals:
            if not isinstance(refusal.request, WantedRoute) or refusal.request.order is not None:
                others.append(refusal)
            elif refusal.errno != errno.EEXIST:
                self._keeper.retry(refusal.request.what)
        return others

    @property
    def is_used(self) -> bool:
        """Whether any prefix is guarded."""
        return bool(self._covered)

    def settled(self, prefixes: Iterable[Prefix]) -> None:
        """Record that the router has ordered routes for these prefixes: the previous run's guard of them ends."""
        self.uncover(prefixes, _LEFT)

    def close(self, *, shared: bool) -> None:
        """Remove the guard; its routes go with our other routes. shared: other routers here need the rules."""
        self._covered.clear()
        self._rules.clear()
        if not shared and self._is_main:
            self._kernel.flush_rules()

    def owns(self, route: netlink.KernelRoute) -> bool:
        """Return whether the route is a blackhole of this router's guard."""
        return self._is_guard(route) and route.metric == self._metric

    def _is_guard(self, route: netlink.KernelRoute) -> bool:
        if self._is_main:
            return is_guard(route)
        return route.table == self._table and route.metric == GUARD_METRIC

    def _ask_for(self, table: int, prefix: Prefix) -> None:
        """Let the kernel look up a table of the guard. prefix: one of those for which it has blackholes."""
        if table in self._rules or not self._is_main:
            return
        rules = self._rules[table] = _rules(table, prefix)
        # Main first: the blackholes alone would drop packets that have a route.
        for rule in rules:
            request = netlink.add_rule(rule)
            self._keeper.want(rule, request)
            if any(refusal.errno != errno.EEXIST for refusal in self._kernel.execute([request])):
                self._keeper.retry(rule)

    def _remove_rules(self) -> None:
        shared = self._others().has_routes  # without the rules its prefixes would leave in clear
        for rules in self._rules.values():
            for rule in reversed(rules):
                self._keeper.release(rule)
                if not shared:
                    self._kernel.execute([netlink.delete_rule(rule)])
        self._rules.clear()


def is_guard(route: netlink.KernelRoute) -> bool:
    """Return whether the route is a blackhole of a guard."""
    return route.protocol == ROUTE_PROTOCOL and route.table in GUARD_TABLES[route.prefix.version]


def _rules(table: int, prefix: Prefix) -> tuple[netlink.Rule, netlink.Rule]:
    version, length = prefix.version, prefix.length
    priority = PRIORITY[version] + 2 * (prefix.width - length)
    return (
        netlink.Rule(priority, TABLE_MAIN, suppress=length - 1 if length else None, version=version),
        netlink.Rule(priority + 1, table, version=version),
    )


# ---------------------------------------------------------------------------------------------------- routes

_KINDS: Final = {
    RouteKind.FORWARD: netlink.RouteType.UNICAST,
    RouteKind.DISCARD: netlink.RouteType.BLACKHOLE,
    RouteKind.UNREACHABLE: netlink.RouteType.UNREACHABLE,
}


class _Destination(Mutable):
    """What orders share that lead to the same next hops: thousands at a time.

    is_protected: all of these are in protected tunnels. leaks: those in other VRFs. form: None: not known yet.
    """

    is_protected: bool
    leaks: tuple[NextHop, ...]
    form: netlink.RouteForm | None = None


class KernelRoutes:
    """The routes of one router in one network namespace."""

    def __init__(
        self,
        socket: netlink.NetlinkSocket,
        keeper: Keeper,
        guard: Guard,
        ledger: Ledger,
        left: StaleObjects,
        translation: Translation,
        *,
        index: Callable[[str], int],
        table: int = netlink.TABLE_MAIN,
        leaks: LeakWays | None = None,
    ) -> None:
        """table: in which they are. index: the number of an interface in the kernel; raises OSError if the interface
        does not exist. leaks: the ways into other VRFs; None: there are none.
        """
        self._table = table
        self._ways = leaks
        self._leaks: dict[Prefix, tuple[NextHop, ...]] = {}
        #: Ways that a route has left, until the kernel has left them, too.
        self._left_ways: list[NextHop] = []
        self._socket = socket
        self._keeper = keeper
        self._guard = guard
        self._ledger = ledger
        self._left = left
        self._translation = translation
        self._index = index
        self._protected: dict[str, None] = {}
        self._networks: dict[str, tuple[Prefix, ...]] = {}
        self._routes: dict[Prefix, SetRoute] = {}
        self._removal = netlink.RouteForm(netlink.KernelRoute(netlink.EVERYWHERE, table=table), netlink.delete_route)

    def carry_out(self, orders: Sequence[SetRoute | ClearRoute]) -> list[tuple[SetRoute | ClearRoute, OSError]]:
        """Add routes, replace each in one step, or delete them, in order; returns the refused ones.

        A route that is refused is guarded all the same. One to be deleted may have gone with its interface.
        """
        refused: list[tuple[SetRoute | ClearRoute, OSError]] = []
        some: dict[Prefix, SetRoute | ClearRoute] = {}
        for order in orders:
            if order.prefix in some:
                refused += self._carry_out(some)
                some = {}
            some[order.prefix] = order
        refused += self._carry_out(some)
        left, self._left_ways = self._left_ways, []
        if self._ways is not None:
            for hop in left:
                self._ways.release(hop)
        return refused

    def suspend(self, takes: Callable[[NextHop], bool]) -> None:
        """Let the routes that take a way into another VRF be unreachable, until they are ordered again."""
        form = self._form((), netlink.RouteType.UNREACHABLE)
        self._socket.execute([self._keeper.want_route(form, one.prefix, one) for one in self._leaking(takes)])

    def again(self, takes: Callable[[NextHop], bool]) -> list[tuple[SetRoute | ClearRoute, OSError]]:
        """Carry out the orders again that take a way into another VRF; returns the refused ones."""
        return self.carry_out(self._leaking(takes))

    def _leaking(self, takes: Callable[[NextHop], bool]) -> list[SetRoute]:
        found = [prefix for prefix, hops in self._leaks.items() if any(takes(hop) for hop in hops)]
        return [self._routes[prefix] for prefix in found if prefix in self._routes]

    def _hold(self, prefix: Prefix, hops: tuple[NextHop, ...]) -> None:
        """Hold the ways of an order into other VRFs. Raises UserError, OSError."""
        if self._ways is None:
            raise UserError("no VRFs are here")
        self._leaks[prefix] = hops
        for place, hop in enumerate(hops):
            try:
                self._ways.hold(hop)
            except BaseException:
                self._leaks[prefix] = hops[: place + 1]  # one that could not be made is held, too
                raise

    def _carry_out(self, orders: dict[Prefix, SetRoute | ClearRoute]) -> list[tuple[SetRoute | ClearRoute, OSError]]:
        """Carry out orders for different prefixes with one request to the kernel; return the refused ones."""
        refused: dict[Prefix, OSError] = {}
        requests: list[netlink.RouteRequest] = []
        guards: list[netlink.RouteRequest] = []  # before any route, so that no step of this batch opens a way in clear
        protected: list[Prefix] = []
        destinations: dict[tuple[NextHop, ...] | RouteKind, _Destination] = {}
        known: dict[int, _Destination] = {}  # the same by the identity of the next hops, which are slow to hash
        left = self._left.routes
        self._ledger.routed(*(prefix for prefix, order in orders.items() if isinstance(order, SetRoute)))
        for prefix, order in orders.items():
            if left:
                left.pop(prefix, None)
            if self._leaks:
                self._left_ways += self._leaks.pop(prefix, ())
            if isinstance(order, ClearRoute):
                self._routes.pop(prefix, None)
                requests.append(self._keeper.release_route(self._removal, prefix))
                continue
            self._routes[prefix] = order
            hops = order.next_hops
            there = known.get(id(hops)) if hops else None
            if there is None:
                where = hops or order.kind
                there = known[id(hops)] = destinations[where] = destinations.get(where) or self._destination(order)
            if there.is_protected:  # even if the route is refused: no shorter one may take its packets
                protected.append(prefix)
                if (covering := self._guard.covering(prefix, ROUTED)) is not None:
                    guards.append(covering)
            try:
                if there.leaks:
                    self._hold(prefix, there.leaks)
                if there.form is None:
                    there.form = self._form(order.next_hops, _KINDS[order.kind])
            except OSError as error:
                refused[prefix] = error
            except UserError as error:
                refused[prefix] = OSError(0, str(error))
            else:
                requests.append(self._keeper.want_route(there.form, prefix, order))
        for refusal in self._guard.repeat_later(self._socket.execute([*guards, *requests])):
            request = refusal.request
            if isinstance(request, netlink.RouteRequest) and (
                isinstance(request, WantedRoute) or refusal.errno != errno.ESRCH
            ):
                refused[request.prefix] = netlink.NetlinkError(refusal)
        self._end(orders, refused, protected)
        return [(orders[prefix], error) for prefix, error in refused.items()]

    def _destination(self, order: SetRoute) -> _Destination:
        leaks = tuple(hop for hop in order.next_hops if is_leak(hop))
        return _Destination(self._leads_into_protection(order), leaks)

    def _end(
        self,
        orders: Mapping[Prefix, SetRoute | ClearRoute],
        refused: Mapping[Prefix, OSError],
        protected: Sequence[Prefix],
    ) -> None:
        """Take the steps after the kernel has succeeded."""
        done = [prefix for prefix in orders if prefix not in refused] if refused else list(orders)
        if self._translation.is_used:
            for prefix in done:
                order = orders[prefix]
                hops = order.next_hops if isinstance(order, SetRoute) else None
                self._translation.led(prefix, None if hops is None else [hop.interface for hop in hops])
        if self._guard.is_used:
            self._guard.settled(done)
            still = dict.fromkeys(protected)
            self._guard.uncover([prefix for prefix in done if prefix not in still], ROUTED)
        cleared = [prefix for prefix, order in orders.items() if isinstance(order, ClearRoute)]
        self._strike(prefix for prefix in cleared if prefix not in refused)

    def protect(self, tunnel: str, interface: SetInterface | None, *, protected: bool) -> None:
        """Guard the prefixes routed into this tunnel, or stop guarding them. interface: its current order."""
        if (tunnel in self._protected) is protected:
            return
        if protected:
            self._protected[tunnel] = None
        else:
            del self._protected[tunnel]
        into = [one for one in self._routes.values() if any(hop.interface == tunnel for hop in one.next_hops)]
        covered = [one.prefix for one in into if self._leads_into_protection(one)]
        self._guard.cover(covered, ROUTED)
        self._guard.uncover([one.prefix for one in into if not self._leads_into_protection(one)], ROUTED)
        if interface is not None:
            self.cover_network(interface)

    def forget_tunnel(self, tunnel: str) -> None:
        """Forget a tunnel that is removed by our own order.

        Routes into it stay guarded until the RIB withdraws them.
        """
        self._protected.pop(tunnel, None)
        networks = self._networks.pop(tunnel, ())
        self._guard.uncover(networks, tunnel)
        self._strike(networks)

    def cover_network(self, order: SetInterface) -> None:
        """Guard the networks of a protected tunnel, like routes into it."""
        name = order.interface
        covered = order.up and name in self._protected
        networks = [Prefix.of(address, length) for address, length in order.addresses if covered]
        before = self._networks.pop(name, ())
        # Every interface has the network of IPv6's link-local addresses, and no route of the host leads there.
        after = tuple(one for one in networks if not one.is_host and not is_link_local(one.address))
        if after:
            self._networks[name] = after
        self._ledger.routed(*after)
        self._guard.cover(after, name)
        self._guard.settled(after)
        gone = [network for network in before if network not in after]
        self._guard.uncover(gone, name)
        self._strike(gone)

    def _leads_into_protection(self, order: SetRoute) -> bool:
        if not self._protected or not order.next_hops:
            return False
        return all(hop.interface in self._protected for hop in order.next_hops)

    def _strike(self, prefixes: Iterable[Prefix]) -> None:
        """Remove prefixes from the record that are not there for another reason."""
        self._ledger.cleared(*filter(self._is_past, prefixes))

    def _is_past(self, prefix: Prefix) -> bool:
        """Return whether the prefix is neither routed, nor the network of a protected tunnel."""
        return prefix not in self._routes and not any(prefix in networks for networks in self._networks.values())

    def _form(self, hops: tuple[NextHop, ...], kind: netlink.RouteType) -> netlink.RouteForm:
        """Return what the routes share that lead there. Raises OSError, UserError."""
        found = tuple(self._next_hop(hop, alone=len(hops) == 1) for hop in hops)
        return netlink.RouteForm(netlink.KernelRoute(netlink.EVERYWHERE, found, kind, table=self._table))

    def _next_hop(self, hop: NextHop, *, alone: bool) -> netlink.KernelNextHop:
        if is_leak(hop) and self._ways is not None:
            leak = self._ways.hop(hop)
            return replace(leak, weight=1) if alone else leak
        # A tunnel's next hop is on the link whatever its mask says: peers with /32 addresses exist.
        onlink = hop.address is not None and made_here(hop.interface)
        weight = 1 if alone else hop.weight
        return netlink.KernelNextHop(self._index(hop.interface), hop.address, onlink, weight)
