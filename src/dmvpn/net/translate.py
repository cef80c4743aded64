"""What a translator (NAT) changes in a packet: an address, and the port that goes with it. RFC 3022, RFC 5508.

Changes are made in place and every checksum is brought up to date word by word (RFC 1624), so the same functions serve
whole packets and the beginnings of packets that ICMP errors quote: fields that were cut off are skipped.
"""

from __future__ import annotations

import enum
from ipaddress import IPv4Address

from dmvpn.net.icmp import IcmpType
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol, Octets, ipv4_address, update

_IPV4_CHECKSUM = 10
_ICMP_CHECKSUM = 2
_ECHO_IDENTIFIER = 4
#: Where the checksum of a protocol with ports is. It covers the addresses, too.
_CHECKSUMS: dict[int, int] = {IpProtocol.TCP: 16, IpProtocol.UDP: 6}
_ECHOES = (IcmpType.ECHO_REQUEST, IcmpType.ECHO_REPLY)
#: ICMP errors carry the packet that they are about behind their own header.
ERRORS = (IcmpType.DESTINATION_UNREACHABLE, IcmpType.TIME_EXCEEDED, IcmpType.PARAMETER_PROBLEM)
_ICMP_HEADER = 8


class Side(enum.Enum):
    """Which end of a packet."""

    SOURCE = "source"
    DESTINATION = "destination"


def address(packet: Octets, side: Side) -> IPv4Address:
    """Return the address at this side."""
    start = _address_offset(side)
    return ipv4_address(bytes(packet[start : start + 4]))


def port(packet: Octets, side: Side) -> int:
    """Return the port at this side; of an echo its identifier, which is the same at both; 0 where there is none."""
    where = _port_offset(packet, side)
    return 0 if where is None else int.from_bytes(packet[where : where + 2], "big")


def rewrite(packet: bytearray, side: Side, new_address: IPv4Address, new_port: int) -> None:
    """Change address and port at this side. The port of a packet without ports is not looked at."""
    start, transport = _address_offset(side), _header_length(packet)
    offset = _CHECKSUMS.get(packet[9])
    covering = [_IPV4_CHECKSUM]
    if offset is not None and not _is_later_fragment(packet):
        covering.append(transport + offset)
    octets = new_address.packed
    for word in (0, 2):
        _put(packet, start + word, octets[word : word + 2], covering)
    where = _port_offset(packet, side)
    if where is not None:
        checksum = transport + (_ICMP_CHECKSUM if offset is None else offset)
        _put(packet, where, new_port.to_bytes(2, "big"), [checksum])


def quoted(packet: Octets) -> bytes | None:
    """Return what an ICMP error quotes, if this is one and it quotes at least a whole header."""
    start = _header_length(packet)
    if packet[9] != IpProtocol.ICMP or _is_later_fragment(packet) or len(packet) <= start:
        return None
    body = bytes(packet[start + _ICMP_HEADER :])
    return body if packet[start] in ERRORS and len(body) >= HEADER_LENGTH and body[0] >> 4 == 4 else None


def replace_quoted(packet: bytearray, body: bytes) -> None:
    """Put another quotation of the same length into an ICMP error."""
    start = _header_length(packet)
    for position in range(0, len(body) & ~1, 2):
        _put(packet, start + _ICMP_HEADER + position, body[position : position + 2], [start + _ICMP_CHECKSUM])


def _put(packet: bytearray, offset: int, word: bytes, checksums: list[int]) -> None:
    """Change one word, and the checksums that cover it. A UDP checksum of zero says that there is none."""
    old, new = bytes(packet[offset : offset + 2]), word
    if old == new or len(old) < 2:
        return
    packet[offset : offset + 2] = new
    for where in checksums:
        found = int.from_bytes(packet[where : where + 2], "big")
        is_udp = where != _IPV4_CHECKSUM and packet[9] == IpProtocol.UDP
        if len(packet) < where + 2 or (is_udp and not found):
            continue
        value = update(found, int.from_bytes(old, "big"), int.from_bytes(new, "big"))
        packet[where : where + 2] = (value or (0xFFFF if is_udp else 0)).to_bytes(2, "big")


def _address_offset(side: Side) -> int:
    return 12 if side is Side.SOURCE else 16


def _port_offset(packet: Octets, side: Side) -> int | None:
    """Return where the port is; None: the protocol has none, or this piece of the packet does not reach so far."""
    start, protocol = _header_length(packet), packet[9]
    if _is_later_fragment(packet):
        return None
    if protocol in _CHECKSUMS:
        where = start + (0 if side is Side.SOURCE else 2)
    elif protocol == IpProtocol.ICMP and len(packet) > start and packet[start] in _ECHOES:
        where = start + _ECHO_IDENTIFIER
    else:
        return None
    return where if len(packet) >= where + 2 else None


def _header_length(packet: Octets) -> int:
    return (packet[0] & 0x0F) << 2


def _is_later_fragment(packet: Octets) -> bool:
    return bool(packet[6] & 0x1F or packet[7])
