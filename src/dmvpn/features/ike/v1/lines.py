"""A message of IKEv1 in the chronicle: what its header says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.features.ike.v1.wire import parse_header

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice
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
