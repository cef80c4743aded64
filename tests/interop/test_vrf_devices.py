"""Hub and spokes under `dmvpn run`, the provider in a VRF device of the kernel. See uml/scen/front-door.sh.

In inside-vrf.sh the tunnel and the LANs are in a second one.

The kernel of user-mode Linux has VRF devices; most kernels of containers do not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from interop.evidence import NBMA

if TYPE_CHECKING:
    from interop.evidence import Run

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180, func_only=True)]

NODES = ("hub", "spoke1", "spoke2")
#: Packets of the overlay, or GRE around them, in clear.
_OVERLAY = "gre || ip.addr == 192.168.0.0/16 || ip.addr == 10.255.0.0/24"


def state(run: Run, label: str, node: str) -> str:
    """What the kernel of a node had then."""
    return run.text(f"state.{label}.{node}.txt")


def test_the_lan_of_a_spoke_reaches_that_of_the_other_without_loss_and_directly(front_door: Run) -> None:
    assert "25 received, 0% packet loss" in front_door.text("ping.first.txt")
    assert "10.255.0.12" in front_door.text("trace.spokes.txt").splitlines()[2]


def test_the_providers_default_route_and_the_one_into_the_tunnel_are_both_there(front_door: Run) -> None:
    main, table = state(front_door, "running", "spoke1").split("main:\n")[1].split("5500:\n")
    assert main.startswith("default via 10.255.0.1 dev Tunnel0")
    assert "default via 198.51.100.1 dev eth0" in table
    assert "unreachable default" in table


def test_ike_and_esp_are_bound_to_the_vrf(front_door: Run) -> None:
    assert f"{NBMA['spoke1']}%INTERNET:500" in state(front_door, "running", "spoke1")
    assert f"{NBMA['spoke1']}%INTERNET:4500" in state(front_door, "running", "spoke1")


def test_the_plan_shows_the_device_its_port_and_its_table(front_door: Run) -> None:
    plan = front_door.text("plan.spoke1.txt")
    assert "INTERNET up" in plan
    assert re.search(r"eth0 up, MTU 1500, port of INTERNET", plan)
    assert "route 0.0.0.0/0 via 198.51.100.1, eth0 in table 5500" in plan
    assert "in the way" not in plan


def test_ping_finds_the_provider_in_the_vrf_alone(front_door: Run) -> None:
    answers = re.findall(r"Success rate is (\d+) percent", front_door.text("pings.spoke1.txt"))
    assert answers == ["100", "0"]


def test_a_killed_router_leaves_the_vrf_to_the_next_one_which_goes_on(front_door: Run) -> None:
    assert "vrf table 5500" in state(front_door, "killed", "spoke1")
    assert "default via 198.51.100.1 dev eth0" in state(front_door, "again", "spoke1")


@pytest.mark.parametrize("node", NODES)
def test_nothing_is_left_after_an_orderly_end_or_a_cleanup(front_door: Run, node: str) -> None:
    left = state(front_door, "after", node)
    assert "proto 54" not in left
    assert "INTERNET" not in left
    assert "raw_l3mdev_accept = 1" in left


@pytest.mark.parametrize("node", NODES)
def test_nothing_left_in_clear(front_door: Run, node: str) -> None:
    assert front_door.packets(f"underlay-{node}", _OVERLAY) == []


@pytest.mark.parametrize("node", ["spoke1", "spoke2"])
def test_a_default_route_of_the_host_gets_nothing_of_the_overlay_even_after_a_kill(front_door: Run, node: str) -> None:
    assert front_door.packets(f"out-{node}", _OVERLAY) == []


# --------------------------------------------------------------------------------------- the tunnel and LANs in a VRF


def in_red(run: Run, label: str, node: str) -> str:
    """The table of RED, as the kernel of a node had it then."""
    return state(run, label, node).split("RED:\n")[1].split("front:")[0]


def test_lans_in_a_vrf_reach_each_other_directly_and_the_global_table_knows_nothing_of_them(inside_vrf: Run) -> None:
    assert "25 received, 0% packet loss" in inside_vrf.text("ping.first.txt")
    assert "10.255.0.12" in inside_vrf.text("trace.spokes.txt").splitlines()[2]
    main = state(inside_vrf, "running", "spoke1").split("main:\n")[1].split("RED:\n")[0]
    assert "Tunnel0" not in main
    assert "lan0" not in main
    assert re.findall(r"Success rate is (\d+) percent", inside_vrf.text("pings.spoke1.txt")) == ["100", "0"]


@pytest.mark.parametrize("label", ["running", "killed", "again"])
def test_each_prefix_behind_the_tunnel_is_guarded_also_while_the_router_is_dead(inside_vrf: Run, label: str) -> None:
    table = in_red(inside_vrf, label, "spoke1")
    for prefix in ("default", "192.168.2.0/24", "10.255.0.0/24"):
        assert f"blackhole {prefix} proto 54" in table
    assert "unreachable default" in table


def test_a_route_in_a_vrf_that_another_program_takes_away_is_there_again(inside_vrf: Run) -> None:
    assert "default via 10.255.0.1 dev Tunnel0" in in_red(inside_vrf, "again", "spoke1")


def test_ports_that_another_program_takes_out_of_their_vrf_are_in_it_again(inside_vrf: Run) -> None:
    ports = state(inside_vrf, "ports", "spoke1").split("ports:")[1]
    assert "Tunnel0" in ports
    assert "lan0" in ports
    assert "default via 10.255.0.1 dev Tunnel0" in in_red(inside_vrf, "ports", "spoke1")


def test_vrf_devices_that_another_program_deletes_are_made_again_with_ports_and_tables(inside_vrf: Run) -> None:
    left = state(inside_vrf, "deleted", "spoke1")
    outside = left.split("front:\n")[1].split("ports:")[0]
    assert "default via 198.51.100.1 dev eth0" in outside
    assert "unreachable default" in outside
    assert "eth0" in outside.split("outside:")[1]
    assert all(f"{name} " in left.split("ports:")[1].replace("@", " ") for name in ("Tunnel0", "lan0"))
    assert "default via 10.255.0.1 dev Tunnel0" in in_red(inside_vrf, "deleted", "spoke1")
    assert "unreachable default" in in_red(inside_vrf, "deleted", "spoke1")


@pytest.mark.parametrize("vrf", ["INTERNET", "RED"])
def test_the_log_says_that_another_program_deleted_a_vrf_device(inside_vrf: Run, vrf: str) -> None:
    said = inside_vrf.text("logging.spoke1.txt")
    assert f"%VRF-4-DEVICE_LOST: Another program has deleted the device of VRF {vrf}; it is made again" in said


@pytest.mark.parametrize("node", ["spoke1", "spoke2"])
def test_stations_in_a_vrf_never_leave_by_the_default_route_of_the_host(inside_vrf: Run, node: str) -> None:
    assert inside_vrf.packets(f"out-{node}", "gre || ip.src == 192.168.1.10 || ip.src == 192.168.2.10") == []
    assert inside_vrf.packets(f"underlay-{node}", _OVERLAY) == []


@pytest.mark.parametrize("node", NODES)
def test_nothing_of_two_vrfs_is_left_after_the_end(inside_vrf: Run, node: str) -> None:
    left = state(inside_vrf, "after", node)
    assert "INTERNET" not in left
    assert "proto 54" not in left
    assert "Invalid VRF" in left
