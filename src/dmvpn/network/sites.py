"""The place of a router, which its configuration does not show: whether it is behind NAT, and of which kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.base.addresses import IPAddress
    from dmvpn.dataplane.translator import NatKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
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
