"""Error Indications, RFC 2332 §5.2.7: sent for what we cannot work with, received for what others could not.

Never one for an Error Indication, never more than one for a packet; one with our own source is dropped silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PacketType,
    PurgeReply,
    RegistrationReply,
    ResolutionReply,
)
from dmvpn.features.nhrp.station import REFUSAL_LOG_INTERVAL, Station

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.counters import Refusal
    from dmvpn.features.nhrp.tunnel import Tunnel

#: Octets of a bad packet that are sent back: enough for every real one, and the answer is never much larger.
LARGEST_QUOTE = 1024

#: Where the type and the request id stand in a packet, RFC 2332 §5.1 and §5.2.0.1.
_TYPE_AT = 17
_REQUEST_ID_AT = 24


class Errors:
    """Makes and reads Error Indications."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def refuse(
        self,
        tunnel: Tunnel,
        packet: NhrpPacket,
        outer_source: IPAddress,
        code: ErrorCode,
        why: Refusal,
        offset: int = 0,
    ) -> None:
        """Count and log a packet that is not acted on, and tell its sender, unless it is an error itself."""
        tunnel.counters.count_refused(why)
        kind = messages.PACKET_NAMES[packet.TYPE]
        self._station.log_dmvpn(
            messages.NhrpError.of(tunnel.name, kind, code, (packet.source_protocol, outer_source)),
            about=f"{tunnel.name} {why.name}",
            interval=REFUSAL_LOG_INTERVAL,
        )
        self._station.debug(
            "nhrp error", tunnel, lambda: f"NHRP: {tunnel.name}: {kind} refused: {why.value}", outer_source
        )
        if isinstance(packet, ErrorIndication):
            return
        address, nbma = tunnel.own
        is_reply = isinstance(packet, ResolutionReply | RegistrationReply | PurgeReply)
        indication = ErrorIndication(
            source_nbma=nbma,
            source_protocol=address,
            destination_protocol=packet.destination_protocol if is_reply else packet.source_protocol,
            error_code=code,
            error_offset=offset,
            packet=packet.serialize()[:LARGEST_QUOTE],
        )
        self._station.send(tunnel, outer_source, indication)

    def is_own(self, tunnel: Tunnel, packet: ErrorIndication) -> bool:
        """Did it come back to the station that sent it?"""
        return packet.source_nbma == tunnel.nbma and packet.source_protocol == tunnel.address


def quoted_request(packet: ErrorIndication) -> tuple[PacketType, int] | None:
    """Type and request id of the packet that an error quotes, if it is long enough and of a type that has one."""
    quoted = packet.packet
    if len(quoted) < _REQUEST_ID_AT + 4:
        return None
    request_id = int.from_bytes(quoted[_REQUEST_ID_AT : _REQUEST_ID_AT + 4], "big")
    kind = quoted[_TYPE_AT]
    if not PacketType.RESOLUTION_REQUEST <= kind <= PacketType.PURGE_REPLY:
        return None
    return PacketType(kind), request_id
