"""Events of this feature: what people order. All else that happens to IKE is in `base.events` and `base.notices`."""

from __future__ import annotations

from dataclasses import dataclass

from dmvpn.base.events import Event


@dataclass(frozen=True, slots=True)
class ClearIkeStats(Event):
    """`clear crypto ikev2 stats`: the numbers of `show crypto ikev2 stats` begin at zero."""
