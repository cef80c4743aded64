"""Prefixes as an UPDATE has them: RFC 4271 §4.3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp.codes import ErrorCode, MessageError, UpdateError

if TYPE_CHECKING:
    from collections.abc import Iterator


def encoded_prefix(prefix: Prefix) -> bytes:
    """Return a prefix as UPDATE has it: its length in bits, and as many octets as these need."""
    return bytes((prefix.length,)) + prefix.covered


def prefixes(data: bytes, at: int, end: int) -> Iterator[Prefix]:
    """Yield those of this part of a message. Raises MessageError."""
    while at < end:
        length = data[at]
        octets = (length + 7) >> 3
        if length > 32 or at + 1 + octets > end:
            raise MessageError(
                f"a prefix of {length} bits",
                code=ErrorCode.UPDATE,
                subcode=UpdateError.BAD_NETWORK,
                clause="RFC 7606 §5.3",
                offset=at,
            )
        number = int.from_bytes(data[at + 1 : at + 1 + octets], "big") >> 8 * octets - length << 32 - length
        yield Prefix.of_number(number, length)
        at += 1 + octets
