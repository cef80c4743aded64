"""How much others may tell a process: `max-lsa`. What our own router makes does not count.

    below the threshold -> near: a log line -> over: a log line, and a minute to become less
    -> ignoring: no neighbors, nothing is kept, for `ignore-time` -> it begins again

A process that is over its limit too often ignores for good, until somebody clears it; after `reset-time` without, the
times are counted from the start. Not of the RFC: IOS's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.context import Timer
from dmvpn.features.ospf.messages import LsaLimitIgnoring, LsaLimitPassed, LsaThreshold

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Address

    from dmvpn.base.context import Context
    from dmvpn.features.ospf.area import RunningArea
    from dmvpn.features.ospf.database import Database
    from dmvpn.features.ospf.model import Process as ProcessSettings

#: Seconds for which there may be too many before the process gives up.
_PATIENCE: Final = 60.0
_MINUTE: Final = 60.0


class Limited(Protocol):
    """A process, as far as it has a limit."""

    settings: ProcessSettings
    context: Context
    router_id: IPv4Address

    def scopes(self) -> Iterator[tuple[RunningArea | None, Database]]:
        """Return all databases, with their areas."""

    def start(self) -> None:
        """Begin."""

    def halt(self) -> None:
        """Lose all neighbors and forget everything."""


class LsaLimit:
    """That of one process. ignored: how often it has ignored since this was last counted from the start."""

    def __init__(self, process: Limited) -> None:
        self.ignored = 0
        self.is_ignoring = False
        self._process = process
        self._context = process.context
        self._near = self._over = False
        self._patience = Timer(self._ignore)
        self._end = Timer(self._begin_again)
        self._reset = Timer(self._forgive)

    @property
    def count(self) -> int:
        """How many advertisements of others there are."""
        own = self._process.router_id
        return sum(len(each.entries) - each.by_router.get(own, 0) for _, each in self._process.scopes())

    @property
    def left(self) -> float | None:
        """Seconds until the process begins again; None: it does not ignore, or for good."""
        until = self._context.timers.when(self._end)
        return None if until is None else until - self._context.now

    def check(self) -> None:
        """Look at what is known now; called at the end of each event."""
        limit = self._process.settings.lsa_limit
        if limit is None or self.is_ignoring:
            return
        number, count = self._process.settings.number, self.count
        was_near, was_over = self._near, self._over
        self._near, self._over = count * 100 > limit.maximum * limit.threshold, count > limit.maximum
        if self._near and not was_near:
            self._context.out.append(LsaThreshold.of(number, count))
        if self._over and not was_over:
            self._context.out.append(LsaLimitPassed.of(number, count))
            if not limit.warning_only:
                self._context.start(self._patience, _PATIENCE)
        if not self._over:
            self._context.stop(self._patience)

    def configure(self, old: ProcessSettings) -> None:
        """Obey another line: what the line before made of us is over."""
        if old.lsa_limit != self._process.settings.lsa_limit:
            was_ignoring = self.is_ignoring
            self.clear()
            if was_ignoring:
                self._process.start()

    def clear(self) -> None:
        """Begin as if there had never been too many."""
        for timer in (self._patience, self._end, self._reset):
            self._context.stop(timer)
        self._near = self._over = self.is_ignoring = False
        self.ignored = 0

    def _ignore(self) -> None:
        limit = self._process.settings.lsa_limit
        if limit is None or limit.warning_only:
            return
        self.ignored += 1
        self._context.stop(self._reset)
        self._near = self._over = False
        is_for_good = self.ignored > limit.ignore_count
        if not is_for_good:
            self._context.start(self._end, limit.ignore_minutes * _MINUTE)
        minutes = None if is_for_good else limit.ignore_minutes
        self._context.out.append(LsaLimitIgnoring.of(self._process.settings.number, self.count, minutes))
        self._process.halt()
        self.is_ignoring = True

    def _begin_again(self) -> None:
        limit = self._process.settings.lsa_limit
        self.is_ignoring = False
        if limit is not None:
            self._context.start(self._reset, limit.reset_minutes * _MINUTE)
        self._process.start()

    def _forgive(self) -> None:
        self.ignored = 0
