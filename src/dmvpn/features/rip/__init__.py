"""RIP version 2: RFC 2453; triggered RIP: RFC 2091.

Takes the `router rip` section and the RIP lines of interfaces, packets on UDP port 520, `InterfaceChanged` and
`RouteChanged` (redistribution); makes `RouteOffered` and `RouteRetracted`, and packets.

    packet    bytes <-> values          auth      the MD5 digest of RFC 2082   seals    what is sealed how, and believed
    model     the typed configuration   circuit   an interface that speaks RIP
    database  learned routes, timers    own       connected and redistributed routes
    output    what an update says       speaker   to whom it goes
    lists     what lists leave of it    telling   updates, in slices
    gateways  who told routes, and when         watched   those that BFD watches
    triggered, conversation   circuits where changes alone are told, and what one peer there is told
    table     what is announced                   machine   the process
    facts     what judges outside may know
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.rip import config, messages
from dmvpn.features.rip.model import RipConfig
from dmvpn.ios import DebugFlag, Feature, Later, Sleeper

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext


def _protocol_blocks(ctx: ShowContext) -> list[str]:
    from dmvpn.features.rip.show import protocol_block

    return protocol_block(ctx)


def _protocol_names(ctx: ShowContext) -> list[str]:
    from dmvpn.features.rip.show import protocol_names

    return protocol_names(ctx)


FEATURE = Feature(
    name="rip",
    modes=(config.MODE,),
    config=config.LINES,
    commands=Later("dmvpn.features.rip.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.rip.machine:RipMachine", RipConfig()),
    messages=messages.MESSAGES,
    debugs=(
        DebugFlag(messages.RIP, messages.RIP, "RIP protocol", "RIP"),
        DebugFlag(messages.EVENTS, messages.EVENTS, "RIP event", "RIP"),
        DebugFlag(messages.TRIGGER, messages.TRIGGER, "RIP trigger", "RIP"),
        DebugFlag(messages.DATABASE, messages.DATABASE, "RIP database", "RIP"),
    ),
    protocol_blocks=_protocol_blocks,
    protocol_names=_protocol_names,
    explanations=Later("dmvpn.features.rip.explain:GROUPS"),
)
