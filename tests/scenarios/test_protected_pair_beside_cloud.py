"""Scenario intro-phase3, in which the hub and SPOKE20 have a tunnel of their own as well, with a profile of its own.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import pytest

from support.secured import said, states
from support.world import World

HUB, SPOKE10, SPOKE20 = "198.51.100.1", "203.0.113.10", "203.0.113.20"
_FAR_ENDS = {"HUB": SPOKE20, "SPOKE20": HUB}
_PAIR = """crypto ipsec transform-set PAIR esp-gcm 256
 mode transport
crypto ipsec profile PAIR
 set transform-set PAIR
 set ikev2-profile IKEV2-DMVPN
interface Tunnel9
 ip address 10.9.9.{host} 255.255.255.0
 tunnel source GigabitEthernet1
 tunnel destination {far}
 tunnel key 9
 tunnel protection ipsec profile PAIR
"""


def paired(router: str, text: str) -> str:
    far = _FAR_ENDS.get(router)
    return text if far is None else text.removesuffix("end\n") + _PAIR.format(far=far, host=len(router)) + "end\n"


@pytest.fixture
def world() -> World:
    world = World("intro-phase3", change=paired)
    world.run_for(40)
    return world


def test_packets_of_the_pair_go_by_its_own_profile_and_the_cloud_is_up_for_all_others(world: World) -> None:
    assert "Success rate is 100 percent" in world.do("HUB", "ping 10.9.9.7")
    assert any("transform: esp-gcm 256" in text for text in world.lines("HUB", f"crypto ipsec sa peer {SPOKE20}"))
    assert any("transform: esp-256-aes" in text for text in world.lines("HUB", f"crypto ipsec sa peer {SPOKE10}"))
    assert states(world, "HUB") == {SPOKE10: "UP"}


def test_the_far_end_is_no_member_of_the_cloud_and_is_told_why(world: World) -> None:
    """It would register over SAs of the other profile: the key, which is no secret, would be all that it needs."""
    reason = "Tunnel9 has this peer, with another IPsec profile"
    assert any(reason in text for text in world.lines("SPOKE20", "dmvpn detail"))
    assert not any("10.0.0.20" in text for text in world.lines("HUB", "ip nhrp"))


def test_without_the_pair_the_far_end_joins_the_cloud(world: World) -> None:
    for router in _FAR_ENDS:
        world.configure(router, "no interface Tunnel9")
    world.run_for(60)
    assert states(world, "HUB") == {SPOKE10: "UP", SPOKE20: "UP"}
    assert said(world, "HUB", "CANNOT_PROTECT") == []
