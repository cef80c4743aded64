"""Files and sockets that are for their owner alone: recordings hold all that a router was told, passwords included."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from pathlib import Path

#: Octets of a Unix socket's path, unix(7), without the zero behind it.
LONGEST_SOCKET_PATH: Final = 107


def open_private(path: Path, *, append: bool = False) -> TextIO:
    """Open a text file for writing; a new one is for its owner alone. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")
