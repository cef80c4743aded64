"""EIGRP for IPv4: RFC 7868, classic and named mode, as IOS does it where the RFC is silent or wrong.

Takes `IpReceived` (protocol 88), `InterfaceChanged`, `RouteChanged` (redistribution), `LineEnds`, `ClearNeighbors`;
makes `SendIp`, `Listen`, `RouteOffered`, `RouteRetracted`.

    packet, tlv, route, auth   the wire              metric, topology, dual   distances, and DUAL over them
    states, interface          neighbors             rtp, backlog, teller     who is told what, and reliably
    adjacency                  their life            policy, intake           what may be told, what is believed
    greetings, farewells       our Hellos, the end of neighbors
    seals, sealing             keys and passwords, and what follows when they change
    process, surroundings      one process           links                    its interfaces
    connected, summary         our own destinations  redistribute             those of other protocols
    receiver, sender           in and out            sia, offers              stuck queries, the routing table
    machine, model, events     all processes         config, show, messages   the language, the tables, the log
    lint                       rules for `dmvpn lint`
    facts                      what judges outside may know

Not here: IPv6, VRFs, remote neighbors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.eigrp.config import LINES, MODES, model
from dmvpn.features.eigrp.messages import MESSAGES, ROUTES
from dmvpn.features.eigrp.model import EigrpConfig
from dmvpn.features.eigrp.tracing import PACKETS, WORDS
from dmvpn.ios import DebugFlag, Feature, Later, Sleeper

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
)
