"""What the peer asks, and what we answer: IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL. RFC 7296 §1.2 to §1.4.

Each function takes the opened request and returns the payloads of the response, or None where none is due. What goes
wrong is told to the peer as a bare notify; why, is for our own log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.errors import surely
from dmvpn.base.reasons import Reason
from dmvpn.features.ikev2.acts import Begun, Established
from dmvpn.features.ikev2.children import LARGEST_NUMBER
from dmvpn.features.ikev2.crypto.groups import draw
from dmvpn.features.ikev2.crypto.keys import Nonces
from dmvpn.features.ikev2.exchanges.auth import certificates
from dmvpn.features.ikev2.exchanges.child import RekeyChild
from dmvpn.features.ikev2.exchanges.informational import DeleteChild
from dmvpn.features.ikev2.exchanges.init import NONCE_SIZE
from dmvpn.features.ikev2.exchanges.rekey import RekeyIke, Rival, hand_over, is_ike_spi, succeed
from dmvpn.features.ikev2.identity import name_of
from dmvpn.features.ikev2.negotiation import Agreement, Refused, settle, shared_secret, suite_of
from dmvpn.features.ikev2.offers import choose, mismatch
from dmvpn.features.ikev2.proof import check_proof, our_proof
from dmvpn.features.ikev2.reasons import IkeReason
from dmvpn.features.ikev2.sa import HALF_OPEN, SaState
from dmvpn.features.ikev2.spis import fresh_spi
from dmvpn.features.ikev2.wire.numbers import ExchangeType, NotifyType, ProtocolId
from dmvpn.features.ikev2.wire.payloads import (
    Certificate,
    Delete,
    InitiatorId,
    KeyExchange,
    Nonce,
    Notify,
    Payload,
    ResponderId,
    SecurityAssociation,
)

if TYPE_CHECKING:
    from dmvpn.features.ikev2.children import ChildSa
    from dmvpn.features.ikev2.sa import IkeSa
    from dmvpn.features.ikev2.wire.message import Chain

Answer = tuple[Payload, ...]


def answer(sa: IkeSa, kind: int, request: Chain) -> Answer:
    """The response to a request that opened."""
    match kind:
        case ExchangeType.IKE_AUTH if sa.state is SaState.PROVING:
            return _auth(sa, request)
        case ExchangeType.CREATE_CHILD_SA if sa.state in (SaState.ESTABLISHED, SaState.CLOSING):
            return _create(sa, request)
        case ExchangeType.INFORMATIONAL if sa.state in (SaState.ESTABLISHED, SaState.CLOSING):
            return _inform(sa, request)
        case _:
            return (Notify(NotifyType.INVALID_SYNTAX),)


# ------------------------------------------------------------------------------------------------------- IKE_AUTH


def _auth(sa: IkeSa, request: Chain) -> Answer:
    theirs, wanted = request.find(InitiatorId), request.find(ResponderId)
    if theirs is None:
        return _refuse(sa, Reason(IkeReason.NO_IDENTITY))
    chain = tuple(payload.data for payload in request.all(Certificate))
    terms = sa.book.terms(sa.path, theirs, wanted, chain)
    if isinstance(terms, Reason):
        return _refuse(sa, terms)
    refusal = check_proof(sa, terms, theirs, request)
    if refusal:
        return _refuse(sa, refusal)
    sa.terms, sa.theirs = terms, theirs
    sa.established()
    sa.act(Established(sa))
    identity = ResponderId(terms.identity.kind, terms.identity.data)
    mine = (identity, *certificates(terms), our_proof(sa, terms, identity))
    if request.notify(NotifyType.INITIAL_CONTACT):
        sa.initial_contact = True
    try:
        suite = suite_of(sa, request, terms.child.first_suites)
        settled = settle(sa, request, terms.child, suite, Agreement(sa.nonces))
    except Refused as refused:
        sa.trouble(Reason(IkeReason.NO_CHILD_FOR, (name_of(theirs), refused.why)))
        return (*mine, refused.notify)
    sa.add_child(settled.child)
    return (*mine, *settled.front, *settled.back)


def _refuse(sa: IkeSa, why: Reason) -> Answer:
    """All that the peer learns is that it failed (RFC 7296 §2.21.2)."""
    sa.trouble(why)
    sa.ending = why
    return (Notify(NotifyType.AUTHENTICATION_FAILED),)


# ------------------------------------------------------------------------------------------------- CREATE_CHILD_SA


def _create(sa: IkeSa, request: Chain) -> Answer:
    offers = request.find(SecurityAssociation)
    if offers is None or request.find(Nonce) is None:
        return (Notify(NotifyType.INVALID_SYNTAX),)
    if not sa.is_usable:
        return (Notify(NotifyType.TEMPORARY_FAILURE),)
    try:
        if offers.proposals[0].protocol == ProtocolId.IKE:
            return _rekey_ike(sa, request, offers)
        return _create_child(sa, request)
    except Refused as refused:
        if refused.notify.kind not in (NotifyType.TEMPORARY_FAILURE, NotifyType.CHILD_SA_NOT_FOUND):
            sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))
        return (refused.notify,)


def _create_child(sa: IkeSa, request: Chain) -> Answer:
    old = _rekeyed(sa, request)
    if isinstance(sa.outgoing.current, RekeyIke):
        raise Refused(NotifyType.TEMPORARY_FAILURE, Reason(IkeReason.IKE_BEING_REPLACED))  # §2.25.2
    if len(sa.children) >= LARGEST_NUMBER:
        raise Refused(NotifyType.NO_ADDITIONAL_SAS, Reason(IkeReason.TOO_MANY_CHILDREN, (len(sa.children),)))
    terms = sa.book.child(old.terms if old else surely(sa.terms).child)
    key = request.find(KeyExchange)
    suite = suite_of(sa, request, terms.suites, has_group=key.group if key else None)
    mine, agreement = _agree(sa, request, suite.group)
    settled = settle(sa, request, terms, suite, agreement)
    sa.add_child(settled.child, replaces=old.spi_in if old else None)
    if old and any(isinstance(ours, RekeyChild) and ours.old.spi_in == old.spi_in for ours in sa.asking):
        sa.children.rivals[old.spi_in] = agreement.nonces.lowest
    elif old:
        sa.children.rekeying.add(old.spi_in)  # by the peer: we do not begin with it as well
    return (*settled.front, *mine, *settled.back)


def _rekeyed(sa: IkeSa, request: Chain) -> ChildSa | None:
    """The child SA that is to be replaced. Raises Refused if there is no such one."""
    notify = request.notify(NotifyType.REKEY_SA)
    if notify is None:
        return None
    old = sa.children.by_outbound(notify.spi)
    if old is not None:
        return old
    if any(isinstance(ours, DeleteChild) and ours.spi_out == notify.spi for ours in sa.asking):
        raise Refused(NotifyType.TEMPORARY_FAILURE, Reason(IkeReason.REPLACES_DELETED))  # §2.25.1
    raise Refused(NotifyType.CHILD_SA_NOT_FOUND, Reason(IkeReason.REPLACES_NONE))


def _agree(sa: IkeSa, request: Chain, group: int) -> tuple[tuple[Payload, ...], Agreement]:
    """Our nonce (and key, with PFS), and what follows from both. Raises Refused."""
    nonce, key = surely(request.find(Nonce)), request.find(KeyExchange)
    mine = sa.entropy.octets(NONCE_SIZE)
    nonces = Nonces(nonce.data, mine)
    if not group:
        return (Nonce(mine),), Agreement(nonces)
    if key is None or key.group != group:
        raise Refused(NotifyType.INVALID_KE_PAYLOAD, Reason(IkeReason.GROUP, (group,)), group.to_bytes(2, "big"))
    secret = draw(group, sa.entropy)
    return (Nonce(mine), KeyExchange(group, secret.public)), Agreement(nonces, shared_secret(secret, key))


def _rekey_ike(sa: IkeSa, request: Chain, offers: SecurityAssociation) -> Answer:
    suites, key = sa.book.suites(sa.path), request.find(KeyExchange)
    choice = choose(suites, offers.proposals, ProtocolId.IKE, has_group=key.group if key else None)
    if choice is None or not is_ike_spi(choice.offer.spi):
        why = mismatch(suites, offers.proposals, ProtocolId.IKE)
        raise Refused(NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.IKE_NOT_REPLACED, (why,)))
    if sa.outgoing.current is not None and not isinstance(sa.outgoing.current, RekeyIke):
        raise Refused(NotifyType.TEMPORARY_FAILURE, Reason(IkeReason.EXCHANGE_ON_ITS_WAY))  # §2.25.2
    mine, agreement = _agree(sa, request, choice.suite.group)
    spi = fresh_spi(sa.entropy)
    spis = (choice.offer.spi, spi)
    successor = succeed(sa, choice.suite, agreement.nonces, agreement.shared, spis, initiated=False)
    if isinstance(sa.outgoing.current, RekeyIke):  # who wins is known when ours is answered
        sa.rival = Rival(successor, agreement.nonces.lowest)
        sa.act(Begun(successor))
    else:
        hand_over(sa, successor)
        sa.gives_up_at = sa.now + HALF_OPEN  # the peer deletes it (§1.3.2), unless we never hear of it
    return (SecurityAssociation((choice.answer(spi),)), *mine)


# --------------------------------------------------------------------------------------------------- INFORMATIONAL


def _inform(sa: IkeSa, request: Chain) -> Answer:
    for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX):
        if request.notify(kind):  # instead of a DELETE, §2.21.2 and §2.21.3
            sa.trouble(Reason(IkeReason.PEER_SAYS, (kind.name,)))
            sa.ending = sa.hint
    spis: list[bytes] = []
    for delete in request.all(Delete):
        if delete.protocol == ProtocolId.IKE:
            sa.ending = Reason(IkeReason.DELETED)
        elif delete.protocol == ProtocolId.ESP:
            for spi in delete.spis:
                if child := sa.children.by_outbound(spi):
                    sa.remove_child(child, Reason(IkeReason.DELETED))
                    spis.append(child.spi_in)
    return (Delete(ProtocolId.ESP, tuple(spis)),) if spis else ()
