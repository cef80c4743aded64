"""CREATE_CHILD_SA for a child SA: another one, or one that replaces an older one. RFC 7296 §1.3.1, §1.3.3, §2.8."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.crypto.groups import draw
from dmvpn.features.ikev2.crypto.keys import Nonces
from dmvpn.features.ikev2.exchanges.exchange import Exchange
from dmvpn.features.ikev2.exchanges.informational import DeleteChild
from dmvpn.features.ikev2.exchanges.init import NONCE_SIZE
from dmvpn.features.ikev2.negotiation import Agreement, Ask, Refused, shared_secret
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import RETRY, RETRY_REFUSED
from dmvpn.features.ikev2.wire.numbers import ExchangeType, NotifyType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import KeyExchange, Nonce, Notify, Payload

if TYPE_CHECKING:
    from dmvpn.features.ikev2.children import ChildSa
    from dmvpn.features.ikev2.crypto.groups import PrivateValue
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import ChildTerms
    from dmvpn.features.ikev2.wire.message import Chain


class NewChild(Exchange):
    """A child SA besides those that are there."""

    KIND: ClassVar = ExchangeType.CREATE_CHILD_SA

    def __init__(self, sa: IkeSa, terms: ChildTerms, group: int | None = None) -> None:
        super().__init__(sa)
        self.terms = terms
        self.ask = Ask.of(sa, terms, first=False)
        self.nonce = sa.entropy.octets(NONCE_SIZE)
        self.group = self.ask.suites[0].group if group is None else group
        self.secret: PrivateValue | None = draw(self.group, sa.entropy) if self.group else None

    def request(self) -> tuple[Payload, ...] | None:
        """`SK {[N(REKEY_SA)], N(USE_TRANSPORT_MODE), SA, Ni, [KEi], TSi, TSr}`."""
        if not self.sa.is_usable:
            return None
        return (*self._rekeyed(), *self.ask.front(), Nonce(self.nonce), *self._key(), *self.ask.back())

    def _rekeyed(self) -> tuple[Notify, ...]:
        return ()

    def _key(self) -> tuple[KeyExchange, ...]:
        return (KeyExchange(self.group, self.secret.public),) if self.secret else ()

    def answered(self, answer: Chain, octets: bytes) -> None:
        """A new child SA, or the reason why there is none."""
        sa, error = self.sa, answer.error
        if error is not None and self._asks_again(error):
            return
        try:
            child = self.ask.conclude(sa, answer, self._agreement(answer))
        except Refused as refused:
            self._refused(refused, answer)
            if error is None:  # the peer has made it nevertheless (§1.3.1)
                sa.queue(DeleteChild(sa, self.ask.spi), urgent=True)
        else:
            self._made(child)

    def _asks_again(self, error: Notify) -> bool:
        """Another group, or another time."""
        groups = {suite.group for suite in self.ask.suites}
        if error.kind == NotifyType.INVALID_KE_PAYLOAD and len(error.data) == 2:
            wanted = int.from_bytes(error.data, "big")
            if wanted in groups and wanted != self.group:
                self.sa.queue(self._again(wanted), urgent=True)
                return True
        if error.kind == NotifyType.TEMPORARY_FAILURE:
            self.sa.later.append((self.sa.now + RETRY, self._again(self.group)))
            return True
        return False

    def _again(self, group: int) -> NewChild:
        return NewChild(self.sa, self.terms, group)

    def _agreement(self, answer: Chain) -> Agreement:
        nonce, theirs = answer.find(Nonce), answer.find(KeyExchange)
        if answer.error is not None:
            return Agreement(Nonces(self.nonce, b""))
        if nonce is None:
            raise Refused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.NO_NONCE))
        nonces = Nonces(self.nonce, nonce.data)
        if self.secret is None:
            return Agreement(nonces)
        if theirs is None or theirs.group != self.group:
            raise Refused(NotifyType.INVALID_SYNTAX, Reason(IkeReason.NO_KEY_OF_GROUP))
        return Agreement(nonces, shared_secret(self.secret, theirs))

    def _made(self, child: ChildSa) -> None:
        self.sa.add_child(child)

    def _refused(self, refused: Refused, answer: Chain) -> None:
        self.sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))


class RekeyChild(NewChild):
    """A child SA that takes the place of another, make before break."""

    def __init__(self, sa: IkeSa, old: ChildSa, group: int | None = None) -> None:
        super().__init__(sa, sa.book.child(old.terms), group)
        self.old = old

    def request(self) -> tuple[Payload, ...] | None:
        """Nothing if the old one has gone meanwhile."""
        if self.old.spi_in in self.sa.children.active:
            return super().request()
        self.sa.children.rivals.pop(self.old.spi_in, None)
        return None

    def _rekeyed(self) -> tuple[Notify, ...]:
        return (Notify(NotifyType.REKEY_SA, b"", ProtocolId.ESP, self.old.spi_in),)

    def _again(self, group: int) -> RekeyChild:
        return RekeyChild(self.sa, self.old, group)

    def _made(self, child: ChildSa) -> None:
        """The new one sends from now on. Of two that replace the same one, that with the lowest nonce goes (§2.8.1)."""
        sa = self.sa
        rival = sa.children.rivals.pop(self.old.spi_in, None)
        if rival is not None and child.lowest_nonce < rival:
            sa.add_child(child)
            sa.queue(DeleteChild.of(sa, child, Reason(IkeReason.BOTH_REKEYED)))
            return
        sa.add_child(child, replaces=self.old.spi_in)
        if self.old.spi_in in sa.children.active:
            sa.queue(DeleteChild.of(sa, self.old, Reason(IkeReason.REPLACED)), urgent=True)

    def _refused(self, refused: Refused, answer: Chain) -> None:
        sa = self.sa
        rival = sa.children.rivals.pop(self.old.spi_in, None)
        if self.old.spi_in not in sa.children.active:  # the peer was faster, and its successor is here
            return
        if answer.notify(NotifyType.CHILD_SA_NOT_FOUND):
            sa.remove_child(self.old, Reason(IkeReason.FORGOTTEN))
            if rival is None:
                sa.queue(NewChild(sa, self.terms))
            return
        sa.trouble(Reason(IkeReason.CHILD_NOT_REPLACED, (refused.why,)))
        sa.later.append((sa.now + RETRY_REFUSED, RekeyChild(sa, self.old)))
