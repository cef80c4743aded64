"""Routes of a folder without `lab.yaml`: in place of protocols that do not run, and from the provider."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.routemaps import MatchedRoute
from dmvpn.features.policy.machine import of_routes
from dmvpn.network.device import Device
from dmvpn.network.underlay import Seat, graph, shortest, spoken, stand_in, through
from dmvpn.shells.convergence import unfinished
from dmvpn.shells.inference import infer
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator import Simulator
from support.inferred import LONG, SHORT, TUNNEL, WAN, load, router

if TYPE_CHECKING:
    from pathlib import Path


_OSPF = "router ospf 1\n network 0.0.0.0 255.255.255.255 area 0"
_BGP = "router bgp 65001\n neighbor {} remote-as 65000"


def test_the_ways_of_protocols_that_do_not_run_are_static_and_said(tmp_path: Path) -> None:
    """A provider of two routers with OSPF between them: no packet came from one site to the other."""
    scenario = load(
        tmp_path,
        router("A", f"192.0.2.1 {SHORT}", more=_OSPF, tunnel=TUNNEL.format(1, "GigabitEthernet0/1")),
        router("P1", f"192.0.2.2 {SHORT}", f"192.0.2.9 {SHORT}", more=_OSPF),
        router("P2", f"192.0.2.10 {SHORT}", f"192.0.2.6 {SHORT}", more=_OSPF),
        router("B", f"192.0.2.5 {SHORT}", more=_OSPF, tunnel=TUNNEL.format(2, "GigabitEthernet0/1")),
    )
    assert "ip route 192.0.2.5 255.255.255.255 192.0.2.2 254" in scenario.configurations["A"]
    assert "ip route 192.0.2.5 255.255.255.255 192.0.2.10 254" in scenario.configurations["P1"]
    said = "A: where router ospf 1 brings no route, static ones of distance 254 lead to the tunnel ends 192.0.2.5"
    assert said in scenario.notes
    assert [scenario.role(name) for name in ("P1", "P2")] == ["provider", "provider"]


def test_no_route_of_a_lab_leads_over_a_port_that_is_shut_down(tmp_path: Path) -> None:
    """The shortest way counted: the replies of the Internet ended at a port whose other end was shut down."""
    shut = "interface GigabitEthernet0/2\n shutdown"
    scenario = load(
        tmp_path,
        router(
            "A", f"192.0.2.1 {SHORT}", f"192.0.2.13 {SHORT}", more=shut, tunnel=TUNNEL.format(1, "GigabitEthernet0/1")
        ),
        router("P1", f"192.0.2.2 {SHORT}", f"192.0.2.9 {SHORT}", more=_OSPF),
        router("P2", f"192.0.2.10 {SHORT}", f"192.0.2.6 {SHORT}", f"192.0.2.14 {SHORT}", more=_OSPF),
        router("B", f"192.0.2.5 {SHORT}", more=_OSPF, tunnel=TUNNEL.format(2, "GigabitEthernet0/1")),
    )
    assert "ip route 192.0.2.1 255.255.255.255 192.0.2.9 254" in scenario.configurations["P2"]


def two_ways_out(changes: dict[str, tuple[str, ...]], more: dict[str, str]) -> list[str]:
    """Return a site with two ways out, E1 and E2, of two providers that reach each other over two more.

    changes: the addresses of routers. more: lines for routers.
    """
    addresses = {
        "E1": (f"192.0.2.1 {SHORT}", f"192.0.2.33 {SHORT}"),
        "CORE": (f"192.0.2.34 {SHORT}", f"192.0.2.37 {SHORT}"),
        "E2": (f"192.0.2.5 {SHORT}", f"192.0.2.38 {SHORT}"),
        "PA": (f"192.0.2.2 {SHORT}", f"192.0.2.9 {SHORT}"),
        "PX": (f"192.0.2.10 {SHORT}", f"192.0.2.13 {SHORT}"),
        "PY": (f"192.0.2.14 {SHORT}", f"192.0.2.17 {SHORT}"),
        "PB": (f"192.0.2.18 {SHORT}", f"192.0.2.6 {SHORT}"),
    }
    return [
        router(
            name, *some, more=_OSPF + more.get(name, ""), tunnel=TUNNEL.format(name[1], WAN) if name[0] == "E" else ""
        )
        for name, some in (addresses | changes).items()
    ]


def test_providers_reach_one_way_out_of_a_site_by_each_other_and_not_by_the_other_way_out(tmp_path: Path) -> None:
    """The site was shorter: answers to translated packets of its hosts came in by the inside, and were lost there."""
    scenario = load(tmp_path, *two_ways_out({}, {}))
    assert "ip route 192.0.2.1 255.255.255.255 192.0.2.17 254" in scenario.configurations["PB"]
    assert "ip route 192.0.2.1 255.255.255.255 192.0.2.37 254" in scenario.configurations["E2"]


def test_the_provider_of_the_lab_and_the_roles_of_providers_pass_no_site_that_is_shorter(tmp_path: Path) -> None:
    """PROVIDER sent packets to one way out into the other, and the providers that they pass were no providers."""
    default = "\nip route 0.0.0.0 0.0.0.0 192.0.2.{}"
    changes = {"E3": (f"192.0.2.25 {SHORT}",), "PB": (f"192.0.2.18 {SHORT}", f"192.0.2.21 {SHORT}")}
    texts = two_ways_out(changes, {"E2": default.format(6), "E3": default.format(26), "PB": default.format(22)})
    scenario = load(tmp_path, *texts)
    assert "ip route 192.0.2.1 255.255.255.255 192.0.2.21" in scenario.configurations["PROVIDER"]
    assert [scenario.role(name) for name in ("PA", "PX", "PY", "PB")] == ["provider"] * 4


@pytest.mark.parametrize(
    ("wires", "by"),
    [
        ("O-S1 O-S2 S1-A A-B B-C C-T S2-T", "S2"),
        ("O-S1 S1-A A-T O-X X-Y Y-S2 S2-T", "A"),
        ("O-S1 S1-S2 S2-T S1-A A-B B-C C-T", "C"),
    ],
)
def test_a_way_passes_as_few_sites_as_there_are_on_one_and_is_the_shortest_of_such(wires: str, by: str) -> None:
    """All that is behind the first site was reached by it, however far, before the second site was asked."""
    pairs = [
        [(name, wire, IPv4Interface(f"192.0.{number}.{end}/30")) for end, name in enumerate(wire.split("-"), 1)]
        for number, wire in enumerate(wires.split())
    ]
    assert shortest(graph(pairs), "O", ["S1", "S2"])["T"].router == by


class Counted(str):
    """A name that counts how often it is compared."""

    __slots__ = ()
    times = 0
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counted.times += 1
        return str.__eq__(self, other)


def comparisons(count: int) -> int:
    """Return how often names are compared for sites around a provider, each a neighbor of all in BGP."""
    names = [Counted(f"R{number}") for number in range(count)]
    addresses = [f"192.0.{number}.1" for number in range(count)]
    system = "router bgp 65001\n" + "\n".join(f" neighbor {one} remote-as 65001" for one in addresses)
    texts = [router(name, f"{one} {SHORT}", more=system) for name, one in zip(names, addresses, strict=True)]
    read: dict[str, Device] = {
        name: Device.read(name, f"{text}{TUNNEL.format(number, WAN)}\n")
        for number, (name, text) in enumerate(zip(names, texts, strict=True), 1)
    }
    links = enumerate(zip(names, addresses, strict=True))
    ways = graph(
        [
            [(name, WAN, IPv4Interface(f"{one}/30")), ("P", f"port {number}", IPv4Interface(f"192.0.{number}.2/30"))]
            for number, (name, one) in links
        ]
    )
    Counted.times = 0
    through(ways, read)
    assert len(list(stand_in(ways, ways, read, ""))) == count
    return Counted.times


def test_the_ways_between_three_times_the_sites_cost_nine_times_and_not_twenty_seven_times() -> None:
    """Each router of each way was looked for in a list of all sites, and the ways to a neighbor were found for each
    router that names it in BGP.
    """
    assert comparisons(24) < 10 * comparisons(8)


def test_who_speaks_bgp_with_a_provider_that_is_not_there_has_a_default_route_to_it(tmp_path: Path) -> None:
    texts = [
        router(
            name,
            f"192.0.2.{4 * number + 2} {SHORT}",
            more=_BGP.format(f"192.0.2.{4 * number + 1}")
            + "\ninterface Loopback0\n ip address 10.9.9.9 255.255.255.255",
            tunnel=TUNNEL.format(number + 1, "Loopback0" if name == "A" else "GigabitEthernet0/1"),
        )
        for number, name in enumerate("AB")
    ]
    scenario = load(tmp_path, *texts)
    assert "A would learn its routes by BGP from 192.0.2.1: it has a default route to there instead" in scenario.notes
    assert "ip route 0.0.0.0 0.0.0.0 192.0.2.1 254" in scenario.configurations["A"]
    assert "ip route 10.9.9.9 255.255.255.255 192.0.2.2" in scenario.configurations["PROVIDER"]


def test_routes_that_bgp_would_bring_are_better_than_a_default_route_to_nowhere(tmp_path: Path) -> None:
    """`ip route 0.0.0.0 0.0.0.0 Null0` lets OSPF announce a default route; packets follow what BGP brings."""
    more = _BGP.format("192.0.2.1") + "\nip route 0.0.0.0 0.0.0.0 Null0"
    scenario = load(tmp_path, router("A", f"192.0.2.2 {SHORT}", more=more), router("B", f"192.0.2.6 {SHORT}"))
    text = scenario.configurations["A"]
    assert "ip route 0.0.0.0 128.0.0.0 192.0.2.1 254" in text
    assert "ip route 128.0.0.0 128.0.0.0 192.0.2.1 254" in text
    assert "ip route 0.0.0.0 0.0.0.0 192.0.2.1" not in text
    assert any(
        "A would learn its routes by BGP from 192.0.2.1: it has routes for both" in note for note in scenario.notes
    )


def test_a_provider_of_the_lab_learns_what_its_neighbors_of_bgp_advertise(tmp_path: Path) -> None:
    """Addresses of NAT behind a neighbor's static route had no way back; of two ways the longer path counted, too."""
    tells = "\n redistribute static\nip route 198.51.100.0 255.255.255.0 Null0\n"
    prepends = " neighbor 192.0.2.5 route-map LONG out\nroute-map LONG permit 10\n set as-path prepend 65001\n"
    second = "router bgp 65001\n neighbor 192.0.2.5 remote-as 65002\n neighbor 192.0.2.5 password Secret9\n"
    longer = second + " redistribute static\n" + prepends + "ip route 198.51.100.0 255.255.255.0 Null0\n"
    scenario = load(
        tmp_path,
        router("A", f"192.0.2.2 {SHORT}", more=_BGP.format("192.0.2.1") + tells),
        router("B", f"192.0.2.6 {SHORT}", more=longer),
        router("C", f"192.0.2.10 {SHORT}", more="router bgp 65003\n neighbor 192.0.2.9 remote-as 65000"),
    )
    world = Simulator.of(scenario)
    world.run_until(60.0)
    tables = {name: found for name, found in world.facts(scenario).routers.items() if found is not None}
    hops = {
        name: {
            str(hop.address)
            for route in table.routes
            if str(route.prefix) == "198.51.100.0/24"
            for hop in route.next_hops
        }
        for name, table in tables.items()
    }
    assert hops["PROVIDER"] == {"192.0.2.2"}
    assert hops["C"] == {"192.0.2.9"}


