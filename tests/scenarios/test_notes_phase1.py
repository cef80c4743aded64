"""Scenario notes-phase1: an mGRE hub, two point-to-point spokes that register by NHRP, EIGRP in named mode."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from dmvpn.features.nhrp import packet as nhrp
from support.world import World

SPOKES = {"R31": "192.168.100.31", "R41": "192.168.100.41"}
HUB = "192.168.100.11"


#: The spokes are registered, and everybody has every LAN.
NETWORK = "notes-phase1"


def peers(world: World, router: str) -> list[list[str]]:
    """The rows of `show dmvpn`, in words: entries, NBMA, tunnel address, state, age, attributes."""
    lines = world.lines(router, "dmvpn")
    start = next(number for number, line in enumerate(lines) if line.startswith(" -----"))
    return [line.split() for line in lines[start + 1 :] if line]


def routes(world: World, router: str, code: str) -> list[str]:
    """The lines of `show ip route` with this code, without ages."""
    return [
        re.sub(r", \d\d:\d\d:\d\d", "", line) for line in world.lines(router, "ip route") if line.startswith(code + " ")
    ]


def seconds(age: str) -> int:
    hours, minutes, rest = age.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


# ------------------------------------------------------------------------------------------------------- show dmvpn


@pytest.mark.parametrize("spoke", SPOKES)
def test_a_spoke_is_a_spoke_with_one_static_peer(world: World, spoke: str) -> None:
    assert "Type:Spoke, NHRP Peers:1, " in world.lines(spoke, "dmvpn")
    ((entries, nbma, tunnel, state, _, attributes),) = peers(world, spoke)
    assert (entries, nbma, tunnel, state, attributes) == ("1", "172.16.11.1", HUB, "UP", "S")


@pytest.mark.parametrize(
    ("router", "lines"),
    [
        (
            "R11",
            [
                'Interface Tunnel100 is up/up, Addr. is 192.168.100.11, VRF "" ',
                '   Tunnel Src./Dest. addr: 172.16.11.1/MGRE, Tunnel VRF ""',
                '   Protocol/Transport: "multi-GRE/IP", Protect "" ',
                "   Interface State Control: Disabled",
                "   nhrp event-publisher : Disabled",
                "Type:Hub, Total NBMA Peers (v4/v6): 2",
            ],
        ),
        *(
            (
                spoke,
                [
                    f'Interface Tunnel100 is up/up, Addr. is {address}, VRF "" ',
                    f'   Tunnel Src./Dest. addr: 172.16.{address[-2:]}.1/172.16.11.1, Tunnel VRF ""',
                    '   Protocol/Transport: "GRE/IP", Protect "" ',
                    "IPv4 NHS:",
                    "192.168.100.11  RE NBMA Address: 172.16.11.1 priority = 0 cluster = 0",
                    "Type:Spoke, Total NBMA Peers (v4/v6): 1",
                ],
            )
            for spoke, address in SPOKES.items()
        ),
    ],
)
def test_show_dmvpn_detail_has_the_tunnel_its_ends_and_the_next_hop_server(
    world: World, router: str, lines: list[str]
) -> None:
    printed = world.lines(router, "dmvpn detail")
    assert [line for line in lines if line not in printed] == []
    assert ("IPv4 NHS:" in printed) == (router != "R11")


def test_show_dmvpn_detail_has_the_target_network_in_the_last_column(world: World) -> None:
    targets = [line.split()[-1] for line in world.lines("R11", "dmvpn detail") if line.startswith("    1 ")]
    assert targets == ["192.168.100.31/32", "192.168.100.41/32"]
    targets = [line.split()[-1] for line in world.lines("R31", "dmvpn detail") if line.startswith("    1 ")]
    assert targets == ["192.168.100.11/32"]


# ----------------------------------------------------------------------------------------------------- show ip nhrp


def test_a_registration_lasts_two_hours_and_is_renewed_every_forty_minutes(world: World) -> None:
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.run_for(3 * 2400 + 60)
    requests = tap.nhrp(nhrp.RegistrationRequest)
    assert len(requests) == 3
    assert [packet.cies[0].holding_time for _, packet in requests] == [7200] * 3
    gaps = [late[0].time - early[0].time for early, late in pairwise(requests)]
    assert gaps == pytest.approx([2400, 2400], abs=1)


def test_the_expiry_counts_down_from_two_hours_and_never_below_eighty_minutes(world: World) -> None:
    seen = []
    for _ in range(20):
        world.run_for(300)
        seen += [seconds(age) for age in re.findall(r"expire (\S+)", world.show("R11", "ip nhrp"))]
    assert max(seen) <= 7200
    assert min(seen) >= 4800
    assert min(seen) < 1 * 3600 + 37 * 60 + 26 < max(seen)


def test_an_idle_spoke_registers_no_more_often_than_every_third_of_the_holding_time(world: World) -> None:
    world.run_for(3600)
    (line,) = [line for line in world.lines("R41", "ip nhrp nhs detail") if line.startswith(HUB)]
    sent = re.search(r"req-sent (\d+)  req-failed 0  repl-recv (\d+) \((\S+) ago\)", line)
    assert sent is not None
    # The very first one may go before the hub has its link.
    assert int(sent[1]) in (2, 3)
    assert sent[2] == "2"
    assert seconds(sent[3]) == pytest.approx(3600 - 2400, abs=10)


def test_show_ip_nhrp_brief_has_one_letter_for_each_flag(world: World) -> None:
    def flags(router: str) -> dict[str, str]:
        lines = [line.split() for line in world.lines(router, "ip nhrp brief")]
        return {words[0]: words[1] for words in lines if len(words) == 2 and "/32" in words[0]}

    assert flags("R11") == {"192.168.100.31/32": "D/ur", "192.168.100.41/32": "D/ur"}
    assert flags("R31") == flags("R41") == {"192.168.100.11/32": "S/"}


# --------------------------------------------------------------------------------------- one meaning, two spellings


def test_both_ways_to_name_the_server_are_shown_as_they_were_entered(world: World) -> None:
    lines = {spoke: world.lines(spoke, "running-config") for spoke in SPOKES}
    assert " ip nhrp nhs 192.168.100.11 nbma 172.16.11.1 multicast" in lines["R31"]
    assert not [line for line in lines["R31"] if "nhrp map" in line]
    assert [line for line in lines["R41"] if "nhrp map" in line or "nhrp nhs" in line] == [
        " ip nhrp map 192.168.100.11 172.16.11.1",
        " ip nhrp map multicast 172.16.11.1",
        " ip nhrp nhs 192.168.100.11",
    ]


def test_both_ways_to_name_the_server_behave_alike() -> None:
    """R31 once more, in R41's words: the same shows, the same packets."""

    def in_other_words(router: str, text: str) -> str:
        return text.replace(
            " ip nhrp nhs 192.168.100.11 nbma 172.16.11.1 multicast",
            " ip nhrp map 192.168.100.11 172.16.11.1\n ip nhrp map multicast 172.16.11.1\n ip nhrp nhs 192.168.100.11",
        )

    worlds = World("notes-phase1"), World("notes-phase1", change=in_other_words)
    taps = [world.watch("R31", "GigabitEthernet0/1") for world in worlds]
    for world in worlds:
        world.converge().run_for(60)
    assert taps[0].packets == taps[1].packets
    for command in ("dmvpn", "dmvpn detail", "ip nhrp", "ip nhrp brief", "ip nhrp nhs detail", "ip route"):
        assert worlds[0].show("R31", command) == worlds[1].show("R31", command)


