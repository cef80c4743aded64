"""Triggered RIP on circuits with `ip rip triggered`: RFC 2091. Updates are sent only on changes.

    a circuit comes up ──> Update Request, repeated ──> the peer's table, valid until the peer changes it
    an Update Request came, or a route changed ──> owed ──> Update Response, one at a time ──> Acknowledge ──> the next

IOS supports this only on point-to-point lines. Here each peer has a `Conversation` of its own, by unicast, so a
multipoint tunnel may use it, too: its hub learns of a spoke by the spoke's request, and sends a request in return.

Only one Update Response is outstanding at a time (§4). Changes in the meantime are owed and leave with the next
response, so a peer receives the latest state of a route and skips the intermediate ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from itertools import islice
from typing import Final, NamedTuple

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.context import Timer
from dmvpn.base.values import Mutable
from dmvpn.features.rip import messages
from dmvpn.features.rip.database import LearnedFrom
from dmvpn.features.rip.interface import RipInterface
from dmvpn.features.rip.output import Sender, View
from dmvpn.features.rip.packet import INFINITY, Command, RipEntry, RipPacket, UpdateHeader
from dmvpn.features.rip.table import State

# ------------------------------------------------------------------------------------------------ with one peer


_LAST_SEQUENCE: Final = 0xFFFF


class Pending(NamedTuple):
    """A response that is not acknowledged yet, and its prefixes."""

    packet: RipPacket
    prefixes: tuple[Prefix, ...]


class Conversation(Mutable):
    """Both directions of the exchange with one peer.

    timer: repeats what the peer has not answered.

    owed: prefixes whose present state the peer lacks, the oldest change first. starts: the next response is the first
    one after a request, and has the flush bit. sequence: of the last response. pending: that response, until
    acknowledged.

    asking: the peer's table was requested and has not come. asked_at: when, seconds. heard: the sequence number of its
    last response; None: none since its request.

    tries: consecutive retransmissions. is_lost: there were too many.
    """

    timer: Timer
    owed: dict[Prefix, None] = field(default_factory=dict)
    starts: bool = False
    sequence: int = 0
    pending: Pending | None = None
    asking: bool = False
    asked_at: float = float("-inf")
    heard: int | None = None
    tries: int = 0
    is_lost: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether an answer of the peer is outstanding."""
        return self.asking or self.pending is not None

    @property
    def is_beginning(self) -> bool:
        """Whether the first response after a request is outstanding, or the next one to send."""
        header = self.pending.packet.update if self.pending is not None else None
        return self.starts or (header is not None and header.flush)

    # --------------------------------------------------------------------------------------------------------- received

    def begin(self, advertised: Iterable[Prefix]) -> None:
        """Send the whole table from now on, because the peer requested it."""
        self.owed = dict.fromkeys(advertised)
        self.starts, self.pending, self.heard = True, None, None
        self._alive()

    def owe(self, prefixes: Iterable[Prefix]) -> None:
        """Record prefixes that changed."""
        self.owed.update(dict.fromkeys(prefixes))

    def next(self, advertised: Mapping[Prefix, RipEntry], most: int) -> RipPacket | None:
        """Return the next response, of at most `most` entries; None: nothing is owed, or a response is outstanding."""
        if self.pending is not None or not (self.owed or self.starts):
            return None
        some = tuple(islice(self.owed, most))
        for prefix in some:
            del self.owed[prefix]
        self.pending = Pending(self._numbered(some, advertised, flush=self.starts), some)
        self.starts = False
        return self.pending.packet

    def again(self, advertised: Mapping[Prefix, RipEntry]) -> RipPacket | None:
        """Return the outstanding response again, with a new number if its routes have changed; None: there is none."""
        if self.pending is None:
            return None
        before, prefixes = self.pending
        for prefix in prefixes:
            self.owed.pop(prefix, None)
        entries = _entries(prefixes, advertised)
        if entries != before.entries:
            flush = before.update is not None and before.update.flush
            self.pending = Pending(self._numbered(prefixes, advertised, flush=flush), prefixes)
        return self.pending.packet

    def acknowledge(self, sequence: int) -> bool:
        """Handle an acknowledgment. Returns whether it is for the outstanding response."""
        if self.pending is None or sequence != self.sequence:
            return False
        self.pending = None
        self._alive()
        return True

    def farewells(self, advertised: Iterable[Prefix], most: int) -> Iterator[RipPacket]:
        """Yield responses that announce all routes as unreachable."""
        left = list(advertised)
        for start in range(0, len(left), most):
            yield self._numbered(tuple(left[start : start + most]), {}, flush=False)

    # ------------------------------------------------------------------------------------------------------------- sent

    def hear(self, header: UpdateHeader) -> bool:
        """Handle the header of a response. Returns False for a repetition."""
        is_news = header.flush or header.sequence != self.heard
        self.heard = header.sequence
        if header.flush:
            self.asking = False
        self._alive()
        return is_news

    def ask(self, now: float) -> None:
        """Record that the peer's table is requested, RFC 2091 §4.1."""
        self.asking, self.asked_at = True, now

    def repeat(self) -> None:
        """Count a retransmission."""
        self.tries += 1

    def lose(self) -> None:
        """Give the peer up for now: when it returns, it must send its whole table."""
        self.is_lost, self.asking = True, True

    def _alive(self) -> None:
        self.tries, self.is_lost = 0, False

    def _numbered(
        self, prefixes: tuple[Prefix, ...], advertised: Mapping[Prefix, RipEntry], *, flush: bool
    ) -> RipPacket:
        self.sequence = self.sequence % _LAST_SEQUENCE + 1
        header = UpdateHeader(flush=flush, sequence=self.sequence)
        return RipPacket(command=Command.UPDATE_RESPONSE, update=header, entries=_entries(prefixes, advertised))


