"""Triggered RIP on circuits that have `ip rip triggered`: RFC 2091. Nothing is sent there while nothing changes.

    a circuit comes up ──> Update Request, again and again ──> the peer's table, believed until it says otherwise
    an Update Request came, or a route changed ──> owed ──> Update Response, one at a time ──> Acknowledge ──> the next

IOS has this on point-to-point lines alone. Here each peer has a conversation of its own, by unicast, so a multipoint
tunnel may have it, too: its hub learns of a spoke by the spoke's request, and asks back.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.deadlines import Deadlines
from dmvpn.base.values import dataclass
from dmvpn.features.rip import messages
from dmvpn.features.rip.conversation import Conversation
from dmvpn.features.rip.packet import INFINITY, Command, RipPacket, UpdateHeader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.addresses import IPAddress, Prefix
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.features.rip.circuit import Circuit
    from dmvpn.features.rip.packet import RipEntry
    from dmvpn.features.rip.speaker import Speaker
    from dmvpn.features.rip.telling import Job, View

#: Seconds until what was not answered is sent again, and how often that is done before the peer counts as lost; from
#: then on it is tried at longer intervals (RFC 2091 §6.3).
RETRANSMISSION: Final = 5.0
TRIES: Final = 10
POLL: Final = 60.0
#: A peer that asks is asked in turn, unless it was asked within so many seconds.
ASKED_LATELY: Final = 2 * RETRANSMISSION
#: Peers of one circuit: senders can be forged.
MOST_PEERS: Final = 1024
_PEERS_AT_ONCE: Final = 64

Results = list["Effect | Notice"]
_KINDS: Final[dict[int, str]] = {Command.UPDATE_REQUEST: "request", Command.UPDATE_ACKNOWLEDGE: "ack"}
#: The request has the entry of RFC 2453 §3.9.1: BIRD 2 answers no other. One without it is answered here, too.
_REQUEST: Final = replace(RipPacket.whole_table_request(), command=Command.UPDATE_REQUEST, update=UpdateHeader())


@dataclass(slots=True)
class Line:
    """A circuit in use. told: what peers are told here, by prefix. asked: how often everybody was asked for everything,
    while nobody is known.
    """

    circuit: Circuit
    told: dict[Prefix, RipEntry] = field(default_factory=dict)
    peers: dict[IPAddress, Conversation] = field(default_factory=dict)
    asked: int = 0


class Triggered:
    """The circuits that have it. view: finds out what a circuit's peers are to know now."""

    def __init__(self, speaker: Speaker, view: Callable[[Circuit], View]) -> None:
        self.lines: dict[str, Line] = {}
        self._speaker = speaker
        self._view = view
        self._timers: Deadlines[tuple[str, IPAddress | None]] = Deadlines()

    def next_deadline(self) -> float | None:
        """Return when something is to be sent again."""
        return self._timers.next()

    def peers(self) -> Iterator[IPAddress]:
        """Yield the peers that answer: silence of theirs means nothing."""
        for line in self.lines.values():
            yield from (peer for peer, talk in line.peers.items() if not talk.is_lost)

    # -------------------------------------------------------------------------------------------------- circuits

    def begin(self, circuit: Circuit, now: float) -> Results:
        """Ask everybody on a circuit for everything; where somebody is known already, once more and soon: somebody new
        may hear it.
        """
        line = self.lines.setdefault(circuit.name, Line(circuit))
        if not line.peers:
            return self._ask_all(line, now)
        if self._timers.when((circuit.name, None)) is None:
            self._timers.set((circuit.name, None), now + RETRANSMISSION)
        return []

    def end(self, name: str) -> None:
        """Forget a circuit."""
        line = self.lines.pop(name, None)
        for peer in (None, *(line.peers if line is not None else ())):
            self._timers.cancel((name, peer))

    def farewell(self, circuit: Circuit) -> Results:
        """Tell everybody on a circuit that nothing is to be reached by us any more. Nobody waits for answers."""
        line = self.lines.get(circuit.name)
        results: Results = []
        for peer, talk in line.peers.items() if line is not None else ():
            for packet in talk.farewells(line.told if line is not None else {}, self._most(circuit)):
                results += self._send_response(circuit, packet, peer)
        return results

    def follow(self) -> Job:
        """Look at what peers are to know, and tell them what has changed. A job: see `telling`."""
        results: Results = []
        for line in list(self.lines.values()):
            entries = yield from self._view(line.circuit)
            before = line.told
            line.told = {prefix: entry for prefix, entry in entries.items() if entry.metric < INFINITY}
            changed = [prefix for prefix, entry in line.told.items() if before.get(prefix) != entry]
            changed += [prefix for prefix in before if prefix not in line.told]
            for number, (peer, talk) in enumerate(list(line.peers.items()), 1):
                talk.owe(changed)
                results += self._go_on(line, peer, talk, self._speaker.process.now)
                if not number % _PEERS_AT_ONCE:
                    yield results
                    results = []
        return results

    # --------------------------------------------------------------------------------------------------- packets

    def take(self, circuit: Circuit, packet: RipPacket, peer: IPAddress, now: float) -> tuple[Results, bool]:
        """Take a packet. Returns whether it tells routes, too, that were not told by it before."""
        header = packet.update
        if header is None:
            return [], False
        kind = _KINDS.get(packet.command, "update")
        results = self._speaker.debug(
            [messages.triggered_received(kind, peer, circuit.name, header.sequence)], is_triggered=True
        )
        match packet.command:
            case Command.UPDATE_REQUEST:
                return results + self._asked(circuit, peer, now), False
            case Command.UPDATE_ACKNOWLEDGE:
                return results + self._acknowledged(circuit, peer, header, now), False
        answer, is_news = self._told(circuit, peer, header, now)
        return results + answer, is_news

    def _asked(self, circuit: Circuit, peer: IPAddress, now: float) -> Results:
        """Answer an Update Request with everything, RFC 2091 §4.1; who asks may have begun again, so ask it, too."""
        line = self.lines.get(circuit.name)
        talk = self._talk(line, peer, now) if line is not None else None
        if line is None or talk is None:
            return []
        results: Results = []
        if now >= talk.asked_at + ASKED_LATELY and self._may_speak(circuit, peer):
            results += self._ask(line, peer, talk, now)
        if talk.is_beginning:
            return results  # the first response is on its way, and comes again
        talk.begin(line.told)
        return results + self._go_on(line, peer, talk, now)

    def _acknowledged(self, circuit: Circuit, peer: IPAddress, header: UpdateHeader, now: float) -> Results:
        """Take an acknowledgment, RFC 2091 §4.3: what is owed besides follows."""
        line = self.lines.get(circuit.name)
        talk = line.peers.get(peer) if line is not None else None
        if line is None or talk is None or not talk.acknowledge(header.sequence):
            return []
        return self._go_on(line, peer, talk, now)

    def _told(self, circuit: Circuit, peer: IPAddress, header: UpdateHeader, now: float) -> tuple[Results, bool]:
        """Acknowledge an Update Response, RFC 2091 §4.2. Returns whether it is news, too, and no repetition."""
        line = self.lines.get(circuit.name)
        talk = self._talk(line, peer, now) if line is not None else None
        if line is None or talk is None:
            return [], False
        is_news = talk.hear(header)
        if not talk.is_busy:
            self._timers.cancel((circuit.name, peer))
        answer = RipPacket(command=Command.UPDATE_ACKNOWLEDGE, update=header)
        return self._speaker.send(circuit, answer, peer), is_news

    # ---------------------------------------------------------------------------------------------------- timers

    def tick(self, now: float, most: int) -> tuple[Results, list[tuple[str, IPAddress]]]:
        """Send again what nobody answered, to no more than `most` peers; return also peers that count as lost now, by
        interface.
        """
        results: Results = []
        lost: list[tuple[str, IPAddress]] = []
        for name, peer in self._timers.take_due(now, most):
            line = self.lines[name]
            if peer is None:
                results += self._ask_all(line, now)
                continue
            talk = line.peers[peer]
            if talk.tries == TRIES:
                lost.append((name, peer))
                talk.lose()
            if talk.asking:
                results += self._ask(line, peer, talk, now)
            again = talk.again(line.told)
            results += self._send_response(line.circuit, again, peer) if again is not None else []
            results += self._go_on(line, peer, talk, now)
            talk.repeat()
        return results, lost

    # --------------------------------------------------------------------------------------------------- private

    def _talk(self, line: Line, peer: IPAddress, now: float) -> Conversation | None:
        """Return the conversation with a peer, a new one if need be; None: there are too many. A new peer has yet to
        tell its table, whatever else it says.
        """
        talk = line.peers.get(peer)
        if talk is None:
            if len(line.peers) >= MOST_PEERS:
                lost = next((one for one, other in line.peers.items() if other.is_lost), None)
                if lost is None:
                    return None
                self._timers.cancel((line.circuit.name, lost))
                del line.peers[lost]
            talk = line.peers[peer] = Conversation(asking=True)
            if len(line.peers) == 1:
                self._timers.cancel((line.circuit.name, None))
            self._arm(line, peer, talk, now)
        return talk

    def _ask_all(self, line: Line, now: float) -> Results:
        """Ask everybody for everything, and again after a pause while nobody answers."""
        line.asked += 1
        if not line.peers:
            self._timers.set((line.circuit.name, None), now + (RETRANSMISSION if line.asked <= TRIES else POLL))
        results: Results = []
        for destination in self._speaker.destinations(line.circuit):
            results += self._speaker.debug(
                [messages.triggered_request(destination, line.circuit.name)], is_triggered=True
            )
            results += self._speaker.send(line.circuit, _REQUEST, destination)
        return results

    def _ask(self, line: Line, peer: IPAddress, talk: Conversation, now: float) -> Results:
        talk.ask(now)
        self._arm(line, peer, talk, now)
        results = self._speaker.debug([messages.triggered_request(peer, line.circuit.name)], is_triggered=True)
        return results + self._speaker.send(line.circuit, _REQUEST, peer)

    def _go_on(self, line: Line, peer: IPAddress, talk: Conversation, now: float) -> Results:
        """Tell a peer more, if something is owed and nothing is on its way; a passive circuit tells its configured
        neighbors alone. A peer that has gone while others were told is told nothing.
        """
        if self.lines.get(line.circuit.name) is not line or line.peers.get(peer) is not talk:
            return []
        packet = talk.next(line.told, self._most(line.circuit)) if self._may_speak(line.circuit, peer) else None
        if not talk.is_busy:
            self._timers.cancel((line.circuit.name, peer))
        elif packet is not None or self._timers.when((line.circuit.name, peer)) is None:
            self._arm(line, peer, talk, now)
        return self._send_response(line.circuit, packet, peer) if packet is not None else []

    def _arm(self, line: Line, peer: IPAddress, talk: Conversation, now: float) -> None:
        self._timers.set((line.circuit.name, peer), now + (RETRANSMISSION if talk.tries <= TRIES else POLL))

    def _may_speak(self, circuit: Circuit, peer: IPAddress) -> bool:
        return not circuit.passive or peer in self._speaker.process.config.neighbors

    def _most(self, circuit: Circuit) -> int:
        """Return how many entries a packet has room for."""
        return self._speaker.room(circuit)

    def _send_response(self, circuit: Circuit, packet: RipPacket, peer: IPAddress) -> Results:
        results = self._speaker.debug(
            messages.triggered_update(peer, circuit.name, packet), len(packet.entries), is_triggered=True
        )
        return results + self._speaker.send(circuit, packet, peer)
