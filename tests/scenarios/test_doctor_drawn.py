"""Faults that a seed drew and the doctor missed once, or took for something else."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.networks import FEW, Case, Harm, drawn, well_rows
from dmvpn.labs.proofs.verdicts import LATER, healthy, judge
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.lab.badness import HARMLESS, Badness
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Finding
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.troubles.plans import Plan
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.cases import every_day_but, one_in
from support.diagnoses import ill_of, judge_two, judged_of, known_fault, measure, network
from support.doctors import NETWORKS, ExaminedWorld
from support.typed import Typed, read
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.scenario import Scenario

CLOUD = Plan(
    phase=3,
    hubs=1,
    spokes=3,
    routing="static",
    protection="",
    mtu=1400,
    key=7,
    authentication=True,
    server_lines=True,
    stubs=False,
)
LARGE = replace(CLOUD, hubs=3, spokes=5, routing="ospf")
NHS = "line-gone/interface_Tunnel100/ip_nhrp_nhs_192.168.100.11_nbma_172.16.11.1_multicast"
_PLANS = {"CLOUD": CLOUD, "LARGE": LARGE}


def _plan(case: Typed) -> Plan | str:
    return replace(_PLANS[case.network], **case.settings) if case.network in _PLANS else case.network


MISSED = {what: (_plan(case), case.fault) for what, case in read("missed").items()}


@pytest.mark.parametrize("case", one_in(3, MISSED))
def test_what_was_missed_once_is_named_first(case: str) -> None:
    what, fault = MISSED[case]
    scenario = network(what)
    found = judged_of(case, scenario, fault)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found
    assert not found.wrong, found


def test_a_spoke_that_sends_all_sites_to_its_hub_is_not_to_change_where_the_hub_lacks_one() -> None:
    """The hub drops what it knows no more of: the spoke was told, as certain, to take its only route away."""
    found = judge("well-7e/18", FEW)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found
    assert "HUB1" in found.found[0], found


def test_a_key_of_a_hub_that_lost_its_address_is_for_all_spokes_again() -> None:
    """Each spoke had a line for the same peer of the keyring: the last one worked."""
    found = judge("doctor/6", FEW, heals=True)
    assert found.rank == 1, found
    assert found.left == (), found


def test_a_missing_key_does_not_take_the_place_of_another_spokes_key() -> None:
    """The hub's address replaced that of the only peer in the keyring: another spoke."""
    anybody = "peer ANY\n  address 0.0.0.0 0.0.0.0"
    known = {"HUB1": "peer SPOKES\n  address 198.51.100.0 255.255.255.0", "S1": "peer S2\n  address 198.51.100.9"}
    cloud = replace(CLOUD, protection="ikev2")
    world = World(drawn(cloud), change=lambda name, text: text.replace(anybody, known.get(name, anybody)))
    world.run_for(120)
    finding = visit(ExaminedWorld(world), "S1").findings[0]
    assert (finding.cause, finding.router) == (Cause.PSK_MISSING, "S1")
    key = ("peer HUB1", "address 203.0.113.5", "pre-shared-key <secret>")
    assert finding.fix == ("crypto ikev2 keyring CLOUD", *key)


@pytest.mark.slow
def test_addresses_that_two_spokes_exchanged_are_exchanged_again() -> None:
    """In the copy no hub remembers the spokes, so that it shows something else: wrong systems of BGP at the hubs. Lines
    for those were entered, and the spokes kept the wrong addresses.
    """
    found = judge("doctor/143", FEW, heals=True)
    assert found.rank == 1, found
    assert found.left == (), found


def test_lines_are_judged_once_a_negative_entry_of_nhrp_has_expired() -> None:
    """A spoke remembered for three minutes that there was no direct way; the lines were called useless after two."""
    found = judge("doctor/168", FEW, heals=True)
    assert found.rank == 1, found
    assert found.left == (), found


def test_a_translator_that_became_symmetric_is_named_where_two_spokes_no_longer_meet() -> None:
    """Calls took the long way, and the doctor said that nothing was broken, though both spokes said why."""
    found = judge("doctor/150", FEW)
    assert found.harm is Harm.NOW, found
    assert found.rank == 1, found
    assert found.found[0].startswith("symmetric NAT, NAT1: R31 and R41 are behind NAT"), found


#: What is wrong there, and nobody has anything of it: neither now, nor after a restart, nor while one hub is dead.
HARMLESS_FAULTS = {what: (_plan(case), case.fault, case.found[1]) for what, case in read("harmless").items()}


