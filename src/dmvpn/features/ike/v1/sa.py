"""One ISAKMP SA: its state, its agreements with the peer, its messages. RFC 2408 §2.1, RFC 2409 §5.

    datagram --> events.py: to the exchange with its message ID, to a new quick mode, or to `informational`
    time     --> events.py: repetitions, dead peer detection, rekeys, lifetimes

An ISAKMP SA may end while its children live on (RFC 2408 §2.5.1 calls its SAs independent): then it is `HELD` until a
later one with the same peer adopts them, or the last of them ends.

Its outputs `Withdrawn`, `Unconfirmed` and `RekeyWanted` are orders to parallel SAs with the same peer: `IsakmpSas`
carries them out, and nothing above hears of them.
"""

from __future__ import annotations

import enum
from typing import ClassVar, Final

from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import surely
from dmvpn.base.protection import IkePhase, IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import NO_SPI, Payload, serialize_chain
from dmvpn.features.ike.children import ChildSa
from dmvpn.features.ike.crypto import PrfAlgorithm
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.identity import Identification
from dmvpn.features.ike.model import LARGEST_WHOLE
from dmvpn.features.ike.numbers import Prf, ProtocolId
from dmvpn.features.ike.peer_settings import ChildTerms, DatagramPath, PeerSettings, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Ended, Established, Evidence, Moved, Replaced, SaOutput, Session, Transmit
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.udp import PREFERS_UDP, Nat
from dmvpn.features.ike.v1.keys import IKE_TABLE, Channel, IkeKeys, hash_1, ike_line
from dmvpn.features.ike.v1.numbers import ExchangeType, Vendor
from dmvpn.features.ike.v1.offers import HASHES
from dmvpn.features.ike.v1.packet import (
    ENCRYPTION,
    Chain,
    Delete,
    Fragment,
    Hash,
    Header,
    Message,
    VendorId,
    parse_header,
)
from dmvpn.features.ike.v1.transmission import AROUND, Fragments, Running, cut

# ------------------------------------------------------------------------------------------------ states


class SaState(enum.Enum):
    """Where an ISAKMP SA is in its life, by IOS's names of the steps of main mode."""

    NO_STATE = "MM_NO_STATE"
    SA_SETUP = "MM_SA_SETUP"
    KEY_EXCH = "MM_KEY_EXCH"
    IDLE = "QM_IDLE"
    HELD = "held for its children"
    DEAD = "dead"


class SaMove(enum.Enum):
    """What can happen to an ISAKMP SA."""

    CHOSEN = "messages 1 and 2 have agreed on a transform"
    KEYED = "messages 3 and 4 have brought keys"
    PROVED = "both sides have proved who they are"
    PARTED = "it is over, and its children are not"
    ENDED = "it is over, and its children with it"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: Final[dict[tuple[SaState, SaMove], SaState]] = {
    (SaState.NO_STATE, SaMove.CHOSEN): SaState.SA_SETUP,
    (SaState.SA_SETUP, SaMove.KEYED): SaState.KEY_EXCH,
    (SaState.KEY_EXCH, SaMove.PROVED): SaState.IDLE,
    (SaState.IDLE, SaMove.PARTED): SaState.HELD,
    (SaState.NO_STATE, SaMove.ENDED): SaState.DEAD,
    (SaState.SA_SETUP, SaMove.ENDED): SaState.DEAD,
    (SaState.KEY_EXCH, SaMove.ENDED): SaState.DEAD,
    (SaState.IDLE, SaMove.ENDED): SaState.DEAD,
    (SaState.HELD, SaMove.ENDED): SaState.DEAD,
}
#: What shows say.
PHASES: Final = {
    SaState.NO_STATE: IkePhase.MM_NO_STATE,
    SaState.SA_SETUP: IkePhase.MM_SA_SETUP,
    SaState.KEY_EXCH: IkePhase.MM_KEY_EXCH,
    SaState.IDLE: IkePhase.QM_IDLE,
    SaState.HELD: IkePhase.MM_NO_STATE,
    SaState.DEAD: IkePhase.MM_NO_STATE,
}


# ------------------------------------------------------------------------------------------------ outputs


