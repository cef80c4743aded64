"""IKE_AUTH, RFC 7296 §1.2: who are we, who are you, and the first child SA."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.acts import Established
from dmvpn.features.ikev2.exchanges.exchange import Exchange
from dmvpn.features.ikev2.exchanges.informational import DeleteIke
from dmvpn.features.ikev2.negotiation import Agreement, Ask, Refused
from dmvpn.features.ikev2.proof import check_proof, our_proof
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.wire.numbers import CertEncoding, ExchangeType, NotifyType
from dmvpn.features.ikev2.wire.payloads import (
    Certificate,
    CertificateRequest,
    InitiatorId,
    Notify,
    Payload,
    ResponderId,
)

if TYPE_CHECKING:
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.terms import Terms
    from dmvpn.features.ikev2.wire.message import Chain


def certificates(terms: Terms) -> tuple[Certificate, ...]:
    """Our chain, if we prove ourselves with one."""
    return tuple(Certificate(CertEncoding.X509_SIGNATURE, octets) for octets in terms.chain)


def request_for(authorities: tuple[bytes, ...]) -> tuple[CertificateRequest, ...]:
    """Whom we believe, if we believe certificates at all."""
    return (CertificateRequest(CertEncoding.X509_SIGNATURE, b"".join(authorities)),) if authorities else ()


class Auth(Exchange):
    """The second exchange of a new IKE SA, as its initiator."""

    KIND: ClassVar = ExchangeType.IKE_AUTH

    def __init__(self, sa: IkeSa) -> None:
        super().__init__(sa)
        self.terms = surely(sa.terms)
        self.ask = Ask.of(sa, self.terms.child, first=True)

    def request(self) -> tuple[Payload, ...]:
        """`SK {IDi, [CERT], [N(INITIAL_CONTACT)], [CERTREQ], AUTH, N(USE_TRANSPORT_MODE), SAi2, TSi, TSr}`."""
        identity = InitiatorId(self.terms.identity.kind, self.terms.identity.data)
        contact = (Notify(NotifyType.INITIAL_CONTACT),) if self.terms.initial_contact else ()
        proof = our_proof(self.sa, self.terms, identity)
        shown = (*certificates(self.terms), *contact, *request_for(self.terms.authorities))
        return (identity, *shown, proof, *self.ask.front(), *self.ask.back())

    def answered(self, answer: Chain, octets: bytes) -> None:
        """The responder proves itself, too; a child SA that failed does not undo that (§1.2)."""
        sa = self.sa
        identity = answer.find(ResponderId)
        if identity is None:
            sa.end(_refusal(answer))
            return
        refusal = check_proof(sa, self.terms, identity, answer)
        if refusal:
            sa.trouble(refusal)
            sa.queue(DeleteIke(sa, refusal), urgent=True)
            return
        sa.theirs = identity
        sa.initial_contact = answer.notify(NotifyType.INITIAL_CONTACT) is not None
        sa.established()
        sa.act(Established(sa))
        try:
            sa.add_child(self.ask.conclude(sa, answer, Agreement(sa.nonces)))
        except Refused as refused:
            sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))


def _refusal(answer: Chain) -> Reason:
    error = answer.error
    if error is None:
        return Reason(IkeReason.ANSWER_WITHOUT_IDENTITY)
    if error.kind == NotifyType.AUTHENTICATION_FAILED:
        return Reason(IkeReason.PROOF_REFUSED)
    return Reason(IkeReason.REFUSED, (error.name,))