def test_a_provider_announces_the_network_of_the_internet_to_its_neighbors(tmp_path: Path) -> None:
    """Of two edge routers each sent packets by its own uplink, whatever BGP preferred: answers came to the other."""
    outside = "interface GigabitEthernet0/1\n ip nat outside\n"
    scenario = load(tmp_path, router("A", f"192.0.2.2 {SHORT}", more=f"{outside}{_BGP.format('192.0.2.1')}"))
    world = Simulator.of(scenario)
    world.run_until(30.0)
    router_facts = world.facts(scenario).routers["A"]
    assert router_facts is not None
    found = {str(route.prefix): route.source for route in router_facts.routes}
    assert found["8.8.8.0/24"] == "bgp"


def test_a_provider_has_no_route_of_its_own_to_addresses_of_nat_that_a_neighbor_advertises(tmp_path: Path) -> None:
    """Two routers of a site had the same addresses of NAT: answers came to either of them, whatever BGP said."""
    nat = (
        "interface GigabitEthernet0/1\n ip nat outside\nip nat pool P 198.51.100.1 198.51.100.1 prefix-length 24\n"
        "ip nat inside source list 1 pool P overload\naccess-list 1 permit 10.0.0.0 0.255.255.255\n"
    )
    told = "\n network 198.51.100.0 mask 255.255.255.0\nip route 198.51.100.0 255.255.255.0 Null0\n"
    for lines, has_route in ((told, False), ("\n network 198.51.100.0 mask 255.255.255.0\n", True), ("\n", True)):
        folder = tmp_path / f"{len(lines)}"
        folder.mkdir()
        scenario = load(folder, router("A", f"192.0.2.2 {SHORT}", more=_BGP.format("192.0.2.1") + lines + nat))
        assert ("ip route 198.51.100.1 255.255.255.255" in scenario.configurations["PROVIDER"]) == has_route


