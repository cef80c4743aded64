"""`monitor capture`: the packets of one interface, in memory until they are exported.

The shell provides the packets: it gives an `OpenTap`, `packet_taps` on a Linux network namespace.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import at_home
from dmvpn.base.shell import BUFFER, CaptureDirection, CapturePoint, Caught
from dmvpn.base.values import Value
from dmvpn.net import pcap
from dmvpn.net.pcap import LinkType

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from contextlib import AbstractContextManager

_ALL_PROTOCOLS: Final = 0x0003
_ETHERNET: Final = 1  # ARPHRD_ETHER; tunnels have none
_TURN: Final = 256
_LONGEST: Final = 65600
#: Octets of kernel buffer.
_WAITING: Final = 4 << 20

#: Takes a packet, its time (nanoseconds since 1970), and whether it came in or went out.
Take = Callable[[bytes, int, CaptureDirection], None]


class Tap(Value):
    """An open source of packets. close: ends it."""

    link_type: LinkType
    close: Callable[[], None]


#: Opens an interface, by its long name. Raises OSError.
OpenTap = Callable[[str, Take], Tap]


class MonitorCapture:
    """The capture of one router (`Captures`)."""

    possible: Final = True

    def __init__(self, open_tap: OpenTap) -> None:
        self._open_tap = open_tap
        self._point: CapturePoint | None = None
        self._tap: Tap | None = None
        self._link_type: LinkType | None = None
        self._records: list[bytes] = []
        self._octets = 0
        self._dropped = 0

    @property
    def point(self) -> CapturePoint | None:
        """The configured capture point."""
        return self._point

    @property
    def caught(self) -> Caught | None:
        """The result since the last start."""
        if self._link_type is None:
            return None
        return Caught(self._tap is not None, len(self._records), self._octets, self._dropped)

    def order(self, point: CapturePoint | None) -> None:
        """Replace the capture point. The previous capture ends, and its packets are discarded."""
        self.stop()
        self._empty()
        self._link_type = None
        self._point = point

    def start(self) -> None:
        """Start with an empty buffer. Raises OSError."""
        point = self._point
        if point is None or self._tap is not None:
            return

        def take(packet: bytes, time_ns: int, direction: CaptureDirection) -> None:
            if point.direction in (CaptureDirection.BOTH, direction):
                self._keep(packet, time_ns)

        self._empty()
        self._tap = at_home(lambda: self._open_tap(point.interface, take))
        self._link_type = self._tap.link_type

    def stop(self) -> None:
        """Stop, and keep the packets."""
        if self._tap is not None:
            at_home(self._tap.close)
            self._tap = None

    def file(self) -> bytes:
        """Return the packets as a pcap file."""
        return b"".join((pcap.file_header(self._link_type or LinkType.RAW), *self._records))

    def _empty(self) -> None:
        self._records, self._octets, self._dropped = [], 0, 0

    def _keep(self, packet: bytes, time_ns: int) -> None:
        record = pcap.record(packet, time_ns)
        if self._dropped or self._octets + len(record) > BUFFER:  # the buffer has no gaps
            self._dropped += 1
            return
        self._records.append(record)
        self._octets += len(record)


def packet_taps(
    loop: AbstractEventLoop,
    linux_name: Callable[[str], str],
    on_backend_of: Callable[[str], AbstractContextManager[None]],
) -> OpenTap:
    """Return a function that opens interfaces of a router. linux_name: of an interface by its long name.

    on_backend_of: enters the network namespace of an interface.
    """

    def open_tap(interface: str, take: Take) -> Tap:
        with on_backend_of(interface):
            # It receives nothing until bound to its interface.
            source = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WAITING)
            source.bind((linux_name(interface), _ALL_PROTOCOLS))
            source.setblocking(False)
        except OSError:
            source.close()
            raise

        def read() -> None:
            with contextlib.suppress(OSError):
                for _ in range(_TURN):
                    packet, address = source.recvfrom(_LONGEST)
                    leaves = address[2] == socket.PACKET_OUTGOING
                    take(packet, time.time_ns(), CaptureDirection.OUT if leaves else CaptureDirection.IN)

        def close() -> None:
            read()
            loop.remove_reader(source.fileno())
            source.close()

        link_type = LinkType.ETHERNET if source.getsockname()[3] == _ETHERNET else LinkType.RAW
        loop.add_reader(source.fileno(), read)
        return Tap(link_type, close)

    return open_tap
