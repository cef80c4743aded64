"""EIGRP for IPv4: RFC 7868, classic and named mode, as IOS does it where the RFC is silent or wrong.

Takes `IpReceived` (protocol 88), `InterfaceChanged`, `RouteChanged` (redistribution), `LineEnds`, `ClearNeighbors`;
emits `SendIp`, `Listen`, `RouteOffered`, `RouteRetracted`.

    packet, tlv, route, auth   the wire              metric, topology, dual   distances, and DUAL over them
    state, process             one process           links, identity          its interfaces, its router ID
    states, interface          neighbors             neighborhood             which are pending, up, leaving
    adjacency, teardown        begin and end         membership               their part in routing
    hello, greetings           our Hellos            farewells                Hellos that end adjacencies
    rtp, backlog, advertiser   reliable transport, send queues, and their order
    adverts, policy            content of packets about routes                intake: inbound lists
    seals, sealing             authentication, and what follows when keys change
    connected, summary         our own destinations  redistribute             routes of other protocols
    receiver, reader           packets in            sender, traffic          out, and counted
    sia, limits                stuck in active, maximum-prefix                offers: the routing table
    machine, model, events     all processes         config, show, messages   the language, the tables, the log
    lint                       rules for `dmvpn lint`
    facts                      facts for the doctor

Each VRF has a machine of its own. Not here: IPv6, remote neighbors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.config import LINES, MODES, model
from dmvpn.features.eigrp.messages import MESSAGES, PACKETS, ROUTES, WORDS
from dmvpn.features.eigrp.model import EigrpConfig
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper

if TYPE_CHECKING:
    from dmvpn.ios import ShowContext


def _protocol_blocks(ctx: ShowContext) -> list[str]:
    from dmvpn.features.eigrp.show import ip_protocols

    return ip_protocols(ctx)


def _protocol_names(ctx: ShowContext) -> list[str]:
    from dmvpn.features.eigrp.show import protocol_names

    return protocol_names(ctx)


FEATURE = Feature(
    name="eigrp",
    scope=Scope.VRF,
    modes=MODES,
    config=LINES,
    commands=Later("dmvpn.features.eigrp.show:COMMANDS"),
    model=model,
    machine=Sleeper("dmvpn.features.eigrp.machine:EigrpMachine", EigrpConfig()),
    messages=MESSAGES,
    protocol_blocks=_protocol_blocks,
    protocol_names=_protocol_names,
    debugs=(
        DebugFlag(PACKETS, PACKETS, "EIGRP Packet", "EIGRP-IPv4"),
        *(
            DebugFlag(f"{PACKETS} {word}", f"{PACKETS} {word}", f"EIGRP Packet ({word.upper()})", "EIGRP-IPv4")
            for word in WORDS
        ),
        DebugFlag(ROUTES, ROUTES, "EIGRP-IPv4 Route Event", "EIGRP-IPv4"),
        DebugFlag("eigrp fsm", "eigrp fsm", "EIGRP FSM Events/Actions", "EIGRP-IPv4"),
        DebugFlag("eigrp neighbors", "eigrp neighbors", "EIGRP Neighbors", "EIGRP-IPv4"),
    ),
    explanations=Later("dmvpn.features.eigrp.explain:GROUPS"),
    metrics=Later("dmvpn.features.eigrp.metrics:METRICS"),
)
