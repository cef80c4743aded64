"""The User Datagram Protocol: RFC 768, over IPv4 and IPv6 (RFC 8200 §8.1)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.net.ipv4 import IpProtocol, checksum, pseudo_header

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.ipv4 import Octets

_HEADER = struct.Struct("!HHHH")
HEADER_LENGTH = _HEADER.size


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpDatagram:
    """A datagram, RFC 768. The addresses of its IP header belong to the checksum, not to the datagram."""

    source_port: int
    destination_port: int
    payload: bytes

    @classmethod
    def parse(cls, data: Octets, source: IPAddress, destination: IPAddress) -> Self:
        """Decode the payload of an IP packet between these addresses. Raises WireError.

        A checksum of zero means over IPv4 that the sender made none, and is an error over IPv6.
        """
        if len(data) < HEADER_LENGTH:
            raise WireError("UDP header cut short", offset=len(data), clause="RFC 768")
        source_port, destination_port, length, received_checksum = _HEADER.unpack_from(data)
        if not HEADER_LENGTH <= length <= len(data):
            raise WireError(f"UDP length {length}", offset=4, clause="RFC 768")
        datagram = bytes(data[:length])
        if received_checksum or source.version == 6:
            pseudo = pseudo_header(source, destination, IpProtocol.UDP, length)
            if not received_checksum or checksum(pseudo + datagram):
                raise WireError("UDP checksum is wrong", offset=6, clause="RFC 768")
        return cls(source_port=source_port, destination_port=destination_port, payload=datagram[HEADER_LENGTH:])

    def serialize(self, source: IPAddress, destination: IPAddress) -> bytes:
        """Encode with the checksum for an IP packet between these addresses. Raises ValueError if it is too long."""
        length = HEADER_LENGTH + len(self.payload)
        if length > 0xFFFF:
            raise ValueError(f"UDP datagram of {length} octets")
        datagram = bytearray(_HEADER.pack(self.source_port, self.destination_port, length, 0) + self.payload)
        pseudo = pseudo_header(source, destination, IpProtocol.UDP, length)
        # A sum of zero is sent as its other form, since zero says that there is no checksum.
        datagram[6:8] = (checksum(pseudo + datagram) or 0xFFFF).to_bytes(2, "big")
        return bytes(datagram)


def without_checksum(source_port: int, destination_port: int, payload: bytes) -> bytes:
    """Return a datagram whose payload proves itself: ESP in UDP, RFC 3948 §2.1.

    Over IPv6 the checksum is still to be made.
    """
    return _HEADER.pack(source_port, destination_port, HEADER_LENGTH + len(payload), 0) + payload
