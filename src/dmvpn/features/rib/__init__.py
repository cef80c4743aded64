"""The routing table: the routes that protocols offer, the best route of each prefix, and the forwarding table.

Takes `RouteOffered`, `RouteRetracted`, `OverrideOffered` (NHRP's next-hop override) and `InterfaceChanged`; makes
`SetRoute`, `ClearRoute`, `RouteChanged`, `ports.Rib`.

    offers   one prefix and the offers for it        recursion   next hops that are looked up in the table
    table    selection
    machine  connected routes, the forwarding table, earlier routes
    show     show ip route, show ip cef, show ip protocols
    facts    state for judges outside
"""

from dmvpn.features.rib import messages
from dmvpn.ios import DebugFlag, Feature, LateMachine, Later, Scope

FEATURE = Feature(
    name="rib",
    scope=Scope.VRF,
    commands=Later("dmvpn.features.rib.show:COMMANDS"),
    machine=LateMachine("dmvpn.features.rib.machine:RibMachine"),
    messages=messages.MESSAGES,
    debugs=(DebugFlag(messages.ROUTING, "ip routing", "IP routing", "IP routing"),),
    explanations=Later("dmvpn.features.rib.explain:GROUPS"),
    metrics=Later("dmvpn.features.rib.metrics:METRICS"),
)
