"""One IKE SA: its keys, its messages in both directions, and the exchanges that run on it. RFC 7296 §1 and §2.

    datagram --> handle --> a request of the peer   --> answers.py (IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL)
                        \\-> an answer to a request --> the exchange that asked (exchanges/)
    time     --> tick   --> repetitions, dead peer detection, rekeys, lifetimes

What it wants done collects as acts (`acts.py`), which `handle` and `tick` return.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError, surely
from dmvpn.features.ikev2.acts import (
    Act,
    ChildEnded,
    ChildForgotten,
    ChildMade,
    Ended,
    Moved,
    Transmit,
    Trouble,
)
from dmvpn.features.ikev2.children import LINGER, REKEY_MARGIN, Children, ChildSa
from dmvpn.features.ikev2.crypto.keys import IkeKeys, Nonces, ike_keys
from dmvpn.features.ikev2.crypto.prf import PRFS, Prf
from dmvpn.features.ikev2.sealed import Fragments, Illegible, open_message, seal
from dmvpn.features.ikev2.window import Incoming, Outgoing
from dmvpn.features.ikev2.wire.message import NO_SPI, Chain, Header, Message
from dmvpn.features.ikev2.wire.numbers import ExchangeType, Flag, NotifyType
from dmvpn.features.ikev2.wire.payloads import EncryptedFragment, Notify, Payload

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.crypto.sealing import Opener, Sealer
    from dmvpn.features.ikev2.exchanges.exchange import Exchange
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


class SaState(enum.Enum):
    """Where an IKE SA is in its life."""

    STARTING = "IKE_SA_INIT"
    PROVING = "IKE_AUTH"
    ESTABLISHED = "established"
    CLOSING = "closing"
    DEAD = "dead"


@dataclass(slots=True)
class Nat:
    """What NAT detection found, RFC 7296 §2.23. supported: the peer said something about it at all."""

    local: bool = False
    remote: bool = False
    supported: bool = False

    @property
    def found(self) -> bool:
        """Somebody translates addresses between us."""
        return self.local or self.remote


@dataclass(frozen=True, slots=True)
class Rival:
    """The IKE SA that the peer made to replace ours while we made one, too. lowest: of both nonces (§2.8.1)."""

    successor: IkeSa
    lowest: bytes


class IkeSa:
    """One IKE SA. is_initiator: we are the original initiator, which the flags of all messages show."""

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
        self.initial_contact = self.refused_at_auth = self.closed_by_peer = False
        self.later: list[tuple[float, Exchange]] = []
        self.hint = ""
        self.refused = 0
        self._fragments: dict[int, Fragments] = {}
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
    def prf(self) -> Prf:
        """As negotiated in IKE_SA_INIT."""
        return PRFS[surely(self.suite).prf]

    @property
    def is_usable(self) -> bool:
        """New exchanges can begin on it."""
        return self.state is SaState.ESTABLISHED

    def use(self, suite: Suite, seed: bytes, nonces: Nonces) -> None:
        """The keys follow from here: both sides have the same secret."""
        self.suite, self.nonces = suite, nonces
        keys = self.keys = ike_keys(PRFS[suite.prf], suite.cipher, seed, nonces, self.spis)
        ours, theirs = (keys.ei, keys.ai), (keys.er, keys.ar)
        if not self.is_initiator:
            ours, theirs = theirs, ours
        self._sealer = suite.cipher.sealer(*ours, self.entropy)
        self._opener = suite.cipher.opener(*theirs)

    def established(self) -> None:
        """Both sides are who they say."""
        self.state, self.since = SaState.ESTABLISHED, self.now
        early = REKEY_MARGIN * (1 + fraction(self.entropy))
        self.rekey_at = self.now + surely(self.terms).lifetime * (1 - early)

    # ------------------------------------------------------------------------------------------------ acts

    def act(self, act: Act) -> None:
        """Have something done."""
        self._acts.append(act)

    def trouble(self, what: str) -> None:
        """Something failed, and people should know."""
        self.hint = what
        self.act(Trouble(self, what))

    def end(self, reason: str) -> None:
        """It is over; nothing more is sent."""
        if self.state is not SaState.DEAD:
            self.state = SaState.DEAD
            self.act(Ended(self, reason))
            self.keys = None
            self._sealer = self._opener = None

    def _done(self) -> list[Act]:
        acts, self._acts = self._acts, []
        return acts

    # ------------------------------------------------------------------------------------------------ requests of ours

    def begin(self, exchange: Exchange, now: float, *, urgent: bool = False) -> list[Act]:
        """Ask the peer something, when it is its turn."""
        self.now = now
        self.queue(exchange, urgent=urgent)
        return self._done()

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
        self.outgoing.sent(datagrams, self.now)
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
                self._illegible(header, error)
            except WireError:
                self.refused += 1
            self.pump()
        return self._done()

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
        exchange.answered(inside, octets)

    def _hear_request(self, message: Message, octets: bytes, path: Path) -> None:
        from dmvpn.features.ikev2.answers import answer

        header = message.header
        if self._opener is None:
            return
        if not self.incoming.is_new(header.message_id):
            again = self.incoming.repeated(header.message_id)
            fragment = message.find(EncryptedFragment)
            if again and (fragment is None or fragment.number == 1):
                self.act(Transmit(self, path, again))
            return
        inside = self._open(message, octets)
        if inside is None:
            return
        self._heard(path)
        self._reply(header, answer(self, header.exchange, inside))
        if self.refused_at_auth:
            self.end(self.hint)
        elif self.closed_by_peer:
            self._succeeded_by_rival()
            self.end("the peer has deleted it")

    def _succeeded_by_rival(self) -> None:
        """Both ends were replacing this SA, and the peer knows already that its own new one stays."""
        from dmvpn.features.ikev2.exchanges.rekey import hand_over

        if self.rival is not None:
            hand_over(self, self.rival.successor)
            self.rival = None

    def _reply(self, header: Header, payloads: tuple[Payload, ...]) -> None:
        datagrams = self._seal(self._header(header.exchange, header.message_id, response=True), payloads)
        self.incoming.answered(datagrams)
        self.act(Transmit(self, self.path, datagrams))

    def _open(self, message: Message, octets: bytes) -> Chain | None:
        """What is inside; None: fragments lack. Raises WireError."""
        if self._opener is None:
            raise WireError("an encrypted message before there are keys", offset=0, clause="RFC 7296 §1.2")
        if message.find(EncryptedFragment) is None:
            inside: Chain | None = open_message(message, octets, self._opener)
        else:
            key = message.header.message_id << 1 | message.header.is_response
            fragments = self._fragments.setdefault(key, Fragments())
            inside = fragments.add(message, octets, self._opener)
            if inside is not None:
                del self._fragments[key]
        return inside

    def _illegible(self, header: Header, error: Illegible) -> None:
        """The peer itself sent what nobody can read: a request is answered so, and that is the end (§2.21.3)."""
        self.trouble(f"the peer sent what cannot be read: {error}")
        if header.is_response:
            return
        if error.critical is not None:
            notify = Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((error.critical,)))
            self._reply(header, (notify,))
            return
        self._reply(header, (Notify(NotifyType.INVALID_SYNTAX),))
        self.end("the peer sent what cannot be read")

    def _heard(self, path: Path) -> None:
        """The peer has proved that it lives, and where. RFC 7296 §2.23: who is behind a NAT may move."""
        self.heard = self.now
        if path != self.path and (self.nat.remote or self.path.remote.port != path.remote.port):
            old, self.path = self.path, path
            if self.state is SaState.ESTABLISHED:
                self.act(Moved(self, old))

    # ------------------------------------------------------------------------------------------------ children

    def add_child(self, child: ChildSa, replaces: bytes | None = None) -> None:
        """A child SA is there."""
        self.children.active[child.spi_in] = child
        self.act(ChildMade(self, child, replaces))

    def remove_child(self, child: ChildSa, reason: str) -> None:
        """A child SA goes; what is on its way to us may still come for a moment."""
        if self.children.active.pop(child.spi_in, None) is None:
            return
        self.children.rekeying.discard(child.spi_in)
        self.children.lingering[child.spi_in] = self.now + LINGER
        self.act(ChildEnded(self, child, reason))

    def rekey_time(self, seconds: float) -> float:
        """When a child SA with this lifetime is to be replaced: both ends seldom choose the same moment."""
        return self.now + seconds * (1 - REKEY_MARGIN * (1 + fraction(self.entropy)))

    # ------------------------------------------------------------------------------------------------ time

    def next_deadline(self) -> float | None:
        """When `tick` is to be called."""
        if self.state is SaState.DEAD:
            return None
        times = [
            self.gives_up_at,
            self.outgoing.deadline,
            *self.children.lingering.values(),
            *(when for when, _ in self.later),
        ]
        if self.state is SaState.ESTABLISHED:
            times += [child.rekey_at for child in self.children if child.spi_in not in self.children.rekeying]
            times += [child.expires for child in self.children]
            times += [self.rekey_at, self.since + self._lifetime, self._probe_at]
        elif self._is_half_open:
            times.append(self.since + HALF_OPEN)
        return min((when for when in times if when is not None), default=None)

    @property
    def _is_half_open(self) -> bool:
        """A peer has begun and not proved itself. (For our own attempts, repetition has an end.)"""
        return not self.is_initiator and self.state in (SaState.STARTING, SaState.PROVING)

    @property
    def _lifetime(self) -> float:
        return self.terms.lifetime if self.terms else HALF_OPEN

    @property
    def _probe_at(self) -> float | None:
        """When silence becomes suspicious; a request on its way is a probe by itself."""
        if not self.terms or not self.terms.dpd or self.outgoing.current is not None:
            return None
        return self.heard + self.terms.dpd

    def tick(self, now: float) -> list[Act]:
        """Time has passed."""
        self.now = now
        if self.state is SaState.DEAD:
            return self._done()
        again = self.outgoing.repeat(now)
        if again is None:
            surely(self.outgoing.current).unanswered()
        elif again:
            self.act(Transmit(self, self.path, again))
        self._forget(now)
        if self.gives_up_at is not None and now >= self.gives_up_at:
            self.end("the peer has another one")
        elif self.state is SaState.ESTABLISHED:
            self._maintain(now)
        elif self._is_half_open and now >= self.since + HALF_OPEN:
            self.end("the peer did not prove itself in time")
        self.pump()
        return self._done()

    def _forget(self, now: float) -> None:
        for spi, when in tuple(self.children.lingering.items()):
            if now >= when:
                del self.children.lingering[spi]
                self.act(ChildForgotten(self, spi))
        due, self.later = [e for when, e in self.later if now >= when], [e for e in self.later if now < e[0]]
        for exchange in due:
            self.queue(exchange)

    def _maintain(self, now: float) -> None:
        from dmvpn.features.ikev2.exchanges.child import RekeyChild
        from dmvpn.features.ikev2.exchanges.informational import DeleteChild, DeleteIke, Probe
        from dmvpn.features.ikev2.exchanges.rekey import RekeyIke

        for child in self.children:
            if now >= child.expires:
                self.queue(DeleteChild(self, child, "its lifetime is over"))
            elif now >= child.rekey_at and child.spi_in not in self.children.rekeying:
                self.children.rekeying.add(child.spi_in)
                self.queue(RekeyChild(self, child))
        if now >= self.since + self._lifetime:
            self.queue(DeleteIke(self, "its lifetime is over"), urgent=True)
        elif self.rekey_at is not None and now >= self.rekey_at:
            self.rekey_at = None
            self.queue(RekeyIke(self))
        probe_at = self._probe_at
        if probe_at is not None and now >= probe_at:
            self.queue(Probe(self))


def fresh_spi(entropy: Entropy) -> bytes:
    """8 octets that are not all zero (RFC 7296 §3.1)."""
    while (spi := entropy.octets(8)) == NO_SPI:
        pass
    return spi


def fresh_esp_spi(entropy: Entropy) -> bytes:
    """4 octets; 0 to 255 are reserved (RFC 4303 §2.1)."""
    while int.from_bytes(spi := entropy.octets(4), "big") <= 255:
        pass
    return spi
