"""Switches in a folder without `lab.yaml`: which of their ports are wired to each other, and who is in their VLANs."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from dmvpn.network.device import Device
from dmvpn.network.switching import Bridge, Layer2, PluggedWire, layer2
from dmvpn.shells.inference import Inferred, infer, wires
from dmvpn.shells.scenario import Scenario
from support.world import World
from unit.test_topologies import eve

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dmvpn.base.switching import Box

ROUTER = """\
hostname {name}
ip dhcp pool USERS
 network 10.{site}.10.0 255.255.255.0
 default-router 10.{site}.10.1
interface GigabitEthernet0/0
 no ip address
 {said}
interface GigabitEthernet0/0.10
 encapsulation dot1Q 10
 ip address 10.{site}.10.1 255.255.255.0
interface GigabitEthernet0/0.20
 encapsulation dot1Q 20
 ip address 10.{site}.20.1 255.255.255.0
interface GigabitEthernet0/1
 ip address 192.0.2.{site} 255.255.255.0
"""
SWITCH = """\
hostname {name}
vlan 10
vlan 20
interface GigabitEthernet0/0
 switchport mode trunk
 {said}
interface GigabitEthernet0/1
 switchport access vlan 10
 switchport mode access
interface GigabitEthernet0/2
 switchport access vlan 20
 switchport mode access
"""
LAYER3 = """\
hostname DIST{number}
ip dhcp excluded-address 10.1.10.1 10.1.10.9
ip dhcp pool USERS
 network 10.1.10.0 255.255.255.0
 default-router 10.1.10.1
interface Port-channel1
 switchport mode trunk
interface Ethernet0/0
 no switchport
 ip address 10.9.{number}.1 255.255.255.252
interface Ethernet0/1
 switchport mode trunk
interface Ethernet0/2
 switchport mode trunk
interface Ethernet1/0
 switchport mode trunk
 channel-group 1 mode active
interface Ethernet1/1
 switchport mode trunk
 channel-group 1 mode active
interface Vlan10
 ip address 10.1.10.{own} 255.255.255.0
 {word} 10 ip 10.1.10.1
 {word} 10 priority {priority}
"""
ACCESS = """\
hostname {name}
interface Ethernet0/0
 switchport mode trunk
interface Ethernet0/1
 switchport mode trunk
interface Ethernet0/2
 switchport access vlan 10
