"""Several paths to a prefix over one session of BGP: RFC 7911, and which paths IOS chooses for it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import WireError
from dmvpn.base.streams import StreamDown, StreamEnd
from dmvpn.features.bgp import input
from dmvpn.features.bgp.attributes import Attributes, Origin, Segment, SegmentKind, read, write
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.model import Decision, PathChoice
from dmvpn.features.bgp.packet import (
    Attribute,
    Capability,
    CapabilityValue,
    Notification,
    NumberedPrefix,
    Open,
    Update,
    parse,
    serialize,
    update_octets,
)
from dmvpn.features.bgp.paths import USUAL, Merit, Path, PathOrigin, eligible, ordered, side_by_side
from support.routing import Caller, a, hub, p
from support.texts import is_golden

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from support.workbench import Workbench

LAN = "10.9.0.0/16"
RECEIVES, SENDS, BOTH = (
    CapabilityValue(Capability.ADDITIONAL_PATHS, b"\x00\x01\x01" + bytes((way,))) for way in (1, 2, 3)
)
SEVERAL = " bgp additional-paths send receive\n bgp additional-paths select all best 3 group-best\n"
ADVERTISE = " neighbor GUESTS advertise additional-paths {}\n"


def path(*systems: int) -> tuple[Segment, ...]:
    return (Segment(SegmentKind.SEQUENCE, systems),)


def tells(caller: Caller, number: int, *systems: int, hop: str, prefix: str = LAN) -> None:
    attributes = Attributes(path=path(65001, *systems), next_hop=a(hop))
    caller.says(Update(attributes=write(attributes, wide=True), announced=(NumberedPrefix(p(prefix), number),)))


def knows(caller: Caller) -> dict[tuple[str, int], str]:
    """Of each path that a neighbor was told and that nobody took back: its next hop."""
    found: dict[tuple[str, int], str] = {}
    for update in caller.updates:
        for one in update.withdrawn:
            assert isinstance(one, NumberedPrefix)
            del found[str(one.prefix), one.number]
        for one in update.announced:
            assert isinstance(one, NumberedPrefix)
            hop = read(update.attributes, wide=True, internal=False)[0].next_hop
            found[str(one.prefix), one.number] = str(hop)
    return found


def several_hops(bench: Workbench) -> Caller:
    """One neighbor tells four paths: two over the same system and the same next hop, one that is longer."""
    caller = Caller(bench, 2, more=(BOTH,), numbered=True).is_up()
    tells(caller, 7, 300, hop="172.16.31.20")
    tells(caller, 8, 300, 301, hop="172.16.31.20")
    tells(caller, 9, 300, 301, hop="172.16.31.21")
    tells(caller, 10, 300, 301, 302, hop="172.16.31.22")
    return caller


# ------------------------------------------------------------------------------------------------ octets


@pytest.mark.conforms("bgp:7911-encoding")
def test_a_number_goes_before_the_prefix_of_each_path_in_both_lists() -> None:
    octets = update_octets(bytes.fromhex("00000007 100a09"), b"", bytes.fromhex("ffffffff 00 00000001 180a0901"))
    message = parse(octets, numbered=True)
    assert message == Update(
        withdrawn=(NumberedPrefix(p(LAN), 7),),
        announced=(NumberedPrefix(p("0.0.0.0/0"), 0xFFFFFFFF), NumberedPrefix(p("10.9.1.0/24"), 1)),
    )
    assert serialize(message) == octets


@pytest.mark.parametrize("cut", ["00", "000000", "00000007", "00000007 21 0a0900", "00000007 18 0a09"])
def test_a_number_or_a_prefix_that_is_cut_short_ends_the_session(cut: str) -> None:
    with pytest.raises(WireError):
        parse(update_octets(b"", b"", bytes.fromhex(cut)), numbered=True)


# ---------------------------------------------------------------------------------------------- what both agree on


@pytest.mark.conforms("bgp:7911-capability")
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", None),
        (" bgp additional-paths send\n", b"\x00\x01\x01\x02"),
        (" bgp additional-paths receive\n", b"\x00\x01\x01\x01"),
        (" bgp additional-paths send receive\n", b"\x00\x01\x01\x03"),
        (" bgp additional-paths send receive\n neighbor GUESTS additional-paths receive\n", b"\x00\x01\x01\x01"),
        (" bgp additional-paths send receive\n neighbor GUESTS additional-paths disable\n", None),
        (" address-family ipv4\n  bgp additional-paths send receive\n", b"\x00\x01\x01\x03"),
    ],
)
def test_our_open_says_whether_we_send_and_receive_several_paths(lines: str, said: bytes | None) -> None:
    opening = Caller(hub(lines), 2).connects().heard[0]
    assert isinstance(opening, Open)
    found = opening.capability(Capability.ADDITIONAL_PATHS)
    assert (found.value if found is not None else None) == said


@pytest.mark.conforms("bgp:7911-agreed")
@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param((), id="nothing"),
        pytest.param((SENDS,), id="it only sends"),
        pytest.param((CapabilityValue(Capability.ADDITIONAL_PATHS, b"\x00\x01\x01\x04"),), id="no such way"),
        pytest.param((CapabilityValue(Capability.ADDITIONAL_PATHS, b"\x00\x02\x01\x03"),), id="another family"),
        pytest.param((CapabilityValue(Capability.ADDITIONAL_PATHS, b"\x00\x01\x01"),), id="cut short"),
    ],
)
def test_a_neighbor_that_does_not_say_that_it_takes_numbers_is_sent_none(theirs: tuple[CapabilityValue, ...]) -> None:
    bench = hub(SEVERAL + ADVERTISE.format("all"))
    plain = Caller(bench, 3, more=theirs).is_up()
    several_hops(bench)
    plain.waits(1)
    assert [update.announced for update in plain.updates] == [(p(LAN),)]


# ------------------------------------------------------------------------------------------------ several are told


@pytest.mark.conforms("bgp:7911-advertise")
@pytest.mark.parametrize(
    ("words", "hops"),
    [
        ("", {"172.16.31.20"}),
        ("all", {"172.16.31.20", "172.16.31.21", "172.16.31.22"}),
        ("best 2", {"172.16.31.20", "172.16.31.21"}),
        ("best 3", {"172.16.31.20", "172.16.31.21", "172.16.31.22"}),
        ("group-best", {"172.16.31.20"}),
    ],
)
def test_a_neighbor_hears_the_paths_of_its_choice_each_next_hop_once(words: str, hops: set[str]) -> None:
    bench = hub(SEVERAL + (ADVERTISE.format(words) if words else ""))
    other = Caller(bench, 3, more=(BOTH,), numbered=True).is_up()
    several_hops(bench)
    other.waits(1)
    assert set(knows(other).values()) == hops


def made(host: int, *systems: int) -> Path:
    """A path over these systems, with a next hop of this number."""
    attributes = Attributes(path=path(*systems), next_hop=a(f"172.16.31.{host}"))
    return Path(origin=PathOrigin.PEER, attributes=attributes, peer=a(f"172.16.31.{host}"))


def test_the_best_of_each_neighboring_system_are_told() -> None:
    """Sorted by preference: two over system 1, one over 2, one over 3 with the next hop of the first."""
    paths = [made(1, 1), made(2, 1, 9), made(3, 2, 9), made(1, 3, 9, 9)]
    found = eligible(paths, lambda _: 1, PathChoice(group_best=True), USUAL)
    assert found == [(paths[0], Merit.BEST), (paths[2], Merit.GROUP_BEST), (paths[3], Merit.GROUP_BEST)]


@pytest.mark.conforms("bgp:7911-replace")
def test_a_path_is_replaced_and_withdrawn_by_its_number_and_the_others_stay() -> None:
    bench = hub(SEVERAL + ADVERTISE.format("all"))
    other = Caller(bench, 3, more=(BOTH,), numbered=True).is_up()
    one = several_hops(bench)
    other.waits(1)
    before = knows(other)
    one.says(Update(withdrawn=(NumberedPrefix(p(LAN), 7), NumberedPrefix(p(LAN), 99))))
    other.waits(1)
    after = knows(other)
    assert after.items() <= before.items() | {(key, "172.16.31.20") for key in after}
    assert sorted(after.values()) == ["172.16.31.20", "172.16.31.21", "172.16.31.22"]
    tells(one, 10, 300, 301, 302, hop="172.16.31.30")
    other.waits(1)
    assert sorted(knows(other).values()) == ["172.16.31.20", "172.16.31.21", "172.16.31.30"]
    assert {key for key, hop in knows(other).items() if hop == after[key]} == {
        key for key, hop in after.items() if hop != "172.16.31.22"
    }


def test_no_neighbor_hears_of_its_own_paths_and_all_of_a_group_share_one_table() -> None:
    bench = hub(SEVERAL + ADVERTISE.format("all"))
    one, other = several_hops(bench), Caller(bench, 3, more=(BOTH,), numbered=True).is_up()
    effects = bench.advance(1)
    one.hears(effects)
    other.hears(effects)
    assert (len(knows(one)), len(knows(other))) == (0, 3)
    machine = bench.machine(BgpMachine)
    assert [len(group.members) for group in machine.ipv4.groups] == [2]


def test_another_choice_tells_the_difference_without_ending_the_session() -> None:
    bench = hub(SEVERAL + ADVERTISE.format("all"))
    other = Caller(bench, 3, more=(BOTH,), numbered=True).is_up()
    several_hops(bench)
    other.waits(1)
    other.hears(bench.configure("router bgp 65000\n" + ADVERTISE.format("best 2")))
    other.waits(1)
    assert (sorted(knows(other).values()), other.closed) == (["172.16.31.20", "172.16.31.21"], False)
    other.hears(bench.configure("router bgp 65000\n no bgp additional-paths select all best 3 group-best\n"))
    other.waits(1)
    assert (list(knows(other).values()), other.closed) == (["172.16.31.20"], False)


def test_whether_several_are_sent_ends_the_session_when_it_changes() -> None:
    bench = hub(SEVERAL)
    one = Caller(bench, 3, more=(BOTH,), numbered=True).is_up()
    one.hears(bench.configure("router bgp 65000\n neighbor GUESTS additional-paths disable\n"))
    assert one.closed
    assert isinstance(one.heard[-1], Notification)


def test_a_neighbor_that_goes_takes_all_of_its_paths_with_it() -> None:
    bench = hub(SEVERAL + ADVERTISE.format("all"))
    other = Caller(bench, 3, more=(BOTH,), numbered=True).is_up()
    one = several_hops(bench)
    other.waits(1)
    one.says(Notification(6, 2))
    other.waits(1)
    machine = bench.machine(BgpMachine)
    assert (knows(other), machine.ipv4.routes.table.destinations) == ({}, {})


# ------------------------------------------------------------------------------------------------ several are taken


@pytest.mark.conforms("bgp:7911-damaged")
def test_damaged_attributes_take_back_the_path_of_that_number_alone() -> None:
    bench = hub(SEVERAL)
    one = several_hops(bench)
    broken = Attribute(0x40, 1, b"\x09")
    one.says(Update(attributes=(broken,), announced=(NumberedPrefix(p(LAN), 7),)))
    one.waits(1)
    machine = bench.machine(BgpMachine)
    assert not one.closed
    assert [path.number for path in machine.ipv4.routes.table.destinations[p(LAN)].paths.values()] == [8, 9, 10]


def test_of_paths_to_one_prefix_a_neighbor_may_tell_so_many_and_the_session_stays() -> None:
    bench = hub(SEVERAL)
    one = Caller(bench, 2, more=(BOTH,), numbered=True).is_up()
    for number in range(input.MOST_PATHS + 5):
        tells(one, number, hop=f"172.16.31.{100 + number}")
    one.waits(1)
    machine = bench.machine(BgpMachine)
    peer = machine.peers[one.address]
    assert (len(peer.received), peer.denied, one.closed) == (input.MOST_PATHS, 5, False)
    one.says(Update(withdrawn=(NumberedPrefix(p(LAN), 0),)))
    tells(one, 1000, hop="172.16.31.99")
    assert NumberedPrefix(p(LAN), 1000) in peer.received


def test_a_path_of_the_number_zero_goes_when_it_is_withdrawn() -> None:
    bench = hub(SEVERAL)
    one = Caller(bench, 2, more=(BOTH,), numbered=True).is_up()
    tells(one, 0, hop="172.16.31.20")
    one.waits(1)
    destinations = bench.machine(BgpMachine).ipv4.routes.table.destinations
    assert [path.number for path in destinations[p(LAN)].paths.values()] == [0]
    one.says(Update(withdrawn=(NumberedPrefix(p(LAN), 0),)))
    one.waits(1)
    assert destinations == {}


def test_equal_paths_of_one_neighbor_are_used_at_once() -> None:
    bench = hub(SEVERAL + " maximum-paths 2\n")
    one = Caller(bench, 2, more=(BOTH,), numbered=True).is_up()
    tells(one, 1, hop="172.16.31.20")
    tells(one, 2, hop="172.16.31.21")
    one.waits(1)
    machine = bench.machine(BgpMachine)
    best = machine.ipv4.routes.table.destinations[p(LAN)].best
    assert {str(path.attributes.next_hop) for path in best} == {"172.16.31.20", "172.16.31.21"}
    assert [line[:5] for line in bench.show("show ip bgp") if "172.16.31.2" in line] == [" *>  ", " *m a"]


# ------------------------------------------------------------------------------------------------ what is shown


def test_shows_say_the_numbers_of_both_ends_and_why_a_path_is_told() -> None:
    bench = hub(SEVERAL + " bgp additional-paths install\n" + ADVERTISE.format("best 2"))
    Caller(bench, 3, more=(RECEIVES,), numbered=True).is_up()
    several_hops(bench).waits(1)
    answer = bench.show("show ip bgp 10.9.0.0")
    details = [line.strip() for line in answer]
    is_golden(
        [line for line in details if line.startswith("rx pathid")],
        "bgp_paths/shows_say_the_numbers_of_both_ends_and_why_a_path_is_told",
    )
    is_golden(
        [line.split("external, ")[-1] for line in details if line.startswith("Origin")],
        "bgp_paths/shows_say_the_numbers_of_both_ends_and_why_a_path_is_told-2",
    )
    assert details.count("Path advertised to update-groups:") == 2
    table = [line for line in bench.show("show ip bgp") if "172.16.31" in line]
    assert [line[:5] for line in table] == [" *>  ", " *   ", " *b a", " *  a"]
    neighbor = bench.show("show ip bgp neighbors 172.16.31.2")
    assert "    Additional paths Send: advertised and received" in neighbor
    assert "    Additional paths Receive: advertised and received" in neighbor
    assert "  Additional Paths advertised: best 2" in neighbor
    other = bench.show("show ip bgp neighbors 172.16.31.3")
    assert "    Additional paths Receive: advertised and received" not in other


@pytest.mark.parametrize("again", [True, False])
def test_paths_of_a_neighbor_that_restarts_stay_until_it_has_told_its_table_with_numbers_or_without(
    again: bool,
) -> None:
    kept = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("c078 0001 01 80"))
    bench = hub(f"{SEVERAL} bgp graceful-restart\n")
    one = Caller(bench, 2, more=(BOTH, kept), numbered=True).is_up()
    tells(one, 1, hop="172.16.31.20")
    tells(one, 2, hop="172.16.31.21")
    bench.handle(StreamDown(one.stream, StreamEnd.RESET))
    bench.advance(1)
    machine = bench.machine(BgpMachine)
    assert len(machine.ipv4.routes.table.destinations[p(LAN)].paths) == 2
    back = Caller(bench, 2, call=1, more=(BOTH, kept) if again else (kept,), numbered=again).is_up()
    if again:
        tells(back, 2, hop="172.16.31.22")
    else:
        back.announces(LAN, hop="172.16.31.22")
    back.says(Update())
    back.waits(1)
    (left,) = machine.ipv4.routes.table.destinations[p(LAN)].paths.values()
    assert (left.number, str(left.attributes.next_hop)) == (2 if again else None, "172.16.31.22")
    assert machine.peers[back.address].several == ({p(LAN): 1} if again else {})


def test_a_neighbor_that_restarts_may_give_its_paths_other_numbers_though_there_is_room_for_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither the bound of a prefix nor `maximum-prefix` counts them twice."""
    monkeypatch.setattr(input, "MOST_PATHS", 2)
    kept = CapabilityValue(Capability.GRACEFUL_RESTART, bytes.fromhex("c078 0001 01 80"))
    bench = hub(f"{SEVERAL} bgp graceful-restart\n neighbor GUESTS maximum-prefix 3\n")
    one = Caller(bench, 2, more=(BOTH, kept), numbered=True).is_up()
    for number in (1, 2):
        tells(one, number, hop=f"172.16.31.{20 + number}")
    one.waits(1)
    bench.handle(StreamDown(one.stream, StreamEnd.RESET))
    back = Caller(bench, 2, call=1, more=(BOTH, kept), numbered=True).is_up()
    for number in (11, 12):
        tells(back, number, hop=f"172.16.31.{20 + number}")
    back.waits(1)
    back.says(Update())
    back.waits(1)
    machine = bench.machine(BgpMachine)
    assert not back.closed
    assert [path.number for path in machine.ipv4.routes.table.destinations[p(LAN)].paths.values()] == [11, 12]


