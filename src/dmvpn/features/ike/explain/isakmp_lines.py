"""What shows of IKEv1 print."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation as Word
from dmvpn.base.explanations import WordGroup, WordKind, label_group
from dmvpn.base.protection import IkePhase

_STATES = WordGroup(
    title="columns state and status",
    kind=WordKind.STATE,
    screens=("show crypto isakmp sa",),
    rank=30,
    next="show crypto ikev2 sa",
    sighting=r" (QM_IDLE|MM_[A-Z_]+) +\d",
    mark=r"^IPv[46] Crypto ISAKMP SA",
    explanations=(
        Word(
            IkePhase.QM_IDLE.value,
            "Both sides have proved who they are, and nothing is being negotiated. The healthy state.",
            clause="RFC 2409 §5.5",
        ),
        Word(
            IkePhase.MM_KEY_AUTH.value,
            "The keys are made, and our identity and its proof are on their way. If it stays, the pre-shared keys of "
            "both ends differ.",
            clause="RFC 2409 §5.4",
        ),
        Word(
            IkePhase.MM_KEY_EXCH.value,
            "Public values of Diffie-Hellman are exchanged.",
            clause="RFC 2409 §5.4",
        ),
        Word(
            IkePhase.MM_SA_SETUP.value,
            "Both sides agree on algorithms; public values of Diffie-Hellman are not exchanged yet.",
            clause="RFC 2409 §5.4",
        ),
        Word(
            IkePhase.MM_NO_STATE.value,
            "The first message is not answered, or the SA is over.",
            clause="RFC 2409 §5.4",
        ),
        Word("ACTIVE", "The SA counts."),
        Word("ACTIVE (deleted)", "The SA is being deleted."),
    ),
)

_SAS = label_group(
    "columns and labels of ISAKMP SAs",
    ("show crypto isakmp sa", "show crypto isakmp sa count", "show crypto isakmp peers"),
    Word("dst", "The address of the end that answered."),
    Word("src", "The address of the end that began."),
    Word("state", "How far the SA is."),
    Word(
        "conn-id", "The number of the ISAKMP SA; 0 until the peer has proved itself.", also=("conn-id status", "C-id")
    ),
    Word("Crypto ISAKMP SA", "The ISAKMP SAs of IKEv1 (phase 1), IPv4 and IPv6 apart."),
    Word("Active ISAKMP SA's", "ISAKMP SAs in which both sides have proved who they are."),
    Word("Standby ISAKMP SA's", "Always 0: no other router stands by with copies of them."),
    Word("Currently being negotiated ISAKMP SA's", "ISAKMP SAs in which a side has not proved who it is."),
    Word("Dead ISAKMP SA's", "ISAKMP SAs that are over, and shown for a moment."),
    Word("Local", "Our address."),
    Word("Remote", "The peer's address."),
    Word("I-VRF", "The VRF of the packets inside of the tunnel; empty: the global table."),
    Word("Status", "ACTIVE: the SA counts."),
    Word("Encr", "The cipher of the ISAKMP SA."),
    Word("Hash", "The hash of the ISAKMP SA, from which its keys are made.", clause="RFC 2409 §5"),
    Word("Auth", "How both ends prove themselves.", also=("psk", "rsig", "renc", "RSA")),
    Word("Preshared key", "Both ends have the same secret.", also=("RSA signature", "RSA encryption")),
    Word("DH", "The Diffie-Hellman group of main mode."),
    Word("Lifetime", "The time until the ISAKMP SA is replaced."),
    Word(
        "Cap.",
        "Letters for abilities: D, the peer is asked whether it lives; N, a NAT is between the ends.",
        also=("Codes", "Dead Peer Detection", "Keepalives", "NAT-traversal"),
    ),
    Word(
        "IKE configuration mode",
        "Abilities for remote access and firewalls, which this router does not have.",
        also=("cTCP encapsulation", "IKE Extended Authentication"),
    ),
    Word("Engine-id:Conn-id", "A number of IOS's crypto engine.", also=("Engine-id", "Conn-id")),
    Word("Peer", "A peer that has an ISAKMP SA.", also=("Port",)),
    Word("Phase1 id", "The identity that the peer proved in main mode.", also=("Phase1",), clause="RFC 2407 §4.6.2"),
    next="show crypto isakmp sa detail",
    sighted=True,
)

_SETTINGS = label_group(
    "labels of isakmp policies, keys and profiles",
    ("show crypto isakmp policy", "show crypto isakmp key", "show crypto isakmp profile"),
    Word("Default IKE policy", "No `crypto isakmp policy` is configured: these are offered."),
    Word("Default protection suite of priority", "One of the policies that are offered instead."),
    Word("encryption algorithm", "The cipher of the policy."),
    Word("hash algorithm", "The hash of the policy, for keys and proofs."),
    Word("authentication method", "How both ends prove who they are."),
    Word("Diffie-Hellman group", "By its number, and its size.", also=("bit", "subgroup")),
    Word("lifetime", "Seconds that an ISAKMP SA of the policy lives.", also=("no volume limit", "seconds")),
    Word("Global IKE policy", "The suites of `crypto isakmp policy`, the preferred one first."),
    Word("Protection suite of priority", "One `crypto isakmp policy`; the smaller number is tried first."),
    Word("AES - Advanced Encryption Standard", "The usual cipher, with the length of its key.", also=("bit keys",)),
    Word(
        "Three key triple DES",
        "An old cipher; refused without `crypto engine compliance shield disable`, and DES always.",
        clause="RFC 8247 §2.1",
        also=("DES - Data Encryption Standard",),
    ),
    Word(
        "Secure Hash Standard", "SHA-1, or with a 2 behind it SHA-2 of so many bits.", also=("Secure Hash Standard 2",)
    ),
    Word(
        "Message Digest 5",
        "MD5, an old hash; refused without `crypto engine compliance shield disable`.",
        clause="RFC 8247 §2.3",
    ),
    Word("Pre-Shared Key", "Both ends have one secret."),
    Word("Rivest-Shamir-Adleman Signature", "Both ends have certificates.", next="show crypto pki certificates"),
    Word("Keyring", "The `crypto keyring` of a key; default: a key of `crypto isakmp key`.", also=("keyring",)),
    Word("Hostname/Address", "The peer, or the range of peers, that the key is for."),
    Word("Preshared Key", "The key itself is never shown.", next="show running-config"),
    Word("IKEv1 PROFILE", "A `crypto isakmp profile`.", next="show running-config"),
    Word("Ref Count", "How many SAs the profile has made."),
    Word(
        "Identities matched are",
        "The identities of peers that the profile is for.",
        also=("ip-address", "fqdn", "fqdn-domain"),
    ),
    Word("Certificate maps matched are", "The rules about certificates that the profile goes by."),
    Word("Identity presented is", "The identity that we send.", clause="RFC 2407 §4.6.2"),
    Word("trustpoint(s)", "Whose certificates the profile uses.", also=("trustpoint",)),
    next="show crypto isakmp profile",
    sighted=True,
)

GROUPS: Final[tuple[WordGroup, ...]] = (_STATES, _SAS, _SETTINGS)
