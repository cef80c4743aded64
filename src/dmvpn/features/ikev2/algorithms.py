"""The algorithms of IKE, by the words of the command language."""

from __future__ import annotations

import enum
from typing import Final

#: Seconds that an IKE SA lives.
DEFAULT_LIFETIME: Final = 86_400


class Encryption(enum.Enum):
    """Ciphers of an IKE SA."""

    AES_CBC_128 = "aes-cbc-128"
    AES_CBC_192 = "aes-cbc-192"
    AES_CBC_256 = "aes-cbc-256"
    AES_GCM_128 = "aes-gcm-128"
    AES_GCM_256 = "aes-gcm-256"
    TRIPLE_DES = "3des"
    DES = "des"


class Hash(enum.Enum):
    """Hash functions, for integrity and as pseudo-random functions (both with HMAC)."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    MD5 = "md5"


class Authentication(enum.Enum):
    """How one side proves who it is."""

    PRE_SHARED_KEY = "pre-share"
    RSA_SIGNATURE = "rsa-sig"
    ECDSA_SIGNATURE = "ecdsa-sig"
    EAP = "eap"
