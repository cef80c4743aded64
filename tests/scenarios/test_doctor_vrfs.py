"""The doctor in networks with VRFs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.networks import FEW
from dmvpn.labs.proofs.verdicts import broken_case
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.multiply import multiply
from dmvpn.shells.simulator.network import Impairment
from dmvpn.tools.doctor.report import as_text
from dmvpn.tools.doctor.verdicts import Copied, Diagnosis, Step
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.remedies.affected_pairs import MOST, reduced
from dmvpn.tools.remedies.search import Search
from dmvpn.tools.remedies.trial import attempt, changed, patch
from dmvpn.tools.remedies.unforeseen import searched
from support.bench import WorldBench
from support.diagnoses import ill_of
from support.doctors import ExaminedWorld, as_it_runs
from support.networks import behind_home_routers
from support.remedies import measure
from support.texts import file_text
from support.vrf_faults import CLOUDS, cloud
from support.world import World
from support.written import DYNAMIC, NHS, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.tools.doctor.verdicts import Finding

DEFAULT = "ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2"


def diagnosed(name: str, *changes: tuple[str, str]) -> Diagnosis:
    """Return what the doctor says where SPOKE1 has other lines. changes: lines, and what is in their place."""
    one = Scenario.load(name)
    lines = [dict(changes).get(line, line) for line in one.configurations["SPOKE1"].splitlines()]
    texts = {**one.configurations, "SPOKE1": "\n".join(lines) + "\n"}
    world = World.of(Scenario(one.name, one.lab, texts, one.certificates))
    world.run_for(120)
    diagnosis = attempt(visit(ExaminedWorld(world)), CopiedLab(as_it_runs(world)))
    return searched(diagnosis, Search(as_it_runs(world), CopiedLab))


@pytest.mark.parametrize("name", ["front-door", "front-door-breakout", "two-customers"])
def test_a_network_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """LANs of two customers were expected to reach each other: they have the same addresses."""
    assert diagnosed(name).findings == ()


def test_behind_a_front_door_the_underlay_is_pinged_in_its_vrf() -> None:
    """Pings went out in the global table, so that no reply was missed: a filter of IKE was not told from a delay."""
    world = World("front-door")
    world.run_for(120)
    examined = ExaminedWorld(world)
    assert any("SPOKE1: ping vrf INTERNET 203.0.113.1 source" in probe for probe in visit(examined).probes)
    world.sim.segment_of("SPOKE1", "GigabitEthernet0/1").impairment = Impairment.of(Badness.named(["block udp-500"]))
    examined.ask([(name, "clear crypto session") for name in ("SPOKE1", "HUB1")])
    world.run_for(180)
    first = visit(examined).findings[0]
    assert (first.cause, first.router) == (Cause.IKE_BLOCKED, "SPOKE1")
    assert first.what == "pings pass between SPOKE1 and HUB1, and IKE (UDP port 500) does not"


def test_one_end_behind_a_front_door_looks_for_the_route_in_its_vrf() -> None:
    """It looked in the table inside of the tunnel, and suspected a missing route in each such network."""
    world = World("front-door")
    world.run_for(120)
    world.sim.kill("HUB1")
    world.run_for(120)
    suspected = [one.cause for one in visit(ExaminedWorld(world), "SPOKE1", one_end=True).hypotheses]
    assert suspected
    assert Cause.MISSING_ROUTE not in suspected


def test_a_front_door_without_a_route_is_named_with_its_vrf() -> None:
    first = diagnosed("front-door", (DEFAULT, "!")).findings[0]
    assert (first.cause, first.router, first.fix) == (Cause.MISSING_ROUTE, "SPOKE1", (DEFAULT,))
    assert first.what == "VRF INTERNET of SPOKE1 has no route to 203.0.113.1: Tunnel0 has tunnel vrf INTERNET"
    assert first.trial is not None
    assert first.trial.works


def test_keys_of_two_customers_that_changed_places_are_found_by_trial() -> None:
    swapped = ((" tunnel key 1", " tunnel key 2"), (" tunnel key 2", " tunnel key 1"))
    found = diagnosed("two-customers", *swapped).findings[0]
    assert (found.router, found.step) == ("SPOKE1", Step.GRE)
    assert found.fix == ("interface Tunnel1", "tunnel key 1", "interface Tunnel2", "tunnel key 2"), found
    assert found.trial is not None
    assert found.trial.works


HQ = file_text("doctor_vrfs_headquarters.cfg")
BRANCH = file_text("doctor_vrfs_branch.cfg")
ISP = """hostname ISP
interface GigabitEthernet0/0
 ip address 203.0.113.1 255.255.255.252