@pytest.mark.slow
@pytest.mark.parametrize("case", HARMLESS_FAULTS)
def test_what_harms_nobody_is_advice_that_says_when_it_will(case: str) -> None:
    what, fault, cause = HARMLESS_FAULTS[case]
    scenario = network(what)
    found = judged_of(case, scenario, fault)
    assert found.harm is Harm.NONE, found
    assert not found.accused, found
    assert [one for one in advice(scenario, fault) if one.cause is cause and "No user notices it now: " in one.what]


def test_a_route_to_nobody_that_no_packet_meets_is_advice() -> None:
    what, fault, cause = HARMLESS_FAULTS["a route to nobody, beside which others lead"]
    found = advice(network(what), fault)
    assert [one.cause for one in found] == [cause]
    assert found[0].what.endswith("No user notices it now: other routes lead there, until they are gone")


def test_a_hub_without_a_password_registers_spokes_of_phase_1_and_only_its_replies_are_refused() -> None:
    what, fault, cause = HARMLESS_FAULTS["a password that the hub of phase 1 lacks"]
    found = advice(network(what), fault)
    assert [(one.cause, one.router) for one in found] == [(cause, "HUB1")]
    assert "No user notices it now: the server takes requests without a password" in found[0].what
    assert both(replace(CLOUD, phase=2, routing="eigrp"), fault)[0].cause is cause


def advice(scenario: Scenario, fault: str) -> list[Finding]:
    """What is not broken, and said all the same."""
    case = ill_of(scenario, fault)
    case.rows()
    return [one for one in visit(case.examined).findings if one.advice]


TWO = {
    "the way is gone, and a static route leads astray": (
        "provider-dead@S2,S1,HUB1",
        "hub-route-astray@S1,S2,HUB1",
        Cause.BLACK_HOLE,
    ),
    "no route to the underlay, and another tunnel key": (
        "default-route-missing@S1,S2,HUB1",
        "tunnel-key@S3,S2,HUB1",
        Cause.KEY,
    ),
    "a wire is cut, and another spoke has no network-id": (
        "link-cut@S1,S2,HUB1",
        "network-id-missing@S3,S2,HUB1",
        Cause.NETWORK_ID,
    ),
}


@pytest.mark.parametrize("case", TWO)
def test_of_two_faults_both_are_named_and_the_one_below_first(case: str) -> None:
    below, above, cause = TWO[case]
    found = both(replace(CLOUD, routing="ibgp"), below, above)
    scenario = drawn(replace(CLOUD, routing="ibgp"))
    first = known_fault(Stage.of(scenario), below)
    assert first.is_named(found[0].cause, found[0].router), found
    assert cause in [one.cause for one in found], found


def both(plan: Plan, *faults: str) -> list[Finding]:
    """What the doctor says of a network with several faults."""
    case = ill_of(drawn(plan), *faults)
    case.rows()
    return [one for one in visit(case.examined).findings if not one.advice]


@pytest.mark.parametrize("routing", ["eigrp", "ospf", "ibgp"])
def test_a_provider_that_answers_no_pings_breaks_nothing(routing: str) -> None:
    case = Case(drawn(replace(CLOUD, routing=routing)), 1)
    well_rows(case)
    for name in ("HUB1", "S1", "S2", "S3"):
        case.bench.impair(f"{name}:GigabitEthernet0/1", replace(HARMLESS, block=("icmp",)))
    case.wait(LATER)
    case.rows()
    assert [one for one in visit(case.examined).findings if not one.advice] == []


def test_of_many_spokes_one_without_a_route_to_one_lan_is_seen() -> None:
    """Of 156 ways not all are walked; those that begin unlike the others are."""
    world = World.of(drawn(replace(CLOUD, phase=2, spokes=12)))
    world.run_for(30)
    world.configure("S11", "no ip route 10.20.18.0 255.255.255.0 10.99.0.18")
    (found,) = (one for one in visit(ExaminedWorld(world)).findings if not one.advice)
    assert (found.cause, found.router) == (Cause.NO_ROUTE_THERE, "S11")
    assert "10.20.18." in found.what


# Faults that the catalog does not have, in networks that its proof does not use: the doctor finds them, too.
#
# Each row is what somebody types at a network that was well, and what the doctor has to find: cause, router, and what
# there is to change. A network whose hosts do not reach each other is never called well, and one that is well always.

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")
GUIDE = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100")
#: OSPF is not in this build, so their hosts do not reach each other; and the second spoke of this one never does.
NOT_WELL = ("two-spokes-one-nat",)
OTHERS = [name for name in built_in_names() if name not in (*NOT_WELL, *NETWORKS)]


TYPED = read("other_networks")


def after(network: str, break_it: Callable[[WorldBench], None]) -> ExaminedWorld:
    """A network that was well, some time after."""
    world = World(network).converge()
    world.run_for(20)
    break_it(WorldBench(world))
    world.run_for(90)
    return ExaminedWorld(world)


