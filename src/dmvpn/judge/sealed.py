"""The packets inside ESP: the planes report each packet that they seal, so that an observer need not decrypt it.

An ESP packet is recognized by its first and last octets (SPI, sequence number, integrity check value), also behind NAT.
Old packets are forgotten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.judge.traffic import mark_of, mark_within
from dmvpn.net import ip
from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from dmvpn.judge.traffic import Mark

#: Seconds for which the content of a packet is remembered, at least.
MEMORY = 5.0
_HEAD = 8
_NAT_PORT = (4500).to_bytes(2, "big")


class SealedMarks:
    """The marks of flows in packets that are sealed."""

    def __init__(self) -> None:
        self._new: dict[bytes, Mark] = {}
        self._old: dict[bytes, Mark] = {}
        self._since = 0.0

    def note(self, message: bytes, sealed: bytes, now: float) -> None:
        """Note that a plane has sealed this GRE packet."""
        mark = mark_within(message)
        if mark is None:
            return
        if now - self._since > MEMORY:
            self._old, self._new, self._since = self._new, {}, now
        self._new[_name(sealed)] = mark

    def mark_of(self, packet: bytes) -> Mark | None:
        """Return the mark of a packet on a wire, sealed or not; None if it is not of a flow."""
        sealed = _sealed(packet)
        if sealed is None:
            return mark_of(packet)
        name = _name(sealed)
        return self._new.get(name) or self._old.get(name)


def _sealed(packet: bytes) -> bytes | None:
    """Return the ESP packet in an IPv4 packet, bare or in UDP."""
    if packet[0] >> 4 != 4:
        return None
    if packet[9] == IpProtocol.ESP:
        return packet[HEADER_LENGTH:]
    start = HEADER_LENGTH + ip.UDP_HEADER_LENGTH
    if packet[9] != IpProtocol.UDP or _NAT_PORT not in (packet[20:22], packet[22:24]) or len(packet) < start + _HEAD:
        return None
    return packet[start:]


def _name(sealed: bytes) -> bytes:
    return sealed[:_HEAD] + sealed[-_HEAD:]
