"""Two customers with equal addresses share two routers: each has a VRF, and each protocol keeps their routes apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.app.config import check_scenario
from dmvpn.app.main import main
from dmvpn.face.context import new_session
from dmvpn.face.session import ConsoleSession
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.shells.convergence import flapping
from dmvpn.shells.lab_model import Lab
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

_ROUTER = file_text("two_customers_router.cfg")
_EIGRP_NAMED = """router eigrp CUSTOMERS
 address-family ipv4 unicast vrf A autonomous-system 100
  network 0.0.0.0
 exit-address-family
 address-family ipv4 unicast vrf B autonomous-system 100
  network 0.0.0.0
 exit-address-family"""
_EIGRP_CLASSIC = """router eigrp 1
 address-family ipv4 vrf A
  network 0.0.0.0
  autonomous-system 100
 exit-address-family
 address-family ipv4 vrf B autonomous-system 100
  network 0.0.0.0
 exit-address-family"""
_OSPF = """router ospf 1 vrf A
 network 0.0.0.0 255.255.255.255 area 0
router ospf 2 vrf B
 network 0.0.0.0 255.255.255.255 area 0"""
_RIP = file_text("two_customers_rip.cfg")
_BGP = file_text("two_customers_bgp.cfg")
_STATIC = """ip route vrf A 192.168.{o}.0 255.255.255.0 10.0.0.{o}
ip route vrf B 192.168.{o}.0 255.255.255.0 GigabitEthernet2 10.0.0.{o} name B
ip route vrf B 172.16.{o}.0 255.255.255.0 10.0.0.{o} 20 tag 5"""
#: What each protocol needs, and its letter.
PROTOCOLS = {
    "static": (_STATIC, "S"),
    "named-eigrp": (_EIGRP_NAMED, "D"),
    "classic-eigrp": (_EIGRP_CLASSIC, "D"),
    "ospf": (_OSPF, "O"),
    "rip": (_RIP, "R"),
    "bgp": (_BGP, "B"),
}


#: The same for IPv6 inside a tunnel; each router has a number.
IPV6_PROTOCOLS = {
    "bgp": """router bgp 65000
 bgp router-id 192.0.2.{n}
 address-family ipv6 vrf RED
  network 2001:DB8:{lan}::/64
{neighbors}""",
    "ospf": """router ospfv3 1
 address-family ipv6 unicast vrf RED
  router-id 0.0.0.{n}
interface Tunnel100
 ospfv3 1 ipv6 area 0
 ospfv3 network point-to-multipoint
