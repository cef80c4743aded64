"""`dmvpn diff`: known changes of known networks, and what it says of them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.base.events import ConfigurationEntered, Event
from dmvpn.judge.variants import vary
from dmvpn.shells.lab_model import Lab, LinkSpec
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.multiply import multiply
from dmvpn.shells.simulator.simulator import Simulator
from dmvpn.shells.simulator.topologies import go_direct
from dmvpn.tools.diff.behavior import ChangeVerdict, LanPair, NetworkChange, Talk, Topic
from dmvpn.tools.diff.comparison import as_text, compare_networks
from dmvpn.tools.diff.flows import flow_changes
from dmvpn.tools.diff.measuring import Subject, choose_pairs, converge, measure, watch
from dmvpn.tools.diff.migration import migrate
from support.written import DYNAMIC, MULTICAST, NHS, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.tools.diff.comparison import Comparison


def _changed(name: str, change: Callable[[str, str], str], *, without: str = "") -> tuple[Scenario, Scenario]:
    """A built-in scenario, and the same with other configurations. without: a router that is gone."""
    before = Scenario.load(name)
    texts = {router: change(router, text) for router, text in before.configurations.items() if router != without}
    lab = before.lab.model_copy(
        update={
            "routers": {router: spec for router, spec in before.lab.routers.items() if router != without},
            "links": [link for link in before.lab.links if all(end.partition(":")[0] != without for end in link.ends)],
            "hosts": {host: spec for host, spec in before.lab.hosts.items() if spec.link.partition(":")[0] != without},
        }
    )
    return before, Scenario(before.name, lab, texts)


def _told(comparison: Comparison, topic: Topic) -> dict[str, tuple[str, str, ChangeVerdict]]:
    return {
        change.subject: (change.before, change.after, change.verdict)
        for change in comparison.changes
        if change.topic is topic
    }


def test_a_description_changes_nothing_and_loses_nothing() -> None:
    before, after = _changed(
        "notes-phase3", lambda _, text: text.replace(" bandwidth 4000", " description WAN\n bandwidth 4000")
    )
    comparison = compare_networks(before, after)
    assert comparison.changes == ()
    assert comparison.migration is not None
    assert comparison.migration.outages == ()
    assert not comparison.is_worse


def test_a_spoke_that_loses_its_shortcut_goes_by_the_hub_again() -> None:
    before, after = _changed(
        "notes-phase3", lambda name, text: text.replace(" ip nhrp shortcut\n", "") if name == "R31" else text
    )
    comparison = compare_networks(before, after, order=None)
    assert _told(comparison, Topic.WAY) == {"R31 to R41": ("direct", "by R11", ChangeVerdict.WORSE)}
    assert comparison.is_worse


def test_a_hub_without_redirect_keeps_everybody_on_itself() -> None:
    before, after = _changed("notes-phase3", lambda _, text: text.replace(" ip nhrp redirect\n", ""))
    comparison = compare_networks(before, after, order=None)
    assert set(_told(comparison, Topic.WAY)) == {"R31 to R41", "R41 to R31"}
    assert _told(compare_networks(after, before, order=None), Topic.WAY)["R31 to R41"][2] is ChangeVerdict.BETTER


def test_a_smaller_mtu_without_the_clamp_that_belongs_to_it_is_seen_in_packets() -> None:
    before, after = _changed(
        "notes-phase3", lambda name, text: text.replace("ip mtu 1400", "ip mtu 1300") if name == "R31" else text
    )
    comparison = compare_networks(before, after, order=None)
    assert _told(comparison, Topic.MTU)["R31 to R41"] == ("1400 octets", "1300 octets", ChangeVerdict.WORSE)
    assert _told(comparison, Topic.MSS)["R31 to R41"] == ("1360", "1360, more than fits", ChangeVerdict.WORSE)
    assert "R41 to R31" not in _told(comparison, Topic.MTU)


def test_packets_that_are_cut_behind_the_tunnel_do_not_count_as_whole() -> None:
    """`ip mtu 1500`: GRE makes 1528 octets of it, and the outer packet is sent in pieces."""
    before, after = _changed("notes-phase3", lambda _, text: text.replace("ip mtu 1400", "ip mtu 1500"))
    comparison = compare_networks(before, after, order=None)
    assert _told(comparison, Topic.MTU)["R31 to R41"][1] == "1472 octets"


def test_a_key_that_differs_cuts_a_spoke_off_and_the_linter_knows_it() -> None:
    before, after = _changed(
        "notes-phase3", lambda name, text: text.replace("tunnel key 100", "tunnel key 101") if name == "R31" else text
    )
    comparison = compare_networks(before, after)
    assert _told(comparison, Topic.REACHABILITY)["R31 to R11"] == ("direct", "cut off", ChangeVerdict.WORSE)
    _, who, verdict = _told(comparison, Topic.REGISTRATION)["all clients"]
    assert who.startswith("1 missing: R31: Tunnel100 is not registered with 192.168.100.11")
    assert verdict is ChangeVerdict.WORSE
    assert any("key" in after for _, after, _ in _told(comparison, Topic.LINT).values())
    assert comparison.migration is not None
    assert {str(outage.pair) for outage in comparison.migration.outages if not outage.back} >= {"R31 to R11"}


def test_a_hub_that_is_removed_leaves_nobody_to_stand_in() -> None:
    before, after = _changed("dual-hub", lambda _, text: text, without="HUB2")
    comparison = compare_networks(before, after)
    assert _told(comparison, Topic.DEATH)["hubs"][1:] == ("no substitute for a dead hub", ChangeVerdict.WORSE)
    assert _told(comparison, Topic.NETWORK)["HUB2"] == ("runs", "", ChangeVerdict.CHANGED)
    assert _told(comparison, Topic.REACHABILITY) == {}
    assert comparison.migration is not None
    assert comparison.migration.outages == (), "HUB1 carries it all"


def test_a_second_hub_that_stands_in_is_a_gain_and_one_that_knows_no_routes_is_none() -> None:
    """Both were "2 hubs, one may die"."""
    two, one = _changed("dual-hub", lambda _, text: text, without="HUB2")
    assert _told(compare_networks(one, two, order=None), Topic.DEATH)["hubs"][2] is ChangeVerdict.BETTER
    _, deaf = _changed(
        "dual-hub",
        lambda name, text: text.replace("autonomous-system 100", "autonomous-system 77") if name == "HUB2" else text,
    )
    _, after, verdict = _told(compare_networks(one, deaf, order=None), Topic.DEATH)["hubs"]
    assert (after, verdict) == ("2 hubs, no substitute for HUB1", ChangeVerdict.CHANGED)


def test_who_depends_on_the_dead_hub_alone_is_not_waited_for() -> None:
    """SPOKE2 knows HUB1 only: when that dies, nothing is to be seen after the others are well again."""
    _, scenario = _changed(
        "dual-hub", lambda name, text: re.sub(r"\n ip nhrp nhs 10.255.0.2 .*", "", text) if name == "SPOKE2" else text
    )
    subject = Subject.of(scenario, 1)
    found = measure(subject, choose_pairs(subject.lans, 1))
    cut = {str(outage.pair) for outage in found.deaths["HUB1"] if not outage.back}
    assert {"CORE to SPOKE2", "SPOKE2 to CORE"} <= cut
    assert all(outage.seconds < 60 for outage in found.deaths["HUB1"])


def test_a_new_site_that_nobody_reaches_is_worse_than_none() -> None:
    """R41 comes with another autonomous system: it registers, and that is all."""
    after, before = _changed("notes-phase3", lambda _, text: text, without="R41")
    comparison = compare_networks(before, after, order=None)
    assert _told(comparison, Topic.REACHABILITY)["R31 to R41"] == ("", "direct", ChangeVerdict.CHANGED)
    assert "  way                2 direct" in as_text(comparison), "what is as before is of those who were there"
    texts = dict(after.configurations)
    texts["R41"] = texts["R41"].replace("autonomous-system 100", "autonomous-system 77")
    comparison = compare_networks(before, Scenario("deaf", after.lab, texts), order=None)
    told = _told(comparison, Topic.REACHABILITY)
    assert told == dict.fromkeys(
        ("R11 to R41", "R41 to R11", "R31 to R41", "R41 to R31"), ("", "cut off", ChangeVerdict.WORSE)
    )


def test_a_second_lan_of_a_router_is_not_taken_for_its_first() -> None:
    """The LAN of R31 and the first of the two that it has afterwards were compared, whichever that was."""
    before, after = _changed(
        "notes-phase3",
        lambda name, text: (
            text.replace(
                "router eigrp",
                "interface GigabitEthernet0/0\n ip address 172.20.0.1 255.255.255.0\n no shutdown\n!\nrouter eigrp",
                1,
            )
            if name == "R31"
            else text
        ),
    )
    comparison = compare_networks(before, after, order=None)
    assert _told(comparison, Topic.NETWORK) == {
        "LAN of R31:GigabitEthernet0/0": ("", "172.20.0.0/24", ChangeVerdict.CHANGED)
    }
    told = _told(comparison, Topic.REACHABILITY)
    assert told["R41 to R31:GigabitEthernet0/0"][1:] == ("cut off", ChangeVerdict.WORSE), "EIGRP does not know it"
    assert "R41 to R31:GigabitEthernet0/2" not in told


def test_what_the_death_of_a_hub_costs_is_measured_in_lost_packets() -> None:
    subject = Subject.of(Scenario.load("dual-hub"), 1)
    found = measure(subject, choose_pairs(subject.lans, 1))
    assert set(found.deaths) == {"HUB1", "HUB2"}
    lost = {str(outage.pair): outage for outage in found.deaths["HUB1"]}
    assert "SPOKE1 to SPOKE2" not in lost, "they talk directly"
    assert lost["CORE to SPOKE1"].back
    assert 2.0 < lost["CORE to SPOKE1"].seconds < 20.0, "until EIGRP's hold time ends"
    assert found.deaths["HUB2"] == ()


def test_protection_that_is_entered_router_by_router_costs_those_who_wait() -> None:
    before, after = Scenario.load("dual-hub"), Scenario.load("ipsec-dual-hub")
    comparison = compare_networks(before, after, order="spokes-first", max_outage=1.0)
    told = _told(comparison, Topic.CHANGE)
    assert told["SPOKE1 to CORE"][2] is ChangeVerdict.WORSE
    assert comparison.migration is not None
    assert comparison.migration.how == "one router after another, spokes first"
    assert all(outage.back for outage in comparison.migration.outages)


@pytest.mark.parametrize(("order", "first", "last"), [("hubs-first", "HUB", "SPOKE"), ("spokes-first", "SPOKE", "HUB")])
def test_routers_are_changed_in_the_order_that_was_asked_for(
    order: str, first: str, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = Scenario.load("dual-hub"), Scenario.load("ipsec-dual-hub")
    changed: list[str] = []
    post = Simulator.post

    def note(world: Simulator, name: str, event: Event) -> None:
        if isinstance(event, ConfigurationEntered) and world.now > 0:
            changed.append(name)
        post(world, name, event)

    monkeypatch.setattr(Simulator, "post", note)
    migrate(before, after, 1, order)
    assert [name.rstrip("12") for name in changed] == [first, first, last, last]


def test_a_hub_that_is_switched_off_is_missed_until_the_other_one_takes_over() -> None:
    before, after = _changed("dual-hub", lambda _, text: text, without="HUB1")
    migration = migrate(before, after, 1, "together")
    lost = {str(outage.pair): outage for outage in migration.outages}
    assert lost["CORE to SPOKE1"].seconds > 2.0
    assert lost["CORE to SPOKE1"].back


def test_between_two_lans_of_a_router_whole_ethernet_frames_pass() -> None:
    scenario = Scenario.load("several-lans")
    subject = Subject.of(scenario, 1)
    one, other = [name for name in subject.lans if ":" in name][:2]
    assert one.partition(":")[0] == other.partition(":")[0]
    found = measure(subject, [LanPair(one, other)], deaths=False)
    assert found.talks[LanPair(one, other)].mtu == 1500


def test_a_static_route_is_no_way_before_somebody_is_registered_there() -> None:
    scenario = vary(Scenario.load("notes-phase3"), ["static"])
    links = [link.model_copy(update={"delay": 700.0}) for link in scenario.lab.links]
    slow = Scenario("slow", scenario.lab.model_copy(update={"links": links}), scenario.configurations)
    subject = Subject.of(slow, 1)
    registered, routed = converge(subject, [LanPair("R11", "R31")])
    assert registered is not None
    assert routed is not None
    assert 1.4 <= routed <= registered + 0.25


def test_whoever_waits_for_the_second_hub_sees_the_pair_come_back() -> None:
    subject = Subject.of(Scenario.load("dual-hub"), 1)
    pair = LanPair("CORE", "SPOKE1")
    converge(subject, [pair])
    subject.world.kill("HUB1")
    (outage,) = watch(subject, [pair], least=1.0)
    assert outage.back
    assert outage.seconds > 2.0


def test_other_wires_are_no_change_that_can_be_made_in_place() -> None:
    before = Scenario.load("notes-phase3")
    lab = Lab(routers=before.lab.routers, links=[LinkSpec(ends=["R11:GigabitEthernet0/1", "R31:GigabitEthernet0/1"])])
    comparison = compare_networks(before, Scenario("other", lab, before.configurations))
    assert comparison.migration is not None
    assert comparison.migration.untried


def test_the_same_seed_measures_the_same_to_the_last_number() -> None:
    found = []
    for _ in range(2):
        subject = Subject.of(Scenario.load("dual-hub"), 7)
        found.append(measure(subject, choose_pairs(subject.lans, 7)))
    assert found[0] == found[1]


def test_a_network_of_ipv6_alone_is_measured_too() -> None:
    subject = Subject.of(Scenario.load("ipv6-phase3"), 1)
    found = measure(subject, choose_pairs(subject.lans, 1))
    assert {str(pair): talk.path for pair, talk in found.talks.items()}["R31 to R41"] == "direct"
    assert all(talk.arrives for talk in found.talks.values())


def test_lans_without_a_host_get_one_to_measure_with() -> None:
    before = Scenario.load("notes-phase3")
    bare = Scenario("bare", before.lab.model_copy(update={"hosts": {}}), before.configurations)
    assert compare_networks(before, bare, order=None).changes == ()


def test_where_no_router_has_a_lan_packets_pass_between_loopback_interfaces(tmp_path: Path) -> None:
    """Whether routers reach each other was not tried in the networks of lessons, which have no hosts."""
    loopback = "interface Loopback1\n ip address 10.9.{0}.1 255.255.255.0\n"
    eigrp = "interface GigabitEthernet0/1\n no ip address\nrouter eigrp 7\n network 172.16.0.0\n network 10.0.0.0\n"
    clients = {name: (at, loopback.format(at), NHS + MULTICAST, eigrp) for name, at in (("A", 2), ("B", 3))}
    worlds = [
        Scenario.load(str(write(tmp_path / name, HUB=(1, loopback.format(1), DYNAMIC + line, eigrp), **clients)))
        for name, line in (("before", ""), ("after", " no ip split-horizon eigrp 7\n"))
    ]
    told = _told(compare_networks(*worlds, order=None), Topic.REACHABILITY)
    assert told["A to B"] == ("cut off", "by HUB", ChangeVerdict.BETTER)
    assert told["B to A"] == ("cut off", "by HUB", ChangeVerdict.BETTER)


# ------------------------------------------------------------------------------------------------ many spokes


def test_a_change_is_tried_on_many_more_spokes_than_there_are() -> None:
    before, after = _changed(
        "notes-phase3", lambda name, text: text.replace(" ip nhrp shortcut\n", "") if name == "R31" else text
    )
    before, after = multiply((before, after), 8)
    comparison = compare_networks(before, after, order=None)
    by_hub = _told(comparison, Topic.WAY)
    assert "R31-1 to R41" in by_hub
    assert "R41-1 to R31" not in by_hub, "its template keeps the shortcut"
    assert comparison.before.registered is not None
    assert all(talk.arrives for talk in comparison.after.talks.values())


@pytest.mark.parametrize(
    "name",
    [
        *("phase3-summary", "ipsec-dual-hub", "phase2-eigrp", "intro-phase3", "notes-phase1"),
        *("ipv6-phase3", "dual-stack", "ipv6-only"),
    ],
)
def test_copies_of_spokes_come_up_and_reach_each_other(name: str) -> None:
    (many,) = multiply([Scenario.load(name)], 5)
    subject = Subject.of(many, 1)
    pairs = choose_pairs(subject.lans, 1)
    found = measure(subject, pairs, deaths=False)
    assert found.registered is not None, found.unregistered
    assert [str(pair) for pair, talk in found.talks.items() if not talk.arrives] == []
    assert len(found.lans) == len(subject.lans) >= 5


def test_a_cloud_without_room_gets_a_shorter_mask_on_all_its_routers() -> None:
    (many,) = multiply([Scenario.load("dual-hub")], 300)
    texts = [text for name, text in many.configurations.items() if many.role(name) in ("hub", "spoke")]
    assert all("255.255.254.0" in text for text in texts)
    assert len(set(many.configurations)) == 304


def test_a_cloud_that_cannot_grow_says_what_is_in_its_way() -> None:
    scenario = Scenario.load("dual-hub-two-clouds")
    with pytest.raises(UserError, match=r"10\.255\..*has room for 254 routers.*overlap"):
        multiply([scenario], 600)


def test_static_routes_of_a_hub_are_repeated_for_copies() -> None:
    before = Scenario.load("notes-phase1")
    texts = dict(before.configurations)
    texts["R11"] = texts["R11"].replace("\nend\n", "\nip route 10.3.3.0 255.255.255.0 192.168.100.31\nend\n")
    (many,) = multiply([Scenario("static", before.lab, texts)], 4)
    copies = [line for line in many.configurations["R11"].splitlines() if line.startswith("ip route 10.")]
    assert len(copies) == 2
    lan = copies[1].split()[2].rsplit(".", 1)[0]
    assert f"ip address {lan}.1 " in many.configurations["R31-1"]


def test_both_sides_get_the_same_copies_with_the_same_lans() -> None:
    before, after = multiply((Scenario.load("dual-hub"), Scenario.load("ipsec-dual-hub")), 40)
    assert list(before.configurations) == list(after.configurations)
    lans = [
        [
            re.findall(r"^ ip address (10\..*)$", text, re.MULTILINE)[-1]
            for name, text in one.configurations.items()
            if "-" in name
        ]
        for one in (before, after)
    ]
    assert len(lans[0]) == 38
    assert lans[0] == lans[1]
    assert len(set(lans[0])) == len(lans[0])


def test_what_names_the_tunnel_network_names_that_of_the_copy() -> None:
    """192.168.100.0/24 grows to a /23: `network 192.168.100.0` would not mean 192.168.101.7 any more."""
    (many,) = multiply([Scenario.load("notes-phase3")], 300)
    for name, text in many.configurations.items():
        address = re.search(r"^ ip address (192\.168\.\d+)\.\d+ 255\.255\.254\.0$", text, re.MULTILINE)
        assert address is not None or many.role(name) == "provider"
        assert address is None or f"  network {address[1]}.0\n" in text


def test_copies_of_spokes_have_addresses_of_their_own_in_both_versions_of_ip() -> None:
    (many,) = multiply([Scenario.load("dual-stack")], 40)
    texts = [text for name, text in many.configurations.items() if many.role(name) != "provider"]
    lines = [line for text in texts for line in re.findall(r"^ ip(?:v6)? address (\S+)", text, re.MULTILINE)]
    assert len(lines) == len(set(lines)) == 41 * 6
    hub = many.configurations["R11"].splitlines()
    routes = [line.split()[2] for line in hub if line.startswith("ipv6 route ")]
    assert len(set(routes)) == 40
    assert all(any(f" ipv6 address {lan.removesuffix('/64')}1/64" in text for text in texts) for lan in routes)


def test_addresses_of_two_clouds_are_counted_each_for_itself() -> None:
    (many,) = multiply([Scenario.load("dual-hub-two-clouds")], 100)
    lines = [
        line for text in many.configurations.values() for line in re.findall(r"^ ip address (\S+)", text, re.MULTILINE)
    ]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    "lines",
    [
        *("router eigrp 7\n eigrp router-id {}", "router ospf 7\n router-id {}", "ipv6 router ospf 7\n router-id {}"),
        *(
            "router bgp 7\n bgp router-id {}",
            "router eigrp T\n address-family ipv6 autonomous-system 7\n  eigrp router-id {}",
        ),
    ],
)
def test_each_copy_of_a_spoke_has_a_router_id_of_its_own(lines: str) -> None:
    before = Scenario.load("notes-phase1")
    texts = dict(before.configurations)
    for name, own in (("R11", "192.0.2.1"), ("R31", "192.0.2.31"), ("R41", "192.0.2.41")):
        texts[name] = texts[name].replace("\nend\n", f"\n{lines.format(own)}\nend\n")
    (many,) = multiply([Scenario("named", before.lab, texts)], 90)
    found = [one for text in many.configurations.values() for one in re.findall(r"router-id (\S+)", text)]
    assert len(found) == len(set(found)) == 91


def test_a_router_id_that_no_router_takes_stays_with_the_copies() -> None:
    before = Scenario.load("notes-phase1")
    line = "router ospf 7\n router-id 999.1.1.1"
    texts = {name: text.replace("\nend\n", f"\n{line}\nend\n") for name, text in before.configurations.items()}
    (many,) = multiply([Scenario("named", before.lab, texts)], 5)
    assert all(line in text for text in many.configurations.values())


def test_copies_are_neighbors_of_the_hub_in_autonomous_systems_of_their_own() -> None:
    (many,) = multiply([Scenario.load("shared-services")], 8)
    hub = many.configurations["HUB"]
    copies = {name: text for name, text in many.configurations.items() if name.startswith("BLUE") and "-" in name}
    for text in copies.values():
        (system,) = re.findall(r"^router bgp (\d+)$", text, re.MULTILINE)
        (address,) = re.findall(r"^ ip address (10\.255\.2\.\d+) ", text, re.MULTILINE)
        block = rf"^router bgp 65000\n address-family ipv4 vrf BLUE\n  neighbor {address} remote-as {system}$"
        assert re.search(block, hub, re.MULTILINE), (address, system)
        assert f"  neighbor {address} activate\n" in hub
    assert (
        len({re.findall(r"router bgp (\d+)", text)[0] for text in many.configurations.values() if "router bgp" in text})
        == 5
    )


def test_a_line_about_a_spoke_at_the_end_of_a_file_is_repeated_as_a_line() -> None:
    before = Scenario.load("notes-phase1")
    line = "ip route 10.3.3.0 255.255.255.0 192.168.100.31"
    hub = before.configurations["R11"].removesuffix("end\n") + line
    (many,) = multiply([Scenario("open", before.lab, {**before.configurations, "R11": hub})], 6)
    repeated = re.findall(
        r"^ip route 10\.\S+ 255\.255\.255\.0 192\.168\.100\.\d+$", many.configurations["R11"], re.MULTILINE
    )
    assert len(repeated) == 3


def test_spokes_that_share_an_autonomous_system_share_it_with_their_copies() -> None:
    before = Scenario.load("bgp-ebgp-phase2")
    texts = {name: text.replace("65012", "65011") for name, text in before.configurations.items()}
    (many,) = multiply([Scenario("shared", before.lab, texts)], 6)
    assert {re.findall(r"router bgp (\d+)", text)[0] for text in many.configurations.values() if "bgp" in text} == {
        "65000",
        "65011",
    }


@pytest.mark.parametrize(
    "name",
    ["ipv6-phase3", "dual-stack", "ipv6-only", "phase3-summary", "bgp-ebgp-phase2", "shared-services", "intro-phase3"],
)
def test_many_spokes_all_go_direct_and_lose_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", name, "--spokes", "30"]) == 0
    printed = capsys.readouterr().out
    assert "15 of 15 spoke pairs went direct; 0 of" in printed
    assert "converged after 0.00" not in printed  # seen: of protected tunnels without an SA


@pytest.mark.parametrize("name", ["ipsec-two-spokes-one-nat", "isakmp-nat"])
def test_spokes_behind_one_address_ping_as_soon_as_they_have_routes(name: str) -> None:
    """Which of them a hub means cannot be seen from outside; `simulate` waited two minutes for an answer."""
    scenario = Scenario.load(name)
    world = Simulator.of(scenario, 1)
    assert world.run_while(lambda: bool(world.missing(scenario)), 60.0, step=0.25)
    assert go_direct(world, scenario).lost == 0
    assert world.now < 30.0


def test_a_prefix_of_ipv6_without_room_gets_shorter_on_all_routers() -> None:
    before = Scenario.load("ipv6-phase3")
    narrow = {name: re.sub(r"(2001:DB8:100::\d1)/64", r"\1/121", text) for name, text in before.configurations.items()}
    (many,) = multiply([Scenario("narrow", before.lab, narrow)], 200)
    assert all("/120" in text for name, text in many.configurations.items() if many.role(name) != "provider")


# ------------------------------------------------------------------------------------------------ the command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """notes-phase3 as a folder of one's own."""
    scenario = Scenario.load("notes-phase3")
    made = tmp_path / "mine"
    made.mkdir()
    for name, text in scenario.configurations.items():
        (made / f"{name}.cfg").write_text(text)
    (made / "lab.yaml").write_text(json.dumps(scenario.lab.model_dump(mode="json", exclude_unset=True)))
    return made


