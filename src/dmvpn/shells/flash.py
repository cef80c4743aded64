"""A router's flash as a folder: flat, bounded, for its owner alone.

Every file is opened below the folder's own descriptor and never through a link: a planted link is no file of the
router's. A file appears completely or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from dmvpn.base.shell import CAPACITY, MOST_FILES, Stored, is_file_name

#: The folder of the files, in the router's storage folder.
FLASH: Final = "flash"
#: Prefix of a file before it gets its name; a unique suffix follows. No file of the router's begins so.
_UNFINISHED: Final = ".unfinished"
#: Seconds after which an unfinished file counts as abandoned.
_ABANDONED: Final = 3600


class FolderFlash:
    """The files of one router below `path`; the folder is made when the first file is written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> Sequence[Stored]:
        """Return all files, by name. Only regular files count. Raises OSError."""
        try:
            with self._folder() as folder:
                return tuple(_stored(folder))
        except FileNotFoundError:
            return ()

    def read_file(self, name: str) -> bytes:
        """Return the octets of a file. Raises OSError."""
        with self._folder() as folder, os.fdopen(_open(folder, name, os.O_RDONLY), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            return file.read(CAPACITY)

    def write(self, name: str, octets: bytes) -> None:
        """Write a file. Raises OSError: for an invalid name, too many files, or too large a file."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        with self._folder() as folder:
            _check_room(folder, name, len(octets))
            _sweep(folder)
            unfinished = f"{_UNFINISHED}.{secrets.token_hex(8)}"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
                with os.fdopen(_open(folder, name, flags, called=unfinished), "wb") as file:
                    file.write(octets)
                    file.flush()
                    os.fsync(file.fileno())
                # Another process or thread may have used the room meanwhile; the lock goes with the descriptor.
                fcntl.flock(folder, fcntl.LOCK_EX)
                _check_room(folder, name, len(octets))
                os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(unfinished, dir_fd=folder)
                raise

    def remove(self, name: str) -> None:
        """Remove a file. Raises OSError."""
        with self._folder() as folder:
            os.close(_open(folder, name, os.O_RDONLY | os.O_NONBLOCK))
            os.unlink(name, dir_fd=folder)

    def rename(self, name: str, new: str) -> None:
        """Rename a file. Raises OSError."""
        with self._folder() as folder:
            os.close(_open(folder, name, os.O_RDONLY | os.O_NONBLOCK))
            if not is_file_name(new):
                raise OSError(errno.EINVAL, "Invalid file name")
            os.rename(name, new, src_dir_fd=folder, dst_dir_fd=folder)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _stored(folder: int) -> Iterator[Stored]:
    for name in sorted(os.listdir(folder)):
        with contextlib.suppress(OSError):
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if is_file_name(name) and stat.S_ISREG(found.st_mode):
                yield Stored(name, found.st_size, found.st_mtime)


def _check_room(folder: int, name: str, size: int) -> None:
    """Check that there is room for a file of this size, which replaces one of its name. Raises OSError."""
    others = [one for one in _stored(folder) if one.name != name]
    if len(others) >= MOST_FILES or sum(one.size for one in others) + size > CAPACITY:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sweep(folder: int) -> None:
    """Remove unfinished files whose writer has died."""
    for name in os.listdir(folder):
        if name.startswith(_UNFINISHED):
            with contextlib.suppress(OSError):
                if os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime < time.time() - _ABANDONED:
                    os.unlink(name, dir_fd=folder)


def _open(folder: int, name: str, flags: int, called: str = "") -> int:
    """Return a descriptor of a file of the folder. called: the name to check, if that is another one.

    Raises OSError.
    """
    if not is_file_name(name):
        raise OSError(errno.EINVAL, "Invalid file name")
    try:
        flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(called or name, flags, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)) from error
        raise
