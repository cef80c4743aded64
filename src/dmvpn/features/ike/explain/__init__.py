"""What IKE prints, explained for `dmvpn explain` and `| explain`. Imported on first use, never by a machine.

Here are headings and labels of shows, and the lines of log and debugs.

numbers      exchanges, payloads, notifications
algorithms   states of an IKE SA and of a session; transforms, groups, kinds of proofs and identities
isakmp       numbers of IKEv1
isakmp_lines, isakmp_debugs: shows and debugs of IKEv1
failures     why something came to nothing
fields       of a message
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import answer_group, debug_group, label_group, log, log_group
from dmvpn.features.ike import messages
from dmvpn.features.ike.explain import algorithms, failures, fields, isakmp, isakmp_debugs, isakmp_lines, numbers

if TYPE_CHECKING:
    from dmvpn.base.explanations import WordGroup

_LOGS = log_group(
    "IKE",
    log(
        messages.IsakmpOnOff,
        "At the first `tunnel protection`, and when the last is taken away.",
        next="show crypto sockets",
    ),
    log(
        messages.SessionStatus,
        "At each end of a session's life.",
        next="show crypto session",
    ),
    log(
        messages.IsakmpSessionStatus,
        "At each end of a session's life.",
        next="show crypto session",
    ),
    log(
        messages.NegotiationAborted,
        "On the end that refused, or that was refused. Read the log of both: one of them knows.",
        next="show crypto ikev2 proposal, show crypto ikev2 profile",
        clause="RFC 7296 §2.21",
    ),
    log(
        messages.NothingComes,
        "When packets have gone to a peer for ten seconds and more, and it answers the question whether it lives.",
        next="show crypto ipsec sa",
        clause="RFC 7296 §2.4",
    ),
    log(
        messages.DeniedByList,
        "When the router begins with the peer, when SAs are made, and when the list changes.",
        next="show ip access-lists interface (the interface) in",
    ),
    log(
        messages.ModeFailed,
        "On the end that refused, or that was refused. Read the log of both: one of them knows.",
        next="show crypto isakmp policy, show crypto isakmp key, debug crypto isakmp",
        clause="RFC 2409 §5",
    ),
    log(
        messages.BadMessage,
        "On the end that answers main mode, when message 5 comes. The other end hears nothing, and says so.",
        next="show crypto isakmp key",
        clause="RFC 2409 §5.4",
    ),
    log(
        messages.AggressiveModeDisabled,
        "When a peer is configured for aggressive mode, or an attacker collects hashes of pre-shared keys.",
        next="debug crypto isakmp",
        clause="RFC 2409 §5",
    ),
    log(
        messages.NotAsWritten,
        "When the configuration is read.",
        next="show running-config",
    ),
    log(messages.KeysTold, "In labs, with `dmvpn lab capture --keys`.", next="show logging"),
)

_DEBUGS = debug_group(
    "debug crypto ikev2",
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):Session with IKE ID <identity> authenticated, <algorithms>",
        "The peer's proof was good; the algorithms that both agreed on follow.",
        clause="RFC 7296 §1.2",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):IKE SA rekeyed",
        "A new IKE SA took the place of one whose lifetime ends; child SAs moved over to it.",
        clause="RFC 7296 §2.8",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):Deleting SA: <reason>",
        "The IKE SA ends, and all its IPsec SAs with it.",
        clause="RFC 7296 §1.4.1",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):IPSec SA created: in <spi>, out <spi>",
        "A pair of IPsec SAs was agreed on; these are the SPIs of both directions.",
        next="show crypto ipsec sa",
        clause="RFC 7296 §1.3.1",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):IPSec SA <spi> deleted: <reason>",
        "A pair of IPsec SAs ends; the IKE SA stays.",
        next="show crypto ipsec sa",
        clause="RFC 7296 §1.4.1",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):Peer moved from <address:port> to <address:port>",
        "The peer's packets come from another address: its translator gave it a new one. We follow.",
        clause="RFC 7296 §2.23",
    ),
    Word(
        "IKEv2:(SESSION ID = <number>,SA ID = <number>):<what>",
        "Something went wrong in this SA; the text says what.",
        next="show logging",
    ),
    Word(
        "IKEv2:<address:port>: <why>",
        "A message of a stranger, or of a peer that may not begin, was turned away (`debug crypto ikev2 error`).",
        next="show crypto ikev2 stats",
    ),
    next="show crypto ikev2 sa detailed",
)

_ANSWERS = answer_group(
    "IKE",
    Word(
        "% There is a local authentication method already; take it back first",
        "A profile proves itself in one way: say `no authentication local ...` before another one.",
    ),
    Word(
        "%Warning: kept, and not acted upon: <why>",
        "The line is legal and has no effect in this router; it is shown back as it was written.",
    ),
    Word(
        "% Invalid hex key: pairs of hexadecimal digits are expected",
        "A key with `hex` was given that is no string of octets.",
    ),
    Word(
        "%Warning: kept; a key of type <number> can be read by the router that wrote it only, so tunnels that need it "
        "stay down; enter the key in clear",
        "Type 6 keys are sealed with a secret of the router that made them, so a copy is worthless.",
    ),
    next="show crypto ikev2 profile",
)


# ---------------------------------------------------------------------------------------------------------------- lines


_SAS = label_group(
    "columns and labels of the IKE SAs",
    ("show crypto ikev2 sa", "show crypto ikev2 session"),
    Word("Tunnel-id", "The number of the IKE SA; no number of a tunnel interface."),
    Word("Local", "Our address and UDP port."),
    Word("Remote", "The peer's address and UDP port."),
    Word("fvrf/ivrf", "The VRFs outside and inside of the tunnel; none: the global table.", also=("none/none",)),
    Word("Session-id", "The number of the session that the SA belongs to.", next="show crypto session detail"),
    Word("IKE count", "How many IKE SAs the session has; two while one replaces the other."),
    Word("CHILD count", "How many pairs of IPsec SAs the session has.", next="show crypto ipsec sa"),
    Word("Encr", "The cipher of IKE itself, or below a child SA that of ESP."),
    Word("keysize", "Bits of the cipher's key."),
    Word("PRF", "The function that keys are derived with.", clause="RFC 7296 §2.13"),
    Word("Hash", "The algorithm of the check value."),
    Word(
        "DH Grp", "The Diffie-Hellman group of the first exchange.", also=("Group", "DH Group", "Diffie-Hellman group")
    ),
    Word("Auth sign", "How this router proves itself.", clause="RFC 7296 §2.15"),
    Word("Auth verify", "How the peer proves itself."),
    Word("Life/Active Time", "Seconds that the SA may live, and has lived.", clause="RFC 7296 §2.8"),
    Word("CE id", "A number of IOS's crypto engine; 0 here."),
    Word("Status Description", "The present activity of the SA."),
    Word("Local spi", "Our number for the IKE SA.", clause="RFC 7296 §3.1"),
    Word("Remote spi", "The peer's number for the IKE SA."),
    Word("Local id", "The identity that we prove.", clause="RFC 7296 §3.5"),
    Word("Remote id", "The identity that the peer proved."),
    Word("req msg id", "The identifier of the last request.", clause="RFC 7296 §2.2"),
    Word("next msg id", "The identifier of the next request."),
    Word("req queued", "The newest request that was accepted for sending."),
    Word("Local window", "How many requests of the peer we take at once.", clause="RFC 7296 §2.3"),
    Word("Remote window", "How many requests the peer takes at once."),
    Word(
        "DPD configured",
        "Seconds of silence until the first probe, and seconds between further probes.",
        clause="RFC 7296 §2.4",
        also=("DPD", "retry"),
    ),
    Word(
        "Fragmentation",
        "Whether large messages go in pieces of IKE's own; both ends have to want it.",
        clause="RFC 7383",
        also=("IETF Std Fragmentation",),
    ),
    Word("Dynamic Route Update", "Routes in IKE messages; not in this router."),
    Word("Extended Authentication", "A login besides the proof; not in this router."),
    Word(
        "NAT-T is detected",
        "A translator is on the named side: ESP goes in UDP port 4500.",
        clause="RFC 7296 §2.23",
        also=("NAT-T is not detected", "inside", "outside"),
    ),
    Word("Cisco Trust Security SGT", "Tags of security groups; not in this router."),
    Word("Initiator of SA", "Whether this end began.", clause="RFC 7296 §1.2"),
    Word("Child sa", "A pair of IPsec SAs, one for each direction; its labels follow.", next="show crypto ipsec sa"),
    Word("local selector", "The packets of ours that the pair is for.", clause="RFC 7296 §2.9"),
    Word("remote selector", "The packets of the peer's that the pair is for."),
    Word("ESP spi in/out", "The SPIs that we receive and send with."),
    Word("AH spi in/out", "The same of AH, which is not used."),
    Word("CPI in/out", "The same of compression, which is not used.", also=("comp", "IPCOMP_NONE")),
    Word("esp_hmac", "The check value of ESP; None with AES-GCM, which has its own."),
    Word("ah_hmac", "The check value of AH; there is none."),
    Word(
        "mode transport",
        "The pair protects GRE without another IP header.",
        clause="RFC 7296 §1.3.1",
        also=("mode", "transport"),
    ),
    Word("mode tunnel", "The pair has an IP header of its own around each packet.", also=("tunnel",)),
    Word("Crypto IKEv2 SA", "The IKE SAs, IPv4 and IPv6 apart.", also=("Crypto IKEv2  SA", "IKEv2  SA", "IKEv2 SA")),
    Word("Crypto IKEv2 Session", "The IKE SAs with their pairs of IPsec SAs.", also=("IKEv2 Session",)),
    next="show crypto ikev2 sa detailed",
    sighted=True,
    mark=r"^ IPv[46] Crypto IKEv2 ",
)

_SETTINGS = label_group(
    "labels of proposals, policies and profiles",
    (
        "show crypto ikev2 proposal",
        "show crypto ikev2 policy",
        "show crypto ikev2 profile",
    ),
    Word("IKEv2 proposal", "Algorithms that are offered and accepted.", clause="RFC 7296 §2.7"),
    Word("Encryption", "The ciphers, the preferred one first.", also=("encryption algorithm",)),
    Word("Integrity", "The check values of messages; none with AES-GCM.", also=("hash algorithm",)),
    Word(
        "DH_GROUP",
        "A Diffie-Hellman group by its size and kind: MODP counts modulo a prime, ECP is a curve.",
        also=("DH_GROUP_768_MODP", "MODP", "ECP", "bit", "subgroup"),
    ),
    Word("IKEv2 policy", "Which proposals are used for which of our addresses.", next="show crypto ikev2 policy"),
    Word("Match fvrf", "The outer routing table for which it holds.", also=("Fvrf", "global", "any")),
    Word("Match address local", "Our addresses for which it holds."),
    Word("Proposal", "The proposals of the policy."),
    Word("IKEv2 profile", "Who peers may be, and how both ends prove themselves.", next="show crypto ikev2 profile"),
    Word("Match criteria", "A peer that fits these gets this profile."),
    Word("Ref Count", "How many others name this profile."),
    Word("Shutdown", "Whether the profile is switched off."),
    Word("Local address/interface", "The profile holds for this address of ours alone."),
    Word("Identities", "The identities that peers may prove.", clause="RFC 7296 §3.5"),
    Word("Certificate maps", "Rules that the certificate of a peer has to meet.", next="show crypto pki certificates"),
    Word("Local identity", "The identity that is sent; none: our address."),
    Word("Remote identity", "A single identity that is wanted."),
    Word("Local authentication method", "How we prove ourselves.", also=("authentication method",)),
    Word("Remote authentication method", "How peers have to prove themselves."),
    Word("EAP options", "Proof by an outer server; not in this router."),
    Word("Keyring", "Where the pre-shared keys are.", next="show running-config"),
    Word("Trustpoint", "Whose certificates are used.", next="show crypto pki trustpoints"),
    Word(
        "Lifetime", "Seconds until the IKE SA is replaced.", clause="RFC 7296 §2.8", also=("no volume limit", "seconds")
    ),
    Word("retry-interval", "Seconds between questions that are not answered.", also=("interval",)),
    Word("on-demand", "A peer is asked only if packets go to it and none come.", also=("periodic",)),
    Word("NAT-keepalive", "Seconds between packets that keep a translator from forgetting.", clause="RFC 3948 §2.3"),
    Word("Ivrf", "The inner routing table; none of its own here."),
    Word("Virtual-template", "Interfaces made for single peers; not in this router.", also=("mode auto",)),
    Word(
        "AAA authentication mlist",
        "Names of lists for outer servers; not in this router.",
        also=(
            "AAA AnyConnect EAP authentication mlist",
            "AAA EAP authentication mlist",
            "AAA Accounting",
            "AAA group authorization",
            "AAA user authorization",
        ),
    ),
    next="show crypto ikev2 profile",
    sighted=True,
)

_COUNTERS = label_group(
    "labels of the statistics of IKE",
    ("show crypto ikev2 stats",),
    Word("Crypto IKEv2 SA Statistics", "Counters of IKE since the start."),
    Word("System Resource Limit", "A limit of the whole system; 0 is none."),
    Word("Max IKEv2 SAs", "How many IKE SAs may be had; 0 is without limit."),
    Word("Max in nego(in/out)", "How many may be negotiated at once.", also=("Max in nego", "in/out")),
    Word("incoming IKEv2 SA Count", "IKE SAs that peers began.", also=("incoming", "IKEv2 SA Count", "Total incoming")),
    Word("outgoing IKEv2 SA Count", "IKE SAs that this router began.", also=("outgoing", "Total outgoing")),
    Word("active", "IKE SAs that are up."),
    Word("negotiating", "IKE SAs that are on their way."),
    Word("IKEv2 Requests", "Attempts to make an IKE SA.", also=("Incoming", "Outgoing")),
    Word("accepted", "Attempts that led to an SA."),
    Word("rejected", "Attempts that were refused.", next="show logging"),
    Word("Rejected IKEv2 Requests", "All refused attempts, and below them why."),
    Word("rsrc low", "Refused for want of memory."),
    Word("SA limit", "Refused because of the largest number of SAs."),
    Word("IKEv2 packets dropped at dispatch", "Messages that belong to no SA and begin none."),
    Word(
        "Incoming Requests dropped as LOW Q limit reached",
        "Requests lost because a queue was full; there is none here.",
    ),
    Word(
        "Incoming IKEV2 Cookie Challenged Requests",
        "Strangers that had to show that their address is real.",
        clause="RFC 7296 §2.6",
    ),
    Word("rejected no cookie", "Requests that did not return with the cookie."),
    Word(
        "Total Deleted sessions of Cert Revoked Peers",
        "Sessions ended because a certificate was revoked.",
        next="show crypto pki crls",
    ),
    next="show crypto ikev2 stats",
    sighted=True,
)

GROUPS: Final[tuple[WordGroup, ...]] = (
    *(
        *algorithms.STATES,
        *numbers.GROUPS,
        *algorithms.GROUPS,
        *isakmp.GROUPS,
        *isakmp_lines.GROUPS,
        *isakmp_debugs.GROUPS,
    ),
    *failures.GROUPS,
    *fields.GROUPS,
    *(_ANSWERS, _LOGS, _DEBUGS, _SAS, _SETTINGS, _COUNTERS),
)
