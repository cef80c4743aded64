"""What EIGRP tells beside summaries and as a stub (`leak-map`), and default routes that it keeps back."""

from __future__ import annotations

import pytest

from support.world import World

FAMILY = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100")
TOPOLOGY = (*FAMILY, "topology base")
LEAK = ("ip prefix-list Q permit 10.1.2.0/24", "route-map LEAK permit 10", "match ip address prefix-list Q")


def knows(world: World, router: str, prefix: str) -> bool:
    """Is it in the topology table?"""
    return f" {prefix}, " in world.show(router, "ip eigrp topology")


def test_what_a_leak_map_lets_through_is_told_beside_its_summary() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("HUB", *LEAK)
    summary = "summary-address 10.1.0.0 255.255.0.0"
    world.configure("HUB", *FAMILY, "af-interface Tunnel0", f"{summary} leak-map LEAK")
    world.run_for(5)
    assert knows(world, "SPOKE1", "10.1.0.0/16")
    assert knows(world, "SPOKE1", "10.1.2.0/24")
    assert not knows(world, "SPOKE1", "10.1.0.0/24")
    assert f"   {summary} leak-map LEAK" in world.show("HUB", "running-config")
    world.configure("HUB", "no ip prefix-list Q permit 10.1.2.0/24", "ip prefix-list Q permit 10.1.0.0/24")
    world.run_for(5)
    assert not knows(world, "SPOKE1", "10.1.2.0/24"), "the map says something else now"
    assert knows(world, "SPOKE1", "10.1.0.0/24")
    world.configure("HUB", *FAMILY, "af-interface Tunnel0", summary)
    world.run_for(5)
    assert not knows(world, "SPOKE1", "10.1.0.0/24")


def test_a_stub_tells_what_its_leak_map_lets_through() -> None:
    world = World("phase2-eigrp").converge()
    static = ("ip route 10.1.77.0 255.255.255.0 Null0", *TOPOLOGY, "redistribute static", "exit-af-topology")
    world.configure("SPOKE1", *static, "eigrp stub connected")
    world.run_for(10)
    assert knows(world, "HUB", "10.1.1.0/24")
    assert not knows(world, "HUB", "10.1.77.0/24")
    world.configure("SPOKE1", "ip prefix-list Q permit 10.1.77.0/24", *LEAK[1:])
    world.configure("SPOKE1", *FAMILY, "eigrp stub connected leak-map LEAK")
    world.run_for(10)
    assert knows(world, "HUB", "10.1.77.0/24")
    assert "Stub, connected, leak-map" in world.show("SPOKE1", "ip protocols")


@pytest.mark.parametrize(("router", "direction"), [("SPOKE1", "in"), ("HUB", "out")])
def test_a_default_route_may_be_kept_back(router: str, direction: str) -> None:
    world = World("phase2-eigrp").converge()
    world.configure("HUB", *FAMILY, "af-interface Tunnel0", "summary-address 0.0.0.0 0.0.0.0 250")
    world.run_for(5)
    assert knows(world, "SPOKE1", "0.0.0.0/0")
    world.configure(router, *TOPOLOGY, f"no default-information {direction}")
    world.run_for(5)
    assert not knows(world, "SPOKE1", "0.0.0.0/0")
    assert f"no default-information {direction}" in world.show(router, "running-config")
    way = "flagged in outgoing" if direction == "out" else "accepted from incoming"
    assert f"Default networks not {way} updates" in world.show(router, "ip protocols")
    world.configure(router, "access-list 7 permit 0.0.0.0", *TOPOLOGY, f"default-information {direction} 7")
    world.run_for(5)
    assert knows(world, "SPOKE1", "0.0.0.0/0"), "the access list permits it"


def test_a_summary_costs_what_its_line_says_whatever_lies_in_it() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("HUB", *FAMILY, "af-interface Tunnel0", "summary-address 10.1.0.0 255.255.0.0")
    world.configure("HUB", *TOPOLOGY, "summary-metric 10.1.0.0/16 512 777 255 1 1300 distance 9")
    world.run_for(5)
    said = world.show("SPOKE1", "ip eigrp topology 10.1.0.0/16")
    assert "Minimum bandwidth is 512 Kbit" in said
    assert "Minimum MTU is 1300" in said
    assert 'Known via "eigrp 100", distance 9' in world.show("HUB", "ip route 10.1.0.0 255.255.0.0")
    world.configure("HUB", *TOPOLOGY, "no summary-metric 10.1.0.0/16")
    world.run_for(5)
    assert "bandwidth is 512 Kbit" not in world.show("SPOKE1", "ip eigrp topology 10.1.0.0/16")
