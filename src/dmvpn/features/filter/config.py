"""The lines of packet filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.filters import ReversePath
from dmvpn.features.filter.model import FilterConfig, PortLines
from dmvpn.ios import ConfigLine
from dmvpn.ios.common import ACCESS_GROUP, INTERFACE, UNREACHABLES, VERIFY_SOURCE
from dmvpn.ios.interfaces import interface_sort_key

if TYPE_CHECKING:
    from dmvpn.ios import Args, ConfigTree, Section

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
_OF_PORTS: Final = (ACCESS_GROUP, VERIFY_SOURCE, UNREACHABLES)
LINES: Final = (*_OF_PORTS, UPDATE_THRESHOLD)


def model(tree: ConfigTree) -> FilterConfig | None:
    """Return what the configuration says of packet filters; None: nothing."""
    found = dict(tree.made(INTERFACE, _port))
    if not found:
        return None
    ports = {name: found[name] for name in sorted(found, key=interface_sort_key)}
    return FilterConfig(ports, tree.args(UPDATE_THRESHOLD).integer("packets", 0))


def _port(args: Args, section: Section) -> tuple[str, PortLines] | None:
    groups = {"in" in group: group.text("name") for group in section.all(ACCESS_GROUP)}
    verify = section.get(VERIFY_SOURCE)
    lines = PortLines(
        inward=groups.get(True, ""),
        outward=groups.get(False, ""),
        reverse_path=None if verify is None else ReversePath("any" not in verify, "allow-default" in verify),
        unreachables=section.flag(UNREACHABLES),
    )
    return None if lines == PortLines() else (args.interface("name"), lines)
