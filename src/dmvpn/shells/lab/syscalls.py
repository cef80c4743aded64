"""System calls of namespaces(7) that Python has only since 3.12, or not at all, through the C library."""

from __future__ import annotations

import ctypes
import enum
import os
import signal
import socket
import struct
from functools import cache
from pathlib import Path
from typing import NamedTuple

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_MS_REC = 0x4000
_MS_PRIVATE = 1 << 18
_MS_NOSUID = 2
_MS_NODEV = 4
_MS_NOEXEC = 8
_MNT_DETACH = 2
_SO_PEERGROUPS = 59  # as on x86, ARM and RISC-V
#: Octets of group numbers that Python accepts at once.
_PEER_GROUPS = 1024


class NamespaceKind(enum.IntFlag):
    """Kinds of namespaces (CLONE_NEW*)."""

    MOUNT = 0x0002_0000
    USER = 0x1000_0000
    PROCESS = 0x2000_0000
    NETWORK = 0x4000_0000


class PeerCredentials(NamedTuple):
    """The process at the other end of a Unix socket, in our own namespaces: pid 0 and uid 65534 mean "not here"."""

    pid: int
    uid: int
    gid: int


@cache
def _libc() -> ctypes.CDLL:
    """Return the C library, at the first call that needs it."""
    library = ctypes.CDLL(None, use_errno=True)
    library.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
    library.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
    return library


def unshare(kinds: NamespaceKind) -> None:
    """Move into new namespaces of these kinds; for a process namespace only children move. Raises OSError."""
    _checked(_libc().unshare(int(kinds)), "unshare")


def setns(descriptor: int, kinds: NamespaceKind) -> None:
    """Enter a namespace by its file, or several by a pidfd. Raises OSError: EINVAL for USER in a threaded process."""
    _checked(_libc().setns(descriptor, int(kinds)), "setns")


def die_with_parent(number: int = signal.SIGKILL) -> None:
    """Get this signal when the thread that forked us ends; survives unshare and exec, not a change of user."""
    _checked(_libc().prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl")


def own_proc_files() -> None:
    """Restore our ownership of our files in /proc after a change of user: the maps of a user namespace are
    among them.
    """
    _checked(_libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl")


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """Mount by mount(2). Raises OSError."""
    octets = source.encode(), target.encode(), kind.encode() if kind else None
    _checked(_libc().mount(*octets, flags, None), f"mount {target}")


def folder_in_memory() -> Path:
    """Return an empty folder that only this process has, in its mount namespace, and that ends with it.

    It is mounted nowhere, so it hides nothing: its path is that of a descriptor, which stays open. Raises OSError.
    """
    place = "/proc"
    mount("tmpfs", place, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        _checked(_libc().umount2(place.encode(), _MNT_DETACH), f"unmount {place}")
    return Path(f"/proc/self/fd/{descriptor}")


def make_mounts_private() -> None:
    """Keep mounts made from now on in this mount namespace. Raises OSError."""
    mount("none", "/", None, _MS_REC | _MS_PRIVATE)


def mount_proc() -> None:
    """Mount the /proc of this process namespace. Raises OSError: EPERM where a container masks parts of /proc."""
    mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC)


def peer_credentials(sock: socket.socket) -> PeerCredentials:
    """Return the process that connected (or listens), SO_PEERCRED of unix(7).

    This gives the pid that is valid outside of a process namespace; a pid file has another number.
    """
    octets = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return PeerCredentials(*struct.unpack("=iII", octets))


def peer_groups(sock: socket.socket) -> tuple[int, ...]:
    """Return the supplementary groups of the process that connected; none if they are more than 256.

    SO_PEERGROUPS, since Linux 4.13. They are those of the moment of connect(2), as the rest of its credentials.
    """
    try:
        octets = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _PEER_GROUPS)
    except OSError:
        return ()
    return struct.unpack(f"={len(octets) // 4}I", octets)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
