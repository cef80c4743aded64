"""TAP interfaces: a network interface whose far side is a file descriptor of ours (Linux: networking/tuntap).

Packets that the kernel routes into the interface are frames for `read_frame`, and frames that we `write` are received
by the kernel. The interface lives as long as a process holds the descriptor, and takes its routes and neighbors with
it, unless it was made persistent. Only one holder is possible: a second one gets "busy", which makes the name a lock on
the tunnel.

Set the hardware address before setting up: we answer for it, and a random one may be changed by the host's udev. The
transmit queue is the ring between kernel and reader; frames that do not fit are dropped without any error.

With `vnet_hdr` every frame is preceded by a `VnetHeader`, and the kernel hands over buffers of up to 64 KiB of TCP (and
of UDP, since Linux 6.2) uncut and with checksums unfinished: the sender of the frame must finish them (and cut).
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Final, NamedTuple, Self

from dmvpn.dataplane.host import HostProblem, in_container, need
from dmvpn.dataplane.netlink.channel import NetlinkSocket
from dmvpn.dataplane.netlink.link import LinkSettings, checked_name, set_link

DEVICE: Final = "/dev/net/tun"
#: Frames. The default of 1000 loses most of a burst.
TRANSMIT_QUEUE: Final = 10_000
#: The largest result of a read: 64 KiB of IP, its Ethernet header, and the vnet header.
MAX_FRAME: Final = 65536 + 18 + 12

# Request numbers as on x86, ARM and RISC-V (the direction bits differ on MIPS and POWER).
_TUNSETIFF = 0x400454CA
_TUNSETPERSIST = 0x400454CB
_TUNSETOFFLOAD = 0x400454D0
_TUNSETCARRIER = 0x400454E2
_SIOCSIFHWADDR = 0x8924
_IFF_TAP = 0x0002
_IFF_NO_PI = 0x1000
_IFF_VNET_HDR = 0x4000
_TUN_F_CSUM = 0x01
_TUN_F_TSO4 = 0x02
_TUN_F_TSO6 = 0x04
_TUN_F_USO = 0x20 | 0x40  # IPv4 and IPv6: the kernel accepts both or none
_ARPHRD_ETHER = 1

#: ifreq: name, then a union of which we use a 16-bit flag word or a sockaddr; 40 octets in all.
_IFREQ_FLAGS = struct.Struct("=16sH22x")
_IFREQ_ADDRESS = struct.Struct("=16sH6s16x")

_VNET = struct.Struct("=BBHHHH")

#: A frame is not taken, and the next one may be: the reader is too slow, or the interface is down.
_NOT_NOW = frozenset((errno.EAGAIN, errno.ENOBUFS, errno.EIO, errno.EBADFD))


class VnetHeader(NamedTuple):
    """virtio_net_hdr (virtio 1.2 §5.1.6), 10 octets: the work left for the frame behind it.

    checksum_start, checksum_offset: octets from the frame's start, and from there, if `NEEDS_CHECKSUM`.
    gso_type: `GSO_NONE`, or the protocol of which `gso_size` octets make one segment.
    header_length: a hint.
    """

    flags: int = 0
    gso_type: int = 0
    header_length: int = 0
    gso_size: int = 0
    checksum_start: int = 0
    checksum_offset: int = 0

    @classmethod
    def parse(cls, frame: bytes) -> Self:
        """Return the header of a frame from a TAP with vnet_hdr (never shorter)."""
        return cls(*_VNET.unpack_from(frame))

    def serialize(self) -> bytes:
        """Return the octets that precede a frame."""
        return _VNET.pack(*self)


VNET_HEADER_SIZE: Final = _VNET.size
NEEDS_CHECKSUM: Final = 1
GSO_NONE: Final = 0
GSO_TCPV4: Final = 1
GSO_TCPV6: Final = 4
GSO_UDP_L4: Final = 5
#: Flag of `gso_type`: the first segment may carry CWR (RFC 3168 §6.1.2).
GSO_ECN: Final = 0x80


class Tap:
    """One TAP interface of the network namespace in which it was opened. Reads and writes never block."""

    def __init__(self, name: str, *, vnet_hdr: bool = False) -> None:
        """Make the interface, or attach to a persistent one of this name.

        Raises HostProblem with the remedy, ValueError for an invalid interface name.
        """
        octets = checked_name(name).encode()
        self._descriptor = open_device()
        self.name = name
        self.vnet_hdr = vnet_hdr
        try:
            flags = _IFF_TAP | _IFF_NO_PI | (_IFF_VNET_HDR if vnet_hdr else 0)
            fcntl.ioctl(self._descriptor, _TUNSETIFF, _IFREQ_FLAGS.pack(octets, flags))
            if vnet_hdr:
                # The offloads that we support: checksums and TCP segments, and UDP's where the kernel knows them.
                offloads = _TUN_F_CSUM | _TUN_F_TSO4 | _TUN_F_TSO6
                try:
                    fcntl.ioctl(self._descriptor, _TUNSETOFFLOAD, offloads | _TUN_F_USO)
                except OSError:  # before Linux 6.2
                    fcntl.ioctl(self._descriptor, _TUNSETOFFLOAD, offloads)
        except OSError as error:
            self.close()
            raise _explained(name, error) from error

    def fileno(self) -> int:
        """Return the descriptor to watch for readability. Raises ValueError once closed."""
        if self._descriptor < 0:
            raise ValueError(f"{self.name} is closed")
        return self._descriptor

    @property
    def is_open(self) -> bool:
        """Whether it is still open."""
        return self._descriptor >= 0

    def read_frame(self) -> bytes | None:
        """Return the next frame that the kernel sends.

        None: none is waiting, or the interface was deleted.
        """
        try:
            return os.read(self.fileno(), MAX_FRAME)
        except OSError as error:
            if error.errno in _NOT_NOW:
                return None
            raise

    def write(self, frame: bytes | bytearray | memoryview) -> bool:
        """Let the kernel receive a frame (with vnet_hdr: header and frame).

        False: dropped, the interface is down or busy.
        """
        try:
            os.write(self.fileno(), frame)
        except OSError as error:
            if error.errno in _NOT_NOW:
                return False
            raise
        return True

    def set_hardware_address(self, address: bytes) -> None:
        """Set the interface's own link-layer address, 6 octets."""
        fcntl.ioctl(self.fileno(), _SIOCSIFHWADDR, _IFREQ_ADDRESS.pack(self.name.encode(), _ARPHRD_ETHER, address))

    def set_transmit_queue(self, frames: int = TRANSMIT_QUEUE, *, namespace: int | None = None) -> None:
        """Set how many frames may wait for the reader. Must be called in the network namespace of the interface.

        namespace: the descriptor of one to which the interface moves in the same step.
        """
        with NetlinkSocket() as kernel:  # the older request (SIOCSIFTXQLEN) needs real root
            kernel.call(set_link(self.name, LinkSettings(transmit_queue_length=frames, namespace=namespace)))

    def set_carrier(self, up: bool) -> None:
        """Set the line protocol. Without carrier permanent neighbors and routes stay, but nothing is sent."""
        fcntl.ioctl(self.fileno(), _TUNSETCARRIER, struct.pack("=i", up))

    def set_persistent(self, persistent: bool) -> None:
        """Set whether the interface outlives its holder (without carrier until a process attaches)."""
        fcntl.ioctl(self.fileno(), _TUNSETPERSIST, int(persistent))

    def remove(self) -> None:
        """Release the interface, and delete it even if it is persistent."""
        self.set_persistent(False)
        self.close()

    def close(self) -> None:
        """Release the interface; unless it is persistent it disappears."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_device() -> int:
    """Open the tun driver without requesting an interface yet. Raises HostProblem."""
    try:
        return os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        load = f"start the container with --device {DEVICE}" if in_container() else "sudo modprobe tun"
        match error.errno:
            case errno.ENOENT:
                if in_container() or not _has_driver():
                    raise HostProblem(f"there is no {DEVICE}", fix=load) from error
                made = f"sudo mkdir -p {os.path.dirname(DEVICE)} && sudo mknod {DEVICE} c 10 200"
                raise HostProblem(
                    f"there is no {DEVICE}, as in a chroot: the kernel has its driver", fix=made
                ) from error
            case errno.ENODEV | errno.ENXIO:
                raise HostProblem(f"{DEVICE} has no driver behind it", fix=load) from error
            case errno.EACCES:
                raise HostProblem(
                    f"{DEVICE} may not be opened by this user", fix=f"sudo chmod 0666 {DEVICE}"
                ) from error
            case errno.EPERM:  # the device controller of a container
                raise HostProblem(f"{DEVICE} may not be opened in this container", fix=load) from error
            case _:
                raise HostProblem(f"{DEVICE}: {error.strerror}", fix="sudo modprobe tun") from error


def _has_driver() -> bool:
    """Return whether the kernel has the driver, as far as /proc shows it."""
    with contextlib.suppress(OSError):
        return any(line.split()[1:] == ["tun"] for line in Path("/proc/misc").read_text().splitlines())
    return False


def _explained(name: str, error: OSError) -> HostProblem:
    match error.errno:
        case errno.EPERM | errno.EACCES:
            what = f"interface {name}: the capability NET_ADMIN is missing in this network namespace"
            return HostProblem(what, fix=need("NET_ADMIN"))
        case errno.EBUSY:
            what = f"interface {name} is held by another process"
            return HostProblem(what, fix="stop the other router, or give this one another tunnel number")
        case errno.EINVAL:
            return HostProblem(
                f"there is an interface {name} that is no TAP of this kind", fix=f"ip link delete {name}"
            )
        case _:
            return HostProblem(f"interface {name}: {error.strerror}", fix="sudo modprobe tun")
