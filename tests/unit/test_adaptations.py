"""What labs do in place of strangers' lines: undefined VRFs, DHCP and ciphers that nothing here has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.features.ike.suites import isakmp_lacks
from dmvpn.network.device import Device
from dmvpn.network.lines import with_lines
from dmvpn.router.entered_text import take_in
from dmvpn.shells.adaptations import adapted, secured
from dmvpn.shells.scenario import Scenario
from support.texts import file_text
from support.world import World

if TYPE_CHECKING:
    from pathlib import Path

_TUNNEL = """interface Tunnel0
 ip address 172.16.0.{0} 255.255.255.0
 ip nhrp network-id 1
 {1}
 tunnel source {2}
 tunnel mode gre multipoint
"""
_PORT = "interface GigabitEthernet0/0\n {0}\n no shutdown\n"
_NHS = "ip nhrp nhs 172.16.0.1 nbma 203.0.113.1 multicast"


def _router(name: str, number: int, port: str, *, source: str = "GigabitEthernet0/0", more: str = "") -> str:
    nhrp = "ip nhrp map multicast dynamic" if number == 1 else _NHS
    return f"hostname {name}\n{more}{_TUNNEL.format(number, nhrp, source)}{_PORT.format(port)}"


def _comes_up(folder: Path, *texts: str) -> Scenario:
    for number, text in enumerate(texts):
        (folder / f"r{number}.cfg").write_text(text)
    return World(str(folder)).converge().scenario


@pytest.mark.parametrize("definition", ["vrf definition INET\n address-family ipv4\n exit-address-family\n", ""])
def test_a_wan_port_in_a_vrf_of_its_own_comes_up_whether_the_file_defines_the_vrf_or_not(
    definition: str, tmp_path: Path
) -> None:
    """`tunnel vrf` kept the tunnel down, and nobody answered for the gateway of the VRF. An excerpt may lack the
    definition.
    """
    texts = [
        _router(
            name,
            number,
            f"vrf forwarding INET\n ip address 203.0.113.{4 * number - 3} 255.255.255.252",
            more=definition,
        ).replace("tunnel mode", "tunnel vrf INET\n tunnel mode")
        + f"ip route vrf INET 0.0.0.0 0.0.0.0 203.0.113.{4 * number - 2}\n"
        for number, name in enumerate("AB", 1)
    ]
    scenario = _comes_up(tmp_path, *texts)
    notes, text = Scenario.load(str(tmp_path)).notes, scenario.configurations["A"]
    assert ("A: VRF INET is not defined: the lab takes it for the global table" in notes) is not bool(definition)
    assert (" tunnel vrf INET" in text) is bool(definition)
    assert f"ip route {'vrf INET ' if definition else ''}0.0.0.0 0.0.0.0 203.0.113.2" in text


def test_a_line_keeps_its_number(tmp_path: Path) -> None:
    text = _router("A", 1, "ip address dhcp").replace("tunnel mode", "tunnel vrf X\n tunnel mode")
    changed = adapted({"a": text + "crypto ipsec transform-set T esp-3des esp-md5-hmac\n"}).texts["a"].split("\n")
    for before, after in zip(text.split("\n"), changed, strict=False):
        assert before == after or "dhcp" in before or "vrf" in before or "transform" in before or not before


def test_named_eigrp_of_a_vrf_that_is_not_defined_runs_in_the_global_table() -> None:
    line = "router eigrp X\n address-family ipv4 unicast vrf RED autonomous-system 7\n"
    assert "\n address-family ipv4 unicast autonomous-system 7\n" in adapted({"a": line}).texts["a"]


def test_a_port_whose_address_is_negotiated_is_plugged_into_the_provider(tmp_path: Path) -> None:
    """Spokes behind PPPoE had no wire, and their tunnels were down."""
    spoke = _router("A", 2, "ip address negotiated").replace("GigabitEthernet0/0", "Dialer1")
    hub = _router("HUB", 1, "ip address 203.0.113.1 255.255.255.0") + "ip route 0.0.0.0 0.0.0.0 203.0.113.254\n"
    assert " ip address 198.18.0.2 255.255.255.252\n" in _comes_up(tmp_path, hub, spoke).configurations["A"]
    note = "A Dialer1 gets its address by PPP: the lab gives it 198.18.0.2/30"
    assert note in Scenario.load(str(tmp_path)).notes


def test_ports_with_dhcp_have_the_addresses_that_tunnels_name(tmp_path: Path) -> None:
    """Nothing was plugged in there, and the tunnels stayed down."""
    scenario = _comes_up(
        tmp_path,
        _router("HUB", 1, "ip address dhcp"),
        _router("A", 2, "ip address dhcp", source="203.0.113.77"),
        _router("B", 3, "ip address dhcp"),
    )
    assert "ip address 203.0.113.1 255.255.255.0" in scenario.configurations["HUB"]
    assert "ip address 203.0.113.77 255.255.255.0" in scenario.configurations["A"]
    assert " ip address dhcp\n" in scenario.configurations["B"], "nobody says which"
    notes = Scenario.load(str(tmp_path)).notes
    assert "B GigabitEthernet0/0 gets its address by DHCP: PROVIDER leases it 198.18.0.2/30" in notes
    assert "A GigabitEthernet0/0 gets its address by DHCP: the lab gives it 203.0.113.77/24" in notes


def test_a_port_with_dhcp_has_an_address_of_the_pool_that_is_there(tmp_path: Path) -> None:
    isp = (
        "hostname ISP\nip dhcp pool P\n network 198.51.100.0 255.255.255.0\n"
        "interface GigabitEthernet0/0\n ip address 203.0.113.2 255.255.255.252\n"
        "interface GigabitEthernet0/1\n ip address 198.51.100.1 255.255.255.0\n"
    )
    hub = _router("HUB", 1, "ip address 203.0.113.1 255.255.255.252") + "ip route 0.0.0.0 0.0.0.0 203.0.113.2\n"
    scenario = _comes_up(tmp_path, hub, _router("A", 2, "ip address dhcp"), isp)
    assert "ip address 198.51.100.254 255.255.255.0" in scenario.configurations["A"]
    assert list(scenario.configurations) == ["HUB", "A", "ISP"], "nobody has to be added"


def test_a_port_with_dhcp_has_an_address_of_the_wire_that_somebody_drew() -> None:
    """It was plugged into a provider that nobody had drawn, and reached nobody."""
    isp = "".join(
        f"interface GigabitEthernet0/{number}\n ip address 198.51.{number}.9 255.255.255.0\n" for number in (1, 2)
    )
    texts = {"A": _router("A", 2, "ip address dhcp"), "ISP": f"hostname ISP\n{isp}"}
    drawn = {("A", "GigabitEthernet0/0"): 7, ("ISP", "GigabitEthernet0/1"): 6, ("ISP", "GigabitEthernet0/2"): 7}
    change = adapted(texts, drawn)
    assert "interface GigabitEthernet0/0\n ip address 198.51.2.254 255.255.255.0\n" in change.texts["A"]
    assert "ip route 0.0.0.0 0.0.0.0 198.51.2.9 254" in change.texts["A"]


def test_two_hubs_of_one_subnet_are_not_each_others_gateways(tmp_path: Path) -> None:
    """Excerpts of tunnels alone: no spoke reached a hub."""
    one, two = (_router(f"HUB{number}", number, "description WAN") for number in (1, 2))
    servers = "ip nhrp nhs 172.16.0.1 nbma 203.0.113.1\n ip nhrp nhs 172.16.0.2 nbma 203.0.113.2"
    scenario = _comes_up(tmp_path, one, two, _router("A", 3, "description WAN").replace(_NHS, servers))
    assert "ip route 0.0.0.0 0.0.0.0 203.0.113.3 254" in scenario.configurations["HUB1"]


@pytest.mark.parametrize("other", ["", "ip route 0.0.0.0 0.0.0.0 172.16.0.1\n"])
def test_a_port_with_dhcp_has_its_default_route_in_its_vrf(other: str, tmp_path: Path) -> None:
    """It was in the global table: no spoke with DHCP in a front-door VRF reached its hub."""
    vrf = "vrf definition INET\n address-family ipv4\n exit-address-family\n"
    hub = _router("HUB", 1, "ip address 203.0.113.1 255.255.255.0") + "ip route 0.0.0.0 0.0.0.0 203.0.113.2\n"
    spoke = _router("A", 2, "vrf forwarding INET\n ip address dhcp", more=vrf) + other
    scenario = _comes_up(tmp_path, hub, spoke.replace("tunnel mode", "tunnel vrf INET\n tunnel mode"))
    assert " ip address dhcp\n" in scenario.configurations["A"], "the lease has the route"


def test_the_source_of_a_tunnel_has_no_address_of_another_sites_pool() -> None:
    lan = (
        "interface GigabitEthernet0/1\n ip address 10.1.1.1 255.255.255.0\n"
        "ip dhcp pool LAN\n network 10.1.1.0 255.255.255.0\n"
    )
    texts = {
        "A": _router("A", 2, "ip address 203.0.113.2 255.255.255.0", more=lan),
        "B": _router("B", 3, "ip address dhcp"),
    }
    assert "ip address 198.18.0.2 255.255.255.252" in adapted(texts).texts["B"]


def test_ciphers_that_protect_nothing_are_replaced_alike_at_both_ends(tmp_path: Path) -> None:
    crypto = (
        "crypto isakmp policy 1\n encr 3des\n hash md5\n authentication pre-share\n group 2\n"
        "crypto isakmp key KEY address 0.0.0.0\n"
        "crypto ipsec transform-set T esp-3des esp-md5-hmac\n mode transport\n"
        "crypto ipsec profile P\n set transform-set T\n"
    )
    texts = [
        _router(name, number, f"ip address 203.0.113.{number} 255.255.255.0", more=crypto).replace(
            "tunnel mode", "tunnel protection ipsec profile P\n tunnel mode"
        )
        for number, name in enumerate("AB", 1)
    ]
    _comes_up(tmp_path, *texts)
    notes = tuple(
        note
        for name in "AB"
        for note in (
            f"{name}: T (esp-3des esp-md5-hmac) protects nothing and is not built: the lab uses esp-aes 192 "
            "esp-sha384-hmac in its place",
            f"{name} names no release: the lab permits the weak algorithms of its policies, as IOS does before 17.11",
        )
    )
    bare = Scenario.load(str(tmp_path))
    assert bare.notes == notes
    for name, file in bare.files.items():
        (tmp_path / f"{name}.cfg").write_text(file.read_text())
        if file.stem != name:
            file.unlink()
    (tmp_path / "lab.yaml").write_text("routers: {A: {}, B: {}}\nlinks: []\n")
    described = Scenario.load(str(tmp_path))
    assert described.notes == notes
    assert described.configurations == bare.configurations
    strict = Scenario.load(str(tmp_path), strict=True)
    assert all("shield" not in text and "esp-3des" in text for text in strict.configurations.values())


@pytest.mark.parametrize(
    ("head", "says"),
    [("version 15.2\n", "is of 15.2"), ("version 17.12\n", ""), ("! Written by dmvpn\n", ""), ("", "names no release")],
)
def test_a_lab_permits_weak_policies_where_the_release_does_and_where_there_is_none(head: str, says: str) -> None:
    """Of 40 networks as their authors published them, 20 had no isakmp policy that was used."""
    text = f"{head}hostname A\ncrypto isakmp policy 10\n encr aes\n group 5\n"
    for made in (adapted({"A": text}), secured({"A": text}, strict=False)):
        assert ("crypto engine compliance shield disable" in made.texts["A"].splitlines()) == bool(says)
        assert [note.removeprefix("A ").partition(":")[0] for note in made.notes] == ([says] if says else [])
        refused = f"{text}no crypto engine compliance shield disable\n"
        assert adapted({"A": refused}).notes == secured({"A": refused}, strict=False).notes == ()
    assert bool(secured({"A": text}, strict=True).notes) == ("15.2" in head)


@pytest.mark.parametrize(
    ("policy", "was", "now"),
    [
        ("cry isa pol 10\n", "des, group 1", "encryption aes 192, group 20"),
        ("crypto isakmp policy 10\n encr des\n group 5\n", "des", "encryption aes 192"),
        ("crypto isakmp policy 10\n encr aes\n", "group 1", "group 20"),
    ],
)
def test_policies_with_des_or_group_1_get_what_is_built_alike_at_both_ends(policy: str, was: str, now: str) -> None:
    """A policy without lines is one of DES and group 1: three of twelve networks of students had no tunnel by it."""
    text = f"hostname A\n{policy} authentication pre-share\n"
    for made in (adapted({"A": text}), secured({"A": text}, strict=False)):
        device = Device.read("A", made.texts["A"])
        assert f"A: isakmp policy 10 ({was}) is not built: the lab uses {now} in its place" in made.notes
        assert isakmp_lacks(device.ikev2.isakmp.policies[0], weak=True) == ()
    assert secured({"A": text}, strict=True).notes == ()


BY_POLICY = """hostname A
interface Ethernet0/0
 ip address 192.0.2.2 255.255.255.252
