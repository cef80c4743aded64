"""VRFs and many of them with real packets."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.net.ipv4 import IpProtocol
from support import pcap
from support.labs import Labs, eventually
from support.networks import CRYPTO, PAIRS, PROVIDERS, spi_of, write
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# VRFs with IPsec and real packets: the provider behind a front door, and two customers with equal addresses.

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


# VRFs with real packets: each is a network namespace of its router, and the provider is in one of them.

PORT = "R2:GigabitEthernet0/1"
#: The spoke leaves its VRF: from now on its tunnel is in the global table inside and outside.
LEAVES = (
    "interface GigabitEthernet0/1",
    "no vrf forwarding WAN",
    "ip address 10.0.0.2 255.255.255.0",
    "interface Tunnel0",
    "no tunnel vrf WAN",
)


def passes(labs: Labs) -> bool:
    """A packet of a host comes through the tunnel, and its reply back."""
    ping = ("lab", "exec", "H1", "ping", "-c", "1", "-W", "1", "192.168.2.100")
    return eventually(lambda: " 0% packet loss" in labs.run(*ping).stdout, 15)


def addresses(labs: Labs, *where: str) -> str:
    return labs.say("lab", "exec", *where, "ip", "-br", "addr")


def test_the_provider_is_in_a_namespace_of_its_own(two_sites: Labs) -> None:
    assert passes(two_sites)
    assert "10.0.0.2/24" in addresses(two_sites, "--vrf", "WAN", "R2")
    assert "10.0.0.2" not in addresses(two_sites, "R2")
    refused = two_sites.run("lab", "exec", "--vrf", "RED", "R2", "ip", "addr")
    assert "R2 has no VRF RED; it has WAN" in refused.stderr


def test_a_killed_router_finds_its_ports_in_their_vrf_again(two_sites: Labs) -> None:
    for order in ("kill", "start"):
        two_sites.say("lab", order, "R2")
    assert passes(two_sites)
    assert "10.0.0.2/24" in addresses(two_sites, "--vrf", "WAN", "R2")


def test_a_cable_that_is_plugged_in_again_is_in_its_vrf(two_sites: Labs) -> None:
    two_sites.say("lab", "impair", PORT, "--delay", "5")
    assert passes(two_sites)
    two_sites.say("lab", "impair", PORT)
    assert passes(two_sites)


def test_a_route_leak_leads_into_the_two_sites_and_outlives_the_router(two_sites: Labs) -> None:
    """The other router answers in its VRF; the tunnel goes on beside it."""
    assert passes(two_sites)
    two_sites.typed("R2", "configure terminal", "ip route 10.0.0.1 255.255.255.255 GigabitEthernet0/1 10.0.0.1", "end")
    two_sites.typed("R2", "copy running-config startup-config")
    assert "!!!!!" in two_sites.typed("R2", "ping 10.0.0.1")
    assert "  1 10.0.0.1 " in two_sites.typed("R2", "traceroute 10.0.0.1")
    for order in ("kill", "start"):
        two_sites.say("lab", order, "R2")
    assert eventually(lambda: "!!!!!" in two_sites.typed("R2", "ping 10.0.0.1"), 15)
    two_sites.typed("R2", "configure terminal", "no ip route 10.0.0.1 255.255.255.255 GigabitEthernet0/1", "end")
    assert "dmleak" not in two_sites.say("lab", "exec", "R2", "ip", "-br", "link")
    assert passes(two_sites)


def test_a_port_leaves_its_vrf_and_the_packets_follow(two_sites: Labs) -> None:
    assert passes(two_sites)
    two_sites.typed("R2", "configure terminal", *LEAVES, "no ip route 0.0.0.0 0.0.0.0 172.16.0.1", "end")
    two_sites.typed("R2", "configure terminal", "ip route 192.168.1.0 255.255.255.0 172.16.0.1", "end")
    assert "10.0.0.2/24" in addresses(two_sites, "R2")
    assert passes(two_sites)


# Many VRFs with real packets: they come and go with one command, and the neighbors of the router notice nothing.

#: Of VRFs, and the seconds after which a silent neighbor is lost: the router is held for a second where it took 17, and
#: a machine that is busy with other tests takes several times as long.
MANY = 100
HOLD = 9

WIRES = """\
routers:
  R1: {}
  R2: {}
links:
  - ends: ["R1:GigabitEthernet0/1", "R2:GigabitEthernet0/1"]
"""
ROUTER = f"""\
hostname R{{number}}
interface GigabitEthernet0/1
 ip address 10.0.0.{{number}} 255.255.255.0
 ip hello-interval eigrp 1 1
 ip hold-time eigrp 1 {HOLD}
 no shutdown
router eigrp 1
 network 10.0.0.0
