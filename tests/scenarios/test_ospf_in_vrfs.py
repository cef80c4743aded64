"""A provider's router marks what it brings into a VRF's OSPF, and a router that has OSPF in a VRF heeds the mark.

RFC 4576, RFC 4577 §4.2.5; `capability vrf-lite` as on IOS.
"""

from __future__ import annotations

import pytest

from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

_ROUTER = file_text("ospf_in_vrfs_router.cfg")
_BGP = """ redistribute bgp 65000 subnets
 redistribute static subnets
router bgp 65000
 address-family ipv4 vrf C
  neighbor 10.0.1.3 remote-as 65003
  neighbor 10.0.1.3 activate
ip route vrf C 172.16.0.0 255.255.0.0 Null0"""
_SITE = file_text("ospf_in_vrfs_site.cfg")


def provider(area: str = "area 1 stub\n no area 1 stub") -> World:
    """Return R3, whose route R1 brings by BGP into the OSPF that it shares with R2, in a VRF of both."""
    wires = [{"ends": ["R1:GigabitEthernet1", "R2:GigabitEthernet1"]}]
    wires.append({"ends": ["R1:GigabitEthernet2", "R3:GigabitEthernet1"]})
    lab = Lab.model_validate({"routers": {f"R{n}": {} for n in (1, 2, 3)}, "links": wires})
    texts = {f"R{n}": _ROUTER.format(n=n, area=area, routing=_BGP if n == 1 else "") for n in (1, 2)}
    world = World.of(Scenario("provider", lab, {**texts, "R3": _SITE}))
    world.run_for(90)
    return world


@pytest.fixture(params=["area 1 stub\n no area 1 stub", "area 1 nssa"], ids=["type 5", "type 7"])
def world(request: pytest.FixtureRequest) -> World:
    return provider(str(request.param))


def learned(world: World) -> list[str]:
    """Return the external routes of R2."""
    lines = world.do("R2", "show ip route vrf C ospf").splitlines()
    return [line.split()[2].split("/")[0] for line in lines if line.startswith(("O E", "O N"))]


def marked(world: World) -> list[str]:
    """Return the external LSAs with the DN bit that R2 has."""
    shown = "\n".join(world.do("R2", f"show ip ospf database {kind}") for kind in ("external", "nssa-external"))
    blocks = shown.split("  LS age:")[1:]
    return [block.split("Link State ID: ")[1].split()[0] for block in blocks if "Downward" in block]


def test_a_router_in_a_vrf_uses_no_route_that_a_provider_brought_in(world: World) -> None:
    assert marked(world) == ["192.168.3.0"]
    assert learned(world) == ["172.16.0.0"]


def test_with_capability_vrf_lite_it_uses_them(world: World) -> None:
    world.configure("R2", "router ospf 1 vrf C", "capability vrf-lite")
    world.run_for(15)
    assert learned(world) == ["172.16.0.0", "192.168.3.0"]
    world.configure("R2", "router ospf 1 vrf C", "no capability vrf-lite")
    world.run_for(15)
    assert learned(world) == ["172.16.0.0"]


def test_a_router_with_capability_vrf_lite_marks_nothing(world: World) -> None:
    world.configure("R1", "router ospf 1 vrf C", "capability vrf-lite")
    world.run_for(15)
    assert marked(world) == []
    assert learned(world) == ["172.16.0.0", "192.168.3.0"]
    assert " capability vrf-lite" in world.do("R1", "show running-config")


def test_routes_of_other_protocols_and_processes_outside_vrfs_are_not_marked() -> None:
    world = provider()
    for name in ("R1", "R2"):
        lines = world.do(name, "show running-config").replace("router ospf 1 vrf C", "router ospf 1")
        lines = lines.replace(" vrf forwarding C\n", "").replace("address-family ipv4 vrf C", "address-family ipv4")
        world.sim.kill(name)
        world.sim.boot(name, lines.replace("ip route vrf C", "ip route"))
    world.run_for(120)
    assert "192.168.3.0" in world.do("R2", "show ip route ospf")
    assert marked(world) == []
