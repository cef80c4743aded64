"""The algorithms that proposals name, on the primitives of the package `cryptography`; nothing is of our own invention.

    PrfAlgorithm   pseudo-random functions and prf+: RFC 7296 §2.13
    PrivateValue   Diffie-Hellman: §2.12, RFC 3526 (`modp`), RFC 5903 (ECP), RFC 8031 (Curve25519), checks of RFC 6989
    Cipher         what seals messages: §3.14 with CBC and HMAC, RFC 5282 with GCM
    material       nonces, keys of child SAs, block ciphers, keys as Wireshark reads them
    certificates   whom signatures prove

What does not open raises `WireError`, whatever the reason: a sender without the key learns nothing.

Private values are drawn from the router's own source of entropy, so that a simulation repeats and a recording replays.
A private value is used for one exchange and forgotten.
"""

from __future__ import annotations

import enum
import hmac
from typing import TYPE_CHECKING, Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.ike import numbers
from dmvpn.features.ike.crypto.material import BLOCK, decrypt, encrypt
from dmvpn.features.ike.crypto.modp import MODP_GROUPS, ModpValue
from dmvpn.features.ike.numbers import Encr, Group, Integ

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy


class PrfAlgorithm(enum.Enum):
    """A pseudo-random function: HMAC over a hash. Its key is as long as its output. MD5 is for IKEv1 alone."""

    MD5 = hashes.MD5()  # noqa: S303
    SHA1 = hashes.SHA1()  # noqa: S303
    SHA256 = hashes.SHA256()
    SHA384 = hashes.SHA384()
    SHA512 = hashes.SHA512()

    def __init__(self, algorithm: hashes.HashAlgorithm) -> None:
        """Size: octets of its output, which is also the best size of its key."""
        self.algorithm, self.hash, self.size = algorithm, algorithm.name, algorithm.digest_size

    def __call__(self, key: bytes, data: bytes) -> bytes:
        """Return prf(key, data)."""
        return hmac.digest(key, data, self.hash)

    def expand(self, key: bytes, seed: bytes, length: int) -> bytes:
        """Return prf+(key, seed), cut to `length` octets. Raises ValueError beyond 255 blocks."""
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand  # late: most routers negotiate nothing

        return HKDFExpand(self.algorithm, length, seed).derive(key)  # the same function, RFC 5869 §2.3


#: By transform identifier.
PRFS: Final[dict[int, PrfAlgorithm]] = {
    numbers.Prf.HMAC_SHA1: PrfAlgorithm.SHA1,
    numbers.Prf.HMAC_SHA2_256: PrfAlgorithm.SHA256,
    numbers.Prf.HMAC_SHA2_384: PrfAlgorithm.SHA384,
    numbers.Prf.HMAC_SHA2_512: PrfAlgorithm.SHA512,
}


# ------------------------------------------------------------------------------------------------------- Diffie-Hellman


_CHECKS = "RFC 6989 §2"


class PrivateValue(Protocol):
    """Our half of one exchange."""

    @property
    def public(self) -> bytes:
        """The public value for the KE payload."""
        ...

    def agree(self, theirs: bytes) -> bytes:
        """Return the shared secret with the peer's public value. Raises WireError if that value is not legal."""
        ...


def draw(group: int, entropy: Entropy) -> PrivateValue:
    """Draw a fresh private value. Raises KeyError for a group that is not in `SUPPORTED`."""
    if group == Group.CURVE25519:
        return _Curve25519(x25519.X25519PrivateKey.from_private_bytes(entropy.octets(32)))
    if group in _CURVES:
        return _Curve.draw(_CURVES[Group(group)], entropy)
    return ModpValue.draw(Group(group), entropy)


@dataclass(frozen=True, slots=True)
class _Curve25519:
    key: x25519.X25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def agree(self, theirs: bytes) -> bytes:
        if len(theirs) != 32:
            raise WireError(f"a public value of {len(theirs)} octets for Curve25519", offset=0, clause="RFC 8031 §3.1")
        try:
            return self.key.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
        except ValueError as error:  # the shared secret is all zero
            raise WireError("a public value of small order", offset=0, clause="RFC 8031 §2") from error


@dataclass(frozen=True, slots=True)
class _Curve:
    """An ECP group: x and y of the point without a prefix; the secret is x alone (RFC 5903 §7)."""

    key: ec.EllipticCurvePrivateKey

    @classmethod
    def draw(cls, curve: ec.EllipticCurve, entropy: Entropy) -> Self:
        order = curve.group_order
        # 64 bits more than the order: reducing them leaves no noticeable bias (FIPS 186-5 A.2.1)
        number = int.from_bytes(entropy.octets(_width(curve) + 8), "big")
        return cls(ec.derive_private_key(number % (order - 1) + 1, curve))

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]

    def agree(self, theirs: bytes) -> bytes:
        curve = self.key.curve
        if len(theirs) != 2 * _width(curve):
            raise WireError(f"a public value of {len(theirs)} octets for {curve.name}", offset=0, clause=_CHECKS)
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + theirs)
        except ValueError as error:
            raise WireError(f"a public value that is no point of {curve.name}", offset=0, clause=_CHECKS) from error
        return self.key.exchange(ec.ECDH(), point)


def _width(curve: ec.EllipticCurve) -> int:
    return -(-curve.key_size // 8)


_CURVES: Final[dict[Group, ec.EllipticCurve]] = {
    Group.ECP_256: ec.SECP256R1(),
    Group.ECP_384: ec.SECP384R1(),
    Group.ECP_521: ec.SECP521R1(),
}
#: Groups that can be used. 2 and 5 are too small for new networks; a policy takes them only if it names them.
SUPPORTED: Final[frozenset[Group]] = frozenset({Group.CURVE25519, *_CURVES, *MODP_GROUPS})


# -------------------------------------------------------------------------------------------------------------- ciphers


_SEALED = "RFC 7296 §3.14"
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
        """Return the plaintext without padding. Raises WireError."""
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
        return BLOCK + size + _padding(size) + 1 + self.cipher.icv_size

    def seal(self, associated: bytes, inner: bytes) -> bytes:
        iv = self.entropy.octets(BLOCK)  # unpredictable, RFC 7296 §3.14
        padding = _padding(len(inner))
        text = encrypt(self.key, iv, inner + bytes(padding) + bytes((padding,)))
        return iv + text + _icv(self.cipher, self.integrity_key, associated + iv + text)


@dataclass(slots=True)
class _CbcOpener:
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
