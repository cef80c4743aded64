"""The `ipv6` lines of interfaces, and `ipv6 unicast-routing`. Any of the interface's lines enables IPv6 there."""

from __future__ import annotations

from ipaddress import IPv6Interface
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, is_link_local, is_one_station, spelled
from dmvpn.features.interface.config.subnets import Subnets, near
from dmvpn.features.interface.model import Ipv6Settings
from dmvpn.ios import Args, ConfigLine, Section
from dmvpn.ios.common import SHUTDOWN
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.vrfs import linked_without, vrf_of

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


def _pair(args: Args) -> tuple[IPAddress, int]:
    host = args["address"]
    if not isinstance(host, IPv6Interface):
        raise TypeError(f"not an address with its prefix: {host!r}")
    return host.ip, host.network.prefixlen


def _check_address(args: Args, section: Section) -> str | None:
    """Refuse, as IOS does, a subnet that another interface of its VRF has, link-local addresses without their word, and
    any address in a VRF without IPv6.
    """
    if (unready := linked_without(section, 6)) is not None:
        return unready
    address, length = _pair(args)
    prefix = Prefix.of(address, length)
    if is_link_local(address):
        return f"% {spelled(address)} is a link-local address: say `ipv6 address {spelled(address)} link-local`"
    if not is_one_station(address):
        return f"% {spelled(address)} cannot be the address of an interface"
    others = near(section, prefix, _subnets)
    return f"% {spelled(prefix)} overlaps with {min(others, key=interface_sort_key)}" if others else None


def _subnets(args: Args, section: Section) -> Subnets | None:
    lines = section.all(ADDRESS) if not section.flag(SHUTDOWN) else []
    if not lines:
        return None
    return Subnets(args.interface("name"), tuple(Prefix.of(*_pair(entry)) for entry in lines), vrf_of(section))


def _check_enabling(_: Args, section: Section) -> str | None:
    return linked_without(section, 6)


def _check_link_local(args: Args, section: Section) -> str | None:
    if (unready := linked_without(section, 6)) is not None:
        return unready
    address = args.address6("local")
    return None if is_link_local(address) else f"% {spelled(address)} is not a link-local address (FE80::/10)"


UNICAST_ROUTING: Final = ConfigLine(
    "global",
    "ipv6 unicast-routing",
    {"ipv6": "Internet Protocol, version 6", "unicast-routing": "Forward IPv6 packets"},
    order=43,
)
_HELP = {
    "ipv6": "Internet Protocol, version 6",
    "address": "Address of this interface with its prefix length",
    "local": "Address within FE80::/10",
    "link-local": "It means something on this link only",
    "enable": "Run IPv6 here, with a link-local address and no other",
    "mtu": "Largest IPv6 packet",
    "octets": "Octets",
    "tcp": "TCP sessions through this router",
    "adjust-mss": "Clamp the maximum segment size",
}
LINK_LOCAL: Final = ConfigLine(
    "interface", "ipv6 address {local:address6} link-local", _HELP, order=83, check=_check_link_local
)
ADDRESS: Final = ConfigLine(
    "interface", "ipv6 address {address:host6}", _HELP, key=("address",), order=83, check=_check_address
)
ENABLE: Final = ConfigLine("interface", "ipv6 enable", _HELP, order=83, check=_check_enabling)
MTU: Final = ConfigLine("interface", "ipv6 mtu {octets:1280-17940}", _HELP, order=83)
ADJUST_MSS: Final = ConfigLine("interface", "ipv6 tcp adjust-mss {octets:500-1440}", _HELP, order=85)

LINES: Final = (UNICAST_ROUTING, LINK_LOCAL, ADDRESS, ENABLE, MTU, ADJUST_MSS)


def settings(section: Section) -> Ipv6Settings | None:
    """Return what a section says of IPv6; None: it is not enabled."""
    link_local, addresses = section.get(LINK_LOCAL), section.all(ADDRESS)
    if link_local is None and not addresses and not section.flag(ENABLE):
        return None
    return Ipv6Settings(
        link_local=link_local.address6("local") if link_local else None,
        addresses=tuple(_pair(args) for args in addresses),
        mtu=section.args(MTU).integer("octets", None),
        mss=section.args(ADJUST_MSS).integer("octets", None),
    )
