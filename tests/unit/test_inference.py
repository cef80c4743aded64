"""A folder of configurations without `lab.yaml`: who is wired to whom, and what is said where that is not clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.main import main
from dmvpn.base.errors import UserError
from dmvpn.shells.exercises import BUILT_IN
from dmvpn.shells.inference import infer
from dmvpn.shells.scenario import Scenario
from support.inferred import LONG, SHORT, TUNNEL, WAN, load, router, wires
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path


def test_ports_of_one_subnet_are_on_one_wire_and_a_lonely_lan_gets_a_computer(tmp_path: Path) -> None:
    scenario = load(tmp_path, router("A", f"192.0.2.1 {LONG}", f"10.1.1.1 {LONG}"), router("B", f"192.0.2.2 {LONG}"))
    assert wires(scenario) == [["A:GigabitEthernet0/1", "B:GigabitEthernet0/1"]]
    (host,) = scenario.lab.hosts.values()
    assert (host.link, host.address, str(host.gateway)) == ("A:GigabitEthernet0/2", "10.1.1.100/24", "10.1.1.1")
    assert scenario.notes == ()


@pytest.mark.parametrize("pool", ["ip dhcp pool LAN\n network 10.1.1.0 /24\n default-router 10.1.1.1", ""])
def test_a_lan_of_two_routers_has_a_computer_if_a_pool_leases_its_addresses(tmp_path: Path, pool: str) -> None:
    """Two distribution routers with pools, whose switches no file has, served nobody."""
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}", more=pool), router("B", f"10.1.1.2 {LONG}"))
    assert wires(scenario) == [["A:GigabitEthernet0/1", "B:GigabitEthernet0/1"]]
    hosts = {name: (host.link, host.address) for name, host in scenario.lab.hosts.items()}
    assert hosts == ({"H-A": ("A:GigabitEthernet0/1", "dhcp")} if pool else {})


@pytest.mark.parametrize(
    ("more", "rule", "public"),
    [
        (" ip address 198.51.100.1 255.255.255.0 secondary\n", "pool OUT overload", "198.51.100.9"),
        (
            "interface Loopback5\n ip address 198.51.100.7 255.255.255.255\n",
            "interface Loopback5 overload",
            "198.51.100.7",
        ),
    ],
)
def test_the_provider_has_a_route_to_public_addresses_that_its_wire_has_not(
    tmp_path: Path, more: str, rule: str, public: str
) -> None:
    """Stations inside got no answers: their addresses were in a second subnet of the port, or that of a loopback."""
    text = router("A", f"192.0.2.1 {SHORT}", f"10.1.1.1 {LONG}").replace(SHORT, f"{SHORT}\n ip nat outside\n{more}!", 1)
    text = text.replace("10.1.1.1 255.255.255.0", "10.1.1.1 255.255.255.0\n ip nat inside")
    nat = f"ip nat pool OUT 198.51.100.9 198.51.100.9 prefix-length 24\nip nat inside source list 1 {rule}\n"
    nat += "access-list 1 permit 10.1.1.0 0.0.0.255\nip route 0.0.0.0 0.0.0.0 192.0.2.2\nend"
    scenario = load(tmp_path, text.replace("\nend", f"\n{nat}"))
    assert f"ip route {public} 255.255.255.255 192.0.2.1" in scenario.configurations["PROVIDER"]


def test_the_provider_has_no_route_to_the_address_that_another_provider_gave(tmp_path: Path) -> None:
    """Its way to the other port of a router led through that router."""
    rules = [f"ip nat inside source list 1 interface GigabitEthernet0/{port} overload" for port in (1, 2)]
    more = "\n".join([*rules, "access-list 1 permit any", "ip route 0.0.0.0 0.0.0.0 198.51.100.2"])
    text = router("A", f"192.0.2.1 {SHORT}", f"198.51.100.1 {SHORT}", more=more)
    outside = text.replace(SHORT, f"{SHORT}\n ip nat outside")
    scenario = load(tmp_path, outside, router("ISP", f"192.0.2.2 {SHORT}"))
    assert "198.51.100.2" in scenario.configurations["PROVIDER"]
    assert "ip route 192.0.2.1" not in scenario.configurations["PROVIDER"]


def test_lans_of_ipv6_get_computers_and_an_overlay_of_ipv6_has_hubs_and_spokes(tmp_path: Path) -> None:
    """Ports without an address of IPv4 had no carrier, and every router was a hub."""

    def site(number: int, lines: str, lan: str) -> str:
        tunnel = f"interface Tunnel0\n ipv6 address 2001:db8:a::{number}/64\n ipv6 nhrp network-id 6\n{lines}"
        ends = f" tunnel source {WAN}\n tunnel mode gre multipoint"
        port = f"interface GigabitEthernet0/2\n ipv6 address 2001:db8:{lan}::{number}/64"
        head = router(f"R{number}", f"192.0.2.{number} {LONG}", tunnel=tunnel + ends, more=port)
        return f"ipv6 unicast-routing\n{head}"

    server = " ipv6 nhrp nhs 2001:db8:a::1 nbma 192.0.2.1\n ipv6 nhrp shortcut\n"
    dual = router("R4", f"192.0.2.4 {LONG}", f"10.1.4.1 {LONG}\n ipv6 address 2001:db8:4::1/64")
    texts = site(1, " ipv6 nhrp redirect\n", "1"), site(2, server, "2"), site(3, server, "2")
    scenario = load(tmp_path, *texts, f"ipv6 unicast-routing\n{dual}")
    assert [scenario.role(name) for name in ("R1", "R2", "R3")] == ["hub", "spoke", "spoke"]
    assert wires(scenario)[1:] == [["R2:GigabitEthernet0/2", "R3:GigabitEthernet0/2"]]
    found = {name: (host.address, host.gateway, host.address6) for name, host in scenario.lab.hosts.items()}
    assert {name: tuple(map(str, host)) for name, host in found.items()} == {
        "H1": ("2001:db8:1::100/64", "2001:db8:1::1", "None"),
        "H4": ("10.1.4.100/24", "10.1.4.1", "slaac"),
    }


def test_a_network_whose_spokes_have_no_way_to_each_other_is_simulated_to_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pings between LANs that nobody tells of ended the command with a stack of calls."""
    hub = TUNNEL.format(1, WAN) + "\n ip nhrp network-id 1"
    spoke = TUNNEL + "\n ip nhrp network-id 1\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1"
    sites = (
        router(f"S{number}", f"192.0.2.{number} {LONG}", f"10.1.{number}.1 {LONG}", tunnel=spoke.format(number, WAN))
        for number in (2, 3)
    )
    load(tmp_path, router("HUB", f"192.0.2.1 {LONG}", tunnel=hub), *sites)
    assert main(["simulate", str(tmp_path)]) == 1
    assert "0 of 1 spoke pairs went direct; 5 of 5 packets lost" in capsys.readouterr().out


