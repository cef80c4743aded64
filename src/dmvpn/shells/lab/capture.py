"""Packet captures of a lab: our own, because tcpdump refuses to run as the only user of a namespace.

One AF_PACKET socket and one pcap file for each interface. The supervisor reads them in its loop.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink
from dmvpn.shells.capture_files import Capture, CaptureFile, Captures
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.wiring import LAYER2, End, Wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path


_ALL_PROTOCOLS = 0x0003
_TURN = 256
#: Octets of kernel buffer for each interface.
_BUFFER = 4 << 20


@dataclass(slots=True)
class _Source:
    socket: socket.socket
    file: CaptureFile


class RealCaptures(Captures):
    """The captures that run. tell_keys: lets all routers write their keys to a folder, or no longer."""

    def __init__(
        self, wiring: Wiring, selector: selectors.BaseSelector, tell_keys: Callable[[Path | None], None]
    ) -> None:
        super().__init__()
        self._wiring = wiring
        self._selector = selector
        self._tell_keys = tell_keys
        self._sources: dict[Path, list[_Source]] = {}

    def _nodes(self) -> Collection[str]:
        return [node for node in self._wiring.namespaces if node != LAYER2]

    def _wires(self) -> dict[str, tuple[End, ...]]:
        return self._wiring.ends

    def _keys_changed(self) -> None:
        self._tell_keys(self.keys)

    def _begin(self, capture: Capture) -> None:
        self._sources[capture.folder] = []
        for node in capture.ports:
            for space in self._wiring.spaces(node).values():
                with inside_network(space), netlink.NetlinkSocket() as kernel:
                    for link in kernel.links():
                        is_port = netlink.LinkFlag.LOOPBACK not in link.flags and link.kind in ("veth", "tun")
                        if is_port and capture.wants(node, link.name):
                            self._open(capture, node, link.name)

    def _end(self, capture: Capture) -> None:
        for source in self._sources.pop(capture.folder, ()):
            self._read(source)
            self._selector.unregister(source.socket)
            source.socket.close()

    def _open(self, capture: Capture, node: str, interface: str) -> None:
        file = capture.open(node, interface)
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # receives nothing until bound to its interface
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.bind((interface, _ALL_PROTOCOLS))
        opened.setblocking(False)
        source = _Source(opened, file)
        self._sources[capture.folder].append(source)

        def read() -> None:
            if capture.is_over:
                self.stop(capture.folder)
            else:
                self._read(source)

        self._selector.register(opened, selectors.EVENT_READ, read)

    def _read(self, source: _Source) -> None:
        with contextlib.suppress(OSError):
            for _ in range(_TURN):
                source.file.write(source.socket.recv(65600), time.time_ns())
