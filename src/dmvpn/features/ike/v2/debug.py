"""A message of IKEv2 in debugs and in the chronicle: its header, and the payloads in clear. The rest is sealed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.chronicle import LARGEST_KEPT, Contents, LateLine, MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.base.notices import Notice
from dmvpn.features.ike.chain import NO_SPI, name_of
from dmvpn.features.ike.peer_settings import DatagramPath
from dmvpn.features.ike.v2.numbers import PayloadType
from dmvpn.features.ike.v2.packet import Header, Message, Notify, parse_header

#: Where a fragment says which one it is, behind the generic header of its payload (RFC 7383 §2.5).
_FRAGMENT_AT = slice(32, 36)
#: The beginning of the payloads.
_PAYLOADS_AT: Final = slice(28, 60)
#: Octets of a message whose fields are kept.
LARGEST_READ: Final = 4096


def passed(octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
    """Return the line about a datagram; none if it cannot be read. Octets of a large one are not kept for it."""
    try:
        header, first = parse_header(octets)
    except WireError:
        return []
    line = LateLine(_spelled, values=(header, first, octets, path.remote.address, Way.SENT if sent else Way.RECEIVED))
    return [line if len(octets) <= LARGEST_KEPT else line.spell()]


def _spelled(header: Header, first: int, octets: bytes, peer: IPAddress, direction: Way) -> MessagePassed:
    way = "response" if header.is_response else "request"
    spis = f"{header.spi_i.hex()}/{header.spi_r.hex()}"
    fragment = first == PayloadType.SKF and len(octets) >= _FRAGMENT_AT.stop
    # Outside of any IKE SA all headers are alike: such messages differ by their payloads, which are in clear.
    part = octets[_FRAGMENT_AT if fragment else _PAYLOADS_AT].hex() if fragment or header.spi_i == NO_SPI else ""
    mark = f"{spis}/{header.message_id}/{header.exchange_name}/{way}/{header.from_initiator}/{part}"
    return MessagePassed(
        protocol="IKEv2",
        name=f"{header.exchange_name} {way}",
        way=direction,
        interface="",
        peer=peer,
        subject=f"fragment {int(part[:4], 16)} of {int(part[4:], 16)}" if fragment else "",
        mark=mark,
        about=(peer,),
        exchange=header.spi_i.hex(),
        contents=Contents(message_fields, octets) if len(octets) <= LARGEST_READ else None,
    )


def message_fields(octets: bytes) -> Iterator[str]:
    """Yield the header and the payloads in clear as lines "Name: value"; `explain` has the names."""
    header, _ = parse_header(octets)
    yield f"Initiator SPI: {header.spi_i.hex()}"
    yield f"Responder SPI: {header.spi_r.hex()}"
    yield f"Exchange Type: {header.exchange_name}"
    side = "initiator" if header.from_initiator else "responder"
    yield f"Header Flags: from the {side} of the IKE SA, {'response' if header.is_response else 'request'}"
    yield f"Message ID: {header.message_id}"
    try:
        payloads = Message.parse(octets).payloads
    except WireError:
        yield "Payloads: they cannot be read"
    else:
        names = [name_of(payload.type_number, PayloadType, "payload") for payload in payloads]
        yield f"Payloads: {', '.join(names) or 'none'}"
        if notes := [payload.name for payload in payloads if isinstance(payload, Notify)]:
            yield f"Notifications: {', '.join(notes)}"
    yield f"Message Length: {len(octets)} octets"


def packet_lines(octets: bytes, path: DatagramPath, *, sent: bool) -> list[str]:
    """Return the lines about a message, as far as it is not sealed."""
    peer = f"To {path.remote}/From {path.local}" if sent else f"From {path.remote}/To {path.local}"
    lines = [f"IKEv2:{'Sending' if sent else 'Received'} Packet [{peer}/VRF i0:f0]"]
    try:
        message = Message.parse(octets)
    except WireError as error:
        return [*lines, f"IKEv2:it cannot be read: {error}"]
    header = message.header
    lines.append(
        f"Initiator SPI : {header.spi_i.hex().upper()} - Responder SPI : {header.spi_r.hex().upper()} "
        f"Message id: {header.message_id}"
    )
    lines.append(f"IKEv2 {header.exchange_name} Exchange {'RESPONSE' if header.is_response else 'REQUEST'}")
    words = [f"NOTIFY({one.name})" if isinstance(one, Notify) else type(one).__name__ for one in message.payloads]
    return [*lines, "Payload contents:", " " + " ".join(words)]