"""
ACCESS_PORT = "interface Ethernet0/{}\n switchport access vlan 2\n"


def links(found: Inferred) -> list[list[str]]:
    return [link.ends for link in found.lab.links]


def sites(router: str = "", switch: str = "") -> dict[str, str]:
    """Two branches with the same VLANs. router, switch: a line of their trunks."""
    names = {"A": ("R1", "SW7"), "B": ("R2", "SW8")}
    return {
        name: text.format(name=name, site=number, said=said.format(router=pair[0], switch=pair[1]))
        for number, pair in enumerate(names.values(), 1)
        for name, text, said in ((pair[0], ROUTER, router), (pair[1], SWITCH, switch))
    }


def test_descriptions_say_which_trunk_leads_to_which() -> None:
    found = infer(sites(router="description === Link to {switch} e0/0 ==="))
    assert links(found)[:2] == [
        ["R1:GigabitEthernet0/0", "SW7:GigabitEthernet0/0"],
        ["R2:GigabitEthernet0/0", "SW8:GigabitEthernet0/0"],
    ]
    assert not any("guessed" in note for note in found.notes)


def test_descriptions_name_a_box_of_the_same_site_without_the_word_for_the_site() -> None:
    """In a project, MSK-SW4 had `description R12.e0/0` for MSK-R12: its cables were guessed, and wrongly."""
    texts = {
        f"{site}-{box}": text.format(name=f"{site}-{box}", site=number, said=f"description to {far}.e0/0")
        for number, site in enumerate(("MSK", "SPB"), 1)
        for box, far, text in (("R1", "SW7", ROUTER), ("SW7", "R1", SWITCH))
    }
    found = infer(texts)
    assert not any("guessed" in note for note in found.notes)
    cables = [[f"{site}-SW7:GigabitEthernet0/0", f"{site}-R1:GigabitEthernet0/0"] for site in ("MSK", "SPB")]
    assert [sorted(ends) for ends in links(found)][:2] == [sorted(cable) for cable in cables]


def test_a_port_with_subinterfaces_whose_own_link_leads_to_a_router_is_plugged_into_no_switch() -> None:
    """The lines of one router were copied to another one, whose port leads to a third: it got their switch."""
    link = "interface GigabitEthernet0/0\n ip address 10.9.9.{} 255.255.255.254\n"
    texts = {name: text for name, text in sites().items() if name in ("R1", "SW7")}
    texts["R3"] = texts["R1"].replace("hostname R1", "hostname R3").replace("0.1 255", "0.2 255") + link.format(0)
    texts["SW7"] += "interface GigabitEthernet0/3\n switchport mode trunk\n"
    texts["R4"] = "hostname R4\n" + link.format(1)
    assert ["R3:GigabitEthernet0/0", "R4:GigabitEthernet0/0"] in links(infer(texts))
    texts["R5"] = texts["R1"].replace("hostname R1", "hostname R5").replace("0.1 255", "0.5 255")
    texts["R3"] = texts["R3"].replace("0.2 255", "0.1 255")
    found = infer(texts)
    assert ["R3:GigabitEthernet0/0", "R4:GigabitEthernet0/0"] in links(found)
    assert {f"SW7:GigabitEthernet0/{port}" for port in (1, 2)} <= {host.link for host in found.lab.hosts.values()}
    assert not any(end.startswith("R3:GigabitEthernet0/0.") for ends in links(found) for end in ends)
    groups = {
        name: text.replace("0.1 255.255.255.0\n", "0.1 255.255.255.0\n vrrp 1 ip 10.1.10.9\n", 1)
        for name, text in texts.items()
    }
    assert [name for name, text in infer(groups).configurations.items() if "10.1.10.9 255" in text] == ["R1", "R3"]


def test_a_router_that_bridges_vlans_is_a_switch_with_vlan_interfaces() -> None:
    """Its BVIs were ports that nothing is plugged into, so its site had no computers."""
    layer = "interface GigabitEthernet0/{0}.{1}\n encapsulation dot1Q {1}\n bridge-group {1}\n!\n"
    text = ROUTER.partition("interface")[0].format(name="R1", site=1) + "bridge irb\n"
    text += "".join(layer.format(port, vlan) for port in (0, 2) for vlan in (10, 20))
    text += "interface BVI10\n ip address 10.1.10.1 255.255.255.0\n!\nbridge 10 route ip\n"
    found = infer({"SW7": SWITCH.format(name="SW7", said=""), "R1": text})
    assert links(found)[0] == ["SW7:GigabitEthernet0/0", "R1:GigabitEthernet0/0"]
    assert "R1 bridges VLANs: the lab takes it for a switch with interface Vlan10 for BVI10" in found.notes
    world = World.of(Scenario("bridge", found.lab, found.configurations))
    world.run_for(40.0)
    leased = next(name for name, host in found.lab.hosts.items() if host.link == "SW7:GigabitEthernet0/1")
    world.ping(leased, "10.1.10.1")
    world.run_for(1.0)
    assert world.replies(leased)


def test_each_access_vlan_gets_a_computer_and_a_lease_where_a_pool_has_its_subnet() -> None:
    found = infer(sites(switch="description {router}"))
    hosts = found.lab.hosts
    assert {(host.link, host.address) for host in hosts.values()} == {
        ("SW7:GigabitEthernet0/1", "dhcp"),
        ("SW7:GigabitEthernet0/2", "10.1.20.100/24"),
        ("SW8:GigabitEthernet0/1", "dhcp"),
        ("SW8:GigabitEthernet0/2", "10.2.20.100/24"),
    }
    world = World.of(Scenario("branches", found.lab, found.configurations))
    world.run_for(10.0)
    world.ping("H7", "10.1.20.100")
    world.run_for(1.0)
    assert world.replies("H7")


def test_access_switches_are_plugged_into_both_distribution_switches_and_one_of_these_has_the_virtual_address() -> None:
    """Each was a loose box: its hosts had no gateway, because nobody speaks HSRP."""
    texts = {
        f"D{number}": LAYER3.format(number=number, own=number + 1, word=word, priority=priority)
        for number, word, priority in ((1, "standby", 90), (2, "vrrp", 110))
    }
    found = infer({**texts, "A1": ACCESS.format(name="ACC1"), "A2": ACCESS.format(name="ACC2")})
    assert {frozenset(end.partition(":")[0] for end in ends) for ends in links(found)} >= {
        frozenset(pair) for pair in (("ACC1", "DIST1"), ("ACC1", "DIST2"), ("ACC2", "DIST1"), ("ACC2", "DIST2"))
    }
    assert ["DIST1:Ethernet1/1", "DIST2:Ethernet1/1"] in links(found)
    assert "DIST2 has the virtual addresses in which its priority is the highest: 10.1.10.1" in found.notes
    assert "10.1.10.1 255.255.255.0 secondary" in found.configurations["DIST2"]
    world = World.of(Scenario("campus", found.lab, found.configurations))
    world.run_for(10.0)
    assert len(world.replies("H1")) == 0
    world.ping("H1", "10.1.10.1")
    world.run_for(1.0)
    assert world.replies("H1")


@pytest.mark.parametrize(
    "change",
    [("priority 90", "priority 255.255.255.255"), ("priority 90", "priority"), ("ip 10.1.10.1", "ip 10.1.10.999")],
)
def test_a_line_of_hsrp_that_no_router_takes_is_no_error_of_ours(change: tuple[str, str]) -> None:
    text = LAYER3.format(number=1, own=2, word="standby", priority=90)
    assert infer({"D1": text.replace(*change), "A1": ACCESS.format(name="ACC1")}).lab.hosts


@pytest.mark.parametrize("line", ["vlan 11", "interface Vlan10\n shutdown"])
def test_a_router_whose_vlan_interface_is_down_does_not_get_the_virtual_address(line: str) -> None:
    """The router with the highest priority had no VLAN 30, as the public file says: its hosts had no gateway."""
    texts = {
        f"D{number}": LAYER3.format(number=number, own=number + 1, word="standby", priority=priority)
        for number, priority in ((1, 90), (2, 110))
    }
    found = infer({"D1": texts["D1"], "D2": f"{texts['D2']}{line}\n", "A1": ACCESS.format(name="ACC1")})
    assert "DIST1 has the virtual addresses in which its priority is the highest: 10.1.10.1" in found.notes


def test_two_access_switches_are_not_plugged_into_each_other_alone() -> None:
    """The distribution switch has ports that become trunks only if the other end asks."""
    core = "hostname CORE\ninterface Ethernet0/0\ninterface Ethernet0/1\ninterface Ethernet0/2\n no switchport\n"
    core += " ip address 10.9.1.1 255.255.255.0\ninterface Vlan10\n ip address 10.1.10.1 255.255.255.0\n"
    leaf = "hostname {}\ninterface Ethernet0/0\n switchport mode trunk\ninterface Ethernet0/2\n"
    leaf += " switchport access vlan 10\n"
    found = infer({"C": core, "A": leaf.format("A"), "B": leaf.format("B")})
    assert links(found) == [["A:Ethernet0/0", "CORE:Ethernet0/0"], ["B:Ethernet0/0", "CORE:Ethernet0/1"]]


def test_a_distribution_switch_joins_all_access_switches_and_each_is_plugged_in_where_its_native_vlan_is() -> None:
    """Of four access switches with subnets of their own three were in no site, and natives were mixed up."""
    core, texts = "hostname CORE\n", {}
    for vlan in (10, 20, 30):
        core += f"interface Ethernet0/{vlan // 10}\n switchport mode trunk\n switchport trunk native vlan {vlan}\n"
        core += f"interface Vlan{vlan}\n ip address 10.1.{vlan}.1 255.255.255.0\n"
        texts[f"S{vlan}"] = (  # typed by hand: what is below the range is for both ports
            f"hostname S{vlan}\ninterface range f0/1-2\nspanning-tree portfast\nswitchp port-sec max 1\n"
            f"switchp access vlan {vlan}\n"
            f"interface range f0/23,g0/1\nswitchp mode trunk\nswitchp trunk native vlan {vlan}\n"
            f"interface f0/23\nspanning-tree portfast trunk\n"
            f"interface vlan {vlan}\nip address 10.1.{vlan}.2 255.255.255.0\nip default-gateway 10.1.{vlan}.1\n"
        )
    found = infer({**{name: texts[name] for name in ("S30", "S20", "S10")}, "C": core})
    assert links(found)[:3] == [
        [f"S{vlan}:GigabitEthernet0/1", f"CORE:Ethernet0/{vlan // 10}"] for vlan in (30, 20, 10)
    ]
    assert [host.link for host in found.lab.hosts.values()] == [f"S{vlan}:FastEthernet0/1" for vlan in (10, 20, 30)]
    assert set(found.configurations) == {"S10", "S20", "S30", "CORE"}


def test_a_router_with_the_subnets_of_vlans_belongs_to_the_nearest_switches_without_any() -> None:
    """It was plugged into nothing: its VLANs became ports without VLANs."""
    texts = sites()
    for site, switch in ((1, "SW7"), (2, "SW8")):
        texts[switch] += (
            f"interface Vlan99\n ip address 10.{site}.99.7 255.255.255.0\nip default-gateway 10.{site}.99.1\n"
        )
    found = infer({name: texts[name] for name in ("R1", "SW7", "R2", "SW8")})
    assert links(found)[:2] == [
        ["R1:GigabitEthernet0/0", "SW7:GigabitEthernet0/0"],
        ["R2:GigabitEthernet0/0", "SW8:GigabitEthernet0/0"],
    ]


def test_a_router_with_tagged_subinterfaces_fits_a_trunk_with_any_native_vlan() -> None:
    """It has no native VLAN; it was plugged into an access switch instead, and the distribution switch into nothing."""
    trunk = "interface Ethernet0/{}\n switchport mode trunk\n"
    core = "hostname CORE\nvlan 10,20,99\n"
    core += "".join(f"{trunk.format(number)} switchport trunk native vlan 99\n" for number in (0, 1))
    leaf = f"hostname LEAF\n{trunk.format(0)}interface Ethernet0/2\n switchport access vlan 10\n"
    found = infer({"R": ROUTER.format(name="R", site=1, said=""), "CORE": core, "LEAF": leaf})
    assert links(found)[:2] == [["R:GigabitEthernet0/0", "CORE:Ethernet0/0"], ["LEAF:Ethernet0/0", "CORE:Ethernet0/1"]]


def test_switches_are_plugged_into_the_port_of_the_router_that_has_the_subnet_of_their_addresses() -> None:
    """One of the two was at the port of the other: its address was in a VLAN where no router had that subnet."""
    router = "hostname R\n" + "".join(
        f"interface Ethernet1/{port}\ninterface Ethernet1/{port}.10\n encapsulation dot1Q 10\n"
        f" ip address 192.168.{port}.1 255.255.255.0\ninterface Ethernet1/{port}.100\n encapsulation dot1Q 100\n"
        f" ip address 10.3.{port}.3 255.255.255.0\n"
        for port in (0, 1)
    )
    own = "interface Vlan100\n ip address 10.3.{0}.7 255.255.255.0\nip route 0.0.0.0 0.0.0.0 10.3.{0}.3\n"
    switches = {f"SW{port}": SWITCH.format(name=f"SW{port}", said="") + own.format(port) for port in (0, 1)}
    found = infer({"R": router, **switches})
    assert {frozenset(ends) for ends in links(found)} == {
        frozenset((f"R:Ethernet1/{port}", f"SW{port}:GigabitEthernet0/0")) for port in (0, 1)
    }
    assert not any("PROVIDER" in note for note in found.notes)


def test_switches_that_name_one_port_of_a_router_and_routers_in_one_subnet_are_on_one_wire() -> None:
    """The switches were plugged into each other, and no computer had a lease: the author's drawing had a plain switch
    between them all, which has no file.
    """
    routers = {
        name: text.replace("10.1.10.1 255", f"10.1.10.{number} 255").replace("10.1.20.1 ", f"10.1.20.{number} ")
        for number, name in enumerate(("DIST1", "DIST2"), 1)
        for text in [ROUTER.format(name=name, site=1, said="description TO-ACCESS").replace("0.2.1 ", f"0.2.{number} ")]
    }
    switches = {
        f"ACC{number}": SWITCH.format(name=f"ACC{number}", said=f"description TO-DIST{number % 2 + 1}")
        for number in range(1, 4)
    }
    found = infer(routers | switches)
    assert set(links(found)[0]) == {f"{name}:GigabitEthernet0/0" for name in (*routers, *switches)}
    assert any(note.startswith("no switch of the files joins the routers among ACC") for note in found.notes)
    assert len([host for host in found.lab.hosts.values() if host.address == "dhcp"]) == 3


def test_sites_that_have_one_subnet_of_several_alike_are_not_on_one_wire() -> None:
    """Two branches with the same native VLAN were one: a subnet for frames without tags, which each site has."""
    native = " encapsulation dot1Q 1000 native\n ip address 10.9.9.{} 255.255.255.0\n"
    texts = {
        f"R{site}": ROUTER.format(name=f"R{site}", site=site, said=f"description TO-ACC{site}")
        .replace(
            "interface GigabitEthernet0/1",
            f"interface GigabitEthernet0/0.1000\n{native.format(site)}interface GigabitEthernet0/1",
        )
        .replace("/0.10\n encapsulation dot1Q 10", f"/0.1{site}\n encapsulation dot1Q 1{site}")
        .replace("/0.20\n encapsulation dot1Q 20", f"/0.2{site}\n encapsulation dot1Q 2{site}")
        for site in (1, 2)
    }
    texts |= {
        f"ACC{site}": SWITCH.format(name=f"ACC{site}", said=f"description TO-R{site}")
        .replace("vlan 10", f"vlan 1{site}")
        .replace("vlan 20", f"vlan 2{site}")
        for site in (1, 2)
    }
    assert [*links(infer(texts))[:2]] == [
        [f"R{site}:GigabitEthernet0/0", f"ACC{site}:GigabitEthernet0/0"] for site in (1, 2)
    ]


def test_a_router_is_plugged_into_a_trunk_and_not_into_a_port_without_lines() -> None:
    """Its VLANs ended there: such a port becomes a trunk for switches alone."""
    switch = "hostname SW\ninterface Ethernet0/0\ninterface Ethernet0/1\n switchport trunk native vlan 30\n"
    switch += " switchport mode trunk\ninterface Ethernet0/2\n switchport access vlan 10\n"
    found = infer({"R": ROUTER.format(name="R", site=1, said=""), "SW": switch})
    assert links(found)[0] == ["R:GigabitEthernet0/0", "SW:Ethernet0/1"]


@pytest.mark.parametrize(("also", "has"), [("", True), ("vlan 20\n", False)])
def test_a_switch_whose_lines_make_no_vlan_below_1006_has_those_in_its_file(also: str, has: bool) -> None:
    """Its file has no lines for them (`vlan.dat`). The provider joined the management VLANs of two sites instead."""
    text = SWITCH.format(name="SW", said="").replace("vlan 10\nvlan 20\n", f"vlan 2001\n{also}")
    text += "interface Vlan99\n ip address 10.1.99.9 255.255.255.0\ninterface Vlan2002\n no ip address\n"
    boxes = {name: Device.read(name, text).box for name in "AB"}
    assert boxes["A"].known == ((1, 10, 20, 99, 2001) if has else (1, 10, 20, 2001))
    graph = layer2([PluggedWire(tuple((name, "GigabitEthernet0/0") for name in "AB"))], boxes)
    assert (Bridge("B", 99) in graph.ways_to(Bridge("A", 99))) == has
    assert Bridge("B", 2001) in graph.ways_to(Bridge("A", 2001))


def test_a_virtual_address_is_a_gateway_and_no_provider_gets_it() -> None:
    texts = {f"D{number}": LAYER3.format(number=number, own=number + 1, word="vrrp", priority=100) for number in (1, 2)}
    access = ACCESS.format(name="ACC1") + "interface Vlan10\n ip address 10.1.10.8 255.255.255.0\n"
    found = infer({**texts, "A1": access + "ip route 0.0.0.0 0.0.0.0 10.1.10.1\n"})
    assert not any("10.1.10.1" in note and "PROVIDER" in note for note in found.notes)


def test_a_router_in_the_subnet_of_a_vlan_is_plugged_into_an_access_port() -> None:
    router = "hostname R\ninterface GigabitEthernet0/0\n ip address 10.1.10.1 255.255.255.0\n"
    switch = SWITCH.format(name="SW", said="") + "interface Vlan10\n ip address 10.1.10.2 255.255.255.0\n"
    found = infer({"R": router, "SW": switch})
    assert links(found) == [["R:GigabitEthernet0/0", "SW:GigabitEthernet0/1"]]


def test_a_switch_without_lines_at_its_ports_joins_what_is_in_the_subnet_of_its_first_vlan() -> None:
    """The router was plugged into `interface Vlan1` itself, and no host leased through its relay agent."""
    relay = "hostname R\ninterface Ethernet0/0\n ip address 192.168.1.97 255.255.255.240\n ip helper-address 10.0.0.1\n"
    relay += "interface Ethernet0/1\n ip address 10.0.0.2 255.255.255.252\nip route 0.0.0.0 0.0.0.0 10.0.0.1\n"
    server = "hostname DHCP\nip dhcp pool FAR\n network 192.168.1.96 255.255.255.240\n default-router 192.168.1.97\n"
    server += "interface Ethernet0/1\n ip address 10.0.0.1 255.255.255.252\nip route 0.0.0.0 0.0.0.0 10.0.0.2\n"
    switch = "hostname SW\nspanning-tree mode pvst\ninterface Ethernet0/0\n shutdown\ninterface Ethernet0/1\n"
    switch += "interface Ethernet0/2\ninterface Vlan1\n ip address 192.168.1.98 255.255.255.240\n"
    found = infer({"R": relay, "D": server, "SW": switch})
    assert ["R:Ethernet0/0", "SW:Ethernet0/1"] in links(found)
    assert [(host.link, host.address) for host in found.lab.hosts.values()] == [("SW:Ethernet0/2", "dhcp")]


def test_a_switch_is_added_where_a_pool_has_a_vlan_and_no_file_has_computers_in_it() -> None:
    """Folders with distribution switches alone had pools, and no host that leased an address."""
    layer3 = LAYER3.format(number=1, own=1, word="standby", priority=100).replace(
        "10 ip 10.1.10.1\n", "10 ip 10.1.10.9\n"
    )
    other = "interface Vlan99\n ip address 10.1.99.1 255.255.255.0\n"
    named = "hostname ACCESS-2\ninterface GigabitEthernet0/5\n ip address 10.1.99.7 255.255.255.0\n"
    found = infer({"D": layer3 + other, "OTHER": named.replace("2", "1", 1)})
    assert "10.1.99.7" in found.configurations["ACCESS-1"], "a router of this name is no other one"
    assert ["DIST1:Ethernet0/1", "ACCESS-2:GigabitEthernet0/0"] in links(found)
    found = infer({"D": layer3 + other, "OTHER": named})
    assert ["DIST1:Ethernet0/1", "ACCESS-1:GigabitEthernet0/0"] in links(found)
    assert "no file has a switch with computers in VLAN 10: the lab adds ACCESS-1 at DIST1 Ethernet0/1" in found.notes
    assert [(host.link, host.address) for host in found.lab.hosts.values() if "ACCESS" in host.link] == [
        ("ACCESS-1:GigabitEthernet1/0", "dhcp")
    ]
    world = World.of(Scenario("distribution", found.lab, found.configurations))
    world.run_for(10.0)
    world.ping("H1", "10.1.10.1")
    world.run_for(1.0)
    assert world.replies("H1")


def test_bundles_whose_ports_no_file_has_are_plugged_in_as_ports() -> None:
    """It was a bug of the program: a name with a dash was no name of a port."""
    lines = "vlan 10\ninterface Port-channel1\n switchport mode trunk\ninterface Port-channel2\n"
    lines += " switchport mode access\n switchport access vlan 10\n"
    lines += "interface Vlan10\n ip address 10.1.10.{0} 255.255.255.0\n"
    found = infer({name: f"hostname {name}\n{lines.format(number)}" for number, name in enumerate(("SW1", "SW2"), 1)})
    assert ["SW1:Po1", "SW2:Po1"] in links(found)
    assert [host.link for host in found.lab.hosts.values()] == ["SW1:Po2", "SW2:Po2"]
    world = World.of(Scenario("bundles", found.lab, found.configurations))
    world.run_for(10.0)
    world.ping("H1", str(found.lab.hosts["H2"].interface.ip))
    world.run_for(1.0)
    assert world.replies("H1")


def test_the_owner_of_a_virtual_address_is_the_one_router_that_has_it() -> None:
    """Another router of the group had it, too, although it is the owner's own address (RFC 5798 §1.6)."""
    own = LAYER3.format(number=1, own=1, word="vrrp", priority=100)
    found = infer({"D1": own, "D2": LAYER3.format(number=2, own=2, word="vrrp", priority=110)})
    assert "secondary" not in found.configurations["DIST2"]


