"""Files to flash and from there: SCP, as OpenSSH's `scp -O`, Netmiko and NAPALM speak it, and SFTP.

    scp -t PATH    a file comes     us: 0    them: C0644 SIZE NAME    us: 0    them: SIZE octets, 0    us: 0
    scp -f PATH    a file goes      them: 0  us: C0600 SIZE NAME      them: 0  us: SIZE octets, 0

A zero agrees; a one is followed by an error message. A received file is written when it is complete, so a transfer that
breaks off leaves the old file unchanged. Folders and several files at once are refused. Outside flash, only the two
configurations can be read: system:running-config and nvram:startup-config.

SFTP reads, writes, lists, stats, removes and renames; everything else is refused.

    flash:/x.cfg, bootflash:x.cfg, /x.cfg, x.cfg     the file x.cfg
    ".", /, flash:                                   the only folder

Written data stays in memory until the client closes the file; if it disconnects before, nothing is written. Every
operation waits until the client has read the answers before it, so that requests cannot fill the memory.
"""

from __future__ import annotations

import asyncio
import errno
import os
import posixpath
import re
import shlex
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, Protocol

import asyncssh

from dmvpn.base.errors import DmvpnError
from dmvpn.base.shell import CAPACITY, Flash, Stored, is_file_name
from dmvpn.face.requests import System, place_of

# ------------------------------------------------------------------------------------------------ SCP


_COMMAND: Final = "scp "
#: Octets of a line between the ends, and of a single write.
_LONGEST: Final = 1024
_SCP_PIECE: Final = 1 << 15
_FILE: Final = re.compile(rb"C[0-7]{4} (\d{1,10}) ([^/\n]{1,255})\n")
_AGREED: Final = b"\0"
#: Seconds that the other end may be silent during a transfer.
PATIENCE: Final = 120.0


class ScpError(DmvpnError):
    """An error; its text is sent to the other end before the transfer ends."""


def is_scp(command: str | None) -> bool:
    """Return whether the client wants to copy a file."""
    return command is not None and command.startswith(_COMMAND)


async def copy(
    process: asyncssh.SSHServerProcess[bytes],
    command: str,
    flash: Flash | None,
    configuration: Callable[[str], Awaitable[bytes]],
) -> int:
    """Serve one transfer. Returns the status; raises ConnectionError.

    flash: None: files may not be copied.
    configuration: gives the octets of a file that the router itself has; raises ScpError.
    """
    try:
        if flash is None:
            raise ScpError("not permitted: it takes `ip scp server enable` and privilege level 15")
        try:
            words = shlex.split(command[: _LONGEST * 4])[1:]
        except ValueError as error:
            raise ScpError("the command cannot be read") from error
        options = "".join(word[1:] for word in words if word.startswith("-") and word != "--")
        paths = [word for word in words if not word.startswith("-")]
        if len(paths) != 1 or ("t" in options) is ("f" in options) or "r" in options:
            raise ScpError("one file at a time, and no folders")
        path = paths[0]
        if "t" in options:
            await _take(process, path, flash)
        else:
            await _give(process, path, flash, configuration)
    except ScpError as error:
        process.stdout.write(b"\x01scp: %s\n" % str(error).encode())
        return 1
    except (asyncio.IncompleteReadError, EOFError) as error:
        raise ConnectionError("the transfer was broken off") from error
    return 0


def name_in_flash(path: str, offered: str = "") -> str:
    """Return the file in flash. offered: its name where the path says only that it is in flash. Raises ScpError."""
    path = path.removeprefix("./") if path not in (".", "./") else ""
    place = place_of(path.lstrip("/") if ":" in path else f"flash:{path}")
    if place is None or place.system is not System.FLASH:
        raise ScpError(f"{path[:80]}: not in flash")
    name = place.name or offered
    if not is_file_name(name):
        raise ScpError(f"{name[:80]!r} is no name of a file")
    return name


async def _take(process: asyncssh.SSHServerProcess[bytes], path: str, flash: Flash) -> None:
    process.stdout.write(_AGREED)
    line = await _line(process)
    if line.startswith(b"T"):  # times, which are not kept
        process.stdout.write(_AGREED)
        line = await _line(process)
    found = _FILE.fullmatch(line)
    if found is None:
        raise ScpError("one file at a time, and no folders")
    size = int(found[1])
    name = name_in_flash(path, posixpath.basename(found[2].decode("utf-8", "replace")))
    if size > CAPACITY:
        raise ScpError(f"{name}: No space left on device")
    process.stdout.write(_AGREED)
    octets = b"".join([await _octets(process, min(_SCP_PIECE, size - start)) for start in range(0, size, _SCP_PIECE)])
    if await _octets(process, 1) != _AGREED:
        raise ScpError(f"{name}: the other end could not read it")
    try:
        await asyncio.to_thread(flash.write, name, octets)
    except OSError as error:
        raise ScpError(f"{name}: {error.strerror or error}") from error
    process.stdout.write(_AGREED)


async def _give(
    process: asyncssh.SSHServerProcess[bytes], path: str, flash: Flash, configuration: Callable[[str], Awaitable[bytes]]
) -> None:
    place = place_of(path)
    is_configuration = place is not None and (place.is_running or place.is_startup)
    name = path if is_configuration else name_in_flash(path)
    await _agreement(process)
    try:
        octets = await (configuration(name) if is_configuration else asyncio.to_thread(flash.read_file, name))
    except OSError as error:
        raise ScpError(f"{name}: {error.strerror or error}") from error
    # OpenSSH takes no file that is called otherwise than the last part of what it asked for.
    process.stdout.write(b"C0600 %d %s\n" % (len(octets), posixpath.basename(path).encode()))
    await _agreement(process)
    for start in range(0, len(octets), _SCP_PIECE):
        process.stdout.write(octets[start : start + _SCP_PIECE])
        try:  # until the other end has received all data except for one window
            async with asyncio.timeout(PATIENCE):
                await process.stdout.drain()
        except TimeoutError as error:
            raise EOFError from error
    process.stdout.write(_AGREED)
    await _agreement(process)


async def _agreement(process: asyncssh.SSHServerProcess[bytes]) -> None:
    if await _octets(process, 1) != _AGREED:
        raise EOFError


async def _line(process: asyncssh.SSHServerProcess[bytes]) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST:
        line += await _octets(process, 1)
    return line


async def _octets(process: asyncssh.SSHServerProcess[bytes], size: int) -> bytes:
    """Return so many octets, from an end that is not silent for long. Raises EOFError."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await process.stdin.readexactly(size)
    except TimeoutError as error:
        raise EOFError from error


# ------------------------------------------------------------------------------------------------ SFTP


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

    def give_back(self) -> None:
        """Remove a transfer."""


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
            octets = b"" if is_written else await asyncio.to_thread(self._flash.read_file, name)
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
