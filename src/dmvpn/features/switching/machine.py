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

    computed: the present trees. changed: how often the tree of a VLAN became another one, and when last, seconds.
    """

    subscriptions: ClassVar[tuple[type[Event] | type[Notice] | Packets, ...]] = (SwitchingComputed, Resync)

    def __init__(self, ports: Ports) -> None:
        super().__init__(Context(ports))
        self.box = NOTHING
        self.computed = SwitchingComputed((), (), ())
        self.changed: dict[int, tuple[int, float]] = {}

    def dispatch(self, event: Event | Notice) -> None:
        """Handle a configuration, or the lab's answer."""
        match event:
            case Configured():
                before, self.box = self.box, cast("Box | None", event.model) or NOTHING
                if self.box != before:
                    self._context.emit(SetSwitching(self.box))
            case SwitchingComputed():
                earlier = {tree.vlan: tree for tree in self.computed.trees}
                self.computed = event
                for tree in event.trees:
                    if earlier.get(tree.vlan) != tree:
                        count, _ = self.changed.get(tree.vlan, (-1, 0.0))
                        self.changed[tree.vlan] = count + 1, self._context.now
            case Resync() if self.box != NOTHING:
                self._context.emit(SetSwitching(self.box))
