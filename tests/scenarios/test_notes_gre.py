"""Scenario notes-gre: two routers, a point-to-point GRE tunnel with keepalives, RIP under it and EIGRP inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.events import ConfigurationEntered
from dmvpn.net.gre import ProtocolType
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

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


# `tunnel checksum` and `tunnel sequence-datagrams`: what GRE headers have besides, and what it costs.

LINES = " tunnel checksum\n tunnel sequence-datagrams\n"


def with_options(name: str) -> World:
    def change(router: str, text: str) -> str:
        return "".join(
            line + (LINES if line.startswith(" tunnel source") else "") for line in text.splitlines(keepends=True)
        )

    return World(name, change=change)


@pytest.mark.parametrize("name", ["notes-gre", "notes-phase3", "intro-phase3"])
def test_a_network_with_both_lines_everywhere_works(name: str) -> None:
    with_options(name).converge()


def test_point_to_point_tunnels_have_both_and_say_so() -> None:
    world = with_options("notes-gre").converge()
    lines = world.lines("R31", "interfaces Tunnel100")
    assert any(line.endswith(", sequencing enabled") for line in lines)
    assert "    Checksumming of packets enabled" in lines
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.run_for(15)
    headers = [found.header for found in tap.tunnelled(ProtocolType.IPV4)]
    assert headers
    assert all(header.has_checksum and header.sequence is not None for header in headers)


def test_a_multipoint_tunnel_has_checksums_alone() -> None:
    world = with_options("notes-phase3").converge()
    lines = world.lines("R31", "interfaces Tunnel100")
    assert any(line.endswith(", sequencing disabled") for line in lines)
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.run_for(15)
    headers = [found.header for found in tap.tunnelled(ProtocolType.IPV4)]
    assert headers
    assert all(header.has_checksum and header.sequence is None for header in headers)


# A tunnel changes its mode in one step, as `copy FILE running-config` or a replaced configuration does it.


@pytest.mark.parametrize("router", ["R31", "R11"])
def test_a_tunnel_that_becomes_multipoint_in_one_step_reaches_everybody_again(router: str) -> None:
    """The line stayed up, registrations went on, and no packet left: the data plane had no adjacencies."""
    world = World("notes-phase3").converge()
    destination = "172.16.11.1" if router == "R31" else "172.16.31.1"
    world.configure(router, "interface Tunnel100", "no tunnel mode gre multipoint", f"tunnel destination {destination}")
    world.run_for(30.0)
    world.sim.post(router, ConfigurationEntered(world.scenario.configurations[router]))
    world.run_for(30.0)
    assert world.wait_until(lambda: not world.lacks(), 70.0), world.lacks()
    assert "!!!!!" in world.do("R31", "ping 10.1.1.100 source 10.3.3.1")


# What one wrong line does to notes-phase3, where it shows, and that the right line fixes it without a clear.

#: The longest pause between two registration requests, seconds, with its jitter.
LONGEST_RETRY = 64 * 1.1


def replaced(router: str, line: str, other: str) -> Callable[[str, str], str]:
    """A change of one line of one router; `logging dmvpn` on all."""

    def change(name: str, text: str) -> str:
        if name == router:
            assert f" {line}\n" in text
            text = text.replace(f" {line}\n", f" {other}\n" if other else "")
        return text.replace("!\n", "!\nlogging dmvpn\n!\n", 1)

    return change


def states(world: World, router: str) -> dict[str, str]:
    """State and attributes of each peer's tunnel address in `show dmvpn`."""
    rows = [line.split() for line in world.lines(router, "dmvpn") if line.startswith("     1 ")]
    return {row[2]: f"{row[3]} {row[5]}" for row in rows}


HEALTHY = {"192.168.100.31": "UP D", "192.168.100.41": "UP D"}
HUB_IS_UP, HUB_IS_SILENT = {"192.168.100.11": "UP S"}, {"192.168.100.11": "NHRP S"}


