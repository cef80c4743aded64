"""What happens to an ISAKMP SA: messages of the peer, time, and other ISAKMP SAs with the same peer.

    message  to the exchange with its message ID, or the beginning of another one; RFC 2408 §3.1
    time     repetitions, dead peer detection, rekeys, lifetimes; RFC 2408 §5.1, RFC 3706

Informational exchanges, RFC 2409 §5.7: deletes, notifications, and dead peer detection (RFC 3706).

Their messages are not answered and not repeated. In clear nothing is believed: a notification about main mode is only
shown to people, and one about ESP is a hint. So is a message that comes instead of message 6 and cannot be read: a peer
with another pre-shared key has other keys.

Which ISAKMP SA takes the place of another one with the same peer, and gets its children. RFC 2408 §2.5.1.

parallel  another ISAKMP SA with the same proved peer at the same place: addresses, and behind a NAT the port
adoption  an ISAKMP SA that ends gives its children to its newest parallel SA. An established ISAKMP SA takes the
          children of all ISAKMP SAs that are older than its own beginning; these end some seconds later. Without a
          parallel SA an ISAKMP SA is held for its children, and a main mode begins. (Of two that began at the same
          time, `connections.py` decides which ends.)
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import Final

from dmvpn.base.context import earliest
from dmvpn.base.entropy import fraction
from dmvpn.base.errors import WireError
from dmvpn.base.protection import IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.chain import NO_SPI
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.peer_settings import IKE_PORT, DatagramPath
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Answered, Doubted, StartedAgain, TurnedAway, Unanswered
from dmvpn.features.ike.table import are_together
from dmvpn.features.ike.udp import HALF_OPEN, INTERVALS, TRIES_BY_NAT_PORT
from dmvpn.features.ike.v1.keys import PHASE_1, Channel, IkeKeys, hash_1
from dmvpn.features.ike.v1.main_mode import MainMode
from dmvpn.features.ike.v1.numbers import ExchangeType, NotifyType, Vendor
from dmvpn.features.ike.v1.packet import Chain, Delete, Fragment, Hash, Message, Notify
from dmvpn.features.ike.v1.peers import ParallelSas
from dmvpn.features.ike.v1.quick_mode import QuickAnswer, QuickAsk, covered
from dmvpn.features.ike.v1.sa import MOST_EXCHANGES, RETRY, IsakmpSa, RekeyWanted, SaState, Withdrawn
from dmvpn.features.ike.v1.transmission import parse_whole

# ---------------------------------------------------------------------------------------------- informational exchanges


#: Octets of a sequence number, and the numbers that there are.
_NUMBER_SIZE: Final = 4
_NUMBERS: Final = 1 << 32
_OF_NOTES = "RFC 2409 §5.7"


def hear(sa: IsakmpSa, message: Message, path: DatagramPath) -> None:
    """Take in an encrypted informational message. Raises WireError if it is not the peer's."""
    if sa.channel is None or sa.keys is None:
        raise WireError("an encrypted message before there are keys", offset=0, clause=_OF_NOTES)
    message_id = message.header.message_id
    inside = _opened(sa, sa.channel, sa.keys, message)
    if inside is None:
        sa.trouble(Reason(IkeReason.UNREADABLE_REFUSAL, (sa.path.remote.address,)))
        return
    sa.channel.accept(message)
    sa.channel.forget_chain(message_id)
    if not sa.is_established:
        _hear_before_end(sa, inside.all(Notify))
        return
    for notify in {each.kind: each for each in reversed(inside.all(Notify))}.values():  # one answer to one message
        _hear_notify(sa, notify, message_id, path)
    for delete in inside.all(Delete):
        sa.emit(Withdrawn(sa, delete.protocol, delete.spis))


def _opened(sa: IsakmpSa, channel: Channel, keys: IkeKeys, message: Message) -> Chain | None:
    """Return the payloads of the peer, whose hash is right.

    None: it may be a refusal of our message 5 under other keys, or forged. Raises WireError in all other cases.
    """
    for unfinished in (False,) if sa.is_established else (False, True):
        with suppress(WireError):
            inside = channel.open(message, unfinished=unfinished)
            given, expected = inside.payloads[0], hash_1(keys, message.header.message_id, covered(inside))
            if isinstance(given, Hash) and hmac.compare_digest(given.data, expected):
                return inside
    main = sa.exchanges.get(PHASE_1)
    if sa.is_initiator and not sa.is_established and isinstance(main, MainMode) and not main.signed:
        return None
    raise WireError("the hash is wrong", offset=0, clause=_OF_NOTES)