def test_spokes_are_asked_for_each_other_when_routing_leads_into_their_tunnels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default route to the provider counted, and all pings were lost before OSPF had elected anybody."""
    ospf = "\n ip nhrp network-id 1\n ip nhrp map multicast dynamic\n ip ospf network broadcast\n ip ospf priority {}"
    hub = TUNNEL.format(1, WAN) + ospf.format(9)
    spoke = TUNNEL + ospf.format(0) + "\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1 multicast"
    told = "router ospf 1\n network 10.0.0.0 0.255.255.255 area 0\nip route 0.0.0.0 0.0.0.0 192.0.2.9"
    sites = (
        router(
            f"S{number}",
            f"192.0.2.{number} {LONG}",
            f"10.1.{number}.1 {LONG}",
            more=told,
            tunnel=spoke.format(number, WAN),
        )
        for number in (2, 3)
    )
    load(tmp_path, router("HUB", f"192.0.2.1 {LONG}", more=told, tunnel=hub), *sites)
    assert main(["simulate", str(tmp_path)]) == 0
    assert "1 of 1 spoke pairs went direct; 0 of 5 packets lost" in capsys.readouterr().out


def test_spokes_whose_tunnels_alone_have_an_address_of_ipv6_are_asked_for_each_other_by_ipv4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ended with a stack of calls."""
    both = TUNNEL + "\n ip nhrp network-id 1\n ipv6 address 2001:DB8::{}/64\n ipv6 nhrp network-id 1"
    spoke = both + "\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1\n ipv6 nhrp nhs 2001:DB8::1 nbma 192.0.2.1"
    ports = {number: (f"192.0.2.{number} {LONG}", f"10.1.{number}.1 {LONG}") for number in (2, 3)}
    sites = (router(f"S{one}", *each, tunnel=spoke.format(one, WAN, one)) for one, each in ports.items())
    load(tmp_path, router("HUB", f"192.0.2.1 {LONG}", tunnel=both.format(1, WAN, 1)), *sites)
    assert main(["simulate", str(tmp_path)]) == 1
    assert "0 of 1 spoke pairs went direct; 5 of 5 packets lost" in capsys.readouterr().out


def test_a_computer_has_no_address_of_a_network_that_is_carved_out_of_its_lan(tmp_path: Path) -> None:
    """It had that of another router's port, and the doctor called the network broken."""
    wan = ("10.1.1.201 255.255.255.252", "10.1.1.202 255.255.255.252")
    scenario = load(tmp_path, router("A", "10.1.1.205 255.255.255.248"), router("B", wan[0]), router("C", wan[1]))
    assert str(scenario.lab.hosts["H-A"].address) == "10.1.1.204/29"


