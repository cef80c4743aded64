"""Says of each OSPF process that it does not run. That is all there is of OSPF in this release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.notices import Configured, Notice
from dmvpn.features.ospf.messages import NotBuilt
from dmvpn.features.ospf.model import OspfConfig

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.ports import Ports


class OspfReporter:
    """Logs once for each process; keeps what is configured for `show ip protocols`."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = ()

    def __init__(self, ports: Ports) -> None:
        self.config = OspfConfig()

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if not isinstance(event, Configured) or not isinstance(event.model, OspfConfig):
            return []
        before = {process.number for process in self.config.processes}
        self.config = event.model
        return [NotBuilt.of(process.number) for process in self.config.processes if process.number not in before]

    def next_deadline(self) -> float | None:
        """Nothing here waits for a time."""
        return None
