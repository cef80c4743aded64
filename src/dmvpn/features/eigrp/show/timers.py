"""`show ip eigrp timers`: the running timers as a tree, in which a parent has the time of its first child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.show.common import ProcessName, both_commands, name_of, processes
from dmvpn.ios import short_interface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.context import Timer
    from dmvpn.features.eigrp.machine import Process
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True)
class TimerLine:
    """A timer. seconds: until it is due. kind: what it is for."""

    seconds: float
    kind: str


@dataclass(frozen=True, slots=True)
class TimerTable:
    """The timers of one process, sorted by time: of Hellos, of each neighbor, of active destinations."""

    process: ProcessName
    hellos: tuple[TimerLine, ...]
    neighbors: tuple[tuple[TimerLine, ...], ...]
    active: tuple[TimerLine, ...]


@dataclass(frozen=True, slots=True)
class ShowTimers:
    """The answer to `show ip eigrp timers`."""

    tables: tuple[TimerTable, ...]


def query_timers(ctx: ShowContext, args: Args) -> ShowTimers:
    """Return the timers of all processes, or of one."""
    return ShowTimers(tuple(_table(process, ctx.now) for process in processes(ctx, args)))


def _table(process: Process, now: float) -> TimerTable:
    def due(*timers: Timer, named: Callable[[str], str] | None = None) -> tuple[TimerLine, ...]:
        """Return the running timers. named: the words for their subject, if the line has it, as on IOS."""
        times = [(process.state.context.timers.when(timer), timer) for timer in timers]
        lines = [
            TimerLine(
                max(0.0, when - now), f"{timer.purpose} ({named(str(timer.subject))})" if named else timer.purpose
            )
            for when, timer in times
            if when is not None
        ]
        return tuple(sorted(lines, key=lambda line: (line.seconds, line.kind)))

    interfaces = process.state.interfaces.values()
    waits = [due(one.hold_timer, one.retransmit_timer) for one in process.neighbors()]
    flows = [due(each.flow_timer, each.pacing_timer) for each in interfaces]
    return TimerTable(
        name_of(process),
        due(*(each.hello_timer for each in interfaces), named=short_interface),
        tuple(sorted((group for group in (*waits, *flows) if group), key=lambda group: group[0].seconds)),
        due(*process.stuck.timers(), named=str),
    )


def render_timers(answer: ShowTimers) -> Iterator[str]:
    """Yield three parts per process."""
    for table in answer.tables:
        yield from table.process.heading("Timers")
        yield from _part("Hello", [table.hellos], 1)
        yield ""
        yield from _part("Update", list(table.neighbors), 2)
        yield ""
        yield from _part("SIA", [table.active], 1)


def _part(title: str, groups: list[tuple[TimerLine, ...]], depth: int) -> Iterator[str]:
    """Yield a part: its first time, then the groups. depth: level of the timers in the tree."""
    filled = [group for group in groups if group]
    yield f"  {title} Process"
    yield "    Expiration    Type"
    yield _line(0, TimerLine(filled[0][0].seconds if filled else 0.0, "(parent)"))
    for group in filled:
        if depth > 1:
            yield _line(1, TimerLine(group[0].seconds, "(parent)"))
        yield from (_line(depth, line) for line in group)


def _line(depth: int, line: TimerLine) -> str:
    return f"{'  ' * depth}|{line.seconds:>16.3f}  {line.kind}"


TIMERS: Final = both_commands("timers", {"timers": "Timers that run"}, query_timers, render_timers)