# -------------------------------------------------------------------------------------------------------- routing


def test_classic_mode_needs_no_ip_split_horizon_and_has_32_bit_metrics() -> None:
    def classic(router: str, text: str) -> str:
        if router == "TRANSPORT":
            return text
        start, end = text.index("router eigrp"), text.index("ip route 0.0.0.0")
        process = "router eigrp 100\n network 10.0.0.0\n network 192.168.100.0\n!\n"
        text = text[:start] + process + text[end:]
        return text.replace(" ip tcp adjust-mss", " no ip split-horizon eigrp 100\n ip tcp adjust-mss", 1)

    world = World("notes-phase1", change=classic).converge()
    assert " no ip split-horizon eigrp 100" in world.lines("R11", "running-config")
    assert routes(world, "R31", "D") == [
        "D        10.1.1.0/24 [90/1920256] via 192.168.100.11, Tunnel100",
        "D        10.4.4.0/24 [90/3225600] via 192.168.100.11, Tunnel100",
    ]
    assert "D        10.3.3.0/24 [90/1945600] via 192.168.100.31, Tunnel100" in routes(world, "R11", "D")


# -------------------------------------------------------------------------------------------------------- the way


def test_traceroute_between_the_spokes_goes_by_the_hub_before_and_after(world: World) -> None:
    for _ in range(3):
        lines = world.do("R31", "traceroute 10.4.4.1 source 10.3.3.1").splitlines()
        assert [line.split()[:2] for line in lines[3:] if line] == [["1", HUB], ["2", "192.168.100.41"]]
        world.run_for(30)


def test_the_hub_redirects_and_point_to_point_spokes_pay_no_attention(world: World) -> None:
    tap = world.watch("R31", "GigabitEthernet0/1")
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(10)
    assert [found.way for found, _ in tap.nhrp(nhrp.TrafficIndication)] == [("172.16.11.1", "172.16.31.1")]
    assert tap.nhrp(nhrp.ResolutionRequest) == []
    assert len(peers(world, "R31")) == 1