def _hear_before_end(sa: IsakmpSa, notifies: tuple[Notify, ...]) -> None:
    """Take in a refusal that comes instead of message 6."""
    for notify in notifies:
        if notify.is_error:
            of_identity = notify.kind == NotifyType.INVALID_ID_INFORMATION and sa.terms is not None
            ours = (name_of(sa.terms.identity),) if sa.terms is not None else ()
            why = Reason(IkeReason.IDENTITY_REFUSED, ours) if of_identity else Reason(IkeReason.PROOF_REFUSED)
            sa.trouble(why)
            sa.end(why)
            return


def hear_in_clear(sa: IsakmpSa, message: Message) -> None:
    """Log a refusal that is not authentic; main mode goes on repeating."""
    for notify in message.all(Notify):
        if sa.is_established and notify.kind == NotifyType.INVALID_COOKIE:
            sa.emit(Doubted(sa))
        elif sa.is_initiator and not sa.is_established and notify.is_error:
            offer = sa.exchanges.get(0)
            ours = offer.describe() if offer is not None else ""
            sa.trouble(Reason(IkeReason.INIT_REFUSED, (notify.name, ours)))


def _hear_notify(sa: IsakmpSa, notify: Notify, message_id: int, path: DatagramPath) -> None:
    """Act on a notification. Only a fresh number shows that the peer lives, and where: the rest may be replays."""
    match notify.kind:
        case NotifyType.R_U_THERE if _is_about(sa, notify):
            if sa.is_new_question(int.from_bytes(notify.data, "big")):
                sa.hears(path)
            sa.inform(_presence(sa, NotifyType.R_U_THERE_ACK, notify.data), path=sa.path_back(path))
        case NotifyType.R_U_THERE_ACK if _is_about(sa, notify):
            if sa.question is not None and notify.data == _octets_of(sa.question.number):
                sa.hears(path)
                sa.emit(Answered(sa))
        case NotifyType.INITIAL_CONTACT:
            sa.emit(StartedAgain(sa))
        case NotifyType.CONNECTED:
            for ask in _asks(sa, message_id, notify):
                ask.connected()
        case NotifyType.INVALID_SPI:
            sa.emit(Doubted(sa))
        case _ if notify.is_error and sa.heeds(message_id):
            for ask in _asks(sa, message_id, notify):
                ask.was_refused(notify.name)


def _asks(sa: IsakmpSa, message_id: int, notify: Notify) -> list[QuickAsk]:
    """Return our quick modes that a notification is about: by its SPI, by its message ID, else all that wait."""
    asks = [exchange for exchange in sa.exchanges.values() if isinstance(exchange, QuickAsk)]
    named = [ask for ask in asks if ask.message_id == message_id or (notify.spi and ask.spi == notify.spi)]
    return named or [ask for ask in asks if ask.is_open]


# ------------------------------------------------------------------------------------------------- dead peer detection


def ask(sa: IsakmpSa, seconds: float) -> None:
    """Ask the peer whether it lives, if it knows how to answer. seconds: until it is asked again."""
    if Vendor.DPD in sa.abilities:
        question = sa.asks(seconds)
        presence = _presence(sa, NotifyType.R_U_THERE, _octets_of(question.number))
        sa.inform(presence, path=sa.path_of_try(question.tries))


def _octets_of(number: int) -> bytes:
    return (number % _NUMBERS).to_bytes(_NUMBER_SIZE, "big")


def _presence(sa: IsakmpSa, kind: NotifyType, number: bytes) -> Notify:
    return Notify(kind, number, ProtocolId.IKE, sa.spis)


def _is_about(sa: IsakmpSa, notify: Notify) -> bool:
    """Return whether a question is about this very ISAKMP SA (RFC 3706 §5.3)."""
    return notify.spi == sa.spis and len(notify.data) == _NUMBER_SIZE


# ------------------------------------------------------------------------------------------------ messages


_OF_HEADERS = "RFC 2408 §3.1"


def handle(sa: IsakmpSa, message: Message, octets: bytes, path: DatagramPath, now: float) -> None:
    """Take in a message with the cookies of this ISAKMP SA. Never raises for what a peer may send."""
    sa.at(now)
    if sa.is_dead:
        return
    with suppress(WireError):  # it is not the peer's: the peer's own message comes again
        parts = _whole(sa, message, octets, path)
        if parts is not None:
            _hear(sa, *parts, path)


