"""A message of IKEv1 in debugs and in the chronicle: its header, and the payloads in clear. The rest is encrypted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.features.ike.v1.wire import Message, parse_header
from dmvpn.features.ike.v1.wire.payloads import Notify

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.terms import DatagramPath

#: How many octets at the end distinguish messages of one exchange.
_TAIL = 32


def passed(octets: bytes, path: DatagramPath, *, sent: bool) -> list[Notice]:
    """Return the line about a datagram; none if it cannot be read."""
    try:
        header, _ = parse_header(octets)
    except WireError:
        return []
    cookies = f"{header.cookie_i.hex()}/{header.cookie_r.hex()}"
    return [
        MessagePassed(
            protocol="ISAKMP",
            name=header.exchange_name,
            way=Way.SENT if sent else Way.RECEIVED,
            interface="",
            peer=path.remote.address,
            subject="",
            mark=f"{cookies}/{header.message_id}/{header.exchange_name}/{octets[-_TAIL:].hex()}",
            about=(path.remote.address,),
        )
    ]


def packet_lines(octets: bytes, path: DatagramPath, *, sent: bool) -> list[str]:
    """Return the lines about a message, as far as it is not encrypted."""
    way = f"sending packet to {path.remote}" if sent else f"received packet from {path.remote}"
    ports = f"my_port {path.local.port} peer_port {path.remote.port}"
    try:
        message = Message.parse(octets)
    except WireError as error:
        return [f"ISAKMP (0): {way} {ports}", f"ISAKMP: it cannot be read: {error}"]
    header = message.header
    contents = "encrypted" if message.sealed else " ".join(_word(payload) for payload in message.payloads)
    return [
        f"ISAKMP (0): {way} {ports} ({header.exchange_name})",
        f"ISAKMP: cookies {header.cookie_i.hex().upper()} {header.cookie_r.hex().upper()} "
        f"message ID = {header.message_id}: {contents}",
    ]


def _word(payload: Payload) -> str:
    if isinstance(payload, Notify):
        return f"NOTIFY({payload.name})"
    return type(payload).__name__
