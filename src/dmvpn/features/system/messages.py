"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Self

from dmvpn.base.notices import Log


class Configured(Log):
    """Somebody left configuration mode; nothing is wrong."""

    __slots__ = ()

    @classmethod
    def by(cls, user: str, line: str) -> Self:
        """ "console by console", "console by admin on vty0 (10.0.0.5)"."""
        where = user if line == "console" else f"{user} on {line}"
        return cls("SYS", 5, "CONFIG_I", f"Configured from console by {where}")


class Reloaded(Log):
    """The configuration file was read again (SIGHUP), and runs; nothing is wrong."""

    __slots__ = ()

    @classmethod
    def of(cls, path: str) -> Self:
        """path: of the file."""
        return cls("SYS", 5, "CONFIG_RELOAD", f"Configured from {path} by SIGHUP")


class ReloadRefused(Log):
    """The configuration file was read again (SIGHUP) and has errors: the router runs on as it was."""

    __slots__ = ()

    @classmethod
    def because(cls, path: str, why: str) -> Self:
        """why: IOS's words, and where."""
        return cls("SYS", 3, "CONFIG_RELOAD_REFUSED", f"{path} is not taken, nothing was changed: {why}")


class UnsavedLost(Log):
    """A line that was typed and not saved is gone, because the configuration file was read again (SIGHUP)."""

    __slots__ = ()

    @classmethod
    def of(cls, path: str, line: str) -> Self:
        """line: with the sections around it."""
        return cls("SYS", 4, "CONFIG_UNSAVED_LOST", f"Not in {path}, gone: {line}")


class Restarted(Log):
    """The router began its life with the startup configuration; what was learned before is gone."""

    __slots__ = ()

    @classmethod
    def now(cls) -> Self:
        """The message; it has no variants."""
        return cls("SYS", 5, "RESTART", "System restarted --")


MESSAGES = (Configured, Reloaded, ReloadRefused, UnsavedLost, Restarted)