def broken(examined: ExaminedWorld) -> list[Finding]:
    """What is not advice."""
    return [one for one in visit(examined).findings if not one.advice]


@pytest.mark.parametrize("what", TYPED)
def test_a_fault_that_no_catalog_has_is_found_where_it_is(what: str) -> None:
    ((router, lines),) = TYPED[what].lines.items()
    at, cause, change = TYPED[what].found
    first = broken(after(TYPED[what].network, lambda bench: bench.configure(router, lines)))[0]
    assert (first.cause, first.router if at else "") == (cause, at), first
    assert change in "\n".join(first.fix)


def test_two_lans_that_nobody_announces_are_two_findings() -> None:
    lines = (*NOTES, "no network 10.0.0.0", "network 10.3.3.0 0.0.0.255")
    found = broken(after("several-lans", lambda bench: bench.configure("R31", lines)))
    assert [one.fix[-1] for one in found] == ["network 10.3.4.0 0.0.0.255", "network 10.3.128.0 0.0.63.255"]


def test_a_lan_that_nobody_hears_of_is_named_and_not_the_routers_that_have_no_route_to_it() -> None:
    """CORE runs EIGRP nowhere: it has no route to the spokes, either, and each spoke none to its LAN."""
    found = broken(after("dual-hub", lambda bench: bench.configure("CORE", (*GUIDE, "no network 10.0.0.0"))))
    assert [(one.cause, one.router) for one in found] == [(Cause.NETWORK_STATEMENT, "CORE")]


def test_of_two_faults_at_two_places_both_are_named_and_no_consequence_of_them() -> None:
    def break_it(bench: WorldBench) -> None:
        bench.configure("HUB1", ("interface GigabitEthernet0/1", "shutdown"))
        bench.configure("HUB2", ("interface Tunnel0", "no ip nhrp map multicast dynamic"))

    found = broken(after("dual-hub", break_it))
    assert [(one.cause, one.router) for one in found] == [
        (Cause.INTERFACE_SHUTDOWN, "HUB1"),
        (Cause.HUB_MULTICAST, "HUB2"),
    ]


@pytest.mark.parametrize(
    ("wire", "badness", "cause"),
    [
        ("R31:GigabitEthernet0/1", Badness(cut=True), Cause.LINK_CUT),
        ("R31:GigabitEthernet0/1", Badness(loss=30.0), Cause.LOSSY_LINK),
        ("NAT1:outside", Badness(loss=30.0), Cause.LOSSY_LINK),
        ("R31:GigabitEthernet0/1", Badness(block=("gre",)), Cause.GRE_BLOCKED),
    ],
)
def test_what_gets_lost_on_the_way_through_a_translator_is_found_though_it_counts_nothing(
    wire: str, badness: Badness, cause: Cause
) -> None:
    first = broken(after("spoke-behind-nat", lambda bench: bench.impair(wire, badness)))[0]
    assert (first.cause, first.router) == (cause, "R31"), first


def test_loss_behind_a_translator_that_several_share_is_named_without_a_place() -> None:
    first = broken(after("ipsec-two-spokes-one-nat", lambda bench: bench.impair("NAT1:outside", Badness(loss=30.0))))[0]
    assert first.cause is Cause.LOSSY_LINK
    assert first.what.endswith("get lost, and no counter says where")


@pytest.mark.parametrize(("router", "ttl"), [("R31", 1), ("R31", 2), ("R11", 1)])
def test_a_tunnel_whose_packets_do_not_live_to_its_end_is_named_and_no_consequence_of_it(router: str, ttl: int) -> None:
    """Two wires lie between them. "All that can be seen is as it should be", it said of a TTL of 1."""
    lines = ("interface Tunnel100", f"tunnel ttl {ttl}")
    found = broken(after("notes-phase3", lambda bench: bench.configure(router, lines)))
    assert [(one.cause, one.router) for one in found] == ([(Cause.TTL, router)] if ttl < 2 else [])


def test_a_translator_takes_one_of_the_ttl_too() -> None:
    def with_ttl(ttl: int) -> list[Finding]:
        lines = ("interface Tunnel100", f"tunnel ttl {ttl}")
        return broken(after("spoke-behind-nat", lambda bench: bench.configure("R31", lines)))

    assert [(one.cause, one.router) for one in with_ttl(2)] == [(Cause.TTL, "R31")]
    assert with_ttl(3) == []


