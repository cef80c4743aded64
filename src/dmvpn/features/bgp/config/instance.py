"""`router bgp`, its address family IPv4 unicast, in which the lines about routes may be repeated, and those of VRFs,
which have neighbors of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import collected
from dmvpn.features.bgp.config.neighbor import (
    AS_NUMBER,
    activate_line,
    default_originate_line,
    neighbor_line,
    template_lines,
)
from dmvpn.features.bgp.config.routes import RouteLines
from dmvpn.ios import Args, ConfigLine, Mode, Section
from dmvpn.ios.grammar import several
from dmvpn.ios.vrfs import refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROUTER, _FAMILY, _VRF = "router-bgp", "bgp-ipv4", "bgp-ipv4-vrf"
_SESSION, _POLICY = "bgp-peer-session", "bgp-peer-policy"
MODES: Final = (
    Mode(_ROUTER, "config-router"),
    Mode(_FAMILY, "config-router-af", _ROUTER, exit_word="exit-address-family"),
    Mode(_VRF, "config-router-af", _ROUTER, exit_word="exit-address-family"),
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
    f"router bgp {{number:{AS_NUMBER.name}}}",
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
VRF_FAMILY: Final = ConfigLine(
    _ROUTER,
    "address-family ipv4 [ unicast ] vrf {vrf:word}",
    {"vrf": "In a VRF"},
    key=("vrf",),
    order=91,
    opens=_VRF,
    check=lambda args, section: refusal(section, args.text("vrf")),
    show=lambda args: f"address-family ipv4 vrf {args.text('vrf')}",
    sort=("vrf",),
)
VRF_ROUTER_ID: Final = ConfigLine(
    _VRF,
    "bgp router-id {address:address}",
    {"bgp": "BGP's own settings", "router-id": "Name this router in the VRF", "address": "Any address"},
    order=10,
)
SESSION_TEMPLATE: Final = ConfigLine(
    _ROUTER,
    "template peer-session {name:word}",
    {"template": "What several neighbors have", "peer-session": "Of the session", "name": "Its name"},
    key=("name",),
    order=5,
    opens=_SESSION,
)
POLICY_TEMPLATE: Final = ConfigLine(
    _ROUTER,
    "template peer-policy {name:word}",
    {"peer-policy": "Of the routes", "name": "Its name"},
    key=("name",),
    order=6,
    opens=_POLICY,
)
SESSION_LINES: Final = template_lines(_SESSION, of_session=True)
POLICY_LINES: Final = template_lines(_POLICY, of_session=False)
ROUTER_ID: Final = _line(
    "bgp router-id ( {address:address} | interface {interface:interface} )",
    {
        "bgp": "BGP's own settings",
        "router-id": "Name this router",
        "address": "Any address",
        "interface": "By the address of an interface",
    },
    order=10,
)
LOG_CHANGES: Final = _line(
    "bgp log-neighbor-changes",
    {"log-neighbor-changes": "Log neighbors that come and go"},
    order=11,
    default_on=True,
    shown=True,
)
CLUSTER_ID: Final = _line(
    "bgp cluster-id ( {address:address} | {number:1-4294967295} )",
    {"cluster-id": "Name this cluster of route reflectors", "address": "As an address", "number": "As a number"},
    order=12,
)
CONFEDERATION: Final = _line(
    f"bgp confederation identifier {{identifier:{AS_NUMBER.name}}}",
    {"confederation": "Autonomous systems that appear as one (RFC 5065)", "identifier": "Its number outside"},
    order=12,
)
MEMBERS: Final = _line(
    f"bgp confederation peers {several('as', AS_NUMBER.name, 16)}",
    {"peers": "The other systems in it", "as": "Autonomous system"},
    order=12,
    key=(),
    listed="as",
)
GRACEFUL_RESTART: Final = _line(
    "bgp graceful-restart", {"graceful-restart": "Keep forwarding while a neighbor restarts"}, order=13
)
RESTART_TIME: Final = _line(
    "bgp graceful-restart restart-time {seconds:1-3600}",
    {"restart-time": "Neighbors hear that we are back within", "seconds": "Seconds"},
    order=13,
    default="bgp graceful-restart restart-time 120",
)
STALE_TIME: Final = _line(
    "bgp graceful-restart stalepath-time {seconds:1-3600}",
    {"stalepath-time": "A neighbor that is back must send its table within", "seconds": "Seconds"},
    order=13,
    default="bgp graceful-restart stalepath-time 360",
)
IPV4_BY_DEFAULT: Final = _line(
    "bgp default ipv4-unicast",
    {"default": "What holds if nothing is said", "ipv4-unicast": "Neighbors exchange IPv4 unicast routes"},
    order=14,
    default_on=True,
)
LOCAL_PREFERENCE: Final = _line(
    "bgp default local-preference {preference:0-4294967295}",
    {"local-preference": "Of routes of which nothing is said", "preference": "The larger the better"},
    order=14,
    default="bgp default local-preference 100",
)
ALWAYS_COMPARE_MED: Final = _line(
    "bgp always-compare-med", {"always-compare-med": "Compare metrics of different systems, too"}, order=13
)
DETERMINISTIC_MED: Final = _line(
    "bgp deterministic-med", {"deterministic-med": "As it is here in any case: by system first"}, order=13
)
BESTPATH: Final = _line(
    "bgp bestpath ( as-path ( ignore | multipath-relax ) | med missing-as-worst | compare-routerid )",
    {
        "bestpath": "How the best path is found",
        "as-path": "By AS paths",
        "ignore": "Do not compare their lengths",
        "multipath-relax": "Paths of equal length may be used at once",
        "med": "By metrics",
        "missing-as-worst": "None is the largest",
        "compare-routerid": "By router IDs, even if one is older",
    },
    order=13,
    key=("ignore", "multipath-relax", "med", "compare-routerid"),
)
FALL_OVER: Final = _line(
    "bgp fast-external-fallover",
    {"fast-external-fallover": "External sessions end with the line of their interface"},
    order=14,
    default_on=True,
)
REDISTRIBUTE_INTERNAL: Final = _line(
    "bgp redistribute-internal",
    {"redistribute-internal": "Other protocols may redistribute routes of internal neighbors"},
    order=14,
)
LISTEN_RANGE: Final = _line(
    "bgp listen range {prefix:prefix} peer-group {group:word}",
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
    "bgp listen limit {number:1-5000}",
    {"limit": "At most so many", "number": "Neighbors"},
    order=16,
    default="bgp listen limit 100",
)
TIMERS: Final = _line(
    "timers bgp {keepalive:0-65535} {hold:0-65535} [ {least:0-65535} ]",
    {
        "timers": "Times",
        "bgp": "Of all sessions",
        "keepalive": "Seconds between keepalives",
        "hold": "Seconds until a neighbor is given up",
        "least": "Refuse neighbors that want fewer",
    },
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
        family = router.section(FAMILY)
        if family is not None:
            _drop(family, _OF_FAMILY, about)


def _makes_neighbor(args: Args) -> bool:
    return "remote-as" in args or "peer-group" in args


def _drop(section: Section, lines: Iterable[ConfigLine], about: Args) -> None:
    for line in lines:
        for entry in section.matching(line, about):
            section.drop(entry)


NEIGHBOR: Final = neighbor_line(_ROUTER, with_session=True, order=40, takes_along=_drop_other_lines)
ACTIVATE: Final = activate_line(_ROUTER, order=41)
DEFAULT_ORIGINATE: Final = default_originate_line(_ROUTER, order=40)


IN_ROUTER: Final = RouteLines(_ROUTER)
IN_FAMILY: Final = RouteLines(_FAMILY)
FAMILY_NEIGHBOR: Final = neighbor_line(_FAMILY, with_session=False, order=40)
FAMILY_ACTIVATE: Final = activate_line(_FAMILY, order=39)
FAMILY_DEFAULT_ORIGINATE: Final = default_originate_line(_FAMILY, order=40)


def _drop_other_lines_of_vrf(args: Args, root: Section) -> None:
    """Do the same in the VRF of the line."""
    if not _makes_neighbor(args):
        return
    about = Args({"peer": args["peer"]}, ("neighbor",), ("neighbor",))
    for _, router in root.sections(ROUTER):
        for _, family in router.sections(VRF_FAMILY):
            if not any(_makes_neighbor(entry.args) for entry in family.matching(VRF_NEIGHBOR, about)):
                _drop(family, _OF_VRF, about)


IN_VRF: Final = RouteLines(_VRF)
VRF_NEIGHBOR: Final = neighbor_line(_VRF, with_session=True, order=40, takes_along=_drop_other_lines_of_vrf)
VRF_ACTIVATE: Final = activate_line(_VRF, order=41)
VRF_DEFAULT_ORIGINATE: Final = default_originate_line(_VRF, order=40)
_OF_VRF: Final = (VRF_NEIGHBOR, VRF_ACTIVATE, VRF_DEFAULT_ORIGINATE)
_OF_ROUTER: Final = (NEIGHBOR, ACTIVATE, DEFAULT_ORIGINATE)
_OF_FAMILY: Final = (FAMILY_NEIGHBOR, FAMILY_ACTIVATE, FAMILY_DEFAULT_ORIGINATE)

LINES: Final = (
    *collected(ConfigLine, vars()),
    *(*SESSION_LINES, *POLICY_LINES),
    *(*vars(IN_ROUTER).values(), *vars(IN_FAMILY).values(), *vars(IN_VRF).values()),
)
