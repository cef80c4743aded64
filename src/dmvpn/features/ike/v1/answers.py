"""What a peer sends on an ISAKMP SA: to the exchange with its message ID, or the beginning of another one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.base.protection import IkeVersion
from dmvpn.base.reasons import Reason
from dmvpn.features.ike.acts import TurnedAway
from dmvpn.features.ike.peer_settings import IKE_PORT, DatagramPath
from dmvpn.features.ike.reasons import IkeReason
from dmvpn.features.ike.v1 import informational
from dmvpn.features.ike.v1.main_mode import MainMode
from dmvpn.features.ike.v1.numbers import ExchangeType
from dmvpn.features.ike.v1.packet import Fragment
from dmvpn.features.ike.v1.quick_mode import QuickAnswer
from dmvpn.features.ike.v1.sa import MOST_EXCHANGES
from dmvpn.features.ike.v1.transmission import parse_whole

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.packet import Message
    from dmvpn.features.ike.v1.sa import IsakmpSa
    from dmvpn.features.ike.v1.transmission import Running

_CLAUSE = "RFC 2408 §3.1"


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
        raise WireError("a fragment of message 2 from another address", offset=0, clause=_CLAUSE)
    joined = sa.join(fragment)
    if joined is None:
        return None
    try:
        return parse_whole(message, joined), joined
    except WireError as error:
        sa.act(TurnedAway(path, Reason(IkeReason.OF_WIRE, (error,)), logged=True, version=IkeVersion.V1))
        return None


def _hear(sa: IsakmpSa, message: Message, octets: bytes, path: DatagramPath) -> None:
    header = message.header
    if header.exchange == ExchangeType.INFORMATIONAL:
        if header.is_encrypted:
            informational.hear(sa, message, path)
        else:
            informational.hear_in_clear(sa, message)
        return
    exchange = sa.exchanges.get(header.message_id)
    if exchange is not None and header.exchange == exchange.KIND:
        if not exchange.turns.is_repetition(octets):
            exchange.hear(message, octets, path)
        elif exchange.ANSWERS_AGAIN and (again := exchange.turns.again(sa.now)):
            _follow(sa, exchange, path)
            sa.transmit(again, sa.path_back(path))
    elif header.exchange == ExchangeType.QUICK and sa.is_established and header.message_id:
        if sa.was_used(header.message_id):
            raise WireError("the message ID was used before", offset=20, clause=_CLAUSE)
        if len(sa.exchanges) >= MOST_EXCHANGES:
            raise WireError("too many exchanges", offset=20, clause=_CLAUSE)
        QuickAnswer(sa, header.message_id).hear(message, octets, path)
    else:
        raise WireError(f"{header.exchange_name} is not expected", offset=18, clause=_CLAUSE)


def _follow(sa: IsakmpSa, exchange: Running, path: DatagramPath) -> None:
    """Follow a peer that repeats message 5 by port 500: our answer by port 4500, where it began, does not reach it.

    A peer that sent more messages since has our answer: then the repetition is an attacker's.
    """
    is_last = isinstance(exchange, MainMode) and sa.taken == 1
    ends = DatagramPath.between(sa.path.ends, IKE_PORT, IKE_PORT)
    if is_last and sa.by_choice_on_nat_port and path == ends:
        sa.move(path)
