"""`dmvpn diff` of changed access lists: which flows no longer pass, which pass now, and which entry decides."""

from __future__ import annotations

import pytest

from dmvpn.shells.scenario import Scenario
from dmvpn.tools.diff.behavior import ChangeVerdict, LanPair, NetworkChange, Talk, Topic
from dmvpn.tools.diff.comparison import as_text, compare_networks
from dmvpn.tools.diff.flows import flow_changes
from dmvpn.tools.diff.measuring import Subject

PAIR = LanPair("R31", "R41")
_IN = "interface GigabitEthernet0/2\n ip access-group L in\n"
_OUT = "interface GigabitEthernet0/2\n ip access-group L out\n"
_TUNNEL = "interface Tunnel100\n ip access-group L in\n"


def _network(**more: str) -> Scenario:
    """notes-phase3 with more lines on its routers."""
    scenario = Scenario.load("notes-phase3")
    for name, lines in more.items():
        scenario.configurations[name] = scenario.configurations[name].removesuffix("end\n") + lines
    return scenario


def _listed(*entries: str) -> str:
    return "\n ".join(("ip access-list extended L", *entries)) + "\n"


def changes(before: dict[str, str], after: dict[str, str], *way: str) -> list[NetworkChange]:
    """The changed flows from R31's LAN to R41's, whose packets take this way."""
    old, new = (Subject.of(_network(**texts), 1) for texts in (before, after))
    talks = {PAIR: Talk(way=way or ("R31", "R41"))}
    return list(flow_changes(old, new, talks, talks))


def said(found: list[NetworkChange]) -> list[tuple[str, str]]:
    return [(one.before, one.after) for one in found]


def test_a_flow_that_a_new_list_denies_is_named_with_the_entry() -> None:
    text = _IN + _listed("deny tcp any any eq 22", "permit ip any any")
    (change,) = changes({}, {"R31": text})
    assert (change.topic, change.subject, change.verdict) == (Topic.FLOWS, "R31 to R41", ChangeVerdict.WORSE)
    assert said([change]) == [
        (
            "tcp to port 22 passes",
            "denied by R31 GigabitEthernet0/2 in, list L, entry 10 (deny tcp any any eq 22)",
        )
    ]
    (back,) = changes({"R31": text}, {})
    assert (back.verdict, back.before, back.after) == (ChangeVerdict.CHANGED, change.after, change.before)


def test_flows_that_no_longer_pass_and_flows_that_pass_now_are_named_both() -> None:
    before = _OUT + _listed("permit tcp any any eq 80", "permit tcp any any eq 22", "permit icmp any any")
    after = _OUT + _listed("permit tcp any any eq 80", "permit tcp any any eq 443", "permit icmp any any")
    end = "denied by R41 GigabitEthernet0/2 out, list L: no entry permits it"
    assert said(changes({"R41": before}, {"R41": after})) == [
        ("tcp to port 22 passes", end),
        (end, "tcp to port 443 passes"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        ("100 permit tcp any any eq 22", "200 deny tcp any any", "300 permit ip any any"),
        ("permit tcp any any eq 22", "deny tcp any any gt 22", "deny tcp any any lt 22", "permit ip any any"),
        ("deny tcp any any lt 22", "deny tcp any any gt 22", "permit ip any any"),
        ("permit tcp any any eq 22 log", "remark no more", "deny tcp any any log", "permit ip any any"),
        ("deny tcp host 172.31.0.1 any", "permit tcp any any eq 22", "deny tcp any any", "permit ip any any"),
    ],
)
def test_a_list_in_other_words_is_the_same_list(other: tuple[str, ...]) -> None:
    text = _IN + _listed("permit tcp any any eq 22", "deny tcp any any", "permit ip any any")
    assert (
        changes({"R31": text}, {"R31": _IN.replace(" L ", " M ") + _listed(*other).replace("extended L", "extended M")})
        == []
    )


def test_a_list_moved_to_another_place_of_the_way_is_the_same_for_the_pair() -> None:
    entries = _listed("deny udp any any", "permit ip any any")
    assert changes({"R31": _IN + entries}, {"R41": _OUT + entries}) == []
    assert changes({"R31": _IN + entries}, {"R41": _TUNNEL + entries}) == []
    assert changes({}, {"R41": _IN + entries}) == [], "not on the way"


