"""The files of a capture: bounded, and complete up to the last packet that was written, however the capture ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import WireError
from dmvpn.net import pcap
from dmvpn.net.pcap import LinkType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dmvpn.shells.lab.control import Json

#: Octets of the largest file. Later packets are counted, and not kept: larger files are hard to open, and a disk is
#: finite.
LARGEST: Final = 1 << 30


class CaptureFile:
    """One pcap file. packets: number of its packets. lost: number of packets left out, and why."""

    def __init__(self, path: Path, link_type: LinkType = LinkType.ETHERNET) -> None:
        """Begin the file. Raises OSError."""
        self.path = path
        self.packets = 0
        self.lost = 0
        self.why = ""
        self._file = path.open("wb")
        head = pcap.file_header(link_type)
        self._size = self._file.write(head)

    def write(self, frame: bytes, time_ns: int) -> None:
        """Add a packet that was captured at `time_ns` since 1970."""
        record = pcap.record(frame, time_ns)
        if not self.why and self._size + len(record) > LARGEST:
            self.why = f"a file has at most {LARGEST >> 20} MiB"
        if self.why:
            self.lost += 1
            return
        self._size += len(record)
        self.packets += 1
        try:
            self._file.write(record)
        except OSError as error:
            self.why = error.strerror or str(error)

    def close(self) -> None:
        """Finish it: on a full disk, after the last complete packet."""
        try:
            self._file.close()
        except OSError as error:
            self.why = error.strerror or str(error)
        if self.why:
            self._cut()

    def _cut(self) -> None:
        counted, self.packets = self.packets, 0
        with contextlib.suppress(OSError, WireError), self.path.open("r+b") as file:
            self.packets, end = pcap.whole(file)
            file.truncate(end)
        self.lost += counted - self.packets


def report(files: Iterable[CaptureFile]) -> dict[str, Json]:
    """Return the report of a finished capture: packets in each file, number of lost packets, and why."""
    ended = list(files)
    return {
        "files": {str(file.path): file.packets for file in ended},
        "lost": sum(file.lost for file in ended),
        "why": next((file.why for file in ended if file.why), ""),
    }
