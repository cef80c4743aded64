"""Events of this feature: user actions."""

from __future__ import annotations

from dmvpn.base.events import Event
from dmvpn.base.values import dataclass


@dataclass(frozen=True, slots=True)
class ClearTranslations(Event):
    """`clear ip nat translation *`: forget all flows."""
