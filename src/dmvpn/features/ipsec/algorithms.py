"""The algorithms and defaults of IPsec; transforms go by the words of the command language."""

from __future__ import annotations

import enum
from typing import Final

#: Seconds and kilobytes after which an SA is replaced.
DEFAULT_SECONDS: Final = 3_600
DEFAULT_KILOBYTES: Final = 4_608_000
#: Packets of the replay window.
DEFAULT_WINDOW: Final = 64


class Cipher(enum.Enum):
    """What encrypts; GCM authenticates besides."""

    AES_CBC = "esp-aes"
    AES_GCM = "esp-gcm"
    AES_GMAC = "esp-gmac"
    TRIPLE_DES = "esp-3des"
    DES = "esp-des"
    NULL = "esp-null"


class Integrity(enum.Enum):
    """What authenticates."""

    SHA1 = "esp-sha-hmac"
    SHA256 = "esp-sha256-hmac"
    SHA384 = "esp-sha384-hmac"
    SHA512 = "esp-sha512-hmac"
    MD5 = "esp-md5-hmac"
