"""VRFs with IPsec and real packets: the provider behind a front door, and two customers with equal addresses."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.labs import Labs, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.lab

ENGINES = ["rust", "python"] if importlib.util.find_spec("dmvpn_engine") else ["python"]
FAR = "10.1.102.100"
WEB = "192.0.2.80"
CUSTOMERS = ("RED", "BLUE")


@pytest.fixture(params=ENGINES)
def front_door(labs: Labs, request: pytest.FixtureRequest) -> Labs:
    assert "up and converged" in labs.up("front-door", "--engine", str(request.param))
    return labs


@pytest.fixture(params=ENGINES)
def breakout(labs: Labs, request: pytest.FixtureRequest) -> Labs:
    assert "up and converged" in labs.up("front-door-breakout", "--engine", str(request.param))
    return labs


@pytest.fixture(params=ENGINES)
def customers(labs: Labs, request: pytest.FixtureRequest) -> Labs:
    assert "up and converged" in labs.up("two-customers", "--engine", str(request.param))
    return labs


def way(labs: Labs, router: str, line: str) -> list[str]:
    """Return the addresses that a router's traceroute found."""
    return re.findall(r"^ +\d+ ([0-9.]+) ", labs.on(router, f"traceroute {line}"), re.MULTILINE)


def reaches(labs: Labs, host: str, address: str) -> bool:
    """Send five echo requests, and return whether each is answered."""
    return labs.stream(host, address, count=5, seconds=0.5).answered == 5


def in_clear(folder: Path) -> list[bytes]:
    """Return what the provider could read: packets of the company's addresses, and GRE that is not in ESP.

    The kernel of a killed router answers ESP with ICMP from the address of its front door, and that may be.
    """
    packets = [frame[14:] for frame in frames(folder) if frame[12:14] == b"\x08\x00"]
    assert packets
    return [packet for packet in packets if 10 in (packet[12], packet[16]) or packet[9] == IpProtocol.GRE]


def frames(folder: Path) -> Iterator[bytes]:
    for path in folder.glob("*.pcap"):
        yield from (frame for _, frame in pcap.frames(path))


def test_spokes_are_with_both_hubs_and_meet_directly(front_door: Labs) -> None:
    said = front_door.on("SPOKE1", "show dmvpn")
    for hub in ("203.0.113.1 +10.255.0.1 +UP", "203.0.113.5 +10.255.0.2 +UP"):
        assert re.search(hub, said)
    assert front_door.on("SPOKE1", "show crypto session").count("UP-ACTIVE") >= 2
    assert reaches(front_door, "H1", FAR)
    assert reaches(front_door, "H1", "10.1.10.100")
    assert eventually(lambda: way(front_door, "SPOKE1", "10.1.102.1 source 10.1.101.1") == ["10.255.0.12"], 20)


def test_a_hub_dies_and_returns_and_the_provider_sees_nothing_in_clear(front_door: Labs, tmp_path: Path) -> None:
    """Without HUB1 there is the default route of HUB2, and never the provider's."""
    capture = front_door.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "12")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    stream = front_door.start_stream("H1", FAR, count=100, seconds=10)
    front_door.say("lab", "kill", "HUB1")
    front_door.say("lab", "start", "HUB1")
    assert front_door.echoes(stream, 100, 10).answered > 0
    printed, _ = capture.communicate(timeout=30)
    assert capture.returncode == 0, printed
    assert in_clear(tmp_path) == []
    assert eventually(lambda: reaches(front_door, "H1", "10.1.10.100"), 30)
    assert eventually(lambda: "UP-ACTIVE" in front_door.on("HUB1", "show crypto session"), 30)


def test_a_killed_spoke_forwards_nothing_to_the_provider_and_comes_back(front_door: Labs, tmp_path: Path) -> None:
    """The kernel keeps the WAN port and its default route, in a namespace where the LAN is not."""
    assert reaches(front_door, "H1", FAR)
    front_door.say("lab", "kill", "SPOKE1")
    capture = front_door.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "2")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    assert front_door.stream("H1", FAR, count=10, seconds=1).answered == 0
    printed, _ = capture.communicate(timeout=20)
    assert capture.returncode == 0, printed
    assert in_clear(tmp_path) == []
    front_door.say("lab", "start", "SPOKE1")
    assert eventually(lambda: reaches(front_door, "H1", FAR), 30)


def test_customers_with_equal_addresses_reach_each_their_own_host(customers: Labs) -> None:
    """The host of RED alone goes: packets for its address from BLUE still arrive, and from RED no more."""
    for customer in CUSTOMERS:
        assert eventually(partial(reaches, customers, f"{customer}1", "10.0.2.100"), 20)
        assert reaches(customers, f"{customer}1", "10.0.0.100")
    customers.say("lab", "exec", "RED2", "ip", "link", "set", "eth0", "down")
    assert customers.stream("RED1", "10.0.2.100", count=5, seconds=0.5).answered == 0
    assert reaches(customers, "BLUE1", "10.0.2.100")


def test_stations_reach_the_internet_by_the_front_door_and_each_other_by_the_tunnel(breakout: Labs) -> None:
    for host in ("H1", "H2"):
        assert reaches(breakout, host, WEB)
    assert reaches(breakout, "H1", FAR)
    assert "198.51.100.1" in breakout.on("SPOKE1", "show ip nat translations")
    for source in ("", " source 10.1.101.1"):
        assert way(breakout, "SPOKE1", f"{WEB}{source}") == ["198.51.100.2", WEB]
    assert "10.1." not in breakout.on("SPOKE1", "show ip route vrf INTERNET")


