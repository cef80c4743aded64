"""A session with a peer, in either version of IKE: an IKE SA of IKEv2, an ISAKMP SA of IKEv1 (phase 1).

Connections, peers, shows and attempts know sessions as they are here, and all sessions as `Versions`; only the package
of its version (`v2`) knows how a session speaks. What a session wants done collects as outputs, which the handler of
an event takes at its end (`take_outputs`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.entropy import Entropy, fraction
from dmvpn.base.errors import surely
from dmvpn.base.protection import IkePhase, IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import fresh_spi
from dmvpn.features.ike.children import LINGER, Children, ChildSa
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.peer_settings import IKE_PORT, NAT_PORT, DatagramPath, PeerSettings, Terms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.udp import TRIES_BY_NAT_PORT, Nat

if TYPE_CHECKING:
    from dmvpn.features.ike.identity import Identification
    from dmvpn.features.ike.suites import Suite


# -------------------------------------------------------------------------------- outputs about datagrams of no session


class Output(Value):
    """The base of all outputs."""


class Reply(Output, Value):
    """Send a datagram that belongs to no IKE SA."""

    path: DatagramPath
    datagram: bytes


class TurnedAway(Output, Value):
    """A peer could not be understood, or not be served.

    why: for people.
    logged: worth a line in the log.
    version: of the message.
    """

    path: DatagramPath
    why: Reason
    logged: bool = False
    version: IkeVersion = IkeVersion.V2


class Hinted(Output, Value):
    """The sender says, outside of any IKE SA, that it has no SA of ESP with this SPI: a hint, no proof."""

    path: DatagramPath
    spi: int


# ------------------------------------------------------------------------------------------------ sessions


#: Sessions whose time has come that are acted on in one event: a hub has thousands.
AT_ONCE: Final = 32
#: How much earlier than its lifetime an SA is replaced, as a part of it; by chance up to twice that, so that both
#: ends seldom begin at the same moment.
_REKEY_MARGIN: Final = 0.1


class Evidence(Value):
    """With what the peer has proved its identity when the session was established.

    by: as shows say it; "": it has not.
    entry: of the keyring, by whose key.
    named: that key is for its very name.
    chain: of its certificate, in DER.
    """

    by: str = ""
    entry: str = ""
    named: bool = True
    chain: tuple[bytes, ...] = ()


class Session(ABC):
    """What both versions know of a session.

    is_initiator: we began it.
    own_spi: the SPI (in IKEv1 the cookie) by which the peer addresses us; 8 octets.
    spi_i, spi_r: those of the initiator and of the responder; in IKEv1 CKY-I and CKY-R.
    now: of the event that is being handled, seconds monotonic.
    begun, since, heard: when its first message went or came, when it was established, when the peer was heard last.
    theirs: whom the peer claims to be, and has proved to be if there is evidence.
    initial_contact: the peer says that it has no other session with us.
    doubts_older: it was begun because the peer may have forgotten older sessions, and takes over nothing of them.
    number, connection: by which people and other features know it; the owner of all sessions gives them.
    rekey_at: when it must be replaced.
    hint: what failed last.
    prefers_udp: both ends do: port 4500 where nothing translates addresses.
    """

    version: ClassVar[IkeVersion]
    #: Round trips from a peer's first message to the proof, and to the first pair of SAs, as the responder sees them.
    round_trips: ClassVar[int]

    __slots__ = (
        *("settings", "entropy", "path", "is_initiator", "now", "begun", "since", "heard", "terms", "suite", "nat"),
        *("own_spi", "spi_i", "spi_r", "nonces", "theirs", "evidence", "initial_contact", "doubts_older"),
        *("children", "number", "connection"),
        *("rekey_at", "hint", "prefers_udp", "_outputs"),
    )

    def __init__(
        self,
        settings: PeerSettings,
        entropy: Entropy,
        path: DatagramPath,
        *,
        is_initiator: bool,
        now: float,
        terms: Terms | None,
        peer_spi: bytes,
    ) -> None:
        self.own_spi = fresh_spi(entropy)
        self.spi_i, self.spi_r = (self.own_spi, peer_spi) if is_initiator else (peer_spi, self.own_spi)
        self.nonces = Nonces(b"", b"")
        self.settings, self.entropy, self.path, self.is_initiator = settings, entropy, path, is_initiator
        self.now = self.begun = self.since = self.heard = now
        self.terms = terms
        self.suite: Suite | None = None
        self.nat = Nat()
        self.theirs: Identification | None = None
        self.evidence = Evidence()
        self.initial_contact = self.doubts_older = False
        self.children = Children()
        self.number = self.connection = 0
        self.rekey_at: float | None = None
        self.hint: Reason | None = None
        self.prefers_udp = False
        self._outputs: list[Output] = []

    # ------------------------------------------------------------------------------------------------ who and what

    @property
    def spis(self) -> bytes:
        """Both SPIs: SPIi | SPIr; in IKEv1 both cookies, which are the SPI of an ISAKMP SA."""
        return self.spi_i + self.spi_r

    @property
    def peer_spi(self) -> bytes:
        """The one by which we address the peer."""
        return self.spi_r if self.is_initiator else self.spi_i

    @property
    @abstractmethod
    def phase(self) -> IkePhase:
        """Where it is in its life, for shows."""

    @property
    @abstractmethod
    def is_usable(self) -> bool:
        """Whether new exchanges can begin on it."""

    @property
    @abstractmethod
    def is_dead(self) -> bool:
        """Whether it is over, and nothing more is sent."""

    @property
    @abstractmethod
    def is_unanswered(self) -> bool:
        """Whether the peer has not answered its first message yet."""

    @property
    @abstractmethod
    def is_asking(self) -> bool:
        """Whether a request of ours is on its way."""

    @property
    def lowest_nonce(self) -> bytes:
        """The lowest of both nonces that made it: both ends know it, and decide alike which of two sessions goes."""
        return self.nonces.lowest

    @property
    @abstractmethod
    def message_ids(self) -> tuple[int, int]:
        """The numbers of our next request and of the peer's, for shows."""

    @property
    def fragments(self) -> bool:
        """Whether both sides take messages in fragments."""
        return False

    @property
    def chooses_port(self) -> bool:
        """Whether both ends prefer port 4500 and also take port 500: there is no NAT between them."""
        return self.prefers_udp and not self.nat.found

    @property
    def by_choice_on_nat_port(self) -> bool:
        """Whether both of us prefer port 4500, and nothing on the way makes us use it."""
        return self.chooses_port and self.path.local.port == NAT_PORT

    @property
    def uses_udp(self) -> bool:
        """Whether ESP goes in UDP."""
        return self.nat.found or self.by_choice_on_nat_port

    @property
    def who(self) -> tuple[int, bytes, str]:
        """The identity of the peer: two peers with one name and keys of different entries are two."""
        return *surely(self.theirs).key, self.evidence.entry

    @property
    def is_alone(self) -> bool:
        """Whether the peer has, or may have, no other session with us."""
        sole = self.terms is not None and self.terms.sole and not self.is_initiator
        return self.initial_contact or sole

    def rekey_time(self, seconds: float) -> float:
        """Return when an SA with this lifetime must be replaced: both ends seldom choose the same moment."""
        return self.now + seconds * (1 - _REKEY_MARGIN * (1 + fraction(self.entropy)))

    # ------------------------------------------------------------------------------------------------ what happens

    @abstractmethod
    def move(self, path: DatagramPath) -> None:
        """Reach the peer there from now on."""

    @abstractmethod
    def end(self, reason: Reason) -> None:
        """End with all children: nothing more is sent."""

    def at(self, now: float) -> None:
        """Begin to handle an event."""
        self.now = now

    def called(self, number: int) -> None:
        """Take the number by which people know it."""
        self.number = number

    def doubt_older(self) -> None:
        """Take over nothing of older sessions: the peer may have forgotten them."""
        self.doubts_older = True

    def joins(self, connection: int) -> None:
        """Belong to this connection from now on."""
        self.connection = connection

    def succeeds(self, old: Session, spis: tuple[bytes, bytes]) -> None:
        """Take over what a session keeps that replaces another one: the peer, its proof, and the NAT between.

        spis: SPIi and SPIr, which both ends chose for it in the rekey.
        """
        self.spi_i, self.spi_r = spis
        self.own_spi = spis[0 if self.is_initiator else 1]
        self.terms, self.theirs, self.evidence, self.nat = old.terms, old.theirs, old.evidence, old.nat
        self.number, self.connection = old.number, old.connection

    def lives(self, now: float) -> None:
        """Note when the peer was heard."""
        self.heard = now

    def may_follow(self, path: DatagramPath) -> bool:
        """Return whether a message that proved to be the peer's shows where the peer is from now on.

        A peer behind a NAT may move (RFC 7296 §2.23), or change to the other port of IKE. No other peer may: an
        attacker that holds a datagram back can send it from another place.
        """
        same_host = path.ends == self.path.ends
        return path != self.path and (self.nat.remote or (same_host and path.remote.port in (IKE_PORT, NAT_PORT)))

    def use_port(self, port: int) -> None:
        """Use this port at both ends from now on."""
        self.path = self._by_port(port)

    def path_of_try(self, tries: int) -> DatagramPath:
        """Return where a message goes that was sent so often, this time included.

        If it got no answer by the port of the session, both ports take turns: a firewall may block one of them.
        """
        further = max(tries - TRIES_BY_NAT_PORT, 0)
        return self._by_other_port() if self.chooses_port and further % 2 else self.path

    def path_back(self, path: DatagramPath) -> DatagramPath:
        """Return where the same answer goes again when a message came again by this path.

        It goes where the session is, since an attacker with a message of the peer must not choose where our answers go;
        or to the peer's other port of IKE, which the peer tries when no answer arrives.
        """
        return path if self.chooses_port and path == self._by_other_port() else self.path

    def _by_other_port(self) -> DatagramPath:
        return self._by_port(IKE_PORT if self.path.local.port == NAT_PORT else NAT_PORT)

    def _by_port(self, port: int) -> DatagramPath:
        return DatagramPath.between(self.path.ends, port, port)

    def silence(self, asked: str, tries: int, guess: Reason | None = None) -> Reason:
        """Return that the peer did not answer, and why, as far as that is known.

        asked: a message or an exchange, sent so many times. guess: why, if nothing else is known.
        """
        why = self.settings.obstacle(self.path) or self.hint or guess
        fields = asked, tries, self.path.remote
        return Reason(IkeReason.NO_ANSWER, fields) if why is None else Reason(IkeReason.NO_ANSWER_AND, (*fields, why))

    def excuse(self, reason: Reason) -> None:
        """Note that it will end by our own doing, which is no failure."""
        self.hint = self.hint or reason

    def trouble(self, what: Reason) -> None:
        """Report a failure to people."""
        self.hint = what
        self.emit(Trouble(self, what))

    def emit(self, output: Output) -> None:
        """Note an output: something that is to be done, or has happened."""
        self._outputs.append(output)

    def take_outputs(self) -> list[Output]:
        """Return the outputs that have collected."""
        outputs, self._outputs = self._outputs, []
        return outputs

    # ------------------------------------------------------------------------------------------------ children

    def add_child(self, child: ChildSa, replaces: bytes | None = None) -> None:
        """Add a child SA."""
        self.children.add(child)
        self.settings.esp_spis.take(child.spi_in)
        self.emit(ChildMade(self, child, replaces))

    def remove_child(self, child: ChildSa, reason: Reason) -> None:
        """Remove a child SA; packets on their way to us may still come for a moment."""
        if self.children.end(child.spi_in, self.now + LINGER):
            self.emit(ChildEnded(self, child, reason))

    def forget_children(self) -> None:
        """Forget the children that have lingered long enough: nothing can come for them any more."""
        for spi in self.children.forget_lingering(self.now):
            self.settings.esp_spis.free(spi)
            self.emit(ChildForgotten(self, spi))


