"""Numbers of IKEv1's messages, as far as this router names them: RFC 2407, RFC 2408, RFC 2409, RFC 3706, RFC 3947.

Where IKEv2 took over a number, `ike/numbers.py` has it: protocols, transforms of ESP (`Encr`), groups, and identities
that are names. A number that is missing here is no error of the peer's: decoders keep it as a plain integer.
"""

import enum
from typing import Final


class ExchangeType(enum.IntEnum):
    """RFC 2408 §3.1, RFC 2409 appendix A."""

    BASE = 1
    MAIN = 2  # identity protection
    AUTHENTICATION_ONLY = 3
    AGGRESSIVE = 4
    INFORMATIONAL = 5
    TRANSACTION = 6
    QUICK = 32
    NEW_GROUP = 33


class Flag(enum.IntFlag):
    """RFC 2408 §3.1."""

    ENCRYPTION = 0x01
    COMMIT = 0x02
    AUTHENTICATION = 0x04


class PayloadType(enum.IntEnum):
    """RFC 2408 §3.1, RFC 3947 §3.2 and §5.2, the drafts before it, and Cisco's fragments."""

    NONE = 0
    SA = 1
    PROPOSAL = 2
    TRANSFORM = 3
    KE = 4
    ID = 5
    CERT = 6
    CERTREQ = 7
    HASH = 8
    SIG = 9
    NONCE = 10
    NOTIFY = 11
    DELETE = 12
    VENDOR_ID = 13
    ATTRIBUTES = 14
    NAT_D = 20
    NAT_OA = 21
    NAT_D_DRAFT = 130
    NAT_OA_DRAFT = 131
    FRAGMENT = 132


class Doi(enum.IntEnum):
    """Domain of interpretation, RFC 2408 §3.4, RFC 2407 §4.2."""

    ISAKMP = 0
    IPSEC = 1


class Situation(enum.IntFlag):
    """RFC 2407 §4.2."""

    IDENTITY_ONLY = 0x01
    SECRECY = 0x02
    INTEGRITY = 0x04


#: The only transform of the protocol ISAKMP, RFC 2407 §4.4.2.
KEY_IKE: Final = 1


class IkeAttribute(enum.IntEnum):
    """Attributes of a transform of ISAKMP, RFC 2409 appendix A."""

    ENCRYPTION = 1
    HASH = 2
    AUTHENTICATION = 3
    GROUP = 4
    GROUP_TYPE = 5
    GROUP_PRIME = 6
    GENERATOR_ONE = 7
    GENERATOR_TWO = 8
    CURVE_A = 9
    CURVE_B = 10
    LIFE_TYPE = 11
    LIFE_DURATION = 12
    PRF = 13
    KEY_LENGTH = 14
    FIELD_SIZE = 15
    GROUP_ORDER = 16


class EspAttribute(enum.IntEnum):
    """Attributes of a transform of ESP, RFC 2407 §4.5, RFC 3168 §9.2.1, RFC 4304."""

    LIFE_TYPE = 1
    LIFE_DURATION = 2
    GROUP = 3
    ENCAPSULATION = 4
    AUTHENTICATION = 5
    KEY_LENGTH = 6
    KEY_ROUNDS = 7
    DICTIONARY_SIZE = 8
    COMPRESSION = 9
    ECN_TUNNEL = 10
    SEQUENCE_NUMBERS = 11


class Encryption(enum.IntEnum):
    """Values of `IkeAttribute.ENCRYPTION`, RFC 2409 appendix A, RFC 3602 §5.3; libreswan's own number of AES-CTR."""

    DES_CBC = 1
    IDEA_CBC = 2
    BLOWFISH_CBC = 3
    RC5_CBC = 4
    TRIPLE_DES_CBC = 5
    CAST_CBC = 6
    AES_CBC = 7
    CAMELLIA_CBC = 8
    AES_CTR = 13


class HashAlgorithm(enum.IntEnum):
    """Values of `IkeAttribute.HASH`, RFC 2409 appendix A, RFC 4868 §2.6."""

    MD5 = 1
    SHA1 = 2
    TIGER = 3
    SHA2_256 = 4
    SHA2_384 = 5
    SHA2_512 = 6


class AuthMethod(enum.IntEnum):
    """Values of `IkeAttribute.AUTHENTICATION`: RFC 2409 appendix A, RFC 4754 §3, draft-beaulieu-ike-xauth-02 §7.2."""

    PRE_SHARED_KEY = 1
    DSS_SIGNATURE = 2
    RSA_SIGNATURE = 3
    RSA_ENCRYPTION = 4
    REVISED_RSA_ENCRYPTION = 5
    ECDSA_SHA256_P256 = 9
    ECDSA_SHA384_P384 = 10
    ECDSA_SHA512_P521 = 11
    XAUTH_INIT_PRE_SHARED = 65001
    XAUTH_RESP_PRE_SHARED = 65002
    XAUTH_INIT_RSA = 65005
    XAUTH_RESP_RSA = 65006


