"""The machine of this feature: the way back that is due unless somebody confirms, and the log of entered lines.

    RollbackScheduled -> pending -> Tick at its time -> ConfigurationRestored: the earlier configuration runs
                                 -> RollbackCancelled: what runs stays
                                 -> RollbackPutOff: later, if it waits for silence

The pending way back belongs to the router and not to a session: a session that the change itself cut off cannot
confirm it, and that is when it is needed. A restart begins from the startup configuration, so it forgets it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from dmvpn.base.events import Event, LinesEntered, Tick
from dmvpn.base.notices import ConfigurationRestored, Configured, Notice
from dmvpn.base.values import dataclass
from dmvpn.features.archive import messages
from dmvpn.features.archive.events import (
    ConfigurationReplaced,
    RollbackCancelled,
    RollbackPutOff,
    RollbackScheduled,
)
from dmvpn.features.archive.model import ArchiveConfig

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Packets
    from dmvpn.base.ports import Ports

_MINUTE: Final = 60.0
#: So much of an entered line is remembered.
_LONGEST: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback:
    """A way back.

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


@dataclass(frozen=True, slots=True)
class LoggedLine:
    """A line that somebody entered. depth: sections around it. text: whoever shows it leaves keys out."""

    number: int
    by: str
    depth: int
    text: str = field(repr=False)


class ArchiveMachine:
    """What is to come back, and who entered what."""

    subscriptions: tuple[type[Event] | type[Notice] | Packets, ...] = (
        Configured,
        ConfigurationReplaced,
        LinesEntered,
        RollbackCancelled,
        RollbackPutOff,
        RollbackScheduled,
    )

    def __init__(self, ports: Ports) -> None:
        self.config = ArchiveConfig()
        self.pending: Rollback | None = None
        self.entered: deque[LoggedLine] = deque(maxlen=self.config.log_size)
        self._numbers = 0

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event or notice."""
        match event:
            case Configured(model=ArchiveConfig() as model):
                self.config = model
                self.entered = deque(self.entered, model.log_size)
            case LinesEntered() if self.config.logs:
                self._note(event)
            case ConfigurationReplaced():
                return [messages.Replaced.now()]
            case RollbackScheduled():
                return self._schedule(event, now)
            case RollbackCancelled():
                return self._cancel(event)
            case RollbackPutOff() if self.pending is not None and self.pending.idle:
                self.pending = replace(self.pending, due=now + self.pending.minutes * _MINUTE)
            case Tick():
                return self._tick(now)
            case _:
                pass
        return []

    def next_deadline(self) -> float | None:
        """Return when the earlier configuration comes back."""
        return None if self.pending is None else self.pending.due

    def _schedule(self, event: RollbackScheduled, now: float) -> list[Effect | Notice]:
        before = self.pending
        text, where = (event.text, event.where) if before is None else (before.text, before.where)
        due = now + event.minutes * _MINUTE
        self.pending = Rollback(
            text=text, where=where, minutes=event.minutes, by=event.by, since=now, due=due, idle=event.idle
        )
        said: list[Effect | Notice] = [] if before is not None else [messages.BackedUp.of(where)]
        started = messages.StartedIdle if event.idle else messages.Started
        return [*said, started.by(event.by, where, event.minutes)]

    def _cancel(self, event: RollbackCancelled) -> list[Effect | Notice]:
        pending, self.pending = self.pending, None
        return [] if pending is None or event.done else [messages.Confirmed.now()]

    def _tick(self, now: float) -> list[Effect | Notice]:
        pending = self.pending
        if pending is None or pending.due > now:
            return []
        self.pending = None
        return [messages.RolledBack.to(pending.where), ConfigurationRestored(pending.text, by=pending.by)]

    def _note(self, event: LinesEntered) -> None:
        for line in event.lines:
            self._numbers += 1
            self.entered.append(LoggedLine(self._numbers, event.by, len(line.within), line.text.strip()[:_LONGEST]))
