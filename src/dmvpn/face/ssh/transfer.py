"""SFTP to flash: read, write, list, stat, remove and rename; everything else is refused.

    flash:/x.cfg, bootflash:x.cfg, /x.cfg, x.cfg     the file x.cfg
    ".", /, flash:                                   the only folder

Written data stays in memory until the client closes the file; if it disconnects before, nothing is written. Every
operation waits until the client has read the answers before it, so that requests cannot fill the memory.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from typing import TYPE_CHECKING, Final, Protocol

import asyncssh

from dmvpn.base.flash import CAPACITY, Stored
from dmvpn.face.ssh.copying import ScpError, name_in_flash

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from dmvpn.base.flash import Flash

#: Seconds without a request after which the channel is closed.
IDLE: Final = 600.0
#: Octets of one answer, and files that a client has open at a time.
_PIECE: Final = 1 << 18
_MOST_OPEN: Final = 8
#: The version that all clients speak; later ones have more that would have to be refused.
VERSION: Final = 3
_FOLDERS: Final = frozenset(("", ".", "/", "/.", "~", *(f"{system}:" for system in ("flash", "bootflash", "disk0"))))


class Room(Protocol):
    """The count of transfers that are in memory, for all clients."""

    def take(self) -> bool:
        """Add a transfer; return False if there are too many."""
        ...

    def give_back(self) -> None:
        """Remove a transfer."""
        ...


class SftpChannel(asyncssh.SSHServerProcess[bytes]):
    """A channel that knows whether the client has finished sending."""

    has_ended = False

    def eof_received(self) -> bool:
        self.has_ended = True
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.has_ended = True
        super().connection_lost(exc)


class _File:
    """A file that is open. octets: all of it, as it is read or will be written."""

    def __init__(self, name: str, octets: bytes, *, is_written: bool) -> None:
        self.name = name
        self.octets = bytearray(octets)
        self.is_written = is_written


class Files(asyncssh.SFTPServer):
    """The operations of one client."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel[bytes], session: SftpChannel, flash: Flash, room: Room
    ) -> None:
        super().__init__(channel)
        self._session = session
        self._flash = flash
        self._room = room
        self._open: dict[int, _File] = {}
        self._silence = asyncio.get_running_loop().call_later(IDLE, channel.close)

    def exit(self) -> None:
        """Drop the files that the client left open: they are not written."""
        self._silence.cancel()
        self._close_all()
        if not self.channel.is_closing():
            self.channel.exit(0)

    # ------------------------------------------------------------------------------------------------ files

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file to read or to write it; both at once, and to append, are refused."""
        await self._turn()
        name = _named(path)
        is_written = bool(pflags & asyncssh.FXF_WRITE)
        if pflags & asyncssh.FXF_APPEND or (is_written and pflags & asyncssh.FXF_READ):
            raise asyncssh.SFTPOpUnsupported("files are read or written, as a whole")
        if is_written and not pflags & asyncssh.FXF_TRUNC and self._find(name) is not None:
            raise asyncssh.SFTPFailure("files are written as a whole")
        if len(self._open) >= _MOST_OPEN or not self._room.take():
            raise asyncssh.SFTPFailure("too many transfers at once")
        try:
            octets = b"" if is_written else await asyncio.to_thread(self._flash.read, name)
        except OSError:
            self._room.give_back()
            raise
        file = _File(name, octets, is_written=is_written)
        self._open[id(file)] = file
        return file

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return at most `size` octets of an open file, and no more than one piece at a time."""
        await self._turn()
        file = self._opened(file_obj)
        return bytes(file.octets[offset : offset + min(size, _PIECE)])

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Put octets into a file that is written, and return how many. Raises OSError where there is no room."""
        await self._turn()
        file = self._opened(file_obj)
        if not file.is_written:
            raise asyncssh.SFTPPermissionDenied("it was opened to be read")
        if offset + len(data) > CAPACITY:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if offset > len(file.octets):
            file.octets += bytes(offset - len(file.octets))
        file.octets[offset : offset + len(data)] = data
        return len(data)

    async def close(self, file_obj: object) -> None:
        """Write the file if the client is still connected; otherwise the file may be incomplete."""
        file = self._opened(file_obj)
        self._close(id(file))
        if file.is_written:
            if self._session.has_ended:
                # asyncssh gives up at the first file that cannot be closed: `exit` may never be called.
                self._close_all()
                raise asyncssh.SFTPFailure("the transfer was broken off")
            await asyncio.to_thread(self._flash.write, file.name, bytes(file.octets))

    async def remove(self, path: bytes) -> None:
        """Take a file away."""
        await self._turn()
        await asyncio.to_thread(self._flash.remove, _named(path))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file a name that no other one has."""
        await self._turn()
        if self._find(_named(newpath)) is not None:
            raise asyncssh.SFTPFailure("there is a file of that name")
        await asyncio.to_thread(self._flash.rename, _named(oldpath), _named(newpath))

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Give a file another name, in the place of a file that may have it."""
        await self._turn()
        await asyncio.to_thread(self._flash.rename, _named(oldpath), _named(newpath))

    # --------------------------------------------------------------------------------------------- files in flash

    async def realpath(self, path: bytes) -> bytes:
        """Return the absolute path."""
        await self._turn()
        return b"/" if _is_folder(path) else b"/" + _named(path).encode()

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return size and time of a file, or that it is the folder."""
        await self._turn()
        if _is_folder(path):
            return asyncssh.SFTPAttrs(permissions=stat.S_IFDIR | 0o700)
        stored = self._find(_named(path))
        if stored is None:
            raise asyncssh.SFTPNoSuchFile(os.strerror(errno.ENOENT))
        return _attributes(stored)

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return the same: there are no links."""
        return await self.stat(path)

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Return the size of a file that is open."""
        await self._turn()
        return asyncssh.SFTPAttrs(size=len(self._opened(file_obj).octets), permissions=stat.S_IFREG | 0o600)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """Yield all files."""
        await self._turn()
        if not _is_folder(path):
            raise asyncssh.SFTPNoSuchFile(os.strerror(errno.ENOENT))
        for stored in self._flash.files():
            yield asyncssh.SFTPName(stored.name.encode(), attrs=_attributes(stored))

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Keep no modes and times, as on a router; clients that set them behind a transfer go on."""
        await self._turn()

    async def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """Do the same with a file that is open."""
        await self._turn()

    # ------------------------------------------------------------------------------------------------ refused

    def map_path(self, path: bytes) -> bytes:
        """Refuse: an operation that is not defined above would reach the machine's own files by this path."""
        raise asyncssh.SFTPOpUnsupported("not supported")

    def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self.map_path(path)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        self.map_path(path)

    def rmdir(self, path: bytes) -> None:
        self.map_path(path)

    def readlink(self, path: bytes) -> bytes:
        return self.map_path(path)

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        self.map_path(oldpath)

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        self.map_path(oldpath)

    def lock(self, file_obj: object, offset: int, length: int, flags: int) -> None:
        self.map_path(b"")

    def unlock(self, file_obj: object, offset: int, length: int) -> None:
        self.map_path(b"")

    def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        raise asyncssh.SFTPOpUnsupported("not supported")

    def fstatvfs(self, file_obj: object) -> asyncssh.SFTPVFSAttrs:
        raise asyncssh.SFTPOpUnsupported("not supported")

    def fsync(self, file_obj: object) -> None:
        self.map_path(b"")

    # ------------------------------------------------------------------------------------------------ parts

    async def _turn(self) -> None:
        """Wait until the client has read the earlier answers, and restart the idle timer."""
        await self._session.drain(None)
        self._silence.cancel()
        self._silence = asyncio.get_running_loop().call_later(IDLE, self.channel.close)

    def _opened(self, file_obj: object) -> _File:
        if not isinstance(file_obj, _File) or id(file_obj) not in self._open:
            raise asyncssh.SFTPInvalidHandle("it is not open")
        return file_obj

    def _close_all(self) -> None:
        for number in list(self._open):
            self._close(number)

    def _close(self, number: int) -> None:
        del self._open[number]
        self._room.give_back()

    def _find(self, name: str) -> Stored | None:
        return next((stored for stored in self._flash.files() if stored.name == name), None)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _is_folder(path: bytes) -> bool:
    return _text(path) in _FOLDERS or _text(path).strip("/") in _FOLDERS


def _named(path: bytes) -> str:
    try:
        return name_in_flash(_text(path))
    except ScpError as error:
        raise asyncssh.SFTPNoSuchFile(str(error)) from error


def _attributes(stored: Stored) -> asyncssh.SFTPAttrs:
    when = int(stored.changed)
    return asyncssh.SFTPAttrs(size=stored.size, permissions=stat.S_IFREG | 0o600, atime=when, mtime=when)
