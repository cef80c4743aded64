"""RIP version 2: RFC 2453.

Takes the `router rip` section and the RIP lines of interfaces, packets on UDP port 520, `InterfaceChanged` and
`RouteChanged` (redistribution); makes `RouteOffered` and `RouteRetracted`, and packets.

    packet    bytes <-> values          auth      the MD5 digest of RFC 2082
    model     the typed configuration   circuit   an interface that speaks RIP
    database  learned routes, timers    own       connected and redistributed routes
    output    what an update says       machine   the process
    facts     what judges outside may know
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.rip import config, messages, show
from dmvpn.features.rip.machine import RipMachine
from dmvpn.ios import DebugFlag, Feature

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.rip.explain import GROUPS

    return GROUPS


FEATURE = Feature(
    name="rip",
    modes=(config.MODE,),
    config=config.LINES,
    commands=show.COMMANDS,
    model=config.model,
    machine=RipMachine,
    debugs=(DebugFlag(messages.RIP, "ip rip", "RIP protocol", "RIP"),),
    protocol_blocks=show.protocol_block,
    explanations=_explanations,
)
