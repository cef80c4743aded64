"""States of an IKE SA and of a session, in all shows; transforms, groups, kinds of proofs and identities."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.protection import IkePhase
from dmvpn.features.ike.numbers import CertEncoding, Encr, Esn, IdType, Integ, Prf, TransformType
from dmvpn.features.ike.numbers import Group as DhGroup
from dmvpn.features.ike.v2.numbers import AuthMethod, HashId, SelectorType
from dmvpn.features.ike.v2.sa import SaState

#: Words that may precede a number, whatever it numbers.
_RFC: Final = "rfc 7296 ikev2 ike"

_STATUS = words(
    WordKind.STATE,
    IkePhase,
    rank=10,
    sighting=r"\S+/none +([A-Z-]+) *$",
    mark=r"^ IPv[46] Crypto IKEv2 +(?:SA|Session)",
)("""
    ## column Status :: show crypto ikev2 sa, show crypto ikev2 session next: show crypto ikev2 sa detailed
    INIT :: The IKE SA is being negotiated: IKE_SA_INIT or IKE_AUTH is under way. [RFC 7296 §1.2]
        when: For an instant. If it stays, the peer does not answer (UDP 500, 4500), or refuses.
        next: show logging
    READY :: Both sides have proved who they are: the IKE SA is up and can make IPsec SAs. [RFC 7296 §1.2]
        when: The healthy state.
        next: show crypto ipsec sa
    DELETED :: The IKE SA is being deleted: a Delete was sent to the peer, and its answer is awaited. [RFC 7296 §1.4.1]
        when: After `clear crypto ikev2 sa`, at the end of a lifetime, or when a newer SA took its place.
        next: show logging
    """)
_DESCRIPTION = words(WordKind.STATE, rank=40, sighting=r"Status Description: (.+)$", lines=True)("""
    ## Status Description :: show crypto ikev2 sa detailed, show crypto ikev2 session detailed next: debug crypto ikev2
    Negotiation done :: IKE_AUTH is over; nothing is pending but keeping the SA alive.
    Delete in progress :: A Delete payload is on its way; the SA goes when the peer confirms.
    Responder waiting for AUTH message :: The peer began, was answered, and has not proved itself yet. It may have
        disliked our answer. [RFC 7296 §1.2]
    Initiator waiting for INIT response :: We sent IKE_SA_INIT and nothing came back: UDP port 500 is filtered, or no
        IKE daemon runs there. [RFC 7296 §1.2]
        next: ping (the peer's NBMA address), then debug crypto ikev2 packet
    Initiator waiting for AUTH response :: IKE_SA_INIT worked and IKE_AUTH is not answered: port 4500 is filtered,
        fragments are lost, or the peer refuses our identity in silence. [RFC 7296 §1.2]
    """)
_MACHINE = words(WordKind.STATE, SaState, rank=45)("""
    ## life of an IKE SA :: debug crypto ikev2, dmvpn doctor next: show crypto ikev2 sa detailed
    STARTING :: The first exchange: algorithms, Diffie-Hellman values and nonces; nothing is sealed yet. [RFC 7296 §1.2]
    PROVING :: The second exchange, sealed: identities, their proofs, and the first pair of IPsec SAs. [RFC 7296 §1.2]
    ESTABLISHED :: Both proofs were good: child SAs can be made, renewed and deleted.
    CLOSING :: We said Delete and await the confirmation. [RFC 7296 §1.4.1]
    DEAD :: The SA is forgotten; its messages are strangers' from now on.
    """)
_TYPES = words(WordKind.CODE, TransformType, rank=55, names="transform 7296 type ike ikev2 rfc")("""
    ## transform types :: debug crypto ikev2 packet [RFC 7296 §3.3.2] next: show crypto ikev2 proposal
    ENCR :: Which cipher.
    PRF :: Which function keys are derived with.
    INTEG :: Which check value, where the cipher has none of its own.
    KE :: Which Diffie-Hellman group, or other key exchange method.
    ESN :: Whether ESP counts packets in 64 bits.
    ADDKE1 :: The first further key exchange. [RFC 9370 §2.2.1]
    ADDKE2 :: The second further key exchange. [RFC 9370 §2.2.1]
    ADDKE3 :: The third further key exchange. [RFC 9370 §2.2.1]
    ADDKE4 :: The fourth further key exchange. [RFC 9370 §2.2.1]
    ADDKE5 :: The fifth further key exchange. [RFC 9370 §2.2.1]
    ADDKE6 :: The sixth further key exchange. [RFC 9370 §2.2.1]
    ADDKE7 :: The seventh further key exchange. [RFC 9370 §2.2.1]
    """)
_CIPHERS = words(WordKind.CODE, Encr, rank=55, names=f"{_RFC} encryption transform encr")("""
    ## encryption algorithms (transform type 1) :: debug crypto ikev2 packet [RFC 8247 §2.1]
        next: show crypto ikev2 proposal
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
    """)
_PRFS = words(WordKind.CODE, Prf, rank=55, names=f"{_RFC} prf transform")("""
    ## pseudo-random functions (transform type 2) :: debug crypto ikev2 packet [RFC 8247 §2.2]
        next: show crypto ikev2 proposal
    HMAC_MD5 :: Keys derived with HMAC-MD5: refused, RFC 8247 forbids it.
    HMAC_SHA1 :: Keys derived with HMAC-SHA-1: for old routers alone.
    HMAC_SHA2_256 :: Keys derived with HMAC-SHA-256: supported everywhere.
    HMAC_SHA2_384 :: Keys derived with HMAC-SHA-384.
    HMAC_SHA2_512 :: Keys derived with HMAC-SHA-512.
    """)
_CHECKS = words(WordKind.CODE, Integ, rank=55, names=f"{_RFC} integrity integ transform")("""
    ## integrity algorithms (transform type 3) :: debug crypto ikev2 packet [RFC 8247 §2.3]
        next: show crypto ikev2 proposal
    NONE :: No check value beside the cipher, which has its own: right with AES-GCM, wrong with CBC.
    HMAC_MD5_96 :: HMAC-MD5, 12 octets: refused, RFC 8247 forbids it.
    HMAC_SHA1_96 | SHA96 :: HMAC-SHA-1, 12 octets: for old routers alone.
    HMAC_SHA2_256_128 | SHA256 :: HMAC-SHA-256, 16 octets: supported everywhere.
    HMAC_SHA2_384_192 | SHA384 :: HMAC-SHA-384, 24 octets.
    HMAC_SHA2_512_256 | SHA512 :: HMAC-SHA-512, 32 octets.
    """)
_DH = words(WordKind.CODE, DhGroup, rank=55, names=f"{_RFC} group dh diffie-hellman diffie hellman ke transform")("""
    ## key exchange methods (transform type 4) :: debug crypto ikev2 packet [RFC 8247 §2.4]
        next: show crypto ikev2 proposal
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
    """)
_NUMBERS = words(WordKind.CODE, Esn, rank=55, names="7296 esn transform ike ikev2 rfc")("""
    ## sequence numbers (transform type 5) :: debug crypto ikev2 packet [RFC 7296 §3.3.2] next: show crypto ipsec sa
    NO :: ESP counts packets in 32 bits, all of them on the wire.
    YES :: ESP counts in 64 bits, of which the lower half is on the wire; needed beyond 4 billion packets.
        [RFC 4303 §2.2.1]
    """)
_METHODS = words(WordKind.CODE, AuthMethod, rank=55, names="authentication 7296 auth method ikev2 ike rfc")("""
    ## authentication methods :: debug crypto ikev2 packet [RFC 7296 §3.8] next: show crypto ikev2 sa detailed
    RSA_SIGNATURE :: A signature with an RSA key, over SHA-1; old.
    SHARED_KEY | PSK :: A pre-shared key: `authentication local pre-share`. next: show crypto ikev2 profile
    ECDSA_SHA256_P256 :: A signature with a key on P-256. [RFC 4754]
    ECDSA_SHA384_P384 :: A signature with a key on P-384. [RFC 4754]
    ECDSA_SHA512_P521 :: A signature with a key on P-521. [RFC 4754]
    DIGITAL_SIGNATURE :: A signature that names its own algorithm: RSA-PSS, ECDSA with any hash. [RFC 7427 §3]
    """)
_IDENTITIES = words(WordKind.CODE, IdType, rank=55, names="identity 7296 id type ikev2 ike rfc")("""
    ## kinds of identity :: debug crypto ikev2 packet [RFC 7296 §3.5] next: show crypto ikev2 sa detailed
    IPV4_ADDR :: An IPv4 address; the usual one with pre-shared keys.
    FQDN :: A name, as r1.example.net; it is compared, never looked up.
    RFC822_ADDR :: An e-mail address.
    IPV6_ADDR :: An IPv6 address.
    DER_ASN1_DN :: The subject of a certificate.
    DER_ASN1_GN :: An alternative name of a certificate.
    KEY_ID :: Any octets that both ends agreed on.
    """)
_CERTIFICATES = words(WordKind.CODE, CertEncoding, rank=55, names="7296 cert certificate encoding ike ikev2 rfc")("""
    ## encodings of certificates :: debug crypto ikev2 packet [RFC 7296 §3.6] next: show crypto pki certificates
    X509_SIGNATURE :: An X.509 certificate for signatures.
    CRL :: A revocation list.
    HASH_AND_URL :: Where the certificate can be fetched; this router fetches nothing.
    """)
_SELECTORS = words(WordKind.CODE, SelectorType, rank=55, names="selector 7296 ts type ikev2 ike rfc")("""
    ## kinds of traffic selector :: debug crypto ikev2 packet [RFC 7296 §3.13.1] next: show crypto ikev2 sa detailed
    IPV4_RANGE :: A range of IPv4 addresses, of ports, and a protocol: 47 (GRE) in a DMVPN.
    IPV6_RANGE :: A range of IPv6 addresses, of ports, and a protocol.
    """)
_HASHES = words(WordKind.CODE, HashId, rank=55, names="hash signature ikev2 7296 ike rfc")("""
    ## hashes of signatures :: debug crypto ikev2 packet [RFC 7427 §7] next: debug crypto ikev2 packet
    SHA1 :: SHA-1: not accepted any more.
    SHA2_256 :: SHA-256, in signatures.
    SHA2_384 :: SHA-384, in signatures.
    SHA2_512 :: SHA-512, in signatures.
    IDENTITY :: The signature takes the message itself, as Ed25519 does. [RFC 8420]
    """)

GROUPS: Final = groups(vars())
