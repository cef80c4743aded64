"""A static route names a port and the address that the neighbor has at another port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.shells.scenario import Scenario
from dmvpn.tools.walk import as_text, walk
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

LAB = """\
links:
- ends: [INNER:GigabitEthernet0/0, EDGE:GigabitEthernet0/0]
- ends: [EDGE:GigabitEthernet0/1, FAR:GigabitEthernet0/1]
"""
PORT = "interface GigabitEthernet0/{}\n ip address {} 255.255.255.0\n no shutdown\n"
VRF = "vrf definition BLUE\n address-family ipv4\n"


@pytest.mark.parametrize(("of_the_port", "answers"), [("", True), (" vrf forwarding BLUE\n", False)])
def test_a_router_answers_on_a_wire_for_the_address_of_another_port_of_the_same_vrf(
    tmp_path: Path, of_the_port: str, answers: bool
) -> None:
    outer = PORT.format(1, "192.0.2.2").replace("\n", f"\n{of_the_port}", 1)
    for name, text in {
        "INNER": PORT.format(0, "10.0.12.1") + "ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/0 192.0.2.2\n",
        "EDGE": VRF + PORT.format(0, "10.0.12.2") + outer,
        "FAR": PORT.format(1, "192.0.2.1") + "ip route 10.0.12.0 255.255.255.0 192.0.2.2\n",
    }.items():
        (tmp_path / f"{name}.cfg").write_text(f"hostname {name}\n{text}")
    (tmp_path / "lab.yaml").write_text(LAB)
    world = World.of(Scenario.load(str(tmp_path)))
    world.run_for(3)
    assert ("!!!!!" in world.do("INNER", "ping 192.0.2.1")) == answers
    walked = "\n".join(as_text(walk(world.sim.facts(world.scenario), "INNER", "192.0.2.1")))
    assert ("DROPPED" not in walked) == answers
