"""One IKE SA: where it is in its life, and what it wants done. RFC 7296 §1 and §2.

    datagram --> answers.py: a request of the peer is answered, an answer goes to the exchange that asked
    time     --> sas.py: repetitions, dead peer detection, rekeys, lifetimes

Both, and the exchanges (`Exchange`), change an IKE SA only by its methods. What it wants done collects as acts, which
the handler of an event takes at its end (`done`). Its parts (`Children`, `Outgoing` ...) write their own state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import dataclass
from dmvpn.features.ikev2.agreement import LINGER, MOVES, Agreement, Children, SaMove, SaState
from dmvpn.features.ikev2.crypto import PRFS
from dmvpn.features.ikev2.crypto.keys import Nonces, first_seed, rekeyed_seed
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sealed import INTERVALS, Incoming, Outgoing, mark_of
from dmvpn.features.ikev2.terms import IKE_PORT, NAT_PORT, DatagramPath
from dmvpn.features.ikev2.udp import Act
from dmvpn.features.ikev2.wire import NO_SPI, Message
from dmvpn.features.ikev2.wire.numbers import ExchangeType

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.agreement import Abilities, ChildSa, Evidence
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.terms import Book, Terms
    from dmvpn.features.ikev2.udp import Nat
    from dmvpn.features.ikev2.wire import Chain
    from dmvpn.features.ikev2.wire.payloads import Identification, Payload

#: Seconds in which a peer that asked for an IKE SA must prove itself.
HALF_OPEN: Final = 30.0


@dataclass(frozen=True, slots=True)
class Rival:
    """The IKE SA that the peer made to replace ours while we made one, too; and the lowest of both nonces (§2.8.1)."""

    successor: IkeSa
    lowest: bytes


class IkeSa(Agreement):
    """One IKE SA, with what is agreed on it.

    number, connection: by which people and other features know it; the owner of all IKE SAs gives them.
    gives_up_at: another one has taken its place; it goes then even if the peer, whose turn it is, does not delete it.
    hint: what failed last.
    """

    __slots__ = (
        *("state", "begun", "since", "heard", "children", "outgoing", "incoming", "number", "connection", "rekey_at"),
        *("gives_up_at", "rival", "hint", "_acts"),
    )

    def __init__(
        self,
        *,
        book: Book,
        entropy: Entropy,
        path: DatagramPath,
        is_initiator: bool,
        now: float,
        terms: Terms | None = None,
        peer_spi: bytes = NO_SPI,
    ) -> None:
        super().__init__(book, entropy, path, is_initiator=is_initiator, now=now, terms=terms, peer_spi=peer_spi)
        self.state = SaState.STARTING
        self.begun = self.since = self.heard = now
        self.children = Children()
        self.outgoing: Outgoing[Exchange] = Outgoing()
        self.incoming = Incoming()
        self.number = self.connection = 0
        self.rekey_at: float | None = None
        self.gives_up_at: float | None = None
        self.rival: Rival | None = None
        self.hint: Reason | None = None
        self._acts: list[Act] = []

    @property
    def is_usable(self) -> bool:
        """Whether new exchanges can begin on it."""
        return self.state is SaState.ESTABLISHED and self.gives_up_at is None

    @property
    def is_half_open(self) -> bool:
        """Whether a peer has begun and not proved itself. (Our own attempts end with their repetitions.)"""
        return not self.is_initiator and self.state in (SaState.STARTING, SaState.PROVING)

    @property
    def proofs(self) -> int:
        """How many datagrams were proved to be the peer's."""
        return self.channel.opened if self.channel is not None else 0

    def _happened(self, move: SaMove) -> None:
        """Move as the table says."""
        self.state = MOVES[self.state, move]

    def called(self, number: int) -> None:
        """Take the number by which people know it."""
        self.number = number

    def joins(self, connection: int) -> None:
        """Belong to this connection from now on."""
        self.connection = connection

    def agreed(self, suite: Suite, shared: bytes, nonces: Nonces, nat: Nat, abilities: Abilities) -> None:
        """Finish IKE_SA_INIT: the keys follow from `shared`, the Diffie-Hellman secret."""
        self.nat, self.abilities = nat, abilities
        self.use(suite, first_seed(PRFS[suite.prf], nonces, shared), nonces)
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
        self.act(Established(self))

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
            self.act(Ended(self, reason))
            for spi in (*self.children.active, *self.children.lingering):
                self.book.esp_spis.free(spi)
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
        new = IkeSa(book=self.book, entropy=self.entropy, path=self.path, is_initiator=initiated, now=self.now)
        new.inherit(self, spis)
        new.number, new.connection = self.number, self.connection
        new.use(suite, rekeyed_seed(self.prf, surely(self.keys).d, nonces, shared), nonces)
        new._established(SaMove.SUCCEEDED)
        return new

    def hand_over(self, successor: IkeSa) -> None:
        """Give all children to the successor, and the requests that still wait."""
        successor.children, self.children = self.children, successor.children
        self.rekeys()
        for exchange in self.outgoing.hand_over(successor.outgoing, lambda exchange: exchange.IS_INHERITED):
            exchange.sa = successor
        self.act(Replaced(self, successor))

    def crossed(self, successor: IkeSa, lowest: bytes) -> None:
        """Note that the peer replaces it while we do: which new one stays is known when ours is answered."""
        self.rival = Rival(successor, lowest)
        self.act(Begun(successor))

    def take_rival(self) -> Rival | None:
        """Return the one that the peer made, once."""
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

    def act(self, act: Act) -> None:
        """Have something done."""
        self._acts.append(act)

    def trouble(self, what: Reason) -> None:
        """Tell people that something failed."""
        self.hint = what
        self.act(Trouble(self, what))

    def excuse(self, reason: Reason) -> None:
        """Note that it will end by our own doing, which is no failure."""
        self.hint = self.hint or reason

    def done(self) -> list[Act]:
        """Return the acts that have collected."""
        acts, self._acts = self._acts, []
        return acts

    # ------------------------------------------------------------------------------------------------ requests of ours

    def begin(self, exchange: Exchange, now: float, *, urgent: bool = False) -> list[Act]:
        """Ask the peer something when it is its turn."""
        self.now = now
        self.queue(exchange, urgent=urgent)
        return self.done()

    def queue(self, exchange: Exchange, *, urgent: bool = False) -> None:
        """Do the same while an event is handled: the acts come with those of the event."""
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
        self.act(Transmit(self, self.path, datagrams))

    # ------------------------------------------------------------------------------------------------ where the peer is

    def lives(self, now: float) -> None:
        """Note when the peer was heard."""
        self.heard = now

    def hears(self, path: DatagramPath) -> None:
        """Note that the peer has proved that it lives, and where.

        A peer behind a NAT may move (RFC 7296 §2.23), or change to the other port of IKE. No other peer may: an
        attacker that holds a datagram back can send it from another place.
        """
        self.lives(self.now)
        same_host = (path.local.address, path.remote.address) == (self.path.local.address, self.path.remote.address)
        if path != self.path and (self.nat.remote or (same_host and path.remote.port in (IKE_PORT, NAT_PORT))):
            self.move(path)

    def move(self, path: DatagramPath) -> None:
        """Reach the peer there from now on."""
        old, self.path = self.path, path
        if self.state is SaState.ESTABLISHED:
            self.act(Moved(self, old))

    # ------------------------------------------------------------------------------------------------ children

    def add_child(self, child: ChildSa, replaces: bytes | None = None) -> None:
        """Add a child SA."""
        self.children.add(child)
        self.book.esp_spis.take(child.spi_in)
        self.act(ChildMade(self, child, replaces))

    def remove_child(self, child: ChildSa, reason: Reason) -> None:
        """Remove a child SA; packets on their way to us may still come for a moment."""
        if self.children.end(child.spi_in, self.now + LINGER):
            self.act(ChildEnded(self, child, reason))

    def forget_children(self) -> None:
        """Forget the children that have lingered long enough: nothing can come for them any more."""
        for spi in self.children.forget(self.now):
            self.book.esp_spis.free(spi)
            self.act(ChildForgotten(self, spi))


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
        """Return what is asked; None: it is not worth asking any more."""

    @abstractmethod
    def answered(self, answer: Chain, octets: bytes) -> None:
        """Take in the response, which came in this datagram and opened."""

    def unanswered(self) -> None:
        """End the IKE SA: all repetitions went unanswered, so the peer is dead (RFC 7296 §2.4)."""
        name = self.KIND.name
        asked = (name, self.sa.outgoing.tries, self.sa.path.remote)
        hint = self.sa.hint
        silent = Reason(IkeReason.NO_ANSWER, asked) if hint is None else Reason(IkeReason.NO_ANSWER_AND, (*asked, hint))
        self.sa.end(silent)


