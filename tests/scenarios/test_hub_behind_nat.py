"""A hub with a private address, to which a translator gives a public one: as in every cloud."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.visit import visit
from dmvpn.tools.lint import lint, sites_of
from support.doctors import ExaminedWorld
from support.nats import hub_behind_nat, lost
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

#: Scenarios, and the pair of hosts whose packets go directly at last.
NETWORKS = {
    "notes-phase3": ("R31", "H3", "10.4.4.100"),
    "phase2-eigrp": ("SPOKE1", "H1", "10.1.2.100"),
    "spoke-behind-nat": ("R31", "H3", "10.4.4.100"),
    "intro-phase3": ("SPOKE10", "H10", "192.168.20.100"),
    "ipsec-both-behind-nat": ("R31", "H3", "10.4.4.100"),
    "ipsec-two-spokes-one-nat": ("R31", "H3", "10.4.4.100"),
    "isakmp-nat": ("R31", "H3", "10.4.4.100"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_spokes_name_the_public_address_and_everything_works_as_with_a_hub_outside(name: str) -> None:
    """Registration, direct paths of phases 2 and 3, and nothing is complained of that was not before."""
    scenario, outside = hub_behind_nat(name), Scenario.load(name)
    world = World.of(scenario).converge()
    router, host, far = NETWORKS[name]
    world.run_for(5)
    assert lost(world, host, far, seconds=5) <= 1
    assert lost(world, host, far, seconds=5) == 0
    trace = world.do(router, f"traceroute {far}")
    assert len(re.findall(r"^ +\d+ [\d.]+ ", trace, re.MULTILINE)) <= 2, trace
    assert visit(ExaminedWorld(world)).healthy
    found = [{one.rule for one in lint(it.configurations, sites_of(it))} for it in (outside, scenario)]
    assert found[0] == found[1]


HUB, PUBLIC, PRIVATE = "192.168.100.11", "172.16.11.3", "192.168.11.10"


def changed(*routers: str, old: str, new: str) -> Scenario:
    """hub-behind-nat with another line in these configurations."""
    one = Scenario.load("hub-behind-nat")
    assert all(old in one.configurations[router] for router in routers)
    texts = {name: text.replace(old, new) if name in routers else text for name, text in one.configurations.items()}
    return Scenario(one.name, one.lab, texts)


def said(scenario: Scenario) -> tuple[set[tuple[str, str]], set[tuple[Cause, str, tuple[str, ...]]]]:
    """What lint finds, without advice; and what the doctor finds, with the lines to enter."""
    world = World.of(scenario)
    world.run_for(40)
    linted = lint(scenario.configurations, sites_of(scenario))
    found = visit(ExaminedWorld(world)).findings
    return (
        {(one.file, one.rule) for one in linted if one.severity.name != "ADVICE"},
        {(one.cause, one.router, tuple(map(str, one.fix[-1:]))) for one in found if not one.advice},
    )


def test_the_identity_of_the_hub_is_its_private_address_and_keys_are_looked_up_by_the_public_one() -> None:
    match = "match identity remote address"
    by_private = changed("R31", "R41", old=f"{match} 0.0.0.0", new=f"{match} {PRIVATE} 255.255.255.255")
    assert said(by_private) == (set(), set())
    by_public = changed("R31", "R41", old=f"{match} 0.0.0.0", new=f"{match} {PUBLIC} 255.255.255.255")
    linted, found = said(by_public)
    assert linted == {("R31", "ike-profile-unmatched"), ("R41", "ike-profile-unmatched")}
    assert {cause for cause, *_ in found} == {Cause.IKE_IDENTITY}
    world = World.of(changed("R31", "R41", old="  address 0.0.0.0 0.0.0.0", new=f"  address {PUBLIC}")).converge()
    assert f"Peer: {PUBLIC} port 4500 " in world.show("R41", "crypto session")
    assert f"Phase1_id: {PRIVATE}" in world.show("R41", "crypto session detail")
    hub = world.lines("R41", f"ip nhrp {HUB}")
    assert hub[3] == f"   NBMA address: {PUBLIC} "


@pytest.mark.parametrize("wrong", [PRIVATE, "172.16.11.1"])
def test_a_spoke_that_names_another_address_of_the_hub_is_told_the_public_one(wrong: str) -> None:
    linted, found = said(changed("R31", old=f"nbma {PUBLIC}", new=f"nbma {wrong}"))
    assert linted == {("R31", "nhrp-map-wrong")}
    assert found == {(Cause.NHS_NBMA, "R31", (f"ip nhrp nhs {HUB} nbma {PUBLIC} multicast",))}


def test_a_hub_with_another_address_than_the_translator_knows_is_told_the_right_one() -> None:
    linted, found = said(changed("R11", old=PRIVATE, new="192.168.11.11"))
    assert ("R11", "nhrp-map-wrong") in linted
    assert found == {(Cause.NHS_NBMA, "R11", (f"ip address {PRIVATE} 255.255.255.0",))}


@pytest.mark.parametrize(
    ("line", "severities"),
    [
        ("", {"ADVICE"}),
        (f"ip nat inside source static {PRIVATE} 203.0.113.3\n", set()),
        (f"ip nat inside source static udp {PRIVATE} 4500 203.0.113.3 4500 extendable\n", set()),
        (f"ip nat inside source static {PRIVATE} 203.0.113.4\n", {"ERROR"}),
    ],
)
def test_a_static_translation_in_the_file_of_another_router_is_read(line: str, severities: set[str]) -> None:
    """Of configurations alone, without a lab file."""
    one = Scenario.load("hub-behind-nat")
    texts = {name: text.replace(PUBLIC, "203.0.113.3") for name, text in one.configurations.items()}
    texts["TRANSPORT"] = texts["TRANSPORT"].replace("!\nend", f"!\n{line}end")
    found = [one for one in lint(texts) if one.rule in ("nhrp-map-wrong", "nat-before-server")]
    assert {one.severity.name for one in found} == severities


def test_a_folder_without_a_lab_file_gets_the_translator_that_its_spokes_look_for(tmp_path: Path) -> None:
    one = Scenario.load("hub-behind-nat")
    for name in ("R11", "R31", "R41"):
        text = one.configurations[name].replace(PUBLIC, "203.0.113.3").replace("172.16.41.", "198.51.100.")
        (tmp_path / f"{name}.cfg").write_text(text)
    guessed = Scenario.load(str(tmp_path))
    (box,) = guessed.lab.gateways.values()
    assert {str(public): str(station) for public, station in box.inward.items()} == {"203.0.113.3": PRIVATE}
    world = World.of(guessed)
    world.run_for(20)
    assert "203.0.113.3 port 4500" in world.show("R41", "crypto session")
    assert visit(ExaminedWorld(world)).healthy


@pytest.mark.parametrize(("router", "said_of"), [("R11", "TRANSPORT and R11"), ("R31", "R31 and TRANSPORT")])
def test_a_cut_wire_is_found_on_the_side_of_the_translator_where_it_is(router: str, said_of: str) -> None:
    world = World("hub-behind-nat").converge()
    world.cut(router, "GigabitEthernet0/1")
    world.run_for(40)
    (finding,) = visit(ExaminedWorld(world)).findings
    assert (finding.cause, finding.router) == (Cause.LINK_CUT, router)
    assert said_of in finding.what


_END = """\
hostname {name}
interface Tunnel0
 ip address 172.16.0.{number} 255.255.255.0
 ip nhrp network-id 1
 {nhrp}
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
interface GigabitEthernet0/0
 ip address {own} 255.255.255.0
