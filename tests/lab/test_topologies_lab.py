"""The topologies with real packets: each comes up, tells its story once, and survives what it is built to survive.

What the simulator shows at length is looked at here once, in real time. So that nobody waits for it, EIGRP greets every
second in the labs in which a hub dies; the labs are the scenarios to the letter in everything else.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.scenario import BUILT_IN
from support.labs import Labs, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

#: Seconds of EIGRP's Hello interval and hold time in labs in which a hub dies.
HELLO, HOLD = 1, 3
_QUICK = f"  af-interface default\n   hello-interval {HELLO}\n   hold-time {HOLD}\n  exit-af-interface\n  !\n"
_FAMILY = "address-family ipv4 unicast autonomous-system 100\n  !\n"
#: Registrations that were given up after so few seconds are tried again every 1, 2, 4 s.
PATIENCE = 15.0


@dataclass(frozen=True)
class Story:
    """What is to be seen. by_hub: who answers the first traceroute first; direct: who alone answers the second."""

    scenario: str
    spoke: str
    trace: str
    stream: tuple[str, str]
    by_hub: str
    direct: str


STORIES = [
    Story(
        "phase2-eigrp",
        "SPOKE1",
        "traceroute 10.1.2.1 source 10.1.1.1",
        ("H2", "10.1.1.100"),
        "10.255.0.1",
        "10.255.0.12",
    ),
    Story(
        "dual-hub",
        "SPOKE1",
        "traceroute 10.1.102.1 source 10.1.101.1",
        ("H2", "10.1.101.100"),
        "10.255.0.1",
        "10.255.0.12",
    ),
    Story(
        "dual-hub-two-clouds",
        "SPOKE1",
        "traceroute 10.1.102.1 source 10.1.101.1",
        ("H2", "10.1.101.100"),
        "10.255.1.1",
        "10.255.1.12",
    ),
    Story(
        "hierarchical",
        "SPOKE-A1",
        "traceroute 10.2.1.1 source 10.1.1.1",
        ("HA2", "10.2.1.100"),
        "10.255.1.1",
        "10.255.2.11",
    ),
    *(
        Story(scenario, "R31", "traceroute 10.4.4.1 source 10.3.3.1", stream, "192.168.100.11", "192.168.100.41")
        for scenario, stream in (
            ("phase3-summary", ("H4", "10.3.3.100")),
            ("phase3-default", ("H4", "10.3.3.100")),
            ("two-tunnels", ("H4", "10.3.3.100")),
            ("network-ids", ("H4", "10.3.3.100")),
            ("several-lans", ("H4", "10.3.150.100")),
            ("mixed-spokes", ("H5", "10.3.3.100")),
        )
    ),
    Story(
        "migration",
        "R31",
        "traceroute 10.5.5.1 source 10.3.3.1",
        ("H4", "10.3.3.100"),
        "192.168.200.11",
        "192.168.200.51",
    ),
]


def hops(printed: str) -> list[str]:
    """The addresses of a traceroute, each once, in order."""
    words = [word for line in printed.splitlines()[3:] for word in line.split()]
    return list(dict.fromkeys(word for word in words if re.fullmatch(r"\d+(\.\d+){3}", word)))


def has_best_route(story: Story, labs: Labs) -> bool:
    """By the hub that is to be met first, or (phase 2) by the other spoke itself."""
    printed = labs.on(story.spoke, f"show ip cef {story.trace.split()[1]}")
    return f"nexthop {story.by_hub} " in printed or f"nexthop {story.direct} " in printed


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.scenario)
def test_spokes_meet_at_the_hub_first_and_then_directly_and_no_packet_is_lost(story: Story, labs: Labs) -> None:
    assert "up and converged" in labs.up(story.scenario)
    # There is a route by now; where there are two hubs, the better one may still be on its way.
    assert eventually(lambda: has_best_route(story, labs), 20)
    assert hops(labs.on(story.spoke, story.trace))[0] == story.by_hub
    assert eventually(lambda: hops(labs.on(story.spoke, story.trace)) == [story.direct], 10)
    echoes = labs.stream(*story.stream, count=100, seconds=1)
    assert echoes.answered == echoes.sent == 100


def quick(scenario: str, folder: Path) -> Path:
    """A copy of a scenario in which EIGRP greets every second."""
    copy = folder / scenario
    shutil.copytree(BUILT_IN / scenario, copy)
    for path in copy.glob("*.cfg"):
        path.write_text(path.read_text().replace(_FAMILY, _FAMILY + _QUICK))
    assert "hello-interval" in (copy / "HUB1.cfg").read_text()
    return copy


@pytest.mark.parametrize(
    ("scenario", "hubs"),
    [("dual-hub", ("10.255.0.1", "10.255.0.2")), ("dual-hub-two-clouds", ("10.255.1.1", "10.255.2.2"))],
)
def test_the_second_hub_takes_over_from_a_killed_one_and_gives_back(
    scenario: str, hubs: tuple[str, str], labs: Labs, tmp_path: Path
) -> None:
    def goes_by(hub: str) -> bool:
        return f"  * {hub}, from {hub}, " in labs.on("SPOKE1", "show ip route 10.1.10.0 255.255.255.0")

    labs.up(quick(scenario, tmp_path))
    labs.on("SPOKE1", "ping 10.1.102.1 source 10.1.101.1")
    servers = labs.start_stream("H1", "10.1.10.100", count=700, seconds=7)
    spokes = labs.start_stream("H1", "10.1.102.100", count=700, seconds=7)
    labs.say("lab", "kill", "HUB1")
    assert eventually(lambda: goes_by(hubs[1]), HOLD + 2)
    felt = labs.echoes(servers, 700, 7)
    assert 0 < felt.gap <= HOLD + 1
    unfelt = labs.echoes(spokes, 700, 7)
    assert unfelt.answered == unfelt.sent
    labs.say("lab", "start", "HUB1")
    assert eventually(lambda: goes_by(hubs[0]), PATIENCE)
    assert labs.stream("H1", "10.1.10.100", count=100, seconds=0.5).answered == 100
