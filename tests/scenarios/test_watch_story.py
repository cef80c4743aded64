"""What a network tells whoever watches it: the story of a shortcut, in the order in which it happens."""

from __future__ import annotations

from collections import deque

import pytest

from dmvpn.face.watching import LARGEST_BATCH
from dmvpn.features.chronicle.machine import LARGEST_CHANGES, LARGEST_MESSAGES, ChronicleMachine
from dmvpn.tools.watch import Arrow, Note, Step
from dmvpn.tools.watch.steps import label
from support.pictures import Watch, watching
from support.world import World


def told(steps: list[Step]) -> list[str]:
    """Each step in a line: who to whom, or who changed, and what."""
    lines = []
    for step in steps:
        if isinstance(step, Arrow):
            shaft = "=>" if step.forwarded else "->" if step.arrived else "-x"
            lines.append(f"{step.sender} {shaft} {step.receiver} {label(step)}")
        elif step.kind != "route":
            lines.append(f"{step.router} {step.sign.value} {label(step)}")
    return lines


def in_order(lines: list[str], *wanted: str) -> bool:
    """Do these lines come, in this order, whatever is between them?"""
    rest = iter(lines)
    return all(line in rest for line in wanted)


@pytest.fixture
def world() -> World:
    """Phase 3 with links that take their time, so that nothing happens at once."""
    world = World("notes-phase3", seed=3)
    for segment in world.sim.segments:
        segment.impairment = type(segment.impairment)(delay=0.005)
    return world.converge()


def test_the_story_of_a_shortcut_is_told_in_its_order(world: World) -> None:
    watch = Watch(world, "R11", "R31", "R41")
    watch.steps()
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    lines = told(watch.steps())
    assert in_order(
        lines,
        "R11 -> R31 redirect 10.3.3.1 to 10.4.4.1",
        "R31 -> R11 resolution 10.4.4.1?",
        "R11 => R41 resolution 10.4.4.1?",
        "R41 -> R31 reply 10.4.4.0/24 = 172.16.41.1",
        "R31 + 10.4.4.0/24 = 172.16.41.1 (resolved)",
        "R31 ~ 10.4.4.0/24 = 172.16.41.1 (shortcut T2, was resolved)",
    ), "\n".join(lines)
    assert not [line for line in lines if "-x" in line]


def test_the_story_of_a_registration_is_told_from_both_ends() -> None:
    world = World("notes-phase3", seed=3).converge()
    lines = told(Watch(world, "R11", "R31").steps())
    assert in_order(
        lines,
        "R31 -> R11 registration 192.168.100.31 = 172.16.31.1",
        "R11 -> R31 registration reply 192.168.100.31 registered",
        "R31 + 192.168.100.11: answers",
        "R31 + 192.168.100.11: EIGRP 100: new adjacency",
    ), "\n".join(lines)
    assert "R11 + 192.168.100.31 = 172.16.31.1 (registered)" in lines


def test_what_a_hub_passes_on_has_a_mark_of_its_own(world: World) -> None:
    hub = watching(world, "R11")
    while hub.news() is not None:
        pass
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    news = hub.news()
    assert news is not None
    marks = {line["way"]: line["mark"] for line in news.lines if line.get("subject") == "10.4.4.1?"}
    assert set(marks) == {"received", "forwarded"}
    assert marks["received"] != marks["forwarded"]


def test_the_story_of_a_purge(world: World) -> None:
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    watch = Watch(world, "R11", "R31", "R41")
    watch.steps()
    world.do("R41", "configure terminal", "interface GigabitEthernet0/2", "shutdown", "end")
    world.run_for(5)
    lines = told(watch.steps())
    assert in_order(
        lines,
        "R41 ~ GigabitEthernet0/2: down: administratively down",
        "R41 -> R31 purge 10.4.4.0/24",
        "R31 - 10.4.4.0/24 = 172.16.41.1 (shortcut T2)",
    ), "\n".join(lines)
    assert "R31 -> R41 purge reply 10.4.4.0/24" in lines


def test_the_story_of_a_hub_that_died(world: World) -> None:
    watch = Watch(world, "R31", "R41")
    watch.steps()
    world.sim.kill("R11")
    world.run_for(20)
    lines = told(watch.steps())
    assert "R31 - 192.168.100.11: EIGRP 100: holding time expired" in lines
    assert any(line.startswith("R31 - 192.168.100.11: ") and "EIGRP" not in line for line in lines), lines


