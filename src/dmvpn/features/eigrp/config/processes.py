"""The lines of `router eigrp`: both modes, address families, topologies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.features.eigrp.config.interfaces import AF_INTERFACE
from dmvpn.features.eigrp.metric import DEFAULT_RIB_SCALE
from dmvpn.ios.distribution import DistributionLines
from dmvpn.ios.grammar import ConfigLine, Mode

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.section import Section

CLASSIC, NAMED, FAMILY, TOPOLOGY = "eigrp", "eigrp-named", "eigrp-af", "eigrp-af-topology"
MODES: Final = (
    Mode(CLASSIC, "config-router"),
    Mode(NAMED, "config-router"),
    Mode(FAMILY, "config-router-af", NAMED, exit_word="exit-address-family"),
    Mode(AF_INTERFACE, "config-router-af-interface", FAMILY, exit_word="exit-af-interface"),
    Mode(TOPOLOGY, "config-router-af-topology", FAMILY, exit_word="exit-af-topology"),
)

_NUMBER = "{number:1-65535}"
_NUMBER_HELP = "Autonomous system"
_METRIC = "{bandwidth:1-4294967295} {delay:0-4294967295} {reliability:0-255} {load:1-255} {mtu:1-65535}"
_METRIC_HELP: Final = {
    "bandwidth": "Kilobits per second",
    "delay": "Tens of microseconds",
    "reliability": "Reliability, 255 is best",
    "load": "Load, 1 is best",
    "mtu": "Octets",
}


def _no_named_twin(args: Args, section: Section) -> str | None:
    number = args.integer("number")
    families = [family for _, named in section.root.sections(ROUTER_NAMED) for family in named.all(ADDRESS_FAMILY)]
    taken = any(family.integer("number") == number for family in families)
    return f"% Autonomous system {number} is configured in named mode" if taken else None


def _no_classic_twin(args: Args, section: Section) -> str | None:
    number = args.integer("number")
    taken = any(classic.integer("number") == number for classic in section.root.all(ROUTER_CLASSIC))
    return f"% Autonomous system {number} is configured in classic mode" if taken else None


ROUTER_CLASSIC: Final = ConfigLine(
    "global",
    f"router eigrp {_NUMBER}",
    {"router": "A routing process", "eigrp": "EIGRP", "number": _NUMBER_HELP},
    key=("number",),
    order=400,
    opens=CLASSIC,
    check=_no_named_twin,
)
ROUTER_NAMED: Final = ConfigLine(
    "global",
    "router eigrp {name:word}",
    {"router": "A routing process", "eigrp": "EIGRP", "name": "Name of a virtual instance"},
    key=("name",),
    order=400,
    opens=NAMED,
)
ADDRESS_FAMILY: Final = ConfigLine(
    NAMED,
    f"address-family ipv4 [ unicast ] ( autonomous-system | as ) {_NUMBER}",
    {
        "address-family": "A process of this instance",
        "ipv4": "IPv4",
        "unicast": "Unicast",
        "autonomous-system": "Its autonomous system",
        "number": "Number",
    },
    key=("number",),
    opens=FAMILY,
    complete=lambda args, _: args.with_keyword("unicast").with_keyword("autonomous-system"),
    check=_no_classic_twin,
    show=lambda args: f"address-family ipv4 unicast autonomous-system {args.integer('number')}",
)
AF_INTERFACE_DEFAULT: Final = ConfigLine(
    FAMILY,
    "af-interface default",
    {"af-interface": "Settings of an interface", "default": "Of all others"},
    key=(),
    order=9,
    opens=AF_INTERFACE,
)
AF_INTERFACES: Final = ConfigLine(
    FAMILY,
    "af-interface {name:interface}",
    {"name": "The interface"},
    key=("name",),
    order=10,
    opens=AF_INTERFACE,
)
TOPOLOGY_BASE: Final = ConfigLine(
    FAMILY,
    "topology base",
    {"topology": "Settings of a topology", "base": "The only one"},
    key=(),
    order=20,
    opens=TOPOLOGY,
)


def _check_stub(args: Args, section: Section) -> str | None:
    others = any(word in args for word in ("connected", "summary", "static", "redistributed"))
    return "% receive-only stands alone" if "receive-only" in args and others else None


def _no_auto_summary(args: Args, section: Section) -> str | None:
    return "%Warning: automatic summaries are not made; use summary-address"


def _limit(mode: str, words: str, order: int, key: tuple[str, ...] | None = None) -> ConfigLine:
    return ConfigLine(
        mode,
        f"{words} {{prefixes:1-4294967295}} [ {{threshold:1-100}} ] "
        "[* dampened | reset-time {reset:1-65535} | restart {minutes:1-65535} | restart-count {count:1-65535} "
        "| warning-only ]",
        {
            "redistribute": "Bring routes of others in",
            "neighbor": "What neighbors may tell",
            "address": "Its address",
            "maximum-prefix": "How many prefixes there may be",
            "prefixes": "Number",
            "threshold": "Percent of it at which a warning is logged",
            "dampened": "Each pause is twice as long as the one before",
            "reset-time": "After so long without a pause they are counted from the start",
            "reset": "Minutes",
            "restart": "How long the pause is",
            "minutes": "Minutes",
            "restart-count": "After so many pauses somebody has to clear it",
            "count": "Number",
            "warning-only": "Log, and do nothing else",
        },
        key=key,
        order=order,
    )


class ProcessLines:
    """The lines of one mode that several modes have: each mode has constants of its own."""

    def __init__(self, mode: str) -> None:
        self.network = ConfigLine(
            mode,
            "network {address:address} [ {wildcard:wildcard} ]",
            {
                "network": "Run on interfaces with an address in this network",
                "address": "Network",
                "wildcard": "Bits that do not matter",
            },
            key=("address", "wildcard"),
            order=30,
        )
        self.neighbor = ConfigLine(
            mode,
            "neighbor {address:address} {name:interface}",
            {
                "neighbor": "The neighbors of an interface, without multicasts",
                "address": "Its address",
                "name": "The interface",
            },
            key=("address", "name"),
            order=37,
        )
        self.router_id = ConfigLine(
            mode,
            "eigrp router-id {address:address}",
            {"eigrp": "EIGRP's own settings", "router-id": "Name this router in routes", "address": "Any address"},
            order=42,
        )
        self.stub = ConfigLine(
            mode,
            "eigrp stub [* connected | summary | static | redistributed | receive-only | leak-map {leak:word} ]",
            {
                "stub": "Nobody routes through this router",
                "connected": "Tell connected networks",
                "summary": "Tell summaries",
                "static": "Tell redistributed static routes",
                "redistributed": "Tell all redistributed routes",
                "receive-only": "Tell nothing",
                "leak-map": "Tell what a route map lets through, too",
                "leak": "Name",
            },
            order=44,
            check=_check_stub,
        )
        self.log_changes = ConfigLine(
            mode,
            "eigrp log-neighbor-changes",
            {"log-neighbor-changes": "Log neighbors that come and go"},
            order=46,
            default_on=True,
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
        self.variance = ConfigLine(
            mode,
            "variance {factor:1-128}",
            {"variance": "Use paths that are so many times as far", "factor": "Factor"},
            order=6,
            default="variance 1",
        )
        self.maximum_paths = ConfigLine(
            mode,
            "maximum-paths {paths:1-32}",
            {"maximum-paths": "Use so many paths at once", "paths": "Number"},
            order=7,
            default="maximum-paths 4",
        )
        self.maximum_hops = ConfigLine(
            mode,
            "metric maximum-hops {hops:1-255}",
            {"maximum-hops": "What is farther away is unreachable", "hops": "Hops"},
            order=5,
            default="metric maximum-hops 100",
        )
        self.default_metric = ConfigLine(
            mode,
            f"default-metric {_METRIC}",
            {"default-metric": "Metric of redistributed routes", **_METRIC_HELP},
            order=8,
        )
        self.redistribute = ConfigLine(
            mode,
            "redistribute ( static | connected | rip | eigrp {eigrp:1-65535} | ospf {ospf:1-65535} "
            f"| bgp {{bgp:1-4294967295}} ) [* metric {_METRIC} | route-map {{map:word}} ]",
            {
                "redistribute": "Bring routes of others in",
                "static": "Static routes",
                "connected": "Connected networks",
                "rip": "Routes of RIP",
                "eigrp": "Routes of another process of EIGRP",
                "ospf": "Routes of OSPF",
                "bgp": "Routes of BGP",
                "metric": "Their metric",
                "route-map": "Only what a route map lets through",
                "map": "Name",
                **_METRIC_HELP,
            },
            key=("static", "connected", "rip", "eigrp", "ospf", "bgp"),
            order=32,
        )
        self.limit = _limit(mode, "maximum-prefix", 35)
        self.redistributed_limit = _limit(mode, "redistribute maximum-prefix", 33)
        self.neighbor_limit = _limit(mode, "neighbor maximum-prefix", 38)
        self.neighbor_limits = _limit(mode, "neighbor {address:address} maximum-prefix", 38, ("address",))
        self.distance = ConfigLine(
            mode,
            "distance eigrp {internal:1-255} {external:1-255}",
            {
                "distance": "Administrative distance",
                "eigrp": "Of EIGRP's routes",
                "internal": "Internal ones",
                "external": "Redistributed ones",
            },
            order=38,
            default="distance eigrp 90 170",
        )
        self.distribution = DistributionLines(mode, largest=2147483647, order=33)
        self.active_time = ConfigLine(
            mode,
            "timers active-time ( {minutes:1-65535} | disabled )",
            {
                "timers": "Times",
                "active-time": "How long replies may take",
                "minutes": "Minutes",
                "disabled": "As long as they like",
            },
            order=9,
            default="timers active-time 3",
        )
        self.default_information = ConfigLine(
            mode,
            "default-information ( in | out ) [ {list:word} ]",
            {
                "default-information": "The default route passes",
                "in": "Of what neighbors tell",
                "out": "Of what is told to them",
                "list": "Only if this access list permits it",
            },
            key=("in", "out"),
            order=36,
            keep_no=True,  # `no`: it does not
        )
        self.auto_summary = ConfigLine(
            mode,
            "auto-summary",
            {"auto-summary": "Summarize at the borders of classful networks"},
            order=50,
            check=_no_auto_summary,
        )


IN_CLASSIC: Final = ProcessLines(CLASSIC)
IN_FAMILY: Final = ProcessLines(FAMILY)
IN_TOPOLOGY: Final = ProcessLines(TOPOLOGY)

PASSIVE_DEFAULT: Final = ConfigLine(
    CLASSIC,
    "passive-interface default",
    {"passive-interface": "No neighbors there", "default": "On any interface"},
    order=34,
)
PASSIVE: Final = ConfigLine(
    CLASSIC,
    "passive-interface {name:interface}",
    {"name": "On this interface"},
    key=("name",),
    order=35,
    keep_no=True,  # behind `passive-interface default`
)
_BFD: Final = {"bfd": "Let BFD watch neighbors", "all-interfaces": "On all interfaces"}
BFD_ALL: Final = ConfigLine(CLASSIC, "bfd all-interfaces", _BFD, order=36)
BFD_INTERFACE: Final = ConfigLine(
    CLASSIC,
    "bfd interface {name:interface}",
    {**_BFD, "interface": "On one interface", "name": "The interface"},
    key=("name",),
    order=36,
    keep_no=True,  # behind `bfd all-interfaces`
)
RIB_SCALE: Final = ConfigLine(
    FAMILY,
    "metric rib-scale {scale:1-255}",
    {"rib-scale": "Divide metrics by this for the routing table", "scale": "Divisor"},
    order=5,
    default=f"metric rib-scale {DEFAULT_RIB_SCALE}",
)
FAMILY_SHUTDOWN: Final = ConfigLine(FAMILY, "shutdown", {"shutdown": "Stop this process"}, order=3)
CLASSIC_SHUTDOWN: Final = ConfigLine(CLASSIC, "shutdown", {"shutdown": "Stop this process"}, order=3)
INSTANCE_SHUTDOWN: Final = ConfigLine(NAMED, "shutdown", {"shutdown": "Stop all processes of this instance"}, order=3)

_CLASSIC_LINES: Final = (
    *(line for line in vars(IN_CLASSIC).values() if isinstance(line, ConfigLine)),
    *IN_CLASSIC.distribution.all,
    PASSIVE_DEFAULT,
    PASSIVE,
    BFD_ALL,
    BFD_INTERFACE,
    CLASSIC_SHUTDOWN,
)
_FAMILY_LINES: Final = (
    IN_FAMILY.network,
    IN_FAMILY.neighbor,
    IN_FAMILY.router_id,
    IN_FAMILY.stub,
    IN_FAMILY.log_changes,
    IN_FAMILY.limit,
    IN_FAMILY.neighbor_limit,
    IN_FAMILY.neighbor_limits,
    IN_FAMILY.weights,
    RIB_SCALE,
    FAMILY_SHUTDOWN,
    INSTANCE_SHUTDOWN,
)
_TOPOLOGY_LINES: Final = (
    IN_TOPOLOGY.variance,
    IN_TOPOLOGY.maximum_paths,
    IN_TOPOLOGY.maximum_hops,
    IN_TOPOLOGY.default_metric,
    IN_TOPOLOGY.redistribute,
    IN_TOPOLOGY.limit,
    IN_TOPOLOGY.redistributed_limit,
    IN_TOPOLOGY.distance,
    IN_TOPOLOGY.active_time,
    IN_TOPOLOGY.default_information,
    IN_TOPOLOGY.auto_summary,
    *IN_TOPOLOGY.distribution.all,
)

LINES: Final = (
    ROUTER_CLASSIC,
    ROUTER_NAMED,
    ADDRESS_FAMILY,
    AF_INTERFACE_DEFAULT,
    AF_INTERFACES,
    TOPOLOGY_BASE,
    *_CLASSIC_LINES,
    *_FAMILY_LINES,
    *_TOPOLOGY_LINES,
)
