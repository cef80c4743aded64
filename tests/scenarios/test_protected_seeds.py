"""Other configurations with IPsec: those with crypto isakmp lines, and those with OSPF.

The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.net import ip
from support.nats import lost
from support.secured import ike_sas, states
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable


def isakmp_sas(world: World, router: str, peer: str) -> list[str]:
    """Return the lines of `show crypto isakmp sa` with a peer."""
    return [line for line in world.lines(router, "crypto isakmp sa") if peer in line.split()[:2]]


def test_isakmp_lines_run_as_ikev1_in_tunnel_mode_and_the_spokes_go_direct() -> None:
    world = World("course-lab").converge()
    world.run_for(10)
    assert lost(world, "H2", "10.3.0.100", seconds=5) == 0
    text = world.do("SPOKE1", "traceroute 10.3.0.1 source 10.2.0.1")
    assert re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE) == ["10.0.0.3"]
    (line,) = isakmp_sas(world, "SPOKE1", "192.168.3.1")
    assert "QM_IDLE" in line
    assert ike_sas(world, "SPOKE1", "192.168.3.1") == []
    assert "crypto isakmp lines run as IKEv1" in world.show("HUB", "logging")


def as_ikev2(*routers: str) -> Callable[[str, str], str]:
    """Return the change by which the isakmp lines of some routers run as IKEv2."""

    def change(router: str, text: str) -> str:
        line = "crypto isakmp run-as ikev2\n" if router in routers else ""
        return text.replace("crypto isakmp key", f"{line}crypto isakmp key", 1)

    return change


@pytest.mark.parametrize("routers", [("HUB",), ("SPOKE1",), ("HUB", "SPOKE1", "SPOKE2")])
def test_both_versions_live_in_one_cloud_and_the_spokes_go_direct(routers: tuple[str, ...]) -> None:
    """Each router takes the version with which its peer begins."""
    world = World("course-lab", change=as_ikev2(*routers)).converge()
    world.run_for(10)
    assert lost(world, "H2", "10.3.0.100", seconds=5) == 0
    text = world.do("SPOKE1", "traceroute 10.3.0.1 source 10.2.0.1")
    assert re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE) == ["10.0.0.3"]
    to_hub = len(isakmp_sas(world, "SPOKE1", "192.168.1.1")), len(ike_sas(world, "SPOKE1", "192.168.1.1"))
    assert to_hub == ((0, 1) if "SPOKE1" in routers else (1, 0))
    before = lost(world, "H2", "10.1.0.100", seconds=5)
    assert before == 0


def test_tunnel_mode_costs_twenty_octets_more_than_transport_mode() -> None:
    sizes = []
    for change in (
        lambda _, text: text,
        lambda _, text: re.sub(r"^( *crypto ipsec transform.*\n)", r"\1 mode transport\n", text, flags=re.M),
    ):
        world = World("course-lab", change=change).converge()
        world.run_for(10)
        tap = world.watch("SPOKE1", "GigabitEthernet0/0")
        world.ping("H2", "10.1.0.100")
        world.run_for(0.2)
        flows = [(ip.peek_flow(packet), len(packet)) for _, packet in tap.packets]
        sizes.append(max(size for flow, size in flows if flow.destination_port == 4500 or flow.protocol == 50))
    assert 16 <= sizes[0] - sizes[1] <= 32, "20 octets, and what they do to the padding"


@pytest.mark.parametrize("name", ["guide-phase2", "guide-phase2-broadcast"])
def test_ospf_needs_no_packet_in_clear(name: str) -> None:
    world = World(name).converge()
    assert states(world, "HUB1") == {"198.51.100.1": "UP", "198.51.100.2": "UP"}
    for spoke in ("SPOKE1", "SPOKE2"):
        assert states(world, spoke) == {"203.0.113.1": "UP"}
        assert len(ike_sas(world, spoke, "203.0.113.1")) == 1
    assert "Success rate is 100 percent" in world.do("SPOKE1", "ping 10.0.0.1")


def test_the_guide_timers_keep_a_registration_and_its_keys_alive_behind_a_translator() -> None:
    """`ip nhrp holdtime 120` and `registration timeout 60`: reached after an hour without any traffic of its own."""

    def static(router: str, text: str) -> str:
        lans = {
            "R11": "ip route 10.3.3.0 255.255.255.0 192.168.100.31\n",
            "R31": "ip route 10.1.1.0 255.255.255.0 192.168.100.11\n",
        }
        head, mark, rest = text.partition("router eigrp")
        return head + lans.get(router, "") + rest[rest.index("ip route") :] if mark else text

    world = World("ipsec-spoke-behind-nat", change=static)
    world.run_for(3600)
    world.ping("H1", "10.3.3.100", 1)
    world.run_for(2)
    assert world.replies("H1") == [1]


def test_a_dual_hub_with_ipsec_moves_to_the_other_hub_and_back() -> None:
    world = World("ipsec-dual-hub").converge()
    world.run_for(10)
    world.sim.kill("HUB1")
    assert lost(world, "H1", "10.1.10.100", seconds=40, rate=5) < 20 * 5
    assert lost(world, "H1", "10.1.10.100", seconds=5, rate=5) == 0
    world.sim.boot("HUB1", world.scenario.configurations["HUB1"])
    assert world.wait_until(lambda: world.lacks() == [], limit=90), world.lacks()
    assert lost(world, "H1", "10.1.10.100", seconds=5, rate=5) == 0
