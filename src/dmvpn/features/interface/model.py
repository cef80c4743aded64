"""What can be configured of interfaces, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceSettings:
    """One `interface` section; None means the default of the interface's kind.

    address and secondary: with prefix lengths. dhcp: `ip address dhcp`, the host gets the address. bandwidth: kbit/s.
    delay: microseconds. mtu, ip_mtu, mss: octets. redirects: `no ip redirects` is not configured.
    """

    name: str
    description: str = ""
    address: tuple[IPAddress, int] | None = None
    secondary: tuple[tuple[IPAddress, int], ...] = ()
    dhcp: bool = False
    bandwidth: int | None = None
    delay: int | None = None
    mtu: int | None = None
    ip_mtu: int | None = None
    mss: int | None = None
    shutdown: bool = False
    redirects: bool = True


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """All `interface` sections."""

    interfaces: tuple[InterfaceSettings, ...] = ()
