"""The link-local address of an interface on which none is configured, RFC 4291 §2.5.6.

In the order of preference: the hardware address (RFC 4291 Appendix A, as IOS does), the IPv4 address of the interface
or, on a tunnel, its NBMA address (RFC 4213 §3.7), and where there is neither, a number made of names, always the same
one (as RFC 7217 asks).
"""

from __future__ import annotations

import hashlib
from ipaddress import IPv6Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

_PREFIX = 0xFE80 << 112
#: The bit of an EUI-64 that says, the other way round, whether it is unique in the world.
_UNIVERSAL = 0x02


def derive(hardware: bytes, address: IPAddress | None, names: str) -> IPv6Address:
    """Derive a link-local address. address: of the interface or its underlay. names: of router and interface."""
    if len(hardware) == 6 and any(hardware):
        identifier = bytes((hardware[0] ^ _UNIVERSAL,)) + hardware[1:3] + b"\xff\xfe" + hardware[3:]
        return IPv6Address(_PREFIX | int.from_bytes(identifier, "big"))
    if address is not None and address.version == 4:
        return IPv6Address(_PREFIX | int(address))
    return IPv6Address(_PREFIX | int.from_bytes(hashlib.sha256(names.encode()).digest()[:8], "big"))
