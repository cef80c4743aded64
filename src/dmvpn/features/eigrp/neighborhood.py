"""The neighbors of one process by state: pending, up, or leaving; and which of them DUAL may query.

enter      a first Hello came: the neighbor is pending, and has a handle
come_up    it acknowledged our first packet: it takes part in routing
leave      it is given up, and no longer queried; its reports are yet to be forgotten
forget     nothing of it is left
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.features.eigrp.interface import Neighbor
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.topology import PathSource

#: Maximum neighbors of one process. Senders can be forged, and each is greeted until it answers or a limit is reached.
MOST_NEIGHBORS: Final = 10_000


class Neighborhood:
    """The neighbors of one process.

    up: the neighbors that take part in routing, by their source of paths.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.up: dict[PathSource, Neighbor] = {}
        #: In order of arrival.
        self._pending: dict[Neighbor, None] = {}
        self._leaving: dict[PathSource, Neighbor] = {}
        self._free_handles: list[int] = []
        self._handles = 0

    @property
    def most(self) -> int:
        """How many neighbors there may be."""
        return MOST_NEIGHBORS

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another neighbor."""
        return self._handles - len(self._free_handles) >= self.most

    def all(self) -> list[Neighbor]:
        """Return the neighbors on all interfaces, in order of their handles."""
        found = [each for interface in self._state.interfaces.values() for each in interface.neighbors.values()]
        return sorted(found, key=lambda neighbor: neighbor.handle)

    def longest_pending(self) -> Neighbor | None:
        """Return the neighbor that has been pending for longest."""
        return next(iter(self._pending), None)

    def take_handle(self) -> int:
        """Return the handle of a new neighbor: the smallest free one."""
        if self._free_handles:
            return heappop(self._free_handles)
        handle, self._handles = self._handles, self._handles + 1
        return handle

    def enter(self, neighbor: Neighbor) -> None:
        """Add a new, pending neighbor."""
        neighbor.interface.enter(neighbor)
        self._pending[neighbor] = None

    def come_up(self, neighbor: Neighbor) -> None:
        """Note that a neighbor takes part in routing from now on."""
        del self._pending[neighbor]
        self.up[neighbor.source] = neighbor

    def leave(self, neighbor: Neighbor) -> None:
        """Note that a neighbor is given up: it is no longer queried."""
        neighbor.interface.leave(neighbor)
        self._pending.pop(neighbor, None)
        if self.up.pop(neighbor.source, None) is not None:
            self._leaving[neighbor.source] = neighbor

    def free_handle(self, neighbor: Neighbor) -> None:
        """Free the handle of a neighbor that has left."""
        heappush(self._free_handles, neighbor.handle)

    def forget(self, neighbor: Neighbor) -> bool:
        """Forget a neighbor that has left. Returns whether it took part in routing."""
        return self._leaving.pop(neighbor.source, None) is not None

    def audience(self, prefix: Prefix, told_by: PathSource | None) -> list[PathSource]:
        """Return the neighbors to query, in a fixed order: all except stubs.

        told_by: the successor whose message caused the query. Split horizon omits its interface (RFC 7868 §5.4.2),
        except neighbors there that may believe that they reach the prefix through us.
        """
        spared = self._state.interfaces.get(told_by.interface) if told_by else None
        if spared is not None and (not spared.settings.split_horizon or prefix in spared.group.told):
            spared = None
        return [
            source
            for source, neighbor in self.up.items()
            if not neighbor.is_stub and not (neighbor.interface is spared and neighbor.is_idle)
        ]
