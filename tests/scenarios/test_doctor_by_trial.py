"""What no rule of the doctor explains, found by trial: lines are left out, added and changed in copies of a network."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs import copied
from dmvpn.labs.copied import CopiedLab, brought_up
from dmvpn.labs.proofs.networks import drawn
from dmvpn.network.lines import after
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Diagnosis, Health, View
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.affected_pairs import Harm, asked
from dmvpn.tools.remedies.search import Search
from dmvpn.tools.remedies.unforeseen import searched
from dmvpn.tools.troubles.orders import configurations_with
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.by_trial import said_after_trials, said_of
from support.cases import every_day_but
from support.diagnoses import PLAIN, ill_of, known_fault
from support.doctors import ExaminedWorld, as_it_runs
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from dmvpn.tools.troubles.plans import Plan

CLOUD = replace(PLAIN, spokes=3)
TUNNEL = "interface Tunnel0"
#: A change that harms no packet.
SPARE = (
    "ip prefix-list SPARE seq 5 permit 198.18.0.0/15",
    "interface Loopback9",
    "ip address 10.9.9.9 255.255.255.255",
)


def in_area_1(plan: Plan) -> Scenario:
    """A cloud whose OSPF has one area, which is not the backbone."""
    one = drawn(plan)
    texts = {name: text.replace(" area 0", " area 1") for name, text in one.configurations.items()}
    return Scenario(one.name, one.lab, texts, one.certificates)


#: Network, fault, and the router and the last line of the first finding.
CASES = {
    what: (
        replace(CLOUD, **case.settings) if case.network == "CLOUD" else case.network,
        case.fault,
        case.found[0],
        case.found[2],
    )
    for what, case in read("by_trial").items()
}


def network(what: Plan | str) -> Scenario:
    """One that is built in, or of a plan; OSPF in one area apart from the backbone."""
    if isinstance(what, str):
        return Scenario.load(what)
    return in_area_1(what) if what.routing == "ospf" else drawn(what)


def broken(case: str) -> Scenario:
    """The network of a case, with the lines of its fault."""
    scenario, name = network(CASES[case][0]), CASES[case][1]
    stage = Stage.of(scenario)
    texts = configurations_with(known_fault(stage, name).orders, stage)
    return Scenario(scenario.name, scenario.lab, texts, scenario.certificates)


@pytest.mark.parametrize("case", every_day_but(("a level with another network-id",), CASES))
def test_a_line_that_no_rule_is_about_is_found_by_trial_and_named_first(case: str) -> None:
    what, name, router, line = CASES[case]
    found = said_after_trials(ill_of(network(what), name)).findings[0]
    assert (found.cause, found.router, found.fix[-1]) == (Cause.BY_TRIAL, router, line)
    assert found.trial is not None
    assert found.trial.works


def since(network: str, *changes: tuple[str, tuple[str, ...]]) -> Diagnosis:
    """Return what the doctor says of a built-in network after these changes, with the configurations before them."""
    world = World(network)
    world.run_for(60)
    for router, lines in changes:
        WorldBench(world).configure(router, lines)
    world.run_for(240)
    return said_of(as_it_runs(world), ExaminedWorld(world), Scenario.load(network).configurations)


def test_a_route_target_that_is_wrong_is_the_part_of_the_difference_that_is_named() -> None:
    """Nothing was said to be broken: hosts in two VRFs need not reach each other, but they did."""
    imports = ("vrf definition SERVICES", "address-family ipv4")
    wrong = (*imports, "no route-target import 65000:2", "route-target import 65000:3")
    first = since("shared-services", ("HUB", wrong), ("BLUE1", SPARE)).findings[0]
    assert (first.cause, first.router) == (Cause.ROUTE_TARGET, "HUB")
    assert first.fix == (*imports, "route-target import 65000:2")
    assert first.trial is not None
    assert first.trial.works


def test_a_path_that_a_copy_loses_as_well_is_tried_for_the_address_that_was_asked_about() -> None:
    """It said: "a copy of these configurations is well", and pointed at wires and hosts."""
    world = World("shared-services")
    world.run_for(60)
    imports = ("vrf definition SERVICES", "address-family ipv4")
    WorldBench(world).configure("HUB", (*imports, "no route-target import 65000:2", "route-target import 65000:3"))
    world.run_for(120)
    examined = ExaminedWorld(world)
    said = visit(examined, "BLUE1", ip_address("10.100.0.80"))
    first = copied.tried(said, as_it_runs(world), examined.facts(), lambda _: None).diagnosis.findings[0]
    assert (first.cause, first.router) == (Cause.ROUTE_TARGET, "HUB")
    assert first.trial is not None
    assert first.trial.better == ("HUB reaches BLUE1 directly",)


def test_of_a_path_that_a_copy_loses_the_place_is_named() -> None:
    world = World("notes-phase3")
    world.run_for(60)
    WorldBench(world).configure("R41", ("interface GigabitEthernet0/2", "no ip address"))
    world.run_for(60)
    bare = Diagnosis(view=View.WHOLE, routers=("R31",), address="10.4.4.100")
    first = asked(bare, ExaminedWorld(world).facts()).findings[0]
    assert "10.3.3.100 does not reach 10.4.4.100: " in first.what
    assert first.cause is Cause.NO_ROUTE_THERE


def test_a_secret_of_the_last_good_configuration_is_tried_and_not_shown() -> None:
    found = since("intro-phase3", ("SPOKE10", (TUNNEL, "ip nhrp authentication WRONG")), ("SPOKE20", SPARE))
    first, said = found.findings[0], "\n".join(as_text(found))
    assert (first.cause, first.router, first.certain) == (Cause.AUTHENTICATION, "SPOKE10", True)
    assert first.fix == (TUNNEL, "ip nhrp authentication <secret>")
    assert first.trial is not None
    assert "  <secret> is that of the last good configuration, which is not shown" in said
    assert "WRONG" not in said
    assert "NHRPSEC" not in said


def test_a_line_comes_back_as_it_was_and_not_as_a_rule_would_write_it() -> None:
    """The network-id that was 100 came back as 1."""
    first = since("notes-phase3", ("R31", ("interface Tunnel100", "no ip nhrp network-id 100"))).findings[0]
    assert (first.cause, first.router, first.certain) == (Cause.NETWORK_ID, "R31", True)
    assert first.fix == ("interface Tunnel100", "ip nhrp network-id 100")


def test_a_part_of_the_difference_that_cuts_off_what_was_well_is_not_the_remedy() -> None:
    """Of a system that two spokes have, the hub's line went back alone: its session with one spoke was gone."""
    process = ("router bgp 65011", "network 10.1.2.0 mask 255.255.255.0", "neighbor 10.255.0.1 remote-as 65000")
    first, second, *_ = since(
        "bgp-ebgp-phase2",
        ("SPOKE2", ("no router bgp 65012", *process)),
        ("HUB", ("router bgp 65000", "neighbor 10.255.0.12 remote-as 65011")),
    ).findings
    assert (first.router, second.router) == ("SPOKE2", "HUB")
    assert "router bgp 65012" in first.fix
    assert second.fix == ("router bgp 65000", "neighbor 10.255.0.12 remote-as 65012")


