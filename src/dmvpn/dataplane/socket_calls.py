"""Opening, binding and filtering of sockets; errors that the owner of the host can fix become `HostProblem`s."""

from __future__ import annotations

import array
import errno
import socket
import struct
from contextlib import suppress
from threading import local
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane.problems import HostProblem, need

if TYPE_CHECKING:
    from ipaddress import IPv4Address

_SO_ATTACH_FILTER = 26

#: A classic packet filter. Each instruction: code, jump if true, jump if false, value.
Program = tuple[tuple[int, int, int, int], ...]
#: Drops echo requests (type 8) that are not marked internetwork control (0xC0): any station may ping us at any rate.
PROBES_ONLY: Final[Program] = (
    (0xB1, 0, 0, 0),  # X = length of the IP header
    (0x50, 0, 0, 0),  # A = ICMP type
    (0x15, 0, 2, 8),  # not 8: keep
    (0x30, 0, 0, 1),  # A = TOS
    (0x15, 0, 1, 0xC0),  # not 0xC0: drop
    (0x06, 0, 0, 0xFFFFFFFF),
    (0x06, 0, 0, 0),
)
#: Drops everything.
NOTHING: Final[Program] = ((0x06, 0, 0, 0),)


class _Here(local):
    """The VRF device to which this thread binds the sockets that it opens."""

    device: str | None = None


_here = _Here()


def open_on(device: str | None) -> None:
    """Let sockets that this thread opens be those of a VRF device from now on; None: of the global table."""
    _here.device = device


def place(sock: socket.socket) -> None:
    """Bind a new socket to the VRF device of this thread. Raises OSError, and closes it then."""
    if _here.device is not None:
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, _here.device.encode() + b"\0")
        except OSError:
            sock.close()
            raise


def opened(kind: int, protocol: int) -> socket.socket:
    """Return a socket that does not block. Raises HostProblem, OSError."""
    try:
        sock = socket.socket(socket.AF_INET, kind | socket.SOCK_NONBLOCK, protocol)
        place(sock)
    except OSError as error:
        raise explained(f"IP protocol {protocol}", error) from error
    return sock


def set_option(sock: socket.socket, option: int, value: int) -> None:
    """Set an option of ip(7)."""
    sock.setsockopt(socket.IPPROTO_IP, option, value)


def bind(sock: socket.socket, local: IPv4Address | None, device: str | None, port: int = 0) -> None:
    """Bind it to an interface, to an address of ours, to a UDP port. Raises OSError."""
    if device is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind((str(local) if local is not None else "", port))


def attach(sock: socket.socket, program: Program) -> None:
    """Attach a packet filter to it."""
    code = array.array("B", b"".join(struct.pack("=HBBI", *instruction) for instruction in program))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(program), code.buffer_info()[0]))


def receive_into(sock: socket.socket, buffer: bytearray | memoryview) -> int | None:
    """Fill the buffer with the next packet. Returns its length, or None if no packet waits."""
    try:
        return sock.recv_into(buffer)
    except BlockingIOError:
        return None


def drain(sock: socket.socket) -> None:
    """Discard all waiting packets."""
    with suppress(BlockingIOError):
        while True:
            sock.recv(1)


def explained(what: str, error: OSError) -> OSError | HostProblem:
    """Return a HostProblem if the owner of the host can fix the error, otherwise the error itself."""
    match error.errno:
        case errno.EPERM | errno.EACCES:
            # bind(2): a port below net.ipv4.ip_unprivileged_port_start; a raw socket is refused with EPERM, raw(7).
            lacks = "NET_BIND_SERVICE" if error.errno == errno.EACCES and "port" in what else "NET_RAW"
            return HostProblem(f"{what}: the capability {lacks} is missing in this network namespace", fix=need(lacks))
        case errno.EADDRINUSE:
            return HostProblem(f"{what}: another program has this port", fix="ss -lunp, and stop what it shows")
        case errno.EADDRNOTAVAIL | errno.ENETUNREACH:  # the latter where ip_nonlocal_bind allows to bind anyhow
            return HostProblem(f"{what}: this host does not have that address", fix="ip address shows those it has")
        case errno.ENODEV | errno.ENXIO:
            return HostProblem(f"{what}: there is no such interface", fix="ip link shows those there are")
        case _:
            return error
