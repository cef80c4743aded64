"""A port in a VRF is in no routing protocol of the global table, and the tunnel comes up through its front door."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import check_scenario
from dmvpn.app.main import main
from dmvpn.shells.convergence import flapping
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

_PORT = file_text("port_in_vrf.cfg")
_FORMS = {
    "vrf forwarding INET": "vrf definition INET\n address-family ipv4\n",
    "ip vrf forwarding INET": "ip vrf INET\n rd 1:1\n",
}
_NHS = "ip nhrp nhs 172.16.0.1 nbma 203.0.113.1 multicast"
_PROTOCOLS = {
    "EIGRP": "router eigrp 1\n network 0.0.0.0\n",
    "OSPF": "router ospf 1\n network 0.0.0.0 255.255.255.255 area 0\n",
    "RIP": "router rip\n version 2\n network 203.0.113.0\n network 172.16.0.0\n network 10.0.0.0\n no auto-summary\n",
    "redistributed": "router eigrp 1\n network 172.16.0.0\n redistribute connected\n",
}


def _write(folder: Path, routing: str, vrf: str = "vrf forwarding INET") -> Path:
    for number, name in enumerate("AB", 1):
        nhrp = "ip nhrp map multicast dynamic" if number == 1 else _NHS
        port = _PORT.format(
            definition=_FORMS[vrf], vrf=vrf, number=number, nhrp=nhrp, host=4 * number - 3, gateway=4 * number - 2
        )
        (folder / f"{name}.cfg").write_text(f"hostname {name}\n{port}{routing}end\n")
    return folder


def _world(folder: Path) -> World:
    scenario = Scenario.load(str(folder))
    check_scenario(scenario)
    return World.of(scenario)


@pytest.mark.parametrize("vrf", _FORMS)
@pytest.mark.parametrize("routing", _PROTOCOLS.values(), ids=_PROTOCOLS)
def test_the_network_of_a_port_in_a_vrf_is_told_to_nobody(routing: str, vrf: str, tmp_path: Path) -> None:
    """The tunnel's own peers were reached through the tunnel, which went down and came up without end."""
    world = _world(_write(tmp_path, routing, vrf))
    world.run_for(60.0)
    routes = world.show("B", "ip route")
    assert "10.1.1.0" in routes
    assert "203.0.113.0/30" not in routes
    assert flapping(world.sim.facts(world.scenario)) == {}


def test_an_interface_that_leaves_its_vrf_is_in_the_protocols_at_once(tmp_path: Path) -> None:
    world = _world(_write(tmp_path, _PROTOCOLS["EIGRP"]))
    world.run_for(5.0)
    assert " vrf forwarding INET" in world.lines("A", "running-config interface GigabitEthernet0/0")
    assert "Gi0/0" not in world.show("A", "ip eigrp interfaces")
    address = next(
        line for line in world.lines("A", "running-config interface GigabitEthernet0/0") if "ip addr" in line
    )
    said = world.configure("A", "interface GigabitEthernet0/0", "no vrf forwarding INET", address.strip())
    assert "IPv4 disabled and address(es) removed due to disabling VRF INET" in said
    assert "Gi0/0" in world.show("A", "ip eigrp interfaces")


def test_a_vrf_that_nobody_defined_is_refused_at_the_prompt(tmp_path: Path) -> None:
    world = _world(_write(tmp_path, _PROTOCOLS["EIGRP"]))
    said = world.configure("A", "interface GigabitEthernet0/1", "vrf forwarding RED")
    assert "% VRF RED does not exist" in said
    assert "vrf forwarding RED" not in world.show("A", "running-config")
    assert "10.1.1.1" in world.show("A", "running-config interface GigabitEthernet0/1")


def test_eigrp_of_a_vrf_that_an_excerpt_does_not_define_runs_on_the_ports_of_that_vrf(tmp_path: Path) -> None:
    named = "router eigrp X\n address-family ipv4 unicast vrf RED autonomous-system 7\n  network 10.0.0.0\n"
    for name, number in (("A", 1), ("B", 2)):
        (tmp_path / f"{name}.cfg").write_text(
            f"hostname {name}\ninterface GigabitEthernet0/0\n vrf forwarding RED\n"
            f" ip address 10.0.0.{number} 255.255.255.0\n{named}end\n"
        )
    world = _world(tmp_path)
    world.run_for(10.0)
    assert "10.0.0.2" in world.show("A", "ip eigrp neighbors")


@pytest.mark.parametrize("command", [["import"], ["config", "check"]])
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("tunnel mode ipsec ipv4", "this build has GRE over IPv4 and no other kind of tunnel (tunnel mode ipsec ipv4)"),
    ],
)
def test_a_tunnel_that_no_router_here_brings_up_is_said(
    command: list[str], line: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`dmvpn import` said that everything runs."""
    file = tmp_path / "r1.cfg"
    file.write_text(f"hostname R1\ninterface Tunnel0\n {line}\n")
    assert main([*command, str(file)]) == 0
    said = capsys.readouterr().out
    assert f"Tunnel0 stays down: {why}" in said
    assert "everything runs" not in said
