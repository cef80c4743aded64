"""Global addresses of NAT: whom the router answers for, and one that was a port's own until that got another."""

from __future__ import annotations

from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from support.world import World

TEXT = """hostname R1
interface GigabitEthernet0/0
 ip address 10.0.0.1 255.255.255.0
 ip nat inside
interface GigabitEthernet0/1
 ip address 192.0.2.1 255.255.255.0
 ip nat outside
ip nat inside source static 10.0.0.100 192.0.2.1
"""
LAB = {
    "links": [],
    "hosts": {
        "INSIDE": {"link": "R1:GigabitEthernet0/0", "address": "10.0.0.100/24", "gateway": "10.0.0.1"},
        "OUTSIDE": {"link": "R1:GigabitEthernet0/1", "address": "192.0.2.9/24", "gateway": "192.0.2.1"},
    },
}


def test_a_global_address_that_was_a_ports_own_is_translated_when_the_port_has_another_one() -> None:
    world = World.of(Scenario("addresses", Lab.model_validate(LAB), {"R1": TEXT}))
    world.run_for(5)
    assert "is the router's own address" in world.show("R1", "logging")
    world.configure("R1", "interface GigabitEthernet0/1", "ip address 192.0.2.2 255.255.255.0")
    world.run_for(5)
    answered = []
    for number, address in enumerate(("192.0.2.1", "192.0.2.2", "192.0.2.3")):
        world.ping("OUTSIDE", address, number)
        world.run_for(1)
        answered = world.replies("OUTSIDE")
    assert answered == [0, 1], "it answers for its own address and the global one, and for no other"


def test_single_packets_of_nat_are_refused_with_the_reason() -> None:
    world = World.of(Scenario("addresses", Lab.model_validate(LAB), {"R1": TEXT}))
    assert "% The data plane reports flows, no single packets" in world.do("R1", "debug ip nat")
