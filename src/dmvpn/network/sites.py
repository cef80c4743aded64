"""The place of a router, which its configuration does not show: whether it is behind NAT, and of which kind."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import Value

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.dataplane.translator import NatKind


class Site(Value, kw_only=True):
    """The place of a router. nat: the kind of NAT in front of it, None: no NAT. public: its address outside.

    interface: the router's port towards the NAT; "": any. ours: it runs this program, so a peer's port can be
    configured. one_to_one: the public address is this router's alone, so unsolicited packets arrive, too.
    inward: stations behind the NAT by their own public addresses.
    beside: of its cables the own port, and router and port at the other end.
    """

    nat: NatKind | None = None
    public: IPv4Address | None = None
    interface: str = ""
    ours: bool = True
    one_to_one: bool = False
    inward: tuple[tuple[IPv4Address, IPv4Address], ...] = ()
    beside: tuple[tuple[str, str, str], ...] = ()

    def of(self, source: IPAddress | None) -> Site:
        """Return the place of a tunnel with this source."""
        public = next((public for public, station in self.inward if station == source), None)
        return self if public is None else replace(self, nat="cone", public=public, one_to_one=True)


#: A line of a router that gives a station inside a public address of its own, or at least UDP port 4500 of one.
_STATIC: Final = re.compile(
    r"^ip nat inside source static (?:udp (?=\S+ 4500 \S+ 4500))?(\d[\d.]+)(?: 4500)? (\d[\d.]+)", re.MULTILINE
)


def translated(text: str) -> list[tuple[IPv4Address, IPv4Address]]:
    """Return the public addresses of stations by a router's lines, and the stations."""
    found = []
    for line in _STATIC.finditer(text):
        with suppress(AddressValueError):  # text of a file may have anything there
            found.append((IPv4Address(line[2]), IPv4Address(line[1])))
    return found
