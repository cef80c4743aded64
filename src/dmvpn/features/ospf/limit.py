"""A limit for LSAs of other routers: `max-lsa`. LSAs that this router originates do not count.

    below the threshold -> near: a log line -> over: a log line, and a minute to become less
    -> ignoring: no neighbors, nothing is kept, for `ignore-time` -> it begins again

A process that exceeds its limit too often ignores LSAs until an administrator clears the process; after `reset-time`
without, the times are counted from the start. Not of the RFC: IOS's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.context import Timer
from dmvpn.features.ospf.messages import LsaLimitIgnoring, LsaLimitPassed, LsaThreshold

if TYPE_CHECKING:
    from dmvpn.features.ospf.model import ProcessSettings
    from dmvpn.features.ospf.state import State

#: Seconds for which there may be too many before the process gives up.
_PATIENCE: Final = 60.0
_MINUTE: Final = 60.0


class LsaLimit:
    """That of one process. ignored: how often it has ignored since this was last counted from the start.

    ignore, resume: halt the process, and start it again; they call `ignore` and `resume` here.
    """

    def __init__(self, state: State, ignore: Timer, resume: Timer) -> None:
        self.ignored = 0
        self.is_ignoring = False
        self._state = state
        self._context = state.context
        self._near = self._over = False
        self._patience = ignore
        self._end = resume
        self._reset = Timer("forget how often neighbors were ignored", self._forgive)

    @property
    def count(self) -> int:
        """The number of LSAs from other routers."""
        own = self._state.router_id
        return sum(len(each.entries) - each.by_router.get(own, 0) for _, each in self._state.scopes())

    @property
    def left(self) -> float | None:
        """Seconds until the process begins again; None: it does not ignore, or for good."""
        until = self._context.timers.when(self._end)
        return None if until is None else until - self._context.now

    def check(self) -> None:
        """Check the number of LSAs; called at the end of each event."""
        limit = self._state.settings.lsa_limit
        if limit is None or self.is_ignoring:
            return
        number, count = self._state.settings.number, self.count
        was_near, was_over = self._near, self._over
        self._near, self._over = count * 100 > limit.maximum * limit.threshold, count > limit.maximum
        if self._near and not was_near:
            self._context.emit(LsaThreshold.of(number, count))
        if self._over and not was_over:
            self._context.emit(LsaLimitPassed.of(number, count))
            if not limit.warning_only:
                self._context.start(self._patience, _PATIENCE)
        if not self._over:
            self._context.stop(self._patience)

    def configure(self, old: ProcessSettings) -> bool:
        """Obey another line: Apply another line, and clear the state of the previous one. Returns whether the process
        begins again.
        """
        if old.lsa_limit == self._state.settings.lsa_limit:
            return False
        was_ignoring = self.is_ignoring
        self.clear()
        return was_ignoring

    def clear(self) -> None:
        """Begin as if there had never been too many."""
        for timer in (self._patience, self._end, self._reset):
            self._context.stop(timer)
        self._near = self._over = self.is_ignoring = False
        self.ignored = 0

    def ignore(self) -> bool:
        """Ignore all neighbors, because there were too many for too long. Returns whether the process halts."""
        limit = self._state.settings.lsa_limit
        if limit is None or limit.warning_only:
            return False
        self.ignored += 1
        self._context.stop(self._reset)
        self._near = self._over = False
        is_for_good = self.ignored > limit.ignore_count
        if not is_for_good:
            self._context.start(self._end, limit.ignore_minutes * _MINUTE)
        minutes = None if is_for_good else limit.ignore_minutes
        self._context.emit(LsaLimitIgnoring.of(self._state.settings.number, self.count, minutes))
        self.is_ignoring = True
        return True

    def resume(self) -> None:
        """Accept the neighbors again: the time is over."""
        limit = self._state.settings.lsa_limit
        self.is_ignoring = False
        if limit is not None:
            self._context.start(self._reset, limit.reset_minutes * _MINUTE)

    def _forgive(self) -> None:
        self.ignored = 0