"""
CUSTOMER = file_text("many_vrfs_customer.cfg")


def test_a_hundred_vrfs_that_one_command_removes_cost_no_neighbor(labs: Labs, tmp_path: Path) -> None:
    """The router was held for so long that neighbors with a short hold time gave it up."""
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "lab.yaml").write_text(WIRES)
    for number in (1, 2):
        (folder / f"R{number}.cfg").write_text(ROUTER.format(number=number))
    labs.up(folder)
    assert eventually(lambda: "10.0.0.2" in labs.typed("R1", "show ip eigrp neighbors"), 15)
    labs.typed("R1", "copy running-config flash:few.cfg")
    lines = "".join(CUSTOMER.format(number=number) for number in range(1, MANY + 1)).splitlines()
    for start in range(0, len(lines), 130):
        labs.typed("R1", "configure terminal", *lines[start : start + 130], "end")
    assert f"V{MANY} " in labs.typed("R1", "show vrf")
    assert "Rollback Done" in labs.typed("R1", "configure replace flash:few.cfg force")
    assert "V1 " not in labs.typed("R1", "show vrf")
    for name in ("R1", "R2"):
        assert "is down" not in labs.typed(name, "show logging | include DUAL")


# One address from two providers, with real packets: both tunnels are protected, each in its own front door.

V2, _, V1 = CRYPTO
#: Engine, lines of IKE, and whether translators are at the providers.
KINDS = [(engine, kind, kind == V1) for engine in ENGINES for kind in (V2, V1)]


@pytest.fixture(params=KINDS, ids=lambda kind: ", ".join(kind[:2]))
def providers(labs: Labs, tmp_path: Path, request: pytest.FixtureRequest) -> Labs:
    engine, crypto, nat = request.param
    assert "up and converged" in labs.up(write(tmp_path, crypto, nat=nat), "--engine", engine)
    assert eventually(partial(both_are_up, labs), 30)
    return labs


def both_are_up(labs: Labs) -> bool:
    return labs.on("SPOKE", "show crypto session").count("UP-ACTIVE") == 2


def answered(labs: Labs) -> dict[str, int]:
    """Return how many of five echo requests are answered by each provider."""
    streams = {vrf: labs.start_stream(*pair, count=5, seconds=1) for vrf, pair in PAIRS.items()}
    return {vrf: labs.echoes(stream, 5, 1).answered for vrf, stream in streams.items()}


def spis(labs: Labs, vrf: str) -> set[int]:
    """Return the SPIs of both directions that the spoke shows of the tunnel of a provider."""
    lines = labs.on("SPOKE", f"show crypto ipsec sa interface {PROVIDERS[vrf][0]}").splitlines()
    return {int(line.split("(")[1].rstrip(") ")) for line in lines if line.strip().startswith("spi: 0x")}


def wires(folder: Path) -> dict[str, list[bytes]]:
    """Return the IPv4 packets that were captured at the hub's port to each provider."""
    found: dict[str, list[bytes]] = {}
    for vrf, (_, port) in PROVIDERS.items():
        (file,) = (path for path in folder.glob("*.pcap") if path.stem.endswith(port[-1]) and "gi" in path.stem.lower())
        found[vrf] = [frame[14:] for _, frame in pcap.frames(file) if frame[12:14] == b"\x08\x00"]
    return found


def test_both_tunnels_carry_their_packets_each_by_its_own_provider(providers: Labs, tmp_path: Path) -> None:
    """Clears and rekeys of one side included; no packet of the company, and no GRE, is ever on the wire in clear."""
    folder = tmp_path / "captured"
    capture = providers.start("lab", "capture", "HUB", "--output", str(folder), "--seconds", "15")
    assert eventually(lambda: len(list(folder.glob("*.pcap"))) >= len(PROVIDERS))
    assert eventually(lambda: answered(providers) == {"EAST": 5, "WEST": 5}, 20)
    known = {vrf: spis(providers, vrf) for vrf in PROVIDERS}
    providers.on("SPOKE", "clear crypto session fvrf EAST")
    assert eventually(partial(both_are_up, providers), 20)
    assert eventually(lambda: answered(providers) == {"EAST": 5, "WEST": 5}, 20)
    assert spis(providers, "WEST") == known["WEST"]
    assert not spis(providers, "EAST") & known["EAST"]
    known["EAST"] |= spis(providers, "EAST")
    printed, _ = capture.communicate(timeout=60)
    assert capture.returncode == 0, printed
    heard = wires(folder)
    for vrf, packets in heard.items():
        in_esp = {spi for packet in packets if (spi := spi_of(packet))}
        assert in_esp
        assert in_esp <= known[vrf], "an SA of one provider never carries packets by the other"
        assert not [packet for packet in packets if packet[9] == IpProtocol.GRE or 10 in (packet[12], packet[16])]


def test_a_killed_router_gets_both_tunnels_back(providers: Labs) -> None:
    for order in ("kill", "start"):
        providers.say("lab", order, "SPOKE")
    assert eventually(lambda: answered(providers) == {"EAST": 5, "WEST": 5}, 60)
