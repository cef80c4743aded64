"""Shrinks a failed run to the shortest list of faults that still fails in the same way.

Delta debugging (Zeller's ddmin) on the list of faults. Two things make it quick: runs end at the violation, and the
first attempt removes the time long before it, by moving the remaining faults to the start.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass
from dmvpn.judge.campaign import NEVER_SETTLED, Plan, RunVerdict, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.judge.faults import Fault

#: Seconds that a run goes on behind the violation it is looking for.
BEHIND = 30.0
#: Seconds before the violation that are tried alone.
HISTORIES = (120.0, 400.0, 1200.0)
#: When the first fault of a moved list begins, and the runs that a search may cost.
FIRST = 5.0
MOST_RUNS = 120


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A short plan that fails, its verdict, and how many runs it took to find it."""

    plan: Plan
    verdict: RunVerdict
    runs: int


def shrink(plan: Plan, failed: RunVerdict, runner: Callable[[Plan], RunVerdict] = run) -> Shrunk:
    """Find a short list of faults with which `plan` still breaks the rule that it broke in `failed`."""
    return _Search(plan, failed, runner).search()


class _Search:
    def __init__(self, plan: Plan, failed: RunVerdict, runner: Callable[[Plan], RunVerdict]) -> None:
        self._rule = failed.violations[0].rule
        self._runner = runner
        self._runs = 0
        self._best = replace(plan, faults=failed.faults)
        self._verdict = failed

    def search(self) -> Shrunk:
        """See `shrink`."""
        self._cut_off()
        for history in HISTORIES:
            time = self._verdict.violations[0].time
            recent = tuple(fault for fault in self._faults if fault.end > time - history)
            if recent and self._try_moved(recent):
                break
        self._halve()
        first = self._faults[0].at if self._faults else 0.0
        if first > 2 * FIRST:
            self._try_moved(self._faults)
        return Shrunk(self._best, self._verdict, self._runs)

    @property
    def _faults(self) -> tuple[Fault, ...]:
        return self._best.faults or ()

    def _cut_off(self) -> None:
        """Remove the faults after the violation: they cannot have caused it."""
        time = self._verdict.violations[0].time
        faults = tuple(fault for fault in self._faults if fault.at <= time + 1.0)
        if len(faults) < len(self._faults):
            self._try(faults, time)

    def _halve(self) -> None:
        """Halve (ddmin): leave out ever smaller parts as long as it still fails."""
        parts = 2
        while len(self._faults) > 1 and self._runs < MOST_RUNS:
            faults = self._faults
            size = max(1, len(faults) // parts)
            for begin in range(0, len(faults), size):
                rest = faults[:begin] + faults[begin + size :]
                if rest and self._try(rest, self._verdict.violations[0].time):
                    parts = max(2, parts - 1)
                    break
            else:
                if size == 1:
                    return
                parts = min(len(faults), 2 * parts)

    def _try_moved(self, faults: tuple[Fault, ...]) -> bool:
        """Try the same faults, beginning at once."""
        shift = faults[0].at - FIRST
        moved = tuple(replace(fault, at=round(fault.at - shift, 3)) for fault in faults)
        return self._try(moved, self._verdict.violations[0].time - shift)

    def _try(self, faults: tuple[Fault, ...], time: float) -> bool:
        """Return whether a run still fails. time: when it should; a run that never settles gets its full time."""
        if self._runs >= MOST_RUNS:
            return False
        self._runs += 1
        end = round(max((fault.end for fault in faults), default=0.0) + 1.0, 3)
        seconds = end if self._rule == NEVER_SETTLED else max(end, round(time + BEHIND, 3))
        plan = replace(self._best, faults=faults, seconds=seconds)
        verdict = self._runner(plan)
        if not verdict.violations or verdict.violations[0].rule != self._rule:
            return False
        self._best, self._verdict = plan, verdict
        return True