# ------------------------------------------------------------------------------------------------ outputs


class SaOutput(Output, Value):
    """The base of what a session wants."""

    sa: Session


class Transmit(SaOutput, Value):
    """Send these datagrams; on port 4500 with the non-ESP marker (RFC 3948 §2.2), which is not in them."""

    path: DatagramPath
    datagrams: tuple[bytes, ...]


class Unanswered(SaOutput, Value):
    """A request had to be repeated: now it matters whether the peer is heard otherwise."""


class Answered(SaOutput, Value):
    """The peer has answered the question whether it lives."""


class Established(SaOutput, Value):
    """Both sides have proved who they are."""


class StartedAgain(SaOutput, Value):
    """The peer says, after it has proved itself, that it has no other session with us."""


class Begun(SaOutput, Value):
    """An IKE SA that came out of another one's exchange, and has no children (yet)."""


class Replaced(SaOutput, Value):
    """A rekeyed IKE SA takes the place of `sa`, with all its children."""

    successor: Session


class Ended(SaOutput, Value):
    """The IKE SA is gone, and with it its children, for which no `ChildEnded` comes."""

    reason: Reason


class ChildMade(SaOutput, Value):
    """Packets may take this child SA. Its predecessor, by the inbound SPI, keeps receiving a while."""

    child: ChildSa
    replaces: bytes | None


class ChildEnded(SaOutput, Value):
    """Neither end sends on this child SA any more. Late packets may still come until its `ChildForgotten`."""

    child: ChildSa
    reason: Reason


class ChildForgotten(SaOutput, Value):
    """The inbound half of a replaced child SA may go, too."""

    spi_in: bytes


class Moved(SaOutput, Value):
    """The peer, or the NAT before it, has another address or port now; its child SAs move with it."""

    old: DatagramPath


class Doubted(SaOutput, Value):
    """A message in clear says that the peer has lost this session or a child of it: a hint, no proof."""


class Trouble(SaOutput, Value):
    """Something failed: one line, for the log and for shows, says what, and what both sides had."""

    what: Reason
