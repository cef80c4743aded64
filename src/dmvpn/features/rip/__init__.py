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

from dmvpn.features.rip import config, messages
from dmvpn.features.rip.model import RipConfig
from dmvpn.ios import DebugFlag, Feature, Later, Scope, Sleeper

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
    protocol_blocks=Later("dmvpn.features.rip.show:protocol_block"),
    protocol_names=Later("dmvpn.features.rip.show:protocol_names"),
    udp=Later("dmvpn.features.rip.show:udp_ports"),
    explanations=Later("dmvpn.features.rip.explain:GROUPS"),
    metrics=Later("dmvpn.features.rip.metrics:METRICS"),
)
