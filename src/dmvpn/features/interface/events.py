"""Events of this feature: user actions."""

from __future__ import annotations

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class ClearInterfaceCounters(Event):
    """`clear counters [INTERFACE]`: the counters of `show interfaces` for one interface, or for all, restart."""

    interface: str | None = None
