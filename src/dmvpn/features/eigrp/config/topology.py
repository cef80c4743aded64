"""The lines of a topology: paths, metrics, redistribution, limits. A classic process has them in its own section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.routing import MATCH, MATCH_HELP, DistributionLines

if TYPE_CHECKING:
    from dmvpn.ios.grammar import Args
    from dmvpn.ios.section import Section

_METRIC = "{bandwidth:1-4294967295} {delay:0-4294967295} {reliability:0-255} {load:1-255} {mtu:1-65535}"
_METRIC_HELP: Final = {
    "bandwidth": "Kilobits per second",
    "delay": "Tens of microseconds",
    "reliability": "Reliability, 255 is best",
    "load": "Load, 1 is best",
    "mtu": "Octets",
}


def _says_a_metric(args: Args, section: Section) -> str | None:
    return None if "distance" in args.values_given or "mtu" in args.values_given else "% Incomplete command."


def _no_auto_summary(args: Args, section: Section) -> str | None:
    return "%Warning: automatic summaries are not made; use summary-address"


def limit_line(mode: str, words: str, order: int, key: tuple[str, ...] | None = None) -> ConfigLine:
    """Return a line that limits the number of prefixes."""
    return ConfigLine(
        mode,
        f"{words} {{prefixes:1-4294967295}} [ {{threshold:1-100}} ] "
        "[* dampened | reset-time {reset:1-65535} | restart {minutes:1-65535} | restart-count {count:1-65535} "
        "| warning-only ]",
        {
            "redistribute": "Redistribute routes of another source",
            "neighbor": "Routes from neighbors",
            "address": "Its address",
            "maximum-prefix": "How many prefixes there may be",
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
        },
        key=key,
        order=order,
    )


def _redistribute(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "redistribute ( static | connected | rip | eigrp {eigrp:1-65535} | ospf {ospf:1-65535} "
        f"| bgp {{bgp:1-4294967295}} ) [* metric {_METRIC} | route-map {{map:word}} | {MATCH} ]",
        {
            **MATCH_HELP,
            "redistribute": "Redistribute routes of another source",
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


def _distance(mode: str) -> ConfigLine:
    return ConfigLine(
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


def _active_time(mode: str) -> ConfigLine:
    return ConfigLine(
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


def _default_information(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "default-information ( in | out ) [ {list:word} ]",
        {
            "default-information": "The default route passes",
            "in": "Routes from neighbors",
            "out": "Routes to neighbors",
            "list": "Only if this access list permits it",
        },
        key=("in", "out"),
        order=36,
        keep_no=True,  # `no`: the default route is filtered
    )


def _summary_metric(mode: str) -> ConfigLine:
    return ConfigLine(
        mode,
        "summary-metric ( {prefix:prefix} | {address:address} {mask:mask} ) "
        f"[ {_METRIC} [ distance {{distance:1-255}} ] | distance {{distance:1-255}} ]",
        {
            "summary-metric": "What a summary costs, whatever lies in it",
            "prefix": "The summary",
            "address": "The summary",
            "mask": "Its mask",
            "distance": "Administrative distance of our own route to Null0",
            **_METRIC_HELP,
        },
        key=("prefix", "address", "mask"),
        check=_says_a_metric,
        order=40,
    )


class TopologyLines:
    """The lines about routes, of a classic process or of a topology, for one mode."""

    def __init__(self, mode: str) -> None:
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
        self.redistribute = _redistribute(mode)
        self.summary_metric = _summary_metric(mode)
        self.distance = _distance(mode)
        self.distribution = DistributionLines(mode, largest=2147483647, order=33)
        self.active_time = _active_time(mode)
        self.default_information = _default_information(mode)
        self.auto_summary = ConfigLine(
            mode,
            "auto-summary",
            {"auto-summary": "Summarize at the borders of classful networks"},
            order=50,
            check=_no_auto_summary,
        )
        self.redistributed_limit = limit_line(mode, "redistribute maximum-prefix", 33)
