"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final, Self

from dmvpn.base.notices import Log, log_messages


class Configured(Log, name="SYS-5-CONFIG_I"):
    """A user left configuration mode; nothing is wrong."""

    @classmethod
    def by(cls, user: str, line: str) -> Self:
        """Return the message: "console by console", "console by admin on vty0 (10.0.0.5)"."""
        where = user if line == "console" else f"{user} on {line}"
        return cls(f"Configured from console by {where}")


class Reloaded(Log, name="SYS-5-CONFIG_RELOAD"):
    """The configuration file was read again (SIGHUP), and runs; nothing is wrong."""

    @classmethod
    def of(cls, path: str) -> Self:
        """Return the message; path: of the file."""
        return cls(f"Configured from {path} by SIGHUP")


class ReloadRefused(Log, name="SYS-3-CONFIG_RELOAD_REFUSED"):
    """The configuration file was read again (SIGHUP) and has errors: the router runs on as it was."""

    @classmethod
    def because(cls, path: str, why: str) -> Self:
        """Return the message; why: IOS's words, and where."""
        return cls(f"{path} was refused, nothing was changed: {why}")


class UnsavedLost(Log, name="SYS-4-CONFIG_UNSAVED_LOST"):
    """A line that was typed and not saved is gone, because the configuration file was read again (SIGHUP)."""

    @classmethod
    def of(cls, path: str, line: str) -> Self:
        """Return the message; line: with the sections around it."""
        return cls(f"Not in {path}, gone: {line}")


class Restarted(Log, name="SYS-5-RESTART"):
    """The router began its life with the startup configuration; everything learned before is gone."""

    @classmethod
    def now(cls) -> Self:
        """Return the message; it has no variants."""
        return cls("System restarted --")


class LogHostFailed(Log, name="SYS-3-LOGGINGHOST_FAIL"):
    """A log host does not take a connection, or has ended it: lines wait, the oldest are lost."""

    @classmethod
    def at(cls, host: IPv4Address, port: int) -> Self:
        """Return the message; host, port: of the log host."""
        return cls(f"Logging to host {host} port {port} failed")


class LogHostStarted(Log, name="SYS-6-LOGGINGHOST_STARTSTOP"):
    """A log host takes lines again; nothing is wrong."""

    @classmethod
    def again(cls, host: IPv4Address, port: int) -> Self:
        """Return the message; host, port: of the log host."""
        text = f"Logging to host {host} port {port} started - reconnection"
        return cls(text)


def _who(user: str, location: str, port: int) -> str:
    return f"[user: {user}] [Source: {location}] [localport: {port}]"


class LoginSuccess(Log, name="SEC_LOGIN-5-LOGIN_SUCCESS"):
    """A user logged in over the network; nothing is wrong."""

    @classmethod
    def of(cls, user: str, location: str, port: int, at: str) -> Self:
        """Return the message; at: time and date."""
        return cls(f"Login Success {_who(user, location, port)} at {at}")


class LoginRefused(Log, name="SEC_LOGIN-4-LOGIN_FAILED"):
    """A login failed by a wrong password or an unknown user: repeated lines mean that passwords are guessed."""

    @classmethod
    def of(cls, user: str, location: str, port: int, at: str) -> Self:
        """Return the message; at: time and date."""
        why = "[Reason: Login Authentication Failed]"
        return cls(f"Login failed {_who(user, location, port)} {why} at {at}")


class QuietModeOn(Log, name="SEC_LOGIN-1-QUIET_MODE_ON"):
    """Too many wrong passwords: logins are refused for the time of `login block-for`."""

    @classmethod
    def of(cls, user: str, location: str, port: int, exempt: str, at: str) -> Self:
        """Return the message; exempt: the access list of addresses that are permitted all the same. at: time and
        date.
        """
        why = f"[Reason: Login Authentication Failed] [ACL: {exempt or 'sl_def_acl'}]"
        text = f"Still timeleft for watching failures is 0 secs, {_who(user, location, port)} {why} at {at}"
        return cls(text)


class QuietModeOff(Log, name="SEC_LOGIN-5-QUIET_MODE_OFF"):
    """The time of `login block-for` is over: people are let in again."""

    @classmethod
    def at(cls, at: str) -> Self:
        """Return the message; at: time and date."""
        return cls(f"Quiet Mode is OFF, because block period timed out at {at}")


MESSAGES: Final = log_messages(vars())
