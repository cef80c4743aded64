"""Events of this feature: what people order."""

from __future__ import annotations

from dataclasses import dataclass

from dmvpn.base.events import Event


@dataclass(frozen=True, slots=True)
class ClearTranslations(Event):
    """`clear ip nat translation *`: forget all flows."""
