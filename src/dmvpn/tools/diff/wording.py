"""Sets of packets in words: "tcp to port 22", "icmp type 8"."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.translation import ICMP, TCP, UDP

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dmvpn.base.filters import Ranges
    from dmvpn.base.packetsets import Bits, PacketSet

_NAMES: Final = {ICMP: "icmp", TCP: "tcp", UDP: "udp", 47: "gre", 50: "esp", 88: "eigrp", 89: "ospf"}
_EVERY_PORT: Final[Ranges] = ((0, 0xFFFF),)
#: Ranges and addresses that are named of a field, and kinds of packets.
_NAMED: Final = 3
#: Codes of a type of ICMP.
_CODES: Final = 256


def flows(parts: Iterable[PacketSet], among: PacketSet) -> str:
    """Return what the packets of sets have in common; sets that differ in an address alone are named together.

    among: the larger set, which needs no words.
    """
    by_rest: dict[PacketSet, dict[Bits, None]] = {}
    for packets in parts:
        by_rest.setdefault(replace(packets, source=among.source), {})[packets.source] = None
    by_sources: dict[tuple[PacketSet, tuple[Bits, ...]], dict[Bits, None]] = {}
    for rest, sources in by_rest.items():
        key = replace(rest, destination=among.destination), tuple(sources)
        by_sources.setdefault(key, {})[rest.destination] = None
    texts = dict.fromkeys(
        _flow(rest, among, sources, tuple(destinations)) for (rest, sources), destinations in by_sources.items()
    )
    return _some(tuple(texts), "; ")


def _flow(packets: PacketSet, among: PacketSet, sources: tuple[Bits, ...], destinations: tuple[Bits, ...]) -> str:
    words = [_protocol(packets.protocol)]
    if packets.icmp != _EVERY_PORT:
        words.append(_types(packets.icmp))
    for numbers, word in ((packets.source_ports, "from"), (packets.destination_ports, "to")):
        if numbers != _EVERY_PORT:
            words.append(f"{word} port {_ranges(numbers)}")
    if packets.flags != among.flags:
        words.append("with some flags")
    if packets.service != among.service:
        words.append("with some marks")
    for ends, known, word in ((sources, among.source, "from"), (destinations, among.destination, "to")):
        if ends != (known,):
            words.append(f"{word} {_some(tuple(map(_addresses, ends)))}")
    return " ".join(words)


def _protocol(protocols: Ranges) -> str:
    (first, last), *others = protocols
    if first == last and not others:
        return _NAMES.get(first, f"protocol {first}")
    return "ip" if protocols == ((0, 255),) else f"protocols {_ranges(protocols)}"


def _types(ranges: Ranges) -> str:
    """Return the types of ICMP, with codes where not all codes of a type are meant."""
    texts = []
    for first, last in ranges:
        (kind, code), (last_kind, last_code) = divmod(first, _CODES), divmod(last, _CODES)
        if (code, last_code) == (0, _CODES - 1):
            texts.append(_range(kind, last_kind))
        elif kind == last_kind:
            texts.append(f"{kind} code {_range(code, last_code)}")
        else:
            texts.append(f"{kind} code {code} to {last_kind} code {last_code}")
    return ("type " if len(texts) == 1 and "-" not in texts[0] else "types ") + _some(tuple(texts))


def _ranges(ranges: Ranges) -> str:
    return _some(tuple(_range(first, last) for first, last in ranges))


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _some(texts: Sequence[str], between: str = ", ") -> str:
    """Return the first texts as one, and whether there are more."""
    return between.join(texts[:_NAMED]) + (f"{between}..." if len(texts) > _NAMED else "")


def _addresses(bits: Bits) -> str:
    address, wildcard = IPv4Address(bits.value), ~bits.care & 0xFFFFFFFF
    if not wildcard:
        return str(address)
    if not wildcard & (wildcard + 1):
        return f"{address}/{32 - wildcard.bit_length()}"
    return f"{address} {IPv4Address(wildcard)}"
