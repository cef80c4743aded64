"""Diffie-Hellman with the MODP groups: RFC 2409 §6.2, RFC 3526, checks of RFC 6989 §2.1.

The primes come from the formula by which the RFCs define them,

    2^n - 2^(n-64) - 1 + 2^64 * ( [2^(n-130) pi] + k )

where k is the smallest number that makes p and (p-1)/2 prime. The digits of pi prove that the primes were not chosen
for a weakness, and a short formula is easier to check than a table of hexadecimal digits.

OpenSSL computes the powers: eleven times as fast as Python with the longer exponents of before, and in a time that does
not depend on the bits of the exponent. It has the primes of RFC 3526 in a table. The prime of group 2 is not in it, and
OpenSSL would test for each key whether that number is prime, which takes longer than everything else. So `pow` computes
the powers of group 2; each exponent serves a single exchange, and a single measurement gives little away.

The package `cryptography` is dropping finite-field Diffie-Hellman, and warns of that since version 50. Where the
package does not have it any more, `pow` computes the same octets for all groups.
"""

from __future__ import annotations

import warnings
from dataclasses import field
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import Value
from dmvpn.features.ike.numbers import Group

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.dh import DHParameterNumbers, DHPrivateNumbers, DHPublicNumbers

    from dmvpn.base.entropy import Entropy

_CHECKS: Final = "RFC 6989 §2.1"
_GENERATOR: Final = 2


class _Parameters(Value):
    """What makes a group.

    bits: of the prime.
    k: of the formula above.
    exponent: bits of a private exponent, twice the strength of the group or more (RFC 3526 §8, RFC 7919 §5.2, SP
    800-56A §5.6.1.1.1); whole words of 64 bits, by which OpenSSL computes.
    known: OpenSSL has the prime in its table.
    """

    bits: int
    k: int
    exponent: int
    known: bool = True


_PARAMETERS: Final[dict[Group, _Parameters]] = {
    Group.MODP_1024: _Parameters(1024, 129_093, 256, known=False),
    Group.MODP_1536: _Parameters(1536, 741_804, 256),
    Group.MODP_2048: _Parameters(2048, 124_476, 256),
    Group.MODP_3072: _Parameters(3072, 1_690_314, 320),
    Group.MODP_4096: _Parameters(4096, 240_904, 384),
}
MODP_GROUPS: Final = frozenset(_PARAMETERS)
_GUARD: Final = 64


@cache
def prime(group: Group) -> int:
    """Return the prime of a MODP group. Raises KeyError for any other group."""
    bits, k = _PARAMETERS[group].bits, _PARAMETERS[group].k
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


class OpenSsl(NamedTuple):
    """Finite-field Diffie-Hellman of the package `cryptography`."""

    parameters: type[DHParameterNumbers]
    private: type[DHPrivateNumbers]
    public: Callable[[int, DHParameterNumbers], DHPublicNumbers]


@cache
def openssl() -> OpenSsl | None:
    """Return what computes by OpenSSL; None where the package does not have it any more."""
    try:
        from cryptography.utils import CryptographyDeprecationWarning

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            from cryptography.hazmat.primitives.asymmetric.dh import (
                DHParameterNumbers,
                DHPrivateNumbers,
                DHPublicNumbers,
            )
    except ImportError:
        return None
    return OpenSsl(DHParameterNumbers, DHPrivateNumbers, DHPublicNumbers)


class ModpValue(Value):
    """Our half of one exchange. Numbers are padded on the left to the length of the prime (RFC 7296 §3.4).

    public: the public value for the KE payload.
    power: raises a number to the private exponent.
    """

    prime: int
    public: bytes
    power: Callable[[int], bytes] = field(repr=False)

    @classmethod
    def draw(cls, group: Group, entropy: Entropy) -> Self:
        """Draw a private exponent. Its highest bit is set, so all exponents of a group have one length."""
        modulus, parameters = prime(group), _PARAMETERS[group]
        octets = entropy.octets(parameters.exponent // 8)
        exponent = int.from_bytes(octets, "big") | 1 << (parameters.exponent - 1)
        power = _power_by_openssl(modulus, exponent) if parameters.known else _power_by_python(modulus, exponent)
        return cls(modulus, power(_GENERATOR), power)

    def agree(self, theirs: bytes) -> bytes:
        """Return the shared secret with the peer's public value. Raises WireError if that value is not legal.

        (p-1)/2 is prime: of the legal values none has a small order, so nothing else needs a check.
        """
        value = int.from_bytes(theirs, "big")
        if len(theirs) != self.prime.bit_length() // 8 or not 1 < value < self.prime - 1:
            raise WireError("a public value out of range", offset=0, clause=_CHECKS)
        return self.power(value)


def _power_by_openssl(modulus: int, exponent: int) -> Callable[[int], bytes]:
    """Return the function that raises numbers to the exponent, in constant time. Takes only primes of RFC 3526.

    A private key of OpenSSL has a public value, and ours is what OpenSSL is to compute: the key gets another legal one,
    which nothing reads. The secret that the key shares with the generator is our public value.
    """
    if (dh := openssl()) is None:
        return _power_by_python(modulus, exponent)
    parameters = dh.parameters(modulus, _GENERATOR)
    key = dh.private(exponent, dh.public(_GENERATOR, parameters)).private_key()

    def power(base: int) -> bytes:
        try:
            return key.exchange(dh.public(base, parameters).public_key())
        except ValueError:  # an older OpenSSL (3.1) refuses half of the legal values, those that are no squares
            return _power_by_python(modulus, exponent)(base)

    return power


def _power_by_python(modulus: int, exponent: int) -> Callable[[int], bytes]:
    """Return the same function for any modulus; its time depends on the exponent."""

    def power(base: int) -> bytes:
        return pow(base, exponent, modulus).to_bytes(modulus.bit_length() // 8, "big")

    return power
