"""OSPF version 2 for IPv4 and version 3 for IPv6: RFC 2328 and RFC 5340, as IOS does it where these leave it open.

Takes `IpReceived` (protocol 89), `InterfaceChanged`, `MulticastReached`, `RouteChanged` (redistribution),
`ClearProcess`; makes `SendIp`, `Listen`, `RouteOffered`, `RouteRetracted`.

The order of the folder: a part knows the state and the parts in the lines below its own, and calls nothing above.

    machine        all processes; one process, which makes the parts and hands them events
    calculation    the shortest paths in all areas, and the routes that follow
    events         packets of neighbors: checks, exchange of databases, updates; `max-lsa`
    links          interfaces, areas and virtual links come and go
    adjacency      the life of neighbors: Hellos, elections, adjacencies, graceful restart
    own_lsas       our router, network, summary and external LSAs; NSSAs
    flooding       new LSAs go on to all neighbors; our own are originated, refreshed, defended, withdrawn
    output         packets leave, and are repeated; complaints about refused ones
    rib            routes from the routing table, and for it
    state          lines, identifier, areas, interfaces, databases; it calls no part
    prefixes       of version 3: LSAs about prefixes, and the routes that follow from these
    interface      an interface and its neighbors: states, elections
    spf, settings  an area and its shortest paths; the lines of an interface
    neighbor       states of a neighbor, its exchange of databases, its retransmission list
    version3       the wire of version 3
    packet, lsa    the wire, and the link state database
    model, config, show, messages, explain, lint, facts   the language, tables, the log; facts for judges

A part below reports to one above by returned values, or keeps a list until the end of the event (`take_supplied` and
`take_changed` of flooding). A timer calls the part that made it.
"""

from dmvpn.features.ospf import config, messages
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper

FEATURE = Feature(
    name="ospf",
    scope=Scope.VRF,
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.ospf.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.ospf.machine:OspfMachine"),
    messages=messages.MESSAGES,
    protocol_blocks=Later("dmvpn.features.ospf.show:ip_protocols"),
    protocol_names=Later("dmvpn.features.ospf.show:protocol_names"),
    ipv6_blocks=Later("dmvpn.features.ospf.show:ipv6_protocols"),
    debugs=tuple(
        DebugFlag(name, name.replace("ip ospf", "( ip ospf | ipv6 ospf | ospfv3 )") + more, title, "IP routing")
        for name, more, title in (
            (messages.ADJACENCY, "", "OSPF adjacency"),
            (messages.HELLO, "", "OSPF hello"),
            (messages.EVENTS, "", "OSPF events"),
            (messages.SPF, " [ statistic ]", "OSPF SPF"),
            (messages.FLOOD, "", "OSPF flooding"),
            (messages.GENERATION, "", "OSPF LSA generation"),
            (messages.RETRANSMISSION, "", "OSPF retransmission"),
            (messages.PACKET, "", "OSPF packet"),
        )
    ),
    explanations=Later("dmvpn.features.ospf.explain:GROUPS"),
    metrics=Later("dmvpn.features.ospf.metrics:METRICS"),
)
