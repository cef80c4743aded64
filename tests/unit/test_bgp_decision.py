"""The best of several paths, step by step: each pair differs first in what the step looks at."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.features.bgp.attributes import Attributes, Origin, Segment, SegmentKind
from dmvpn.features.bgp.paths import Path, PathOrigin, ordered


def path(peer: int, *systems: int, **others: object) -> Path:
    """An external path over these systems; others: of its attributes."""
    segments = (Segment(SegmentKind.SEQUENCE, systems),) if systems else ()
    attributes = Attributes(next_hop=IPv4Address(f"10.0.0.{peer}"), path=segments)
    return Path(
        origin=PathOrigin.PEER,
        attributes=replace(attributes, **others),  # type: ignore[arg-type]
        peer=IPv4Address(f"10.0.0.{peer}"),
        identifier=IPv4Address(f"1.1.1.{peer}"),
    )


LONG, SHORT = path(1, 65001, 65009), path(2, 65002)


@pytest.mark.conforms("bgp:9.1.2.2-order")
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(replace(LONG, weight=10), SHORT, id="weight"),
        pytest.param(path(1, 65001, 65009, local_pref=200), SHORT, id="local preference"),
        pytest.param(replace(LONG, origin=PathOrigin.NETWORK), SHORT, id="our own"),
        pytest.param(SHORT, path(1, 65001, 65009, origin=Origin.IGP), id="length of the path"),
        pytest.param(path(9, 65001), path(1, 65002, origin=Origin.INCOMPLETE), id="origin"),
        pytest.param(path(9, 65001, med=5), path(1, 65001, med=6), id="MED of one neighboring system"),
        pytest.param(path(9, 65001), replace(path(1, 65002), internal=True), id="external before internal"),
        pytest.param(
            replace(path(9, 65001), internal=True), replace(path(30, 65002), internal=True), id="metric to the next hop"
        ),
        pytest.param(replace(path(9, 65001), since=1.0), replace(path(1, 65002), since=2.0), id="the older one"),
        pytest.param(path(1, 65001), path(9, 65002), id="the smaller identifier"),
    ],
)
def test_each_step_decides_if_those_before_it_do_not(better: Path, worse: Path) -> None:
    def metric_to(hop: IPv4Address) -> int:
        return 1 if int(hop) & 0xFF < 20 else 100

    for paths in ([better, worse], [worse, better]):
        assert ordered(paths, metric_to)[0] == better


def test_the_med_of_different_systems_says_nothing() -> None:
    paths = [path(1, 65001, med=900), path(9, 65002, med=1)]
    assert ordered(paths, lambda _: 1)[0] == paths[0]


@pytest.mark.conforms("bgp:9.1.2.1-resolvable")
def test_a_path_whose_next_hop_cannot_be_reached_is_none() -> None:
    assert ordered([SHORT], lambda _: None) == []
