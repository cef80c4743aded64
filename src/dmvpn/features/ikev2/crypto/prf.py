"""Pseudo-random functions and prf+, RFC 7296 §2.13."""

from __future__ import annotations

import enum
import hmac
from typing import Final

from dmvpn.features.ikev2.wire import numbers


class Prf(enum.Enum):
    """A pseudo-random function: HMAC over a hash. Its key is as long as its output."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """Octets of its output, and of the key it likes best."""
        return _SIZES[self]

    def __call__(self, key: bytes, data: bytes) -> bytes:
        """prf(key, data)."""
        return hmac.digest(key, data, self.value)

    def expand(self, key: bytes, seed: bytes, length: int) -> bytes:
        """prf+(key, seed), cut to `length` octets. Raises ValueError beyond 255 blocks, which nothing here needs."""
        octets, block = b"", b""
        for number in range(1, -(-length // self.size) + 1):
            block = self(key, block + seed + bytes((number,)))
            octets += block
        return octets[:length]


_SIZES: Final = {Prf.SHA1: 20, Prf.SHA256: 32, Prf.SHA384: 48, Prf.SHA512: 64}

#: By transform identifier.
PRFS: Final[dict[int, Prf]] = {
    numbers.Prf.HMAC_SHA1: Prf.SHA1,
    numbers.Prf.HMAC_SHA2_256: Prf.SHA256,
    numbers.Prf.HMAC_SHA2_384: Prf.SHA384,
    numbers.Prf.HMAC_SHA2_512: Prf.SHA512,
}