interface GigabitEthernet0/1
 ip address 198.51.100.1 255.255.255.252
ip route 203.0.113.129 255.255.255.255 203.0.113.2
end
"""


def _headquarters(hq: str) -> Diagnosis:
    """Return what the doctor says of a hub with a front door and a spoke without."""
    wires = [
        {"ends": [f"{router}:GigabitEthernet0/0", f"ISP:GigabitEthernet0/{port}"]}
        for port, router in enumerate(("HQ", "BRANCH"))
    ]
    routers = {"HQ": {"role": "hub"}, "BRANCH": {"role": "spoke"}, "ISP": {"role": "provider"}}
    lab = Lab.model_validate({"routers": routers, "links": wires})
    world = World.of(Scenario("headquarters", lab, {"HQ": hq, "BRANCH": BRANCH, "ISP": ISP}))
    world.run_for(120)
    return visit(ExaminedWorld(world))


def test_the_front_door_of_a_hub_alone_is_no_missing_route() -> None:
    """The way back was looked up in the global table of the hub: a default route there, beside the company's, was
    the remedy.
    """
    assert _headquarters(HQ).findings == ()


def test_a_hub_whose_front_door_lost_its_route_gets_it_back_in_the_vrf() -> None:
    route = "ip route vrf internet 0.0.0.0 0.0.0.0 203.0.113.1"
    first = _headquarters(HQ.replace(route, "!")).findings[0]
    assert (first.cause, first.router, first.fix) == (Cause.MISSING_ROUTE, "HQ", (route,))
    assert first.what == "VRF internet of HQ has no route to 198.51.100.2"


def test_two_spokes_may_have_one_address_behind_their_translators() -> None:
    """Both home routers gave out 192.168.1.10, and the doctor said that packets find only one of them."""
    world = World.of(behind_home_routers()).converge()
    world.run_for(60)
    assert visit(ExaminedWorld(world)).findings == ()


def _two_providers(name: str, site: int) -> str:
    """Return the hub or the spoke of two tunnels between the same addresses, by two providers, with a list on each."""
    outer, gateway = ("203.0.113.2", "203.0.113.1") if site == 1 else ("198.51.100.2", "198.51.100.1")
    text = f"hostname {name}\ncrypto isakmp policy 10\n encryption aes 256\n authentication pre-share\n group 14\n"
    for number, port in ((1, ""), (2, " permit udp any any eq non500-isakmp\n")):
        nhrp = "map multicast dynamic" if site == 1 else f"nhs 10.{number}.0.1 nbma 203.0.113.2 multicast"
        text += (
            f"vrf definition INET{number}\n address-family ipv4\n"
            f"crypto keyring K{number} vrf INET{number}\n pre-shared-key address 0.0.0.0 0.0.0.0 key k{number}\n"
            f"ip access-list extended WAN{number}\n permit udp any any eq isakmp\n permit esp any any\n{port}"
            f"crypto ipsec profile P{number}\n"
            f"interface Tunnel{number}\n ip address 10.{number}.0.{site} 255.255.255.0\n ip mtu 1400\n"
            f" ip tcp adjust-mss 1360\n ip nhrp network-id {number}\n ip nhrp {nhrp}\n"
            f" tunnel source GigabitEthernet0/{number}\n tunnel mode gre multipoint\n tunnel vrf INET{number}\n"
            f" tunnel protection ipsec profile P{number}\n"
            f"interface GigabitEthernet0/{number}\n vrf forwarding INET{number}\n"
            f" ip address {outer} 255.255.255.252\n ip access-group WAN{number} in\n no shutdown\n"
            f"ip route vrf INET{number} 0.0.0.0 0.0.0.0 {gateway}\n"
        )
    return f"{text}end\n"


_PROVIDER = """hostname {}
interface GigabitEthernet0/0
 ip address 203.0.113.1 255.255.255.252
 no shutdown
