"""One session: its state, the intervals that both ends announced, and the timers that follow. RFC 5880 §6.8.

It has no timer: the machine asks `transmit_interval` and `detection_time`, and reports events. It alone changes its
state. Times are seconds, monotonic; intervals of packets are microseconds.

`Seals` has the keys of a key chain that seal its packets, and the keys that are accepted, §6.7.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.context import Timer
from dmvpn.base.credentials import Key, KeyChain
from dmvpn.base.entropy import Entropy, below
from dmvpn.base.notices import Client
from dmvpn.base.pages import Pages
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.bfd.model import Parameters
from dmvpn.features.bfd.packet import (
    ENDS,
    HEARD,
    LAST_KEY,
    MOVES,
    BfdState,
    ControlPacket,
    Diagnostic,
    Drop,
    Dropped,
    SessionMove,
    is_genuine,
    may_follow,
    seal,
)
from dmvpn.features.bfd.reasons import BfdReason

# ------------------------------------------------------------------------------------------------ the session


#: Packets out of turn (answers to polls, changes of state) that may follow each other at once, and how many a second
#: are allowed: a peer that asks all the time is answered no more often.
CREDIT, CREDIT_RATE = 20.0, 40.0
#: Part of the detection time that a timer may fire late before it is granted once more.
_LATE: Final = 0.1


class Intervals(Mutable):
    """Between packets of one direction, seconds: how many, and the shortest, longest and last one."""

    count: int = 0
    shortest: float = 0.0
    longest: float = 0.0
    total: float = 0.0
    last: float = float("-inf")

    def note(self, now: float) -> None:
        """Count one more packet."""
        if self.count:
            passed = now - self.last
            self.shortest = passed if self.count == 1 else min(self.shortest, passed)
            self.longest = max(self.longest, passed)
            self.total += passed
        self.count += 1
        self.last = now

    @property
    def average(self) -> float:
        """Of all."""
        return self.total / (self.count - 1) if self.count > 1 else 0.0


class Session(Mutable, eq=False):
    """One neighbor that is watched.

    handle: its number. clients: the protocols that watch it, with their processes. parameters: None: the interface has
    none, so no packet is sent. discriminator: ours. desired_tx, required_rx: the values that we send. used_tx, used_rx:
    the values that we use while a poll about another value is not answered (§6.8.3). heard: the last packet that
    changed something. octets: its octets, if receiving them again would change nothing. expiries: how often the
    detection time expired. overslept: the timer fired late, and was granted a moment more. silent_for: milliseconds
    that ended it last. spent, spent_at: credit. refusal: why its last packet was not authentic. sequence,
    remote_sequence: of the authentication, ours and theirs.
    """

    interface: str
    address: IPAddress
    local: IPAddress
    handle: int
    discriminator: int
    transmit_timer: Timer
    detect_timer: Timer
    since: float
    parameters: Parameters | None = None
    clients: dict[tuple[Client, int], None] = field(default_factory=dict)
    state: BfdState = BfdState.DOWN
    diagnostic: Diagnostic = Diagnostic.NONE
    remote_discriminator: int = 0
    desired_tx: int = 0
    required_rx: int = 0
    used_tx: int = 0
    used_rx: int = 0
    polls: bool = False
    heard: ControlPacket | None = None
    octets: bytes = b""
    sent: Intervals = field(default_factory=Intervals)
    received: Intervals = field(default_factory=Intervals)
    refused: int = 0
    refusal: Reason | None = None
    sequence: int = 0
    remote_sequence: int | None = None
    expiries: int = 0
    overslept: bool = False
    silent_for: int = 0
    spent: float = 0.0
    spent_at: float = 0.0

    @property
    def is_up(self) -> bool:
        """Whether both ends receive each other's packets."""
        return self.state is BfdState.UP

    def join(self, client: tuple[Client, int]) -> bool:
        """Add a client; returns whether it is the first."""
        is_first = not self.clients
        self.clients[client] = None
        return is_first

    def leave(self, client: tuple[Client, int]) -> bool:
        """Remove a client; returns whether it was the last."""
        if client not in self.clients:
            return False
        del self.clients[client]
        return not self.clients

    def configure(self, parameters: Parameters | None, local: IPAddress | None) -> None:
        """Obey other lines, and send from another address. What comes next is judged by the new lines."""
        if local is not None:
            self.local = local
        if parameters != self.parameters:
            self.octets, self.refusal = b"", None
        self.parameters = parameters

    def move(self, move: SessionMove, now: float) -> BfdState:
        """Take the move, with its diagnostic; returns the state before."""
        old, self.state = self.state, MOVES[self.state, move]
        if self.state is not old:
            self.since = now
            if self.is_up:
                self.diagnostic = Diagnostic.NONE
            elif move in ENDS:
                self.diagnostic, _ = ENDS[move]
        return old

    def set_intervals(self, desired_tx: int, required_rx: int) -> None:
        """Say other intervals from now on. RFC 5880 §6.8.3: what would cost the far end its patience waits for its
        answer.
        """
        if (desired_tx, required_rx) == (self.desired_tx, self.required_rx):
            return
        waits = self.is_up
        if not (waits and desired_tx > self.used_tx):
            self.used_tx = desired_tx
        if not (waits and required_rx < self.used_rx):
            self.used_rx = required_rx
        self.desired_tx, self.required_rx = desired_tx, required_rx
        self.polls = bool(self.remote_discriminator) and waits

    def clear_counters(self) -> None:
        """Clear the counters."""
        self.sent, self.received = Intervals(last=self.sent.last), Intervals(last=self.received.last)
        self.expiries = self.refused = 0

    def hear(self, packet: ControlPacket, octets: bytes, now: float) -> SessionMove | None:
        """Apply the content of a packet from the far end; returns the move that follows from its state, None while
        disabled.
        """
        self.heard = packet
        self.remote_discriminator = packet.mine
        if packet.final and self.polls:
            self.polls = False
            self.used_tx, self.used_rx = self.desired_tx, self.required_rx
        self.received.note(now)
        is_plain = not (packet.poll or packet.final or packet.authentication)
        self.octets = octets if is_plain and self.is_up and packet.state is BfdState.UP else b""
        return None if self.state is BfdState.ADMIN_DOWN else HEARD[packet.state]

    def expire(self, now: float) -> float | None:
        """End the detection time, RFC 5880 §6.8.4. Returns how many more seconds of silence are granted; None: none.

        A timer that fires late was not listening either: what waits in the socket is read before anything is concluded.
        """
        due = self.received.last + self.patience
        if now < due:
            return due - now
        self.overslept = not self.overslept and now - due > _LATE * self.patience
        if self.overslept:
            return _LATE * self.patience
        self.expiries += 1
        self.silent_for = round(1000 * self.patience)
        self.forget_far_end()
        return None

    def refuse(self) -> None:
        """Count a packet that was not taken."""
        self.refused += 1

    def disbelieve(self, refusal: Reason) -> None:
        """Note why no authentic packet can be sent, or a received one was not authentic."""
        self.refusal = refusal

    def believe(self, sequence: int | None = None) -> None:
        """Note that a packet was authentic. sequence: its number (bfd.RcvAuthSeq, §6.8.1), None: it needs none."""
        self.refusal = None
        if sequence is not None:
            self.remote_sequence = sequence

    def next_sequence(self, entropy: Entropy) -> int:
        """Return the number of the next packet, drawn by chance for the first one (bfd.XmitAuthSeq, §6.8.1)."""
        self.sequence = (self.sequence or below(entropy, 0xFFFFFFFF)) + 1 & 0xFFFFFFFF
        return self.sequence

    def forget_far_end(self) -> None:
        """Forget the far end, which has been silent for so long that its next words are news, RFC 5880 §6.8.1."""
        self.remote_discriminator = 0
        self.octets = b""
        self.polls = False

    def packet(self, *, final: bool = False) -> ControlPacket:
        """Return the packet to send now, RFC 5880 §6.8.7."""
        return ControlPacket(
            state=self.state,
            diagnostic=self.diagnostic,
            poll=self.polls and not final,
            final=final,
            multiplier=self.multiplier,
            mine=self.discriminator,
            yours=self.remote_discriminator,
            desired_tx=self.desired_tx,
            required_rx=self.required_rx,
        )

    @property
    def multiplier(self) -> int:
        """How many of our packets the far end may miss."""
        return self.parameters.multiplier if self.parameters is not None else 3

    @property
    def transmit_interval(self) -> float | None:
        """Seconds between packets before chance shortens them; None: none is to be sent, RFC 5880 §6.8.7."""
        heard = self.heard if self.remote_discriminator else None
        if heard is None:
            return self.used_tx / 1e6
        if not heard.required_rx or (heard.demand and self.is_up and heard.state is BfdState.UP and not self.polls):
            return None
        return max(self.used_tx, heard.required_rx) / 1e6

    @property
    def detection_time(self) -> float | None:
        """Seconds of silence that end the session, RFC 5880 §6.8.4; None: no packet has arrived yet."""
        return self.patience if self.remote_discriminator else None

    @property
    def patience(self) -> float:
        """Seconds of silence that the last packet allowed, whether they are over or not; 0: there is none."""
        return self.heard.multiplier * max(self.used_rx, self.heard.desired_tx) / 1e6 if self.heard is not None else 0.0

    def may_speak(self, now: float) -> bool:
        """Return whether there is credit for a packet out of turn. It is taken."""
        self.spent = max(0.0, self.spent - (now - self.spent_at) * CREDIT_RATE)
        self.spent_at = now
        if self.spent >= CREDIT:
            return False
        self.spent += 1.0
        return True


