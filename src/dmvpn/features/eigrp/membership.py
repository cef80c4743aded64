"""Neighbors in routing: their part begins with the first table, and ends when their reports are forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chores import in_pieces
from dmvpn.base.liveness import Client, WatchWanted
from dmvpn.features.eigrp.messages import NeighborChanged
from dmvpn.features.eigrp.state import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dmvpn.features.eigrp.advertiser import Advertiser
    from dmvpn.features.eigrp.dual import Dual, InboundLists
    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.neighborhood import Neighborhood
    from dmvpn.features.eigrp.state import State

#: Neighbors processed in one event when all of an interface are concerned.
TOGETHER: Final = 64


class Membership:
    """Begins and ends the part of neighbors in the routing of one process."""

    def __init__(
        self, state: State, neighborhood: Neighborhood, dual: Dual, intake: InboundLists, advertiser: Advertiser
    ) -> None:
        self._state = state
        self._neighborhood = neighborhood
        self._dual = dual
        self._intake = intake
        self._advertiser = advertiser

    def begin(self, neighbor: Neighbor) -> None:
        """Let a neighbor that is up take part in routing, and send it the whole table."""
        self._neighborhood.come_up(neighbor)
        self._state.log.note(EventKind.NEIGHBOR_UP, neighbor.address, neighbor.interface.name)
        if neighbor.interface.settings.bfd:
            self.watch(neighbor, wanted=True)
        self._advertiser.tell_table(neighbor)

    def end(self, neighbors: Iterable[Neighbor]) -> None:
        """Forget neighbors that have left, and all their reports."""
        for neighbor in neighbors:
            was_up = self._neighborhood.forget(neighbor)
            if was_up:
                self._state.log.note(EventKind.NEIGHBOR_DOWN, neighbor.address, neighbor.interface.name)
            if was_up and neighbor.interface.settings.bfd:
                self.watch(neighbor, wanted=False)
            self._advertiser.forget(neighbor)
            self._intake.forget(neighbor.source)
        for neighbor in neighbors if not self._state.is_over else ():
            self._dual.forget(neighbor.source, self._state.context.now)

    def resync(self, interface: EigrpInterface, why: str) -> None:
        """Send the neighbors of an interface the changes without a new adjacency, and log that."""
        number, name = self._state.autonomous_system, interface.name

        def log(some: Iterable[Neighbor]) -> None:
            for neighbor in some if self._state.settings.log_changes else ():
                self._state.context.emit(NeighborChanged.resync(number, neighbor.address, name, why))

        work = in_pieces(list(interface.neighbors.values()), TOGETHER, log)
        self._state.context.work(work, self._state)
        self._advertiser.tell_again(interface)

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Start or stop watching a neighbor with BFD."""
        number, name = self._state.autonomous_system, neighbor.interface.name
        self._state.context.emit(WatchWanted(Client.EIGRP, number, name, neighbor.address, wanted))
