"""Policy: access lists, prefix lists, route maps, key chains.

Access lists and route maps say which packets are translated (feature `nat`). Lists and maps say which routes BGP takes
and tells, which ones protocols bring in from others, and what is changed in them. Filters of packets are configuration
alone.

Key chains are configured here and read by each protocol that authenticates (`ios.common.KEY_CHAIN`).

    model     the typed configuration
    config    its lines
    machine   answers who asks for lists and maps
    routes    lists and maps for those who filter and change routes by them
    show      show route-map, show ip prefix-list ..., show key chain
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.policy import config, show
from dmvpn.features.policy.machine import PolicyMachine
from dmvpn.ios import Feature

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.policy.explain import GROUPS

    return GROUPS


FEATURE = Feature(
    name="policy",
    modes=config.MODES,
    commands=show.COMMANDS,
    config=config.LINES,
    model=config.model,
    machine=PolicyMachine,
    explanations=_explanations,
)
