"""OSPF version 2 (RFC 2328): so far its configuration alone; no packet is sent and none is taken.

Takes `router ospf` and the `ip ospf` lines of interfaces; makes a line in the log for each process that does not run.

    model     the typed configuration
    config    its lines
    machine   the log; `show` says the same to those who ask for neighbors
    lint      rules for `dmvpn lint`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf import config, messages
from dmvpn.features.ospf.machine import OspfReporter
from dmvpn.features.ospf.show import COMMANDS, ip_protocols
from dmvpn.ios import Feature

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.ospf.explain import GROUPS

    return GROUPS


FEATURE = Feature(
    name="ospf",
    modes=config.MODES,
    config=config.LINES,
    commands=COMMANDS,
    model=config.model,
    machine=OspfReporter,
    messages=messages.MESSAGES,
    protocol_blocks=ip_protocols,
    kept_only=True,
    explanations=_explanations,
)
