"""Events of this feature: what people order."""

from __future__ import annotations

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class ClearInterfaceCounters(Event):
    """`clear counters [INTERFACE]`: what `show interfaces` counts of one interface, or of all, begins again."""

    interface: str | None = None
