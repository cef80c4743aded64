"""The lines of NAT. NAT of the outside's addresses, of destinations and timeouts are left out (`ios/known.txt`)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from typing import Final

from dmvpn.base.addresses import Prefix, is_one_station, mask_length
from dmvpn.base.translation import TCP, UDP, StaticRule
from dmvpn.features.nat.model import NatConfig, NatPool, NatRule, NatStatic
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.vrfs import refusal

_HELP: Final = {
    "nat": "Translate addresses",
    "inside": "Stations here are translated",
    "outside": "Here they are known by addresses of the outside",
    "enable": "Both: rules without the word inside",
    "source": "The sender of what leaves",
    "list": "What an access list permits",
    "route-map": "What a route map permits",
    "access_list": "Name or number of the access list",
    "name": "Name of the route map, or of the pool",
    "interface": "To the address of an interface",
    "outside_interface": "The interface, which has `ip nat outside`",
    "vrf": "Stations in this VRF, not in the global table",
    "match-in-vrf": "The outside is in that VRF, too",
    "mapping-id": "Of stateful NAT, which is not spoken: each router translates alone",
    "mapping": "Number of its translations",
    "overload": "Many stations share the address, distinguished by ports",
    "pool": "Addresses of the outside",
    "first": "First address",
    "last": "Last address",
    "netmask": "Mask of the network that they are in",
    "prefix-length": "Its length",
    "length": "Length of the mask",
    "mask": "Mask",
    "add-route": "Accepted: the router answers for the addresses in any case",
    "static": "One station, or one port of it, has one address in both directions",
    "network": "Every station of a network",
    "tcp": "One port of TCP",
    "udp": "One port of UDP",
    "local": "Address of the station inside",
    "local_port": "Its port",
    "public": "Its address outside",
    "public_port": "Its port outside",
    "size": "/LENGTH or mask of the networks",
    "extendable": "The station has other addresses outside, too",
    "no-alias": "The router does not answer for the address outside",
    "no-payload": "Addresses in the data are never changed here",
}
_STATIC: Final = "ip nat [ inside ] source static "
_OPTIONS: Final = " [ vrf {vrf:word} ] [ match-in-vrf ] [ extendable ] [ no-alias ] [ no-payload ]"
_WHERE: Final = "( {public:address} | interface {outside_interface:interface} )"


def _check_vrf(args: Args, section: Section) -> str | None:
    return refusal(section, args.text("vrf", ""))


def _check_pool(args: Args, section: Section) -> str | None:
    first, last = args.address("first"), args.address("last")
    if last < first:
        return "%End address less than start address"
    if last not in Prefix.of(first, _length(args) or 32):
        return "%Start and end addresses on different subnets"
    return _check_stations(args)


def _check_stations(args: Args) -> str | None:
    """Refuse addresses that no station can have: a packet to them would never come back."""
    for address in (args.address(name) for name in ("first", "last", "local", "public") if name in args):
        if not is_one_station(address) or not int(address) >> 24:
            return f"% Invalid address: no station has {address}"
    return None


def _length(args: Args) -> int | None:
    return args.integer("length", None) or mask_length(args.address("mask"))


def _check_static(args: Args, section: Section) -> str | None:
    return _check_stations(args) or _check_vrf(args, section)


def _check_network(args: Args, section: Section) -> str | None:
    rule = _network_of(args)
    if rule is None:
        return "% Invalid network mask"
    if any(Prefix.of(one, rule.length).address != one for one in (rule.local, rule.public)):
        return "% Inconsistent address and mask"
    return _check_static(args, section)


INSIDE: Final = ConfigLine("interface", "ip nat inside", _HELP, order=154)
OUTSIDE: Final = ConfigLine("interface", "ip nat outside", _HELP, order=154)
ENABLE: Final = ConfigLine("interface", "ip nat enable", _HELP, order=154)
POOL: Final = ConfigLine(
    "global",
    "ip nat pool {name:word} {first:address} {last:address} ( netmask {mask:mask} | prefix-length {length:1-32} )"
    " [ add-route ]",
    _HELP,
    key=("name",),
    order=489,
    check=_check_pool,
)
SOURCE: Final = ConfigLine(
    "global",
    "ip nat [ inside ] source ( list {access_list:word} | route-map {name:word} )"
    " ( interface {outside_interface:interface} | pool {pool:word} ) [ vrf {vrf:word} ] [ match-in-vrf ]"
    " [ mapping-id {mapping:1-65535} ] [ overload ]",
    _HELP,
    key=("access_list", "name", "outside_interface", "pool", "vrf"),
    order=490,
    check=_check_vrf,
)
STATION: Final = ConfigLine(
    "global",
    _STATIC + "{local:address} " + _WHERE + _OPTIONS,
    _HELP,
    key=("local", "public", "vrf"),
    order=491,
    check=_check_static,
)
PORT: Final = ConfigLine(
    "global",
    _STATIC + "( tcp | udp ) {local:address} {local_port:1-65535} " + _WHERE + " {public_port:1-65535}" + _OPTIONS,
    _HELP,
    key=("tcp", "udp", "public", "outside_interface", "public_port"),
    order=492,
    check=_check_static,
)
NETWORK: Final = ConfigLine(
    "global",
    _STATIC + "network {local:address} {public:address} {size:word}" + _OPTIONS,
    _HELP,
    key=("local", "vrf"),
    order=493,
    check=_check_network,
)
LINES: Final = (INSIDE, OUTSIDE, ENABLE, POOL, SOURCE, STATION, PORT, NETWORK)


def model(tree: ConfigTree) -> NatConfig | None:
    """Return what the configuration says of address translation; None: nothing."""
    inside, outside, both = (tree.made(INTERFACE, _side, line) for line in (INSIDE, OUTSIDE, ENABLE))
    first, second = (tuple(sorted(dict.fromkeys((*one, *both)), key=interface_sort_key)) for one in (inside, outside))
    pools = tuple(
        NatPool(args.text("name"), args.address("first"), args.address("last"), _length(args) or 32)
        for args in tree.all(POOL)
    )
    statics = [_static(line, args) for line in (STATION, PORT, NETWORK) for args in tree.all(line)]
    config = NatConfig(first, second, tuple(map(_rule, tree.all(SOURCE))), tuple(statics), pools)
    return config if config != NatConfig() else None


def _side(args: Args, section: Section, line: ConfigLine) -> str | None:
    return None if section.get(line) is None else args.interface("name")


def _rule(args: Args) -> NatRule:
    return NatRule(
        SOURCE.text(args),
        args.interface("outside_interface", ""),
        args.text("access_list", ""),
        args.text("name", ""),
        args.text("vrf", ""),
        args.text("pool", ""),
        overload="overload" in args or "outside_interface" in args,
    )


def _static(line: ConfigLine, args: Args) -> NatStatic:
    if line is NETWORK:
        rule = _network_of(args) or StaticRule(args.address("local"), args.address("public"))
    else:
        protocol = TCP if "tcp" in args else UDP if "udp" in args else 0
        ports = (args.integer("local_port"), args.integer("public_port")) if protocol else (0, 0)
        public = args.address("public") if "public" in args else IPv4Address(0)
        rule = StaticRule(args.address("local"), public, 32, protocol, *ports)
    rule = replace(rule, vrf=args.text("vrf", ""))
    return NatStatic(line.text(args), rule, args.interface("outside_interface", ""), alias="no-alias" not in args)


def _network_of(args: Args) -> StaticRule | None:
    """Return the rule of two networks; None: there is no such mask."""
    try:
        length = ip_network(f"0.0.0.0/{args.text('size').removeprefix('/')}").prefixlen
    except ValueError:
        return None
    return StaticRule(args.address("local"), args.address("public"), length) if length else None
