"""BGP version 4 (RFC 4271): so far its configuration alone; no connection is opened and none is taken.

Takes `router bgp` and its address family IPv4 unicast; makes a line in the log that it does not run.

    model     the typed configuration
    config    its lines
    machine   the log; `show` says the same in `show ip protocols`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.bgp import config, messages
from dmvpn.features.bgp.machine import BgpReporter
from dmvpn.features.bgp.show import ip_protocols
from dmvpn.ios import Feature

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.bgp.explain import GROUPS

    return GROUPS


FEATURE = Feature(
    name="bgp",
    modes=config.MODES,
    config=config.LINES,
    model=config.model,
    machine=BgpReporter,
    messages=messages.MESSAGES,
    protocol_blocks=ip_protocols,
    kept_only=True,
    explanations=_explanations,
)
