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

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp import config, messages
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios import DebugFlag, Feature, Later

if TYPE_CHECKING:
    from dmvpn.ios import ExecCommand

_KINDS: Final = (
    ("cache", "cache"),
    ("detail", "detail"),
    ("error", "error"),
    ("extension", "extension"),
    ("group", "group"),
    ("packet", "packet"),
    ("rate", "rate"),
    ("routing", "routing"),
)
_DEBUGS: Final = (
    DebugFlag("nhrp", "nhrp", "NHRP", "NHRP", listed="NHRP protocol"),
    *(DebugFlag(f"nhrp {kind}", f"nhrp {kind}", f"NHRP {title}", "NHRP") for kind, title in _KINDS),
)


def _commands() -> tuple[ExecCommand, ...]:
    from dmvpn.features.nhrp.show import COMMANDS

    return COMMANDS


FEATURE = Feature(
    name="nhrp",
    config=config.LINES,
    commands=Later(_commands),
    model=config.model,
    machine=NhrpMachine,
    messages=messages.MESSAGES,
    debugs=_DEBUGS,
)
