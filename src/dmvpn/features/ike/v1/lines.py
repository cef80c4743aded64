"""A message of IKEv1 in the chronicle: what its header says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dmvpn.base.chronicle import Contents, MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.features.ike.v1.packet import parse_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.notices import Notice
    from dmvpn.features.ike.peer_settings import DatagramPath
    from dmvpn.features.ike.v1.packet import Header

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
            exchange=header.cookie_i.hex(),
            contents=Contents(partial(_fields, header, len(octets))),
        )
    ]


def _fields(header: Header, size: int) -> Iterator[str]:
    """Yield the header as lines "Name: value"; `explain/fields.py` has the names."""
    yield f"Initiator Cookie: {header.cookie_i.hex()}"
    yield f"Responder Cookie: {header.cookie_r.hex()}"
    yield f"Mode: {header.exchange_name}"
    yield f"Phase 2 Identifier: {header.message_id}"
    yield f"Encrypted: {'yes' if header.is_encrypted else 'no'}"
    yield f"Message Length: {size} octets"