def test_sites_with_the_same_vlans_stay_apart_without_a_description() -> None:
    found = infer(sites())
    assert ["R1:GigabitEthernet0/0", "SW7:GigabitEthernet0/0"] in links(found)
    assert ["R2:GigabitEthernet0/0", "SW8:GigabitEthernet0/0"] in links(found)
    assert any("are guessed: R1 GigabitEthernet0/0 - SW7 GigabitEthernet0/0" in note for note in found.notes)


def test_a_drawn_switch_has_a_wire_for_each_port(tmp_path: Path) -> None:
    """It joined all that was plugged into it, whatever VLANs its ports were in."""
    ports = "".join(
        f'<interface id="{number}" name="Gi0/{number}" network_id="{network}"/>' for number, network in ((0, 1), (1, 9))
    )
    texts = {"A": ROUTER.format(name="A", site=1, said=""), "S": SWITCH.format(name="S", said="")}
    nodes = f'<node id="8" name="S">{ports}</node>'
    config = f'<config id="8">{base64.b64encode(texts["S"].encode()).decode()}</config>'
    text = eve({"A": texts["A"]}).replace("</nodes>", f"{nodes}</nodes>").replace("</configs>", f"{config}</configs>")
    (tmp_path / "lab.unl").write_text(text)
    lab = Scenario.load(str(tmp_path)).lab
    assert [link.ends for link in lab.links] == [["A:GigabitEthernet0/0", "S:GigabitEthernet0/0"]]
    assert "S:GigabitEthernet0/1" in [host.link for host in lab.hosts.values()]


