"""VPN routes of IPv4 (RFC 4364 §4.3.4) as a third family of BGP: this file is all of it.

Run as a program, it is `dmvpn` with this family: every neighbor of `router bgp` is active in it.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.app.start import main
from dmvpn.base.addresses import Prefix
from dmvpn.features.bgp import FEATURE, packet
from dmvpn.features.bgp.config import model as read_model
from dmvpn.features.bgp.families import FAMILIES, REACH, Family
from dmvpn.net.ipv4 import ip_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.bgp.model import BgpConfig
    from dmvpn.ios import ConfigTree

#: Octets of the label of a route, and of the distinguisher before a next hop, which is 0.
_LABEL, _DISTINGUISHER = 3, 8


class VpnRoute(Prefix):
    """A route that is some bits, of which nobody here knows the meaning: a distinguisher and a prefix, behind a label.

    A withdrawal has another label (RFC 8277 §2.4), so the label is no part of its name.
    """

    __slots__ = ()

    @property
    def covered(self) -> bytes:
        """The octets behind the length."""
        return self.number.to_bytes((self.length + 7) // 8, "big")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VpnRoute) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __str__(self) -> str:
        return f"[{self.covered.hex()}]"

    @property
    def name(self) -> tuple[int, bytes]:
        """What tells it from other routes."""
        return self.length, self.covered[_LABEL:]


def read(data: bytes, at: int, end: int, numbered: bool) -> Iterator[packet.Nlri]:
    """Yield the routes in a part of a message."""
    while at < end:
        number, at = (int.from_bytes(data[at : at + 4], "big"), at + 4) if numbered else (None, at)
        octets = (data[at] + 7) // 8
        route = VpnRoute.of_number(int.from_bytes(data[at + 1 : at + 1 + octets], "big"), data[at], version=0)
        yield route if number is None else packet.NumberedPrefix(route, number)
        at += 1 + octets


class VpnFamily(Family):
    """The family; before each of its next hops is a distinguisher."""

    def hops(self, octets: bytes) -> tuple[IPAddress, ...]:
        """Return the next hop. Raises ValueError."""
        if len(octets) != _DISTINGUISHER + 4:
            raise ValueError(f"a next hop of {len(octets)} octets")
        return (ip_address(octets[_DISTINGUISHER:]),)

    def announcement(self, hops: tuple[IPAddress, ...], attributes: bytes, routes: bytes) -> bytes:
        """Return an UPDATE with these encoded attributes and routes."""
        hop = bytes(_DISTINGUISHER) + hops[0].packed
        reach = packet.Attribute(0x90, REACH, self.key + bytes((len(hop),)) + hop + b"\0" + routes).serialize()
        return packet.update_octets(b"", reach + attributes, b"")


VPN = VpnFamily(
    key=b"\x00\x01\x80",
    title="VPNv4 Unicast",
    words="vpnv4 unicast",
    number=2,
    version=4,
    largest=36,
    in_table=False,
    decode=read,
)


def model(tree: ConfigTree, vrf: str = "") -> BgpConfig | None:
    """Return the model of the lines, with this family."""
    found = read_model(tree, vrf)
    return None if found is None else replace(found, others=(*found.others, replace(found, family=VPN.key, others=())))


if __name__ == "__main__":
    FAMILIES[VPN.key] = VPN
    object.__setattr__(FEATURE, "model", model)
    sys.exit(main())