# ------------------------------------------------------------------------------------------------ keys


_CLAUSE: Final = "RFC 5880 §6.7"
_NOTHING: Final = "nothing"


class Seals:
    """Seals and opens. key_chains: those of the configuration."""

    def __init__(self, ports: Ports, key_chains: Pages[KeyChain] | tuple[KeyChain, ...]) -> None:
        self._key_chains = key_chains
        self._ports = ports

    def sealed(self, packet: ControlPacket, session: Session, now: float) -> bytes | None:
        """Return the octets of a packet; None: it must be sealed, and there is no key for it now."""
        wanted = session.parameters.authentication if session.parameters is not None else None
        if wanted is None:
            return packet.serialize()
        key = self._key(wanted.chain, now)
        if key is None:
            session.disbelieve(Reason(BfdReason.NO_KEY, (wanted.chain,), now))
            return None
        text = key.text.encode()
        more = 3 + len(text[:16]) if wanted.type.word == "password" else wanted.type.length
        sequence = session.next_sequence(self._ports.entropy)
        return seal(packet.serialize(more), wanted.type, key.number, text, sequence)

    def check(self, packet: ControlPacket, octets: bytes, session: Session, now: float) -> None:
        """Check that it is sealed as configured. Raises WireError; the session keeps the reason."""
        wanted = session.parameters.authentication if session.parameters is not None else None
        given = packet.authentication
        here, there = (wanted.type.word if wanted else _NOTHING), (given.type.word if given else _NOTHING)
        if here != there:
            session.disbelieve(Reason(BfdReason.OTHER_AUTHENTICATION, (here, there), now))
            raise Dropped(Drop.AUTH_FAILED, f"authentication: {here} here, {there} there", offset=1, clause=_CLAUSE)
        if wanted is None or given is None:
            session.believe()
            return
        chain = self._chain(wanted.chain)
        accepted = chain.accepting(self._ports.clock, now) if chain is not None else ()
        keys = [key for key in accepted if key.number == given.key]
        if not any(is_genuine(octets, given, key.text.encode()) for key in keys):
            session.disbelieve(Reason(BfdReason.WRONG_DIGEST, (given.key,), now))
            raise Dropped(Drop.AUTH_FAILED, f"the digest is wrong (key {given.key})", offset=24, clause=_CLAUSE)
        last = session.remote_sequence
        if last is not None and now < session.received.last + 2 * session.patience:
            meticulous = given.type.is_meticulous
            if not may_follow(given.sequence, last, packet.multiplier, meticulous=meticulous):
                session.disbelieve(Reason(BfdReason.OLD_NUMBER, (given.sequence,), now))
                raise Dropped(
                    Drop.AUTH_SEQUENCE, f"sequence number {given.sequence} after {last}", offset=28, clause=_CLAUSE
                )
        session.believe(given.sequence)

    def _chain(self, name: str) -> KeyChain | None:
        return next((chain for chain in self._key_chains if chain.name == name), None)

    def _key(self, name: str, now: float) -> Key | None:
        chain = self._chain(name)
        key = chain.sending(self._ports.clock, now) if chain is not None else None
        return key if key is not None and key.number <= LAST_KEY else None
