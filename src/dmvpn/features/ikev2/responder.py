"""The first message of a stranger, IKE_SA_INIT: RFC 7296 §1.2, §2.6 and §2.10.

A stranger costs one Diffie-Hellman at most, and while many of them come at once not even that: then each must first
show, with a cookie, that it receives what we send to the address that it claims.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.beginning import abilities, abilities_of, request_for
from dmvpn.features.ikev2.crypto.groups import draw
from dmvpn.features.ikev2.crypto.keys import Nonces
from dmvpn.features.ikev2.exchanges import NONCE_SIZE
from dmvpn.features.ikev2.offers import choose, mismatch
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import IkeSa
from dmvpn.features.ikev2.udp import Nat, detect, detection
from dmvpn.features.ikev2.wire.message import HEADER, NO_SPI, Header, Message
from dmvpn.features.ikev2.wire.numbers import ExchangeType, Flag, NotifyType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import KeyExchange, Nonce, Notify, Payload, SecurityAssociation

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ikev2.terms import Book, Path

#: Seconds after which the secret of the cookies changes; cookies of the one before are still taken.
_SECRET_LIFE: Final = 60.0
_COOKIE_SIZE: Final = 24


class Cookies:
    """Cookies without memory: HMAC of what the stranger will send again. RFC 7296 §2.6."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._secrets: list[bytes] = []
        self._changed = 0.0

    def cookie(self, message: Message, nonce: bytes, path: Path, now: float) -> bytes:
        """Return what the stranger has to send back."""
        if not self._secrets or now >= self._changed + _SECRET_LIFE:
            self._secrets = [self._entropy.octets(32), *self._secrets[:1]]
            self._changed = now
        return self._of(self._secrets[0], message, nonce, path)

    def is_good(self, message: Message, nonce: bytes, path: Path) -> bool:
        """Return whether the message has a cookie that we gave."""
        notify = message.notify(NotifyType.COOKIE)
        return notify is not None and any(
            hmac.compare_digest(self._of(secret, message, nonce, path), notify.data) for secret in self._secrets
        )

    @staticmethod
    def _of(secret: bytes, message: Message, nonce: bytes, path: Path) -> bytes:
        seen = nonce + path.remote.address.packed + path.remote.port.to_bytes(2, "big") + message.header.spi_i
        return hmac.digest(secret, seen, "sha256")[:_COOKIE_SIZE]


def plain_answer(request: bytes, payloads: tuple[Payload, ...], spi_r: bytes = NO_SPI) -> bytes:
    """Make a response without encryption: of IKE_SA_INIT, or an error about a message of no known SA."""
    spi_i, given, _, _, exchange, flags, message_id, _ = HEADER.unpack_from(request)
    response = Flag.RESPONSE if flags & Flag.INITIATOR else Flag.RESPONSE | Flag.INITIATOR
    header = Header(
        spi_i=spi_i, spi_r=spi_r if given == NO_SPI else given, exchange=exchange, flags=response, message_id=message_id
    )
    return Message(payloads, header=header).serialize()


class Stranger:
    """An IKE_SA_INIT request that was read but is not believed."""

    def __init__(self, message: Message, octets: bytes, path: Path) -> None:
        self.message, self.octets, self.path = message, octets, path
        self.offers = message.find(SecurityAssociation)
        self.key = message.find(KeyExchange)
        self.nonce = message.find(Nonce)

    @property
    def is_complete(self) -> bool:
        """Whether it has everything that a request must have."""
        header = self.message.header
        is_first = header.message_id == 0 and header.spi_r == NO_SPI and header.exchange == ExchangeType.IKE_SA_INIT
        return is_first and None not in (self.offers, self.key, self.nonce)

    @property
    def nonce_octets(self) -> bytes:
        """Its nonce; the request must be complete."""
        return surely(self.nonce).data

    def ask_for_cookie(self, cookies: Cookies, now: float) -> bytes:
        """Answer that we have no time for strangers without a cookie."""
        cookie = cookies.cookie(self.message, self.nonce_octets, self.path, now)
        return plain_answer(self.octets, (Notify(NotifyType.COOKIE, cookie),))

    def welcome(self, book: Book, entropy: Entropy, now: float) -> tuple[IkeSa | None, bytes, Reason | None]:
        """Return the IKE SA that begins (None: none does), the answer, and why none does."""
        offers, key, nonce = surely(self.offers), surely(self.key), surely(self.nonce)
        suites, udp = book.suites(self.path), book.udp(self.path)
        choice = choose(suites, offers.proposals, ProtocolId.IKE, has_group=key.group)
        if choice is None:
            why = mismatch(suites, offers.proposals, ProtocolId.IKE)
            return None, plain_answer(self.octets, (Notify(NotifyType.NO_PROPOSAL_CHOSEN),)), why
        suite = choice.suite
        if suite.group != key.group:
            wanted = Notify(NotifyType.INVALID_KE_PAYLOAD, suite.group.to_bytes(2, "big"))
            return None, plain_answer(self.octets, (wanted,)), None
        secret = draw(suite.group, entropy)
        try:
            shared = secret.agree(key.data)
        except WireError as error:
            return (
                None,
                plain_answer(self.octets, (Notify(NotifyType.INVALID_SYNTAX),)),
                Reason(IkeReason.OF_WIRE, (error,)),
            )
        spi_i = self.message.header.spi_i
        sa = IkeSa(book=book, entropy=entropy, path=self.path, is_initiator=False, now=now, peer_spi=spi_i)
        nonces = Nonces(nonce.data, entropy.octets(NONCE_SIZE))
        nat = detect(self.message, spi_i + NO_SPI, self.path, forces=udp.forces) if udp.detects else Nat()
        can = abilities_of(self.message, udp)
        sa.agreed(suite, shared, nonces, nat, can)
        response = plain_answer(
            self.octets,
            (
                SecurityAssociation((choice.answer(b""),)),
                KeyExchange(suite.group, secret.public),
                Nonce(nonces.responder),
                *(detection(sa.spis, self.path, force=udp.forces) if nat.supported else ()),
                *request_for(book.authorities(self.path)),
                *abilities(fragments=can.fragments, prefers_udp=can.prefers_udp),
            ),
            sa.spi_r,
        )
        sa.said_first(self.octets, response)
        return sa, response, None
