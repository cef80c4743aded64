"""User actions on BFD sessions."""

from __future__ import annotations

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class ClearBfdCounters(Event):
    """`clear bfd counters`."""