_TELLS = (
    "ip route 10.50.0.0 255.255.0.0 Null0\nrouter eigrp 1\n network 10.0.0.0\n redistribute static{0}\n"
    "router bgp 65001\n neighbor 192.0.2.1 remote-as 65009"
)
_MAP = "\nroute-map OWN permit 10\n match tag 7\nroute-map OWN permit 20"


@pytest.mark.parametrize(("words", "more"), [(" metric 1000 1 255 1 1500", ""), (" route-map OWN", _MAP)])
def test_routes_that_stand_in_are_told_to_nobody(words: str, more: str, tmp_path: Path) -> None:
    """A router told its neighbor in the tunnel the way to a tunnel end, so that packets went into their own tunnel."""
    port = "GigabitEthernet0/1"
    texts = [
        router("A", f"192.0.2.2 {SHORT}", more=_TELLS.format(words) + more, tunnel=TUNNEL.format(1, port)),
        router("B", f"192.0.2.6 {SHORT}", more=_BGP.format("192.0.2.5"), tunnel=TUNNEL.format(2, port)),
    ]
    device = Device.read("A", load(tmp_path, *texts).configurations["A"])
    (redistribution,) = device.eigrp.processes[0].redistributions
    policies = of_routes(device.policy)
    told = [
        str(route.prefix)
        for route in device.static.routes
        if policies.mapped(redistribution.route_map, MatchedRoute(prefix=route.prefix, tag=route.tag)) is not None
    ]
    assert len(device.static.routes) > 1
    assert told == ["10.50.0.0/16"]


