"""`router ospf`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dmvpn.base.values import collected
from dmvpn.features.ospf.config import interfaces
from dmvpn.features.ospf.config.interfaces import AREA, WILDCARD_NETWORK
from dmvpn.ios import Args, ConfigLine, Mode, common
from dmvpn.ios.routing import MATCH, MATCH_HELP, REDISTRIBUTION_HELP, DistributionLines, check_router_id
from dmvpn.ios.section import Section
from dmvpn.ios.tree import assign, named_options
from dmvpn.ios.vrfs import refusal
from dmvpn.ios.writing import write

_ROUTER = "router-ospf"
MODES: Final = (Mode(_ROUTER, "config-router"),)
_AREA = f"area {{area:{AREA.name}}}"
_METRIC = "metric {metric:0-16777214} | metric-type {type:1-2}"
_HELP: Final[Mapping[str, str]] = {
    **REDISTRIBUTION_HELP,
    "area": "An area",
    "metric": "Cost of these routes",
    "metric-type": "How the cost adds up",
    "type": "1: with the way to us; 2: without",
    "route-map": "Only routes that a route map permits",
    "map": "Its name",
    "tag": "A mark",
    "subnets": "Not classful networks alone",
    "mask": "Mask",
    "range": "Advertise one prefix for many",
    "address": "Address",
    "0": "It follows in clear",
    "6": "It follows hidden",
    "7": "It follows hidden",
    "router": "A routing process",
    "ospf": "OSPF version 2",
    "number": "Number of the process, local to this router",
    "vrf": "In a VRF",
    "router-id": "Set the router identifier",
    "log-adjacency-changes": "Log neighbors that come and go",
    "authentication": "Authenticate packets",
    "message-digest": "With digests, not with passwords in clear",
    "stub": "No external routes come in",
    "no-summary": "Nor those of other areas",
    "nssa": "External routes come from within only",
    "no-redistribution": "Advertise redistributed routes into the other areas alone",
    "default-information-originate": "Advertise a default route into it",
    "translate": "Translation of its external routes",
    "type7": "Type 7, as in the area",
    "always": "By this router in any case",
    "suppress-fa": "As ways through this router",
    "default-cost": "Cost of the default route into a stub area",
    "cost": "Cost",
    "null": "Not, whatever the backbone says",
    "key-chain": "With digests of a key chain",
    "chain": "Its name",
    "hello-interval": "Time between Hellos",
    "hello": "Seconds",
    "retransmit-interval": "Time until LSAs without acknowledgment are sent again",
    "retransmit": "Seconds",
    "transmit-delay": "Seconds added to the age of LSAs sent on this link",
    "delay": "Seconds",
    "dead-interval": "Time without a Hello until the neighbor is down",
    "dead": "Seconds",
    "authentication-key": "Password in clear in every packet",
    "key": "The password",
    "message-digest-key": "A key of digests",
    "md5": "MD5",
    "filter-list": "Filter routes between areas",
    "list": "Its name",
    "in": "Routes advertised into this area",
    "out": "Routes of this area to other areas",
    "ttl-security": "Accept packets of near routers only",
    "all-interfaces": "On all interfaces without a line of their own",
    "hops": "At most so many routers away",
    "max-metric": "Be the last resort",
    "router-lsa": "In our router LSA",
    "on-startup": "At the start only",
    "seconds": "For so long",
    "include-stub": "For our own networks, too",
    "summary-lsa": "For networks of other areas, too",
    "summaries": "Their cost",
    "external-lsa": "For redistributed routes, too",
    "externals": "Its cost",
    "max-lsa": "Limit the LSAs of other routers",
    "maximum": "Milliseconds at most",
    "threshold": "Percent of it that are logged",
    "warning-only": "Log it and keep everything",
    "ignore-time": "How long all neighbors are ignored then",
    "ignore": "Minutes",
    "ignore-count": "How often, before it is for good",
    "count": "Times",
    "reset-time": "After how long the times are counted from the start",
    "reset": "Minutes",
    "bfd": "Let BFD watch neighbors",
    "network": "Run on interfaces with an address in this network",
    "neighbor": "A neighbor that gets unicasts",
    "priority": "Its priority",
    "poll-interval": "Time between Hellos to a neighbor that is down",
    "poll": "Seconds",
    "maximum-paths": "Use so many paths at once",
    "paths": "Number",
    "default-information": "The default route",
    "originate": "Advertise one",
    "default-metric": "Cost of redistributed routes",
    "distance": "Administrative distance",
    "intra-area": "Of the same area",
    "inter-area": "Of other areas",
    "external": "Redistributed ones",
    "timers": "Times",
    "throttle": "Do not do too often",
    "spf": "The calculation of routes",
    "start": "Milliseconds before the first",
    "hold": "Milliseconds before the second",
    "lsa": "The making of our own advertisements",
    "all": "Of all kinds, as older releases say it",
    "nsf": "Forwarding that goes on while a router restarts",
    "ietf": "As RFC 3623 has it",
    "helper": "Help for neighbors that restart",
    "disable": "Nothing: they are gone for as long as they are away",
    "strict-lsa-checking": "End it when the network changes meanwhile",
    "arrival": "How long one is kept before a newer one is taken",
    "milliseconds": "Milliseconds",
    "prefix-suppression": "Hide the networks between routers, but not loopbacks and passive interfaces",
    "capability": "What this process does",
    "vrf-lite": "In a VRF, use routes that a provider's router brought in",
}


def _line(
    syntax: str,
    help_: Mapping[str, str] | None = None,
    *,
    order: int,
    key: tuple[str, ...] | None = None,
    default: str | None = None,
    default_on: bool = False,
    check: Callable[[Args, Section], str | None] | None = None,
) -> ConfigLine:
    full = {**_HELP, **(help_ or {})}
    return ConfigLine(_ROUTER, syntax, full, order=order, key=key, default=default, default_on=default_on, check=check)


def _of_no_backbone(args: Args, _: Section) -> str | None:
    kind = "stub" if "stub" in args else "NSSA"
    return None if args.integer("area") else f"% OSPF: Backbone can not be configured as {kind} area"


def dropping(*lines: ConfigLine) -> Callable[[Args, Section], None]:
    """Return what drops these lines of interfaces that name the process: without it they go, as on IOS."""

    def drop(args: Args, root: Section) -> None:
        for _, section in root.sections(common.INTERFACE):
            for entry in section.entries(*lines):
                if entry.args.integer("process") == args.integer("number"):
                    section.drop(entry)

    return drop


def _refused(args: Args, root: Section) -> str | None:
    number, vrf = args.integer("number"), args.text("vrf", "")
    other = any(one.integer("number") == number and one.text("vrf", "") != vrf for one in root.all(ROUTER))
    return "% VRF specified does not match existing router" if other else refusal(root, vrf)


ROUTER: Final = ConfigLine(
    "global",
    "router ospf {number:1-65535} [ vrf {vrf:word} ]",
    _HELP,
    check=_refused,
    key=("number",),
    order=410,
    opens=_ROUTER,
    sort=("number",),
    takes_along=dropping(interfaces.PROCESS),
)
ROUTER_ID: Final = _line(
    "router-id {address:address}", {"address": "Unique in the network"}, order=10, check=check_router_id
)
REFERENCE: Final = _line(
    "auto-cost reference-bandwidth {mbps:1-4294967}",
    {"auto-cost": "Costs of interfaces", "reference-bandwidth": "What costs 1", "mbps": "Megabits per second"},
    order=15,
    default="auto-cost reference-bandwidth 100",
)
LOG_CHANGES: Final = _line("log-adjacency-changes", order=16, default_on=True)
LOG_DETAIL: Final = _line("log-adjacency-changes detail", {"detail": "Every state between too"}, order=16)
AREA_AUTHENTICATION: Final = _line(f"{_AREA} authentication [ message-digest ]", order=20, key=("area",))
AREA_STUB: Final = _line(f"{_AREA} stub [ no-summary ]", order=21, key=("area",), check=_of_no_backbone)
AREA_NSSA: Final = _line(
    f"{_AREA} nssa [* no-redistribution | no-summary | default-information-originate | metric {{metric:0-16777214}} "
    "| metric-type {type:1-2} ]",
    {"no-summary": "No routes of other areas come in", "metric": "Cost of this default route"},
    order=21,
    key=("area",),
    check=_of_no_backbone,
)
AREA_NSSA_TRANSLATE: Final = _line(f"{_AREA} nssa translate type7 [* always | suppress-fa ]", order=21, key=("area",))
AREA_DEFAULT_COST: Final = _line(f"{_AREA} default-cost {{cost:0-16777214}}", order=22, key=("area",))
_VIRTUAL: Final = f"{_AREA} virtual-link {{router:address}}"
_VIRTUAL_HELP: Final = {
    **_HELP,
    "virtual-link": "A link of the backbone through this area",
    "router": "Identifier of the router at its other end",
}


def _drop_keys(args: Args, section: Section) -> str | None:
    """Drop the keys of a virtual link that goes as a whole."""
    if named_options(VIRTUAL_LINK, args):
        return None
    keys = [entry for line in (VIRTUAL_PASSWORD, VIRTUAL_DIGEST_KEY) for entry in section.matching(line, args)]
    for entry in keys:
        section.drop(entry)
    return "" if keys else None


def _begin_link(args: Args, section: Section) -> None:
    """Add the line of the virtual link that a key is for."""
    assign(section, VIRTUAL_LINK, write(VIRTUAL_LINK.syntax, {name: args[name] for name in ("area", "router")}))


VIRTUAL_LINK: Final = ConfigLine(
    _ROUTER,
    f"{_VIRTUAL} [* authentication [ message-digest | null | key-chain {{chain:word}} ] "
    "| hello-interval {hello:1-8192} | retransmit-interval {retransmit:1-8192} "
    "| transmit-delay {delay:1-8192} | dead-interval {dead:1-8192} ]",
    {**_VIRTUAL_HELP, "message-digest": "With digests of `message-digest-key`"},
    order=24,
    key=("area", "router"),
    adds=True,
    ends=_drop_keys,
)
VIRTUAL_PASSWORD: Final = ConfigLine(
    _ROUTER,
    f"{_VIRTUAL} authentication-key [ 0 | 6 | 7 ] {{key:secret}}",
    _VIRTUAL_HELP,
    order=24,
    key=("area", "router"),
    displaces=_begin_link,
)
VIRTUAL_DIGEST_KEY: Final = ConfigLine(
    _ROUTER,
    f"{_VIRTUAL} message-digest-key {{number:1-255}} md5 [ 0 | 6 | 7 ] {{key:secret}}",
    {**_VIRTUAL_HELP, "number": "Its number, which travels in packets", "key": "The key"},
    order=24,
    key=("area", "router", "number"),
    displaces=_begin_link,
)
AREA_RANGE: Final = _line(
    f"{_AREA} range {{address:address}} {{mask:mask}} [ advertise | not-advertise ] [ cost {{cost:0-16777215}} ]",
    {"advertise": "Advertise it", "not-advertise": "Do not advertise it", "cost": "Its cost"},
    order=23,
    key=("area", "address", "mask"),
)
AREA_FILTER: Final = _line(
    f"{_AREA} filter-list prefix {{list:word}} ( in | out )",
    {"prefix": "By a prefix list"},
    order=24,
    key=("area", "in", "out"),
)
_DISCARD_HELP: Final = {
    "discard-route": "Drop packets to a summary prefix that match no route in it",
    "internal": "In one of `area ... range`",
    "distance": "Administrative distance of these routes to Null0",
    "external": "In one of `summary-address`",
}
DISCARD: Final = _line("discard-route", _DISCARD_HELP, order=18, default_on=True)
DISCARD_INTERNAL: Final = _line("discard-route internal", _DISCARD_HELP, order=18, default_on=True)
DISCARD_EXTERNAL: Final = _line("discard-route external", _DISCARD_HELP, order=18, default_on=True)
INTERNAL_DISTANCE: Final = _line("discard-route internal {distance:1-254}", _DISCARD_HELP, order=19)
EXTERNAL_DISTANCE: Final = _line("discard-route external {distance:1-254}", _DISCARD_HELP, order=19)
TTL_SECURITY: Final = _line("ttl-security all-interfaces [ hops {hops:1-254} ]", order=37)
SUMMARY: Final = _line(
    "summary-address {address:address} {mask:mask} [ not-advertise ] [ tag {tag:1-4294967295} ]",
    {"summary-address": "Advertise one external prefix for many", "not-advertise": "Do not advertise it"},
    order=25,
    key=("address", "mask"),
)
MAXIMUM_METRIC: Final = _line(
    "max-metric router-lsa [* on-startup {seconds:5-86400} | include-stub | summary-lsa [ {summaries:1-16777215} ] "
    "| external-lsa [ {externals:1-16777215} ] ]",
    order=26,
)
MAXIMUM_LSA: Final = _line(
    "max-lsa {maximum:1-4294967294} [ {threshold:1-100} ] [* warning-only | ignore-time {ignore:1-2147483647} "
    "| ignore-count {count:1-2147483647} | reset-time {reset:1-2147483647} ]",
    {"maximum": "LSAs"},
    order=27,
)
REDISTRIBUTE: Final = ConfigLine(
    _ROUTER,
    "redistribute ( connected | static | rip | eigrp {eigrp:1-65535} | bgp {bgp:1-4294967295} | ospf {ospf:1-65535} ) "
    f"[* {_METRIC} | {MATCH} | subnets | tag {{tag:0-4294967295}} | route-map {{map:word}} ]",
    {**_HELP, **MATCH_HELP, "ospf": "Routes of another process"},
    order=30,
    key=("connected", "static", "rip", "eigrp", "bgp", "ospf"),
    adds=True,
)
PASSIVE_DEFAULT: Final = _line(
    "passive-interface default", {"passive-interface": "No neighbors there", "default": "On any interface"}, order=34
)
PASSIVE: Final = ConfigLine(
    _ROUTER,
    "passive-interface {name:interface}",
    {"name": "On this interface"},
    key=("name",),
    order=35,
    keep_no=True,  # behind `passive-interface default`
)
BFD_ALL: Final = _line("bfd all-interfaces", {"all-interfaces": "On all interfaces"}, order=36)
NETWORKS: Final = _line(f"network {{network:{WILDCARD_NETWORK.name}}} {_AREA}", order=40, key=("network",))
NEIGHBOR: Final = _line(
    "neighbor {address:address} "
    "[* priority {priority:0-255} | cost {cost:1-65535} | poll-interval {poll:0-4294967295} ]",
    {"cost": "The cost of the way to it"},
    order=45,
    key=("address",),
    check=common.refusing_impossible("address"),
)
MAXIMUM_PATHS: Final = _line("maximum-paths {paths:1-32}", order=50, default="maximum-paths 4")
DEFAULT_ORIGINATE: Final = _line(
    f"default-information originate [* always | {_METRIC} | route-map {{map:word}} ]",
    {"always": "Even if this router has none"},
    order=51,
)
DEFAULT_METRIC: Final = _line("default-metric {metric:1-16777214}", order=52)
DISTANCE: Final = _line("distance {distance:1-255}", order=53, default="distance 110")
DISTANCES: Final = _line(
    "distance ospf [* intra-area {intra:1-255} | inter-area {inter:1-255} | external {external:1-255} ]",
    {"ospf": "Each kind of route its own"},
    order=54,
)
#: Lists for routes to the routing table and for redistributed routes; OSPF has no offset lists.
DISTRIBUTION: Final = DistributionLines(_ROUTER, largest=0, order=55)
SPF_THROTTLE: Final = _line(
    "timers throttle spf {start:1-600000} {hold:1-600000} {maximum:1-600000}",
    order=12,
    default="timers throttle spf 50 200 5000",
)
LSA_THROTTLE: Final = _line(
    "timers throttle lsa [ all ] {start:0-600000} {hold:1-600000} {maximum:1-600000}",
    order=12,
    default="timers throttle lsa 50 200 5000",
)
HELP_DISABLED: Final = _line("nsf ietf helper disable", order=26)
HELP_STRICT: Final = _line("nsf ietf helper strict-lsa-checking", order=27)
LSA_ARRIVAL: Final = _line(
    "timers lsa arrival {milliseconds:0-600000}",
    {"lsa": "Advertisements"},
    order=12,
    default="timers lsa arrival 100",
)
PREFIX_SUPPRESSION: Final = _line("prefix-suppression", order=17)
VRF_LITE: Final = _line("capability vrf-lite", order=14)
SHUTDOWN: Final = _line("shutdown", {"shutdown": "Stop this process"}, order=5)

LINES: Final = (*collected(ConfigLine, vars()), *DISTRIBUTION.lists, DISTRIBUTION.distance)


def process(number: int, vrf: str = "") -> str:
    """Return the line that opens the section of a process, "": of the global table."""
    return ROUTER.line(number=number, **({"vrf": vrf} if vrf else {}))
