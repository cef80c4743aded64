"""IKE_SA_INIT, RFC 7296 §1.2: algorithms, Diffie-Hellman, nonces, NAT detection; cookies (§2.6), other groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.crypto.groups import draw
from dmvpn.features.ikev2.crypto.keys import Nonces, first_seed
from dmvpn.features.ikev2.crypto.prf import PRFS
from dmvpn.features.ikev2.crypto.signatures import HASHES
from dmvpn.features.ikev2.exchanges.exchange import Exchange
from dmvpn.features.ikev2.nat import detect, detection
from dmvpn.features.ikev2.offers import accepted, ike_offer, mismatch
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import NAT_PORT, Move
from dmvpn.features.ikev2.terms import Endpoint, Path
from dmvpn.features.ikev2.wire.message import NO_SPI, parse_header
from dmvpn.features.ikev2.wire.numbers import ExchangeType, NotifyType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import KeyExchange, Nonce, Notify, Payload, SecurityAssociation, VendorId

if TYPE_CHECKING:
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import UdpUse
    from dmvpn.features.ikev2.wire.message import Chain

#: As long as the largest key of a pseudo-random function would like (§2.10).
NONCE_SIZE: Final = 32
#: Answers that make us ask again: cookies and groups. More than a few, and somebody plays with us.
_LARGEST_NUMBER_OF_CHANGES: Final = 6


#: A vendor identifier of our own: whoever says it takes IKE and ESP by UDP port 4500 where nobody translates, too, and
#: goes back to port 500 and protocol 50 if nothing comes through. MD5 of "dmvpn: UDP port 4500 preferred".
PREFERS_UDP: Final = bytes.fromhex("b39cf42a827b28d34bd75dce2fff7c3d")


class Init(Exchange):
    """The first exchange of a new IKE SA, as its initiator."""

    KIND: ClassVar = ExchangeType.IKE_SA_INIT

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        self.suites, self.udp = sa.book.suites(sa.path), sa.book.udp(sa.path)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.secret = draw(self.suites[0].group, sa.entropy)
        self.group = self.suites[0].group
        self.cookie: Notify | None = None
        self._changes = 0

    def request(self) -> tuple[Payload, ...]:
        """`[N(COOKIE)] SAi1 KEi Ni N(NAT_DETECTION...) ...`."""
        sa = self.sa
        cookie = (self.cookie,) if self.cookie else ()
        return (
            *cookie,
            SecurityAssociation(ike_offer(self.suites)),
            KeyExchange(self.group, self.secret.public),
            Nonce(self.nonce),
            *(detection(sa.spi_i + NO_SPI, sa.path, force=self._forces_udp) if self.udp.detects else ()),
            *abilities(fragments=sa.terms is not None and sa.terms.fragment is not None, prefers_udp=self.udp.prefers),
        )

    @property
    def _forces_udp(self) -> bool:
        """We pretend to be translated, and so we behave."""
        return self.sa.terms is not None and self.sa.terms.force_udp

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Anybody could have sent it: what does not fit is passed over, and the request repeated."""
        if notify := answer.error or answer.notify(NotifyType.COOKIE):
            self._noted(notify)
            return
        chosen, theirs, nonce = answer.find(SecurityAssociation), answer.find(KeyExchange), answer.find(Nonce)
        header, _ = parse_header(octets)
        if chosen is None or theirs is None or nonce is None or header.spi_r == NO_SPI:
            return
        sa = self.sa
        suite = accepted(self.suites, chosen.proposals, ProtocolId.IKE)
        if suite is None or suite.group != theirs.group or theirs.group != self.group:
            why = mismatch(self.suites, chosen.proposals, ProtocolId.IKE)
            sa.trouble(Reason(IkeReason.NOT_OFFERED, (why,)))
            return
        try:
            shared = self.secret.agree(theirs.data)
        except WireError as error:
            sa.trouble(Reason(IkeReason.ILLEGAL_KEY, (error,)))
            return
        sa.outgoing.answered()
        sa.spi_r, sa.init_response = header.spi_r, octets
        nonces = Nonces(self.nonce, nonce.data)
        sa.use(suite, first_seed(PRFS[suite.prf], nonces, shared), nonces)
        if self.udp.detects:
            detect(sa.nat, answer, sa.spis, sa.path)
        sa.nat.local |= self._forces_udp and sa.nat.supported
        note_abilities(sa, answer, self.udp)
        self._go_on()

    def _go_on(self) -> None:
        sa = self.sa
        local, remote = sa.path.local, sa.path.remote
        if (sa.nat.found or sa.prefers_udp) and local.port != NAT_PORT:
            sa.path = Path(Endpoint(local.address, NAT_PORT), Endpoint(remote.address, NAT_PORT))
        sa.happened(Move.AGREED)
        sa.queue(following(sa), urgent=True)

    def _noted(self, notify: Notify) -> None:
        sa = self.sa
        self._changes += 1
        if self._changes > _LARGEST_NUMBER_OF_CHANGES:
            return
        if notify.kind == NotifyType.COOKIE and 1 <= len(notify.data) <= 64:
            self.cookie = Notify(NotifyType.COOKIE, notify.data)
            sa.send_request(self.KIND, self.request())
        elif notify.kind == NotifyType.INVALID_KE_PAYLOAD and len(notify.data) == 2:
            group = int.from_bytes(notify.data, "big")
            if group == self.group or group not in {suite.group for suite in self.suites}:
                return
            self.group, self.secret = group, draw(group, sa.entropy)
            sa.send_request(self.KIND, self.request())
        elif notify.is_error:  # not authentic: told to people, but the request goes on being repeated (§2.21.1)
            sa.trouble(Reason(IkeReason.INIT_REFUSED, (notify.name, _offered(self))))