interface GigabitEthernet0/1
 ip address 198.51.100.1 255.255.255.252
 no shutdown
end
"""


def test_two_providers_with_the_same_addresses_are_well() -> None:
    """Each port of a front door was said to have the network of the other provider, and the list of one provider to
    drop ESP in UDP port 4500, which only the tunnel of the other one used.
    """
    wires = [
        {"ends": [f"{router}:GigabitEthernet0/{number}", f"ISP{number}:GigabitEthernet0/{port}"]}
        for port, router in enumerate(("HUB", "SPOKE"))
        for number in (1, 2)
    ]
    roles = {"HUB": "hub", "SPOKE": "spoke", "ISP1": "provider", "ISP2": "provider"}
    lab = Lab.model_validate({"routers": {name: {"role": role} for name, role in roles.items()}, "links": wires})
    texts = {"HUB": _two_providers("HUB", 1), "SPOKE": _two_providers("SPOKE", 2)}
    texts |= {name: _PROVIDER.format(name) for name in ("ISP1", "ISP2")}
    world = World.of(Scenario("two-providers", lab, texts))
    world.run_for(120)
    assert [one.what for one in visit(ExaminedWorld(world)).findings] == []


# Networks with VRFs that are well are not accused; what is said of each mechanism is in the oracle (`vrfs.txt`).


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_vrfs_that_is_well_is_not_accused(name: str) -> None:
    """Sites with different names for one VRF were not looked at; two customers with one address were mixed up."""
    case, _ = broken_case(cloud(name))
    findings = visit(case.examined).findings
    assert findings == ()


def test_the_address_that_neighbors_know_a_lost_tunnel_by_is_proposed() -> None:
    """The doctor proposed the first free address of the subnet, which no BGP neighbor and no static route had."""
    case = ill_of(cloud("ebgp-ikev2"), "tunnel-address-lost@S1,S2,HUB1")
    first = visit(case.examined).findings[0]
    assert (first.cause, first.fix[-1]) == (Cause.NO_ADDRESS, "ip address 10.99.0.11 255.255.255.0")


def test_a_lan_of_guests_that_nat_lets_out_is_not_accused() -> None:
    """It is in a VRF without a tunnel on purpose."""
    case, _ = broken_case(cloud("front-door"))
    case.bench.configure("SPOKE1", ["vrf definition GUESTS", "address-family ipv4"])
    port = ["interface GigabitEthernet0/2", "vrf forwarding GUESTS", "ip address 10.1.101.1 255.255.255.0"]
    case.bench.configure("SPOKE1", [*port, "ip nat inside"])
    case.wait(30)
    assert Cause.TABLE not in {one.cause for one in visit(case.examined).findings}


# The doctor names faults of routing protocols inside VRFs, and types its remedy into the right section.

_VRF = "vrf definition CORP\n address-family ipv4\n exit-address-family\n"
_INSIDE = " vrf forwarding CORP\n ip address 172.16.0.{0} 255.255.255.0\n"
_MULTICAST = " ip nhrp map multicast 203.0.113.1\n"
_LAN = "interface GigabitEthernet0/1\n vrf forwarding CORP\n ip address 10.{0}.0.1 255.255.255.0\n"
_OSPF = "router ospf 1 vrf CORP\n network 172.16.0.0 0.0.0.255 area 0\n network 10.0.0.0 0.255.255.255 area 0\n"
_NAMED = (
    "router eigrp CO\n address-family ipv4 unicast vrf CORP autonomous-system 9\n  network 172.16.0.0 0.0.0.255\n"
    "  network 10.0.0.0\n"
)
_CLASSIC = (
    "router eigrp 7\n address-family ipv4 vrf CORP autonomous-system 9\n  network 172.16.0.0 0.0.0.255\n"
    "  network 10.0.0.0\n"
)


def _bgp(number: int, peer: int, more: str = "") -> str:
    return (
        f"router bgp 6500{number}\n address-family ipv4 vrf CORP\n  network 10.{number}.0.0 mask 255.255.255.0\n"
        f"  neighbor 172.16.0.{peer} remote-as 6500{peer}\n  neighbor 172.16.0.{peer} activate\n{more}"
    )


@pytest.mark.parametrize(
    ("of_hub", "of_spoke", "remedy"),
    [
        (_OSPF, f"{_OSPF} passive-interface Tunnel0\n", ("router ospf 1 vrf CORP", "no passive-interface Tunnel0")),
        (
            _OSPF,
            f"{_OSPF}interface Tunnel0\n ip ospf hello-interval 7\n",
            ("interface Tunnel0", "ip ospf hello-interval 10", "ip ospf dead-interval 40"),
        ),
        (
            _NAMED,
            f"{_NAMED}  af-interface Tunnel0\n   passive-interface\n",
            (
                "router eigrp CO",
                "address-family ipv4 unicast vrf CORP autonomous-system 9",
                "af-interface Tunnel0",
                "no passive-interface",
            ),
        ),
        (
            _CLASSIC,
            _CLASSIC.replace("  network 10.0.0.0\n", ""),
            ("router eigrp 7", "address-family ipv4 vrf CORP autonomous-system 9", "network 10.2.0.0 0.0.0.255"),
        ),
        (
            _bgp(1, 2),
            _bgp(2, 1, "  neighbor 172.16.0.1 shutdown\n"),
            ("router bgp 65002", "address-family ipv4 vrf CORP", "no neighbor 172.16.0.1 shutdown"),
        ),
    ],
)
def test_a_fault_inside_a_vrf_is_named_with_lines_for_that_vrf(
    of_hub: str, of_spoke: str, remedy: tuple[str, ...], tmp_path: Path
) -> None:
    """The doctor looked at the global table only, and proposed to take the VRF off the hub's interfaces."""
    write(
        tmp_path,
        HUB=(1, _VRF, _INSIDE.format(1) + DYNAMIC, _LAN.format(1) + of_hub),
        A=(2, _VRF, _INSIDE.format(2) + NHS + _MULTICAST, _LAN.format(2) + of_spoke),
    )
    world = World(str(tmp_path))
    world.run_for(60)
    found = attempt(visit(ExaminedWorld(world)), CopiedLab(as_it_runs(world))).findings
    one = next((one for one in found if (one.router, one.fix) == ("A", remedy)), None)
    assert one is not None, found
    assert one.trial is not None
    assert one.trial.works


