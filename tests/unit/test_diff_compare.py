"""What counts as worse, better or otherwise when two networks are compared, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.tools.diff.behavior import (
    Behavior,
    ChangeVerdict,
    LanPair,
    LinterFinding,
    Migration,
    Outage,
    RouterState,
    Talk,
    Topic,
    compare,
    judge_migration,
)
from dmvpn.tools.diff.comparison import Comparison, as_json, as_text
from dmvpn.tools.diff.measuring import choose_pairs, sample
from dmvpn.tools.diff.probing import Lan

PAIR, BACK = LanPair("A", "B"), LanPair("B", "A")
TALK = Talk(way=("A", "B"), next_hop="10.0.0.2", direct_after=0.5, sent=30, mtu=1400, mss=1360)
DEATHS = {"H1": (Outage(pair=PAIR, seconds=3.0, back=True),), "H2": ()}
WHOLE = Behavior(
    lans={"A": "10.1.1.0/24", "B": "10.1.2.0/24"},
    registered=1.0,
    routed=2.0,
    talks={PAIR: TALK, BACK: TALK},
    deaths=DEATHS,
    states={"A": RouterState(nhrp_entries=2, eigrp_routes=3)},
)


def _with_talk(talk: Talk) -> Behavior:
    return replace(WHOLE, talks={PAIR: talk, BACK: TALK})


def _finding(severity: str) -> LinterFinding:
    return LinterFinding(severity=severity, rule="some-rule", where="A.cfg", text="it is so")


def test_nothing_changes_between_a_network_and_itself() -> None:
    assert compare(WHOLE, WHOLE) == []


@pytest.mark.parametrize(
    ("talk", "topic", "after"),
    [
        (Talk(sent=30, lost=30), Topic.REACHABILITY, "cut off"),
        (replace(TALK, way=("A", "H1", "B"), hubs=("H1",)), Topic.WAY, "by H1"),
        (replace(TALK, direct_after=4.0), Topic.DIRECT_AFTER, "4 s"),
        (replace(TALK, lost=5), Topic.LOSS, "5 of 30 packets"),
        (replace(TALK, mtu=1390, mss=1350), Topic.MTU, "1390 octets"),
        (replace(TALK, mss=1361), Topic.MSS, "1361, more than fits"),
        (replace(TALK, mss=1300), Topic.MSS, "1300"),
    ],
)
def test_what_a_pair_loses_is_worse_and_what_it_gains_is_better(talk: Talk, topic: Topic, after: str) -> None:
    (worse,) = [change for change in compare(WHOLE, _with_talk(talk)) if change.topic is topic]
    assert (worse.verdict, worse.subject, worse.after) == (ChangeVerdict.WORSE, "A to B", after)
    (better,) = [change for change in compare(_with_talk(talk), WHOLE) if change.topic is topic]
    assert (better.verdict, better.before) == (ChangeVerdict.BETTER, after)


def test_another_hub_on_the_way_is_neither_worse_nor_better() -> None:
    by_one = _with_talk(replace(TALK, way=("A", "H1", "B"), hubs=("H1",)))
    by_other = _with_talk(replace(TALK, way=("A", "H2", "B"), hubs=("H2",), next_hop="10.0.0.9"))
    (change,) = compare(by_one, by_other)
    assert (change.topic, change.verdict, change.before, change.after) == (
        Topic.WAY,
        ChangeVerdict.CHANGED,
        "by H1",
        "by H2",
    )


def test_the_same_way_by_another_next_hop_is_told() -> None:
    (change,) = compare(WHOLE, _with_talk(replace(TALK, next_hop="10.9.9.9")))
    assert (change.topic, change.verdict) == (Topic.NEXT_HOP, ChangeVerdict.CHANGED)


def test_a_packet_more_or_less_and_half_a_second_are_chance() -> None:
    assert compare(WHOLE, replace(_with_talk(replace(TALK, lost=1, direct_after=1.4)), routed=2.9)) == []


def test_a_network_that_never_registers_is_worse_and_says_who() -> None:
    (change,) = compare(WHOLE, replace(WHOLE, registered=None))
    assert (change.topic, change.verdict, change.after) == (Topic.REGISTRATION, ChangeVerdict.WORSE, "never")
    one = replace(WHOLE, registered=None, unregistered=("A: no",))
    two = replace(WHOLE, registered=None, unregistered=("A: no", "B: no"))
    (change,) = compare(one, two)
    assert (change.verdict, change.after) == (ChangeVerdict.WORSE, "2 missing: A: no; B: no")


def test_the_second_hub_that_goes_takes_the_safety_with_it() -> None:
    (change,) = compare(WHOLE, replace(WHOLE, deaths={}))
    assert (change.topic, change.verdict) == (Topic.DEATH, ChangeVerdict.WORSE)
    assert change.after == "no substitute for a dead hub"


def test_a_pair_that_a_dead_hub_cuts_off_for_good_is_worse_than_any_time() -> None:
    cut = replace(WHOLE, deaths={"H1": (Outage(pair=PAIR, seconds=3.0, back=False),), "H2": ()})
    (change,) = compare(WHOLE, cut)
    assert (change.verdict, change.subject, change.before, change.after) == (
        ChangeVerdict.WORSE,
        "H1: A to B",
        "3 s lost",
        "cut off for good",
    )


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [("error", ChangeVerdict.WORSE), ("warning", ChangeVerdict.WORSE), ("advice", ChangeVerdict.CHANGED)],
)
def test_a_new_finding_is_worse_unless_it_is_advice(severity: str, verdict: ChangeVerdict) -> None:
    (change,) = compare(WHOLE, replace(WHOLE, findings=(_finding(severity),)))
    assert (change.topic, change.verdict, change.after) == (Topic.LINT, verdict, f"{severity} some-rule: it is so")


def test_a_finding_that_is_there_twice_counts_twice() -> None:
    once, twice = (replace(WHOLE, findings=(_finding("error"),) * count) for count in (1, 2))
    (change,) = compare(twice, once)
    assert change.verdict is ChangeVerdict.BETTER


def test_a_finding_that_says_the_same_in_other_words_is_neither_worse_nor_better() -> None:
    """An MTU from 1300 to 1340 that the MSS still does not fit was "worse: takes 1340" and "better: takes 1300"."""
    old = replace(_finding("warning"), text="Tunnel0 takes 1300")
    new = replace(_finding("warning"), text="Tunnel0 takes 1340")
    (change,) = compare(replace(WHOLE, findings=(old,)), replace(WHOLE, findings=(new,)))
    assert (change.verdict, change.subject) == (ChangeVerdict.CHANGED, "A.cfg")
    assert (change.before, change.after) == (
        "warning some-rule: Tunnel0 takes 1300",
        "warning some-rule: Tunnel0 takes 1340",
    )
    worse = compare(replace(WHOLE, findings=(old,)), replace(WHOLE, findings=(new, _finding("warning"))))
    assert [change.verdict for change in worse] == [ChangeVerdict.CHANGED, ChangeVerdict.WORSE], (
        "only the surplus is worse"
    )


@pytest.mark.parametrize("new", [{"where": "B.cfg"}, {"rule": "another"}, {"severity": "error"}])
def test_a_finding_elsewhere_of_another_rule_or_more_serious_is_another_one(new: dict[str, str]) -> None:
    found = compare(
        replace(WHOLE, findings=(_finding("warning"),)), replace(WHOLE, findings=(replace(_finding("warning"), **new),))
    )
    assert [change.verdict for change in found] == [ChangeVerdict.WORSE, ChangeVerdict.BETTER]


def test_state_that_grows_is_told_without_a_judgment() -> None:
    grown = replace(WHOLE, states={"A": RouterState(nhrp_entries=9, eigrp_routes=3)})
    (change,) = compare(WHOLE, grown)
    assert (change.subject, change.before, change.after, change.verdict) == (
        "NHRP entries of A",
        "2",
        "9",
        ChangeVerdict.CHANGED,
    )


def test_a_router_and_a_lan_that_are_gone_are_no_loss_of_somebody_else() -> None:
    left = replace(WHOLE, lans={"A": "10.1.1.0/24"}, talks={}, states={})
    assert {change.verdict for change in compare(WHOLE, left)} == {ChangeVerdict.CHANGED}


@pytest.mark.parametrize("name", ["B", "B:GigabitEthernet0/3"])
def test_a_lan_that_its_router_loses_is_worse(name: str) -> None:
    before = replace(WHOLE, lans={**WHOLE.lans, name: "10.1.3.0/24"})
    after = replace(WHOLE, lans={"A": "10.1.1.0/24"}, states={**WHOLE.states, "B": WHOLE.states["A"]})
    (change,) = [change for change in compare(before, after) if change.subject == f"LAN of {name}"]
    assert (change.before, change.after, change.verdict) == ("10.1.3.0/24", "", ChangeVerdict.WORSE)


def test_the_change_itself_is_judged_only_where_somebody_set_a_limit() -> None:
    migration = Migration(how="at once", outages=(Outage(pair=PAIR, seconds=4.0, back=True),))
    assert judge_migration(migration, None) == []
    assert judge_migration(migration, 5.0) == []
    (change,) = judge_migration(migration, 3.0)
    assert (change.verdict, change.after) == (ChangeVerdict.WORSE, "4 s lost")


def test_the_text_has_what_gets_worse_first_and_names_of_many_the_first() -> None:
    names = [LanPair("A", f"B{number}") for number in range(9)]
    before = replace(WHOLE, talks=dict.fromkeys(names, TALK))
    after = replace(WHOLE, talks=dict.fromkeys(names, Talk(sent=30, lost=30)), findings=(_finding("advice"),))
    changes = tuple(compare(before, after))
    lines = list(as_text(Comparison(before=before, after=after, changes=changes, migration=None)))
    assert lines[0] == "Worse:"
    assert lines[1] == "  reachability       A to B0, A to B1, A to B2 and 6 more: direct -> cut off"
    assert lines[2] == "Changed:"
    assert lines[-1] == "9 things get worse."


def test_the_json_can_be_read_back_and_says_whether_it_is_worse() -> None:
    after = _with_talk(Talk(sent=30, lost=30))
    migration = Migration(how="at once", outages=(Outage(pair=PAIR, seconds=4.0, back=True),))
    found = as_json(Comparison(before=WHOLE, after=after, changes=tuple(compare(WHOLE, after)), migration=migration))
    assert found["worse"] is True
    assert found["sampled"] == ""
    assert found["changes"] == [
        {"topic": "reachability", "subject": "A to B", "before": "direct", "after": "cut off", "verdict": "worse"}
    ]
    assert found["migration"] == {
        "how": "at once",
        "outages": [{"pair": "A to B", "seconds": 4.0, "back": True}],
        "untried": "",
        "lives_on": [],
    }


def test_of_a_pair_that_is_cut_off_nobody_reads_that_it_loses_nothing() -> None:
    """A change whose effect waits for a holding time: `cut off` above, and `no pair loses a packet` below."""
    cut_off = Talk(sent=30, lost=30)
    after = replace(WHOLE, talks={PAIR: cut_off, BACK: cut_off})
    outage = Outage(pair=BACK, seconds=2.0, back=True)
    for outages in ((), (outage,)):
        migration = Migration(how="at once", outages=outages, watched=(PAIR, BACK))
        lines = list(as_text(Comparison(before=WHOLE, after=after, changes=(), migration=migration)))
        assert not any("loses a packet" in line or "costs nothing" in line for line in lines)
        assert any(line.startswith("  A to B") and "served by entries learned before" in line for line in lines)
        assert any("B to A" in line and "served by entries learned before" in line for line in lines)


def test_of_a_pair_that_was_cut_off_before_a_dead_hub_takes_nothing() -> None:
    before = _with_talk(Talk(sent=30, lost=30))
    changes = compare(replace(before, deaths={"H1": (), "H2": ()}), WHOLE)
    assert not [change for change in changes if change.topic is Topic.DEATH]


def test_a_sample_is_the_same_on_both_sides_and_a_new_lan_is_always_in_it() -> None:
    names = [f"S{number}" for number in range(300)]
    many, few = _lans(*names), _lans(*names[:5])
    assert choose_pairs(many, 1) == choose_pairs(_lans(*reversed(names)), 1) != choose_pairs(many, 2)
    assert len(set(choose_pairs(many, 1))) == 240
    about = choose_pairs(_lans(*names, "NEW"), 1, about=["NEW"])
    assert len(about) == 240
    assert all("NEW" in pair for pair in about)
    assert len(choose_pairs(few, 1, about=names[:1])) == 8
    assert choose_pairs(few, 1, about=[]) == ()


def test_lans_of_two_customers_are_no_pair() -> None:
    lans = {**_lans("R1", "R2", vrf="RED"), **_lans("B1", "B2", vrf="BLUE")}
    assert {"".join(pair) for pair in choose_pairs(lans, 1)} == {"R1R2", "R2R1", "B1B2", "B2B1"}


def _lans(*names: str, vrf: str = "") -> dict[str, Lan]:
    prefix = Prefix.of(IPv4Address("10.0.0.0"), 24)
    return {name: Lan(name, "GigabitEthernet0/2", f"{name}-host", prefix.address, prefix, vrf, vrf) for name in names}


@pytest.mark.parametrize(
    ("pairs", "most", "taken"), [(0, 60, 0), (6, 60, 6), (60, 60, 60), (61, 60, 31), (240, 24, 24)]
)
def test_what_takes_long_is_done_with_a_part_of_the_pairs(pairs: int, most: int, taken: int) -> None:
    assert len(sample([PAIR] * pairs, most)) == taken


def test_without_lans_nobody_reads_that_all_is_reached() -> None:
    bare = replace(WHOLE, lans={}, talks={})
    lines = list(as_text(Comparison(before=bare, after=bare, changes=(), migration=None)))
    assert "  reachability       not tried: no two LANs" in lines
