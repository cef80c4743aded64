"""What is agreed with a peer on an IKE SA: who both are and where, algorithms, nonces, keys. RFC 7296 §1.2 and §2.14.

`IkeSa` (sa.py) adds its life. Nobody else changes what is here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.entropy import fraction
from dmvpn.base.errors import surely
from dmvpn.features.ikev2.children import REKEY_MARGIN
from dmvpn.features.ikev2.crypto.keys import PRFS, IkeKeys, Nonces, Prf, ike_keys
from dmvpn.features.ikev2.life import Abilities, Evidence
from dmvpn.features.ikev2.sealed import Channel
from dmvpn.features.ikev2.terms import NAT_PORT, Endpoint, Path, fresh_spi
from dmvpn.features.ikev2.udp import Nat
from dmvpn.features.ikev2.wire.message import Header
from dmvpn.features.ikev2.wire.numbers import Flag

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.terms import Book, Terms
    from dmvpn.features.ikev2.wire.payloads import Identification, Payload


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
        path: Path,
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
    def prf(self) -> Prf:
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
        return self.now + seconds * (1 - REKEY_MARGIN * (1 + fraction(self.entropy)))

    def at(self, now: float) -> None:
        """Begin to handle an event."""
        self.now = now

    def heard_first(self, spi: bytes, response: bytes) -> None:
        """Note the SPI that the responder has chosen, and its message."""
        self.spi_r, self.init_response = spi, response

    def use(self, suite: Suite, seed: bytes, nonces: Nonces) -> None:
        """Agree on this suite: the keys follow from the seed."""
        self.suite, self.nonces = suite, nonces
        keys = self.keys = ike_keys(PRFS[suite.prf], suite.cipher, seed, nonces, self.spis)
        self.book.key_log.ike(self.spi_i, self.spi_r, suite, keys)
        ours, theirs = (keys.ei, keys.ai), (keys.er, keys.ar)
        if not self.is_initiator:
            ours, theirs = theirs, ours
        self.channel = Channel(suite.cipher.sealer(*ours, self.entropy), suite.cipher.opener(*theirs))

    def forget_beginnings(self) -> None:
        """Forget what only the first exchanges need. Of the keys, only the one from which others are made is kept."""
        self.init_request = self.init_response = b""
        if self.keys is not None:
            self.keys = replace(self.keys, ai=b"", ar=b"", ei=b"", er=b"", pi=b"", pr=b"")

    def use_port(self, port: int) -> None:
        """Use this port at both ends from now on."""
        self.path = Path(Endpoint(self.path.local.address, port), Endpoint(self.path.remote.address, port))

    # ------------------------------------------------------------------------------------------------ messages

    def sealed(
        self, kind: int, message_id: int, payloads: tuple[Payload, ...], *, response: bool = False
    ) -> tuple[bytes, ...]:
        """Return the datagrams of a message of ours."""
        limit = self.terms.fragment if self.terms and self.abilities.fragments else None
        header = self.header(kind, message_id, response=response)
        return surely(self.channel).seal(header, payloads, limit)

    def header(self, kind: int, message_id: int, *, response: bool = False) -> Header:
        """Return the header of a message of ours."""
        flags = Flag.INITIATOR if self.is_initiator else Flag(0)
        if response:
            flags |= Flag.RESPONSE
        return Header(spi_i=self.spi_i, spi_r=self.spi_r, exchange=kind, flags=flags, message_id=message_id)