def _whole(sa: IsakmpSa, message: Message, octets: bytes, path: DatagramPath) -> tuple[Message, bytes] | None:
    """Return a message and its octets, if it is not in fragments or this was the last. Raises WireError."""
    fragment = message.find(Fragment)
    if fragment is None:
        return message, octets
    if sa.is_unanswered and path.remote.address != sa.path.remote.address:
        raise WireError("a fragment of message 2 from another address", offset=0, clause=_OF_HEADERS)
    joined = sa.join(fragment)
    if joined is None:
        return None
    try:
        return parse_whole(message, joined), joined
    except WireError as error:
        sa.emit(TurnedAway(path, Reason(IkeReason.OF_WIRE, (error,)), logged=True, version=IkeVersion.V1))
        return None


def _hear(sa: IsakmpSa, message: Message, octets: bytes, path: DatagramPath) -> None:
    header = message.header
    if header.exchange == ExchangeType.INFORMATIONAL:
        if header.is_encrypted:
            hear(sa, message, path)
        else:
            hear_in_clear(sa, message)
        return
    exchange = sa.exchanges.get(header.message_id)
    if exchange is not None and header.exchange == exchange.KIND:
        if not exchange.retransmission.is_repetition(octets):
            exchange.hear(message, octets, path)
        elif exchange.ANSWERS_AGAIN and (again := exchange.retransmission.again(sa.now)):
            sa.transmit(again, sa.path_back(path))
    elif header.exchange == ExchangeType.QUICK and sa.is_established and header.message_id:
        if sa.was_used(header.message_id):
            raise WireError("the message ID was used before", offset=20, clause=_OF_HEADERS)
        if len(sa.exchanges) >= MOST_EXCHANGES:
            raise WireError("too many exchanges", offset=20, clause=_OF_HEADERS)
        QuickAnswer(sa, header.message_id).hear(message, octets, path)
    else:
        raise WireError(f"{header.exchange_name} is not expected", offset=18, clause=_OF_HEADERS)


# ------------------------------------------------------------------------------------------------ time


#: How often IOS asks before it gives a silent peer up, and the seconds between two questions if none are configured.
_PROBES: Final = 6
_PROBE_INTERVAL: Final = 2.0
#: The same for a peer that is probably gone; and for how many seconds quick mode does not ask a peer that was heard.
_SHORT_INTERVAL: Final = 0.8
_RECENTLY: Final = 10.0


def deadline_of(sa: IsakmpSa) -> float | None:
    """Return when `tick` must be called."""
    if sa.state is SaState.DEAD:
        return None
    whens = [sa.retires_at, *sa.children.lingering.values(), *sa.replaceable.values()]
    whens += [sa.question.due if sa.question else _probe_at(sa)]
    for exchange in sa.exchanges.values():
        whens += exchange.retransmission.deadline, exchange.over_at
    if sa.state in (SaState.IDLE, SaState.HELD):
        whens.append(sa.rekey_at)
        if sa.state is SaState.IDLE:
            whens.append(sa.expires)
        for child in sa.children:
            whens.append(child.expires if child.spi_in in sa.children.rekeying else min(child.rekey_at, child.expires))
    elif sa.is_half_open:
        whens.append(sa.begun + HALF_OPEN)
    return earliest(*whens)


def _probe_at(sa: IsakmpSa) -> float | None:
    """Return when silence becomes suspicious; a message that waits for an answer is a probe by itself."""
    terms = sa.terms
    answers = Vendor.DPD in sa.abilities
    if not terms or not terms.dpd or terms.on_demand or not answers or not sa.is_usable or sa.is_asking:
        return None
    return sa.heard + terms.dpd


def tick(sa: IsakmpSa, now: float) -> None:
    """Act on the time that has passed; `sas` ends an ISAKMP SA whose own time is over."""
    sa.at(now)
    _repeat(sa, now)
    if sa.is_dead or sa.given_up is not None:
        return
    sa.forget_children()
    if sa.state in (SaState.IDLE, SaState.HELD):
        _keep_children(sa, now)
        if sa.rekey_at is not None and now >= sa.rekey_at:
            sa.rekeys(now + RETRY)
            sa.emit(RekeyWanted(sa))
        probe_at = _probe_at(sa)
        if probe_at is not None and now >= probe_at:
            probe(sa)
    elif sa.is_half_open and now >= sa.begun + HALF_OPEN:
        sa.end(sa.hint or Reason(IkeReason.NO_PROOF_IN_TIME))


