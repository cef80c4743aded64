"""A confederation of BGP: several systems that are one for those outside, RFC 5065."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.bgp.attributes import Attributes, Community, Segment, SegmentKind, path_text, read, write
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.packet import Open, Update
from dmvpn.features.bgp.paths import Path, PathOrigin, ordered
from support.bgp_callers import Caller, hub
from support.routing import a, p

if TYPE_CHECKING:
    from support.workbench import Workbench

LAN = "10.9.0.0/16"
MEMBERS, SEQUENCE = SegmentKind.CONFEDERATION_SEQUENCE, SegmentKind.SEQUENCE
#: We are 65000 of confederation 100; guests of 65001 are members, those of 300 are not, those of 65000 are our own.
_LINES = """ bgp confederation identifier 100
 bgp confederation peers 65001 65002
 neighbor OUTER peer-group
 neighbor OUTER remote-as 300
 neighbor OUTER advertisement-interval 0
 neighbor OWN peer-group
 neighbor OWN remote-as 65000
 bgp listen range 172.16.31.64/26 peer-group OUTER
 bgp listen range 172.16.31.128/26 peer-group OWN
"""


@pytest.fixture
def bench() -> Workbench:
    return hub(_LINES)


def member(bench: Workbench, number: int = 2) -> Caller:
    return Caller(bench, number).is_up()


def outer(bench: Workbench, number: int = 70) -> Caller:
    return Caller(bench, number, system=300).is_up()


def own(bench: Workbench, number: int = 130) -> Caller:
    return Caller(bench, number, system=65000).is_up()


def tells(caller: Caller, *path: Segment, **others: object) -> None:
    attributes = Attributes(path=path, next_hop=a("172.16.31.20"))
    attributes = replace(attributes, **others)  # type: ignore[arg-type]
    caller.says(Update(attributes=write(attributes, wide=True), announced=(p(LAN),)))


def hears(bench: Workbench, caller: Caller) -> Attributes | None:
    """What it was told of the prefix last."""
    caller.hears(bench.advance(1))
    found = [update for update in caller.updates if update.announced]
    if not found:
        return None
    return read(found[-1].attributes, wide=True, internal=caller.address != a("172.16.31.70"), confederate=True)[0]


def known(bench: Workbench) -> list[Path]:
    found = bench.machine(BgpMachine).routes.table.destinations.get(p(LAN))
    return list(found.paths.values()) if found is not None else []


def test_neighbors_outside_know_the_identifier_and_those_inside_our_member_system(bench: Workbench) -> None:
    systems = [
        one.heard[0].real_autonomous_system
        for one in (outer(bench), member(bench), own(bench))
        if isinstance(one.heard[0], Open)
    ]
    assert systems == [100, 65000, 65000]


@pytest.mark.conforms("bgp:5065-path")
def test_the_way_inside_is_told_to_members_and_stripped_at_the_border(bench: Workbench) -> None:
    inner, edge, mine = member(bench, 3), outer(bench), own(bench)
    tells(member(bench), Segment(MEMBERS, (65001, 65002)), Segment(SEQUENCE, (400,)))
    effects = bench.advance(1)
    for one in (inner, edge, mine):
        one.hears(effects)
    heard = [hears(bench, one) for one in (inner, edge, mine)]
    assert [path_text(one.path) if one is not None else "" for one in heard] == [
        "(65000 65001 65002) 400",
        "100 400",
        "(65001 65002) 400",
    ]


@pytest.mark.conforms("bgp:5065-kept")
def test_preference_metric_and_next_hop_stay_within_the_confederation_and_not_beyond(bench: Workbench) -> None:
    inner, edge = member(bench, 3), outer(bench)
    tells(member(bench), Segment(MEMBERS, (65001,)), local_pref=321, med=7)
    effects = bench.advance(1)
    inner.hears(effects)
    edge.hears(effects)
    told = hears(bench, inner)
    assert told is not None
    assert (told.local_pref, told.med, str(told.next_hop)) == (321, 7, "172.16.31.20")
    beyond = hears(bench, edge)
    assert beyond is not None
    assert (beyond.local_pref, beyond.med, path_text(beyond.path)) == (None, None, "100")


def test_a_route_from_outside_keeps_its_next_hop_on_the_way_to_a_member(bench: Workbench) -> None:
    inner = member(bench)
    tells(outer(bench), Segment(SEQUENCE, (300,)))
    told = hears(bench, inner)
    assert told is not None
    assert (str(told.next_hop), told.local_pref, path_text(told.path)) == ("172.16.31.20", 100, "(65000) 300")


@pytest.mark.conforms("bgp:5065-loop")
@pytest.mark.parametrize(
    ("path", "is_taken"),
    [
        ((Segment(MEMBERS, (65001, 65002)),), True),
        ((Segment(MEMBERS, (65001, 65000)),), False),
        ((Segment(MEMBERS, (65001,)), Segment(SEQUENCE, (300, 100))), False),
        ((Segment(MEMBERS, (65001,)), Segment(SEQUENCE, (300, 65000))), True),
    ],
)
def test_we_are_not_in_a_path_that_is_taken(bench: Workbench, path: tuple[Segment, ...], is_taken: bool) -> None:
    """The last one: a private number outside has nothing to do with our member system."""
    tells(member(bench), *path)
    bench.advance(1)
    assert bool(known(bench)) is is_taken


@pytest.mark.conforms("bgp:5065-malformed")
def test_members_from_outside_and_a_member_that_does_not_name_itself_cost_the_routes_alone(bench: Workbench) -> None:
    edge, inner = outer(bench), member(bench)
    tells(edge, Segment(SEQUENCE, (300,)), Segment(MEMBERS, (65002,)))
    tells(inner, Segment(SEQUENCE, (65001,)))
    bench.advance(1)
    assert (known(bench), edge.closed, inner.closed) == ([], False, False)


@pytest.mark.conforms("bgp:5065-length")
def test_members_are_no_hops_and_a_member_is_not_better_than_a_neighbor_of_our_own_system() -> None:
    def path(host: int, *segments: Segment, internal: bool = False, confederate: bool = False) -> Path:
        attributes = Attributes(path=segments, next_hop=a(f"10.0.0.{host}"))
        peer = a(f"10.0.0.{host}")
        return Path(
            origin=PathOrigin.PEER,
            attributes=attributes,
            peer=peer,
            identifier=peer,
            internal=internal,
            confederate=confederate,
        )

    way = Segment(SEQUENCE, (400,))
    inner = path(9, Segment(MEMBERS, (65001, 65002)), way, confederate=True)
    mine, edge = path(1, way, internal=True), path(30, way)
    assert [one.peer for one in ordered([inner, mine, edge], lambda _: 1)] == [edge.peer, mine.peer, inner.peer]
    assert inner.attributes.path_length == mine.attributes.path_length == 1


@pytest.mark.conforms("bgp:5065-communities")
@pytest.mark.parametrize(
    ("community", "told"), [(Community.NO_EXPORT, (True, False)), (Community.NO_EXPORT_SUBCONFED, (False, False))]
)
def test_communities_keep_routes_in_the_confederation_or_in_our_system(
    bench: Workbench, community: Community, told: tuple[bool, bool]
) -> None:
    inner, edge = member(bench, 3), outer(bench)
    tells(own(bench), communities=(int(community),), local_pref=100)
    effects = bench.advance(1)
    inner.hears(effects)
    edge.hears(effects)
    assert (hears(bench, inner) is not None, hears(bench, edge) is not None) == told


def test_what_a_member_told_is_told_to_our_own_neighbors_without_reflection(bench: Workbench) -> None:
    mine = own(bench)
    tells(member(bench), Segment(MEMBERS, (65001,)))
    told = hears(bench, mine)
    assert told is not None
    assert (told.originator, told.clusters) == (None, ())


def test_another_identifier_ends_the_sessions_and_another_member_only_its_own(bench: Workbench) -> None:
    inner, edge = member(bench), outer(bench)
    effects = bench.configure("router bgp 65000\n bgp confederation peers 65003\n")
    inner.hears(effects)
    edge.hears(effects)
    assert (inner.closed, edge.closed) == (False, False)
    effects = bench.configure("router bgp 65000\n no bgp confederation peers 65001\n")
    inner.hears(effects)
    edge.hears(effects)
    assert (inner.closed, edge.closed) == (True, False)
    edge.hears(bench.configure("router bgp 65000\n bgp confederation identifier 101\n"))
    assert edge.closed


def test_shows_name_members_and_their_paths(bench: Workbench) -> None:
    inner = member(bench)
    tells(inner, Segment(MEMBERS, (65001, 65002)), Segment(SEQUENCE, (400,)))
    tells(own(bench), Segment(MEMBERS, (65001,)), local_pref=50)
    bench.advance(1)
    details = "\n".join(bench.show("show ip bgp 10.9.0.0"))
    assert "  (65001 65002) 400\n" in details
    assert "valid, confed-external, best" in details
    assert "valid, confed-internal" in details
    neighbor = bench.show(f"show ip bgp neighbors {inner.address}")
    assert neighbor[0].endswith("external link")
    assert neighbor[1] == "  Neighbor under common administration"
    assert " bgp confederation peers 65001 65002" in bench.running_lines()