def test_a_chain_of_switches_has_no_loose_end() -> None:
    """The last switch was plugged into the first one, and the one between them into nothing."""
    access = "interface FastEthernet0/1\n switchport mode access\n switchport access vlan 10\n"
    trunks = [f"interface FastEthernet0/{port}\n switchport mode trunk\n" for port in (23, 24)]
    own = "interface Vlan10\n ip address 10.1.10.{} 255.255.255.0\n"
    texts = {
        f"SW{n}": f"hostname SW{n}\n{access}{''.join(trunks[: 3 - n // 3 - 1])}{own.format(n + 1)}" for n in (1, 2, 3)
    }
    router = "hostname R1\ninterface FastEthernet0/0\ninterface FastEthernet0/0.10\n encapsulation dot1Q 10\n"
    found = infer({**texts, "R1": router + " ip address 10.1.10.1 255.255.255.0\n"})
    world = World.of(Scenario("chain", found.lab, found.configurations))
    world.run_for(10.0)
    for host in found.lab.hosts:
        world.ping(host, "10.1.10.1")
        world.run_for(1.0)
        assert world.replies(host), host


def test_vlan_interfaces_of_two_routers_in_one_subnet_are_joined_by_access_ports() -> None:
    """Routers with switch ports had no wire between them, and a provider in its place."""
    router = "hostname R{0}\nspanning-tree mode pvst\ninterface GigabitEthernet0\n switchport access vlan 2\n"
    router += "interface Vlan2\n ip address 192.168.100.{0} 255.255.255.252\n"
    router += "interface GigabitEthernet8\n ip address 10.{0}.0.1 255.255.255.0\n"
    found = infer({f"R{number}": router.format(number) for number in (1, 2)})
    assert ["R1:GigabitEthernet0", "R2:GigabitEthernet0"] in links(found)
    assert "PROVIDER" not in found.configurations


