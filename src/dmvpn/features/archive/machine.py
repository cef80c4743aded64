"""The machine of this feature: the rollback that is due unless a user confirms, and the log of entered lines.

    RollbackScheduled -> pending -> its timer        -> ConfigurationRestored: the earlier configuration runs
                                 -> RollbackCancelled: what runs stays
                                 -> RollbackPutOff: later, if it waits for silence

The pending rollback belongs to the router and not to a session: a session that the change itself cut off cannot confirm
it, and that is when it is needed. A restart begins from the startup configuration, so it forgets it.
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import ClassVar, Final

from dmvpn.base.context import Context, Machine, Timer
from dmvpn.base.events import Event, LinesEntered, Packets
from dmvpn.base.notices import ConfigurationRestored, Configured, Notice
from dmvpn.base.ports import Ports
from dmvpn.base.values import Value
from dmvpn.features.archive import events, messages
from dmvpn.features.archive.model import ArchiveConfig

_MINUTE: Final = 60.0
#: So much of an entered line is remembered.
_LONGEST: Final = 512


class Rollback(Value, kw_only=True):
    """A pending rollback.

    since, due: monotonic seconds.
    idle: each line of the user puts it off.
    """

    text: str = field(repr=False)
    where: str
    minutes: int
    by: str
    since: float
    due: float
    idle: bool = False


class LoggedLine(Value):
    """A line that a user entered. depth: sections around it. text: may contain keys, which every output must leave
    out.
    """

    number: int
    by: str
    depth: int
    text: str = field(repr=False)


class ArchiveMachine(Machine):
    """The pending rollback, and the log of entered lines."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        Configured,
        events.ConfigurationReplaced,
        LinesEntered,
        events.LinesReported,
        events.RollbackCancelled,
        events.RollbackPutOff,
        events.RollbackScheduled,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.config = ArchiveConfig()
        self.pending: Rollback | None = None
        self.entered: list[LoggedLine] = []
        self._numbers = 0
        self._timer = Timer("the earlier configuration comes back", self._roll_back)

    def dispatch(self, event: Event | Notice) -> None:
        """Handle a configuration, entered lines, or an order of a session."""
        match event:
            case Configured(model=ArchiveConfig() as model):
                self.config = model
                del self.entered[: -model.log_size]
            case LinesEntered() | events.LinesReported() if self.config.logs:
                self._note(event)
            case events.ConfigurationReplaced():
                self._context.emit(messages.replaced())
            case events.RollbackScheduled():
                self._schedule(event)
            case events.RollbackCancelled():
                if self.pending is not None and not event.done:
                    self._context.emit(messages.confirmed())
                self._wait_for(None)
            case events.RollbackPutOff() if self.pending is not None and self.pending.idle:
                self._wait_for(replace(self.pending, due=self._context.now + self.pending.minutes * _MINUTE))

    def _schedule(self, event: events.RollbackScheduled) -> None:
        before, now = self.pending, self._context.now
        text, where = (event.text, event.where) if before is None else (before.text, before.where)
        due = now + event.minutes * _MINUTE
        self._wait_for(
            Rollback(text=text, where=where, minutes=event.minutes, by=event.by, since=now, due=due, idle=event.idle)
        )
        if before is None:
            self._context.emit(messages.backed_up(where))
        started = messages.started_idle if event.idle else messages.started
        self._context.emit(started(event.by, where, event.minutes))

    def _wait_for(self, pending: Rollback | None) -> None:
        self.pending = pending
        self._context.arm(self._timer, pending.due if pending is not None else None)

    def _roll_back(self) -> None:
        pending = self.pending
        if pending is not None:
            self.pending = None
            self._context.emit(messages.rolled_back(pending.where), ConfigurationRestored(pending.text, by=pending.by))

    def _note(self, event: LinesEntered | events.LinesReported) -> None:
        for line in event.lines:
            self._numbers += 1
            self.entered.append(LoggedLine(self._numbers, event.by, len(line.within), line.text.strip()[:_LONGEST]))
        del self.entered[: -self.config.log_size]
