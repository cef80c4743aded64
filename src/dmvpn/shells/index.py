"""An index of what follows from the files of this program alone, and takes long to find out.

It is beside the bytecode, has the names, sizes and times of all files of the program that it was made from, and is made
again if one of them differs. Nothing of a user is in it, neither labs nor folders. Where it cannot be written, values
are made each time, and so they are with PYTHONDONTWRITEBYTECODE, unless `make setup` wrote it.
"""

from __future__ import annotations

import marshal
import os
import sys
from zlib import crc32

import dmvpn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, TypeVar

    T = TypeVar("T")

#: Values of one kind, which is the first word of their keys; the oldest go first.
MOST: Final = 500
PROGRAM: Final = os.path.dirname(dmvpn.__file__)
#: Octets of the checksum at the begin of the index.
_CHECKSUM: Final = 4
#: Beside the bytecode of the package, wherever the interpreter has that.
PLACE: Final = f"{os.path.splitext(dmvpn.__spec__.cached or dmvpn.__file__)[0]}.index"


def remembered(key: str, make: Callable[[], T], *, keep: Callable[[T], bool] = lambda value: True) -> T:
    """Return a value from the index, or make it and add it if it is to be kept.

    Values are texts, numbers, and tuples of these.
    """
    files = _files()
    values: dict[str, T] = _read(files)
    if key in values:
        return values[key]
    value = make()
    if files and keep(value) and not sys.dont_write_bytecode and _files() == files:
        kind = key.split()[:1]
        alike = [each for each in values if each.split()[:1] == kind]
        # Write it in one step. A folder that is missing or not ours is no error
        begun = f"{PLACE}.{os.getpid()}"
        try:
            with open(begun, "wb") as file:
                octets = marshal.dumps(
                    (files, {name: values[name] for name in values if name not in alike[: 1 - MOST]} | {key: value})
                )
                file.write(_checksum(octets) + octets)
            os.replace(begun, PLACE)
        except OSError:
            if os.path.exists(begun):  # the disk is full
                os.unlink(begun)
    return value


def _files() -> str:
    """Return name, size and time of each file of the program. Empty: they change at this moment, or cannot be read."""
    found, folders = [], [PROGRAM]
    try:
        while folders:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        found.append(f"{entry.path} {status.st_size} {status.st_mtime_ns}")
                    elif entry.name != "__pycache__":
                        folders.append(entry.path)
    except OSError:
        return ""
    return "\n".join(sorted(found))


def _read(files: str) -> dict[str, Any]:
    try:
        with open(PLACE, "rb") as file:
            octets = file.read()
        if octets[:_CHECKSUM] != _checksum(octets[_CHECKSUM:]):  # damaged octets can ask for any amount of memory
            return {}
        made_from, values = marshal.loads(octets[_CHECKSUM:])  # noqa: S302 - as trusted as the bytecode beside it
    except (OSError, EOFError, ValueError, TypeError):
        return {}
    return values if made_from == files else {}


def _checksum(octets: bytes) -> bytes:
    return crc32(octets).to_bytes(_CHECKSUM, "big")
