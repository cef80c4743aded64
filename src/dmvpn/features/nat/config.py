"""The lines of NAT overload. Pools and static entries are left out, options are kept (`ios/known.txt`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.nat.model import NatConfig, NatRule
from dmvpn.ios import ConfigLine
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.vrfs import refusal

if TYPE_CHECKING:
    from dmvpn.ios import Args, ConfigTree, Section

_HELP: Final = {
    "nat": "Translate addresses",
    "inside": "Stations here are translated",
    "outside": "Here they are known by the interface's address",
    "source": "The sender of what leaves",
    "list": "What an access list permits",
    "route-map": "What a route map permits",
    "access_list": "Name or number of the access list",
    "name": "Name of the route map",
    "interface": "To the address of an interface",
    "outside_interface": "The interface, which has `ip nat outside`",
    "vrf": "Stations in this VRF, not in the global table",
    "overload": "Many stations share the address, distinguished by ports",
}


def _check_vrf(args: Args, section: Section) -> str | None:
    return refusal(section, args.text("vrf", ""))


INSIDE: Final = ConfigLine("interface", "ip nat inside", _HELP, order=154)
OUTSIDE: Final = ConfigLine("interface", "ip nat outside", _HELP, order=154)
BY_LIST: Final = ConfigLine(
    "global",
    "ip nat inside source list {access_list:word} interface {outside_interface:interface} [ vrf {vrf:word} ] overload",
    _HELP,
    key=("access_list", "outside_interface", "vrf"),
    order=490,
    check=_check_vrf,
)
BY_MAP: Final = ConfigLine(
    "global",
    "ip nat inside source route-map {name:word} interface {outside_interface:interface} [ vrf {vrf:word} ] overload",
    _HELP,
    key=("name", "outside_interface", "vrf"),
    order=490,
    check=_check_vrf,
)
LINES: Final = (INSIDE, OUTSIDE, BY_LIST, BY_MAP)


def model(tree: ConfigTree) -> NatConfig | None:
    """Return what the configuration says of address translation; None: nothing."""
    inside, outside = (
        tuple(sorted(tree.made(INTERFACE, _side, line), key=interface_sort_key)) for line in (INSIDE, OUTSIDE)
    )
    rules = [_rule(args) for line in (BY_LIST, BY_MAP) for args in tree.all(line)]
    return NatConfig(inside, outside, tuple(rules)) if inside or outside or rules else None


def _side(args: Args, section: Section, line: ConfigLine) -> str | None:
    return None if section.get(line) is None else args.interface("name")


def _rule(args: Args) -> NatRule:
    outside = args.interface("outside_interface")
    return NatRule(outside, args.text("access_list", ""), args.text("name", ""), args.text("vrf", ""))
