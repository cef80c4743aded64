"""The life of neighbors: received Hellos and the handshake, their part in routing, the end. RFC 7868 §5.3.

    first Hello     the neighbor is pending: it gets a Hello at once and an Update with flag INIT, which waits while our
                    Hello does, and in a crowd, for the neighbor's own: that one knows us by then
    its ack         the neighbor is up: it takes part in routing, and is sent the table
    a multicast Hello while it is pending: it may have missed ours; both are sent again
    any packet      refreshes the holding time
    goodbye, silence, another INIT, too many retransmissions ...   the neighbor is down

A Hello identical to the sender's last one has no new content: `hear_again` only records the time. It does not move a
timer either; the hold timer checks the time when it fires, and is started again.

    Membership     their part in routing: it begins with the first table, and ends when their reports are forgotten
    Teardown       the end: giving up neighbors, notifying them (`Farewells`), and logging

Neighbors that go together leave at once, so that none of them is queried about routes of the rest; further work is done
in slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dmvpn.base.addresses import UNSPECIFIED, IPAddress, spelled
from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Timer, in_pieces
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import Client, Log, NeighborSilent, WatchWanted
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.advertiser import Advertiser
from dmvpn.features.eigrp.dual import Dual, InboundLists
from dmvpn.features.eigrp.interface import EigrpInterface, Neighbor
from dmvpn.features.eigrp.messages import neighbor_changed
from dmvpn.features.eigrp.output import Greetings, Transport
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.reasons import DownReason, NeighborState
from dmvpn.features.eigrp.state import EventKind, Neighborhood, State
from dmvpn.features.eigrp.tlv import Parameters, PeerTermination, Stub
from dmvpn.features.eigrp.topology import Origin, PathSource

# ------------------------------------------------------------------------------------------------ their part in routing


#: Neighbors processed in one event when all of an interface are concerned.
TOGETHER: Final = 64


class Membership:
    """Begins and ends the part of neighbors in the routing of one process."""

    def __init__(
        self, state: State, neighborhood: Neighborhood, dual: Dual, inbound_lists: InboundLists, advertiser: Advertiser
    ) -> None:
        self._state = state
        self._neighborhood = neighborhood
        self._dual = dual
        self._inbound_lists = inbound_lists
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
            was_up = self._neighborhood.forget_neighbor(neighbor)
            if was_up:
                self._state.log.note(EventKind.NEIGHBOR_DOWN, neighbor.address, neighbor.interface.name)
            if was_up and neighbor.interface.settings.bfd:
                self.watch(neighbor, wanted=False)
            self._advertiser.forget_neighbor(neighbor)
            self._inbound_lists.forget_source(neighbor.source)
        for neighbor in neighbors if not self._state.is_over else ():
            self._dual.remove_source(neighbor.source, self._state.context.now)

    def resync(self, interface: EigrpInterface, why: str) -> None:
        """Send the neighbors of an interface the changes without a new adjacency, and log that."""
        process, name = self._state.title, interface.name

        def log(some: Iterable[Neighbor]) -> None:
            for neighbor in some if self._state.settings.log_changes else ():
                self._state.context.emit(neighbor_changed(process, neighbor.address, name, f"resync: {why}"))

        work = in_pieces(list(interface.neighbors.values()), TOGETHER, log)
        self._state.context.work(work, self._state)
        self._advertiser.tell_again(interface)

    def watch(self, neighbor: Neighbor, *, wanted: bool) -> None:
        """Start or stop watching a neighbor with BFD."""
        number, name = self._state.autonomous_system, neighbor.interface.name
        self._state.context.emit(WatchWanted(Client.EIGRP, number, name, neighbor.address, wanted))


# ------------------------------------------------------------------------------------------------ the end


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
        """Drop the neighbor. tell: notify it (peer termination)."""
        self.drop_some([neighbor], reason, tell=tell)

    def drop_some(self, neighbors: Iterable[Neighbor], reason: DownReason, *, tell: bool = False) -> None:
        """Give these neighbors up together, so that none of them is queried about routes of the rest."""
        there = [one for one in neighbors if one.interface.neighbors.get(int(one.address)) is one]
        for neighbor in there:
            if tell:
                self._farewells.to_one(neighbor.interface, neighbor.address)
        self._give_up(there, reason)

    def drop_all(self, interface: EigrpInterface, reason: DownReason, *, tell: bool = False) -> None:
        """Drop all neighbors of an interface. tell: after one goodbye to all."""
        if tell:
            self._greetings.say_goodbye(interface)
        self._give_up(list(interface.neighbors.values()), reason)

    def leave(self, interface: EigrpInterface) -> None:
        """Leave an interface that EIGRP no longer runs on; its neighbors have been given up."""
        self._farewells.forget_interface(interface)
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
        name = neighbor.interface.name
        if self._context.ports.debugging.on("eigrp neighbors"):
            text = f"Neighbor {spelled(neighbor.address)} went down on {name}: {why}"
            self._context.debug(messages.neighbor_line(text))
        if not neighbor.is_untold:
            if self._state.settings.log_changes:
                self._context.emit(neighbor_changed(self._state.title, neighbor.address, name, f"down: {why}"))
            self._context.tell_of_neighbor(
                Sign.WENT, neighbor.address, name, f"EIGRP {self._state.autonomous_system}: {why}"
            )


# ------------------------------------------------------------------------------------------------ the begin


#: Seconds for a greeted neighbor to answer; its own Hello before that may be the answer.
_ANSWER_TIME = 0.1
#: Neighbors on a tunnel beyond which new ones are a crowd: more than Hellos at once. Multicast may not reach them yet.
_CROWD = 6
#: Seconds between two log messages about the same refused sender, and messages about all senders in that time.
_COMPLAINT_INTERVAL, _COMPLAINT_BURST = 60.0, 1024


class Adjacencies:
    """The neighbors of one process."""

    def __init__(
        self,
        state: State,
        *,
        neighborhood: Neighborhood,
        transport: Transport,
        greetings: Greetings,
        membership: Membership,
        teardown: Teardown,
    ) -> None:
        self._state = state
        self._context = state.context
        self._neighborhood = neighborhood
        self._transport = transport
        self._greetings = greetings
        self._membership = membership
        self._teardown = teardown
        self._complaints: Limiter[tuple[str, int]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    # Hellos in -------------------------------------------------------------------------------------------------

    def hear_hello(self, interface: EigrpInterface, address: IPAddress, packet: EigrpPacket, payload: bytes) -> None:
        """Handle a Hello that differs from the sender's last one."""
        parameters = packet.find(Parameters)
        if parameters is None or parameters.hold_time == 0:
            return
        neighbor = interface.neighbors.get(int(address))
        termination = packet.find(PeerTermination)
        if parameters.is_goodbye:
            if neighbor is not None:
                self._teardown.drop(neighbor, DownReason.GOODBYE)
            return
        if termination is not None:
            is_meant = not termination.addresses or interface.address in termination.addresses
            if neighbor is not None and is_meant:
                self._teardown.drop(neighbor, DownReason.TERMINATED)
            return
        theirs = (parameters.k1, parameters.k2, parameters.k3, parameters.k4, parameters.k5)
        weights = self._state.settings.scale.weights
        if theirs != (weights.k1, weights.k2, weights.k3, weights.k4, weights.k5):  # RFC 7868 §5.6.1; K6 may differ
            self._state.traffic.drop(DownReason.WEIGHTS.value)
            if neighbor is not None:
                self._teardown.drop(neighbor, DownReason.WEIGHTS)
            elif self.may_complain(interface, address):
                self._log(
                    neighbor_changed(self._state.title, address, interface.name, f"down: {DownReason.WEIGHTS.value}")
                )
            return
        stub = packet.find(Stub)
        flags = stub.flags if stub else None
        if neighbor is not None and neighbor.hello and neighbor.stub != flags:
            self._teardown.drop(neighbor, DownReason.PEER_INFO)
            neighbor = None
        is_new = neighbor is None
        if neighbor is None:
            if not self._make_room(interface, address):
                return
            neighbor = self._add(interface, address, float(parameters.hold_time))
        if neighbor.hear_hello(packet, payload, float(parameters.hold_time)):  # a longer one needs no restart
            self._context.start(neighbor.hold_timer, neighbor.hold_time)
        if is_new:
            self._greet(neighbor)

    def _make_room(self, interface: EigrpInterface, address: IPAddress) -> bool:
        """Return whether there is room for one more neighbor.

        The neighbor that has been pending for longest makes room: its address may be forged.
        """
        if not self._neighborhood.is_full:
            return True
        if self.may_complain(interface, UNSPECIFIED):
            process = self._state.title
            self._context.emit(messages.too_many_neighbors(process, address, interface.name, self._neighborhood.most))
        oldest = self._neighborhood.longest_pending()
        if oldest is None:
            self._state.traffic.drop(DownReason.CROWDED.value)
            return False
        self._teardown.drop(oldest, DownReason.CROWDED)
        return True

    def may_complain(self, interface: EigrpInterface, address: IPAddress) -> bool:
        """Return whether another message about this sender may be logged."""
        return self._complaints.permits((interface.name, int(address)), self._context.now)

    # The handshake ---------------------------------------------------------------------------------------------

    def hear_init(self, neighbor: Neighbor, packet: EigrpPacket, *, was_up: bool) -> None:
        """Handle the neighbor's first packet (INIT), or a repetition of it, or the first one after its restart.

        After a restart its sequence numbers may be the same as before. But the neighbor only proceeds beyond its first
        packet when we have acknowledged it, so a first packet that follows another packet is a new one. If it made the
        neighbor come up (was_up: state before it came), it acknowledges our own and belongs to the current handshake:
        FRR 8.4 sends a second first packet after those of both sides have crossed.
        """
        seen = neighbor.init_sequence
        is_repeated = seen == packet.sequence == neighbor.last_sequence
        if was_up and seen is not None and not is_repeated:
            neighbor = self.begin_again(neighbor)
        self._transport.accept_first(neighbor, packet)
        self._begin(neighbor)

    def begin_again(self, neighbor: Neighbor) -> Neighbor:
        """Start again with a neighbor that restarted, or that continues an adjacency unknown to us. Returns the new
        neighbor.
        """
        self._teardown.drop(neighbor, DownReason.RESTARTED)
        successor = self._add(neighbor.interface, neighbor.address, neighbor.hold_time)
        successor.take_after(neighbor)
        self._greet(successor)
        return successor

    def hear_acknowledgment(self, neighbor: Neighbor, sequence: int) -> bool:
        """Handle an acknowledgment; the first one brings the neighbor up. Returns whether it was outstanding."""
        was_up = neighbor.is_up
        if not self._transport.acknowledged(neighbor, sequence):
            return False
        if neighbor.is_up and not was_up:
            if neighbor.is_untold:
                self._announce(neighbor)
            self._membership.begin(neighbor)
        return True

    def _add(self, interface: EigrpInterface, address: IPAddress, hold_time: float) -> Neighbor:
        now = self._context.now
        neighbor = Neighbor(
            interface=interface,
            address=address,
            handle=self._neighborhood.take_handle(),
            source=PathSource(Origin.NEIGHBOR, interface.name, address, link=interface.link),
            hold_time=hold_time,
            since=now,
            last_heard=now,
            hold_timer=Timer("Peer holding", lambda: self._hold_expired(neighbor), address),
            retransmit_timer=Timer("Peer transmission", lambda: self._retransmit(neighbor), address),
        )
        self._neighborhood.enter(neighbor)
        self._greetings.farewells.withdraw(interface, address)
        self._context.start(neighbor.hold_timer, hold_time)
        return neighbor

    def _greet(self, neighbor: Neighbor) -> None:
        """Greet a new neighbor at once, so that it knows us before our first packet arrives."""
        interface = neighbor.interface
        if self._context.ports.debugging.on("eigrp neighbors"):
            self._context.debug(messages.neighbor_line(f"New peer {spelled(neighbor.address)} on {interface.name}"))
        if not self._neighborhood.is_full:  # when it is full, only neighbors that answer are announced
            self._announce(neighbor)
        wait = self._greetings.answer(interface)
        if wait or (len(interface.neighbors) > _CROWD and self._context.ports.tunnels.get(interface.name) is not None):
            self._context.start(neighbor.retransmit_timer, wait + neighbor.rto)
        else:
            self._begin(neighbor)

    def _begin(self, neighbor: Neighbor) -> None:
        """Send a pending neighbor our first packet, unless that was done."""
        if neighbor.state is NeighborState.PENDING and neighbor.outstanding is None:
            self._transport.send(neighbor, Opcode.UPDATE, b"", PacketFlag.INIT)

    def _announce(self, neighbor: Neighbor) -> None:
        neighbor.announce()
        number, name = self._state.autonomous_system, neighbor.interface.name
        self._log(neighbor_changed(self._state.title, neighbor.address, name, "up: new adjacency"))
        self._context.tell_of_neighbor(Sign.CAME, neighbor.address, name, f"EIGRP {number}: new adjacency")

    def greet_again(self, neighbor: Neighbor) -> None:
        """Greet a neighbor again that is still pending: it may have missed our Hello, or restarted."""
        interface = neighbor.interface
        is_there = interface.neighbors.get(int(neighbor.address)) is neighbor
        if neighbor.is_up or not is_there or not neighbor.greet_again():
            return
        if self._context.now >= neighbor.since + _ANSWER_TIME:
            self._greetings.answer(interface)
        if neighbor.outstanding is not None:
            self._context.hasten(neighbor.retransmit_timer, _ANSWER_TIME)

    def _hold_expired(self, neighbor: Neighbor) -> None:
        left = neighbor.hold_left(self._context.now)
        if left > 0:
            self._context.start(neighbor.hold_timer, left)
            return
        reason = DownReason.HOLD_TIME if neighbor.refusal is None else DownReason.AUTHENTICATION
        if reason is DownReason.HOLD_TIME:
            self._context.emit(NeighborSilent(neighbor.interface.name, neighbor.address))
        self._teardown.drop(neighbor, reason, tell=True)

    def _retransmit(self, neighbor: Neighbor) -> None:
        if neighbor.outstanding is None:
            self._begin(neighbor)
        elif not self._transport.retransmit(neighbor):
            self._teardown.drop(neighbor, DownReason.RETRY_LIMIT, tell=True)

    def _log(self, message: Log) -> None:
        if self._state.settings.log_changes:
            self._context.emit(message)
