"""What all machines have in common: one way through an event, and one rule for timers.

    handle(event, now) ──> begin() ──> dispatch(event), or the timers that are due ──> settle() ──> effects and notices

A machine and its parts share a `Context`: parts emit effects there, in order, and start timers. An event that raises an
error leaves no effects behind, neither now nor with the next event; `begin` drops what else it had gathered.

The environment of every part of a machine: the time, the timers, the ports, long work, and the door for effects.

machine.handle ──> context.begin(now) ──> parts: emit, start, stop, work ──> context.take() ──> effects, in order
Tick           ──> context.fire(budget) ──> the timers that are due, a slice of a crowd in each event

Named timers on one heap: a machine sets and cancels them by name, and asks which of them are due.

A timer is a name (any hashable value) and a time on the caller's monotonic clock, in seconds. Setting a name again
moves its timer. Names that are due come back in the order of their times, equal times in the order in which they were
set, so that the same events always give the same effects.

Many deadlines under one timer of a context: entries that expire, associations to be renewed.

A `Timer` is an object, and an object for each of 100,000 prefixes costs memory that a name does not. So a machine keeps
such deadlines by name, and the queue keeps one timer armed for the earliest of them:

    self._expiry = TimerQueue(context, "let entries expire", self._expire, most=64)
    self._expiry.set(prefix, entry.expires)

Trying again what the shell could not carry out: after 1, 2, 4 ... 64 seconds.

A machine that gets `EffectFailed` calls `failed(name, reason)`, and `again(name)` orders the same when that is due:

    self._retries = Retries[str](context, "order again", self._order_again, most=64)
    self._retries.failed(name, reason)

Success is not reported: the reason of an order is gone as soon as the order is sent again, and an order that has not
failed again after five minutes is done, and forgotten.

Long work of a machine, of which each event does a little: between two pieces the router handles other events.

    chores = Chores(most)
    chores.begin(work)     the first piece at once, if nothing else is left to do
    chores.go_on()         the next piece; the machine asks for it a `PAUSE` after the one before, while `is_busy`
    chores.drop(owner)     drop the work of one process of the machine, which ends

Work is a generator that yields after each step. How many steps are a piece is a number, and no time is looked at: so a
replay does the same in the same events. The state that a step needs may have changed since the work was begun; it looks
first.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, Final, Generic, TypeVar, cast

from dmvpn.base.addresses import IPAddress
from dmvpn.base.chronicle import Sign, neighbor_changed
from dmvpn.base.effects import Effect
from dmvpn.base.errors import surely
from dmvpn.base.events import Event, Packets, Tick
from dmvpn.base.notices import DebugOutput, Notice
from dmvpn.base.ports import Ports
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable

# ------------------------------------------------------------------------------------------------ named timers


Name = TypeVar("Name")

_LONG_AGO: Final = float("-inf")
#: What a table is that nothing was written into yet, and nothing can be: most tables of a router stay so.
_NONE: Final = cast("dict[int, None]", MappingProxyType({}))


def earliest(*times: float | None) -> float | None:
    """Return the first of these times; None means never."""
    first: float | None = None
    for when in times:
        if when is not None and (first is None or when < first):
            first = when
    return first


class Deadlines(Generic[Name]):
    """The timers of one machine."""

    __slots__ = ("_gone", "_heap", "_now", "_serial", "_when")

    def __init__(self) -> None:
        self._when: dict[Name, tuple[float, int]] = _NONE  # type: ignore[assignment]
        self._heap: list[tuple[float, int, Name]] = ()  # type: ignore[assignment]
        #: Entries of the heap that were moved or canceled, by their serial numbers: many a name hashes slowly.
        self._gone = _NONE
        self._serial = 0
        #: The time of the running `due`: a new name is not due earlier, so that names still to be yielded come first.
        self._now = _LONG_AGO

    def set(self, name: Name, when: float) -> None:
        """Make `name` due at `when` (seconds, monotonic), and forget an earlier setting of the name."""
        before = self._when.get(name)
        if before is not None:
            if self._gone is _NONE:
                self._gone = {}
            self._gone[before[1]] = None
        elif self._when is _NONE:
            self._when, self._heap = {}, []
        if when < self._now:
            when = self._now
        self._serial += 1
        self._when[name] = (when, self._serial)
        heapq.heappush(self._heap, (when, self._serial, name))
        if len(self._gone) > 48 and len(self._gone) > 3 * len(self._when):
            self._heap = [(when, serial, name) for name, (when, serial) in self._when.items()]
            heapq.heapify(self._heap)
            self._gone.clear()

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        entry = self._when.pop(name, None) if self._when is not _NONE else None
        if entry is not None:
            if self._gone is _NONE:
                self._gone = {}
            self._gone[entry[1]] = None

    def when(self, name: Name) -> float | None:
        """Return the time at which `name` is due, or None if it is not set."""
        entry = self._when.get(name)
        return entry[0] if entry else None

    def next(self) -> float | None:
        """Return the earliest time at which something is due, or None."""
        heap, gone = self._heap, self._gone
        while gone and heap[0][1] in gone:
            del gone[heapq.heappop(heap)[1]]
        return heap[0][0] if heap else None

    def due(self, now: float) -> Iterator[Name]:
        """Remove and yield the names that are due at `now`, the earliest first, each when its turn comes.

        A name that is canceled before its turn is left out. A name that is set meanwhile waits for the next call, even
        if it is due earlier: so a name that sets itself again at once keeps neither the caller nor the other names.
        """
        last, self._now = self._serial, now
        try:
            while self._heap and self._heap[0][0] <= now and self._heap[0][1] <= last:
                _, serial, name = heapq.heappop(self._heap)
                if serial in self._gone:
                    del self._gone[serial]
                else:
                    del self._when[name]
                    yield name
        finally:
            self._now = _LONG_AGO

    def take_due(self, now: float, most: int) -> Iterator[Name]:
        """Remove and yield the names that are due at `now`, as `due` does, and no more than `most` of them."""
        return islice(self.due(now), most)

    def pop_due(self, now: float) -> list[Name]:
        """Remove and return the names that are due at `now`, the earliest first."""
        return list(self.due(now))


# ------------------------------------------------------------------------------------------------ long work in pieces


T = TypeVar("T")

#: Seconds until the next piece.
PAUSE: Final = 0.001


def in_pieces(items: Sequence[T], size: int, act: Callable[[Sequence[T]], None]) -> Iterator[None]:
    """Return work that acts on successive parts of a long list, with a step between two of them."""
    for first in range(0, len(items), size):
        if first:
            yield
        act(items[first : first + size])


class Chores:
    """Pending work, in order. most: steps of one piece, some milliseconds."""

    __slots__ = ("_left", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._left: list[tuple[Iterator[None], object]] = []

    @property
    def is_busy(self) -> bool:
        """Whether work is pending."""
        return bool(self._left)

    @property
    def waiting(self) -> int:
        """The number of works that are not finished."""
        return len(self._left)

    def begin(self, work: Iterator[None], owner: object = None) -> None:
        """Take on more work. owner: the process that may end before the work does, see `drop`."""
        self._left.append((work, owner))
        if len(self._left) == 1:
            self.go_on()

    def go_on(self) -> None:
        """Do one piece of the pending work."""
        steps = 0
        while self._left and steps < self._most:
            first = self._left[0]
            done = sum(1 for _ in islice(first[0], self._most - steps))
            steps += done
            if steps < self._most and self._left and self._left[0] is first:  # the work may have dropped itself
                del self._left[0]

    def drop(self, owner: object = None) -> None:
        """Drop all work that is left. owner: only the work of this owner."""
        self._left = [each for each in self._left if owner is not None and each[1] is not owner]

    def finish(self) -> None:
        """Do all that is left: something else must not begin before."""
        while self._left:
            for _ in self._left.pop(0)[0]:
                pass


# --------------------------------------------------------------------------------------------- the context of a machine


class Timer(Mutable, eq=False):
    """Something that a machine does later. A timer is an object: two timers with equal fields are two timers.

    purpose: what happens when it fires, in words.
    subject: the object of the timer (an address, a prefix, an interface), for debugs and shows.
    cost: how much of the machine's budget for one event it uses; a timer of many names (`TimerQueue`) says so when
        it has fired.
    """

    purpose: str
    fire: Callable[[], None]
    subject: object = None
    cost: int = 1

    def __str__(self) -> str:
        """Return purpose and subject, for people."""
        return self.purpose if self.subject is None else f"{self.purpose} {self.subject}"


def _do_nothing() -> None:
    """Do what a retired timer does."""


class Context:
    """The surroundings of one machine, and the only door by which its effects leave.

    now: seconds, monotonic, of the event at hand.
    """

    def __init__(self, ports: Ports, *, steps: int = 1, cost: int = 1) -> None:
        """steps, cost: of one piece of long work: its steps, and its cost in the budget."""
        self.ports = ports
        self.now = 0.0
        self.timers: Deadlines[Timer] = Deadlines()
        self._out: list[Effect | Notice] = []
        self._steps, self._cost = steps, cost
        #: Long work, and the timer of its next piece; made for the first work, since most machines never have any.
        self._long: tuple[Chores, Timer] | None = None
        self._resting = _LONG_AGO

    # -------------------------------------------------------------------------------------------- the event at hand

    def begin(self, now: float) -> None:
        """Begin an event, and drop the effects of an earlier event that raised an error."""
        self.now = now
        self._out = []

    def take(self) -> list[Effect | Notice]:
        """Return the effects and notices of this event, in order."""
        out, self._out = self._out, ()  # type: ignore[assignment]  # no list while there is no event
        return out

    def emit(self, *results: Effect | Notice) -> None:
        """Add effects and notices to those of this event, in this order."""
        self._out += results

    @property
    def emitted(self) -> Sequence[Effect | Notice]:
        """The effects and notices of this event so far."""
        return self._out

    # -------------------------------------------------------------------------------------------- timers

    def start(self, timer: Timer, seconds: float) -> None:
        """Let `timer` fire after `seconds`; an earlier setting of it is forgotten."""
        self.timers.set(timer, self.now + seconds)

    def arm(self, timer: Timer, when: float | None) -> None:
        """Let `timer` fire at `when`, the first time of a queue (seconds, monotonic), or not at all (None).

        Work that is already due waits for a `PAUSE`; asking again meanwhile does not put it off.
        """
        running = self.timers.when(timer)
        if when is None:
            self.stop(timer)
        elif when > self.now:
            if when != running:
                self.timers.set(timer, when)
        elif running is None or running > self.now + PAUSE:
            self.start(timer, PAUSE)

    def stop(self, timer: Timer) -> None:
        """Stop `timer`; it need not be running."""
        self.timers.cancel(timer)

    def retire(self, *timers: Timer) -> None:
        """Stop the timers of something that has ended, for good: they no longer refer to it, so no circle is left."""
        for timer in timers:
            self.stop(timer)
            timer.fire = _do_nothing

    def hasten(self, timer: Timer, seconds: float) -> None:
        """Let `timer` fire within `seconds`, if it is running."""
        when = self.timers.when(timer)
        if when is not None and when > self.now + seconds:
            self.start(timer, seconds)

    def is_running(self, timer: Timer) -> bool:
        """Return whether the timer is set."""
        return self.timers.when(timer) is not None

    def next_deadline(self) -> float | None:
        """Return when the next timer fires. After a slice of a crowd the rest of it waits for a `PAUSE`."""
        following = self.timers.next()
        return self._resting if following is not None and following < self._resting else following

    def fire(self, budget: int) -> None:
        """Fire timers that are due, the earliest first, until their costs reach the budget.

        A timer that an earlier one stopped does not fire. A timer that an earlier one set waits for a later event;
        timers beyond the budget wait for a `PAUSE`: other machines and packets have their turn in between.
        """
        for timer in self.timers.due(self.now):
            timer.fire()
            budget -= timer.cost
            if budget <= 0:
                break
        following = self.timers.next()
        if following is not None and following <= self.now:
            self._resting = self.now + PAUSE

    # -------------------------------------------------------------------------------------------- long work

    def work(self, work: Iterator[None], owner: object = None) -> None:
        """Do long work: one piece of it now, and one piece in each of the following events.

        owner: the process that the work is for, if that can end before the machine does (`drop_work`).
        """
        if self._long is None:
            more = Timer("do the next piece of long work", self._go_on, cost=self._cost)
            self._long = Chores(self._steps), more
        try:
            self._long[0].begin(work, owner)
        finally:
            self._go_on_later()

    @property
    def waiting(self) -> int:
        """How many long works have yet to be completed."""
        return 0 if self._long is None else self._long[0].waiting

    def finish_work(self) -> None:
        """Do all that is left of long work: something else must not begin before."""
        if self._long is not None:
            chores, more = self._long
            chores.finish()
            self.stop(more)

    def drop_work(self, owner: object = None) -> None:
        """Drop all long work, because its process has ended. owner: only the work of this owner."""
        if self._long is not None:
            chores, more = self._long
            chores.drop(owner)
            if not chores.is_busy:
                self.stop(more)

    def _go_on(self) -> None:
        try:
            if self._long is not None:
                self._long[0].go_on()
        finally:  # an error in one work must not hold up the others
            self._go_on_later()

    def _go_on_later(self) -> None:
        if self._long is not None and self._long[0].is_busy:
            self.arm(self._long[1], self.now)

    # -------------------------------------------------------------------------------------------- people

    def tell_of_neighbor(self, sign: Sign, address: IPAddress, interface: str, text: str) -> None:
        """Report to the chronicle that a neighbor came or went, whatever is logged."""
        if self.ports.remembers:
            self.emit(neighbor_changed(sign, address, interface, text))

    def debug(self, *lines: str) -> None:
        """Print debug lines. Ask `ports.debugging.on` first: formatting costs."""
        self.emit(DebugOutput(lines))


# --------------------------------------------------------------------------------------- many deadlines under one timer


class TimerQueue(Generic[Name]):
    """Deadlines by name (any hashable value), which arm a timer of the context by themselves.

    purpose: of the timer, in words.
    act: called with each name that is due, the earliest first. What it cancels meanwhile is left out.
    most: names of one event; each costs 1 of the machine's budget, and the others follow after a `PAUSE`.
    """

    __slots__ = ("_act", "_armed", "_context", "_most", "_purpose", "_when")

    def __init__(self, context: Context, purpose: str, act: Callable[[Name], None], *, most: int) -> None:
        self._context = context
        self._act = act
        self._most = most
        self._purpose = purpose
        #: The deadlines and their timer; made for the first name, since most queues of a router stay empty.
        self._armed: tuple[Deadlines[Name], Timer] | None = None
        #: For when the timer is set.
        self._when: float | None = None

    def set(self, name: Name, when: float) -> None:
        """Make `name` due at `when` (seconds, monotonic), and forget an earlier setting of the name."""
        if self._armed is None:
            self._armed = Deadlines(), Timer(self._purpose, self._fire)
        self._armed[0].set(name, when)
        self._arm(*self._armed)

    def cancel(self, name: Name) -> None:
        """Forget `name`; it need not be set."""
        if self._armed is not None:
            self._armed[0].cancel(name)
            self._arm(*self._armed)

    def when(self, name: Name) -> float | None:
        """Return the time at which `name` is due, or None if it is not set."""
        return None if self._armed is None else self._armed[0].when(name)

    def _fire(self) -> None:
        deadlines, timer = surely(self._armed)
        timer.cost, self._when = 0, None
        try:
            for name in deadlines.take_due(self._context.now, self._most):
                timer.cost += 1
                self._act(name)
        finally:
            self._arm(deadlines, timer)

    def _arm(self, deadlines: Deadlines[Name], timer: Timer) -> None:
        """Arm the timer for the earliest name. A name due at once needs no pause: `Context.fire` rests itself."""
        following = deadlines.next()
        if following == self._when:
            return
        self._when = following
        if following is None:
            self._context.timers.cancel(timer)
        else:
            self._context.timers.set(timer, following)


# ------------------------------------------------------------------------------------------------ retries


LONGEST_DELAY = 64.0
#: Seconds after which an order that did not fail again is done: longer than it takes to negotiate an SA once more.
_DONE: Final = 300.0


class Retries(Generic[Name]):
    """Failed orders by name, with the reason of the last failure and the time of the next attempt.

    An order without a reason was sent again: when it is due, it is done.

    purpose: of the timer, in words.
    again: orders this again, or forgets it if it is not wanted any more.
    most: orders of one event; each costs 1 of the machine's budget, and the others follow after a `PAUSE`.
    """

    __slots__ = ("_again", "_context", "_due", "_failures", "_reasons")

    def __init__(self, context: Context, purpose: str, again: Callable[[Name], None], *, most: int) -> None:
        self._context = context
        self._again = again
        self._due: TimerQueue[Name] = TimerQueue(context, purpose, self._try, most=most)
        #: The last delay, and the last reason, until the order is done.
        self._failures: dict[Name, tuple[float, Reason | None]] = _NONE  # type: ignore[assignment]
        self._reasons: dict[Name, Reason] = _NONE  # type: ignore[assignment]

    def failed(self, name: Name, reason: Reason) -> bool:
        """Note that the order `name` failed: it will be due again. Returns whether that, or the reason, is new."""
        if self._failures is _NONE:
            self._failures, self._reasons = {}, {}
        delay, known = self._failures.get(name, (0.5, None))
        delay = min(2 * delay, LONGEST_DELAY)
        self._failures[name] = delay, reason
        self._reasons[name] = reason
        self._due.set(name, self._context.now + delay)
        return not reason.says_the_same(known)

    def forget_order(self, name: Name) -> None:
        """Forget the failures of an order that was replaced by another one."""
        if name in self._failures:
            del self._failures[name]
            self._reasons.pop(name, None)
            self._due.cancel(name)

    def reason(self, name: Name) -> Reason | None:
        """Return why the last attempt failed, or None if nothing is known to be wrong."""
        return self._reasons.get(name)

    def _try(self, name: Name) -> None:
        if self._reasons.pop(name, None) is None:
            del self._failures[name]
            return
        self._due.set(name, self._context.now + _DONE)
        self._again(name)


# ------------------------------------------------------------------------------------------------ machines


class Machine(ABC):
    """A protocol as a value: it turns events and notices into effects and notices, and owns nothing outside itself.

    subscriptions: types of events and notices to be handed to it. Subclasses of a listed type are not implied. IP
    packets are subscribed to by protocol (`Packets`), not by their type.
    """

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = ()
    #: Notices that mean nothing to the machine as it is configured: they need not be handed over.
    unneeded: tuple[type[Notice], ...] = ()
    #: Notices that come in crowds: those that follow each other are handed over in one event, if all takers allow it.
    crowds: ClassVar[tuple[type[Notice], ...]] = ()
    #: Whether it has timers.
    keeps_time: ClassVar[bool] = True
    #: How much of a crowd of timers fires in one event, as the sum of their costs; the others follow after a `PAUSE`.
    budget: ClassVar[int] = 32

    def __init__(self, context: Context) -> None:
        self._context = context

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Handle one event at `now` (seconds, monotonic) and return effects and notices, in order."""
        context = self._context
        context.begin(now)
        self.begin()
        if type(event) is Tick:
            context.fire(self.budget)
        else:
            self.dispatch(event)
        self.settle()
        return context.take()

    def handle_crowd(self, notices: Iterable[Notice], now: float) -> list[Effect | Notice]:
        """Handle notices of one kind of `crowds` as one event."""
        self._context.begin(now)
        self.begin()
        for notice in notices:
            self.dispatch(notice)
        self.settle()
        return self._context.take()

    def next_deadline(self) -> float | None:
        """Return when the next timer fires, or None."""
        return self._context.next_deadline()

    def begin(self) -> None:  # noqa: B027 - most machines gather nothing but effects
        """Begin an event: drop what an earlier event had gathered for its `settle` when it raised an error."""

    @abstractmethod
    def dispatch(self, event: Event | Notice) -> None:
        """Hand an event to the parts that it concerns."""

    def settle(self) -> None:  # noqa: B027 - most machines have nothing to complete
        """Complete an event: what its parts changed leaves with it."""
