"""Numbers for algorithms and identities, as IANA assigned them for IKEv2 (RFC 7296 §3, IANA "ikev2-parameters").

Both versions of IKE use them between their parts; what a version writes differently on the wire, it translates there.
A number that is missing here is no error of the peer's: decoders keep it as a plain integer.
"""

import enum


class ProtocolId(enum.IntEnum):
    """Whose SPI it is, RFC 7296 §3.3.1."""

    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3


class TransformType(enum.IntEnum):
    """RFC 7296 §3.3.2; ADDKE1 to 7: RFC 9370."""

    ENCR = 1
    PRF = 2
    INTEG = 3
    KE = 4
    ESN = 5
    ADDKE1 = 6
    ADDKE2 = 7
    ADDKE3 = 8
    ADDKE4 = 9
    ADDKE5 = 10
    ADDKE6 = 11
    ADDKE7 = 12


class Encr(enum.IntEnum):
    """Transform type 1."""

    DES = 2
    TRIPLE_DES = 3
    NULL = 11
    AES_CBC = 12
    AES_CTR = 13
    AES_GCM_8 = 18
    AES_GCM_12 = 19
    AES_GCM_16 = 20
    CHACHA20_POLY1305 = 28


class Prf(enum.IntEnum):
    """Transform type 2."""

    HMAC_MD5 = 1
    HMAC_SHA1 = 2
    HMAC_SHA2_256 = 5
    HMAC_SHA2_384 = 6
    HMAC_SHA2_512 = 7


class Integ(enum.IntEnum):
    """Transform type 3."""

    NONE = 0
    HMAC_MD5_96 = 1
    HMAC_SHA1_96 = 2
    HMAC_SHA2_256_128 = 12
    HMAC_SHA2_384_192 = 13
    HMAC_SHA2_512_256 = 14


class Group(enum.IntEnum):
    """Transform type 4: Diffie-Hellman groups and other key exchange methods."""

    NONE = 0
    MODP_768 = 1
    MODP_1024 = 2
    MODP_1536 = 5
    MODP_2048 = 14
    MODP_3072 = 15
    MODP_4096 = 16
    ECP_256 = 19
    ECP_384 = 20
    ECP_521 = 21
    CURVE25519 = 31
    ML_KEM_512 = 35
    ML_KEM_768 = 36
    ML_KEM_1024 = 37


class Esn(enum.IntEnum):
    """Transform type 5: extended sequence numbers."""

    NO = 0
    YES = 1


class IdType(enum.IntEnum):
    """RFC 7296 §3.5."""

    IPV4_ADDR = 1
    FQDN = 2
    RFC822_ADDR = 3
    IPV6_ADDR = 5
    DER_ASN1_DN = 9
    DER_ASN1_GN = 10
    KEY_ID = 11


class CertEncoding(enum.IntEnum):
    """RFC 7296 §3.6."""

    X509_SIGNATURE = 4
    CRL = 7
    HASH_AND_URL = 12
