"""The Client Information Entry, RFC 2332 §5.2.0.1: one binding of protocol addresses to an NBMA address.

It is behind the mandatory part of six messages and inside four extensions (transit records, responder and NAT address),
so it has a file of its own.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.net.octets import ip_address

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

_CLAUSE: Final = "RFC 2332 §5.2.0.1"
_CIE = struct.Struct("!BBxxHHBBBB")

#: A longer address (E.164 flag, reserved bit) or subaddress is not found on an IP underlay.
LARGEST_SUBADDRESS = 63


class AddressFamily(enum.IntEnum):
    """ar$afn: the family of NBMA addresses (IANA address family numbers)."""

    IPV4 = 1
    IPV6 = 2


#: Octets of an address of the family.
ADDRESS_LENGTH: dict[int, int] = {AddressFamily.IPV4: 4, AddressFamily.IPV6: 16}


class CieCode(enum.IntEnum):
    """What became of an entry: 0, or a NAK, RFC 2332 §5.2.2 and §5.2.4.

    FRR sends 11 where the RFC says 12; 11 has no other meaning, so it is read as 12 by whoever asks `is_no_binding`.
    """

    SUCCESS = 0
    ADMINISTRATIVELY_PROHIBITED = 4
    INSUFFICIENT_RESOURCES = 5
    NO_BINDING_FRR = 11
    NO_BINDING = 12
    BINDING_NOT_UNIQUE = 13
    UNIQUE_ADDRESS_REGISTERED = 14


_CODES = {int(code): code for code in CieCode}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientInfo:
    """Client Information Entry (CIE), RFC 2332 §5.2.0.1.

    code: a `CieCode`, or what the peer sent.
    prefix_length: bits; 0 and 255 say nothing, that is one address.
    mtu: octets, 0 = not stated; advice only.
    holding_time: seconds, 0 in a NAK.
    preference: not used (IOS: 255 or 0).
    nbma, protocol: None = the address of the mandatory part is meant.
    """

    code: int = CieCode.SUCCESS
    prefix_length: int = 0
    mtu: int = 0
    holding_time: int = 0
    preference: int = 0
    nbma: IPAddress | None = None
    nbma_subaddress: bytes = b""
    protocol: IPAddress | None = None

    def serialize(self) -> bytes:
        """Encode. Raises struct.error if a number does not fit its field."""
        nbma = self.nbma.packed if self.nbma is not None else b""
        protocol = self.protocol.packed if self.protocol is not None else b""
        return (
            _CIE.pack(
                self.code,
                self.prefix_length,
                self.mtu,
                self.holding_time,
                len(nbma),
                len(self.nbma_subaddress),
                len(protocol),
                self.preference,
            )
            + nbma
            + self.nbma_subaddress
            + protocol
        )

    @property
    def is_no_binding(self) -> bool:
        """Whether the NAK says that nobody has registered the address, in the RFC's form or in FRR's."""
        return self.code in (CieCode.NO_BINDING, CieCode.NO_BINDING_FRR)

    def host_or_prefix_length(self, width: int) -> int:
        """Return the prefix length, with 0 and 255 (and anything above `width` bits) read as the whole address."""
        return self.prefix_length if 0 < self.prefix_length <= width else width


def parse_cies(data: bytes, start: int, end: int, *, nbma_length: int, protocol_length: int) -> tuple[ClientInfo, ...]:
    """Decode the entries that fill `data` from `start` to `end` exactly. Raises WireError.

    nbma_length, protocol_length: octets of an address of the families in the fixed header; an entry has such an
    address, or none.
    """
    entries: list[ClientInfo] = []
    while start < end:
        position = start + _CIE.size
        if position > end:
            raise WireError("CIE cut short", offset=start, clause=_CLAUSE)
        code, prefix_length, mtu, holding_time, nbma_tl, subaddress_tl, protocol_tl, preference = _CIE.unpack_from(
            data, start
        )
        # The lengths are compared whole: with the E.164 flag or the reserved bit set they match no IP address.
        if nbma_tl not in (0, nbma_length) or subaddress_tl > LARGEST_SUBADDRESS:
            raise WireError(f"NBMA address type/length {nbma_tl}/{subaddress_tl}", offset=start + 8, clause=_CLAUSE)
        if protocol_tl not in (0, protocol_length):
            raise WireError(f"protocol address of {protocol_tl} octets", offset=start + 10, clause=_CLAUSE)
        subaddress_at = position + nbma_tl
        protocol_at = subaddress_at + subaddress_tl
        next_entry = protocol_at + protocol_tl
        if next_entry > end:
            raise WireError("addresses of a CIE cut short", offset=start, clause=_CLAUSE)
        entries.append(
            ClientInfo(
                code=_CODES.get(code, code),
                prefix_length=prefix_length,
                mtu=mtu,
                holding_time=holding_time,
                preference=preference,
                nbma=ip_address(data[position:subaddress_at]) if nbma_tl else None,
                nbma_subaddress=data[subaddress_at:protocol_at],
                protocol=ip_address(data[protocol_at:next_entry]) if protocol_tl else None,
            )
        )
        start = next_entry
    return tuple(entries)
