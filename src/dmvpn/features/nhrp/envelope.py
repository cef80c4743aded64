"""What can be said of octets that are no NHRP packet: an error about them needs somebody to go to (RFC 2332 §5.2.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.packet import HEADER, address_lengths
from dmvpn.net.gre import ProtocolType
from dmvpn.net.octets import Octets, ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True)
class Envelope:
    """What can be said of octets that are perhaps no NHRP packet: the type that they claim, and from whom to whom."""

    kind: int
    source_protocol: IPAddress
    destination_protocol: IPAddress
    extension_offset: int


def peek(data: Octets) -> Envelope | None:
    """Look at a packet that `parse` refuses: an error about it needs somebody to go to (RFC 2332 §5.2.7).

    Version, size and checksum are not looked at. None: not even the addresses can be read.
    """
    if len(data) < HEADER.size:
        return None
    afn, protocol_type, _, _, _, extension_offset, _, kind, shtl, sstl, src_len, dst_len, _, _ = HEADER.unpack_from(
        data
    )
    try:
        _, protocol_length = address_lengths(afn, protocol_type, (shtl, sstl), (src_len, dst_len))
    except WireError:
        return None
    source_at = HEADER.size + shtl + sstl
    destination_at = source_at + protocol_length
    end = destination_at + protocol_length
    if end > len(data):
        return None
    source = ip_address(bytes(data[source_at:destination_at]))
    return Envelope(kind, source, ip_address(bytes(data[destination_at:end])), extension_offset)


#: ar$pro.type of IPv6, as it stands in a packet.
_IPV6 = ProtocolType.IPV6.to_bytes(2, "big")


def peek_version(data: Octets) -> int:
    """The IP version of the network that a packet belongs to, from ar$pro.type; 4 for what is no such packet."""
    return 6 if data[2:4] == _IPV6 else 4
