"""Numbers in messages of IKEv1 (RFC 2407, RFC 2408, RFC 2409, RFC 3706, RFC 3947)."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.features.ike.v1.numbers import (
    AddressIdType,
    AuthMethod,
    Doi,
    EncapsulationMode,
    Encryption,
    EspAttribute,
    EspAuth,
    ExchangeType,
    Flag,
    HashAlgorithm,
    IkeAttribute,
    LifeType,
    NotifyType,
    PayloadType,
    Situation,
    Vendor,
)

#: Words that may precede a number, whatever it numbers.
_RFC: Final = "ikev1 isakmp code"

_EXCHANGE_TYPES = words(WordKind.CODE, ExchangeType, names=f"{_RFC} exchange")("""
    ## exchanges of IKEv1 :: debug crypto isakmp [RFC 2408 §3.1] next: debug crypto isakmp
    BASE :: Keys and proofs in four messages, without hiding the identities; rarely used.
    MAIN :: Main mode: six messages that make the ISAKMP SA (phase 1); identities are encrypted.
    AUTHENTICATION_ONLY :: Proof of identity without keys; rarely used.
    AGGRESSIVE :: Phase 1 in three messages, with a hash in clear that can be attacked offline: refused.
    INFORMATIONAL :: A notification or a delete, without an answer.
    TRANSACTION :: Addresses and logins for remote access (mode config, XAUTH); DMVPN needs none.
    QUICK :: Quick mode: three messages under the ISAKMP SA that make a pair of IPsec SAs (phase 2).
    NEW_GROUP :: Negotiates a Diffie-Hellman group of one's own; rarely used.
    """)
_FLAGS = words(WordKind.CODE, Flag, names=f"{_RFC} flag")("""
    ## flags of IKEv1 :: debug crypto isakmp [RFC 2408 §3.1] next: debug crypto isakmp
    ENCRYPTION :: All payloads behind the header are encrypted.
    COMMIT :: The SAs may be used only after a notification CONNECTED.
    AUTHENTICATION :: The message is authenticated and not encrypted.
    """)
_PAYLOAD_TYPES = words(WordKind.CODE, PayloadType, names=f"{_RFC} payload")("""
    ## payloads of IKEv1 :: debug crypto isakmp [RFC 2408 §3.1] next: debug crypto isakmp
    NONE :: No further payload follows.
    SA :: Security association: proposals, and in the answer the chosen one.
    PROPOSAL :: A protocol with its SPI and transforms, inside a payload SA.
    TRANSFORM :: One set of algorithms and lifetimes, inside a proposal.
    KE :: Key exchange: a Diffie-Hellman public value.
    ID :: Identity of an end, or in quick mode the packets to protect.
    CERT :: A certificate.
    CERTREQ :: The authorities whose certificates are accepted.
    HASH :: Proof of the sender and of the message.
    SIG :: Proof by a signature.
    NONCE :: Random octets, which make all keys fresh.
    NOTIFY :: An error, or a piece of information.
    DELETE :: The sender has deleted these SAs.
    VENDOR_ID :: An ability of the sender's software.
    ATTRIBUTES :: Addresses and logins for remote access.
    NAT_D :: NAT detection: hash of an address and a port (RFC 3947 §3.2).
    NAT_OA :: Original address of an end behind a NAT (RFC 3947 §5.2).
    NAT_D_DRAFT :: NAT detection, with the number of the drafts before RFC 3947.
    NAT_OA_DRAFT :: Original address, with the number of the drafts before RFC 3947.
    FRAGMENT :: A fragment of a large message, as Cisco and strongSwan send them.
    """)
_NOTIFY_TYPES = words(WordKind.CODE, NotifyType, names=f"{_RFC} notify notification")("""
    ## notifications of IKEv1 :: debug crypto isakmp [RFC 2408 §3.14.1] next: debug crypto isakmp
    INVALID_PAYLOAD_TYPE :: A payload is unknown to the receiver.
    DOI_NOT_SUPPORTED :: The domain of interpretation is not IPsec.
    SITUATION_NOT_SUPPORTED :: Labels of secrecy or integrity were demanded.
    INVALID_COOKIE :: No ISAKMP SA has these cookies: one end has lost it.
    INVALID_MAJOR_VERSION :: The receiver does not speak this version.
    INVALID_MINOR_VERSION :: The receiver does not speak this minor version.
    INVALID_EXCHANGE_TYPE :: The exchange is unknown to the receiver, or refused.
    INVALID_FLAGS :: The header has flags that do not fit.
    INVALID_MESSAGE_ID :: No exchange has this message ID.
    INVALID_PROTOCOL_ID :: A proposal is for an unknown protocol.
    INVALID_SPI :: No IPsec SA has this SPI: one end has lost it.
    INVALID_TRANSFORM_ID :: A transform is unknown to the receiver.
    ATTRIBUTES_NOT_SUPPORTED :: A transform has an attribute that the receiver does not support.
    NO_PROPOSAL_CHOSEN :: No proposal is acceptable: compare `crypto isakmp policy` or the transform sets.
    BAD_PROPOSAL_SYNTAX :: A proposal cannot be read.
    PAYLOAD_MALFORMED :: A payload cannot be read; often the pre-shared keys differ.
    INVALID_KEY_INFORMATION :: The public value does not fit the group.
    INVALID_ID_INFORMATION :: The identity, or the packets to protect, do not fit the configuration.
    INVALID_CERT_ENCODING :: The certificate is in an unknown encoding.
    INVALID_CERTIFICATE :: The certificate is not valid.
    CERT_TYPE_UNSUPPORTED :: Certificates of this kind are not supported.
    INVALID_CERT_AUTHORITY :: The authority of the certificate is not trusted.
    INVALID_HASH_INFORMATION :: The hash is wrong: the pre-shared keys differ.
    AUTHENTICATION_FAILED :: The proof of identity is wrong.
    INVALID_SIGNATURE :: The signature is wrong.
    ADDRESS_NOTIFICATION :: A notification about an address; rarely used.
    NOTIFY_SA_LIFETIME :: A notification about a lifetime; RESPONDER_LIFETIME took its place.
    CERTIFICATE_UNAVAILABLE :: The sender has no certificate as requested.
    UNSUPPORTED_EXCHANGE_TYPE :: The exchange is not supported.
    UNEQUAL_PAYLOAD_LENGTHS :: Lengths in the message contradict each other.
    CONNECTED :: The SAs may be used now: the answer to the flag COMMIT.
    RESPONDER_LIFETIME :: The responder ends the SA earlier than the initiator proposed (RFC 2407 §4.6.3.1).
    REPLAY_STATUS :: The sender checks for replayed packets, or not (RFC 2407 §4.6.3.2).
    INITIAL_CONTACT :: The sender has no other SA with the receiver (RFC 2407 §4.6.3.3).
    R_U_THERE :: Dead peer detection asks whether the peer lives (RFC 3706 §5.3).
    R_U_THERE_ACK :: Dead peer detection: the peer lives (RFC 3706 §5.3).
    """)
_DOIS = words(WordKind.CODE, Doi, names=f"{_RFC} doi")("""
    ## domains of interpretation of IKEv1 :: debug crypto isakmp [RFC 2408 §3.4] next: debug crypto isakmp
    ISAKMP :: Any domain: ISAKMP itself.
    IPSEC :: IPsec, the only one in use.
    """)
_SITUATIONS = words(WordKind.CODE, Situation, names=f"{_RFC} situation")("""
    ## situations of IKEv1 :: debug crypto isakmp [RFC 2407 §4.2] next: debug crypto isakmp
    IDENTITY_ONLY :: The identities alone distinguish SAs: the only situation in use.
    SECRECY :: Labels of secrecy; this router has none.
    INTEGRITY :: Labels of integrity; this router has none.
    """)
_IKE_ATTRIBUTES = words(WordKind.CODE, IkeAttribute, names=f"{_RFC} attribute")("""
    ## attributes of phase 1 of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    ENCRYPTION :: The cipher: `encryption` of `crypto isakmp policy`.
    HASH :: The hash: `hash` of `crypto isakmp policy`.
    AUTHENTICATION :: The proof of identity: `authentication` of `crypto isakmp policy`.
    GROUP :: The Diffie-Hellman group: `group` of `crypto isakmp policy`.
    GROUP_TYPE :: Kind of a group of one's own; rarely used.
    GROUP_PRIME :: Prime or polynomial of a group of one's own; rarely used.
    GENERATOR_ONE :: Generator of a group of one's own; rarely used.
    GENERATOR_TWO :: Second generator of a group of one's own; rarely used.
    CURVE_A :: Coefficient of a curve of one's own; rarely used.
    CURVE_B :: Second coefficient of a curve of one's own; rarely used.
    LIFE_TYPE :: Whether the lifetime of the ISAKMP SA counts seconds or kilobytes.
    LIFE_DURATION :: The lifetime: `lifetime` of `crypto isakmp policy`.
    PRF :: A pseudo-random function besides HMAC of the hash; none is defined.
    KEY_LENGTH :: Bits of the key of the ISAKMP SA's cipher.
    FIELD_SIZE :: Bits of the field of a curve of one's own; rarely used.
    GROUP_ORDER :: Order of a group of one's own; rarely used.
    """)
_ESP_ATTRIBUTES = words(WordKind.CODE, EspAttribute, names=f"{_RFC} attribute")("""
    ## attributes of phase 2 of IKEv1 :: debug crypto isakmp [RFC 2407 §4.5] next: debug crypto isakmp
    LIFE_TYPE :: Whether the lifetime of the IPsec SAs counts seconds or kilobytes.
    LIFE_DURATION :: The lifetime: `set security-association lifetime`.
    GROUP :: The group of perfect forward secrecy: `set pfs`.
    ENCAPSULATION :: Tunnel or transport mode, perhaps in UDP.
    AUTHENTICATION :: The integrity algorithm of ESP.
    KEY_LENGTH :: Bits of the key of ESP's cipher.
    KEY_ROUNDS :: Rounds of a cipher; rarely used.
    DICTIONARY_SIZE :: Size of a dictionary for compression; rarely used.
    COMPRESSION :: A private algorithm for compression; rarely used.
    ECN_TUNNEL :: Treatment of congestion marks in tunnel mode.
    SEQUENCE_NUMBERS :: Sequence numbers of 64 bits (RFC 4304).
    """)
_ENCRYPTIONS = words(WordKind.CODE, Encryption, names=f"{_RFC} encryption cipher")("""
    ## ciphers of phase 1 of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    DES_CBC :: DES: broken, refused.
    IDEA_CBC :: IDEA; not in this router.
    BLOWFISH_CBC :: Blowfish; not in this router.
    RC5_CBC :: RC5; not in this router.
    TRIPLE_DES_CBC :: Triple DES: weak.
    CAST_CBC :: CAST; not in this router.
    AES_CBC :: AES in CBC mode, with the attribute KEY_LENGTH.
    CAMELLIA_CBC :: Camellia; not in this router.
    AES_CTR :: AES in counter mode; not in this router.
    """)
_HASH_ALGORITHMS = words(WordKind.CODE, HashAlgorithm, names=f"{_RFC} hash")("""
    ## hashes of phase 1 of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    MD5 :: MD5: weak.
    SHA1 :: SHA-1: `hash sha`.
    TIGER :: Tiger; not in this router.
    SHA2_256 :: SHA-256: `hash sha256`.
    SHA2_384 :: SHA-384: `hash sha384`.
    SHA2_512 :: SHA-512: `hash sha512`.
    """)
_AUTH_METHODS = words(WordKind.CODE, AuthMethod, names=f"{_RFC} authentication auth method")("""
    ## authentication methods of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    PRE_SHARED_KEY :: A pre-shared key: `authentication pre-share`.
    DSS_SIGNATURE :: A DSS signature; not in this router.
    RSA_SIGNATURE :: An RSA signature: `authentication rsa-sig`.
    RSA_ENCRYPTION :: Encryption with an RSA key: `authentication rsa-encr`; not in this router.
    REVISED_RSA_ENCRYPTION :: Encryption with an RSA key, revised; not in this router.
    ECDSA_SHA256_P256 :: An ECDSA signature on P-256.
    ECDSA_SHA384_P384 :: An ECDSA signature on P-384.
    ECDSA_SHA512_P521 :: An ECDSA signature on P-521.
    XAUTH_INIT_PRE_SHARED :: A pre-shared key, then a name and a password; not in this router.
    XAUTH_RESP_PRE_SHARED :: A pre-shared key, then a name of the responder; not in this router.
    XAUTH_INIT_RSA :: An RSA signature, then a name and a password; not in this router.
    XAUTH_RESP_RSA :: An RSA signature, then a name of the responder; not in this router.
    """)
_LIFE_TYPES = words(WordKind.CODE, LifeType, names=f"{_RFC} lifetime life")("""
    ## units of a lifetime of IKEv1 :: debug crypto isakmp [RFC 2409 appendix A] next: debug crypto isakmp
    SECONDS :: The lifetime is in seconds.
    KILOBYTES :: The lifetime is in kilobytes.
    """)
_ENCAPSULATION_MODES = words(WordKind.CODE, EncapsulationMode, names=f"{_RFC} encapsulation mode")("""
    ## encapsulation modes of IKEv1 :: debug crypto isakmp [RFC 2407 §4.5] next: debug crypto isakmp
    TUNNEL :: Tunnel mode: a whole IP packet is inside.
    TRANSPORT :: Transport mode: GRE is inside, as `mode transport` says.
    UDP_TUNNEL :: Tunnel mode in UDP, because of a NAT (RFC 3947 §5.1).
    UDP_TRANSPORT :: Transport mode in UDP, because of a NAT (RFC 3947 §5.1).
    UDP_TUNNEL_DRAFT :: Tunnel mode in UDP, with the number of the drafts before RFC 3947.
    UDP_TRANSPORT_DRAFT :: Transport mode in UDP, with the number of the drafts.
    """)
_ESP_AUTHS = words(WordKind.CODE, EspAuth, names=f"{_RFC} integrity")("""
    ## integrity of ESP of IKEv1 :: debug crypto isakmp [RFC 2407 §4.5] next: debug crypto isakmp
    NONE :: No integrity of its own, as with AES-GCM.
    HMAC_MD5 :: HMAC with MD5: refused.
    HMAC_SHA1 :: HMAC with SHA-1: `esp-sha-hmac`.
    DES_MAC :: DES-MAC; not in this router.
    KPDK :: Keyed MD5; not in this router.
    HMAC_SHA2_256 :: HMAC with SHA-256: `esp-sha256-hmac`.
    HMAC_SHA2_384 :: HMAC with SHA-384: `esp-sha384-hmac`.
    HMAC_SHA2_512 :: HMAC with SHA-512: `esp-sha512-hmac`.
    """)
_ADDRESS_ID_TYPES = words(WordKind.CODE, AddressIdType, names=f"{_RFC} id identity")("""
    ## identities of several addresses of IKEv1 :: debug crypto isakmp [RFC 2407 §4.6.2] next: debug crypto isakmp
    IPV4_SUBNET :: A network of IPv4.
    IPV6_SUBNET :: A network of IPv6.
    IPV4_RANGE :: A range of IPv4 addresses.
    IPV6_RANGE :: A range of IPv6 addresses.
    """)
_VENDORS = words(WordKind.CODE, rank=51)(f"""
    ## vendor IDs of IKEv1 :: debug crypto isakmp [RFC 2408 §3.16] next: debug crypto isakmp
    {Vendor.NAT_T.name} :: The sender knows NAT traversal. [RFC 3947]
    {Vendor.NAT_T_07.name} :: The sender knows NAT traversal, as draft 07 has it.
    {Vendor.NAT_T_03.name} :: The sender knows NAT traversal, as draft 03 has it.
    {Vendor.NAT_T_02.name} :: The sender knows NAT traversal, as draft 02 has it.
    {Vendor.DPD.name} :: The sender answers dead peer detection. [RFC 3706]
    {Vendor.FRAGMENTATION.name} :: The sender takes messages in Cisco's fragments.
    {Vendor.UNITY.name} :: The sender knows Cisco's extensions for remote access.
    {Vendor.XAUTH.name} :: The sender knows a login after phase 1; DMVPN needs none.
    """)

GROUPS: Final = groups(vars())
