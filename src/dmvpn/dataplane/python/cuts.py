"""Fragments of packets that are too big for the paths to some of their neighbors.

Each packet is fragmented once for each size, however many neighbors it goes to. `engine/src/cuts.rs` is the same in
Rust.
"""

from __future__ import annotations

from typing import NamedTuple

from dmvpn.net.ipv4 import Ipv4Packet


class Room(NamedTuple):
    """The room on a path.

    largest: octets of a packet that is not fragmented.
    df: it may have DF.
    """

    largest: int
    df: bool


class Cuts:
    """The fragments of one packet, by size."""

    __slots__ = ("_known", "_packet")

    def __init__(self, packet: bytes) -> None:
        self._packet = packet
        self._known: dict[int, list[bytes] | None] = {}

    def of(self, largest: int) -> list[bytes] | None:
        """Return the packet in fragments of at most so many octets; None: it has DF. Raises WireError."""
        if largest not in self._known:
            whole = Ipv4Packet.parse(self._packet)
            pieces = [] if whole.dont_fragment else whole.fragments(largest)
            self._known[largest] = [piece.serialize() for piece in pieces] or None
        return self._known[largest]
