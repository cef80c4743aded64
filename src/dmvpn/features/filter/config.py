"""The lines of packet filters."""

from __future__ import annotations

from typing import Final

from dmvpn.base.filters import ReversePath
from dmvpn.features.filter.model import FilterConfig, PortLines
from dmvpn.ios import Args, ConfigLine, ConfigTree, Section
from dmvpn.ios.common import ACCESS_GROUP, INTERFACE, TRAFFIC_FILTER, UNREACHABLES, VERIFY_SOURCE, lists_of
from dmvpn.ios.interfaces import interface_sort_key

UPDATE_THRESHOLD: Final = ConfigLine(
    "global",
    "ip access-list log-update threshold {packets:1-2147483647}",
    {
        "access-list": "Which packets or addresses are meant",
        "log-update": "Log lines about packets of entries with `log`",
        "threshold": "Log a flow again after so many packets, not only after five minutes",
        "packets": "Packets",
    },
    order=589,
)
_OF_PORTS: Final = (ACCESS_GROUP, VERIFY_SOURCE, UNREACHABLES, TRAFFIC_FILTER)
LINES: Final = (*_OF_PORTS, UPDATE_THRESHOLD)


def model(tree: ConfigTree) -> FilterConfig | None:
    """Return what the configuration says of packet filters; None: nothing."""
    found = dict(tree.made(INTERFACE, _port))
    if not found:
        return None
    names = sorted(found, key=interface_sort_key)
    ports = {
        version: {name: found[name][place] for name in names if found[name][place] != PortLines()}
        for place, version in enumerate((4, 6))
    }
    return FilterConfig(ports[4], tree.args(UPDATE_THRESHOLD).integer("packets", 0), ports[6])


def _port(args: Args, section: Section) -> tuple[str, tuple[PortLines, PortLines]] | None:
    """Return the lines of a port for IPv4, and for IPv6."""
    verify = section.get(VERIFY_SOURCE)
    lines = PortLines(
        *lists_of(section, ACCESS_GROUP),
        reverse_path=None if verify is None else ReversePath("any" not in verify, "allow-default" in verify),
        unreachables=section.flag(UNREACHABLES),
    )
    both = lines, PortLines(*lists_of(section, TRAFFIC_FILTER))
    return None if both == (PortLines(), PortLines()) else (args.interface("name"), both)
