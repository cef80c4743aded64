"""IPsec: which tunnels are protected how, with whom, and by which security associations (RFC 4301, RFC 4303).

Takes the `crypto ipsec` lines, `TunnelChanged`, `ProtectionWanted`, what IKE negotiated (`SaNegotiated` ...) and what
the data plane counted (`SasCounted`); makes `PoliciesChanged`, `NegotiationWanted`, `ProtectionDecided`,
`ProtectionChanged` and the orders `ServeIpsec`, `InstallSa`, `UseSa`, `RemoveSa`, `PollSas`; is `ports.Protection`.

    model, config   transform sets, profiles       policies       a profile in the terms of IKE
    decisions       which tunnels can be protected sockets        which pairs are wanted, how far each is
    associations    SAs and connections            lifecycle      what happens to SAs
    upkeep          counters, idle connections     serving        ports 500 and 4500 of the host
    machine         all of it together             messages       log lines, and how often they name strangers
    facts           what judges outside may know   lint           rules for `dmvpn lint`
"""

from __future__ import annotations

from dmvpn.features.ipsec import config, messages
from dmvpn.features.ipsec.machine import IpsecMachine
from dmvpn.ios import DebugFlag, Feature, Later

FEATURE = Feature(
    name="ipsec",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.ipsec.show:COMMANDS"),
    model=config.model,
    machine=IpsecMachine,
    messages=messages.MESSAGES,
    debugs=(
        DebugFlag(messages.IPSEC, "crypto ipsec", "Crypto IPSEC", "Cryptographic Subsystem", dmvpn="detail crypto"),
        DebugFlag(
            messages.SOCKET, "crypto socket", "Crypto Secure Socket", "Cryptographic Subsystem", dmvpn="detail socket"
        ),
    ),
    explanations=Later("dmvpn.features.ipsec.explain:GROUPS"),
)