def test_a_computer_has_the_address_of_a_published_server_but_not_that_of_a_published_network(tmp_path: Path) -> None:
    ports, rule = ("192.0.2.1 255.255.255.252", "10.1.1.1 255.255.255.0"), "ip nat inside source static"
    network = load(tmp_path, router("R1", *ports, more=f"{rule} network 10.1.1.0 198.51.100.0 /24"))
    assert network.lab.hosts["H1"].address == "10.1.1.100/24"
    server = load(tmp_path, router("R1", *ports, more=f"{rule} 10.1.1.20 198.51.100.20"))
    assert server.lab.hosts["H1"].address == "10.1.1.20/24"


def test_three_on_one_wire_are_on_a_switch(tmp_path: Path) -> None:
    scenario = load(tmp_path, *(router(name, f"192.0.2.{number} {LONG}") for number, name in enumerate("ABC", 1)))
    assert wires(scenario) == [["A:GigabitEthernet0/1", "B:GigabitEthernet0/1", "C:GigabitEthernet0/1"]]


def test_routers_are_called_what_their_hostname_says_else_as_the_file(tmp_path: Path) -> None:
    nameless = router("X", f"192.0.2.2 {LONG}").replace("hostname X\n", "")
    assert list(load(tmp_path, router("A", f"192.0.2.1 {LONG}"), nameless).configurations) == ["A", "file1"]


def test_two_files_of_one_name_with_one_address_are_two_networks_and_named(tmp_path: Path) -> None:
    every = [("192.0.2.1",), ("192.0.2.2", "10.1.1.1"), ("192.0.2.3", "10.1.1.1")]
    with pytest.raises(UserError, match=r"file1 and file2 are both called A and have the same address 10\.1\.1\.1: "):
        load(tmp_path, *(router("A", *(f"{address} {LONG}" for address in addresses)) for addresses in every))


def test_a_router_that_was_saved_twice_is_one(tmp_path: Path) -> None:
    """Its owner saved it under a wrong name first: it was refused as one router at two times."""
    scenario = load(tmp_path, *[router("A", f"192.0.2.1 {LONG}")] * 2, router("B", f"192.0.2.2 {LONG}"))
    assert list(scenario.configurations) == ["A", "B"]
    assert "file0 says the same as file1: it is taken once" in scenario.notes


def test_routers_that_nobody_gave_names_of_their_own_are_called_as_their_files(tmp_path: Path) -> None:
    """Their owner copied the first one, or never typed `hostname`: they were taken for two networks."""
    scenario = load(tmp_path, *(router("Router", f"192.0.2.{number} {LONG}") for number in (1, 2)))
    assert list(scenario.configurations) == ["file0", "file1"]
    assert wires(scenario) == [["file0:GigabitEthernet0/1", "file1:GigabitEthernet0/1"]]
    assert scenario.notes == (
        "file0 and file1 are all called Router: file0 is file0 here",
        "file0 and file1 are all called Router: file1 is file1 here",
    )


def test_configurations_without_addresses_are_no_network(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are no wires"):
        load(tmp_path, "hostname A\n")


def test_gateways_that_nobody_has_are_a_provider_that_knows_the_way(tmp_path: Path) -> None:
    scenario = load(
        tmp_path,
        router("A", f"192.0.2.1 {SHORT}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.2"),
        router("B", f"192.0.2.5 {SHORT}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.6"),
    )
    assert wires(scenario) == [
        ["A:GigabitEthernet0/1", "PROVIDER:GigabitEthernet0/1"],
        ["B:GigabitEthernet0/1", "PROVIDER:GigabitEthernet0/2"],
    ]
    assert scenario.role("PROVIDER") == "provider"
    assert " ip address 192.0.2.6 255.255.255.252" in scenario.configurations["PROVIDER"]
    assert scenario.notes == ("no configuration has 192.0.2.2, 192.0.2.6: the lab adds a router for that, PROVIDER",)
    assert not scenario.lab.hosts


def test_a_provider_that_is_there_is_taken_as_one(tmp_path: Path) -> None:
    scenario = load(
        tmp_path,
        router("A", f"192.0.2.1 {SHORT}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.2", tunnel=TUNNEL.format(1, "Gi0/1")),
        router("B", f"192.0.2.5 {SHORT}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.6", tunnel=TUNNEL.format(2, "Gi0/1")),
        router("NET", f"192.0.2.2 {SHORT}", f"192.0.2.6 {SHORT}"),
    )
    assert (scenario.role("NET"), scenario.role("A"), "PROVIDER" in scenario.configurations) == (
        "provider",
        "hub",
        False,
    )


def test_the_way_out_of_a_single_site_is_no_provider(tmp_path: Path) -> None:
    """A firewall before the hub is a router of that site."""
    scenario = load(
        tmp_path,
        router("A", f"192.0.2.1 {SHORT}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.2", tunnel=TUNNEL.format(1, "Gi0/1")),
        router("WALL", f"192.0.2.2 {SHORT}", f"10.9.9.1 {LONG}"),
    )
    assert scenario.role("WALL") == "router"


def test_a_mask_of_its_own_at_one_end_is_one_wire_and_is_said(tmp_path: Path) -> None:
    """As at R41 of the notes: /24 here, /30 there."""
    scenario = load(tmp_path, router("A", f"172.16.41.1 {LONG}"), router("B", f"172.16.41.2 {SHORT}"))
    assert wires(scenario) == [["B:GigabitEthernet0/1", "A:GigabitEthernet0/1"]]
    assert scenario.notes == (
        "B GigabitEthernet0/1 172.16.41.2/30 and A GigabitEthernet0/1 172.16.41.1/24 have different masks: "
        "taken for one wire",
    )


def test_subnets_that_overlap_without_seeing_each_other_are_two_wires_and_said(tmp_path: Path) -> None:
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}"), router("B", "10.2.2.2 255.0.0.0"))
    assert wires(scenario) == []
    (note,) = scenario.notes
    assert "overlap, but do not see each other: taken for two wires" in note


