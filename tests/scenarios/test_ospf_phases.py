"""OSPF over DMVPN: the guide's phase 2 hairpins, broadcast goes direct, phase 3 takes the hub out of the way."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from dmvpn.features.ospf.packet import Hello, OspfPacket
from dmvpn.net import gre
from dmvpn.net.ipv4 import Ipv4Packet
from support.outages import hops, outages, route
from support.world import Wiretap, World

#: The guide's dead interval on a broadcast network, seconds: as long is waited before anybody is elected.
DEAD = 40.0


def full(world: World, router: str) -> dict[str, str]:
    """Neighbors by address, and their state."""
    rows = [line.split() for line in world.lines(router, "ip ospf neighbor") if re.match(r"\d", line)]
    return {row[-2]: " ".join(row[2:-3]) for row in rows}


def again(world: World, router: str) -> list[str]:
    """How often something was sent again to each neighbor."""
    return re.findall(r"number of retransmission (\d+)", world.show(router, "ip ospf neighbor detail"))


# ------------------------------------------------------------------------------------------------ the guide


def test_broadcast_keeps_the_spoke_as_the_next_hop_so_phase_2_goes_direct() -> None:
    world = World("guide-phase2-broadcast").converge()
    assert full(world, "HUB1") == {"10.0.0.11": "FULL/DROTHER", "10.0.0.12": "FULL/DROTHER"}
    assert full(world, "SPOKE1") == {"10.0.0.1": "FULL/DR"}
    assert route(world, "SPOKE1", "192.168.12.0/24") == "O 192.168.12.0/24 [110/1001] via 10.0.0.12 Tunnel0"
    hops(world, "SPOKE1", "192.168.12.1", "192.168.11.1")
    assert hops(world, "SPOKE1", "192.168.12.1", "192.168.11.1") == ["10.0.0.12"]


@pytest.mark.conforms("ospf:10.8-described")
def test_everybody_has_the_same_database() -> None:
    world = World("guide-phase2-broadcast").converge()
    world.run_for(10)
    tables = [re.findall(r"0x8\w{7} 0x\w{6}", world.show(name, "ip ospf database")) for name in ("HUB1", "SPOKE1")]
    assert tables[0] == tables[1]
    assert len(tables[0]) == 4, "three routers, and the network that the hub speaks for"


@pytest.mark.conforms("ospf:12.2-refresh")
def test_the_database_is_refreshed_and_nothing_is_lost_by_its_age() -> None:
    world = World("ospf-phase3").converge()
    world.run_for(20)
    before = again(world, "SPOKE2")
    world.run_for(3700)
    assert route(world, "SPOKE1", "10.1.2.0/24") == "O 10.1.2.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    ages = [int(age) for age in re.findall(r"\s(\d+)\s+0x8", world.show("SPOKE1", "ip ospf database"))]
    assert ages
    assert max(ages) < 1805
    assert again(world, "SPOKE2") == before


# ------------------------------------------------------------------------------------------------ phase 3


NETWORK = "ospf-phase3"


def test_in_phase_3_the_route_stays_and_nhrp_overrides_its_next_hop(world: World) -> None:
    hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1")
    world.run_for(2)
    assert hops(world, "SPOKE1", "10.1.2.1", "10.1.1.1") == ["10.255.0.12"]
    text = world.show("SPOKE1", "ip route next-hop-override")
    assert "O   %    10.1.2.0/24 [110/2001] via 10.255.0.1" in text
    assert "[NHO][110/255] via 10.255.0.12" in text
    assert "via None" not in text, "the other spoke is told as a host, and NHRP knows the way straight to it"
    assert "[NHO]10.255.0.12, from 10.255.0.12" in world.show("SPOKE1", "ip route 10.255.0.12")


def test_the_log_says_who_came_and_who_went(world: World) -> None:
    assert "Process 1, Nbr 10.0.0.1 on Tunnel0 from LOADING to FULL, Loading Done" in world.show("SPOKE1", "logging")
    world.sim.kill("HUB")
    world.run_for(DEAD + 5)
    down = "%OSPF-5-ADJCHG: Process 1, Nbr 10.0.0.1 on Tunnel0 from FULL to DOWN, Neighbor Down: Dead timer expired"
    assert down in world.show("SPOKE1", "logging")
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""
    world.sim.boot("HUB", world.scenario.configurations["HUB"])
    assert world.wait_until(lambda: not world.lacks(), 120)
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []


@pytest.mark.conforms("ospf:13.4-own")
def test_a_spoke_that_was_restarted_is_believed_again_though_its_numbers_began_again(world: World) -> None:
    """Its advertisement of before is still with the others, with a higher number."""
    world.run_for(400)
    world.sim.kill("SPOKE2")
    world.run_for(5)
    world.sim.boot("SPOKE2", world.scenario.configurations["SPOKE2"])
    assert world.wait_until(lambda: not world.lacks(), 60)
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []


def test_clearing_the_process_asks_first_and_learns_everything_again(world: World) -> None:
    world.do("SPOKE1", "clear ip ospf process", "no")
    assert "forced to reset" not in world.show("SPOKE1", "logging")
    assert full(world, "SPOKE1") == {"10.255.0.1": "FULL/ -"}
    world.do("SPOKE1", "clear ip ospf process", "yes")
    assert "Neighbor Down: Adjacency forced to reset" in world.show("SPOKE1", "logging")
    assert world.wait_until(lambda: not world.lacks(), 60)
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []


def test_two_neighbors_of_a_point_to_point_tunnel_push_each_other_out() -> None:
    """What people see who forget `ip ospf network`: the adjacencies come and go."""

    def change(_router: str, text: str) -> str:
        return text.replace(" ip ospf network point-to-multipoint\n", "")

    world = World("ospf-phase3", change=change)
    world.run_for(120)
    said = world.show("HUB", "logging")
    assert said.count("Neighbor Down: Adjacency forced to reset") > 3
    assert len(full(world, "HUB")) == 1


# ------------------------------------------------------------------------------------------------ areas


def areas(tunnel: int, lan: int, *lines: str) -> World:
    """The tunnels in one area and the LANs of hub and second spoke in another; lines for all processes."""

    def change(router: str, text: str) -> str:
        head, mark, rest = text.partition("interface GigabitEthernet0/2")
        head = head.replace("ip ospf 1 area 0", f"ip ospf 1 area {tunnel}")
        if router in ("HUB", "SPOKE2"):
            rest = rest.replace("ip ospf 1 area 0", f"ip ospf 1 area {lan}")
        else:
            rest = rest.replace("ip ospf 1 area 0", f"ip ospf 1 area {tunnel}")
        rest = rest.replace("0.0.0.0 area 0", f"0.0.0.0 area {tunnel}")
        more = "".join(f" {line}\n" for line in lines)
        return head + mark + rest.replace("router ospf 1\n", f"router ospf 1\n{more}")

    return World("ospf-phase3", change=change)


@pytest.mark.conforms("ospf:12.4.3-summaries", "ospf:16.2-inter")
def test_networks_of_another_area_come_by_its_border_router() -> None:
    world = areas(0, 2)
    world.run_for(20)
    assert route(world, "SPOKE1", "10.1.2.0/24") == "O IA 10.1.2.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    assert route(world, "SPOKE2", "10.1.1.0/24") == "O 10.1.1.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    assert "Summary Net Link States (Area 2)" in world.show("SPOKE2", "ip ospf database")
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(8)
    assert route(world, "SPOKE1", "10.1.2.0/24") == ""


@pytest.mark.conforms("ospf:3.3-stub")
def test_a_totally_stubby_cloud_hears_of_its_default_route_and_of_itself() -> None:
    """The hub is the border: the backbone is its LAN, and the tunnels are area 5."""
    world = areas(5, 5, "area 5 stub no-summary")
    world.configure("HUB", "interface GigabitEthernet0/2", "ip ospf 1 area 0")
    world.configure("SPOKE1", "ip route 203.0.113.1 255.255.255.255 198.51.100.2")
    world.configure("SPOKE1", "no ip route 0.0.0.0 0.0.0.0 198.51.100.2")
    world.run_for(30)
    assert "O*IA  0.0.0.0/0 [110/1001] via 10.255.0.1" in world.show("SPOKE1", "ip route")
    assert route(world, "SPOKE1", "10.1.0.0/24") == ""
    assert route(world, "SPOKE1", "10.1.2.0/24") == "O 10.1.2.0/24 [110/2001] via 10.255.0.1 Tunnel0"
    assert route(world, "HUB", "10.1.1.0/24") == "O 10.1.1.0/24 [110/1001] via 10.255.0.11 Tunnel0"
    assert "Summary" in world.show("SPOKE1", "ip ospf database")
    world.configure("HUB", "router ospf 1", "redistribute static subnets", "default-information originate always")
    world.run_for(6)
    assert "Type-5" not in world.show("SPOKE1", "ip ospf database"), "external routes stay out of a stub area"


@pytest.mark.conforms("ospf:12.4.3-border")
def test_what_a_router_of_another_area_brings_in_is_reached_by_the_border_router() -> None:
    """The hub tells the backbone where the spoke of area 5 is that redistributes (type 4)."""
    world = areas(5, 5)
    world.configure("HUB", "interface GigabitEthernet0/2", "ip ospf 1 area 0")
    world.configure("SPOKE2", "ip route 172.20.0.0 255.255.0.0 Null0", "router ospf 1", "redistribute static")
    world.run_for(30)
    assert "Summary ASB Link States (Area 0)" in world.show("HUB", "ip ospf database")
    assert route(world, "SPOKE1", "172.20.0.0/16") == "O E2 172.20.0.0/16 [110/20] via 10.255.0.1 Tunnel0"
    assert route(world, "SPOKE1", "10.1.0.0/24") == "O IA 10.1.0.0/24 [110/1001] via 10.255.0.1 Tunnel0"


# `max-lsa`: a router that is told too much by others says so, and then has no neighbors for a while.

LAN = "10.1.2.0/24"


def told(world: World) -> int:
    """How many advertisements SPOKE1 has of others."""
    line = next(line for line in world.lines("SPOKE1", "ip ospf") if "Current number" in line)
    return int(line.split()[-1])


def limit(world: World, line: str) -> None:
    world.configure("SPOKE1", "router ospf 1", line)


def logged(world: World, code: str) -> list[str]:
    return [line for line in world.messages("SPOKE1") if f"%{code}:" in line]


def has_neighbor(world: World) -> bool:
    return "FULL" in world.show("SPOKE1", "ip ospf neighbor")


def test_nearly_as_many_as_allowed_are_logged_and_what_is_ours_does_not_count(world: World) -> None:
    limit(world, "max-lsa 1000")
    world.run_for(1)
    count = told(world)
    assert count > 1
    limit(world, f"max-lsa {count} 100")
    for number in range(1, 20):
        world.configure("SPOKE1", f"ip route 172.16.{number}.0 255.255.255.0 Null0")
    world.configure("SPOKE1", "router ospf 1", "redistribute static subnets")
    world.run_for(120)
    assert told(world) == count
    assert not logged(world, "OSPF-4-OSPF_MAX_LSA")
    assert not logged(world, "OSPF-4-OSPF_MAX_LSA_THR")
    limit(world, f"max-lsa {count} 50")
    world.run_for(120)
    assert len(logged(world, "OSPF-4-OSPF_MAX_LSA_THR")) == 1
    assert f'"ospf 1" - {count} LSAs' in logged(world, "OSPF-4-OSPF_MAX_LSA_THR")[0]
    assert has_neighbor(world)


def test_too_many_for_a_minute_are_ignored_with_their_tellers_until_the_time_is_over(world: World) -> None:
    limit(world, "max-lsa 1 ignore-time 2 ignore-count 1")
    world.run_for(50)
    assert len(logged(world, "OSPF-4-OSPF_MAX_LSA")) == 1
    assert has_neighbor(world), "there is a minute to become less"
    world.run_for(20)
    assert not has_neighbor(world)
    assert LAN not in world.show("SPOKE1", "ip route")
    assert "All packets are ignored, for 00:01:" in world.show("SPOKE1", "ip ospf")
    assert "ignores all packets for 2 minutes" in logged(world, "OSPF-4-MAXLSA_IGNORE")[0]
    world.configure("SPOKE1", "interface Loopback7", "ip address 10.7.7.7 255.255.255.255")
    world.run_for(5)
    assert not has_neighbor(world), "another interface is no reason to begin"
    assert world.wait_until(lambda: has_neighbor(world), 180)
    world.run_for(70)
    assert not has_neighbor(world)
    assert "All packets are ignored, until it is cleared" in world.show("SPOKE1", "ip ospf")
    world.run_for(300)
    assert not has_neighbor(world), "the second time is for good"
    world.do("SPOKE1", "clear ip ospf process", "yes")
    assert world.wait_until(lambda: has_neighbor(world), 60)


def test_with_warning_only_nothing_is_ignored(world: World) -> None:
    limit(world, "max-lsa 1 warning-only")
    world.run_for(200)
    assert len(logged(world, "OSPF-4-OSPF_MAX_LSA")) == 1
    assert has_neighbor(world)


# Route maps of OSPF, judged by what other routers get to know.

# ------------------------------------------------------------------------------------------------ key chains

_CHAIN = ("key chain OSPF", "key 1", "key-string one", "cryptographic-algorithm hmac-sha-256")


def _chained(world: World, router: str, *lines: str) -> None:
    world.configure(router, *_CHAIN, *lines)
    world.configure(router, "interface Tunnel0", "ip ospf authentication key-chain OSPF")


@pytest.mark.conforms("ospf:5709-rollover")
def test_a_key_chain_seals_with_its_highest_key_and_opens_with_all(world: World) -> None:
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        _chained(world, router)
    assert world.wait_until(lambda: not world.lacks(), 120)
    sealed = "Sending SA: Key 1, Algorithm HMAC-SHA-256 - key chain OSPF"
    assert sealed in world.show("HUB", "ip ospf interface Tunnel0")
    new = ("key 2", "key-string two", "cryptographic-algorithm hmac-sha-512")
    for router in ("SPOKE1", "SPOKE2", "HUB"):
        world.configure(router, "key chain OSPF", *new)
    world.run_for(150)
    assert "Sending SA: Key 2, Algorithm HMAC-SHA-512" in world.show("HUB", "ip ospf interface Tunnel0")
    assert "Dead timer expired" not in world.show("HUB", "logging"), "the keys were rolled over within a dead interval"
    assert not world.lacks()


@pytest.mark.conforms("ospf:D.3-lifetimes")
def test_keys_with_lifetimes_roll_over_and_the_last_one_goes_on(world: World) -> None:
    now = world.show("HUB", "clock")
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        _chained(world, router)
    assert world.wait_until(lambda: not world.lacks(), 120)
    clock = datetime.strptime(" ".join(now.replace("*", "").split()[i] for i in (0, 3, 4, 5)), "%H:%M:%S.%f %b %d %Y")
    change, end = ((clock + timedelta(seconds=seconds)).strftime("%H:%M:%S %b %d %Y") for seconds in (400, 600))
    for router in ("HUB", "SPOKE1", "SPOKE2"):
        first = ("key 1", f"send-lifetime 00:00:00 Jan 1 2020 {change}")
        second = ("key 2", "key-string two", "cryptographic-algorithm hmac-sha-256", f"send-lifetime {change} {end}")
        world.configure(router, "key chain OSPF", *first, *second)
    world.run_for(30)
    assert "Sending SA: Key 1," in world.show("HUB", "ip ospf interface Tunnel0")
    world.run_for(450)
    assert "Sending SA: Key 2," in world.show("HUB", "ip ospf interface Tunnel0")
    assert not world.lacks()
    world.run_for(300)
    assert "%OSPF-5-LASTKEYEXP: Process 1: Tunnel0: key 2 of key chain OSPF" in world.show("HUB", "logging")
    assert "Dead timer expired" not in world.show("HUB", "logging")
    assert not world.lacks()


def test_digest_keys_roll_over_router_by_router(world: World) -> None:
    assert world.wait_until(lambda: not world.lacks(), 120)
    for number, router in enumerate(("HUB", "SPOKE1", "SPOKE2")):
        world.configure(router, "interface Tunnel0", "ip ospf message-digest-key 2 md5 Sun5hine")
        world.run_for(150)
        shown = world.show("HUB", "ip ospf interface Tunnel0")
        assert "youngest key id is 2" in shown
        using = re.findall(r"Rollover in progress, (\d) neighbor", shown)
        assert using == ([str(2 - number)] if number < 2 else [])
        assert not world.lacks()
    for router in ("SPOKE2", "HUB", "SPOKE1"):
        world.configure(router, "interface Tunnel0", "no ip ospf message-digest-key 1")
        world.run_for(150)
        assert not world.lacks()
    assert "Dead timer expired" not in world.show("HUB", "logging")


# ------------------------------------------------------------------------------------------------ distribute lists


# Lines of OSPF that change what is told or how fast, each judged by what another router or the wire sees.

PREFIX = "10.1.2.0/24"


def hellos(wire: Wiretap, receiver: str) -> list[float]:
    """When Hellos passed inside of GRE to this NBMA address."""
    tunnelled = (each for each in wire.tunnelled(gre.ProtocolType.IPV4) if each.way[1] == receiver)
    found = ((each.time, Ipv4Packet.parse(each.payload)) for each in tunnelled)
    packets = ((time, OspfPacket.parse(packet.payload)) for time, packet in found if packet.protocol == 89)
    return [time for time, packet in packets if isinstance(packet.content, Hello)]


# ------------------------------------------------------------------------------------------------ what is told


@pytest.mark.conforms("ospf:6860-links")
def test_networks_between_routers_are_told_to_nobody_if_prefixes_are_suppressed(world: World) -> None:
    assert route(world, "SPOKE1", "10.255.0.12/32") != ""
    world.configure("SPOKE2", "router ospf 1", "prefix-suppression")
    world.run_for(6)
    assert route(world, "SPOKE1", "10.255.0.12/32") == ""
    assert route(world, "SPOKE1", PREFIX) != "", "of a passive interface"
    assert route(world, "SPOKE1", "10.0.0.12/32") != "", "of a loopback"
    assert outages(world, ("H1", "10.1.2.100"), seconds=2) == []
    world.configure("SPOKE2", "interface Tunnel0", "ip ospf prefix-suppression disable")
    world.run_for(6)
    assert route(world, "SPOKE1", "10.255.0.12/32") != ""
    world.configure("SPOKE2", "interface GigabitEthernet0/2", "ip ospf prefix-suppression")
    world.run_for(6)
    assert not route(world, "SPOKE1", PREFIX).startswith("O ")


@pytest.mark.conforms("ospf:6860-network")
def test_the_prefix_of_a_network_with_a_designated_router_can_be_suppressed() -> None:
    world = World("guide-phase2-broadcast").converge()
    lan = "192.168.12.0/24"
    for router in ("HUB1", "SPOKE1", "SPOKE2"):
        world.configure(router, "interface Tunnel0", "ip ospf prefix-suppression")
    world.run_for(10)
    assert "Network Mask: /32" in world.show("SPOKE1", "ip ospf database network")
    assert route(world, "SPOKE1", lan) == f"O {lan} [110/1001] via 10.0.0.12 Tunnel0"
    assert not re.search(r"^O +10\.0\.0\.", world.show("SPOKE1", "ip route ospf"), re.MULTILINE)


@pytest.mark.conforms("ospf:6987-resort")
def test_a_router_can_be_a_last_resort_for_a_while_after_its_start(world: World) -> None:
    world.sim.kill("HUB")
    world.run_for(1)
    text = "\n".join(line for line in world.scenario.configurations["HUB"].splitlines() if line != "end")
    more = ("router ospf 1", " max-metric router-lsa on-startup 120 external-lsa 900")
    text = "\n".join((text, *more, " default-information originate always", "end", ""))
    world.sim.boot("HUB", text)
    assert world.wait_until(lambda: "[110/66536]" in route(world, "SPOKE1", PREFIX), 100)
    assert "Originating router-LSAs with maximum metric" in world.show("HUB", "ip ospf")
    assert "Metric: 900" in world.show("SPOKE1", "ip ospf database external")
    world.run_for(125)
    assert "[110/2001]" in route(world, "SPOKE1", PREFIX)
    assert "Metric: 1 " in world.show("SPOKE1", "ip ospf database external")


# ------------------------------------------------------------------------------------------------ how fast


def learned_after(world: World) -> float:
    """Seconds until SPOKE1 knows of a new LAN of SPOKE2."""
    world.run_for(60)
    world.configure("SPOKE2", "interface Loopback0", "ip address 10.77.0.1 255.255.255.255 secondary")
    world.configure("SPOKE2", "interface Loopback7", "ip address 10.78.0.1 255.255.255.255", "ip ospf 1 area 0")
    begun = world.now
    assert world.wait_until(lambda: route(world, "SPOKE1", "10.78.0.1/32") != "", 60)
    return world.now - begun


def test_a_change_is_told_and_calculated_soon(world: World) -> None:
    assert learned_after(world) < 0.3


@pytest.mark.conforms("ospf:12.4-minls")
def test_the_throttle_of_advertisements_delays_what_we_say(world: World) -> None:
    world.configure("SPOKE2", "router ospf 1", "timers throttle lsa 3000 3000 5000")
    assert 3.0 <= learned_after(world) < 3.5
    assert " Initial LSA throttle delay 3000 msecs" in world.show("SPOKE2", "ip ospf")


def test_the_throttle_of_the_calculation_delays_what_we_learn(world: World) -> None:
    world.configure("SPOKE1", "router ospf 1", "timers throttle spf 4000 4000 5000")
    assert 4.0 <= learned_after(world) < 4.5


@pytest.mark.conforms("ospf:8.1-groups", "ospf:9.5.1-poll")
def test_a_configured_neighbor_that_does_not_answer_is_called_seldom() -> None:
    def change(router: str, text: str) -> str:
        text = text.replace("network point-to-multipoint", "network point-to-multipoint non-broadcast")
        return text.replace(
            " router-id 10.0.0.1\n",
            " router-id 10.0.0.1\n neighbor 10.255.0.11\n neighbor 10.255.0.12 poll-interval 90\n",
        )

    world = World("ospf-phase3", change=change).converge()
    world.sim.kill("SPOKE2")
    world.run_for(130)
    wire = world.watch("HUB", "GigabitEthernet0/1")
    world.run_for(200)
    times = hellos(wire, "198.51.100.5")
    assert 2 <= len(times) <= 3
    assert min(after - before for before, after in pairwise(times)) >= 90
