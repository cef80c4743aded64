"""Keeps the chronicle: numbers the reports of features, and forgets the oldest.

    MessagePassed, StateChanged            as they come
    LateLine                               as it comes, and spelled when it is read
    InterfaceChanged, RouteChanged ...     notices that features send anyway: translated

Messages and changes are counted apart: a hub receives more registrations in a minute than it has changes in a day. A
listener (`HistoryGrew`) reads on from the last number that it knows.

Of the changes that are forgotten the last one of each thing that still exists is kept, so that all changes together
give the state of the router. Routes are too many for that: `show ip route` has them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import cached_property
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import ClassVar, Final, TypeAlias

from dmvpn.base.addresses import spelled
from dmvpn.base.breath import breathing
from dmvpn.base.chronicle import ChronicleLine, Contents, LateLine, MessagePassed, Sign, StateChanged, Topic
from dmvpn.base.context import Context, Machine
from dmvpn.base.effects import Effect, HistoryGrew, RouteKind
from dmvpn.base.events import ConfigurationEntered, Event, LinesEntered, Packets
from dmvpn.base.negotiation import ConnectionChanged, SaNegotiated
from dmvpn.base.notices import InterfaceChanged, Notice, Route, RouteChanged
from dmvpn.base.ports import Ports
from dmvpn.base.protection import Connection

# ------------------------------------------------------------------------------------------------ what is worth a line


def translate(event: Event | Notice) -> StateChanged | None:
    """Return the change that it reports; None: no change to report. Routes have a way of their own (`is_news`)."""
    match event:
        case InterfaceChanged():
            return _interface(event)
        case ConnectionChanged():
            return _connection(event)
        case SaNegotiated(replaces=int() as old):
            return _protected(Sign.CHANGED, event.connection, f"SA {old:#x} replaced by {event.sa.spi_in:#x}")
        case ConfigurationEntered() | LinesEntered():
            return StateChanged(
                topic=Topic.CONFIGURATION, sign=Sign.CHANGED, subject="running-config", text=f"entered by {event.by}"
            )
        case _:
            return None


def is_news(event: RouteChanged) -> bool:
    """Return whether packets take another path, or another protocol provides the route; a changed metric is not
    reported.
    """
    if event.old is None or event.new is None:
        return event.old is not event.new
    return _gist(event.old) != _gist(event.new)


def route_change(event: RouteChanged) -> StateChanged:
    """Return a change of a route, in words."""
    old, new = (_way(route) for route in (event.old, event.new))
    sign = Sign.WENT if event.new is None else Sign.CAME if event.old is None else Sign.CHANGED
    text = old if event.new is None else new if event.old is None else f"{new}, was {old}"
    hops = event.new or event.old
    about = tuple(hop.address for hop in hops.next_hops if hop.address is not None) if hops is not None else ()
    return StateChanged(
        topic=Topic.ROUTE, sign=sign, subject=spelled(event.prefix), text=text, about=(event.prefix, *about)
    )


def _gist(route: Route) -> tuple[object, ...]:
    """Return the part of a route that `_way` prints: two routes with equal parts read the same."""
    who = route.source, route.process if route.process.isdecimal() else ""
    if route.kind is not RouteKind.FORWARD:
        return who
    return *who, *(hop.address or hop.interface for hop in route.next_hops)


def _way(route: Route | None) -> str:
    if route is None:
        return ""
    who = f"{route.source.value} {route.process}" if route.process.isdecimal() else route.source.value
    if route.kind is not RouteKind.FORWARD:
        return f"{who} to Null0"
    hops = (f"via {spelled(hop.address)}" if hop.address else f"on {hop.interface}" for hop in route.next_hops)
    return f"{who} {', '.join(hops)}"


def _interface(event: InterfaceChanged) -> StateChanged | None:
    old, new = event.old, event.new
    if new is None:
        return _of_interface(Sign.WENT, event.name, "removed")
    if old is None:
        return _of_interface(Sign.CAME, event.name, "configured")
    if old.line != new.line:
        text = "up" if new.line else f"down: {new.reason}" if new.reason is not None else "down"
        return _of_interface(Sign.CHANGED, event.name, text)
    if old.address != new.address:
        return _of_interface(Sign.CHANGED, event.name, f"address {new.address or 'none'}, was {old.address or 'none'}")
    return None


def _of_interface(sign: Sign, name: str, text: str) -> StateChanged:
    return StateChanged(topic=Topic.INTERFACE, sign=sign, subject=name, text=text, interface=name)


def _connection(event: ConnectionChanged) -> StateChanged | None:
    old, new = event.old, event.new
    if new is None:
        return None if old is None else _protected(Sign.WENT, old, str(event.reason or "no SAs any more"))
    if old is None:
        return _protected(Sign.CAME, new, f"SAs with {new.identity}" if new.identity else "SAs")
    if (old.remote, old.remote_port) != (new.remote, new.remote_port):
        return _protected(Sign.CHANGED, new, f"moved here from {old.remote}")
    return None


def _protected(sign: Sign, connection: Connection, text: str) -> StateChanged:
    return StateChanged(
        topic=Topic.PROTECTION, sign=sign, subject=str(connection.remote), text=text, about=(connection.remote,)
    )


# ------------------------------------------------------------------------------------------------ the machine


#: Messages, and changes, that are kept.
LARGEST_MESSAGES: Final = 2048
LARGEST_CHANGES: Final = 4096
#: Messages that are kept with their contents: octets take more memory than a line.
LARGEST_READABLE: Final = 256
#: Changes of these leave no state behind that is kept when they are forgotten.
_STATELESS: Final = frozenset((Topic.ROUTE, Topic.CONFIGURATION))
_GREW: Final = HistoryGrew()
#: A stored line: number, time, and its content. The text of a route change is made only when it is read.
_Line: TypeAlias = MessagePassed | StateChanged | RouteChanged | LateLine
_Kept: TypeAlias = tuple[int, float, _Line]
#: A thing that has a state: topic, interface, subject.
_Thing: TypeAlias = tuple[Topic, str, object]


class ChronicleMachine(Machine):
    """The last lines. started: when the router began to live, seconds monotonic."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        MessagePassed,
        StateChanged,
        LateLine,
        InterfaceChanged,
        RouteChanged,
        ConnectionChanged,
        SaNegotiated,
        ConfigurationEntered,
        LinesEntered,
    )
    crowds: ClassVar[tuple[type[Notice], ...]] = (LateLine, RouteChanged)
    keeps_time: ClassVar[bool] = False

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._settled: dict[_Thing, _Kept] = {}
        self._number = 0
        self._forgot_messages = self._forgot_changes = False
        self.started: float | None = None

    # Made at first use: a router without a history, as in a large simulation, has none of them.

    @cached_property
    def _messages(self) -> deque[_Kept]:
        return deque(maxlen=LARGEST_MESSAGES)

    @cached_property
    def _changes(self) -> deque[_Kept]:
        return deque(maxlen=LARGEST_CHANGES)

    @cached_property
    def _readable(self) -> deque[Contents]:
        return deque(maxlen=LARGEST_READABLE)

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Keep an event: late lines and routes, of which there are many, in the shortest way. They set no timer."""
        if type(event) is LateLine:
            self._keep(event, now, is_message=event.thing is None)
        elif type(event) is not RouteChanged:
            return super().handle(event, now)
        elif is_news(event):
            self._keep(event, now, is_message=False)
        else:
            return []
        return [_GREW]

    def handle_crowd(self, notices: Iterable[Notice], now: float) -> list[Effect | Notice]:
        """Keep the late lines, or the routes, of one event."""
        before = self._number
        for event in notices:
            if type(event) is LateLine:
                self._keep(event, now, is_message=event.thing is None)
            elif type(event) is RouteChanged and is_news(event):
                self._keep(event, now, is_message=False)
        return [_GREW] if self._number != before else []

    def dispatch(self, event: Event | Notice) -> None:
        """Keep a message, or a change if it is news."""
        what = event if isinstance(event, MessagePassed | StateChanged) else translate(event)
        if what is None:
            return
        self._keep(what, self._context.now, is_message=isinstance(what, MessagePassed))
        self._context.emit(_GREW)
        if isinstance(what, MessagePassed) and what.contents is not None:
            if len(self._readable) == LARGEST_READABLE:
                self._readable[0].release_octets()
            self._readable.append(what.contents)

    @property
    def last(self) -> int:
        """The number of the last line, 0 without one."""
        return self._number

    def after(
        self, number: int, most: int | None = None, *, settled: bool = False, routes_after: int = 0
    ) -> list[ChronicleLine]:
        """Return the lines that are kept and have a higher number, in order.

        most: the number of lines at most; None: no bound.
        settled: forgotten changes of things that still exist, too.
        routes_after: changes of routes up to this number are left out.
        """
        before = (kept for kept in (self._settled.values() if settled else ()) if kept[0] > number)
        changes = _after(self._changes, number)
        if routes_after > number:
            changes = [kept for kept in changes if kept[0] > routes_after or type(kept[2]) is not RouteChanged]
        kept = merge(before, _after(self._messages, number), changes, key=itemgetter(0))
        return list(map(_line, breathing(islice(kept, most))))

    def changes(self) -> list[ChronicleLine]:
        """Return the changes that are kept, in order."""
        return list(map(_line, breathing(tuple(self._changes))))

    @property
    def oldest_message(self) -> float | None:
        """Since when no message is lacking, seconds; None: nothing is known."""
        return self._messages[0][1] if self._forgot_messages else self.started

    @property
    def oldest_change(self) -> float | None:
        """The same of changes."""
        return self._changes[0][1] if self._forgot_changes else self.started

    def _keep(self, what: _Line, now: float, *, is_message: bool) -> None:
        """Keep a line; the oldest one may have to go."""
        if self.started is None:
            self.started = now
        lines = self._messages if is_message else self._changes
        if len(lines) == lines.maxlen:
            if is_message:
                self._forgot_messages = True
            else:
                self._forgot_changes = True
                if type(lines[0][2]) is not RouteChanged:
                    self._settle(lines[0])
        self._number += 1
        lines.append((self._number, now, what))

    def _settle(self, kept: _Kept) -> None:
        change = kept[2]
        if isinstance(change, LateLine) and change.thing is not None:
            thing: _Thing = change.thing
            exists = change.exists
        elif isinstance(change, StateChanged) and change.topic not in _STATELESS:
            thing = change.topic, change.interface, change.subject
            exists = change.sign is not Sign.WENT
        else:
            return
        self._settled.pop(thing, None)  # the order is that of numbers
        if exists:
            self._settled[thing] = kept


class SilentChronicle(ChronicleMachine):
    """The chronicle of a router without history: no event reaches it."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = ()


def make_machine(ports: Ports) -> ChronicleMachine:
    """Return the machine of a router that keeps a history, or a silent one."""
    return ChronicleMachine(ports) if ports.remembers else SilentChronicle(ports)


def _after(lines: deque[_Kept], number: int) -> list[_Kept]:
    """Return the end of a queue: few of many, as a rule."""
    found: list[_Kept] = []
    for kept in reversed(lines):
        if kept[0] <= number:
            break
        found.append(kept)
    return found[::-1]


def _line(kept: _Kept) -> ChronicleLine:
    number, time, what = kept
    if isinstance(what, LateLine):
        return ChronicleLine(number, time, what.spell())
    return ChronicleLine(number, time, route_change(what) if isinstance(what, RouteChanged) else what)
