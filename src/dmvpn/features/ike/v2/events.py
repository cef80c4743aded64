"""What a peer sends on an IKE SA: requests are answered, answers go to the exchange that asked. RFC 7296 §1.2 to §1.4.

    handle --> a request   --> `Answer`: IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL
           --> an answer   --> `Exchange.answered`
           --> once more   --> the same answer again

Errors are sent to the peer as a bare notify; the reason goes to our own log.
"""

from __future__ import annotations

from dmvpn.base.errors import WireError, surely
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.ike.chain import Payload, fresh_spi, is_ike_spi
from dmvpn.features.ike.children import ChildSa
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.crypto.material import Nonces
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.peer_settings import DatagramPath
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Transmit
from dmvpn.features.ike.udp import HALF_OPEN
from dmvpn.features.ike.v2 import packet
from dmvpn.features.ike.v2.channel import Channel, Illegible
from dmvpn.features.ike.v2.exchanges import NONCE_SIZE, DeleteChild, RekeyChild, RekeyIke
from dmvpn.features.ike.v2.initial_exchanges import certificates, check_proof, our_proof
from dmvpn.features.ike.v2.negotiation import (
    ChildRefused,
    Contributions,
    choice_for,
    choose,
    mismatch,
    settle,
    shared_secret,
)
from dmvpn.features.ike.v2.numbers import ExchangeType, NotifyType
from dmvpn.features.ike.v2.sa import MOST_CHILDREN, IkeSa, SaState


class Answer(Value):
    """The response to a request.

    ending: why the IKE SA ends once it is sent; None: it goes on.
    """

    payloads: tuple[Payload, ...]
    ending: Reason | None = None


def handle(sa: IkeSa, message: packet.Message, octets: bytes, path: DatagramPath, now: float) -> None:
    """Take in a message whose SPIs are those of this IKE SA. Never raises for what a peer may send."""
    sa.at(now)
    header = message.header
    if header.from_initiator is not sa.is_initiator and sa.state is not SaState.DEAD:
        try:
            if header.is_response:
                _hear_answer(sa, message, octets, path)
            else:
                _hear_request(sa, message, octets, path)
        except Illegible as error:
            _illegible(sa, header, error, path)
        except WireError:
            pass  # it is not the peer's: the peer's own message comes again
        sa.pump()


