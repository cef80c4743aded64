"""What `dmvpn run` prints while it runs: a line on stderr for each log message, and for what the shell has to say.

    2026-11-21T08:46:14.250+00:00 notice: %SYS-5-RESTART: System restarted --
    <5>%SYS-5-RESTART: System restarted --

The first is for a terminal or a file. The second is for the journal, which has a time of its own and takes the level
from the number, sd-daemon(3): it is there when stderr is the stream that `$JOURNAL_STREAM` names, systemd.exec(5).

Every log message is printed, whatever `logging console` and its kind say: they are about the router's own terminals.
Debugs are for those who asked for them, and stay there. Texts may hold words of peers: control characters do not pass,
and a peer that makes a router log without end fills no disk.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.notices import Log

#: Log messages that are printed at once, and each second afterwards. What is more is counted.
BURST: Final = 1000
PER_SECOND: Final = 20.0

#: syslog(3), by number.
_LEVELS: Final = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
_WARNING: Final = 4
_SEVERITY: Final = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: _WARNING, logging.INFO: 6, logging.DEBUG: 7}

_messages = logging.getLogger("dmvpn.messages")


def to_stderr() -> None:
    """Print what is logged from now on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines(journal=is_journal(2)))
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def is_journal(descriptor: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether what is written there goes straight to systemd's journal."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class Lines(logging.Formatter):
    """One record as one line, or several. journal: for the journal."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__("%(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record: in the journal with its priority on each, else with time and level on the
        first.
        """
        severity = getattr(record, "severity", _SEVERITY.get(record.levelno, _WARNING))
        lines = [_printable(line) for line in super().format(record).splitlines()] or [""]
        if self._journal:
            return "\n".join(f"<{severity}>{line}" for line in lines)
        when = datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")
        return f"{when} {_LEVELS[severity]}: " + "\n".join(lines)


class Messages:
    """A router's log messages on their way out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: seconds that never go back."""
        self._clock = clock
        self._allowed = float(BURST)
        self._at = clock()
        self._left_out = 0

    def __call__(self, message: Log) -> None:
        """Print it, or count it."""
        now = self._clock()
        self._allowed = min(BURST, self._allowed + (now - self._at) * PER_SECOND)
        self._at = now
        if self._allowed < 1:
            self._left_out += 1
            return
        self._allowed -= 1
        if self._left_out:
            _say(
                _WARNING,
                f"{self._left_out} log messages were not printed, they came too fast; 'show logging' has the last",
            )
            self._left_out = 0
        _say(message.severity, f"%{message.name}: {message.text}")


def _say(severity: int, text: str) -> None:
    _messages.info("%s", text, extra={"severity": min(max(severity, 0), len(_LEVELS) - 1)})


def _printable(line: str) -> str:
    """Remove characters that would control the terminal of a reader."""
    return "".join(letter if letter.isprintable() else "?" for letter in line.expandtabs())
