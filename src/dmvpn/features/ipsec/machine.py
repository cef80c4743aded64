"""Says of each protected tunnel that it stays down. That is all there is of IPsec in this release.

The tunnel itself is kept down by the feature `tunnel`, which has the reason too; here it gets its line in the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.notices import Notice, TunnelChanged
from dmvpn.features.ipsec.messages import NotBuilt

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event
    from dmvpn.base.ports import Ports


class ProtectionReporter:
    """Logs once for each tunnel and profile."""

    subscriptions: tuple[type[Event] | type[Notice], ...] = (TunnelChanged,)

    def __init__(self, ports: Ports) -> None:
        self._said: dict[str, str] = {}  # by tunnel: the profile

    def handle(self, event: Event | Notice, now: float) -> list[Effect | Notice]:
        """Take one event."""
        if not isinstance(event, TunnelChanged):
            return []
        profile = event.new.protection if event.new is not None else ""
        if not profile:
            self._said.pop(event.name, None)
            return []
        if self._said.get(event.name) == profile:
            return []
        self._said[event.name] = profile
        return [NotBuilt.of(event.name, profile)]

    def next_deadline(self) -> float | None:
        """Nothing here waits for a time."""
        return None
