"""The configuration of interfaces, as values."""

from __future__ import annotations

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value
from dmvpn.net.ipv6 import RouterPreference

#: Bits of an interface's identifier in its IPv6 addresses (RFC 4291 §2.5.1).
IDENTIFIER_LENGTH = 64


class PrefixLines(Value, kw_only=True):
    """`ipv6 nd prefix`. prefix: None: of all prefixes without a line. advertised: not `no-advertise`; the rest as in
    `AdvertisedPrefix`.
    """

    prefix: Prefix | None
    advertised: bool = True
    valid: int = 2_592_000
    preferred: int = 604_800
    on_link: bool = True
    autonomous: bool = True


class Advertising(Value, kw_only=True):
    """The `ipv6 nd` lines of a section about router advertisements.

    interval: seconds from one to the next, at least and at most.
    lifetime: seconds as a default router.
    periodic: not `ra suppress`; is_silent: `ra suppress all`, solicitations are not answered either.
    """

    managed: bool = False
    other: bool = False
    preference: RouterPreference = RouterPreference.MEDIUM
    interval: tuple[float, float] = (150.0, 200.0)
    lifetime: int = 1800
    periodic: bool = True
    is_silent: bool = False
    prefixes: tuple[PrefixLines, ...] = ()


class Ipv6Settings(Value, kw_only=True):
    """The `ipv6` lines of a section. link_local None: derived.

    addresses: with prefix lengths. prefixes: those whose addresses end with the interface's identifier.
    anycast: those of the addresses that other routers may have, too.
    autoconfig: addresses by advertisements of other routers: whether with a default route; None: none.
    unnumbered: the interface whose address stands for this one, "": none.
    mtu, mss: octets.
    nd: router advertisements.
    """

    link_local: IPAddress | None = None
    addresses: tuple[tuple[IPAddress, int], ...] = ()
    prefixes: tuple[Prefix, ...] = ()
    anycast: tuple[IPAddress, ...] = ()
    autoconfig: bool | None = None
    unnumbered: str = ""
    mtu: int | None = None
    mss: int | None = None
    nd: Advertising = Advertising()


class InterfaceSettings(Value, kw_only=True):
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

    def addresses_of(self, version: int) -> tuple[tuple[IPAddress, int], ...]:
        """Return the addresses of a version of IP, with prefix lengths; no link-local ones."""
        if version == 6:
            return self.ipv6.addresses if self.ipv6 is not None else ()
        return (*(() if self.address is None else (self.address,)), *self.secondary)


class InterfaceConfig(Value):
    """All `interface` sections.

    forwards_ipv6: `ipv6 unicast-routing`.
    hostname: makes link-local addresses differ.
    """

    interfaces: Pages[InterfaceSettings] = NONE
    forwards_ipv6: bool = False
    hostname: str = ""