interface GigabitEthernet0/2
 ospfv3 1 ipv6 area 0""",
    "eigrp": """router eigrp CLOUD
 address-family ipv6 unicast vrf RED autonomous-system 100
  eigrp router-id 192.0.2.{n}
  af-interface Tunnel100
   no split-horizon""",
}


@pytest.mark.parametrize(
    ("protocol", "show"),
    [
        ("bgp", "bgp vpnv6 unicast vrf RED"),
        ("ospf", "ospfv3 vrf RED rib"),
        ("eigrp", "ipv6 eigrp vrf RED topology"),
    ],
)
def test_an_overlay_of_ipv6_in_a_vrf_has_routes_that_the_global_table_has_not(protocol: str, show: str) -> None:
    def change(name: str, text: str) -> str:
        if not name.startswith("R"):
            return text
        kept = [line for line in text.splitlines() if "eigrp" not in line and line != "end"]
        ports = "interface Tunnel100", "interface GigabitEthernet0/2"
        moved = [each for line in kept for each in ((line, " vrf forwarding RED") if line in ports else (line,))]
        peers = (31, 41) if name == "R11" else (11,)
        about = ("remote-as 65000", "activate", *(("route-reflector-client",) if name == "R11" else ()))
        neighbors = "\n".join(f"  neighbor 2001:DB8:100::{one} {what}" for one in peers for what in about)
        lines = IPV6_PROTOCOLS[protocol].format(n=name[1:], lan=name[1], neighbors=neighbors)
        return "\n".join(("vrf definition RED", " address-family ipv6", *moved, lines, "end", ""))

    world = World("ipv6-only", change=change)
    world.run_for(60)
    assert "2001:DB8:4::/64" in world.show("R31", "ipv6 route vrf RED")
    assert "2001:DB8:4::/64" in world.show("R31", show)
    assert "2001:DB8" not in world.show("R31", "ipv6 route")
    assert world.stream("H3", "2001:db8:4::100", seconds=2, rate=5) == len(world.replies("H3"))


def two_customers(routing: str) -> World:
    """Return R1 and R2 with a wire for each of both VRFs."""
    wires = [{"ends": [f"R{n}:GigabitEthernet{port}" for n in (1, 2)]} for port in (1, 2)]
    lab = Lab.model_validate({"routers": {"R1": {}, "R2": {}}, "links": wires})
    texts = {f"R{n}": _ROUTER.format(n=n, routing=routing.format(n=n, o=3 - n)) for n in (1, 2)}
    return World.of(Scenario("two-customers", lab, texts))


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_each_customer_has_the_routes_of_its_own_network(protocol: str) -> None:
    routing, letter = PROTOCOLS[protocol]
    world = two_customers(routing)
    world.run_for(90)
    tables = {vrf: world.do("R1", f"show ip route vrf {vrf}").splitlines() for vrf in ("A", "B")}
    for vrf, port in (("A", 1), ("B", 2)):
        assert tables[vrf][:2] == ["", f"Routing Table: {vrf}"]
        (route,) = [line for line in tables[vrf] if " 192.168.2." in line and line.startswith(letter)]
        assert "via 10.0.0.2" in route
        assert f"GigabitEthernet{port}" in route or protocol in ("static", "bgp")
    assert any("172.16.2." in line for line in tables["B"])
    assert not any("172.16.2." in line for line in tables["A"])
    assert "10.0.0" not in world.do("R1", "show ip route")
    assert "Success rate is 100 percent" in world.do("R1", "ping vrf B 172.16.2.1 source Loopback3")
    assert "Success rate is 0 percent" in world.do("R1", "ping vrf A 172.16.2.1")


def test_what_a_router_runs_it_can_read_again(protocol: str) -> None:
    world = two_customers(PROTOCOLS[protocol][0])
    running = world.do("R1", "show running-config")
    assert configurator(FEATURES).parse_text(running).problems == ()
    for line in PROTOCOLS[protocol][0].format(n=1, o=2).splitlines():
        assert line in running.splitlines()


def test_shows_of_eigrp_name_the_vrf() -> None:
    world = two_customers(_EIGRP_NAMED)
    world.run_for(30)
    shown = world.do("R1", "show ip eigrp vrf B neighbors").splitlines()
    assert shown[:2] == ["EIGRP-IPv4 VR(CUSTOMERS) Address-Family Neighbors for AS(100)", "           VRF(B)"]
    assert [line.split()[1:3] for line in shown[4:]] == [["10.0.0.2", "Gi2"]]
    assert "172.16.2.0/24" in world.do("R1", "show eigrp address-family ipv4 vrf B topology")
    assert "172.16.2.0/24" not in world.do("R1", "show eigrp address-family ipv4 vrf A topology")
    assert "10.0.0.2" not in world.do("R1", "show ip eigrp neighbors")
    assert "VRF(A)" in world.do("R1", "show ip protocols vrf A")
    assert "eigrp 100" not in world.do("R1", "show ip protocols")
    assert world.do("R1", "show ip eigrp vrf C neighbors") == "% IP routing table vrf C does not exist\n"


def test_neighbors_of_one_vrf_are_cleared_without_those_of_the_other() -> None:
    world = two_customers(_EIGRP_CLASSIC)
    world.run_for(60)
    world.do("R1", "clear ip eigrp vrf A neighbors")
    world.run_for(10)
    ages = {}
    for vrf in ("A", "B"):
        (line,) = [
            one for one in world.do("R1", f"show ip eigrp vrf {vrf} neighbors").splitlines() if "10.0.0.2" in one
        ]
        ages[vrf] = line.split()[4]
    assert ages["A"] < "00:00:15" < ages["B"]


def test_processes_of_ospf_are_shown_by_their_numbers_whatever_their_vrfs() -> None:
    world = two_customers(_OSPF + "\n network 0.0.0.0 255.255.255.255 area 0")
    world.run_for(60)
    neighbors = world.do("R1", "show ip ospf neighbor")
    assert [line.split()[-1] for line in neighbors.splitlines() if "10.0.0.2" in line] == [
        "GigabitEthernet1",
        "GigabitEthernet2",
    ]
    process = world.do("R1", "show ip ospf 2")
    assert 'Routing Process "ospf 2"' in process
    assert "   Domain ID type 0x0005, value 0.0.0.2" in process
    assert " Connected to MPLS VPN Superbackbone, VRF B" in process
    world.configure("R1", "router ospf 2 vrf B", "capability vrf-lite")
    assert "Superbackbone" not in world.do("R1", "show ip ospf 2")
    assert "172.16.2.0" not in world.do("R1", "show ip ospf 1 database")
    assert 'Routing Protocol is "ospf 2"' in world.do("R1", "show ip protocols vrf B")
    assert "ospf" not in world.do("R1", "show ip protocols")
    assert "% VRF specified does not match existing router" in world.configure("R1", "router ospf 1")
    world.do("R1", "clear ip ospf 2 process", "yes")


def test_neighbors_of_bgp_in_vrfs_have_sessions_of_their_own() -> None:
    world = two_customers(_BGP)
    world.run_for(90)
    log = [line for line in world.console["R1"] if "BGP-5-ADJCHANGE" in line]
    assert [line[line.index("neighbor") :] for line in sorted(log)] == [
        "neighbor 10.0.0.2 vpn vrf A Up",
        "neighbor 10.0.0.2 vpn vrf B Up",
    ]
    summary = world.do("R1", "show bgp vpnv4 unicast vrf B summary")
    assert [line.split()[-1] for line in summary.splitlines() if line.startswith("10.0.0.2")] == ["2"]
    assert "172.16.2.0" in world.do("R1", "show ip bgp vpnv4 vrf B")
    assert "172.16.2.0" not in world.do("R1", "show ip bgp vpnv4 vrf A")
    assert "172.16.2.0" not in world.do("R1", "show ip bgp")
    world.do("R1", "clear bgp vrf B *")
    world.run_for(1)
    downs = [line for line in world.console["R1"] if "Down" in line]
    assert downs
    assert all("vrf B" in line for line in downs)


def test_external_neighbors_in_a_vrf_hear_of_a_route_at_once() -> None:
    """A spoke waited 30 seconds for the networks of other spokes. IOS waits so only outside of VRFs."""
    world = two_customers(_BGP)
    world.run_for(90)
    new = ("interface Loopback9", "vrf forwarding A", "ip address 192.168.9.1 255.255.255.0")
    world.configure("R2", *new)
    world.run_for(2)
    world.configure("R2", *new[:2], "ip address 192.168.99.1 255.255.255.0")
    world.run_for(2)
    assert "B     192.168.99.0/24" in world.do("R1", "show ip route vrf A bgp")
    shown = world.do("R1", "show bgp vpnv4 unicast vrf A neighbors 10.0.0.2")
    assert "Default minimum time between advertisement runs is 0 seconds" in shown


def test_the_database_of_rip_is_that_of_one_vrf() -> None:
    world = two_customers(_RIP)
    world.run_for(60)
    assert "172.16.2.0/24" in world.do("R1", "show ip rip database vrf B")
    assert "172.16.2.0/24" not in world.do("R1", "show ip rip database vrf A")


def test_static_routes_of_a_vrf_are_shown_as_such() -> None:
    world = two_customers(_STATIC)
    world.run_for(5)
    shown = world.do("R1", "show ip static route vrf B").splitlines()
    assert "Static local RIB for B " in shown
    assert "M  192.168.2.0/24 [1/0] via GigabitEthernet2 10.0.0.2 [A]" in shown
    assert "S    " in world.do("R1", "show ip route vrf B static")
    assert "IP routing table name is A (0x1)" in world.do("R1", "show ip route vrf A summary")
    assert "IP routing table name is B (0x2)" in world.do("R1", "show ip route vrf B summary")
    assert "10.0.0.2" in world.do("R1", "show ip cef vrf B 172.16.2.0")
    assert world.do("R1", "show ipv6 mtu vrf NONE") == "% IP routing table vrf NONE does not exist\n"
    assert world.do("R1", "show ip route vrf NONE") == "% IP routing table vrf NONE does not exist\n"
    assert world.do("R1", "clear ip route vrf NONE *") == "% IP routing table vrf NONE does not exist\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("ip route vrf C 10.0.0.0 255.0.0.0 10.0.0.2", "% IP routing table C does not exist"),
        ("ip route vrf A 10.0.0.1 255.0.0.0 10.0.0.2", "%Inconsistent address and mask"),
        (
            "ip route vrf A 10.0.0.0 255.0.0.0 GigabitEthernet1",
            "% For VPN routes, must specify a next hop IP address if not a point-to-point interface",
        ),
    ],
)
def test_a_static_route_that_no_vrf_can_have_is_refused(line: str, answer: str) -> None:
    world = two_customers("")
    assert answer in world.configure("R1", line)


# A provider's router marks what it brings into a VRF's OSPF, and a router that has OSPF in a VRF heeds the mark.
#
# RFC 4576, RFC 4577 §4.2.5; `capability vrf-lite` as on IOS.

_OSPF_ROUTER = file_text("ospf_in_vrfs_router.cfg")
_INTO_OSPF = """ redistribute bgp 65000 subnets
 redistribute static subnets