def _hear_answer(sa: IkeSa, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
    header = message.header
    exchange = sa.outgoing.current
    if exchange is None or not sa.outgoing.is_answer(header.message_id) or header.exchange != exchange.KIND:
        return
    if header.exchange == ExchangeType.IKE_SA_INIT:
        exchange.answered(message, octets)
        return
    inside = sa.channel.open(message, octets) if sa.channel is not None else None
    if inside is None:
        return
    sa.hears(path)
    sa.outgoing.answered()
    if header.exchange != ExchangeType.IKE_AUTH and packet.says_invalid_syntax(inside.payloads):
        sa.trouble(Reason(IkeReason.SYNTAX_REFUSED, (exchange.KIND.name,)))  # and has dropped it, §2.21.3
        sa.end(surely(sa.hint))
        return
    exchange.answered(inside, octets)


def _hear_request(sa: IkeSa, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
    header = message.header
    if sa.channel is None or (sa.is_initiator and sa.state is SaState.PROVING):
        return  # a responder whose proof we have not seen yet; an honest one repeats its request
    if not sa.incoming.is_new(header.message_id):
        if sa.incoming.is_last(header.message_id):
            _hear_again(sa, sa.channel, message, octets, path)
        return
    inside = sa.channel.open(message, octets)
    if inside is None:
        return
    sa.hears(path)
    answer = _answer(sa, header.exchange, inside)
    _reply(sa, header, answer.payloads, path)
    ending = Reason(IkeReason.FORBIDDEN) if packet.says_invalid_syntax(answer.payloads) else answer.ending
    if ending is not None:
        sa.yield_to_rival()  # the peer, which deletes this one, knows already that its own new one stays
        sa.end(ending)


def _hear_again(sa: IkeSa, channel: Channel, message: packet.Message, octets: bytes, path: DatagramPath) -> None:
    """Answer the last request again: the same octets, or sealed by the peer again. Raises WireError.

    The answer goes where the SA is, or to its other port (`Session.path_back`).
    """
    fragment = message.find(packet.EncryptedFragment)
    if fragment is not None and fragment.number != 1:  # RFC 7383 §2.6.2
        return
    if not sa.incoming.is_repetition(octets):
        channel.check(message, octets)
    if again := sa.incoming.again(sa.now):
        sa.emit(Transmit(sa, sa.path_back(path), again))


def _reply(sa: IkeSa, header: packet.Header, payloads: tuple[Payload, ...], path: DatagramPath) -> None:
    """Send it to where the request came from (§2.11), which may be elsewhere for once."""
    datagrams = sa.sealed(header.exchange, header.message_id, payloads, response=True)
    sa.incoming.answered(surely(sa.channel).asked, datagrams)
    sa.emit(Transmit(sa, path, datagrams))


def _illegible(sa: IkeSa, header: packet.Header, error: Illegible, path: DatagramPath) -> None:
    """Answer a request that is illegible although the peer itself sent it, and end the SA (§2.21.3)."""
    sa.trouble(Reason(IkeReason.ILLEGIBLE, (error,)))
    if header.is_response:
        return
    if error.critical is not None:
        notify = packet.Notify(NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((error.critical,)))
        _reply(sa, header, (notify,), path)
        return
    _reply(sa, header, (packet.Notify(NotifyType.INVALID_SYNTAX),), path)
    sa.end(Reason(IkeReason.NOT_READ))


# ------------------------------------------------------------------------------------------------------- requests


def _answer(sa: IkeSa, kind: int, request: packet.Chain) -> Answer:
    """Return the response to a request that opened."""
    match kind:
        case ExchangeType.IKE_AUTH if sa.state is SaState.PROVING:
            return _auth(sa, request)
        case ExchangeType.CREATE_CHILD_SA if sa.state in (SaState.ESTABLISHED, SaState.CLOSING):
            return Answer(_create(sa, request))
        case ExchangeType.INFORMATIONAL if sa.state in (SaState.ESTABLISHED, SaState.CLOSING):
            return _inform(sa, request)
        case _:
            return Answer((packet.Notify(NotifyType.INVALID_SYNTAX),))


# ------------------------------------------------------------------------------------------------------- IKE_AUTH


def _auth(sa: IkeSa, request: packet.Chain) -> Answer:
    theirs, wanted = request.find(packet.InitiatorId), request.find(packet.ResponderId)
    if theirs is None:
        return _refuse(sa, Reason(IkeReason.NO_IDENTITY))
    chain = tuple(payload.data for payload in request.all(packet.Certificate))
    terms = sa.settings.terms(sa.path, theirs, wanted, chain)
    if isinstance(terms, Reason):
        return _refuse(sa, terms)
    evidence = check_proof(sa, terms, theirs, request)
    if isinstance(evidence, Reason):
        return _refuse(sa, evidence)
    sa.proved(terms, theirs, evidence, initial_contact=request.notify(NotifyType.INITIAL_CONTACT) is not None)
    identity = packet.ResponderId(terms.identity.kind, terms.identity.data)
    mine = (identity, *certificates(terms), our_proof(sa, terms, identity))
    try:
        choice = choice_for(request, terms.child.first_suites)
        settled = settle(sa, request, terms.child, choice, Contributions(sa.nonces))
    except ChildRefused as refused:
        sa.trouble(Reason(IkeReason.NO_CHILD_FOR, (name_of(theirs), refused.why)))
        return Answer((*mine, refused.notify))
    sa.add_child(settled.child)
    return Answer((*mine, *settled.front, *settled.back))


def _refuse(sa: IkeSa, why: Reason) -> Answer:
    """Refuse. The peer learns only that it failed (RFC 7296 §2.21.2)."""
    sa.trouble(why)
    return Answer((packet.Notify(NotifyType.AUTHENTICATION_FAILED),), why)


# ------------------------------------------------------------------------------------------------- CREATE_CHILD_SA


def _create(sa: IkeSa, request: packet.Chain) -> tuple[Payload, ...]:
    offers = request.find(packet.SecurityAssociation)
    if offers is None or request.find(packet.Nonce) is None:
        return (packet.Notify(NotifyType.INVALID_SYNTAX),)
    if not sa.is_usable:
        return (packet.Notify(NotifyType.TEMPORARY_FAILURE),)
    try:
        if offers.proposals[0].protocol == ProtocolId.IKE:
            return _rekey_ike(sa, request, offers)
        return _create_child(sa, request)
    except ChildRefused as refused:
        if refused.notify.kind not in (NotifyType.TEMPORARY_FAILURE, NotifyType.CHILD_SA_NOT_FOUND):
            sa.trouble(Reason(IkeReason.NO_CHILD, (refused.why,)))
        return (refused.notify,)


def _create_child(sa: IkeSa, request: packet.Chain) -> tuple[Payload, ...]:
    old = _rekeyed(sa, request)
    if isinstance(sa.outgoing.current, RekeyIke):
        raise ChildRefused(NotifyType.TEMPORARY_FAILURE, Reason(IkeReason.IKE_BEING_REPLACED))  # §2.25.2
    if len(sa.children) >= MOST_CHILDREN:
        raise ChildRefused(NotifyType.NO_ADDITIONAL_SAS, Reason(IkeReason.TOO_MANY_CHILDREN, (len(sa.children),)))
    terms = sa.settings.child(old.terms if old else surely(sa.terms).child)
    key = request.find(packet.KeyExchange)
    choice = choice_for(request, terms.suites, has_group=key.group if key else None)
    mine, given = _agree(sa, request, choice.suite.group)
    settled = settle(sa, request, terms, choice, given)
    sa.add_child(settled.child, replaces=old.spi_in if old else None)
    if old and any(isinstance(ours, RekeyChild) and ours.old.spi_in == old.spi_in for ours in sa.outgoing.all):
        sa.children.crossed(old.spi_in, given.nonces.lowest)
    elif old:
        sa.children.begin_rekey(old.spi_in)  # by the peer: we do not begin with it as well
    return (*settled.front, *mine, *settled.back)


def _rekeyed(sa: IkeSa, request: packet.Chain) -> ChildSa | None:
    """Return the child SA that must be replaced. Raises ChildRefused if there is no such one."""
    notify = request.notify(NotifyType.REKEY_SA)
    if notify is None:
        return None
    old = sa.children.by_outbound(notify.spi)
    if old is not None:
        return old
    if any(isinstance(ours, DeleteChild) and ours.spi_out == notify.spi for ours in sa.outgoing.all):
        raise ChildRefused(NotifyType.TEMPORARY_FAILURE, Reason(IkeReason.REPLACES_DELETED))  # §2.25.1
    raise ChildRefused(NotifyType.CHILD_SA_NOT_FOUND, Reason(IkeReason.REPLACES_NONE))


def _agree(sa: IkeSa, request: packet.Chain, group: int) -> tuple[tuple[Payload, ...], Contributions]:
    """Return our nonce (and key, with PFS), and what follows from both. Raises ChildRefused."""
    nonce, key = surely(request.find(packet.Nonce)), request.find(packet.KeyExchange)
    mine = sa.entropy.octets(NONCE_SIZE)
    nonces = Nonces(nonce.data, mine)
    if not group:
        return (packet.Nonce(mine),), Contributions(nonces)
    if key is None or key.group != group:
        raise ChildRefused(NotifyType.INVALID_KE_PAYLOAD, Reason(IkeReason.GROUP, (group,)), group.to_bytes(2, "big"))
    secret = draw(group, sa.entropy)
    return (packet.Nonce(mine), packet.KeyExchange(group, secret.public)), Contributions(
        nonces, shared_secret(secret, key)
    )


def _rekey_ike(sa: IkeSa, request: packet.Chain, offers: packet.SecurityAssociation) -> tuple[Payload, ...]:
    suites, key = sa.settings.suites(sa.path), request.find(packet.KeyExchange)
    choice = choose(suites, offers.proposals, ProtocolId.IKE, has_group=key.group if key else None)
    if choice is None or not is_ike_spi(choice.offer.spi):
        why = mismatch(suites, offers.proposals, ProtocolId.IKE)
        raise ChildRefused(NotifyType.NO_PROPOSAL_CHOSEN, Reason(IkeReason.IKE_NOT_REPLACED, (why,)))
    if sa.outgoing.current is not None and not isinstance(sa.outgoing.current, RekeyIke):
        raise ChildRefused(NotifyType.TEMPORARY_FAILURE, Reason(IkeReason.EXCHANGE_ON_ITS_WAY))  # §2.25.2
    mine, given = _agree(sa, request, choice.suite.group)
    spi = fresh_spi(sa.entropy)
    spis = (choice.offer.spi, spi)
    successor = sa.successor(choice.suite, given.nonces, given.shared, spis, initiated=False)
    if isinstance(sa.outgoing.current, RekeyIke):  # who wins is known when ours is answered
        sa.crossed(successor, given.nonces.lowest)
    else:
        sa.hand_over(successor)
        sa.give_up(sa.now + HALF_OPEN)  # the peer deletes it (§1.3.2), unless we never hear of it
    return (packet.SecurityAssociation((choice.answer(spi),)), *mine)


# --------------------------------------------------------------------------------------------------- INFORMATIONAL


def _inform(sa: IkeSa, request: packet.Chain) -> Answer:
    ending: Reason | None = None
    for kind in (NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX):
        if request.notify(kind):  # instead of a DELETE, §2.21.2 and §2.21.3
            sa.trouble(Reason(IkeReason.PEER_SAYS, (kind.name,)))
            ending = sa.hint
    spis: list[bytes] = []
    for delete in request.all(packet.Delete):
        if delete.protocol == ProtocolId.IKE:
            ending = Reason(IkeReason.DELETED)
        elif delete.protocol == ProtocolId.ESP:
            for spi in delete.spis:
                if child := sa.children.by_outbound(spi):
                    sa.remove_child(child, Reason(IkeReason.DELETED))
                    spis.append(child.spi_in)
    return Answer((packet.Delete(ProtocolId.ESP, tuple(spis)),) if spis else (), ending)
