"""What all machines have in common: one way through an event, and one rule for timers.

    handle(event, now) ──> begin() ──> dispatch(event), or the timers that are due ──> settle() ──> effects and notices

A machine and its parts share a `Context`: parts emit effects there, in order, and start timers. An event that raises an
error leaves no effects behind, neither now nor with the next event; `begin` drops what else it had gathered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from dmvpn.base.events import Tick

if TYPE_CHECKING:
    from dmvpn.base.context import Context
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event, Packets
    from dmvpn.base.notices import Notice


class Machine(ABC):
    """A protocol as a value: it turns events and notices into effects and notices, and owns nothing outside itself.

    subscriptions: types of events and notices to be handed to it. Subclasses of a listed type are not implied. IP
    packets are subscribed to by protocol (`Packets`), not by their type.
    """

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = ()
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
