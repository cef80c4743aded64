"""VLANs in the simulator: a router on a stick, two switches with two trunks between them, hosts in two VLANs."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.doctor.addressing import branch as doctor_of_branches
from dmvpn.tools.doctor.scene import Scene
from dmvpn.tools.doctor.underlay import interfaces
from dmvpn.tools.walk import as_text, walk
from support.command import dmvpn_here
from support.vlans import LAB, SW1, SW2, TEXTS
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path


def branch(**changed: str) -> World:
    """Return the network, some of its configurations in other words."""
    world = World.of(Scenario("branch", Lab.model_validate(LAB), {**TEXTS, **changed}))
    world.run_for(1.0)
    return world


@pytest.fixture
def net() -> World:
    return branch()


def hears(world: World, host: str, address: str) -> bool:
    """Whether a host gets an answer to its ping."""
    before = len(world.replies(host))
    world.ping(host, address)
    world.run_for(1.0)
    return len(world.replies(host)) > before


def test_hosts_of_two_vlans_talk_over_the_router_on_a_stick_and_hosts_of_one_without_it(net: World) -> None:
    assert hears(net, "H1", "10.1.20.100")
    assert "10.1.20.1" in net.do("R1", "show vlans")
    net.do("R1", "configure terminal", "interface GigabitEthernet0/0", "shutdown", "end")
    net.run_for(1.0)
    assert hears(net, "H1", "10.1.10.101")
    assert not hears(net, "H1", "10.1.20.100")
    assert "GigabitEthernet0/0.10  10.1.10.1       YES manual down" in net.do("R1", "show ip interface brief")


def test_frames_without_a_tag_are_in_the_native_vlan_at_both_ends(net: World) -> None:
    assert "!!!!!" in net.do("SW1", "ping 10.1.99.1")


def test_a_switch_with_one_address_has_a_default_gateway_until_it_routes() -> None:
    world = branch(SW2=SW2 + "interface Vlan20\n ip address 10.1.20.9 255.255.255.0\nip default-gateway 10.1.20.1\n")
    assert "!!!!" in world.do("SW2", "ping 10.1.10.100")
    world.do("SW2", "configure terminal", "ip routing", "end")
    assert "ip routing" in world.do("SW2", "show running-config")
    assert "....." in world.do("SW2", "ping 10.1.10.100")
    world.do("SW2", "configure terminal", "no ip routing", "end")
    assert "!!!!" in world.do("SW2", "ping 10.1.10.100")


def test_one_of_two_trunks_blocks_and_takes_over_within_a_second_of_a_cut(net: World) -> None:
    assert "Gi0/2               Altn BLK" in net.do("SW2", "show spanning-tree vlan 10")
    assert "VLAN0010             Gi0/2" in net.do("SW2", "show spanning-tree blockedports")
    assert "VLAN0010            Altn BLK" in net.do("SW2", "show spanning-tree interface Gi0/2")
    assert "no spanning tree info available" in net.do("SW2", "show spanning-tree interface Gi1/7")
    assert "Gi0/2       1,10,20\n" in net.do("SW2", "show interfaces Gi0/2 trunk")
    assert "Gi1/1       auto             802.1q         not-trunking  1" in net.do("SW2", "show interfaces Gi1/1 trunk")
    wires = [net.watch("SW2", port) for port in ("GigabitEthernet0/1", "GigabitEthernet0/2")]
    assert hears(net, "H1", "10.1.10.101")
    assert [len(wire.packets) for wire in wires] == [2, 0]
    net.cut("SW1", "GigabitEthernet0/1")
    net.run_for(1.0)
    assert hears(net, "H1", "10.1.10.101")
    assert "Gi0/2               Root FWD" in net.do("SW2", "show spanning-tree vlan 10")
    net.cut("SW1", "GigabitEthernet0/1", cut=False)
    net.run_for(1.0)
    assert "Gi0/2               Altn BLK" in net.do("SW2", "show spanning-tree vlan 10")


def test_a_summary_counts_the_ports_of_each_tree_and_names_the_roots(net: World) -> None:
    root, other = (net.do(name, "show spanning-tree summary") for name in ("SW1", "SW2"))
    assert "Switch is in rapid-pvst mode" in root
    assert "Root bridge for: VLAN0001, VLAN0010, VLAN0020" in root
    assert "Root bridge for: none" in other
    assert "VLAN0010                      1         0        0          2          3" in other
    (line,) = [one for one in net.do("SW2", "show spanning-tree root").splitlines() if one.startswith("VLAN0010")]
    assert line.split()[3:] == ["4", "2", "20", "15", "Gi0/1"]
    (line,) = [one for one in net.do("SW1", "show spanning-tree root").splitlines() if one.startswith("VLAN0010")]
    assert line.split()[3:] == ["0", "2", "20", "15"]
    assert "No spanning tree instances exist." in net.do("R1", "show spanning-tree root")


def test_details_of_a_tree_name_the_port_by_which_each_wire_reaches_the_root(net: World) -> None:
    root, other = (net.do(name, "show spanning-tree vlan 10 detail") for name in ("SW1", "SW2"))
    assert "VLAN0010 is executing the rstp compatible Spanning Tree protocol" in root
    assert "  We are the root of the spanning tree" in root
    at_root, own = (
        re.findall(r"Bridge Identifier has priority (\d+), sysid 10, address (\S+)", one) for one in (root, other)
    )
    (priority, address), (of_other, _) = *at_root, *own
    assert (priority, of_other) == ("24576", "32768")
    assert f"Current root has priority 24586, address {address}" in other
    assert "(GigabitEthernet0/1), cost of root path is 4" in other
    blocks = net.do("SW2", "show spanning-tree interface Gi0/2 detail").split("\n\n")
    (here,) = [block for block in blocks if "of VLAN0010 is alternate blocking" in block]
    assert f"Designated bridge has priority 24586, address {address}" in here
    assert "designated path cost 0" in here
    assert "BPDU: sent 0, received 0" in here
    assert "Number of topology changes 0 last change occurred" in other
    net.cut("SW1", "GigabitEthernet0/1")
    net.run_for(1.0)
    assert "Number of topology changes 1 last change occurred 00:00:0" in net.do("SW2", "show spanning-tree detail")
    assert "no spanning tree info available" in net.do("SW2", "show spanning-tree interface Gi1/7 detail")
    assert "No spanning tree instances exist." in net.do("R1", "show spanning-tree detail")


def test_a_frame_to_all_passes_each_wire_once_although_two_trunks_close_a_circle(net: World) -> None:
    wires = [net.watch("SW2", f"GigabitEthernet{port}") for port in ("0/1", "0/2", "1/1")]
    net.send("H1", SendIp("eth0", None, IPv4Address("224.0.0.1"), IpProtocol.UDP, bytes(16)))
    net.run_for(5.0)
    assert [len(wire.packets) for wire in wires] == [1, 0, 1]


def test_a_port_that_moves_to_another_vlan_is_in_it_at_once(net: World) -> None:
    assert hears(net, "H1", "10.1.10.101")
    net.do("SW2", "configure terminal", "interface GigabitEthernet1/1", "switchport access vlan 20", "end")
    net.run_for(1.0)
    assert not hears(net, "H1", "10.1.10.101")
    assert "20   VLAN0020                         active    Gi1/0, Gi1/1" in net.do("SW2", "show vlan brief")


def test_a_vlan_that_the_trunk_does_not_carry_stays_on_its_side() -> None:
    world = branch(
        SW1=SW1.replace("allowed vlan add 20", "allowed vlan remove 10"), SW2=SW2 + "interface Gi0/2\n shut\n"
    )
    assert not hears(world, "H1", "10.1.10.101")
    assert hears(world, "H1", "10.1.10.1")


def test_an_interface_vlan_is_up_while_a_port_of_its_vlan_is(net: World) -> None:
    brief = net.do("SW1", "show ip interface brief")
    assert "Vlan10                 10.1.10.2       YES manual up                    up" in brief
    assert "Vlan50                 10.1.50.2       YES manual down                  down" in brief
    net.do("SW1", "configure terminal", "no interface Vlan10", "end")
    net.run_for(0.1)
    assert "Vlan10" not in net.do("SW1", "show ip interface brief")


def test_a_switch_learns_where_stations_are_and_forgets_them(net: World) -> None:
    assert hears(net, "H1", "10.1.10.101")
    table = net.do("SW1", "show mac address-table")
    assert "DYNAMIC     Gi1/0" in table
    assert "DYNAMIC     Gi0/1" in table
    net.run_for(400.0)
    assert "Total Mac Addresses for this criterion: 0" in net.do("SW1", "show mac address-table")


def test_two_trunks_of_one_channel_group_are_one_port() -> None:
    bundle = " channel-group 1 mode active\n"
    one = SW1.replace("GigabitEthernet0/1\n", f"GigabitEthernet0/1\n{bundle}").replace(
        "GigabitEthernet0/2\n", f"GigabitEthernet0/2\n{bundle}"
    )
    two = SW2.replace("GigabitEthernet0/1\n", f"GigabitEthernet0/1\n{bundle}").replace(
        "GigabitEthernet0/2\n", f"GigabitEthernet0/2\n{bundle}"
    )
    channel = "interface Port-channel1\n switchport mode trunk\n"
    world = branch(SW1=one + channel, SW2=two + channel)
    assert "Po1(SU)         LACP      Gi0/1(P)    Gi0/2(P)" in world.do("SW1", "show etherchannel summary")
    assert "Po1                 Root FWD 3" in world.do("SW2", "show spanning-tree vlan 10")
    assert hears(world, "H1", "10.1.10.101")
    assert "DYNAMIC     Po1" in world.do("SW1", "show mac address-table")
    brief = world.do("SW1", "show ip interface brief")
    assert "Port-channel1          unassigned      YES unset  up                    up" in brief
    member = world.do("SW1", "show interfaces GigabitEthernet0/1 switchport")
    assert "Operational Mode: trunk (member of bundle Po1)" in member
    world.cut("SW1", "GigabitEthernet0/1")
    world.run_for(1.0)
    assert hears(world, "H1", "10.1.10.101")
    assert "Po1                          connected    trunk" in world.do("SW1", "show interfaces status")
    world.cut("SW1", "GigabitEthernet0/2")
    world.run_for(1.0)
    assert "Po1                          notconnect   trunk" in world.do("SW1", "show interfaces status")


def test_a_switch_says_what_each_port_is_and_what_the_lines_of_vtp_say() -> None:
    lines = "vtp domain CAMPUS\nvtp mode transparent\ninterface GigabitEthernet3/0\n no switchport\n"
    ports = "interface GigabitEthernet1/0\n description PC of reception\ninterface GigabitEthernet2/0\n shutdown\n"
    world = branch(SW1=SW1 + lines + ports)
    status = world.do("SW1", "show interfaces status")
    assert "Gi0/1                        connected    trunk      a-full   auto RJ45" in status
    assert "Gi1/0     PC of reception    connected    10         a-full   auto RJ45" in status
    assert "Gi2/0                        disabled     1            auto   auto RJ45" in status
    assert "Gi3/0                        notconnect   routed       auto   auto RJ45" in status
    vtp = world.do("SW1", "show vtp status")
    assert "VTP Domain Name                 : CAMPUS" in vtp
    assert "VTP Operating Mode                : Transparent" in vtp
    for command in ("show interfaces status", "show vtp status"):
        assert "% Invalid input" in world.do("R1", command)


def test_two_routers_with_subinterfaces_need_no_switch() -> None:
    peer = "interface GigabitEthernet0/0.10\n encapsulation dot1Q {}\n ip address 10.1.10.{} 255.255.255.0\n"
    texts = {"A": peer.format(10, 1), "B": peer.format(10, 2), "C": peer.format(20, 3), "D": peer.format(30, 4)}
    links = [{"ends": [f"{one}:GigabitEthernet0/0", f"{two}:GigabitEthernet0/0"]} for one, two in ("AB", "CD")]
    world = World.of(Scenario("sticks", Lab.model_validate({"links": links}), texts))
    world.run_for(1.0)
    assert "!!!!!" in world.do("A", "ping 10.1.10.2")
    assert "Success rate is 0 percent" in world.do("C", "ping 10.1.10.4")
    assert "Encapsulation 802.1Q Virtual LAN, Vlan ID  10." in world.do("A", "show interfaces GigabitEthernet0/0.10")


def test_interfaces_that_are_plugged_in_themselves_stay_there() -> None:
    """Networks that are inferred from addresses have no wire at the ports below."""
    texts = {
        "R": "interface GigabitEthernet0/0.10\n encapsulation dot1Q 10\n ip address 10.1.10.1 255.255.255.0\n",
        "SW": "interface GigabitEthernet0/1\n switchport access vlan 10\n"
        "interface Vlan10\n ip address 10.1.10.2 255.255.255.0\n",
    }
    lab = Lab.model_validate({"links": [{"ends": ["R:GigabitEthernet0/0.10", "SW:Vlan10"]}]})
    world = World.of(Scenario("inferred", lab, texts))
    world.run_for(1.0)
    assert "!!!!!" in world.do("R", "ping 10.1.10.2")


def test_a_walk_sees_the_broadcast_domains(net: World) -> None:
    facts = net.sim.facts(net.scenario)
    assert facts.hosts["H2"].router == "R1"
    told = "\n".join(as_text(walk(facts, "10.1.10.100", "10.1.20.100")))
    assert "in by GigabitEthernet0/0.10" in told
    assert "by VLAN 20 of SW1, VLAN 20 of SW2" in told
    assert "delivered at H2" in told


def test_the_doctor_of_a_running_lab_compares_both_ends_of_a_trunk() -> None:
    trunk = "interface GigabitEthernet0/1\n switchport trunk native vlan 7\n switchport mode trunk\n"
    world = branch(SW2=SW2 + trunk)
    assert [(one.router, one.what) for one in doctor_of_branches(Scene(world.sim.facts(world.scenario)))] == [
        ("SW1", "SW1: GigabitEthernet0/1 has the native VLAN 1, and GigabitEthernet0/1 of SW2 7")
    ]


def test_the_vlan_that_switches_are_delivered_with_may_be_shut_down() -> None:
    """`interface Vlan1` is shut down in the files of most switches; the doctor would start it."""
    world = branch(SW2=f"{SW2}interface Vlan1\n no ip address\n shutdown\n")
    assert not [*interfaces(Scene(world.sim.facts(world.scenario)))]


def test_a_switch_that_is_switched_off_carries_nothing_until_it_starts_again(net: World) -> None:
    net.sim.kill("SW2")
    net.run_for(1.0)
    assert not hears(net, "H1", "10.1.10.101")
    net.sim.boot("SW2", SW2)
    net.run_for(1.0)
    assert hears(net, "H1", "10.1.10.101")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("encapsulation dot1Q 0", "% Invalid VLAN 0: VLANs are 1 to 4094"),
        ("encapsulation dot1Q 4095", "% Invalid VLAN 4095: VLANs are 1 to 4094"),
        ("encapsulation dot1Q 30 second-dot1q 40", "% Two tags (second-dot1q) are not supported"),
        ("encapsulation dot1Q 20", "with the same VID (20) is not permitted: it is on GigabitEthernet0/0.20"),
    ],
)
def test_a_tag_that_cannot_be_is_refused(net: World, line: str, said: str) -> None:
    assert said in net.do("R1", "configure terminal", "interface GigabitEthernet0/0.30", line, "end")


def test_a_vlan_is_taken_out_of_a_line_with_others(net: World) -> None:
    net.do("SW1", "configure terminal", "vlan 30-40", "no vlan 20,35,40", "end")
    shown = net.do("SW1", "show running-config")
    assert "\nvlan 99\n" in shown
    assert "\nvlan 30-34,36-39\n" in shown
    assert "\nvlan 10\n name USERS\n" in shown


def test_a_subinterface_can_be_taken_away(net: World) -> None:
    net.do("R1", "configure terminal", "no interface GigabitEthernet0/0.20", "end")
    net.run_for(0.1)
    assert "0/0.20" not in net.do("R1", "show running-config")
    assert "0/0.20" not in net.do("R1", "show ip interface brief")
    assert not hears(net, "H1", "10.1.20.100")


def test_lists_of_vlans_and_priorities_that_cannot_be_are_refused(net: World) -> None:
    said = net.do("SW1", "configure terminal", "vlan 4095", "spanning-tree vlan 5 priority 5", "end")
    for line in ("switchport mode foo", "switchport access vlan 4095", "switchport trunk native vlan 0"):
        assert "% " in net.do("SW1", "configure terminal", "interface GigabitEthernet1/0", line, "end"), line
    assert "% Bad VLAN list" in said
    assert "increments of 4096" in said


def test_lint_of_a_folder_compares_both_ends_of_its_cables(tmp_path: Path) -> None:
    """Findings have the names of files, and cables those of routers: the ends were never compared."""
    (tmp_path / "lab.yaml").write_text(json.dumps(LAB))
    for name, text in {**TEXTS, "SW1": f"{SW1}interface Gi0/1\n switchport trunk native vlan 10\n"}.items():
        (tmp_path / f"{name}.cfg").write_text(text)
    trunk = "interface GigabitEthernet0/1\n switchport mode trunk\n"
    (tmp_path / "SW2.cfg").write_text(f"{TEXTS['SW2']}{trunk}")
    assert "vlan-other-native" in dmvpn_here("lint", str(tmp_path)).stdout


def test_a_router_without_switch_ports_has_no_vlans_as_tools_expect(net: World) -> None:
    assert "% Invalid input detected" in net.do("R1", "show vlan")
