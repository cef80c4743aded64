"""The life of neighbors: who comes, who is worth an adjacency, who goes, and what else follows from that.

Every move of a neighbor's state goes through `move`, which says so in the log and tells those who build on it. RFC
2328 §10.3, §10.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Timer
from dmvpn.base.liveness import Client, WatchWanted, Witness
from dmvpn.features.ospf import messages
from dmvpn.features.ospf.interface import Neighbor
from dmvpn.features.ospf.messages import AdjacencyChanged
from dmvpn.features.ospf.states import NeighborMove, NeighborState
from dmvpn.features.ospf.surroundings import Surroundings

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.ospf.interface import OspfInterface

#: Why a neighbor ends, in IOS's words.
SILENT = "Neighbor Down: Dead timer expired"
INTERFACE_DOWN = "Neighbor Down: Interface down or detached"
RESET = "Neighbor Down: Adjacency forced to reset"
ONE_WAY = "1-Way"
#: Those who watch it say that it cannot be reached.
LOST: Final = {
    Witness.BFD: "Neighbor Down: BFD node down",
    Witness.NHRP: "Neighbor Down: Next hop server does not answer",
}

GIVEN_UP = "Neighbor Down: Too many retransmissions"

#: Neighbors of one process: as many as a router LSA has links for, and the Hello of an interface fits into a packet.
MOST_NEIGHBORS: Final = 5000
_LOGGED = (NeighborState.FULL, NeighborState.DOWN)


class Beginning(Protocol):
    """The part that exchanges databases."""

    def begin(self, neighbor: Neighbor) -> None:
        """Begin to talk, in EXSTART."""

    def forget(self, neighbor: Neighbor) -> None:
        """Forget the talk, which is over."""


class Electing(Protocol):
    """The part that holds elections."""

    def neighbors_changed(self, interface: OspfInterface) -> None:
        """Note that somebody is heard both ways, or not any more."""


class Waiting(Protocol):
    """The part that helps neighbors that restart."""

    def expire(self, neighbor: Neighbor) -> None:
        """Help no longer: the grace period is over."""


class Befriending(Surroundings, Protocol):
    """A process, as far as its neighbors come and go."""

    @property
    def exchange(self) -> Beginning:
        """Exchanges databases."""
        ...

    @property
    def helper(self) -> Waiting:
        """Helps neighbors that restart."""
        ...

    @property
    def hellos(self) -> Electing:
        """Holds elections."""
        ...


class Adjacencies:
    """Makes neighbors of one process and moves them."""

    def __init__(self, process: Befriending) -> None:
        self._process = process
        self._context = process.context

    def create(self, interface: OspfInterface, address: IPv4Address, priority: int = 0) -> Neighbor:
        """Return a neighbor that was never heard."""
        neighbor = Neighbor(
            interface=interface,
            address=address,
            priority=priority,
            since=self._context.now,
            inactivity_timer=Timer(lambda: self.lose_silent(neighbor)),
            grace_timer=Timer(lambda: self._process.helper.expire(neighbor)),
            retransmit_timer=Timer(lambda: self._process.retransmission.repeat(neighbor)),
        )
        interface.enter(neighbor)
        return neighbor

    def make_room(self) -> bool:
        """Return whether there may be one more neighbor.

        One that has not heard us makes room: maybe it is nobody at all.
        """
        if sum(len(interface.neighbors) for interface in self._process.interfaces.values()) < MOST_NEIGHBORS:
            return True
        stranger = next((one for one in self._process.neighbors() if one.state is NeighborState.INIT), None)
        if stranger is None:
            return False
        self.lose(stranger, RESET)
        return True

    def call(self, interface: OspfInterface) -> None:
        """Begin with those neighbors of this network that are configured and were not called yet."""
        for configured in self._process.settings.neighbors:
            address = configured.address
            if address in interface.prefix and address != interface.address and address not in interface.neighbors:
                neighbor = self.create(interface, address, configured.priority)
                self.move(neighbor, NeighborMove.START, "Start")

    def move(self, neighbor: Neighbor, move: NeighborMove, why: str) -> None:
        """Take the move, and do what follows from it. why: for the log."""
        process, now = self._process, self._context.now
        old = neighbor.move(move, now)
        new = neighbor.state
        if old is new:
            return
        self._tell(neighbor, old, why)
        if old.rank >= NeighborState.EX_START.rank and new.rank <= NeighborState.EX_START.rank:
            process.exchange.forget(neighbor)
        if new is NeighborState.EX_START:
            process.exchange.begin(neighbor)
        if NeighborState.FULL in (old, new):
            process.adjacency_changed(neighbor)
        if (old.rank >= NeighborState.TWO_WAY.rank) != (new.rank >= NeighborState.TWO_WAY.rank):
            process.hellos.neighbors_changed(neighbor.interface)
            if neighbor.interface.settings.bfd:
                self.watch(neighbor, wanted=neighbor.is_two_way)

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Let BFD watch a neighbor, or no longer."""
        number, name = self._process.number, neighbor.interface.name
        self._context.out.append(WatchWanted(Client.OSPF, number, name, neighbor.address, wanted))

    def heard_both_ways(self, neighbor: Neighbor) -> None:
        """Begin an adjacency with a neighbor that has heard us, if one is wanted.

        RFC 2328 §10.3, event 2-WayReceived.
        """
        if neighbor.state is NeighborState.INIT:
            wanted = neighbor.wants_adjacency
            self.move(neighbor, NeighborMove.ADJACENT if wanted else NeighborMove.TWO_WAY, "2-Way Received")

    def review(self, interface: OspfInterface) -> None:
        """Review which adjacencies are wanted now that the elected routers are others. RFC 2328 §10.3, event AdjOK?."""
        for neighbor in list(interface.neighbors.values()):
            wanted = neighbor.wants_adjacency
            if neighbor.state is NeighborState.TWO_WAY and wanted:
                self.move(neighbor, NeighborMove.ADJACENT, "AdjOK?")
            elif neighbor.state.rank >= NeighborState.EX_START.rank and not wanted:
                self.move(neighbor, NeighborMove.UNWANTED, "AdjOK?")

    def lose_silent(self, neighbor: Neighbor) -> None:
        """Lose a neighbor that is silent, unless it restarts gracefully: RFC 3623 §3."""
        if not neighbor.is_helped:
            self.lose(neighbor, SILENT)

    def lose(self, neighbor: Neighbor, why: str) -> None:
        """Lose a neighbor that is gone. One that is configured will be called again."""
        if why == GIVEN_UP and neighbor.is_helped:
            return
        neighbor.help(None)
        self._context.stop(neighbor.grace_timer)
        self._context.stop(neighbor.inactivity_timer)
        neighbor.interface.leave(neighbor)
        self.move(neighbor, NeighborMove.LOST, why)
        self._context.stop(neighbor.retransmit_timer)

    def lose_all(self, interface: OspfInterface, why: str) -> None:
        """Lose all neighbors of an interface."""
        for neighbor in list(interface.neighbors.values()):
            self.lose(neighbor, why)

    def restart(self, neighbor: Neighbor, why: str) -> None:
        """Restart the exchange of databases, because what the neighbor said does not fit.

        RFC 2328 §10.3, SeqNumberMismatch and BadLSReq.
        """
        if neighbor.exchanges:
            self.move(neighbor, NeighborMove.RESTART, why)

    def _tell(self, neighbor: Neighbor, old: NeighborState, why: str) -> None:
        process, new = self._process, neighbor.state
        detail = process.settings.log_changes_in_detail
        matters = new in _LOGGED or old is NeighborState.FULL
        known = old not in (NeighborState.DOWN, NeighborState.ATTEMPT)
        if (process.settings.log_changes and known and matters) or detail:
            way = (old.value, new.value)
            log = AdjacencyChanged.of(process.number, neighbor.router, neighbor.interface.name, way, why)
            if old is NeighborState.INIT and not detail:
                process.complaints.complain(neighbor.interface, log)  # strangers that come and go are many
            else:
                self._context.out.append(log)
        if NeighborState.FULL in (old, new):
            sign, said = (Sign.CAME, "full") if new is NeighborState.FULL else (Sign.WENT, why)
            text = f"OSPF {process.number}: {said}"
            self._context.tell_of_neighbor(sign, neighbor.address, neighbor.interface.name, text)
        if self._context.ports.debugging.on(messages.ADJACENCY, interface=neighbor.interface.name):
            said = f"Nbr {neighbor.router}: {old.value} -> {new.value}: {why}"
            self._context.debug(messages.line(process.number, neighbor.interface.name, said))
