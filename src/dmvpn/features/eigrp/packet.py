"""EIGRP packets: RFC 7868 §6.5, a header of 20 octets and a list of TLVs.

`parse` decodes the payload of an IP packet (protocol 88), `serialize` encodes it. The TLVs are in `tlv.py` and
`route.py`, digests in `auth.py`. An acknowledgment has no opcode of its own: it is a Hello with an acknowledgment
number.
"""

from __future__ import annotations

import enum
import struct
from typing import TYPE_CHECKING, Final, Self, TypeVar

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp import route, tlv
from dmvpn.features.eigrp.tlv import Parameters, Tlv, UnknownTlv
from dmvpn.net.checksum import checksum

if TYPE_CHECKING:
    from dmvpn.net.octets import Octets

_HEADER = struct.Struct("!BBHIIIHH")
HEADER_LENGTH = _HEADER.size
_VERSION = 2
_CLAUSE: Final = "RFC 7868 §6.5"
_TLV_CLAUSE: Final = "RFC 7868 §6.6"
_PARSERS = {**tlv.PARSERS, **route.PARSERS}

_Kind = TypeVar("_Kind", bound=Tlv)


class Opcode(enum.IntEnum):
    """Type of a packet, RFC 7868 §6.5. Some routers send ACK where the standard sends HELLO."""

    UPDATE = 1
    REQUEST = 2
    QUERY = 3
    REPLY = 4
    HELLO = 5
    ACK = 8
    SIA_QUERY = 10
    SIA_REPLY = 11


class PacketFlag(enum.IntFlag):
    """RFC 7868 §6.5."""

    INIT = 0x01  # first packet to a new neighbor: requests its table
    CONDITIONAL_RECEIVE = 0x02  # only for routers not listed in the Sequence TLV of the Hello before
    RESTART = 0x04  # graceful restart
    END_OF_TABLE = 0x08  # the last packet of the table


NO_FLAGS = PacketFlag(0)


class VirtualRouterId(enum.IntEnum):
    """RFC 7868 §6.5."""

    UNICAST = 0
    MULTICAST = 1
    SERVICE = 0x8000


_OPCODES = {int(opcode): opcode for opcode in Opcode}


@dataclass(frozen=True, slots=True, kw_only=True)
class EigrpPacket:
    """A packet, RFC 7868 §6.5.

    opcode: an `Opcode`, or the number received.
    sequence: 0: needs no acknowledgment.
    acknowledgment: the acknowledged sequence number; 0: none.
    """

    opcode: int
    flags: PacketFlag = NO_FLAGS
    sequence: int = 0
    acknowledgment: int = 0
    virtual_router_id: int = VirtualRouterId.UNICAST
    autonomous_system: int
    tlvs: tuple[Tlv, ...] = ()

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the payload of an IP packet. Raises WireError: one bad length invalidates the packet
        (RFC 7868 §6.6).
        """
        if len(data) < HEADER_LENGTH:
            raise WireError("EIGRP header cut short", offset=len(data), clause=_CLAUSE)
        packet = bytes(data)
        version, opcode, _, flags, sequence, acknowledgment, virtual_router_id, autonomous_system = _HEADER.unpack_from(
            packet
        )
        if version != _VERSION:
            raise WireError(f"EIGRP version {version}", offset=0, clause=_CLAUSE)
        if checksum(packet):
            raise WireError("EIGRP checksum is wrong", offset=2, clause=_CLAUSE)
        return cls(
            opcode=_OPCODES.get(opcode, opcode),
            flags=PacketFlag(flags),
            sequence=sequence,
            acknowledgment=acknowledgment,
            virtual_router_id=virtual_router_id,
            autonomous_system=autonomous_system,
            tlvs=_parse_tlvs(packet),
        )

    def serialize(self) -> bytes:
        """Encode with checksum. Raises struct.error if a number does not fit its field."""
        header = _HEADER.pack(
            _VERSION,
            self.opcode,
            0,
            self.flags,
            self.sequence,
            self.acknowledgment,
            self.virtual_router_id,
            self.autonomous_system,
        )
        packet = bytearray().join([header, *[part.serialize() for part in self.tlvs]])
        set_checksum(packet)
        return bytes(packet)

    def find(self, kind: type[_Kind]) -> _Kind | None:
        """Return the first TLV of this class, or None."""
        for part in self.tlvs:
            if isinstance(part, kind):
                return part
        return None

    @property
    def is_acknowledgment(self) -> bool:
        """Whether this is an acknowledgment. FRR adds TLVs to it, so they do not matter (RFC 7868 §5.3.1 has none)."""
        return self.opcode in (Opcode.HELLO, Opcode.ACK) and self.acknowledgment != 0

    @property
    def is_goodbye(self) -> bool:
        """Whether this is the Hello of a router that leaves, RFC 7868 §6.7.7."""
        parameters = self.find(Parameters)
        return self.opcode == Opcode.HELLO and parameters is not None and parameters.is_goodbye


def set_checksum(packet: bytearray) -> None:
    """Write the checksum, RFC 7868 §6.5: over the whole EIGRP packet."""
    packet[2:4] = b"\x00\x00"
    packet[2:4] = checksum(packet).to_bytes(2, "big")


def _parse_tlvs(packet: bytes) -> tuple[Tlv, ...]:
    tlvs: list[Tlv] = []
    position = HEADER_LENGTH
    while position < len(packet):
        value_at = position + tlv.HEADER.size
        if value_at > len(packet):
            raise WireError("TLV header cut short", offset=position, clause=_TLV_CLAUSE)
        kind, length = tlv.HEADER.unpack_from(packet, position)
        end = position + length
        if length < tlv.HEADER.size or end > len(packet):
            raise WireError(f"TLV {kind:#06x} of {length} octets", offset=position, clause=_TLV_CLAUSE)
        value = packet[value_at:end]
        parser = _PARSERS.get(kind)
        tlvs.append(parser(value, position) if parser is not None else UnknownTlv(type=kind, value=value))
        position = end
    return tuple(tlvs)
