"""The Internet Protocol, version 6: the fixed header of RFC 8200 §3. Extension headers are left in the payload."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from dmvpn.base.errors import WireError
from dmvpn.net.octets import Octets, ipv6_address

if TYPE_CHECKING:
    from ipaddress import IPv6Address

_HEADER = struct.Struct("!IHBB16s16s")
HEADER_LENGTH = _HEADER.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Packet:
    """A packet, RFC 8200 §3. next_header: of the first octet of `payload`."""

    traffic_class: int = 0
    flow_label: int = 0
    next_header: int
    hop_limit: int = 255
    source: IPv6Address
    destination: IPv6Address
    payload: bytes

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the packet that `data` begins with; what follows its payload length is padding. Raises WireError."""
        if len(data) < HEADER_LENGTH:
            raise WireError("IPv6 header cut short", offset=len(data), clause="RFC 8200 §3")
        first_word, payload_length, next_header, hop_limit, source, destination = _HEADER.unpack_from(data)
        if first_word >> 28 != 6:
            raise WireError(f"IP version {first_word >> 28}", offset=0, clause="RFC 8200 §3")
        end = HEADER_LENGTH + payload_length
        if end > len(data):
            raise WireError(f"IPv6 payload length {payload_length}", offset=4, clause="RFC 8200 §3")
        return cls(
            traffic_class=first_word >> 20 & 0xFF,
            flow_label=first_word & 0xFFFFF,
            next_header=next_header,
            hop_limit=hop_limit,
            source=ipv6_address(source),
            destination=ipv6_address(destination),
            payload=bytes(data[HEADER_LENGTH:end]),
        )

    def serialize(self) -> bytes:
        """Encode header and payload. Raises ValueError if the payload does not fit its length field."""
        if len(self.payload) > 0xFFFF:
            raise ValueError(f"IPv6 payload of {len(self.payload)} octets")
        first_word = 6 << 28 | self.traffic_class << 20 | self.flow_label
        return (
            _HEADER.pack(
                first_word,
                len(self.payload),
                self.next_header,
                self.hop_limit,
                self.source.packed,
                self.destination.packed,
            )
            + self.payload
        )
