"""Says of BGP that it does not run. That is all there is of BGP in this release."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from dmvpn.base.notices import Configured, Notice
from dmvpn.features.bgp.messages import NotBuilt

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.model import BgpConfig


class BgpReporter:
    """Logs once for each autonomous system; keeps what is configured for `show ip protocols`."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = ()

    def __init__(self, ports: Ports) -> None:
        self.config: BgpConfig | None = None

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if not isinstance(event, Configured):
            return []
        before, self.config = self.config, cast("BgpConfig | None", event.model)
        if self.config is None or (before is not None and before.local_as == self.config.local_as):
            return []
        return [NotBuilt.of(self.config.local_as)]

    def next_deadline(self) -> float | None:
        """Nothing here waits for a time."""
        return None