def test_protection_that_came_since_then_is_not_the_fault() -> None:
    """A wrong key was only likely: without `tunnel protection` at both ends packets arrived, too."""
    one = Scenario.load("ipsec-dual-hub")
    bare = {
        name: text.replace(" tunnel protection ipsec profile DMVPN\n", "") for name, text in one.configurations.items()
    }
    wrong = {**one.configurations, "SPOKE2": one.configurations["SPOKE2"].replace("Demo-Key-1", "WRONG")}
    examined = brought_up(Scenario(one.name, one.lab, wrong))
    first = said_of(examined.scenario(), examined, bare).findings[0]
    assert (first.cause, first.router, first.certain) == (Cause.PSK, "SPOKE2", True)


def test_a_filter_that_the_last_good_configuration_did_not_have_is_broken_and_asked_about() -> None:
    lines = ("ip prefix-list HUB seq 5 permit 10.1.0.0/24", "router bgp 65000", "address-family ipv4")
    found = since("bgp-phase3", ("SPOKE2", (*lines, "neighbor 10.255.0.1 prefix-list HUB in")))
    assert (found.health, found.findings[0].cause) == (Health.BROKEN, Cause.ROUTE_FILTERED)
    assert found.findings[0].decide == "the last good configuration did not have it: is it meant?"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_spokes_with_one_autonomous_system_get_a_line_each() -> None:
    scenario = drawn(replace(CLOUD, routing="ebgp", spokes=2))
    first, second = said_after_trials(ill_of(scenario, "system-twice@S1,S2,HUB1")).findings[:2]
    assert {first.cause, second.cause} == {Cause.LOOP}
    assert [one.trial is not None and one.trial.works for one in (first, second)] == [True, True]


def test_an_address_family_that_is_shut_down_is_switched_on_where_it_is_shut_down() -> None:
    """The line was `no shutdown` of the process, which was not shut down."""
    found = said_after_trials(ill_of(drawn(CLOUD), "family-shutdown@S3,S1,HUB1")).findings[0]
    family = "address-family ipv4 unicast autonomous-system 100"
    assert (found.cause, found.router) == (Cause.NETWORK_STATEMENT, "S3")
    assert found.fix == ("router eigrp CLOUD", family, "no shutdown")


