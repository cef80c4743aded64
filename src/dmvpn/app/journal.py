"""The output of `dmvpn run` while it runs: a line on stderr for each log message of the router or the shell.

    2026-11-21T08:46:14.250+00:00 notice: %SYS-5-RESTART: System restarted --
    <5>%SYS-5-RESTART: System restarted --

With `--log-format json` each record is one object on one line, wherever stderr goes, for programs that collect logs:

    {"time": "2026-11-21T08:46:14.250+00:00", "severity": 5, "level": "notice", "message": "System restarted --",
     "router": "R31", "facility": "SYS", "mnemonic": "RESTART"}

The first is for a terminal or a file. Where stderr is the stream that `$JOURNAL_STREAM` names, systemd.exec(5), a
record goes to the journal with fields, systemd.journal-fields(7): MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, and of a log
message DMVPN_FACILITY, DMVPN_MNEMONIC and DMVPN_ROUTER. The second line above is for a journal that takes no fields: it
has a time of its own, and takes the level from the number, sd-daemon(3).

Every log message is printed, whatever `logging console` and its kind say: they are about the router's own terminals.
Debug lines appear only at the terminals that asked for them. Texts may hold strings of peers: control characters are
removed, and a peer that causes endless log messages cannot fill the disk.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import struct
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dmvpn.base.notices import Log

#: Log messages that are printed at once, and each second afterwards. Further messages are counted.
BURST: Final = 1000
PER_SECOND: Final = 20.0

#: Where the journal takes entries with fields.
SOCKET: Final = "/run/systemd/journal/socket"
#: syslog(3), by number.
_LEVELS: Final = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")
_WARNING: Final = 4
_SEVERITY: Final = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: _WARNING, logging.INFO: 6, logging.DEBUG: 7}

_messages = logging.getLogger("dmvpn.messages")


def to_stderr(*, as_json: bool = False) -> None:
    """Print log records from now on. as_json: as objects, also in the journal."""
    handler = JournalHandler() if is_journal(2) and not as_json else logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if as_json else JournalFormatter(journal=is_journal(2)))
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def is_journal(descriptor: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether the descriptor is connected to systemd's journal."""
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class JournalFormatter(logging.Formatter):
    """One record as one line, or several. journal: for the journal."""

    def __init__(self, *, journal: bool) -> None:
        super().__init__("%(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record: in the journal with its priority on each, else with time and level on the
        first.
        """
        severity = _severity(record)
        lines = [
            "".join(letter if letter.isprintable() else "?" for letter in line.expandtabs())
            for line in super().format(record).splitlines()
        ] or [""]
        if self._journal:
            return "\n".join(f"<{severity}>{line}" for line in lines)
        return f"{_time(record)} {_LEVELS[severity]}: " + "\n".join(lines)


class JsonFormatter(logging.Formatter):
    """One record as one line: a JSON object, ASCII alone, so that no character of a peer controls a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. What only log messages of the router have is left out of other records."""
        severity, fields = _severity(record), getattr(record, "fields", {})
        text = super().format(record)
        found = {
            "time": _time(record),
            "severity": severity,
            "level": _LEVELS[severity],
            "message": text.partition(": ")[2] if "DMVPN_MNEMONIC" in fields else text,
            **{name.removeprefix("DMVPN_").lower(): value for name, value in fields.items()},
        }
        return json.dumps(found)


class JournalHandler(logging.StreamHandler[TextIO]):
    """Hands records to the journal with their fields; as lines on stderr, where it does not take them."""

    def __init__(self, where: str = SOCKET, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._where = where
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over. A journal that is busy gets a line: stderr waits for it, as without fields."""
        try:
            lines = JournalFormatter(journal=True).format(record).split("\n")
            fields = {
                "MESSAGE": "\n".join(line.partition(">")[2] for line in lines),
                "PRIORITY": str(_severity(record)),
                "SYSLOG_IDENTIFIER": "dmvpn",
                **getattr(record, "fields", {}),
            }
            self._socket.sendto(
                b"".join(_field(name, value.encode("utf-8", "replace")) for name, value in fields.items()), self._where
            )
        except OSError:
            super().emit(record)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        super().close()


def _field(name: str, value: bytes) -> bytes:
    """Return a field as a line; a value that has lines comes behind its length."""
    if b"\n" not in value:
        return name.encode() + b"=" + value + b"\n"
    return name.encode() + b"\n" + struct.pack("<Q", len(value)) + value + b"\n"


class Messages:
    """A router's log messages on their way out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, router: str = "") -> None:
        """clock: seconds that never go back. router: its name."""
        self._router = router
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
        facility, _, mnemonic = message.kind.name.split("-", 2)
        _say(
            message.kind.severity,
            f"%{message.kind.name}: {message.text}",
            DMVPN_FACILITY=facility,
            DMVPN_MNEMONIC=mnemonic,
            DMVPN_ROUTER=self._router,
        )


def _say(severity: int, text: str, **fields: str) -> None:
    _messages.info("%s", text, extra={"severity": min(max(severity, 0), len(_LEVELS) - 1), "fields": fields})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds")


def _severity(record: logging.LogRecord) -> int:
    severity: int = getattr(record, "severity", _SEVERITY.get(record.levelno, _WARNING))
    return severity
