"""Our requests on an existing IKE SA: one class for each kind of request, and for its response.

    Probe, DeleteChild, DeleteIke  INFORMATIONAL (§1.4): liveness checks, and deletion of SAs
    NewChild, RekeyChild           CREATE_CHILD_SA for another child SA, or to replace a child SA (§1.3.1, §1.3.3, §2.8)
    RekeyIke                       CREATE_CHILD_SA to replace the IKE SA itself (§1.3.2, §2.18)

The clauses are of RFC 7296. `events.py` answers the peer's requests.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import Payload, fresh_spi, is_ike_spi
from dmvpn.features.ike.children import ChildSa
from dmvpn.features.ike.crypto import PrivateValue, draw
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.peer_settings import ChildTerms
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Answered, Begun
from dmvpn.features.ike.udp import HALF_OPEN, SHORT_INTERVALS
from dmvpn.features.ike.v2 import negotiation
from dmvpn.features.ike.v2.numbers import ExchangeType, NotifyType
from dmvpn.features.ike.v2.packet import Chain, Delete, KeyExchange, Nonce, Notify, SecurityAssociation
from dmvpn.features.ike.v2.sa import Exchange, IkeSa

#: The size that the largest key of a pseudo-random function needs (§2.10).
NONCE_SIZE: Final = 32
#: Seconds between two tries of a request that the peer could not serve just then (TEMPORARY_FAILURE).
RETRY: Final = 3.0
#: The same for a request that the peer refused: each costs both a key exchange, and will be refused again.
RETRY_REFUSED: Final = 30.0
#: How often IOS asks before it gives a silent peer up.
_PROBES: Final = 6


class Probe(Exchange):
    """An empty request: a peer that answers is alive."""

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa, *, briefly: bool = False) -> None:
        """Briefly: the peer is probably gone."""
        super().__init__(sa)
        if briefly:
            self.intervals = SHORT_INTERVALS
        elif sa.terms is not None and sa.terms.dpd_retry:
            self.intervals = (sa.terms.dpd_retry,) * _PROBES

    def request(self) -> tuple[Payload, ...]:
        """Ask nothing."""
        return ()

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Note that the peer lives."""
        self.sa.emit(Answered(self.sa))


