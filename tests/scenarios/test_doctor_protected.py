"""One wrong thing in intro-phase3: what `show dmvpn` says at both ends, and what the doctor finds."""

from __future__ import annotations

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import visit
from support.doctors import WorldPatient
from support.secured import at, states
from support.typed import read
from support.world import World

TYPED = read("protected")
HUB, SPOKE10 = "198.51.100.1", "203.0.113.10"
_MULTIPOINT = " tunnel mode gre multipoint\n"


@pytest.mark.parametrize("what", TYPED)
def test_one_wrong_line_is_named(what: str) -> None:
    router, cause, words = TYPED[what].found
    world = World(TYPED[what].network, change=TYPED[what].change)
    world.run_for(40)
    finding = visit(WorldPatient(world), "SPOKE10").findings[0]
    assert (finding.cause, finding.router) == (cause, router), finding
    assert any(words in text for text in (finding.what, *finding.evidence)), finding
    assert states(world, "SPOKE10")[HUB] == TYPED[what].settings["state"]
    assert SPOKE10 not in states(world, "HUB")


def test_a_filter_that_lets_ike_through_and_not_esp_is_named() -> None:
    world = World("intro-phase3")
    marker = bytes(4)  # before IKE in UDP 4500, RFC 3948 §2.2
    world.sim.segment_of("SPOKE10", "GigabitEthernet1").gate = lambda _from, _to, packet: (
        packet[9] == 17 and (packet[22:24] != (4500).to_bytes(2, "big") or packet[28:32] == marker)
    )
    world.run_for(40)
    finding = visit(WorldPatient(world), "SPOKE10").findings[0]
    assert finding.cause is Cause.NAT_T_BLOCKED
    assert states(world, "SPOKE10")[HUB] == "NHRP"


def test_a_point_to_point_spoke_has_no_shortcut_and_the_others_show_what_they_asked_for() -> None:
    world = World("intro-phase3", change=at("SPOKE10", (_MULTIPOINT, " tunnel destination 198.51.100.1\n"))).converge()
    assert world.stream("H20", "192.168.10.100", seconds=2, rate=5) == 10
    lines = world.lines("SPOKE20", "dmvpn detail")
    place = lines.index("    1 UNKNOWN          192.168.10.100   IKE    never    IX  192.168.10.100/32")
    assert lines[place + 1] == "     the address cannot be resolved (administratively prohibited(4))"
