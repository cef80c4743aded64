"""A line of an interface changes while neighbors are in any state: later all is as if the line had always been there.

Packets of one kind are lost until the neighbors rest in a state. Then the line is entered at one end, and after a pause
at the other, because two people cannot type at once: what does not fit meanwhile must be forgotten, too.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dmvpn.features.ospf import spf
from dmvpn.features.ospf.packet import Description, DescriptionFlag, Hello, LinkStateUpdate
from support.cases import few_examples
from support.ospf_areas import AreaNet
from support.ospf_net import LAN, OspfNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.features.ospf.packet import OspfPacket

#: Seconds: until a router has said what it has of its own, until the neighbors rest in their state, until all is quiet.
ALONE, REST, QUIET = 6.0, 3.0, 45.0


def _nothing(_packet: OspfPacket) -> bool:
    return False


def _descriptions(packet: OspfPacket) -> bool:
    return isinstance(packet.content, Description)


def _answers(packet: OspfPacket) -> bool:
    content = packet.content
    return isinstance(content, Description) and not content.has(DescriptionFlag.MASTER)


def _further_descriptions(packet: OspfPacket) -> bool:
    content = packet.content
    leads = isinstance(content, Description) and content.has(DescriptionFlag.MASTER)
    return isinstance(content, Description) and leads and not content.has(DescriptionFlag.INIT)


def _greetings(packet: OspfPacket) -> bool:
    return isinstance(packet.content, Hello) and bool(packet.content.neighbors)


def _updates(packet: OspfPacket) -> bool:
    return isinstance(packet.content, LinkStateUpdate)


#: What gets lost, and the states in which routers 1 and 2 see each other then.
RESTS: Final[dict[str, tuple[Callable[[OspfPacket], bool], set[str]]]] = {
    "nobody is heard": (lambda _packet: True, set()),
    "heard one way": (_greetings, {"INIT"}),
    "nobody leads": (_descriptions, {"EXSTART"}),
    "one end waits": (_answers, {"EXSTART", "EXCHANGE"}),
    "both ends describe": (_further_descriptions, {"EXCHANGE"}),
    "both ends load": (_updates, {"LOADING"}),
    "the same database": (_nothing, {"FULL"}),
}

#: Lines of an interface: one of them is entered. Those before `|` hold from the start.
LINES: Final = (
    "ip mtu 1300",
    "ip mtu 576",
    "ip mtu 1300|ip mtu 1500",
    "ip ospf mtu-ignore",
    "ip ospf cost 77",
    "bandwidth 2000",
    "ip ospf hello-interval 2",
    "ip ospf dead-interval 9",
    "ip ospf dead-interval minimal hello-multiplier 4",
    "ip ospf dead-interval 40|ip ospf dead-interval 4",
    "ip ospf retransmit-interval 1",
    "ip ospf retransmit-interval 60|ip ospf retransmit-interval 2",
    "ip ospf transmit-delay 9",
    "ip ospf priority 9",
    "ip ospf priority 0|ip ospf priority 1",
    "ip ospf network broadcast",
    "ip ospf network point-to-multipoint",
    "ip ospf network broadcast|ip ospf network point-to-point",
    "ip ospf authentication\n ip ospf authentication-key SECRET",
    "ip ospf message-digest-key 1 md5 SECRET\n ip ospf authentication message-digest",
    "ip ospf message-digest-key 1 md5 SECRET\n ip ospf authentication message-digest|ip ospf authentication null",
    "ip ospf message-digest-key 1 md5 A\n ip ospf authentication message-digest|ip ospf message-digest-key 2 md5 B",
    "ip ospf 1 area 7",
    "ip ospf prefix-suppression",
    "ip ospf ttl-security hops 1",
    "ip ospf ttl-security hops 1|no ip ospf ttl-security",
    "ip ospf shutdown|no ip ospf shutdown",
    "ip ospf bfd",
    "ip ospf database-filter all out|no ip ospf database-filter all out",
)
#: Lines of the process.
PROCESS_LINES: Final = (
    "area 0 authentication message-digest",
    "area 0 authentication",
    "auto-cost reference-bandwidth 5000",
    "passive-interface default|no passive-interface default",
    "ttl-security all-interfaces",
    "prefix-suppression",
)
CHANGES: Final = (*LINES, *(f"router ospf 1\n {line}" for line in PROCESS_LINES))


def _port(number: int, *, lan: bool) -> int:
    return LAN if lan else 3 - number


def _enter(net: OspfNet, number: int, change: str, *, lan: bool) -> None:
    is_of_process = change.startswith("router")
    net.enter(number, change if is_of_process else f"interface Ethernet0/{_port(number, lan=lan)}\n {change}\n")


def _net(change: str, *, lan: bool) -> OspfNet:
    """Return two routers on a wire or a LAN, which hold these lines from the start."""
    net = OspfNet(2, [] if lan else [(1, 2)], lan=lan)
    net.loses = lambda _packet: True
    for number in net.routers if change else ():
        _enter(net, number, change, lan=lan)
    net.run_for(ALONE)
    return net


def _states(net: OspfNet) -> set[str]:
    shown = [line.split() for bench in net.routers.values() for line in bench.show("show ip ospf neighbor")]
    return {words[2].partition("/")[0] for words in shown if len(words) > 3 and words[0].startswith("10.0.0.")}


def _facts(net: OspfNet) -> list[object]:
    """Return what a user would compare. Not each advertisement: who speaks for a LAN depends on what was before."""
    ways = [net.found(number) for number in net.routers]
    databases = list(net.databases().values())
    details = [line for bench in net.routers.values() for line in bench.show("show ip ospf neighbor detail")]
    refusals = [line.strip() for line in details if "not taken" in line]
    return [_states(net), ways, databases[0] == databases[1], refusals]


@pytest.mark.lengthy
@given(
    st.sampled_from(CHANGES),
    st.sampled_from(sorted(RESTS)),
    st.sampled_from([0.0, 0.3, 6.0, 25.0]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@example("ip mtu 1300|ip mtu 1500", "one end waits", 0.3, False, False, True)
@example("ip mtu 1300", "both ends describe", 0.0, False, False, False)
@example("ip ospf retransmit-interval 60|ip ospf retransmit-interval 2", "both ends load", 0.0, False, True, True)
@settings(few_examples(15), suppress_health_check=[HealthCheck.too_slow])
def test_after_a_changed_line_all_is_as_if_it_had_always_been_there(
    change: str, rest: str, pause: float, lan: bool, second_first: bool, while_lost: bool
) -> None:
    before, bar, after = change.rpartition("|")
    head = "router ospf 1\n " if change.startswith("router") and bar else ""
    after = head + after
    loses, _ = RESTS[rest]
    net = _net(before, lan=lan)
    net.loses = loses
    net.run_for(REST + 5 * lan)
    for number in (2, 1) if second_first else (1, 2):
        _enter(net, number, after, lan=lan)
        if not while_lost:
            net.loses = _nothing
        net.run_for(pause)
    net.loses = _nothing
    net.run_for(QUIET)
    fresh = _net(before, lan=lan)
    for number in fresh.routers:
        _enter(fresh, number, after, lan=lan)
    fresh.loses = _nothing
    fresh.run_for(QUIET)
    assert _facts(net) == _facts(fresh)


@pytest.mark.parametrize("rest", sorted(RESTS))
def test_neighbors_rest_in_the_states_that_the_table_says(rest: str) -> None:
    loses, states = RESTS[rest]
    net = _net("", lan=False)
    net.loses = loses
    net.run_for(REST)
    assert _states(net) == states


# OSPF on random graphs with random changes: when it is quiet, every router has the shortest ways, and all of them.

#: Seconds after which all is quiet: dead interval, waiting for an election, throttles.
SETTLED = 20.0


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
    net.run_for(SETTLED)
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
