"""Lists on all tunnels that deny echoes, with real packets: direct paths are used, and pings stay denied."""

from __future__ import annotations

import importlib.util
import re

import pytest

from support.labs import Labs, eventually, hops

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
