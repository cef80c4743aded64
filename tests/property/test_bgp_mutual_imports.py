"""Two VRFs that import each other's paths never both prefer the path of the other, and withdraw theirs, forever."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.exports import ExportedPath, PathsImported
from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind
from dmvpn.features.bgp.imports import Imports
from dmvpn.features.bgp.paths import Path, PathOrigin
from dmvpn.features.bgp.table import LocRib

if TYPE_CHECKING:
    from dmvpn.base.ports import Ports

PREFIX = Prefix.of(IPv4Address("10.0.0.0"), 8)
NUMBERS = st.integers(0, 1)


@st.composite
def paths(draw: st.DrawFn) -> Path:
    """Return a path of a VRF's own: received, or originated there."""
    system = draw(NUMBERS)
    attributes = Attributes(
        next_hop=IPv4Address(draw(NUMBERS)),
        path=(Segment(SegmentKind.SEQUENCE, (65000 + system,)),) if draw(st.booleans()) else (),
        med=draw(NUMBERS),
        local_pref=100 + draw(NUMBERS),
    )
    is_own = draw(st.booleans())
    return Path(
        origin=PathOrigin.REDISTRIBUTED if is_own else PathOrigin.PEER,
        attributes=attributes,
        peer=IPv4Address(0 if is_own else 1 + draw(NUMBERS)),
        identifier=IPv4Address(draw(NUMBERS)),
        internal=draw(st.booleans()) and not is_own,
        weight=draw(NUMBERS),
        since=float(draw(NUMBERS)),
    )


def prefers_the_other(own: Path, metric: int, other: Path, other_metric: int) -> bool:
    """Return whether a VRF with its own path prefers the one that another VRF exports."""
    table = LocRib(lambda _: metric)
    imports = Imports(cast("Ports", None))
    hops = (NextHop("", vrf="B"),)
    exported = ExportedPath(
        prefix=PREFIX, vrf="B", rd="1:1", targets=(1,), path=other, metric=other_metric, next_hops=hops
    )
    imports.receive(PathsImported("B", (exported,), (), "A"))
    table.put(PREFIX, own)
    assert imports.take(table, 10) == [PREFIX]
    table.choose([PREFIX])
    best = table.best(PREFIX)
    return best is not None and best.imported is not None


@given(first=paths(), second=paths(), metrics=st.tuples(NUMBERS, NUMBERS))
def test_two_vrfs_never_prefer_each_others_paths(first: Path, second: Path, metrics: tuple[int, int]) -> None:
    one, other = (0 if path.own else metric for path, metric in zip((first, second), metrics, strict=True))
    assert not (prefers_the_other(first, one, second, other) and prefers_the_other(second, other, first, one))
