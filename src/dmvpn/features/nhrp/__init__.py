"""NHRP: who is where in the overlay (RFC 2332, RFC 2333), with what makes it DMVPN: redirect, shortcut, NAT, groups.

Takes `NhrpReceived`, `Unresolved`, `Hairpin`, `UsageReported`, `IpReceived` (echo replies), `TunnelChanged`,
`InterfaceChanged`, `RouteChanged` and the `ip nhrp ...` lines; makes `SendGre`, `SetAdjacency`, `SetMulticast`,
`SetHairpin`, routes and overrides (`RouteOffered`, `OverrideOffered`), `HoldTunnel`.

    packet, cie, extensions   octets <-> values            registration, client   we register with servers
    cache                     who is where                 server                 others register with us
    tunnel, station           state, and the door out      resolver               we ask
    ways                      which way to an address      responder, transit     others ask: us, or through us
    peers, path               direct paths                 redirect, purge, errors
    echoes, usage             who is alive                 configuration, names   tunnels as configured
    routes                    what the RIB hears           reception, machine     who gets what
"""

from __future__ import annotations

from dmvpn.features.nhrp import config, messages
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.show import COMMANDS, DEBUGS
from dmvpn.ios import Feature

FEATURE = Feature(
    name="nhrp",
    config=config.LINES,
    commands=COMMANDS,
    model=config.model,
    machine=NhrpMachine,
    messages=messages.MESSAGES,
    debugs=DEBUGS,
)
