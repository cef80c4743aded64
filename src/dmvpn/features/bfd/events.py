"""What people do to sessions of BFD."""

from __future__ import annotations

from dataclasses import dataclass

from dmvpn.base.events import Event


@dataclass(frozen=True, slots=True)
class ClearCounters(Event):
    """`clear bfd counters`."""
