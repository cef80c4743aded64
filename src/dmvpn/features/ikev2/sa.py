"""One IKE SA: its keys, its messages in both directions, and the exchanges that run on it. RFC 7296 §1 and §2.

    datagram --> handle --> a request of the peer   --> answers.py (IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL)
                        \\-> an answer to a request --> the exchange that asked (exchanges/)
    time     --> upkeep.py: repetitions, dead peer detection, rekeys, lifetimes

What it wants done collects as acts (`acts.py`), which `handle`, `begin` and `upkeep.tick` return.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.acts import Act, ChildEnded, ChildMade, Ended, Moved, Transmit, Trouble
from dmvpn.features.ikev2.children import LINGER, REKEY_MARGIN, Children, ChildSa
from dmvpn.features.ikev2.crypto.keys import IkeKeys, Nonces, ike_keys
from dmvpn.features.ikev2.crypto.prf import PRFS, Prf
from dmvpn.features.ikev2.nat import Nat
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sealed import Fragments, Illegible, check_seal, open_message, seal
from dmvpn.features.ikev2.spis import fresh_spi
from dmvpn.features.ikev2.window import INTERVALS, Incoming, Outgoing, mark_of
from dmvpn.features.ikev2.wire.message import NO_SPI, Chain, Header, Message, says_invalid_syntax
from dmvpn.features.ikev2.wire.numbers import ExchangeType, Flag, NotifyType
from dmvpn.features.ikev2.wire.payloads import EncryptedFragment, Notify, Payload

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.crypto.sealing import Opener, Sealer
    from dmvpn.features.ikev2.exchanges.exchange import Exchange
    from dmvpn.features.ikev2.exchanges.rekey import Rival
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.terms import Book, Path, Terms
    from dmvpn.features.ikev2.wire.payloads import Identification

#: UDP ports, RFC 7296 §2 and RFC 3948.
IKE_PORT: Final = 500
NAT_PORT: Final = 4500
#: Seconds in which a peer that asked for an IKE SA must prove itself.
HALF_OPEN: Final = 30.0
#: Seconds between two tries of a request that the peer could not serve just then (TEMPORARY_FAILURE).
RETRY: Final = 3.0
#: And of one that the peer refused: each costs both a key exchange, and what was refused will be refused again.
RETRY_REFUSED: Final = 30.0


class SaState(enum.Enum):
    """Where an IKE SA is in its life."""

    STARTING = "IKE_SA_INIT"
    PROVING = "IKE_AUTH"
    ESTABLISHED = "established"
    CLOSING = "closing"
    DEAD = "dead"


class Move(enum.Enum):
    """What can happen to an IKE SA."""

    AGREED = "the answer to IKE_SA_INIT is sent, or has come"
    PROVED = "both sides have proved who they are"
    SUCCEEDED = "it was made on the SA whose place it takes, which was proved"
    LEAVING = "we say Delete"
    ENDED = "it is over, by a Delete, a failure or silence"


#: Every legal move. A missing pair (KeyError) is our bug, never the peer's.
MOVES: Final[dict[tuple[SaState, Move], SaState]] = {
    (SaState.STARTING, Move.AGREED): SaState.PROVING,
    (SaState.STARTING, Move.SUCCEEDED): SaState.ESTABLISHED,
    (SaState.PROVING, Move.PROVED): SaState.ESTABLISHED,
    (SaState.PROVING, Move.LEAVING): SaState.CLOSING,
    (SaState.ESTABLISHED, Move.LEAVING): SaState.CLOSING,
    (SaState.CLOSING, Move.LEAVING): SaState.CLOSING,
    (SaState.STARTING, Move.ENDED): SaState.DEAD,
    (SaState.PROVING, Move.ENDED): SaState.DEAD,
    (SaState.ESTABLISHED, Move.ENDED): SaState.DEAD,
    (SaState.CLOSING, Move.ENDED): SaState.DEAD,
}


class IkeSa:
    """One IKE SA. is_initiator: we are the original initiator, which the flags of all messages show.

    number, connection: by which people and other features know it; who owns all IKE SAs gives them. ending: why it ends
    once the answer that is being made is sent. gives_up_at: another one has taken its place; it goes then even if the
    peer, whose turn it is, does not delete it.
    """

    __slots__ = (
        *("book", "entropy", "path", "is_initiator", "spi_i", "spi_r", "state", "begun", "since", "heard", "now"),
        *("terms", "suite", "nonces", "keys", "nat", "theirs", "init_request", "init_response", "peer_hashes"),
        *("peer_fragments", "children", "outgoing", "incoming", "rekey_at", "gives_up_at", "rival", "initial_contact"),
        *("ending", "later", "hint", "refused", "prefers_udp", "number", "connection", "proved_by", "chain", "doubted"),
        *("entry", "named"),
        *("_fragments", "_asked", "_acts", "_sealer", "_opener"),
    )

    def __init__(self, *, book: Book, entropy: Entropy, path: Path, is_initiator: bool, now: float) -> None:
        self.book, self.entropy, self.path, self.is_initiator = book, entropy, path, is_initiator
        self.spi_i = fresh_spi(entropy) if is_initiator else NO_SPI
        self.spi_r = NO_SPI if is_initiator else fresh_spi(entropy)
        self.state = SaState.STARTING
        self.begun = self.since = self.heard = now
        self.now = now
        self.terms: Terms | None = None
        self.suite: Suite | None = None
        self.nonces = Nonces(b"", b"")
        self.keys: IkeKeys | None = None
        self.nat = Nat()
        self.theirs: Identification | None = None
        self.init_request = self.init_response = b""
        self.peer_hashes: tuple[int, ...] = ()
        self.peer_fragments = False
        self.children = Children()
        self.outgoing: Outgoing[Exchange] = Outgoing()
        self.incoming = Incoming()
        self.rekey_at: float | None = None
        self.gives_up_at: float | None = None
        self.rival: Rival | None = None
        self.initial_contact = False
        self.ending: Reason | None = None
        self.later: list[tuple[float, Exchange]] = []
        self.hint: Reason | None = None
        self.refused = 0
        self.prefers_udp = False
        self.number = self.connection = 0
        self.proved_by = ""
        self.entry = ""  # of the keyring, by whose key the peer proved itself
        self.named = True  # and did that prove its name?
        self.chain: tuple[bytes, ...] = ()  # of the peer's certificate, in DER
        self.doubted = float("-inf")
        self._fragments: dict[bool, Fragments] = {}  # of the one request that is due, and of the one answer
        self._asked = b""  # the mark of the request that is being read
        self._acts: list[Act] = []
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None

    # ------------------------------------------------------------------------------------------------ who and what

    @property
    def spis(self) -> bytes:
        """SPIi | SPIr."""
        return self.spi_i + self.spi_r

    @property
    def own_spi(self) -> bytes:
        """By which the peer addresses us."""
        return self.spi_i if self.is_initiator else self.spi_r

    @property
    def who(self) -> tuple[int, bytes, str]:
        """Who the peer is: two that say one name with keys of different entries are two."""
        return *surely(self.theirs).key, self.entry

    @property
    def prf(self) -> Prf:
        """As negotiated in IKE_SA_INIT."""
        return PRFS[surely(self.suite).prf]

    @property
    def is_usable(self) -> bool:
        """New exchanges can begin on it."""
        return self.state is SaState.ESTABLISHED and self.gives_up_at is None

    @property
    def is_half_open(self) -> bool:
        """A peer has begun and not proved itself. (For our own attempts, repetition has an end.)"""
        return not self.is_initiator and self.state in (SaState.STARTING, SaState.PROVING)

    @property
    def by_choice_on_nat_port(self) -> bool:
        """Both of us like port 4500, and nothing on the way makes us use it."""
        return self.prefers_udp and not self.nat.found and self.path.local.port == NAT_PORT

    @property
    def uses_udp(self) -> bool:
        """ESP goes in UDP."""
        return self.nat.found or self.by_choice_on_nat_port

    def use(self, suite: Suite, seed: bytes, nonces: Nonces) -> None:
        """The keys follow from here: both sides have the same secret."""
        self.suite, self.nonces = suite, nonces
        keys = self.keys = ike_keys(PRFS[suite.prf], suite.cipher, seed, nonces, self.spis)
        self.book.key_log.ike(self, keys)
        ours, theirs = (keys.ei, keys.ai), (keys.er, keys.ar)
        if not self.is_initiator:
            ours, theirs = theirs, ours
        self._sealer = suite.cipher.sealer(*ours, self.entropy)
        self._opener = suite.cipher.opener(*theirs)

    def happened(self, move: Move) -> None:
        """Go where the table says."""
        self.state = MOVES[self.state, move]

    def established(self, move: Move = Move.PROVED) -> None:
        """Both sides are who they say."""
        self.happened(move)
        self.since = self.now
        self.rekey_at = self.rekey_time(surely(self.terms).lifetime)

    def forget_beginnings(self) -> None:
        """What only the first exchanges need goes: of the keys, only that stays from which others are made."""
        self.init_request = self.init_response = b""
        if self.keys is not None:
            self.keys = replace(self.keys, ai=b"", ar=b"", ei=b"", er=b"", pi=b"", pr=b"")

    # ------------------------------------------------------------------------------------------------ acts

    def act(self, act: Act) -> None:
        """Have something done."""
        self._acts.append(act)

    def trouble(self, what: Reason) -> None:
        """Something failed, and people should know."""
        self.hint = what
        self.act(Trouble(self, what))

    def end(self, reason: Reason) -> None:
        """It is over; nothing more is sent."""
        if self.state is not SaState.DEAD:
            self.happened(Move.ENDED)
            self.act(Ended(self, reason))
            for spi in (*self.children.active, *self.children.lingering):
                self.book.esp_spis.free(spi)
            self.keys = None
            self._sealer = self._opener = None

    def done(self) -> list[Act]:
        """What has collected."""
        acts, self._acts = self._acts, []
        return acts

    # ------------------------------------------------------------------------------------------------ requests of ours

    @property
    def asking(self) -> tuple[Exchange, ...]:
        """What we ask, want to ask, and will ask again later."""
        current = (self.outgoing.current,) if self.outgoing.current is not None else ()
        return *current, *self.outgoing.waiting, *(exchange for _, exchange in self.later)

    def begin(self, exchange: Exchange, now: float, *, urgent: bool = False) -> list[Act]:
        """Ask the peer something, when it is its turn."""
        self.now = now
        self.queue(exchange, urgent=urgent)
        return self.done()

    def queue(self, exchange: Exchange, *, urgent: bool = False) -> None:
        """The same from within: the acts come with those of the event that is being handled."""
        if self.state is not SaState.DEAD and self.outgoing.add(exchange, urgent=urgent):
            self.pump()

    def pump(self) -> None:
        """Send the next request, if none is on its way."""
        while self.state is not SaState.DEAD and (exchange := self.outgoing.take()) is not None:
            payloads = exchange.request()
            if payloads is None:  # what it was about is gone
                self.outgoing.current = None
                continue
            self.send_request(exchange.KIND, payloads)

    def send_request(self, kind: ExchangeType, payloads: tuple[Payload, ...]) -> None:
        """The current request, or the current request in another form."""
        header = self._header(kind, self.outgoing.next_id)
        if kind == ExchangeType.IKE_SA_INIT:
            self.init_request = Message(payloads, header=header).serialize()
            datagrams: tuple[bytes, ...] = (self.init_request,)
        else:
            datagrams = self._seal(header, payloads)
        current = self.outgoing.current
        self.outgoing.sent(datagrams, self.now, current.intervals if current is not None else INTERVALS)
        self.act(Transmit(self, self.path, datagrams))

    def _header(self, kind: int, message_id: int, *, response: bool = False) -> Header:
        flags = Flag.INITIATOR if self.is_initiator else Flag(0)
        if response:
            flags |= Flag.RESPONSE
        return Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=kind, flags=flags, message_id=message_id)

    def _seal(self, header: Header, payloads: tuple[Payload, ...]) -> tuple[bytes, ...]:
        limit = self.terms.fragment if self.terms and self.peer_fragments else None
        return seal(header, payloads, surely(self._sealer), limit)

    # ------------------------------------------------------------------------------------------------ what arrives

    def handle(self, message: Message, octets: bytes, path: Path, now: float) -> list[Act]:
        """A message whose SPIs are ours. Never raises for what a peer may send."""
        self.now = now
        header = message.header
        if header.from_initiator is not self.is_initiator and self.state is not SaState.DEAD:
            try:
                if header.is_response:
                    self._hear_answer(message, octets, path)
                else:
                    self._hear_request(message, octets, path)
            except Illegible as error:
                self._illegible(header, error, path)
            except WireError:
                self.refused += 1
            self.pump()
        return self.done()

    def _hear_answer(self, message: Message, octets: bytes, path: Path) -> None:
        header = message.header
        exchange = self.outgoing.current
        if exchange is None or not self.outgoing.is_answer(header.message_id) or header.exchange != exchange.KIND:
            return
        if header.exchange == ExchangeType.IKE_SA_INIT:
            exchange.answered(message, octets)
            return
        inside = self._open(message, octets)
        if inside is None:
            return
        self._heard(path)
        self.outgoing.answered()
        if header.exchange != ExchangeType.IKE_AUTH and says_invalid_syntax(inside.payloads):
            self.trouble(Reason(IkeReason.SYNTAX_REFUSED, (exchange.KIND.name,)))  # and has let go of it, §2.21.3
            self.end(surely(self.hint))
            return
        exchange.answered(inside, octets)

    def _hear_request(self, message: Message, octets: bytes, path: Path) -> None:
        from dmvpn.features.ikev2.answers import answer

        header = message.header
        if self._opener is None or (self.is_initiator and self.state is SaState.PROVING):
            return  # a responder whose proof we have not seen yet; an honest one repeats what it wants
        if not self.incoming.is_new(header.message_id):
            if self.incoming.is_last(header.message_id):
                self._hear_again(message, octets, path)
            return
        inside = self._open(message, octets)
        if inside is None:
            return
        self._heard(path)
        payloads = answer(self, header.exchange, inside)
        self._reply(header, payloads, path)
        if says_invalid_syntax(payloads):
            self.ending = Reason(IkeReason.FORBIDDEN)
        if self.ending:
            self._succeeded_by_rival()
            self.end(self.ending)

    def _hear_again(self, message: Message, octets: bytes, path: Path) -> None:
        """The last request once more: the same octets, or sealed by the peer again. Raises WireError.

        The answer goes where the SA is: whoever holds somebody's request must not choose where our answers go.
        """
        fragment = message.find(EncryptedFragment)
        if fragment is not None and fragment.number != 1:  # RFC 7383 §2.6.2
            return
        if not self.incoming.is_repetition(octets):
            check_seal(message, octets, surely(self._opener))
        again = self.incoming.again(self.now)
        if not again:
            return
        if message.header.exchange == ExchangeType.IKE_AUTH:
            self._follow(path)
        self.act(Transmit(self, self.path, again))

    def _succeeded_by_rival(self) -> None:
        """Both ends were replacing this SA, and the peer knows already that its own new one stays."""
        from dmvpn.features.ikev2.exchanges.rekey import hand_over

        if self.rival is not None:
            hand_over(self, self.rival.successor)
            self.rival = None

    def _reply(self, header: Header, payloads: tuple[Payload, ...], path: Path) -> None:
        """To where the request came from (§2.11), which may be elsewhere for once."""
        datagrams = self._seal(self._header(header.exchange, header.message_id, response=True), payloads)
        self.incoming.answered(self._asked, datagrams)
        self.act(Transmit(self, path, datagrams))

    def _open(self, message: Message, octets: bytes) -> Chain | None:
        """What is inside; None: fragments lack. Raises WireError."""
        is_answer = message.header.is_response
        if self._opener is None:
            raise WireError("an encrypted message before there are keys", offset=0, clause="RFC 7296 §1.2")
        if message.find(EncryptedFragment) is None:
            self._asked = b"" if is_answer else mark_of(octets)
            inside: Chain | None = open_message(message, octets, self._opener)
        else:
            fragments = self._fragments.setdefault(is_answer, Fragments())
            try:
                inside = fragments.add(message, octets, self._opener)
            finally:
                self._asked = b"" if is_answer else fragments.mark
        if inside is not None:  # nobody waits for the rest of an earlier message
            self._fragments.pop(is_answer, None)
        return inside

    def _follow(self, path: Path) -> None:
        """The peer repeats IKE_AUTH by port 500: what we answered by port 4500, where it began, does not reach it.

        Nobody else gains by showing us its datagram once more: ESP goes without UDP then, which it may at any time.
        """
        if (
            self.by_choice_on_nat_port
            and path.local.port == IKE_PORT
            and path.remote.address == self.path.remote.address
        ):
            self.move(path)

    def _illegible(self, header: Header, error: Illegible, path: Path) -> None:
        """The peer itself sent what nobody can read: a request is answered so, and that is the end (§2.21.3)."""
        self.trouble(Reason(IkeReason.ILLEGIBLE, (error,)))
        if header.is_response:
            return
        if error.critical is not None:
            notify = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((error.critical,)))
            self._reply(header, (notify,), path)
            return
        self._reply(header, (Notify(NotifyType.INVALID_SYNTAX),), path)
        self.end(Reason(IkeReason.NOT_READ))

    def _heard(self, path: Path) -> None:
        """The peer has proved that it lives, and where.

        RFC 7296 §2.23: who is behind a NAT may move. Nobody else does, for whoever holds a datagram back can send it
        from a place of its own; but the peer may change from one port of IKE to the other.
        """
        self.heard = self.now
        same_host = (path.local.address, path.remote.address) == (self.path.local.address, self.path.remote.address)
        if path != self.path and (self.nat.remote or (same_host and path.remote.port in (IKE_PORT, NAT_PORT))):
            self.move(path)

    def move(self, path: Path) -> None:
        """The peer is there from now on."""
        old, self.path = self.path, path
        if self.state is SaState.ESTABLISHED:
            self.act(Moved(self, old))

    # ------------------------------------------------------------------------------------------------ children

    def add_child(self, child: ChildSa, replaces: bytes | None = None) -> None:
        """A child SA is there."""
        self.children.active[child.spi_in] = child
        self.book.esp_spis.take(child.spi_in)
        self.act(ChildMade(self, child, replaces))

    def remove_child(self, child: ChildSa, reason: Reason) -> None:
        """A child SA goes; what is on its way to us may still come for a moment."""
        if self.children.active.pop(child.spi_in, None) is None:
            return
        self.children.rekeying.discard(child.spi_in)
        self.children.lingering[child.spi_in] = self.now + LINGER
        self.act(ChildEnded(self, child, reason))

    def rekey_time(self, seconds: float) -> float:
        """When an SA with this lifetime is to be replaced: both ends seldom choose the same moment."""
        return self.now + seconds * (1 - REKEY_MARGIN * (1 + fraction(self.entropy)))
