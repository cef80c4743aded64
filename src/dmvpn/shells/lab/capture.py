"""Packet captures of a lab: our own, because tcpdump refuses to run as the only user of a namespace.

One AF_PACKET socket and one pcap file for each interface. The supervisor reads them in its loop. A port whose VLANs
have cables of their own has one file for all of them, with the tags that a wire would have.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Callable, Collection
from pathlib import Path

from dmvpn.base.switching import UNTAGGED
from dmvpn.base.values import Mutable
from dmvpn.dataplane import netlink
from dmvpn.shells.capture_files import Capture, CaptureFile, Captures
from dmvpn.shells.lab.namespaces import inside_network
from dmvpn.shells.lab.switching import RealSwitching
from dmvpn.shells.lab.wiring import LAYER2, End, Wiring, linux_name

_ALL_PROTOCOLS = 0x0003
_TURN = 256
#: Octets of kernel buffer for each interface.
_BUFFER = 4 << 20
#: IEEE 802.1Q: a tag is behind the two addresses.
_TAG, _DOT1Q, _ADDRESSES = struct.Struct("!HH"), 0x8100, 12


class _Source(Mutable):
    socket: socket.socket
    file: CaptureFile
    tag: int


class RealCaptures(Captures):
    """The captures that run. tell_keys: lets all routers write their keys to a folder, or no longer."""

    def __init__(
        self,
        wiring: Wiring,
        switching: RealSwitching,
        selector: selectors.BaseSelector,
        tell_keys: Callable[[Path | None], None],
    ) -> None:
        super().__init__()
        self._wiring = wiring
        self._switching = switching
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
        strands = {(node, linux_name(name)): (*port, tag) for port, _, (node, name), tag in self._switching.strands()}
        for node in (*capture.ports, *(node for node in (LAYER2,) if strands)):
            for space in self._wiring.spaces(node).values():
                with inside_network(space), netlink.NetlinkSocket() as kernel:
                    for link in kernel.links():
                        is_port = netlink.LinkFlag.LOOPBACK not in link.flags and link.kind in ("veth", "tun")
                        if is_port and capture.wants(node, link.name):
                            self._open(capture, node, link.name, link.name)
                        owner, port, tag = strands.get((node, link.name), ("", "", 0))
                        if capture.wants(owner, port):
                            self._open(capture, owner, linux_name(port), link.name, tag)

    def _end(self, capture: Capture) -> None:
        for source in self._sources.pop(capture.folder, ()):
            self._read(source)
            self._selector.unregister(source.socket)
            source.socket.close()

    def _open(self, capture: Capture, node: str, port: str, interface: str, tag: int = UNTAGGED) -> None:
        file = capture.files.get((node, port)) or capture.open(node, port)
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # receives nothing until bound to its interface
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        opened.bind((interface, _ALL_PROTOCOLS))
        opened.setblocking(False)
        source = _Source(opened, file, tag)
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
                frame = source.socket.recv(65600)
                tag = _TAG.pack(_DOT1Q, source.tag) if source.tag else b""
                source.file.write(frame[:_ADDRESSES] + tag + frame[_ADDRESSES:], time.time_ns())
