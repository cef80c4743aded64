"""Diffie-Hellman: RFC 7296 §2.12, RFC 3526 (MODP), RFC 5903 (ECP), RFC 8031 (Curve25519), checks of RFC 6989.

Private values are drawn from the router's own source of entropy, so that a simulation repeats and a recording replays.
A private value is used for one exchange and forgotten.

The primes of the MODP groups come from the formula by which RFC 2409 §6 and RFC 3526 define them,

    2^n - 2^(n-64) - 1 + 2^64 * ( [2^(n-130) pi] + k )

where k is the smallest number that makes p and (p-1)/2 prime. The digits of pi are nobody's choice, which is the point
of the formula; a table of hexadecimal digits would have to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol, Self

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dmvpn.base.errors import WireError
from dmvpn.features.ikev2.wire.numbers import Group

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy

#: Bits and k of each group.
_PARAMETERS: Final[dict[Group, tuple[int, int]]] = {
    Group.MODP_1024: (1024, 129_093),
    Group.MODP_1536: (1536, 741_804),
    Group.MODP_2048: (2048, 124_476),
    Group.MODP_3072: (3072, 1_690_314),
    Group.MODP_4096: (4096, 240_904),
}
MODP_GROUPS: Final = frozenset(_PARAMETERS)
_GUARD = 64


@cache
def prime(group: Group) -> int:
    """Return the prime of a MODP group. Raises KeyError for any other group."""
    bits, k = _PARAMETERS[group]
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((_pi(bits - 130) + k) << 64)


def _pi(bits: int) -> int:
    """Return [2^bits pi], by Machin's formula with some bits to spare."""
    one = 1 << (bits + _GUARD)
    return 4 * (4 * _inverse_arctangent(5, one) - _inverse_arctangent(239, one)) >> _GUARD


def _inverse_arctangent(of: int, one: int) -> int:
    term = total = one // of
    divisor, sign = 3, -1
    while term:
        term //= of * of
        total += sign * (term // divisor)
        divisor, sign = divisor + 2, -sign
    return total


_CLAUSE = "RFC 6989 §2"
#: Octets of a private MODP exponent: twice the strength of the largest group here, RFC 3526 §8.
_EXPONENT = 48
_GENERATOR = 2


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
    return _Modp.draw(prime(Group(group)), entropy)


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
            raise WireError(f"a public value of {len(theirs)} octets for {curve.name}", offset=0, clause=_CLAUSE)
        try:
            point = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + theirs)
        except ValueError as error:
            raise WireError(f"a public value that is no point of {curve.name}", offset=0, clause=_CLAUSE) from error
        return self.key.exchange(ec.ECDH(), point)


def _width(curve: ec.EllipticCurve) -> int:
    return -(-curve.key_size // 8)


@dataclass(frozen=True, slots=True)
class _Modp:
    """A MODP group: numbers are padded on the left to the length of the prime (RFC 7296 §3.4).

    Plain integers: the package `cryptography` is dropping finite-field Diffie-Hellman. Python's `pow` takes longer for
    some exponents than for others; an exponent here serves one exchange, so nobody can measure it twice.
    """

    exponent: int = field(repr=False)
    prime: int

    @classmethod
    def draw(cls, prime: int, entropy: Entropy) -> Self:
        return cls(int.from_bytes(entropy.octets(_EXPONENT), "big") | 1 << (_EXPONENT * 8 - 1), prime)

    @property
    def public(self) -> bytes:
        return self._power(_GENERATOR)

    def agree(self, theirs: bytes) -> bytes:
        value = int.from_bytes(theirs, "big")
        if len(theirs) != self.prime.bit_length() // 8 or not 1 < value < self.prime - 1:
            raise WireError("a public value out of range", offset=0, clause=_CLAUSE)
        return self._power(value)

    def _power(self, base: int) -> bytes:
        return pow(base, self.exponent, self.prime).to_bytes(self.prime.bit_length() // 8, "big")


_CURVES: Final[dict[Group, ec.EllipticCurve]] = {
    Group.ECP_256: ec.SECP256R1(),
    Group.ECP_384: ec.SECP384R1(),
    Group.ECP_521: ec.SECP521R1(),
}
#: Groups that can be used. 2 and 5 are too small for new networks; a policy takes them only if it names them.
SUPPORTED: Final[frozenset[Group]] = frozenset({Group.CURVE25519, *_CURVES, *MODP_GROUPS})
