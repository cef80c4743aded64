"""IKEv2: exchanges, flags, payloads and notifications (RFC 7296 §3, IANA "ikev2-parameters"), and states of an IKE SA.

Transforms, groups, kinds of proofs and identities are here, too.
"""

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.protection import IkePhase
from dmvpn.features.ike.numbers import CertEncoding, Encr, Esn, IdType, Integ, Prf, ProtocolId, TransformType
from dmvpn.features.ike.numbers import Group as DhGroup
from dmvpn.features.ike.v2.numbers import (
    AuthMethod,
    ExchangeType,
    Flag,
    HashId,
    NotifyType,
    PayloadType,
    SelectorType,
)
from dmvpn.features.ike.v2.sa import SaState

#: Words that may precede a number, whatever it numbers.
_RFC: Final = "rfc 7296 ikev2 ike code"

_UNKNOWN = words(WordKind.CODE, rank=49)("""
    ## payloads that are not known :: debug crypto ikev2 packet next: debug crypto ikev2 packet
    Unknown :: A payload whose number this router does not know; it is skipped unless it is critical. [RFC 7296 §2.5]
    """)
_TYPES = words(WordKind.CODE, ExchangeType, rank=25, names=f"{_RFC} exchange", sighting=r"^IKEv2 (\w+) Exchange ")("""
    ## exchanges :: debug crypto ikev2 packet, show logging next: debug crypto ikev2 packet
    IKE_SA_INIT :: The first two messages: algorithms, Diffie-Hellman values, nonces, and whether NAT is between.
        [RFC 7296 §1.2]
        when: In clear, on UDP port 500. Neither end is authenticated yet.
    IKE_AUTH :: The next two, sealed: who both are and the proof of it, and the first pair of IPsec SAs. [RFC 7296 §1.2]
        when: From here on in UDP port 4500, if NAT is there or both ends are ours.
    CREATE_CHILD_SA :: Makes another pair of IPsec SAs, or renews a pair or the IKE SA itself before its lifetime ends.
        [RFC 7296 §1.3]
    INFORMATIONAL :: Deletes SAs, reports errors; an empty one asks whether the peer lives (DPD). [RFC 7296 §1.4]
    IKE_INTERMEDIATE :: Between IKE_SA_INIT and IKE_AUTH: a further key exchange, as with ML-KEM. [RFC 9242]
    IKE_FOLLOWUP_KE :: Behind CREATE_CHILD_SA: the further key exchanges of a renewal. [RFC 9370 §2.2.4]
    """)