def test_one_address_in_two_places_is_two_wires_and_said(tmp_path: Path) -> None:
    scenario = load(tmp_path, router("A", f"192.168.1.1 {LONG}"), router("B", f"192.168.1.1 {LONG}"))
    assert wires(scenario) == []
    assert [host.link for host in scenario.lab.hosts.values()] == ["A:GigabitEthernet0/1", "B:GigabitEthernet0/1"]
    (note,) = scenario.notes
    assert "have the same address: taken for two wires" in note


def test_a_gateway_in_no_subnet_is_said(tmp_path: Path) -> None:
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}", more="ip route 0.0.0.0 0.0.0.0 203.0.113.9"))
    assert scenario.notes == ("A has the gateway 203.0.113.9, which is in the subnet of none of its interfaces",)


def test_a_default_route_into_the_tunnel_is_no_gateway_of_the_provider(tmp_path: Path) -> None:
    """As spokes have one that send everything to the hub."""
    more = "ip route 0.0.0.0 0.0.0.0 10.0.0.1"
    scenario = load(tmp_path, router("A", f"192.0.2.1 {LONG}", more=more, tunnel=TUNNEL.format(2, "Loopback0")))
    assert scenario.notes == ()
    assert list(scenario.configurations) == ["A"]


def test_of_two_gateways_on_a_wire_the_first_is_there_and_the_other_is_said(tmp_path: Path) -> None:
    texts = [
        router(name, f"192.0.2.{number} {LONG}", more=f"ip route 0.0.0.0 0.0.0.0 192.0.2.25{number}")
        for number, name in enumerate("AB", 1)
    ]
    scenario = load(tmp_path, *texts)
    assert " ip address 192.0.2.251 255.255.255.0\n" in scenario.configurations["PROVIDER"]
    assert scenario.notes[0] == "B wants the gateway 192.0.2.252, others on its wire 192.0.2.251: ignored"


def test_a_computer_has_an_address_that_is_free(tmp_path: Path) -> None:
    """It has .100 where it can."""
    scenario = load(tmp_path, router("A", f"10.1.1.100 {LONG}", "10.2.2.1 255.255.255.248", "10.3.3.1 255.255.255.128"))
    assert {host.address for host in scenario.lab.hosts.values()} == {"10.1.1.101/24", "10.2.2.2/29", "10.3.3.100/25"}


@pytest.mark.parametrize(
    ("text", "name", "address", "gateway"),
    [
        ("set pcname Desk\nip 10.1.1.30 10.1.1.1 24\n", "Desk", "10.1.1.30/24", "10.1.1.1"),
        ("# kept\n\nip 10.1.1.30/25 10.1.1.1\r\nip auto\nip 2001:db8::1/64\nsave\n", "PC9", "10.1.1.30/25", "10.1.1.1"),
        ("ip 10.1.1.30 255.255.255.128\n", "PC9", "10.1.1.30/25", "10.1.1.1"),
        ("ip 10.1.1.30 10.2.2.2\n", "PC9", "10.1.1.30/24", "10.1.1.1"),
        ("ip 10.1.1.1 24\n", "HA", "10.1.1.100/24", "10.1.1.1"),  # the router's own address
        ("set pcname HUB A\nip 10.1.1.30\n", "PC9", "10.1.1.30/24", "10.1.1.1"),
        ("ip 10.9.9.9 24\n", "HA", "10.1.1.100/24", "10.1.1.1"),
        ("set pcname \x1b[31mA\nip 10.9.9.9 24\n", "HA", "10.1.1.100/24", "10.1.1.1"),  # nothing for a terminal
        ("dhcp\n", "HA", "10.1.1.100/24", "10.1.1.1"),
        ("ip dhcp\n", "HA", "10.1.1.100/24", "10.1.1.1"),
        ("ip 10.1.1.255 10.1.1.1 24\n", "HA", "10.1.1.100/24", "10.1.1.1"),  # no computer has these
        ("ip 10.1.1.0/24 10.1.1.1\n", "HA", "10.1.1.100/24", "10.1.1.1"),
        ("ip 10.1.1.999 24\n", "", "", ""),
        ("ip 10.1.1.30/77 24\n", "", "", ""),
    ],
)
def test_a_file_of_vpcs_is_a_computer_on_its_wire(
    tmp_path: Path, text: str, name: str, address: str, gateway: str
) -> None:
    """It was a router without ports. A file that is no such file stays what it is: here a router without ports."""
    (tmp_path / "PC9.cfg").write_text(text)
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}"))
    hosts = {host: (spec.address, str(spec.gateway)) for host, spec in scenario.lab.hosts.items()}
    if name:
        assert hosts == {name if name != "HA" else "H-A": (address, gateway)}
        assert [*scenario.configurations] == ["A"]
    else:
        assert "PC9" in scenario.configurations
    assert any("the subnets of the computers PC9" in note for note in scenario.notes) is ("10.9.9.9" in text)