# The best of several paths, step by step: each pair differs first in what the step looks at.


def path_of_peer(peer: int, *systems: int, **others: object) -> Path:
    """An external path over these systems; others: of its attributes."""
    segments = (Segment(SegmentKind.SEQUENCE, systems),) if systems else ()
    attributes = Attributes(next_hop=IPv4Address(f"10.0.0.{peer}"), path=segments)
    return Path(
        origin=PathOrigin.PEER,
        attributes=replace(attributes, **others),  # type: ignore[arg-type]
        peer=IPv4Address(f"10.0.0.{peer}"),
        identifier=IPv4Address(f"1.1.1.{peer}"),
    )


LONG, SHORT = path_of_peer(1, 65001, 65009), path_of_peer(2, 65002)


@pytest.mark.conforms("bgp:9.1.2.2-order")
@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(replace(LONG, weight=10), SHORT, id="weight"),
        pytest.param(path_of_peer(1, 65001, 65009, local_pref=200), SHORT, id="local preference"),
        pytest.param(replace(LONG, origin=PathOrigin.NETWORK), SHORT, id="our own"),
        pytest.param(SHORT, path_of_peer(1, 65001, 65009, origin=Origin.IGP), id="length of the path"),
        pytest.param(path_of_peer(9, 65001), path_of_peer(1, 65002, origin=Origin.INCOMPLETE), id="origin"),
        pytest.param(path_of_peer(9, 65001, med=5), path_of_peer(1, 65001, med=6), id="MED of one neighboring system"),
        pytest.param(
            path_of_peer(9, 65001), replace(path_of_peer(1, 65002), internal=True), id="external before internal"
        ),
        pytest.param(
            replace(path_of_peer(9, 65001), internal=True),
            replace(path_of_peer(30, 65002), internal=True),
            id="metric to the next hop",
        ),
        pytest.param(
            replace(path_of_peer(9, 65001), since=1.0), replace(path_of_peer(1, 65002), since=2.0), id="the older one"
        ),
        pytest.param(path_of_peer(1, 65001), path_of_peer(9, 65002), id="the smaller identifier"),
    ],
)
def test_each_step_decides_if_those_before_it_do_not(better: Path, worse: Path) -> None:
    def metric_to(hop: IPAddress) -> int:
        return 1 if int(hop) & 0xFF < 20 else 100

    for paths in ([better, worse], [worse, better]):
        assert ordered(paths, metric_to)[0] == better


