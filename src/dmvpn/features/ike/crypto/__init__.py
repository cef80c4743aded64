"""The algorithms that proposals name, on the primitives of the package `cryptography`; nothing is of our own invention.

    PrfAlgorithm   pseudo-random functions and prf+: RFC 7296 §2.13
    PrivateValue   Diffie-Hellman: §2.12, RFC 3526 (`modp`), RFC 5903 (ECP), RFC 8031 (Curve25519), checks of RFC 6989
    Cipher         what seals messages: §3.14 with CBC and HMAC, RFC 5282 with GCM
    material       nonces, keys of child SAs, block ciphers, keys as Wireshark reads them
    curves         the groups that are elliptic curves
    certificates   whom signatures prove

That package is imported when something is negotiated: most routers negotiate nothing, and not every platform that can
hold a simulated lab has it.

What does not open raises `WireError`, whatever the reason: a sender without the key learns nothing.

Private values are drawn from the router's own source of entropy, so that a simulation repeats and a recording replays.
A private value is used for one exchange and forgotten.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from typing import Final, Protocol

from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError
from dmvpn.base.values import Mutable, Value
from dmvpn.features.ike import numbers
from dmvpn.features.ike.crypto.material import BLOCK, decrypt, encrypt
from dmvpn.features.ike.crypto.modp import MODP_GROUPS, ModpValue
from dmvpn.features.ike.numbers import Encr, Group, Integ


class PrfAlgorithm(enum.Enum):
    """A pseudo-random function: HMAC over a hash. Its key is as long as its output. MD5 is for IKEv1 alone."""

    MD5 = "md5"
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    def __init__(self, name: str) -> None:
        """Size: octets of its output, which is also the best size of its key."""
        self.hash, self.size = name, hashlib.new(name, usedforsecurity=False).digest_size

    def __call__(self, key: bytes, data: bytes) -> bytes:
        """Return prf(key, data)."""
        return hmac.digest(key, data, self.hash)

    def expand(self, key: bytes, seed: bytes, length: int) -> bytes:
        """Return prf+(key, seed), cut to `length` octets. Raises ValueError beyond 255 blocks."""
        block, octets = b"", bytearray()
        for number in range(1, -(-length // self.size) + 1):
            block = hmac.digest(key, block + seed + bytes((number,)), self.hash)
            octets += block
        return bytes(octets[:length])


#: By transform identifier.
PRFS: Final[dict[int, PrfAlgorithm]] = {
    numbers.Prf.HMAC_SHA1: PrfAlgorithm.SHA1,
    numbers.Prf.HMAC_SHA2_256: PrfAlgorithm.SHA256,
    numbers.Prf.HMAC_SHA2_384: PrfAlgorithm.SHA384,
    numbers.Prf.HMAC_SHA2_512: PrfAlgorithm.SHA512,
}


# ------------------------------------------------------------------------------------------------------- Diffie-Hellman


class PrivateValue(Protocol):
    """Our half of one exchange."""

    @property
    def public(self) -> bytes:
        """The public value for the KE payload."""

    def agree(self, theirs: bytes) -> bytes:
        """Return the shared secret with the peer's public value. Raises WireError if that value is not legal."""


def draw(group: int, entropy: Entropy) -> PrivateValue:
    """Draw a fresh private value. Raises KeyError for a group that is not in `SUPPORTED`."""
    if group in MODP_GROUPS:
        return ModpValue.draw(Group(group), entropy)
    from dmvpn.features.ike.crypto.curves import draw_on_curve

    return draw_on_curve(group, entropy)


#: Groups that can be used. 2 and 5 are too small for new networks; a policy takes them only if it names them.
SUPPORTED: Final[frozenset[Group]] = MODP_GROUPS | {Group.CURVE25519, Group.ECP_256, Group.ECP_384, Group.ECP_521}


# -------------------------------------------------------------------------------------------------------------- ciphers


_SEALED = "RFC 7296 §3.14"
_SALT: Final = 4


class Sealer(Protocol):
    """Encrypts and authenticates."""

    def overhead(self, size: int) -> int:
        """Return the octets of the sealed form of `size` octets: IV, padding and ICV included."""

    def seal(self, associated: bytes, inner: bytes) -> bytes:
        """Seal, and return IV to ICV.

        associated: all octets of the message before the IV, with the final lengths.
        """


class Opener(Protocol):
    """The reverse."""

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        """Return the plaintext without padding. Raises WireError."""


