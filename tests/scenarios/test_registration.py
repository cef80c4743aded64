"""Registration as its user sees it: restarts, names, several servers, and what the lines of `ip nhrp` do to it."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import ForwardTransitRecord, ResponderAddress, ReverseTransitRecord, find
from dmvpn.features.nhrp.shared import REQUEST_IDS
from dmvpn.tools.replaying import live_again
from support.world import Wiretap, World

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = "GigabitEthernet0/1"
SERVER = " ip nhrp nhs 192.168.100.11 nbma 172.16.11.1 multicast\n"


def replaced(router: str, line: str, *others: str) -> Callable[[str, str], str]:
    """A change of one line of one router; `logging dmvpn` on all."""

    def change(name: str, text: str) -> str:
        if name == router:
            assert f" {line}\n" in text
            text = text.replace(f" {line}\n", "".join(f" {other}\n" for other in others))
        return text.replace("!\n", "!\nlogging dmvpn\n!\n", 1)

    return change


def ids(tap: Wiretap) -> list[int]:
    """Request ids of the registrations that passed, each once."""
    return list(dict.fromkeys(packet.request_id for _, packet in tap.nhrp(nhrp.RegistrationRequest)))


def restart(world: World, router: str) -> None:
    """`kill -9`, and a new start with the same configuration."""
    world.sim.kill(router)
    world.run_for(5)
    world.sim.boot(router, world.scenario.configurations[router])


def servers(world: World, router: str) -> dict[str, str]:
    """The letters of each server in `show ip nhrp nhs`."""
    rows = [line.split() for line in world.lines(router, "ip nhrp nhs") if "priority" in line]
    return {row[0]: row[1] for row in rows}


# ------------------------------------------------------------------------------------------------ request ids


def test_request_ids_go_on_after_a_restart() -> None:
    world = World("notes-phase3")
    tap = world.watch("R31", PORT)
    world.converge()
    before = ids(tap)
    restart(world, "R31")
    world.converge()
    assert before[0] == 1
    assert min(set(ids(tap)) - set(before)) > max(before)


def test_a_late_reply_to_the_life_before_registers_nobody() -> None:
    world = World("notes-phase3")
    tap = world.watch("R31", PORT)
    world.converge()
    world.sim.kill("R31")
    late = tap.nhrp(nhrp.RegistrationReply)[-1][0].outer
    world.cut("R11", PORT)
    world.sim.boot("R31", world.scenario.configurations["R31"])
    world.run_for(3)
    world.deliver("R31", PORT, late)
    world.run_for(0.1)
    assert servers(world, "R31") == {"192.168.100.11": "E"}
    assert "reply that nobody asked for" in world.show("R31", "ip nhrp traffic detail")


@pytest.mark.parametrize("damage", [None, b"", b"nonsense\n", b"-1"])
def test_a_router_whose_store_is_lost_or_damaged_comes_up_all_the_same(damage: bytes | None) -> None:
    world = World("notes-phase3").converge()
    tap = world.watch("R31", PORT)
    world.sim.kill("R31")
    world.sim.delete_files("R31")
    if damage is not None:
        world.sim.routers["R31"].stored[REQUEST_IDS] = damage
    world.sim.boot("R31", world.scenario.configurations["R31"])
    world.converge()
    assert ids(tap)[0] == 1


def test_a_life_that_remembers_is_replayed_as_it_was() -> None:
    written: list[str] = []
    world = World("notes-phase3", record=written.append).converge()
    restart(world, "R31")
    world.converge()
    assert any('"Remembered"' in line for line in written)
    assert live_again("".join(written).splitlines())["R31"].differences == []


# ------------------------------------------------------------------------------------------------ retries


def test_a_spoke_without_a_hub_asks_ever_more_rarely_down_to_once_in_64_seconds() -> None:
    world = World("notes-phase3")
    tap = world.watch("R31", PORT)
    world.sim.kill("R11")
    world.run_for(1000)
    times = [found.time for found, _ in tap.nhrp(nhrp.RegistrationRequest)]
    gaps = [late - early for early, late in pairwise(times)]
    # The first request went out before anybody listened.
    assert gaps[2:] == [pytest.approx(gap, rel=0.11) for gap in (1, 2, 4, 8, 16, 32, *([64] * (len(gaps) - 8)))]
    assert len(gaps) > 15
    detail = world.show("R31", "ip nhrp nhs detail")
    assert re.search(r"Registration Request: Reqid 1, Ret 64  NHS 192.168.100.11 expired \(Tu100\)", detail)
    world.sim.boot("R11", world.scenario.configurations["R11"])
    assert world.wait_until(lambda: servers(world, "R31") == {"192.168.100.11": "RE"}, 64 * 1.1 + 1)


def test_a_new_password_or_holding_time_is_registered_at_once() -> None:
    world = World("notes-phase3").converge()
    tap = world.watch("R31", PORT)
    world.configure("R31", "interface Tunnel100", "ip nhrp holdtime 300")
    world.run_for(0.5)
    ((_, request),) = tap.nhrp(nhrp.RegistrationRequest)
    assert request.cies[0].holding_time == 300
    world.run_for(99)
    times = [found.time for found, _ in tap.nhrp(nhrp.RegistrationRequest)]
    world.run_for(2)
    assert len(times) == 1
    assert len(tap.nhrp(nhrp.RegistrationRequest)) == 2  # a third of the holding time later
    hub = world.show("R11", "ip nhrp 192.168.100.31")
    assert "expire 00:04:5" in hub


# ------------------------------------------------------------------------------------------------ names


NAMED = replaced("R31", SERVER.strip(), "ip nhrp nhs dynamic nbma hub.example multicast")


def test_a_server_known_by_name_alone_is_found_as_soon_as_the_name_service_knows_it() -> None:
    world = World("notes-phase3", change=NAMED)
    world.run_for(30)
    assert servers(world, "R31") == {"0.0.0.0": "ED"}
    assert "R31: Tunnel100 is not registered with 0.0.0.0: no address for hub.example yet" in world.lacks()
    world.sim.names["hub.example"] = (IPv4Address("172.16.11.1"),)
    assert world.wait_until(lambda: servers(world, "R31") == {"192.168.100.11": "RED"}, 33)
    world.converge()
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(3)
    assert "DT2        10.4.4.0/24" in world.show("R31", "dmvpn detail")


def test_a_server_that_got_another_address_is_asked_for_by_its_name_again() -> None:
    """The hub moves, and the name service knows: within a minute of silence the spoke asks, and finds it."""
    world = World(
        "notes-phase3", change=replaced("R31", SERVER.strip(), SERVER.strip().replace("172.16.11.1", "hub.example"))
    )
    world.sim.names["hub.example"] = (IPv4Address("172.16.11.1"),)
    world.converge()
    world.run_for(100)
    tap = world.watch("R31", PORT)
    world.configure("TRANSPORT", f"interface {PORT}", "ip address 172.16.11.6 255.255.255.252")
    world.configure(
        "R11",
        f"interface {PORT}",
        "ip address 172.16.11.5 255.255.255.252",
        "exit",
        "ip route 0.0.0.0 0.0.0.0 172.16.11.6",
    )
    world.sim.names["hub.example"] = (IPv4Address("172.16.11.5"),)
    moved = world.now
    assert world.wait_until(lambda: "172.16.11.5" in world.show("R31", "ip nhrp nhs"), 200)
    assert world.wait_until(lambda: servers(world, "R31") == {"192.168.100.11": "RE"}, 2)
    assert world.now - moved < 100
    assert tap.nhrp(nhrp.PurgeRequest) == []  # it is the same server: nothing is withdrawn from it


# ------------------------------------------------------------------------------------------------ several servers

#: SPOKE1 of dual-hub prefers HUB1, and has one server at a time.
ONE_OF_TWO = replaced(
    "SPOKE1",
    "ip nhrp nhs 10.255.0.2 nbma 203.0.113.5 multicast",
    "ip nhrp nhs 10.255.0.2 nbma 203.0.113.5 multicast priority 1 cluster 0",
    "ip nhrp nhs cluster 0 max-connections 1",
    "ip nhrp nhs fallback 20",
)
FIRST, SECOND = "10.255.0.1", "10.255.0.2"


def queues(world: World, router: str) -> dict[str, tuple[str, str]]:
    """State and queue of each server, as `show ip nhrp nhs redundancy` has them."""
    rows = [line.split() for line in world.lines(router, "ip nhrp nhs redundancy")]
    return {row[3]: (row[5], row[6]) for row in rows if len(row) == 9 and row[0] != "No."}


def clusters(world: World, router: str) -> list[str]:
    """The columns of each cluster behind its tunnel, with single blanks."""
    lines = world.lines(router, "ip nhrp nhs redundancy")
    return [" ".join(line.split()[2:]) for line in lines[lines.index("") + 2 :]]


@pytest.fixture
def reserve() -> World:
    world = World("dual-hub", change=ONE_OF_TWO)
    world.run_for(30)
    return world


def test_when_the_first_server_dies_the_reserve_is_taken_and_traffic_goes_on(reserve: World) -> None:
    reserve.cut("HUB1", PORT)
    assert reserve.wait_until(lambda: servers(reserve, "SPOKE1") == {FIRST: "E", SECOND: "RE"}, 15)
    assert queues(reserve, "SPOKE1") == {FIRST: ("E", "Expecting"), SECOND: ("RE", "Running")}
    assert clusters(reserve, "SPOKE1") == ["0 Enable 1 2 1 1 0 0"]
    reserve.run_for(20)
    before = len(reserve.replies("H1"))
    sent = reserve.stream("H1", "10.1.10.100", seconds=2, rate=10)
    reserve.run_for(1)
    assert len(reserve.replies("H1")) - before == sent


def test_when_the_first_server_returns_both_are_kept_for_the_fallback_time_then_the_reserve_is_left(
    reserve: World,
) -> None:
    reserve.cut("HUB1", PORT)
    reserve.run_for(60)
    reserve.cut("HUB1", PORT, cut=False)
    assert reserve.wait_until(lambda: servers(reserve, "SPOKE1") == {FIRST: "RE", SECOND: "RE"}, 64 * 1.1 + 1)
    returned = reserve.now
    assert queues(reserve, "SPOKE1") == {FIRST: ("RE", "Running"), SECOND: ("RE", "Fallback")}
    assert clusters(reserve, "SPOKE1") == ["0 Enable 1 2 1 0 0 1"]
    assert reserve.wait_until(lambda: servers(reserve, "SPOKE1") == {FIRST: "RE", SECOND: "W"}, 30)
    assert reserve.now - returned == pytest.approx(20, abs=1)
    reserve.run_for(1)
    assert "10.255.0.11" not in reserve.show("HUB2", "dmvpn")  # who is left is told, or it would go on sending Hellos
    since = len(reserve.messages("SPOKE1"))
    reserve.run_for(300)
    assert [line for line in reserve.messages("SPOKE1")[since:] if "is up" in line or "retry limit" in line] == []
    assert any(
        f"Next Hop Server : (Tunnel: {SECOND} NBMA: 203.0.113.5 )" in line and "Reason: External(" in line
        for line in reserve.messages("SPOKE1")
    )


def test_without_fallback_time_the_first_server_takes_over_the_moment_it_answers() -> None:
    world = World("dual-hub", change=lambda r, t: ONE_OF_TWO(r, t).replace(" ip nhrp nhs fallback 20\n", ""))
    world.run_for(30)
    world.cut("HUB1", PORT)
    world.run_for(60)
    world.cut("HUB1", PORT, cut=False)
    assert world.wait_until(lambda: servers(world, "SPOKE1") == {FIRST: "RE", SECOND: "W"}, 64 * 1.1 + 1)


def test_two_clusters_have_a_server_each() -> None:
    world = World("dual-hub", change=lambda r, t: ONE_OF_TWO(r, t).replace("priority 1 cluster 0", "cluster 1"))
    world.run_for(30)
    assert servers(world, "SPOKE1") == {FIRST: "RE", SECOND: "RE"}
    assert clusters(world, "SPOKE1") == ["0 Enable 1 1 1 0 0 0", "1 Disable Not Set 1 1 0 0 0"]


# ------------------------------------------------------------------------------------------------ what lines do


def test_a_server_names_itself_by_the_interface_of_the_responder_line() -> None:
    world = World(
        "notes-phase3",
        change=replaced("R11", "ip nhrp redirect", "ip nhrp redirect", "ip nhrp responder GigabitEthernet0/2"),
    )
    tap = world.watch("R31", PORT)
    world.converge()
    responder = find(tap.nhrp(nhrp.RegistrationReply)[-1][1].extensions, ResponderAddress)
    assert responder is not None
    assert [(str(e.nbma), str(e.protocol)) for e in responder.entries] == [("172.16.11.1", "10.1.1.1")]


def test_a_dynamic_server_with_another_responder_is_still_known_by_its_tunnel_address() -> None:
    def change(name: str, text: str) -> str:
        text = replaced("R11", "ip nhrp redirect", "ip nhrp redirect", "ip nhrp responder GigabitEthernet0/2")(
            name, text
        )
        return text.replace(SERVER, " ip nhrp nhs dynamic nbma 172.16.11.1 multicast\n") if name == "R31" else text

    world = World("notes-phase3", change=change).converge()
    assert servers(world, "R31") == {"192.168.100.11": "RED"}


def test_without_records_requests_collect_no_servers_and_resolution_works() -> None:
    world = World("notes-phase3", change=replaced("R31", "ip nhrp shortcut", "ip nhrp shortcut", "no ip nhrp record"))
    tap = world.watch("R31", PORT)
    world.converge()
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(3)
    requests = [*tap.nhrp(nhrp.RegistrationRequest), *tap.nhrp(nhrp.ResolutionRequest)]
    ours = [packet for found, packet in requests if found.way[0] == "172.16.31.1"]
    assert [p for p in ours for kind in (ForwardTransitRecord, ReverseTransitRecord) if find(p.extensions, kind)] == []
    assert "DT2        10.4.4.0/24" in world.show("R31", "dmvpn detail")
    assert " no ip nhrp record" in world.lines("R31", "running-config")


@pytest.mark.parametrize("line", ["ip nhrp interest none", "ip nhrp server-only"])
def test_a_spoke_that_may_not_ask_goes_by_the_hub_for_ever_and_stays_registered(line: str) -> None:
    world = World("notes-phase3", change=replaced("R31", "ip nhrp shortcut", "ip nhrp shortcut", line)).converge()
    tap = world.watch("R31", PORT)
    sent = world.stream("H3", "10.4.4.100", seconds=12, rate=10)
    world.run_for(1)
    asked = [packet for found, packet in tap.nhrp(nhrp.ResolutionRequest) if found.way[0] == "172.16.31.1"]
    assert asked == []
    assert tap.nhrp(nhrp.TrafficIndication)
    assert sorted(world.replies("H3")) == list(range(sent))
    assert servers(world, "R31") == {"192.168.100.11": "RE"}


def test_server_only_non_caching_learns_nothing_from_the_requests_of_others() -> None:
    change = replaced("R41", "ip nhrp shortcut", "ip nhrp shortcut", "ip nhrp server-only non-caching")
    world = _resolved(World("notes-phase3", change=change).converge())
    assert "DT2        10.4.4.0/24" in world.show("R31", "dmvpn detail")  # it answers
    assert "192.168.100.31/32" not in world.show("R41", "ip nhrp")
    assert "192.168.100.31/32" in _resolved(World("notes-phase3").converge()).show("R41", "ip nhrp")


def _resolved(world: World) -> World:
    """After a ping from LAN to LAN."""
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    world.run_for(3)
    return world


# ------------------------------------------------------------------------------------------------ show nhrp stats


def _stats(world: World, router: str, words: str = "") -> dict[str, str]:
    text = world.show(router, f"nhrp stats {words}".strip())
    # "[R]UP" and "[R]Down" are there twice; of the interface come first.
    return dict(reversed(re.findall(r"(\[[SR]\].*?) *: (\d+\[\d+\])", text)))


def test_show_nhrp_stats_counts_what_was_ordered() -> None:
    world = World("notes-phase3").converge()
    before = _stats(world, "R31")
    assert before["[R]UP"] == "1[0]"
    assert before["[S]End Point Addition"] == "1[0]"
    assert before["[S]Add NHO"] == "0[0]"
    _resolved(world)
    after = _stats(world, "R31")
    assert after["[S]Add NHO"] == "1[0]"  # 10.4.4.0/24 has a route of EIGRP's
    assert after["[S]Add Route"] == "1[0]"  # 192.168.100.41/32 has none
    world.configure("R31", "interface Tunnel100", "shutdown")
    world.run_for(1)
    down = _stats(world, "R31", "Tunnel100 detail")
    assert (down["[R]Down"], down["[S]Del NHO"], down["[S]Del Route"]) == ("1[0]", "1[0]", "1[0]")
    assert int(down["[R]Packets received"].partition("[")[0]) > 3
    lines = world.lines("R31", "ip nhrp stats Tunnel100")
    assert "        [R]UP                         : 1[0]    [R]Down                       : 1[0]" in lines
    assert "Tunnel100" not in lines
    assert "Tunnel100" in world.lines("R31", "nhrp stats")