class DeleteChild(Exchange):
    """Give up a child SA.

    spi, spi_out: ours and the peer's; the latter is empty if we never took the child SA.
    """

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa, spi: bytes, spi_out: bytes = b"") -> None:
        super().__init__(sa)
        self.spi, self.spi_out = spi, spi_out

    @classmethod
    def of(cls, sa: IkeSa, child: ChildSa, reason: Reason) -> Self:
        """Give up an existing child SA: nothing is sent on it from now on."""
        sa.remove_child(child, reason)
        return cls(sa, child.spi_in, child.spi_out)

    def request(self) -> tuple[Payload, ...]:
        """Name our inbound SPI, by which the peer finds its own half."""
        return (Delete(ProtocolId.ESP, (self.spi,)),)

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Do nothing: the peer has dropped its half."""


class DeleteIke(Exchange):
    """Give up the IKE SA, and with it all its children: nothing else is asked on it from now on."""

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa, reason: Reason) -> None:
        super().__init__(sa)
        self.reason = reason
        sa.leave()

    def request(self) -> tuple[Payload, ...]:
        """Name no SPI: the IKE SA itself has none (§3.11)."""
        return (Delete(ProtocolId.IKE),)

    def answered(self, answer: Chain, octets: bytes) -> None:
        """End it: both sides know."""
        self.sa.end(self.reason)

    def unanswered(self) -> None:
        """End it, as we meant to anyway."""
        self.sa.end(self.reason)


# ----------------------------------------------------------------------------------------------------------- child SAs


class NewChild(Exchange):
    """A child SA besides the existing ones."""

    KIND: ClassVar = ExchangeType.CREATE_CHILD_SA

    def __init__(self, sa: IkeSa, terms: ChildTerms, group: int | None = None) -> None:
        super().__init__(sa)
        self.terms = terms
        self.ask = negotiation.Ask.of(sa, terms, first=False)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.group = self.ask.suites[0].group if group is None else group
        self.secret: PrivateValue | None = draw(self.group, sa.entropy) if self.group else None

    def request(self) -> tuple[Payload, ...] | None:
        """Return `SK {[N(REKEY_SA)], N(USE_TRANSPORT_MODE), SA, Ni, [KEi], TSi, TSr}`."""
        if not self.sa.is_usable:
            return None
        return (*self._rekeyed(), *self.ask.front(), Nonce(self.nonce), *self._key(), *self.ask.back())

    def _rekeyed(self) -> tuple[Notify, ...]:
        return ()

    def _key(self) -> tuple[KeyExchange, ...]:
        return (KeyExchange(self.group, self.secret.public),) if self.secret else ()

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Take in the new child SA, or the reason why there is none."""
        sa, error = self.sa, answer.error
        if error is not None and self._asks_again(error):
            return
        try:
            child = self.ask.conclude(sa, answer, self._contributions(answer))
        except negotiation.ChildRefused as refused:
            self._refused(refused, answer)
            if error is None:  # the peer has made it nevertheless (§1.3.1)
                sa.queue(DeleteChild(sa, self.ask.spi), urgent=True)
        else:
            self._made(child)

    def _asks_again(self, error: Notify) -> bool:
        """Ask again with another group, or at another time."""
        groups = {suite.group for suite in self.ask.suites}
        if error.kind == NotifyType.INVALID_KE_PAYLOAD and len(error.data) == 2:
            wanted = int.from_bytes(error.data, "big")
            if wanted in groups and wanted != self.group:
                self.sa.queue(self._again(wanted), urgent=True)
                return True
        if error.kind == NotifyType.TEMPORARY_FAILURE:
            self.sa.outgoing.postpone(self._again(self.group), self.sa.now + RETRY)
            return True
        return False

    def _again(self, group: int) -> NewChild:
        return NewChild(self.sa, self.terms, group)

    def _contributions(self, answer: Chain) -> negotiation.Contributions:
        nonce, theirs = answer.find(Nonce), answer.find(KeyExchange)
        if answer.error is not None:
            return negotiation.Contributions(Nonces(self.nonce, b""))
        if nonce is None:
            raise negotiation.ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.NO_NONCE))
        nonces = Nonces(self.nonce, nonce.data)
        if self.secret is None:
            return negotiation.Contributions(nonces)
        if theirs is None or theirs.group != self.group:
            raise negotiation.ChildRefused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.NO_KEY_OF_GROUP))
        return negotiation.Contributions(nonces, negotiation.shared_secret(self.secret, theirs))

    def _made(self, child: ChildSa) -> None:
        self.sa.add_child(child)

    def _refused(self, refused: negotiation.ChildRefused, answer: Chain) -> None:
        self.sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))


class RekeyChild(NewChild):
    """A child SA that takes the place of another, make before break."""

    def __init__(self, sa: IkeSa, old: ChildSa, group: int | None = None) -> None:
        super().__init__(sa, sa.settings.child(old.terms), group)
        self.old = old

    def request(self) -> tuple[Payload, ...] | None:
        """Ask for a successor; nothing if the old one has gone meanwhile."""
        if self.old.spi_in in self.sa.children.active:
            return super().request()
        self.sa.children.take_rival(self.old.spi_in)
        return None

    def _rekeyed(self) -> tuple[Notify, ...]:
        return (Notify(NotifyType.REKEY_SA, b"", ProtocolId.ESP, self.old.spi_in),)

    def _again(self, group: int) -> RekeyChild:
        return RekeyChild(self.sa, self.old, group)

    def _made(self, child: ChildSa) -> None:
        """Send on the new one. If two replace the same one, the one with the lowest nonce goes (§2.8.1)."""
        sa = self.sa
        rival = sa.children.take_rival(self.old.spi_in)
        if rival is not None and child.lowest_nonce < rival:
            sa.add_child(child)
            sa.queue(DeleteChild.of(sa, child, Reason(IkeReason.BOTH_REKEYED)))
            return
        sa.add_child(child, replaces=self.old.spi_in)
        if self.old.spi_in in sa.children.active:
            sa.queue(DeleteChild.of(sa, self.old, Reason(IkeReason.REPLACED)), urgent=True)

    def _refused(self, refused: negotiation.ChildRefused, answer: Chain) -> None:
        sa = self.sa
        rival = sa.children.take_rival(self.old.spi_in)
        if self.old.spi_in not in sa.children.active:  # the peer was faster, and its successor is here
            return
        if answer.notify(NotifyType.CHILD_SA_NOT_FOUND):
            sa.remove_child(self.old, Reason(IkeReason.FORGOTTEN))
            if rival is None:
                sa.queue(NewChild(sa, self.terms))
            return
        sa.trouble(Reason(IkeReason.CHILD_NOT_REPLACED, (refused.why,)))
        sa.outgoing.postpone(RekeyChild(sa, self.old), sa.now + RETRY_REFUSED)


