"""`ip route`, `ipv6 route` and `ip default-gateway`, and the model they make."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, spelled
from dmvpn.base.effects import NextHop
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import collected
from dmvpn.features.static.model import StaticConfig, StaticRoute
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section, ValueType, common, interface_addresses, register_type
from dmvpn.ios.section import FEW, pages_of
from dmvpn.ios.values import Read, Reading, Token
from dmvpn.ios.vrfs import is_defined

#: The distance of a gateway that counts where no other default route is there.
_LAST: Final = 254
#: A route, and the VRF that it is in.
_Placed = tuple[str, StaticRoute]


class RouteName(ValueType):
    """A word, or several between quotation marks, which stay in the line."""

    def __init__(self) -> None:
        super().__init__("route-name", "WORD", lambda text: (text, text), weight=20)

    def read_value(self, line: str, tokens: Sequence[Token], index: int) -> Read:
        first = tokens[index]
        if first.text.startswith('"'):
            for end in range(index, len(tokens)):
                last = tokens[end]
                if last.text.endswith('"') and (end > index or len(last.text) > 1):
                    text = line[first.start : last.start + len(last.text)]
                    return Reading(text, text, end + 1)
        return Reading(first.text, first.text, index + 1)


NAME: Final = register_type(RouteName())

#: Interfaces with any number of neighbors, of which a route has to name one. (A route of the global table may ask for
#: each destination there, by proxy ARP.)
_SHARED: Final = ("Ethernet", "FastEthernet", "GigabitEthernet", "TenGigabitEthernet", "Port-channel", "Vlan")


def _check(args: Args, section: Section) -> str | None:
    prefix, interface, vrf = args.any_prefix(), args.interface("interface", ""), args.text("vrf", "")
    if vrf and not is_defined(section, vrf):
        return f"% IP routing table {vrf} does not exist"
    if prefix.address != args.address("network"):
        return "%Inconsistent address and mask"
    if complaint := _no_neighbor(args, section):
        return complaint
    if vrf and interface.startswith(_SHARED) and "next_hop" not in args:
        return "% For VPN routes, must specify a next hop IP address if not a point-to-point interface"
    return None


def _check6(args: Args, section: Section) -> str | None:
    interface, next_hop = args.interface("interface", ""), _next_hop(args)
    if next_hop is not None and is_link_local(next_hop) and not interface:
        return "% Interface has to be specified for a link-local nexthop"
    if complaint := _no_neighbor(args, section):
        return complaint
    vrf = args.text("vrf", "")
    return f"% IPv6 routing table {vrf} does not exist" if vrf and not is_defined(section, vrf) else None


_check_hop: Final = common.refusing_impossible("next_hop", answer="%Invalid next hop address")


def _no_neighbor(args: Args, section: Section) -> str | None:
    """Return the complaint about a next hop that cannot be a neighbor, or None."""
    is_nowhere = "next_hop" in args and args.interface("interface", "") == "Null0"
    return _check_hop(args, section) or ("%Invalid next hop: Null0 has no neighbors" if is_nowhere else None)


def _next_hop(args: Args) -> IPAddress | None:
    return args.any_address("next_hop", None)


def _text(args: Args) -> str:
    """Return the options in IOS's order: global, distance, tag, permanent, name, track."""
    vrf = f"vrf {args.text('vrf')} " if "vrf" in args else ""
    if "prefix" in args:
        words = [f"ipv6 route {vrf}{spelled(args.prefix('prefix'))}"]
    else:
        words = [f"ip route {vrf}{args.address('network')} {args.address('mask')}"]
    if interface := args.interface("interface", ""):
        words.append(interface)
    if (next_hop := _next_hop(args)) is not None:
        words.append(spelled(next_hop))
    if "global" in args:
        words.append("global")
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


_WHERE = "( {next_hop:address} | {interface:interface} [ {next_hop:address} ] )"
_HELP = {
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
    "vrf": "In this VRF",
    "global": "The next hop is in the global table",
}


def _route_line(which: str, where: str, *, key: tuple[str, ...] = (), order: int) -> ConfigLine:
    """Return the line of one kind of table. which: the words that name the table. where: the end of the way."""
    return ConfigLine(
        "global",
        f"ip route {which}{{network:address}} {{mask:mask}} {where} [* {{distance:1-255}} | tag {{tag:1-4294967295}} "
        "| permanent | name {name:route-name} | track {track:1-1000} ]",
        _HELP,
        key=(*key, "network", "mask", "interface", "next_hop"),
        order=order,
        check=_check,
        show=_text,
    )


ROUTE: Final = _route_line("", _WHERE, order=500)
ROUTE_VRF: Final = _route_line("vrf {vrf:word} ", f"{_WHERE} [ global ]", key=("vrf",), order=501)


def _route_line6(which: str, *, key: tuple[str, ...] = (), order: int) -> ConfigLine:
    """Return the line of IPv6 of one kind of table. which: the words that name the table."""
    return ConfigLine(
        "global",
        f"ipv6 route {which}{{prefix:network6}} {_WHERE.replace(':address}', ':address6}')} "
        "[* {distance:1-254} | tag {tag:1-4294967295} | name {name:route-name} | track {track:1-1000} ]",
        {**_HELP, "ipv6": "Internet Protocol, version 6", "prefix": "Destination prefix"},
        key=(*key, "prefix", "interface", "next_hop"),
        order=order,
        check=_check6,
        show=_text,
    )


