"""`ip route` and `ipv6 route`, and the model they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, mask_length, spelled
from dmvpn.features.static.model import StaticConfig, StaticRoute
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section, ValueType, register_type
from dmvpn.ios.values import Reading

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from dmvpn.ios.values import Read, Token


class RouteName(ValueType):
    """A word, or several between quotation marks, which stay in the line."""

    def __init__(self) -> None:
        super().__init__("route-name", "WORD", lambda text: (text, text), weight=20)

    def read(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        first = tokens[index]
        if first.text.startswith('"'):
            for end in range(index, len(tokens)):
                last = tokens[end]
                if last.text.endswith('"') and (end > index or len(last.text) > 1):
                    text = line[first.start : last.start + len(last.text)]
                    return Reading(text, text, end + 1)
        return Reading(first.text, first.text, index + 1)


NAME: Final = register_type(RouteName())


def _check(args: Args, section: Section) -> str | None:
    prefix = _prefix(args)
    if prefix.address != args.address("network"):
        return "%Inconsistent address and mask"
    if args.interface("interface", "") == "Null0" and "next_hop" in args:
        return "%Invalid next hop: Null0 has no neighbors"
    return None


def _check6(args: Args, section: Section) -> str | None:
    interface, next_hop = args.interface("interface", ""), _next_hop(args)
    if next_hop is not None and is_link_local(next_hop) and not interface:
        return "% Interface has to be specified for a link-local nexthop"
    if interface == "Null0" and next_hop is not None:
        return "%Invalid next hop: Null0 has no neighbors"
    return None


def _next_hop(args: Args) -> IPAddress | None:
    return args.any_address("next_hop", None)


def _prefix(args: Args) -> Prefix:
    if "prefix" in args:
        return args.prefix("prefix")
    return Prefix.of(args.address("network"), mask_length(args.address("mask")) or 0)


def _text(args: Args) -> str:
    """Return the options in IOS's order: distance, tag, permanent, name, track."""
    if "prefix" in args:
        words = ["ipv6 route", spelled(args.prefix("prefix"))]
    else:
        words = ["ip route", str(args.address("network")), str(args.address("mask"))]
    if interface := args.interface("interface", ""):
        words.append(interface)
    if (next_hop := _next_hop(args)) is not None:
        words.append(spelled(next_hop))
    if args.integer("distance", 1) != 1:
        words.append(str(args.integer("distance")))
    if "tag" in args:
        words.append(f"tag {args.integer('tag')}")
    if "permanent" in args:
        words.append("permanent")
    if "name" in args:
        words.append(f"name {args.text('name')}")
    if "track" in args:
        words.append(f"track {args.integer('track')}")
    return " ".join(words)


ROUTE: Final = ConfigLine(
    "global",
    "ip route {network:address} {mask:mask} ( {next_hop:address} | {interface:interface} [ {next_hop:address} ] ) "
    "[* {distance:1-255} | tag {tag:1-4294967295} | permanent | name {name:route-name} "
    "| track {track:1-1000} ]",
    {
        "route": "Make a static route",
        "track": "Only while this tracked object is up",
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
ROUTE6: Final = ConfigLine(
    "global",
    "ipv6 route {prefix:network6} ( {next_hop:address6} | {interface:interface} [ {next_hop:address6} ] ) "
    "[* {distance:1-254} | tag {tag:1-4294967295} | name {name:route-name} ]",
    {
        "ipv6": "Internet Protocol, version 6",
        "route": "Make a static route",
        "prefix": "Destination prefix",
        "next_hop": "Next hop",
        "interface": "Outgoing interface",
        "distance": "Administrative distance",
        "tag": "A mark for redistribution",
        "name": "A name for people",
    },
    key=("prefix", "interface", "next_hop"),
    order=510,
    check=_check6,
    show=_text,
)
ROUTE_VRF: Final = ConfigLine(
    "global",
    ROUTE.syntax.replace("ip route", "ip route vrf {vrf:word}", 1),
    "A static route of a VRF",
    key=("vrf", "network", "mask", "interface", "next_hop"),
    order=501,
    check=_check,
    show=lambda args: _text(args).replace("ip route", f"ip route vrf {args.text('vrf')}", 1),
)
LINES: Final = (ROUTE, ROUTE6, ROUTE_VRF)


def model(tree: ConfigTree, vrf: str = "") -> StaticConfig:
    """Return what the configuration says of the static routes of a VRF, "": of the global table."""
    if vrf:
        return StaticConfig(ipv4=tree.made(ROUTE_VRF, _route_in, vrf))
    return StaticConfig(ipv4=tree.made(ROUTE, _route), ipv6=tree.made(ROUTE6, _route))


def _route_in(args: Args, vrf: str) -> StaticRoute | None:
    return _route(args) if args.text("vrf") == vrf else None


def _route(args: Args) -> StaticRoute:
    return StaticRoute(
        prefix=_prefix(args),
        interface=args.interface("interface", ""),
        next_hop=_next_hop(args),
        distance=args.integer("distance", 1),
        tag=args.integer("tag", 0),
        name=args.text("name", ""),
        permanent="permanent" in args,
        track=args.integer("track", 0),
    )


def route_line(prefix: Prefix, **to: Hashable) -> str:
    """Return the line of a static route.

    to: the values of the line that say where the route leads.
    """
    if prefix.version == 6:
        return ROUTE6.of(prefix=prefix, **to)
    return ROUTE.of(network=prefix.address, mask=prefix.netmask, **to)
