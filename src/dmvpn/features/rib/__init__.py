"""The routing table: what all protocols offer, which route of a prefix is best, and what is forwarded where.

Takes `RouteOffered`, `RouteRetracted`, `OverrideOffered` (NHRP's next-hop override) and `InterfaceChanged`; makes
`SetRoute`, `ClearRoute`, `RouteChanged`, `ports.Rib`.

    offers   one prefix and what was offered for it     recursion   next hops that are looked up in the table
    table    selection                                  fib         what the shell has been told
    machine  connected routes, notices, questions       show        show ip route, show ip cef, show ip protocols
    facts    what judges outside may know               circles     next hops that lean on each other
"""

from __future__ import annotations

from dmvpn.features.rib import messages
from dmvpn.features.rib.machine import RibMachine
from dmvpn.ios import DebugFlag, Feature, Later

FEATURE = Feature(
    name="rib",
    commands=Later("dmvpn.features.rib.show:COMMANDS"),
    machine=RibMachine,
    messages=messages.MESSAGES,
    debugs=(DebugFlag(messages.ROUTING, "ip routing", "IP routing", "IP routing"),),
    explanations=Later("dmvpn.features.rib.explain:GROUPS"),
)
