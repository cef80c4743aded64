"""`show ip eigrp events`, `clear ip eigrp events`: the last events of a process, newest first.

The layout is that of IOS; only the kinds of events that exist here are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.breath import breathing
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.machine import ClearEvents
from dmvpn.features.eigrp.model import LARGEST_EVENT_LOG
from dmvpn.features.eigrp.show.common import both_commands, clear_commands, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.features.eigrp.machine import Process
    from dmvpn.ios import Args, ShowContext


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event. time: HH:MM:SS.mmm in the router's time zone."""

    time: str
    what: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EventTable:
    """The events of one process. first: the number of the first event shown; the newest has number 1."""

    autonomous_system: int
    first: int
    events: tuple[EventLine, ...]


@dataclass(frozen=True, slots=True)
class ShowEvents:
    """The answer to `show ip eigrp events`."""

    tables: tuple[EventTable, ...]


def query_events(ctx: ShowContext, args: Args) -> ShowEvents:
    """Return the events of all processes, or of one."""
    first, last = args.integer("first", 1), args.integer("last", LARGEST_EVENT_LOG)
    return ShowEvents(tuple(_table(ctx, process, first, last) for process in processes(ctx, args)))


def _table(ctx: ShowContext, process: Process, first: int, last: int) -> EventTable:
    lines = []
    for event in breathing(list(process.state.log.newest_first())[first - 1 : last]):
        when = ctx.ports.clock.local(event.when)
        time = f"{when:%H:%M:%S}.{when.microsecond // 1000:03}"
        lines.append(EventLine(time, event.kind.value, tuple(str(value) for value in event.values)))
    return EventTable(process.state.autonomous_system, first, tuple(lines))


def render_events(answer: ShowEvents) -> Iterator[str]:
    """Yield one block per process, with numbered events."""
    for table in answer.tables:
        yield f"Event information for AS {table.autonomous_system}:"
        for number, event in enumerate(table.events, table.first):
            yield f"{number:<5}{event.time} {event.what}: {' '.join(event.values)}".rstrip(": ")
        if not table.events:
            yield "Event log is empty."


def clear_events(ctx: ShowContext, args: Args) -> ClearEvents:
    """Clear the events (`clear ip eigrp events`)."""
    return ClearEvents(args.integer("number", None), ctx.ports.vrf)


EVENTS: Final = both_commands(
    "events [ {first:1-100000} {last:1-100000} ]",
    {"events": "The last events", "first": "From this one; 1 is the newest", "last": "To this one"},
    query_events,
    render_events,
)
CLEAR_EVENTS: Final = clear_commands("events", {"events": "Forget the last events"}, clear_events)
