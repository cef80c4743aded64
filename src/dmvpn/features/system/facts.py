"""The log as facts."""

from __future__ import annotations

from typing import Final

from dmvpn.base.facts import Fact
from dmvpn.base.notices import Log
from dmvpn.features.system.machine import SystemMachine

#: Lines of the log that go with the facts.
LOG_LINES: Final = 100


class LogFacts(Fact):
    """A line of the log.

    message: the class of the message, "dmvpn.features.tunnel.messages.RecursiveRouting"; "" for a debug.
    age: seconds.
    """

    message: str
    text: str
    age: float = 0.0

    def is_one(self, *messages: type[Log]) -> bool:
        """Return whether its message is of one of these classes."""
        return any(self.message == log_name(message) for message in messages)


def log_name(message: type[Log]) -> str:
    """Return how facts name a message."""
    return f"{message.__module__}.{message.__qualname__}"


def log(machine: SystemMachine, now: float) -> tuple[LogFacts, ...]:
    """Return the last lines of `show logging`."""
    return tuple(
        LogFacts(message=log_name(line.message) if line.message else "", text=line.text, age=now - line.time)
        for line in machine.syslog.log_lines[-LOG_LINES:]
    )
