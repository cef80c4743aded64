"""Scenario notes-phase3: mGRE everywhere, redirect on the hub, shortcut on the spokes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp import packet as nhrp
from dmvpn.net import gre
from support.outages import hops
from support.texts import file_text

if TYPE_CHECKING:
    from dmvpn.features.nhrp.parts import ClientInfo
    from support.world import Wiretap, World

HUB, R31, R41 = "192.168.100.11", "192.168.100.31", "192.168.100.41"
NBMA = {"R11": "172.16.11.1", "R31": "172.16.31.1", "R41": "172.16.41.1"}
EIGRP_TUNNEL = (
    "router eigrp GRE-OVERLAY",
    "address-family ipv4 unicast autonomous-system 100",
    "af-interface Tunnel100",
)
UNDERLAY = "GigabitEthernet0/1"


#: The spokes are registered, and everybody has every LAN. No traffic yet.
NETWORK = "notes-phase3"


@pytest.fixture
def direct(world: World) -> World:
    """A traceroute between the spokes' LANs has made the shortcut, and a ping taken it, 51 s after the registration."""
    world.run_for(41 - world.now)
    world.do("R31", "traceroute 10.4.4.1 source 10.3.3.1", "ping 10.4.4.1 source 10.3.3.1 repeat 1")
    world.run_for(51.5 - world.now)
    return world


def table(world: World, router: str) -> list[str]:
    """The rows of `show dmvpn detail`."""
    lines = world.lines(router, "dmvpn detail")
    start = next(number for number, line in enumerate(lines) if line.startswith("# Ent")) + 2
    return lines[start : lines.index("", start)]


def route(world: World, router: str, prefix: str, command: str = "ip route") -> str:
    """The line of the routing table about a prefix, without its age."""
    (line,) = [line for line in world.lines(router, command) if re.match(rf"[A-Z]\S? .*{prefix} ", line)]
    return re.sub(r", \d\d:\d\d:\d\d", "", line)


def entry(world: World, router: str, target: str) -> str:
    """The lines of `show ip nhrp detail` about a target, "" if there is none."""
    text = world.show(router, "ip nhrp detail")
    match = re.search(rf"^{re.escape(target)} via .*\n(?: .*\n)*", text, re.MULTILINE)
    return match[0] if match else ""


# --------------------------------------------------------------------------------------------------------- the story


def test_traffic_to_the_hubs_lan_makes_no_shortcut(world: World) -> None:
    assert hops(world, "R31", "10.1.1.1", "10.3.3.1") == [HUB]
    world.run_for(5)
    assert [row.split()[-1] for row in table(world, "R31")] == [f"{HUB}/32"]


def test_show_dmvpn_detail_on_r31_has_three_peers_and_four_entries(direct: World) -> None:
    assert "Type:Spoke, Total NBMA Peers (v4/v6): 3" in direct.lines("R31", "dmvpn detail")
    assert table(direct, "R31") == [
        "    1 172.16.31.1      192.168.100.31    UP 00:00:10   DLX        10.3.3.0/24",
        "    2 172.16.41.1      192.168.100.41    UP 00:00:10   DT2        10.4.4.0/24",
        "      172.16.41.1      192.168.100.41    UP 00:00:10   DT1  192.168.100.41/32",
        "    1 172.16.11.1      192.168.100.11    UP 00:00:51     S  192.168.100.11/32",
    ]


def test_show_dmvpn_detail_on_r41_is_the_mirror_image(direct: World) -> None:
    assert "Type:Spoke, Total NBMA Peers (v4/v6): 3" in direct.lines("R41", "dmvpn detail")
    assert table(direct, "R41") == [
        "    2 172.16.31.1      192.168.100.31    UP 00:00:10   DT2        10.3.3.0/24",
        "      172.16.31.1      192.168.100.31    UP 00:00:10   DT1  192.168.100.31/32",
        "    1 172.16.41.1      192.168.100.41    UP 00:00:10   DLX        10.4.4.0/24",
        "    1 172.16.11.1      192.168.100.11    UP 00:00:51     S  192.168.100.11/32",
    ]


def test_show_dmvpn_leaves_the_local_entry_out(direct: World) -> None:
    lines = direct.lines("R31", "dmvpn")
    assert "Type:Spoke, NHRP Peers:2, " in lines
    assert lines[-4:] == [
        "     2 172.16.41.1      192.168.100.41    UP 00:00:10   DT2",
        "                        192.168.100.41    UP 00:00:10   DT1",
        "     1 172.16.11.1      192.168.100.11    UP 00:00:51     S",
        "",
    ]


def test_the_hub_keeps_its_two_registered_clients_and_nothing_more(direct: World) -> None:
    assert [row.split()[-2:] for row in table(direct, "R11")] == [["D", f"{R31}/32"], ["D", f"{R41}/32"]]


def test_show_ip_nhrp_detail_has_every_flag_requester_and_preference(direct: World) -> None:
    assert direct.show("R31", "ip nhrp detail") == (file_text("notes_phase3_nhrp_detail.txt"))


