"""The end of adjacencies: giving up neighbors, notifying them, and logging.

    goodbye, silence, another INIT, too many retransmissions ...   the neighbor is down (farewells.py notifies it)

Neighbors that go together leave at once, so that none of them is queried about routes of the rest; further work is done
in slices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.chores import in_pieces
from dmvpn.base.chronicle import Sign
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.membership import TOGETHER
from dmvpn.features.eigrp.messages import NeighborChanged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
    from dmvpn.features.eigrp.membership import Membership
    from dmvpn.features.eigrp.neighborhood import Neighborhood
    from dmvpn.features.eigrp.output import Greetings, Transport
    from dmvpn.features.eigrp.state import State
    from dmvpn.features.eigrp.states import DownReason


class Teardown:
    """Ends the adjacencies of one process."""

    def __init__(
        self,
        state: State,
        *,
        neighborhood: Neighborhood,
        transport: Transport,
        greetings: Greetings,
        membership: Membership,
    ) -> None:
        self._state = state
        self._context = state.context
        self._neighborhood = neighborhood
        self._transport = transport
        self._greetings = greetings
        self._farewells = greetings.farewells
        self._membership = membership

    def drop(self, neighbor: Neighbor, reason: DownReason, *, tell: bool = False) -> None:
        """Drop the neighbor. `tell`: notify it (peer termination)."""
        self.drop_some([neighbor], reason, tell=tell)

    def drop_some(self, neighbors: Iterable[Neighbor], reason: DownReason, *, tell: bool = False) -> None:
        """Give these neighbors up together, so that none of them is queried about routes of the rest."""
        there = [one for one in neighbors if one.interface.neighbors.get(int(one.address)) is one]
        for neighbor in there:
            if tell:
                self._farewells.to_one(neighbor.interface, neighbor.address)
        self._give_up(there, reason)

    def drop_all(self, interface: EigrpInterface, reason: DownReason, *, tell: bool = False) -> None:
        """Drop all neighbors of an interface; with `tell`, after one goodbye to all."""
        if tell:
            self._greetings.say_goodbye(interface)
        self._give_up(list(interface.neighbors.values()), reason)

    def leave(self, interface: EigrpInterface) -> None:
        """Leave an interface that EIGRP no longer runs on; its neighbors have been given up."""
        self._farewells.forget(interface)
        self._context.retire(interface.hello_timer)

    def _give_up(self, neighbors: list[Neighbor], reason: DownReason) -> None:
        """Remove these neighbors at once; the rest of the work may be done in slices."""
        for neighbor in neighbors:
            self._neighborhood.leave(neighbor)
            self._context.stop(neighbor.hold_timer)
        if len(neighbors) <= TOGETHER:
            self._bury(neighbors, reason)
        else:
            self._context.work(in_pieces(neighbors, TOGETHER, lambda some: self._bury(some, reason)))

    def _bury(self, neighbors: Sequence[Neighbor], reason: DownReason) -> None:
        for neighbor in neighbors:
            self._neighborhood.free_handle(neighbor)
            self._transport.abandon(neighbor)
            self._report(neighbor, reason.value)
        self._membership.end(neighbors)
        for neighbor in neighbors:
            self._context.retire(neighbor.hold_timer, neighbor.retransmit_timer)

    def _report(self, neighbor: Neighbor, why: str) -> None:
        number, name = self._state.autonomous_system, neighbor.interface.name
        if self._context.ports.debugging.on("eigrp neighbors"):
            text = f"Neighbor {neighbor.address} went down on {name}: {why}"
            self._context.debug(messages.neighbor_line(text))
        if not neighbor.is_untold:
            if self._state.settings.log_changes:
                self._context.emit(NeighborChanged.down(number, neighbor.address, name, why))
            self._context.tell_of_neighbor(Sign.WENT, neighbor.address, name, f"EIGRP {number}: {why}")
