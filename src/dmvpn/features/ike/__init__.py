"""IKE, RFC 7296 and RFC 2409: the authentication of peers, and keys for the packets exchanged with them.

Takes the `crypto ikev2`, `crypto isakmp` and `crypto keyring` lines, `PoliciesChanged` and `NegotiationWanted` from the
feature `ipsec`, and UDP ports 500 and 4500; makes `SaNegotiated`, `SaClosed`, `ConnectionChanged` and
`NegotiationChanged`, and packets.

One package for both versions: a `Session` is all that connections, peers and shows know of an IKE SA, and only the
package of its version knows the protocol. The packages of the versions do not use each other.

    model        the typed configuration           config       its lines
    translation  what the lines of IKEv1 mean      settings     the configuration's answers to a session
    peer_settings  the values of these answers     identity     identities, and the peers of a keyring with them
    numbers      of IANA, for both versions        suites       algorithms of each type
    chain        parts of messages, SPIs, traffic selectors, the version
    crypto       algorithms, key log, X.509        trust        trustpoints and certificates
    udp          ports 500 and 4500; NAT; when a message is sent again

    session      a session, its outputs            children     child SAs
    v2           IKEv2                             v1           IKEv1
    table        the sessions of one version; peers that have not proved themselves, and the octets that are kept of
                 them; initial contact
    counters     for metrics and `show crypto ikev2 stats`

    versions     both versions as one              machine      IKE as the router sees it
    peers        what follows from the outputs of sessions
    attempts     demands for SAs, and attempts     connections  peers, their pairs of SAs, and the views for shows
    recovery     SAs that one end has forgotten, silent peers, and the way that ESP takes
    facts        what judges outside may know      lint         rules for `dmvpn lint`
    reasons, messages, reports, show, explain: for people
"""

from typing import Final

from dmvpn.base.events import KeysWanted
from dmvpn.base.negotiation import PoliciesChanged
from dmvpn.features.ike import config, messages
from dmvpn.ios import DebugFlag, Feature, Later, Sleeper

_DEBUGS: Final = (
    DebugFlag(messages.IKEV2, "crypto ikev2", "IKEv2 default", "IKEV2", dmvpn="detail crypto"),
    DebugFlag(messages.PACKET, "crypto ikev2 packet", "IKEv2 packet", "IKEV2", dmvpn="packet crypto"),
    DebugFlag(messages.ERROR, "crypto ikev2 error", "IKEv2 error", "IKEV2", dmvpn="error crypto"),
    DebugFlag(messages.INTERNAL, "crypto ikev2 internal", "IKEv2 internal", "IKEV2", dmvpn="detail crypto"),
    DebugFlag(messages.ISAKMP, "crypto isakmp", "Crypto ISAKMP", "Cryptographic Subsystem", dmvpn="detail crypto"),
)


FEATURE = Feature(
    name="ike",
    modes=config.MODES,
    config=config.LINES,
    commands=Later("dmvpn.features.ike.show:COMMANDS"),
    model=config.model,
    machine=Sleeper("dmvpn.features.ike.machine:IkeMachine", wakes=(PoliciesChanged, KeysWanted)),
    messages=messages.MESSAGES,
    debugs=_DEBUGS,
    explanations=Later("dmvpn.features.ike.explain:GROUPS"),
    metrics=Later("dmvpn.features.ike.metrics:METRICS"),
)
