"""A router's stored files in a folder: one for each name, for their owner alone, replaced in one step.

An unreadable file counts as missing: stored files improve the router's next life, but it does not depend on them.

The configuration is an exception. Where a router is started with a user's file (`dmvpn run FILE`), it always starts
with that file, and `write memory` writes it. A version that was changed by another program is kept beside it, as
`FILE~`.

Keys of a capture, as a configuration folder of Wireshark: `WIRESHARK_CONFIG_DIR=FOLDER wireshark FILE.pcap`.

All routers of a lab write into one folder. A line is written in one step, so their lines do not mix.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from dmvpn.base.effects import ReportKey
from dmvpn.base.events import Remembered
from dmvpn.shells.files import open_private

# ------------------------------------------------------------------------------------------------ keys


#: Settings of Wireshark besides the keys.
_PREFERENCES: Final = "esp.enable_encryption_decode: TRUE\n"


def make_folder(folder: Path) -> None:
    """Make a folder for keys, for its owner alone. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open_private(folder / "preferences") as file:
        file.write(_PREFERENCES)


def write(folder: Path, key: ReportKey) -> None:
    """Add a line to one of its tables. Raises OSError."""
    with open_private(folder / key.table, append=True) as file:
        file.write(key.line + "\n")


# ------------------------------------------------------------------------------------------------ storage


#: The file of `write memory`. A shell reads it itself: it decides which configuration a router starts with.
STARTUP: Final = "startup-config"

#: Octets of the largest file that is given to a router.
LARGEST: Final = 1 << 16

_UNFINISHED = ".new"


class ConfigurationFile:
    """The file that a router was started with, written by `write memory`; links to it, its mode and its owner stay."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._written: bytes | None = None

    def store(self, octets: bytes) -> None:
        """Write the configuration. Raises OSError; then the file is unchanged."""
        if not self.path.is_file():
            raise OSError(errno.EINVAL, f"{self.path} is no file that could be written")
        found, before = self.path.stat(), self.path.read_bytes()
        if before not in (self._written, octets):
            _replace(self.path.with_name(self.path.name + "~"), before, found)
        _replace(self.path, octets, found)
        self._written = octets


class FolderStorage:
    """The folder of one router. configuration: the file that it starts with, if that is not in the folder."""

    def __init__(self, path: Path, configuration: ConfigurationFile | None = None) -> None:
        self.path = path
        self._configuration = configuration

    def store(self, name: str, octets: bytes) -> None:
        """Store octets under a name. After a crash there are the old ones or the new ones. Raises OSError."""
        if name == STARTUP and self._configuration is not None:
            self._configuration.store(octets)
        else:
            _replace(self.path / name, octets)

    def remembered(self) -> list[Remembered]:
        """Return the stored files for a router's start, before its configuration, in the order of the names."""
        found: list[Remembered] = []
        with contextlib.suppress(OSError):
            for path in sorted(self.path.iterdir()):
                if path.name == STARTUP or path.name.endswith(_UNFINISHED):
                    continue
                with contextlib.suppress(OSError):
                    if path.is_file() and path.stat().st_size <= LARGEST:
                        found.append(Remembered(path.name, path.read_bytes()))
        return found

    def clear(self) -> None:
        """Delete all files."""
        with contextlib.suppress(OSError):
            for path in self.path.iterdir():
                if path.is_dir() and not path.is_symlink():
                    FolderStorage(path).clear()
                else:
                    path.unlink()


def _replace(path: Path, octets: bytes, like: os.stat_result | None = None) -> None:
    """Write a file in one step, for its owner alone, or with mode and owner of another. Raises OSError."""
    temporary = path.with_name(path.name + _UNFINISHED)
    temporary.unlink(missing_ok=True)
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if like is not None:
                if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
                os.fchmod(file.fileno(), like.st_mode & 0o7777)
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())  # or a machine that loses its power may find an empty file under the name
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
