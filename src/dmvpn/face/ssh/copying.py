"""SCP, as OpenSSH's `scp -O`, Netmiko and NAPALM speak it: one file at a time, to flash and from there.

    scp -t PATH    a file comes     us: 0    them: C0644 SIZE NAME    us: 0    them: SIZE octets, 0    us: 0
    scp -f PATH    a file goes      them: 0  us: C0600 SIZE NAME      them: 0  us: SIZE octets, 0

A zero agrees; a one is followed by an error message. A received file is written when it is complete, so a transfer that
breaks off leaves the old file unchanged. Folders and several files at once are refused. Outside flash, only the two
configurations can be read: system:running-config and nvram:startup-config.
"""

from __future__ import annotations

import asyncio
import posixpath
import re
import shlex
from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import DmvpnError
from dmvpn.base.flash import CAPACITY, is_file_name
from dmvpn.face.requests import System, place_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncssh

    from dmvpn.base.flash import Flash

_COMMAND: Final = "scp "
#: Octets of a line between the ends, and of a single write.
_LONGEST: Final = 1024
_PIECE: Final = 1 << 15
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
        options, path = _parsed(command)
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


def _parsed(command: str) -> tuple[str, str]:
    """Return the letters of the options, and the path."""
    try:
        words = shlex.split(command[: _LONGEST * 4])[1:]
    except ValueError as error:
        raise ScpError("the command cannot be read") from error
    options = "".join(word[1:] for word in words if word.startswith("-") and word != "--")
    paths = [word for word in words if not word.startswith("-")]
    if len(paths) != 1 or ("t" in options) is ("f" in options) or "r" in options:
        raise ScpError("one file at a time, and no folders")
    return options, paths[0]


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
    octets = b"".join([await _octets(process, min(_PIECE, size - start)) for start in range(0, size, _PIECE)])
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
        octets = await (configuration(name) if is_configuration else asyncio.to_thread(flash.read, name))
    except OSError as error:
        raise ScpError(f"{name}: {error.strerror or error}") from error
    # OpenSSH takes no file that is called otherwise than the last part of what it asked for.
    process.stdout.write(b"C0600 %d %s\n" % (len(octets), posixpath.basename(path).encode()))
    await _agreement(process)
    for start in range(0, len(octets), _PIECE):
        process.stdout.write(octets[start : start + _PIECE])
        await _drained(process)
    process.stdout.write(_AGREED)
    await _agreement(process)


async def _drained(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Wait until the other end has received all data except for one window. Raises EOFError."""
    try:
        async with asyncio.timeout(PATIENCE):
            await process.stdout.drain()
    except TimeoutError as error:
        raise EOFError from error


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
