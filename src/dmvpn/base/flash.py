"""What a shell keeps for a router besides its configuration: a flat folder of files, bounded in number and octets."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Octets of all files together, and of how many files.
CAPACITY: Final = 64 << 20
MOST_FILES: Final = 1000

_NAME: Final = re.compile(r"[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,127}", re.ASCII)


def is_file_name(text: str) -> bool:
    """Return whether a file may be called this. It has no folders, and does not begin with a dot."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Stored:
    """A file in flash. size: octets. changed: seconds since 1970, UTC."""

    name: str
    size: int
    changed: float


class Flash(Protocol):
    """What a shell keeps for a router. Everything raises OSError, with a reason for people."""

    def files(self) -> Sequence[Stored]:
        """Return all files, by name."""
        ...

    def read(self, name: str) -> bytes:
        """Return the octets of a file."""
        ...

    def write(self, name: str, octets: bytes) -> None:
        """Put a file there, whole or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Take a file away."""
        ...

    def rename(self, name: str, new: str) -> None:
        """Give a file another name, in the place of a file that may have it."""
        ...


class NoFlash:
    """The files of a router whose shell keeps none."""

    def files(self) -> Sequence[Stored]:
        """Return no files."""
        return ()

    def read(self, name: str) -> bytes:
        """Raise an error: nothing is there."""
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def write(self, name: str, octets: bytes) -> None:
        """Raise an error: there is no room."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def remove(self, name: str) -> None:
        """Raise an error: nothing is there."""
        self.read(name)

    def rename(self, name: str, new: str) -> None:
        """Raise an error: nothing is there."""
        self.read(name)


NO_FLASH: Final[Flash] = NoFlash()
