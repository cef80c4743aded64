"""A spoke that changes its NBMA address while the hub still holds the old one: refused, unless registered no-unique.

Scenario notes-phase3; the provider's side of R31's link is widened so that 172.16.31.31 is reachable.
"""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import CieCode
from support.networks import nbma_on_the_hub
from support.world import World

REFUSED = "%NHRP-3-PAKREPLY: Receive Registration Reply packet with error - unique address registered already(14)"
OLD, NEW = "172.16.31.1", "172.16.31.31"


def widen(router: str, text: str) -> str:
    """The provider takes any address of 172.16.31.0/24 on the link to R31."""
    return text.replace("172.16.31.2 255.255.255.252", "172.16.31.2 255.255.255.0") if router == "TRANSPORT" else text


def no_unique(router: str, text: str) -> str:
    """R31 registers without the unique flag from the beginning."""
    text = widen(router, text)
    if router == "R31":
        text = text.replace(" ip nhrp shortcut\n", " ip nhrp registration no-unique\n ip nhrp shortcut\n")
    return text


@pytest.fixture
def world() -> World:
    world = World("notes-phase3", change=widen).converge()
    world.run_for(60)
    return world


def move(world: World) -> int:
    """Type what changes the address. Returns how many messages R31 had logged before."""
    before = len(world.messages("R31"))
    world.configure("R31", "interface tunnel 100", "shutdown")
    world.run_for(30)
    world.configure(
        "R31", "interface GigabitEthernet0/1", f"ip address {NEW} 255.255.255.0", "interface tunnel 100", "no shutdown"
    )
    world.run_for(1)
    return before


def test_the_transcript_has_every_message(world: World) -> None:
    before = move(world)
    happened = [line for line in world.messages("R31")[before:] if "SYS-5-CONFIG_I" not in line]
    expected = [
        "%LINK-5-CHANGED: Interface Tunnel100, changed state to administratively down",
        "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to down",
        "%DUAL-5-NBRCHANGE: EIGRP-IPv4 100: Neighbor 192.168.100.11 (Tunnel100) is down: interface down",
        "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to up",
        REFUSED,
    ]
    assert [line for line in expected if line not in happened] == []


def test_the_hub_refuses_with_code_14_and_keeps_the_old_address(world: World) -> None:
    tap = world.watch("R31", "GigabitEthernet0/1")
    move(world)
    replies = [packet for _, packet in tap.nhrp(nhrp.RegistrationReply)]
    assert {packet.cies[0].code for packet in replies} == {CieCode.UNIQUE_ADDRESS_REGISTERED}
    assert {packet.cies[0].holding_time for packet in replies} == {0}
    assert nbma_on_the_hub(world) == OLD


def test_the_line_protocol_comes_up_anyway_and_the_spoke_stays_in_state_nhrp(world: World) -> None:
    move(world)
    assert world.lines("R31", "interfaces tunnel 100")[0] == "Tunnel100 is up, line protocol is up "
    row = world.lines("R31", "dmvpn")[-2]
    assert row.split()[:4] == ["1", "172.16.11.1", "192.168.100.11", "NHRP"]
    assert any(line.startswith("192.168.100.11   E") for line in world.lines("R31", "ip nhrp nhs"))


def test_the_spoke_goes_on_asking_ever_more_rarely_and_is_taken_when_the_old_entry_has_expired(world: World) -> None:
    tap = world.watch("R31", "GigabitEthernet0/1")
    move(world)
    world.run_for(600)
    times = [found.time for found, _ in tap.nhrp(nhrp.RegistrationRequest)]
    gaps = [late - early for early, late in pairwise(times)]
    assert len(times) < 20
    assert max(gaps) <= 64 * 1.1
    world.run_for(7200 - 600)
    assert nbma_on_the_hub(world) == NEW
    assert world.wait_until(lambda: not world.lacks(), 60)


def test_registered_no_unique_beforehand_the_new_address_replaces_the_old_one() -> None:
    world = World("notes-phase3", change=no_unique).converge()
    world.run_for(60)
    assert " ip nhrp registration no-unique" in world.lines("R31", "running-config")
    entry = r"192\.168\.100\.31/32 via .*\n.*\n   Type: dynamic, Flags: (.*) \n"
    flags = re.search(entry, world.show("R11", "ip nhrp"))
    assert flags is not None
    assert flags[1] == "registered used nhop"
    before = move(world)
    assert REFUSED not in world.messages("R31")[before:]
    assert nbma_on_the_hub(world) == NEW
    assert world.wait_until(lambda: not world.lacks(), 30)


def test_a_refresh_from_the_same_address_is_always_accepted(world: World) -> None:
    world.configure("R31", "interface tunnel 100", "shutdown", "no shutdown")
    world.run_for(30)
    assert not world.lacks()
    assert REFUSED not in world.messages("R31")
