"""User actions on lists and maps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.routemaps import Counted


@dataclass(frozen=True, slots=True)
class ClearHits(Event):
    """`clear ip prefix-list`, `clear route-map counters`. name: of one list or map, "": of all."""

    counted: Counted
    name: str = ""
