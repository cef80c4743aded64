"""Informational exchanges, RFC 2409 §5.7: deletes, notifications, and dead peer detection (RFC 3706).

Their messages are not answered and not repeated. In clear nothing is believed: a notification about main mode is only
shown to people, and one about ESP is a hint. So is a message that comes instead of message 6 and cannot be read: a peer
with another pre-shared key has other keys.
"""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.identity import name_of
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.session import Answered, Doubted, StartedAgain
from dmvpn.features.ike.v1.keys import PHASE_1, hash_1
from dmvpn.features.ike.v1.main_mode import MainMode
from dmvpn.features.ike.v1.numbers import NotifyType, Vendor
from dmvpn.features.ike.v1.packet import Delete, Hash, Notify
from dmvpn.features.ike.v1.quick_mode import QuickAsk, covered
from dmvpn.features.ike.v1.sa import Withdrawn

if TYPE_CHECKING:
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.keys import Channel, IkeKeys
    from dmvpn.features.ike.v1.packet import Chain, Message
    from dmvpn.features.ike.v1.sa import IsakmpSa

#: Octets of a sequence number, and the numbers that there are.
_NUMBER_SIZE: Final = 4
_NUMBERS: Final = 1 << 32
_CLAUSE = "RFC 2409 §5.7"


def hear(sa: IsakmpSa, message: Message, path: DatagramPath) -> None:
    """Take in an encrypted informational message. Raises WireError if it is not the peer's."""
    if sa.channel is None or sa.keys is None:
        raise WireError("an encrypted message before there are keys", offset=0, clause=_CLAUSE)
    message_id = message.header.message_id
    inside = _opened(sa, sa.channel, sa.keys, message)
    if inside is None:
        sa.trouble(Reason(IkeReason.UNREADABLE_REFUSAL, (sa.path.remote.address,)))
        return
    sa.channel.accept(message)
    sa.channel.forget(message_id)
    if not sa.is_established:
        _hear_before_end(sa, inside.all(Notify))
        return
    for notify in {each.kind: each for each in reversed(inside.all(Notify))}.values():  # one answer to one message
        _hear_notify(sa, notify, message_id, path)
    for delete in inside.all(Delete):
        sa.act(Withdrawn(sa, delete.protocol, delete.spis))


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
    raise WireError("the hash is wrong", offset=0, clause=_CLAUSE)


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
            sa.act(Doubted(sa))
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
                sa.act(Answered(sa))
        case NotifyType.INITIAL_CONTACT:
            sa.act(StartedAgain(sa))
        case NotifyType.CONNECTED:
            for ask in _asks(sa, message_id, notify):
                ask.connected()
        case NotifyType.INVALID_SPI:
            sa.act(Doubted(sa))
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
    return Notify(kind, number, ProtocolId.IKE, sa.cookies)


def _is_about(sa: IsakmpSa, notify: Notify) -> bool:
    """Return whether a question is about this very ISAKMP SA (RFC 3706 §5.3)."""
    return notify.spi == sa.cookies and len(notify.data) == _NUMBER_SIZE
