"""Events of this feature: user actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.filters import FilterCount


@dataclass(frozen=True, slots=True)
class ClearCounters(Event):
    """`clear access-list counters`. name: of one list, "": of all. counts: the counters at this moment."""

    name: str
    counts: tuple[FilterCount, ...]