def test_the_story_of_an_encrypted_shortcut_has_ike_and_says_nothing_that_is_sealed() -> None:
    world = World("intro-phase3", seed=2).converge()
    watch = Watch(world, "HUB", "SPOKE10", "SPOKE20")
    watch.steps()
    world.do("SPOKE10", "ping 192.168.20.1 source 192.168.10.1")
    world.run_for(1)
    lines = told(watch.steps())
    asks, asked = ("SPOKE20", "SPOKE10") if "SPOKE20 -> SPOKE10 IKE_AUTH request" in lines else ("SPOKE10", "SPOKE20")
    assert in_order(
        lines,
        f"{asks} -> {asked} IKE_SA_INIT request",
        f"{asked} -> {asks} IKE_SA_INIT response",
        f"{asks} -> {asked} IKE_AUTH request",
        f"{asked} -> {asks} IKE_AUTH response",
    ), "\n".join(lines)
    assert any(line.startswith("SPOKE10 + 203.0.113.20: SAs with") for line in lines), lines
    assert in_order(
        lines,
        f"{asked} -> {asks} IKE_AUTH response",
        "SPOKE10 ~ 192.168.20.0/24 = 203.0.113.20 (shortcut T2, was resolved)",
    )


def test_who_reads_slowly_gets_it_in_pieces_and_each_line_once(world: World) -> None:
    slow = watching(world, "R31")
    while (news := slow.news()) is not None:
        last = news
    assert last.missed == 0
    machine = world.sim.routers["R31"].router.machines["chronicle"]
    for number in range(60):  # registrations and their replies, much faster than people make them
        world.do("R31", "clear ip nhrp")
        world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
        if number % 20 == 0:
            world.run_for(1)
    kept = len(machine.after(0))  # type: ignore[attr-defined]
    assert kept <= LARGEST_MESSAGES + LARGEST_CHANGES
    heard = []
    while (news := slow.news()) is not None:
        assert len(news.lines) <= LARGEST_BATCH
        assert news.missed == 0
        assert not news.addresses  # they are what they were when this began
        heard += [int(line["number"]) for line in news.lines]
    assert heard == sorted(heard)
    assert len(heard) == len(set(heard))


def test_what_the_router_forgot_meanwhile_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = watching(world, "R31")
    while slow.news() is not None:
        pass
    chronicle = world.sim.routers["R31"].router.machines["chronicle"]
    before = chronicle.last  # type: ignore[attr-defined]
    for name in ("_messages", "_changes"):
        lines = getattr(chronicle, name)
        monkeypatch.setattr(chronicle, name, type(lines)(lines, maxlen=2))
    world.do("R31", "clear ip nhrp")
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    happened = chronicle.last - before  # type: ignore[attr-defined]
    news = slow.news()
    assert news is not None
    assert happened > 4
    assert (len(news.lines), news.missed) == (4, happened - 4)
    assert slow.news() is None


