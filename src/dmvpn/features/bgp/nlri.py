"""Encoding of prefixes in an UPDATE: RFC 4271 §4.3, and RFC 7911 §3 with path identifiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp.codes import ErrorCode, MessageError, UpdateError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Octets of a path identifier.
_NUMBER_LENGTH = 4


class NumberedPrefix(NamedTuple):
    """One of several paths to a prefix. number: the path identifier that its sender chose (RFC 7911 §2)."""

    prefix: Prefix
    number: int

    def __str__(self) -> str:
        return f"{self.prefix} path-id {self.number}"


#: A route in a message: the only path to a prefix, or one of several.
Nlri = Prefix | NumberedPrefix


def named(prefix: Prefix, number: int | None) -> Nlri:
    """Return the name of a path in a session. number: its path identifier; None: the session does not use them."""
    return prefix if number is None else NumberedPrefix(prefix, number)


def prefix_of(nlri: Nlri) -> Prefix:
    """Return the prefix alone."""
    return nlri.prefix if isinstance(nlri, NumberedPrefix) else nlri


def number_of(nlri: Nlri) -> int | None:
    """Return the path identifier; None: there is none."""
    return nlri.number if isinstance(nlri, NumberedPrefix) else None


def in_order(nlri: Nlri) -> tuple[Prefix, int]:
    """Return the sort key of a route."""
    return (nlri.prefix, nlri.number) if isinstance(nlri, NumberedPrefix) else (nlri, -1)


def encoded(nlri: Nlri) -> bytes:
    """Return the encoding in an UPDATE: the path identifier if there is one, the length in bits, and the significant
    octets.
    """
    if isinstance(nlri, NumberedPrefix):
        return nlri.number.to_bytes(_NUMBER_LENGTH, "big") + encoded(nlri.prefix)
    return bytes((nlri.length,)) + nlri.covered


def decoded(data: bytes, at: int, end: int, *, numbered: bool) -> Iterator[Nlri]:
    """Yield the routes in this part of a message. numbered: with path identifiers. Raises MessageError."""
    while at < end:
        start = at + (_NUMBER_LENGTH if numbered else 0)
        length = data[start] if start < end else 0
        octets = (length + 7) >> 3
        following = start + 1 + octets
        if length > 32 or following > end:
            raise MessageError(
                f"a prefix of {length} bits" if start < end else "the number of a path without a prefix",
                code=ErrorCode.UPDATE,
                subcode=UpdateError.BAD_NETWORK,
                clause="RFC 7606 §5.3",
                offset=at,
            )
        number = int.from_bytes(data[start + 1 : following], "big") >> 8 * octets - length << 32 - length
        prefix = Prefix.of_number(number, length)
        yield NumberedPrefix(prefix, int.from_bytes(data[at:start], "big")) if numbered else prefix
        at = following
