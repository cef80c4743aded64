"""Events of this feature: what people order."""

from __future__ import annotations

from dataclasses import dataclass

from dmvpn.base.events import Event


@dataclass(frozen=True, slots=True)
class ClearCounters(Event):
    """`clear counters [INTERFACE]`: what `show interfaces` counts of one interface, or of all, begins again."""

    interface: str | None = None