def _entries(prefixes: Iterable[Prefix], advertised: Mapping[Prefix, RipEntry]) -> tuple[RipEntry, ...]:
    """Return the entries for these prefixes; prefixes that are not announced are unreachable."""
    return tuple(advertised.get(prefix) or RipEntry.of_prefix(prefix, INFINITY) for prefix in prefixes)


# ------------------------------------------------------------------------------------------------ circuits


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


class TriggeredCircuit(Mutable):
    """A circuit in use.

    timer: repeats the request to all gateways.
    advertised: the routes announced to peers here, by prefix.
    asked: how often tables were requested from all gateways, while no peer is known.
    """

    circuit: RipInterface
    timer: Timer
    advertised: dict[Prefix, RipEntry] = field(default_factory=dict)
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
            for packet in talk.farewells(line.advertised if line is not None else {}, self._sender.room(circuit)):
                self._send_response(circuit, packet, peer)

    def follow(self) -> None:
        """Announce changed routes to the peers."""
        self._context.work(self._follow())

    def _follow(self) -> Iterator[None]:
        for line in list(self.lines.values()):
            entries = yield from self._view(line.circuit)
            before = line.advertised
            line.advertised = {prefix: entry for prefix, entry in entries.items() if entry.metric < INFINITY}
            changed = [prefix for prefix, entry in line.advertised.items() if before.get(prefix) != entry]
            changed += [prefix for prefix in before if prefix not in line.advertised]
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
                # Handle an acknowledgment, RFC 2091 §4.3: further owed routes follow.
                line = self.lines.get(circuit.name)
                talk = line.peers.get(peer) if line is not None else None
                if line is not None and talk is not None and talk.acknowledge(header.sequence):
                    self._go_on(line, peer, talk)
            case _:
                return self._take_response(circuit, peer, header)
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
            talk.begin(line.advertised)
            self._go_on(line, peer, talk)

    def _take_response(self, circuit: RipInterface, peer: IPAddress, header: UpdateHeader) -> bool:
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
        again = talk.again(line.advertised)
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
        packet = talk.next(line.advertised, self._sender.room(line.circuit)) if may_speak else None
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
