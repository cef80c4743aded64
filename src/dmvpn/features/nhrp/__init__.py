"""NHRP: address resolution of the overlay (RFC 2332, RFC 2333), with the DMVPN parts: redirect, shortcut, NAT, groups.

Takes `NhrpReceived`, `Unresolved`, `Hairpin`, `UsageReported`, `IpReceived` (echo replies), `TunnelChanged`,
`InterfaceChanged`, `RouteChanged`, `ProtectionChanged`, `ConnectionChanged` and the lines `ip nhrp ...`, `ipv6 nhrp
...`; makes `SendGre`, `SetAdjacency`, `SetMulticast`, `SetHairpin`, routes and overrides (`RouteOffered`,
`OverrideOffered`), `LineEnds`, `HoldTunnel`, `ProtectionWanted`.

    machine, shared            one overlay for each IP version, its dispatch of events, and the state that both share
    reception                  dispatch of received packets
    configuration              applies configuration changes to tunnels
    registration, client       registration with our servers; their addresses, from DNS and from their replies
    admission, server          registration of clients: admission policy; registered entries
    renewals                   registrations that repeat the last one of a client: the same answer
    resolver, questions        our Resolution Requests, and the replies to them
    responder                  our answers to Resolution Requests
    transit                    forwarding of NHRP packets; Error Indications
    purge                      withdrawal of bindings that are no longer valid
    peers, path                direct paths to spokes, dead servers; the echoes that test both
    connections                the IPsec connection of each peer, and the peers that need one
    routing                    next station of an NHRP message; standby for a silent server; redirects
    forwarding                 state programmed into the data plane and the RIB
    instance                   what all parts share, and the only exit for packets
    tunnel, cache              state: of a tunnel, with its counters; the NHRP cache
    history                    earlier states of the cache; lines about packets and mappings
    packet, parts, vendor      encoding and decoding
    model, messages, debug     settings and operator commands; log and debug lines
    reasons                    why a server, a mapping or a path is not in use
    lint                       rules for `dmvpn lint`
    facts                      facts for readers outside, such as the doctor

A file imports from those below it, never in a circle. Each piece of state has one writer (`tunnel` names them).
"""

from typing import Final

from dmvpn.features.nhrp import config, messages
from dmvpn.ios import DebugFlag, Feature, LateMachine, Later

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
    machine=LateMachine("dmvpn.features.nhrp.machine:NhrpMachine"),
    messages=messages.MESSAGES,
    debugs=_DEBUGS,
    explanations=Later("dmvpn.features.nhrp.explain:GROUPS"),
    metrics=Later("dmvpn.features.nhrp.metrics:METRICS"),
)
