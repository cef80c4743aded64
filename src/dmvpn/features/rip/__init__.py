"""RIP version 2: RFC 2453; triggered RIP: RFC 2091.

Takes the `router rip` section and the RIP lines of interfaces, packets on UDP port 520, `InterfaceChanged` and
`RouteChanged` (redistribution); emits `RouteOffered` and `RouteRetracted`, and packets.

    machine    the process, and the gateways that it hears; BFD
    triggered  triggered RIP on circuits
    output     packets leave: requests, updates in slices; authentication
    table      routes to announce, the content of updates, lists; the state of the process
    database   learned routes and their timers; connected and redistributed routes
    interface  an interface that speaks RIP
    packet     bytes <-> values          model     the typed configuration
    facts      facts for the doctor
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.rip import config, messages
from dmvpn.features.rip.model import RipConfig
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper

if TYPE_CHECKING:
    from dmvpn.base.streams import UdpPort
    from dmvpn.ios import ShowContext


def _protocol_blocks(ctx: ShowContext) -> list[str]:
    from dmvpn.features.rip.show import protocol_block

    return protocol_block(ctx)


def _protocol_names(ctx: ShowContext) -> list[str]:
    from dmvpn.features.rip.show import protocol_names

    return protocol_names(ctx)


def _udp(ctx: ShowContext) -> list[UdpPort]:
    from dmvpn.features.rip.show import udp_ports

    return udp_ports(ctx)


FEATURE = Feature(
    name="rip",
    scope=Scope.VRF,
    modes=config.MODES,
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
    udp=_udp,
    explanations=Later("dmvpn.features.rip.explain:GROUPS"),
    metrics=Later("dmvpn.features.rip.metrics:METRICS"),
)
