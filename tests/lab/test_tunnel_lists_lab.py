"""Lists on all tunnels that deny echoes, with real packets: direct paths are used, and pings stay denied."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING

import pytest

from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.labs import Labs, eventually, hops

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("translates")]

ENGINES = ["rust", "python"] if importlib.util.find_spec("dmvpn_engine") else ["python"]
#: The routing protocol, what users do, and what a traceroute lives on.
LIST = (
    "ip access-list extended INSIDE",
    "10 permit eigrp any any",
    "20 permit tcp any any",
    "30 permit udp any any",
    "40 permit icmp any any time-exceeded",
    "50 permit icmp any any port-unreachable",
    "60 deny icmp any any",
    "interface Tunnel100",
    "ip access-group INSIDE in",
    "ip access-group INSIDE out",
)
TRACE = "traceroute 10.4.4.1 source 10.3.3.1"
HUB, R41 = "192.168.100.11", "192.168.100.41"


def denied(labs: Labs, router: str) -> int:
    """How many packets the entry that denies ICMP has decided on."""
    found = re.search(
        r"^ +60 deny icmp any any \((\d+) match", labs.on(router, "show access-lists INSIDE"), re.MULTILINE
    )
    return int(found[1]) if found else 0


@pytest.mark.parametrize("engine", ENGINES)
def test_lists_on_all_tunnels_that_deny_echoes_leave_packets_the_direct_path(labs: Labs, engine: str) -> None:
    """Packets stayed at the hub: the echoes by which routers prove a path met the lists, and IOS sends none."""
    labs.up("notes-phase3", "--engine", engine)
    for router in ("R11", "R31", "R41"):
        labs.configure(router, *LIST)
    assert hops(labs.on("R31", TRACE)) == [HUB, R41]
    assert eventually(lambda: hops(labs.on("R31", TRACE)) == [R41], 20)
    assert [denied(labs, router) for router in ("R11", "R31", "R41")] == [0, 0, 0], "no entry counts the echoes"
    assert "Success rate is 0 percent" in labs.on("R31", f"ping {R41} repeat 2 timeout 1")
    assert denied(labs, "R41") == 2
    assert labs.stream("H3", "10.4.4.100", count=5, seconds=0.5).answered == 0


# A tunnel under an inbound list on the WAN, with real packets: what IOS accepts costs nothing, and a cut is named.

PLAIN = ("10 permit udp any any eq isakmp", "20 permit esp any any")
PORT = ("interface GigabitEthernet1", "ip access-group WAN-IN in")
FAR_HOST = "192.168.20.100"


def outer(folder: Path, spoke: bytes) -> set[int]:
    """The protocols of packets from or to a spoke in captures of Ethernet, without what comes in clear on purpose."""
    frames = [frame[14:] for path in folder.glob("*.pcap") for _, frame in pcap.frames(path)]
    return {packet[9] for packet in frames if spoke in (packet[12:16], packet[16:20])}


@pytest.mark.parametrize("engine", ENGINES)
def test_esp_leaves_udp_port_4500_when_a_list_denies_it_and_comes_back_after_a_cut(
    labs: Labs, engine: str, tmp_path: Path
) -> None:
    labs.up("intro-phase3", "--engine", engine)
    assert eventually(lambda: labs.stream("H10", FAR_HOST, count=5, seconds=1).answered == 5, 20)
    stream = labs.start_stream("H10", FAR_HOST, count=300, seconds=6)
    labs.configure("SPOKE10", "ip access-list extended WAN-IN", *PLAIN, *PORT)
    echoes = labs.echoes(stream, 300, 6)
    assert echoes.answered >= echoes.sent - 5, "packets on their way when the list came"
    capture = labs.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "2")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    echoes = labs.stream("H10", FAR_HOST, count=100, seconds=1)
    printed, _ = capture.communicate(timeout=20)
    assert capture.returncode == 0, printed
    assert echoes.answered == echoes.sent
    assert IpProtocol.ESP in outer(tmp_path, bytes((203, 0, 113, 10)))
    assert not outer(tmp_path, bytes((203, 0, 113, 10))) & {IpProtocol.GRE, IpProtocol.ICMP, IpProtocol.EIGRP}

    labs.configure("SPOKE10", "ip access-list extended WAN-IN", "no 20", "20 deny esp any any")
    assert labs.stream("H10", FAR_HOST, count=5, seconds=1).answered == 0
    why = "access list WAN-IN, entry 20, inbound on GigabitEthernet1, denies ESP from 198.51.100.1"
    assert f"Crypto tunnel is cut: {why}" in labs.on("SPOKE10", "show crypto session detail")
    assert f"%CRYPTO-4-DENIED_BY_LIST: A{why[1:]}" in labs.on("SPOKE10", "show logging")
    labs.configure("SPOKE10", "ip access-list extended WAN-IN", "no 20", "20 permit esp any any")
    assert eventually(lambda: labs.stream("H10", FAR_HOST, count=5, seconds=1).answered == 5, 20)
