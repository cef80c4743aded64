"""One IKE SA: where it is in its life, and what it wants done. RFC 7296 §1 and §2.

    datagram --> events.py: a request of the peer is answered, an answer goes to the exchange that asked
    time     --> sas.py: repetitions, dead peer detection, rekeys, lifetimes

Both, and the exchanges (`Exchange`), change an IKE SA only by its methods. Its parts (`Children`, `Outgoing` ...) write
their own state.

What both sides agree on: the states of an IKE SA, its algorithms, keys and messages. RFC 7296 §1.2 to §1.4, §2.8,
§2.14 and §2.17. `IkeSa` moves it from state to state as the table says; no other file changes it.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.errors import surely
from dmvpn.base.protection import IkePhase, IkeVersion
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import NO_SPI, Payload
from dmvpn.features.ike.crypto import PRFS, PrfAlgorithm
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.session import Begun, Ended, Established, Evidence, Moved, Output, Replaced, Session, Transmit
from dmvpn.features.ike.udp import INTERVALS, Nat, mark_of
from dmvpn.features.ike.v2 import channel
from dmvpn.features.ike.v2.numbers import ExchangeType
from dmvpn.features.ike.v2.packet import FROM_INITIATOR, RESPONSE, Chain, Header, Message

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.identity import Identification
    from dmvpn.features.ike.peer_settings import DatagramPath, PeerSettings, Terms
    from dmvpn.features.ike.suites import Suite


# ------------------------------------------------------------------------------------------------ states of an IKE SA


#: Child SAs of one IKE SA; a peer that wants more of them gets NO_ADDITIONAL_SAS.
MOST_CHILDREN: Final = 16


class SaState(enum.Enum):
    """Where an IKE SA is in its life."""

    STARTING = "IKE_SA_INIT"
    PROVING = "IKE_AUTH"
    ESTABLISHED = "established"
    CLOSING = "closing"
    DEAD = "dead"


class SaMove(enum.Enum):
    """What can happen to an IKE SA."""

    AGREED = "the answer to IKE_SA_INIT is sent, or has come"
    PROVED = "both sides have proved who they are"
    SUCCEEDED = "it was made on the SA whose place it takes, which was proved"
    LEAVING = "we say Delete"
    ENDED = "it is over, by a Delete, a failure or silence"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: Final[dict[tuple[SaState, SaMove], SaState]] = {
    (SaState.STARTING, SaMove.AGREED): SaState.PROVING,
    (SaState.STARTING, SaMove.SUCCEEDED): SaState.ESTABLISHED,
    (SaState.PROVING, SaMove.PROVED): SaState.ESTABLISHED,
    (SaState.PROVING, SaMove.LEAVING): SaState.CLOSING,
    (SaState.ESTABLISHED, SaMove.LEAVING): SaState.CLOSING,
    (SaState.CLOSING, SaMove.LEAVING): SaState.CLOSING,
    (SaState.STARTING, SaMove.ENDED): SaState.DEAD,
    (SaState.PROVING, SaMove.ENDED): SaState.DEAD,
    (SaState.ESTABLISHED, SaMove.ENDED): SaState.DEAD,
    (SaState.CLOSING, SaMove.ENDED): SaState.DEAD,
}


# ------------------------------------------------------------------------------------------------ one IKE SA


class Abilities(Value):
    """What the peer says in IKE_SA_INIT of its further abilities.

    hashes: for signatures (RFC 7427 §4).
    fragments: RFC 7383 §2.3.
    prefers_udp: port 4500 without address translation.
    mixes_secret: it offers to mix a postquantum preshared key into the keys (RFC 8784).
    """

    hashes: tuple[int, ...] = ()
    fragments: bool = False
    prefers_udp: bool = False
    mixes_secret: bool = False


_PHASES: Final = {
    SaState.STARTING: IkePhase.INIT,
    SaState.PROVING: IkePhase.INIT,
    SaState.ESTABLISHED: IkePhase.READY,
    SaState.CLOSING: IkePhase.DELETED,
    SaState.DEAD: IkePhase.DELETED,
}


class Rival(Value):
    """The IKE SA that the peer made to replace ours while we made one, too; and the lowest of both nonces (§2.8.1)."""

    successor: IkeSa
    lowest: bytes


class IkeSa(Session):
    """One IKE SA, with the parameters agreed on it.

    init_request, init_response: the octets that both sides prove.
    prf: the function that was negotiated in IKE_SA_INIT.
    gives_up_at: another one has taken its place; it goes then even if the peer, whose turn it is, does not delete it.
    """

    version = IkeVersion.V2
    round_trips = 1
    prf: PrfAlgorithm

    __slots__ = (
        *("abilities", "channel", "init_request", "init_response", "keys", "prf"),
        *("gives_up_at", "incoming", "outgoing", "rival", "state"),
    )

    def __init__(
        self,
        *,
        settings: PeerSettings,
        entropy: Entropy,
        path: DatagramPath,
        is_initiator: bool,
        now: float,
        terms: Terms | None = None,
        peer_spi: bytes = NO_SPI,
    ) -> None:
        super().__init__(settings, entropy, path, is_initiator=is_initiator, now=now, terms=terms, peer_spi=peer_spi)
        self.keys: channel.IkeKeys | None = None
        self.channel: channel.Channel | None = None
        self.abilities = Abilities()
        self.init_request = self.init_response = b""
        self.state = SaState.STARTING
        self.outgoing: channel.Outgoing[Exchange] = channel.Outgoing()
        self.incoming = channel.Incoming()
        self.gives_up_at: float | None = None
        self.rival: Rival | None = None

    # ------------------------------------------------------------------------------------------------ who and what

    @property
    def fragments(self) -> bool:
        """Whether both sides take messages in fragments."""
        return self.abilities.fragments and self.terms is not None and self.terms.fragment is not None

    @property
    def is_usable(self) -> bool:
        """Whether new exchanges can begin on it."""
        return self.state is SaState.ESTABLISHED and self.gives_up_at is None

    @property
    def phase(self) -> IkePhase:
        """Where it is in its life, for shows."""
        return _PHASES[self.state]

    @property
    def is_dead(self) -> bool:
        """Whether it is over, and nothing more is sent."""
        return self.state is SaState.DEAD

    @property
    def is_unanswered(self) -> bool:
        """Whether the peer has not answered IKE_SA_INIT yet."""
        return self.state is SaState.STARTING

    @property
    def is_asking(self) -> bool:
        """Whether a request of ours is on its way."""
        return self.outgoing.current is not None

    @property
    def message_ids(self) -> tuple[int, int]:
        """The numbers of our next request and of the peer's, for shows."""
        return self.outgoing.next_id, self.incoming.expected

    @property
    def is_half_open(self) -> bool:
        """Whether a peer has begun and not proved itself. (Our own attempts end with their repetitions.)"""
        return not self.is_initiator and self.state in (SaState.STARTING, SaState.PROVING)

    @property
    def proofs(self) -> int:
        """How many datagrams were proved to be the peer's."""
        return self.channel.opened if self.channel is not None else 0

    # ------------------------------------------------------------------------------------------------ its life

    def _happened(self, move: SaMove) -> None:
        """Move as the table says."""
        self.state = MOVES[self.state, move]

    def heard_first(self, spi: bytes, response: bytes) -> None:
        """Note the SPI that the responder has chosen, and its message."""
        self.spi_r, self.init_response = spi, response

    def use(self, suite: Suite, seed: bytes, nonces: Nonces) -> None:
        """Agree on this suite: the keys follow from the seed."""
        self.suite, self.nonces, self.prf = suite, nonces, PRFS[suite.prf]
        cipher = suite.cipher
        keys = self.keys = channel.ike_keys(self.prf, cipher, seed, nonces, self.spis)
        if self.settings.key_log.wanted:
            line = channel.ike_line((self.spi_i, self.spi_r), keys, (suite.encr, suite.key_bits), suite.integ)
            self.settings.key_log.ike(channel.IKE_TABLE, line)
        ours, theirs = (keys.ei, keys.ai), (keys.er, keys.ar)
        if not self.is_initiator:
            ours, theirs = theirs, ours
        self.channel = channel.Channel(cipher.sealer(*ours, self.entropy), cipher.opener(*theirs))

    def forget_beginnings(self) -> None:
        """Forget what only the first exchanges need. Only the key from which further keys are made is kept."""
        self.init_request = self.init_response = b""
        if self.keys is not None:
            self.keys = channel.IkeKeys(d=self.keys.d)

    def agreed(self, suite: Suite, shared: bytes, nonces: Nonces, nat: Nat, abilities: Abilities) -> None:
        """Finish IKE_SA_INIT: the keys follow from `shared`, the Diffie-Hellman secret."""
        self.nat, self.abilities, self.prefers_udp = nat, abilities, abilities.prefers_udp
        self.use(suite, channel.first_seed(PRFS[suite.prf], nonces, shared), nonces)
        self._happened(SaMove.AGREED)

    def said_first(self, request: bytes, response: bytes) -> None:
        """Note the octets that began it; we are the responder."""
        self.init_request, self.init_response = request, response
        self.incoming.answered(mark_of(request), (response,))

    def proved(self, terms: Terms, theirs: Identification, evidence: Evidence, *, initial_contact: bool) -> None:
        """Finish IKE_AUTH: both sides are who they say, and perhaps the peer has no other SA with us."""
        self.terms, self.theirs, self.evidence = terms, theirs, evidence
        self.initial_contact = initial_contact
        self._established(SaMove.PROVED)
        self.emit(Established(self))

    def _established(self, move: SaMove) -> None:
        self._happened(move)
        self.since = self.now
        self.rekey_at = self.rekey_time(surely(self.terms).lifetime)

    def leave(self) -> None:
        """Send Delete: nothing else is asked any more."""
        self._happened(SaMove.LEAVING)
        self.outgoing.clear()

    def end(self, reason: Reason) -> None:
        """End: nothing more is sent."""
        if self.state is not SaState.DEAD:
            self._happened(SaMove.ENDED)
            self.emit(Ended(self, reason))
            for spi in (*self.children.active, *self.children.lingering):
                self.settings.esp_spis.free(spi)
            self.keys = self.channel = None
            self.outgoing.end()  # requests refer to their IKE SA, and would keep it in memory

    # ------------------------------------------------------------------------------------------------ its successor

    def rekeys(self) -> None:
        """Note that its replacement has begun."""
        self.rekey_at = None

    def successor(
        self, suite: Suite, nonces: Nonces, shared: bytes, spis: tuple[bytes, bytes], *, initiated: bool
    ) -> IkeSa:
        """Make the IKE SA that follows: with the same peer at the same place, everything else new. §2.18."""
        new = IkeSa(settings=self.settings, entropy=self.entropy, path=self.path, is_initiator=initiated, now=self.now)
        new.abilities, new.prefers_udp = self.abilities, self.prefers_udp
        new.succeeds(self, spis)
        new.use(suite, channel.rekeyed_seed(self.prf, surely(self.keys).d, nonces, shared), nonces)
        new._established(SaMove.SUCCEEDED)
        return new

    def hand_over(self, successor: IkeSa) -> None:
        """Give all children to the successor, and the requests that still wait."""
        successor.children, self.children = self.children, successor.children
        self.rekeys()
        for exchange in self.outgoing.hand_over(successor.outgoing, lambda exchange: exchange.IS_INHERITED):
            exchange.sa = successor
        self.emit(Replaced(self, successor))

    def crossed(self, successor: IkeSa, lowest: bytes) -> None:
        """Note that the peer replaces it while we do: which new one stays is known when ours is answered."""
        self.rival = Rival(successor, lowest)
        self.emit(Begun(successor))

    def take_rival(self) -> Rival | None:
        """Return the replacement that the peer made, once."""
        rival, self.rival = self.rival, None
        return rival

    def yield_to_rival(self) -> bool:
        """Let the peer's replacement stay, if both ends made one. Returns False if the peer made none."""
        if (rival := self.take_rival()) is not None:
            self.hand_over(rival.successor)
        return rival is not None

    def give_up(self, when: float) -> None:
        """Go at this time even if the peer, which must delete it, never heard of that."""
        self.gives_up_at = when

    # ------------------------------------------------------------------------------------------------ messages

    def sealed(
        self, kind: int, message_id: int, payloads: tuple[Payload, ...], *, response: bool = False
    ) -> tuple[bytes, ...]:
        """Return the datagrams of a message of ours."""
        limit = self.terms.fragment if self.terms and self.abilities.fragments else None
        header = self.header(kind, message_id, response=response)
        return channel.seal(header, payloads, surely(self.channel).sealer, limit)

    def header(self, kind: int, message_id: int, *, response: bool = False) -> Header:
        """Return the header of a message of ours."""
        flags = (FROM_INITIATOR if self.is_initiator else 0) | (RESPONSE if response else 0)
        return Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=kind, flags=flags, message_id=message_id)

    # ------------------------------------------------------------------------------------------------ requests of ours

    def begin(self, exchange: Exchange, now: float, *, urgent: bool = False) -> list[Output]:
        """Ask the peer something when it is its turn."""
        self.now = now
        self.queue(exchange, urgent=urgent)
        return self.take_outputs()

    def queue(self, exchange: Exchange, *, urgent: bool = False) -> None:
        """Do the same while an event is handled: the outputs come with those of the event."""
        if self.state is not SaState.DEAD and self.outgoing.add(exchange, urgent=urgent):
            self.pump()

    def pump(self) -> None:
        """Send the next request, if none is on its way."""
        while self.state is not SaState.DEAD and (exchange := self.outgoing.take()) is not None:
            payloads = exchange.request()
            if payloads is None:
                self.outgoing.skip()
            else:
                self.send_request(exchange.KIND, payloads)

    def send_request(self, kind: ExchangeType, payloads: tuple[Payload, ...]) -> None:
        """Send the current request, or the current request in another form."""
        if kind == ExchangeType.IKE_SA_INIT:
            self.init_request = Message(payloads, header=self.header(kind, self.outgoing.next_id)).serialize()
            datagrams: tuple[bytes, ...] = (self.init_request,)
        else:
            datagrams = self.sealed(kind, self.outgoing.next_id, payloads)
        current = self.outgoing.current
        self.outgoing.sent(datagrams, self.now, current.intervals if current is not None else INTERVALS)
        self.emit(Transmit(self, self.path, datagrams))

    # ------------------------------------------------------------------------------------------------ where the peer is

    def hears(self, path: DatagramPath) -> None:
        """Note that the peer has proved that it lives, and where."""
        self.lives(self.now)
        if self.may_follow(path):
            self.move(path)

    def move(self, path: DatagramPath) -> None:
        """Reach the peer there from now on."""
        old, self.path = self.path, path
        if self.state is SaState.ESTABLISHED:
            self.emit(Moved(self, old))


class Exchange(ABC):
    """One request of ours on one IKE SA. The successor of the IKE SA asks it, if it still waits and `IS_INHERITED`."""

    KIND: ClassVar[ExchangeType]
    IS_INHERITED: ClassVar[bool] = True
    #: Seconds after which it is repeated.
    intervals: tuple[float, ...] = INTERVALS

    def __init__(self, sa: IkeSa) -> None:
        self.sa = sa

    @abstractmethod
    def request(self) -> tuple[Payload, ...] | None:
        """Return the payloads of the request; None: it is not worth sending any more."""

    @abstractmethod
    def answered(self, answer: Chain, octets: bytes) -> None:
        """Take in the response, which came in this datagram and opened."""

    def unanswered(self) -> None:
        """End the IKE SA: all repetitions went unanswered, so the peer is dead (RFC 7296 §2.4)."""
        self.sa.end(self.sa.silence(self.KIND.name, self.sa.outgoing.tries))
