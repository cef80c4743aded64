"""Names of hosts: the table of `ip host`, and the name service where `ip domain lookup` is on.

Lookup is off by default, unlike on IOS: a mistyped command would hang while the router asks the world for it.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

UNKNOWN_NAME = "% Unrecognized host or address, or protocol not running.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesConfig:
    """`ip host`, `ip domain name`, `ip domain lookup`. vrf_hosts: VRFs, names and addresses of `ip host vrf`."""

    lookup: bool = False
    domain: str = ""
    hosts: Pages[tuple[str, IPv4Address]] = NONE
    vrf_hosts: Pages[tuple[str, str, IPv4Address]] = NONE

    def known(self, name: str, vrf: str = "") -> IPAddress | None:
        """Return the address that `name` is, or has in the table of a VRF, or of all; None: unknown."""
        if "%" not in name:  # Python would read a zone (RFC 4007 §11), which here is `source INTERFACE`
            with suppress(ValueError):
                return ip_address(name)
        wanted = {name.lower(), f"{name}.{self.domain}".lower()}
        if vrf:
            own = (address for table, host, address in self.vrf_hosts if table == vrf and host.lower() in wanted)
            if (found := next(own, None)) is not None:
                return found
        return next((address for host, address in self.hosts if host.lower() in wanted), None)

    def qualified(self, name: str) -> str:
        """Return the name to ask the name service for."""
        return f"{name}.{self.domain}" if self.domain and "." not in name else name
