"""Orders of a session to this feature."""

from __future__ import annotations

from dataclasses import field

from dmvpn.base.events import EnteredLine, Event
from dmvpn.base.values import Value


class ConfigurationReplaced(Event, Value):
    """`configure replace` is done; the configuration itself came before this."""


class LinesReported(Event, Value):
    """The lines of a transaction, for the log of lines; the configuration itself came before this. by: the user."""

    lines: tuple[EnteredLine, ...]
    by: str


class RollbackScheduled(Event, Value, kw_only=True):
    """Unless a user confirms, the router rolls back to this configuration. A pending one keeps its text, and gets the
    new time.

    text: the configuration that comes back.
    where: the file that has it, for people.
    minutes: from now.
    by: who asked for it.
    idle: from the last line on that this user types.
    """

    text: str = field(repr=False)
    where: str
    minutes: int
    by: str
    idle: bool = False


class RollbackPutOff(Event, Value):
    """The user whose silence would restore the earlier configuration typed a line."""


class RollbackCancelled(Event, Value):
    """`configure confirm`: what runs stays. done: because the way back was gone already."""

    done: bool = False
