"""Generic Routing Encapsulation: RFC 2784, with key and sequence number of RFC 2890; and ECN through a tunnel, RFC
6040.

Optional fields are in the order checksum, key, sequence number, each only if its flag says so. A tunnel of IOS sends
four octets without options, eight with `tunnel key`, four more with `tunnel checksum` and, point to point, with
`tunnel sequence-datagrams`. RFC 1701 source routing does not exist here.

Explicit congestion notification (§4.2): on the way in the outer header gets the inner one's two bits, with its TOS. On
the way out what routers between the tunnel's ends marked must not get lost: the inner header takes the mark, or, if its
sender would not understand, the packet is dropped as the router would have done.
"""

from __future__ import annotations

import enum
import struct
from functools import lru_cache
from ipaddress import IPv4Address

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.net.ipv4 import (
    HEADER_LENGTH,
    TOS_INTERNETWORK_CONTROL,
    IpProtocol,
    Ipv4Packet,
    Octets,
    checksum,
    lacks_checksum,
    update,
)

# ------------------------------------------------------------------------------------------------ GRE


_BASE = struct.Struct("!HH")
_WORD = struct.Struct("!I")

_CHECKSUM_PRESENT = 0x8000
_KEY_PRESENT = 0x2000
_SEQUENCE_PRESENT = 0x1000
#: Bits 1, 4 and 5, set only by RFC 1701 source routing (RFC 2784 §2.2), and the version (§2.3.1): refuse the packet.
#: Bits 6 to 12 are reserved and ignored.
_REFUSED = 0x4C07
#: Octets of the header by its first four bits: four, and four more for each field that is there.
_LENGTHS = tuple(4 + 4 * (bits & 0b1011).bit_count() for bits in range(16))


class ProtocolType(enum.IntEnum):
    """What a GRE packet carries: Ethernet types, RFC 2784 §2.4."""

    KEEPALIVE = 0x0000  # IOS: the packet that a keepalive makes the peer send back
    IPV4 = 0x0800
    NHRP = 0x2001
    IPV6 = 0x86DD
    MPLS = 0x8847


class GreHeader(Value, kw_only=True):
    """The header before the payload, RFC 2784 §2 and RFC 2890 §2.

    key, sequence: None = the field is absent.
    has_checksum: the checksum of header and payload is sent.
    """

    protocol_type: int
    has_checksum: bool = False
    key: int | None = None
    sequence: int | None = None

    @classmethod
    def parse(cls, data: Octets) -> tuple[GreHeader, int]:
        """Return the header of the packet in `data` and where its payload begins. Raises WireError.

        `data` is the whole GRE packet and nothing more: a checksum, if there is one, covers all of it.
        """
        if len(data) < _BASE.size:
            raise WireError("GRE header cut short", offset=len(data), clause="RFC 2784 §2.1")
        flags, protocol_type = _BASE.unpack_from(data)
        if flags & _REFUSED:
            raise WireError(f"GRE flags {flags:#06x}", offset=0, clause="RFC 2784 §2.2")
        end = _LENGTHS[flags >> 12]
        if end > len(data):
            raise WireError("GRE header cut short", offset=len(data), clause="RFC 2890 §2")
        if not flags & (_CHECKSUM_PRESENT | _SEQUENCE_PRESENT):
            return header_of(protocol_type, _WORD.unpack_from(data, 4)[0] if flags & _KEY_PRESENT else None), end
        position = 4
        if flags & _CHECKSUM_PRESENT:
            if checksum(data) and not _left_to_a_card(data, end, protocol_type):
                raise WireError("GRE checksum is wrong", offset=4, clause="RFC 2784 §2.5")
            position += 4
        key = sequence = None
        if flags & _KEY_PRESENT:
            key = int.from_bytes(data[position : position + 4], "big")
            position += 4
        if flags & _SEQUENCE_PRESENT:
            sequence = int.from_bytes(data[position : position + 4], "big")
        has_checksum = bool(flags & _CHECKSUM_PRESENT)
        return cls(protocol_type=protocol_type, has_checksum=has_checksum, key=key, sequence=sequence), end

    def serialize(self, payload: bytes) -> bytes:
        """Encode the packet that carries `payload`. Without checksum and sequence the octets before it never change."""
        flags = _CHECKSUM_PRESENT if self.has_checksum else 0
        options = bytes(4) if self.has_checksum else b""
        if self.key is not None:
            flags |= _KEY_PRESENT
            options += _WORD.pack(self.key)
        if self.sequence is not None:
            flags |= _SEQUENCE_PRESENT
            options += _WORD.pack(self.sequence)
        packet = _BASE.pack(flags, self.protocol_type) + options + payload
        if not self.has_checksum:
            return packet
        return packet[:4] + checksum(packet).to_bytes(2, "big") + packet[6:]


