"""VLANs with real packets: a strand is a cable without tags, a VLAN of a switch is a bridge of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.labs import Labs, eventually
from support.vlans import LAB, TEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[Labs]:
    with Labs() as labs:
        labs.up_of(tmp_path, TEXTS, LAB)
        assert eventually(lambda: answers(labs, "H1", "10.1.20.100"), 20)
        yield labs


def answers(labs: Labs, host: str, address: str) -> bool:
    """Whether an address answers a host."""
    return labs.stream(host, address, count=1, seconds=0.1).answered == 1


def test_a_trunk_takes_over_a_port_moves_and_a_switch_comes_back(branch: Labs, tmp_path: Path) -> None:
    assert "!!!!!" in branch.on("SW1", "ping 10.1.99.1")
    assert eventually(lambda: answers(branch, "H1", "10.1.10.101"))
    assert "Gi0/2               Altn BLK" in branch.on("SW2", "show spanning-tree vlan 10")
    assert "DYNAMIC     Gi1/0" in branch.on("SW1", "show mac address-table vlan 10")
    capture = branch.start("lab", "capture", "SW1:GigabitEthernet0/1", "--output", str(tmp_path), "--seconds", "3")
    assert eventually(lambda: (tmp_path / "SW1-Gi0-1.pcap").exists())
    assert eventually(lambda: answers(branch, "H1", "10.1.10.101"))
    capture.communicate(timeout=30)
    assert bytes.fromhex("8100000a0800") in (tmp_path / "SW1-Gi0-1.pcap").read_bytes()  # IPv4 in VLAN 10
    stream = branch.start_stream("H1", "10.1.10.101", count=100, seconds=5)
    branch.run("lab", "impair", "SW1:Gi0/1", "--cut")
    assert branch.echoes(stream, 100, 5).answered > 50
    assert "Gi0/2               Root FWD" in branch.on("SW2", "show spanning-tree vlan 10")
    branch.run("lab", "impair", "SW1:Gi0/1")
    branch.configure("SW2", "interface GigabitEthernet1/1", "switchport access vlan 20")
    assert eventually(lambda: not answers(branch, "H1", "10.1.10.101"))
    branch.run("lab", "kill", "SW2")
    assert eventually(lambda: not answers(branch, "H1", "10.1.20.100"))
    branch.run("lab", "start", "SW2")
    assert eventually(lambda: answers(branch, "H1", "10.1.10.101"), 20)
    assert "Gi0/2               Altn BLK" in branch.on("SW2", "show spanning-tree vlan 10")


def test_a_shut_port_takes_its_subinterfaces_and_its_interface_vlan_down(branch: Labs) -> None:
    branch.configure("R1", "interface GigabitEthernet0/0", "shutdown")
    assert eventually(lambda: "10.1.20.1       YES manual down" in branch.on("R1", "show ip interface brief"))
    branch.configure("SW1", "interface range GigabitEthernet0/0 - 2", "shutdown")
    assert eventually(lambda: "10.1.99.2       YES manual down" in branch.on("SW1", "show ip interface brief"))
    branch.configure("SW1", "interface range GigabitEthernet0/0 - 2", "no shutdown")
    branch.configure("R1", "interface GigabitEthernet0/0", "no shutdown")
    assert eventually(lambda: answers(branch, "H1", "10.1.20.100"), 20)


def test_a_reset_starts_routers_while_no_cable_of_theirs_is_plugged_in_again(branch: Labs) -> None:
    branch.run("lab", "reset")
    assert eventually(lambda: answers(branch, "H1", "10.1.20.100"), 20)


#: Frames from 20,000 invented stations to an unknown one.
FLOOD = """
import socket
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("eth0", 0))
for number in range(20_000):
    port.send(b"\\x02" + bytes(5) + b"\\x02" + number.to_bytes(5, "big") + b"\\x88\\xb5" + bytes(46))
"""


def test_a_host_that_invents_stations_fills_no_table_without_end_and_its_switch_works_on(branch: Labs) -> None:
    """Each invented source stayed in the kernel's table for five minutes, however many there were."""
    branch.say("lab", "exec", "H1", "python3", "-c", FLOOD)
    shown = branch.on("SW1", "show mac address-table vlan 10")
    total = int(shown.rpartition(":")[2])
    assert 1_000 < total <= 8_192, total
    assert eventually(lambda: answers(branch, "H1", "10.1.10.101"))


#: Broadcasts with a tag of VLAN 20, and with two tags, of VLAN 10 and VLAN 20.
TAGGED = """
import socket
port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
port.bind(("eth0", 0))
for station, tags in ((1, "81000014"), (2, "8100000a81000014"), (3, "8100000181000014")):
    head = b"\\xff" * 6 + b"\\x02\\0\\0\\0\\xaa" + bytes([station])
    port.send(head + bytes.fromhex(tags) + b"\\x88\\xb5" + bytes(46))
"""


def test_a_host_that_writes_one_tag_or_two_stays_in_the_vlan_of_its_port(branch: Labs) -> None:
    branch.say("lab", "exec", "H1", "python3", "-c", TAGGED)
    assert eventually(lambda: branch.on("SW2", "show mac address-table vlan 10").count("0200.0000.aa0") == 3)
    shown = [branch.on(switch, "show mac address-table") for switch in ("SW1", "SW2")]
    assert [text.count("0200.0000.aa0") for text in shown] == [3, 3]  # so in no other VLAN
