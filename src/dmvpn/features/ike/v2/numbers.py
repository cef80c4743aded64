"""Numbers of IKEv2's messages that IANA assigned, as far as this router names them (RFC 7296 §3, IANA
"ikev2-parameters"). Those of algorithms and identities are in `ike/numbers.py`.

A number that is missing here is no error of the peer's: decoders keep it as a plain integer.
"""

import enum


class ExchangeType(enum.IntEnum):
    """RFC 7296 §3.1, RFC 9242, RFC 9370."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37
    IKE_INTERMEDIATE = 43
    IKE_FOLLOWUP_KE = 44


class Flag(enum.IntFlag):
    """RFC 7296 §3.1."""

    INITIATOR = 0x08  # the sender is the original initiator of the IKE SA
    VERSION = 0x10  # the sender could speak a higher major version
    RESPONSE = 0x20


class PayloadType(enum.IntEnum):
    """RFC 7296 §3.2, RFC 7383."""

    NONE = 0
    SA = 33
    KE = 34
    IDI = 35
    IDR = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR_ID = 43
    TSI = 44
    TSR = 45
    SK = 46
    CP = 47
    EAP = 48
    SKF = 53


class AuthMethod(enum.IntEnum):
    """RFC 7296 §3.8, RFC 4754, RFC 7427."""

    RSA_SIGNATURE = 1
    SHARED_KEY = 2
    ECDSA_SHA256_P256 = 9
    ECDSA_SHA384_P384 = 10
    ECDSA_SHA512_P521 = 11
    DIGITAL_SIGNATURE = 14


class SelectorType(enum.IntEnum):
    """RFC 7296 §3.13.1."""

    IPV4_RANGE = 7
    IPV6_RANGE = 8


class HashId(enum.IntEnum):
    """What SIGNATURE_HASH_ALGORITHMS lists, RFC 7427 §7, RFC 8420."""

    SHA1 = 1
    SHA2_256 = 2
    SHA2_384 = 3
    SHA2_512 = 4
    IDENTITY = 5


class NotifyType(enum.IntEnum):
    """RFC 7296 §3.10.1; below 16384 errors, from there on status."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_IKE_SPI = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_SYNTAX = 7
    INVALID_MESSAGE_ID = 9
    INVALID_SPI = 11
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    AUTHENTICATION_FAILED = 24
    SINGLE_PAIR_REQUIRED = 34
    NO_ADDITIONAL_SAS = 35
    INTERNAL_ADDRESS_FAILURE = 36
    FAILED_CP_REQUIRED = 37
    TS_UNACCEPTABLE = 38
    INVALID_SELECTORS = 39
    UNACCEPTABLE_ADDRESSES = 40
    TEMPORARY_FAILURE = 43
    CHILD_SA_NOT_FOUND = 44
    INITIAL_CONTACT = 16384
    SET_WINDOW_SIZE = 16385
    ADDITIONAL_TS_POSSIBLE = 16386
    IPCOMP_SUPPORTED = 16387
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390
    USE_TRANSPORT_MODE = 16391
    HTTP_CERT_LOOKUP_SUPPORTED = 16392
    REKEY_SA = 16393
    ESP_TFC_PADDING_NOT_SUPPORTED = 16394
    NON_FIRST_FRAGMENTS_ALSO = 16395
    MOBIKE_SUPPORTED = 16396
    ADDITIONAL_IP4_ADDRESS = 16397
    ADDITIONAL_IP6_ADDRESS = 16398
    NO_ADDITIONAL_ADDRESSES = 16399
    UPDATE_SA_ADDRESSES = 16400
    COOKIE2 = 16401
    NO_NATS_ALLOWED = 16402
    MULTIPLE_AUTH_SUPPORTED = 16404
    EAP_ONLY_AUTHENTICATION = 16417
    CHILDLESS_IKEV2_SUPPORTED = 16418
    IKEV2_MESSAGE_ID_SYNC_SUPPORTED = 16420
    FRAGMENTATION_SUPPORTED = 16430
    SIGNATURE_HASH_ALGORITHMS = 16431
    USE_PPK = 16435
    INTERMEDIATE_EXCHANGE_SUPPORTED = 16438
    ADDITIONAL_KEY_EXCHANGE = 16441


#: Notify types from here on are status, below are errors (RFC 7296 §3.10.1).
FIRST_STATUS = 16384
