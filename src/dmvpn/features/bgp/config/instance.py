"""`router bgp`, its address family IPv4 unicast, in which the lines about routes may be repeated, IPv6 unicast, and the
families of VRFs, which have neighbors of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from dmvpn.base.addresses import Prefix, classful_length, mask_length
from dmvpn.base.values import collected
from dmvpn.features.bgp.config import neighbor
from dmvpn.ios import Args, ConfigLine, Mode, Section
from dmvpn.ios.grammar import several
from dmvpn.ios.routing import INCLUDE_HELP, MATCH, MATCH_HELP, REDISTRIBUTION_HELP, check_router_id, distance_line
from dmvpn.ios.vrfs import refusal

# ------------------------------------------------------------------------------------------------ routes


_HELP: Final = {
    **REDISTRIBUTION_HELP,
    "maximum-paths": "Use so many paths at once",
    "ibgp": "Of internal neighbors",
    "paths": "Number",
    "distance": "Administrative distance",
    "bgp": "BGP's own settings",
    "external": "Of external neighbors",
    "internal": "Of internal neighbors",
    "local": "Our own aggregates",
    "default-information": "The default route",
    "originate": "May be brought in by redistribute",
    "prefix": "The prefix",
    "network": "Advertise a prefix of the routing table",
    "mask": "Its mask",
    "address": "The prefix",
    "route-map": "Change it by a route map",
    "map": "Name",
    "aggregate-address": "Advertise one prefix for many",
    "summary-only": "And those no more",
    "as-set": "With all their autonomous systems",
    "suppress-map": "Suppress the parts that this route map permits",
    "suppress": "Name",
    "attribute-map": "With what this route map sets",
    "attributes": "Name",
    "advertise-map": "Made of those alone that this route map permits",
    "advertise": "Name",
    "metric": "Their metric",
    "router-id": "Name this router in the VRF",
    "template": "What several neighbors have",
    "peer-session": "Of the session",
    "name": "Its name",
    "peer-policy": "Of the routes",
    "interface": "By the address of an interface",
    "log-neighbor-changes": "Log neighbors that come and go",
    "cluster-id": "Name this cluster of route reflectors",
    "peers": "The other systems in it",
    "as": "Autonomous system",
    "graceful-restart": "Keep forwarding while a neighbor restarts",
    "default": "What holds if nothing is said",
    "ipv4-unicast": "Neighbors exchange IPv4 unicast routes",
    "always-compare-med": "Compare metrics of different systems, too",
    "deterministic-med": "As it is here in any case: by system first",
    "bestpath": "How the best path is found",
    "as-path": "By AS paths",
    "ignore": "Do not compare their lengths",
    "multipath-relax": "Paths of equal length may be used at once",
    "med": "By metrics",
    "missing-as-worst": "None is the largest",
    "compare-routerid": "By router IDs, even if one is older",
    "fast-external-fallover": "External sessions end with the line of their interface",
    "redistribute-internal": "Other protocols may redistribute routes of internal neighbors",
    "limit": "At most so many",
    "timers": "Times",
    "keepalive": "Seconds between keepalives",
    "hold": "Seconds until a neighbor is given up",
    "least": "Refuse neighbors that want fewer",
}


class RouteLines:
    """The lines of one mode, about routes of this IP version."""

    def __init__(self, mode: str, version: int = 4) -> None:
        syntax, _, key = _PREFIX[version]
        self.network = ConfigLine(
            mode,
            f"network {syntax} [ route-map {{map:word}} ]",
            _HELP,
            key=key,
            order=20,
            check=_check_network if version == 4 else _check_network6,
        )
        self.aggregate = _aggregate(mode, version)
        rip, networks = (" | rip", "") if version == 4 else ("", " | include-connected")
        self.redistribute = ConfigLine(
            mode,
            f"redistribute ( connected | static{rip} | eigrp {{eigrp:1-65535}} | ospf {{ospf:1-65535}} ) "
            f"[* metric {{metric:0-4294967295}} | route-map {{map:word}} | {MATCH}{networks} ]",
            {**MATCH_HELP, **INCLUDE_HELP, **_HELP, "route-map": "Only routes that a route map permits"},
            key=("connected", "static", "eigrp", "ospf", *(("rip",) if version == 4 else ())),
            adds=True,
            order=22,
        )
        self.maximum_paths = ConfigLine(mode, "maximum-paths [ ibgp ] {paths:1-32}", _HELP, key=("ibgp",), order=50)
        self.additional = ConfigLine(
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
        self.select = _select(mode)
        self.install = ConfigLine(mode, "bgp additional-paths install", {"install": "Choose a backup path"}, order=15)
        self.distances = ConfigLine(
            mode,
            "distance bgp {external:1-255} {internal:1-255} {local:1-255}",
            {**_HELP, "bgp": "Of BGP's routes"},
            order=51,
            default="distance bgp 20 200 200",
        )
        self.dampening = _dampening(mode)
        if version == 4:
            self.neighbor_distance = distance_line(mode, order=52)
        self.default_metric = ConfigLine(
            mode, "default-metric {metric:0-4294967295}", {"default-metric": "Metric of redistributed routes"}, order=53
        )
        self.default_information = ConfigLine(mode, "default-information originate", _HELP, order=54)


def prefix_of(args: Args) -> Prefix:
    """Return the prefix of a `network` or `aggregate-address`; IPv4 without a mask means the classful network."""
    if "prefix" in args.values_given:
        return args.prefix("prefix")
    address, mask = args.address("address"), args.address("mask", None) if "mask" in args.values_given else None
    length = classful_length(address) if mask is None else mask_length(mask) or 0
    return Prefix.of(address, length if int(address) else 0)


def _check_network(args: Args, section: Section) -> str | None:
    # IOS accepts a network without a mask, although no route with its classful length has such an address.
    if "mask" in args.values_given and prefix_of(args).address != args.address("address"):
        return "% BGP: Incorrect network or mask/prefix-length configured"
    return None


def _check_network6(args: Args, section: Section) -> str | None:
    # Without this form the line would be one of `router bgp` itself, and advertise a network of IPv4.
    return None if "prefix" in args.values_given else "% The address family is of IPv6"


#: A prefix, and its key, by IP version; in an aggregate its mask is not left out.
_PREFIX: Final = {
    4: ("{address:address} [ mask {mask:mask} ]", "{address:address} {mask:mask}", ("address", "mask")),
    6: ("( {prefix:network6} | {address:address} [ mask {mask:mask} ] )", "{prefix:network6}", ("prefix",)),
}


def _aggregate(mode: str, version: int) -> ConfigLine:
    _, syntax, key = _PREFIX[version]
    return ConfigLine(
        mode,
        f"aggregate-address {syntax} "
        "[* summary-only | as-set | suppress-map {suppress:word} | advertise-map {advertise:word} "
        "| ( attribute-map | route-map ) {attributes:word} ]",
        {**_HELP, "route-map": "The same"},
        key=key,
        order=21,
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
        check=neighbor.check_choice,
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
            "dampening": "Suppress flapping routes (RFC 2439)",
            "half": "Minutes after which a penalty is half of what it was",
            "reuse": "Penalty from which on a route is used again",
            "suppress": "Penalty above which it is not used",
            "longest": "Minutes for which it is not used at most",
        },
        order=15,
        check=_check_limits,
    )


# ------------------------------------------------------------------------------------------------ the process


_ROUTER, _FAMILY, _VRF = "router-bgp", "bgp-ipv4", "bgp-ipv4-vrf"
_IPV6, _IPV6_VRF = "bgp-ipv6", "bgp-ipv6-vrf"
_SESSION, _POLICY = "bgp-peer-session", "bgp-peer-policy"
MODES: Final = (
    Mode(_ROUTER, "config-router"),
    Mode(_FAMILY, "config-router-af", _ROUTER, exit_word="exit-address-family"),
    Mode(_VRF, "config-router-af", _ROUTER, exit_word="exit-address-family"),
    Mode(_IPV6, "config-router-af", _ROUTER, exit_word="exit-address-family"),
    Mode(_IPV6_VRF, "config-router-af", _ROUTER, exit_word="exit-address-family"),
    Mode(_SESSION, "config-router-stmp", _ROUTER, exit_word="exit-peer-session"),
    Mode(_POLICY, "config-router-ptmp", _ROUTER, exit_word="exit-peer-policy"),
)


def _check_only_one(args: Args, section: Section) -> str | None:
    other = section.root.get(ROUTER)
    if other is None or other.integer("number") == args.integer("number"):
        return None
    return f"BGP is already running; AS is {other.integer('number')}"


def _line(
    syntax: str,
    help_: Mapping[str, str],
    *,
    order: int,
    key: tuple[str, ...] | None = None,
    default: str | None = None,
    default_on: bool = False,
    shown: bool = False,
    listed: str = "",
) -> ConfigLine:
    return ConfigLine(
        _ROUTER, syntax, help_, order=order, key=key, default=default, default_on=default_on, shown=shown, listed=listed
    )


ROUTER: Final = ConfigLine(
    "global",
    f"router bgp {{number:{neighbor.AS_NUMBER.name}}}",
    {"router": "A routing process", "bgp": "BGP version 4", "number": "Our autonomous system"},
    key=("number",),
    order=430,
    opens=_ROUTER,
    check=_check_only_one,
)
FAMILY: Final = ConfigLine(
    _ROUTER,
    "address-family ipv4 [ unicast ]",
    {"address-family": "Family of addresses", "ipv4": "IPv4", "unicast": "Unicast"},
    key=("ipv4",),
    order=90,
    opens=_FAMILY,
    complete=lambda args, _: args.with_keyword("unicast"),
    show=lambda args: "address-family ipv4",
)
IPV6_FAMILY: Final = ConfigLine(
    _ROUTER,
    "address-family ipv6 [ unicast ]",
    {"address-family": "Family of addresses", "ipv6": "IPv6", "unicast": "Unicast"},
    key=("ipv6",),
    order=92,
    opens=_IPV6,
    complete=lambda args, _: args.with_keyword("unicast"),
    show=lambda args: "address-family ipv6",
)


def _of_vrf(ip: str, mode: str, order: int) -> ConfigLine:
    """Return the line that opens the family of a version of IP in a VRF."""
    return ConfigLine(
        _ROUTER,
        f"address-family {ip} [ unicast ] vrf {{vrf:word}}",
        {"vrf": "In a VRF"},
        key=("vrf",),
        order=order,
        opens=mode,
        check=lambda args, section: refusal(section, args.text("vrf")),
        show=lambda args: f"address-family {ip} vrf {args.text('vrf')}",
        sort=("vrf",),
    )


VRF_FAMILY: Final = _of_vrf("ipv4", _VRF, 91)
IPV6_VRF_FAMILY: Final = _of_vrf("ipv6", _IPV6_VRF, 93)
VRF_ROUTER_ID, IPV6_VRF_ROUTER_ID = (
    ConfigLine(
        mode, "bgp router-id {address:address}", {**_HELP, "address": "Any address"}, order=10, check=check_router_id
    )
    for mode in (_VRF, _IPV6_VRF)
)
SESSION_TEMPLATE: Final = ConfigLine(
    _ROUTER, "template peer-session {name:word}", _HELP, key=("name",), order=5, opens=_SESSION
)
POLICY_TEMPLATE: Final = ConfigLine(
    _ROUTER, "template peer-policy {name:word}", _HELP, key=("name",), order=6, opens=_POLICY
)
SESSION_LINES: Final = neighbor.template_lines(_SESSION, of_session=True)
POLICY_LINES: Final = neighbor.template_lines(_POLICY, of_session=False)
ROUTER_ID: Final = ConfigLine(
    _ROUTER,
    "bgp router-id ( {address:address} | interface {interface:interface} )",
    {**_HELP, "router-id": "Name this router", "address": "Any address"},
    order=10,
    check=check_router_id,
)
LOG_CHANGES: Final = _line("bgp log-neighbor-changes", _HELP, order=11, default_on=True, shown=True)
CLUSTER_ID: Final = _line(
    "bgp cluster-id ( {address:address} | {number:1-4294967295} )",
    {**_HELP, "address": "As an address", "number": "As a number"},
    order=12,
)
CONFEDERATION: Final = _line(
    f"bgp confederation identifier {{identifier:{neighbor.AS_NUMBER.name}}}",
    {"confederation": "Autonomous systems that appear as one (RFC 5065)", "identifier": "Its number outside"},
    order=12,
)
MEMBERS: Final = _line(
    f"bgp confederation peers {several('as', neighbor.AS_NUMBER.name, 16)}", _HELP, order=12, key=(), listed="as"
)
GRACEFUL_RESTART: Final = _line("bgp graceful-restart", _HELP, order=13)
RESTART_TIME: Final = _line(
    "bgp graceful-restart restart-time {seconds:1-3600}",
    {"restart-time": "Neighbors hear that we are back within", "seconds": "Seconds"},
    order=13,
    default="bgp graceful-restart restart-time 120",
)
STALE_TIME: Final = _line(
    "bgp graceful-restart stalepath-time {seconds:1-3600}",
    {"stalepath-time": "Time for a restarted neighbor to send its table", "seconds": "Seconds"},
    order=13,
    default="bgp graceful-restart stalepath-time 360",
)
IPV4_BY_DEFAULT: Final = _line("bgp default ipv4-unicast", _HELP, order=14, default_on=True)
LOCAL_PREFERENCE: Final = _line(
    "bgp default local-preference {preference:0-4294967295}",
    {"local-preference": "Of routes of which nothing is said", "preference": "The larger the better"},
    order=14,
    default="bgp default local-preference 100",
)
ALWAYS_COMPARE_MED: Final = _line("bgp always-compare-med", _HELP, order=13)
DETERMINISTIC_MED: Final = _line("bgp deterministic-med", _HELP, order=13)
BESTPATH: Final = _line(
    "bgp bestpath ( as-path ( ignore | multipath-relax ) | med missing-as-worst | compare-routerid )",
    _HELP,
    order=13,
    key=("ignore", "multipath-relax", "med", "compare-routerid"),
)
FALL_OVER: Final = _line("bgp fast-external-fallover", _HELP, order=14, default_on=True)
REDISTRIBUTE_INTERNAL: Final = _line("bgp redistribute-internal", _HELP, order=14)
LISTEN_RANGE: Final = _line(
    "bgp listen range ( {prefix:prefix} | {prefix:network6} ) peer-group {group:word}",
    {
        "listen": "Neighbors that are not configured",
        "range": "Neighbors that connect from here",
        "peer-group": "Is like the members of a group",
        "group": "Its name",
    },
    order=15,
    key=("prefix",),
)
LISTEN_LIMIT: Final = _line(
    "bgp listen limit {number:1-5000}", {**_HELP, "number": "Neighbors"}, order=16, default="bgp listen limit 100"
)
TIMERS: Final = _line(
    "timers bgp {keepalive:0-65535} {hold:0-65535} [ {least:0-65535} ]",
    {**_HELP, "bgp": "Of all sessions"},
    order=17,
    default="timers bgp 60 180",
)


def _drop_other_lines(args: Args, root: Section) -> None:
    """Remove the other lines of a neighbor or group that loses its AS number: they have no meaning without it, as on
    IOS.
    """
    if not _makes_neighbor(args):
        return
    about = Args({"peer": args["peer"]}, ("neighbor",), ("neighbor",))
    for _, router in root.sections(ROUTER):
        if any(_makes_neighbor(entry.args) for entry in router.matching(NEIGHBOR, about)):
            continue
        _drop(router, _OF_ROUTER, about)
        for opener, lines in ((FAMILY, _OF_FAMILY), (IPV6_FAMILY, _OF_IPV6)):
            family = router.section(opener)
            if family is not None:
                _drop(family, lines, about)


def _makes_neighbor(args: Args) -> bool:
    return "remote-as" in args or "peer-group" in args


def _drop(section: Section, lines: Iterable[ConfigLine], about: Args) -> None:
    for line in lines:
        for entry in section.matching(line, about):
            section.drop(entry)


NEIGHBOR: Final = neighbor.neighbor_line(_ROUTER, with_session=True, order=40, takes_along=_drop_other_lines)
ACTIVATE: Final = neighbor.activate_line(_ROUTER, order=41)
DEFAULT_ORIGINATE: Final = neighbor.default_originate_line(_ROUTER, order=40)


IN_ROUTER: Final = RouteLines(_ROUTER)
IN_FAMILY: Final = RouteLines(_FAMILY)
FAMILY_NEIGHBOR: Final = neighbor.neighbor_line(_FAMILY, with_session=False, order=40)
FAMILY_ACTIVATE: Final = neighbor.activate_line(_FAMILY, order=39)
FAMILY_DEFAULT_ORIGINATE: Final = neighbor.default_originate_line(_FAMILY, order=40)


def _drop_other_lines_of_vrf(args: Args, root: Section) -> None:
    """Do the same in the VRF of the line."""
    if not _makes_neighbor(args):
        return
    about = Args({"peer": args["peer"]}, ("neighbor",), ("neighbor",))
    for _, router in root.sections(ROUTER):
        for opener, lines in ((VRF_FAMILY, _OF_VRF), (IPV6_VRF_FAMILY, _OF_IPV6_VRF)):
            for _, family in router.sections(opener):
                if not any(_makes_neighbor(entry.args) for entry in family.matching(lines[0], about)):
                    _drop(family, lines, about)


IN_VRF: Final = RouteLines(_VRF)
VRF_NEIGHBOR: Final = neighbor.neighbor_line(_VRF, with_session=True, order=40, takes_along=_drop_other_lines_of_vrf)
VRF_ACTIVATE: Final = neighbor.activate_line(_VRF, order=41)
VRF_DEFAULT_ORIGINATE: Final = neighbor.default_originate_line(_VRF, order=40)
IN_IPV6: Final = RouteLines(_IPV6, 6)
IPV6_NEIGHBOR: Final = neighbor.neighbor_line(_IPV6, with_session=False, order=40)
IPV6_ACTIVATE: Final = neighbor.activate_line(_IPV6, order=39)
IPV6_DEFAULT_ORIGINATE: Final = neighbor.default_originate_line(_IPV6, order=40)
IN_IPV6_VRF: Final = RouteLines(_IPV6_VRF, 6)
IPV6_VRF_NEIGHBOR: Final = neighbor.neighbor_line(
    _IPV6_VRF, with_session=True, order=40, takes_along=_drop_other_lines_of_vrf
)
IPV6_VRF_ACTIVATE: Final = neighbor.activate_line(_IPV6_VRF, order=41)
IPV6_VRF_DEFAULT_ORIGINATE: Final = neighbor.default_originate_line(_IPV6_VRF, order=40)
_OF_IPV6_VRF: Final = (IPV6_VRF_NEIGHBOR, IPV6_VRF_ACTIVATE, IPV6_VRF_DEFAULT_ORIGINATE)
_OF_IPV6: Final = (IPV6_NEIGHBOR, IPV6_ACTIVATE, IPV6_DEFAULT_ORIGINATE)
_OF_VRF: Final = (VRF_NEIGHBOR, VRF_ACTIVATE, VRF_DEFAULT_ORIGINATE)
_OF_ROUTER: Final = (NEIGHBOR, ACTIVATE, DEFAULT_ORIGINATE)
_OF_FAMILY: Final = (FAMILY_NEIGHBOR, FAMILY_ACTIVATE, FAMILY_DEFAULT_ORIGINATE)

LINES: Final = (
    *collected(ConfigLine, vars()),
    *(*SESSION_LINES, *POLICY_LINES),
    *(*vars(IN_ROUTER).values(), *vars(IN_FAMILY).values(), *vars(IN_VRF).values()),
    *(*vars(IN_IPV6).values(), *vars(IN_IPV6_VRF).values()),
)
