"""What a command asks of the session in which it was typed, besides events for the router; and the files that it names.

    Request      the actions of `language.py` return it, `interpreter.py` carries it out
    Outcome      of a line: lines to show, then perhaps a question, a job to wait for, or the end of the session
    FilePlace    a file of a router, by one of these names:

    flash:NAME, bootflash:NAME, disk0:NAME     one flat folder (with a slash behind the colon or without)
    nvram:startup-config                       the configuration for the next start
    system:running-config                      the configuration that is in effect
    null:                                      nothing: what comes from there is empty

Files outside flash cannot be reached: a name has no folders.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Final

from dmvpn.base.shell import is_file_name
from dmvpn.base.values import Value
from dmvpn.ios.grammar import Args
from dmvpn.ios.values import ValueType, register_type

# ------------------------------------------------------------------------------------------------ files of a router


_FLASH: Final = ("flash", "bootflash", "disk0")


class System(enum.Enum):
    """A file system; its value is the name by which shows speak of it."""

    FLASH = "flash"
    NVRAM = "nvram"
    SYSTEM = "system"
    NULL = "null"


class FilePlace(Value):
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


# ------------------------------------------------------------------------------------------------ requests


class Request(Value):
    """The base of all requests."""


class Leave(Request, Value):
    """`exit`, `quit`, `logout`: the session ends."""


class Enable(Request, Value):
    """`enable`: to this privilege level, after the password if one is configured."""

    level: int = 15


class Disable(Request, Value):
    """`disable`: down to this privilege level."""

    level: int = 1


class Configure(Request, Value):
    """`configure terminal`.

    ask: prompt for the source, as `configure` alone does.
    minutes: until the rollback of an unconfirmed change; 0: no rollback.
    idle: the minutes count from the user's last input.
    """

    ask: bool = False
    minutes: int = 0
    idle: bool = False


class SetScreen(Request, Value):
    """`terminal length`, `terminal width`: lines and columns, 0: no limit, None: unchanged."""

    length: int | None = None
    width: int | None = None


class SetMonitor(Request, Value):
    """`terminal monitor`, `terminal no monitor`: log messages on this terminal or not."""

    on: bool


class SetTimestamps(Request, Value):
    """`terminal exec prompt timestamp`: whether the output of shows begins with the load and the time."""

    on: bool


class SetHistory(Request, Value):
    """`terminal history size`: how many lines are remembered."""

    size: int


class Save(Request, Value):
    """`write memory`."""


class Copy(Request, Value):
    """`copy FROM TO`."""

    source: FilePlace
    target: FilePlace


class Delete(Request, Value):
    """`delete FILE`; force: without confirmation."""

    place: FilePlace
    force: bool = False


class Replace(Request, Value, kw_only=True):
    """`configure replace`.

    place: the file.
    force: without confirmation.
    listed: show the lines that make the change.
    all_or_nothing: a refused line undoes the whole change.
    minutes: until the rollback of an unconfirmed change; 0: no rollback.
    """

    place: FilePlace
    force: bool = False
    listed: bool = False
    all_or_nothing: bool = False
    minutes: int = 0


class ConfirmChange(Request, Value):
    """`configure confirm`."""


class Revert(Request, Value):
    """`configure revert now`; minutes: roll back after so many. idle: they count from the user's last input."""

    minutes: int | None = None
    idle: bool = False


class ArchiveNow(Request, Value):
    """`archive config`."""


class ClearLine(Request, Value):
    """`clear line vty 3`."""

    number: int


class EraseStartup(Request, Value):
    """`write erase`, `erase startup-config`."""


class Reload(Request, Value):
    """`reload`."""


# ------------------------------------------------------------------------------------------------ outcomes


class Question(Value):
    """A question that must be answered before the next command.

    one_key: Return or `y` agrees, any other key does not.
    secret: the answer is not echoed.
    answer: called with the typed text (one_key: "" or "y" agrees).
    scripted: in a script, the next line is the answer; otherwise a script answers with an empty line.
    unanswered: in a script, print this instead of an empty answer, and fail.
    """

    prompt: str
    answer: Callable[[str], Outcome]
    one_key: bool = False
    secret: bool = False
    scripted: bool = False
    unanswered: str = ""


class Outcome(Value):
    """The outcome of a line.

    lines: to be shown, made while they are shown.
    failed: it was refused.
    settled: `failed` alone decides, though its lines may begin with `%`.
    question: to be asked next.
    job: wait until the router says `JobDone`.
    then: work that takes long, to be done after these lines have been sent.
    private: the line has a secret, and must not appear in the history as it was typed.
    closed: the session is over.
    """

    lines: Iterable[str] = ()
    failed: bool = False
    settled: bool = False
    question: Question | None = None
    job: bool = False
    then: Callable[[], Outcome] | None = None
    private: bool = False
    closed: bool = False


NOTHING: Final = Outcome()


def confirm(text: str, agreed: Callable[[], Outcome]) -> Outcome:
    """Ask for one key: Return or `y` agrees."""

    def answer(typed: str) -> Outcome:
        return agreed() if typed.lower() in ("", "y") else NOTHING

    return Outcome(question=Question(text, answer, one_key=True))