def test_the_most_specific_network_line_of_ospf_says_the_area_of_a_port() -> None:
    port = "interface Ethernet0/0\n ip address 172.16.1.0 255.255.255.254\n no shutdown\n"
    lines = "router ospf 1\n network 0.0.0.0 255.255.255.255 area 0\n network 172.16.1.0 0.0.0.255 area 10\n"
    seat = Seat("A", Device.read("A", f"hostname A\n{port}{lines}"), "Ethernet0/0", IPv4Address("172.16.1.0"))
    assert spoken(seat) == ["OSPF area 10"]


def test_neighbors_of_bgp_meet_past_routers_of_ospf_that_are_not_there(tmp_path: Path) -> None:
    """Two routers of a site speak by their loopbacks; those between them, which knew the ways, are not there."""
    texts = [
        router(
            name,
            f"192.0.2.{4 * number + 1} {SHORT}",
            more=f"interface Loopback0\n ip address 10.9.9.{number} 255.255.255.255\n"
            f"router bgp 65001\n neighbor 10.9.9.{1 - number} remote-as 65001\n"
            f" neighbor 10.9.9.{1 - number} update-source Loopback0\n{_OSPF}",
            tunnel=TUNNEL.format(number + 1, "GigabitEthernet0/1"),
        )
        for number, name in enumerate("AB")
    ]
    scenario = load(tmp_path, *texts)
    assert "ip route 10.9.9.1 255.255.255.255 192.0.2.2 254" in scenario.configurations["A"]
    assert "ip route 10.9.9.1 255.255.255.255 192.0.2.5" in scenario.configurations["PROVIDER"]
    (note,) = [note for note in scenario.notes if note.startswith("A: where router ospf 1 brings no route, ")]
    assert note.endswith(" lead to the tunnel ends and neighbors of BGP 192.0.2.5, 10.9.9.1")
    world = Simulator.of(scenario)
    world.run_until(60.0)
    assert [text for text in scenario.still_missing(unfinished(world.facts(scenario))) if "BGP" in text] == []


