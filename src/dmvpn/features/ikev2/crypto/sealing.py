"""The SK payload: RFC 7296 §3.14 with CBC and HMAC, RFC 5282 with GCM; fragments: RFC 7383.

`Sealer` seals what one side sends, `Opener` opens what it receives. What does not open raises `WireError`, whatever the
reason: a sender without the key learns nothing.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.wire.numbers import Encr, Integ

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy

_CLAUSE = "RFC 7296 §3.14"
_BLOCK: Final = 16
_SALT: Final = 4


class Sealer(Protocol):
    """Encrypts and authenticates."""

    def overhead(self, size: int) -> int:
        """Return the octets of the sealed form of `size` octets: IV, padding and ICV included."""
        ...

    def seal(self, associated: bytes, inner: bytes) -> bytes:
        """Seal, and return IV to ICV.

        associated: all octets of the message before the IV, with the final lengths.
        """
        ...


class Opener(Protocol):
    """The reverse."""

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        """Return what is inside, without padding. Raises WireError."""
        ...


@dataclass(frozen=True, slots=True)
class Cipher:
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


@dataclass(slots=True)
class _CbcSealer:
    cipher: Cipher
    key: bytes
    integrity_key: bytes
    entropy: Entropy

    def overhead(self, size: int) -> int:
        return _BLOCK + size + _padding(size) + 1 + self.cipher.icv_size

    def seal(self, associated: bytes, inner: bytes) -> bytes:
        iv = self.entropy.octets(_BLOCK)  # unpredictable, RFC 7296 §3.14
        padding = _padding(len(inner))
        encryptor = BlockCipher(algorithms.AES(self.key), modes.CBC(iv)).encryptor()
        text = encryptor.update(inner + bytes(padding) + bytes((padding,))) + encryptor.finalize()
        return iv + text + _icv(self.cipher, self.integrity_key, associated + iv + text)


@dataclass(slots=True)
class _CbcOpener:
    cipher: Cipher
    key: bytes
    integrity_key: bytes

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        end = len(sealed) - self.cipher.icv_size
        if end < 2 * _BLOCK or end % _BLOCK:
            raise WireError("an encrypted payload has a wrong length", offset=len(associated), clause=_CLAUSE)
        expected = _icv(self.cipher, self.integrity_key, associated + sealed[:end])
        if not hmac.compare_digest(expected, sealed[end:]):
            raise WireError("an encrypted payload does not open", offset=len(associated), clause=_CLAUSE)
        decryptor = BlockCipher(algorithms.AES(self.key), modes.CBC(sealed[:_BLOCK])).decryptor()
        return _unpadded(decryptor.update(sealed[_BLOCK:end]) + decryptor.finalize(), len(associated))


class _GcmSealer:
    """The IV is a counter: it never repeats under one key, RFC 5282 §3.1."""

    __slots__ = ("_aead", "_count", "_icv_size", "_salt")

    def __init__(self, key: bytes, icv_size: int) -> None:
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
        self._aead, self._salt = AESGCM(key[:-_SALT]), key[-_SALT:]
        self._icv_size = icv_size

    def open(self, associated: bytes, sealed: bytes) -> bytes:
        if len(sealed) < 8 + 1 + self._icv_size:
            raise WireError("an encrypted payload has a wrong length", offset=len(associated), clause=_CLAUSE)
        try:
            inner = self._aead.decrypt(self._salt + sealed[:8], sealed[8:], associated)
        except InvalidTag as error:
            raise WireError("an encrypted payload does not open", offset=len(associated), clause=_CLAUSE) from error
        return _unpadded(inner, len(associated))


def _padding(size: int) -> int:
    return -(size + 1) % _BLOCK


def _icv(cipher: Cipher, key: bytes, octets: bytes) -> bytes:
    return hmac.digest(key, octets, cipher.integrity)[: cipher.icv_size]


def _unpadded(octets: bytes, offset: int) -> bytes:
    padding = octets[-1] + 1
    if padding > len(octets):
        raise WireError("an encrypted payload has more padding than octets", offset=offset, clause=_CLAUSE)
    return octets[:-padding]