def _offered(exchange: Init) -> str:
    return "; ".join(str(proposal) for proposal in ike_offer(exchange.suites))


def following(sa: IkeSa) -> Exchange:
    """What is asked when IKE_SA_INIT is done.

    The place for IKE_INTERMEDIATE (RFC 9242): where both sides said INTERMEDIATE_EXCHANGE_SUPPORTED, an exchange of
    that kind comes from here, and `Auth` is what it queues when it is answered; `answers.answer` gets the other half.
    Each one adds to the octets that `proof.py` signs (IntAuth, RFC 9242 §3.3.2), and with further key exchanges (RFC
    9370) it calls `sa.use` again with the next SKEYSEED. The initiator's path and state are those of IKE_AUTH by then.
    """
    from dmvpn.features.ikev2.exchanges.auth import Auth

    return Auth(sa)


def abilities(*, fragments: bool, prefers_udp: bool = False) -> tuple[Payload, ...]:
    """What we can besides: fragments (RFC 7383 §2.3), signatures with these hashes (RFC 7427 §4), port 4500."""
    hashes = b"".join(number.to_bytes(2, "big") for number in HASHES)
    cuts = (Notify(NotifyType.FRAGMENTATION_SUPPORTED),) if fragments else ()
    ours = (VendorId(PREFERS_UDP),) if prefers_udp else ()
    return (*cuts, Notify(NotifyType.SIGNATURE_HASH_ALGORITHMS, hashes), *ours)


def note_abilities(sa: IkeSa, message: Chain, udp: UdpUse) -> None:
    """What the peer can besides."""
    sa.prefers_udp = udp.prefers and any(vendor.data == PREFERS_UDP for vendor in message.all(VendorId))
    sa.peer_fragments = message.notify(NotifyType.FRAGMENTATION_SUPPORTED) is not None
    if notify := message.notify(NotifyType.SIGNATURE_HASH_ALGORITHMS):
        data = notify.data
        sa.peer_hashes = tuple(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data) - 1, 2))
