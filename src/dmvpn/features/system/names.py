"""Names of hosts: the table of `ip host`, and the name service where `ip domain lookup` is on.

Lookup is off by default, unlike on IOS: a mistyped command would hang while the router asks the world for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

UNKNOWN_NAME = "% Unrecognized host or address, or protocol not running.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesConfig:
    """`ip host`, `ip domain name`, `ip domain lookup`."""

    lookup: bool = False
    domain: str = ""
    hosts: tuple[tuple[str, IPv4Address], ...] = ()

    def known(self, name: str) -> IPv4Address | None:
        """The address that `name` is, or stands for in the table; None: nobody here knows."""
        try:
            return IPv4Address(name)
        except ValueError:
            wanted = {name.lower(), f"{name}.{self.domain}".lower()}
            return next((address for host, address in self.hosts if host.lower() in wanted), None)

    def qualified(self, name: str) -> str:
        """What to ask the name service for."""
        return f"{name}.{self.domain}" if self.domain and "." not in name else name
