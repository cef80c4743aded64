"""Scenario notes-gre: two routers, a point-to-point GRE tunnel with keepalives, RIP under it and EIGRP inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.stories import Story, stories, tell

if TYPE_CHECKING:
    from support.world import World

TUNNEL = "interfaces tunnel 100"
EIGRP = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")


#: Both routers have each other's LAN.
NETWORK = "notes-gre"


def linestate(world: World, router: str) -> str:
    """What `show interfaces` says of the tunnel's line: "up", or "down - " and the reason."""
    (line,) = [line for line in world.lines(router, TUNNEL) if "linestate evaluation" in line]
    return line.removeprefix("  Tunnel linestate evaluation ")


def is_up(world: World, router: str) -> bool:
    return world.lines(router, TUNNEL)[0] == "Tunnel100 is up, line protocol is up "


@pytest.mark.parametrize(
    "line",
    [
        "Tunnel100 is up, line protocol is up ",
        "  Internet address is 192.168.100.11/24",
        "  MTU 9976 bytes, BW 4000 Kbit/sec, DLY 50000 usec, ",
        "  Encapsulation TUNNEL, loopback not set",
        "  Keepalive set (5 sec), retries 3",
        "  Tunnel linestate evaluation up",
        "  Tunnel source 172.16.11.1 (GigabitEthernet0/1), destination 172.16.31.1",
        "  Tunnel protocol/transport GRE/IP",
        "    Key disabled, sequencing disabled",
        "    Checksumming of packets disabled",
        "  Tunnel TTL 255, Fast tunneling enabled",
        "  Tunnel transport MTU 1476 bytes",
        "  Tunnel transmit bandwidth 8000 (kbps)",
    ],
)
def test_show_interface_has_the_tunnel_as_configured(world: World, line: str) -> None:
    assert line in world.lines("R11", "interface tunnel 100")


def test_show_interface_counts_what_the_tunnel_carries_and_when_it_last_did(world: World) -> None:
    world.run_for(60)
    (ages,) = [line for line in world.lines("R11", TUNNEL) if line.startswith("  Last input")]
    assert ages in [f"  Last input 00:00:0{age}, output 00:00:0{age}, output hang never" for age in range(6)]
    assert not [line for line in world.lines("R11", TUNNEL) if line.startswith("     0 packets")]


def test_the_underlay_is_learned_by_rip(world: World) -> None:
    route = next(line for line in world.lines("R11", "ip route") if line.startswith("R "))
    assert route.startswith("R        172.16.31.0/30 [120/1] via 172.16.11.2, 00:00:")
    assert route.endswith(", GigabitEthernet0/1")


def test_the_far_lan_is_learned_by_eigrp_with_the_metric_of_the_configured_bandwidth(world: World) -> None:
    """A tenth of the bandwidth would give the 38912000 that is in print beside the configuration."""
    for router, lan, neighbor in (("R11", "10.3.3.0", "192.168.100.31"), ("R31", "10.1.1.0", "192.168.100.11")):
        (route,) = [line for line in world.lines(router, "ip route") if line.startswith("D ")]
        assert route.startswith(f"D        {lan}/24 [90/27392000] via {neighbor}, 00:00:")
        assert route.endswith(", Tunnel100")


def test_traceroute_to_the_far_lan_is_one_hop_and_shows_the_tunnel_address(world: World) -> None:
    """The inner TTL is decremented once, by the router that takes the packet out of the tunnel."""
    lines = world.do("R11", "traceroute 10.3.3.3 source 10.1.1.1").splitlines()
    assert lines[1] == "Tracing the route to 10.3.3.3"
    hops = lines[3:]
    assert [line.split()[:2] for line in hops if line] == [["1", "192.168.100.31"]]


# --------------------------------------------------------------------------------------------------- line protocol