# --------------------------------------------------------------------------------------------------- the IKE SA itself


class RekeyIke(Exchange):
    """A new IKE SA that takes over the children of this one."""

    KIND: ClassVar = ExchangeType.CREATE_CHILD_SA
    IS_INHERITED: ClassVar = False

    def __init__(self, sa: IkeSa, group: int | None = None) -> None:
        super().__init__(sa)
        self.suites = sa.settings.suites(sa.path)
        used = sa.suite.group if sa.suite else self.suites[0].group
        self.group = used if group is None else group
        self.spi = fresh_spi(sa.entropy)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.secret = draw(self.group, sa.entropy)

    def request(self) -> tuple[Payload, ...] | None:
        """Return `SK {SA, Ni, KEi}`."""
        if not self.sa.is_usable:
            return None
        offer = SecurityAssociation(negotiation.ike_offer(self.suites, self.spi))
        return offer, Nonce(self.nonce), KeyExchange(self.group, self.secret.public)

    def answered(self, answer: Chain, octets: bytes) -> None:
        """Begin the new IKE SA with message 0, in both directions; we are its original initiator."""
        sa, error = self.sa, answer.error
        if error is not None:
            self._refused(error.kind, error.data, error.name)
            return
        chosen, theirs, nonce = answer.find(SecurityAssociation), answer.find(KeyExchange), answer.find(Nonce)
        suite = negotiation.accepted(self.suites, chosen.proposals, ProtocolId.IKE) if chosen else None
        if suite is not None and chosen is not None and not is_ike_spi(chosen.proposals[0].spi):
            suite = None
        if chosen is None or theirs is None or nonce is None or suite is None or theirs.group != self.group:
            why = negotiation.mismatch(self.suites, chosen.proposals if chosen else (), ProtocolId.IKE)
            sa.trouble(Reason(IkeReason.REKEY_FAILED, (why,)))
            return
        try:
            shared = self.secret.agree(theirs.data)
        except WireError as wrong:
            sa.trouble(Reason(IkeReason.REKEY_FAILED, (wrong,)))
            return
        nonces = Nonces(self.nonce, nonce.data)
        successor = sa.successor(suite, nonces, shared, (self.spi, chosen.proposals[0].spi), initiated=True)
        rival = sa.take_rival()
        if rival is not None and nonces.lowest < rival.lowest:
            sa.hand_over(rival.successor)  # the peer deletes the old one
            sa.emit(Begun(successor))
            surplus = DeleteIke(successor, Reason(IkeReason.BOTH_REKEYED))
            for output in successor.begin(surplus, sa.now):
                sa.emit(output)
            return
        if rival is not None:  # the peer deletes it, unless it never heard of it
            rival.successor.give_up(sa.now + HALF_OPEN)
            sa.emit(Begun(rival.successor))
        sa.hand_over(successor)
        sa.queue(DeleteIke(sa, Reason(IkeReason.REPLACED)), urgent=True)

    def _refused(self, kind: int, data: bytes, name: str) -> None:
        sa = self.sa
        if sa.yield_to_rival():
            return
        groups = {suite.group for suite in self.suites}
        wanted = int.from_bytes(data, "big") if len(data) == 2 else 0
        if kind == NotifyType.INVALID_KE_PAYLOAD and wanted in groups and wanted != self.group:
            sa.queue(RekeyIke(sa, wanted), urgent=True)
        elif kind == NotifyType.TEMPORARY_FAILURE:
            sa.outgoing.postpone(RekeyIke(sa), sa.now + RETRY)
        else:
            sa.trouble(Reason(IkeReason.REKEY_FAILED, (Reason(IkeReason.ANSWER, (name,)),)))
            sa.outgoing.postpone(RekeyIke(sa), sa.now + RETRY_REFUSED)
