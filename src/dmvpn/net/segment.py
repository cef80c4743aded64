"""TCP segments: RFC 9293 §3.1, and their MD5 signature, RFC 2385.

Options are kept as they came; the signature is the only one that is looked at.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.net.ipv4 import IpProtocol, checksum, pseudo_header

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.net.ipv4 import Octets

_HEADER = struct.Struct("!HHIIBBHHH")
HEADER_LENGTH: Final = _HEADER.size
_CLAUSE: Final = "RFC 9293 §3.1"
_SIGNATURE: Final = 19
_SIGNATURE_LENGTH: Final = 18
_LARGEST_OPTIONS: Final = 40


class Flag(enum.IntFlag):
    """The control bits."""

    FIN = 0x01
    SYN = 0x02
    RST = 0x04
    PSH = 0x08
    ACK = 0x10
    URG = 0x20
    ECE = 0x40
    CWR = 0x80


NO_FLAGS: Final = Flag(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSegment:
    """A segment. The addresses of its IP header belong to checksum and signature. options: whole words of 4 octets."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgment: int = 0
    flags: Flag = NO_FLAGS
    window: int = 0
    urgent: int = 0
    options: bytes = b""
    payload: bytes = b""

    @classmethod
    def parse(cls, data: Octets, source: IPAddress, destination: IPAddress) -> Self:
        """Decode the payload of an IP packet between these addresses. Raises WireError."""
        segment = bytes(data)
        if len(segment) < HEADER_LENGTH:
            raise WireError("TCP header cut short", offset=len(segment), clause=_CLAUSE)
        source_port, destination_port, sequence, acknowledgment, offset, flags, window, _, urgent = _HEADER.unpack_from(
            segment
        )
        start = offset >> 4 << 2
        if not HEADER_LENGTH <= start <= len(segment):
            raise WireError(f"TCP header of {start} octets", offset=12, clause=_CLAUSE)
        if checksum(pseudo_header(source, destination, IpProtocol.TCP, len(segment)) + segment):
            raise WireError("TCP checksum is wrong", offset=16, clause=_CLAUSE)
        return cls(
            source_port=source_port,
            destination_port=destination_port,
            sequence=sequence,
            acknowledgment=acknowledgment,
            flags=Flag(flags),
            window=window,
            urgent=urgent,
            options=segment[HEADER_LENGTH:start],
            payload=segment[start:],
        )

    def serialize(self, source: IPAddress, destination: IPAddress) -> bytes:
        """Encode for an IP packet between these addresses. Raises ValueError for options that do not fit."""
        if len(self.options) % 4 or len(self.options) > _LARGEST_OPTIONS:
            raise ValueError(f"TCP options of {len(self.options)} octets")
        segment = bytearray(self._header(0) + self.options + self.payload)
        pseudo = pseudo_header(source, destination, IpProtocol.TCP, len(segment))
        segment[16:18] = checksum(pseudo + segment).to_bytes(2, "big")
        return bytes(segment)

    @property
    def length(self) -> int:
        """What it takes of the sequence space: its octets, and one for SYN and FIN each, RFC 9293 §3.4."""
        return len(self.payload) + bool(self.flags & Flag.SYN) + bool(self.flags & Flag.FIN)

    def signature(self, source: IPAddress, destination: IPAddress, password: bytes, *, options: int) -> bytes:
        """Return the digest of RFC 2385 §2.0 for a header with so many octets of options, which it does not cover."""
        length = HEADER_LENGTH + options + len(self.payload)
        pseudo = pseudo_header(source, destination, IpProtocol.TCP, length)
        covered = pseudo + self._header(options) + self.payload + password
        return hashlib.md5(covered, usedforsecurity=False).digest()

    def signature_option(self, source: IPAddress, destination: IPAddress, password: bytes) -> bytes:
        """Return the options that sign this segment: two that do nothing, and the signature."""
        digest = self.signature(source, destination, password, options=_SIGNATURE_LENGTH + 2)
        return bytes((1, 1, _SIGNATURE, _SIGNATURE_LENGTH)) + digest

    def signed_by(self, source: IPAddress, destination: IPAddress, password: bytes) -> bool:
        """Return whether it is signed with this password."""
        found = _option(self.options, _SIGNATURE)
        return found == self.signature(source, destination, password, options=len(self.options))

    @property
    def is_signed(self) -> bool:
        """Does it carry a signature?"""
        return _option(self.options, _SIGNATURE) is not None

    def _header(self, options: int) -> bytes:
        """Return the header with a checksum of zero, and the length of these options or of its own."""
        words = (HEADER_LENGTH + (options or len(self.options))) >> 2
        return _HEADER.pack(
            self.source_port,
            self.destination_port,
            self.sequence,
            self.acknowledgment,
            words << 4,
            self.flags,
            self.window,
            0,
            self.urgent,
        )


def _option(options: bytes, kind: int) -> bytes | None:
    """Return the value of the first option of this kind; None: there is none, or what is there makes no sense."""
    at = 0
    while at < len(options) and options[at]:
        if options[at] == 1:
            at += 1
            continue
        length = options[at + 1] if at + 1 < len(options) else 0
        if length < 2 or at + length > len(options):
            return None
        if options[at] == kind:
            return options[at + 2 : at + length]
        at += length
    return None