def test_without_a_network_id_the_hub_takes_nobody_and_says_so_until_it_has_one() -> None:
    world = World("notes-phase3", change=replaced("R11", "ip nhrp network-id 100", ""))
    world.run_for(60)
    assert states(world, "R11") == {}
    assert states(world, "R31") == HUB_IS_SILENT
    assert [line for line in world.messages("R11") if "NHRP_NETID_UNCONFIGURED" in line]
    world.configure("R11", "interface Tunnel100", "ip nhrp network-id 100")
    assert world.wait_until(lambda: states(world, "R11") == HEALTHY, LONGEST_RETRY)


@pytest.mark.parametrize("line", ["tunnel key 7", ""])
def test_another_tunnel_key_or_none_is_silence_until_it_is_right(line: str) -> None:
    world = World("notes-phase3", change=replaced("R31", "tunnel key 100", line))
    world.run_for(60)
    assert states(world, "R11") == {"192.168.100.41": "UP D"}
    assert states(world, "R31") == HUB_IS_SILENT
    assert [line for line in (*world.messages("R11"), *world.messages("R31")) if "NHRP_ERROR" in line] == []
    world.configure("R31", "interface Tunnel100", "tunnel key 100")
    assert world.wait_until(lambda: not world.lacks(), LONGEST_RETRY)


def test_a_wrong_server_address_keeps_the_spoke_in_state_nhrp_until_it_is_right() -> None:
    server = "ip nhrp nhs 192.168.100.{} nbma 172.16.11.1 multicast"
    world = World("notes-phase3", change=replaced("R31", server.format(11), server.format(12)))
    world.run_for(60)
    assert states(world, "R31") == {"192.168.100.12": "NHRP S"}
    assert "192.168.100.31" not in [peer for peer, state in states(world, "R11").items() if state.startswith("UP")]
    assert (
        "%DMVPN-3-DMVPN_NHRP_ERROR:  Tunnel100: NHRP Encap Error for  Registration Request , "
        "Reason:  protocol generic error (7) on (Tunnel: 192.168.100.31 NBMA: 172.16.31.1)"
    ) in world.messages("R11")
    unreachable = "%NHRP-3-PAKERROR: Receive Error Indication for our Registration Request, code: protocol address"
    assert [line for line in world.messages("R31") if line.startswith(unreachable)]
    world.configure("R31", "interface Tunnel100", f"no {server.format(12)}", server.format(11))
    assert world.wait_until(lambda: not world.lacks(), LONGEST_RETRY)


def test_a_static_map_alone_registers_nothing() -> None:
    world = World(
        "notes-phase3",
        change=replaced(
            "R31", "ip nhrp nhs 192.168.100.11 nbma 172.16.11.1 multicast", "ip nhrp map 192.168.100.11 172.16.11.1"
        ),
    )
    world.run_for(60)
    assert states(world, "R31") == HUB_IS_SILENT
    assert "192.168.100.11" not in world.show("R31", "ip nhrp nhs detail")
    assert "192.168.100.31" not in [peer for peer, state in states(world, "R11").items() if state.startswith("UP")]


def test_a_point_to_point_spoke_has_no_shortcut_and_all_packets_arrive_by_the_hub() -> None:
    change = replaced("R31", "tunnel mode gre multipoint", "tunnel destination 172.16.11.1")
    world = World("notes-phase3", change=change).converge()
    for _ in range(2):
        lines = world.do("R41", "traceroute 10.3.3.1 source 10.4.4.1").splitlines()
        assert [line.split()[1] for line in lines[3:] if line] == ["192.168.100.11", "192.168.100.31"]
        world.run_for(5)
    sent = world.stream("H4", "10.3.3.100", seconds=3, rate=50)
    world.run_for(1)
    assert sorted(world.replies("H4")) == list(range(sent))


def test_a_password_of_nine_characters_is_cut_to_eight_with_a_warning_and_shown_as_typed() -> None:
    """Eight is all that IOS takes; the cut is the same on every router, so they agree."""
    world = World("notes-phase3").converge()
    for router in ("R11", "R31", "R41"):
        printed = world.configure(router, "interface Tunnel100", "ip nhrp authentication DMVPN2026")
        assert "%" in printed
        assert " ip nhrp authentication DMVPN2026" in world.lines(router, "running-config")
    world.run_for(120)
    assert not world.lacks()
    world.configure("R31", "interface Tunnel100", "ip nhrp authentication DMVPN202")
    world.run_for(120)
    assert not world.lacks()