_ERRORS = words(
    WordKind.CODE,
    NotifyType,
    rank=22,
    names=f"{_RFC} notify notification error type",
    sighting=r"\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\b",
)("""
    ## error notifications :: debug crypto ikev2 packet, show logging [RFC 7296 §3.10.1]
        next: show logging (on both ends)
    UNSUPPORTED_CRITICAL_PAYLOAD :: A payload that must not be ignored is unknown to the receiver. [RFC 7296 §2.5]
    INVALID_IKE_SPI :: The receiver knows no IKE SA with these SPIs. [RFC 7296 §2.21.4]
        when: After a restart of one end; with DPD or invalid SPI recovery the SA is made again.
        next: show crypto ikev2 sa
    INVALID_MAJOR_VERSION :: The receiver does not speak this version of IKE, as an IKEv1-only router. [RFC 7296 §2.5]
    INVALID_SYNTAX :: The message was not formed as the standard asks. Under encryption this answer ends the IKE SA at
        both ends, without a Delete; in clear it changes nothing. [RFC 7296 §2.21.3]
        next: debug crypto ikev2 packet
    INVALID_MESSAGE_ID :: The message identifier lies outside of the window. [RFC 7296 §2.3]
    INVALID_SPI :: ESP came for an SA that the receiver does not have. [RFC 7296 §1.5]
        when: After a restart of the receiver.
        next: show crypto ipsec sa
    NO_PROPOSAL_CHOSEN :: No proposal of the asker has only algorithms that the answerer accepts. [RFC 7296 §2.7]
        when: In IKE_SA_INIT: `crypto ikev2 proposal` differs. In IKE_AUTH or later: the transform sets, or the PFS
        group, differ.
        next: show crypto ikev2 proposal, show crypto ipsec transform-set (on both ends)
    INVALID_KE_PAYLOAD :: The proposal is acceptable, but the responder wants another Diffie-Hellman group; it names the
        group, and the initiator tries again. [RFC 7296 §1.2]
        when: Harmless, one round trip more; put the common group first.
        next: show crypto ikev2 proposal
    AUTHENTICATION_FAILED :: The proof of the peer was not accepted. The standard lets the answer say no more; the log
        of the end that refused says why. [RFC 7296 §2.21.2]
        when: Another pre-shared key, an identity that no profile matches, a certificate that is not believed.
        next: show crypto ikev2 profile, show logging (on both ends)
    SINGLE_PAIR_REQUIRED :: Only one pair of addresses can be had in one SA. [RFC 7296 §2.9]
    NO_ADDITIONAL_SAS :: The peer makes no further SAs in this IKE SA. [RFC 7296 §1.3]
    INTERNAL_ADDRESS_FAILURE :: An address from a pool was asked for and there is none. [RFC 7296 §3.15.4]
    FAILED_CP_REQUIRED :: The answerer insists that the asker takes an address from a pool. [RFC 7296 §3.15.4]
    TS_UNACCEPTABLE :: The traffic selectors do not fit: the ends disagree on which packets the SA is for.
        [RFC 7296 §2.9]
        when: One end protects GRE between two addresses, the other end something else; or NAT, and tunnel mode.
        next: show crypto ipsec sa
    INVALID_SELECTORS :: A packet came in an SA that is not for such packets.
    UNACCEPTABLE_ADDRESSES :: A move to another address was refused (MOBIKE). [RFC 4555 §3.5]
    TEMPORARY_FAILURE :: Not now: the answerer is renewing or deleting the same SA. The asker waits a little and tries
        again. [RFC 7296 §2.25]
    CHILD_SA_NOT_FOUND :: The SA that was to be renewed is not there (any more). [RFC 7296 §2.25]
    """)
_STATUS_TYPES = words(
    WordKind.CODE, NotifyType, rank=23, names=f"{_RFC} notify notification status type", sighting=r"NOTIFY\((\w+)\)"
)("""
    ## status notifications :: debug crypto ikev2 packet, show logging [RFC 7296 §3.10.1]
        next: debug crypto ikev2 packet
    INITIAL_CONTACT :: The sender has no other SA with the receiver: older ones of its identity go, elsewhere only if
        silent. [RFC 7296 §2.4]
        when: In the first IKE_AUTH after a restart.
    SET_WINDOW_SIZE :: How many requests the sender takes at once. [RFC 7296 §2.3]
    ADDITIONAL_TS_POSSIBLE :: The selectors were narrowed; another SA may have the rest. [RFC 7296 §2.9]
    IPCOMP_SUPPORTED :: The sender could compress packets; DMVPN does not. [RFC 7296 §2.22]
    NAT_DETECTION_SOURCE_IP :: A hash of the sender's own address and port: if it does not fit what the receiver sees,
        the sender is behind NAT. [RFC 7296 §2.23]
    NAT_DETECTION_DESTINATION_IP :: A hash of the address and port that the sender sent to: if it does not fit, the
        receiver is behind NAT. [RFC 7296 §2.23]
    COOKIE :: Too many strangers begin at once: repeat this token to show that your address is real. [RFC 7296 §2.6]
        when: Under load, or in an attack.
        next: show crypto ikev2 stats
    USE_TRANSPORT_MODE :: The SA is to be in transport mode, which GRE needs no second IP header for. [RFC 7296 §1.3.1]
        when: DMVPN's usual mode: `mode transport`.
        next: show crypto ipsec transform-set
    HTTP_CERT_LOOKUP_SUPPORTED :: The sender would fetch certificates from a web server. [RFC 7296 §3.6]
    REKEY_SA :: The SA that is asked for replaces this one. [RFC 7296 §2.8]
    ESP_TFC_PADDING_NOT_SUPPORTED :: Do not pad packets to hide their lengths. [RFC 7296 §1.3.1]
    NON_FIRST_FRAGMENTS_ALSO :: Fragments behind the first may take the SA, too. [RFC 7296 §1.3.1]
    MOBIKE_SUPPORTED :: The sender could keep the SA when its address changes. [RFC 4555 §3.2]
    ADDITIONAL_IP4_ADDRESS :: Another IPv4 address of the sender (MOBIKE). [RFC 4555 §3.4]
    ADDITIONAL_IP6_ADDRESS :: Another IPv6 address of the sender (MOBIKE). [RFC 4555 §3.4]
    NO_ADDITIONAL_ADDRESSES :: The sender has no other address (any more). [RFC 4555 §3.6]
    UPDATE_SA_ADDRESSES :: Use my new address from now on. [RFC 4555 §3.5]
    COOKIE2 :: Show that you are reachable at the new address, by returning this. [RFC 4555 §3.7]
    NO_NATS_ALLOWED :: The sender wants no translator on the way. [RFC 4555 §3.9]
    MULTIPLE_AUTH_SUPPORTED :: The sender could prove itself twice. [RFC 4739]
    EAP_ONLY_AUTHENTICATION :: The initiator would accept EAP as the only proof. [RFC 5998]
    CHILDLESS_IKEV2_SUPPORTED :: The responder takes an IKE_AUTH without a child SA. [RFC 6023]
    IKEV2_MESSAGE_ID_SYNC_SUPPORTED :: The sender could repair message identifiers after a fail-over. [RFC 6311]
    FRAGMENTATION_SUPPORTED :: The sender takes messages in fragments of IKE's own, which pass where IP fragments are
        dropped. [RFC 7383 §2.3]
        when: Both must say it: `crypto ikev2 fragmentation`.
        next: show crypto ikev2 sa detailed
    SIGNATURE_HASH_ALGORITHMS :: Which hashes the sender accepts in signatures. [RFC 7427 §4]
    USE_PPK :: Mix a secret that both have into the keys, against quantum computers. [RFC 8784]
    INTERMEDIATE_EXCHANGE_SUPPORTED :: The sender can do IKE_INTERMEDIATE, which further key exchanges need.
        [RFC 9242 §3.1]
    ADDITIONAL_KEY_EXCHANGE :: Binds an IKE_FOLLOWUP_KE to the exchange that it belongs to. [RFC 9370 §2.2.4]
    """)
