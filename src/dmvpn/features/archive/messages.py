"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class Replaced(Log, name="SYS-5-CONFIG_R"):
    """A whole configuration replaced the running one."""

    @classmethod
    def now(cls) -> Self:
        """Return the message in IOS's words."""
        return cls("Config Replace is Done")


class BackedUp(Log, name="ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_BACKUP"):
    """The configuration that ran was written into a file, to come back unless the change is confirmed."""

    @classmethod
    def of(cls, where: str) -> Self:
        """Return the message; where: the file."""
        return cls(f"Backing up current running config to {where}")


class Started(Log, name="ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_ABSTIMER"):
    """The change has to be confirmed within so many minutes, or the earlier configuration comes back."""

    @classmethod
    def by(cls, user: str, where: str, minutes: int) -> Self:
        """Return the message; user: the user who made the change. where: the file with what comes back."""
        text = f"User: {user}: Scheduled to rollback to config {where} in {minutes} minutes"
        return cls(text)


class StartedIdle(Log, name="ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_IDLETIMER"):
    """The change has to be confirmed before its user types nothing for so many minutes."""

    @classmethod
    def by(cls, user: str, where: str, minutes: int) -> Self:
        """Return the message; user: the user who made the change. where: the file with what comes back."""
        return cls(f"User: {user}: Scheduled to rollback to config {where} if session idle for {minutes} minutes")


class Confirmed(Log, name="ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_CONFIRM"):
    """The change stays."""

    @classmethod
    def now(cls) -> Self:
        """Return the message in IOS's words."""
        return cls("Configuration change is confirmed")


class RolledBack(Log, name="ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_ROLLBACK_START"):
    """The change was not confirmed in time: the earlier configuration runs again."""

    @classmethod
    def to(cls, where: str) -> Self:
        """Return the message; where: the file with the earlier configuration."""
        text = f"The change was not confirmed: rolled back to config {where}"
        return cls(text)


MESSAGES: Final = log_messages(vars())
