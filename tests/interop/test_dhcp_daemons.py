"""DHCP with real packets, beside udhcpc, dhclient and dnsmasq of Debian."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually
from support.services import Service, short_folder

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
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
SCRIPT = '#!/bin/sh\necho "$1$reason has $ip$new_ip_address by $router$new_routers"\n'


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[Labs]:
    (tmp_path / "script").write_text(SCRIPT)
    (tmp_path / "script").chmod(0o755)
    with Labs() as labs:
        labs.up_of(tmp_path / "branch", {"R1": R1, "R2": R2}, LAB)
        yield labs


def test_a_host_leases_from_a_far_router_by_a_router_whose_own_address_is_leased(branch: Labs) -> None:
    assert eventually(lambda: branch.stream("H1", "10.2.2.2", count=1, seconds=0.1).answered == 1, 90)
    assert "192.0.2.2" in branch.on("R2", "show dhcp lease")
    assert "10.2.2.2" in branch.on("R1", "show ip dhcp binding")
    branch.run("lab", "impair", "R2:Gi0/1", "--delay", "5")
    assert eventually(lambda: branch.stream("H1", "10.2.2.2", count=1, seconds=0.1).answered == 1)


@pytest.mark.parametrize("program", ["busybox", "dhclient"])
def test_a_client_of_debian_leases_from_a_router(branch: Labs, program: str, tmp_path: Path) -> None:
    where, script = shutil.which(program, path=PATH), str(tmp_path / "script")
    if where is None:
        pytest.skip(f"{program} is not installed. Run: scripts/debian-packages interop")
    words = ["udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "5", "-s", script]
    if program == "dhclient":
        files = ["-lf", str(tmp_path / "leases"), "-pf", str(tmp_path / "pid")]
        words = ["-1", "-4", "-d", "-sf", script, *files, "eth0"]
    told = said_within(branch, "H1", [where, *words], "by 10.1.1.1")
    assert any(f"{kind} has 10.1.1." in told for kind in ("bound", "BOUND")), told


def test_a_port_leases_from_dnsmasq(branch: Labs) -> None:
    where = shutil.which("dnsmasq", path=PATH)
    if where is None:
        pytest.skip("dnsmasq is not installed. Run: scripts/debian-packages interop")
    assert eventually(lambda: branch.stream("H1", "10.1.1.1", count=1, seconds=0.1).answered == 1, 30)
    words = ["--no-daemon", "--port=0", "--user=root", "--conf-file=/dev/null", "--leasefile-ro", "--interface=eth0"]
    with branch.start("lab", "exec", "H1", where, *words, "--dhcp-range=10.1.1.50,10.1.1.60,2m") as served:
        branch.configure("R1", "interface GigabitEthernet0/1", "ip address dhcp")
        assert eventually(lambda: "Lease: 120 secs" in branch.on("R1", "show dhcp lease"), 30)
        served.terminate()


#: A machine whose kernel checks sources as Debian's does, and a far machine with a server of Debian.
MACHINE = """ip link set lo up; ip link add wan0 type veth peer name far0; ip link set wan0 up
echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter
unshare -n sh -c 'until ip link set far0 up 2>/dev/null; do sleep 0.1; done; ip addr add 192.0.2.1/24 dev far0
exec dnsmasq --no-daemon --port=0 --user=root --conf-file=/dev/null --leasefile-ro --interface=far0 \\
--dhcp-range=192.0.2.50,192.0.2.60,2m' & far=$!
while ip link show far0 >/dev/null 2>&1; do ip link set far0 netns $far; sleep 0.1; done
until nsenter -t $far -n ss -lunH | grep -q :67; do sleep 0.1; done
"""
RUN = "hostname BRANCH\ninterface GigabitEthernet0/1\n ip address dhcp\n no shutdown\n"


@pytest.mark.parametrize("other", ["", "udhcpc", "udhcpc that still asks", "dhclient"])
def test_a_router_on_a_machine_leases_an_address_unless_a_client_of_the_machine_does(
    short: Path, tmp_path: Path, other: str
) -> None:
    (tmp_path / "script").write_text('#!/bin/sh\n[ -z "$ip$new_ip_address" ] || ip addr add 192.0.2.99/24 dev wan0\n')
    (tmp_path / "script").chmod(0o755)
    script = tmp_path / "script"
    before = {
        "": "",
        "udhcpc": f"busybox udhcpc -i wan0 -n -q -s {script}",
        "udhcpc that still asks": f"kill -STOP $far; busybox udhcpc -b -i wan0 -s {script} & sleep 1; kill -CONT $far",
        "dhclient": f"dhclient -4 -nw -sf {script} -lf {tmp_path}/leases -pf {tmp_path}/pid wan0",
    }[other]
    missing = [name for name in ("dnsmasq", "busybox", "dhclient") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"{missing} is not installed. Run: scripts/debian-packages interop")
    apart = ("unshare", "-Urnpf", "--mount-proc")
    around = (*apart, "sh", "-c", f'export PATH={PATH}; {MACHINE}{before}\nexec "$@"', "sh")
    router = Service(short, RUN, "--manage", "--map", "GigabitEthernet0/1=wan0", "--engine", "python", around=around)
    try:
        assert router.runs(), router.log.read_text()
        address = "192.0.2.99" if other else "192.0.2.5"
        assert eventually(lambda: address in router.says("show", "ip", "interface", "brief"), 30)
        assert ("Lease: 120 secs" in router.says("show", "dhcp", "lease")) is (not other)
        if not other:
            assert "S*    0.0.0.0/0 [254/0] via 192.0.2.1" in router.says("show", "ip", "route")
            router.says("release", "dhcp", "GigabitEthernet0/1")
            assert eventually(lambda: "unassigned" in router.says("show", "ip", "interface", "brief"), 10)
    finally:
        os.killpg(router.process.pid, signal.SIGKILL)  # and with it all that runs in its namespace
        router.close()


#: A capture of one port beside the client of another port of ours.
CAPTURED = """
import os, socket
from dmvpn.dataplane.userspace.control import _checks_sources
os.system("ip link add e1 type veth peer name e2; ip link set e1 up; ip link set e2 up")
reader = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
reader.bind(("e2", 3))
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.bind(("", 68))
_checks_sources("e2", [str(os.fstat(client.fileno()).st_ino)])
try:
    _checks_sources("e2", [])