class LifeType(enum.IntEnum):
    """RFC 2409 appendix A, RFC 2407 §4.5."""

    SECONDS = 1
    KILOBYTES = 2


class EncapsulationMode(enum.IntEnum):
    """Values of `EspAttribute.ENCAPSULATION`, RFC 2407 §4.5, RFC 3947 §5.1, and those of its drafts."""

    TUNNEL = 1
    TRANSPORT = 2
    UDP_TUNNEL = 3
    UDP_TRANSPORT = 4
    UDP_TUNNEL_DRAFT = 61443
    UDP_TRANSPORT_DRAFT = 61444


class EspAuth(enum.IntEnum):
    """Values of `EspAttribute.AUTHENTICATION`, RFC 2407 §4.5, RFC 4868 §2.6; 0: the attribute is absent."""

    NONE = 0
    HMAC_MD5 = 1
    HMAC_SHA1 = 2
    DES_MAC = 3
    KPDK = 4
    HMAC_SHA2_256 = 5
    HMAC_SHA2_384 = 6
    HMAC_SHA2_512 = 7


class AddressIdType(enum.IntEnum):
    """Identities that are more than an address, RFC 2407 §4.6.2; the other kinds are those of `IdType`."""

    IPV4_SUBNET = 4
    IPV6_SUBNET = 6
    IPV4_RANGE = 7
    IPV6_RANGE = 8


class NotifyType(enum.IntEnum):
    """RFC 2408 §3.14.1, RFC 2407 §4.6.3, RFC 3706 §5.3; below 16384 errors."""

    INVALID_PAYLOAD_TYPE = 1
    DOI_NOT_SUPPORTED = 2
    SITUATION_NOT_SUPPORTED = 3
    INVALID_COOKIE = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_MINOR_VERSION = 6
    INVALID_EXCHANGE_TYPE = 7
    INVALID_FLAGS = 8
    INVALID_MESSAGE_ID = 9
    INVALID_PROTOCOL_ID = 10
    INVALID_SPI = 11
    INVALID_TRANSFORM_ID = 12
    ATTRIBUTES_NOT_SUPPORTED = 13
    NO_PROPOSAL_CHOSEN = 14
    BAD_PROPOSAL_SYNTAX = 15
    PAYLOAD_MALFORMED = 16
    INVALID_KEY_INFORMATION = 17
    INVALID_ID_INFORMATION = 18
    INVALID_CERT_ENCODING = 19
    INVALID_CERTIFICATE = 20
    CERT_TYPE_UNSUPPORTED = 21
    INVALID_CERT_AUTHORITY = 22
    INVALID_HASH_INFORMATION = 23
    AUTHENTICATION_FAILED = 24
    INVALID_SIGNATURE = 25
    ADDRESS_NOTIFICATION = 26
    NOTIFY_SA_LIFETIME = 27
    CERTIFICATE_UNAVAILABLE = 28
    UNSUPPORTED_EXCHANGE_TYPE = 29
    UNEQUAL_PAYLOAD_LENGTHS = 30
    CONNECTED = 16384
    RESPONDER_LIFETIME = 24576
    REPLAY_STATUS = 24577
    INITIAL_CONTACT = 24578
    R_U_THERE = 36136
    R_U_THERE_ACK = 36137


#: Notify types from here on are status, below are errors (RFC 2408 §3.14.1).
FIRST_STATUS: Final = 16384


class Vendor(bytes, enum.Enum):
    """Vendor IDs by which a peer says what it can: MD5 of the name of a document, if no other is named.

    FRAGMENTATION: MD5 of "FRAGMENTATION"; 4 octets of flags may follow.
    DPD: RFC 3706 §5.1, with the version 1.0 at its end.
    """

    NAT_T = bytes.fromhex("4a131c81070358455c5728f20e95452f")  # RFC 3947
    NAT_T_07 = bytes.fromhex("439b59f8ba676c4c7737ae22eab8f582")  # draft-ietf-ipsec-nat-t-ike-07
    NAT_T_03 = bytes.fromhex("7d9419a65310ca6f2c179d9215529d56")
    NAT_T_02 = bytes.fromhex("90cb80913ebb696e086381b5ec427b1f")  # with a line feed behind the name
    DPD = bytes.fromhex("afcad71368a1f1c96b8696fc77570100")
    FRAGMENTATION = bytes.fromhex("4048b7d56ebce88525e7de7f00d6c2d3")
    UNITY = bytes.fromhex("12f5f28c457168a9702d9fe274cc0100")  # "CISCO-UNITY", with the version 1.0 at its end
    XAUTH = bytes.fromhex("09002689dfd6b712")
