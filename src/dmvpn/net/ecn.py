"""Explicit congestion notification through a tunnel: RFC 6040 §4.2.

On the way in the outer header gets the inner one's two bits, with its TOS. On the way out what routers between the
tunnel's ends marked must not get lost: the inner header takes the mark, or, if its sender would not understand, the
packet is dropped as the router would have done.
"""

from __future__ import annotations

from dmvpn.net.ipv4 import update

#: The two lower bits of TOS (RFC 3168 §5).
_MASK = 0b11
_NOT_ECT = 0b00
_ECT_1 = 0b01
_ECT_0 = 0b10
_CE = 0b11


def merged(outer: int, inner: int) -> int | None:
    """Return the inner TOS after decapsulation, or None: the packet is to be dropped (figure 4 of RFC 6040)."""
    mark, own = outer & _MASK, inner & _MASK
    if own == _NOT_ECT:
        return None if mark == _CE else inner
    if mark == _CE:
        return inner | _CE
    if mark == _ECT_1 and own == _ECT_0:
        return inner & ~_MASK | _ECT_1
    return inner


def mark(tos: int) -> int:
    """Return the two bits, 0 to 3."""
    return tos & _MASK


def reassembled(tos: int, marks: int) -> int | None:
    """Return the TOS of a packet that came in pieces, or None: it is to be dropped (RFC 3168 §5.3).

    tos: of the first piece.
    marks: of all of them, bit n says that one has the mark n.
    """
    if not marks & 1 << _CE:
        return tos
    return None if marks & 1 << _NOT_ECT else tos | _CE


def decapsulated(outer: int, packet: bytes) -> bytes | None:
    """Return the IPv4 packet that came out of a tunnel, with what its outer TOS says; None: it is to be dropped."""
    tos = merged(outer, packet[1])
    if tos is None or tos == packet[1]:
        return None if tos is None else packet
    changed = bytearray(packet)
    changed[1] = tos
    word = packet[0] << 8
    changed[10:12] = update(int.from_bytes(packet[10:12], "big"), word | packet[1], word | tos).to_bytes(2, "big")
    return bytes(changed)