def _repeat(sa: IsakmpSa, now: float) -> None:
    """Repeat messages that are not answered, and give up after the last repetition."""
    for exchange in tuple(sa.exchanges.values()):
        if sa.is_dead or sa.given_up is not None:  # the peer did not answer an earlier one
            return
        again = exchange.retransmission.repeat(now)
        if again is None:
            exchange.unanswered()
        elif again:
            _fall_back(sa, exchange.retransmission.tries)
            if sa.is_established:
                sa.transmit(again, sa.path_of_try(exchange.retransmission.tries))
                sa.emit(Unanswered(sa))
            else:
                sa.transmit(again)
        if exchange.over_at is not None and now >= exchange.over_at:
            exchange.expire()
    question = sa.question
    if question is None or now < question.due:
        return
    if question.tries < _PROBES:
        ask(sa, question.interval)
        sa.emit(Unanswered(sa))
    elif now - sa.heard < _PROBES // 2 * question.interval:  # the first counts may be of what came before
        sa.rests()  # ESP still comes: the peer lives, whatever it makes of our questions
    else:
        sa.gives_up(sa.silence("R-U-THERE", question.tries))


def _fall_back(sa: IsakmpSa, tries: int) -> None:
    """Use port 500, as IKE without NAT does: nothing comes back from port 4500, and nothing demands it."""
    if sa.state is SaState.KEY_EXCH and sa.by_choice_on_nat_port and tries >= TRIES_BY_NAT_PORT:
        sa.use_port(IKE_PORT)


def probe(sa: IsakmpSa) -> None:
    """Ask the peer whether it lives."""
    if sa.is_usable and sa.question is None:
        ask(sa, (sa.terms.dpd_retry if sa.terms else 0.0) or _PROBE_INTERVAL)


def examine(sa: IsakmpSa) -> None:
    """Ask a peer that is probably gone, and give it up in seconds.

    Quick mode asks a peer that does not know R-U-THERE, unless it was heard a moment ago: quick mode costs more.
    """
    if not sa.is_usable:
        return
    if Vendor.DPD in sa.abilities:
        if sa.question is None or sa.question.interval > _SHORT_INTERVAL:
            ask(sa, _SHORT_INTERVAL)
        return
    newest = next(reversed(sa.children.active), None)
    if newest is not None and sa.now - sa.heard >= _RECENTLY:
        renew(sa, newest)
        for exchange in sa.exchanges.values():
            if isinstance(exchange, QuickAsk) and exchange.old == newest:
                exchange.retransmission.hurry(sa.now)


# ------------------------------------------------------------------------------------------------------------ children


def _keep_children(sa: IsakmpSa, now: float) -> None:
    for child in sa.children:
        replaceable = sa.replaceable.get(child.spi_in)
        if replaceable is not None and now >= replaceable:
            sa.withdraw(child, Reason(IkeReason.REPLACED))
        elif now >= child.expires:
            sa.withdraw(child, Reason(IkeReason.LIFETIME))
        elif now >= child.rekey_at:
            renew(sa, child.spi_in)
    if sa.state is SaState.HELD and not sa.children and not sa.children.lingering:
        sa.end(Reason(IkeReason.BARREN))


def renew(sa: IsakmpSa, spi_in: bytes) -> None:
    """Replace a child, unless that has begun. A child with a later one beside it lives to its end."""
    child = sa.children.active.get(spi_in)
    if child is None or spi_in in sa.children.rekeying or child.terms.responder_only:
        return
    if sa.children.newest_like(child) is not child:
        sa.children.begin_rekey(spi_in)
    elif sa.is_usable:
        sa.children.begin_rekey(spi_in)
        begin_quick(sa, QuickAsk(sa, sa.settings.child(child.terms), spi_in))
    else:  # an ISAKMP SA must come first, and renews what it adopts
        sa.children.postpone(spi_in, sa.now + RETRY)
        if sa.state is SaState.HELD:
            sa.emit(RekeyWanted(sa))


def begin_quick(sa: IsakmpSa, ask: QuickAsk) -> None:
    """Begin a quick mode of ours."""
    sa.begins(ask)
    ask.begin()


# ---------------------------------------------------------------------------------- other ISAKMP SAs with the same peer


#: Seconds until a main mode for one that is held: the peer, which ended it, may begin first.
_AGAIN: Final = 2.0


