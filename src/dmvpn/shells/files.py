"""Files for their owner alone: recordings hold everything that a router received, passwords included.

Files of strangers are opened with care: only regular files, and none that a link in their folder has elsewhere.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TextIO

from dmvpn.base.errors import UserError

#: Octets of a Unix socket's path, unix(7), without the zero behind it.
LONGEST_SOCKET_PATH: Final = 107
#: Octets that are read at a time.
_PIECE: Final = 1 << 16


def open_private(path: Path, *, append: bool = False) -> TextIO:
    """Open a text file for writing; a new one is accessible to its owner alone. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")


def open_regular(path: Path | str, flags: int = 0) -> int:
    """Open a file to read it, as an `opener` of `open` does. Raises OSError.

    It refuses pipes and devices: those may have no end, or block.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        raise OSError(number, os.strerror(number) if stat.S_ISDIR(mode) else "no regular file", os.fspath(path))
    return descriptor


def cut_half_line(path: Path) -> None:
    """Cut a last line without an end off a file: its writer died. Raises OSError."""
    with open(path, "r+b", opener=open_regular) as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - _PIECE)
            file.seek(begin)
            place = file.read(end - begin).rfind(b"\n")
            if place >= 0:
                end = begin + place + 1
                break
            end = begin
        file.truncate(end)


def read_octets(path: Path, most: int) -> bytes:
    """Return the content of a regular file, at most `most` octets and one more. Raises OSError."""
    octets = bytearray()
    with open(path, "rb", opener=open_regular) as file:
        # In pieces: `read` takes memory for all that it is asked for, and files of the kernel have no size.
        while len(octets) <= most and (piece := file.read(min(_PIECE, most + 1 - len(octets)))):
            octets += piece
    return bytes(octets)


def read_given(path: Path, most: int, folder: Path | None = None) -> bytes:
    """Return the content of a stranger's file: it is regular, and has at most `most` octets. Raises UserError.

    folder: where the file was found, or where another file names it: no link may lead out. None: the user named it.
    """
    if folder is not None:
        refuse_way_out(folder, path)
    try:
        octets = read_octets(path, most)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from error
    if len(octets) > most:
        raise UserError(f"{path}: larger than {most >> 20} MiB")
    return octets


def refuse_way_out(folder: Path, path: Path) -> None:
    """Raise UserError if a name in a folder is a link out of the folder."""
    if leads_out(folder, path):
        raise UserError(f"{path}: it is a link out of the folder, or to nothing")


def leads_out(folder: Path, path: Path) -> bool:
    """Return whether a name in a folder is a link out of the folder, or below one, or a link to nothing."""
    try:
        return not path.resolve(strict=True).is_relative_to(folder.resolve())
    except FileNotFoundError:
        return path.is_symlink()
    except (OSError, RuntimeError):
        return True


def notes_on_links(folder: Path, paths: Iterable[Path]) -> list[str]:
    """Return a sentence about each path that is a link out of the folder."""
    links = [path for path in paths if leads_out(folder, path)]
    return [f"{path.name} is left out: it is a link out of the folder, or to nothing" for path in links]
