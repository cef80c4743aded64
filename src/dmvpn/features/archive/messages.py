"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from typing import Final

from dmvpn.base.notices import log_kind, log_messages


@log_kind("SYS-5-CONFIG_R")
def replaced() -> str:
    """A whole configuration replaced the running one."""
    return "Config Replace is Done"


@log_kind("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_BACKUP")
def backed_up(where: str) -> str:
    """The configuration that ran was written into a file, to come back unless the change is confirmed."""
    return f"Backing up current running config to {where}"


@log_kind("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_ABSTIMER")
def started(user: str, where: str, minutes: int) -> str:
    """The change has to be confirmed within so many minutes, or the earlier configuration comes back."""
    # user: who made the change. where: the file with what comes back.
    return f"User: {user}: Scheduled to rollback to config {where} in {minutes} minutes"


@log_kind("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_START_IDLETIMER")
def started_idle(user: str, where: str, minutes: int) -> str:
    """The change has to be confirmed before its user types nothing for so many minutes."""
    # user: who made the change. where: the file with what comes back.
    return f"User: {user}: Scheduled to rollback to config {where} if session idle for {minutes} minutes"


@log_kind("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_CONFIRM")
def confirmed() -> str:
    """The change stays."""
    return "Configuration change is confirmed"


@log_kind("ARCHIVE_DIFF-5-ROLLBK_CNFMD_CHG_ROLLBACK_START")
def rolled_back(where: str) -> str:
    """The change was not confirmed in time: the earlier configuration runs again."""
    return f"The change was not confirmed: rolled back to config {where}"


MESSAGES: Final = log_messages(vars())
