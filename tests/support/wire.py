"""What every decoder has to endure: cut, damaged and random octets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dmvpn.base.errors import WireError
from dmvpn.net.ipv4 import checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_VECTORS = Path(__file__).parents[1] / "vectors"
_T = TypeVar("_T")


def vectors(file: str) -> dict[str, bytes]:
    """Return the octets of `tests/vectors/FILE.json` by name."""
    return {
        entry["name"]: bytes.fromhex(entry["hex"])
        for entry in json.loads((_VECTORS / f"{file}.json").read_text())["vectors"]
    }


def decoded_or_refused(parse: Callable[[bytes], _T], octets: bytes) -> _T | None:
    """What the octets mean, or None if they are refused; any error but a `WireError` that points into them fails."""
    try:
        return parse(octets)
    except WireError as refused:
        if not 0 <= refused.offset <= len(octets):
            raise AssertionError(f"{refused} of {len(octets)} octets") from refused
        return None


def cuts(octets: bytes) -> Iterator[bytes]:
    """Everything that the octets can be cut to."""
    return (octets[:length] for length in range(len(octets)))


def damaged(octets: bytes) -> Iterator[bytes]:
    """Yield the octets with one of them changed, in the ways that lengths and flags are sensitive to."""
    for position, octet in enumerate(octets):
        for other in {0, 1, 0xFF, octet ^ 0x80, octet ^ 0x01, (octet + 4) & 0xFF} - {octet}:
            yield octets[:position] + bytes((other,)) + octets[position + 1 :]


def with_checksum(octets: bytes, at: int) -> bytes:
    """Return the octets with a right checksum at this offset, so that damage gets past it; as they are if too short."""
    if len(octets) < at + 2:
        return octets
    blank = octets[:at] + bytes(2) + octets[at + 2 :]
    return blank[:at] + checksum(blank).to_bytes(2, "big") + blank[at + 2 :]
