"""Capture files in the classic libpcap format, read and written: octets in, octets out, no file is opened here.

`file_header` and `record` write what tcpdump and Wireshark read, with microseconds. `read` takes either byte order and
either unit of time; `count` is for a file too large to be read. `network_layer` takes off what the link put in front of
a packet.
"""

from __future__ import annotations

import enum
import io
import struct
from typing import TYPE_CHECKING, BinaryIO, Final

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.net.octets import Octets

_CLAUSE: Final = "draft-ietf-opsawg-pcap"
_MICROSECONDS = 0xA1B2C3D4
_NANOSECONDS = 0xA1B23C4D
_FILE_HEADER_LENGTH = 24
_RECORD_HEADER_LENGTH = 16
_SNAP_LENGTH = 262144

_VLAN = 0x8100
_IPV4 = 0x0800
_IPV6 = 0x86DD


class LinkType(enum.IntEnum):
    """What a frame of the capture begins with (www.tcpdump.org/linktypes.html)."""

    NULL = 0
    ETHERNET = 1
    RAW = 101
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedFrame:
    """One frame.

    time_ns: since 1970.
    original_length: octets on the wire, of which `data` may be only the first.
    """

    time_ns: int
    data: bytes
    original_length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A whole file. Every frame has the same link type."""

    link_type: int
    frames: tuple[CapturedFrame, ...]


def file_header(link_type: LinkType = LinkType.ETHERNET) -> bytes:
    """Return the octets that a capture file begins with."""
    return struct.pack("<IHHiIII", _MICROSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, link_type)


def record(data: Octets, time_ns: int) -> bytes:
    """Return one frame, captured whole at `time_ns` since 1970."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return struct.pack("<IIII", seconds, nanoseconds // 1000, len(data), len(data)) + data


def read(file: Octets) -> Capture:
    """Decode a whole file. Raises WireError if it is not one, or ends in the middle of a frame."""
    if len(file) < _FILE_HEADER_LENGTH:
        raise WireError("capture file cut short", offset=len(file), clause=_CLAUSE)
    order, nanoseconds_per_unit = _format(file)
    link_type = struct.unpack_from(order + "I", file, 20)[0] & 0xFFFF
    record_header = struct.Struct(order + "IIII")
    frames: list[CapturedFrame] = []
    position = _FILE_HEADER_LENGTH
    while position < len(file):
        start = position + _RECORD_HEADER_LENGTH
        if start > len(file):
            raise WireError("capture file ends inside a record", offset=position, clause=_CLAUSE)
        seconds, units, length, original_length = record_header.unpack_from(file, position)
        position = start + length
        if position > len(file):
            raise WireError(f"captured length {length}", offset=start - 8, clause=_CLAUSE)
        frames.append(
            CapturedFrame(
                time_ns=seconds * 1_000_000_000 + units * nanoseconds_per_unit,
                data=bytes(file[start:position]),
                original_length=original_length,
            )
        )
    return Capture(link_type=link_type, frames=tuple(frames))


def count(file: BinaryIO) -> int:
    """Return how many whole frames a capture file has, however large it is. Raises WireError if it is not one."""
    return whole(file)[0]


def whole(file: BinaryIO) -> tuple[int, int]:
    """Return how many whole frames a capture file has, and the octets up to their end.

    Raises WireError if it is not one.
    """
    head = file.read(_FILE_HEADER_LENGTH)
    if len(head) < _FILE_HEADER_LENGTH:
        raise WireError("capture file cut short", offset=len(head), clause=_CLAUSE)
    record_header = struct.Struct(_format(head)[0] + "8xI4x")
    size, frames = file.seek(0, io.SEEK_END), 0
    end, position = _FILE_HEADER_LENGTH, _FILE_HEADER_LENGTH + _RECORD_HEADER_LENGTH
    while position <= size:
        file.seek(position - _RECORD_HEADER_LENGTH)
        position += record_header.unpack(file.read(_RECORD_HEADER_LENGTH))[0]
        if position <= size:
            frames, end = frames + 1, position
        position += _RECORD_HEADER_LENGTH
    return frames, end


def network_layer(link_type: int, frame: bytes) -> tuple[int, bytes] | None:
    """Return the Ethernet type and the octets of the packet in a frame; None if the frame is too short or the link
    unknown.
    """
    match link_type:
        case LinkType.ETHERNET:
            return _behind_ethernet(frame)
        case LinkType.LINUX_SLL:
            return _typed(frame, type_at=14, start=16)
        case LinkType.LINUX_SLL2:
            return _typed(frame, type_at=0, start=20)
        case LinkType.NULL:
            return _ip(frame[4:])
        case LinkType.RAW | LinkType.IPV4 | LinkType.IPV6:
            return _ip(frame)
        case _:
            return None


def _format(file: Octets) -> tuple[str, int]:
    """Return byte order and nanoseconds per unit of time, from the magic number."""
    for order in "<>":
        magic = struct.unpack_from(order + "I", file)[0]
        if magic == _MICROSECONDS:
            return order, 1000
        if magic == _NANOSECONDS:
            return order, 1
    raise WireError("not a capture file", offset=0, clause=_CLAUSE)


def _behind_ethernet(frame: bytes) -> tuple[int, bytes] | None:
    start = 14
    while frame[start - 2 : start] == _VLAN.to_bytes(2, "big"):
        start += 4
    return _typed(frame, type_at=start - 2, start=start)


def _typed(frame: bytes, *, type_at: int, start: int) -> tuple[int, bytes] | None:
    return (int.from_bytes(frame[type_at : type_at + 2], "big"), frame[start:]) if len(frame) >= start else None


def _ip(packet: bytes) -> tuple[int, bytes] | None:
    """Return a packet that tells its family itself."""
    if not packet:
        return None
    return (_IPV6 if packet[0] >> 4 == 6 else _IPV4, packet)
