"""OSPF version 2: RFC 2328, as IOS does it where the RFC leaves it open.

Takes `IpReceived` (protocol 89), `InterfaceChanged`, `MulticastReached`, `RouteChanged` (redistribution),
`ClearProcess`; makes `SendIp`, `Listen`, `RouteOffered`, `RouteRetracted`.

The order of the folder: a part knows the state and the parts in the lines below its own, and calls nothing above.

    machine, process                     all processes; one process, which makes the parts and hands them events
    calculation                          the shortest ways, and what follows: routes, summaries, virtual links
    receiver, virtual                    packets are checked; links of the backbone through other areas
    updates, links                       advertisements of neighbors; interfaces come and go
    exchange, graceful, hellos           databases are exchanged; neighbors restart; neighbors are found
    adjacency, areas                     the life of neighbors, and elections; areas come and go
    topology, transit                    our router and network LSAs; shorter ways through transit areas
    externals, summaries                 routes from outside, and of other areas, that we advertise
    origination                          our own advertisements: made, refreshed, defended, withdrawn
    flooding                             new advertisements go on to all neighbors
    descriptions, retransmission, complaints   our database described; packets repeated; packets refused
    sender, contents, nssa, imports      packets leave; bodies of our advertisements
    outside, offers, limit               ways to external routes; routes for the routing table; `max-lsa`
    state                                lines, identifier, areas, interfaces, databases; it calls no part
    interface, area, database            values with a state of their own
    talk, unacknowledged                 an exchange that is under way; the retransmission list
    spf, routes, ranges, settings        the shortest ways, as functions; the lines of an interface
    states, election, throttle, slices   moves as tables; pauses that double; long work in slices
    packet, lsa, auth                    the wire
    model, config, show, messages, explain, lint, facts   the language, tables, the log; facts for judges

A part below reports to one above by returned values, or keeps a list until the end of the event (`take_supplied` and
`take_changed` of flooding). A timer calls the part that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf import config, messages
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper

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
    scope=Scope.VRF,
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
    metrics=Later("dmvpn.features.ospf.metrics:METRICS"),
)
