"""The Internet checksum: RFC 1071, and its update when one word changes, RFC 1624.

The ones' complement sum of 16-bit words is the sum modulo 65535, and 65536 is 1 modulo 65535: so the sum of a message
is the message itself, read as one big-endian number, modulo 65535. One division in C takes the place of a loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.octets import Octets


def checksum(data: Octets) -> int:
    """Return the value for the checksum field of `data`, in which that field is zero; an odd length is padded, RFC 1071
    §4.1.

    Over a message that carries its right checksum the result is 0.
    """
    number = int.from_bytes(data, "big")
    if len(data) & 1:
        number <<= 8
    # Ones' complement has two zeros. A sum of words that are not all zero is never the positive one.
    return 0xFFFF - (number % 0xFFFF or (0xFFFF if number else 0))


def update(checksum: int, old: int, new: int) -> int:
    """Return the checksum after one aligned 16-bit word changed from `old` to `new`, RFC 1624 §3 equation 3."""
    total = (checksum ^ 0xFFFF) + (old ^ 0xFFFF) + new
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16) ^ 0xFFFF


def pseudo_header(source: IPAddress, destination: IPAddress, protocol: int, length: int) -> bytes:
    """Return what UDP and TCP sum before their own header: RFC 768 for IPv4, RFC 8200 §8.1 for IPv6.

    length: octets of transport header and data.
    """
    if source.version == 4:
        return source.packed + destination.packed + protocol.to_bytes(2, "big") + length.to_bytes(2, "big")
    return source.packed + destination.packed + length.to_bytes(4, "big") + protocol.to_bytes(4, "big")
