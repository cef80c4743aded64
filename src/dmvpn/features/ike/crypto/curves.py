"""Diffie-Hellman on elliptic curves: RFC 5903 (ECP), RFC 8031 (Curve25519), checks of RFC 6989 §2."""

from __future__ import annotations

from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dmvpn.base.entropy import Entropy
from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.ike.numbers import Group

_CHECKS = "RFC 6989 §2"
_CURVES: Final[dict[int, ec.EllipticCurve]] = {
    Group.ECP_256: ec.SECP256R1(),
    Group.ECP_384: ec.SECP384R1(),
    Group.ECP_521: ec.SECP521R1(),
}


def draw_on_curve(group: int, entropy: Entropy) -> _Curve25519 | _Curve:
    """Draw a fresh private value. Raises KeyError for a group that is no curve."""
    if group == Group.CURVE25519:
        return _Curve25519(x25519.X25519PrivateKey.from_private_bytes(entropy.octets(32)))
    return _Curve.draw(_CURVES[group], entropy)


class _Curve25519(Value):
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


class _Curve(Value):
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
