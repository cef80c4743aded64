"""The configuration of interfaces, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import dataclass

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipv6Settings:
    """The `ipv6` lines of a section. link_local None: derived.

    addresses: with prefix lengths.
    mtu, mss: octets.
    """

    link_local: IPAddress | None = None
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    mtu: int | None = None
    mss: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceSettings:
    """One `interface` section; None means the default of the interface's kind.

    address and secondary: with prefix lengths.
    dhcp: `ip address dhcp`, the host gets the address.
    bandwidth: kbit/s.
    delay: microseconds.
    mtu, ip_mtu, mss: octets.
    redirects: `no ip redirects` is not configured.
    ipv6: settings of IPv6, None: nothing, so it is not enabled.
    vrf: the VRF that it is in, "": the global table.
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
    ipv6: Ipv6Settings | None = None
    vrf: str = ""


@dataclass(frozen=True, slots=True)
class InterfaceConfig:
    """All `interface` sections.

    forwards_ipv6: `ipv6 unicast-routing`.
    hostname: makes link-local addresses differ.
    """

    interfaces: Pages[InterfaceSettings] = NONE
    forwards_ipv6: bool = False
    hostname: str = ""
