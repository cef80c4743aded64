"""Interfaces: which exist, their addresses, and whether they carry packets.

Takes `LinkChanged`, `AddressAssigned` (the host), `LineProtocolDecided` (from the owner of a logical interface) and the
`interface` sections of the configuration; makes `InterfaceState`s: `InterfaceChanged`, `ports.Interfaces`,
`SetInterface`.

    port      one interface: sources and the state that follows
    model     the typed configuration              machine   all of them; logs, orders, notices
    advertising  this router to hosts          autoconfiguration  addresses by other routers
    facts        what judges outside may know
"""

from dmvpn.features.interface import config, messages
from dmvpn.ios import Feature, LateMachine, Later

FEATURE = Feature(
    name="interface",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.interface.show:COMMANDS"),
    model=config.model,
    machine=LateMachine("dmvpn.features.interface.machine:InterfaceMachine"),
    messages=messages.MESSAGES,
    explanations=Later("dmvpn.features.interface.explain:GROUPS"),
    metrics=Later("dmvpn.features.interface.metrics:METRICS"),
)