def test_a_switch_with_many_access_ports_joins_boxes_that_have_one_for_their_management() -> None:
    """Two of the boxes were plugged into each other, and all others had a wire of their own."""
    vlan = "interface Vlan2\n ip address 10.2.0.{} 255.255.255.0\n"
    texts = {
        f"SW{number}": f"hostname SW{number}\n{ACCESS_PORT.format(15)}{vlan.format(number)}" for number in (1, 2, 3)
    }
    texts["WIDE"] = f"hostname WIDE\n{''.join(map(ACCESS_PORT.format, range(4)))}{vlan.format(254)}"
    joined = [ends for ends in links(infer(texts)) if "WIDE" in str(ends) and "SW" in str(ends)]
    assert [ends[0] for ends in joined] == [f"SW{number}:Ethernet0/15" for number in (1, 2, 3)]


def test_a_bundle_without_a_line_of_layer_2_is_one_of_a_switch_where_no_port_routes() -> None:
    """Typed configurations of switches had routed bundles, and two access switches were plugged into each other."""
    core = "hostname CORE\nvlan 10\ninterface range f0/1 - 2\n channel-group 1 mode active\n"
    core += "interface f0/9\n switchport access vlan 10\n"
    edge = "hostname EDGE\ninterface range f0/5 - 6\n switchport mode trunk\n channel-group 1 mode passive\n"
    edge += "interface f0/1\n switchport access vlan 10\n"
    core += "interface f0/10\n switchport mode trunk\n"
    router = "hostname R1\ninterface g0/0\ninterface g0/0.10\n encapsulation dot1Q 10\n"
    router += " ip address 10.0.0.1 255.255.255.0\n"
    found = infer({"CORE": core, "EDGE": edge, "R1": router})
    assert ["EDGE:FastEthernet0/5", "CORE:FastEthernet0/1"] in links(found)


