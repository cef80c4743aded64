"""IPv6 inside tunnels with real packets, beside IPv4 and protected, through the command line that people type."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.shells.exercises import BUILT_IN
from support.labs import eventually, hops

if TYPE_CHECKING:
    from pathlib import Path

    from support.labs import Labs

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("runs_labs")]

TRACE: Final = "traceroute 2001:db8:4::1 source 2001:db8:3::1 probe 1"
#: A host sends 4 MiB over TCP, in buffers that the engine cuts; the other one answers with their digest.
_LISTENS: Final = """
import hashlib, socket
server = socket.create_server(("::", 7000), family=socket.AF_INET6)
print("ready", flush=True)
digest, (peer, _) = hashlib.sha256(), server.accept()
while data := peer.recv(1 << 16):
    digest.update(data)
peer.sendall(digest.hexdigest().encode())
"""
_SENDS: Final = """
import hashlib, socket
data = bytes(number % 251 for number in range(1 << 12)) * 1024
peer = socket.create_connection(("2001:db8:4::100", 7000), timeout=20)
peer.sendall(data)
peer.shutdown(socket.SHUT_WR)
print(peer.recv(64).decode() == hashlib.sha256(data).hexdigest())
"""


def _answers(labs: Labs, ping: str) -> bool:
    return "!!!!!" in labs.on("R31", ping)


@pytest.mark.parametrize("how", [(), ("--simulated",)], ids=["real packets", "simulated"])
def test_tunnel_and_lans_of_both_versions_may_be_in_a_vrf(labs: Labs, how: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "in-vrf"
    shutil.copytree(BUILT_IN / "dual-stack", folder)
    vrf = "vrf definition RED", " rd 1:1", " address-family ipv4", " address-family ipv6"
    for name in ("R11", "R31", "R41"):
        text = (folder / f"{name}.cfg").read_text().replace("ipv6 route ", "ipv6 route vrf RED ")
        for port in ("Tunnel100", "GigabitEthernet0/2"):
            text = text.replace(f"interface {port}\n", f"interface {port}\n vrf forwarding RED\n")
        lines = [line.replace("ip route 1", "ip route vrf RED 1") for line in text.splitlines()]
        (folder / f"{name}.cfg").write_text("\n".join([lines[0], *vrf, *lines[1:]]))
    text = (folder / "lab.yaml").read_text()
    (folder / "lab.yaml").write_text(text[: text.index("ready:")])
    labs.up(str(folder), *how)
    for far in ("2001:db8:4::1 source 2001:db8:3::1", "10.4.4.1 source 10.3.3.1"):
        assert eventually(partial(_answers, labs, f"ping vrf RED {far}"), 30)
    assert "S   2001:DB8::/32 [1/0]\n     via 2001:DB8:100::11" in labs.on("R31", "show ipv6 route vrf RED")
    assert "2001:DB8" not in labs.on("R31", "show ipv6 route")
    labs.configure("R31", "ipv6 route vrf RED 2001:db8:4::/64 Null0 track 7")
    assert "\nipv6 route vrf RED 2001:DB8:4::/64 Null0 track 7\n" in labs.on("R31", "show running-config")
    assert "!!!!!" in labs.on("R31", "ping vrf RED 2001:db8:4::1 source 2001:db8:3::1")
    labs.configure("R31", "no ipv6 route vrf RED 2001:db8:4::/64 Null0", "ipv6 route vrf RED 2001:db8:4::/64 Null0")
    assert "!" not in labs.on("R31", "ping vrf RED 2001:db8:4::1 source 2001:db8:3::1 timeout 1").splitlines()[-2]


@pytest.mark.parametrize("lines", [(), ("tunnel protection ipsec profile CLOUD",)], ids=["in clear", "protected"])
def test_both_versions_go_direct_on_one_tunnel_and_hosts_talk_over_it(
    labs: Labs, lines: tuple[str, ...], tmp_path: Path
) -> None:
    """The host behind R31 has its IPv6 address and its gateway of the router's advertisements."""
    folder = tmp_path / "dual-stack"
    shutil.copytree(BUILT_IN / "dual-stack", folder)
    text = (folder / "lab.yaml").read_text()
    text = text.replace('address6: "2001:db8:3::100/64"', "address6: slaac").replace('gateway6: "2001:db8:3::1"', "")
    (folder / "lab.yaml").write_text(text)
    labs.up(str(folder))
    for router in ("R11", "R31", "R41") if lines else ():
        policy = "crypto isakmp policy 10", "encryption aes", "authentication pre-share", "group 14"
        profile = "crypto ipsec profile CLOUD", "set transform-set SEALED"
        key = "crypto isakmp key SECRET address 0.0.0.0"
        transform = "crypto ipsec transform-set SEALED esp-aes esp-sha-hmac", "mode transport"
        labs.configure(router, *policy, key, *transform, *profile, "interface Tunnel100", *lines)
    assert eventually(lambda: "!!!!!" in labs.on("R31", "ping 2001:db8:100::11"), 30)
    assert hops(labs.on("R31", TRACE)) in (["2001:DB8:100::11", "2001:DB8:100::41"], ["2001:DB8:100::41"])
    assert eventually(lambda: hops(labs.on("R31", TRACE)) == ["2001:DB8:100::41"], 20)
    shown = labs.on("R31", "show ipv6 route nhrp")
    assert "H   2001:DB8:4::/64 [250/255]\n     via 2001:DB8:100::41, Tunnel100" in shown
    assert labs.stream("H3", "10.4.4.100", count=5, seconds=0.5).answered == 5
    with labs.start("lab", "exec", "H4", sys.executable, "-c", _LISTENS) as listens:
        assert listens.stdout is not None
        assert listens.stdout.readline() == "ready\n"
        assert labs.run("lab", "exec", "H3", sys.executable, "-c", _SENDS).stdout == "True\n"
    big = labs.on("R31", "ping 2001:db8:4::100 source 2001:db8:3::1 size 1500 df-bit repeat 2")
    assert "MM\n" in big
    whole = labs.on("R31", "ping 2001:db8:4::100 source 2001:db8:3::1 size 3000 repeat 3")
    assert "!!\n" in whole, "fragments of the router's own"


