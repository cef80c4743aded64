"""Other configurations with IPsec: IKEv1, OSPF, and a point-to-point tunnel."""

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


# Other configurations with IPsec: those with crypto isakmp lines, and those with OSPF.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.


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


# The networks of IKEv1: direct paths under protection, NAT, and both versions in one cloud.
#
# The world of these tests fails at once when a packet of a protected tunnel is seen in clear on any wire.

#: Spokes, and addresses behind them.
OLD, NEW, BOTH = ("R31", "10.3.3.1"), ("R41", "10.4.4.1"), ("R51", "10.5.5.1")


def isakmp_states(world: World, router: str, peer: str) -> list[str]:
    """Return the states of the ISAKMP SAs of a router with a peer."""
    lines = (line.split() for line in world.lines(router, "crypto isakmp sa"))
    return [words[2] for words in lines if peer in words[:2]]


def hops(world: World, router: str, source: str, target: str) -> list[str]:
    """Return the hops of the second traceroute."""
    world.do(router, f"traceroute {target} source {source}")
    world.run_for(5)
    text = world.do(router, f"traceroute {target} source {source}")
    return re.findall(r"^ +\d+ ([\d.]+) ", text, re.MULTILINE)


def test_spokes_with_a_wildcard_key_are_direct_neighbors_in_ikev1() -> None:
    world = World("isakmp-phase3").converge()
    assert hops(world, "SPOKE1", "10.1.1.1", "10.1.2.1") == ["10.255.0.12"]
    assert "QM_IDLE" in isakmp_states(world, "SPOKE1", "198.51.100.5")
    assert ike_sas(world, "SPOKE1", "198.51.100.5") == []
    assert "in use settings ={Transport" in world.show("SPOKE1", "crypto ipsec sa")
    assert lost(world, "H1", "10.1.2.100", seconds=5) == 0


def test_a_session_by_the_keys_of_crypto_isakmp_key_has_no_profile() -> None:
    """`show crypto session` said `Profile: crypto isakmp`, which nobody had configured; IOS has no such line."""
    world = World("isakmp-phase3").converge()
    text = world.show("HUB", "crypto session")
    assert text.count("UP-ACTIVE") == 2
    assert "Profile:" not in text


def test_two_spokes_behind_one_nat_are_two_peers_of_the_hub_in_ikev1() -> None:
    world = World("isakmp-nat").converge()
    world.run_for(10)
    assert isakmp_states(world, "R11", "172.16.31.1") == ["QM_IDLE", "QM_IDLE"]
    text = world.show("R11", "crypto session")
    ports = re.findall(r"^Peer: 172\.16\.31\.1 port (\d+)", text, re.MULTILINE)
    assert len(set(ports)) == 2, text
    for host in ("H3", "H32"):
        assert lost(world, host, "10.1.1.100", seconds=3) == 0
    assert hops(world, "R31", "10.3.3.1", "10.4.4.1") == ["192.168.100.41"]


@pytest.mark.parametrize(("source", "target"), [(OLD, NEW), (NEW, OLD), (OLD, BOTH), (BOTH, OLD), (NEW, BOTH)])
def test_spokes_of_different_versions_of_ike_talk_directly(source: tuple[str, str], target: tuple[str, str]) -> None:
    world = World("isakmp-and-ikev2").converge()
    assert hops(world, *source, target[1]) == [f"192.168.100.{target[0][1:]}"]


def test_a_hub_answers_each_spoke_in_the_version_with_which_it_begins() -> None:
    world = World("isakmp-and-ikev2").converge()
    world.run_for(10)
    assert isakmp_states(world, "R11", "172.16.31.1") == ["QM_IDLE"]
    assert ike_sas(world, "R11", "172.16.31.1") == []
    for spoke in ("172.16.41.1", "172.16.51.1"):
        assert isakmp_states(world, "R11", spoke) == []
        assert len(ike_sas(world, "R11", spoke)) == 1
    text = world.show("R11", "crypto session")
    assert (text.count("IKEv1 SA: "), text.count("IKEv2 SA: "), text.count("UP-ACTIVE")) == (1, 2, 3)


def test_a_name_that_a_wildcard_key_does_not_prove_is_shown_with_the_line_of_that_key() -> None:
    """`show crypto session detail` named a keyring `crypto isakmp`, which no line had made."""
    world = World("isakmp-phase3").converge()
    text = world.show("SPOKE1", "crypto session detail")
    assert "Crypto name not proved: crypto isakmp key 0.0.0.0\n" in text


def test_a_spoke_in_tunnel_mode_behind_a_nat_is_reached() -> None:
    """SAs came up, the hub decrypted what R41 sent, and dropped it: the inner header has the address before the NAT."""
    tunnel = (" mode transport\n", " mode tunnel\n")
    world = World("isakmp-nat", change=lambda name, text: text.replace(*tunnel) if name == "R41" else text)
    world.run_for(30)
    assert isakmp_states(world, "R11", "172.16.41.1") == ["QM_IDLE"]
    assert lost(world, "H4", "10.1.1.100", seconds=5) == 0
    assert lost(world, "H1", "10.4.4.100", seconds=5) == 0


def test_a_spoke_in_tunnel_mode_behind_a_nat_is_reached_after_rekeys_by_either_end() -> None:
    tunnel = (" mode transport\n", " mode tunnel\n")
    often = (
        "crypto ipsec profile DMVPN\n",
        "crypto ipsec profile DMVPN\n set security-association lifetime seconds 120\n",
    )

    def change(name: str, text: str) -> str:
        return text.replace(*tunnel).replace(*often) if name == "R41" else text.replace(*often)

    world = World("isakmp-nat", change=change)
    world.run_for(30)
    assert lost(world, "H4", "10.1.1.100", seconds=300, rate=2) == 0