def test_hubs_and_the_spoke_die_and_nothing_of_the_company_is_in_clear(breakout: Labs, tmp_path: Path) -> None:
    """Packets for the other sites never take the default route, and those for the Internet are always translated."""
    capture = breakout.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "25")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    streams = [breakout.start_stream("H1", address, count=200, seconds=20) for address in (FAR, WEB, "10.1.10.100")]
    for hub in ("HUB1", "HUB2"):
        breakout.say("lab", "kill", hub)
    for order in ("kill", "start"):
        breakout.say("lab", order, "SPOKE1")
    for hub in ("HUB1", "HUB2"):
        breakout.say("lab", "start", hub)
    answered = [breakout.echoes(stream, 200, 20).answered for stream in streams]
    assert answered[1] > 100, "the Internet needs no hub, and a killed router forwards"
    printed, _ = capture.communicate(timeout=60)
    assert capture.returncode == 0, printed
    assert in_clear(tmp_path) == []
    assert eventually(lambda: reaches(breakout, "H1", FAR), 30)


def test_the_front_door_is_removed_and_put_back_and_nothing_leaves_untranslated(breakout: Labs, tmp_path: Path) -> None:
    port = ("interface GigabitEthernet0/1", "vrf forwarding INTERNET", "ip address 198.51.100.1 255.255.255.252")
    leak = "ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/1 198.51.100.2"
    capture = breakout.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "20")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    stream = breakout.start_stream("H1", WEB, count=150, seconds=15)
    breakout.typed("SPOKE1", "configure terminal", "no vrf definition INTERNET", "end")
    breakout.typed("SPOKE1", "configure terminal", "vrf definition INTERNET", "address-family ipv4", "end")
    again = ("ip route vrf INTERNET 0.0.0.0 0.0.0.0 198.51.100.2", "end")
    breakout.typed("SPOKE1", "configure terminal", *port, *again)
    breakout.typed("SPOKE1", "configure terminal", f"no {leak}", leak, "end")
    assert breakout.echoes(stream, 150, 15).answered > 0
    printed, _ = capture.communicate(timeout=60)
    assert capture.returncode == 0, printed
    assert in_clear(tmp_path) == []
    assert eventually(lambda: reaches(breakout, "H1", WEB), 20)


def test_a_customer_that_is_removed_under_traffic_leaves_nothing_in_clear_and_comes_back(
    customers: Labs, tmp_path: Path
) -> None:
    """Its tunnel and its LAN are in the global table without addresses, where the provider's default route is."""
    assert eventually(partial(reaches, customers, "RED1", "10.0.2.100"), 20)
    capture = customers.start("lab", "capture", "TRANSPORT", "--output", str(tmp_path), "--seconds", "12")
    assert eventually(lambda: bool(list(tmp_path.glob("*.pcap"))))
    stream = customers.start_stream("RED1", "10.0.2.100", count=100, seconds=10)
    customers.configure("SPOKE1", "no vrf definition RED")
    assert customers.echoes(stream, 100, 10).answered < 100
    printed, _ = capture.communicate(timeout=30)
    assert capture.returncode == 0, printed
    assert in_clear(tmp_path) == []
    assert reaches(customers, "BLUE1", "10.0.2.100")
    ports = [("Tunnel1", "10.255.0.11"), ("GigabitEthernet0/2", "10.0.1.1")]
    address = "ip address {} 255.255.255.0"
    again = [line for port, own in ports for line in (f"interface {port}", "vrf forwarding RED", address.format(own))]
    eigrp = ("router eigrp CUSTOMERS", "address-family ipv4 unicast vrf RED autonomous-system 1", "network 10.0.0.0")
    definition = ("vrf definition RED", "address-family ipv4", "exit", "exit")
    customers.configure("SPOKE1", *definition, *again, *eigrp)
    assert eventually(partial(reaches, customers, "RED1", "10.0.2.100"), 40)
    assert eventually(partial(reaches, customers, "RED1", "10.0.0.100"), 20)
    assert reaches(customers, "BLUE1", "10.0.2.100")


def test_a_port_that_moves_between_customers_under_traffic_and_capture_mixes_none(customers: Labs) -> None:
    """RED's LAN of SPOKE1 is in BLUE for a while; a capture on its port goes on."""
    assert eventually(partial(reaches, customers, "RED1", "10.0.2.100"), 20)
    port, address = "interface GigabitEthernet0/2", "ip address 10.0.1.1 255.255.255.0"
    start = "monitor capture CAP interface GigabitEthernet0/2 both"
    customers.typed("SPOKE1", start, "monitor capture CAP match any", "monitor capture CAP start")
    stream = customers.start_stream("RED1", "10.0.0.100", count=100, seconds=10)
    other = ("interface GigabitEthernet0/3", "shutdown", "no ip address")
    customers.configure("SPOKE1", *other, port, "vrf forwarding BLUE", address)
    customers.configure("SPOKE1", port, "vrf forwarding RED", address)
    customers.echoes(stream, 100, 10)
    assert eventually(partial(reaches, customers, "RED1", "10.0.2.100"), 30)
    assert customers.stream("BLUE2", "10.0.1.100", count=5, seconds=0.5).answered == 0
    said = customers.typed("SPOKE1", "monitor capture CAP stop", "monitor capture CAP export flash:cap.pcap")
    assert "Exported Successfully" in said
