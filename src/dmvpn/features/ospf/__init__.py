"""OSPF version 2: RFC 2328, as IOS does it where the RFC leaves it open.

Takes `IpReceived` (protocol 89), `InterfaceChanged`, `MulticastReached`, `RouteChanged` (redistribution),
`ClearProcess`; makes `SendIp`, `Listen`, `RouteOffered`, `RouteRetracted`.

    packet, lsa, auth            the wire
    states                       of interfaces and neighbors: two tables of moves
    settings, interface, area    what holds where            links       interfaces come and go
    adjacency, hellos, election                              who is there, and who speaks for a network
    talk, exchange, database, flooding, retransmission       the same database everywhere
    origination, contents, throttle                          what we say of ourselves, and how often
    calculation, spf, slices     the shortest ways           routes, offers    what the routing table gets
    imports, externals, nssa     what we tell of the outside      outside    what others tell of it
    ranges, summaries            between areas
    virtual, transit             links of the backbone through other areas, and the shorter ways there
    receiver, sender, complaints                             in and out, and what is not taken
    limit                                                    how much others may tell (`max-lsa`)
    surroundings, process, machine                           what the parts share, one process, all of them
    model, config, show, messages, explain, lint             the language, the tables, the log
    facts                                                    what judges outside may know
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf import config, messages
from dmvpn.ios import DebugFlag, Feature, Later, Sleeper

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext


def _protocol_blocks(ctx: ShowContext) -> list[str]:
    from dmvpn.features.ospf.show import ip_protocols

    return ip_protocols(ctx)


def _protocol_names(ctx: ShowContext) -> list[str]:
    from dmvpn.features.ospf.show import protocol_names

    return protocol_names(ctx)


FEATURE = Feature(
    name="ospf",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.ospf.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.ospf.machine:OspfMachine"),
    messages=messages.MESSAGES,
    protocol_blocks=_protocol_blocks,
    protocol_names=_protocol_names,
    debugs=(
        DebugFlag(messages.ADJACENCY, messages.ADJACENCY, "OSPF adjacency", "IP routing"),
        DebugFlag(messages.HELLO, messages.HELLO, "OSPF hello", "IP routing"),
        DebugFlag(messages.EVENTS, messages.EVENTS, "OSPF events", "IP routing"),
        DebugFlag(messages.SPF, f"{messages.SPF} [ statistic ]", "OSPF SPF", "IP routing"),
        DebugFlag(messages.FLOOD, messages.FLOOD, "OSPF flooding", "IP routing"),
        DebugFlag(messages.GENERATION, messages.GENERATION, "OSPF LSA generation", "IP routing"),
        DebugFlag(messages.RETRANSMISSION, messages.RETRANSMISSION, "OSPF retransmission", "IP routing"),
        DebugFlag(messages.PACKET, messages.PACKET, "OSPF packet", "IP routing"),
    ),
    explanations=Later("dmvpn.features.ospf.explain:GROUPS"),
)
