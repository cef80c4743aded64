"""A lab whose files know servers by names that only their author's name service knew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.convergence import unfinished
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from dmvpn.tools.naming import name_servers

if TYPE_CHECKING:
    from pathlib import Path

ROUTER = """hostname R{0}
{hosts}interface Tunnel0
 ip address 172.16.0.{0} 255.255.255.0
 ip nhrp network-id 1
{nhrp} tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
interface GigabitEthernet0/0
 ip address 203.0.113.{0} 255.255.255.0
end
"""


def write(folder: Path, nhs: str, *, servers: int = 1, hosts: str = "") -> Scenario:
    for number in (1, 2, 3):
        texts = {"nhrp": "", "hosts": ""} if number <= servers else {"nhrp": f" ip nhrp nhs {nhs}\n", "hosts": hosts}
        (folder / f"R{number}.txt").write_text(ROUTER.format(number, **texts))
    return Scenario.load(str(folder))


def missing(scenario: Scenario) -> list[str]:
    world = Simulator.of(scenario)
    world.run_until(30.0)
    return scenario.still_missing(unfinished(world.facts(scenario)))


@pytest.mark.parametrize("address", ["172.16.0.1", "dynamic"])
def test_the_router_with_the_servers_address_is_the_one_with_its_name(address: str, tmp_path: Path) -> None:
    scenario = write(tmp_path, f"{address} nbma Hub.example.com multicast")
    assert missing(scenario), "nothing would be proved by a network that comes up anyway"
    assert name_servers(scenario) == (
        "R2, R3: no name service answers here, so the lab tells them by `ip host`: Hub.example.com = 203.0.113.1"
    )
    assert missing(scenario) == []


def test_a_server_that_registers_with_another_has_its_name_too(tmp_path: Path) -> None:
    scenario = write(tmp_path, "172.16.0.1 nbma hub1.example.com\n ip nhrp nhs 172.16.0.2 nbma hub2.example.com")
    assert name_servers(scenario).endswith(": hub1.example.com = 203.0.113.1, hub2.example.com = 203.0.113.2")


@pytest.mark.parametrize(
    ("nhs", "servers", "hosts"),
    [
        ("172.16.0.1 nbma 203.0.113.1", 1, ""),
        ("172.16.0.1 nbma hub.example.com", 1, "ip host HUB.example.com 203.0.113.1\n"),
        ("172.16.0.9 nbma hub.example.com", 1, ""),
        ("dynamic nbma hub.example.com", 2, ""),
    ],
    ids=["an address", "told already", "nobody's", "which of two"],
)
def test_nothing_is_guessed(nhs: str, servers: int, hosts: str, tmp_path: Path) -> None:
    scenario = write(tmp_path, nhs, servers=servers, hosts=hosts)
    before = dict(scenario.configurations)
    assert name_servers(scenario) == ""
    assert scenario.configurations == before


def test_a_tunnel_from_an_ipv6_address_is_nobodys_far_end(tmp_path: Path) -> None:
    """`tunnel source 2001:db8::2` beside a lab of IPv4 ended in a traceback."""
    scenario = write(tmp_path, "172.16.0.1 nbma 203.0.113.1")
    more = "interface Tunnel9\n tunnel source 2001:db8::2\n tunnel destination 2001:db8::1\n"
    for router in ("R2", "R3"):
        path = tmp_path / f"{router}.txt"
        path.write_text(path.read_text().replace("end\n", more + "end\n"))
    scenario = Scenario.load(str(tmp_path))
    assert [text for text in missing(scenario) if "Tunnel0" in text] == []
