"""EIGRP for IPv4 and IPv6: RFC 7868, classic and named mode, as IOS does it where the RFC is silent or wrong.

Takes `IpReceived` (protocol 88), `InterfaceChanged`, `RouteChanged` (redistribution), `LineEnds`, `ClearNeighbors`;
emits `SendIp`, `Listen`, `RouteOffered`, `RouteRetracted`.

The order of the folder: a part knows the state and the parts in the lines below its own, and calls nothing above.

    machine        all processes; one process, which makes the parts and hands them events
    events         received packets: checks, and the routes in them
    links          interfaces come and go; the router ID; changed keys
    limits         neighbors are given up: missing replies (stuck in active), `maximum-prefix`
    adjacency      the life of neighbors: the handshake, their part in routing, the end
    advertiser     packets about routes: what neighbors may learn, which fit, when they leave
    output         packets leave: Hellos, farewells, reliable transport
    rib            routes from the routing table, and for it
    dual           DUAL, and what comes into it: inbound lists, summaries, connected networks
    auth           authentication on an interface
    state          configuration, router ID, interfaces; the last events; packet counters
    interface      an interface and its neighbors; their send queues are in `backlog`, their moves in `reasons`
    topology       the topology table, unusable reports, adverts
    packet, tlv    the wire             metric   distances
    model, config, show, messages, explain, lint, facts   the language, tables, the log; facts for judges

Each VRF has a machine of its own. Not here: IPv6 in VRFs, remote neighbors.
"""

from dmvpn.features.eigrp.config import LINES, MODES, model
from dmvpn.features.eigrp.messages import MESSAGES, PACKETS, ROUTES, WORDS
from dmvpn.features.eigrp.model import EigrpConfig
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper

FEATURE = Feature(
    name="eigrp",
    scope=Scope.VRF,
    modes=MODES,
    config=LINES,
    commands=Later("dmvpn.features.eigrp.show:COMMANDS"),
    model=model,
    machine=Sleeper("dmvpn.features.eigrp.machine:EigrpMachine", EigrpConfig()),
    messages=MESSAGES,
    protocol_blocks=Later("dmvpn.features.eigrp.show:ip_protocols"),
    protocol_names=Later("dmvpn.features.eigrp.show:protocol_names"),
    ipv6_blocks=Later("dmvpn.features.eigrp.show:ipv6_protocols"),
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
