"""NHRP: who is where in the overlay (RFC 2332, RFC 2333), with what makes it DMVPN: redirect, shortcut, NAT, groups.

Takes `NhrpReceived`, `Unresolved`, `Hairpin`, `UsageReported`, `IpReceived` (echo replies), `TunnelChanged`,
`InterfaceChanged`, `RouteChanged`, `ProtectionChanged`, `ConnectionChanged` and the lines `ip nhrp ...`,
`ipv6 nhrp ...`; makes `SendGre`, `SetAdjacency`, `SetMulticast`, `SetHairpin`, routes and overrides (`RouteOffered`,
`OverrideOffered`), `LineEnds`, `HoldTunnel`, `ProtectionWanted`.

    machine, shared            an overlay for each IP version, and what both have in common
    overlay, reception         who gets which event, who gets which packet
    configuration              tunnels as configured
    registration, client       we register with servers
    servers                    where servers are: by name, and as they say
    admission, server          others register with us: what they may; who has
    resolver, questions        we ask
    responder                  others ask us
    transit                    others ask through us, or what nobody can answer
    purge                      what is not so any more
    peers, path, echoes        direct paths, dead servers; who is alive
    connections                whom ESP leads to, and who is wanted
    ways                       which way to an address; who stands in for a silent server; redirects
    plane                      what the data plane and the RIB were told
    station                    what all parts share, and the door out
    tunnel, cache              state: of a tunnel, with what went by; who is where
    past                       what the cache was
    packet, parts, vendor      octets <-> values
    model, messages, debug     settings and orders; what is logged
    reasons                    why something is not as it should be
    lint                       rules for `dmvpn lint`
    facts                      what judges outside may know

A file imports from those below it, never in a circle. Each piece of state has one writer (`tunnel` names them).
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.nhrp import config, messages
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios import DebugFlag, Feature, Later

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


FEATURE = Feature(
    name="nhrp",
    config=config.ALL_LINES,
    commands=Later("dmvpn.features.nhrp.show:COMMANDS"),
    model=config.model,
    machine=NhrpMachine,
    messages=messages.MESSAGES,
    debugs=_DEBUGS,
    explanations=Later("dmvpn.features.nhrp.explain:GROUPS"),
)