def test_exit_codes_tell_a_pipeline(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", "notes-phase3", "--after", str(folder)]) == 0
    assert "Nothing changes." in capsys.readouterr().out
    spoke = folder / "R31.cfg"
    spoke.write_text(spoke.read_text().replace(" ip nhrp shortcut\n", ""))
    assert main(["diff", "--before", "notes-phase3", "--after", str(folder), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["worse"] is True
    assert found["after"]["talks"]["R31 to R41"]["path"] == "by R11"


def test_a_file_that_does_not_read_is_named_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoke = folder / "R31.cfg"
    lines = spoke.read_text().splitlines()
    lines.insert(4, " ip nhrp shortkut")
    spoke.write_text("\n".join(lines))
    assert main(["diff", "--before", "notes-phase3", "--after", str(folder)]) == 2
    error = capsys.readouterr().err
    assert f"{folder}/R31.cfg:5: ip nhrp shortkut" in error
    assert "Invalid input" in error


def test_what_cannot_be_loaded_or_multiplied_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "--before", "no-such", "--after", "notes-phase3"]) == 2
    assert "no-such" in capsys.readouterr().err
    assert main(["diff", "--before", "notes-phase3", "--after", "notes-phase3", "--spokes", "1"]) == 2
    assert "has 2 spokes already" in capsys.readouterr().err


def test_a_diff_shows_its_progress() -> None:
    """Thirty sites took minutes, during which the line of progress did not change."""
    heard: list[str] = []
    network = Scenario.load("dual-hub")
    compare_networks(network, network, stage=heard.append)
    for wanted in (
        "the network as it is: 0 s after the start",
        "the network as it is: packet 30 of 30 of ",
        "the network as it is: packet sizes of pair 1 of ",
        "the network as it is: the death of HUB1",
        "the network as it would be: HUB2 comes back",
        "the change on the network that runs: ",
    ):
        assert any(line.startswith(wanted) for line in heard), (wanted, heard[:5])
    assert len(dict.fromkeys(heard)) > 100


def test_processes_side_by_side_come_to_the_same_answer() -> None:
    """Thirty sites took longer than anybody waits: three worlds were computed one after another."""
    before, after = _changed(
        "dual-hub", lambda name, text: text.replace("ip nhrp shortcut", "") if "1" in name else text
    )
    heard: list[str] = []
    assert compare_networks(before, after, stage=heard.append, beside=True) == compare_networks(before, after)
    assert any(line.startswith("the network as it would be: ") for line in heard)


# `dmvpn diff` of changed access lists: which flows no longer pass, which pass now, and which entry decides.

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