def test_a_host_of_the_internet_is_behind_the_router_of_the_folder_that_nat_leads_to() -> None:
    """Folders with a file for the provider had no host that anybody could reach through their NAT."""
    edge = "hostname EDGE\ninterface GigabitEthernet0/0\n ip address 203.0.113.2 255.255.255.252\n ip nat outside\n"
    edge += "interface GigabitEthernet0/1\n ip address 10.0.0.1 255.255.255.0\n ip nat inside\n"
    edge += (
        "ip nat inside source list 1 interface GigabitEthernet0/0 overload\naccess-list 1 permit 10.0.0.0 0.0.0.255\n"
    )
    edge += "ip route 0.0.0.0 0.0.0.0 203.0.113.1\n"
    isp = "hostname ISP\ninterface GigabitEthernet0/0\n ip address 203.0.113.1 255.255.255.252\n"
    isp += "interface GigabitEthernet0/1\n ip address 8.8.8.1 255.255.255.0\n"
    found = infer({"EDGE": edge, "ISP": isp})
    assert {one.link: one.address for one in found.lab.hosts.values()} == {
        "EDGE:GigabitEthernet0/1": "10.0.0.100/24",
        "ISP:GigabitEthernet0/1": "8.8.8.8/24",
    }
    lan = "hostname LAN\ninterface Ethernet0/0\n ip address 8.8.8.1 255.255.255.0\n ip nat inside\n"
    inner = infer({"EDGE": edge, "ISP": isp.replace("8.8.8.1", "9.9.9.1"), "LAN": lan})
    assert inner.lab.hosts["INTERNET"].address == "208.67.222.222/24", "8.8.8.0 is a LAN inside"
    for there, address in ((found, "8.8.8.8"), (inner, "208.67.222.222")):
        world = World.of(Scenario("internet", there.lab, there.configurations))
        world.run_for(10.0)
        host = next(name for name, one in there.lab.hosts.items() if one.link == "EDGE:GigabitEthernet0/1")
        world.ping(host, address)
        world.run_for(1.0)
        assert world.replies(host)


def test_the_host_of_the_internet_is_where_the_default_route_leads_if_nat_is_on_the_wrong_port() -> None:
    """A router had inside and outside the wrong way round: the host was behind the switch of its computers."""
    edge = "hostname EDGE\ninterface GigabitEthernet0/0\n ip address 203.0.113.1 255.255.255.252\n ip nat inside\n"
    edge += "interface GigabitEthernet0/1\n ip address 10.0.0.2 255.255.255.252\n ip nat outside\n"
    edge += "ip route 0.0.0.0 0.0.0.0 203.0.113.2\n"
    core = "hostname CORE\ninterface FastEthernet0/1\n no switchport\n ip address 10.0.0.1 255.255.255.252\n"
    isp = "hostname ISP\ninterface GigabitEthernet0/1\n ip address 203.0.113.2 255.255.255.252\n"
    found = infer({"EDGE": edge, "CORE": core, "ISP": isp})
    assert found.lab.hosts["INTERNET"].link.startswith("ISP:")