def test_a_router_between_them_filters_on_its_tunnel() -> None:
    entries = _TUNNEL + _listed("deny tcp any 10.4.4.0 0.0.0.255 range 20 25", "permit ip any any")
    (change,) = changes({}, {"R11": entries}, "R31", "R11", "R41")
    assert change.before == "tcp to port 20-25 passes"
    assert change.after.startswith("denied by R11 Tunnel100 in, list L, entry 10")
    assert changes({}, {"R11": entries}) == [], "direct"


def test_addresses_are_named_where_only_some_of_the_lan_are_meant() -> None:
    (change,) = changes({}, {"R31": _IN + _listed("deny ip host 10.3.3.9 any", "permit ip any any")})
    assert change.before == "ip from 10.3.3.9 passes"


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        (("deny udp object-group THREE any",), "udp from 10.3.3.3, 10.3.3.9, 10.3.3.64/26"),
        (("deny tcp any object-group FAR eq 22",), "tcp to port 22 to 10.4.4.1, 10.4.4.9"),
        (
            ("deny udp object-group THREE object-group FAR",),
            "udp from 10.3.3.3, 10.3.3.9, 10.3.3.64/26 to 10.4.4.1, 10.4.4.9",
        ),
        (("permit udp host 10.3.3.9 any", "deny udp 10.3.3.8 0.0.0.3 any"), "udp from 10.3.3.10/31, 10.3.3.8"),
        (
            ("permit udp host 10.3.3.9 any", "deny udp any any"),
            "udp from 10.3.3.128/25, 10.3.3.64/26, 10.3.3.32/27, ...",
        ),
        (("deny icmp any any unreachable",), "icmp type 3"),
        (("permit icmp any any echo", "deny icmp any any"), "icmp types 0-7, 9-255"),
        (("deny icmp any any packet-too-big",), "icmp type 3 code 4"),
    ],
)
def test_all_parts_of_what_an_entry_denies_are_named(entries: tuple[str, ...], named: str) -> None:
    """The first part was named alone, as if the entry denied nothing else."""
    groups = (
        "object-group network THREE\n host 10.3.3.3\n host 10.3.3.9\n 10.3.3.64 255.255.255.192\n"
        "object-group network FAR\n host 10.4.4.1\n host 10.4.4.9\n"
    )
    (change,) = changes({}, {"R31": groups + _IN + _listed(*entries, "permit ip any any")})
    assert change.before == f"{named} passes"


def test_the_comparison_of_two_networks_tells_of_flows() -> None:
    """What is measured is of one kind, and passes in both."""
    after = _network(R31=_IN + _listed("deny tcp any any eq 22", "permit ip any any"))
    told = compare_networks(_network(), after, order=None)
    assert told.is_worse
    (line,) = (line for line in as_text(told) if "flows" in line)
    assert line.split(maxsplit=1)[1] == (
        "R31 to R11, R31 to R41: tcp to port 22 passes -> denied by R31 GigabitEthernet0/2 in, list L, entry 10 (deny "
        "tcp any any eq 22)"
    )


def test_flows_are_compared_where_a_list_denies_the_packets_that_are_measured() -> None:
    """They are UDP; their way is that of the packets of the other direction."""
    before = _network(R31=_IN + _listed("permit tcp any any", "permit icmp any any"))
    after = _network(R31=_IN + _listed("permit tcp any any", "permit icmp any any echo"))
    told = compare_networks(before, after, order=None)
    assert told.is_worse
    assert "icmp types 0-7, 9-255 passes -> denied by R31" in "\n".join(as_text(told))


def test_pairs_whose_packets_a_list_denies_are_counted_apart_from_those_that_are_cut_off() -> None:
    """`2 of 6 pairs of LANs` looked like a network that is broken, where a list lets TCP alone pass."""
    entries = _IN + _listed("permit tcp any any", "permit icmp any any")
    told = compare_networks(_network(R31=entries), _network(R31=entries), order=None)
    (line,) = (line for line in as_text(told) if "reachability" in line)
    assert line.split(maxsplit=1)[1] == "4 of 6 pairs of LANs; access lists deny the measured packets (UDP) of 2"
    (line,) = (
        line for line in as_text(compare_networks(_network(), _network(R31=entries), order=None)) if "direct ->" in line
    )
    assert line.endswith("direct -> denied by access lists")
