"""CREATE_CHILD_SA that replaces the IKE SA itself, RFC 7296 §1.3.2 and §2.18."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.acts import Begun, Replaced
from dmvpn.features.ikev2.crypto.groups import draw
from dmvpn.features.ikev2.crypto.keys import Nonces, rekeyed_seed
from dmvpn.features.ikev2.exchanges.exchange import Exchange
from dmvpn.features.ikev2.exchanges.informational import DeleteIke
from dmvpn.features.ikev2.exchanges.init import NONCE_SIZE
from dmvpn.features.ikev2.offers import accepted, ike_offer, mismatch
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import HALF_OPEN, RETRY, RETRY_REFUSED, IkeSa, Move
from dmvpn.features.ikev2.spis import fresh_spi
from dmvpn.features.ikev2.wire.message import NO_SPI
from dmvpn.features.ikev2.wire.numbers import ExchangeType, NotifyType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import KeyExchange, Nonce, Payload, SecurityAssociation

if TYPE_CHECKING:
    from dmvpn.features.ikev2.offers import Suite
    from dmvpn.features.ikev2.wire.message import Chain


@dataclass(frozen=True, slots=True)
class Rival:
    """The IKE SA that the peer made to replace ours while we made one, too. lowest: of both nonces (§2.8.1)."""

    successor: IkeSa
    lowest: bytes


class RekeyIke(Exchange):
    """A new IKE SA that takes over the children of this one."""

    KIND: ClassVar = ExchangeType.CREATE_CHILD_SA

    def __init__(self, sa: IkeSa, group: int | None = None) -> None:
        super().__init__(sa)
        self.suites = sa.book.suites(sa.path)
        used = sa.suite.group if sa.suite else self.suites[0].group
        self.group = used if group is None else group
        self.spi = fresh_spi(sa.entropy)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.secret = draw(self.group, sa.entropy)

    def request(self) -> tuple[Payload, ...] | None:
        """`SK {SA, Ni, KEi}`."""
        if not self.sa.is_usable:
            return None
        offer = SecurityAssociation(ike_offer(self.suites, self.spi))
        return offer, Nonce(self.nonce), KeyExchange(self.group, self.secret.public)

    def answered(self, answer: Chain, octets: bytes) -> None:
        """The new IKE SA begins with message 0, in both directions; we are its original initiator."""
        sa, error = self.sa, answer.error
        if error is not None:
            self._refused(error.kind, error.data, error.name)
            return
        chosen, theirs, nonce = answer.find(SecurityAssociation), answer.find(KeyExchange), answer.find(Nonce)
        suite = accepted(self.suites, chosen.proposals, ProtocolId.IKE) if chosen else None
        if suite is not None and chosen is not None and not is_ike_spi(chosen.proposals[0].spi):
            suite = None
        if chosen is None or theirs is None or nonce is None or suite is None or theirs.group != self.group:
            why = mismatch(self.suites, chosen.proposals if chosen else (), ProtocolId.IKE)
            sa.trouble(Reason(IkeReason.REKEY_FAILED, (why,)))
            return
        try:
            shared = self.secret.agree(theirs.data)
        except WireError as wrong:
            sa.trouble(Reason(IkeReason.REKEY_FAILED, (wrong,)))
            return
        nonces = Nonces(self.nonce, nonce.data)
        successor = succeed(sa, suite, nonces, shared, (self.spi, chosen.proposals[0].spi), initiated=True)
        rival, sa.rival = sa.rival, None
        if rival is not None and nonces.lowest < rival.lowest:
            hand_over(sa, rival.successor)  # the peer deletes the old one
            sa.act(Begun(successor))
            surplus = DeleteIke(successor, Reason(IkeReason.BOTH_REKEYED))
            for act in successor.begin(surplus, sa.now):
                sa.act(act)
            return
        if rival is not None:  # the peer deletes it, unless it never heard of it
            rival.successor.gives_up_at = sa.now + HALF_OPEN
            sa.act(Begun(rival.successor))
        hand_over(sa, successor)
        sa.queue(DeleteIke(sa, Reason(IkeReason.REPLACED)), urgent=True)

    def _refused(self, kind: int, data: bytes, name: str) -> None:
        sa = self.sa
        if sa.rival is not None:
            hand_over(sa, sa.rival.successor)
            sa.rival = None
            return
        groups = {suite.group for suite in self.suites}
        wanted = int.from_bytes(data, "big") if len(data) == 2 else 0
        if kind == NotifyType.INVALID_KE_PAYLOAD and wanted in groups and wanted != self.group:
            sa.queue(RekeyIke(sa, wanted), urgent=True)
        elif kind == NotifyType.TEMPORARY_FAILURE:
            sa.later.append((sa.now + RETRY, RekeyIke(sa)))
        else:
            sa.trouble(Reason(IkeReason.REKEY_FAILED, (Reason(IkeReason.ANSWER, (name,)),)))
            sa.later.append((sa.now + RETRY_REFUSED, RekeyIke(sa)))


def is_ike_spi(spi: bytes) -> bool:
    """8 octets that are not all zero (RFC 7296 §3.1 and §3.3.1)."""
    return len(spi) == len(NO_SPI) and spi != NO_SPI


def succeed(
    sa: IkeSa, suite: Suite, nonces: Nonces, shared: bytes, spis: tuple[bytes, bytes], *, initiated: bool
) -> IkeSa:
    """The IKE SA that follows: who it is with and where stays, everything else is new. §2.18."""
    successor = IkeSa(book=sa.book, entropy=sa.entropy, path=sa.path, is_initiator=initiated, now=sa.now)
    successor.spi_i, successor.spi_r = spis
    successor.terms, successor.theirs, successor.nat = sa.terms, sa.theirs, sa.nat
    successor.peer_hashes, successor.peer_fragments = sa.peer_hashes, sa.peer_fragments
    successor.prefers_udp, successor.number, successor.connection = sa.prefers_udp, sa.number, sa.connection
    successor.proved_by, successor.chain = sa.proved_by, sa.chain
    successor.entry, successor.named = sa.entry, sa.named
    successor.use(suite, rekeyed_seed(sa.prf, surely(sa.keys).d, nonces, shared), nonces)
    successor.established(Move.SUCCEEDED)
    return successor


def hand_over(sa: IkeSa, successor: IkeSa) -> None:
    """All children belong to the successor from now on, and so do the requests that still wait."""
    successor.children, sa.children = sa.children, successor.children
    sa.rekey_at = None
    waiting = [exchange for exchange in sa.outgoing.waiting if not isinstance(exchange, RekeyIke)]
    later = [entry for entry in sa.later if not isinstance(entry[1], RekeyIke)]
    sa.outgoing.waiting.clear()
    sa.later = []
    for exchange in (*waiting, *(exchange for _, exchange in later)):
        exchange.sa = successor
    successor.outgoing.waiting.extend(waiting)
    successor.later += later
    sa.act(Replaced(sa, successor))
