"""Where packets of a tunnel or of an SA are received: an IPv4 address of ours, in the VRF of the front door.

One value for both, so that tables have short keys: the octets of the address, and behind them the name of the VRF.
Without a VRF it is the packed address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.net.octets import ipv4_address

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress

_LENGTH: Final = 4


def door(address: IPAddress, front: str) -> bytes:
    """Return the key of an address in a front door, "": the global table."""
    return address.packed + front.encode() if front else address.packed


def address_of(local: bytes) -> IPv4Address:
    """Return the IPv4 address of a key."""
    return ipv4_address(local[:_LENGTH])


def front_of(local: bytes) -> str:
    """Return the front door of a key."""
    return local[_LENGTH:].decode()