# Remedies that were tried: the doctor's lines, entered in a copy of the network, and what it says of that.
#
# Each network is broken in one way, and a copy is made of what its routers run, as `dmvpn doctor` makes it of a lab.

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")


def after(network: str, break_it: Callable[[WorldBench], None]) -> World:
    """A network that was well, some time after."""
    world = World(network).converge()
    world.run_for(20)
    break_it(WorldBench(world))
    world.run_for(120)
    return world


def tried(world: World, change: Callable[[Finding], Finding] = lambda one: one) -> Diagnosis:
    """What the doctor says when it has tried its lines. change: what it would have said."""
    diagnosis = visit(ExaminedWorld(world))
    diagnosis = replace(diagnosis, findings=tuple(map(change, diagnosis.findings)))
    return attempt(diagnosis, CopiedLab(as_it_runs(world)))


def first(diagnosis: Diagnosis) -> Finding:
    """What is broken."""
    return next(one for one in diagnosis.findings if not one.advice)


def typed(router: str, *lines: str) -> Callable[[WorldBench], None]:
    """Somebody typed this."""
    return lambda bench: bench.configure(router, lines)


def test_what_is_gone_with_the_lines_before_it_is_not_given_lines_of_its_own() -> None:
    """A wrong mask looks like a network that BGP does not announce, and a `network` line announces a part of it."""
    mask = ("interface GigabitEthernet0/2", "ip address 10.1.1.1 255.255.255.252")
    diagnosis = tried(after("bgp-phase3", typed("SPOKE1", *mask)))
    wrong, network = [one for one in diagnosis.findings if not one.advice]
    assert wrong.cause is Cause.WRONG_MASK
    assert wrong.trial is not None
    assert wrong.trial.works
    assert network.cause is Cause.NETWORK_STATEMENT
    assert not network.fix
    assert "in a copy it is gone with the lines on SPOKE1" in "\n".join(as_text(diagnosis))


