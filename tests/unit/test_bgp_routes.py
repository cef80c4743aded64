"""A confederation of BGP: several systems that are one for those outside, RFC 5065."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest

from dmvpn.base.communities import (
    ORIGIN,
    TARGET,
    CommunityChange,
    ExtendedChange,
    extended,
    extended_text,
    extended_value,
    large_text,
    large_value,
)
from dmvpn.base.pages import NONE
from dmvpn.features.bgp import input
from dmvpn.features.bgp.attributes import Attributes, Community, Segment, SegmentKind, path_text, read, write
from dmvpn.features.bgp.machine import BgpMachine
from dmvpn.features.bgp.output import Audience, default_route, sent_attributes
from dmvpn.features.bgp.packet import Keepalive, Notification, Open, Update
from dmvpn.features.bgp.paths import Path, PathOrigin, ordered
from dmvpn.features.bgp.settings import configured_peers
from dmvpn.network.device import Device
from dmvpn.router.features import FEATURES
from support.routing import Caller, a, hub, p
from support.texts import is_golden
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
    found = bench.machine(BgpMachine).ipv4.routes.table.destinations.get(p(LAN))
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


# Routes of BGP that come and go are not used for a while: RFC 2439, with the numbers of IOS.

DAMPED, ALSO_DAMPED = "10.9.0.0/16", "10.8.0.0/16"
DAMPENING = " bgp dampening\n"


@pytest.fixture
def damping() -> Workbench:
    return hub(DAMPENING)


def flaps_once(caller: Caller, prefix: str = DAMPED) -> None:
    """It comes and goes."""
    caller.announces(prefix)
    caller.says(Update(withdrawn=(p(prefix),)))


def is_used(bench: Workbench, prefix: str = DAMPED) -> bool:
    bench.advance(0.1)
    return bench.machine(BgpMachine).ipv4.routes.table.best(p(prefix)) is not None


@pytest.mark.conforms("bgp:2439-suppress")
def test_a_route_that_went_three_times_is_not_used_when_it_comes_again_and_others_are(damping: Workbench) -> None:
    one, listener = Caller(damping, 2).is_up(), Caller(damping, 3).is_up()
    for _ in range(2):
        flaps_once(one)
    one.announces(DAMPED)
    assert is_used(damping)
    one.says(Update(withdrawn=(p(DAMPED),)))
    one.announces(DAMPED, ALSO_DAMPED)
    assert (is_used(damping), is_used(damping, ALSO_DAMPED)) == (False, True)
    listener.heard.clear()
    listener.waits(1)
    assert p(DAMPED) not in [prefix for update in listener.updates for prefix in update.announced]
    assert " *d   10.9.0.0/16" in "\n".join(damping.show("show ip bgp"))


@pytest.mark.conforms("bgp:2439-reuse")
def test_it_is_used_again_when_half_lives_have_brought_its_penalty_down(damping: Workbench) -> None:
    """3000 is down to 750 after two half-lives of 15 minutes."""
    one = Caller(damping, 2).is_up()
    for _ in range(3):
        flaps_once(one)
    one.announces(DAMPED)
    assert not is_used(damping)
    keep_alive(one, 1790)
    assert not is_used(damping)
    keep_alive(one, 20)
    assert is_used(damping)
    assert "10.9.0.0" in "\n".join(damping.show("show ip bgp flap-statistics"))
    keep_alive(one, 910)
    assert not damping.show("show ip bgp flap-statistics")


def keep_alive(caller: Caller, seconds: int) -> None:
    """Wait without losing the session, whose hold time is 90 s."""
    for _ in range(seconds // 10):
        caller.waits(10)
        caller.says(Keepalive())


@pytest.mark.conforms("bgp:2439-ceiling")
def test_however_often_it_flaps_it_waits_no_longer_than_the_longest_time() -> None:
    bench = hub(" bgp dampening 1 750 2000 2\n")
    one = Caller(bench, 2).is_up()
    for _ in range(50):
        flaps_once(one)
    one.announces(DAMPED)
    assert not is_used(bench)
    keep_alive(one, 130)
    assert is_used(bench)


def test_a_changed_route_counts_half_and_a_repeated_one_and_a_lost_session_nothing(damping: Workbench) -> None:
    one = Caller(damping, 2).is_up()
    one.announces(DAMPED)
    one.announces(DAMPED)
    one.announces(DAMPED, hop="172.16.31.20")
    one.says(Notification(6, 2))
    ((_, flap),) = damping.machine(BgpMachine).ipv4.flaps.all()
    assert (flap.count, flap.penalty) == (1, 500.0)


def test_routes_of_our_own_system_are_not_dampened() -> None:
    bench = hub(f"{DAMPENING} neighbor GUESTS local-as 65001\n")
    one = Caller(bench, 2).is_up()
    for _ in range(4):
        flaps_once(one)
    assert list(bench.machine(BgpMachine).ipv4.flaps.all()) == []


@pytest.mark.parametrize(
    ("line", "is_cleared"),
    [
        ("clear ip bgp dampening", True),
        ("clear ip bgp dampening 10.9.0.0 255.255.0.0", True),
        ("clear ip bgp dampening 10.8.0.0 255.255.0.0", False),
        ("clear bgp ipv4 unicast flap-statistics", True),
    ],
)
def test_clear_lets_routes_be_used_again(damping: Workbench, line: str, is_cleared: bool) -> None:
    one = Caller(damping, 2).is_up()
    for _ in range(4):
        flaps_once(one)
    one.announces(DAMPED)
    assert not is_used(damping)
    damping.do(line)
    assert is_used(damping) is is_cleared


def test_without_the_line_all_routes_are_used_again(damping: Workbench) -> None:
    one = Caller(damping, 2).is_up()
    for _ in range(4):
        flaps_once(one)
    one.announces(DAMPED)
    assert not is_used(damping)
    damping.configure("router bgp 65000\n no bgp dampening\n")
    assert is_used(damping)
    assert damping.show("show ip bgp dampening parameters") == ["% dampening not enabled for base"]


def test_no_more_routes_are_remembered_than_there_is_room_for(damping: Workbench) -> None:
    one = Caller(damping, 2).is_up()
    with patch.object(input, "MOST", 5):
        for number in range(9):
            flaps_once(one, f"10.9.{number}.0/24")
    assert len(list(damping.machine(BgpMachine).ipv4.flaps.all())) == 5


def test_shows_say_what_holds_and_what_is_held_against_routes(damping: Workbench) -> None:
    one = Caller(damping, 2).is_up()
    for _ in range(3):
        flaps_once(one)
    assert damping.show("show ip bgp dampening dampened-paths") == []
    assert " h 10.9.0.0/16      172.16.31.2     3     00:00:00 00:30:00 65001" in damping.show(
        "show ip bgp flap-statistics"
    )
    one.announces(DAMPED)
    damping.advance(60)
    assert "*d 10.9.0.0/16      172.16.31.2      00:29:00 65001 i" in damping.show("show ip bgp dampened-paths")
    details = damping.show("show ip bgp 10.9.0.0")
    assert "  65001, (suppressed due to dampening)" in details
    assert "      Dampinfo: penalty 2865, flapped 3 times in 00:01:00, reuse in 00:29:00" in details
    is_golden(
        damping.show("show ip bgp dampening parameters"),
        "bgp_routes/shows_say_what_holds_and_what_is_held_against_routes",
    )


def test_a_reuse_limit_above_the_suppress_limit_is_refused(damping: Workbench) -> None:
    assert damping.problems("router bgp 65000\n bgp dampening 15 3000 2000 60\n")


# Which communities a neighbor is told of a route.

NEIGHBOR = a("192.0.2.2")
ROUTE_TARGET, LINK_BANDWIDTH = bytes.fromhex("0002fe4c00000005"), bytes.fromhex("4004fe4c49742400")
PLAIN, LARGE = (65100 << 16) + 33, bytes(11) + b"\x01"


def audience(*lines: str, remote_as: int = 65002) -> Audience:
    """The neighbor with these lines, as an audience."""
    text = "".join(f" neighbor {NEIGHBOR} {line}\n" for line in (f"remote-as {remote_as}", *lines))
    settings = configured_peers(Device.read("R1", f"router bgp 65001\n{text}").bgp)[NEIGHBOR]
    us = a("192.0.2.1")
    return Audience.of(settings, local=us, router_id=us, cluster_id=us, shared=None)


def heard(*lines: str, remote_as: int = 65002) -> Attributes:
    """What the neighbor with these lines hears of a route with a community of every kind."""
    attributes = Attributes(
        next_hop=a("192.0.2.9"), communities=(PLAIN,), extended=(ROUTE_TARGET, LINK_BANDWIDTH), large=(LARGE,)
    )
    path = Path(origin=PathOrigin.PEER, attributes=attributes, peer=a("192.0.2.9"))
    answer = sent_attributes(path, audience(*lines, remote_as=remote_as))
    assert answer is not None
    return answer


@pytest.mark.conforms("bgp:1997-kinds")
@pytest.mark.parametrize(
    ("lines", "plain", "extended"),
    [
        ((), False, False),
        (("send-community",), True, False),
        (("send-community standard",), True, False),
        (("send-community extended",), False, True),
        (("send-community both",), True, True),
    ],
)
def test_a_neighbor_is_told_the_kinds_of_communities_that_its_line_names(
    lines: tuple[str, ...], plain: bool, extended: bool
) -> None:
    """Seen beside FRR: `send-community` told extended communities, too."""
    attributes = heard(*lines)
    assert (bool(attributes.communities), bool(attributes.large)) == (plain, plain)
    assert bool(attributes.extended) is extended


@pytest.mark.conforms("bgp:4360-scope")
def test_an_extended_community_that_is_not_transitive_stays_in_its_system() -> None:
    """RFC 4360 §6."""
    assert heard("send-community both").extended == (ROUTE_TARGET,)
    assert heard("send-community both", remote_as=65001).extended == (ROUTE_TARGET, LINK_BANDWIDTH)


@pytest.mark.conforms("bgp:8326-sender")
@pytest.mark.parametrize(("remote_as", "preference"), [(65002, None), (65001, 7)])
def test_a_default_route_that_we_originate_is_marked_before_the_session_ends(
    remote_as: int, preference: int | None
) -> None:
    lines = ("default-originate", "send-community", "shutdown graceful 60 local-preference 7")
    route = default_route(audience(*lines, remote_as=remote_as))
    assert (route.communities, route.local_pref) == ((Community.GRACEFUL_SHUTDOWN,), preference)


# Communities of BGP: how they are typed, shown and changed.


def target(text: str) -> int:
    value = extended_value(text)
    assert value is not None
    return extended(TARGET, value)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("65100:5", "0002fe4c00000005"),
        ("65100:4294967295", "0002fe4cffffffff"),
        ("192.0.2.1:7", "0102c00002010007"),
        ("4200000000:9", "0202fa56ea000009"),
    ],
)
def test_a_route_target_is_the_octets_that_its_administrator_asks_for_and_is_shown_as_it_was_typed(
    text: str, octets: str
) -> None:
    """RFC 4360 §4, RFC 5668 §2."""
    assert target(text).to_bytes(8, "big").hex() == octets
    assert extended_text([target(text)]) == f"RT:{text}"


@pytest.mark.parametrize(
    "text", ["", "5", "65100:", ":5", "65536:65536", "4294967296:1", "1.2.3.4:65536", "1.2.3:4", "a:b", "1:4294967296"]
)
def test_what_is_no_extended_community_is_refused(text: str) -> None:
    assert extended_value(text) is None


def test_an_extended_community_of_another_kind_is_shown_as_numbers() -> None:
    assert extended_text([int("4004fe4c49742400", 16)]) == "0x4004:65100:1232348160"


@pytest.mark.parametrize("text", ["", "1:2", "1:2:3:4", "1:2:4294967296", "1::3", "-1:2:3"])
def test_what_is_no_large_community_is_refused(text: str) -> None:
    assert large_value(text) is None


def test_a_large_community_is_three_numbers() -> None:
    value = large_value("4200000000:3:4")
    assert value is not None
    assert value.to_bytes(12, "big").hex() == "fa56ea000000000300000004"
    assert large_text([value]) == "4200000000:3:4"


def test_route_targets_take_the_place_of_others_and_leave_the_site_and_other_kinds() -> None:
    site, bandwidth = extended(ORIGIN, extended_value("1:1") or 0), int("4004fe4c49742400", 16)
    there = (target("1:1"), site, bandwidth)
    assert ExtendedChange((target("2:2"),)).applied(there) == (target("2:2"), site, bandwidth)
    assert ExtendedChange((target("2:2"),), additive=True).applied(there) == (
        target("1:1"),
        target("2:2"),
        site,
        bandwidth,
    )
    other = extended(ORIGIN, extended_value("3:3") or 0)
    assert ExtendedChange(origin=other).applied(there) == (target("1:1"), other, bandwidth)


def test_an_opaque_community_is_no_route_target_whatever_its_subtype_is() -> None:
    """`set extcommunity rt` removed it: RFC 4360 §3.3 gives these a space of subtypes of their own."""
    opaque = 0x03 << 56 | TARGET << 48 | 7
    assert ExtendedChange((target("2:2"),)).applied((target("1:1"), opaque)) == (target("2:2"), opaque)


def test_changes_of_two_entries_are_made_one_after_the_other() -> None:
    first, second = ExtendedChange((target("1:1"),)), ExtendedChange((target("2:2"),), additive=True)
    assert first.then(second).applied((target("9:9"),)) == (target("1:1"), target("2:2"))
    assert second.then(first).applied((target("9:9"),)) == (target("1:1"),)
    plain = CommunityChange((1,)).then(CommunityChange((2,), additive=True))
    assert plain.applied((9,)) == (1, 2)


# What `neighbor` takes for the name of a peer group.


@pytest.mark.parametrize("name", ["SPOKES", "64501AS", "64501AS6", "as-64501.internal"])
def test_a_group_has_members_whatever_its_name_begins_with(name: str) -> None:
    """Seen: `neighbor 64501AS peer-group` was kept without effect, and nobody of the group was a neighbor."""
    lines = f" neighbor {name} peer-group\n neighbor {name} remote-as 2\n neighbor 192.0.2.1 peer-group {name}\n"
    neighbors = Device.read("R1", f"router bgp 1\n{lines}").bgp.neighbors
    assert [str(one.peer) for one in neighbors if one.is_group and one.remote_as == 2] == [name]
    assert [str(one.peer) for one in neighbors if one.group == name] == ["192.0.2.1"]


@pytest.mark.parametrize("name", ["64501", "10.0.0", "192.0.2.1O", "2001:db8:::1"])
def test_what_looks_like_an_address_is_no_name(name: str) -> None:
    assert Device.read("R1", f"router bgp 1\n neighbor {name} remote-as 2\n").bgp.neighbors == NONE


# `no neighbor X SETTING` without the value, as engineers type it and as the doctor prints it.

LINES = (
    "remote-as 65001",
    "description the first of two",
    "password Secret",
    "update-source Tunnel0",
    "weight 10",
    "maximum-prefix 10",
    "advertisement-interval 3",
    "local-as 65009",
    "ttl-security hops 2",
    "timers 3 9",
)


@pytest.mark.parametrize("line", LINES[1:])
def test_a_setting_of_a_neighbor_is_taken_back_by_its_name_alone(line: str) -> None:
    """`% Incomplete command.`, because `password` and `weight` are names of values, too."""
    bench = Workbench(*FEATURES)
    peers = ("10.0.0.2", "10.0.0.3")
    text = "".join(f" neighbor {peer} {each}\n" for peer in peers for each in LINES)
    bench.configure(f"interface Tunnel0\nrouter bgp 65000\n{text}")
    before = bench.running_lines()
    bench.configure(f"router bgp 65000\n no neighbor 10.0.0.2 {line.split()[0]}\n")
    after = bench.running_lines()
    assert [each.strip() for each in before if each not in after] == [f"neighbor 10.0.0.2 {line}"]
