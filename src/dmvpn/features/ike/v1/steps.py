"""What `debug crypto isakmp` prints of a message: the steps of main mode, quick mode and the rest, in IOS's words.

A message is looked at before its ISAKMP SA takes it in, and when it goes: only while somebody debugs. So an exchange
knows nothing of these lines. What they say of an encrypted message is not proved yet. No line has a key.

IOS names the steps of main mode by the last message that came or went: the initiator is in IKE_I_MM1 when message 1 is
sent, the responder in IKE_R_MM1 when it has come; both end in IKE_P1_COMPLETE.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.base.protection import IkePhase, conn_id
from dmvpn.features.ike.numbers import ProtocolId
from dmvpn.features.ike.v1.detection import detect
from dmvpn.features.ike.v1.main_mode import MainMode
from dmvpn.features.ike.v1.offer_lines import MOST_LINES, main_mode_lines, quick_mode_lines
from dmvpn.features.ike.v1.pairs import acceptable
from dmvpn.features.ike.v1.quick_mode import QuickAnswer, QuickAsk
from dmvpn.features.ike.v1.states import SaState
from dmvpn.features.ike.v1.wire import Message
from dmvpn.features.ike.v1.wire.numbers import ExchangeType, Vendor
from dmvpn.features.ike.v1.wire.payloads import (
    Delete,
    Hash,
    IdentificationPayload,
    KeyExchange,
    NatDetection,
    Nonce,
    Notify,
    SecurityAssociation,
    VendorId,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.terms import Book, DatagramPath
    from dmvpn.features.ike.udp import Nat
    from dmvpn.features.ike.v1.sa import IsakmpSa
    from dmvpn.features.ike.v1.turns import Running

#: The message of main mode that each end waits for.
_EXPECTED: Final = {
    (True, SaState.NO_STATE): 2,
    (True, SaState.SA_SETUP): 4,
    (True, SaState.KEY_EXCH): 6,
    (False, SaState.SA_SETUP): 3,
    (False, SaState.KEY_EXCH): 5,
}
#: The state with which IOS sends each message of main mode.
_SENT_IN: Final = (
    *(IkePhase.MM_NO_STATE, IkePhase.MM_NO_STATE, IkePhase.MM_SA_SETUP, IkePhase.MM_SA_SETUP),
    *(IkePhase.MM_KEY_EXCH, IkePhase.MM_KEY_EXCH, IkePhase.MM_KEY_EXCH),
)
_LAST: Final = 6
_VENDORS: Final = {
    Vendor.NAT_T: "NAT-T RFC 3947",
    Vendor.NAT_T_07: "NAT-T v7",
    Vendor.NAT_T_03: "NAT-T v3",
    Vendor.NAT_T_02: "NAT-T v2",
    Vendor.DPD: "DPD",
    Vendor.FRAGMENTATION: "IKE Fragmentation",
    Vendor.UNITY: "Unity",
    Vendor.XAUTH: "XAUTH",
}
_NAMES: Final[dict[type[Payload], str]] = {
    SecurityAssociation: "SA",
    KeyExchange: "KE",
    Nonce: "NONCE",
    IdentificationPayload: "ID",
    Hash: "HASH",
    VendorId: "vendor id",
}


def packet_lines(octets: bytes, path: DatagramPath, sa: IsakmpSa | None, book: Book, *, sent: bool) -> list[str]:
    """Return the lines about a message. sa: that it belongs to; None: it has none (yet, or any more)."""
    try:
        message = Message.parse(octets)
    except WireError as error:
        return [_head(path, sa, None, sent=sent), f"ISAKMP: it cannot be read: {error}"]
    header = message.header
    exchange = sa.exchanges.get(header.message_id) if sa is not None else None
    if header.exchange == ExchangeType.MAIN:
        lines = _main_mode(message, octets, path, sa, exchange, book, sent=sent)
    elif header.exchange == ExchangeType.QUICK and sa is not None:
        lines = _quick_mode(message, octets, path, sa, exchange, sent=sent)
    else:
        lines = _other(message, path, sa, sent=sent)
    return list(islice(lines, MOST_LINES))


def _number(sa: IsakmpSa | None) -> int:
    return conn_id(sa.number) if sa is not None else 0


def _head(path: DatagramPath, sa: IsakmpSa | None, phase: IkePhase | None, *, sent: bool) -> str:
    """Return the line that a message comes or goes. phase: of its ISAKMP SA."""
    local, remote, number = path.local.port, path.remote, _number(sa)
    role = "N" if sa is None else "I" if sa.is_initiator else "R"
    state = f" ({role}) {phase.value}" if phase is not None else ""
    if sent:
        return f"ISAKMP:({number}): sending packet to {remote.address} my_port {local} peer_port {remote.port}{state}"
    return f"ISAKMP ({number}): received packet from {remote.address} dport {local} sport {remote.port} Global{state}"


# ---------------------------------------------------------------------------------------------------------- main mode


def _main_mode(
    message: Message,
    octets: bytes,
    path: DatagramPath,
    sa: IsakmpSa | None,
    exchange: Running | None,
    book: Book,
    *,
    sent: bool,
) -> Iterator[str]:
    is_ours = sa is not None and sa.is_initiator
    place = _place(message, from_initiator=is_ours == sent)
    head = f"ISAKMP:({_number(sa)}):"
    if sent:
        phase = _SENT_IN[place]
        is_again = exchange is not None and exchange.turns.is_again
        if is_again:
            yield f"{head} retransmitting phase 1 {phase.value}..."
        elif place == 1:
            yield f"{head}Input = IKE_MESG_FROM_IPSEC, IKE_SA_REQ_MM"
            yield _moves(head, place, is_ours=True)
            yield f"{head} beginning Main Mode exchange"
        yield _head(path, sa, phase, sent=True)
        if place > 1 and not is_again:
            yield f"{head}Input = IKE_MESG_INTERNAL, IKE_PROCESS_COMPLETE"
            yield _moves(head, place, is_ours=is_ours)
        return
    if sa is None:
        yield f"{_head(path, sa, None, sent=False)} (N) NEW SA"
    else:
        yield _head(path, sa, sa.phase, sent=False)
    if exchange is not None and exchange.turns.is_repetition(octets):
        yield f"{head} phase 1 packet is a duplicate of a previous packet."
        return
    if place and (sa is None or _EXPECTED.get((is_ours, sa.state)) == place):
        yield f"{head}Input = IKE_MESG_FROM_PEER, IKE_MM_EXCH"
        yield _moves(head, place, is_ours=is_ours)
    yield from _payloads(head, message.payloads, 0)
    chosen = message.find(SecurityAssociation)
    if chosen is not None:
        opening = book.main_mode(path)
        if opening.secrets:
            yield f"{head}found peer pre-shared key matching {path.remote.address}"
            yield f"{head} local preshared key found"
        else:
            yield f"{head}No pre-shared key with {path.remote.address}!"
        yield from main_mode_lines(opening.transforms, chosen.proposals)
    has_hash = sa is not None and sa.suite is not None and message.find(NatDetection) is not None
    if sa is not None and has_hash and isinstance(exchange, MainMode):
        nat = detect(message, sa.cookies, path, sa.prf, forces=exchange.forces_udp)
        yield f"ISAKMP ({_number(sa)}): {_nat(nat)}"


def _place(message: Message, *, from_initiator: bool) -> int:
    """Return which message of main mode it is, by its contents; 0: none."""
    first = 5 if message.sealed is not None else 1 if message.find(SecurityAssociation) else 3
    if first == 3 and message.find(KeyExchange) is None:
        return 0
    return first if from_initiator else first + 1


def _moves(head: str, place: int, *, is_ours: bool) -> str:
    """Return the line about the step that a message of main mode is."""
    role = "I" if is_ours else "R"
    old = f"IKE_{role}_MM{place - 1}" if place > 1 else "IKE_READY"
    new = "IKE_P1_COMPLETE" if place == _LAST and not is_ours else f"IKE_{role}_MM{place}"
    return f"{head}Old State = {old}  New State = {new}"


def _nat(nat: Nat) -> str:
    match nat.local, nat.remote:
        case True, True:
            return "NAT found, both nodes inside NAT"
        case True, False:
            return "NAT found, node inside NAT"
        case False, True:
            return "His hash no match - this node outside NAT"
        case _:
            return "No NAT Found for self or peer"


# --------------------------------------------------------------------------------------------------------- quick mode


def _quick_mode(
    message: Message,
    octets: bytes,
    path: DatagramPath,
    sa: IsakmpSa,
    exchange: Running | None,
    *,
    sent: bool,
) -> Iterator[str]:
    header = message.header
    number = header.message_id
    head = f"ISAKMP:({_number(sa)}):"
    if sent:
        yield from _sent_quick_mode(head, _head(path, sa, sa.phase, sent=True), number, exchange)
        return
    yield _head(path, sa, sa.phase, sent=False)
    if exchange is not None and exchange.turns.is_repetition(octets):
        yield f"{head} phase 2 packet is a duplicate of a previous packet."
        return
    payloads = _opened(sa, message)
    yield from _payloads(head, payloads, number)
    offers = next((each for each in payloads if isinstance(each, SecurityAssociation)), None)
    if offers is not None and sa.is_established and sa.terms is not None:
        wanted = exchange.wanted if isinstance(exchange, QuickAsk) else None
        terms = sa.book.child(sa.terms.child)
        yield from quick_mode_lines(sa.number, wanted or acceptable(sa, terms, offers.proposals), offers.proposals)
    if offers is None and isinstance(exchange, QuickAnswer) and exchange.over_at is None:
        yield f"{head}Node {number}, Input = IKE_MESG_FROM_PEER, IKE_QM_EXCH"
        yield f"{head}Old State = IKE_QM_R_QM2  New State = IKE_QM_PHASE2_COMPLETE"


def _sent_quick_mode(head: str, sending: str, number: int, exchange: Running | None) -> Iterator[str]:
    if exchange is not None and exchange.turns.is_again:
        yield f"{head} retransmitting phase 2 QM_IDLE       {number} ..."
        yield sending
    elif isinstance(exchange, QuickAsk) and exchange.turns.awaits:
        yield f"{head}beginning Quick Mode exchange, M-ID of {number}"
        yield f"{head}QM Initiator gets spi"
        yield sending
        yield f"{head}Node {number}, Input = IKE_MESG_INTERNAL, IKE_INIT_QM"
        yield f"{head}Old State = IKE_QM_READY  New State = IKE_QM_I_QM1"
    else:
        yield sending
        yield f"{head}Node {number}, Input = IKE_MESG_FROM_PEER, IKE_QM_EXCH"
        if isinstance(exchange, QuickAsk):
            yield f"{head}Old State = IKE_QM_I_QM1  New State = IKE_QM_PHASE2_COMPLETE"
        else:
            yield f"{head}Old State = IKE_QM_READY  New State = IKE_QM_R_QM2"


# ---------------------------------------------------------------------------------------------------------- the others


def _other(message: Message, path: DatagramPath, sa: IsakmpSa | None, *, sent: bool) -> Iterator[str]:
    header = message.header
    head = f"ISAKMP:({_number(sa)}):"
    yield _head(path, sa, sa.phase if sa is not None else None, sent=sent)
    if header.exchange != ExchangeType.INFORMATIONAL:
        yield f"ISAKMP: {header.exchange_name} exchange, message ID = {header.message_id}"
    elif not sent:
        payloads = _opened(sa, message) if sa is not None else message.payloads
        yield from _payloads(head, payloads, header.message_id)
        if message.sealed is None:
            yield f"{head}Notify has no hash. Rejected."


def _opened(sa: IsakmpSa, message: Message) -> tuple[Payload, ...]:
    """Return the payloads of an encrypted message; none if it cannot be read."""
    if sa.channel is None or message.sealed is None:
        return message.payloads
    try:
        return sa.channel.open(message).payloads
    except WireError:
        return ()


def _payloads(head: str, payloads: Iterable[Payload], number: int) -> Iterator[str]:
    """Yield the lines about payloads, as far as they have a name. number: the message ID."""
    for payload in payloads:
        match payload:
            case VendorId(data=data):
                yield f"{head} processing vendor id payload"
                yield f"{head} vendor ID is {_vendor(data)}"
            case Notify():
                protocol = payload.protocol
                yield f"{head} processing NOTIFY {payload.name} protocol {protocol}, message ID = {number}"
            case Delete(protocol=protocol, spis=spis):
                what = "ISAKMP SA" if protocol == ProtocolId.IKE else "IPSec SA"
                yield f"{head} processing DELETE payload. message ID = {number}: {len(spis)} {what}"
            case _ if (name := _NAMES.get(type(payload))) is not None:
                yield f"{head} processing {name} payload. message ID = {number}"


def _vendor(data: bytes) -> str:
    known = next((name for vendor, name in _VENDORS.items() if data.startswith(vendor.value)), "")
    return known or f"unknown: {data[:16].hex()}"
