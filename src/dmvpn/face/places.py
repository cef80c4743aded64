"""The files of a router, and the names by which commands speak of them.

    flash:NAME, bootflash:NAME, disk0:NAME     one flat folder (with a slash behind the colon or without)
    nvram:startup-config                       the configuration for the next start
    system:running-config                      the configuration that is in effect
    null:                                      nothing: what comes from there is empty

Files outside flash cannot be reached: a name has no folders.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final

from dmvpn.base.flash import is_file_name
from dmvpn.base.values import dataclass
from dmvpn.ios.values import ValueType, register_type

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args

_FLASH: Final = ("flash", "bootflash", "disk0")


class System(enum.Enum):
    """A file system; its value is the name by which shows speak of it."""

    FLASH = "flash"
    NVRAM = "nvram"
    SYSTEM = "system"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A file, or a file system where `name` is "". spelled: as it was typed."""

    system: System
    name: str
    spelled: str

    @property
    def is_running(self) -> bool:
        """True for the running configuration."""
        return self.system is System.SYSTEM

    @property
    def is_startup(self) -> bool:
        """True for the startup configuration."""
        return self.system is System.NVRAM

    def named(self, name: str) -> FilePlace:
        """Return a file of the same file system, spelled likewise."""
        return FilePlace(self.system, name, f"{self.spelled.partition(':')[0]}:{name}")


RUNNING: Final = FilePlace(System.SYSTEM, "running-config", "running-config")
STARTUP: Final = FilePlace(System.NVRAM, "startup-config", "startup-config")
FLASH: Final = FilePlace(System.FLASH, "", "bootflash:/")
_ONLY: Final = {System.NVRAM: STARTUP.name, System.SYSTEM: RUNNING.name, System.NULL: ""}


def place_of(text: str) -> FilePlace | None:
    """Return the file that a text names, None if it cannot name one."""
    head, colon, rest = text.partition(":")
    name, word = rest.removeprefix("/"), head.lower()
    if not colon:
        return None
    if word in _FLASH:
        return FilePlace(System.FLASH, name, text) if not name or is_file_name(name) else None
    system = next((one for one in _ONLY if one.value == word), None)
    return FilePlace(system, name or _ONLY[system], text) if system and name in ("", _ONLY[system]) else None


def _parse(text: str) -> tuple[FilePlace, str] | None:
    place = place_of(text)
    return None if place is None else (place, text)


#: A file in the syntax of a command.
FILE: Final = register_type(ValueType("file", "URL", _parse, weight=5))


def place_in(args: Args, name: str, default: FilePlace = FLASH) -> FilePlace:
    """Return the file argument with this name, or the default if the command has none."""
    place = args.get(name)
    return place if isinstance(place, FilePlace) else default
