"""Dead paths, dead hubs and killed routers with real packets, on both engines: what a host's stream of pings notices.

The bounds are those of the simulator's scenarios, with some tenths of a second for a busy machine.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import time
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

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