def test_computers_of_sites_with_one_subnet_are_where_the_numbers_in_their_names_are(tmp_path: Path) -> None:
    """Two sites of a course had the same addresses: one computer of each was left out, and rules of NAT named it."""
    for number in (8, 30):
        (tmp_path / f"VPC{number}.cfg").write_text("ip 10.1.1.30 10.1.1.1 24\n")
    link = ["192.0.2.1 255.255.255.252", "192.0.2.2 255.255.255.252"]
    pool = f"ip dhcp pool P\n network 10.1.1.0 {LONG}\n default-router 10.1.1.1\n"
    (tmp_path / "R12.cfg").write_text(pool + router("R12", f"10.1.1.1 {LONG}"))
    scenario = load(
        tmp_path, *(router(name, f"10.1.1.1 {LONG}", one) for name, one in zip(("R9", "R28"), link, strict=True))
    )
    hosts = {name: (spec.link.partition(":")[0], spec.address) for name, spec in scenario.lab.hosts.items()}
    expected = {"VPC8": ("R9", "10.1.1.30/24"), "VPC30": ("R28", "10.1.1.30/24"), "H12": ("R12", "dhcp")}
    assert hosts == expected


def test_of_computers_for_one_port_the_first_one_is_there(tmp_path: Path) -> None:
    for number, name in enumerate(("DNS", "FTP", "WWW"), 2):
        (tmp_path / f"{name}.cfg").write_text(f"set pcname VPCS\nip 10.1.1.{number} 10.1.1.1 24\n")
    hosts = load(tmp_path, router("A", f"10.1.1.1 {LONG}")).lab.hosts
    assert {name: host.address for name, host in hosts.items()} == {"VPCS": "10.1.1.2/24"}


def test_a_computer_is_the_server_that_a_line_of_nat_publishes(tmp_path: Path) -> None:
    """It had .100, so nobody answered at the public address."""
    nat = "ip nat inside source static tcp 10.1.1.5 80 192.0.2.9 80\nip nat inside source static 10.2.2.1 192.0.2.8"
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}", f"10.2.2.1 {LONG}", more=nat))
    assert {host.address for host in scenario.lab.hosts.values()} == {"10.1.1.5/24", "10.2.2.100/24"}


def test_who_gets_an_address_by_dhcp_is_plugged_in_where_its_gateway_is(tmp_path: Path) -> None:
    """`dmvpn render` writes it for sites with a dynamic address. The lab waited for 20 s, and nobody said why."""
    more = "interface GigabitEthernet0/9\n ip address dhcp\n!\nip route 0.0.0.0 0.0.0.0 192.0.2.1"
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}", more=more))
    assert wires(scenario) == [["A:GigabitEthernet0/9", "PROVIDER:GigabitEthernet0/1"]]
    assert scenario.notes[1] == "A GigabitEthernet0/9 gets its address by DHCP: PROVIDER leases it 192.0.2.254/24"
    assert " ip address dhcp\n" in scenario.configurations["A"]


def test_a_subinterface_is_a_port_of_its_own(tmp_path: Path) -> None:
    """It was overlooked, and its gateway said to be "in the subnet of none of its interfaces"."""
    port = f"interface GigabitEthernet0/1.10\n ip address 192.0.2.1 {SHORT}"
    scenario = load(tmp_path, router("A", more=f"{port}\n!\nip route 0.0.0.0 0.0.0.0 192.0.2.2"))
    assert wires(scenario) == [["A:GigabitEthernet0/1.10", "PROVIDER:GigabitEthernet0/1"]]
    assert scenario.notes == (
        "A GigabitEthernet0/1.10 is a subinterface: taken for a port of its own, without VLANs",
        "no configuration has 192.0.2.2: the lab adds a router for that, PROVIDER",
    )


