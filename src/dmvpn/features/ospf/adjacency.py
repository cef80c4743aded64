"""The life of neighbors: which appear, which become adjacent, which are lost, and what follows from each change.

Every change of a neighbor's state goes through `move`, which logs it and notifies the parts that depend on it. RFC 2328
§10.3, §10.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Timer
from dmvpn.base.liveness import Client, WatchWanted, Witness
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import Candidate, Neighbor, elect
from dmvpn.features.ospf.messages import AdjacencyChanged
from dmvpn.features.ospf.neighbor import InterfaceState, NeighborMove, NeighborState

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.interface import OspfInterface
    from dmvpn.features.ospf.output import Complaints, Descriptions, Retransmission, Sender
    from dmvpn.features.ospf.own_lsas import Topology
    from dmvpn.features.ospf.state import State

#: Why a neighbor ends, in IOS's words.
SILENT = "Neighbor Down: Dead timer expired"
INTERFACE_DOWN = "Neighbor Down: Interface down or detached"
RESET = "Neighbor Down: Adjacency forced to reset"
ONE_WAY = "1-Way"
#: BFD or NHRP reports that the neighbor cannot be reached.
LOST: Final = {
    Witness.BFD: "Neighbor Down: BFD node down",
    Witness.NHRP: "Neighbor Down: Next hop server does not answer",
}

GIVEN_UP = "Neighbor Down: Too many retransmissions"

#: Neighbors of one process: as many as a router LSA has links for, and the Hello of an interface fits into a packet.
MOST_NEIGHBORS: Final = 5000
_LOGGED = (NeighborState.FULL, NeighborState.DOWN)


class Adjacencies:
    """Makes neighbors of one process and moves them, and holds elections."""

    def __init__(
        self,
        state: State,
        sender: Sender,
        complaints: Complaints,
        retransmission: Retransmission,
        descriptions: Descriptions,
        topology: Topology,
    ) -> None:
        self._state = state
        self._context = state.context
        self._sender = sender
        self._complaints = complaints
        self._retransmission = retransmission
        self._descriptions = descriptions
        self._topology = topology

    def create(self, interface: OspfInterface, address: IPv4Address, priority: int = 0) -> Neighbor:
        """Return a new neighbor, from which no Hello has arrived yet."""
        neighbor = Neighbor(
            interface=interface,
            address=address,
            priority=priority,
            since=self._context.now,
            inactivity_timer=Timer("lose a silent neighbor", lambda: self.lose_silent(neighbor), address),
            retransmit_timer=Timer("repeat packets to a neighbor", lambda: self._repeat(neighbor), address),
        )
        interface.enter(neighbor)
        return neighbor

    def make_room(self) -> bool:
        """Return whether there may be one more neighbor.

        A neighbor that has not heard us (INIT) is dropped to make room: its Hello may be forged.
        """
        if sum(len(interface.neighbors) for interface in self._state.interfaces.values()) < MOST_NEIGHBORS:
            return True
        stranger = next((one for one in self._state.neighbors() if one.state is NeighborState.INIT), None)
        if stranger is None:
            return False
        self.lose(stranger, RESET)
        return True

    def call(self, interface: OspfInterface) -> None:
        """Begin with those neighbors of this network that are configured and were not called yet."""
        for configured in self._state.settings.neighbors:
            address = configured.address
            if address in interface.prefix and address != interface.address and address not in interface.neighbors:
                neighbor = self.create(interface, address, configured.priority)
                self.move(neighbor, NeighborMove.START, "Start")

    def move(self, neighbor: Neighbor, move: NeighborMove, why: str) -> None:
        """Make the move, and what follows from it. why: for the log."""
        old = neighbor.move(move, self._context.now)
        new = neighbor.state
        if old is new:
            return
        self._tell(neighbor, old, why)
        if old.rank >= NeighborState.EX_START.rank and new.rank <= NeighborState.EX_START.rank:
            self._descriptions.forget(neighbor)
        if new is NeighborState.EX_START:
            self._descriptions.begin(neighbor)
        if NeighborState.FULL in (old, new):
            self._topology.adjacency_changed(neighbor)
        if (old.rank >= NeighborState.TWO_WAY.rank) != (new.rank >= NeighborState.TWO_WAY.rank):
            self.neighbors_changed(neighbor.interface)
            if neighbor.interface.settings.bfd:
                self.watch(neighbor, wanted=neighbor.is_two_way)

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Let BFD watch a neighbor, or no longer."""
        number, name = self._state.number, neighbor.interface.name
        self._context.emit(WatchWanted(Client.OSPF, number, name, neighbor.address, wanted))

    def heard_both_ways(self, neighbor: Neighbor) -> None:
        """Begin an adjacency with a neighbor that has heard us, if one is wanted.

        RFC 2328 §10.3, event 2-WayReceived.
        """
        if neighbor.state is NeighborState.INIT:
            wanted = neighbor.wants_adjacency
            self.move(neighbor, NeighborMove.ADJACENT if wanted else NeighborMove.TWO_WAY, "2-Way Received")

    # ------------------------------------------------------------------------------------------------ elections

    def neighbors_changed(self, interface: OspfInterface) -> None:
        """Note that a neighbor became, or stopped being, bidirectional."""
        waits = interface.phase in (InterfaceState.WAITING, InterfaceState.DOWN)
        if interface.settings.elects and not waits:
            self.hold_election(interface)

    def hold_election(self, interface: OspfInterface) -> None:
        """Count, and act upon the result. RFC 2328 §9.4."""
        self._context.stop(interface.wait_timer)
        own = Candidate(
            interface.settings.priority,
            self._state.router_id,
            interface.address,
            interface.designated,
            interface.backup,
        )
        others = [
            Candidate(other.priority, other.router, other.address, other.designated, other.backup)
            for other in interface.neighbors.values()
            if other.is_two_way
        ]
        moved, is_new = interface.elect(*elect(own, others))
        if moved:
            self._sender.listen(interface)
        if is_new:
            self._review(interface)
            self._topology.network_changed(interface)

    def _review(self, interface: OspfInterface) -> None:
        """Review which adjacencies are wanted after the designated routers changed. RFC 2328 §10.3, event AdjOK?."""
        for neighbor in list(interface.neighbors.values()):
            wanted = neighbor.wants_adjacency
            if neighbor.state is NeighborState.TWO_WAY and wanted:
                self.move(neighbor, NeighborMove.ADJACENT, "AdjOK?")
            elif neighbor.state.rank >= NeighborState.EX_START.rank and not wanted:
                self.move(neighbor, NeighborMove.UNWANTED, "AdjOK?")

    # ------------------------------------------------------------------------------------------------ lost

    def _repeat(self, neighbor: Neighbor) -> None:
        if not self._retransmission.repeat(neighbor):
            self.lose(neighbor, GIVEN_UP)

    def await_hello(self, neighbor: Neighbor) -> None:
        """Await the next Hello for the dead interval, counted from the last one."""
        if self._context.is_running(neighbor.inactivity_timer):
            due = neighbor.last_heard + neighbor.interface.settings.dead_interval
            self._context.start(neighbor.inactivity_timer, max(due - self._context.now, 0.0))

    def lose_silent(self, neighbor: Neighbor) -> None:
        """Lose a neighbor that is silent, unless it restarts gracefully: RFC 3623 §3."""
        if not neighbor.is_helped:
            self.lose(neighbor, SILENT)

    def lose(self, neighbor: Neighbor, why: str) -> None:
        """Remove a lost neighbor. A configured neighbor is called again."""
        if why == GIVEN_UP and neighbor.is_helped:
            return
        neighbor.help_no_longer()
        neighbor.interface.leave(neighbor)
        self.move(neighbor, NeighborMove.LOST, why)
        self._context.retire(neighbor.inactivity_timer, neighbor.retransmit_timer)
        if neighbor.grace_timer is not None:
            self._context.retire(neighbor.grace_timer)

    def lose_all(self, interface: OspfInterface, why: str) -> None:
        """Lose all neighbors of an interface."""
        for neighbor in list(interface.neighbors.values()):
            self.lose(neighbor, why)

    def restart(self, neighbor: Neighbor, why: str) -> None:
        """Restart the exchange of databases, because a packet of the neighbor does not fit.

        RFC 2328 §10.3, SeqNumberMismatch and BadLSReq.
        """
        if neighbor.exchanges:
            self.move(neighbor, NeighborMove.RESTART, why)

    def _tell(self, neighbor: Neighbor, old: NeighborState, why: str) -> None:
        new, settings, number = neighbor.state, self._state.settings, self._state.number
        detail = settings.log_changes_in_detail
        matters = new in _LOGGED or old is NeighborState.FULL
        known = old not in (NeighborState.DOWN, NeighborState.ATTEMPT)
        if (settings.log_changes and known and matters) or detail:
            way = (old.value, new.value)
            log = AdjacencyChanged.of(number, neighbor.router, neighbor.interface.name, way, why)
            if old is NeighborState.INIT and not detail:
                self._complaints.complain(neighbor.interface, log)  # strangers that come and go are many
            else:
                self._context.emit(log)
        if NeighborState.FULL in (old, new):
            sign, said = (Sign.CAME, "full") if new is NeighborState.FULL else (Sign.WENT, why)
            text = f"OSPF {number}: {said}"
            self._context.tell_of_neighbor(sign, neighbor.address, neighbor.interface.name, text)
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=neighbor.interface.name):
            said = f"Nbr {neighbor.router}: {old.value} -> {new.value}: {why}"
            self._context.debug(messages.line(number, neighbor.interface.name, said))
