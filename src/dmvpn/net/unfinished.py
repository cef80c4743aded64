"""Packets whose TCP or UDP checksum somebody left to a network card: the field holds the pseudo header's sum yet.

Linux does so for whatever it makes or merges, until a packet leaves by a card that cannot help. A virtual cable carries
such packets as they are, so they never were on a wire that could have hurt them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.net.ipv4 import HEADER_LENGTH, IpProtocol

if TYPE_CHECKING:
    from dmvpn.net.octets import Octets

#: Where in the header the checksum is, and least octets of the header.
_HEADERS = {IpProtocol.TCP: (16, 20), IpProtocol.UDP: (6, 8)}


def lacks_checksum(packet: Octets) -> int | None:
    """Return where in its transport header a whole IPv4 packet has a checksum that is to be completed; None: it lacks
    nothing.

    packet: not shorter than an IPv4 header. A right checksum that happens to be equal to the pseudo header's sum does
    no harm: completing it gives the same value again.
    """
    protocol, ip_length = packet[9], (packet[0] & 0x0F) << 2
    if protocol not in _HEADERS:
        return None
    at, least = _HEADERS[IpProtocol(protocol)]
    length = len(packet) - ip_length
    if (
        ip_length < HEADER_LENGTH
        or length < least
        or int.from_bytes(packet[2:4], "big") != len(packet)
        or packet[6] & 0x3F
        or packet[7]
    ):
        return None
    found = int.from_bytes(packet[ip_length + at : ip_length + at + 2], "big")
    pseudo = int.from_bytes(packet[12:20], "big") + protocol + length
    return at if found == (pseudo % 0xFFFF or 0xFFFF) else None
