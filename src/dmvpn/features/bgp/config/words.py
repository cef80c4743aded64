"""Value types of the BGP lines: AS numbers, and neighbors or peer groups."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.ios import ValueType, register_type

if TYPE_CHECKING:
    from collections.abc import Hashable

#: A name may begin with digits ("64501AS"), but it may not be a number or look like a mistyped address.
_NAME = re.compile(r"(?!\d+\.|\d+\Z)[A-Za-z0-9][\w.-]*\Z", re.ASCII)
_DOTTED = re.compile(r"(\d{1,5})\.(\d{1,5})\Z", re.ASCII)


def _read_as(text: str) -> tuple[int, str] | None:
    """Return an AS number, plain or dotted (RFC 5396), and its text as typed."""
    if dotted := _DOTTED.match(text):
        high, low = int(dotted[1]), int(dotted[2])
        return (high << 16 | low, text) if high < 1 << 16 and low < 1 << 16 and high | low else None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0
    return (number, str(number)) if 0 < number < 1 << 32 else None


def _read_peer(text: str) -> tuple[Hashable, str] | None:
    """Return an address, or a name that cannot be a mistyped address."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return (text, text) if _NAME.match(text) else None
    return address, str(address)


AS_NUMBER: Final = register_type(ValueType("bgp-as", "<1-4294967295>", _read_as, fragment=r"[\d.]{1,11}"))
PEER: Final = register_type(ValueType("bgp-peer", "A.B.C.D or WORD", _read_peer, weight=20))
