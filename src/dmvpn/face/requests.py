"""The requests of a command to the session in which it was typed, besides events for the router.

The actions of `builtins.py` return them; `interpreter.py` carries them out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.face.places import FilePlace


@dataclass(frozen=True, slots=True)
class Request:
    """The base of all requests."""


@dataclass(frozen=True, slots=True)
class Leave(Request):
    """`exit`, `quit`, `logout`: the session ends."""


@dataclass(frozen=True, slots=True)
class Enable(Request):
    """`enable`: to this privilege level, after the password if one is configured."""

    level: int = 15


@dataclass(frozen=True, slots=True)
class Disable(Request):
    """`disable`: down to this privilege level."""

    level: int = 1


@dataclass(frozen=True, slots=True)
class Configure(Request):
    """`configure terminal`.

    ask: prompt for the source, as `configure` alone does.
    minutes: until the rollback of an unconfirmed change; 0: no rollback.
    idle: the minutes count from the user's last input.
    """

    ask: bool = False
    minutes: int = 0
    idle: bool = False


@dataclass(frozen=True, slots=True)
class SetScreen(Request):
    """`terminal length`, `terminal width`: lines and columns, 0: no limit, None: unchanged."""

    length: int | None = None
    width: int | None = None


@dataclass(frozen=True, slots=True)
class SetMonitor(Request):
    """`terminal monitor`, `terminal no monitor`: log messages on this terminal or not."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetTimestamps(Request):
    """`terminal exec prompt timestamp`: whether the output of shows begins with the load and the time."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetHistory(Request):
    """`terminal history size`: how many lines are remembered."""

    size: int


@dataclass(frozen=True, slots=True)
class Save(Request):
    """`write memory`."""


@dataclass(frozen=True, slots=True)
class Copy(Request):
    """`copy FROM TO`."""

    source: FilePlace
    target: FilePlace


@dataclass(frozen=True, slots=True)
class Delete(Request):
    """`delete FILE`; force: without confirmation."""

    place: FilePlace
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(Request):
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


@dataclass(frozen=True, slots=True)
class ConfirmChange(Request):
    """`configure confirm`."""


@dataclass(frozen=True, slots=True)
class Revert(Request):
    """`configure revert now`; minutes: roll back after so many. idle: they count from the user's last input."""

    minutes: int | None = None
    idle: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveNow(Request):
    """`archive config`."""


@dataclass(frozen=True, slots=True)
class ClearLine(Request):
    """`clear line vty 3`."""

    number: int


@dataclass(frozen=True, slots=True)
class EraseStartup(Request):
    """`write erase`, `erase startup-config`."""


@dataclass(frozen=True, slots=True)
class Reload(Request):
    """`reload`."""