class Withdrawn(SaOutput, Value):
    """The peer has deleted SAs of this protocol. They may belong to another ISAKMP SA with the same peer."""

    protocol: int
    spis: tuple[bytes, ...]


class Unconfirmed(SaOutput, Value):
    """The peer has not confirmed a child, which another ISAKMP SA with the same peer has by now."""

    spi_in: bytes


class RekeyWanted(SaOutput, Value):
    """Another ISAKMP SA must take its place: a second main mode (RFC 2409 has no other way)."""


# ------------------------------------------------------------------------------------------------ the ISAKMP SA


#: Child SAs of one ISAKMP SA.
MOST_CHILDREN: Final = 16
#: Message IDs of quick modes that are remembered: the same one again would be a replay.
MOST_MESSAGE_IDS: Final = 2048
#: Exchanges of one ISAKMP SA that go on, or are kept to answer repetitions.
MOST_EXCHANGES: Final = 64
#: Refusals that are remembered: the same one again would end another quick mode.
_MOST_REFUSALS: Final = 64
#: Seconds for which an ISAKMP SA stays when a later one with the same peer has taken its place.
OVERLAP: Final = 10.0
#: Seconds until a child that could not be replaced is tried again.
RETRY: Final = 30.0


class Question(Value):
    """Dead peer detection, RFC 3706 §5.3: our R-U-THERE with this sequence number, sent so often.

    interval: seconds between two of them.
    """

    number: int
    due: float
    interval: float
    tries: int = 1


class Admission(Value):
    """Who may prove themselves although the router is full (`Session.who`), and why every other peer is refused."""

    who: tuple[tuple[int, bytes, str], ...]
    refusal: Reason