_FLAGS = words(WordKind.FLAG, Flag, rank=46)("""
    ## flags of the header :: debug crypto ikev2 packet [RFC 7296 §3.1] next: debug crypto ikev2 packet
    INITIATOR :: The sender initiated the IKE SA, whichever end began this exchange.
    VERSION :: The sender could speak a later major version of IKE.
    RESPONSE :: The message answers the one with the same message identifier.
    """)
_PAYLOADS = words(WordKind.CODE, PayloadType, rank=47, names=f"{_RFC} payload")("""
    ## payloads :: debug crypto ikev2 packet [RFC 7296 §3.2] next: debug crypto ikev2 packet
    NONE :: No payload follows.
    SA | SecurityAssociation :: Proposals: the algorithms that the sender offers, or its choice. [RFC 7296 §3.3]
    KE | KeyExchange :: The sender's public value of the key exchange. [RFC 7296 §3.4]
    IDI | InitiatorId :: Who the initiator says he is. [RFC 7296 §3.5]
    IDR | ResponderId :: Who the responder says he is, or whom the initiator wants. [RFC 7296 §3.5]
    CERT | Certificate :: A certificate of the sender, or one above it. [RFC 7296 §3.6]
    CERTREQ | CertificateRequest :: The authorities that the sender believes. [RFC 7296 §3.7]
    AUTH | Authentication :: The proof: a signature, or a hash with the pre-shared key, over the first messages.
        [RFC 7296 §3.8]
    NONCE | Nonce :: A random number, so that every SA has keys of its own. [RFC 7296 §3.9]
    NOTIFY | Notify :: An error or a piece of news; its type says which. [RFC 7296 §3.10]
    DELETE | Delete :: SAs that the sender has deleted. [RFC 7296 §3.11]
    VENDOR_ID | VendorId :: A mark of the sender's program; it switches on what only that vendor has. [RFC 7296 §3.12]
    TSI | InitiatorSelectors :: Traffic selectors of the initiator: which of his packets the SA is for. [RFC 7296 §3.13]
    TSR | ResponderSelectors :: Traffic selectors of the responder: where those packets may go. [RFC 7296 §3.13]
    SK | Encrypted :: All other payloads, encrypted and authenticated. [RFC 7296 §3.14]
    CP :: Configuration, such as an address from a pool; DMVPN needs none. [RFC 7296 §3.15]
    EAP :: A login by EAP; this router has none. [RFC 7296 §3.16]
    SKF | EncryptedFragment :: A fragment of an encrypted message, so that IP need not fragment. [RFC 7383 §2.5]
    """)
