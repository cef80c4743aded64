"""Recent events, line by line.

show monitor event-trace dmvpn all the same as the next one, in IOS's words
show dmvpn events [PEER]           messages and changes, the oldest first
show dmvpn changes since MOMENT    changes alone
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.breath import breathing
from dmvpn.base.chronicle import ChronicleLine, MessagePassed, StateChanged, Way
from dmvpn.base.moments import written
from dmvpn.base.values import Value
from dmvpn.features.chronicle.machine import ChronicleMachine
from dmvpn.ios import Args, ExecCommand, ShowContext, Unknown, answered, short_interface, span_of

_ARROWS: Final = {Way.SENT: "->", Way.FORWARDED: "=>", Way.RECEIVED: "<-"}


class EventLine(Value, kw_only=True):
    """One line.

    time: ISO 8601, in the router's zone.
    mark: the sign before it.
    kind: a protocol, or what kind of thing changed.
    what: the message's name, or the thing.
    text: the particulars.
    """

    time: str
    mark: str
    kind: str
    what: str
    text: str
    peer: IPAddress | None = None
    interface: str = ""


class ShowEvents(Value):
    """The answer.

    messages: there are messages, too, and not changes alone.
    since: how far back no change lacks, messages_since: and messages, where that is later than the start of the query.
    years: it is not all of this year.
    """

    lines: tuple[EventLine, ...]
    messages: bool
    since: str = ""
    messages_since: str = ""
    years: bool = False


def events(ctx: ShowContext, args: Args) -> ShowEvents | Unknown:
    """Return all lines that are kept, or those about one address."""
    machine = ctx.machine(ChronicleMachine)
    if not ctx.ports.remembers:
        return Unknown(f"{ctx.hostname} keeps no past")
    peer = args.any_address("peer", None)
    lines = [line for line in machine.after(0) if peer is None or line.concerns(peer)]
    # All was asked for, from the first moment on.
    oldest = (_later(known, machine.started) for known in (machine.oldest_change, machine.oldest_message))
    return _answer(ctx, lines, True, *oldest)


def changes(ctx: ShowContext, args: Args) -> ShowEvents | Unknown:
    """Return the changes since a moment."""
    machine = ctx.machine(ChronicleMachine)
    time = span_of(ctx, args)
    if isinstance(time, Unknown):
        return time
    lines = [line for line in machine.changes() if line.time > time]
    return _answer(ctx, lines, False, _later(machine.oldest_change, time))


def _later(oldest: float | None, asked: float | None) -> float | None:
    """Return the oldest moment that is known, if it is later than the start of the query."""
    return oldest if oldest is not None and asked is not None and oldest > asked else None


def _answer(
    ctx: ShowContext,
    lines: list[ChronicleLine],
    messages: bool,
    since: float | None,
    messages_since: float | None = None,
) -> ShowEvents:
    local = ctx.ports.clock.local
    moments = [
        ctx.now,
        *(line.time for line in breathing(lines)),
        *(it for it in (since, messages_since) if it is not None),
    ]
    years = len({local(moment).year for moment in breathing(moments)}) > 1

    def said(moment: float | None) -> str:
        return written(local(moment), msec=True, year=years) if moment is not None else ""

    shown = tuple(_line(line, local(line.time).isoformat(timespec="milliseconds")) for line in breathing(lines))
    return ShowEvents(shown, messages, said(since), said(messages_since), years)


def _line(line: ChronicleLine, time: str) -> EventLine:
    what = line.what
    return _message(what, time) if isinstance(what, MessagePassed) else _change(what, time)


def _message(what: MessagePassed, time: str) -> EventLine:
    return EventLine(
        time=time,
        mark=_ARROWS[what.way],
        kind=what.protocol,
        what=what.name,
        text=what.subject,
        peer=what.peer,
        interface=what.interface,
    )


def _change(what: StateChanged, time: str) -> EventLine:
    return EventLine(
        time=time,
        mark=what.sign.value,
        kind=what.topic.value,
        what=what.subject,
        text=what.text,
        interface=what.interface,
    )


def render_events(answer: ShowEvents) -> Iterator[str]:
    """Yield one line each; of a message also where it went or came from."""
    if answer.messages:
        yield "Legend: -> sent, => passed on, <- received; + came, ~ changed, - went"
    else:
        yield "Legend: + came, ~ changed, - went"
    if answer.messages_since:
        yield f"Nothing is remembered of messages before {answer.messages_since}"
    if answer.since:
        of_all = "Nothing is remembered of events before"
        yield f"{'Nothing is remembered of changes before' if answer.messages else of_all} {answer.since}"
    yield ""
    if not answer.lines:
        yield "% nothing happened" if answer.messages else "% nothing changed"
    for line in answer.lines:
        where = f"{line.peer} " if line.peer is not None else ""
        interface = short_interface(line.interface) if line.interface and line.interface != line.what else ""
        time = written(datetime.fromisoformat(line.time), msec=True, year=answer.years)
        head = f"{time} {line.mark:<2} {line.kind:<13} {interface:<7}"
        between = " " if line.text.startswith("=") else ": " if line.text else ""
        yield f"{head} {where}{line.what}{between}{line.text}"


_HELP: Final = {
    "dmvpn": "Dynamic multipoint VPN",
    "events": "Not in IOS: messages that passed, and what changed",
    "monitor": "What is recorded",
    "event-trace": "Recorded events",
    "all": "All that are remembered",
    "peer": "Events of this address only",
    "changes": "Not in IOS: differences to an earlier moment",
    "since": "From when on",
    "when": "A time, perhaps with its date; or how long ago",
}
COMMANDS: Final = (
    ExecCommand("show dmvpn events [ {peer:address} ]", _HELP, query=events, render=answered(render_events)),
    ExecCommand("show monitor event-trace dmvpn all", _HELP, query=events, render=answered(render_events)),
    ExecCommand("show dmvpn events {peer:address6}", _HELP, query=events, render=answered(render_events)),
    ExecCommand("show dmvpn changes since {when:moment}", _HELP, query=changes, render=answered(render_events)),
)