class IsakmpSa(Session):
    """One ISAKMP SA.

    lifetime: agreed on, seconds.
    largest: octets of a packet to a peer that takes fragments.
    exchanges: by message ID; main mode has 0. They stay for a while when they are over, to answer repetitions.
    retires_at: another one has taken its place; until then it still understands the peer.
    wanted: children to ask for when it is established.
    awaited_by: own cookie of a held ISAKMP SA whose children it is to adopt.
    admission: of a peer that begins while the router is full; None: it was not full.
    given_up: the peer answers nothing on it any more; its children live on if another one has the same peer.
    replaceable: children whose successor carries packets, by inbound SPI, and when they are deleted.
    """

    version: ClassVar = IkeVersion.V1
    round_trips: ClassVar = 4
    __slots__ = (
        *(
            "abilities",
            "admission",
            "awaited_by",
            "channel",
            "exchanges",
            "given_up",
            "_fragments",
            "keys",
            "largest",
            "lifetime",
        ),
        *("question", "replaceable", "retires_at", "state", "wanted", "_peers_number", "_question_number"),
        *("_refusals", "_used"),
    )

    def __init__(
        self,
        settings: PeerSettings,
        entropy: Entropy,
        path: DatagramPath,
        *,
        is_initiator: bool,
        now: float,
        terms: Terms | None = None,
        peer_spi: bytes = NO_SPI,
    ) -> None:
        super().__init__(settings, entropy, path, is_initiator=is_initiator, now=now, terms=terms, peer_spi=peer_spi)
        self.state = SaState.NO_STATE
        self.abilities: frozenset[Vendor] = frozenset()
        self.lifetime = 0.0
        self.largest = LARGEST_WHOLE
        self.keys: IkeKeys | None = None
        self.channel: Channel | None = None
        self.exchanges: dict[int, Running] = {}
        self._fragments = Fragments()
        self.retires_at: float | None = None
        self.wanted: tuple[ChildTerms, ...] = ()
        self.given_up: Reason | None = None
        self.awaited_by = NO_SPI
        self.admission: Admission | None = None
        self.replaceable: dict[bytes, float] = {}
        self.question: Question | None = None
        self._peers_number = -1
        self._question_number = int.from_bytes(entropy.octets(3), "big")
        self._used: dict[int, None] = {}
        self._refusals: dict[int, None] = {}

    # ------------------------------------------------------------------------------------------------ who and what

    @property
    def phase(self) -> IkePhase:
        """Where it is in its life, for shows."""
        return PHASES[self.state]

    @property
    def is_established(self) -> bool:
        """Whether both sides have proved who they are, and messages can be exchanged."""
        return self.state is SaState.IDLE

    @property
    def is_usable(self) -> bool:
        """Whether new exchanges can begin on it."""
        return self.is_established and self.retires_at is None

    @property
    def is_dead(self) -> bool:
        """Whether it is over, and its children with it."""
        return self.state is SaState.DEAD

    @property
    def is_unanswered(self) -> bool:
        """Whether the peer has not answered message 1 yet."""
        return self.is_initiator and self.state is SaState.NO_STATE

    @property
    def is_half_open(self) -> bool:
        """Whether a peer has begun and not proved itself. (Our own attempts end with their repetitions.)"""
        return not self.is_initiator and self.state in (SaState.NO_STATE, SaState.SA_SETUP, SaState.KEY_EXCH)

    @property
    def is_asking(self) -> bool:
        """Whether a message of ours waits for its answer."""
        return self.question is not None or any(exchange.retransmission.awaits for exchange in self.exchanges.values())

    @property
    def fragments(self) -> bool:
        """Whether the peer takes messages in fragments; we always do."""
        return Vendor.FRAGMENTATION in self.abilities

    @property
    def message_ids(self) -> tuple[int, int]:
        """Nothing: the message IDs of IKEv1 are drawn, and not counted."""
        return 0, 0

    @property
    def taken(self) -> int:
        """How many encrypted messages were proved to be the peer's."""
        return self.channel.taken if self.channel is not None else 0

    @property
    def prf(self) -> PrfAlgorithm:
        """HMAC of the negotiated hash."""
        return HASHES[Prf(surely(self.suite).prf)]

    # ------------------------------------------------------------------------------------------------ its life

    def _happened(self, move: SaMove) -> None:
        """Move as the table says."""
        self.state = MOVES[self.state, move]

    def chose(self, suite: Suite, lifetime: float, message: Chain, *, prefers_udp: bool) -> None:
        """Agree on a transform, and note what the peer can do besides. prefers_udp: we do."""
        vendors = [vendor.data for vendor in message.all(VendorId)]
        self.prefers_udp = prefers_udp and PREFERS_UDP in vendors
        self.suite = suite
        self.lifetime = lifetime
        self.learns(message)
        self._happened(SaMove.CHOSEN)

    def sends_whole(self, octets: int) -> None:
        """Send no larger packets to a peer that takes fragments."""
        self.largest = octets

    def learns(self, message: Chain) -> None:
        """Note what the peer says that it can do, in messages 1 to 4."""
        self.abilities |= message.vendors

    def found(self, nat: Nat) -> None:
        """Note what NAT detection found."""
        self.nat = nat

    def heard_first(self, cookie: bytes) -> None:
        """Note the responder's cookie."""
        self.spi_r = cookie

    def keyed(self, nonces: Nonces) -> None:
        """Note that both sides have made keys; which ones count is known when the peer proves itself."""
        self.nonces = nonces
        self._happened(SaMove.KEYED)

    def use(self, keys: IkeKeys, channel: Channel) -> None:
        """Use these keys."""
        self.keys, self.channel = keys, channel
        if self.settings.key_log.wanted:
            self.settings.key_log.ike(IKE_TABLE, ike_line(self.spi_i, keys))

    def proved(self, terms: Terms, theirs: Identification, evidence: Evidence, *, initial_contact: bool) -> None:
        """Finish main mode: both sides are who they say, and perhaps the peer has no other SA with us."""
        self.terms, self.theirs, self.evidence = terms, theirs, evidence
        self.initial_contact = initial_contact
        self._happened(SaMove.PROVED)
        self.since = self.now
        self.rekey_at = None if terms.child.responder_only else self.rekey_time(terms.lifetime)
        self.emit(Established(self))
        self.lives(self.now)

    @property
    def expires(self) -> float:
        """When it ends even without a successor, seconds monotonic."""
        return self.since + (self.terms.lifetime if self.terms else 0.0)

    def retire(self) -> None:
        """Let another one take its place, which has its children by now, or gets them at the end."""
        if self.state is SaState.IDLE:
            self.rekey_at, self.retires_at = None, self.now + OVERLAP

    def stays(self) -> None:
        """Take its place again, with the children that it still has: it is elsewhere, and so is its peer."""
        if self.retires_at is not None and self.children:
            self.retires_at, self.rekey_at = None, self.rekey_time(self.expires - self.now)

    def rekeys(self, again: float | None = None) -> None:
        """Note that a main mode for its successor has begun, or is tried again at this moment."""
        self.rekey_at = again

    def part(self, again: float | None) -> None:
        """End, and leave its children alive; a successor is tried at this moment, None: never."""
        if self.state is SaState.IDLE:
            self._happened(SaMove.PARTED)
            self._forget()
            self.rekey_at = None if self.terms and self.terms.child.responder_only else again

    def hand_over(self, successor: IsakmpSa) -> None:
        """Give all children to another ISAKMP SA with the same peer."""
        successor.children.adopt(self.children)
        for spi_in, when in self.replaceable.items():
            successor.replaces(spi_in, when)
        self.replaceable = {}
        self.emit(Replaced(self, successor))
        for child in tuple(successor.children)[:-MOST_CHILDREN]:
            successor.withdraw(child, Reason(IkeReason.TOO_MANY_CHILDREN, (len(successor.children),)))

    def end(self, reason: Reason) -> None:
        """End with all children: nothing more is sent."""
        if self.state is not SaState.DEAD:
            self._happened(SaMove.ENDED)
            self.emit(Ended(self, reason))
            for spi in (*self.children.active, *self.children.lingering):
                self.settings.esp_spis.free(spi)
            self._forget()

    def _forget(self) -> None:
        """Forget keys and exchanges; these refer to their SA, and would keep it in memory."""
        self.keys = self.channel = self.question = self.retires_at = None
        self.exchanges, self.wanted, self._used, self._refusals = {}, (), {}, {}
        self._fragments.clear()

    # ------------------------------------------------------------------------------------------------ exchanges

    def begins(self, exchange: Running) -> None:
        """Add an exchange."""
        self.exchanges[exchange.message_id] = exchange
        if exchange.message_id:
            self._used[exchange.message_id] = None
            while len(self._used) > MOST_MESSAGE_IDS:
                del self._used[next(iter(self._used))]

    def was_used(self, message_id: int) -> bool:
        """Return whether a quick mode had this message ID: the same message again would be a replay."""
        return message_id in self._used

    def heeds(self, message_id: int) -> bool:
        """Note a refusal of the peer. Returns whether it is new: a repeated one would end a later exchange."""
        if message_id in self._refusals:
            return False
        self._refusals[message_id] = None
        if len(self._refusals) > _MOST_REFUSALS:
            del self._refusals[next(iter(self._refusals))]
        return True

    def finished(self, message_id: int) -> None:
        """Forget an exchange, and its chain of IVs."""
        self.exchanges.pop(message_id, None)
        if self.channel is not None:
            self.channel.forget_chain(message_id)

    def fresh_message_id(self) -> int:
        """Return 4 octets as a number that no exchange has."""
        while not (drawn := int.from_bytes(self.entropy.octets(4), "big")) or drawn in self._used:
            pass
        return drawn

    def want(self, terms: ChildTerms) -> None:
        """Ask for a child when main mode is over."""
        self.wanted = (*self.wanted, terms)

    def take_wanted(self) -> tuple[ChildTerms, ...]:
        """Return the children to ask for, once."""
        wanted, self.wanted = self.wanted, ()
        return wanted

    def replaces(self, spi_in: bytes, when: float) -> None:
        """Delete a child at this moment: its successor carries packets by then."""
        self.children.begin_rekey(spi_in)
        self.replaceable[spi_in] = when

    def remove_child(self, child: ChildSa, reason: Reason) -> None:
        """Remove a child; packets on their way to us may still come for a moment."""
        self.replaceable.pop(child.spi_in, None)
        super().remove_child(child, reason)
        left = self.children.newest_like(child)
        if left is not None and self._is_replaced_in_vain(left):
            self.children.postpone(left.spi_in, max(left.rekey_at, self.now + RETRY))

    def _is_replaced_in_vain(self, child: ChildSa) -> bool:
        """Return whether a child counts as replaced although its successor is gone."""
        if child.spi_in not in self.children.rekeying or child.spi_in in self.replaceable:
            return False
        return not any(
            exchange.old == child.spi_in and exchange.retransmission.awaits for exchange in self.exchanges.values()
        )

    def admits(self, admission: Admission) -> None:
        """Take these peers alone."""
        self.admission = admission

    def will_adopt(self, held: bytes) -> None:
        """Note the own cookie of the held ISAKMP SA whose children it is to adopt."""
        self.awaited_by = held

    def gives_up(self, why: Reason) -> None:
        """Note that the peer answers nothing on it any more."""
        self.given_up = why

    def withdraw(self, child: ChildSa, reason: Reason) -> None:
        """Delete a child, and inform the peer if we still can."""
        self.inform(Delete(ProtocolId.ESP, (child.spi_in,)))
        self.remove_child(child, reason)

    def asks(self, seconds: float) -> Question:
        """Ask the peer once more whether it lives. Returns the question.

        seconds: until the next one.
        """
        if self.question is None:
            self._question_number += 1
            self.question = Question(self._question_number, self.now + seconds, seconds)
        else:
            self.question = Question(self.question.number, self.now + seconds, seconds, self.question.tries + 1)
        return self.question

    def rests(self) -> None:
        """Ask no more: the peer lives."""
        self.question = None

    def is_new_question(self, number: int) -> bool:
        """Note the peer's sequence number. Returns whether it asks for the first time: an old one may be a replay."""
        is_new = number > self._peers_number
        self._peers_number = max(number, self._peers_number)
        return is_new

    # ------------------------------------------------------------------------------------------------ messages

    @property
    def in_fragments(self) -> int:
        """Octets of a message of the peer that has not come as a whole."""
        return self._fragments.octets

    def join(self, fragment: Fragment) -> bytes | None:
        """Add a fragment of the peer. Returns the message if no part is missing any more. Raises WireError."""
        return self._fragments.add(fragment)

    def header(self, kind: ExchangeType, message_id: int, *, encrypted: bool) -> Header:
        """Return the header of a message of ours."""
        flags = ENCRYPTION if encrypted else 0
        return Header(cookie_i=self.spi_i, cookie_r=self.spi_r, exchange=kind, flags=flags, message_id=message_id)

    def plain(self, payloads: tuple[Payload, ...]) -> bytes:
        """Return a message of main mode in clear."""
        return Message(payloads, header=self.header(ExchangeType.MAIN, 0, encrypted=False)).serialize()

    def sealed(self, kind: ExchangeType, message_id: int, payloads: tuple[Payload, ...]) -> bytes:
        """Return an encrypted message."""
        return surely(self.channel).seal(self.header(kind, message_id, encrypted=True), payloads)

    def inform(self, *payloads: Payload, path: DatagramPath | None = None) -> None:
        """Send an informational message, which has no answer (RFC 2409 §5.7). path: if not where the SA is."""
        if self.keys is not None:
            self.transmit(self.information(self.keys, *payloads), path)

    def information(self, keys: IkeKeys, *payloads: Payload) -> bytes:
        """Return an informational message."""
        message_id = self.fresh_message_id()
        proof = Hash(hash_1(keys, message_id, serialize_chain(payloads)))
        datagram = self.sealed(ExchangeType.INFORMATIONAL, message_id, (proof, *payloads))
        surely(self.channel).forget_chain(message_id)
        return datagram

    def transmit(self, datagram: bytes, path: DatagramPath | None = None) -> None:
        """Send a datagram to the peer, in fragments if it is large and the peer takes them.

        path: if not where the SA is.
        """
        datagrams: tuple[bytes, ...] = (datagram,)
        if self.fragments and len(datagram) + AROUND > self.largest:
            datagrams = cut(parse_header(datagram)[0], datagram, self.largest)
        self.emit(Transmit(self, path or self.path, datagrams))

    # ------------------------------------------------------------------------------------------------ where the peer is

    def hears(self, path: DatagramPath) -> None:
        """Note that the peer has proved that it lives, and where: it may change its port, behind a NAT its address."""
        self.lives(self.now)
        self.rests()
        if self.may_follow(path):
            self.move(path)

    def move(self, path: DatagramPath) -> None:
        """Reach the peer there from now on."""
        old, self.path = self.path, path
        if self.state in (SaState.IDLE, SaState.HELD):
            self.emit(Moved(self, old))
