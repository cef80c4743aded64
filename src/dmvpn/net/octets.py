"""What a decoder may be given, and addresses out of it without parsing text.

A hub reads the same few thousand addresses over and over. Making an `IPv4Address` takes three times as long as finding
the one that was made before, and one object a router instead of one a packet also keeps the caches small.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

Octets = bytes | bytearray | memoryview

#: More than a hub with 10,000 spokes sees: one NBMA and one tunnel address each, and some hosts. About 5 MB when full.
_REMEMBERED = 32768


@lru_cache(maxsize=_REMEMBERED)
def ipv4_address(packed: bytes) -> IPv4Address:
    """Return the address of these 4 octets."""
    return IPv4Address(packed)


@lru_cache(maxsize=_REMEMBERED)
def ipv6_address(packed: bytes) -> IPv6Address:
    """Return the address of these 16 octets."""
    return IPv6Address(packed)


def ip_address(packed: bytes) -> IPAddress:
    """Return the IPv4 address of 4 octets, the IPv6 address of 16. Raises ValueError for any other length."""
    return ipv4_address(packed) if len(packed) == 4 else ipv6_address(packed)
