"""The files of a capture: bounded, and whole up to the last packet that was written, whatever ends it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from dmvpn.net import pcap
from dmvpn.net.pcap import LinkType

if TYPE_CHECKING:
    from pathlib import Path

#: Octets of the largest file. What comes later is counted, and not kept: nobody opens more, and a disk is finite.
LARGEST: Final = 1 << 30


class CaptureFile:
    """One pcap file. packets: how many are in it. lost: those that did not fit, or for which the disk was full."""

    def __init__(self, path: Path, link_type: LinkType = LinkType.ETHERNET) -> None:
        """Begin the file. Raises OSError."""
        self.path = path
        self.packets = 0
        self.lost = 0
        self._file = path.open("wb")
        head = pcap.file_header(link_type)
        self._size = self._file.write(head)

    def write(self, frame: bytes, time_ns: int) -> None:
        """Add a packet that was captured at `time_ns` since 1970."""
        record = pcap.record(frame, time_ns)
        if self._size + len(record) > LARGEST:
            self.lost += 1
            return
        try:
            self._file.write(record)
        except OSError:
            self.lost += 1
            return
        self._size += len(record)
        self.packets += 1

    def close(self) -> None:
        """Finish it. If the disk is full, what is there is there."""
        with contextlib.suppress(OSError):
            self._file.close()