router bgp 65000
 address-family ipv4 vrf C
  neighbor 10.0.1.3 remote-as 65003
  neighbor 10.0.1.3 activate
ip route vrf C 172.16.0.0 255.255.0.0 Null0"""
_SITE = file_text("ospf_in_vrfs_site.cfg")


def provider(area: str = "area 1 stub\n no area 1 stub") -> World:
    """Return R3, whose route R1 brings by BGP into the OSPF that it shares with R2, in a VRF of both."""
    wires = [{"ends": ["R1:GigabitEthernet1", "R2:GigabitEthernet1"]}]
    wires.append({"ends": ["R1:GigabitEthernet2", "R3:GigabitEthernet1"]})
    lab = Lab.model_validate({"routers": {f"R{n}": {} for n in (1, 2, 3)}, "links": wires})
    texts = {f"R{n}": _OSPF_ROUTER.format(n=n, area=area, routing=_INTO_OSPF if n == 1 else "") for n in (1, 2)}
    world = World.of(Scenario("provider", lab, {**texts, "R3": _SITE}))
    world.run_for(90)
    return world


@pytest.fixture(params=["area 1 stub\n no area 1 stub", "area 1 nssa"], ids=["type 5", "type 7"])
def provided(request: pytest.FixtureRequest) -> World:
    return provider(str(request.param))


def learned(world: World) -> list[str]:
    """Return the external routes of R2."""
    lines = world.do("R2", "show ip route vrf C ospf").splitlines()
    return [line.split()[2].split("/")[0] for line in lines if line.startswith(("O E", "O N"))]


def marked(world: World) -> list[str]:
    """Return the external LSAs with the DN bit that R2 has."""
    shown = "\n".join(world.do("R2", f"show ip ospf database {kind}") for kind in ("external", "nssa-external"))
    blocks = shown.split("  LS age:")[1:]
    return [block.split("Link State ID: ")[1].split()[0] for block in blocks if "Downward" in block]


def test_a_router_in_a_vrf_uses_no_route_that_a_provider_brought_in(provided: World) -> None:
    assert marked(provided) == ["192.168.3.0"]
    assert learned(provided) == ["172.16.0.0"]


def test_with_capability_vrf_lite_it_uses_them(provided: World) -> None:
    provided.configure("R2", "router ospf 1 vrf C", "capability vrf-lite")
    provided.run_for(15)
    assert learned(provided) == ["172.16.0.0", "192.168.3.0"]
    provided.configure("R2", "router ospf 1 vrf C", "no capability vrf-lite")
    provided.run_for(15)
    assert learned(provided) == ["172.16.0.0"]


def test_a_router_with_capability_vrf_lite_marks_nothing(provided: World) -> None:
    provided.configure("R1", "router ospf 1 vrf C", "capability vrf-lite")
    provided.run_for(15)
    assert marked(provided) == []
    assert learned(provided) == ["172.16.0.0", "192.168.3.0"]
    assert " capability vrf-lite" in provided.do("R1", "show running-config")


def test_routes_of_other_protocols_and_processes_outside_vrfs_are_not_marked() -> None:
    world = provider()
    for name in ("R1", "R2"):
        lines = world.do(name, "show running-config").replace("router ospf 1 vrf C", "router ospf 1")
        lines = lines.replace(" vrf forwarding C\n", "").replace("address-family ipv4 vrf C", "address-family ipv4")
        world.sim.kill(name)
        world.sim.boot(name, lines.replace("ip route vrf C", "ip route"))
    world.run_for(120)
    assert "192.168.3.0" in world.do("R2", "show ip route ospf")
    assert marked(world) == []


# A port in a VRF is in no routing protocol of the global table, and the tunnel comes up through its front door.

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


# Shows that name a VRF, or all of them, in the scenario of two customers with equal addresses.


@pytest.fixture(scope="module")
def two_networks() -> World:
    return World("two-customers").converge()


def test_all_tables_are_shown_one_after_the_other(two_networks: World) -> None:
    lines = two_networks.lines("SPOKE1", "ip route vrf *")
    assert [line for line in lines if line.startswith("Routing Table: ")] == [
        "Routing Table: BLUE",
        "Routing Table: RED",
    ]
    assert lines[0].startswith("Codes: "), "the global table is the first, and has no name"
    assert lines.index("Routing Table: BLUE") > next(i for i, line in enumerate(lines) if "198.51.100.2" in line)


def test_stations_are_those_of_their_table(two_networks: World) -> None:
    def interfaces(what: str) -> list[str]:
        return [line.split()[-1] for line in two_networks.lines("SPOKE1", what)[1:]]

    assert interfaces("arp") == ["GigabitEthernet0/1"]
    assert interfaces("ip arp vrf RED") == ["GigabitEthernet0/2"]
    assert interfaces("arp vrf BLUE 10.0.1.1") == ["GigabitEthernet0/3"]
    assert interfaces("arp GigabitEthernet0/2") == ["GigabitEthernet0/2"]


def test_the_configuration_of_a_vrf_has_what_is_about_it(two_networks: World) -> None:
    lines = two_networks.lines("SPOKE1", "running-config vrf RED")
    assert [line for line in lines if line and not line.startswith((" ", "!", "Current", "Building"))] == [
        "vrf definition RED",
        "interface Tunnel1",
        "interface GigabitEthernet0/2",
        "router eigrp CUSTOMERS",
        "end",
    ]
    assert "  network 10.0.0.0" in lines
    assert "vrf BLUE" not in "\n".join(lines)


def test_vrfs_are_listed_by_interface(two_networks: World) -> None:
    assert two_networks.lines("SPOKE1", "vrf interface RED") == [
        "Interface              VRF                              Protocol   Address",
        "Gi0/2                  RED                              up         10.0.1.1",
        "Tu1                    RED                              up         10.255.0.11",
    ]
    assert two_networks.lines("SPOKE1", "vrf ipv4 unicast brief RED") == two_networks.lines("SPOKE1", "vrf RED")


@pytest.mark.parametrize("what", ["arp vrf X", "ip arp vrf X", "running-config vrf X", "ip route vrf X", "vrf X"])
def test_a_vrf_that_does_not_exist_is_named(two_networks: World, what: str) -> None:
    (line,) = two_networks.do("SPOKE1", f"show {what}").splitlines()
    assert line.startswith("% ")
    assert " X" in line


def typed(world: World, *lines: str) -> str:
    """Return what the console of SPOKE1 shows while somebody types these lines, each with Return."""
    handle = world.handle("SPOKE1")
    session = ConsoleSession(handle, new_session())
    handle.subscribe(session.effect)
    session.start()
    for line in lines:
        session.feed(f"{line}\r".encode())
        for _ in range(600):
            if not session.busy:
                break
            world.run_for(0.1)
            session.pump()
    return session.take_output().decode().replace("\r\n", "\n")


def test_ping_asks_its_questions_about_a_vrf(two_networks: World) -> None:
    """`ping vrf RED` alone was an incomplete command."""
    said = typed(two_networks, "ping vrf RED", "", "10.0.2.1", "2", *[""] * 4)
    assert "ping vrf RED\nProtocol [ip]: \nTarget IP address: 10.0.2.1\n" in said
    assert "Success rate is 100 percent (2/2)" in said
    assert "Success rate is 0 percent" in typed(two_networks, "ping", "", "10.0.2.1", "2", *[""] * 4)


def test_traceroute_asks_its_questions_about_a_vrf(two_networks: World) -> None:
    assert "\n  2 10.255.0.12 " in typed(two_networks, "traceroute vrf BLUE ip", "10.255.0.12", *[""] * 8)


def test_ipv6_networks_of_a_vrf_are_in_its_table_alone(two_networks: World) -> None:
    for router, number in (("SPOKE1", 1), ("HUB", 2)):
        two_networks.configure(
            router,
            *("ipv6 unicast-routing", "vrf definition RED", "address-family ipv6", "exit-address-family"),
            *("interface GigabitEthernet0/2", f"ipv6 address 2001:db8:{number}::1/64"),
        )
    two_networks.run_for(1)
    table = two_networks.lines("SPOKE1", "ipv6 route vrf RED")
    assert table[0] == "IPv6 Routing Table - RED - 3 entries"
    assert "C   2001:DB8:1::/64 [0/0]" in table
    assert "2001:DB8" not in two_networks.show("SPOKE1", "ipv6 route")
    assert "ipv4,ipv6" in two_networks.show("SPOKE1", "vrf RED")
    assert "Address family ipv6 unicast (Table ID = 0x1E000002):" in two_networks.lines("SPOKE1", "vrf detail RED")
    assert "Success rate is 100 percent" in two_networks.do("SPOKE1", "ping vrf RED ipv6 2001:db8:1::1")
    assert "Unrecognized host" in two_networks.do("SPOKE1", "ping ipv6 2001:db8:1::1")