def test_the_host_of_the_internet_is_behind_each_provider_that_default_routes_lead_to() -> None:
    """Sites of a second provider had no Internet: no wire joins the two, as no file has what is between providers."""
    site = "hostname R{0}\ninterface Ethernet0/0\n ip address 203.0.113.{0} 255.255.255.252\n ip nat outside\n"
    site += "interface Ethernet0/1\n ip address 10.{0}.0.1 255.255.255.0\n ip nat inside\n"
    site += "ip nat inside source list 1 interface Ethernet0/0 overload\naccess-list 1 permit any\n"
    site += "ip route 0.0.0.0 0.0.0.0 203.0.113.{1}\n"
    port = "interface Ethernet0/{}\n ip address 203.0.113.{} 255.255.255.252\n"
    texts = {f"R{number}": site.format(number, number - 1) for number in (2, 6, 10)}
    texts |= {"ISP1": "hostname ISP1\n" + port.format(0, 1) + port.format(1, 5)}
    texts |= {"ISP2": "hostname ISP2\n" + port.format(0, 9)}
    found = infer(texts)
    assert "the lab adds a host of the Internet behind ISP1 and ISP2: INTERNET, 8.8.8.8" in found.notes
    world = World.of(Scenario("providers", found.lab, found.configurations))
    world.run_for(10.0)
    inside = [name for name in found.lab.hosts if name != "INTERNET"]
    for host in inside:
        world.ping(host, "8.8.8.8")
    world.run_for(1.0)
    assert [host for host in inside if world.replies(host)] == inside
    assert len(inside) == 3


def test_the_wire_of_the_internet_leads_from_a_provider_to_none_of_its_own_customers() -> None:
    """Static routes that the lab gave the other provider came back over it, to an address on a wire of the first."""
    site = "hostname R{0}\ninterface Ethernet0/0\n ip address 203.0.113.{0} 255.255.255.252\n ip nat outside\n"
    site += "interface Ethernet0/1\n ip address 10.{0}.0.1 255.255.255.0\n ip nat inside\n"
    site += "interface Tunnel0\n tunnel source Ethernet0/0\n tunnel destination 203.0.113.{2}\n"
    site += "ip route 0.0.0.0 0.0.0.0 203.0.113.{1}\n"
    isp = "hostname ISP{0}\ninterface Ethernet0/0\n ip address 203.0.113.{1} 255.255.255.252\n"
    isp += "interface Ethernet0/1\n ip address 192.0.2.{0} 255.255.255.252\n"
    isp += "router bgp {0}\n neighbor 192.0.2.{2} remote-as {2}\n redistribute static\n"
    texts = {"R2": site.format(2, 1, 6), "R6": site.format(6, 5, 2)}
    found = infer({**texts, "ISP1": isp.format(1, 1, 2), "ISP2": isp.format(2, 5, 1)})
    first = found.configurations[found.lab.hosts["INTERNET"].link.partition(":")[0]].splitlines()
    assert [line for line in first if "8.8.8.2" in line] == ["ip route 203.0.113.0 255.255.255.252 8.8.8.2 254 tag 254"]


def test_a_default_route_decides_before_the_provider_that_the_lab_adds() -> None:
    """A spare link for two got a router that the lab adds, and the host was there: no default route leads there."""
    edge = "hostname EDGE\ninterface Ethernet0/0\n ip address 203.0.113.2 255.255.255.252\n ip nat outside\n"
    edge += "interface Ethernet0/1\n ip address 198.51.100.2 255.255.255.252\n ip nat outside\n"
    edge += "ip route 0.0.0.0 0.0.0.0 203.0.113.1\n"
    isp = "hostname ISP\ninterface Ethernet0/0\n ip address 203.0.113.1 255.255.255.252\n"
    found = infer({"EDGE": edge, "ISP": isp})
    assert "PROVIDER" in found.configurations
    assert found.lab.hosts["INTERNET"].link.startswith("ISP:")


def test_a_network_of_the_internet_is_no_way_out_and_has_its_host() -> None:
    """A provider's route led out of the port to a server with this address: a further router was in its place."""
    isp = "hostname ISP\ninterface GigabitEthernet0/0\n ip address 8.8.8.1 255.255.255.0\n"
    isp += "ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/0\n"
    found = infer({"ISP": isp})
    assert [one.address for one in found.lab.hosts.values()] == ["8.8.8.8/24"]
    assert "PROVIDER" not in found.configurations


def test_customers_of_other_providers_learn_where_the_host_of_the_internet_is() -> None:
    """It was in a network that its provider advertised to nobody: no computer of a course reached it."""
    port = "interface Ethernet0/{}\n ip address {} 255.255.255.252\n"
    edge = "hostname EDGE\n" + port.format(0, "203.0.113.2") + " ip nat outside\n"
    edge += "interface Ethernet0/1\n ip address 10.0.0.1 255.255.255.0\n ip nat inside\n"
    edge += "ip nat inside source list 1 interface Ethernet0/0 overload\naccess-list 1 permit any\n"
    edge += "router bgp 65001\n neighbor 203.0.113.1 remote-as 100\n"
    near = "hostname NEAR\n" + port.format(0, "203.0.113.1") + port.format(1, "198.51.100.1")
    near += "router bgp 100\n network 203.0.113.0 mask 255.255.255.252\n neighbor 203.0.113.2 remote-as 65001\n"
    near += " neighbor 198.51.100.2 remote-as 200\n"
    far = "hostname FAR\n" + port.format(1, "198.51.100.2")
    far += "router bgp 200\n neighbor 198.51.100.1 remote-as 100\n"
    found = infer({"EDGE": edge, "NEAR": near, "FAR": far})
    world = World.of(Scenario("internet", found.lab, found.configurations))
    world.run_for(60.0)
    (host,) = {*found.lab.hosts} - {"INTERNET"}
    world.ping(host, "8.8.8.8")
    world.run_for(1.0)
    assert world.replies(host)
    far += "interface Loopback0\n ip address 8.8.8.8 255.255.255.255\n"
    assert "INTERNET" not in infer({"EDGE": edge, "NEAR": near, "FAR": far}).lab.hosts, "FAR is that host"


