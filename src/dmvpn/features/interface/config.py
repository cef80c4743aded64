"""The lines of `interface` sections that are about the interface itself, also of IPv6, and the model that they make.

Any of an interface's `ipv6` lines enables IPv6 there.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Interface
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station, spelled
from dmvpn.features.interface.model import (
    IDENTIFIER_LENGTH,
    Advertising,
    InterfaceConfig,
    InterfaceSettings,
    Ipv6Settings,
    PrefixLines,
)
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import ADJUST_MSS, DESCRIPTION, INTERFACE, INTERFACE_MODE, INTERFACE_RANGE, IP_MTU, SHUTDOWN
from dmvpn.ios.interface_addresses import ADDRESS, SECONDARY, Subnets, near, pair
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.vrfs import FORWARDING, IP_FORWARDING, linked_without, vrf_of
from dmvpn.net.ipv6 import INFINITE, RouterPreference

# ------------------------------------------------------------------------------------------------ IPv6


def _ipv6_pair(args: Args) -> tuple[IPAddress, int]:
    host = args["address"]
    if not isinstance(host, IPv6Interface):
        raise TypeError(f"not an address with its prefix: {host!r}")
    return host.ip, host.network.prefixlen


def _check_ipv6_address(args: Args, section: Section) -> str | None:
    """Refuse, as IOS does, a subnet that another interface of its VRF has, link-local addresses without their word, and
    any address in a VRF without IPv6.
    """
    if (unready := linked_without(section, 6)) is not None:
        return unready
    address, length = _ipv6_pair(args)
    prefix = Prefix.of(address, length)
    if is_link_local(address):
        return f"% {spelled(address)} is a link-local address: say `ipv6 address {spelled(address)} link-local`"
    if "eui-64" in args and length > IDENTIFIER_LENGTH:
        return f"% A prefix of {length} bits has no room for an interface identifier of 64 bits"
    if "eui-64" not in args and not is_one_station(address):
        return f"% {spelled(address)} cannot be the address of an interface"
    others = near(section, prefix, _ipv6_subnets)
    return f"% {spelled(prefix)} overlaps with {min(others, key=interface_sort_key)}" if others else None


def _ipv6_subnets(args: Args, section: Section) -> Subnets | None:
    lines = section.all(IPV6_ADDRESS) if not section.flag(SHUTDOWN) else []
    if not lines:
        return None
    return Subnets(args.interface("name"), tuple(Prefix.of(*_ipv6_pair(entry)) for entry in lines), vrf_of(section))


def _check_enabling(_: Args, section: Section) -> str | None:
    return linked_without(section, 6)


def _check_lender(args: Args, section: Section) -> str | None:
    opened = section.opened_by
    if opened is not None and args.interface("lender") == opened.interface("name", ""):
        return "% An interface cannot lend its address to itself"
    return linked_without(section, 6)


def _check_link_local(args: Args, section: Section) -> str | None:
    if (unready := linked_without(section, 6)) is not None:
        return unready
    address = args.address6("local")
    return None if is_link_local(address) else f"% {spelled(address)} is not a link-local address (FE80::/10)"


_HELP: Final = {
    "ipv6": "Internet Protocol, version 6",
    "unicast-routing": "Forward IPv6 packets",
    "bandwidth": "Bandwidth that routing metrics assume",
    "kbps": "Kilobits per second",
    "delay": "Delay that routing metrics assume",
    "tens": "Tens of microseconds",
    "redirects": "Send ICMP redirects",
}
UNICAST_ROUTING: Final = ConfigLine("global", "ipv6 unicast-routing", _HELP, order=43)
_IPV6_HELP = {
    "ipv6": "Internet Protocol, version 6",
    "address": "Address of this interface with its prefix length",
    "local": "Address within FE80::/10",
    "link-local": "It means something on this link only",
    "autoconfig": "Addresses by the advertisements of another router",
    "default": "And a default route to it",
    "anycast": "Other routers may have the address, too",
    "unnumbered": "The address of another interface stands for this one",
    "lender": "The other interface",
    "eui-64": "The prefix alone counts: the identifier of the interface follows it",
    "enable": "Run IPv6 here, with a link-local address and no other",
    "mtu": "Largest IPv6 packet",
    "octets": "Octets",
    "tcp": "TCP sessions through this router",
    "adjust-mss": "Clamp the maximum segment size",
}
IPV6_LINK_LOCAL: Final = ConfigLine(
    "interface", "ipv6 address {local:address6} link-local", _IPV6_HELP, order=82, check=_check_link_local
)
IPV6_ADDRESS: Final = ConfigLine(
    "interface",
    "ipv6 address {address:host6} [ eui-64 | anycast ]",
    _IPV6_HELP,
    key=("address",),
    order=82,
    check=_check_ipv6_address,
)
IPV6_AUTOCONFIG: Final = ConfigLine(
    "interface", "ipv6 address autoconfig [ default ]", _IPV6_HELP, order=82, check=_check_enabling
)
IPV6_UNNUMBERED: Final = ConfigLine(
    "interface", "ipv6 unnumbered {lender:interface}", _IPV6_HELP, order=82, check=_check_lender
)
IPV6_ENABLE: Final = ConfigLine("interface", "ipv6 enable", _IPV6_HELP, order=82, check=_check_enabling)
IPV6_MTU: Final = ConfigLine("interface", "ipv6 mtu {octets:1280-17940}", _IPV6_HELP, order=82)
_ND_HELP = {
    **_IPV6_HELP,
    "nd": "What this router says of the link to hosts",
    "managed-config-flag": "Hosts ask DHCPv6 for addresses",
    "other-config-flag": "Hosts ask DHCPv6 for everything but addresses",
    "ra": "Router advertisements",
    "interval": "Seconds from one to the next",
    "most": "Seconds at most",
    "least": "Seconds at least, three quarters of the most if not said",
    "lifetime": "How long hosts use this router after an advertisement",
    "seconds": "Seconds, 0: it is no default router",
    "suppress": "Advertise only when a host asks",
    "suppress-ra": "The same, in the words of earlier releases",
    "ra-interval": "Seconds from one router advertisement to the next",
    "ra-lifetime": "How long hosts use this router after an advertisement",
    "all": "Not even then",
    "router-preference": "The preference among the default routers of the link",
    "prefix": "A prefix of the link, and what hosts may do with it",
    "network": "Prefix with its length",
    "default": "All prefixes of the port without a line",
    "no-advertise": "It is not advertised",
    "valid": "Seconds that addresses are valid",
    "preferred": "Seconds that addresses are used for new sessions",
    "infinite": "Without end",
    "off-link": "Hosts send packets for it to a router",
    "no-onlink": "The same",
    "no-rtr-address": "It has no address of this router, as always here",
    "no-autoconfig": "Hosts make no addresses of it",
}


def _check_prefix(args: Args, _: Section) -> str | None:
    network = args.prefix("network", None)
    if network is not None and (is_link_local(network.address) or network.address.is_multicast):
        return f"% {spelled(network)} is no prefix of addresses of hosts"
    if args.integer("preferred", INFINITE) > args.integer("valid", INFINITE):
        return "% The preferred lifetime is not longer than the valid one"
    return None


def _check_interval(args: Args, _: Section) -> str | None:
    most = args.integer("most")
    if "least" in args.values_given and 4 * args.integer("least") > 3 * most:
        return f"% The least interval is {3 * most // 4} seconds, three quarters of the most, or shorter"
    return None


ND_PREFIX: Final = ConfigLine(
    "interface",
    "ipv6 nd prefix ( default | {network:network6} ) "
    "[ no-advertise | [ ( {valid:0-4294967295} | infinite ) ( {preferred:0-4294967295} | infinite ) ] "
    "[* off-link | no-onlink | no-rtr-address | no-autoconfig ] ]",
    _ND_HELP,
    key=("default", "network"),
    order=82,
    check=_check_prefix,
)
ND_MANAGED: Final = ConfigLine("interface", "ipv6 nd managed-config-flag", _ND_HELP, order=82)
ND_OTHER: Final = ConfigLine("interface", "ipv6 nd other-config-flag", _ND_HELP, order=82)
ND_PREFERENCE: Final = ConfigLine("interface", "ipv6 nd router-preference ( high | medium | low )", _ND_HELP, order=82)
ND_SUPPRESS: Final = ConfigLine(
    "interface",
    "ipv6 nd ( ra suppress [ all ] | suppress-ra )",
    _ND_HELP,
    order=82,
    show=lambda args: f"ipv6 nd ra suppress{' all' if 'all' in args else ''}",
)
ND_LIFETIME: Final = ConfigLine(
    "interface",
    "ipv6 nd ( ra lifetime | ra-lifetime ) {seconds:0-9000}",
    _ND_HELP,
    order=82,
    show=lambda args: f"ipv6 nd ra lifetime {args.integer('seconds')}",
)
ND_INTERVAL: Final = ConfigLine(
    "interface",
    "ipv6 nd ( ra interval | ra-interval ) {most:4-1800} [ {least:3-1350} ]",
    _ND_HELP,
    order=82,
    check=_check_interval,
    show=lambda args: " ".join(("ipv6 nd ra interval", *(str(args.integer(name)) for name in args.values_given))),
)
_ND: Final = (ND_PREFIX, ND_MANAGED, ND_OTHER, ND_PREFERENCE, ND_SUPPRESS, ND_LIFETIME, ND_INTERVAL)


def _advertising(section: Section) -> Advertising:
    interval, suppress = section.args(ND_INTERVAL), section.args(ND_SUPPRESS)
    most = interval.integer("most", 200)
    preference = next((one for one in RouterPreference if one.name.lower() in section.args(ND_PREFERENCE)), None)
    return Advertising(
        managed=section.flag(ND_MANAGED),
        other=section.flag(ND_OTHER),
        preference=preference or RouterPreference.MEDIUM,
        interval=(float(interval.integer("least", 3 * most // 4)), float(most)),
        lifetime=section.args(ND_LIFETIME).integer("seconds", 1800),
        periodic=section.get(ND_SUPPRESS) is None,
        is_silent="all" in suppress,
        prefixes=tuple(_prefix_lines(args) for args in section.all(ND_PREFIX)),
    )


def _prefix_lines(args: Args) -> PrefixLines:
    lines = PrefixLines(
        prefix=None if "default" in args else args.prefix("network"),
        advertised="no-advertise" not in args,
        on_link="off-link" not in args and "no-onlink" not in args,
        autonomous="no-autoconfig" not in args,
    )
    if "valid" not in args.values_given and "infinite" not in args:
        return lines
    return replace(lines, valid=args.integer("valid", INFINITE), preferred=args.integer("preferred", INFINITE))


IPV6_ADJUST_MSS: Final = ConfigLine("interface", "ipv6 tcp adjust-mss {octets:500-1440}", _IPV6_HELP, order=85)


def _ipv6_settings(section: Section) -> Ipv6Settings | None:
    """Return what a section says of IPv6; None: it is not enabled."""
    link_local, addresses = section.get(IPV6_LINK_LOCAL), section.all(IPV6_ADDRESS)
    autoconfig, unnumbered = section.get(IPV6_AUTOCONFIG), section.get(IPV6_UNNUMBERED)
    if link_local is autoconfig is unnumbered is None and not addresses and not section.flag(IPV6_ENABLE):
        return None
    return Ipv6Settings(
        link_local=link_local.address6("local") if link_local else None,
        addresses=tuple(_ipv6_pair(args) for args in addresses if "eui-64" not in args),
        prefixes=tuple(Prefix.of(*_ipv6_pair(args)) for args in addresses if "eui-64" in args),
        anycast=tuple(_ipv6_pair(args)[0] for args in addresses if "anycast" in args),
        autoconfig="default" in autoconfig if autoconfig is not None else None,
        unnumbered=unnumbered.interface("lender") if unnumbered is not None else "",
        mtu=section.args(IPV6_MTU).integer("octets", None),
        mss=section.args(IPV6_ADJUST_MSS).integer("octets", None),
        nd=_advertising(section) if any(section.get(line) is not None for line in _ND) else Advertising(),
    )


# ------------------------------------------------------------------------------------------------ lines of an interface


BANDWIDTH: Final = ConfigLine("interface", "bandwidth {kbps:1-100000000}", _HELP, order=20)
# Delay is here and not after the IP lines because the complete seed configurations have it so.
DELAY: Final = ConfigLine("interface", "delay {tens:1-16777215}", _HELP, order=25)
REDIRECTS: Final = ConfigLine("interface", "ip redirects", _HELP, order=40, default_on=True)
MTU: Final = ConfigLine("interface", "mtu {octets:64-9216}", {"mtu": "Largest packet", "octets": "Octets"}, order=22)


LINES: Final = (
    INTERFACE,
    INTERFACE_RANGE,
    DESCRIPTION,
    BANDWIDTH,
    DELAY,
    FORWARDING,
    IP_FORWARDING,
    ADDRESS,
    SECONDARY,
    REDIRECTS,
    MTU,
    IP_MTU,
    ADJUST_MSS,
    UNICAST_ROUTING,
    IPV6_LINK_LOCAL,
    IPV6_ADDRESS,
    IPV6_AUTOCONFIG,
    IPV6_UNNUMBERED,
    IPV6_ENABLE,
    IPV6_MTU,
    *_ND,
    IPV6_ADJUST_MSS,
    SHUTDOWN,
)
MODES: Final = (INTERFACE_MODE,)


def model(tree: ConfigTree) -> InterfaceConfig:
    """Return what the configuration says of interfaces."""
    return InterfaceConfig(
        tree.made(INTERFACE, _settings), forwards_ipv6=tree.flag(UNICAST_ROUTING), hostname=tree.hostname
    )


def _settings(args: Args, section: Section) -> InterfaceSettings:
    delay = section.get(DELAY)
    address = section.get(ADDRESS)
    is_dhcp = address is not None and "dhcp" in address
    return InterfaceSettings(
        name=args.interface("name"),
        description=section.args(DESCRIPTION).text("text", ""),
        address=pair(address) if address and not is_dhcp else None,
        secondary=tuple(pair(args) for args in section.all(SECONDARY)),
        dhcp=is_dhcp,
        bandwidth=section.args(BANDWIDTH).integer("kbps", None),
        delay=10 * delay.integer("tens") if delay else None,
        mtu=section.args(MTU).integer("octets", None),
        ip_mtu=section.args(IP_MTU).integer("octets", None),
        mss=section.args(ADJUST_MSS).integer("octets", None),
        shutdown=section.flag(SHUTDOWN),
        redirects=section.flag(REDIRECTS),
        ipv6=_ipv6_settings(section),
        vrf=vrf_of(section),
    )
