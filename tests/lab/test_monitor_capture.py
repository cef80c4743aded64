"""`monitor capture` with real packets: packet sockets of the router's own namespace."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from dmvpn.net import ip
from support.labs import eventually
from support.pcap import network_layer, read

if TYPE_CHECKING:
    from pathlib import Path

    from support.labs import Labs

pytestmark = pytest.mark.lab

TARGET, REQUEST, REPLY = "10.1.1.1", "request", "reply"


def captured(labs: Labs, direction: str) -> list[str]:
    """The requests and replies of a ping in what R31 exports of a capture of its tunnel."""
    for line in (f"interface Tunnel100 {direction}", "match any", "start"):
        labs.on("R31", f"monitor capture CAP {line}")
    assert "(3/3)" in labs.on("R31", f"ping {TARGET} repeat 3")
    for line in ("stop", f"export flash:{direction}.pcap"):
        labs.on("R31", f"monitor capture CAP {line}")
    (path,) = labs.folder.glob(f"**/R31/flash/{direction}.pcap")
    found = read(path.read_bytes())
    layers = [network_layer(found.link_type, frame.data) for frame in found.frames]
    packets = [ip.parse(layer[1]) for layer in layers if layer is not None]
    ends = [(str(packet.source), str(packet.destination)) for packet in packets]
    return [
        REQUEST if destination == TARGET else REPLY for source, destination in ends if TARGET in (source, destination)
    ]


def test_a_capture_of_a_tunnel_has_the_packets_of_its_direction(labs: Labs) -> None:
    labs.up("notes-gre")
    assert captured(labs, "both") == [REQUEST, REPLY] * 3
    assert captured(labs, "out") == [REQUEST] * 3
    assert captured(labs, "in") == [REPLY] * 3


# `dmvpn lab capture` does not outlive its lab.

#: Octets of a capture without a packet.
FILE_HEADER = 24


@pytest.mark.parametrize("keys", [[], ["--keys"]], ids=["packets", "packets and keys"])
def test_a_capture_in_the_background_ends_with_its_lab(labs: Labs, tmp_path: Path, keys: list[str]) -> None:
    """Seen: the lab was down, and the process that captured it slept on for a day."""
    labs.up("notes-gre")
    capturing = labs.start("lab", "capture", "--all", *keys, "--output", str(tmp_path))

    def something_is_captured() -> bool:
        labs.on("R31", "ping 10.1.1.1")
        return any(path.stat().st_size > FILE_HEADER for path in tmp_path.glob("*.pcap"))

    assert eventually(something_is_captured, 30)
    labs.say("lab", "down")
    try:
        printed, _ = capturing.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        capturing.kill()
        capturing.communicate()
        pytest.fail("it goes on capturing a lab that is no more")
    assert capturing.returncode == 0, printed
    assert "the lab has ended" in printed
    assert sum(map(int, re.findall(r"(\d+) packets  ", printed))) > 0, printed
