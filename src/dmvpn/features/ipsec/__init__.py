"""IPsec: which tunnels are protected how, with whom, and by which security associations (RFC 4301, RFC 4303).

Takes the `crypto ipsec` lines, `TunnelChanged`, `ProtectionWanted`, what IKE negotiated (`SaNegotiated` ...) and what
the data plane counted (`SasCounted`); makes `PoliciesChanged`, `NegotiationWanted`, `ProtectionDecided`,
`ProtectionChanged` and the orders `ServeIpsec`, `InstallSa`, `UseSa`, `RemoveSa`, `PollSas`; is `ports.Protection`.

    model, config   transform sets, profiles       policies       a profile for IKE, and which tunnels it protects
    associations    SAs, connections, counters     sockets        which pairs are wanted, what happens to their SAs
    machine         all of it together, and the ports 500 and 4500 of the host
    messages        log lines
    lint            rules for `dmvpn lint`
    facts           what judges outside may know
"""

from dmvpn.features.ipsec import config, messages
from dmvpn.ios import DebugFlag, Feature, LateMachine, Later

FEATURE = Feature(
    name="ipsec",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.ipsec.show:COMMANDS"),
    model=config.model,
    machine=LateMachine("dmvpn.features.ipsec.machine:IpsecMachine"),
    messages=messages.MESSAGES,
    debugs=(
        DebugFlag(messages.IPSEC, "crypto ipsec", "Crypto IPSEC", "Cryptographic Subsystem", dmvpn="detail crypto"),
        DebugFlag(
            messages.SOCKET, "crypto socket", "Crypto Secure Socket", "Cryptographic Subsystem", dmvpn="detail socket"
        ),
    ),
    udp=Later("dmvpn.features.ipsec.show.sessions:udp_ports"),
    explanations=Later("dmvpn.features.ipsec.explain:GROUPS"),
    metrics=Later("dmvpn.features.ipsec.metrics:METRICS"),
)