_PROTOCOLS = words(WordKind.CODE, ProtocolId, rank=48, names=f"{_RFC} protocol")("""
    ## protocols of an SPI :: debug crypto ikev2 packet [RFC 7296 §3.3.1] next: debug crypto ikev2 packet
    NONE :: The notification is about no SA in particular.
    IKE :: The IKE SA itself.
    AH :: Authentication Header; this router has none (RFC 8221 advises against it).
    ESP :: Encapsulating Security Payload: what carries the tunnel's packets. [RFC 4303]
    """)
_HEAD = words(WordKind.DEBUG)("""
    ## lines of debug crypto ikev2 packet :: debug crypto ikev2 packet [RFC 7296 §3.1] next: show crypto ikev2 sa
    IKEv2:<Sending|Received> Packet [<To|From> <address:port>/<From|To> <address:port>/VRF i0:f0] :: A message of IKE
        left or came, between these addresses and UDP ports.
        when: Port 4500 on either side means that NAT is there, or that ESP in UDP is preferred.
    IKEv2:it cannot be read: <error> :: The octets are no message of IKE; the error says where it breaks.
    Initiator SPI : <octets> - Responder SPI : <octets> Message id: <number> :: The two SPIs name the IKE SA; the
        responder's is zero in the very first message. The identifier pairs request and answer.
    IKEv2 <exchange> Exchange <REQUEST|RESPONSE> :: Which exchange the message belongs to, and which half.
    Payload contents: :: What the message holds, as far as it is not sealed, follows in the next line.
    """)

#: Words that may precede a number, whatever it numbers.
_OF_TRANSFORMS: Final = "rfc 7296 ikev2 ike"

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
_TRANSFORM_TYPES = words(WordKind.CODE, TransformType, rank=55, names="transform 7296 type ike ikev2 rfc")("""
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
_CIPHERS = words(WordKind.CODE, Encr, rank=55, names=f"{_OF_TRANSFORMS} encryption transform encr")("""
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
_PRFS = words(WordKind.CODE, Prf, rank=55, names=f"{_OF_TRANSFORMS} prf transform")("""
    ## pseudo-random functions (transform type 2) :: debug crypto ikev2 packet [RFC 8247 §2.2]
        next: show crypto ikev2 proposal
    HMAC_MD5 :: Keys derived with HMAC-MD5: refused, RFC 8247 forbids it.
    HMAC_SHA1 :: Keys derived with HMAC-SHA-1: for old routers alone.
    HMAC_SHA2_256 :: Keys derived with HMAC-SHA-256: supported everywhere.
    HMAC_SHA2_384 :: Keys derived with HMAC-SHA-384.
    HMAC_SHA2_512 :: Keys derived with HMAC-SHA-512.
    """)
_CHECKS = words(WordKind.CODE, Integ, rank=55, names=f"{_OF_TRANSFORMS} integrity integ transform")("""
    ## integrity algorithms (transform type 3) :: debug crypto ikev2 packet [RFC 8247 §2.3]
        next: show crypto ikev2 proposal
    NONE :: No check value beside the cipher, which has its own: right with AES-GCM, wrong with CBC.
    HMAC_MD5_96 :: HMAC-MD5, 12 octets: refused, RFC 8247 forbids it.
    HMAC_SHA1_96 | SHA96 :: HMAC-SHA-1, 12 octets: for old routers alone.
    HMAC_SHA2_256_128 | SHA256 :: HMAC-SHA-256, 16 octets: supported everywhere.
    HMAC_SHA2_384_192 | SHA384 :: HMAC-SHA-384, 24 octets.
    HMAC_SHA2_512_256 | SHA512 :: HMAC-SHA-512, 32 octets.
    """)
_DH = words(
    WordKind.CODE, DhGroup, rank=55, names=f"{_OF_TRANSFORMS} group dh diffie-hellman diffie hellman ke transform"
)("""
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