def test_a_local_entry_remembers_who_asked_and_under_which_request_id(world: World) -> None:
    tap = world.watch("R41", UNDERLAY)
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(1)
    (request,) = [p for found, p in tap.nhrp(nhrp.ResolutionRequest) if str(p.source_protocol) == R31]
    assert entry(world, "R41", "10.4.4.0/24").endswith(f"  Requester: {R31} Request ID: {request.request_id} \n")


# ---------------------------------------------------------------------------------------------------------- routes


def test_next_hop_override_is_a_line_of_its_own_in_its_own_command_only(direct: World) -> None:
    override = "                     [NHO][90/255] via 192.168.100.41, 00:00:10, Tunnel100"
    assert override not in direct.lines("R31", "ip route")
    lines = direct.lines("R31", "ip route next-hop-override")
    assert lines[lines.index(override) - 1].startswith("D   %    10.4.4.0/24 [90/52992000] via 192.168.100.11, ")


def with_a_summary(world: World) -> World:
    """The hub tells the spokes 10.0.0.0/8 and nothing longer."""
    world.configure("R11", *EIGRP_TUNNEL, "summary-address 10.0.0.0 255.0.0.0")
    world.run_for(2)
    return world


def test_with_a_summary_the_shortcut_is_a_route_of_its_own(world: World) -> None:
    with_a_summary(world)
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == [HUB, R41]
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == [R41]
    assert route(world, "R31", "10.4.4.0/24") == "H        10.4.4.0/24 [250/255] via 192.168.100.41, Tunnel100"
    assert [row.split()[-2:] for row in table(world, "R31")] == [
        ["DLX", "10.3.3.0/24"],
        ["DT1", "10.4.4.0/24"],
        ["DT1", "192.168.100.41/32"],
        ["S", "192.168.100.11/32"],
    ]
    assert "Flags: router rib \n" in entry(world, "R31", "10.4.4.0/24")
    assert '  Known via "nhrp", distance 250, metric 255' in world.lines("R31", "ip route 10.4.4.0")


def test_with_a_default_route_only_the_shortcut_is_a_route_of_its_own_too(world: World) -> None:
    world.configure("R11", *EIGRP_TUNNEL, "summary-address 0.0.0.0 0.0.0.0")
    for spoke, gateway in (("R31", "172.16.31.2"), ("R41", "172.16.41.2")):
        world.configure(spoke, f"ip route 172.16.0.0 255.255.0.0 {gateway}", f"no ip route 0.0.0.0 0.0.0.0 {gateway}")
    world.run_for(5)
    assert route(world, "R31", "0.0.0.0/0").startswith("D*    0.0.0.0/0 [90/")
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == [HUB, R41]
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == [R41]
    assert route(world, "R31", "10.4.4.0/24") == "H        10.4.4.0/24 [250/255] via 192.168.100.41, Tunnel100"


# ------------------------------------------------------------------------------------------------- what is on the wire


def replies_to_r31(tap: Wiretap) -> list[tuple[tuple[str, str], ClientInfo]]:
    """Way and contents of the Resolution Replies that answer R31."""
    return [
        (found.way, packet.cies[0])
        for found, packet in tap.nhrp(nhrp.ResolutionReply)
        if str(packet.source_protocol) == R31
    ]


def test_the_reply_covers_the_connected_prefix_although_the_routers_own_address_was_asked_for(world: World) -> None:
    tap = world.watch("R31", UNDERLAY)
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1 repeat 2")
    world.run_for(1)
    ((_, answer),) = replies_to_r31(tap)
    assert (answer.prefix_length, str(answer.nbma), str(answer.protocol)) == (24, NBMA["R41"], R41)
    assert entry(world, "R31", "10.4.4.0/24")
    assert not entry(world, "R31", "10.4.4.1/32")


def test_the_reply_covers_the_connected_prefix_for_a_host_too(world: World) -> None:
    tap = world.watch("R31", UNDERLAY)
    world.ping("H3", "10.4.4.100")
    world.run_for(1)
    ((_, answer),) = replies_to_r31(tap)
    assert answer.prefix_length == 24


def test_a_loopback_of_the_egress_spoke_is_answered_with_its_own_32_bits(world: World) -> None:
    world.configure("R41", "interface Loopback0", "ip address 10.44.0.1 255.255.255.255")
    world.run_for(2)
    tap = world.watch("R31", UNDERLAY)
    world.do("R31", "ping 10.44.0.1 source 10.3.3.1 repeat 2")
    world.run_for(1)
    ((_, answer),) = replies_to_r31(tap)
    assert answer.prefix_length == 32
    assert hops(world, "R31", "10.44.0.1", "10.3.3.1") == [R41]


def test_the_request_travels_by_the_hub_and_the_egress_spoke_answers_directly(world: World) -> None:
    taps = {router: world.watch(router, UNDERLAY) for router in ("R31", "R41")}
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(1)
    ways = {
        router: [
            (found.way, packet.hop_count)
            for found, packet in tap.nhrp(nhrp.ResolutionRequest)
            if str(packet.source_protocol) == R31
        ]
        for router, tap in taps.items()
    }
    assert ways["R31"] == [((NBMA["R31"], NBMA["R11"]), 255)]
    assert ways["R41"] == [((NBMA["R11"], NBMA["R41"]), 254)]
    assert [way for way, _ in replies_to_r31(taps["R41"])] == [(NBMA["R41"], NBMA["R31"])]


