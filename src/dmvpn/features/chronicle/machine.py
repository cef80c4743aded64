"""Keeps the chronicle: numbers the reports of features, and forgets the oldest.

    MessagePassed                          as it comes
    StateChanged                           as it comes
    InterfaceChanged, RouteChanged ...     translated (translate.py)

Messages and changes are counted apart: a hub receives more registrations in a minute than it has changes in a day. A
listener (`HistoryGrew`) reads on from the last number that it knows.

Of the changes that are forgotten the last one of each thing that still exists is kept, so that all changes together
give the state of the router. Routes are too many for that: `show ip route` has them.
"""

from __future__ import annotations

from collections import deque
from heapq import merge
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias

from dmvpn.base.breath import breathing
from dmvpn.base.chronicle import ChronicleLine, Contents, MessagePassed, Sign, StateChanged, Topic
from dmvpn.base.context import Context
from dmvpn.base.effects import HistoryGrew
from dmvpn.base.events import ConfigurationEntered, Event, LinesEntered
from dmvpn.base.machine import Machine
from dmvpn.base.negotiation import ConnectionChanged, SaNegotiated
from dmvpn.base.notices import InterfaceChanged, Notice, RouteChanged
from dmvpn.features.chronicle.translate import is_news, route_change, translate

if TYPE_CHECKING:
    from dmvpn.base.events import Packets
    from dmvpn.base.ports import Ports

#: Messages, and changes, that are kept.
LARGEST_MESSAGES: Final = 2048
LARGEST_CHANGES: Final = 4096
#: Messages that are kept with their contents: octets take more memory than a line.
LARGEST_READABLE: Final = 256
#: Changes of these leave no state behind that is kept when they are forgotten.
_STATELESS: Final = frozenset((Topic.ROUTE, Topic.CONFIGURATION))
_GREW: Final = HistoryGrew()
#: A stored line: number, time, and its content. The text of a route change is made only when it is read.
_Kept: TypeAlias = tuple[int, float, MessagePassed | StateChanged | RouteChanged]
#: A thing that has a state: topic, interface, subject.
_Thing: TypeAlias = tuple[Topic, str, str]


class ChronicleMachine(Machine):
    """The last lines. started: when the router began to live, seconds monotonic."""

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (
        MessagePassed,
        StateChanged,
        InterfaceChanged,
        RouteChanged,
        ConnectionChanged,
        SaNegotiated,
        ConfigurationEntered,
        LinesEntered,
    )

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self._messages: deque[_Kept] = deque(maxlen=LARGEST_MESSAGES)
        self._changes: deque[_Kept] = deque(maxlen=LARGEST_CHANGES)
        self._readable: deque[Contents] = deque(maxlen=LARGEST_READABLE)
        self._settled: dict[_Thing, _Kept] = {}
        self._number = 0
        self._forgot_messages = self._forgot_changes = False
        self.started: float | None = None

    def dispatch(self, event: Event | Notice) -> None:
        """Keep a message, or a change if it is news."""
        if self.started is None:
            self.started = self._context.now
        if isinstance(event, MessagePassed):
            self._forgot_messages |= self._keep(self._messages, event) is not None
            if event.contents is not None:
                self._keep_readable(event.contents)
            return
        change = event if isinstance(event, StateChanged | RouteChanged) else translate(event)
        if change is not None and (not isinstance(change, RouteChanged) or is_news(change)):
            forgotten = self._keep(self._changes, change)
            if forgotten is not None:
                self._forgot_changes = True
                self._settle(forgotten)

    @property
    def last(self) -> int:
        """The number of the last line, 0 without one."""
        return self._number

    def after(self, number: int, most: int | None = None, *, settled: bool = False) -> list[ChronicleLine]:
        """Return the lines that are kept and have a higher number, in order.

        most: the number of lines at most; None: no bound.
        settled: forgotten changes of things that still exist, too.
        """
        before = (kept for kept in (self._settled.values() if settled else ()) if kept[0] > number)
        kept = merge(before, _after(self._messages, number), _after(self._changes, number), key=itemgetter(0))
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

    def _keep(self, lines: deque[_Kept], what: MessagePassed | StateChanged | RouteChanged) -> _Kept | None:
        """Keep a line. Returns the oldest one if it had to go."""
        self._number += 1
        forgotten = lines[0] if len(lines) == lines.maxlen else None
        lines.append((self._number, self._context.now, what))
        self._context.emit(_GREW)
        return forgotten

    def _keep_readable(self, contents: Contents) -> None:
        if len(self._readable) == LARGEST_READABLE:
            self._readable[0].forget()
        self._readable.append(contents)

    def _settle(self, kept: _Kept) -> None:
        change = kept[2]
        if not isinstance(change, StateChanged) or change.topic in _STATELESS:
            return
        thing = change.topic, change.interface, change.subject
        self._settled.pop(thing, None)  # the order is that of numbers
        if change.sign is not Sign.WENT:
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
    return ChronicleLine(number, time, route_change(what) if isinstance(what, RouteChanged) else what)
