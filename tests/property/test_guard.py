"""The guard of protected tunnels against a small model of the kernel's rules and tables.

It covers exactly what the routes into protected tunnels cover: whichever of our routes the kernel has lost, a packet
for such a tunnel is dropped or goes into it, and every other packet goes where it would without a guard.
"""

from __future__ import annotations

import errno
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetRoute
from dmvpn.dataplane import netlink
from dmvpn.dataplane.netlink import wire
from dmvpn.dataplane.netlink.route import parse_route, parse_rule
from dmvpn.dataplane.userspace.cleanup import StaleObjects
from dmvpn.dataplane.userspace.keeper import Keeper
from dmvpn.dataplane.userspace.links import MAIN
from dmvpn.dataplane.userspace.records import Ledger, Others
from dmvpn.dataplane.userspace.routes import Guard, KernelRoutes
from dmvpn.dataplane.userspace.translation import Translation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

INDEX = {"Tunnel0": 1, "Tunnel1": 2, "GigabitEthernet0/1": 3}
PROTECTED = frozenset((1, 2))
MAIN_PRIORITY = 32766
#: One in each of the longest prefixes.
ADDRESSES = [IPv4Address((number << 28) + 1) for number in range(16)]

#: Few of them, so that they lie in each other.
prefixes = st.builds(
    lambda number, length: Prefix.of(IPv4Address(number << 28), length), st.integers(0, 15), st.integers(0, 4)
)
hops = st.lists(st.sampled_from(sorted(INDEX)), min_size=1, max_size=2, unique=True).map(
    lambda names: tuple(NextHop(name, IPv4Address("192.0.2.1")) for name in names)
)
orders = st.one_of(
    st.builds(SetRoute, prefixes, hops),
    st.builds(SetRoute, prefixes, st.just(()), st.just(RouteKind.DISCARD)),
    st.builds(ClearRoute, prefixes),
)
steps = st.one_of(
    st.tuples(st.just("order"), st.lists(orders, min_size=1, max_size=6, unique_by=lambda order: order.prefix)),
    st.tuples(st.just("lose"), st.lists(prefixes, min_size=1, max_size=6)),
    st.tuples(st.just("other"), prefixes),
)

#: A packet's fate: the links that it may leave by, (): it is dropped; None: there is no route.
Fate = tuple[int, ...] | None


class Tables(netlink.NetlinkSocket):
    """Rules and routes of a kernel. carried_out: called after each request."""

    def __init__(self) -> None:
        self._sequence = 0
        self.policy: dict[int, netlink.Rule] = {MAIN_PRIORITY: netlink.Rule(MAIN_PRIORITY)}
        self.routes_of: dict[int, dict[tuple[Prefix, int], netlink.KernelRoute]] = {netlink.TABLE_MAIN: {}}
        self.carried_out: Callable[[], None] = lambda: None

    def _exchange(self, batch: Sequence[wire.Request], octets: bytes, first: int) -> list[netlink.KernelRefusal]:
        refusals = []
        for request, message in zip(batch, wire.parse_messages(memoryview(octets)), strict=True):
            if not self._carry_out(message):
                refusals.append(netlink.KernelRefusal(request, errno.ESRCH, "no such route"))
            self.carried_out()
        return refusals

    def _carry_out(self, message: wire.KernelMessage) -> bool:
        kinds = netlink.KernelMessageType
        if message.kind in (kinds.NEWRULE, kinds.DELRULE):
            rule = parse_rule(message.body)
            assert rule is not None
            if message.kind == kinds.NEWRULE:
                self.policy[rule.priority] = rule
            return message.kind == kinds.NEWRULE or self.policy.pop(rule.priority, None) is not None
        route = parse_route(message.body)
        assert route is not None
        table = self.routes_of.setdefault(route.table, {})
        if message.kind == kinds.NEWROUTE:
            table[route.prefix, route.metric] = route
        return message.kind == kinds.NEWROUTE or table.pop((route.prefix, route.metric), None) is not None

    def fate(self, address: IPv4Address) -> Fate:
        """Return what becomes of a packet, after all rules."""
        for _, rule in sorted(self.policy.items()):
            found = [one for one in self.routes_of.get(rule.table, {}).values() if address in one.prefix]
            if not found:
                continue
            route = min(found, key=lambda one: (-one.prefix.length, one.metric))
            if route.kind is not netlink.RouteType.UNICAST:
                return ()
            if rule.suppress is None or route.prefix.length > rule.suppress:
                return tuple(hop.link for hop in route.next_hops)
        return None


