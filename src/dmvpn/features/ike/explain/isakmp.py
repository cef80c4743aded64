"""Numbers in messages of IKEv1 (RFC 2407, RFC 2408, RFC 2409, RFC 3706, RFC 3947)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, TypeVar

from dmvpn.base.explanations import WordGroup, WordKind, code, words
from dmvpn.features.ike.v1.wire.numbers import (
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

if TYPE_CHECKING:
    from collections.abc import Mapping

_NEXT: Final = "debug crypto isakmp"
_Number = TypeVar("_Number", enum.IntEnum, enum.IntFlag)
#: Words that may precede a number, whatever it numbers.
_RFC: Final = frozenset({"ikev1", "isakmp", "code"})


def _group(title: str, clause: str, names: str, words: Mapping[_Number, str]) -> WordGroup:
    return WordGroup(
        title=f"{title} of IKEv1",
        kind=WordKind.CODE,
        screens=(_NEXT,),
        rank=50,
        clause=clause,
        next=_NEXT,
        names=_RFC | frozenset(names.split()),
        explanations=tuple(code(number, what, clause=clause) for number, what in words.items()),
    )


_E, _P, _N = ExchangeType, PayloadType, NotifyType
_MESSAGES: Final = (
    _group(
        "exchanges",
        "RFC 2408 §3.1",
        "exchange",
        {
            _E.BASE: "Keys and proofs in four messages, without hiding the identities; rarely used.",
            _E.MAIN: "Main mode: six messages that make the ISAKMP SA (phase 1); identities are encrypted.",
            _E.AUTHENTICATION_ONLY: "Proof of identity without keys; rarely used.",
            _E.AGGRESSIVE: "Phase 1 in three messages, with a hash in clear that can be attacked offline: refused.",
            _E.INFORMATIONAL: "A notification or a delete, without an answer.",
            _E.TRANSACTION: "Addresses and logins for remote access (mode config, XAUTH); DMVPN needs none.",
            _E.QUICK: "Quick mode: three messages under the ISAKMP SA that make a pair of IPsec SAs (phase 2).",
            _E.NEW_GROUP: "Negotiates a Diffie-Hellman group of one's own; rarely used.",
        },
    ),
    _group(
        "flags",
        "RFC 2408 §3.1",
        "flag",
        {
            Flag.ENCRYPTION: "All payloads behind the header are encrypted.",
            Flag.COMMIT: "The SAs may be used only after a notification CONNECTED.",
            Flag.AUTHENTICATION: "The message is authenticated and not encrypted.",
        },
    ),
    _group(
        "payloads",
        "RFC 2408 §3.1",
        "payload",
        {
            _P.NONE: "No further payload follows.",
            _P.SA: "Security association: proposals, and in the answer the chosen one.",
            _P.PROPOSAL: "A protocol with its SPI and transforms, inside a payload SA.",
            _P.TRANSFORM: "One set of algorithms and lifetimes, inside a proposal.",
            _P.KE: "Key exchange: a Diffie-Hellman public value.",
            _P.ID: "Identity of an end, or in quick mode the packets to protect.",
            _P.CERT: "A certificate.",
            _P.CERTREQ: "The authorities whose certificates are accepted.",
            _P.HASH: "Proof of the sender and of the message.",
            _P.SIG: "Proof by a signature.",
            _P.NONCE: "Random octets, which make all keys fresh.",
            _P.NOTIFY: "An error, or a piece of information.",
            _P.DELETE: "The sender has deleted these SAs.",
            _P.VENDOR_ID: "An ability of the sender's software.",
            _P.ATTRIBUTES: "Addresses and logins for remote access.",
            _P.NAT_D: "NAT detection: hash of an address and a port (RFC 3947 §3.2).",
            _P.NAT_OA: "Original address of an end behind a NAT (RFC 3947 §5.2).",
            _P.NAT_D_DRAFT: "NAT detection, with the number of the drafts before RFC 3947.",
            _P.NAT_OA_DRAFT: "Original address, with the number of the drafts before RFC 3947.",
            _P.FRAGMENT: "A fragment of a large message, as Cisco and strongSwan send them.",
        },
    ),
    _group(
        "notifications",
        "RFC 2408 §3.14.1",
        "notify notification",
        {
            _N.INVALID_PAYLOAD_TYPE: "A payload is unknown to the receiver.",
            _N.DOI_NOT_SUPPORTED: "The domain of interpretation is not IPsec.",
            _N.SITUATION_NOT_SUPPORTED: "Labels of secrecy or integrity were demanded.",
            _N.INVALID_COOKIE: "No ISAKMP SA has these cookies: one end has lost it.",
            _N.INVALID_MAJOR_VERSION: "The receiver does not speak this version.",
            _N.INVALID_MINOR_VERSION: "The receiver does not speak this minor version.",
            _N.INVALID_EXCHANGE_TYPE: "The exchange is unknown to the receiver, or refused.",
            _N.INVALID_FLAGS: "The header has flags that do not fit.",
            _N.INVALID_MESSAGE_ID: "No exchange has this message ID.",
            _N.INVALID_PROTOCOL_ID: "A proposal is for an unknown protocol.",
            _N.INVALID_SPI: "No IPsec SA has this SPI: one end has lost it.",
            _N.INVALID_TRANSFORM_ID: "A transform is unknown to the receiver.",
            _N.ATTRIBUTES_NOT_SUPPORTED: "A transform has an attribute that the receiver does not support.",
            _N.NO_PROPOSAL_CHOSEN: "No proposal is acceptable: compare `crypto isakmp policy` or the transform sets.",
            _N.BAD_PROPOSAL_SYNTAX: "A proposal cannot be read.",
            _N.PAYLOAD_MALFORMED: "A payload cannot be read; often the pre-shared keys differ.",
            _N.INVALID_KEY_INFORMATION: "The public value does not fit the group.",
            _N.INVALID_ID_INFORMATION: "The identity, or the packets to protect, do not fit the configuration.",
            _N.INVALID_CERT_ENCODING: "The certificate is in an unknown encoding.",
            _N.INVALID_CERTIFICATE: "The certificate is not valid.",
            _N.CERT_TYPE_UNSUPPORTED: "Certificates of this kind are not supported.",
            _N.INVALID_CERT_AUTHORITY: "The authority of the certificate is not trusted.",
            _N.INVALID_HASH_INFORMATION: "The hash is wrong: the pre-shared keys differ.",
            _N.AUTHENTICATION_FAILED: "The proof of identity is wrong.",
            _N.INVALID_SIGNATURE: "The signature is wrong.",
            _N.ADDRESS_NOTIFICATION: "A notification about an address; rarely used.",
            _N.NOTIFY_SA_LIFETIME: "A notification about a lifetime; RESPONDER_LIFETIME took its place.",
            _N.CERTIFICATE_UNAVAILABLE: "The sender has no certificate as requested.",
            _N.UNSUPPORTED_EXCHANGE_TYPE: "The exchange is not supported.",
            _N.UNEQUAL_PAYLOAD_LENGTHS: "Lengths in the message contradict each other.",
            _N.CONNECTED: "The SAs may be used now: the answer to the flag COMMIT.",
            _N.RESPONDER_LIFETIME: "The responder ends the SA earlier than the initiator proposed (RFC 2407 §4.6.3.1).",
            _N.REPLAY_STATUS: "The sender checks for replayed packets, or not (RFC 2407 §4.6.3.2).",
            _N.INITIAL_CONTACT: "The sender has no other SA with the receiver (RFC 2407 §4.6.3.3).",
            _N.R_U_THERE: "Dead peer detection asks whether the peer lives (RFC 3706 §5.3).",
            _N.R_U_THERE_ACK: "Dead peer detection: the peer lives (RFC 3706 §5.3).",
        },
    ),
    _group(
        "domains of interpretation",
        "RFC 2408 §3.4",
        "doi",
        {Doi.ISAKMP: "Any domain: ISAKMP itself.", Doi.IPSEC: "IPsec, the only one in use."},
    ),
    _group(
        "situations",
        "RFC 2407 §4.2",
        "situation",
        {
            Situation.IDENTITY_ONLY: "The identities alone distinguish SAs: the only situation in use.",
            Situation.SECRECY: "Labels of secrecy; this router has none.",
            Situation.INTEGRITY: "Labels of integrity; this router has none.",
        },
    ),
)

_A, _S = IkeAttribute, EspAttribute
_ALGORITHMS: Final = (
    _group(
        "attributes of phase 1",
        "RFC 2409 appendix A",
        "attribute",
        {
            _A.ENCRYPTION: "The cipher: `encryption` of `crypto isakmp policy`.",
            _A.HASH: "The hash: `hash` of `crypto isakmp policy`.",
            _A.AUTHENTICATION: "The proof of identity: `authentication` of `crypto isakmp policy`.",
            _A.GROUP: "The Diffie-Hellman group: `group` of `crypto isakmp policy`.",
            _A.GROUP_TYPE: "Kind of a group of one's own; rarely used.",
            _A.GROUP_PRIME: "Prime or polynomial of a group of one's own; rarely used.",
            _A.GENERATOR_ONE: "Generator of a group of one's own; rarely used.",
            _A.GENERATOR_TWO: "Second generator of a group of one's own; rarely used.",
            _A.CURVE_A: "Coefficient of a curve of one's own; rarely used.",
            _A.CURVE_B: "Second coefficient of a curve of one's own; rarely used.",
            _A.LIFE_TYPE: "Whether the lifetime of the ISAKMP SA counts seconds or kilobytes.",
            _A.LIFE_DURATION: "The lifetime: `lifetime` of `crypto isakmp policy`.",
            _A.PRF: "A pseudo-random function besides HMAC of the hash; none is defined.",
            _A.KEY_LENGTH: "Bits of the key of the ISAKMP SA's cipher.",
            _A.FIELD_SIZE: "Bits of the field of a curve of one's own; rarely used.",
            _A.GROUP_ORDER: "Order of a group of one's own; rarely used.",
        },
    ),
    _group(
        "attributes of phase 2",
        "RFC 2407 §4.5",
        "attribute",
        {
            _S.LIFE_TYPE: "Whether the lifetime of the IPsec SAs counts seconds or kilobytes.",
            _S.LIFE_DURATION: "The lifetime: `set security-association lifetime`.",
            _S.GROUP: "The group of perfect forward secrecy: `set pfs`.",
            _S.ENCAPSULATION: "Tunnel or transport mode, perhaps in UDP.",
            _S.AUTHENTICATION: "The integrity algorithm of ESP.",
            _S.KEY_LENGTH: "Bits of the key of ESP's cipher.",
            _S.KEY_ROUNDS: "Rounds of a cipher; rarely used.",
            _S.DICTIONARY_SIZE: "Size of a dictionary for compression; rarely used.",
            _S.COMPRESSION: "A private algorithm for compression; rarely used.",
            _S.ECN_TUNNEL: "Treatment of congestion marks in tunnel mode.",
            _S.SEQUENCE_NUMBERS: "Sequence numbers of 64 bits (RFC 4304).",
        },
    ),
    _group(
        "ciphers of phase 1",
        "RFC 2409 appendix A",
        "encryption cipher",
        {
            Encryption.DES_CBC: "DES: broken, refused.",
            Encryption.IDEA_CBC: "IDEA; not in this router.",
            Encryption.BLOWFISH_CBC: "Blowfish; not in this router.",
            Encryption.RC5_CBC: "RC5; not in this router.",
            Encryption.TRIPLE_DES_CBC: "Triple DES: weak.",
            Encryption.CAST_CBC: "CAST; not in this router.",
            Encryption.AES_CBC: "AES in CBC mode, with the attribute KEY_LENGTH.",
            Encryption.CAMELLIA_CBC: "Camellia; not in this router.",
            Encryption.AES_CTR: "AES in counter mode; not in this router.",
        },
    ),
    _group(
        "hashes of phase 1",
        "RFC 2409 appendix A",
        "hash",
        {
            HashAlgorithm.MD5: "MD5: weak.",
            HashAlgorithm.SHA1: "SHA-1: `hash sha`.",
            HashAlgorithm.TIGER: "Tiger; not in this router.",
            HashAlgorithm.SHA2_256: "SHA-256: `hash sha256`.",
            HashAlgorithm.SHA2_384: "SHA-384: `hash sha384`.",
            HashAlgorithm.SHA2_512: "SHA-512: `hash sha512`.",
        },
    ),
    _group(
        "authentication methods",
        "RFC 2409 appendix A",
        "auth authentication method",
        {
            AuthMethod.PRE_SHARED_KEY: "A pre-shared key: `authentication pre-share`.",
            AuthMethod.DSS_SIGNATURE: "A DSS signature; not in this router.",
            AuthMethod.RSA_SIGNATURE: "An RSA signature: `authentication rsa-sig`.",
            AuthMethod.RSA_ENCRYPTION: "Encryption with an RSA key: `authentication rsa-encr`; not in this router.",
            AuthMethod.REVISED_RSA_ENCRYPTION: "Encryption with an RSA key, revised; not in this router.",
            AuthMethod.ECDSA_SHA256_P256: "An ECDSA signature on P-256.",
            AuthMethod.ECDSA_SHA384_P384: "An ECDSA signature on P-384.",
            AuthMethod.ECDSA_SHA512_P521: "An ECDSA signature on P-521.",
            AuthMethod.XAUTH_INIT_PRE_SHARED: "A pre-shared key, then a name and a password; not in this router.",
            AuthMethod.XAUTH_RESP_PRE_SHARED: "A pre-shared key, then a name of the responder; not in this router.",
            AuthMethod.XAUTH_INIT_RSA: "An RSA signature, then a name and a password; not in this router.",
            AuthMethod.XAUTH_RESP_RSA: "An RSA signature, then a name of the responder; not in this router.",
        },
    ),
    _group(
        "units of a lifetime",
        "RFC 2409 appendix A",
        "life lifetime",
        {LifeType.SECONDS: "The lifetime is in seconds.", LifeType.KILOBYTES: "The lifetime is in kilobytes."},
    ),
    _group(
        "encapsulation modes",
        "RFC 2407 §4.5",
        "encapsulation mode",
        {
            EncapsulationMode.TUNNEL: "Tunnel mode: a whole IP packet is inside.",
            EncapsulationMode.TRANSPORT: "Transport mode: GRE is inside, as `mode transport` says.",
            EncapsulationMode.UDP_TUNNEL: "Tunnel mode in UDP, because of a NAT (RFC 3947 §5.1).",
            EncapsulationMode.UDP_TRANSPORT: "Transport mode in UDP, because of a NAT (RFC 3947 §5.1).",
            EncapsulationMode.UDP_TUNNEL_DRAFT: "Tunnel mode in UDP, with the number of the drafts before RFC 3947.",
            EncapsulationMode.UDP_TRANSPORT_DRAFT: "Transport mode in UDP, with the number of the drafts.",
        },
    ),
    _group(
        "integrity of ESP",
        "RFC 2407 §4.5",
        "integrity",
        {
            EspAuth.NONE: "No integrity of its own, as with AES-GCM.",
            EspAuth.HMAC_MD5: "HMAC with MD5: refused.",
            EspAuth.HMAC_SHA1: "HMAC with SHA-1: `esp-sha-hmac`.",
            EspAuth.DES_MAC: "DES-MAC; not in this router.",
            EspAuth.KPDK: "Keyed MD5; not in this router.",
            EspAuth.HMAC_SHA2_256: "HMAC with SHA-256: `esp-sha256-hmac`.",
            EspAuth.HMAC_SHA2_384: "HMAC with SHA-384: `esp-sha384-hmac`.",
            EspAuth.HMAC_SHA2_512: "HMAC with SHA-512: `esp-sha512-hmac`.",
        },
    ),
    _group(
        "identities of several addresses",
        "RFC 2407 §4.6.2",
        "id identity",
        {
            AddressIdType.IPV4_SUBNET: "A network of IPv4.",
            AddressIdType.IPV6_SUBNET: "A network of IPv6.",
            AddressIdType.IPV4_RANGE: "A range of IPv4 addresses.",
            AddressIdType.IPV6_RANGE: "A range of IPv6 addresses.",
        },
    ),
)

_VENDORS: Final = WordGroup(
    title="vendor IDs of IKEv1",
    kind=WordKind.CODE,
    screens=(_NEXT,),
    rank=51,
    clause="RFC 2408 §3.16",
    next=_NEXT,
    explanations=words(f"""
        {Vendor.NAT_T.name} :: The sender knows NAT traversal. [RFC 3947]
        {Vendor.NAT_T_07.name} :: The sender knows NAT traversal, as draft 07 has it.
        {Vendor.NAT_T_03.name} :: The sender knows NAT traversal, as draft 03 has it.
        {Vendor.NAT_T_02.name} :: The sender knows NAT traversal, as draft 02 has it.
        {Vendor.DPD.name} :: The sender answers dead peer detection. [RFC 3706]
        {Vendor.FRAGMENTATION.name} :: The sender takes messages in Cisco's fragments.
        {Vendor.UNITY.name} :: The sender knows Cisco's extensions for remote access.
        {Vendor.XAUTH.name} :: The sender knows a login after phase 1; DMVPN needs none.
        """),
)

GROUPS: Final = (*_MESSAGES, *_ALGORITHMS, _VENDORS)
