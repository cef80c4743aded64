"""One wrong thing in intro-phase3: what `show dmvpn` says at both ends, and what the doctor finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import visit
from support.doctors import WorldPatient
from support.secured import at, states
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

HUB, SPOKE10 = "198.51.100.1", "203.0.113.10"
_PROTECTION = (" tunnel protection ipsec profile IPSEC-DMVPN\n", "")
_NETWORK_ID = (" ip nhrp network-id 1\n", "")
_MULTIPOINT = " tunnel mode gre multipoint\n"


@pytest.mark.parametrize(
    ("change", "state", "cause", "words"),
    [
        (at("HUB", _PROTECTION), "IKE", Cause.UNPROTECTED, "HUB has no tunnel protection, and SPOKE10 has"),
        (at("SPOKE10", _PROTECTION), "NHRP", Cause.UNPROTECTED, "SPOKE10 has no tunnel protection, and HUB has"),
        (
            at("SPOKE10", ("DMVPN_KEY", "WRONG")),
            "IKE",
            Cause.PSK,
            "HUB says: pre-shared key: 203.0.113.10 has another one than ikev2 profile IKEV2-DMVPN",
        ),
        (
            at("SPOKE10", ("esp-aes 256 esp-sha256-hmac", "esp-aes 128 esp-sha256-hmac")),
            "IPSEC",
            Cause.TRANSFORM,
            "HUB says: no child SA for 203.0.113.10: encryption: ours AES_CBC_256; the peer's AES_CBC_128",
        ),
        (at("HUB", _NETWORK_ID), "NHRP", Cause.NETWORK_ID, "HUB: Tunnel0 has NHRP lines and no network-id"),
        (
            at("SPOKE10", ("tunnel key 12345", "tunnel key 1")),
            "NHRP",
            Cause.KEY,
            "SPOKE10 has tunnel key 1, and HUB has tunnel key 12345",
        ),
        (
            at("HUB", (_MULTIPOINT, " tunnel destination 203.0.113.20\n")),
            "NHRP",
            Cause.HUB_POINT_TO_POINT,
            "HUB: Tunnel0 is point-to-point, and it is the next hop server of SPOKE10",
        ),
    ],
)
def test_one_wrong_line_is_named(change: Callable[[str, str], str], state: str, cause: Cause, words: str) -> None:
    world = World("intro-phase3", change=change)
    world.run_for(40)
    finding = visit(WorldPatient(world), "SPOKE10").findings[0]
    assert finding.cause is cause, finding
    assert any(words in text for text in (finding.what, *finding.evidence)), finding
    assert states(world, "SPOKE10")[HUB] == state
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
