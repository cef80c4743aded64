"""The environment of every part of a machine: the time, the timers, the ports, long work, and the door for effects.

machine.handle ──> context.begin(now) ──> parts: emit, start, stop, work ──> context.take() ──> effects, in order
Tick           ──> context.fire(budget) ──> the timers that are due, a slice of a crowd in each event
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.chores import PAUSE, Chores
from dmvpn.base.chronicle import neighbor_changed
from dmvpn.base.deadlines import Deadlines
from dmvpn.base.notices import DebugOutput
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.chronicle import Sign
    from dmvpn.base.effects import Effect
    from dmvpn.base.notices import Notice
    from dmvpn.base.ports import Ports


@dataclass(slots=True, eq=False)
class Timer:
    """Something that a machine does later. A timer is an object: two timers with equal fields are two timers.

    purpose: what happens when it fires, in words.
    subject: the object of the timer (an address, a prefix, an interface), for debugs and shows.
    cost: how much of the machine's budget for one event it uses; a timer of many names (`base/queues.py`) says so when
        it has fired.
    """

    purpose: str
    fire: Callable[[], None]
    subject: object = None
    cost: int = 1

    def __str__(self) -> str:
        """Return purpose and subject, for people."""
        return self.purpose if self.subject is None else f"{self.purpose} {self.subject}"


_LONG_AGO: Final = float("-inf")


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
        out, self._out = self._out, []
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
        return None if following is None else max(following, self._resting)

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
