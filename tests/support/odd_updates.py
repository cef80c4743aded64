"""A neighbor of BGP that sends odd UPDATEs: `python -m support.odd_updates HUB SYSTEM OWN_ADDRESS`.

It tells 10.60.0.0/24 and 10.61.0.0/24 as it should, and between them one damaged UPDATE after the other, each with a
prefix of its own (10.62.N.0/24, `ODD`). Then it stays until its input ends.
"""

from __future__ import annotations

import socket
import sys
import threading
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp import packet

FIRST, LAST = Prefix.parse("10.60.0.0/24"), Prefix.parse("10.61.0.0/24")
_ORIGIN, _PATH, _HOP, _MED = 1, 2, 3, 4
#: What replaces, adds to or (None) drops the attributes of a good UPDATE, and whether the route lives (RFC 7606).
ODD: Final[dict[str, tuple[dict[int, packet.Attribute | None], bool]]] = {
    "an ORIGIN that nobody knows": ({_ORIGIN: packet.Attribute(0x40, 1, b"\x09")}, False),
    "an ORIGIN of two octets": ({_ORIGIN: packet.Attribute(0x40, 1, b"\x00\x00")}, False),
    "an ORIGIN that says that it is optional": ({_ORIGIN: packet.Attribute(0xC0, 1, b"\x00")}, False),
    "a path cut short": ({_PATH: packet.Attribute(0x40, 2, b"\x02\x03\x00\x00")}, False),
    "a segment without numbers": ({_PATH: packet.Attribute(0x40, 2, b"\x02\x00")}, False),
    "no next hop": ({_HOP: None}, False),
    "a next hop that is a group": ({_HOP: packet.Attribute(0x40, 3, b"\xe0\x00\x00\x05")}, False),
    "a metric of three octets": ({_MED: packet.Attribute(0x80, 4, b"\x00\x00\x01")}, False),
    "communities of five octets": ({8: packet.Attribute(0xC0, 8, bytes(5))}, False),
    "extended communities of nine octets": ({16: packet.Attribute(0xC0, 16, bytes(9))}, False),
    "an aggregator of five octets": ({7: packet.Attribute(0xC0, 7, bytes(5))}, True),
    "an aggregate's mark with octets": ({6: packet.Attribute(0x40, 6, b"\x01")}, True),
    "an optional attribute that nobody knows": ({98: packet.Attribute(0xC0, 98, b"odd")}, True),
    "a local preference from outside": ({5: packet.Attribute(0x40, 5, (7).to_bytes(4, "big"))}, True),
}


def prefix_of(number: int) -> Prefix:
    """Return the prefix of the UPDATE with this place in `ODD`."""
    return Prefix.parse(f"10.62.{number}.0/24")


def messages(system: int, own: IPv4Address) -> list[bytes]:
    """Return all of them, in order; the last but one has attributes that are longer than it says (RFC 7606 §4)."""
    path = b"\x02\x01" + system.to_bytes(4, "big")
    good = {
        _ORIGIN: packet.Attribute(0x40, 1, b"\x00"),
        _PATH: packet.Attribute(0x40, 2, path),
        _HOP: packet.Attribute(0x40, 3, own.packed),
    }
    found = [packet.serialize(packet.Update(attributes=tuple(good.values()), announced=(FIRST,)))]
    for number, (changes, _) in enumerate(ODD.values()):
        raw = {**good, **changes}
        attributes = tuple(one for _, one in sorted(raw.items()) if one is not None)
        found.append(packet.serialize(packet.Update(attributes=attributes, announced=(prefix_of(number),))))
    raw_good = b"".join(one.serialize() for one in good.values())
    found.append(packet.update_octets(b"", raw_good + b"\xc0\x08\xff\x00", b"\x18\x0a\x3f\x00"))
    found.append(packet.serialize(packet.Update(attributes=tuple(good.values()), announced=(LAST,))))
    return found


def main(hub: str, system: int, own: IPv4Address) -> None:
    """Speak."""
    stream = socket.create_connection((hub, 179), source_address=(str(own), 0))
    capabilities = [
        packet.CapabilityValue(packet.Capability.MULTIPROTOCOL, packet.IPV4_UNICAST),
        packet.CapabilityValue(packet.Capability.FOUR_OCTET_AS, system.to_bytes(4, "big")),
    ]
    stream.sendall(
        packet.serialize(packet.Open.with_capabilities(system, 0, own, capabilities))
        + packet.serialize(packet.Keepalive())
    )
    stream.sendall(b"".join(messages(system, own)))
    threading.Thread(target=lambda: _read(stream), daemon=True).start()
    sys.stdin.read()


def _read(stream: socket.socket) -> None:
    while stream.recv(1 << 16):
        pass


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), IPv4Address(sys.argv[3]))