def test_a_bundle_of_ports_is_one_port(tmp_path: Path) -> None:
    """Switches with Port-channels between them were plugged in nowhere, and nobody behind them met."""
    texts = [
        f"hostname {name}\ninterface Port-channel7\n no switchport\n ip address 192.0.2.{number} {LONG}\n"
        "interface GigabitEthernet0/1\n channel-group 7 mode active\n"
        for number, name in enumerate("AB", 1)
    ]
    assert wires(load(tmp_path, *texts)) == [["A:Po7", "B:Po7"]]
    ends = [[Scenario.end(end) for end in link.ends] for link in World(str(tmp_path)).scenario.lab.links]
    assert ends == [[("A", "Port-channel7"), ("B", "Port-channel7")]]


def test_a_template_of_interfaces_is_no_port(tmp_path: Path) -> None:
    """`lab up` failed with `link end 'A:Virtual-Template1' names no router interface`."""
    more = f"interface Virtual-Template1 type tunnel\n ip address 10.3.3.1 {LONG}"
    (host,) = load(tmp_path, router("A", f"192.0.2.1 {LONG}", more=more)).lab.hosts.values()
    assert host.link == "A:GigabitEthernet0/1"


def test_a_bundle_is_plugged_in_where_its_ports_are_drawn() -> None:
    text = (
        "hostname {0}\ninterface Port-channel1\n ip address 192.0.2.{1} 255.255.255.0\n"
        "interface GigabitEthernet0/3\n channel-group 1 mode on\n"
    )
    texts = {name: text.format(name, number) for number, name in enumerate("ABCD", 1)}
    drawn = {("A", "GigabitEthernet0/3"): 1, ("B", "GigabitEthernet0/3"): 1}
    drawn |= {("C", "GigabitEthernet0/3"): 2, ("D", "GigabitEthernet0/3"): 2}
    links = infer(texts, segments=drawn).lab.links
    assert [link.ends for link in links] == [["A:Po1", "B:Po1"], ["C:Po1", "D:Po1"]]


def test_a_default_route_without_a_gateway_leads_to_who_is_there(tmp_path: Path) -> None:
    """On IOS whoever is there answers for others (proxy ARP); the lab did not come up."""
    more = "ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/1"
    texts = [
        router(
            name, f"192.0.2.{4 * number + 1} {SHORT}", more=more, tunnel=TUNNEL.format(number + 1, "GigabitEthernet0/1")
        )
        for number, name in enumerate("AB")
    ]
    scenario = load(tmp_path, *texts)
    assert scenario.notes == (
        "A GigabitEthernet0/1 192.0.2.1/30: no other router is on this wire; the lab puts 192.0.2.2 there",
        "B GigabitEthernet0/1 192.0.2.5/30: no other router is on this wire; the lab puts 192.0.2.6 there",
        "no configuration has 192.0.2.2, 192.0.2.6: the lab adds a router for that, PROVIDER",
        "A has a route out of GigabitEthernet0/1 without a gateway: PROVIDER does proxy ARP there, so it leads to "
        "192.0.2.2",
        "B has a route out of GigabitEthernet0/1 without a gateway: PROVIDER does proxy ARP there, so it leads to "
        "192.0.2.6",
    )
    world = World(str(tmp_path))
    world.run_for(2)
    assert "Success rate is 100 percent" in world.do("A", "ping 192.0.2.5")


def test_a_provider_of_the_folder_answers_for_others_too(tmp_path: Path) -> None:
    more = "ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/1 10 name out"
    site = router("A", f"192.0.2.1 {SHORT}", more=more, tunnel=TUNNEL.format(1, "GigabitEthernet0/1"))
    scenario = load(tmp_path, site, router("ISP", f"192.0.2.2 {SHORT}"))
    assert "ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/1 192.0.2.2 10 name out" in scenario.configurations["A"]


def test_a_link_for_two_with_one_on_it_leads_to_the_provider_and_is_no_lan(tmp_path: Path) -> None:
    """It was a LAN with a computer."""
    scenario = load(tmp_path, router("A", f"192.0.2.1 {SHORT}", "192.0.2.9 255.255.255.254", f"10.1.1.1 {LONG}"))
    assert wires(scenario) == [
        ["A:GigabitEthernet0/1", "PROVIDER:GigabitEthernet0/2"],
        ["A:GigabitEthernet0/2", "PROVIDER:GigabitEthernet0/1"],
    ] or wires(scenario) == [
        ["A:GigabitEthernet0/2", "PROVIDER:GigabitEthernet0/1"],
        ["A:GigabitEthernet0/1", "PROVIDER:GigabitEthernet0/2"],
    ]
    assert [host.link for host in scenario.lab.hosts.values()] == ["A:GigabitEthernet0/3"]


def test_a_spoke_is_no_hub_because_it_sends_multicasts_to_who_registers(tmp_path: Path) -> None:
    dynamic = " ip nhrp network-id 1\n ip nhrp map multicast dynamic"
    tunnels = [
        TUNNEL.format(1, "GigabitEthernet0/1") + f"\n{dynamic}",
        TUNNEL.format(2, "GigabitEthernet0/1") + f"\n{dynamic}\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1",
    ]
    texts = [router(name, f"192.0.2.{n} {LONG}", tunnel=tunnels[n - 1]) for n, name in enumerate("AB", 1)]
    scenario = load(tmp_path, *texts)
    assert [scenario.role(name) for name in "AB"] == ["hub", "spoke"]


