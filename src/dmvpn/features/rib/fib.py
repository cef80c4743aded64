"""The forwarding table as the shell has it: orders go out only where an entry really becomes another one.

Connected prefixes and our own addresses are the host's own business: they follow from `SetInterface`, and an entry of
ours must not lie over them; nor over routes that the host has already. NHRP's override (NHO) replaces the next hops of
a route without touching the route.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.effects import ClearRoute, NextHop, RouteKind, SetRoute
from dmvpn.base.notices import RouteSource
from dmvpn.base.reasons import Reason
from dmvpn.base.retries import Retries
from dmvpn.base.values import dataclass
from dmvpn.features.rib.reasons import RibReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.features.rib.offers import Node, Offer

_HOSTS_OWN = (RouteSource.CONNECTED, RouteSource.LOCAL, RouteSource.HOST)
#: Refused orders that are given again in one event.
_MOST_ORDERS: Final = 128


@dataclass(frozen=True, slots=True)
class FibEntry:
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
        if node.override is None or node.best is None:
            return False
        if not self._line(node.override.interface, node.prefix.version):
            return False
        return node.best.route.source not in (*_HOSTS_OWN, RouteSource.NHRP)

    def update(self, prefix: Prefix, node: Node | None) -> SetRoute | ClearRoute | None:
        """Return the order that brings the shell up to date for this prefix, if it needs one."""
        wanted = self._wanted(prefix, node)
        have = self._installed.get(prefix)
        if wanted == have:
            return None
        self._retries.forget(prefix)
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
