"""Says of each OSPF process that it does not run. That is all there is of OSPF in this release."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dmvpn.base.notices import Configured, Notice
from dmvpn.features.ospf.messages import NotBuilt

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.ports import Ports
    from dmvpn.features.ospf.model import OspfConfig, Process


class OspfReporter:
    """Logs once for each process; keeps what is configured for `show ip protocols`."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = ()

    def __init__(self, ports: Ports) -> None:
        self.processes: tuple[Process, ...] = ()

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if not isinstance(event, Configured):
            return []
        config = cast("OspfConfig | None", event.model)
        before = {process.number for process in self.processes}
        self.processes = config.processes if config is not None else ()
        return [NotBuilt.of(process.number) for process in self.processes if process.number not in before]

    def next_deadline(self) -> float | None:
        """Nothing here waits for a time."""
        return None
