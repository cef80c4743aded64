"""The routes that a router has added to the kernel; routes into protected tunnels are guarded.

routes       the orders of the RIB, by prefix; each is added or replaced in one step
protected    tunnels whose packets must not leave in clear: prefixes routed into them, and their own networks, are
             guarded (`guard`) from before any step may fail until the RIB withdraws them
"""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetInterface, SetRoute
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink
from dmvpn.dataplane.userspace.guard import ROUTED
from dmvpn.dataplane.userspace.leak_ways import is_leak
from dmvpn.dataplane.userspace.names import made_here

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dmvpn.dataplane.userspace.guard import Guard
    from dmvpn.dataplane.userspace.keeper import Keeper
    from dmvpn.dataplane.userspace.leak_ways import LeakWays
    from dmvpn.dataplane.userspace.leftovers import Leftovers
    from dmvpn.dataplane.userspace.records import Ledger
    from dmvpn.dataplane.userspace.translation import Translation

_KINDS = {RouteKind.DISCARD: netlink.RouteType.BLACKHOLE, RouteKind.UNREACHABLE: netlink.RouteType.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class _Ways:
    """Converted next hops while orders are carried out; thousands of orders share them.

    hops: the kernel's, by the identity of ours. octets: of these, by their identity.
    """

    hops: dict[int, tuple[netlink.KernelNextHop, ...]]
    octets: dict[int, bytes]


class KernelRoutes:
    """The routes of one router in one network namespace."""

    def __init__(
        self,
        socket: netlink.NetlinkSocket,
        keeper: Keeper,
        guard: Guard,
        ledger: Ledger,
        left: Leftovers,
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
        for order in self._leaking(takes):
            route = netlink.KernelRoute(order.prefix, kind=netlink.RouteType.UNREACHABLE, table=self._table)
            self._keeper.want(route, order=order)
            self._socket.execute([netlink.replace_route(route)])

    def again(self, takes: Callable[[NextHop], bool]) -> list[tuple[SetRoute | ClearRoute, OSError]]:
        """Carry out the orders again that take a way into another VRF; returns the refused ones."""
        return self.carry_out(self._leaking(takes))

    def _leaking(self, takes: Callable[[NextHop], bool]) -> list[SetRoute]:
        found = [prefix for prefix, hops in self._leaks.items() if any(takes(hop) for hop in hops)]
        return [self._routes[prefix] for prefix in found if prefix in self._routes]

    def _leak(self, order: SetRoute) -> None:
        """Hold the ways of an order into other VRFs. Raises UserError, OSError."""
        hops = tuple(hop for hop in order.next_hops if is_leak(hop))
        if not hops:
            return
        if self._ways is None:
            raise UserError("no VRFs are here")
        self._leaks[order.prefix] = hops
        for place, hop in enumerate(hops):
            try:
                self._ways.hold(hop)
            except BaseException:
                self._leaks[order.prefix] = hops[: place + 1]  # one that could not be made is held, too
                raise

    def _carry_out(self, orders: dict[Prefix, SetRoute | ClearRoute]) -> list[tuple[SetRoute | ClearRoute, OSError]]:
        """Carry out orders for different prefixes with one request to the kernel; return the refused ones."""
        refused: list[tuple[SetRoute | ClearRoute, OSError]] = []
        requests: dict[int, tuple[SetRoute | ClearRoute, netlink.KernelRequest]] = {}
        known = _Ways({}, {})
        self._ledger.routed(*(prefix for prefix, order in orders.items() if isinstance(order, SetRoute)))
        for order in orders.values():
            try:
                request = self._begin(order, known)
            except OSError as error:
                refused.append((order, error))
                continue
            except UserError as error:
                refused.append((order, OSError(0, str(error))))
                continue
            requests[id(request)] = order, request
        for refusal in self._socket.execute([request for _, request in requests.values()]):
            order, _ = requests[id(refusal.request)]
            if isinstance(order, SetRoute) or refusal.errno != errno.ESRCH:
                del requests[id(refusal.request)]
                refused.append((order, netlink.NetlinkError(refusal)))
        for order, _ in requests.values():
            self._end(order)
        self._ledger.cleared(*(order.prefix for order, _ in requests.values() if self._is_past(order.prefix)))
        return refused

    def _begin(self, order: SetRoute | ClearRoute, known: _Ways) -> netlink.KernelRequest:
        """Take the steps before the request to the kernel. Raises OSError."""
        self._left.routed(order.prefix)
        self._left_ways += self._leaks.pop(order.prefix, ())
        if isinstance(order, ClearRoute):
            self._routes.pop(order.prefix, None)
            route = netlink.KernelRoute(order.prefix, kind=netlink.RouteType.UNSPECIFIED, table=self._table)
            self._keeper.release(route)
            return netlink.delete_route(route)
        self._routes[order.prefix] = order
        if self._leads_into_protection(order):  # before any step may fail: no shorter route may take its packets
            self._guard.cover(order.prefix, ROUTED)
        if order.kind is RouteKind.FORWARD:
            self._leak(order)
            route = netlink.KernelRoute(order.prefix, self._next_hops(order.next_hops, known), table=self._table)
        else:
            route = netlink.KernelRoute(order.prefix, kind=_KINDS[order.kind], table=self._table)
        self._keeper.want(route, order=order)
        return netlink.replace_route(route, known.octets)

    def _end(self, order: SetRoute | ClearRoute) -> None:
        """Take the steps after the kernel has succeeded."""
        hops = order.next_hops if isinstance(order, SetRoute) else None
        self._translation.led(order.prefix, None if hops is None else [hop.interface for hop in hops])
        if not (isinstance(order, SetRoute) and self._leads_into_protection(order)):
            self._guard.uncover(order.prefix, ROUTED)
        self._guard.settled(order.prefix)

    def protect(self, tunnel: str, interface: SetInterface | None, *, protected: bool) -> None:
        """Guard the prefixes routed into this tunnel, or stop guarding them. interface: its current order."""
        if (tunnel in self._protected) is protected:
            return
        if protected:
            self._protected[tunnel] = None
        else:
            del self._protected[tunnel]
        for prefix, order in self._routes.items():
            if any(hop.interface == tunnel for hop in order.next_hops):
                change = self._guard.cover if self._leads_into_protection(order) else self._guard.uncover
                change(prefix, ROUTED)
        if interface is not None:
            self.cover_network(interface)

    def forget_tunnel(self, tunnel: str) -> None:
        """Forget a tunnel that is removed by our own order.

        Routes into it stay guarded until the RIB withdraws them.
        """
        self._protected.pop(tunnel, None)
        for prefix in self._networks.pop(tunnel, ()):
            self._guard.uncover(prefix, tunnel)
            self._strike(prefix)

    def cover_network(self, order: SetInterface) -> None:
        """Guard the networks of a protected tunnel, like routes into it."""
        name = order.interface
        covered = order.up and name in self._protected
        networks = [Prefix.of(address, length) for address, length in order.addresses if covered]
        before = self._networks.pop(name, ())
        after = tuple(network for network in networks if network.address.version == 4 and network.length < 32)
        if after:
            self._networks[name] = after
        for network in after:
            self._ledger.routed(network)
            self._guard.cover(network, name)
            self._guard.settled(network)
        for network in before:
            if network not in after:
                self._guard.uncover(network, name)
                self._strike(network)

    def _leads_into_protection(self, order: SetRoute) -> bool:
        if not self._protected or not order.next_hops:
            return False
        return all(hop.interface in self._protected for hop in order.next_hops)

    def _strike(self, prefix: Prefix) -> None:
        """Remove a prefix from the record, unless it is there for another reason."""
        if self._is_past(prefix):
            self._ledger.cleared(prefix)

    def _is_past(self, prefix: Prefix) -> bool:
        """Return whether the prefix is neither routed, nor the network of a protected tunnel."""
        return prefix not in self._routes and not any(prefix in networks for networks in self._networks.values())

    def _next_hops(self, hops: tuple[NextHop, ...], known: _Ways) -> tuple[netlink.KernelNextHop, ...]:
        found = known.hops.get(id(hops))
        if found is None:
            found = known.hops[id(hops)] = tuple(self._next_hop(hop, alone=len(hops) == 1) for hop in hops)
        return found

    def _next_hop(self, hop: NextHop, *, alone: bool) -> netlink.KernelNextHop:
        if is_leak(hop) and self._ways is not None:
            leak = self._ways.hop(hop)
            return replace(leak, weight=1) if alone else leak
        # A tunnel's next hop is on the link whatever its mask says: peers with /32 addresses exist.
        onlink = hop.address is not None and made_here(hop.interface)
        weight = 1 if alone else hop.weight
        return netlink.KernelNextHop(self._index(hop.interface), hop.address, onlink, weight)
