"""The clamp of TCP's maximum segment size, `ip tcp adjust-mss`. A router does nothing else with TCP.

Both ends announce in their SYN the largest segment they take (RFC 9293 §3.7.1). A router before a tunnel lowers
the number to what fits the tunnel, so that hosts never send what would have to be cut, even where path MTU discovery is
filtered. It never raises it, and it touches nothing but a SYN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.net import ipv4, ipv6
from dmvpn.net.ipv4 import IpProtocol, update

if TYPE_CHECKING:
    from dmvpn.net.ipv4 import Octets

_HEADER_LENGTH = 20
_FLAGS_AT = 13
_CHECKSUM_AT = 16
_SYN = 0x02
_END_OF_OPTIONS = 0
_NO_OPERATION = 1
_MAXIMUM_SEGMENT_SIZE = 2
_MAXIMUM_SEGMENT_SIZE_LENGTH = 4


def clamp_mss(packet: bytes, mss: int, *, partial_checksum: bool = False) -> bytes:
    """Return the IP packet with a maximum segment size of at most `mss`, checksum corrected by RFC 1624.

    Whatever is not the SYN of a TCP connection, has no such option or a smaller value comes back as the same object,
    malformed packets too: judging them is the receiver's business. With `partial_checksum` the checksum field is left
    alone, since it only holds the sum of the pseudo header yet (a TAP device with checksum offload says so).
    """
    start = _tcp_header(packet)
    if start is None or not packet[start + _FLAGS_AT] & _SYN:
        return packet
    value_at = _mss_value(packet, start)
    if value_at is None:
        return packet
    old = int.from_bytes(packet[value_at : value_at + 2], "big")
    if old <= mss:
        return packet
    clamped = bytearray(packet)
    clamped[value_at : value_at + 2] = mss.to_bytes(2, "big")
    if not partial_checksum:
        at = start + _CHECKSUM_AT
        old_checksum = int.from_bytes(packet[at : at + 2], "big")
        # At an odd place the value lies across two words of the sum: there it counts with its octets swapped.
        words = (_swap(old), _swap(mss)) if value_at - start & 1 else (old, mss)
        clamped[at : at + 2] = update(old_checksum, *words).to_bytes(2, "big")
    return bytes(clamped)


def _tcp_header(packet: Octets) -> int | None:
    """Return where the whole TCP header begins, or None: other protocol, not the first fragment, or too short."""
    if len(packet) >= ipv4.HEADER_LENGTH and packet[0] >> 4 == 4:
        if packet[9] != IpProtocol.TCP or packet[6] & 0x1F or packet[7]:
            return None
        start = (packet[0] & 0x0F) << 2
    elif len(packet) >= ipv6.HEADER_LENGTH and packet[0] >> 4 == 6:
        if packet[6] != IpProtocol.TCP:
            return None
        start = ipv6.HEADER_LENGTH
    else:
        return None
    return start if start >= ipv4.HEADER_LENGTH and len(packet) >= start + _HEADER_LENGTH else None


def _mss_value(packet: Octets, start: int) -> int | None:
    """Return where the value of the maximum segment size option is, RFC 9293 §3.2, or None."""
    end = min(start + (packet[start + 12] >> 4 << 2), len(packet))
    position = start + _HEADER_LENGTH
    while position < end and packet[position] != _END_OF_OPTIONS:
        if packet[position] == _NO_OPERATION:
            position += 1
            continue
        length = packet[position + 1] if position + 1 < end else 0
        if length < 2 or position + length > end:
            return None
        if packet[position] == _MAXIMUM_SEGMENT_SIZE:
            return position + 2 if length == _MAXIMUM_SEGMENT_SIZE_LENGTH else None
        position += length
    return None


def _swap(word: int) -> int:
    return word >> 8 | (word & 0xFF) << 8