def test_a_link_that_nothing_says_to_lead_out_is_no_short_way(tmp_path: Path) -> None:
    """Inner links of two sites, whose other ends are not in the folder, made a way past the real provider."""
    text = [
        router(
            name,
            f"192.0.2.{4 * number + 1} {SHORT}",
            f"10.{number}.0.1 {SHORT}",
            more=_OSPF,
            tunnel=TUNNEL.format(number + 1, "GigabitEthernet0/1"),
        )
        for number, name in enumerate("AB")
    ]
    isp = [
        router(
            f"P{number}",
            f"192.0.2.{4 * number + 2} {SHORT}",
            f"198.51.100.{number + 1} {LONG}",
            more=f"{_OSPF}\nip route 0.0.0.0 0.0.0.0 Null0",
        )
        for number in (0, 1)
    ]
    scenario = load(tmp_path, *text, *isp)
    assert "ip route 192.0.2.5 255.255.255.255 192.0.2.2 254" in scenario.configurations["A"]
    assert "ip route 192.0.2.5 255.255.255.255 198.51.100.2 254" in scenario.configurations["P0"], "Null0 is no way"


_LINK = "hostname {0}\ninterface Ethernet0/0\n{3} ip address 172.16.1.{1} 255.255.255.254\n{2}"


@pytest.mark.parametrize(
    ("kin", "others"),
    [
        ((" ip ospf 1 area 10\n", "", ""), (" ip ospf 1 area 20\n", "", "")),
        (("", "", "router eigrp 7\n network 0.0.0.0\n"), (" ip router isis\n", "", "")),
        ((" ipv6 address 2001:db8:1::{1}/64\n", "", ""), (" ipv6 address 2001:db8:2::{1}/64\n", "", "")),
        (("", " description to {other}\n", ""), ("", " description WAN of {other}\n", "")),
    ],
)
def test_links_whose_addresses_sites_share_join_those_who_agree(
    kin: tuple[str, str, str], others: tuple[str, str, str]
) -> None:
    """A course that has 172.16.1.0/31 between five pairs of routers: they were plugged together as their files came."""

    def seat(name: str, number: int, other: str, said: tuple[str, str, str]) -> str:
        line, description, more = (text.replace("{1}", str(number + 1)).replace("{other}", other) for text in said)
        return _LINK.format(name, number, f"{line}{more}", description)

    texts = {
        "A": seat("A", 0, "D", kin),
        "B": seat("B", 0, "C", others),
        "C": seat("C", 1, "B", others),
        "D": seat("D", 1, "A", kin),
    }
    found = infer(texts)
    assert sorted(link.ends for link in found.lab.links) == [
        ["A:Ethernet0/0", "D:Ethernet0/0"],
        ["B:Ethernet0/0", "C:Ethernet0/0"],
    ]
    assert any(
        note.startswith("172.16.1.0/31 is the subnet of several links: taken for wires between ")
        for note in found.notes
    )


