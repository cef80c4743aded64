"""The messages of `dmvpn run` to the service manager that started it: sd_notify(3), with sockets alone.

    READY=1               the configuration runs, and the prompt is served; or a reload is over
    RELOADING=1           the configuration file is being read again; with MONOTONIC_USEC, as `Type=notify-reload` wants
    STOPPING=1            an orderly end has begun
    STATUS=...            a line for people, as `systemctl status` shows it
    WATCHDOG=1            the event loop turns; at twice the requested rate

The manager gives its address (`$NOTIFY_SOCKET`) and the interval of the watchdog (`$WATCHDOG_USEC`, for the process
`$WATCHDOG_PID`). Without them nothing is sent. A manager that does not listen causes a line in the log; the router
keeps running.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

log = logging.getLogger("dmvpn")

#: Seconds that the router waits for a manager that does not read. The router is blocked meanwhile.
PATIENCE: Final = 0.5
#: A manager that asks for signs of life more often than this, in seconds, gets them this often.
_SHORTEST: Final = 0.01
#: Octets of a status line, which may name a file of any length.
_LONGEST: Final = 1024


class Manager:
    """The service manager that started us, if it wants to know our state.

    address: `$NOTIFY_SOCKET`, a path or "@" and an abstract name; None: no manager. interval: seconds between two
    watchdog messages.
    """

    def __init__(self, address: str | None = None, interval: float | None = None) -> None:
        self._address = address
        self._interval = interval
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, environment: Mapping[str, str] = os.environ) -> Manager:
        """Return the manager that the environment names.

        An invalid value is ignored and logged.
        """
        return cls(environment.get("NOTIFY_SOCKET") or None, _interval(environment))

    def ready(self, status: str) -> None:
        """Report that the router runs, for the first time or after `reloading`."""
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """Report that the configuration file is being read again; `ready` follows in any case."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str) -> None:
        """Say that an orderly end has begun."""
        self._tell("STOPPING=1", _status(status))

    def status(self, status: str) -> None:
        """Send a line of status for people."""
        self._tell(_status(status))

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give signs of life from now on, as long as this loop turns and until `close`."""
        if self._interval is not None:
            self._tell("WATCHDOG=1")
            self._timer = loop.call_later(self._interval, self.watch, loop)

    def close(self) -> None:
        """Close the socket: nothing more is sent."""
        if self._timer is not None:
            self._timer.cancel()
        self._forget()

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.settimeout(PATIENCE)
                self._socket.connect(_name(self._address))
            self._socket.send("\n".join(lines).encode(errors="replace"))
        except OSError as error:
            self._forget()  # a manager that is started again listens at the same place
            why = "it does not read" if isinstance(error, TimeoutError) else error.strerror or str(error)
            log.warning("the service manager (%s) was not told %s: %s", self._address, lines[0], why)

    def _forget(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _name(address: str) -> str:
    """Return the name as the kernel takes it: an abstract one begins with a zero."""
    return "\0" + address[1:] if address.startswith("@") else address


def _status(text: str) -> str:
    """Return the status as a single line: a second line would be another message."""
    return "STATUS=" + " ".join(text.split()).encode(errors="replace")[:_LONGEST].decode(errors="ignore")


def _interval(environment: Mapping[str, str]) -> float | None:
    """Return seconds between two watchdog messages: half of the manager's limit, as sd_watchdog_enabled(3) advises."""
    asked, process = environment.get("WATCHDOG_USEC"), environment.get("WATCHDOG_PID")
    if not asked or (process and process != str(os.getpid())):
        return None
    if not asked.isascii() or not asked.isdecimal() or not int(asked[:20]) > 0:
        log.warning("WATCHDOG_USEC=%s is no number of microseconds: there will be no sign of life", asked[:40])
        return None
    return max(int(asked[:20]) / 2_000_000, _SHORTEST)
