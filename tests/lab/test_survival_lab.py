"""Paths, hubs and routers that die, and spokes that move, with real packets."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.exercises import BUILT_IN
from support.labs import Labs, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path


# Dead paths, dead hubs and killed routers with real packets, on both engines: what a host's stream of pings notices.
#
# The bounds are those of the simulator's scenarios, with some tenths of a second for a busy machine.

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

#: The engine of `--engine auto` always, the other one with the slow tests.
ENGINES = (
    ["rust", pytest.param("python", marks=pytest.mark.slow)] if importlib.util.find_spec("dmvpn_engine") else ["python"]
)
#: Seconds that a machine with other things to do may be late.
SLACK = 0.6

#: Sends a ping every 1/rate seconds; prints when those that nobody answered were sent, in seconds since the epoch.
#: Arguments: address, rate, seconds.
STREAM = """
import select, socket, struct, sys, time
address, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
begin, sent, answered = time.time(), [], set()
def listen(until):
    while (left := until - time.time()) > 0:
        if select.select([sock], [], [], left)[0]:
            packet = sock.recv(2048)
            kind, identifier, sequence = packet[20], *struct.unpack("!HH", packet[24:28])
            if kind == 0 and identifier == 78:
                answered.add(sequence)
while time.time() < begin + seconds:
    head = struct.pack("!BBHHH", 8, 0, 0, 78, len(sent))
    total = sum(struct.unpack("!4H", head))
    total = (total & 0xFFFF) + (total >> 16)
    sock.sendto(head[:2] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + head[4:], (address, 0))
    sent.append(time.time())
    listen(begin + len(sent) / rate)
listen(time.time() + 0.5)
print(len(sent), *(when for number, when in enumerate(sent) if number not in answered))
"""


@pytest.fixture(scope="module", params=ENGINES)
def lab(request: pytest.FixtureRequest) -> Iterator[Labs]:
    """notes-phase3."""
    with Labs() as labs:
        labs.say("lab", "up", "notes-phase3", "--engine", request.param)
        yield labs


def stream(labs: Labs, address: str, rate: float, seconds: float) -> subprocess.Popen[str]:
    """H3 pings, in the background."""
    arguments = ("lab", "exec", "H3", sys.executable, "-c", STREAM, address, str(rate), str(seconds))
    return labs.start(*arguments)


def missed(running: subprocess.Popen[str]) -> list[float]:
    """When the pings were sent that nobody answered."""
    printed, _ = running.communicate(timeout=120)
    assert running.returncode == 0, printed
    return [float(word) for word in printed.split()[1:]]


def is_direct(labs: Labs) -> bool:
    """Do R31's packets to the other LAN go to R41, and back?"""
    commands = {"R31": "show ip cef 10.4.4.0", "R41": "show ip cef 10.3.3.0"}
    return all("192.168.100.11" not in labs.on(router, line) for router, line in commands.items())


def make_direct(labs: Labs) -> None:
    """Let there be a shortcut."""
    labs.on("R31", "ping 10.4.4.1 source 10.3.3.1")
    assert eventually(lambda: is_direct(labs), 90)


@pytest.mark.parametrize("victim", ["R31", pytest.param("R41", marks=pytest.mark.slow)])
def test_a_killed_spoke_has_traffic_as_soon_as_it_is_started_again(lab: Labs, victim: str) -> None:
    make_direct(lab)
    running = stream(lab, "10.4.4.100", 20, 6)
    time.sleep(1)
    lab.say("lab", "kill", victim)
    time.sleep(2)
    lab.say("lab", "start", victim)
    assert eventually(lambda: lab.run("-r", victim, "show", "clock").returncode == 0)
    started = time.time()
    lost = missed(running)
    assert all(when < started + 1 + SLACK for when in lost), [when - started for when in lost if when > started]


@pytest.mark.parametrize(
    ("cut_off", "rate"),
    [("R31", 10), *(pytest.param(*case, marks=pytest.mark.slow) for case in (("R41", 10), ("R31", 1), ("R41", 1)))],
)
def test_a_direct_path_that_is_cut_one_way_is_left_within_three_seconds(lab: Labs, cut_off: str, rate: float) -> None:
    make_direct(lab)
    other = "172.16.41.0 255.255.255.0" if cut_off == "R31" else "172.16.31.0 255.255.255.252"
    running = stream(lab, "10.4.4.100", rate, 7)
    time.sleep(1.5)
    began = time.time()
    lab.configure(cut_off, f"ip route {other} Null0")
    lost = missed(running)
    lab.configure(cut_off, f"no ip route {other} Null0")
    assert all(began - 1 < when < began + 3 + SLACK for when in lost), [when - began for when in lost]


@pytest.mark.slow
def test_with_the_hub_killed_a_shortcut_loses_nothing_and_becomes_a_route_of_its_own(lab: Labs) -> None:
    make_direct(lab)
    running = stream(lab, "10.4.4.100", 20, 22)
    time.sleep(1)
    lab.say("lab", "kill", "R11")
    assert missed(running) == []
    assert re.search(r"H +10\.4\.4\.0/24 \[250/255\] via 192\.168\.100\.41", lab.on("R31", "show ip route"))
    assert " E  NBMA Address: 172.16.11.1" in lab.on("R31", "show ip nhrp nhs")
    running = stream(lab, "10.4.4.100", 20, 5)
    lab.say("lab", "start", "R11")
    assert missed(running) == []
    assert eventually(lambda: "RE  NBMA" in lab.on("R31", "show ip nhrp nhs"), 75)
    assert eventually(lambda: "D   %    10.4.4.0/24" in lab.on("R31", "show ip route"), 75)


# The topologies with real packets: each comes up, tells its story once, and survives what it is built to survive.
#
# What the simulator shows at length is looked at here once, in real time. So that nobody waits for it, EIGRP greets
# every second in the labs in which a hub dies; the labs are the scenarios to the letter in everything else.

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
