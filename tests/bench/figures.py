"""What a benchmark measures: figures, with their runs, their goal, and what they are compared with.

A figure without its method is worth nothing, so each says what was counted from where to where. Medians count, because
other work on the machine only ever makes a run slower; ratios to a baseline of the same run say more than figures.
"""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Skipped(Exception):
    """A benchmark cannot run here; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured quantity. values: one for each run. goal: what the median is to stay below (`more`: to reach).

    floor: what it must reach (or stay below), on a machine that does nothing else; goals are aims.

    baseline: the same quantity of something known, in the same run; `against` says what that is.
    relative: goal and floor are for the ratio to it.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    goal: float | None = None
    floor: float | None = None
    more: bool = False
    relative: bool = False
    baseline: tuple[float, ...] = ()
    against: str = ""

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    @property
    def ratio(self) -> float | None:
        """How many times the baseline."""
        return self.median / statistics.median(self.baseline) if self.baseline else None

    @property
    def judged(self) -> float:
        """What goal and floor are for."""
        return self.ratio if self.relative and self.ratio is not None else self.median

    @property
    def is_below_floor(self) -> bool:
        """Is it worse than it may be?"""
        return self.floor is not None and not self._reaches(self.floor)

    def _reaches(self, bound: float) -> bool:
        return self.judged >= bound if self.more else self.judged <= bound

    @property
    def verdict(self) -> str:
        """Is the goal met, and the floor?"""
        if self.is_below_floor:
            return "below the floor"
        if self.goal is None:
            return ""
        return "met" if self._reaches(self.goal) else "missed"

    def bound(self, value: float | None) -> str:
        """A goal or floor in words, "" without one."""
        if value is None:
            return ""
        return f"{'≥' if self.more else '≤'} {number(value)}{' x' if self.relative else ''}"

    def plain(self) -> dict[str, Json]:
        """The figure as JSON, with the median."""
        fields: dict[str, Json] = asdict(self)
        values, baseline = ([round(value, 6) for value in runs] for runs in (self.values, self.baseline))
        return fields | {"values": list(values), "baseline": list(baseline), "median": self.median, "ratio": self.ratio}


def number(value: float) -> str:
    """About three significant digits, without an exponent."""
    if value == int(value):
        return f"{value:,.0f}"
    digits = 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def table(figures: Sequence[Figure]) -> list[str]:
    """The figures as lines of Markdown."""
    lines = [
        "| figure | median | lowest to highest | runs | goal | compared with |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    for figure in figures:
        span = f"{number(min(figure.values))} to {number(max(figure.values))}" if len(figure.values) > 1 else ""
        goal = f"{figure.bound(figure.goal)}: {figure.verdict}" if figure.goal is not None else ""
        ratio = f"{number(figure.ratio)} x {figure.against}" if figure.ratio is not None else ""
        runs = len(figure.values)
        lines.append(f"| {figure.name} | {number(figure.median)} {figure.unit} | {span} | {runs} | {goal} | {ratio} |")
    return lines


def goals(figures: Sequence[Figure]) -> list[str]:
    """Return the figures with a floor and a goal as a table in Markdown: the value of today, its floor, its goal."""
    lines = ["| figure | today | floor | goal | |", "| --- | ---: | ---: | ---: | --- |"]
    for figure in figures:
        if figure.floor is None or figure.goal is None:
            continue
        today = f"{number(figure.judged)} x {figure.against}" if figure.relative else number(figure.median)
        unit = "" if figure.relative else f" {figure.unit}"
        bounds = f"{figure.bound(figure.floor)} | {figure.bound(figure.goal)}"
        lines.append(f"| {figure.name} | {today}{unit} | {bounds} | {figure.verdict} |")
    return lines
