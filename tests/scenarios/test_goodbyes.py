"""A router whose tunnel is shut down says goodbye while packets still leave it: nobody waits for a holding time."""

from __future__ import annotations

from support.world import World


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