def _learns(labs: Labs) -> bool:
    return "B   2001:DB8:1::/64 [200/0]" in labs.on("R31", "show ipv6 route bgp")


@pytest.mark.parametrize("how", [(), ("--simulated",)], ids=["real packets", "simulated"])
def test_a_signed_session_of_bgp_over_ipv6_brings_routes(labs: Labs, how: tuple[str, ...]) -> None:
    labs.up("ipv6-only", *how)
    ends = {"R11": "2001:db8:100::31", "R31": "2001:db8:100::11"}
    for name, peer in ends.items():
        session = (f"neighbor {peer} remote-as 65000", f"neighbor {peer} password SamePassword")
        lan = f"network 2001:db8:{1 if name == 'R11' else 3}::/64"
        labs.configure(name, "router bgp 65000", *session, "address-family ipv6", f"neighbor {peer} activate", lan)
    assert eventually(partial(_learns, labs), 60)
    assert _answers(labs, "ping 2001:db8:1::100 source 2001:db8:3::1")


@pytest.mark.parametrize("how", [(), ("--simulated",)], ids=["real packets", "simulated"])
def test_a_router_has_its_address_and_its_way_out_by_another_ones_advertisements(
    labs: Labs, how: tuple[str, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "upstream"
    folder.mkdir()
    ends = "routers:\n  GATE: {}\n  R1: {}\nlinks:\n  - ends: ['GATE:GigabitEthernet0/1', 'R1:GigabitEthernet0/1']\n"
    (folder / "lab.yaml").write_text(f"title: An address of the provider\n{ends}")
    gate = "interface Loopback0", " ipv6 address 2001:DB8:9::9/128", "interface GigabitEthernet0/1"
    (folder / "GATE.cfg").write_text(
        "\n".join(("hostname GATE", "ipv6 unicast-routing", *gate, " ipv6 address 2001:DB8:5::1/64", ""))
    )
    own = "hostname R1", "interface GigabitEthernet0/1", " ipv6 address autoconfig default", ""
    (folder / "R1.cfg").write_text("\n".join(own))
    labs.up(str(folder), *how)
    assert eventually(lambda: "!!!!!" in labs.on("R1", "ping 2001:db8:9::9"), 30)
    routes = labs.on("R1", "show ipv6 route")
    assert "ND  ::/0 [2/0]\n     via FE80::" in routes
    assert "C   2001:DB8:5::/64 [0/0]" in routes
    shown = labs.on("R1", "show ipv6 interface GigabitEthernet0/1")
    assert "subnet is 2001:DB8:5::/64 [EUI/CAL/PRE]\n      valid lifetime 25" in shown
    assert "  Prefix 2001:DB8:5::/64 onlink autoconfig\n" in labs.on("R1", "show ipv6 routers")
    labs.configure("GATE", "interface GigabitEthernet0/1", "ipv6 nd ra lifetime 0")
    assert eventually(lambda: "ND  ::/0" not in labs.on("R1", "show ipv6 route"), 20)
