"""Put fragments together again, RFC 791 §3.2: bounded in datagrams, octets and time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from dmvpn.base.addresses import IPAddress
from dmvpn.net.ipv4 import Ipv4Flag, Ipv4Packet

#: Seconds that a datagram may stay incomplete (RFC 791 suggests 15), and how many may be at a time.
TIMEOUT = 15.0
DATAGRAMS = 64

_Key = tuple[IPAddress, IPAddress, int, int]


@dataclass(slots=True)
class _Pieces:
    since: float
    by_offset: dict[int, Ipv4Packet] = field(default_factory=dict)


class Reassembler:
    """Collects fragments until a datagram is whole. Overlapping fragments spoil theirs (RFC 5722 does so for IPv6)."""

    def __init__(self) -> None:
        self._incomplete: OrderedDict[_Key, _Pieces] = OrderedDict()

    def add(self, fragment: Ipv4Packet, now: float) -> Ipv4Packet | None:
        """Take one fragment; return the datagram if that was its last missing one."""
        key = (fragment.source, fragment.destination, fragment.protocol, fragment.identification)
        pieces = self._incomplete.get(key)
        if pieces is None or now - pieces.since > TIMEOUT:
            pieces = self._incomplete[key] = _Pieces(now)
            if len(self._incomplete) > DATAGRAMS:
                self._incomplete.popitem(last=False)
        pieces.by_offset[fragment.fragment_offset] = fragment
        whole = _join(pieces.by_offset)
        if whole is not None:
            del self._incomplete[key]
        return whole


def _join(by_offset: dict[int, Ipv4Packet]) -> Ipv4Packet | None:
    payload = bytearray()
    for offset in sorted(by_offset):
        piece = by_offset[offset]
        if offset * 8 != len(payload) or len(payload) + len(piece.payload) > 0xFFFF - 60:
            return None
        payload += piece.payload
        if not piece.flags & Ipv4Flag.MORE_FRAGMENTS:
            return replace(by_offset[0], flags=Ipv4Flag(0), fragment_offset=0, payload=bytes(payload))
    return None