def test_the_line_goes_down_when_there_is_no_route_to_the_destination(world: World) -> None:
    world.configure("R11", "router rip", "no network 172.16.0.0")
    assert not is_up(world, "R11")
    assert linestate(world, "R11") == "down - no route to destination"
    assert "D " not in world.show("R11", "ip route eigrp").split("Gateway")[1]
    world.configure("R11", "router rip", "network 172.16.0.0")
    assert world.wait_until(lambda: not world.lacks(), 60)


def test_the_line_goes_down_after_three_keepalives_without_an_answer(world: World) -> None:
    world.run_for(60.1 - world.now % 5)
    world.cut("R31", "GigabitEthernet0/1")
    began = world.now
    assert world.wait_until(lambda: not is_up(world, "R11"), 30)
    # The keepalives of 5, 10 and 15 seconds are lost, which shows when the next one is due.
    assert world.now - began == pytest.approx(20, abs=0.2)
    assert linestate(world, "R11") == "down - keepalive timer expired"
    assert world.messages("R11")[-1] == (
        "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to down"
    )


def test_the_line_comes_up_by_itself_when_keepalives_are_answered_again(world: World) -> None:
    """Both ends are down by then, and both must send the other's keepalives back nevertheless."""
    world.cut("R31", "GigabitEthernet0/1")
    assert world.wait_until(lambda: not is_up(world, "R11") and not is_up(world, "R31"), 40)
    world.cut("R31", "GigabitEthernet0/1", cut=False)
    assert world.wait_until(lambda: is_up(world, "R11") and is_up(world, "R31"), 6)
    assert world.wait_until(lambda: not world.lacks(), 30)


def test_without_keepalive_a_dead_far_end_leaves_the_line_up_and_eigrp_notices(world: World) -> None:
    world.configure("R11", "interface tunnel 100", "no keepalive")
    assert "  Keepalive not set" in world.lines("R11", TUNNEL)
    world.cut("R31", "GigabitEthernet0/1")
    world.run_for(60)
    assert is_up(world, "R11")
    assert world.messages("R11")[-1] == (
        "%DUAL-5-NBRCHANGE: EIGRP-IPv4 100: Neighbor 192.168.100.31 (Tunnel100) is down: holding time expired"
    )


def test_eigrp_on_the_transport_prefix_takes_the_tunnel_down_again_and_again(world: World) -> None:
    """The far end says that the way to it leads through the tunnel; EIGRP's 90 beats RIP's 120."""
    for router in ("R11", "R31"):
        world.configure(router, *EIGRP, "network 172.16.0.0")
    before = len(world.messages("R11"))
    world.run_for(200)
    happened = world.messages("R11")[before:]
    neighbor = "%DUAL-5-NBRCHANGE: EIGRP-IPv4 100: Neighbor 192.168.100.31 (Tunnel100) is"
    line = "%LINEPROTO-5-UPDOWN: Line protocol on Interface Tunnel100, changed state to"
    loop = [
        "%TUN-5-RECURDOWN: Tunnel100 temporarily disabled due to recursive routing",
        f"{line} down",
        f"{neighbor} down: interface down",
        f"{line} up",
        f"{neighbor} up: new adjacency",
    ]
    assert happened[: 3 * len(loop)] == 3 * loop
    # Meanwhile the proper way is back.
    assert "R        172.16.31.0/30 [120/1] via 172.16.11.2" in world.show("R11", "ip route")


def test_the_loop_ends_when_the_transport_prefix_leaves_eigrp(world: World) -> None:
    for router in ("R11", "R31"):
        world.configure(router, *EIGRP, "network 172.16.0.0")
    world.run_for(70)
    for router in ("R11", "R31"):
        world.configure(router, *EIGRP, "no network 172.16.0.0")
    assert world.wait_until(lambda: not world.lacks(), 120)
    before = len(world.messages("R11"))
    world.run_for(300)
    assert world.messages("R11")[before:] == []


@pytest.mark.parametrize("story", stories("notes_gre"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, is_up, linestate)