# ------------------------------------------------------------------------------------------------------ acts


@dataclass(frozen=True, slots=True)
class SaAct(Act):
    """The base of those that an IKE SA wants."""

    sa: IkeSa


@dataclass(frozen=True, slots=True)
class Transmit(SaAct):
    """Send these datagrams; on port 4500 with the non-ESP marker (RFC 3948 §2.2), which is not in them."""

    path: DatagramPath
    datagrams: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Unanswered(SaAct):
    """A request had to be repeated: now it matters whether the peer is heard otherwise."""


@dataclass(frozen=True, slots=True)
class Established(SaAct):
    """Both sides have proved who they are."""


@dataclass(frozen=True, slots=True)
class Begun(SaAct):
    """An IKE SA that came out of another one's exchange, and has no children (yet)."""


@dataclass(frozen=True, slots=True)
class Replaced(SaAct):
    """A rekeyed IKE SA takes the place of `sa`, with all its children."""

    successor: IkeSa


@dataclass(frozen=True, slots=True)
class Ended(SaAct):
    """The IKE SA is gone, and with it its children, for which no `ChildEnded` comes."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class ChildMade(SaAct):
    """Packets may take this child SA. Its predecessor, by the inbound SPI, keeps receiving a while."""

    child: ChildSa
    replaces: bytes | None


@dataclass(frozen=True, slots=True)
class ChildEnded(SaAct):
    """Neither end sends on this child SA any more. Late packets may still come until its `ChildForgotten`."""

    child: ChildSa
    reason: Reason


@dataclass(frozen=True, slots=True)
class ChildForgotten(SaAct):
    """The inbound half of a replaced child SA may go, too."""

    spi_in: bytes


@dataclass(frozen=True, slots=True)
class Moved(SaAct):
    """The peer, or the NAT before it, has another address or port now; its child SAs move with it."""

    old: DatagramPath


@dataclass(frozen=True, slots=True)
class Doubted(SaAct):
    """Somebody says, in clear, that the peer does not know this IKE SA or a child of it any more: a hint, no proof."""


@dataclass(frozen=True, slots=True)
class Trouble(SaAct):
    """Something failed: one line, for the log and for shows, says what, and what both sides had."""

    what: Reason
