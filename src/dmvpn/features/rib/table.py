"""The routing table: selects the best offer of every prefix and reports changes.

    offer, retract, link ──> nodes and offers ──> recursion (addresses to hops) ──> best ──> RouteChanged

One `RouteChanged` is one prefix with a new best route. Work per offer: one look-up per prefix length in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.lpm import PrefixTable
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.features.rib.offers import Node, Offer
from dmvpn.features.rib.recursion import Key, Recursion


class RouteTable:
    """All nodes by prefix. `line(interface, version)`: whether the interface carries packets of this IP version.

    vrf: of the table.

    touched: prefixes that may have changed, for the record of earlier tables.
    """

    def __init__(self, line: Callable[[str, int], bool], vrf: str = "") -> None:
        self.nodes: PrefixTable[Node] = PrefixTable()
        self.touched: dict[Prefix, None] = {}
        self._line = line
        self._vrf = vrf
        self.recursion = Recursion(self.nodes, line)
        self._by_interface: dict[str, dict[Key, None]] = {}
        self._settled_at = float("-inf")

    def offer(self, route: Route, now: float) -> list[RouteChanged]:
        """Take a route, or the new version of one."""
        node = self._node(route.prefix)
        owner = route.source, route.process
        key = route.prefix, owner
        old = node.offers.get(owner)
        if old is not None and old.route == route:
            old.say_again(route)
            self.touched[route.prefix] = None
            return []
        if old is not None:
            self._unlink(key, old)
        offer = node.offers[owner] = Offer(route, since=route.since or now)
        for hop in route.next_hops:
            if hop.interface:
                self._by_interface.setdefault(hop.interface, {})[key] = None
        if offer.recursive:
            self.recursion.add(key, offer)
        else:
            offer.lead(self._direct(route))
        return self._settle([node], now)

    def retract(self, source: RouteSource, process: str, prefix: Prefix, now: float) -> list[RouteChanged]:
        """Drop a route; it need not be there."""
        node = self.nodes.get(prefix)
        offer = node.offers.pop((source, process), None) if node else None
        if node is None or offer is None:
            return []
        self._unlink((prefix, (source, process)), offer)
        return self._settle([node], now)

    def leading_out(self, interface: str) -> list[Key]:
        """Return the offers that name this interface."""
        return list(self._by_interface.get(interface, ()))

    def link(self, keys: Iterable[Key], now: float) -> list[RouteChanged]:
        """Note that the line of an interface went up or down that these offers named, and perhaps still do."""
        touched: dict[Prefix, Node] = {}
        for key in keys:
            node = self.nodes.get(key[0])
            if node is None:
                continue
            offer = node.offers.get(key[1])
            if offer is not None and offer.recursive:
                self.recursion.again(key)
            elif offer is not None:
                offer.lead(self._direct(offer.route))
            touched[key[0]] = node
        return self._settle(list(touched.values()), now)

    @property
    def is_behind(self) -> bool:
        """Whether recursive routes are left to look at; `go_on` looks at more of them."""
        return self.recursion.is_behind

    def go_on(self, now: float) -> list[RouteChanged]:
        """Look at some more recursive routes."""
        return self._settle([], now) if self.is_behind else []

    def begin_again(self, node: Node, now: float) -> None:
        """Let all routes of a prefix be what they are since now."""
        for offer in node.offers.values():
            offer.begin_again(now)
        self.touched[node.prefix] = None

    def touch(self, prefix: Prefix) -> None:
        """Note that the output for a prefix may have changed without its routes."""
        self.touched[prefix] = None

    def take_touched(self) -> dict[Prefix, None]:
        """Return the prefixes that may have changed since the last time."""
        touched, self.touched = self.touched, {}
        return touched

    def leading(self, prefix: Prefix, offer: Offer) -> tuple[NextHop, ...]:
        """Return the next hops of an offer, in the protocol's own words, that can be used now."""
        route = offer.route
        if len(route.next_hops) == 1:
            return route.next_hops if offer.hops else ()
        if offer.recursive:
            return self.recursion.leading((prefix, (route.source, route.process)))
        return tuple(hop for hop in route.next_hops if hop in offer.hops)

    def set_override(self, prefix: Prefix, override: NextHop | None, now: float) -> None:
        """Set the override of a prefix, or take it back (None); it is no change of the best route."""
        node = self._node(prefix)
        if node.override is None or override is None:
            node.override_since = now
        node.override = override
        self.touched[prefix] = None
        self._drop_if_empty(node)

    def _node(self, prefix: Prefix) -> Node:
        node = self.nodes.get(prefix)
        if node is None:
            node = self.nodes[prefix] = Node(prefix)
        return node

    def _direct(self, route: Route) -> tuple[NextHop, ...]:
        version = route.prefix.version
        hops = tuple(hop for hop in route.next_hops if hop.leaks or self._line(hop.interface, version))
        return route.next_hops if len(hops) == len(route.next_hops) else hops

    def _unlink(self, key: Key, offer: Offer) -> None:
        self.recursion.remove(key)
        for hop in offer.route.next_hops:
            users = self._by_interface.get(hop.interface)
            if users is not None:
                users.pop(key, None)
                if not users:
                    del self._by_interface[hop.interface]

    def _settle(self, nodes: list[Node], now: float) -> list[RouteChanged]:
        """Select again where something changed, and wherever a recursive offer leans on that: there as much as may be
        done at this moment.
        """
        if now != self._settled_at:
            self._settled_at = now
            self.recursion.begin()
        followed = self.recursion.follow([node.prefix for node in nodes])
        if followed:
            every = {**{node.prefix: None for node in nodes}, **followed}
            nodes = [node for prefix in every if (node := self.nodes.get(prefix)) is not None]
        return [change for node in nodes if (change := self._select(node)) is not None]

    def _select(self, node: Node) -> RouteChanged | None:
        """Select the best route of a prefix again; returns None if it is the same."""
        prefix, before = node.prefix, node.shown
        self.touched[prefix] = None
        node.plain = node.choose_plain()
        best = node.best = node.choose(node.plain)
        after = node.shown = best.resolved if best is not None else None
        if best is None:
            self._drop_if_empty(node)
        if before is after or (before is not None and after is not None and before == after):
            return None
        return RouteChanged(prefix, before, after, self._vrf)

    def _drop_if_empty(self, node: Node) -> None:
        if node.empty and node.best is None:
            self.nodes.pop(node.prefix)
