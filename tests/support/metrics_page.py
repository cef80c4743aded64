"""docs/reference/metrics.md, made of the tables of all features and of this text: page and code cannot part.

python -m support.metrics_page      write the page (in the folder `tests`)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from dmvpn.base.metrics import Bound
from dmvpn.face import values
from dmvpn.ios import Scope
from dmvpn.router.features import FEATURES
from dmvpn.web import metrics
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.metrics import Family, Table

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reference" / "metrics.md"

_HEAD: Final = file_text("metrics.md")
_TITLES: Final = {
    "nhrp": "NHRP",
    "ike": "IKE",
    "ipsec": "IPsec",
    "interface": "Interfaces and the data plane",
    "tunnel": "Tunnels",
    "rib": "Routes",
    "filter": "Packet filters",
    "nat": "NAT",
    "dhcp": "DHCP",
    "track": "Tracked objects",
    "pki": "Certificates",
    "system": "The router and its log",
    "eigrp": "EIGRP",
    "ospf": "OSPF",
    "bgp": "BGP",
}
_BOUNDS: Final = {Bound.FEW: "", Bound.PEERS: "; one for each peer", Bound.ENTRIES: "; one for each entry"}


def tables() -> Iterator[tuple[str, Table, bool]]:
    """Yield each table once, with its heading, and whether each VRF has one."""
    seen: dict[str, None] = {}
    found = [("The process of the router", measure.table, False) for measure in values.METRICS]
    of_many = []
    for feature in FEATURES:
        for measure in feature.metrics:
            in_vrfs = feature.scope is Scope.VRF
            if measure.table.name in ("neighbors", "routing_packets", "routing_drops"):
                of_many.append(("Routing protocols", measure.table, in_vrfs))
            else:
                found.append((_TITLES[feature.name], measure.table, in_vrfs))
    for title, table, in_vrfs in sorted((*found, *of_many), key=lambda one: _order(one[0])):
        if table.name not in seen:
            seen[table.name] = None
            yield title, table, in_vrfs


def _order(title: str) -> int:
    titles = ["The process of the router", *_TITLES.values()]
    titles.insert(titles.index("EIGRP"), "Routing protocols")
    return titles.index(title)


def families() -> Iterator[Family]:
    """Yield every metric."""
    yield from (metrics.UP, metrics.DURATION, metrics.CUT, *metrics.OWN)
    for _, table, _ in tables():
        yield from table.families


def page() -> str:
    """Return the whole page."""
    lines = [_HEAD, "## The scrape", "", *_table((metrics.UP, metrics.DURATION), (), "")]
    lines += _table((metrics.CUT,), ("table",), "")
    lines += ["Of `dmvpn web` itself, without any label:", "", *_table(metrics.OWN, (), "")]
    last = ""
    for title, table, in_vrfs in tables():
        if title != last:
            lines += [f"## {title}", ""]
            last = title
        labels = ("vrf", *table.labels) if in_vrfs else table.labels
        lines += _table(table.families, labels, _BOUNDS[table.bound])
    return "\n".join(lines).rstrip() + "\n"


def _table(families: tuple[Family, ...], labels: tuple[str, ...], bound: str) -> Iterator[str]:
    words = ", ".join(f"`{label}`" for label in labels)
    if words:
        yield f"Labels: {words}{bound}"
        yield ""
    yield "| metric | type | meaning |"
    yield "| --- | --- | --- |"
    for family in families:
        yield f"| `{family.name}` | {family.kind.value} | {family.meaning} |"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
