"""The agreement with the peer in IKEv2: the states of an IKE SA, its algorithms, keys and messages.

RFC 7296 §1.2 to §1.4, §2.8, §2.14 and §2.17. `IkeSa` (sa.py) moves it from state to state as the table says; no other
file changes it.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import surely
from dmvpn.base.protection import IkeVersion
from dmvpn.base.values import dataclass
from dmvpn.features.ike.crypto import PRFS, PrfAlgorithm
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.session import Session
from dmvpn.features.ike.v2.channel import (
    IKE_TABLE,
    Channel,
    IkeKeys,
    ike_keys,
    ike_line,
    seal,
)
from dmvpn.features.ike.v2.packet import FROM_INITIATOR, RESPONSE, Header

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.peer_settings import Book, DatagramPath, Terms
    from dmvpn.features.ike.suites import Suite


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
    prefers_udp: port 4500 without address translation.
    mixes_secret: it offers to mix a postquantum preshared key into the keys (RFC 8784).
    """

    hashes: tuple[int, ...] = ()
    fragments: bool = False
    prefers_udp: bool = False
    mixes_secret: bool = False


class Agreement(Session):
    """What both sides of an IKE SA know.

    init_request, init_response: the octets that both sides prove.
    """

    version = IkeVersion.V2
    round_trips = 1

    __slots__ = ("abilities", "channel", "init_request", "init_response", "keys", "nonces", "spi_i", "spi_r")

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
        super().__init__(book, entropy, path, is_initiator=is_initiator, now=now, terms=terms)
        self.spi_i, self.spi_r = (self.own_spi, peer_spi) if is_initiator else (peer_spi, self.own_spi)
        self.nonces = Nonces(b"", b"")
        self.keys: IkeKeys | None = None
        self.channel: Channel | None = None
        self.abilities = Abilities()
        self.init_request = self.init_response = b""

    # ------------------------------------------------------------------------------------------------ who and what

    @property
    def spis(self) -> bytes:
        """SPIi | SPIr."""
        return self.spi_i + self.spi_r

    @property
    def peer_spi(self) -> bytes:
        """The SPI by which we address the peer."""
        return self.spi_r if self.is_initiator else self.spi_i

    @property
    def lowest_nonce(self) -> bytes:
        """The lowest of both nonces of the exchange that made it."""
        return self.nonces.lowest

    @property
    def fragments(self) -> bool:
        """Whether both sides take messages in fragments."""
        return self.abilities.fragments and self.terms is not None and self.terms.fragment is not None

    @property
    def prf(self) -> PrfAlgorithm:
        """The function that was negotiated in IKE_SA_INIT."""
        return PRFS[surely(self.suite).prf]

    @property
    def chooses_port(self) -> bool:
        """Whether both ends prefer port 4500 and also take port 500: there is no NAT between them."""
        return self.abilities.prefers_udp and not self.nat.found

    def inherit(self, old: Agreement, spis: tuple[bytes, bytes]) -> None:
        """Take the place of another IKE SA."""
        self.spi_i, self.spi_r = spis
        self.own_spi = spis[0 if self.is_initiator else 1]
        self.abilities = old.abilities
        self.succeeds(old)

    def heard_first(self, spi: bytes, response: bytes) -> None:
        """Note the SPI that the responder has chosen, and its message."""
        self.spi_r, self.init_response = spi, response

    def use(self, suite: Suite, seed: bytes, nonces: Nonces) -> None:
        """Agree on this suite: the keys follow from the seed."""
        self.suite, self.nonces = suite, nonces
        cipher = suite.cipher
        keys = self.keys = ike_keys(PRFS[suite.prf], cipher, seed, nonces, self.spis)
        if self.book.key_log.wanted:
            line = ike_line((self.spi_i, self.spi_r), keys, (suite.encr, suite.key_bits), suite.integ)
            self.book.key_log.ike(IKE_TABLE, line)
        ours, theirs = (keys.ei, keys.ai), (keys.er, keys.ar)
        if not self.is_initiator:
            ours, theirs = theirs, ours
        self.channel = Channel(cipher.sealer(*ours, self.entropy), cipher.opener(*theirs))

    def forget_beginnings(self) -> None:
        """Forget what only the first exchanges need. Only the key from which further keys are made is kept."""
        self.init_request = self.init_response = b""
        if self.keys is not None:
            self.keys = IkeKeys(d=self.keys.d)

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
        flags = (FROM_INITIATOR if self.is_initiator else 0) | (RESPONSE if response else 0)
        return Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=kind, flags=flags, message_id=message_id)