def test_what_is_said_names_the_lines_who_reaches_whom_and_how_it_was_found() -> None:
    world = World("notes-phase3").converge()
    WorldBench(world).configure("R31", ("interface Tunnel100", "ip nhrp interest none"))
    world.run_for(60)
    said = list(as_text(said_of(as_it_runs(world), ExaminedWorld(world))))
    assert said[0] == "4 routers: likely broken at shortcut (found by trial), at R31"
    assert said[2] == "  without 'ip nhrp interest none' at R31, R31 reaches R41 directly"
    assert said[5:8] == ["  to fix it, on R31:", "    interface Tunnel100", "     no ip nhrp interest none"]
    assert "    found by trial, in 6 copies of the network with one change each" in said


@pytest.mark.parametrize("name", ["notes-phase3", "mixed-spokes", "migration", "ipsec-symmetric-nat", "nat-overload"])
def test_a_network_that_is_well_suffers_from_nothing_and_one_copy_is_enough_to_know(name: str) -> None:
    built: list[Scenario] = []

    def build(scenario: Scenario) -> CopiedLab:
        built.append(scenario)
        return CopiedLab(scenario)

    found = Search(Scenario.load(name), build).run(strict=True)
    assert not found.affected.pairs
    assert len(built) == 1


def test_what_configurations_are_not_to_blame_for_is_not_found_by_trial() -> None:
    world = World("notes-phase3").converge()
    WorldBench(world).impair("R31:GigabitEthernet0/1", Badness(cut=True))
    world.run_for(60)
    diagnosis = visit(ExaminedWorld(world))
    assert searched(diagnosis, Search(as_it_runs(world), CopiedLab)) == diagnosis


def test_a_site_whose_packets_must_be_smaller_than_those_of_most_others_is_found() -> None:
    scenario = drawn(CLOUD)
    texts = dict(scenario.configurations)
    texts["S1"] = after(texts["S1"], ("interface GigabitEthernet0/2", "ip mtu 576"))
    found = Search(Scenario(scenario.name, scenario.lab, texts), CopiedLab).run(strict=True)
    assert set(found.affected.pairs.values()) == {Harm.SMALL}
    assert [one.lines for one in found.changes] == [("interface GigabitEthernet0/2", "no ip mtu 576")]


@pytest.mark.slow
def test_what_is_needed_besides_the_lines_is_said() -> None:
    """A session of BGP that ended for too many prefixes does not begin again when the maximum is gone."""
    scenario = drawn(replace(CLOUD, routing="ibgp", spokes=2))
    texts = dict(scenario.configurations)
    texts["S1"] = after(texts["S1"], ("router bgp 65000", "neighbor 10.99.0.1 maximum-prefix 1"))
    found = Search(Scenario(scenario.name, scenario.lab, texts), CopiedLab).run(strict=False)
    assert [one.lines for one in found.changes] == [("router bgp 65000", "no neighbor 10.99.0.1 maximum-prefix 1")]
    assert found.again == "clear ip bgp *"


def test_two_searches_in_one_network_find_the_same() -> None:
    scenario = broken("no packet is of interest")
    assert Search(scenario, CopiedLab).run(strict=True) == Search(scenario, CopiedLab).run(strict=True)


def test_a_search_ends_when_its_time_is_over_and_tells_what_it_tries() -> None:
    told: list[str] = []
    search = Search(broken("an area apart"), CopiedLab, is_over=lambda: len(told) >= 3, tell=told.append)
    found = search.run(strict=False)
    assert Harm.CUT_OFF in found.affected.pairs.values()
    assert found.changes == ()
    assert len(told) == 3
    assert told[0] == "trial 1: as it is"
    in_vain = "of changes in 3 copies none restores what packets suffer from"
    assert search.vain == f"{in_vain}; it ended in the middle of: lines that one router alone has"


def test_esp_that_a_hub_sends_in_vain_is_blamed_once_though_a_translator_is_before_one_spoke() -> None:
    """Behind the translator UDP port 4500 was blamed, and ESP before the other spoke: each for itself, as certain."""
    case = ill_of(Scenario.load("ipsec-spoke-behind-nat"), "esp-outwards-blocked@R11,R41,R31")
    findings = visit(case.examined).findings
    assert [finding.cause for finding in findings if not finding.advice] == [Cause.NAT_T_BLOCKED]
    # The other spoke keeps its SA, whose counters are from before, so the doctor has no evidence of that way.
    assert (findings[0].router, findings[0].others) == ("R31", ())
