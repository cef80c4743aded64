"""IKEv2, RFC 7296: who a peer is, and keys for what is exchanged with it.

Takes the `crypto ikev2`, `crypto isakmp` and `crypto keyring` lines, `PoliciesChanged` and `NegotiationWanted` from the
feature `ipsec`, and UDP ports 500 and 4500; makes `SaNegotiated`, `SaClosed`, `ConnectionChanged` and
`NegotiationChanged`, and packets. IKEv1 is not spoken: its lines are run as IKEv2.

    model        the typed configuration           config       its lines
    translation  what the lines of IKEv1 mean      book         what the configuration says to an IKE SA that asks
    terms        the answers of the book           identity     names, and the peers of a keyring that have them

    wire         messages, payloads, selectors     crypto       algorithms, key schedule, signatures, X.509
    sealed       messages: numbered, sealed, cut   offers       proposals and choices
    udp          ports 500 and 4500; NAT           trust        proofs of identity, certificates

    agreement    states, keys, child SAs           negotiation  how a child SA is agreed on
    sa           the life of an IKE SA: it alone changes itself
    exchanges    what we ask                       beginning    the first two exchanges, the first message of a stranger
    answers      what arrives on an IKE SA
    sas          all IKE SAs: for which of them a datagram is, who may begin one, what time does to them

    machine      joins them to the router          peers        what follows from what IKE SAs do
    attempts     who is wanted, what is tried      connections  peers and their pairs of SAs
    recovery     SAs that one end has forgotten, and peers that are silent
    views        what others see of SAs            reports      what people are told
    timers       what happens later                explain      what shows and reasons mean
    reasons, messages, show: how
    facts        what judges outside may know      lint         rules for `dmvpn lint`
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.ikev2 import config, messages, reports
from dmvpn.features.ikev2.machine import Ikev2Machine
from dmvpn.ios import DebugFlag, Feature, Later

_DEBUGS: Final = (
    DebugFlag(reports.IKEV2, "crypto ikev2", "IKEv2 default", "IKEV2", dmvpn="detail crypto"),
    DebugFlag(reports.PACKET, "crypto ikev2 packet", "IKEv2 packet", "IKEV2", dmvpn="packet crypto"),
    DebugFlag(reports.ERROR, "crypto ikev2 error", "IKEv2 error", "IKEV2", dmvpn="error crypto"),
    DebugFlag(reports.INTERNAL, "crypto ikev2 internal", "IKEv2 internal", "IKEV2", dmvpn="detail crypto"),
    DebugFlag(reports.ISAKMP, "crypto isakmp", "Crypto ISAKMP", "Cryptographic Subsystem", dmvpn="detail crypto"),
)


FEATURE = Feature(
    name="ikev2",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.ikev2.show:COMMANDS"),
    model=config.model,
    machine=Ikev2Machine,
    messages=messages.MESSAGES,
    debugs=_DEBUGS,
    explanations=Later("dmvpn.features.ikev2.explain:GROUPS"),
)