def test_default_routes_of_two_routers_to_each_other_lead_to_no_tunnel(tmp_path: Path) -> None:
    """Two providers that back each other up passed packets to and fro: IS-IS behind one of them knew the way."""
    texts = [
        router(
            "A",
            f"192.0.2.1 {SHORT}",
            more="ip route 0.0.0.0 0.0.0.0 192.0.2.2",
            tunnel=TUNNEL.format(1, "GigabitEthernet0/1"),
        ),
        router("P1", f"192.0.2.2 {SHORT}", f"192.0.2.9 {SHORT}", more=f"ip route 0.0.0.0 0.0.0.0 192.0.2.10\n{_OSPF}"),
        router("P2", f"192.0.2.10 {SHORT}", f"192.0.2.6 {SHORT}", more=f"ip route 0.0.0.0 0.0.0.0 192.0.2.9\n{_OSPF}"),
        router(
            "B", f"192.0.2.5 {SHORT}", f"10.9.9.9 {LONG}", more=_OSPF, tunnel=TUNNEL.format(2, "GigabitEthernet0/2")
        ),
    ]
    configurations = load(tmp_path, *texts).configurations
    assert "ip route 10.9.9.9 255.255.255.255 192.0.2.5 254" in configurations["P2"]
    assert "ip route 10.9.9.9" not in configurations["P1"]


@pytest.mark.parametrize("told", [True, False])
def test_a_route_that_internal_bgp_brings_is_not_hidden_by_a_longer_one_of_the_lab(
    tmp_path: Path, *, told: bool
) -> None:
    """A spoke's registrations went round between the hub, which followed BGP, and a core with a route of the lab."""
    bgp = "router bgp 65001\n neighbor {} remote-as 65001\n" + " redistribute static\n" * told
    tunnel = "interface Loopback0\n ip address 198.51.100.9 255.255.255.255\n" + TUNNEL.format(2, "Loopback0")
    nhs = " ip nhrp network-id 1\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1"
    texts = [
        router("HUB", f"192.0.2.1 {SHORT}", tunnel=TUNNEL.format(1, WAN) + "\n ip nhrp network-id 1"),
        router("CORE", f"192.0.2.2 {SHORT}", f"192.0.2.5 {SHORT}", more=bgp.format("192.0.2.6")),
        router(
            "EDGE",
            f"192.0.2.6 {SHORT}",
            f"192.0.2.9 {SHORT}",
            more=bgp.format("192.0.2.5") + "ip route 198.51.100.0 255.255.255.0 192.0.2.10",
        ),
        router("SPOKE", f"192.0.2.10 {SHORT}", tunnel=f"{tunnel}\n{nhs}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.9"),
    ]
    configurations = load(tmp_path, *texts).configurations
    line = "ip route 198.51.100.9 255.255.255.255 192.0.2.6 254"
    assert (line in configurations["CORE"]) == (not told)


