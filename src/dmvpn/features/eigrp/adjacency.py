"""Hellos of others, and the life of neighbors: RFC 7868 §5.3. Our own Hellos are in `greetings.py`.

    first Hello     the neighbor is pending: it gets a Hello at once and an Update with flag INIT
    its ack         the neighbor is up: routing hears of it, and it is sent the table
    a multicast Hello while it is pending: it may not have heard ours; both go out again
    any packet      refreshes the holding time
    goodbye, silence, another INIT, too many retransmissions ...   the neighbor is down (farewells.py tells it)

A Hello that is octet for octet the last one of its sender says nothing new: `hear_again` only notes the time. No timer
is moved for it either; the hold timer looks at the time when it fires, and sleeps on.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.chores import in_pieces
from dmvpn.base.chronicle import Sign
from dmvpn.base.context import Timer
from dmvpn.base.limits import Limiter
from dmvpn.base.notices import NeighborSilent
from dmvpn.features.eigrp import messages
from dmvpn.features.eigrp.interface import Neighbor
from dmvpn.features.eigrp.messages import NeighborChanged
from dmvpn.features.eigrp.packet import EigrpPacket, Opcode, PacketFlag
from dmvpn.features.eigrp.states import DownReason
from dmvpn.features.eigrp.tlv import Parameters, PeerTermination, Stub
from dmvpn.features.eigrp.topology import Origin, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.eigrp.greetings import Greetings
    from dmvpn.features.eigrp.interface import EigrpInterface
    from dmvpn.features.eigrp.rtp import Transport
    from dmvpn.features.eigrp.sender import Sender
    from dmvpn.features.eigrp.surroundings import Surroundings

#: Seconds that a greeted neighbor may take to answer; a Hello of its own before that may be that answer.
_ANSWER_TIME = 0.1
#: Seconds between two log messages about the same refused sender, and how many there are in that time about all.
_COMPLAINT_INTERVAL, _COMPLAINT_BURST = 60.0, 1024
#: Neighbors of one process. Senders can be forged, and each is called until it answers or was called often enough.
MOST_NEIGHBORS: Final = 10_000
#: Neighbors that are forgotten in one event, with everything that they said.
TOGETHER: Final = 64


class Listener(Protocol):
    """The parts that want to know about neighbors."""

    def neighbor_up(self, neighbor: Neighbor) -> None:
        """Note that it takes part in routing from now on."""
        ...

    def neighbors_leave(self, neighbors: Iterable[Neighbor]) -> None:
        """Note that nothing is to be asked of these any more."""
        ...

    def neighbors_down(self, neighbors: Iterable[Neighbor]) -> None:
        """Forget neighbors that have left, and everything that they said."""
        ...


class Adjacencies:
    """The neighbors of one process."""

    def __init__(
        self,
        process: Surroundings,
        sender: Sender,
        transport: Transport,
        greetings: Greetings,
        listener: Listener,
    ) -> None:
        self._process = process
        self._context = process.context
        self._sender = sender
        self._transport = transport
        self._listener = listener
        self._greetings = greetings
        self._farewells = greetings.farewells
        self._free_handles: list[int] = []
        self._handles = 0
        #: Neighbors that are pending, in the order in which they came.
        self._pending: dict[Neighbor, None] = {}
        self._complaints: Limiter[tuple[str, int]] = Limiter(_COMPLAINT_INTERVAL, _COMPLAINT_BURST)

    # Hellos in -------------------------------------------------------------------------------------------------

    def hear_hello(self, interface: EigrpInterface, address: IPv4Address, packet: EigrpPacket, payload: bytes) -> None:
        """Take a Hello, unless it is a mere repetition of the last one."""
        parameters = packet.find(Parameters)
        if parameters is None or parameters.hold_time == 0:
            return
        neighbor = interface.neighbors.get(int(address))
        termination = packet.find(PeerTermination)
        if parameters.is_goodbye:
            if neighbor is not None:
                self.drop(neighbor, DownReason.GOODBYE)
            return
        if termination is not None:
            is_meant = not termination.addresses or interface.address in termination.addresses
            if neighbor is not None and is_meant:
                self.drop(neighbor, DownReason.TERMINATED)
            return
        if not self._agrees(parameters):
            self._refuse_weights(interface, address, neighbor, parameters)
            return
        stub = packet.find(Stub)
        flags = stub.flags if stub else None
        if neighbor is not None and neighbor.hello and neighbor.stub != flags:
            self.drop(neighbor, DownReason.PEER_INFO)
            neighbor = None
        is_new = neighbor is None
        if neighbor is None:
            if not self._make_room(interface, address):
                return
            neighbor = self._add(interface, address, float(parameters.hold_time))
        if neighbor.hear_hello(packet, payload, float(parameters.hold_time)):  # the timer finds a longer time by itself
            self._context.start(neighbor.hold_timer, neighbor.hold_time)
        if is_new:
            self._greet(neighbor)

    def _make_room(self, interface: EigrpInterface, address: IPv4Address) -> bool:
        """Return whether there may be one more neighbor.

        Of those that have not answered yet the one that was called for longest makes room: maybe it is nobody at all.
        """
        if not self._is_full:
            return True
        if self.may_complain(interface, UNSPECIFIED):
            number = self._sender.autonomous_system
            self._context.out.append(messages.TooMany.of(number, address, interface.name, MOST_NEIGHBORS))
        stranger = next(iter(self._pending), None)
        if stranger is None:
            self._sender.traffic.drop(DownReason.CROWDED.value)
            return False
        self.drop(stranger, DownReason.CROWDED)
        return True

    @property
    def _is_full(self) -> bool:
        return self._handles - len(self._free_handles) >= MOST_NEIGHBORS

    def _agrees(self, parameters: Parameters) -> bool:
        """Return whether K1 to K5 are the same, RFC 7868 §5.6.1; K6 need not be."""
        theirs = (parameters.k1, parameters.k2, parameters.k3, parameters.k4, parameters.k5)
        weights = self._process.settings.scale.weights
        return theirs == (weights.k1, weights.k2, weights.k3, weights.k4, weights.k5)

    def _refuse_weights(
        self, interface: EigrpInterface, address: IPv4Address, neighbor: Neighbor | None, parameters: Parameters
    ) -> None:
        self._sender.traffic.drop(DownReason.WEIGHTS.value)
        if neighbor is not None:
            self.drop(neighbor, DownReason.WEIGHTS)
        elif self.may_complain(interface, address):
            why, number = DownReason.WEIGHTS.value, self._sender.autonomous_system
            self._log(NeighborChanged.down(number, address, interface.name, why))

    def may_complain(self, interface: EigrpInterface, address: IPAddress) -> bool:
        """Return whether another message about this sender may go into the log."""
        return self._complaints.permits((interface.name, int(address)), self._context.now)

    # The handshake ---------------------------------------------------------------------------------------------

    def hear_init(self, neighbor: Neighbor, packet: EigrpPacket, *, was_up: bool) -> None:
        """Take the neighbor's first packet, which came or came again, or the neighbor has started again.

        After a restart its numbers may be the same ones again. But it goes on from the first packet only when we have
        acknowledged that, so once we took another one, a first packet is a new one. One that has made the neighbor up
        (was_up: before it came) acknowledges ours and so is the last one: FRR 8.4 sends another one after those of
        both sides have crossed.
        """
        seen = neighbor.init_sequence
        is_repeated = seen == packet.sequence == neighbor.last_sequence
        if was_up and seen is not None and not is_repeated:
            neighbor = self.begin_again(neighbor)
        self._transport.accept_first(neighbor, packet)

    def begin_again(self, neighbor: Neighbor) -> Neighbor:
        """Begin again with a neighbor that has, or that goes on where we had not begun yet. Returns it as it is now."""
        self.drop(neighbor, DownReason.RESTARTED)
        successor = self._add(neighbor.interface, neighbor.address, neighbor.hold_time)
        successor.take_after(neighbor)
        self._greet(successor)
        return successor

    def hear_acknowledgment(self, neighbor: Neighbor, sequence: int) -> bool:
        """Note that the neighbor acknowledges this number; its first one makes it up. True if that was news."""
        was_up = neighbor.is_up
        if not self._transport.acknowledged(neighbor, sequence):
            return False
        if neighbor.is_up and not was_up:
            del self._pending[neighbor]
            if neighbor.is_untold:
                self._announce(neighbor)
            self._listener.neighbor_up(neighbor)
        return True

    def _add(self, interface: EigrpInterface, address: IPv4Address, hold_time: float) -> Neighbor:
        now = self._context.now
        if self._free_handles:
            handle = heappop(self._free_handles)
        else:
            handle, self._handles = self._handles, self._handles + 1
        neighbor = Neighbor(
            interface=interface,
            address=address,
            handle=handle,
            source=Source(Origin.NEIGHBOR, interface.name, address, link=interface.link),
            hold_time=hold_time,
            since=now,
            last_heard=now,
            hold_timer=Timer(lambda: self._hold_expired(neighbor)),
            retransmit_timer=Timer(lambda: self._transport.retransmit(neighbor)),
        )
        interface.enter(neighbor)
        self._pending[neighbor] = None
        self._farewells.withdraw(interface, address)
        self._context.start(neighbor.hold_timer, hold_time)
        return neighbor

    def _greet(self, neighbor: Neighbor) -> None:
        """Greet a new neighbor at once, so that it knows us before our first packet comes."""
        interface = neighbor.interface
        self._debug(f"New peer {neighbor.address} on {interface.name}")
        if not self._is_full:  # of more than there is room for, only those that answer are spoken of
            self._announce(neighbor)
        self._greetings.answer(interface)
        self._transport.send(neighbor, Opcode.UPDATE, b"", PacketFlag.INIT)

    def _announce(self, neighbor: Neighbor) -> None:
        neighbor.announce()
        self._log(NeighborChanged.up(self._sender.autonomous_system, neighbor.address, neighbor.interface.name))
        self._tell(neighbor, Sign.CAME, "new adjacency")

    def greet_again(self, neighbor: Neighbor) -> None:
        """Greet again a neighbor that is still pending: it may not have heard us, or has started again."""
        interface, now = neighbor.interface, self._context.now
        if neighbor.is_up or interface.neighbors.get(int(neighbor.address)) is not neighbor:
            return
        if not neighbor.greet_again():
            return
        if now >= neighbor.since + _ANSWER_TIME:
            self._greetings.answer(interface)
        planned = self._context.timers.when(neighbor.retransmit_timer)
        if planned is not None and planned > now + _ANSWER_TIME:
            self._context.start(neighbor.retransmit_timer, _ANSWER_TIME)

    # The end ---------------------------------------------------------------------------------------------------

    def drop(self, neighbor: Neighbor, reason: DownReason, *, tell: bool = False) -> None:
        """Give the neighbor up. tell: let it know (peer termination)."""
        self.drop_some([neighbor], reason, tell=tell)

    def drop_some(self, neighbors: Iterable[Neighbor], reason: DownReason, *, tell: bool = False) -> None:
        """Give these up together, so that none of them is asked what the others knew."""
        there = [one for one in neighbors if one.interface.neighbors.get(int(one.address)) is one]
        for neighbor in there:
            if tell:
                self._farewells.to_one(neighbor.interface, neighbor.address)
        self._give_up(there, reason)

    def _give_up(self, neighbors: list[Neighbor], reason: DownReason) -> None:
        """Have nothing to do with these any more from now on; what follows from that may take long."""
        for neighbor in neighbors:
            neighbor.interface.leave(neighbor)
            self._context.stop(neighbor.hold_timer)
            self._pending.pop(neighbor, None)
        self._listener.neighbors_leave(neighbors)
        if len(neighbors) <= TOGETHER:
            self._bury(neighbors, reason)
        else:
            self._context.work(in_pieces(neighbors, TOGETHER, lambda some: self._bury(some, reason)))

    def _bury(self, neighbors: Sequence[Neighbor], reason: DownReason) -> None:
        for neighbor in neighbors:
            self._remove(neighbor, reason)
        if neighbors:
            self._listener.neighbors_down(neighbors)

    def _remove(self, neighbor: Neighbor, reason: DownReason) -> None:
        interface = neighbor.interface
        heappush(self._free_handles, neighbor.handle)
        self._transport.abandon(neighbor)
        number, why = self._sender.autonomous_system, reason.value
        self._debug(f"Neighbor {neighbor.address} went down on {interface.name}: {why}")
        if not neighbor.is_untold:
            self._log(NeighborChanged.down(number, neighbor.address, interface.name, why))
            self._tell(neighbor, Sign.WENT, reason.value)

    def drop_all(self, interface: EigrpInterface, reason: DownReason, *, tell: bool = False) -> None:
        """Give all neighbors of an interface up; with `tell`, one goodbye for all."""
        if tell:
            self._greetings.say_goodbye(interface)
        self._give_up(list(interface.neighbors.values()), reason)

    def leave(self, interface: EigrpInterface) -> None:
        """Leave an interface that we do not run on any more; its neighbors have been given up."""
        self._farewells.forget(interface)
        self._context.stop(interface.hello_timer)

    def _hold_expired(self, neighbor: Neighbor) -> None:
        left = neighbor.hold_left(self._context.now)
        if left > 0:
            self._context.start(neighbor.hold_timer, left)
            return
        reason = DownReason.HOLD_TIME if neighbor.refusal is None else DownReason.AUTHENTICATION
        if reason is DownReason.HOLD_TIME:
            self._context.out.append(NeighborSilent(neighbor.interface.name, neighbor.address))
        self.drop(neighbor, reason, tell=True)

    def resync(self, interface: EigrpInterface, why: str) -> None:
        """Log that the neighbors of an interface stay, but are told something else from now on."""
        number, name = self._sender.autonomous_system, interface.name

        def log(some: Iterable[Neighbor]) -> None:
            for neighbor in some:
                self._log(NeighborChanged.resync(number, neighbor.address, name, why))

        self._context.work(in_pieces(list(interface.neighbors.values()), TOGETHER, log))

    def _tell(self, neighbor: Neighbor, sign: Sign, text: str) -> None:
        said = f"EIGRP {self._sender.autonomous_system}: {text}"
        self._context.tell_of_neighbor(sign, neighbor.address, neighbor.interface.name, said)

    def _log(self, message: NeighborChanged) -> None:
        if self._process.settings.log_changes:
            self._context.out.append(message)

    def _debug(self, text: str) -> None:
        if self._context.ports.debugging.on("eigrp neighbors"):
            self._context.debug(messages.neighbor_line(text))
