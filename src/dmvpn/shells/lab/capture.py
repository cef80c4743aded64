"""Packet captures of a lab: our own, because tcpdump refuses to run as the only user of a namespace.

One AF_PACKET socket and one pcap file for each interface. The supervisor reads them in its loop.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink
from dmvpn.shells.capture_files import CaptureFile, report
from dmvpn.shells.lab.namespaces import inside_network

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.shells.lab.control import Json
    from dmvpn.shells.lab.wiring import Wiring

_ALL_PROTOCOLS = 0x0003
_TURN = 256
#: Octets of kernel buffer for each interface.
_BUFFER = 4 << 20


@dataclass(slots=True)
class _Capture:
    source: socket.socket
    file: CaptureFile


class Captures:
    """The captures that run."""

    def __init__(self, wiring: Wiring, selector: selectors.BaseSelector) -> None:
        self._wiring = wiring
        self._selector = selector
        self._running: list[_Capture] = []

    def start(self, nodes: list[str], folder: Path) -> Json:
        """Capture every interface of these nodes into a folder. Returns the files. Raises UserError."""
        if self._running:
            raise UserError("a capture is running; 'dmvpn lab capture --stop' ends it")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: {error.strerror}") from error
        try:
            for node in nodes:
                self._open_all(node, folder)
        except OSError as error:
            self.stop()
            raise UserError(f"{error.filename or folder}: {error.strerror}") from error
        return [str(capture.file.path) for capture in self._running]

    def stop(self) -> Json:
        """End the capture. Returns its report (`capture_files.report`)."""
        ended, self._running = self._running, []
        for capture in ended:
            self._read(capture)
            self._selector.unregister(capture.source)
            capture.source.close()
            capture.file.close()
        return report(capture.file for capture in ended)

    def _open_all(self, node: str, folder: Path) -> None:
        for space in self._wiring.spaces(node).values():
            with inside_network(space), netlink.NetlinkSocket() as kernel:
                for link in kernel.links():
                    if netlink.LinkFlag.LOOPBACK not in link.flags and link.kind in ("veth", "tun"):
                        self._open(folder / f"{node}-{link.name}.pcap", link.name)

    def _open(self, path: Path, interface: str) -> None:
        file = CaptureFile(path)
        source = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # receives nothing until bound to its interface
        source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        source.bind((interface, _ALL_PROTOCOLS))
        source.setblocking(False)
        capture = _Capture(source, file)
        self._running.append(capture)
        self._selector.register(source, selectors.EVENT_READ, lambda: self._read(capture))

    def _read(self, capture: _Capture) -> None:
        with contextlib.suppress(OSError):
            for _ in range(_TURN):
                capture.file.write(capture.source.recv(65600), time.time_ns())