def establish(new: IsakmpSa, parallel: ParallelSas) -> list[IsakmpSa]:
    """Let a new ISAKMP SA take the place of its older parallel SAs, and ask for its children.

    With namesakes behind its NAT it waits for the children until their ISAKMP SA retires, or is deleted: if the NAT
    has just restarted, this was the port of another one of them. That one moves when its packets come. Pairs of two
    connections never become those of one: the newest connection goes on, and the others end.
    Returns the ISAKMP SAs that changed.
    """
    others = [] if new.is_alone or new.doubts_older else parallel.parallel_to(new)
    parallel.add(new)
    older = [sa for sa in others if sa.since <= new.begun or sa.state is SaState.HELD]
    waits = parallel.has_namesakes(new)
    connection = next((old.connection for old in reversed(older) if old.children), 0)
    for old in older:
        old.at(new.now)
        if waits or connection not in (0, old.connection):
            old.retire()
            continue
        old.hand_over(new)
        if old.state is SaState.HELD:
            old.end(Reason(IkeReason.REPLACED))
        else:
            old.retire()
    for terms in new.take_wanted():
        begin_quick(new, QuickAsk(new, terms))
    return [*older, new]


def hand_to_heir(sa: IsakmpSa, parallel: ParallelSas) -> None:
    """Give its children to its heir, unless that was begun because the peer may have forgotten them."""
    heir = parallel.heir(sa)
    if heir is not None and not heir.doubts_older:
        sa.hand_over(heir)


def part(sa: IsakmpSa, parallel: ParallelSas, reason: Reason) -> None:
    """End one and not its children: they go to its heir, or wait for one."""
    heir = parallel.heir(sa)
    for exchange in tuple(sa.exchanges.values()):
        if isinstance(exchange, QuickAnswer) and exchange.retransmission.awaits:
            exchange.unanswered()  # message 3 cannot come any more
    if heir is not None and sa.children:
        sa.hand_over(heir)
    if sa.is_established and reason.code is not IkeReason.DELETED:
        sa.inform(Delete(ProtocolId.IKE, (sa.spis,)))
    if sa.children or sa.children.lingering:
        sa.part(sa.now + _AGAIN * (1 + fraction(sa.entropy)) if sa.children else None)
    else:
        sa.end(reason)


def give_up(sa: IsakmpSa, parallel: ParallelSas, reason: Reason) -> None:
    """End one whose peer is silent. It may only have deleted this one: then another one has the children."""
    hand_to_heir(sa, parallel)
    sa.end(reason)


def end_held(held: IsakmpSa, failed: IsakmpSa) -> list[IsakmpSa]:
    """End a held ISAKMP SA, with its children, if the peer answers no main mode and sends nothing.

    failed: began for it. Returns the ISAKMP SAs that changed.
    """
    if held.state is not SaState.HELD or failed.spi_r != NO_SPI:
        return []
    if not held.terms or not held.terms.dpd or held.heard >= failed.begun:
        return []
    held.at(failed.now)
    held.end(held.silence("message 1 of main mode", len(INTERVALS)))
    return [held]


def end_supplanted(held: IsakmpSa, new: IsakmpSa) -> list[IsakmpSa]:
    """End a held ISAKMP SA, with its children, if another peer is where its peer was, and it sends nothing.

    new: began for it. Returns the ISAKMP SAs that changed.
    """
    if held.state is not SaState.HELD or held.who == new.who or held.heard >= new.begun or not are_together(held, new):
        return []
    held.at(new.now)
    held.end(Reason(IkeReason.FORGOTTEN))
    return [held]


def withdraw(sa: IsakmpSa, parallel: ParallelSas, protocol: int, spis: tuple[bytes, ...]) -> list[IsakmpSa]:
    """Drop what the peer has deleted, on whichever of its ISAKMP SAs it says so.

    Returns the ISAKMP SAs that changed.
    """
    touched: list[IsakmpSa] = []
    for each in (sa, *parallel.parallel_to(sa)):
        each.at(sa.now)
        if protocol == ProtocolId.ESP:
            for child in [child for spi in spis if (child := each.children.by_outbound(spi)) is not None]:
                each.remove_child(child, Reason(IkeReason.DELETED))
                touched.append(each)
        elif protocol == ProtocolId.IKE and each.spis in spis and each.is_established:
            part(each, parallel, Reason(IkeReason.DELETED))
            touched.append(each)
    return touched


def drop_unconfirmed(sa: IsakmpSa, parallel: ParallelSas, spi_in: bytes) -> list[IsakmpSa]:
    """Delete a child on the ISAKMP SA that has adopted it. Returns the ISAKMP SAs that changed."""
    for each in parallel.parallel_to(sa):
        child = each.children.active.get(spi_in)
        if child is not None and not each.is_dead:
            each.at(sa.now)
            each.withdraw(child, Reason(IkeReason.NOT_CONFIRMED))
            return [each]
    return []