def test_both_spokes_receive_a_redirect_each_about_its_own_packets(world: World) -> None:
    taps = {router: world.watch(router, UNDERLAY) for router in ("R31", "R41")}
    world.ping("H3", "10.4.4.100")
    world.run_for(1)
    for router, source in (("R31", "10.3.3.100"), ("R41", "10.4.4.100")):
        ((found, packet),) = taps[router].nhrp(nhrp.TrafficIndication)
        assert found.way == (NBMA["R11"], NBMA[router])
        assert str(packet.destination_protocol) == source


def test_everything_between_the_tunnels_carries_the_key(world: World) -> None:
    tap = world.watch("R31", UNDERLAY)
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(10)
    kinds = (gre.ProtocolType.IPV4, gre.ProtocolType.NHRP)
    assert {found.header.key for kind in kinds for found in tap.tunnelled(kind)} == {100}


def test_no_packet_is_lost_or_doubled_while_the_shortcut_is_built(world: World) -> None:
    sent = world.stream("H3", "10.4.4.100", seconds=2, rate=1000)
    world.run_for(0.5)
    assert sorted(world.replies("H3")) == list(range(sent))
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == [R41]


def test_all_but_the_first_packets_of_a_stream_go_directly(world: World) -> None:
    tap = world.watch("R31", UNDERLAY)
    world.stream("H3", "10.4.4.100", seconds=1, rate=1000)
    world.run_for(0.5)
    by_hub = [found for found, _ in tap.pings() if found.way == (NBMA["R31"], NBMA["R11"])]
    directly = [found for found, _ in tap.pings() if found.way == (NBMA["R31"], NBMA["R41"])]
    assert 0 < len(by_hub) < 10
    assert len(directly) > 990
    assert min(found.time for found in directly) - min(found.time for found in by_hub) < 0.005


def test_packets_keep_going_by_the_hub_when_the_spokes_cannot_reach_each_other(world: World) -> None:
    """The proof of the direct path never comes, so it is never used."""
    for router in ("R31", "R41"):
        other = "172.16.41.0 255.255.255.0" if router == "R31" else "172.16.31.0 255.255.255.252"
        world.configure(router, f"ip route {other} Null0")
        world.configure(router, f"ip route 172.16.11.0 255.255.255.252 {NBMA[router][:-1]}2")
    sent = world.stream("H3", "10.4.4.100", seconds=20, rate=50)
    world.run_for(1)
    assert sorted(world.replies("H3")) == list(range(sent))
    assert hops(world, "R31", "10.4.4.1", "10.3.3.1") == [HUB, R41]


# ------------------------------------------------------------------------------------------------------- later on


def test_a_shortcut_that_nobody_uses_goes_away_after_its_holding_time(direct: World) -> None:
    direct.run_for(7200)
    assert [row.split()[-1] for row in table(direct, "R31")] == [f"{HUB}/32"]
    assert route(direct, "R31", "10.4.4.0/24") == "D        10.4.4.0/24 [90/52992000] via 192.168.100.11, Tunnel100"
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [HUB, R41]
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [R41]


def test_a_shortcut_in_use_is_renewed_before_it_expires_and_never_interrupted(direct: World) -> None:
    direct.run_for(7200 - 200)
    sent = 0
    while direct.now < 51.5 + 7200 + 60:
        direct.ping("H3", "10.4.4.100", sent)
        sent += 1
        direct.run_for(1)
    assert direct.replies("H3") == list(range(sent))
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [R41]


def test_a_shortcut_outlives_the_hub(direct: World) -> None:
    direct.sim.kill("R11")
    direct.run_for(60)
    assert "D " not in direct.show("R31", "ip route eigrp").split("Gateway")[1]
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [R41]
    assert route(direct, "R31", "10.4.4.0/24") == "H        10.4.4.0/24 [250/255] via 192.168.100.41, Tunnel100"


def test_a_direct_path_that_is_cut_is_left_within_three_seconds(direct: World) -> None:
    """Only the way between the spokes is cut: the hub still reaches both."""
    direct.stream("H3", "10.4.4.100", seconds=3, rate=20)
    direct.sim.hosts["H3"].received.clear()
    direct.configure("R31", "ip route 172.16.41.0 255.255.255.0 Null0")
    began = direct.now
    first: float | None = None
    for sequence in range(200):
        direct.ping("H3", "10.4.4.100", sequence)
        direct.run_for(0.05)
        if direct.replies("H3") and first is None:
            first = direct.now
    assert first is not None
    assert first - began < 3
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [HUB, R41]


def test_clear_ip_nhrp_makes_the_next_packets_go_by_the_hub_again(direct: World) -> None:
    direct.do("R31", "clear ip nhrp")
    assert [row.split()[-1] for row in table(direct, "R31")] == [f"{HUB}/32"]
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [HUB, R41]
    assert hops(direct, "R31", "10.4.4.1", "10.3.3.1") == [R41]
