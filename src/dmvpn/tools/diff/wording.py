"""Sets of packets in words: "tcp to port 22", "icmp type 8"."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.translation import ICMP, TCP, UDP

if TYPE_CHECKING:
    from dmvpn.base.filters import Ranges
    from dmvpn.base.packetsets import Bits, PacketSet

_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", 47: "gre", 50: "esp", 88: "eigrp", 89: "ospf"}
_EVERY_PORT: Final[Ranges] = ((0, 0xFFFF),)
#: Ranges that are named of a field.
_NAMED: Final = 3


def flow(packets: PacketSet, among: PacketSet) -> str:
    """Return what the packets of a set have in common. among: the larger set, which needs no words."""
    words = [_protocol(packets.protocol)]
    if packets.icmp != _EVERY_PORT:
        words.append(f"type {packets.icmp[0][0] >> 8}")
    for ends, word in ((packets.source_ports, "from"), (packets.destination_ports, "to")):
        if ends != _EVERY_PORT:
            words.append(f"{word} port {_ranges(ends)}")
    if packets.flags != among.flags:
        words.append("with some flags")
    if packets.service != among.service:
        words.append("with some marks")
    for own, known, word in (
        (packets.source, among.source, "from"),
        (packets.destination, among.destination, "to"),
    ):
        if own != known:
            words.append(f"{word} {_addresses(own)}")
    return " ".join(words)


def _protocol(protocols: Ranges) -> str:
    (first, last), *others = protocols
    if first == last and not others:
        return _NAMES.get(first, f"protocol {first}")
    return "ip" if protocols == ((0, 255),) else f"protocols {_ranges(protocols)}"


def _ranges(ranges: Ranges) -> str:
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_NAMED]]
    return ", ".join(texts) + (", ..." if len(ranges) > _NAMED else "")


def _addresses(bits: Bits) -> str:
    address, wildcard = IPv4Address(bits.value), ~bits.care & 0xFFFFFFFF
    if not wildcard:
        return str(address)
    if not wildcard & (wildcard + 1):
        return f"{address}/{32 - wildcard.bit_length()}"
    return f"{address} {IPv4Address(wildcard)}"
