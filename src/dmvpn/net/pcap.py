"""Capture files in the classic libpcap format: octets in, octets out, no file is opened here.

`file_header` and `record` write what tcpdump and Wireshark read, with microseconds. `count` takes either byte order and
either unit of time.
"""

from __future__ import annotations

import enum
import io
import struct
from typing import BinaryIO, Final

from dmvpn.base.errors import WireError
from dmvpn.net.ipv4 import Octets

_CLAUSE: Final = "draft-ietf-opsawg-pcap"
_MICROSECONDS = 0xA1B2C3D4
_NANOSECONDS = 0xA1B23C4D
_FILE_HEADER_LENGTH = 24
_RECORD_HEADER_LENGTH = 16
_SNAP_LENGTH = 262144


class LinkType(enum.IntEnum):
    """What a frame of the capture begins with (www.tcpdump.org/linktypes.html)."""

    NULL = 0
    ETHERNET = 1
    RAW = 101
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


def file_header(link_type: LinkType = LinkType.ETHERNET) -> bytes:
    """Return the octets that a capture file begins with."""
    return struct.pack("<IHHiIII", _MICROSECONDS, 2, 4, 0, 0, _SNAP_LENGTH, link_type)


def record(data: Octets, time_ns: int) -> bytes:
    """Return one frame, captured whole at `time_ns` since 1970."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    return struct.pack("<IIII", seconds, nanoseconds // 1000, len(data), len(data)) + data


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
    record_header = struct.Struct(_order(head) + "8xI4x")
    size, frames = file.seek(0, io.SEEK_END), 0
    end, position = _FILE_HEADER_LENGTH, _FILE_HEADER_LENGTH + _RECORD_HEADER_LENGTH
    while position <= size:
        file.seek(position - _RECORD_HEADER_LENGTH)
        position += record_header.unpack(file.read(_RECORD_HEADER_LENGTH))[0]
        if position <= size:
            frames, end = frames + 1, position
        position += _RECORD_HEADER_LENGTH
    return frames, end


def _order(file: Octets) -> str:
    """Return the byte order, from the magic number."""
    for order in "<>":
        if struct.unpack_from(order + "I", file)[0] in (_MICROSECONDS, _NANOSECONDS):
            return order
    raise WireError("not a capture file", offset=0, clause=_CLAUSE)