interface Ethernet0/1
 ip address 198.51.100.2 255.255.255.252
interface Ethernet0/2
 ip address 10.0.0.1 255.255.255.0
 ip policy route-map BALANCE
route-map OTHER permit 10
 set ip next-hop 192.0.2.1
route-map BALANCE permit 10
 match ip address LIST
 set ip next-hop 203.0.113.1
route-map BALANCE permit 20
 set ip next-hop verify-availability 198.51.100.1 10 track 1
"""


@pytest.mark.parametrize(
    ("more", "route"),
    [
        ("", "ip route 0.0.0.0 0.0.0.0 198.51.100.1 254"),
        ("ip route 0.0.0.0 0.0.0.0 192.0.2.1\n", ""),
        ("interface Ethernet0/3\n ip address dhcp\n", ""),
    ],
)
def test_a_router_whose_only_way_out_is_by_policy_routing_has_a_default_route(more: str, route: str) -> None:
    """Hosts of a site with two providers did not reach the Internet: its router sent packets out by a map alone."""
    made = adapted({"A": BY_POLICY + more})
    says = f"A has its way out by policy routing, which is not done: the lab gives it `{route}`"
    assert ("198.51.100.1 254" in made.texts["A"], says in made.notes) == (bool(route),) * 2
    assert secured({"A": BY_POLICY}, strict=False).notes == ()


OSPFV3 = """hostname {name}
interface Ethernet0/0
 ip address 192.0.2.{number} 255.255.255.252
 ipv6 enable
 ospfv3 network point-to-point
 ospfv3 1 ipv6 area 0
 ospfv3 1 ipv4 area 0