def test_a_default_route_into_a_tunnel_or_null_needs_no_gateway(tmp_path: Path) -> None:
    more = "ip route 0.0.0.0 0.0.0.0 Tunnel0\nip route 0.0.0.0 0.0.0.0 Null0 250"
    assert load(tmp_path, router("A", f"10.1.1.1 {LONG}", more=more, tunnel=TUNNEL.format(1, "Loopback0"))).notes == ()


def test_a_source_without_a_default_route_is_said_to_have_none(tmp_path: Path) -> None:
    text = router("A", f"192.0.2.1 {SHORT}", tunnel=TUNNEL.format(1, "GigabitEthernet0/1"))
    assert (
        load(tmp_path, text)
        .notes[0]
        .endswith("is on this wire, and no default route leads out of it; the lab puts 192.0.2.2 there")
    )


def test_a_gateway_beside_a_second_address_is_not_said_to_be_nowhere(tmp_path: Path) -> None:
    two = f"10.1.1.1 {LONG}\n ip address 10.2.2.1 {LONG} secondary"
    scenario = load(tmp_path, router("A", two, more="ip route 0.0.0.0 0.0.0.0 10.2.2.9"))
    assert scenario.notes == ("A GigabitEthernet0/1 has more than one address: only the first determines its link",)


def test_a_gateway_behind_its_interface_is_a_gateway(tmp_path: Path) -> None:
    scenario = load(
        tmp_path, router("A", f"10.1.1.1 {LONG}", more="ip route 0.0.0.0 0.0.0.0 Gi0/1 10.1.1.9 200 name W")
    )
    assert " ip address 10.1.1.9 255.255.255.0\n" in scenario.configurations["PROVIDER"]


@pytest.mark.parametrize("gateway", ["10.1.1.0", "10.1.1.255"])
def test_a_gateway_that_no_router_can_have_is_said_and_ignored(gateway: str, tmp_path: Path) -> None:
    """It was an error in PROVIDER.cfg, a file that nobody had written."""
    scenario = load(tmp_path, router("A", f"10.1.1.1 {LONG}", more=f"ip route 0.0.0.0 0.0.0.0 {gateway}"))
    assert scenario.notes == (f"A has the gateway {gateway}, which no router can have: ignored",)
    assert list(scenario.configurations) == ["A"]


def test_of_two_sites_with_one_address_towards_the_provider_the_second_is_left_out_and_said(tmp_path: Path) -> None:
    """It was an error in PROVIDER.cfg, a file that nobody had written."""
    texts = [router(name, f"192.0.2.1 {SHORT}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.2") for name in "AB"]
    scenario = load(tmp_path, *texts)
    said = (
        "A GigabitEthernet0/1 192.0.2.1/30 and B GigabitEthernet0/1 192.0.2.1/30 overlap: PROVIDER has only the first"
    )
    assert any(note.startswith(said) for note in scenario.notes)
    assert wires(scenario) == [["A:GigabitEthernet0/1", "PROVIDER:GigabitEthernet0/1"]]


@pytest.mark.parametrize(
    ("name", "called"), [("../../etc", "etc"), ("R:1", "R-1"), ("2901-HQ", "R2901-HQ"), ("a" * 32, "a" * 31)]
)
def test_a_host_name_that_no_router_of_a_lab_can_have_becomes_one_and_is_said(
    name: str, called: str, tmp_path: Path
) -> None:
    """It was a traceback, and then an error, though a lab can call the router what it likes."""
    scenario = load(tmp_path, router(name, f"10.1.1.1 {LONG}"))
    assert list(scenario.configurations) == [called]
    assert scenario.notes[0].startswith(f"{name} is {called} here: ")


def test_names_that_are_taken_are_left_to_those_who_have_them(tmp_path: Path) -> None:
    """Of routers that are called PROVIDER, or as a computer would be."""
    names = ("PROVIDER", "PROVIDER-1", "PROVIDER-2", "PROVIDER-3", "H1", "A", "B" * 31)
    texts = [
        router(
            name, f"10.{number}.1.1 {LONG}", f"10.{number}.2.1 {LONG}", more=f"ip route 0.0.0.0 0.0.0.0 10.{number}.1.2"
        )
        for number, name in enumerate(names)
    ]
    scenario = load(tmp_path, *texts)
    assert scenario.role("PROVIDER-4") == "provider"
    assert {"H-2", "H-A", "H-PROVIDER", "H-H1"} <= set(scenario.lab.hosts)
    assert len(scenario.lab.hosts) == len(names)


