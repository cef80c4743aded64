"""What an IKE SA is: its states, what is agreed with the peer (who, where, algorithms, keys), and its child SAs.

RFC 7296 §1.2 to §1.4, §2.8, §2.14 and §2.17. `IkeSa` (sa.py) lives it: it moves as the table says, and nobody else
changes what is here.
"""

from __future__ import annotations

import enum
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import fraction
from dmvpn.base.errors import surely
from dmvpn.base.values import dataclass
from dmvpn.features.ikev2.crypto import PRFS, PrfAlgorithm
from dmvpn.features.ikev2.crypto.keys import IkeKeys, Nonces, ike_keys
from dmvpn.features.ikev2.sealed import Channel, seal
from dmvpn.features.ikev2.terms import NAT_PORT, DatagramPath, Endpoint
from dmvpn.features.ikev2.udp import Nat
from dmvpn.features.ikev2.wire import Header, fresh_spi
from dmvpn.features.ikev2.wire.numbers import Flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.terms import Book, ChildTerms, Terms
    from dmvpn.features.ikev2.wire.payloads import Identification, Payload
    from dmvpn.features.ikev2.wire.proposals import TrafficSelector

#: How much earlier than its lifetime an SA is replaced, as a part of it; by chance up to twice that, so that both
#: ends seldom begin at the same moment.
_REKEY_MARGIN: Final = 0.1
#: Seconds for which a replaced child SA still takes packets that were on their way.
LINGER: Final = 5.0
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


