"""Switching as a machine: the box goes out as one order, the trees of its VLANs come in."""

from __future__ import annotations

from typing import ClassVar, cast

from dmvpn.base.context import Context, Machine
from dmvpn.base.effects import SetSwitching
from dmvpn.base.events import Event, Packets, Resync, SwitchingComputed
from dmvpn.base.notices import Configured, Notice
from dmvpn.base.ports import Ports
from dmvpn.base.switching import NOTHING, Box


class SwitchingMachine(Machine):
    """Keeps the lab in step with the lines.

    computed: the present trees. changed_at: when they became these, seconds.
    """

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (SwitchingComputed, Resync)

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.box = NOTHING
        self.computed = SwitchingComputed((), (), ())

    def dispatch(self, event: Event | Notice) -> None:
        """Handle a configuration, or the lab's answer."""
        match event:
            case Configured():
                before, self.box = self.box, cast("Box | None", event.model) or NOTHING
                if self.box != before:
                    self._context.emit(SetSwitching(self.box))
            case SwitchingComputed():
                self.computed = event
            case Resync() if self.box != NOTHING:
                self._context.emit(SetSwitching(self.box))