@pytest.mark.parametrize(
    ("router", "line"),
    [
        ("R31", "ip route 192.168.100.11 255.255.255.255 Null0"),
        ("R31", "ip route 192.168.100.0 255.255.255.128 172.16.31.2"),
        ("R11", "ip route 192.168.100.31 255.255.255.255 Null0"),
    ],
)
def test_a_route_that_keeps_packets_for_the_other_end_out_of_the_tunnel_is_named(router: str, line: str) -> None:
    """All that could be seen was "as it should be". And it hides nothing: NHRP and EIGRP ask no route.

    Nor does a packet of any host: it is advice.
    """
    more = ("interface Tunnel100", "no ip nhrp shortcut")

    def break_it(bench: WorldBench) -> None:
        bench.configure(router, (line,))
        bench.configure("R31", more)

    found = visit(after("notes-phase3", break_it)).findings
    assert [(one.cause, one.router) for one in found] == [(Cause.SHORTCUT, "R31"), (Cause.NHS_ROUTE, router)]
    assert found[1].fix == (f"no {line}",)
    assert [one.advice for one in found] == [False, True]


def test_packets_between_symmetric_translators_are_not_called_direct() -> None:
    world = World("ipsec-symmetric-nat").converge()
    world.run_for(30)
    diagnosis = visit(ExaminedWorld(world), "R31", ip_address("10.4.4.100"))
    assert [(one.cause, one.mild) for one in diagnosis.findings] == [(Cause.NAT_KIND, True)]
    assert diagnosis.findings[0].decide == "are R31 and R41 meant to send everything by a hub?"
    assert diagnosis.healthy
    assert not any("directly" in one.what for one in diagnosis.fine)


@pytest.mark.parametrize("network", one_in(4, OTHERS))
def test_every_other_network_that_is_well_is_called_well(network: str) -> None:
    world = World(network).converge()
    world.run_for(20)
    diagnosis = visit(ExaminedWorld(world))
    assert world.lacks() == []
    assert diagnosis.healthy, "\n".join(as_text(diagnosis))
    assert any("between hosts of different sites find their way" in one.what for one in diagnosis.fine)


def test_a_network_whose_hosts_do_not_reach_each_other_is_not_called_well() -> None:
    world = World("guide-phase2", change=lambda _, text: text.replace("router ospf 1\n", "router ospf 1\n shutdown\n"))
    world.run_for(30)
    assert {one.cause for one in broken(ExaminedWorld(world))} == {Cause.NO_ROUTE_THERE}


@pytest.mark.parametrize("hop", ["192.168.100.99", "192.168.100.41"])
def test_a_second_lan_that_nobody_reaches_is_no_advice(hop: str) -> None:
    """Only the first LAN of each site was asked: what cut off the second was said to be felt by nobody."""

    def break_it(bench: WorldBench) -> None:
        bench.world.configure("R11", f"ip route 10.3.4.0 255.255.255.0 {hop}")

    assert [(one.cause, one.router) for one in broken(after("several-lans", break_it))] == [(Cause.BLACK_HOLE, "R11")]


# Faults that nobody listed: what the doctor says of networks and faults from a seed, and of networks that are well.

#: Faults and networks of the quick measure, by the names of their draws: four of each are tried every day.
FAULTS = [f"1/{number}" for number in range(10)]
WELL = [f"1/well/{number}" for number in range(10)]
#: Those of them that the doctor does not name yet.
UNNAMED: tuple[str, ...] = ()


@pytest.mark.parametrize("name", every_day_but(FAULTS[4:], FAULTS))
def test_a_fault_that_harms_users_is_named_first_and_never_a_wrong_one_as_certain(name: str) -> None:
    found = judge(name, FEW)
    assert not found.wrong, found
    assert found.rank == 1 or name in UNNAMED or found.harm is not Harm.NOW, found


@pytest.mark.parametrize("name", every_day_but(WELL[4:], WELL))
def test_a_network_that_is_well_is_not_accused(name: str) -> None:
    found = healthy(name, FEW)
    assert not found.accused, found


@pytest.mark.slow
def test_of_three_hundred_faults_most_are_named_and_no_network_that_is_well_is_accused() -> None:
    found = measure("committed", 300, 300, jobs=2)
    harmful = found.now
    said = "\n".join(found.lines())
    assert sum(one.rank == 1 for one in harmful) >= 0.9 * len(harmful), said
    assert sum(one.rank > 0 for one in harmful) >= 0.97 * len(harmful), said
    assert not [one for one in harmful if one.wrong or one.nothing], said
    assert not [one for one in found.healthy if one.accused], said


@pytest.mark.slow
@pytest.mark.timeout(900)  # twelve pairs of faults
def test_of_two_faults_at_once_one_is_named_first_and_mostly_both_are() -> None:
    """What is missed hides behind the other one: nobody hears what a LAN is told by while no tunnel is up."""
    tried = (judge_two(f"53/two/{number}", FEW) for number in range(12))
    pairs = [one for one in tried if one is not None]
    said = "\n".join(map(str, pairs))
    assert all(one.first for one in pairs), said
    assert sum(0 not in one.ranks for one in pairs) >= 0.6 * len(pairs), said
