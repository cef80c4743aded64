"""Static routes: `ip route`, `ipv6 route`. Makes `RouteOffered` and `RouteRetracted` of them; the RIB does the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.static import config
from dmvpn.features.static.machine import StaticMachine
from dmvpn.ios import Feature

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.static.explain import GROUPS

    return GROUPS


FEATURE = Feature(
    name="static",
    config=config.LINES,
    model=config.model,
    machine=StaticMachine,
    explanations=_explanations,
)
