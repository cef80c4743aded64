"""What one wrong line does to notes-phase3, where it shows, and that the right line fixes it without a clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.stories import Story, stories, tell
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize("story", stories("notes_faults"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, states)
