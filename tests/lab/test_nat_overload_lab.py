"""Scenario nat-overload with real packets: the kernel translates what goes to the Internet, and nothing else."""

from __future__ import annotations

import importlib.util
import re

import pytest

from support.labs import Labs, eventually

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("translates")]

ENGINES = ["rust", "python"] if importlib.util.find_spec("dmvpn_engine") else ["python"]
WEB, FAR_HOST = "198.51.100.80", "10.4.4.100"
FLOW = re.compile(r"^(\w+) +([\d.]+):\d+ +([\d.]+):\d+ +([\d.]+):\d+", re.MULTILINE)


@pytest.mark.parametrize("engine", ENGINES)
def test_hosts_reach_the_internet_by_nat_and_each_other_by_the_tunnel(labs: Labs, engine: str) -> None:
    labs.up("nat-overload", "--engine", engine)
    for host in ("H3", "H4"):
        echoes = labs.stream(host, WEB, count=20, seconds=1)
        assert echoes.answered == echoes.sent
    echoes = labs.stream("H3", FAR_HOST, count=20, seconds=1)
    assert echoes.answered == echoes.sent
    flows = FLOW.findall(labs.on("R31", "show ip nat translations"))
    assert {flow[:3] for flow in flows} == {("icmp", "172.16.31.1", "10.3.3.100")}
    assert {flow[3] for flow in flows} == {WEB}
    assert FLOW.findall(labs.on("R41", "show ip nat translations"))[0][1] == "172.16.41.1"
    assert "access-list LAN interface GigabitEthernet0/1 refcount 1" in labs.on("R31", "show ip nat statistics")
    assert eventually(lambda: " D " in labs.on("R31", "show dmvpn"), 20)
    labs.on("R31", "clear ip nat translation *")
    assert not FLOW.findall(labs.on("R31", "show ip nat translations"))


def test_while_the_tunnel_is_down_nothing_for_another_site_is_translated(labs: Labs) -> None:
    labs.up("nat-overload", "--engine", ENGINES[-1])
    labs.configure("R31", "interface Tunnel100", "shutdown")
    assert labs.stream("H3", FAR_HOST, count=20, seconds=1).answered == 0
    assert labs.stream("H3", WEB, count=20, seconds=1).answered == 20
    assert {flow[3] for flow in FLOW.findall(labs.on("R31", "show ip nat translations"))} == {WEB}


def test_what_is_typed_counts_at_once_and_is_taken_back_by_no(labs: Labs) -> None:
    labs.up("nat-overload", "--engine", ENGINES[-1])
    rule = "ip nat inside source list LAN interface GigabitEthernet0/1 overload"
    labs.configure("R31", f"no {rule}")
    assert labs.stream("H3", WEB, count=5, seconds=1).answered == 0
    labs.configure("R31", rule)
    assert labs.stream("H3", WEB, count=5, seconds=1).answered == 5
    labs.configure("R31", "ip access-list standard LAN", "no 10")
    labs.on("R31", "clear ip nat translation *")
    assert labs.stream("H3", WEB, count=5, seconds=1).answered == 0