class Lab:
    """A router's routes over these tables, and what is to become of packets."""

    def __init__(self) -> None:
        self.tables = Tables()
        ledger, keeper = Ledger(None), Keeper(self.tables, lambda _event: None)
        guard = Guard(self.tables, keeper, Others)
        left = StaleObjects(self.tables, MAIN)
        translation = Translation(ledger, Others, str, lambda _name: [], lambda _event: None, None, None)
        self.routes = KernelRoutes(self.tables, keeper, guard, ledger, left, translation, index=INDEX.__getitem__)
        for name in ("Tunnel0", "Tunnel1"):
            self.routes.protect(name, None, protected=True)
        self.ordered: dict[Prefix, tuple[int, ...]] = {}

    def order(self, some: Sequence[SetRoute | ClearRoute]) -> None:
        """Carry orders out; at no moment a packet leaves in clear that was and will be for a protected tunnel."""
        before = {address for address in ADDRESSES if self.is_for_tunnel(address)}
        for one in some:
            self.ordered.pop(one.prefix, None)
            if isinstance(one, SetRoute):
                self.ordered[one.prefix] = tuple(INDEX[hop.interface] for hop in one.next_hops)
        inside = [address for address in ADDRESSES if address in before and self.is_for_tunnel(address)]

        def look() -> None:
            assert all(is_inside(self.tables.fate(address)) for address in inside)

        self.tables.carried_out = look
        assert self.routes.carry_out(some) == []
        self.tables.carried_out = lambda: None

    def lose(self, prefix: Prefix) -> None:
        """Let another program remove our route of this prefix."""
        self.tables.routes_of[netlink.TABLE_MAIN].pop((prefix, netlink.ROUTE_METRIC), None)

    def other(self, prefix: Prefix) -> None:
        """Let the host have a route of its own for this prefix, or have it no more."""
        main = self.tables.routes_of[netlink.TABLE_MAIN]
        if main.pop((prefix, 0), None) is None:
            hop = netlink.KernelNextHop(9)
            main[prefix, 0] = netlink.KernelRoute(prefix, (hop,), metric=0, protocol=4)

    @property
    def others(self) -> dict[Prefix, Fate]:
        """The host's own routes."""
        main = self.tables.routes_of[netlink.TABLE_MAIN]
        return {prefix: (9,) for prefix, metric in main if not metric}

    def is_for_tunnel(self, address: IPv4Address) -> bool:
        """Return whether packets are for a protected tunnel, by the longest match of all routes, lost ones too."""
        return is_protected(longest(self.ordered | self.others, address))

    def wanted(self, address: IPv4Address) -> Fate:
        """Return the fate by the longest match, where a route into protected tunnels counts even if it is lost."""
        fates: dict[Prefix, Fate] = {}
        for prefix, links in self.ordered.items():
            if (prefix, netlink.ROUTE_METRIC) in self.tables.routes_of[netlink.TABLE_MAIN]:
                fates[prefix] = links
            elif is_protected(links):
                fates[prefix] = ()
        return longest(fates | self.others, address)


def longest(fates: Mapping[Prefix, Fate], address: IPv4Address) -> Fate:
    """Return the fate of the longest prefix that has the address; None: there is none."""
    found = [prefix for prefix in fates if address in prefix]
    return fates[max(found, key=lambda prefix: prefix.length)] if found else None


def is_protected(fate: Fate) -> bool:
    """Return whether the packet leads into protected tunnels alone."""
    return bool(fate) and all(link in PROTECTED for link in fate or ())


def is_inside(fate: Fate) -> bool:
    """Return whether the packet does not leave in clear."""
    return fate == () or is_protected(fate)


@given(st.lists(steps, max_size=8))
def test_whatever_is_lost_a_packet_for_a_protected_tunnel_never_leaves_in_clear(
    happens: list[tuple[str, object]],
) -> None:
    lab = Lab()
    for what, about in happens:
        match what, about:
            case "order", list():
                lab.order(about)
            case "lose", list():
                for prefix in about:
                    lab.lose(prefix)
            case _, Prefix():
                lab.other(about)
        for address in ADDRESSES:
            assert lab.tables.fate(address) == lab.wanted(address), address