def test_routers_that_nothing_is_plugged_into_are_one_message(tmp_path: Path) -> None:
    note = "file1, file2 have no physical interface with an IPv4 address: nothing is plugged in"
    assert note in load(tmp_path, router("A", f"10.1.1.1 {LONG}"), "ip cef\n", "ip cef\n").notes


def test_a_file_without_an_address_and_a_second_address_are_said(tmp_path: Path) -> None:
    two = f"10.1.1.1 {LONG}\n ip address 10.2.2.1 {LONG} secondary"
    assert load(tmp_path, router("A", two), "ip cef\n").notes == (
        "A GigabitEthernet0/1 has more than one address: only the first determines its link",
        "file1 has no physical interface with an IPv4 address: nothing is plugged in",
    )


def test_a_tunnel_source_that_is_a_loopback_is_reached_by_the_provider(tmp_path: Path) -> None:
    loopback = "interface Loopback0\n ip address 203.0.113.77 255.255.255.255"
    text = router(
        "A",
        f"192.0.2.1 {SHORT}",
        more=f"{loopback}\n!\nip route 0.0.0.0 0.0.0.0 192.0.2.2",
        tunnel=TUNNEL.format(1, "Loopback0"),
    )
    assert "ip route 203.0.113.77 255.255.255.255 192.0.2.1" in load(tmp_path, text).configurations["PROVIDER"]


def test_who_speaks_rip_with_a_provider_finds_one_that_does(tmp_path: Path) -> None:
    rip = "router rip\n version 2\n network 192.0.2.0"
    texts = [
        router(name, f"{address} {SHORT}", tunnel=TUNNEL.format(number, "GigabitEthernet0/1"), more=rip)
        for number, (name, address) in enumerate({"A": "192.0.2.1", "B": "192.0.2.5"}.items(), 1)
    ]
    scenario = load(tmp_path, *texts)
    assert "router rip\n version 2\n network 192.0.2.0\n" in scenario.configurations["PROVIDER"]
    assert len(scenario.notes) == 3


@pytest.mark.lengthy
@pytest.mark.parametrize("name", ["notes-phase1", "notes-phase3", "intro-phase3", "dual-hub", "phase2-eigrp"])
@pytest.mark.parametrize("with_provider", [True, False])
def test_the_scenarios_come_up_from_their_configurations_alone(
    name: str, tmp_path: Path, *, with_provider: bool
) -> None:
    for path in (BUILT_IN / name).glob("*.cfg"):
        if with_provider or path.stem != "TRANSPORT":
            (tmp_path / path.name).write_text(path.read_text())
    world = World(str(tmp_path)).converge()
    written = Scenario.load(name)
    for router_name in written.configurations:
        if with_provider or router_name != "TRANSPORT":
            assert world.scenario.role(router_name) == written.role(router_name)
    assert len(world.scenario.lab.hosts) == len(written.lab.hosts)


@pytest.mark.parametrize(
    "default",
    [
        "ip route 0.0.0.0 0.0.0.0 198.51.100.1\n",
        "ip route 0.0.0.0 0.0.0.0 192.0.2.2 105\nrouter eigrp 1\n"
        "interface Loopback0\n ip summary-address eigrp 1 0.0.0.0 0.0.0.0\n",
    ],
    ids=["a gateway that is nowhere", "a summary that throws everything away"],
)
def test_a_default_route_that_cannot_be_used_is_none(default: str, tmp_path: Path) -> None:
    """Two public labs: the provider's BGP would have brought the routes, and the file has a default route beside it."""
    bgp = "router bgp 1\n neighbor 192.0.2.2 remote-as 2\n"
    tunnel = "interface Tunnel0\n ip address 10.0.0.{} 255.255.255.0\n tunnel source GigabitEthernet0/1\n"
    hub = router("HUB", f"192.0.2.1 {SHORT}", more=bgp + tunnel.format(1) + default)
    spoke = router("S", f"192.0.2.5 {SHORT}", more=f"ip route 0.0.0.0 0.0.0.0 192.0.2.6\n{tunnel.format(2)}")
    text = load(tmp_path, hub, spoke).configurations["HUB"]
    added = ("ip route 0.0.0.0 0.0.0.0 192.0.2.2 254", "ip route 192.0.2.5 255.255.255.255 192.0.2.2 254")
    assert any(line in text for line in added)


def test_a_neighbor_of_external_bgp_is_the_provider_whatever_the_mask(tmp_path: Path) -> None:
    """On a /28 that no tunnel has as its source: the router's way to everything was not there."""
    bgp = "router bgp 1001\n neighbor 30.30.30.1 remote-as 301\n neighbor 30.30.30.14 remote-as 1001\n"
    scenario = load(tmp_path, router("R15", "30.30.30.2 255.255.255.240", more=bgp))
    assert "ip address 30.30.30.1 255.255.255.240" in scenario.configurations["PROVIDER"]
    assert "30.30.30.14" not in scenario.configurations["PROVIDER"]
