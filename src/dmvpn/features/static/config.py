"""`ip route`, and the model it makes."""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import Prefix, mask_length
from dmvpn.features.static.model import StaticConfig, StaticRoute
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section


def _check(args: Args, section: Section) -> str | None:
    prefix = _prefix(args)
    if prefix.address != args.address("network"):
        return "%Inconsistent address and mask"
    if args.interface("interface", "") == "Null0" and "next_hop" in args:
        return "%Invalid next hop: Null0 has no neighbours"
    return None


def _prefix(args: Args) -> Prefix:
    return Prefix.of(args.address("network"), mask_length(args.address("mask")) or 0)


def _text(args: Args) -> str:
    """The options in IOS's order: distance, tag, permanent, name."""
    words = ["ip route", str(args.address("network")), str(args.address("mask"))]
    if interface := args.interface("interface", ""):
        words.append(interface)
    if (next_hop := args.address("next_hop", None)) is not None:
        words.append(str(next_hop))
    if args.integer("distance", 1) != 1:
        words.append(str(args.integer("distance")))
    if "tag" in args:
        words.append(f"tag {args.integer('tag')}")
    if "permanent" in args:
        words.append("permanent")
    if "name" in args:
        words.append(f"name {args.text('name')}")
    return " ".join(words)


ROUTE: Final = ConfigLine(
    "global",
    "ip route {network:address} {mask:mask} ( {next_hop:address} | {interface:interface} [ {next_hop:address} ] ) "
    "[* {distance:1-255} | tag {tag:1-4294967295} | permanent | name {name:word} ]",
    {
        "route": "Make a static route",
        "network": "Destination prefix",
        "mask": "Its mask",
        "next_hop": "Next hop",
        "interface": "Outgoing interface",
        "distance": "Administrative distance",
        "tag": "A mark for redistribution",
        "permanent": "Keep the line for the sake of old configurations",
        "name": "A name for people",
    },
    key=("network", "mask", "interface", "next_hop"),
    order=500,
    check=_check,
    show=_text,
)
LINES: Final = (ROUTE,)


def model(tree: ConfigTree) -> StaticConfig:
    """What the configuration says of static routes."""
    return StaticConfig(tuple(_route(args) for args in tree.all(ROUTE)))


def _route(args: Args) -> StaticRoute:
    return StaticRoute(
        prefix=_prefix(args),
        interface=args.interface("interface", ""),
        next_hop=args.address("next_hop", None),
        distance=args.integer("distance", 1),
        tag=args.integer("tag", 0),
        name=args.text("name", ""),
        permanent="permanent" in args,
    )
