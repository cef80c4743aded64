"""The lines of `router eigrp`: both modes, address families, topologies.

The lines of a topology are paths, metrics, redistribution, limits. A classic process has them in its own section.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dmvpn.features.eigrp.config.interfaces import AF_INTERFACE, is_ipv6, of_another_family
from dmvpn.features.eigrp.metric import DEFAULT_RIB_SCALE
from dmvpn.features.eigrp.model import EVENT_LOG_SIZE, LARGEST_EVENT_LOG
from dmvpn.ios.common import refusing_impossible
from dmvpn.ios.config_line import ConfigLine, Mode
from dmvpn.ios.grammar import Args
from dmvpn.ios.routing import INCLUDE_HELP, MATCH, MATCH_HELP, REDISTRIBUTION_HELP, DistributionLines, check_router_id
from dmvpn.ios.section import Section
from dmvpn.ios.vrfs import refusal

# ------------------------------------------------------------------------------------------------ lines of a topology


_METRIC = "{bandwidth:1-4294967295} {delay:0-4294967295} {reliability:0-255} {load:1-255} {mtu:1-65535}"
_METRIC_HELP: Final = {
    "bandwidth": "Kilobits per second",
    "delay": "Tens of microseconds",
    "reliability": "Reliability, 255 is best",
    "load": "Load, 1 is best",
    "mtu": "Octets",
}


CLASSIC, NAMED, FAMILY, TOPOLOGY = "eigrp", "eigrp-named", "eigrp-af", "eigrp-af-topology"
CLASSIC_VRF: Final = "eigrp-classic-af"
CLASSIC_IPV6: Final = "eigrp-ipv6"


def _says_a_metric(args: Args, section: Section) -> str | None:
    is_said = "distance" in args.values_given or "mtu" in args.values_given
    return of_another_family(args, section) if is_said else "% Incomplete command."


def _no_auto_summary(args: Args, section: Section) -> str | None:
    return "%Warning: automatic summaries are not made; use summary-address"


_HELP: Final = {
    **REDISTRIBUTION_HELP,
    "neighbor": "Routes from neighbors",
    "address": "Its address",
    "maximum-prefix": "Maximum number of prefixes",
    "prefixes": "Number",
    "threshold": "Percent of it at which a warning is logged",
    "dampened": "Each pause is twice as long as the one before",
    "reset-time": "After so long without a pause they are counted from the start",
    "reset": "Minutes",
    "restart": "How long the pause is",
    "minutes": "Minutes",
    "restart-count": "After so many pauses only `clear` brings it back",
    "count": "Number",
    "warning-only": "Log, and do nothing else",
    "eigrp": "EIGRP",
    "metric": "Their metric",
    "route-map": "Only what a route map lets through",
    "map": "Name",
    "distance": "Administrative distance",
    "internal": "Internal ones",
    "external": "Redistributed ones",
    "timers": "Times",
    "active-time": "How long replies may take",
    "disabled": "As long as they like",
    "default-information": "The default route passes",
    "in": "Routes from neighbors",
    "out": "Routes to neighbors",
    "list": "Only if this access list permits it",
    "summary-metric": "Fixed metric of a summary",
    "prefix": "The summary",
    "mask": "Its mask",
    "variance": "Use paths that are so many times as far",
    "factor": "Factor",
    "maximum-paths": "Use so many paths at once",
    "paths": "Number",
    "auto-summary": "Summarize at the borders of classful networks",
    "router": "A routing process",
    "name": "The interface",
    "address-family": "A process in a VRF",
    "ipv4": "IPv4",
    "unicast": "Unicast",
    "vrf": "The VRF",
    "autonomous-system": "Its autonomous system",
    "number": "Number",
    "af-interface": "Settings of an interface",
    "default": "Of all interfaces without settings of their own",
    "topology": "Settings of a topology",
    "base": "The only one",
    "network": "Run on interfaces with an address in this network",
    "wildcard": "Bits that do not matter",
    "stub": "No transit through this router",
    "summary": "Advertise summaries",
    "redistributed": "Advertise all redistributed routes",
    "receive-only": "Advertise nothing",
    "leak-map": "Also advertise routes that a route map permits",
    "leak": "Name",
    "router-id": "Name this router in routes",
    "log-neighbor-changes": "Log neighbors that come and go",
    "passive-interface": "No neighbors there",
    "rib-scale": "Divide metrics by this for the routing table",
    "scale": "Divisor",
}


def limit_line(mode: str, words: str, order: int, key: tuple[str, ...] | None = None) -> ConfigLine:
    """Return a line that limits the number of prefixes."""
    return ConfigLine(
        mode,
        f"{words} {{prefixes:1-4294967295}} [ {{threshold:1-100}} ] "
        "[* dampened | reset-time {reset:1-65535} | restart {minutes:1-65535} | restart-count {count:1-65535} "
        "| warning-only ]",
        _HELP,
        key=key,
        order=order,
    )


def _summary_metric(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "summary-metric ( {prefix:prefix} | {prefix:network6} | {address:address} {mask:mask} ) "
        f"[ {_METRIC} [ distance {{distance:1-255}} ] | distance {{distance:1-255}} ]",
        {
            **_METRIC_HELP,
            **_HELP,
            "address": "The summary",
            "distance": "Administrative distance of our own route to Null0",
        },
        key=("prefix", "address", "mask"),
        check=_says_a_metric,
        order=40,
    )


class TopologyLines:
    """The lines about routes, of a classic process or of a topology, for one mode."""

    def __init__(self, mode: str) -> None:
        self.variance = ConfigLine(mode, "variance {factor:1-128}", _HELP, order=6, default="variance 1")
        self.maximum_paths = ConfigLine(mode, "maximum-paths {paths:1-32}", _HELP, order=7, default="maximum-paths 4")
        self.maximum_hops = ConfigLine(
            mode,
            "metric maximum-hops {hops:1-255}",
            {"maximum-hops": "Farther routes are unreachable", "hops": "Hops"},
            order=5,
            default="metric maximum-hops 100",
        )
        self.default_metric = ConfigLine(
            mode,
            f"default-metric {_METRIC}",
            {"default-metric": "Metric of redistributed routes", **_METRIC_HELP},
            order=8,
        )
        networks = " | include-connected" if mode in (CLASSIC_IPV6, TOPOLOGY) else ""
        self.redistribute = ConfigLine(
            mode,
            "redistribute ( static | connected | rip | eigrp {eigrp:1-65535} | ospf {ospf:1-65535} "
            f"| bgp {{bgp:1-4294967295}} ) [* metric {_METRIC} | route-map {{map:word}} | {MATCH}{networks} ]",
            {**MATCH_HELP, **INCLUDE_HELP, **_METRIC_HELP, **_HELP, "eigrp": "Routes of another process of EIGRP"},
            key=("static", "connected", "rip", "eigrp", "ospf", "bgp"),
            order=32,
        )
        self.summary_metric = _summary_metric(mode)
        self.distance = ConfigLine(
            mode,
            "distance eigrp {internal:1-255} {external:1-255}",
            {**_HELP, "eigrp": "Of EIGRP's routes"},
            order=38,
            default="distance eigrp 90 170",
        )
        by_prefix = {CLASSIC_IPV6: "prefix-list", TOPOLOGY: "prefix | prefix-list"}.get(mode, "prefix")
        self.distribution = DistributionLines(mode, largest=2147483647, order=33, prefix=by_prefix)
        self.active_time = ConfigLine(
            mode, "timers active-time ( {minutes:1-65535} | disabled )", _HELP, order=9, default="timers active-time 3"
        )
        self.default_information = ConfigLine(
            mode,
            "default-information ( in | out ) [ {list:word} ]",
            _HELP,
            key=("in", "out"),
            order=36,
            keep_no=True,  # `no`: the default route is filtered
        )
        self.auto_summary = ConfigLine(mode, "auto-summary", _HELP, order=50, check=_no_auto_summary)
        self.redistributed_limit = limit_line(mode, "redistribute maximum-prefix", 33)


# ------------------------------------------------------------------------------------------------ lines of a process


MODES: Final = (
    Mode(CLASSIC, "config-router"),
    Mode(CLASSIC_IPV6, "config-rtr"),
    Mode(CLASSIC_VRF, "config-router-af", CLASSIC, exit_word="exit-address-family"),
    Mode(NAMED, "config-router"),
    Mode(FAMILY, "config-router-af", NAMED, exit_word="exit-address-family"),
    Mode(AF_INTERFACE, "config-router-af-interface", FAMILY, exit_word="exit-af-interface"),
    Mode(TOPOLOGY, "config-router-af-topology", FAMILY, exit_word="exit-af-topology"),
)

_NUMBER = "{number:1-65535}"
_NUMBER_HELP = "Autonomous system"


def _no_named_twin(args: Args, section: Section) -> str | None:
    return _named_twin(section, args.integer("number"), "", ipv6="ipv6" in args)


def _refused_in_classic(args: Args, section: Section) -> str | None:
    number, vrf = args.integer("number", None), args.text("vrf")
    twin = _named_twin(section, number, vrf) if number is not None else None
    return refusal(section, vrf) or twin


def _refused_number(args: Args, section: Section) -> str | None:
    vrf = section.opened_by.text("vrf") if section.opened_by is not None else ""
    return _named_twin(section, args.integer("number"), vrf)


def _named_twin(section: Section, number: int, vrf: str, *, ipv6: bool = False) -> str | None:
    families = [family for _, named in section.root.sections(ROUTER_NAMED) for family in named.all(ADDRESS_FAMILY)]
    wanted = (number, vrf, ipv6)
    taken = any((one.integer("number"), one.text("vrf", ""), "ipv6" in one) == wanted for one in families)
    return f"% Autonomous system {number} is configured in named mode" if taken else None


def _refused_in_named(args: Args, section: Section) -> str | None:
    number, vrf = args.integer("number"), args.text("vrf", "")
    if vrf:
        taken = "ipv6" not in args and any(one == (number, vrf) for one, _, _ in classic_families(section.root))
    else:
        router = ROUTER_IPV6 if "ipv6" in args else ROUTER_CLASSIC
        taken = any(classic.integer("number") == number for classic in section.root.all(router))
    twin = f"% Autonomous system {number} is configured in classic mode" if taken else None
    return refusal(section, vrf) or twin


def classic_families(root: Section) -> Iterator[tuple[tuple[int, str], Section, Section]]:
    """Yield the VRFs of classic processes: autonomous system and VRF, the section of the VRF, that of the process."""
    for _, process in root.sections(ROUTER_CLASSIC):
        for args, section in process.sections(CLASSIC_FAMILY):
            number = section.args(AUTONOMOUS_SYSTEM).integer("number", args.integer("number", 0))
            if number:
                yield (number, args.text("vrf")), section, process


ROUTER_CLASSIC: Final = ConfigLine(
    "global",
    f"router eigrp {_NUMBER}",
    {**_HELP, "number": _NUMBER_HELP},
    key=("number",),
    order=400,
    opens=CLASSIC,
    check=_no_named_twin,
)
ROUTER_IPV6: Final = ConfigLine(
    "global",
    f"ipv6 router eigrp {_NUMBER}",
    {"ipv6": "Internet Protocol, version 6", "router": "A routing process", "eigrp": "EIGRP", "number": _NUMBER_HELP},
    key=("number",),
    order=401,
    opens=CLASSIC_IPV6,
    check=_no_named_twin,
)
ROUTER_NAMED: Final = ConfigLine(
    "global",
    "router eigrp {name:word}",
    {"router": "A routing process", "eigrp": "EIGRP", "name": "Name of a virtual instance"},
    key=("name",),
    order=400,
    opens=NAMED,
    beside=(ROUTER_CLASSIC.syntax,),
)
CLASSIC_FAMILY: Final = ConfigLine(
    CLASSIC,
    "address-family ipv4 [ unicast ] vrf {vrf:word} [ autonomous-system {number:1-65535} ]",
    _HELP,
    key=("vrf",),
    order=321,
    opens=CLASSIC_VRF,
    check=_refused_in_classic,
    show=lambda args: (
        f"address-family ipv4 vrf {args.text('vrf')}"
        + (f" autonomous-system {args.integer('number')}" if "number" in args else "")
    ),
)
AUTONOMOUS_SYSTEM: Final = ConfigLine(
    CLASSIC_VRF,
    f"autonomous-system {_NUMBER}",
    {**_HELP, "autonomous-system": "That of the process in this VRF"},
    order=60,
    check=_refused_number,
)
ADDRESS_FAMILY: Final = ConfigLine(
    NAMED,
    f"address-family ( ipv4 | ipv6 ) [ unicast ] [ vrf {{vrf:word}} ] ( autonomous-system | as ) {_NUMBER}",
    {**_HELP, "address-family": "A process of this instance", "ipv6": "IPv6", "vrf": "In a VRF"},
    key=("ipv6", "vrf", "number"),
    opens=FAMILY,
    complete=lambda args, _: args.with_keyword("unicast").with_keyword("autonomous-system"),
    check=_refused_in_named,
    show=lambda args: (
        f"address-family {'ipv6' if 'ipv6' in args else 'ipv4'} unicast "
        + (f"vrf {args.text('vrf')} " if "vrf" in args else "")
        + f"autonomous-system {args.integer('number')}"
    ),
)
AF_INTERFACE_DEFAULT: Final = ConfigLine(FAMILY, "af-interface default", _HELP, key=(), order=9, opens=AF_INTERFACE)
AF_INTERFACES: Final = ConfigLine(
    FAMILY, "af-interface {name:interface}", {"name": "The interface"}, key=("name",), order=10, opens=AF_INTERFACE
)
TOPOLOGY_BASE: Final = ConfigLine(FAMILY, "topology base", _HELP, key=(), order=20, opens=TOPOLOGY)


def _check_stub(args: Args, section: Section) -> str | None:
    others = any(word in args for word in ("connected", "summary", "static", "redistributed"))
    return "% receive-only stands alone" if "receive-only" in args and others else None


def _no_network_of_ipv6(args: Args, section: Section) -> str | None:
    return "% EIGRP for IPv6 has no networks: it runs on all interfaces with IPv6" if is_ipv6(section) else None


def _stub(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "eigrp stub [* connected | summary | static | redistributed | receive-only | leak-map {leak:word} ]",
        {**_HELP, "connected": "Advertise connected networks", "static": "Advertise redistributed static routes"},
        order=44,
        check=_check_stub,
    )


_check_address: Final = refusing_impossible("address")


class FamilyLines:
    """The lines about neighbors, of a classic process or of an address family, for one mode."""

    def __init__(self, mode: str) -> None:
        self.network = ConfigLine(
            mode,
            "network {address:address} [ {wildcard:wildcard} ]",
            {**_HELP, "address": "Network"},
            key=("address", "wildcard"),
            order=30,
            check=_no_network_of_ipv6,
        )
        self.neighbor = ConfigLine(
            mode,
            "neighbor ( {address:address} | {address:address6} ) {name:interface}",
            {**_HELP, "neighbor": "The neighbors of an interface, without multicasts"},
            key=("address", "name"),
            order=37,
            check=lambda args, section: of_another_family(args, section) or _check_address(args, section),
        )
        self.router_id = ConfigLine(
            mode,
            "eigrp router-id {address:address}",
            {**_HELP, "eigrp": "EIGRP's own settings", "address": "Any address"},
            order=42,
            check=check_router_id,
        )
        self.stub = _stub(mode)
        self.log_changes = ConfigLine(mode, "eigrp log-neighbor-changes", _HELP, order=46, default_on=True)
        self.event_log_size = ConfigLine(
            mode,
            f"eigrp event-log-size {{size:0-{LARGEST_EVENT_LOG}}}",
            {"event-log-size": "How many events are kept", "size": "Events"},
            order=47,
            default=f"eigrp event-log-size {EVENT_LOG_SIZE}",
        )
        self.weights = ConfigLine(
            mode,
            "metric weights 0 {k1:0-255} {k2:0-255} {k3:0-255} {k4:0-255} {k5:0-255} [ {k6:0-255} ]",
            {
                "metric": "How metrics are computed",
                "weights": "K values; the same on all routers",
                "0": "Type of service",
                **{f"k{number}": f"K{number}" for number in range(1, 7)},
            },
            order=5,
            default="metric weights 0 1 0 1 0 0",
        )
        self.limit = limit_line(mode, "maximum-prefix", 35)
        self.neighbor_limit = limit_line(mode, "neighbor maximum-prefix", 38)
        self.neighbor_limits = limit_line(mode, "neighbor {address:address} maximum-prefix", 38, ("address",))


_BFD: Final = {"bfd": "Let BFD watch neighbors", "all-interfaces": "On all interfaces"}


class ClassicLines:
    """The lines of a classic process, for its own mode or for that of a VRF."""

    def __init__(self, mode: str) -> None:
        self.family = FamilyLines(mode)
        self.topology = TopologyLines(mode)
        self.passive_default = ConfigLine(
            mode, "passive-interface default", {**_HELP, "default": "On any interface"}, order=34
        )
        self.passive = ConfigLine(
            mode,
            "passive-interface {name:interface}",
            {"name": "On this interface"},
            key=("name",),
            order=35,
            keep_no=True,  # for an exception from `passive-interface default`
        )
        self.bfd_all = ConfigLine(mode, "bfd all-interfaces", _BFD, order=36)
        self.bfd_interface = ConfigLine(
            mode,
            "bfd interface {name:interface}",
            {**_BFD, "interface": "On one interface", "name": "The interface"},
            key=("name",),
            order=36,
            keep_no=True,  # for an exception from `bfd all-interfaces`
        )
        self.shutdown = ConfigLine(mode, "shutdown", {"shutdown": "Stop this process"}, order=3)


OF_CLASSIC: Final = ClassicLines(CLASSIC)
OF_CLASSIC_VRF: Final = ClassicLines(CLASSIC_VRF)
OF_IPV6: Final = ClassicLines(CLASSIC_IPV6)
PASSIVE: Final = OF_CLASSIC.passive
CLASSIC_SHUTDOWN: Final = OF_CLASSIC.shutdown
IN_FAMILY: Final = FamilyLines(FAMILY)
OF_TOPOLOGY: Final = TopologyLines(TOPOLOGY)
TOPOLOGY_LIMIT: Final = limit_line(TOPOLOGY, "maximum-prefix", 35)

RIB_SCALE: Final = ConfigLine(
    FAMILY, "metric rib-scale {scale:1-255}", _HELP, order=5, default=f"metric rib-scale {DEFAULT_RIB_SCALE}"
)
FAMILY_SHUTDOWN: Final = ConfigLine(FAMILY, "shutdown", {"shutdown": "Stop this process"}, order=3)
INSTANCE_SHUTDOWN: Final = ConfigLine(NAMED, "shutdown", {"shutdown": "Stop all processes of this instance"}, order=3)


def _of(lines: ClassicLines | FamilyLines | TopologyLines) -> tuple[ConfigLine, ...]:
    return tuple(line for line in vars(lines).values() if isinstance(line, ConfigLine))


def _classic(lines: ClassicLines) -> tuple[ConfigLine, ...]:
    return (*_of(lines.family), *_of(lines.topology), *lines.topology.distribution.all, *_of(lines))


_CLASSIC_LINES: Final = (
    *_classic(OF_CLASSIC),
    CLASSIC_FAMILY,
    *_classic(OF_CLASSIC_VRF),
    AUTONOMOUS_SYSTEM,
    *_classic(OF_IPV6),
)
_FAMILY_LINES: Final = (*_of(IN_FAMILY), RIB_SCALE, FAMILY_SHUTDOWN, INSTANCE_SHUTDOWN)
_TOPOLOGY_LINES: Final = (*_of(OF_TOPOLOGY), TOPOLOGY_LIMIT, *OF_TOPOLOGY.distribution.all)

LINES: Final = (
    ROUTER_CLASSIC,
    ROUTER_IPV6,
    ROUTER_NAMED,
    ADDRESS_FAMILY,
    AF_INTERFACE_DEFAULT,
    AF_INTERFACES,
    TOPOLOGY_BASE,
    *_CLASSIC_LINES,
    *_FAMILY_LINES,
    *_TOPOLOGY_LINES,
)
