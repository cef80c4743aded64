"""NHRP: who is where in the overlay (RFC 2332, RFC 2333), with what makes it DMVPN: redirect, shortcut, NAT, groups.

Takes `NhrpReceived`, `Unresolved`, `Hairpin`, `UsageReported`, `IpReceived` (echo replies), `TunnelChanged`,
`InterfaceChanged`, `RouteChanged`, `ProtectionChanged`, `ConnectionChanged` and the lines `ip nhrp ...`,
`ipv6 nhrp ...`; makes `SendGre`, `SetAdjacency`, `SetMulticast`, `SetHairpin`, routes and overrides (`RouteOffered`,
`OverrideOffered`), `LineEnds`, `HoldTunnel`, `ProtectionWanted`.

    packet, cie, extensions   octets <-> values            registration, client   we register with servers
    cache                     who is where                 server                 others register with us
    tunnel, station           state, and the door out      resolver, answers      we ask
    ways, egress              which way to an address      responder, transit     others ask: us, or through us
    peers, path, standby      direct paths, dead servers   redirect, purge, errors
    neighbor, connections    whom ESP leads to, is wanted protection             what is protected, or not
    binding                   what others say of a station
    questions                 what we have asked           waiting_replies        answers that wait for protection
    echoes, usage             who is alive                 configuration, names   tunnels as configured
    routes                    what the RIB hears           reception, overlay     who gets what
    mapped_ports              where others are behind NAT  introductions          what servers say of themselves
    machine, shared           an overlay for each IP version, and what both have in common
    guests                    registered addresses outside of the subnet, by route and next hop
    lint                      rules for `dmvpn lint`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nhrp import config, messages
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios import DebugFlag, Feature, Later

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group
    from dmvpn.ios import ExecCommand

#: The debugs of NHRP, and the level at which `debug dmvpn` has them.
_KINDS: Final = {
    "cache": "detail",
    "detail": "detail",
    "error": "error",
    "extension": "packet",
    "group": "detail",
    "packet": "packet",
    "rate": "detail",
    "routing": "detail",
}
_DEBUGS: Final = (
    DebugFlag("nhrp", "nhrp", "NHRP", "NHRP", listed="NHRP protocol", dmvpn="detail nhrp"),
    *(
        DebugFlag(f"nhrp {kind}", f"nhrp {kind}", f"NHRP {kind}", "NHRP", dmvpn=f"{level} nhrp")
        for kind, level in _KINDS.items()
    ),
)


def _commands() -> tuple[ExecCommand, ...]:
    from dmvpn.features.nhrp.show import COMMANDS

    return COMMANDS


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.nhrp.explain import GROUPS

    return GROUPS


FEATURE = Feature(
    name="nhrp",
    config=config.ALL_LINES,
    commands=Later(_commands),
    model=config.model,
    machine=NhrpMachine,
    messages=messages.MESSAGES,
    debugs=_DEBUGS,
    explanations=_explanations,
)
