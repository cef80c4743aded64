"""TCP: the clamp of its maximum segment size (`ip tcp adjust-mss`); segments (RFC 9293 §3.1), and their MD5 signature.

Both ends announce in their SYN the largest segment they take (RFC 9293 §3.7.1). A router before a tunnel lowers
the number to what fits the tunnel, so that hosts never send what would have to be cut, even where path MTU discovery is
filtered. It never raises it, and it touches nothing but a SYN.

Options of segments are kept as they came; only the signature (RFC 2385) is read.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from typing import Final, Self

from dmvpn.base.addresses import IPAddress
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net import ipv4, ipv6
from dmvpn.net.ipv4 import IpProtocol, Octets, checksum, pseudo_header, update

# ------------------------------------------------------------------------------------------------ segments


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


class TcpSegment(Value, kw_only=True):
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
        """Whether it carries a signature."""
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
    """Return the value of the first option of this kind; None: no such option, or malformed options."""
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


# ------------------------------------------------------------------------------------------------ the clamp


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
