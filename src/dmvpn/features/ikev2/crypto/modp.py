"""The primes of the MODP groups, from the formula by which RFC 2409 §6 and RFC 3526 define them.

    2^n - 2^(n-64) - 1 + 2^64 * ( [2^(n-130) pi] + k )

where k is the smallest number that makes p and (p-1)/2 prime. The digits of pi are nobody's choice, which is the point
of the formula; a table of hexadecimal digits would have to be believed.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from dmvpn.features.ikev2.wire.numbers import Group

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
    """The prime of a MODP group. Raises KeyError for any other group."""
    bits, k = _PARAMETERS[group]
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((_pi(bits - 130) + k) << 64)


def _pi(bits: int) -> int:
    """[2^bits pi], by Machin's formula with some bits to spare."""
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
