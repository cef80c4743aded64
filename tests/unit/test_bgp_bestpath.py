"""How BGP finds the best path where IOS lets people choose: `bgp bestpath`, `bgp always-compare-med`."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.features.bgp.attributes import Attributes, Segment, SegmentKind
from dmvpn.features.bgp.model import Decision
from dmvpn.features.bgp.paths import Path, PathOrigin, ordered, side_by_side

USUAL = Decision()


def path(number: int, systems: tuple[int, ...], med: int | None = None, since: float = 0.0) -> Path:
    peer = IPv4Address(number)
    return Path(
        origin=PathOrigin.PEER,
        attributes=Attributes(next_hop=peer, path=(Segment(SegmentKind.SEQUENCE, systems),), med=med),
        peer=peer,
        identifier=peer,
        since=since,
    )


def best(decision: Decision, *paths: Path) -> Path:
    chosen = {ordered(some, lambda _: 0, decision)[0] for some in (paths, paths[::-1])}
    assert len(chosen) == 1, "the order in which they came must not count"
    return chosen.pop()


def test_metrics_of_different_systems_are_compared_only_by_a_line() -> None:
    near, far = path(2, (65002,), med=50), path(1, (65001,), med=100)
    assert best(USUAL, near, far) is far, "the smaller router ID"
    assert best(Decision(compares_all_meds=True), near, far) is near


def test_a_missing_metric_is_the_smallest_or_by_a_line_the_largest() -> None:
    with_none, with_one = path(2, (65001,)), path(1, (65001,), med=10)
    assert best(USUAL, with_none, with_one) is with_none
    assert best(Decision(missing_med_is_worst=True), with_none, with_one) is with_one


def test_the_length_of_paths_does_not_count_by_a_line() -> None:
    short, long = path(2, (65002,)), path(1, (65001, 65009))
    assert best(USUAL, short, long) is short
    assert best(Decision(ignores_path_length=True), short, long) is long


def test_the_older_external_path_is_better_unless_router_ids_are_compared() -> None:
    older, smaller = path(2, (65002,), since=1.0), path(1, (65001,), since=2.0)
    assert best(USUAL, older, smaller) is older
    assert best(Decision(compares_router_ids=True), older, smaller) is smaller


def test_paths_of_other_systems_are_used_at_once_only_by_a_line() -> None:
    paths = [path(1, (65001,)), path(2, (65002,)), path(3, (65003, 65004))]
    assert side_by_side(paths, lambda _: 0, 4, USUAL) == paths[:1]
    assert side_by_side(paths, lambda _: 0, 4, Decision(any_equal_path=True)) == paths[:2]
