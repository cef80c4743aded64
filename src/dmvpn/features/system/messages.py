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


class Restarted(Log):
    """The router began its life with the startup configuration; what was learned before is gone."""

    __slots__ = ()

    @classmethod
    def now(cls) -> Self:
        """The message; it has no variants."""
        return cls("SYS", 5, "RESTART", "System restarted --")


MESSAGES = (Configured, Restarted)
