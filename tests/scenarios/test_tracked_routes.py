"""A spoke with two providers: a static route follows an echo, an interface or another route, and comes back with it."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell
from support.world import World

ECHO = (
    "ip sla 1",
    "icmp-echo 10.255.0.1 source-interface Tunnel0",
    "frequency 5",
    "timeout 1000",
    "ip sla schedule 1 life forever start-time now",
)
ROUTES = (
    "ip route 172.30.0.0 255.255.0.0 10.255.0.1 track 1",
    "ip route 172.30.0.0 255.255.0.0 198.51.100.2 250",
)


def spoke(*lines: str) -> World:
    world = World("phase2-eigrp").converge()
    answer = world.configure("SPOKE1", *lines)
    assert "%" not in answer, answer
    world.run_for(12)
    return world


def route(world: World) -> str:
    return next((line for line in world.lines("SPOKE1", "ip route") if "172.30.0.0" in line), "")


def test_a_route_that_follows_itself_does_not_spin() -> None:
    world = spoke(
        "track 2 ip route 172.30.0.0 255.255.0.0 reachability", "track 1 list boolean and", "object 2 not", ROUTES[0]
    )
    world.run_for(20)
    changes = [text for text in world.messages("SPOKE1") if "%TRACK" in text]
    assert len(changes) < 100


def test_a_list_that_has_itself_as_not_changes_once_at_a_time() -> None:
    """Each look at anything wrote as many lines into the log as there are objects."""
    others = [line for number in range(2, 80) for line in (f"track {number} interface Tunnel0 line-protocol", "exit")]
    world = spoke(*others, "track 1 list boolean and", "object 1 not")
    before = sum("TRACK-6-STATE: 1 " in text for text in world.messages("SPOKE1"))
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(2)
    assert sum("TRACK-6-STATE: 1 " in text for text in world.messages("SPOKE1")) - before < 5


def test_a_list_that_has_itself_as_not_does_not_turn_the_others_without_end() -> None:
    others = [line for number in range(2, 60) for line in (f"track {number} list boolean and", f"object {number - 1}")]
    world = spoke("track 1 list boolean or", "object 1 not", *others)
    world.configure("SPOKE1", "interface GigabitEthernet0/2", "shutdown")
    told = [line for line in world.messages("SPOKE1") if "TRACK-6-STATE: 59 " in line]
    assert len(told) < 10


def test_a_name_for_an_operation_does_not_begin_it_again() -> None:
    world = spoke(*ECHO, "track 1 ip sla 1 reachability", *ROUTES)
    before = [text for text in world.messages("SPOKE1") if "%TRACK" in text]
    counted = world.show("SPOKE1", "ip sla statistics 1")
    world.configure("SPOKE1", "ip sla 1", ECHO[1], "tag WAN", "owner ME")
    assert "Tag: WAN" in world.show("SPOKE1", "ip sla configuration 1")
    assert world.show("SPOKE1", "ip sla statistics 1") == counted
    assert [text for text in world.messages("SPOKE1") if "%TRACK" in text] == before


def test_requests_may_not_leave_before_an_answer_counts_as_lost() -> None:
    world = spoke(*ECHO[:2])
    illegal = "%Illegal Value: Cannot set Frequency to be less than Timeout"
    assert illegal in world.configure("SPOKE1", "ip sla 1", ECHO[1], "frequency 4")
    assert "%" not in world.configure("SPOKE1", "ip sla 1", ECHO[1], "timeout 4000", "frequency 4").replace(
        "CNTL/Z", ""
    )
    said = world.configure("SPOKE1", "ip sla 1", ECHO[1], "timeout 4001")
    assert "%Illegal Value: Cannot set Timeout to be greater than Frequency" in said
    text = world.show("SPOKE1", "running-config | section ip sla")
    assert text.index("timeout 4000") < text.index("frequency 4")


def test_objects_are_shown_by_what_they_look_at() -> None:
    world = spoke(
        "track 1 interface Tunnel0 line-protocol",
        "track 2 ip route 0.0.0.0 0.0.0.0 reachability",
        "track 3 list boolean or",
        "track 4 ip sla 9 reachability",
    )
    for words, number in (("interface", 1), ("ip route", 2), ("list", 3), ("ip sla", 4)):
        text = world.show("SPOKE1", f"track {words}")
        assert [line.split()[1] for line in text.splitlines() if line.startswith("Track")] == [str(number)]
        assert world.lines("SPOKE1", f"track {words} brief")[1].split()[0] == str(number)


def test_a_list_with_thresholds_is_up_from_one_on_and_down_from_the_other_downwards() -> None:
    """The route was never there, and `show track` knew of no such list."""
    world = spoke(
        *[f"track {number} interface Loopback{number} line-protocol" for number in (1, 2, 3)],
        *("track 4 list threshold weight", "object 1 weight 15", "object 2 weight 20", "object 3 weight 30"),
        "threshold weight up 30 down 10",
        *("track 5 list threshold percentage", "object 1", "object 2", "object 3"),
        "threshold percentage down 34 up 60",
        "track 6 list threshold weight",
        *("object 1", "object 2"),
        "ip route 10.66.0.0 255.255.0.0 Null0 track 4",
    )

    def states(*up: int) -> list[bool]:
        for number in (1, 2, 3):
            world.configure("SPOKE1", f"{'' if number in up else 'no '}interface Loopback{number}")
        world.run_for(2)
        found = ["is Up (" in world.show("SPOKE1", f"track {number}") for number in (4, 5, 6)]
        assert ("10.66.0.0" in world.show("SPOKE1", "ip route")) is found[0]
        return found

    assert states() == [False, False, False]
    assert states(1) == [False, False, True]
    assert states(1, 2) == [True, True, True]
    text = world.show("SPOKE1", "track 4")
    assert "  List threshold weight\n  Threshold Weight is Up (35)" in text
    assert "    object 1 weight 15 Up\n" in text
    assert "  Threshold up 30, down 10" in text
    assert "  Threshold Percentage is Up (66%)" in world.show("SPOKE1", "track 5")
    assert "4     list                                   threshold        Up " in world.show("SPOKE1", "track brief")
    assert states(1) == [True, False, True]
    assert states() == [False, False, False]
    assert states(3) == [True, False, False]


def test_objects_and_operations_are_in_the_configuration_by_their_numbers() -> None:
    """Objects that look at interfaces came first, sorted by the interface."""
    world = spoke(
        "track 11 interface Loopback1 line-protocol",
        "track 2 interface Tunnel0 line-protocol",
        "track 1 ip sla 7 reachability",
        *("ip sla 7", "icmp-echo 10.255.0.1", "ip sla 2", "icmp-echo 10.255.0.1"),
    )
    lines = world.lines("SPOKE1", "running-config | include ^track|^ip sla [0-9]")
    assert [" ".join(line.split()[:3]) for line in lines] == [
        *("ip sla 2", "ip sla 7"),
        *("track 1 ip", "track 2 interface", "track 11 interface"),
    ]


@pytest.mark.parametrize("story", stories("tracked_routes"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, route)
