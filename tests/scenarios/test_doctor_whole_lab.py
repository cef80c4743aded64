"""`dmvpn doctor R31`: one wrong thing in notes-phase3 from the start, and what the view of the whole lab says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import Finding, visit
from support.doctors import WorldPatient
from support.nats import derived
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path
TYPED = read("whole_lab")


def findings(world: World, router: str = "R31") -> list[Finding]:
    """After half a minute."""
    world.run_for(30)
    return [one for one in visit(WorldPatient(world, blind=False), router).findings if not one.advice]


def with_line(router: str, old: str, new: str) -> World:
    """notes-phase3 with another line in one configuration."""

    def change(name: str, text: str) -> str:
        assert name != router or old in text
        return text.replace(old, new) if name == router else text

    return World("notes-phase3", change=change)


def test_a_router_that_is_registered_lacks_nothing() -> None:
    world = World("notes-phase3").converge()
    assert findings(world) == findings(world, "R11") == []


@pytest.mark.parametrize("what", TYPED)
def test_one_wrong_line_is_named(what: str) -> None:
    router, cause, words = TYPED[what].found
    finding = findings(World(TYPED[what].network, change=TYPED[what].change))[0]
    assert (finding.cause, finding.router) == (cause, router)
    assert words in finding.what


def test_the_lines_to_enter_give_a_tunnel_its_mask_again() -> None:
    world = with_line("R31", "192.168.100.31 255.255.255.0", "192.168.100.31 255.255.255.254")
    finding = findings(world)[0]
    said = world.configure(finding.router, *finding.fix)
    assert "Invalid" not in said
    world.run_for(90)
    assert findings(world) == []
    assert world.lacks() == []


def test_a_tunnel_whose_address_was_refused_is_named() -> None:
    """192.168.100.31 is the broadcast address of that network, so the line is not taken."""
    finding = findings(with_line("R31", "100.31 255.255.255.0", "100.31 255.255.255.252"))[0]
    assert (finding.cause, finding.what) == (Cause.NO_ADDRESS, "Tunnel100 of R31 has no address")


def test_a_dead_server_is_named() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R11")
    finding = findings(world)[0]
    assert (finding.cause, finding.order) == (Cause.ROUTER_DEAD, "dmvpn lab start R11")


def test_a_dead_router_is_named() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R31")
    finding = findings(world)[0]
    assert finding.cause is Cause.ROUTER_DEAD


@pytest.mark.parametrize("router", ["R31", "R11"])
def test_a_cut_link_is_named_at_either_end(router: str) -> None:
    world = World("notes-phase3").converge()
    world.cut(router, "GigabitEthernet0/1")
    finding = findings(world)[0]
    assert finding.cause is Cause.LINK_CUT
    assert f"{router}:GigabitEthernet0/1" in finding.what


def test_a_cut_link_behind_the_translator_is_named() -> None:
    world = World("spoke-behind-nat").converge()
    world.cut("NAT1", "outside")
    finding = findings(world)[0]
    assert (finding.cause, finding.order) == (Cause.LINK_CUT, "dmvpn lab impair NAT1:outside")


def test_a_refusal_is_the_servers_own_word() -> None:
    """Two spokes with the same tunnel address: the second is refused, because the first registered it uniquely."""
    world = with_line("R31", "192.168.100.31 255", "192.168.100.41 255")
    world.run_for(5)
    finding = findings(world, "R31")[0]
    assert finding.cause is Cause.ADDRESS_CONFLICT
    assert any("unique address registered already" in evidence for evidence in finding.evidence)


@pytest.mark.parametrize(
    ("router", "words"),
    [
        ("R11", "192.168.100.11 answers: authentication failure (11)"),
        ("R31", "the reply of the next hop server has another password than ours, or none"),
    ],
)
def test_a_password_that_only_one_side_has_is_named_whichever_it_is(router: str, words: str) -> None:
    world = with_line(router, " ip nhrp network-id 100\n", " ip nhrp network-id 100\n ip nhrp authentication DMVPN\n")
    for _ in range(5):  # and it does not depend on when one looks
        world.run_for(7)
        finding = findings(world)[0]
        assert finding.cause is Cause.AUTHENTICATION
        assert f"R31 says: {words}" in finding.evidence
    for command in ("ip nhrp nhs detail", "dmvpn detail"):
        assert f"     {words}" in world.lines("R31", command)


def test_servers_of_an_ipv6_network_are_looked_for_too() -> None:
    world = World("ipv6-phase3", change=lambda _, text: text.replace("nbma 172.16.11.1", "nbma 172.16.11.9"))
    finding = findings(world)[0]
    assert finding.cause is Cause.NHS_NBMA
    line = "ipv6 nhrp nhs 2001:DB8:100::11 nbma 172.16.11"
    assert finding.fix == ("interface Tunnel100", f"no {line}.9", f"{line}.1 multicast")


def filtered() -> World:
    """Protocol 47 is filtered by somebody whom nobody can ask."""
    world = World("notes-phase3")
    world.sim.segment_of("R31", "GigabitEthernet0/1").gate = lambda _from, _to, packet: packet[9] != 47
    return world


def test_what_passes_and_what_does_not_tells_of_a_filter() -> None:
    finding = findings(filtered())[0]
    assert finding.cause is Cause.GRE_BLOCKED
    assert any("10 of 10 came back" in evidence for evidence in finding.evidence)


def test_without_probes_it_does_not_say_what_it_cannot_know() -> None:
    world = filtered()
    world.run_for(30)
    finding = visit(WorldPatient(world), "R31", probing=False).findings[0]
    assert finding.cause is Cause.UNDECIDED
    assert any("protocol 47 (GRE) is filtered on the way" in evidence for evidence in finding.evidence)


def test_a_server_that_is_itself_behind_a_translator_cannot_be_reached(tmp_path: Path) -> None:
    """The spokes know the public address of the box before the hub, which lets nothing in unasked."""
    lab = (
        (
            '["R11:GigabitEthernet0/1", "TRANSPORT:GigabitEthernet0/1"]',
            '["NAT1:outside", "TRANSPORT:GigabitEthernet0/1"]\n  - ends: ["R11:GigabitEthernet0/1", "NAT1:inside"]',
        ),
        (
            "hosts:\n",
            "gateways:\n  NAT1: {outside: 172.16.11.1/30, gateway: 172.16.11.2, inside: 192.168.11.1/24}\nhosts:\n",
        ),
    )
    hub = (("172.16.11.1 255.255.255.252", "192.168.11.10 255.255.255.0"), ("172.16.11.2", "192.168.11.1"))
    (finding,) = findings(World(derived(tmp_path, "notes-phase3", lab=lab, R11=hub)))
    assert finding.cause is Cause.SERVER_BEHIND_NAT


def test_a_spoke_that_knows_the_hubs_lan_alone_suspects_no_missing_redirect() -> None:
    """Its packets end at the hub: nobody would be redirected."""
    world = World("notes-phase3").converge()
    world.sim.kill("R41")
    world.run_for(60)
    assert visit(WorldPatient(world), "R31", one_end=True).healthy


def test_the_other_spoke_of_a_dead_one_is_well() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R41")
    world.run_for(60)
    assert findings(world, "R31") == []
    assert findings(world, "R41")[0].cause is Cause.ROUTER_DEAD
