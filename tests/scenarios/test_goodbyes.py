"""A router whose tunnel is shut down says goodbye while packets still leave it: nobody waits for a holding time."""

from __future__ import annotations

import pytest

from support.world import World

UNDERLAY = "GigabitEthernet0/1"
DOWN = "%DUAL-5-NBRCHANGE: EIGRP-IPv4 100: Neighbor 192.168.100.31 (Tunnel100) is down: Interface Goodbye received"


@pytest.mark.parametrize(
    "lines",
    [("interface Tunnel100", "shutdown"), ("no interface Tunnel100",), (f"interface {UNDERLAY}", "shutdown")],
    ids=["tunnel shut", "tunnel removed", "its underlay shut"],
)
def test_the_hub_hears_of_a_shutdown_at_once(lines: tuple[str, ...]) -> None:
    """The goodbyes were ordered behind the end of the tunnel, and the hub waited for its hold time."""
    world = World("notes-phase3").converge()
    world.run_for(10)
    world.configure("R31", *lines)
    world.run_for(0.5)
    assert DOWN in world.messages("R11")
    # The registration is for IOS's `unique` to keep: nobody else takes the address before it expires.
    assert "192.168.100.31" in world.show("R11", "ip nhrp")


def test_a_spoke_with_a_shortcut_leaves_it_at_once() -> None:
    world = World("notes-phase3").converge()
    world.stream("H4", "10.3.3.100", seconds=3, rate=10)
    assert "10.3.3.0/24" in world.show("R41", "ip nhrp")
    world.configure("R31", "interface Tunnel100", "shutdown")
    world.run_for(0.5)
    assert "10.3.3.0/24" not in world.show("R41", "ip nhrp")


def test_after_no_shutdown_all_is_as_before() -> None:
    world = World("notes-phase3").converge()
    world.run_for(10)
    world.configure("R31", "interface Tunnel100", "shutdown")
    world.run_for(3)
    world.configure("R31", "interface Tunnel100", "no shutdown")
    assert world.wait_until(lambda: not world.lacks(), 30), world.lacks()
    world.run_for(60)
    assert not world.lacks()
    assert "192.168.100.31/32" in world.show("R11", "ip nhrp")


def test_a_protected_spoke_says_goodbye_sealed_and_ends_its_sas() -> None:
    world = World("intro-phase3").converge()
    world.run_for(10)
    world.configure("SPOKE10", "interface Tunnel0", "shutdown")
    world.run_for(0.5)
    assert any("10.0.0.10 (Tunnel0) is down: Interface Goodbye received" in line for line in world.messages("HUB"))
    assert world.lines("HUB", "crypto ikev2 sa").count("203.0.113.10") == 0
