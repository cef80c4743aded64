"""Log messages of this feature, each with what it means."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.notices import log_kind, log_messages


@log_kind("SYS-5-CONFIG_I")
def configured(user: str, line: str) -> str:
    """A user left configuration mode; nothing is wrong."""
    # line: "console", "vty0 (10.0.0.5)".
    where = user if line == "console" else f"{user} on {line}"
    return f"Configured from console by {where}"


@log_kind("SYS-5-CONFIG_RELOAD")
def reloaded(path: str) -> str:
    """The configuration file was read again (SIGHUP), and runs; nothing is wrong."""
    return f"Configured from {path} by SIGHUP"


@log_kind("SYS-3-CONFIG_RELOAD_REFUSED")
def reload_refused(path: str, why: str) -> str:
    """The configuration file was read again (SIGHUP) and has errors: the router runs on as it was."""
    # why: IOS's words, and where.
    return f"{path} was refused, nothing was changed: {why}"


@log_kind("SYS-4-CONFIG_UNSAVED_LOST")
def unsaved_lost(path: str, line: str) -> str:
    """A line that was typed and not saved is gone, because the configuration file was read again (SIGHUP)."""
    # line: with the sections around it.
    return f"Not in {path}, gone: {line}"


@log_kind("SYS-5-RESTART")
def restarted() -> str:
    """The router began its life with the startup configuration; everything learned before is gone."""
    return "System restarted --"


@log_kind("SYS-3-LOGGINGHOST_FAIL")
def log_host_failed(host: IPv4Address, port: int) -> str:
    """A log host does not take a connection, or has ended it: lines wait, the oldest are lost."""
    return f"Logging to host {host} port {port} failed"


@log_kind("SYS-6-LOGGINGHOST_STARTSTOP")
def log_host_started(host: IPv4Address, port: int) -> str:
    """A log host takes lines again; nothing is wrong."""
    return f"Logging to host {host} port {port} started - reconnection"


def _who(user: str, location: str, port: int) -> str:
    return f"[user: {user}] [Source: {location}] [localport: {port}]"


@log_kind("SEC_LOGIN-5-LOGIN_SUCCESS")
def login_success(user: str, location: str, port: int, at: str) -> str:
    """A user logged in over the network; nothing is wrong."""
    # at: time and date.
    return f"Login Success {_who(user, location, port)} at {at}"


@log_kind("SEC_LOGIN-4-LOGIN_FAILED")
def login_refused(user: str, location: str, port: int, at: str) -> str:
    """A login failed by a wrong password or an unknown user: repeated lines mean that passwords are guessed."""
    # at: time and date.
    why = "[Reason: Login Authentication Failed]"
    return f"Login failed {_who(user, location, port)} {why} at {at}"


@log_kind("SEC_LOGIN-1-QUIET_MODE_ON")
def quiet_mode_on(user: str, location: str, port: int, exempt: str, at: str) -> str:
    """Too many wrong passwords: logins are refused for the time of `login block-for`."""
    # exempt: the access list of addresses that are permitted all the same. at: time and date.
    why = f"[Reason: Login Authentication Failed] [ACL: {exempt or 'sl_def_acl'}]"
    return f"Still timeleft for watching failures is 0 secs, {_who(user, location, port)} {why} at {at}"


@log_kind("SEC_LOGIN-5-QUIET_MODE_OFF")
def quiet_mode_off(at: str) -> str:
    """The time of `login block-for` is over: people are let in again."""
    # at: time and date.
    return f"Quiet Mode is OFF, because block period timed out at {at}"


MESSAGES: Final = log_messages(vars())