!
interface Loopback0
 ip address 10.0.{number}.1 255.255.255.255
!
router ospfv3 1
 area 10 stub
 !
 address-family ipv4 unicast
  redistribute connected
 exit-address-family
 !
 address-family ipv6 unicast
  passive-interface Ethernet0/0
 exit-address-family
!
"""


def test_ospf_version_3_for_ipv4_is_version_2_in_a_lab(tmp_path: Path) -> None:
    """A course's network had no routes inside its sites: no computer reached the Internet."""
    scenario = _comes_up(tmp_path, *(OSPFV3.format(name=name, number=number) for number, name in enumerate("AB", 1)))
    added = scenario.configurations["A"].partition("router ospf 1\n")[2].splitlines()[:2]
    assert added == [" area 10 stub", " redistribute connected subnets"]
    for line in (" ip ospf 1 area 0", " ip ospf network point-to-point"):
        assert line in scenario.configurations["B"].splitlines()
    notes = Scenario.load(str(tmp_path)).notes
    assert "A: OSPF version 3 for IPv4 is not spoken: the lab runs version 2 in its place" in notes
    world = World(str(tmp_path)).converge()
    world.run_for(60.0)
    assert "10.0.2.1" in world.show("A", "ip route ospf")


@pytest.mark.parametrize("line", ["ospfv3", "ospfv3 ipv4", "ospfv3 1", "address-family"])
def test_a_line_of_ospf_that_is_cut_off_is_no_error_of_ours(line: str) -> None:
    text = OSPFV3.format(name="A", number=1).replace(" ospfv3 network", f" {line}\n ospfv3 network")
    text = text.replace(" address-family ipv4", f" {line}\n address-family ipv4")
    assert "ip ospf 1 area 0" in adapted({"A": text}).texts["A"]


