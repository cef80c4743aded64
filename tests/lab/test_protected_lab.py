"""Scenarios with IPsec and real packets: each comes up, loses nothing, and a watcher at the provider sees no GRE.

What the simulator shows at length is looked at here once, in real time.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.labs import Labs, eventually
from support.nats import two_and_one

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("translates")]


class Story(NamedTuple):
    """direct: the second traceroute is one hop long."""

    scenario: str
    spoke: str
    trace: str
    stream: tuple[str, str]
    direct: bool = True


BEHIND = ("R31", "traceroute 10.4.4.1 source 10.3.3.1", ("H3", "10.4.4.100"))
STORIES = [
    Story("intro-phase3", "SPOKE10", "traceroute 192.168.20.1 source 192.168.10.1", ("H10", "192.168.20.100")),
    Story("course-lab", "SPOKE1", "traceroute 10.3.0.1 source 10.2.0.1", ("H2", "10.3.0.100")),
    Story("ipsec-two-spokes-one-nat", *BEHIND),
    Story("ipsec-both-behind-nat", *BEHIND),
    Story("ipsec-symmetric-nat", *BEHIND, direct=False),
]


def hops(printed: str) -> int:
    return len(re.findall(r"^ +\d+ [\d.]+ ", printed, re.MULTILINE))


def is_direct(labs: Labs, router: str, trace: str) -> bool:
    return hops(labs.on(router, trace)) == 1


def protocols(folder: Path) -> set[int]:
    """The protocols of all IPv4 packets in captures of Ethernet."""
    frames = [frame for path in folder.glob("*.pcap") for _, frame in pcap.frames(path)]
    return {frame[14 + 9] for frame in frames if frame[12:14] == b"\x08\x00"}


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.scenario)
def test_a_protected_lab_comes_up_loses_nothing_and_shows_nobody_what_it_carries(
    labs: Labs, story: Story, tmp_path: Path
) -> None:
    assert "up and converged" in labs.up(story.scenario)
    capture = labs.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "2")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    echoes = labs.stream(*story.stream, count=100, seconds=1)
    printed, _ = capture.communicate(timeout=20)
    assert capture.returncode == 0, printed
    assert echoes.answered == echoes.sent
    assert protocols(tmp_path) & {IpProtocol.UDP, IpProtocol.ESP}
    assert not protocols(tmp_path) & {IpProtocol.GRE, IpProtocol.ICMP, IpProtocol.EIGRP}
    wanted = 1 if story.direct else 2
    assert eventually(lambda: hops(labs.on(story.spoke, story.trace)) == wanted, 10)


def test_spokes_behind_two_nat_boxes_meet_although_one_is_shown_by_another_port(labs: Labs, tmp_path: Path) -> None:
    """Linux shows the first of two by port 4500 and the second by another one, to everybody by the same."""
    labs.up(two_and_one(tmp_path))
    for spoke in ("10.3.3", "10.3.2"):
        echoes = labs.stream("H4", f"{spoke}.100", count=50, seconds=1)
        assert echoes.answered == echoes.sent
        trace = f"traceroute {spoke}.1 source 10.4.4.1"
        assert eventually(partial(is_direct, labs, "R41", trace), 10)

    def ports() -> list[str]:
        return re.findall(r" 172\.16\.31\.1/(\d+) ", labs.on("R41", "show crypto ikev2 sa"))

    # Where both ends began at once there are two SAs with a peer, until one of them is given up.
    assert eventually(lambda: len({*ports()}) == len(ports()) == 2, 20), ports()
    assert "4500" in ports()
