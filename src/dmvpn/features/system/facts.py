"""The log as facts."""

from __future__ import annotations

from typing import Final

from dmvpn.base.facts import Fact
from dmvpn.base.notices import LogKind
from dmvpn.features.system.machine import SystemMachine

#: Lines of the log that go with the facts.
LOG_LINES: Final = 100


class LogFacts(Fact):
    """A line of the log.

    message: the name of the message, "TUN-5-RECURDOWN"; "" for a debug.
    age: seconds.
    """

    message: str
    text: str
    age: float = 0.0

    def is_one(self, *messages: LogKind) -> bool:
        """Return whether it is one of these messages."""
        return any(self.message == message.name for message in messages)


def log(machine: SystemMachine, now: float) -> tuple[LogFacts, ...]:
    """Return the last lines of `show logging`."""
    return tuple(
        LogFacts(message=line.message.name if line.message is not None else "", text=line.text, age=now - line.time)
        for line in machine.syslog.log_lines[-LOG_LINES:]
    )