@pytest.mark.parametrize("words", ["esp-aes 256 ah-sha256-hmac", "comp-lzs esp-aes 256 esp-sha256-hmac"])
def test_what_protects_and_is_not_built_is_not_said_to_protect_nothing(words: str) -> None:
    (note,) = adapted({"a": f"hostname A\ncrypto ipsec transform-set T {words}\n"}).notes
    assert note == f"A: T ({words}) is not built: the lab uses esp-aes 256 esp-sha256-hmac in its place"


@pytest.mark.parametrize("line", ["cry ips tran T esp-3 esp-md", "crypto ipsec transform T ESP-3DES esp-md5"])
def test_abbreviated_ciphers_are_replaced_as_well(line: str) -> None:
    """The transform set of a page with typed lines kept all its tunnels down."""
    for made in (adapted({"a": f"{line}\n"}), secured({"a": f"{line}\n"}, strict=False)):
        assert made.texts["a"].splitlines()[0].endswith(" T esp-aes 192 esp-sha384-hmac")


def test_what_is_strong_or_encrypts_nothing_stays_as_it_is() -> None:
    for words in ("esp-aes 256 esp-sha256-hmac", "esp-gcm 256", "esp-null esp-sha-hmac", "esp-aes esp-sha-hmac"):
        text = f"crypto ipsec transform-set T {words}\n"
        assert adapted({"a": text}).texts["a"] == text


