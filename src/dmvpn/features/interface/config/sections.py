"""The lines of `interface` sections that are about the interface itself, and the model they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix, mask_length
from dmvpn.base.placeholder import Blank
from dmvpn.features.interface.config import ipv6
from dmvpn.features.interface.config.subnets import Subnets, near
from dmvpn.features.interface.model import InterfaceConfig, InterfaceSettings
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import ADJUST_MSS, INTERFACE, INTERFACE_MODE, INTERFACE_RANGE, IP_MTU, SHUTDOWN
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.vrfs import FORWARDING, IP_FORWARDING, linked_without, vrf_of

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress


_OWN_CLIENT: Final = "%Warning: kept; the DHCP client of the host has a client-id and a name of its own"


def _check_address(args: Args, section: Section) -> str | None:
    """Refuse, as IOS does, the first and last address of a subnet, and a subnet that another interface of its VRF
    has.
    """
    unready = linked_without(section, 4)
    if unready is not None or "dhcp" in args:
        return unready or (_OWN_CLIENT if {"client-id", "hostname"} & args.keys() else None)
    address, mask = args.address("address"), args.address("mask")
    length = mask_length(mask) or 0
    prefix = Prefix.of(address, length)
    if length == 0 or (length < 31 and address in (prefix.address, prefix.broadcast)):
        return f"Bad mask /{length} for address {address}"
    others = near(section, prefix, _subnets)
    return f"% {prefix.address} overlaps with {min(others, key=interface_sort_key)}" if others else None


DESCRIPTION: Final = ConfigLine(
    "interface", "description {text:line}", {"description": "What this interface is for", "text": "Text"}, order=10
)
BANDWIDTH: Final = ConfigLine(
    "interface",
    "bandwidth {kbps:1-100000000}",
    {"bandwidth": "Bandwidth that routing metrics assume", "kbps": "Kilobits per second"},
    order=20,
)
# Delay is here and not after the IP lines because the complete seed configurations have it so.
DELAY: Final = ConfigLine(
    "interface",
    "delay {tens:1-16777215}",
    {"delay": "Delay that routing metrics assume", "tens": "Tens of microseconds"},
    order=25,
)
ADDRESS: Final = ConfigLine(
    "interface",
    "ip address ( {address:address} {mask:mask} | dhcp [* client-id {client:interface} | hostname {hostname:word} ] )",
    {
        "address": "Address and mask of this interface",
        "mask": "Mask",
        "dhcp": "The host gets an address by DHCP",
        "client-id": "Kept for the record; the host's client has an identifier of its own",
        "hostname": "Kept for the record; the host's client sends the name of the host",
    },
    order=30,
    check=_check_address,
)
#: For people to fill in.
OPEN_ADDRESS: Final = ADDRESS.of(address=Blank("address"), mask=Blank("mask"))
SECONDARY: Final = ConfigLine(
    "interface",
    "ip address {address:address} {mask:mask} secondary",
    {"secondary": "One more address"},
    key=("address",),
    order=31,
    check=_check_address,
)
REDIRECTS: Final = ConfigLine(
    "interface", "ip redirects", {"redirects": "Send ICMP redirects"}, order=40, default_on=True
)
MTU: Final = ConfigLine("interface", "mtu {octets:64-9216}", {"mtu": "Largest packet", "octets": "Octets"}, order=22)


def _subnets(args: Args, section: Section) -> Subnets | None:
    if section.flag(SHUTDOWN):
        return None
    lines = [entry for line in (ADDRESS, SECONDARY) for entry in section.all(line) if "dhcp" not in entry]
    return (
        Subnets(args.interface("name"), tuple(Prefix.of(*_pair(entry)) for entry in lines), vrf_of(section))
        if lines
        else None
    )


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
    *ipv6.LINES,
    SHUTDOWN,
)
MODES: Final = (INTERFACE_MODE,)


def model(tree: ConfigTree) -> InterfaceConfig:
    """Return what the configuration says of interfaces."""
    return InterfaceConfig(
        tree.made(INTERFACE, _settings), forwards_ipv6=tree.flag(ipv6.UNICAST_ROUTING), hostname=tree.hostname
    )


def _settings(args: Args, section: Section) -> InterfaceSettings:
    delay = section.get(DELAY)
    address = section.get(ADDRESS)
    is_dhcp = address is not None and "dhcp" in address
    return InterfaceSettings(
        name=args.interface("name"),
        description=section.args(DESCRIPTION).text("text", ""),
        address=_pair(address) if address and not is_dhcp else None,
        secondary=tuple(_pair(args) for args in section.all(SECONDARY)),
        dhcp=is_dhcp,
        bandwidth=section.args(BANDWIDTH).integer("kbps", None),
        delay=10 * delay.integer("tens") if delay else None,
        mtu=section.args(MTU).integer("octets", None),
        ip_mtu=section.args(IP_MTU).integer("octets", None),
        mss=section.args(ADJUST_MSS).integer("octets", None),
        shutdown=section.flag(SHUTDOWN),
        redirects=section.flag(REDIRECTS),
        ipv6=ipv6.settings(section),
        vrf=vrf_of(section),
    )


def _pair(args: Args) -> tuple[IPAddress, int]:
    return args.address("address"), mask_length(args.address("mask")) or 0
