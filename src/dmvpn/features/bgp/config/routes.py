"""The lines about routes, common to `router bgp` and its address family."""

from __future__ import annotations

from dmvpn.base.addresses import Prefix, classful_length, mask_length
from dmvpn.features.bgp.config.neighbor import check_choice
from dmvpn.ios import Args, ConfigLine, Section
from dmvpn.ios.routing import MATCH, MATCH_HELP, distance_line


class RouteLines:
    """The lines of one mode."""

    def __init__(self, mode: str) -> None:
        self.network = _network(mode)
        self.aggregate = _aggregate(mode)
        self.redistribute = _redistribute(mode)
        self.maximum_paths = ConfigLine(
            mode,
            "maximum-paths [ ibgp ] {paths:1-32}",
            {"maximum-paths": "Use so many paths at once", "ibgp": "Of internal neighbors", "paths": "Number"},
            key=("ibgp",),
            order=50,
        )
        self.additional = _additional(mode)
        self.select = _select(mode)
        self.install = ConfigLine(mode, "bgp additional-paths install", {"install": "Choose a backup path"}, order=15)
        self.distances = _distances(mode)
        self.dampening = _dampening(mode)
        self.neighbor_distance = distance_line(mode, order=52)
        self.default_metric = ConfigLine(
            mode, "default-metric {metric:0-4294967295}", {"default-metric": "Metric of redistributed routes"}, order=53
        )
        self.default_information = ConfigLine(
            mode,
            "default-information originate",
            {"default-information": "The default route", "originate": "May be brought in by redistribute"},
            order=54,
        )


def prefix_of(args: Args) -> Prefix:
    """Return the prefix of a `network` or `aggregate-address`; without a mask, the classful network."""
    address, mask = args.address("address"), args.address("mask", None) if "mask" in args.values_given else None
    length = classful_length(address) if mask is None else mask_length(mask) or 0
    return Prefix.of(address, length if int(address) else 0)


def _check_network(args: Args, section: Section) -> str | None:
    # IOS accepts a network without a mask, although no route with its classful length has such an address.
    if "mask" in args.values_given and prefix_of(args).address != args.address("address"):
        return "% BGP: Incorrect network or mask/prefix-length configured"
    return None


def _network(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "network {address:address} [ mask {mask:mask} ] [ route-map {map:word} ]",
        {
            "network": "Advertise a prefix of the routing table",
            "mask": "Its mask",
            "address": "The prefix",
            "route-map": "Change it by a route map",
            "map": "Name",
        },
        key=("address", "mask"),
        order=20,
        check=_check_network,
    )


def _aggregate(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "aggregate-address {address:address} {mask:mask} "
        "[* summary-only | as-set | suppress-map {suppress:word} | advertise-map {advertise:word} "
        "| ( attribute-map | route-map ) {attributes:word} ]",
        {
            "aggregate-address": "Advertise one prefix for many",
            "summary-only": "And those no more",
            "as-set": "With all their autonomous systems",
            "suppress-map": "Suppress the parts that this route map permits",
            "suppress": "Name",
            "attribute-map": "With what this route map sets",
            "attributes": "Name",
            "route-map": "The same",
            "advertise-map": "Made of those alone that this route map permits",
            "advertise": "Name",
            "address": "The prefix",
            "mask": "Its mask",
        },
        key=("address", "mask"),
        order=21,
    )


def _redistribute(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "redistribute ( connected | static | rip | eigrp {eigrp:1-65535} | ospf {ospf:1-65535} ) "
        f"[* metric {{metric:0-4294967295}} | route-map {{map:word}} | {MATCH} ]",
        {
            **MATCH_HELP,
            "redistribute": "Redistribute routes of another source",
            "connected": "Connected networks",
            "static": "Static routes",
            "rip": "Routes of RIP",
            "eigrp": "Routes of EIGRP",
            "ospf": "Routes of OSPF",
            "metric": "Their metric",
            "route-map": "Only routes that a route map permits",
            "map": "Name",
        },
        key=("connected", "static", "rip", "eigrp", "ospf"),
        adds=True,
        order=22,
    )


def _additional(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "bgp additional-paths ( send [ receive ] | receive )",
        {
            "additional-paths": "Several paths to a prefix (RFC 7911)",
            "send": "Send several paths for a prefix",
            "receive": "Take them",
        },
        key=("send", "receive"),
        order=15,
    )


def _select(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "bgp additional-paths select [* all | best {best:2-3} | group-best | backup ]",
        {
            "select": "Which paths may be advertised",
            "all": "All with a next hop of their own",
            "best": "The best of them",
            "group-best": "The best of each neighboring system",
            "backup": "The second best path",
        },
        key=("all", "best", "group-best", "backup"),
        order=15,
        check=check_choice,
    )


def _check_limits(args: Args, section: Section) -> str | None:
    if "reuse" in args.values_given and args.integer("reuse") >= args.integer("suppress"):
        return "% The reuse limit must be less than the suppress limit"
    return None


def _dampening(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "bgp dampening [ {half:1-45} [ {reuse:1-20000} {suppress:1-20000} {longest:1-255} ] ]",
        {
            "dampening": "Do not use routes for a while that come and go (RFC 2439)",
            "half": "Minutes after which a penalty is half of what it was",
            "reuse": "Penalty from which on a route is used again",
            "suppress": "Penalty above which it is not used",
            "longest": "Minutes for which it is not used at most",
        },
        order=15,
        check=_check_limits,
    )


def _distances(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "distance bgp {external:1-255} {internal:1-255} {local:1-255}",
        {
            "distance": "Administrative distance",
            "bgp": "Of BGP's routes",
            "external": "Of external neighbors",
            "internal": "Of internal neighbors",
            "local": "Our own aggregates",
        },
        order=51,
        default="distance bgp 20 200 200",
    )