ip route 0.0.0.0 0.0.0.0 {gateway}
"""
_BOX = """\
hostname {name}
interface GigabitEthernet0/0
 ip address 203.0.113.{number} 255.255.255.248
 ip nat outside
interface GigabitEthernet0/1
 description to {end}
 ip address {inside} 255.255.255.0
 ip nat inside
ip nat inside source {nat}
access-list 1 permit any
"""


def test_routers_that_translate_before_a_hub_and_two_spokes_with_one_network_are_no_fault(tmp_path: Path) -> None:
    """The doctor said that no router has the public address, and that two spokes have the same network."""
    hub = _END.format(
        name="HUB", number=1, nhrp="ip nhrp map multicast dynamic", own="192.168.9.2", gateway="192.168.9.1"
    )
    box = _BOX.format(name="OUTER", number=1, end="HUB", inside="192.168.9.1", nat="static 192.168.9.2 203.0.113.5")
    texts = [hub, box]
    for number in (2, 3):
        nhs = "ip nhrp nhs 172.16.0.1 nbma 203.0.113.5 multicast"
        spoke = f"SPOKE{number}"
        own, gateway = f"192.168.1.{number}", "192.168.1.1"
        texts.append(_END.format(name=spoke, number=number, nhrp=nhs, own=own, gateway=gateway))
        overload = "list 1 interface GigabitEthernet0/0 overload"
        texts.append(_BOX.format(name=f"CPE{number}", number=number, end=spoke, inside=gateway, nat=overload))
    for number, text in enumerate(texts):
        (tmp_path / f"r{number}.cfg").write_text(text)
    world = World(str(tmp_path)).converge()
    found = visit(ExaminedWorld(world))
    assert found.healthy
    assert all(one.cause is Cause.MSS for one in found.findings), [one.what for one in found.findings]