def test_lines_that_fix_a_copy_say_which_sites_reach_each_other_with_them() -> None:
    diagnosis = tried(after("notes-phase3", typed("R31", "interface Tunnel100", "tunnel key 4711")))
    said = [text for text in as_text(diagnosis) if text.startswith("  tried: ")]
    ways = "R11 and R31 reach each other directly, R31 and R41 reach each other directly"
    assert said == [f"  tried: with these lines {ways}"]


def test_lines_of_the_far_spoke_are_tried_there() -> None:
    found = first(tried(after("notes-phase3", typed("R41", "interface Tunnel100", "no ip nhrp shortcut"))))
    assert (found.router, found.fix) == ("R41", ("interface Tunnel100", "ip nhrp shortcut"))
    assert found.trial is not None
    assert "R41 reaches R31 directly" in " ".join(found.trial.better)


def test_lines_of_the_provider_are_tried_there() -> None:
    line = "ip route 203.0.113.101 255.255.255.255 203.0.113.5"
    found = first(tried(after("hierarchical", typed("TRANSPORT", f"no {line}"))))
    assert (found.router, found.fix) == ("TRANSPORT", (line,))
    assert found.trial is not None
    assert found.trial.works


def test_what_configurations_are_not_to_blame_for_is_said_and_nothing_is_tried() -> None:
    cut = after("notes-phase3", lambda bench: bench.impair("R31:GigabitEthernet0/1", Badness(cut=True)))
    diagnosis = tried(cut)
    assert diagnosis.copied is Copied.WELL
    assert all(one.trial is None for one in diagnosis.findings)
    text = "\n".join(as_text(diagnosis))
    assert "look at wires, hosts, processes, clocks, and what routers still remember" in text
    assert "tried: with" not in text


def test_lines_that_make_anything_worse_are_never_shown() -> None:
    def harmful(one: Finding) -> Finding:
        return one if one.advice else replace(one, fix=(*one.fix, "interface GigabitEthernet0/2", "shutdown"))

    diagnosis = tried(after("notes-phase3", typed("R31", "interface Tunnel100", "no ip nhrp shortcut")), harmful)
    assert first(diagnosis).fix == ()
    text = "\n".join(as_text(diagnosis))
    assert "to fix it" not in text
    assert "lines were tried and are not shown: worse with them: R11 to R31 reachability" in text


def test_of_two_faults_that_hide_each_other_both_remedies_are_named_as_needed() -> None:
    """Alone, neither helps: the other one still keeps R41 from R31."""

    def break_it(bench: WorldBench) -> None:
        bench.configure("R31", ("interface Tunnel100", "tunnel key 4711"))
        bench.configure("R41", (*NOTES, "no network 10.0.0.0"))

    diagnosis = tried(after("notes-phase3", break_it))
    trials = {one.router: one.trial for one in diagnosis.findings if not one.advice}
    assert all(one is not None and one.works for one in trials.values()), diagnosis.findings
    assert set(trials) == {"R31", "R41"}


def test_a_copy_of_a_large_network_has_servers_providers_and_the_sites_in_question() -> None:
    (scenario,) = multiply((Scenario.load("notes-phase3"),), MOST + 10)
    spoke = next(name for name in reversed(scenario.configurations) if scenario.role(name) == "spoke")
    world = World.of(scenario).converge()
    WorldBench(world).configure(spoke, ("interface Tunnel100", "tunnel key 4711"))
    world.run_for(60)
    diagnosis = visit(ExaminedWorld(world))
    small = reduced(as_it_runs(world), world.sim.facts(scenario), diagnosis.concerned)
    roles = [scenario.role(name) for name in small.configurations]
    assert spoke in small.configurations
    assert (roles.count("hub"), roles.count("provider")) == (1, 1)
    assert len(roles) < 10
    trial = first(attempt(diagnosis, CopiedLab(small))).trial
    assert trial is not None
    assert trial.works


