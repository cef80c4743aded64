"""A front door with real packets: the provider in a VRF of each router, the tunnels protected, the VRFs namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.labs import Labs, eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.lab

PROVIDER = "INTERNET"


def reaches(labs: Labs, host: str, address: str) -> None:
    eventually(lambda: " 0% packet loss" in labs.run("lab", "exec", host, "ping", "-c", "2", "-W", "2", address).stdout)


def test_a_network_with_a_front_door_carries_packets_and_survives_a_router(labs: Labs, tmp_path: Path) -> None:
    labs.up("front-door")
    labs.say("lab", "capture", "start", "TRANSPORT", "--output", tmp_path)
    reaches(labs, "H1", "10.1.102.100")
    inside = labs.say("lab", "exec", "SPOKE1", "ip", "route", "show", "default")
    outside = labs.say("lab", "exec", "--vrf", PROVIDER, "SPOKE1", "ip", "route", "show", "default")
    assert "Tunnel" in inside
    assert "198.51.100.2" in outside
    labs.say("lab", "kill", "SPOKE1")
    labs.say("lab", "start", "SPOKE1")
    reaches(labs, "H1", "10.1.102.100")
    labs.say("lab", "capture", "stop")
    frames = [frame for path in tmp_path.glob("*.pcap") for _, frame in pcap.frames(path)]
    protocols = {frame[14 + 9] for frame in frames if frame[12:14] == b"\x08\x00"}
    assert IpProtocol.ESP in protocols
    assert IpProtocol.GRE not in protocols