def test_the_med_of_different_systems_says_nothing() -> None:
    paths = [path_of_peer(1, 65001, med=900), path_of_peer(9, 65002, med=1)]
    assert ordered(paths, lambda _: 1)[0] == paths[0]


@pytest.mark.conforms("bgp:9.1.2.1-resolvable")
def test_a_path_whose_next_hop_cannot_be_reached_is_none() -> None:
    assert ordered([SHORT], lambda _: None) == []


# How BGP finds the best path where IOS lets people choose: `bgp bestpath`, `bgp always-compare-med`.


def numbered_path(number: int, systems: tuple[int, ...], med: int | None = None, since: float = 0.0) -> Path:
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
    near, far = numbered_path(2, (65002,), med=50), numbered_path(1, (65001,), med=100)
    assert best(USUAL, near, far) is far, "the smaller router ID"
    assert best(Decision(compares_all_meds=True), near, far) is near


def test_a_missing_metric_is_the_smallest_or_by_a_line_the_largest() -> None:
    with_none, with_one = numbered_path(2, (65001,)), numbered_path(1, (65001,), med=10)
    assert best(USUAL, with_none, with_one) is with_none
    assert best(Decision(missing_med_is_worst=True), with_none, with_one) is with_one


def test_the_length_of_paths_does_not_count_by_a_line() -> None:
    short, long = numbered_path(2, (65002,)), numbered_path(1, (65001, 65009))
    assert best(USUAL, short, long) is short
    assert best(Decision(ignores_path_length=True), short, long) is long


def test_the_older_external_path_is_better_unless_router_ids_are_compared() -> None:
    older, smaller = numbered_path(2, (65002,), since=1.0), numbered_path(1, (65001,), since=2.0)
    assert best(USUAL, older, smaller) is older
    assert best(Decision(compares_router_ids=True), older, smaller) is smaller


def test_paths_of_other_systems_are_used_at_once_only_by_a_line() -> None:
    paths = [numbered_path(1, (65001,)), numbered_path(2, (65002,)), numbered_path(3, (65003, 65004))]
    assert side_by_side(paths, lambda _: 0, 4, USUAL) == paths[:1]
    assert side_by_side(paths, lambda _: 0, 4, Decision(any_equal_path=True)) == paths[:2]