ROUTE6: Final = _route_line6("", order=510)
#: Kept as it was entered: without it, a box with nothing but an `interface Vlan` may be a switch that does not route.
ROUTING: Final = ConfigLine("global", "ip routing", "Forward packets between interfaces", order=49, keep_no=True)
GATEWAY: Final = ConfigLine(
    "global",
    "ip default-gateway {address:address}",
    {"default-gateway": "Next hop for everything, while this box does not route", "address": "The next hop"},
    order=503,
    check=common.refusing_impossible("address"),
)
ROUTE6_VRF: Final = _route_line6("vrf {vrf:word} ", key=("vrf",), order=511)
_BY_HOP: Final = ("interface", "next_hop")
_BFD_HELP: Final = {
    **_HELP,
    "static": "All of them",
    "bfd": "Those to this next hop count only while BFD reaches it",
    "unassociate": "No route counts on it: only the neighbor's routes do",
    "unassociated": "No route counts on it: only the neighbor's routes do",
}
BFD: Final = ConfigLine(
    "global",
    "ip route static bfd {interface:interface} {next_hop:address} [ unassociate ]",
    _BFD_HELP,
    key=_BY_HOP,
    order=499,
    check=_no_neighbor,
)
BFD6: Final = ConfigLine(
    "global",
    "ipv6 route static bfd [ vrf {vrf:word} ] {interface:interface} {next_hop:address6} [ unassociated ]",
    {**_BFD_HELP, "ipv6": "Internet Protocol, version 6"},
    key=_BY_HOP,
    order=509,
    check=_no_neighbor,
)
LINES: Final = collected(ConfigLine, vars())


def model(tree: ConfigTree, vrf: str = "") -> StaticConfig:
    """Return what the configuration says of the static routes of a VRF, "": of the global table."""
    watched = (*tree.made(BFD, _watched), *tree.made(BFD6, _watched))
    bfd = tuple(hop for hop, is_apart in watched if not is_apart)
    if vrf:
        return StaticConfig(ipv4=_of_vrf(tree, ROUTE_VRF, vrf), ipv6=_of_vrf(tree, ROUTE6_VRF, vrf), bfd=bfd)
    routes, gateway = tree.made(ROUTE, _route), tree.args(GATEWAY).address("address", None)
    if gateway is not None and _is_host(tree):
        everything = Prefix.of(IPv4Address(0), 0)
        routes = pages_of([*routes, StaticRoute(prefix=everything, next_hop=gateway, distance=_LAST, is_host=True)])
    apart = tuple(hop for hop, is_apart in watched if is_apart)
    return StaticConfig(ipv4=routes, ipv6=tree.made(ROUTE6, _route), bfd=bfd, bfd_apart=apart)


def _watched(args: Args) -> tuple[NextHop, bool]:
    return NextHop(args.interface("interface"), _next_hop(args)), "unassociate" in args or "unassociated" in args


def _is_host(tree: ConfigTree) -> bool:
    """Return whether a box does not route: its lines say so, or it is a switch with one address, in a VLAN."""
    if tree.negated(ROUTING) or tree.flag(ROUTING):
        return tree.negated(ROUTING)
    names = [
        args.interface("name")
        for args, inner in tree.sections(common.INTERFACE)
        if inner.get(interface_addresses.ADDRESS) is not None
    ]
    return len(names) == 1 and names[0].startswith("Vlan")


def _of_vrf(tree: ConfigTree, line: ConfigLine, vrf: str) -> Pages[StaticRoute]:
    placed = tree.made(line, _placed)
    if len(placed) > FEW:  # beside many VRFs with many routes none looks at those of another
        return tree.following(line, _placed, _ByVrf).routes(vrf)
    return pages_of(route for where, route in placed if where == vrf)


def _placed(args: Args) -> _Placed:
    return args.text("vrf"), _route(args)


class _ByVrf:
    """The routes of each VRF."""

    def __init__(self) -> None:
        self._routes: dict[str, Pages[StaticRoute]] = {}

    def follow(self, gone: Mapping[int, _Placed], came: Mapping[int, _Placed]) -> None:
        """See `Follower`."""
        changes: dict[str, dict[int, StaticRoute | None]] = {}
        for number, (vrf, _) in gone.items():
            changes.setdefault(vrf, {})[number] = None
        for number, (vrf, route) in came.items():
            changes.setdefault(vrf, {})[number] = route
        for vrf, some in changes.items():
            self._routes[vrf] = self.routes(vrf).turned(some)

    def routes(self, vrf: str) -> Pages[StaticRoute]:
        """Return the routes of a VRF."""
        return self._routes.get(vrf, NONE)


def _route(args: Args) -> StaticRoute:
    return StaticRoute(
        prefix=args.any_prefix(),
        interface=args.interface("interface", ""),
        next_hop=_next_hop(args),
        distance=args.integer("distance", 1),
        tag=args.integer("tag", 0),
        name=args.text("name", ""),
        permanent="permanent" in args,
        track=args.integer("track", 0),
        is_leak="global" in args,
    )


def route_line(prefix: Prefix, **to: Hashable) -> str:
    """Return the line of a static route.

    to: the values of the line that say where the route leads, and in which VRF it is.
    """
    if prefix.version == 6:
        return (ROUTE6_VRF if "vrf" in to else ROUTE6).line(prefix=prefix, **to)
    line = ROUTE_VRF if "vrf" in to else ROUTE
    return line.line(network=prefix.address, mask=prefix.netmask, **to)


def line_of(route: StaticRoute, vrf: str = "") -> str:
    """Return the line of a route in a VRF, "": in the global table; without options."""
    values = {"vrf": vrf, "interface": route.interface, "next_hop": route.next_hop}
    return route_line(route.prefix, **{name: value for name, value in values.items() if value})


def bfd_line(hop: NextHop) -> str:
    """Return the line that lets BFD watch a next hop, which has an address."""
    is_ipv6 = hop.address is not None and hop.address.version == 6
    return (BFD6 if is_ipv6 else BFD).line(interface=hop.interface, next_hop=hop.address)