def test_strictly_nothing_is_put_in_the_place_of_lines(tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text(_router("A", 1, "ip address 203.0.113.1 255.255.255.0\n tunnel vrf X"))
    texts = "crypto ipsec transform-set T esp-3des\n"
    (tmp_path / "b.cfg").write_text(_router("B", 2, "ip address 203.0.113.2 255.255.255.0", more=texts))
    assert "esp-3des" in Scenario.load(str(tmp_path), strict=True).configurations["B"]
    assert "esp-3des" not in Scenario.load(str(tmp_path)).configurations["B"]


def test_an_excerpt_that_does_not_say_the_address_of_a_tunnels_source_gets_one(tmp_path: Path) -> None:
    """There were no wires, so there was no lab."""
    texts = [_router(name, number, "description WAN") for number, name in enumerate(("HUB", "A", "B"), 1)]
    scenario = _comes_up(tmp_path, *(text.partition("interface GigabitEthernet")[0] for text in texts))
    assert "interface GigabitEthernet0/0\n ip address 203.0.113.1 255.255.255.0" in scenario.configurations["HUB"]
    assert (
        "A GigabitEthernet0/0 is the source of a tunnel and has no address: the lab gives it 198.18.0.2/30"
    ) in Scenario.load(str(tmp_path)).notes


def test_an_excerpt_has_the_address_that_is_its_ike_identity() -> None:
    """It got a made-up one, which no peer's profile took for its identity."""
    text = """hostname A
crypto ikev2 profile P
 match identity remote address 203.0.113.0 255.255.255.0
 identity local address 203.0.113.7
interface Tunnel0
 ip address 10.0.0.7 255.255.255.0
 tunnel source GigabitEthernet0/0
 tunnel mode gre multipoint
"""
    (note,) = adapted({"a": text}).notes
    assert note.endswith(
        "GigabitEthernet0/0 is the source of a tunnel and has no address: the lab gives it 203.0.113.7/24"
    )


def test_a_route_that_tracks_an_object_holds_unless_the_probe_has_a_target_here(tmp_path: Path) -> None:
    """It was kept without effect, so a spoke with two providers had no default route at all."""
    routes = ("192.0.2.1 10 track 1 name first", "192.0.2.5 20 track 2")
    ports = "".join(
        f"interface GigabitEthernet0/{number}\n ip address 192.0.2.{host} 255.255.255.252\n ip nat outside\n"
        for number, host in ((0, 2), (1, 6))
    )
    probes = "".join(
        f"ip sla {number}\n icmp-echo {target}\nip sla schedule {number} life forever start-time now\n"
        f"track {number} ip sla {number} reachability\n"
        for number, target in ((1, "8.8.8.8"), (2, "198.51.100.1"))
    )
    text = "".join(["hostname A\n", ports, probes, *(f"ip route 0.0.0.0 0.0.0.0 {route}\n" for route in routes)])
    (tmp_path / "A.cfg").write_text(text)
    scenario = Scenario.load(str(tmp_path))
    assert (
        "ip route 0.0.0.0 0.0.0.0 192.0.2.1 10 track 1 name first\nip route 0.0.0.0 0.0.0.0 192.0.2.5 20\n"
        in scenario.configurations["A"]
    )
    assert "A: nothing here is what `track 2` looks at, so its routes always hold" in scenario.notes
    assert "the lab adds a host of the Internet behind PROVIDER: INTERNET, 8.8.8.8" in scenario.notes
    world = World.of(scenario)
    world.run_for(100.0)
    assert "Reachability is Up" in world.do("A", "show track 1")


def test_a_route_that_its_own_probe_needs_holds_whatever_the_probe_says(tmp_path: Path) -> None:
    """The only default route waited for an answer from the Internet, and the router never came up."""
    tracked = "ip route 0.0.0.0 0.0.0.0 192.0.2.1 track 1\n"
    text = (
        "hostname A\ninterface GigabitEthernet0/0\n ip address 192.0.2.2 255.255.255.252\n ip nat outside\n"
        "ip sla 1\n icmp-echo 8.8.8.8\nip sla schedule 1 life forever start-time now\ntrack 1 ip sla 1 reachability\n"
    )
    (tmp_path / "A.cfg").write_text(text + tracked)
    scenario = Scenario.load(str(tmp_path))
    assert "ip route 0.0.0.0 0.0.0.0 192.0.2.1\n" in scenario.configurations["A"]
    assert "A: only routes that follow `track 1` lead to what it looks at, so they always hold" in scenario.notes
    (tmp_path / "A.cfg").write_text(text + tracked + "ip route 8.8.8.8 255.255.255.255 192.0.2.1\n")
    assert tracked in Scenario.load(str(tmp_path)).configurations["A"]


def test_gre_over_ipv4_is_gre_however_it_is_written() -> None:
    assert " tunnel mode gre ip\n" in adapted({"a": "interface Tunnel0\n tunnel mode gre ipv4\n"}).texts["a"]


def test_a_port_that_asks_for_an_address_in_more_words_asks_for_one(tmp_path: Path) -> None:
    """`ip address dhcp client-id Ethernet0/0` was a traceback."""
    text = "hostname A\ninterface Ethernet0/0\n ip address dhcp client-id Ethernet0/0\n no shutdown\n"
    (tmp_path / "A.cfg").write_text(text)
    scenario = Scenario.load(str(tmp_path))
    assert "A-Ethernet0/0" in scenario.configurations["PROVIDER"]


def test_multipoint_tunnels_of_one_source_use_the_profile_of_the_first() -> None:
    """Two clouds with a profile each: the second one stayed down. A tunnel with a far end keeps the profile it has."""
    port = "interface Ethernet0/2\n ip address 203.0.113.1 255.255.255.0\n"
    pair = "interface Tunnel0\n tunnel source Ethernet0/2\n tunnel destination 203.0.113.9\n"
    cloud = "interface Tunnel1\n tunnel source 203.0.113.1\n tunnel mode gre multipoint\n"
    second = "interface Tunnel2\n tunnel source Ethernet0/2\n tunnel mode gre multipoint\n"
    other = "interface Tunnel3\n tunnel source Loopback0\n tunnel protection ipsec profile OTHER\n"
    text = (
        f"hostname R15\n{port}{pair} tunnel protection ipsec profile PAIR\n"
        f"{cloud} tunnel protection ipsec profile CLOUD shared\n"
        f"{second} tunnel protection ipsec profile SECOND shared\n{other}"
    )
    change = adapted({"R15": text})
    assert change.texts["R15"].startswith(text.replace("SECOND", "CLOUD"))
    assert (
        "R15: Tunnel2 has the source of a tunnel with another IPsec profile: the lab uses CLOUD in the place of SECOND"
    ) in change.notes
    assert "PAIR" not in " ".join(change.notes)


def test_routers_of_which_only_the_tunnels_are_known_get_ports_with_their_sources(tmp_path: Path) -> None:
    """Pages of courses show the tunnel sections and nothing else: "no physical interface with an IPv4 address"."""
    texts = [
        f"hostname R{number}\n{_TUNNEL.format(number, nhrp, source)}"
        for number, nhrp, source in (
            (1, "ip nhrp map multicast dynamic", "203.0.113.1"),
            (2, _NHS, "203.0.113.2"),
            (3, _NHS, "198.51.100.2"),
        )
    ]
    _comes_up(tmp_path, *texts)
    notes = Scenario.load(str(tmp_path)).notes
    assert "R3 has only tunnels: the lab gives it GigabitEthernet0/0 with their source, 198.51.100.2/24" in notes


def test_two_clouds_on_one_source_get_keys_at_all_their_ends(tmp_path: Path) -> None:
    """A course with a hub for each of two clouds: the second tunnel of each spoke stayed down, for want of a key."""
    cloud = (
        "interface Tunnel{0}\n ip address 172.{1}.0.{2} 255.255.255.0\n ip nhrp network-id {1}\n {3}\n"
        " tunnel source GigabitEthernet0/0\n tunnel mode gre multipoint\n"
    )
    hubs = [
        f"hostname HUB{n}\n{cloud.format(0, 16 + n, 1, 'ip nhrp map multicast dynamic')}"
        f"{_PORT.format(f'ip address 203.0.113.{n} 255.255.255.0')}"
        for n in (1, 2)
    ]
    servers = [cloud.format(n, 16 + n, 9, f"ip nhrp nhs 172.{16 + n}.0.1 nbma 203.0.113.{n}") for n in (1, 2)]
    spoke = f"hostname S\n{''.join(servers)}{_PORT.format('ip address 203.0.113.9 255.255.255.0')}"
    assert _comes_up(tmp_path, *hubs, spoke)
    keyed = {name: text.count("tunnel key") for name, text in Scenario.load(str(tmp_path)).configurations.items()}
    assert keyed == {"HUB1": 1, "HUB2": 1, "S": 2}
    (tmp_path / "r2.cfg").write_text(spoke.replace(servers[1], ""))
    assert "tunnel key" not in "".join(Scenario.load(str(tmp_path)).configurations.values())


def test_a_hub_of_ios_xe_that_names_no_release_has_what_newer_ones_have_on_unseen(tmp_path: Path) -> None:
    """The files of a CSR1000v: its hub said nothing of multicasts and named no release, so EIGRP had no neighbors."""
    eigrp = "router eigrp 1\n network 172.16.0.0\n"
    port = _PORT.replace("GigabitEthernet0/0", "GigabitEthernet2")
    texts = [
        _router(name, number, f"ip address 203.0.113.{number} 255.255.255.0", source="GigabitEthernet2", more=eigrp)
        .replace(_PORT.partition("\n")[0], port.partition("\n")[0])
        .replace(" ip nhrp map multicast dynamic\n", "")
        for number, name in enumerate("HS", 1)
    ]
    assert _comes_up(tmp_path, *texts)
    scenario = Scenario.load(str(tmp_path))
    assert "H has ports as IOS XE calls them, and names no release: the lab takes it for 16.3" in scenario.notes
    assert {text.count("version 16.3") for text in scenario.configurations.values()} == {1}

    for change in (("", ""), ("hostname H\n", "version 15.5\nhostname H\n"), ("tEthernet2", "tEthernet0/2")):
        silent = "" if change[0] else "ip nhrp map multicast dynamic"
        told = texts[0].replace(*change).replace(" tunnel mode", f" {silent}\n tunnel mode")
        assert "version 16.3" not in "".join(adapted({"h": told, "s": texts[1]}).texts["h"])


_GRE = file_text("adaptations_gre.cfg")


def test_a_crypto_map_that_protects_gre_does_so_as_a_profile_in_a_lab(tmp_path: Path) -> None:
    """A course's second tunnel between two offices had the older kind of protection, and stayed shut down."""
    texts = [
        _GRE.format("A", 1, 2, "host 203.0.113.1 host 203.0.113.2", "GigabitEthernet0/0"),
        _GRE.format("B", 2, 1, "any any", "203.0.113.2"),
    ]
    assert _comes_up(tmp_path, *texts)
    notes = Scenario.load(str(tmp_path)).notes
    assert "A: crypto map M protects Tunnel1: the lab uses the IPsec profile M-10 in its place" in notes


def test_a_further_peer_of_a_crypto_map_does_not_keep_it_from_protecting_a_tunnel() -> None:
    """A map had the address of a router that was no longer there before that of the tunnel: the tunnel stayed down."""
    text = _GRE.format("A", 1, 2, "any any", "203.0.113.1").replace(" set peer", " set peer 203.0.113.9\n set peer")
    assert "tunnel protection ipsec profile M-10" in adapted({"a": text}).texts["a"]


@pytest.mark.parametrize(
    "change",
    [
        ("permit gre any any", "deny gre any any"),
        ("set peer 203.0.113.2", "set peer 203.0.113.9"),
        ("permit gre any any", "permit gre host 203.0.113.1 host 203.0.113.9"),
        (" crypto map M\n", ""),
        ("interface GigabitEthernet0/0", "interface Tunnel2\n tunnel source 203.0.113.1\ninterface GigabitEthernet0/0"),
    ],
)
def test_a_crypto_map_that_may_leave_a_tunnel_in_clear_stays_what_it_is(change: tuple[str, str]) -> None:
    text = _GRE.format("A", 1, 2, "any any", "203.0.113.1")
    assert "crypto ipsec profile" in adapted({"a": text}).texts["a"]
    assert "crypto ipsec profile" not in adapted({"a": text.replace(*change)}).texts["a"]


# ------------------------------------------------------------------------------------------------ what a lab adds


def _unnamed() -> dict[str, str]:
    """Return files of IOS XE that name no release: of a hub, and of a spoke that needs copies of multicasts from it."""
    texts = {}
    for number, name in enumerate(("h", "s"), 1):
        text = _router(name, number, f"ip address 203.0.113.{number} 255.255.255.0", source="GigabitEthernet1")
        text = text.replace("GigabitEthernet0/0", "GigabitEthernet1").replace(" ip nhrp map multicast dynamic\n", "")
        texts[name] = f"{text}router eigrp 1\n network 172.16.0.0\n"
    return texts


@pytest.mark.parametrize("end", ["", "!\n", "!\n! the hub is done\n", "interface Tunnel0\n ip mtu 1400\n", "end\n"])
def test_the_release_that_a_lab_adds_is_no_reason_to_refuse_the_file(end: str) -> None:
    """A file with `!` between its blocks was cut off at `version 16.3`, a line that nobody had written."""
    texts = {file: f"!\n{text}!\n{end}" for file, text in _unnamed().items()}
    changed = adapted(texts).texts["h"]
    assert "version 16.3" in changed
    result = take_in(changed).result
    assert [problem.message_lines for problem in result.problems] == []
    assert ("ip nhrp map multicast dynamic", "Tunnel0") in result.put_in


_PROFILE = "crypto ipsec profile P\n set transform-set T\n"
_ROUTE = ["ip route 192.0.2.1 255.255.255.255 203.0.113.2"]


def test_a_file_that_was_cut_off_in_a_tunnel_remains_so_whatever_a_lab_adds() -> None:
    """With a route, or the names of certificates, at its end the tunnel came up in clear."""
    cut = _PROFILE + _router("A", 1, "ip address 203.0.113.1 255.255.255.0")
    cut = cut.replace(_TUNNEL.format(1, "ip nhrp map multicast dynamic", "GigabitEthernet0/0"), "")
    cut += _TUNNEL.format(1, "ip nhrp map multicast dynamic", "GigabitEthernet0/0")
    assert take_in(cut).held == ("Tunnel0",)
    added = with_lines(with_lines(cut, _ROUTE), ["ip host X 192.0.2.1"])
    assert take_in(added).held == ("Tunnel0",)
    assert all(line in take_in(added).tree.render() for line in (*_ROUTE, "ip host X 192.0.2.1"))


def test_a_text_without_an_end_does_not_take_what_a_lab_adds() -> None:
    text = _router("A", 1, "ip address 203.0.113.1 255.255.255.0") + "banner motd ^C\nno end\n"
    taken = take_in(with_lines(text, _ROUTE))
    assert _ROUTE[0] in taken.tree.render()
    assert taken.held == take_in(text).held == ("Tunnel0",)


def test_lines_that_a_lab_added_and_that_were_cut_off_are_so() -> None:
    text = with_lines(_router("A", 1, "ip address 203.0.113.1 255.255.255.0"), _ROUTE)
    assert take_in(text).result.problems == ()
    assert "cut off" in str(take_in(text.removesuffix("end\n")).result.problems)


def test_lines_that_name_a_vrf_that_is_not_defined_are_for_the_global_table() -> None:
    lines = (
        "ip sla 1\n icmp-echo 203.0.113.1\n  vrf X\n!\ntrack 1 ip route 0.0.0.0 0.0.0.0 reachability\n ip vrf X\n!\n"
        "logging source-interface Tunnel0 vrf X\nlogging host 192.0.2.9 vrf X transport udp port 5514\n"
    )
    text = _router("A", 1, "ip address 203.0.113.1 255.255.255.252") + lines
    text = adapted({"a": text}).texts["a"]
    assert "vrf X" not in text
    assert "logging host 192.0.2.9 transport udp port 5514\n" in text
    assert "logging source-interface Tunnel0\n" in text


def test_a_hub_that_sends_no_multicasts_is_named_where_no_release_has_them_on() -> None:
    """A page of two routers came up without a neighbor, and nothing said which line is missing."""
    port = "interface GigabitEthernet0/0\n ip address 192.0.2.{} 255.255.255.0\n"
    tunnel = "interface Tunnel0\n ip address 10.0.0.{} 255.255.255.0\n ip nhrp network-id 1\n{}"
    ends = " tunnel source GigabitEthernet0/0\n tunnel mode gre multipoint\nrouter eigrp 1\n network 10.0.0.0\n"
    server = " ip nhrp nhs 10.0.0.1 nbma 192.0.2.1 multicast\n"
    hub = f"hostname H\n{port.format(1)}{tunnel.format(1, '')}{ends}"
    spoke = f"hostname S\n{port.format(2)}{tunnel.format(2, server)}{ends}"
    said = "H: Tunnel0 sends no multicasts"
    assert any(said in note for note in adapted({"h": hub, "s": spoke}).notes)
    mapped = hub.replace("network-id 1\n", "network-id 1\n ip nhrp map multicast dynamic\n")
    for told in (mapped, f"version 15.2\n{hub}", f"version 17.3\n{hub}"):
        assert not any(said in note for note in adapted({"h": told, "s": spoke}).notes)


_SERVER = (
    "ip dhcp pool P{0}\n network {1} 255.255.255.0\ninterface {2}\n{3} ip address {4} 255.255.255.0\n no shutdown\n"
)


def _links(scenario: Scenario) -> list[list[str]]:
    return [list(link.ends) for link in scenario.lab.links]


def test_each_customer_of_a_provider_is_at_a_port_of_its_own(tmp_path: Path) -> None:
    """All were plugged into the first port, and the other pools had no client: one address for each was too few."""
    pools = "".join(
        _SERVER.format(number, f"198.51.{number}.0", f"GigabitEthernet0/{number}", "", f"198.51.{number}.1")
        for number in (2, 3)
    )
    isp = f"hostname ISP\n{pools}interface GigabitEthernet0/1\n ip address 203.0.113.2 255.255.255.252\n"
    hub = _router("HUB", 1, "ip address 203.0.113.1 255.255.255.252") + "ip route 0.0.0.0 0.0.0.0 203.0.113.2\n"
    spokes = (_router(name, number, "ip address dhcp") for number, name in enumerate("AB", 2))
    assert _links(_comes_up(tmp_path, hub, *spokes, isp))[-2:] == [
        ["A:GigabitEthernet0/0", "ISP:GigabitEthernet0/2"],
        ["B:GigabitEthernet0/0", "ISP:GigabitEthernet0/3"],
    ]


def test_a_customer_is_behind_the_translator_that_descriptions_name_and_in_no_vlan(tmp_path: Path) -> None:
    """Two translators of one template have one LAN, and a switch a pool: both spokes were in the VLAN of the switch."""
    switch = "hostname SW\n" + _SERVER.format(9, "10.9.9.0", "Vlan9", "", "10.9.9.1")
    switch += "vlan 9\ninterface Ethernet0/1\n switchport mode access\n switchport access vlan 9\n"
    boxes = [
        f"hostname CPE{number}\n"
        + _SERVER.format(1, "192.168.1.0", "GigabitEthernet0/1", f" description to SPOKE-{name}\n", "192.168.1.1")
        + f"interface GigabitEthernet0/0\n ip address 203.0.113.{4 * number + 1} 255.255.255.252\n"
        for number, name in ((1, "B"), (2, "A"))
    ]
    for number, text in enumerate(
        [switch, *(_router(f"SPOKE-{name}", number, "ip address dhcp") for number, name in enumerate("AB", 2)), *boxes]
    ):
        (tmp_path / f"r{number}.cfg").write_text(text)
    wired = _links(Scenario.load(str(tmp_path)))
    assert ["CPE2:GigabitEthernet0/1", "SPOKE-A:GigabitEthernet0/0"] in wired
    assert ["CPE1:GigabitEthernet0/1", "SPOKE-B:GigabitEthernet0/0"] in wired