def _left_to_a_card(data: Octets, start: int, protocol_type: int) -> bool:
    """Return whether a Linux that shares no wire with us, but a virtual cable, left the checksum to a network card.

    Of a packet whose inner checksum is finished it leaves 0 in the field. Of another one the field holds what will be
    right once the inner checksum is (local checksum offload), and of a merged one anything (`gre_build_header` in
    include/net/gre.h).
    """
    if data[4] == data[5] == 0:
        return True
    inner = data[start:]
    version, least = (6, 2 * HEADER_LENGTH) if protocol_type == ProtocolType.IPV6 else (4, HEADER_LENGTH)
    is_ip = protocol_type in (ProtocolType.IPV4, ProtocolType.IPV6) and len(inner) >= least
    return is_ip and inner[0] >> 4 == version and lacks_checksum(inner) is not None


#: A packet that is so many numbers late was not overtaken: its sender has begun again.
BEGAN_ANEW = 4096


class GreSequence:
    """The sequence numbers of the packets that a point-to-point tunnel sends and receives, RFC 2890 §2.2."""

    __slots__ = ("_last", "_next")

    def __init__(self) -> None:
        self._next = 0
        self._last: int | None = None

    def number(self) -> int:
        """Return the number of the next packet that leaves."""
        number, self._next = self._next, (self._next + 1) & 0xFFFFFFFF
        return number

    def is_in_order(self, number: int | None) -> bool:
        """Return whether the packet with this number is in order.

        One without is; so is 0, with which a sender begins again.
        """
        if number is None:
            return True
        if number and self._last is not None and (self._last - number) & 0xFFFFFFFF < BEGAN_ANEW:
            return False
        self._last = number
        return True


def header_length(key: int | None, *, checksum: bool = False, sequence: bool = False) -> int:
    """Return octets of a header with these fields."""
    return _BASE.size + _WORD.size * ((key is not None) + checksum + sequence)


@lru_cache(maxsize=64)
def header_of(protocol_type: int, key: int | None) -> GreHeader:
    """Return the header without checksum and sequence number: all packets of a tunnel have the same one, so it is
    kept.
    """
    return GreHeader(protocol_type=protocol_type, key=key)


def next_header(protocol_type: int, key: int | None, *, checksum: bool, sequence: GreSequence | None) -> GreHeader:
    """Return the header of the next packet that leaves a tunnel; sequence: None: its packets have no numbers."""
    if not checksum and sequence is None:
        return header_of(protocol_type, key)
    number = sequence.number() if sequence is not None else None
    return GreHeader(protocol_type=protocol_type, has_checksum=checksum, key=key, sequence=number)


def keepalive(local: IPv4Address, peer: IPv4Address, *, key: int | None = None, identification: int = 0) -> bytes:
    """Return the GRE packet that makes `peer` send an empty GRE packet (protocol type 0) back to `local`.

    The peer needs no configuration for it: it takes the GRE header off and routes the packet inside, which is addressed
    to us. So its return shows that packets pass in both directions, and any IOS router sends it back.
    """
    returning = Ipv4Packet(
        tos=TOS_INTERNETWORK_CONTROL,
        identification=identification,
        protocol=IpProtocol.GRE,
        source=peer,
        destination=local,
        payload=GreHeader(protocol_type=ProtocolType.KEEPALIVE, key=key).serialize(b""),
    )
    return GreHeader(protocol_type=ProtocolType.IPV4, key=key).serialize(returning.serialize())


# ------------------------------------------------------------------------------------------------ ECN through a tunnel


#: The two lower bits of TOS (RFC 3168 §5).
_MASK = 0b11
_NOT_ECT = 0b00
_ECT_1 = 0b01
_ECT_0 = 0b10
_CE = 0b11


def merged(outer: int, inner: int) -> int | None:
    """Return the inner TOS after decapsulation, or None: the packet is to be dropped (figure 4 of RFC 6040)."""
    mark, own = outer & _MASK, inner & _MASK
    if own == _NOT_ECT:
        return None if mark == _CE else inner
    if mark == _CE:
        return inner | _CE
    if mark == _ECT_1 and own == _ECT_0:
        return inner & ~_MASK | _ECT_1
    return inner


def mark(tos: int) -> int:
    """Return the two bits, 0 to 3."""
    return tos & _MASK


def reassembled(tos: int, marks: int) -> int | None:
    """Return the TOS of a packet that came in pieces, or None: it is to be dropped (RFC 3168 §5.3).

    tos: of the first piece.
    marks: of all of them, bit n says that one has the mark n.
    """
    if not marks & 1 << _CE:
        return tos
    return None if marks & 1 << _NOT_ECT else tos | _CE


def decapsulated(outer: int, packet: bytes) -> bytes | None:
    """Return the IP packet that came out of a tunnel, with what its outer TOS says; None: it is to be dropped."""
    if packet[0] >> 4 == 6:
        word = int.from_bytes(packet[:2], "big")
        inner = word >> 4 & 0xFF
        tos = merged(outer, inner)
        return None if tos is None else (word & 0xF00F | tos << 4).to_bytes(2, "big") + packet[2:]
    tos = merged(outer, packet[1])
    if tos is None or tos == packet[1]:
        return None if tos is None else packet
    changed = bytearray(packet)
    changed[1] = tos
    word = packet[0] << 8
    changed[10:12] = update(int.from_bytes(packet[10:12], "big"), word | packet[1], word | tos).to_bytes(2, "big")
    return bytes(changed)
