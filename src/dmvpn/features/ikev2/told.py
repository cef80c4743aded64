"""What IKE tells the chronicle of a message: what stands in its header. The rest is sealed, and stays so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chronicle import MessagePassed, Way
from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.wire.message import NO_SPI, parse_header
from dmvpn.features.ikev2.wire.numbers import PayloadType

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice
    from dmvpn.features.ikev2.terms import Path

#: Where a fragment says which one it is, behind the generic header of its payload (RFC 7383 §2.5).
_FRAGMENT_AT = slice(32, 36)
#: The beginning of the payloads.
_PAYLOADS_AT: Final = slice(28, 60)


def told_of(octets: bytes, path: Path, *, sent: bool) -> list[Notice]:
    """The line about a datagram; none about what cannot be read."""
    try:
        header, first = parse_header(octets)
    except WireError:
        return []
    way = "response" if header.is_response else "request"
    spis = f"{header.spi_i.hex()}/{header.spi_r.hex()}"
    fragment = first == PayloadType.SKF and len(octets) >= _FRAGMENT_AT.stop
    # Outside of any IKE SA all headers are alike: their payloads, which are in clear, tell those messages apart.
    part = octets[_FRAGMENT_AT if fragment else _PAYLOADS_AT].hex() if fragment or header.spi_i == NO_SPI else ""
    mark = f"{spis}/{header.message_id}/{header.exchange_name}/{way}/{header.from_initiator}/{part}"
    return [
        MessagePassed(
            protocol="IKEv2",
            name=f"{header.exchange_name} {way}",
            way=Way.SENT if sent else Way.RECEIVED,
            interface="",
            peer=path.remote.address,
            subject=f"fragment {int(part[:4], 16)} of {int(part[4:], 16)}" if fragment else "",
            mark=mark,
            about=(path.remote.address,),
        )
    ]
