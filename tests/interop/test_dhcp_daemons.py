"""DHCP with real packets, beside udhcpc, dhclient and dnsmasq of Debian."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.interop

R1 = """hostname R1
ip dhcp excluded-address 10.1.1.1
ip dhcp pool LAN
 network 10.1.1.0 /24
 default-router 10.1.1.1
ip dhcp pool WAN
 network 192.0.2.0 /24
 default-router 192.0.2.1
ip dhcp excluded-address 192.0.2.1
ip dhcp pool FAR
 network 10.2.2.0 /24
 default-router 10.2.2.1
ip dhcp excluded-address 10.2.2.1
interface GigabitEthernet0/1
 ip address 10.1.1.1 255.255.255.0
 no shutdown
interface GigabitEthernet0/2
 ip address 192.0.2.1 255.255.255.0
 no shutdown
ip route 10.2.2.0 255.255.255.0 192.0.2.2
"""
R2 = """hostname R2
ip dhcp relay information option
interface GigabitEthernet0/1
 ip address 10.2.2.1 255.255.255.0
 ip helper-address 192.0.2.1
 no shutdown
interface GigabitEthernet0/2
 ip address dhcp
 no shutdown
"""
LAB = {
    "links": [{"ends": ["R1:GigabitEthernet0/2", "R2:GigabitEthernet0/2"]}],
    "hosts": {
        "H1": {"link": "R1:GigabitEthernet0/1", "address": "10.1.1.100/24", "gateway": "10.1.1.1"},
        "H2": {"link": "R2:GigabitEthernet0/1", "address": "dhcp"},
    },
}
SCRIPT = '#!/bin/sh\necho "$1$reason has $ip$new_ip_address by $router$new_routers"\n'


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[Labs]:
    folder = tmp_path / "branch"
    folder.mkdir()
    for name, text in (("R1", R1), ("R2", R2)):
        (folder / f"{name}.cfg").write_text(text)
    (folder / "lab.yaml").write_text(json.dumps(LAB))
    (tmp_path / "script").write_text(SCRIPT)
    (tmp_path / "script").chmod(0o755)
    with Labs() as labs:
        labs.up(str(folder))
        yield labs


def test_a_host_leases_from_a_far_router_by_a_router_whose_own_address_is_leased(branch: Labs) -> None:
    assert eventually(lambda: branch.stream("H1", "10.2.2.2", count=1, seconds=0.1).answered == 1, 90)
    assert "192.0.2.2" in branch.on("R2", "show dhcp lease")
    assert "10.2.2.2" in branch.on("R1", "show ip dhcp binding")
    branch.run("lab", "impair", "R2:Gi0/1", "--delay", "5")
    assert eventually(lambda: branch.stream("H1", "10.2.2.2", count=1, seconds=0.1).answered == 1)


@pytest.mark.parametrize("program", ["busybox", "dhclient"])
def test_a_client_of_debian_leases_from_a_router(branch: Labs, program: str, tmp_path: Path) -> None:
    where, script = shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin"), str(tmp_path / "script")
    if where is None:
        pytest.skip(f"{program} is not installed. Run: scripts/debian-packages interop")
    words = ["udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-s", script]
    if program == "dhclient":
        files = ["-lf", str(tmp_path / "leases"), "-pf", str(tmp_path / "pid")]
        words = ["-1", "-4", "-d", "-sf", script, *files, "eth0"]
    told = said_within(branch, "H1", [where, *words], "by 10.1.1.1")
    assert any(f"{kind} has 10.1.1." in told for kind in ("bound", "BOUND")), told


def test_a_port_leases_from_dnsmasq(branch: Labs) -> None:
    where = shutil.which("dnsmasq", path="/usr/sbin:/sbin:/usr/bin")
    if where is None:
        pytest.skip("dnsmasq is not installed. Run: scripts/debian-packages interop")
    assert eventually(lambda: branch.stream("H1", "10.1.1.1", count=1, seconds=0.1).answered == 1, 30)
    words = ["--no-daemon", "--port=0", "--user=root", "--conf-file=/dev/null", "--leasefile-ro", "--interface=eth0"]
    with branch.start("lab", "exec", "H1", where, *words, "--dhcp-range=10.1.1.50,10.1.1.60,2m") as served:
        branch.configure("R1", "interface GigabitEthernet0/1", "ip address dhcp")
        assert eventually(lambda: "Lease: 120 secs" in branch.on("R1", "show dhcp lease"), 30)
        served.terminate()


def said_within(labs: Labs, host: str, command: list[str], awaited: str) -> str:
    """Return what a program at a host said up to these words; it is ended then."""
    with labs.start("lab", "exec", host, *command) as running:
        said: list[str] = []
        for line in running.stdout or ():
            said.append(str(line))
            if awaited in said[-1]:
                break
        running.terminate()
        running.wait(10)
    return "".join(said)
