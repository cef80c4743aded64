"""What NHRP tells the chronicle of a packet: its name, and what it says in a few words.

A packet may have hundreds of entries. Whoever sends such ones decides how many octets a line is made of, so of a long
list the beginning is told, and how long it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, spelled
from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.cie import CieCode
from dmvpn.features.nhrp.debug import Direction
from dmvpn.features.nhrp.messages import CODE_NAMES, PACKET_NAMES, error_name
from dmvpn.features.nhrp.packet import (
    ClientMessage,
    ErrorIndication,
    NhrpPacket,
    PurgeReply,
    PurgeRequest,
    RegistrationReply,
    RegistrationRequest,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.net import ip

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.chronicle import About
    from dmvpn.features.nhrp.cie import ClientInfo

#: Entries of a packet that a line names in words, and those that it can be found by.
LARGEST_LIST: Final = 4
LARGEST_ABOUT: Final = 8

_WAYS: Final = {Direction.SEND: Way.SENT, Direction.FORWARD: Way.FORWARDED, Direction.RECEIVE: Way.RECEIVED}


def told(direction: Direction, packet: NhrpPacket, tunnel: str, nbma: IPAddress) -> MessagePassed:
    """The line about a packet that went to, or came from, this NBMA address."""
    return MessagePassed(
        protocol="NHRP",
        name=PACKET_NAMES[packet.TYPE],
        way=_WAYS[direction],
        interface=tunnel,
        peer=nbma,
        subject=_subject(packet),
        mark=_mark(packet),
        about=_about(packet),
    )


def _subject(packet: NhrpPacket) -> str:
    match packet:
        case RegistrationRequest():
            nbma = "" if packet.without_nbma else f" = {packet.source_nbma}"
            return f"{spelled(packet.source_protocol)}{nbma}"
        case RegistrationReply():
            refused = _refusal(packet)
            return f"{spelled(packet.source_protocol)} {refused or 'registered'}"
        case ResolutionRequest():
            return f"{spelled(packet.destination_protocol)}?"
        case ResolutionReply():
            return _answer(packet)
        case PurgeRequest() | PurgeReply():
            return _list([spelled(_target(cie, packet)) for cie in packet.cies[:LARGEST_LIST]], len(packet.cies))
        case ErrorIndication():
            return error_name(packet.error_code)
        case TrafficIndication():
            return " to ".join(map(spelled, _quoted(packet)))
        case _:
            return ""


def _answer(packet: ResolutionReply) -> str:
    refused = _refusal(packet)
    if refused:
        return f"{spelled(packet.destination_protocol)}: {refused}"
    answers = [cie for cie in packet.cies if cie.nbma]
    told = [f"{spelled(_target(cie, packet, by_destination=True))} = {cie.nbma}" for cie in answers[:LARGEST_LIST]]
    return _list(told, len(answers)) or spelled(packet.destination_protocol)


def _list(told: list[str], count: int) -> str:
    """The beginning of a list of so many."""
    return ", ".join(told) + (f" and {count - len(told)} more" if count > len(told) else "")


def _target(cie: ClientInfo, packet: ClientMessage, *, by_destination: bool = False) -> Prefix | IPAddress:
    """The address or prefix that a CIE speaks of; 255 in a reply means this one address (RFC 2332 §5.2.0.1)."""
    address = packet.destination_protocol if by_destination or cie.protocol is None else cie.protocol
    if cie.prefix_length >= address.max_prefixlen:
        return address
    return Prefix.of(address, cie.prefix_length)


def _refusal(packet: ClientMessage) -> str:
    code = next((cie.code for cie in packet.cies if cie.code != CieCode.SUCCESS), CieCode.SUCCESS)
    return "" if code == CieCode.SUCCESS else CODE_NAMES.get(code, f"refused with code {code}")


def _mark(packet: NhrpPacket) -> str:
    """The hop count tells what a server received from what it passed on."""
    source, destination = packet.source_protocol, packet.destination_protocol
    head = f"{packet.TYPE}/{source}/{destination}/{packet.hop_count}"
    match packet:
        case ClientMessage():
            return f"{head}/{packet.request_id}"
        case TrafficIndication() | ErrorIndication():
            return f"{head}/{packet.packet[:32].hex()}"
        case _:
            return head


def _about(packet: NhrpPacket) -> About:
    addresses: list[IPAddress | Prefix] = [packet.source_protocol, packet.destination_protocol]
    addresses += [] if packet.without_nbma else [packet.source_nbma]
    if isinstance(packet, ClientMessage):
        for cie in packet.cies[:LARGEST_ABOUT]:
            addresses += [address for address in (cie.protocol, cie.nbma) if address is not None]
    elif isinstance(packet, TrafficIndication):
        addresses += _quoted(packet)
    return tuple(addresses)


def _quoted(packet: TrafficIndication) -> tuple[IPAddress, ...]:
    """Source and destination of the packet that took the long way; nothing if it cannot be read."""
    try:
        return ip.peek_addresses(packet.packet)
    except WireError:
        return ()
