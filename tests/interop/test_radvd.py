"""`ipv6 address autoconfig` beside radvd of Debian, and what it sends, read by tshark."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.interop

PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
R1 = """hostname R1
interface GigabitEthernet0/1
 ipv6 address autoconfig default
 no shutdown
"""
LAB = {"hosts": {"ISP": {"link": "R1:GigabitEthernet0/1", "address": "2001:db8:77::1/64", "gateway": "2001:db8:77::2"}}}
ADVERTISES = """interface eth0 {
  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; AdvDefaultLifetime 30; AdvDefaultPreference high;
  AdvLinkMTU 1400;
  prefix 2001:db8:77::/64 { AdvValidLifetime 90000; AdvPreferredLifetime 60; };
  prefix 2001:db8:78::/64 { AdvAutonomous off; };
  route 2001:db8:99::/48 {};
  RDNSS 2001:db8:77::53 {};
};
"""


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Labs]:
    (tmp_path / "radvd.conf").write_text(ADVERTISES)
    with Labs() as labs:
        labs.up_of(tmp_path / "wire", {"R1": R1}, LAB)
        yield labs


def test_a_port_has_its_address_and_default_route_from_radvd_until_radvd_ends(wire: Labs, tmp_path: Path) -> None:
    missing = [name for name in ("radvd", "tcpdump", "tshark") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"{missing} is not installed. Run: scripts/debian-packages interop")
    capture = tmp_path / "wire.pcap"
    wire.run("lab", "exec", "ISP", "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
    wire.run("lab", "exec", "ISP", "ip", "address", "add", "2001:db8:99::1/128", "dev", "lo")
    words = ["tcpdump", "-U", "-i", "eth0", "-Z", "root", "-w", str(capture)]
    command = ["radvd", "-n", "-C", str(tmp_path / "radvd.conf"), "-p", str(tmp_path / "radvd.pid"), "-m", "stderr"]
    captures = wire.start("lab", "exec", "ISP", *words)
    assert eventually(lambda: capture.exists() and capture.stat().st_size > 0, 10)
    for line in ("no ipv6 address autoconfig default", "ipv6 address autoconfig default"):
        wire.configure("R1", "interface GigabitEthernet0/1", line)  # it solicits again
    read = ("tshark", "-r", str(capture))
    asked = (*read, "-Y", "icmpv6.type == 133 && ipv6.hlim == 255 && icmpv6.checksum.status == 1")
    assert eventually(lambda: bool(subprocess.run(asked, capture_output=True, text=True).stdout), 20)
    advertises = wire.start("lab", "exec", "ISP", *command)
    try:
        assert eventually(lambda: "!!!!!" in wire.on("R1", "ping 2001:db8:99::1"), 30)
        shown = wire.on("R1", "show ipv6 interface GigabitEthernet0/1")
        assert "subnet is 2001:DB8:77::/64 [EUI/CAL/PRE]\n      valid lifetime 8999" in shown
        assert "2001:DB8:78::" not in shown
        routers = wire.on("R1", "show ipv6 routers")
        assert "Lifetime 30 sec, AddrFlag=0, OtherFlag=0, MTU=1400\n  HomeAgentFlag=0, Preference=High\n" in routers
        wire.on("R1", "ping 2001:db8:77::1")
        advertises.terminate()
        # Its last advertisement says that it is no router any more.
        assert eventually(lambda: "ND  ::/0" not in wire.on("R1", "show ipv6 route"), 10)
        assert "2001:DB8:77:0:" in wire.on("R1", "show ipv6 interface brief")
    finally:
        for each in (captures, advertises):
            each.terminate()
            each.communicate(timeout=10)
    wrong = (*read, "-Y", "_ws.malformed || _ws.expert.severity >= 0x600000")
    assert subprocess.run(wrong, capture_output=True, text=True, check=True).stdout == ""