def test_what_was_forgotten_is_counted_once_and_not_if_it_was_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen: more lines were missed than had ever been written."""
    monkeypatch.setattr("dmvpn.face.watching.LARGEST_BATCH", 3)
    chronicle = world.sim.routers["R31"].router.machines["chronicle"]
    for name, bound in (("_messages", 2), ("_changes", 20)):
        lines = getattr(chronicle, name)
        monkeypatch.setattr(chronicle, name, type(lines)(lines, maxlen=bound))
    slow = watching(world, "R31")
    while (news := slow.news()) is not None:
        assert news.missed == 0  # whatever was forgotten before
    before = chronicle.last  # type: ignore[attr-defined]
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    happened = chronicle.last - before  # type: ignore[attr-defined]
    told = missed = 0
    while (news := slow.news()) is not None:
        told, missed = told + len(news.lines), missed + news.missed
    assert missed > 0
    assert told + missed == happened


def test_what_was_forgotten_before_is_not_counted_though_there_is_news_before_all_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chronicle = world.sim.routers["R31"].router.machine(ChronicleMachine)
    monkeypatch.setattr("dmvpn.face.watching.LARGEST_BATCH", len(chronicle.changes()) - 1)
    monkeypatch.setattr(chronicle, "_messages", deque(maxlen=2))  # all that were are forgotten
    slow = watching(world, "R31")
    first = slow.news()
    assert first is not None
    before = chronicle.last
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    happened = chronicle.last - before
    told, missed = 0, first.missed
    while (news := slow.news()) is not None:
        told, missed = told + sum(int(line["number"]) > before for line in news.lines), missed + news.missed
    assert told + missed == happened


def test_a_router_that_was_started_again_begins_again(world: World) -> None:
    watched = watching(world, "R41")
    first = watched.news()
    assert first is not None
    assert first.begins
    while watched.news() is not None:
        pass
    world.sim.kill("R41")
    world.sim.boot("R41", world.scenario.configurations["R41"])
    again = watched.news()
    assert again is not None
    assert again.begins
    assert again.missed == 0
    assert again.lines[0]["number"] == 1


# ------------------------------------------------------------------------------------------------------------- shows


def test_events_can_be_asked_for_by_any_address_of_a_peer(world: World) -> None:
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    for peer in ("172.16.41.1", "192.168.100.41", "10.4.4.100"):
        shown = world.do("R31", f"show dmvpn events {peer}")
        assert "10.4.4.0/24 = 172.16.41.1 (shortcut T2, was resolved)" in shown
        assert "Registration" not in shown
    assert "% nothing happened" in world.do("R31", "show dmvpn events 203.0.113.77")


def test_changes_are_those_since_the_moment_and_no_messages(world: World) -> None:
    world.run_for(10)
    world.do("R31", "ping 10.4.4.1 source 10.3.3.1")
    shown = world.do("R31", "show dmvpn changes since 5s")
    assert "+  mapping       Tu100   10.4.4.0/24 = 172.16.41.1 (resolved)" in shown
    assert "Resolution" not in shown
    assert "GigabitEthernet0/1: up" not in shown
    assert "GigabitEthernet0/1: up" in world.do("R31", "show dmvpn changes since 1h")
    assert "% nothing changed" in world.do("R31", "show dmvpn changes since 0s")


def test_a_time_before_the_router_lived_is_answered_with_the_oldest_one(world: World) -> None:
    for command in (
        "show ip nhrp at 1h",
        "show ip route at 1h",
        "show ip nhrp brief at 05:59:59",
        "show ipv6 nhrp at 1d",
    ):
        answer = world.do("R31", command)
        assert answer.startswith("% nothing is remembered of Nov ")
        assert "; the oldest moment is Nov 20 06:00:00.000" in answer


def test_a_time_of_another_year_is_answered_with_years(world: World) -> None:
    """Seen: "nothing is remembered of Feb 5", which was 273 years ago."""
    answer = world.do("R31", "show ip route at 99999d")
    assert answer.startswith("% nothing is remembered of Feb  5 1753 06:00:")
    assert "; the oldest moment is Nov 20 2026 06:00:00.000" in answer


def test_a_server_whose_tunnel_is_removed_did_not_fail(world: World) -> None:
    """Seen: "NHRP Registration Failure" of a server that answers."""
    world.configure("R31", "no interface Tunnel100")
    shown = world.do("R31", "show dmvpn changes since 1s")
    (line,) = [line for line in shown.splitlines() if "-  server" in line]
    assert line.endswith("192.168.100.11: NHRP is not configured any more")


def test_a_server_that_is_no_longer_configured_is_gone(world: World) -> None:
    world.configure("R31", "interface Tunnel100", "no ip nhrp nhs 192.168.100.11")
    assert "192.168.100.11: not configured any more" in world.do("R31", "show dmvpn changes since 1s")


def test_a_server_whose_tunnel_is_shut_says_so(world: World) -> None:
    world.configure("R31", "interface Tunnel100", "shutdown")
    shown = world.do("R31", "show dmvpn changes since 1s")
    (line,) = [line for line in shown.splitlines() if "-  server" in line]
    assert line.endswith("192.168.100.11: administratively down")


def test_a_world_in_which_nobody_asks_remembers_nothing() -> None:
    world = World("notes-phase3", seed=3)
    node = world.sim.routers["R31"]
    assert node.router.ports.remembers
    forgetful = type(world.sim).of(world.scenario, seed=3)
    forgetful.run_for(5)
    router = forgetful.routers["R31"].router
    assert router.machines["chronicle"].after(0) == []  # type: ignore[attr-defined]
    world.run_for(5)
    assert forgetful.digest == world.sim.digest


def test_notes_have_a_router_and_arrows_two(world: World) -> None:
    steps = Watch(world, "R11", "R31", "R41").steps()
    assert {type(step) for step in steps} == {Arrow, Note}
    assert [step.time for step in steps] == sorted(step.time for step in steps)


@pytest.mark.parametrize(
    ("scenario", "came", "went"),
    [
        ("ospf-phase3", "OSPF 1: full", "OSPF 1: Neighbor Down: Interface down or detached"),
        ("bgp-phase3", "BGP: established", "BGP: BGP Notification sent"),
    ],
)
def test_neighbors_of_every_routing_protocol_are_in_the_story(scenario: str, came: str, went: str) -> None:
    world = World(scenario).converge()
    assert any("neighbor" in line and came in line for line in world.lines("SPOKE1", "dmvpn events"))
    world.configure("SPOKE1", "interface Tunnel0", "shutdown")
    world.run_for(200)
    assert any("neighbor" in line and "-" in line and went in line for line in world.lines("SPOKE1", "dmvpn events"))
