"""Access lists that are typed into routers of a lab, and what becomes of real packets; each test counts them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

import pytest

from support.labs import Labs, eventually

pytestmark = pytest.mark.lab

FAR, NEAR = "192.168.1.100", "192.168.3.100"
PACKETS = 20


@pytest.fixture
def sites(two_sites: Labs) -> Labs:
    """The second router has two LANs, one of them at a subinterface."""
    assert eventually(lambda: answered(two_sites, FAR, 1) == 1, 20)
    return two_sites


def answered(labs: Labs, address: str, count: int = PACKETS, host: str = "H2") -> int:
    """How many of these echo requests are answered."""
    return labs.stream(host, address, count=count, seconds=0.3).answered


def matches(labs: Labs, name: str, where: str = "") -> dict[int, int]:
    """The counts of entries that have decided on packets. where: an interface, and the direction."""
    line = f"show ip access-lists interface {where}" if where else f"show access-lists {name}"
    found = re.findall(r"^ +(\d+) .*\((\d+) match(?:es)?\)$", labs.on("R2", line), re.MULTILINE)
    return {int(sequence): int(count) for sequence, count in found}


def listed(labs: Labs, *entries: str, port: str = "GigabitEthernet0/2", way: str = "in", name: str = "L") -> None:
    """Type a list, and the line that applies it."""
    labs.configure(
        "R2", f"ip access-list extended {name}", *entries, f"interface {port}", f"ip access-group {name} {way}"
    )


@pytest.mark.parametrize(
    ("port", "way", "address"),
    [
        ("GigabitEthernet0/2", "in", FAR),
        ("GigabitEthernet0/2", "in", NEAR),
        ("GigabitEthernet0/3.30", "out", NEAR),
        ("Tunnel0", "out", FAR),
    ],
)
def test_what_a_typed_list_denies_does_not_pass_its_port_and_all_the_rest_does(
    sites: Labs, port: str, way: str, address: str
) -> None:
    assert answered(sites, address) == PACKETS
    listed(sites, f"10 deny icmp any host {address} echo", "20 permit ip any any", port=port, way=way)
    assert answered(sites, address) == 0
    assert matches(sites, "L")[10] == PACKETS
    assert matches(sites, "L", f"{port} {way}")[10] == PACKETS
    sites.on("R2", "clear access-list counters L")
    assert 10 not in matches(sites, "L")
    sites.configure("R2", f"interface {port}", f"no ip access-group L {way}")
    assert answered(sites, address) == PACKETS


def test_a_list_on_the_port_of_a_vrf_sees_the_packets_of_the_tunnel(sites: Labs) -> None:
    listed(sites, "10 permit gre host 10.0.0.1 any", "20 deny ip any any", port="GigabitEthernet0/1")
    assert answered(sites, FAR) == PACKETS
    assert matches(sites, "L")[10] >= PACKETS
    listed(sites, "5 deny gre any any", port="GigabitEthernet0/1")
    assert answered(sites, FAR) == 0
    assert matches(sites, "L")[5] >= PACKETS
    assert answered(sites, NEAR) == PACKETS


def test_an_entry_counts_in_its_time_range_alone(sites: Labs) -> None:
    sites.configure("R2", "time-range PAST", "absolute end 00:00 1 January 2020")
    sites.configure("R2", "time-range NOW", "periodic daily 0:00 to 23:59")
    listed(sites, "10 deny icmp any any time-range PAST", "20 permit ip any any")
    assert answered(sites, FAR) == PACKETS
    assert "10 deny icmp any any time-range PAST (inactive)" in sites.on("R2", "show access-lists L")
    listed(sites, "15 deny icmp any any echo time-range NOW")
    assert answered(sites, FAR) == 0
    assert matches(sites, "L")[15] == PACKETS


def test_the_first_denied_packet_is_logged_at_once_and_the_others_when_as_many_have_come_as_wanted(sites: Labs) -> None:
    """The minutes between two lines are in `test_a_flow_is_logged_at_once_and_then_every_five_minutes`."""
    sites.configure("R2", f"ip access-list log-update threshold {PACKETS - 1}")
    listed(sites, "10 deny icmp any any echo log", "20 permit ip any any")
    assert answered(sites, FAR) == 0
    line = f"%SEC-6-IPACCESSLOGDP: list L denied icmp 192.168.2.100 -> {FAR} (8/0), "

    def logged() -> list[str]:
        shown = sites.on("R2", "show logging")
        return re.findall(re.escape(line) + r"(\d+ packets?)", shown)

    assert eventually(lambda: logged() == ["1 packet", f"{PACKETS - 1} packets"], 5), logged()
    assert matches(sites, "L")[10] == PACKETS


def test_a_port_that_comes_up_together_with_its_list_lets_nothing_pass_before_it(sites: Labs) -> None:
    """The list was put behind the port when its interface named it already."""
    for _ in range(3):
        sites.configure("R2", "no ip access-list extended L", "interface GigabitEthernet0/2", "shutdown")
        sites.configure("R2", "interface GigabitEthernet0/2", "ip access-group L in")
        stream = sites.start_stream("H2", NEAR, count=2000, seconds=2)
        sites.configure(
            "R2", "ip access-list extended L", "10 deny ip any any", "interface GigabitEthernet0/2", "no shutdown"
        )
        echoes = sites.echoes(stream, 2000, 2)
        assert echoes.answered == 0
        assert matches(sites, "L")[10] > 0, "the port did not come up in time"


def test_a_long_list_that_alternates_decides_on_each_packet(sites: Labs) -> None:
    entries = [
        f"{10 * number} {'deny' if number % 3 else 'permit'} icmp "
        + (f"host 192.168.2.{number % 200} any" if number % 2 else f"any host 192.168.1.{number % 200}")
        for number in range(1, 200)
    ]
    listed(sites, *entries, "5000 permit ip any any")
    # 192.168.2.100 as a source is in no entry of an odd number; as a destination 192.168.1.100 is in entry 1000.
    assert answered(sites, FAR) == 0
    assert matches(sites, "L")[1000] == PACKETS
    sites.configure("R2", "ip access-list extended L", "no 1000")
    assert answered(sites, FAR) == PACKETS


# What `lab up` calls converged carries packets: the first ping between two spokes loses none.


@pytest.mark.parametrize("name", ["notes-phase3", "intro-phase3", "dual-hub"])
@pytest.mark.parametrize("kind", [[], ["--simulated"]], ids=["real packets", "simulated"])
def test_a_ping_straight_after_lab_up_loses_nothing(labs: Labs, name: str, kind: list[str]) -> None:
    said = labs.up(name, *kind)
    first = re.search(r"dmvpn -r (\S+) traceroute (\S+) source (\S+)", said)
    assert first is not None, said
    router, there, here = first.groups()
    assert "Success rate is 100 percent (5/5)" in labs.on(router, f"ping {there} source {here}")
    labs.say("lab", "down")


# The example of `contrib/containerlab`: its routers, read from its topology, are a DMVPN in a simulated lab.

_EXAMPLE: Final = Path(__file__).parents[2] / "contrib/containerlab"


def test_the_routers_of_the_example_register_and_meet_directly(labs: Labs, tmp_path: Path) -> None:
    shutil.copytree(_EXAMPLE, tmp_path / "example")
    assert "up and converged" in labs.up(tmp_path / "example", "--simulated")
    assert eventually(lambda: "(5/5)" in labs.on("S1", "ping 10.1.3.1 source 10.1.2.1"), 20)
    assert eventually(lambda: "192.0.2.3" in labs.on("S1", "show dmvpn"), 10)
    labs.say("lab", "down", "example")