def test_a_route_that_leads_back_here_is_none_that_internal_bgp_brings(tmp_path: Path) -> None:
    """The core had no route to the spoke beside it, because the edge redistributes one by way of that core."""
    bgp = "router bgp 65001\n neighbor {} remote-as 65001\n redistribute static\n"
    tunnel = "interface Loopback0\n ip address 198.51.100.9 255.255.255.255\n" + TUNNEL.format(2, "Loopback0")
    nhs = " ip nhrp network-id 1\n ip nhrp nhs 10.0.0.1 nbma 192.0.2.1"
    hub = TUNNEL.format(1, WAN) + "\n ip nhrp network-id 1"
    edge = bgp.format("192.0.2.5") + "ip route 198.51.100.0 255.255.255.0 192.0.2.5"
    core = (f"192.0.2.2 {SHORT}", f"192.0.2.5 {SHORT}", f"192.0.2.9 {SHORT}")
    texts = [
        router("HUB", f"192.0.2.1 {SHORT}", tunnel=hub, more="ip route 0.0.0.0 0.0.0.0 192.0.2.2"),
        router("CORE", *core, more=bgp.format("192.0.2.6")),
        router("EDGE", f"192.0.2.6 {SHORT}", more=edge),
        router("SPOKE", f"192.0.2.10 {SHORT}", tunnel=f"{tunnel}\n{nhs}", more="ip route 0.0.0.0 0.0.0.0 192.0.2.9"),
    ]
    configurations = load(tmp_path, *texts).configurations
    assert "ip route 198.51.100.9 255.255.255.255 192.0.2.10 254" in configurations["CORE"]


def test_neighbors_of_bgp_whose_ways_are_is_is_meet(tmp_path: Path) -> None:
    """The two cores of a provider spoke BGP by their loopbacks, and IS-IS told them the way: they never met."""
    own = "interface Loopback0\n ip address 10.9.9.{0} 255.255.255.255\nrouter isis\n net 49.0001.0000.0000.000{0}.00\n"
    own += "router bgp 65001\n neighbor 10.9.9.{1} remote-as 65001\n neighbor 10.9.9.{1} update-source Loopback0"
    texts = [
        router("A", f"192.0.2.1 {SHORT}", more=own.format(1, 3)),
        router("B", f"192.0.2.2 {SHORT}", f"192.0.2.5 {SHORT}", more=own.format(2, 1)),
        router("C", f"192.0.2.6 {SHORT}", more=own.format(3, 1)),
    ]
    configurations = load(tmp_path, *texts).configurations
    assert "ip route 10.9.9.3 255.255.255.255 192.0.2.2 254" in configurations["A"]
    assert "ip route 10.9.9.3 255.255.255.255 192.0.2.6 254" in configurations["B"]
    assert "ip route 10.9.9.1 255.255.255.255 192.0.2.5 254" in configurations["C"]


def test_a_reflector_that_listens_for_its_clients_behind_is_is_knows_the_way_back(tmp_path: Path) -> None:
    """A provider's reflector had `bgp listen range` and named no client: its answers to them had no route."""
    own = "interface Loopback0\n ip address 10.9.9.{0} 255.255.255.255\nrouter isis\n net 49.0001.0000.0000.000{0}.00\n"
    own += "router bgp 65001\n"
    client = " neighbor 10.9.9.1 remote-as 65001\n neighbor 10.9.9.1 update-source Loopback0"
    reflector = " bgp listen range 10.9.9.0/24 peer-group C\n neighbor C peer-group\n neighbor C remote-as 65001"
    texts = [
        router("A", f"192.0.2.1 {SHORT}", more=own.format(1) + reflector),
        router("B", f"192.0.2.2 {SHORT}", f"192.0.2.5 {SHORT}", more=own.format(2) + client),
        router("C", f"192.0.2.6 {SHORT}", more=own.format(3) + client),
    ]
    configurations = load(tmp_path, *texts).configurations
    assert "ip route 10.9.9.2 255.255.255.255 192.0.2.2 254" in configurations["A"]
    assert "ip route 10.9.9.3 255.255.255.255 192.0.2.2 254" in configurations["A"]
    assert "ip route 10.9.9.3 255.255.255.255 192.0.2.6 254" in configurations["B"]


def test_strictly_nobody_gets_routes_that_are_not_in_the_files(tmp_path: Path) -> None:
    load(tmp_path, router("A", f"192.0.2.1 {SHORT}", more=_BGP.format("192.0.2.2")))
    scenario = Scenario.load(str(tmp_path), strict=True)
    assert "254" not in scenario.configurations["A"]