# ------------------------------------------------------------------------------------------------- what both sides know


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the peer says in IKE_SA_INIT of its further abilities.

    hashes: for signatures (RFC 7427 §4).
    fragments: RFC 7383 §2.3.
    prefers_udp: port 4500 where nobody translates.
    mixes_secret: it offers to mix a postquantum preshared key into the keys (RFC 8784).
    """

    hashes: tuple[int, ...] = ()
    fragments: bool = False
    prefers_udp: bool = False
    mixes_secret: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """With what the peer has proved its identity in IKE_AUTH.

    by: as shows say it; "": it has not.
    entry: of the keyring, by whose key.
    named: that key is for its very name.
    chain: of its certificate, in DER.
    """

    by: str = ""
    entry: str = ""
    named: bool = True
    chain: tuple[bytes, ...] = ()


class Agreement:
    """What both sides of an IKE SA know.

    is_initiator: we are the original initiator, which the flags of all messages show.
    now: of the event that is being handled, seconds monotonic.
    init_request, init_response: the octets that both sides prove.
    """

    __slots__ = (
        *("book", "entropy", "path", "is_initiator", "spi_i", "spi_r", "now", "terms", "suite", "nonces", "keys"),
        *("channel", "nat", "abilities", "theirs", "evidence", "initial_contact", "init_request", "init_response"),
    )

    def __init__(
        self,
        book: Book,
        entropy: Entropy,
        path: DatagramPath,
        *,
        is_initiator: bool,
        now: float,
        terms: Terms | None,
        peer_spi: bytes,
    ) -> None:
        self.book, self.entropy, self.path, self.is_initiator = book, entropy, path, is_initiator
        ours = fresh_spi(entropy)
        self.spi_i, self.spi_r = (ours, peer_spi) if is_initiator else (peer_spi, ours)
        self.now = now
        self.terms = terms
        self.suite: Suite | None = None
        self.nonces = Nonces(b"", b"")
        self.keys: IkeKeys | None = None
        self.channel: Channel | None = None
        self.nat, self.abilities = Nat(), Abilities()
        self.theirs: Identification | None = None
        self.evidence = Evidence()
        self.initial_contact = False
        self.init_request = self.init_response = b""

    # ------------------------------------------------------------------------------------------------ who and what

    @property
    def spis(self) -> bytes:
        """SPIi | SPIr."""
        return self.spi_i + self.spi_r

    @property
    def own_spi(self) -> bytes:
        """The SPI by which the peer addresses us."""
        return self.spi_i if self.is_initiator else self.spi_r

    @property
    def who(self) -> tuple[int, bytes, str]:
        """The identity of the peer: two peers with one name and keys of different entries are two."""
        return *surely(self.theirs).key, self.evidence.entry

    @property
    def prf(self) -> PrfAlgorithm:
        """The function that was negotiated in IKE_SA_INIT."""
        return PRFS[surely(self.suite).prf]

    @property
    def by_choice_on_nat_port(self) -> bool:
        """Whether both of us prefer port 4500, and nothing on the way makes us use it."""
        return self.abilities.prefers_udp and not self.nat.found and self.path.local.port == NAT_PORT

    @property
    def uses_udp(self) -> bool:
        """Whether ESP goes in UDP."""
        return self.nat.found or self.by_choice_on_nat_port

    def rekey_time(self, seconds: float) -> float:
        """Return when an SA with this lifetime must be replaced: both ends seldom choose the same moment."""
        return self.now + seconds * (1 - _REKEY_MARGIN * (1 + fraction(self.entropy)))

    def at(self, now: float) -> None:
        """Begin to handle an event."""
        self.now = now

    def inherit(self, old: Agreement, spis: tuple[bytes, bytes]) -> None:
        """Take over what an IKE SA keeps that replaces another one: who the peer is, and what is between."""
        self.spi_i, self.spi_r = spis
        self.terms, self.theirs, self.evidence = old.terms, old.theirs, old.evidence
        self.nat, self.abilities = old.nat, old.abilities

    def heard_first(self, spi: bytes, response: bytes) -> None:
        """Note the SPI that the responder has chosen, and its message."""
        self.spi_r, self.init_response = spi, response

    def use(self, suite: Suite, seed: bytes, nonces: Nonces) -> None:
        """Agree on this suite: the keys follow from the seed."""
        self.suite, self.nonces = suite, nonces
        cipher = suite.cipher
        keys = self.keys = ike_keys(PRFS[suite.prf], cipher, seed, nonces, self.spis)
        self.book.key_log.ike((self.spi_i, self.spi_r), keys, (suite.encr, suite.key_bits), suite.integ)
        ours, theirs = (keys.ei, keys.ai), (keys.er, keys.ar)
        if not self.is_initiator:
            ours, theirs = theirs, ours
        self.channel = Channel(cipher.sealer(*ours, self.entropy), cipher.opener(*theirs))

    def forget_beginnings(self) -> None:
        """Forget what only the first exchanges need. Of the keys, only the one from which others are made is kept."""
        self.init_request = self.init_response = b""
        if self.keys is not None:
            self.keys = IkeKeys(d=self.keys.d)

    def use_port(self, port: int) -> None:
        """Use this port at both ends from now on."""
        self.path = DatagramPath(Endpoint(self.path.local.address, port), Endpoint(self.path.remote.address, port))

    # ------------------------------------------------------------------------------------------------ messages

    def sealed(
        self, kind: int, message_id: int, payloads: tuple[Payload, ...], *, response: bool = False
    ) -> tuple[bytes, ...]:
        """Return the datagrams of a message of ours."""
        limit = self.terms.fragment if self.terms and self.abilities.fragments else None
        header = self.header(kind, message_id, response=response)
        return seal(header, payloads, surely(self.channel).sealer, limit)

    def header(self, kind: int, message_id: int, *, response: bool = False) -> Header:
        """Return the header of a message of ours."""
        flags = Flag.INITIATOR if self.is_initiator else Flag(0)
        if response:
            flags |= Flag.RESPONSE
        return Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=kind, flags=flags, message_id=message_id)


# ------------------------------------------------------------------------------------------------------------ child SAs


@dataclass(frozen=True, slots=True)
class EspKeys:
    """Keys of one direction.

    cipher: with the salt of an AEAD at its end.
    integrity: empty for an AEAD.
    """

    cipher: bytes = field(repr=False)
    integrity: bytes = field(repr=False)


_NO_KEYS: Final = EspKeys(b"", b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSa:
    """A pair of ESP SAs.

    spi_in: ours, that the peer puts into what it sends; 4 octets.
    spi_out: the peer's; 4 octets.
    udp: in UDP port 4500.
    lowest_nonce: of the exchange that made it, for the rule about simultaneous rekeys (§2.8.1).
    """

    spi_in: bytes
    spi_out: bytes
    suite: Suite
    keys_in: EspKeys
    keys_out: EspKeys
    transport: bool
    udp: bool
    local: tuple[TrafficSelector, ...]
    remote: tuple[TrafficSelector, ...]
    terms: ChildTerms
    since: float
    rekey_at: float
    lowest_nonce: bytes
    initiated: bool

    @property
    def expires(self) -> float:
        """When it is given up even without a successor, seconds monotonic."""
        return self.since + self.terms.seconds


@dataclass(slots=True)
class Children:
    """All child SAs of one IKE SA, by their inbound SPI, oldest first.

    lingering: those that only wait for late packets, and until when.
    rekeying: those that are being replaced.
    rivals: those that the peer replaced while we do the same, with the lowest nonce of its exchange.
    """

    active: dict[bytes, ChildSa] = field(default_factory=dict)
    lingering: dict[bytes, float] = field(default_factory=dict)
    rekeying: dict[bytes, None] = field(default_factory=dict)
    rivals: dict[bytes, bytes] = field(default_factory=dict)

    def __iter__(self) -> Iterator[ChildSa]:
        return iter(tuple(self.active.values()))

    def __len__(self) -> int:
        return len(self.active)

    def add(self, child: ChildSa) -> None:
        """Add one that can carry packets."""
        self.active[child.spi_in] = child

    def end(self, spi_in: bytes, until: float) -> bool:
        """End it, and let it linger until then. Returns False if it is not there."""
        if self.active.pop(spi_in, None) is None:
            return False
        self.rekeying.pop(spi_in, None)
        self.lingering[spi_in] = until
        return True

    def forget(self, now: float) -> list[bytes]:
        """Forget those that have lingered long enough, and return them."""
        due = [spi for spi, until in self.lingering.items() if now >= until]
        for spi in due:
            del self.lingering[spi]
        return due

    def begin_rekey(self, spi_in: bytes) -> bool:
        """Note that it is being replaced. Returns False if it is so already, or not there."""
        if spi_in not in self.active or spi_in in self.rekeying:
            return False
        self.rekeying[spi_in] = None
        return True

    def crossed(self, spi_in: bytes, lowest: bytes) -> None:
        """Note that the peer has replaced it while we do."""
        self.rivals[spi_in] = lowest

    def take_rival(self, spi_in: bytes) -> bytes | None:
        """Return the lowest nonce of the exchange by which the peer replaced it while we did, once."""
        return self.rivals.pop(spi_in, None)

    def forget_keys(self, spi_in: bytes) -> None:
        """Forget its keys: the data plane has them now, and nobody else needs them."""
        child = self.active.get(spi_in)
        if child is not None:
            self.active[spi_in] = replace(child, keys_in=_NO_KEYS, keys_out=_NO_KEYS)

    def by_outbound(self, spi: bytes) -> ChildSa | None:
        """Return the child SA that the peer knows by this SPI of its own."""
        return next((child for child in self.active.values() if child.spi_out == spi), None)
