"""Keys: pseudo-random functions and prf+ (RFC 7296 §2.13), SKEYSEED, SK_* and KEYMAT (§2.14, §2.17 and §2.18).

Keys never appear in a `repr`.
"""

from __future__ import annotations

import enum
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dmvpn.features.ikev2.wire import numbers

if TYPE_CHECKING:
    from dmvpn.features.ikev2.crypto.sealing import Cipher


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IkeKeys:
    """The seven keys of an IKE SA, RFC 7296 §2.14. An AEAD cipher has no SK_a; its SK_e ends with the salt."""

    d: bytes = field(repr=False)
    ai: bytes = field(repr=False)
    ar: bytes = field(repr=False)
    ei: bytes = field(repr=False)
    er: bytes = field(repr=False)
    pi: bytes = field(repr=False)
    pr: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChildKeys:
    """Key material of a child SA, by direction: cipher key (with the salt of an AEAD at its end), integrity key."""

    initiator: tuple[bytes, bytes] = field(repr=False)
    responder: tuple[bytes, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nonces:
    """What both sides threw in. initiator, responder: of the exchange that made the SA."""

    initiator: bytes
    responder: bytes

    @property
    def joined(self) -> bytes:
        """Ni | Nr."""
        return self.initiator + self.responder

    @property
    def lowest(self) -> bytes:
        """Which of two exchanges that replace the same SA gives way: the one with the lowest nonce of all (§2.8.1)."""
        return min(self.initiator, self.responder)


def first_seed(prf: Prf, nonces: Nonces, shared: bytes) -> bytes:
    """SKEYSEED of a new IKE SA: prf(Ni | Nr, g^ir). RFC 7296 §2.14."""
    return prf(nonces.joined, shared)


def rekeyed_seed(old: Prf, d: bytes, nonces: Nonces, shared: bytes) -> bytes:
    """SKEYSEED of an IKE SA that replaces another: prf(SK_d (old), g^ir | Ni | Nr), with the old prf. §2.18."""
    return old(d, shared + nonces.joined)


def ike_keys(prf: Prf, cipher: Cipher, seed: bytes, nonces: Nonces, spis: bytes) -> IkeKeys:
    """SK_* out of SKEYSEED. spis: SPIi | SPIr, 16 octets."""
    sizes = (prf.size, *(cipher.integrity_size,) * 2, *(cipher.key_size,) * 2, *(prf.size,) * 2)
    d, ai, ar, ei, er, pi, pr = _cut(prf.expand(seed, nonces.joined + spis, sum(sizes)), sizes)
    return IkeKeys(d=d, ai=ai, ar=ar, ei=ei, er=er, pi=pi, pr=pr)


def child_keys(prf: Prf, d: bytes, nonces: Nonces, sizes: tuple[int, int], shared: bytes = b"") -> ChildKeys:
    """KEYMAT. sizes: octets of cipher key (with salt) and of integrity key. shared: g^ir with PFS. §2.17."""
    cipher, integrity = sizes
    octets = prf.expand(d, shared + nonces.joined, 2 * (cipher + integrity))
    ei, ai, er, ar = _cut(octets, (cipher, integrity, cipher, integrity))
    return ChildKeys((ei, ai), (er, ar))


def _cut(octets: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    parts, at = [], 0
    for size in sizes:
        parts.append(octets[at : at + size])
        at += size
    return parts