except OSError as error:
    print(error)
"""


def test_the_client_of_another_port_of_ours_is_no_other_client() -> None:
    """Seen: with a capture on a port its router said `another DHCP client has e2`, and leased nothing."""
    ran = subprocess.run(
        ["unshare", "-Urn", sys.executable, "-c", CAPTURED], capture_output=True, text=True, timeout=30, check=True
    )
    assert "another DHCP client has e2" in ran.stdout


@pytest.fixture
def short() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


R1_OF_IPV6 = """hostname R1
ipv6 unicast-routing
ipv6 dhcp pool LAN
 address prefix 2001:DB8:1::/64
 dns-server 2001:DB8::53
 domain-name example.com
interface GigabitEthernet0/1
 ipv6 address 2001:DB8:1::1/64
 ipv6 nd managed-config-flag
 ipv6 nd prefix default no-autoconfig
 ipv6 dhcp server LAN
 no shutdown
interface GigabitEthernet0/2
 ipv6 address 2001:DB8:2::1/64
 ipv6 nd managed-config-flag
 ipv6 dhcp relay destination 2001:DB8:3::100
 no shutdown
interface GigabitEthernet0/3
 ipv6 address 2001:DB8:3::1/64
 no shutdown
"""
LAB_OF_IPV6 = {
    "links": [],
    "hosts": {
        "H1": {"link": "R1:GigabitEthernet0/1", "address": "10.0.1.9/24", "address6": "slaac"},
        "H2": {"link": "R1:GigabitEthernet0/2", "address": "10.0.2.9/24", "address6": "slaac"},
        "H3": {
            "link": "R1:GigabitEthernet0/3",
            "address": "10.0.3.9/24",
            "address6": "2001:db8:3::100/64",
            "gateway6": "2001:db8:3::1",
        },
    },
}
SCRIPT6 = '#!/bin/sh\necho "$1$reason has $ipv6$new_ip6_address with $dns$new_dhcp6_name_servers"\n'


@pytest.fixture
def branch6(tmp_path: Path) -> Iterator[Labs]:
    (tmp_path / "script").write_text(SCRIPT6)
    (tmp_path / "script").chmod(0o755)
    with Labs() as labs:
        labs.up_of(tmp_path / "branch6", {"R1": R1_OF_IPV6}, LAB_OF_IPV6)
        yield labs


def asked6(labs: Labs, host: str, tmp_path: Path, awaited: str) -> str:
    """Return what dhclient said at a host; busybox of Debian has no client of IPv6."""
    where = shutil.which("dhclient", path=PATH)
    if where is None:
        pytest.skip("dhclient is not installed. Run: scripts/debian-packages interop")
    files = ["-lf", str(tmp_path / "leases"), "-pf", str(tmp_path / "pid"), "-sf", str(tmp_path / "script")]
    return said_within(labs, host, [where, "-6", "-1", "-d", *files, "eth0"], awaited)


def test_dhclient_leases_an_address_of_ipv6_from_a_router(branch6: Labs, tmp_path: Path) -> None:
    told = asked6(branch6, "H1", tmp_path, "with 2001:db8::53")
    assert "has 2001:db8:1:" in told, told
    assert "IA NA: IA ID" in branch6.on("R1", "show ipv6 dhcp binding")


def test_dhclient_leases_from_dnsmasq_through_a_relay_agent_of_ipv6(branch6: Labs, tmp_path: Path) -> None:
    where = shutil.which("dnsmasq", path=PATH)
    if where is None:
        pytest.skip("dnsmasq is not installed. Run: scripts/debian-packages interop")
    served = ["--no-daemon", "--port=0", "--user=root", "--conf-file=/dev/null", "--leasefile-ro", "--interface=eth0"]
    pool = "--dhcp-range=2001:db8:2::50,2001:db8:2::60,64,10m"
    with branch6.start("lab", "exec", "H3", where, *served, pool) as server:
        told = asked6(branch6, "H2", tmp_path, "has 2001:db8:2::")
        assert "has 2001:db8:2::" in told, told
        server.terminate()


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