def test_the_change_is_one_that_patch_takes_and_leaves_other_lines_alone() -> None:
    world = after("notes-phase3", typed("R31", "interface Tunnel100", "tunnel key 4711"))
    diagnosis, running = tried(world), as_it_runs(world).configurations
    now = changed(diagnosis, running)
    assert list(now) == ["R31"]
    lines = [line for line in patch(running, now) if line.startswith(("+", "-"))]
    assert lines == ["--- a/R31.cfg", "+++ b/R31.cfg", "- tunnel key 4711", "+ tunnel key 100"]


def test_a_file_in_an_order_of_its_own_gets_the_lines_at_its_end() -> None:
    world = after("notes-phase3", typed("R31", "interface Tunnel100", "tunnel key 4711"))
    own = "hostname R31\n! mine\n" + "\n".join(as_it_runs(world).configurations["R31"].splitlines()[:-1][::-1])
    (text,) = changed(tried(world), {"R31": own}).values()
    assert text.startswith(own.rstrip("\n"))
    assert text.endswith("interface Tunnel100\n tunnel key 100\nend\n")


def test_what_a_hub_lacks_is_tried_with_the_spokes_that_suffer() -> None:
    """Only pairs with the hub itself were measured, and these are as before."""
    found = first(tried(after("notes-phase3", typed("R11", "interface Tunnel100", "no ip nhrp redirect"))))
    assert (found.router, found.fix) == ("R11", ("interface Tunnel100", "ip nhrp redirect"))
    assert found.trial is not None
    assert found.trial.better == ("R31 and R41 reach each other directly",)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_of_remedies_that_are_lines_and_reproduce_most_restore_every_row_of_the_broken_world() -> None:
    outcomes = measure("committed", 70, FEW, jobs=2)
    counted = [one for one in outcomes if one.counts]
    assert len(counted) > 30
    assert sum(one.restores for one in counted) >= 0.85 * len(counted), "\n".join(map(str, counted))


def test_two_runs_of_one_trial_are_equal() -> None:
    world = after("notes-phase3", typed("R31", "interface Tunnel100", "no ip nhrp shortcut"))
    diagnosis, copy = visit(ExaminedWorld(world)), as_it_runs(world)
    assert isinstance(copy, Scenario)
    assert attempt(diagnosis, CopiedLab(copy)) == attempt(diagnosis, CopiedLab(copy))


def test_what_hides_behind_a_tunnel_that_is_down_is_named_after_it() -> None:
    """Neither end of it had an adjacency, so nobody could say what EIGRP at one of them lacks."""

    def break_it(bench: WorldBench) -> None:
        bench.configure("R11", ("interface GigabitEthernet0/1", "shutdown"))
        bench.configure("R41", (*NOTES, "no network 10.0.0.0"))

    diagnosis = tried(after("notes-phase3", break_it))
    said = [(one.cause, one.router, one.certain) for one in diagnosis.findings if not one.advice]
    assert said == [(Cause.INTERFACE_SHUTDOWN, "R11", True), (Cause.NETWORK_STATEMENT, "R41", False)]


def test_what_hides_behind_a_dead_provider_is_named_after_it() -> None:
    """A copy has it running, so its wires, too."""

    def break_it(bench: WorldBench) -> None:
        bench.configure("R31", ("interface Tunnel100", "ip nhrp authentication WRONG"))
        bench.kill("TRANSPORT")

    diagnosis = tried(after("notes-phase3", break_it))
    said = [(one.cause, one.router, one.certain) for one in diagnosis.findings if not one.advice]
    assert said[0] == (Cause.ROUTER_DEAD, "TRANSPORT", True)
    assert (Cause.AUTHENTICATION, "R31", False) in said
