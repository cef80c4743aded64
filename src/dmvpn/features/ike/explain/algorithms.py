"""States of an IKE SA and of a session, in all shows; transforms, groups, kinds of proofs and identities."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import Explanation, WordGroup, WordKind, code, codes, words
from dmvpn.base.protection import IkePhase
from dmvpn.features.ike.numbers import CertEncoding, Encr, Esn, IdType, Integ, Prf, TransformType
from dmvpn.features.ike.numbers import Group as DhGroup
from dmvpn.features.ike.v2.agreement import SaState
from dmvpn.features.ike.v2.wire.numbers import AuthMethod, HashId, SelectorType

_SA_SCREENS = ("show crypto ikev2 sa", "show crypto ikev2 session")

_STATUS = WordGroup(
    title="column Status",
    kind=WordKind.STATE,
    screens=_SA_SCREENS,
    rank=10,
    next="show crypto ikev2 sa detailed",
    sighting=r"\S+/none +([A-Z-]+) *$",
    mark=r"^ IPv[46] Crypto IKEv2 +(?:SA|Session)",
    explanations=words(f"""
        {IkePhase.INIT.value} :: The IKE SA is being negotiated: IKE_SA_INIT or IKE_AUTH is under way. [RFC 7296 §1.2]
            when: For an instant. If it stays, the peer does not answer (UDP 500, 4500), or refuses.
            next: show logging
        {IkePhase.READY.value} :: Both sides have proved who they are: the IKE SA is up and can make IPsec SAs.
            [RFC 7296 §1.2]
            when: The healthy state.
            next: show crypto ipsec sa
        {IkePhase.DELETED.value} :: The IKE SA is being deleted: a Delete was sent to the peer, and its answer is
            awaited. [RFC 7296 §1.4.1]
            when: After `clear crypto ikev2 sa`, at the end of a lifetime, or when a newer SA took its place.
            next: show logging
        """),
)

_DESCRIPTION = WordGroup(
    title="Status Description",
    kind=WordKind.STATE,
    screens=("show crypto ikev2 sa detailed", "show crypto ikev2 session detailed"),
    rank=40,
    next="debug crypto ikev2",
    lines=True,
    sighting=r"Status Description: (.+)$",
    explanations=words("""
        Negotiation done :: IKE_AUTH is over; nothing is pending but keeping the SA alive.
        Delete in progress :: A Delete payload is on its way; the SA goes when the peer confirms.
        Responder waiting for AUTH message :: The peer began, was answered, and has not proved itself yet. It may have
            disliked our answer. [RFC 7296 §1.2]
        Initiator waiting for INIT response :: We sent IKE_SA_INIT and nothing came back: UDP port 500 is filtered, or
            no IKE daemon runs there. [RFC 7296 §1.2]
            next: ping (the peer's NBMA address), then debug crypto ikev2 packet
        Initiator waiting for AUTH response :: IKE_SA_INIT worked and IKE_AUTH is not answered: port 4500 is filtered,
            fragments are lost, or the peer refuses our identity in silence. [RFC 7296 §1.2]
        """),
)

_MACHINE = WordGroup(
    title="life of an IKE SA",
    kind=WordKind.STATE,
    screens=("debug crypto ikev2", "dmvpn doctor"),
    rank=45,
    next="show crypto ikev2 sa detailed",
    explanations=words(f"""
        {SaState.STARTING.value} :: The first exchange: algorithms, Diffie-Hellman values and nonces; nothing is sealed
            yet. [RFC 7296 §1.2]
        {SaState.PROVING.value} :: The second exchange, sealed: identities, their proofs, and the first pair of IPsec
            SAs. [RFC 7296 §1.2]
        {SaState.ESTABLISHED.value} :: Both proofs were good: child SAs can be made, renewed and deleted.
        {SaState.CLOSING.value} :: We said Delete and await the confirmation. [RFC 7296 §1.4.1]
        {SaState.DEAD.value} :: The SA is forgotten; its messages are strangers' from now on.
        """),
)

STATES: Final = (_STATUS, _DESCRIPTION, _MACHINE)


def _group(title: str, clause: str, names: str, *explanations: Explanation, next: str = "") -> WordGroup:
    return WordGroup(
        title=title,
        kind=WordKind.CODE,
        screens=("debug crypto ikev2 packet",),
        rank=55,
        clause=clause,
        next=next or "show crypto ikev2 proposal",
        names=frozenset(names.split()) | {"rfc", "7296", "ikev2", "ike"},
        explanations=explanations,
    )


_T = TransformType
_TYPES = _group(
    "transform types",
    "RFC 7296 §3.3.2",
    "transform type",
    code(_T.ENCR, "Which cipher."),
    code(_T.PRF, "Which function keys are derived with."),
    code(_T.INTEG, "Which check value, where the cipher has none of its own."),
    code(_T.KE, "Which Diffie-Hellman group, or other key exchange method."),
    code(_T.ESN, "Whether ESP counts packets in 64 bits."),
    code(_T.ADDKE1, "The first further key exchange.", clause="RFC 9370 §2.2.1"),
    code(_T.ADDKE2, "The second further key exchange.", clause="RFC 9370 §2.2.1"),
    code(_T.ADDKE3, "The third further key exchange.", clause="RFC 9370 §2.2.1"),
    code(_T.ADDKE4, "The fourth further key exchange.", clause="RFC 9370 §2.2.1"),
    code(_T.ADDKE5, "The fifth further key exchange.", clause="RFC 9370 §2.2.1"),
    code(_T.ADDKE6, "The sixth further key exchange.", clause="RFC 9370 §2.2.1"),
    code(_T.ADDKE7, "The seventh further key exchange.", clause="RFC 9370 §2.2.1"),
)
_CIPHERS = _group(
    "encryption algorithms (transform type 1)",
    "RFC 8247 §2.1",
    "encryption transform encr",
    *codes(Encr)("""
    DES :: DES, a key of 56 bits: broken, and not done by this router.
    TRIPLE_DES :: Triple DES: blocks of 64 bits, weak after some gigabytes; not done by this router.
    NULL :: No encryption, only a check value; never for IKE itself.
    AES_CBC | AES-CBC :: AES in CBC mode; it needs an integrity algorithm beside it.
    AES_CTR :: AES in counter mode, with an integrity algorithm beside it; not done by this router.
    AES_GCM_8 :: AES-GCM with a check value of 8 octets: too short to be advised.
    AES_GCM_12 :: AES-GCM with a check value of 12 octets; seldom met.
    AES_GCM_16 | AES-GCM :: AES-GCM with a check value of 16 octets: encrypts and authenticates at once; the choice
        where both ends have it.
    CHACHA20_POLY1305 :: A stream cipher with a check value, fast without AES hardware. [RFC 7634]
    """),
)
_PRFS = _group(
    "pseudo-random functions (transform type 2)",
    "RFC 8247 §2.2",
    "prf transform",
    code(Prf.HMAC_MD5, "Keys derived with HMAC-MD5: refused, RFC 8247 forbids it."),
    code(Prf.HMAC_SHA1, "Keys derived with HMAC-SHA-1: for old routers alone."),
    code(Prf.HMAC_SHA2_256, "Keys derived with HMAC-SHA-256: supported everywhere."),
    code(Prf.HMAC_SHA2_384, "Keys derived with HMAC-SHA-384."),
    code(Prf.HMAC_SHA2_512, "Keys derived with HMAC-SHA-512."),
)
_CHECKS = _group(
    "integrity algorithms (transform type 3)",
    "RFC 8247 §2.3",
    "integrity integ transform",
    code(Integ.NONE, "No check value beside the cipher, which has its own: right with AES-GCM, wrong with CBC."),
    code(Integ.HMAC_MD5_96, "HMAC-MD5, 12 octets: refused, RFC 8247 forbids it."),
    code(Integ.HMAC_SHA1_96, "HMAC-SHA-1, 12 octets: for old routers alone.", also=("SHA96",)),
    code(Integ.HMAC_SHA2_256_128, "HMAC-SHA-256, 16 octets: supported everywhere.", also=("SHA256",)),
    code(Integ.HMAC_SHA2_384_192, "HMAC-SHA-384, 24 octets.", also=("SHA384",)),
    code(Integ.HMAC_SHA2_512_256, "HMAC-SHA-512, 32 octets.", also=("SHA512",)),
)
_GROUPS = _group(
    "key exchange methods (transform type 4)",
    "RFC 8247 §2.4",
    "group dh diffie-hellman diffie hellman ke transform",
    *codes(DhGroup)("""
    NONE :: No fresh key exchange: a renewed child SA takes its keys from the IKE SA (no PFS).
    MODP_768 :: Group 1, 768 bits: broken, and not done by this router.
    MODP_1024 :: Group 2, 1024 bits: can be broken at great expense; for old routers only.
    MODP_1536 :: Group 5, 1536 bits: should not be used any more.
    MODP_2048 :: Group 14, 2048 bits: the least that is advised.
    MODP_3072 :: Group 15, 3072 bits. [RFC 3526 §4]
    MODP_4096 :: Group 16, 4096 bits; slow. [RFC 3526 §5]
    ECP_256 :: Group 19, the curve P-256: fast, and supported everywhere. [RFC 5903]
    ECP_384 :: Group 20, the curve P-384. [RFC 5903]
    ECP_521 :: Group 21, the curve P-521. [RFC 5903]
    CURVE25519 :: Group 31, Curve25519. [RFC 8031]
    ML_KEM_512 :: Group 35, ML-KEM-512: withstands quantum computers; a further exchange beside another.
        [draft-ietf-ipsecme-ikev2-mlkem]
    ML_KEM_768 :: Group 36, ML-KEM-768: as 35, stronger. [draft-ietf-ipsecme-ikev2-mlkem]
    ML_KEM_1024 :: Group 37, ML-KEM-1024: as 35, the strongest, with the largest messages.
        [draft-ietf-ipsecme-ikev2-mlkem]
    """),
)
_NUMBERS = _group(
    "sequence numbers (transform type 5)",
    "RFC 7296 §3.3.2",
    "esn transform",
    code(Esn.NO, "ESP counts packets in 32 bits, all of them on the wire."),
    code(
        Esn.YES,
        "ESP counts in 64 bits, of which the lower half is on the wire; needed beyond 4 billion packets.",
        clause="RFC 4303 §2.2.1",
    ),
    next="show crypto ipsec sa",
)
_METHODS = _group(
    "authentication methods",
    "RFC 7296 §3.8",
    "auth authentication method",
    *codes(AuthMethod)("""
    RSA_SIGNATURE :: A signature with an RSA key, over SHA-1; old.
    SHARED_KEY | PSK :: A pre-shared key: `authentication local pre-share`. next: show crypto ikev2 profile
    ECDSA_SHA256_P256 :: A signature with a key on P-256. [RFC 4754]
    ECDSA_SHA384_P384 :: A signature with a key on P-384. [RFC 4754]
    ECDSA_SHA512_P521 :: A signature with a key on P-521. [RFC 4754]
    DIGITAL_SIGNATURE :: A signature that names its own algorithm: RSA-PSS, ECDSA with any hash. [RFC 7427 §3]
    """),
    next="show crypto ikev2 sa detailed",
)
_IDENTITIES = _group(
    "kinds of identity",
    "RFC 7296 §3.5",
    "id identity type",
    code(IdType.IPV4_ADDR, "An IPv4 address; the usual one with pre-shared keys."),
    code(IdType.FQDN, "A name, as r1.example.net; it is compared, never looked up."),
    code(IdType.RFC822_ADDR, "An e-mail address."),
    code(IdType.IPV6_ADDR, "An IPv6 address."),
    code(IdType.DER_ASN1_DN, "The subject of a certificate."),
    code(IdType.DER_ASN1_GN, "An alternative name of a certificate."),
    code(IdType.KEY_ID, "Any octets that both ends agreed on."),
    next="show crypto ikev2 sa detailed",
)
_CERTIFICATES = _group(
    "encodings of certificates",
    "RFC 7296 §3.6",
    "cert certificate encoding",
    code(CertEncoding.X509_SIGNATURE, "An X.509 certificate for signatures."),
    code(CertEncoding.CRL, "A revocation list."),
    code(CertEncoding.HASH_AND_URL, "Where the certificate can be fetched; this router fetches nothing."),
    next="show crypto pki certificates",
)
_SELECTORS = _group(
    "kinds of traffic selector",
    "RFC 7296 §3.13.1",
    "selector ts type",
    code(SelectorType.IPV4_RANGE, "A range of IPv4 addresses, of ports, and a protocol: 47 (GRE) in a DMVPN."),
    code(SelectorType.IPV6_RANGE, "A range of IPv6 addresses, of ports, and a protocol."),
    next="show crypto ikev2 sa detailed",
)
_HASHES = _group(
    "hashes of signatures",
    "RFC 7427 §7",
    "hash signature",
    code(HashId.SHA1, "SHA-1: not accepted any more."),
    code(HashId.SHA2_256, "SHA-256, in signatures."),
    code(HashId.SHA2_384, "SHA-384, in signatures."),
    code(HashId.SHA2_512, "SHA-512, in signatures."),
    code(HashId.IDENTITY, "The signature takes the message itself, as Ed25519 does.", clause="RFC 8420"),
    next="debug crypto ikev2 packet",
)

GROUPS: Final = (
    _TYPES,
    _CIPHERS,
    _PRFS,
    _CHECKS,
    _GROUPS,
    _NUMBERS,
    _METHODS,
    _IDENTITIES,
    _CERTIFICATES,
    _SELECTORS,
    _HASHES,
)
