"""The routing domain of a VRF within a network namespace: a VRF device of the kernel, and its table.

A VRF in a namespace of its own has that namespace's main table, and no device, like the global table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink

if TYPE_CHECKING:
    from dmvpn.dataplane.netlink import KernelRoute

#: The metric of the route that ends the table of a VRF device: the worst that ip-route(8) advises.
END_METRIC: Final = 4278198272
#: The metric of blackholes in it (`guard`): any route of the same prefix is better.
GUARD_METRIC: Final = 0x7FFFFFFF


@dataclass(frozen=True, slots=True)
class Domain:
    """A routing table, and the index of the VRF device that has it, 0: none."""

    table: int = netlink.TABLE_MAIN
    device: int = 0

    def has(self, route: KernelRoute) -> bool:
        """Return whether a route is in its table."""
        return route.table == self.table

    @property
    def end(self) -> KernelRoute:
        """The last route of a VRF device: without it the kernel would go on to the main table."""
        prefix, kind = Prefix.parse("0.0.0.0/0"), netlink.RouteType.UNREACHABLE
        return netlink.KernelRoute(prefix, kind=kind, metric=END_METRIC, table=self.table)


MAIN: Final = Domain()