def test_a_port_is_on_the_wire_of_its_own_subnet_before_that_of_another_site_within_it() -> None:
    """Routers of Moscow were on links of Petersburg, which uses parts of the same subnet."""
    port = "hostname {0}\ninterface Ethernet0/0\n ip address 10.0.2.{1} 255.255.255.{2}\n"
    moscow = {f"M{number}": port.format(f"M{number}", number, 0) for number in (12, 14)}
    petersburg = {f"P{number}": port.format(f"P{number}", number, 252) for number in (13, 17)}
    found = infer({**petersburg, **moscow})
    assert ["M12:Ethernet0/0", "M14:Ethernet0/0"] in links(found)


def test_sites_with_one_subnet_and_different_routing_protocols_stay_apart() -> None:
    """A provider with IS-IS and a customer with OSPF use the same private subnet: they were on one wire."""
    port = "hostname {0}\ninterface Ethernet0/0\n ip address 10.0.2.{1} 255.255.255.0\n {2}\n"
    texts = {f"C{number}": port.format(f"C{number}", number, "ip ospf 1 area 0") for number in (14, 15)}
    texts |= {f"P{number}": port.format(f"P{number}", number, "ip router isis") for number in (25, 26)}
    found = infer(texts)
    assert links(found) == [["C14:Ethernet0/0", "C15:Ethernet0/0"], ["P25:Ethernet0/0", "P26:Ethernet0/0"]]
    mistaken = infer({name: text for name, text in texts.items() if name != "P26"})
    assert len(links(mistaken)[0]) == 3, "one router with another protocol is a mistake"


def test_two_sites_with_the_same_address_in_a_vlan_stay_two() -> None:
    """Sites made of one template were plugged into each other, and had an address twice on one wire."""
    switch = "hostname SW{0}\nvlan 10\ninterface GigabitEthernet0/1\n switchport mode access\n"
    switch += " switchport access vlan 10\ninterface Vlan10\n ip address 10.1.10.1 255.255.255.0\n"
    switch += "interface GigabitEthernet0/9\n no switchport\n ip address 10.9.0.{0} 255.255.255.252\n"
    alike = {f"SW{number}": switch.format(number) for number in (1, 2)}
    assert links(infer(alike)) == [["SW1:GigabitEthernet0/9", "SW2:GigabitEthernet0/9"]]
    other = {**alike, "SW2": alike["SW2"].replace("10.1.10.1", "10.1.10.2")}
    assert len(links(infer(other))) == 2
    drawn = {(name, "GigabitEthernet0/9"): 1 for name in other}
    assert len(links(infer(other, segments=drawn))) == 1, "a drawing has all cables"


CLOUD = """\
interface GigabitEthernet1
 ip address {0} 255.255.255.0
 ip nat outside
interface Tunnel0
 ip address 10.0.0.{1} 255.255.255.0
 ip nhrp network-id 1
 {2}
 tunnel source GigabitEthernet1
 tunnel mode gre multipoint
ip route 0.0.0.0 0.0.0.0 {3}
"""


def test_a_host_of_the_internet_is_not_behind_the_translator_of_a_hub() -> None:
    """A hub in a cloud with NAT of its own was a traceback: the translator that the lab adds has no configuration."""
    hub = "hostname HUB\n" + CLOUD.format("172.16.0.10", 1, "ip nhrp redirect", "172.16.0.1")
    nhs = "ip nhrp nhs 10.0.0.1 nbma 203.0.113.5 multicast"
    spoke = "hostname SPOKE\n" + CLOUD.format("198.51.100.2", 2, nhs, "198.51.100.1").replace(" ip nat outside\n", "")
    found = infer({"HUB": hub, "SPOKE": spoke})
    assert list(found.lab.gateways) == ["NAT-HUB"]
    assert found.lab.hosts["INTERNET"].link.startswith("PROVIDER:")


def test_a_host_of_the_internet_takes_no_port_that_a_router_has() -> None:
    edge = "hostname EDGE\ninterface GigabitEthernet0/0\n ip address 203.0.113.2 255.255.255.252\n ip nat outside\n"
    edge += "ip route 0.0.0.0 0.0.0.0 203.0.113.1\n"
    isp = "hostname ISP\ninterface GigabitEthernet0/0\n ip address 203.0.113.1 255.255.255.252\n"
    isp += "interface gi9/0\n ip address 198.51.100.1 255.255.255.0\n"
    found = infer({"EDGE": edge, "ISP": isp})
    assert found.lab.hosts["INTERNET"].link == "ISP:GigabitEthernet10/0"
    assert "ip address 198.51.100.1" in found.configurations["ISP"]


def test_a_chain_of_vlan_interfaces_does_not_make_the_graph_of_all_wires_for_each_cable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each cable made the graph of all wires again: with thirty VLANs on a hundred switches for minutes."""

    def switch(number: int) -> str:
        own = f"interface Vlan2\n ip address 10.2.0.{number} 255.255.255.0\n"
        ports = [f"interface FastEthernet0/{port}\n switchport access vlan 2\n" for port in (1, 2)]
        return f"hostname SW{number}\nvlan 2\n{''.join(ports)}{own}"

    graphs: list[Layer2] = []

    def counted(cables: Sequence[PluggedWire], boxes: Mapping[str, Box]) -> Layer2:
        graphs.append(layer2(cables, boxes))
        return graphs[-1]

    monkeypatch.setattr(wires, "layer2", counted)
    devices = {f"SW{number}": Device.read("", switch(number), leaves_out=True) for number in range(1, 21)}
    assert len(wires.InferredNetwork(devices).cables) == 19
    assert len(graphs) < 5
