"""OSPF on random graphs with random changes: when it is quiet, every router has the shortest ways, and all of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmvpn.features.ospf import slices, spf
from support.cases import few_examples
from support.ospf_areas import AreaNet
from support.ospf_net import LAN, OspfNet

#: Seconds after which all is quiet: dead interval, waiting for an election, throttles.
QUIET = 20.0


@st.composite
def graphs(draw: st.DrawFn) -> OspfNet:
    """Two to six routers, wires between some of them, and a LAN that all are on or nobody is."""
    routers = draw(st.integers(2, 6))
    pairs = list(itertools.combinations(range(1, routers + 1), 2))
    wires = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=9))
    return OspfNet(routers, wires, lan=draw(st.booleans()))


def change(net: OspfNet, data: st.DataObject) -> None:
    """Something happens to a wire, a cost, the LAN or a router."""
    kinds = ["lan", "restart", "cost"] + (["wire", "cut", "cost of a wire"] if net.wires else [])
    kind = data.draw(st.sampled_from(kinds))
    number = data.draw(st.sampled_from(sorted(net.routers)))
    cost = data.draw(st.sampled_from([1, 5, 10, 20, 65535]))
    if kind == "lan":
        net.set_lan(number, up=not net.on_lan[number])
    elif kind == "restart":
        net.start(number)
    elif kind == "cost":
        net.set_cost(number, LAN, cost)
    else:
        wire = data.draw(st.sampled_from(sorted(net.wires)))
        if kind == "wire":
            net.set_wire(wire, up=not net.wires[wire])
        elif kind == "cut":
            net.cut ^= {wire}
        else:
            net.set_cost(*data.draw(st.sampled_from([wire, wire[::-1]])), cost)


def judge(net: OspfNet) -> None:
    """Compare what each router has with what it should have."""
    net.run_for(QUIET)
    found = {number: net.found(number) for number in net.routers}
    assert found == {number: net.shortest(number) for number in net.routers}
    databases = net.databases()
    for number, ways in found.items():
        for other in ways:
            assert databases[number] == databases[other]


@pytest.mark.lengthy
@pytest.mark.conforms("ospf:16.1-shortest")
@few_examples(10)
@given(graphs(), st.data())
def test_when_it_is_quiet_every_router_has_the_shortest_ways(net: OspfNet, data: st.DataObject) -> None:
    _live(net, data)


@pytest.mark.lengthy
@settings(few_examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(net=graphs(), data=st.data())
def test_events_between_the_slices_of_a_calculation_change_nothing_of_that(
    monkeypatch: pytest.MonkeyPatch, net: OspfNet, data: st.DataObject
) -> None:
    monkeypatch.setattr(slices, "SLICE", 1)
    monkeypatch.setattr(spf, "SLICE", 1)
    _live(net, data)


def _live(net: OspfNet, data: st.DataObject) -> None:
    judge(net)
    for _ in range(data.draw(st.integers(1, 3))):
        for _ in range(data.draw(st.integers(1, 5))):
            change(net, data)
            net.run_for(data.draw(st.sampled_from([0.0, 0.0005, 0.02, 0.3, 3.0])))
        judge(net)


# ------------------------------------------------------------------------------------------------ areas

_KINDS = ("", " area 2 stub\n", " area 2 nssa\n")


@st.composite
def nets_of_areas(draw: st.DrawFn) -> AreaNet:
    """Three to six routers on wires in the backbone and two areas, with virtual links through area 1."""
    routers = draw(st.integers(3, 6))
    pairs = list(itertools.combinations(range(1, routers + 1), 2))
    wires = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=2, max_size=8))
    areas = {wire: draw(st.sampled_from([0, 0, 1, 1, 2])) for wire in wires}
    inside = sorted({number for wire, area in areas.items() if area == 1 for number in wire})
    ends = list(itertools.combinations(inside, 2))
    virtual = draw(st.lists(st.sampled_from(ends), unique=True, max_size=2)) if ends else []
    return AreaNet(routers, areas, [(1, one, two) for one, two in virtual], draw(st.sampled_from(_KINDS)))


def judge_areas(net: AreaNet) -> None:
    net.run_for(30.0)
    found = {number: {other: way[0] for other, way in net.found(number).items()} for number in net.routers}
    assert found == {number: net.expected(number) for number in net.routers}


@pytest.mark.lengthy
@pytest.mark.conforms("ospf:16.3-transit")
@settings(max_examples=min(25, few_examples(10).max_examples))
@given(nets_of_areas(), st.data())
def test_between_areas_and_by_virtual_links_every_way_costs_what_it_should(net: AreaNet, data: st.DataObject) -> None:
    judge_areas(net)
    for _ in range(data.draw(st.integers(1, 4))):
        wire = data.draw(st.sampled_from(sorted(net.wires)))
        kind = data.draw(st.sampled_from(["wire", "cut", "cost", "restart"]))
        if kind == "wire":
            net.set_wire(wire, up=not net.wires[wire])
        elif kind == "cut":
            net.cut ^= {wire}
        elif kind == "restart":
            net.start(wire[0])
        else:
            net.set_cost(*data.draw(st.sampled_from([wire, wire[::-1]])), data.draw(st.sampled_from([1, 5, 20, 100])))
        net.run_for(data.draw(st.sampled_from([0.0, 0.02, 3.0])))
    judge_areas(net)