class Cipher(Value):
    """How an IKE SA protects its messages. Sizes are in octets.

    integrity: the hash of HMAC, "" for AEAD.
    key_size: with the salt of an AEAD.
    icv_size: of the integrity check value or the tag.
    """

    key_size: int
    integrity: str
    integrity_size: int
    icv_size: int

    def sealer(self, key: bytes, integrity_key: bytes, entropy: Entropy) -> Sealer:
        """Make a sealer for one direction of one SA. A GCM sealer counts its IVs: never make two with one key."""
        return _CbcSealer(self, key, integrity_key, entropy) if self.integrity else _GcmSealer(key, self.icv_size)

    def opener(self, key: bytes, integrity_key: bytes) -> Opener:
        """Make an opener for one direction of one SA."""
        return _CbcOpener(self, key, integrity_key) if self.integrity else _GcmOpener(key, self.icv_size)


_HMACS: Final[dict[int, tuple[str, int, int]]] = {
    Integ.HMAC_SHA1_96: ("sha1", 20, 12),
    Integ.HMAC_SHA2_256_128: ("sha256", 32, 16),
    Integ.HMAC_SHA2_384_192: ("sha384", 48, 24),
    Integ.HMAC_SHA2_512_256: ("sha512", 64, 32),
}
_KEY_BITS: Final = (128, 192, 256)


def cipher_of(encr: int, key_bits: int, integ: int = Integ.NONE) -> Cipher | None:
    """Return the cipher with these transform identifiers; None: it is not one of ours."""
    if key_bits not in _KEY_BITS:
        return None
    if encr == Encr.AES_CBC and integ in _HMACS:
        return Cipher(key_bits // 8, *_HMACS[integ])
    if encr == Encr.AES_GCM_16 and integ == Integ.NONE:
        return Cipher(key_bits // 8 + _SALT, "", 0, 16)
    return None


class _CbcSealer(Mutable):
    cipher: Cipher
    key: bytes
    integrity_key: bytes
    entropy: Entropy

    def overhead(self, size: int) -> int:
        return BLOCK + size + _padding(size) + 1 + self.cipher.icv_size

    def seal(self, associated: bytes, inner: bytes) -> bytes:
        iv = self.entropy.octets(BLOCK)  # unpredictable, RFC 7296 §3.14
        padding = _padding(len(inner))
        text = encrypt(self.key, iv, inner + bytes(padding) + bytes((padding,)))
        return iv + text + _icv(self.cipher, self.integrity_key, associated + iv + text)


class _CbcOpener(Mutable):
    cipher: Cipher
    key: bytes
    integrity_key: bytes

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        end = len(sealed) - self.cipher.icv_size
        if end < 2 * BLOCK or end % BLOCK:
            raise WireError("an encrypted payload has a wrong length", offset=len(associated), clause=_SEALED)
        expected = _icv(self.cipher, self.integrity_key, associated + sealed[:end])
        if not hmac.compare_digest(expected, sealed[end:]):
            raise WireError("an encrypted payload does not open", offset=len(associated), clause=_SEALED)
        return _unpadded(decrypt(self.key, sealed[:BLOCK], sealed[BLOCK:end]), len(associated))


class _GcmSealer:
    """The IV is a counter: it never repeats under one key, RFC 5282 §3.1."""

    __slots__ = ("_aead", "_count", "_icv_size", "_salt")

    def __init__(self, key: bytes, icv_size: int) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead, self._salt = AESGCM(key[:-_SALT]), key[-_SALT:]
        self._count = 0
        self._icv_size = icv_size

    def overhead(self, size: int) -> int:
        return 8 + size + 1 + self._icv_size

    def seal(self, associated: bytes, inner: bytes) -> bytes:
        self._count += 1
        iv = self._count.to_bytes(8, "big")
        return iv + self._aead.encrypt(self._salt + iv, inner + b"\x00", associated)


class _GcmOpener:
    __slots__ = ("_aead", "_icv_size", "_salt")

    def __init__(self, key: bytes, icv_size: int) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._aead, self._salt = AESGCM(key[:-_SALT]), key[-_SALT:]
        self._icv_size = icv_size

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag

        if len(sealed) < 8 + 1 + self._icv_size:
            raise WireError("an encrypted payload has a wrong length", offset=len(associated), clause=_SEALED)
        try:
            inner = self._aead.decrypt(self._salt + sealed[:8], sealed[8:], associated)
        except InvalidTag as error:
            raise WireError("an encrypted payload does not open", offset=len(associated), clause=_SEALED) from error
        return _unpadded(inner, len(associated))


def _padding(size: int) -> int:
    return -(size + 1) % BLOCK


def _icv(cipher: Cipher, key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, cipher.integrity)[: cipher.icv_size]


def _unpadded(octets: bytes, offset: int) -> bytes:
    padding = octets[-1] + 1
    if padding > len(octets):
        raise WireError("an encrypted payload has more padding than octets", offset=offset, clause=_SEALED)
    return octets[:-padding]
