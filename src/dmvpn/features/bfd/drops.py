"""Packets of BFD that are not taken, by why: for `show bfd drops`."""

from __future__ import annotations

import enum

from dmvpn.base.errors import WireError


class Drop(enum.Enum):
    """Why a packet was not taken; the value is IOS's row."""

    TTL = "Invalid TTL"
    SESSION = "No BFD Adjacency"
    HEADER = "Invalid Header Bits"
    DISCRIMINATOR = "Invalid Discriminator"
    AUTH_LENGTH = "Authen invalid len"
    AUTH_SEQUENCE = "Authen invalid seq"
    AUTH_FAILED = "Authen failed"


class Dropped(WireError):
    """A refused packet, and the row that counts it; without a row it is malformed: `Drop.HEADER`."""

    def __init__(self, drop: Drop, what: str, *, offset: int, clause: str) -> None:
        super().__init__(what, offset=offset, clause=clause)
        self.drop = drop
