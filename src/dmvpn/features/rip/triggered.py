"""Triggered RIP on circuits with `ip rip triggered`: RFC 2091. Updates are sent only on changes.

    a circuit comes up ──> Update Request, repeated ──> the peer's table, valid until the peer changes it
    an Update Request came, or a route changed ──> owed ──> Update Response, one at a time ──> Acknowledge ──> the next

IOS supports this only on point-to-point lines. Here each peer has a conversation of its own, by unicast, so a
multipoint tunnel may use it, too: its hub learns of a spoke by the spoke's request, and sends a request in return.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.base.values import dataclass
from dmvpn.features.rip import messages
from dmvpn.features.rip.conversation import Conversation
from dmvpn.features.rip.database import LearnedFrom
from dmvpn.features.rip.packet import INFINITY, Command, RipPacket, UpdateHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.features.rip.interface import RipInterface
    from dmvpn.features.rip.output import Sender, View
    from dmvpn.features.rip.packet import RipEntry
    from dmvpn.features.rip.table import State

#: Seconds until an unanswered packet is sent again, and the number of retransmissions before the peer counts as lost;
#: from then on the interval is longer (RFC 2091 §6.3).
RETRANSMISSION: Final = 5.0
TRIES: Final = 10
POLL: Final = 60.0
#: A peer that sends a request gets one in return, unless it got one within so many seconds.
ASKED_LATELY: Final = 2 * RETRANSMISSION
#: Maximum peers of one circuit: senders can be forged.
MOST_PEERS: Final = 1024
_PEERS_AT_ONCE: Final = 64

_KINDS: Final[dict[int, str]] = {Command.UPDATE_REQUEST: "request", Command.UPDATE_ACKNOWLEDGE: "ack"}
#: The request has the entry of RFC 2453 §3.9.1, which BIRD 2 requires. Requests without it are answered here, too.
_REQUEST: Final = replace(RipPacket.whole_table_request(), command=Command.UPDATE_REQUEST, update=UpdateHeader())


@dataclass(slots=True)
class TriggeredCircuit:
    """A circuit in use.

    timer: repeats the request to all gateways.
    told: the routes announced to peers here, by prefix.
    asked: how often tables were requested from all gateways, while no peer is known.
    """

    circuit: RipInterface
    timer: Timer
    told: dict[Prefix, RipEntry] = field(default_factory=dict)
    peers: dict[IPAddress, Conversation] = field(default_factory=dict)
    asked: int = 0


class Triggered:
    """The circuits with triggered RIP.

    view: computes the entries for the peers of a circuit.
    """

    def __init__(self, state: State, sender: Sender, view: Callable[[RipInterface], View]) -> None:
        self.lines: dict[str, TriggeredCircuit] = {}
        self._state = state
        self._context = state.context
        self._sender = sender
        self._view = view
        self._lost: list[LearnedFrom] = []

    def peers(self) -> Iterator[IPAddress]:
        """Yield the peers that answer; their silence does not mean that they are lost."""
        for line in self.lines.values():
            yield from (peer for peer, talk in line.peers.items() if not talk.is_lost)

    def take_lost(self) -> list[LearnedFrom]:
        """Return the peers that stopped answering since the last call."""
        lost, self._lost = self._lost, []
        return lost

    # -------------------------------------------------------------------------------------------------- circuits

    def begin(self, circuit: RipInterface) -> None:
        """Request all tables on a circuit; if peers are known already, only once more and soon, for new receivers."""
        line = self.lines.get(circuit.name)
        if line is None:
            line = self.lines[circuit.name] = self._line(circuit)
        if not line.peers:
            self._ask_all(line)
        elif not self._context.is_running(line.timer):
            self._context.start(line.timer, RETRANSMISSION)

    def end(self, name: str) -> None:
        """Forget a circuit."""
        line = self.lines.pop(name, None)
        if line is not None:
            self._context.retire(line.timer, *(talk.timer for talk in line.peers.values()))

    def farewell(self, circuit: RipInterface) -> None:
        """Announce to all peers on a circuit that our routes are unreachable, without waiting for acknowledgments."""
        line = self.lines.get(circuit.name)
        for peer, talk in line.peers.items() if line is not None else ():
            for packet in talk.farewells(line.told if line is not None else {}, self._sender.room(circuit)):
                self._send_response(circuit, packet, peer)

    def follow(self) -> None:
        """Announce changed routes to the peers."""
        self._context.work(self._follow())

    def _follow(self) -> Iterator[None]:
        for line in list(self.lines.values()):
            entries = yield from self._view(line.circuit)
            before = line.told
            line.told = {prefix: entry for prefix, entry in entries.items() if entry.metric < INFINITY}
            changed = [prefix for prefix, entry in line.told.items() if before.get(prefix) != entry]
            changed += [prefix for prefix in before if prefix not in line.told]
            for number, (peer, talk) in enumerate(list(line.peers.items()), 1):
                talk.owe(changed)
                self._go_on(line, peer, talk)
                if not number % _PEERS_AT_ONCE:
                    yield

    # --------------------------------------------------------------------------------------------------- packets

    def take(self, circuit: RipInterface, packet: RipPacket, peer: IPAddress) -> bool:
        """Handle a packet. Returns whether it carries routes and is not a repetition."""
        header = packet.update
        if header is None:
            return False
        kind = _KINDS.get(packet.command, "update")
        self._sender.debug([messages.triggered_received(kind, peer, circuit.name, header.sequence)], is_triggered=True)
        match packet.command:
            case Command.UPDATE_REQUEST:
                self._asked(circuit, peer)
            case Command.UPDATE_ACKNOWLEDGE:
                self._acknowledged(circuit, peer, header)
            case _:
                return self._told(circuit, peer, header)
        return False

    def _asked(self, circuit: RipInterface, peer: IPAddress) -> None:
        """Answer an Update Request with the whole table, RFC 2091 §4.1. The peer may have restarted, so request its
        table, too.
        """
        line = self.lines.get(circuit.name)
        talk = self._talk(line, peer) if line is not None else None
        if line is None or talk is None:
            return
        if self._context.now >= talk.asked_at + ASKED_LATELY and self._may_speak(circuit, peer):
            self._ask(line, peer, talk)
        if not talk.is_beginning:  # otherwise the first response is outstanding and will be repeated
            talk.begin(line.told)
            self._go_on(line, peer, talk)

    def _acknowledged(self, circuit: RipInterface, peer: IPAddress, header: UpdateHeader) -> None:
        """Handle an acknowledgment, RFC 2091 §4.3: further owed routes follow."""
        line = self.lines.get(circuit.name)
        talk = line.peers.get(peer) if line is not None else None
        if line is not None and talk is not None and talk.acknowledge(header.sequence):
            self._go_on(line, peer, talk)

    def _told(self, circuit: RipInterface, peer: IPAddress, header: UpdateHeader) -> bool:
        """Acknowledge an Update Response, RFC 2091 §4.2. Returns whether it is not a repetition."""
        line = self.lines.get(circuit.name)
        talk = self._talk(line, peer) if line is not None else None
        if line is None or talk is None:
            return False
        is_news = talk.hear(header)
        if not talk.is_busy:
            self._context.stop(talk.timer)
        self._sender.send(circuit, RipPacket(command=Command.UPDATE_ACKNOWLEDGE, update=header), peer)
        return is_news

    def _repeat(self, line: TriggeredCircuit, peer: IPAddress, talk: Conversation) -> None:
        """Retransmit unanswered packets to a peer; give it up after `TRIES`."""
        if talk.tries == TRIES:
            talk.lose()
            self._lost.append(LearnedFrom(line.circuit.name, peer))
        if talk.asking:
            self._ask(line, peer, talk)
        again = talk.again(line.told)
        if again is not None:
            self._send_response(line.circuit, again, peer)
        self._go_on(line, peer, talk)
        talk.repeat()

    # --------------------------------------------------------------------------------------------------- private

    def _line(self, circuit: RipInterface) -> TriggeredCircuit:
        line = TriggeredCircuit(circuit, Timer("repeat, RFC 2091 §6.3", lambda: self._ask_all(line), circuit.name))
        return line

    def _talk(self, line: TriggeredCircuit, peer: IPAddress) -> Conversation | None:
        """Return the conversation with a peer, which may be new; None: there are too many. A new peer has yet to send
        its table.
        """
        talk = line.peers.get(peer)
        if talk is None:
            if len(line.peers) >= MOST_PEERS:
                lost = next((one for one, other in line.peers.items() if other.is_lost), None)
                if lost is None:
                    return None
                self._context.retire(line.peers.pop(lost).timer)
            talk = line.peers[peer] = self._conversation(line, peer)
            if len(line.peers) == 1:
                self._context.stop(line.timer)
            self._arm(talk)
        return talk

    def _conversation(self, line: TriggeredCircuit, peer: IPAddress) -> Conversation:
        talk = Conversation(Timer("repeat, RFC 2091 §6.3", lambda: self._repeat(line, peer, talk), peer), asking=True)
        return talk

    def _ask_all(self, line: TriggeredCircuit) -> None:
        """Request the tables of all gateways, and again after a pause while none answers."""
        line.asked += 1
        if not line.peers:
            self._context.start(line.timer, RETRANSMISSION if line.asked <= TRIES else POLL)
        for destination in self._sender.destinations(line.circuit):
            self._request(line.circuit, destination)

    def _ask(self, line: TriggeredCircuit, peer: IPAddress, talk: Conversation) -> None:
        talk.ask(self._context.now)
        self._arm(talk)
        self._request(line.circuit, peer)

    def _request(self, circuit: RipInterface, destination: IPAddress) -> None:
        self._sender.debug([messages.triggered_request(destination, circuit.name)], is_triggered=True)
        self._sender.send(circuit, _REQUEST, destination)

    def _go_on(self, line: TriggeredCircuit, peer: IPAddress, talk: Conversation) -> None:
        """Send the peer further owed routes unless a response is outstanding. A passive circuit only serves its
        configured neighbors. A peer that disappeared meanwhile is skipped.
        """
        if self.lines.get(line.circuit.name) is not line or line.peers.get(peer) is not talk:
            return
        may_speak = self._may_speak(line.circuit, peer)
        packet = talk.next(line.told, self._sender.room(line.circuit)) if may_speak else None
        if not talk.is_busy:
            self._context.stop(talk.timer)
        elif packet is not None or not self._context.is_running(talk.timer):
            self._arm(talk)
        if packet is not None:
            self._send_response(line.circuit, packet, peer)

    def _arm(self, talk: Conversation) -> None:
        self._context.start(talk.timer, RETRANSMISSION if talk.tries <= TRIES else POLL)

    def _may_speak(self, circuit: RipInterface, peer: IPAddress) -> bool:
        return not circuit.passive or peer in self._state.config.neighbors

    def _send_response(self, circuit: RipInterface, packet: RipPacket, peer: IPAddress) -> None:
        lines = messages.triggered_update(peer, circuit.name, packet)
        self._sender.debug(lines, len(packet.entries), is_triggered=True)
        self._sender.send(circuit, packet, peer)
