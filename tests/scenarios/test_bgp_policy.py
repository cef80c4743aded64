"""Filters and route maps of BGP, judged by what the neighbors of a router get to know."""

from __future__ import annotations

import re

import pytest

from dmvpn.shells.lab_model import Lab, LinkSpec, ReadySpec, RouterSpec
from dmvpn.shells.scenario import Scenario
from support.world import World

EXTERNAL = "bgp-ebgp-phase2"
REFLECTED = "bgp-phase3"
LANS = ("10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24")


def with_lines(router: str, neighbor: str, lines: str, policy: str, name: str = EXTERNAL) -> World:
    """The world with more lines for one neighbor of a router, and lists or maps, from the beginning."""

    def change(one: str, text: str) -> str:
        if one != router:
            return text
        first = next(line for line in text.splitlines() if line.startswith(f" neighbor {neighbor} remote-as"))
        added = "".join(f" neighbor {neighbor} {line}\n" for line in lines.splitlines())
        return text.replace(f"{first}\n", f"{first}\n{added}").replace("router bgp", f"{policy}router bgp", 1)

    return World(name, change=change)


def known(world: World, router: str) -> list[str]:
    """The LANs of others to which the router has a route of BGP."""
    text = world.show(router, "ip route bgp")
    return [prefix for prefix in LANS if f" {prefix} " in text]


def settled(world: World) -> World:
    """After what neighbors tell each other at the start."""
    world.run_for(60)
    return world


@pytest.mark.parametrize(
    ("line", "policy"),
    [
        ("prefix-list L out", "ip prefix-list L deny 10.1.2.0/24\nip prefix-list L permit 0.0.0.0/0 le 32\n"),
        ("distribute-list 10 out", "access-list 10 deny 10.1.2.0 0.0.0.255\naccess-list 10 permit any\n"),
        ("distribute-list L out", "ip access-list standard L\n permit 10.1.0.0 0.0.0.255\n"),
        ("distribute-list 110 out", "access-list 110 permit ip host 10.1.0.0 host 255.255.255.0\n"),
        ("filter-list 1 out", "ip as-path access-list 1 permit ^$\n"),
        (
            "route-map M out",
            "ip as-path access-list 1 permit _65012$\nroute-map M deny 10\n match as-path 1\nroute-map M permit 20\n",
        ),
        (
            "route-map M out",
            "access-list 10 permit 10.1.2.0\nroute-map M deny 10\n match ip address 10\nroute-map M permit 20\n",
        ),
    ],
)
def test_an_outbound_filter_keeps_a_route_from_its_neighbor_alone(line: str, policy: str) -> None:
    world = settled(with_lines("HUB", "10.255.0.11", line, policy))
    assert known(world, "SPOKE1") == ["10.1.0.0/24"]
    assert known(world, "SPOKE2") == ["10.1.0.0/24", "10.1.1.0/24"]
    assert "10.1.2.0" not in world.show("HUB", "ip bgp neighbors 10.255.0.11 advertised-routes")
    assert not any("NOT_BUILT" in text for text in world.messages("HUB"))


@pytest.mark.parametrize(
    ("line", "policy"),
    [
        ("prefix-list L in", "ip prefix-list L permit 10.1.0.0/24\n"),
        ("distribute-list 10 in", "access-list 10 permit 10.1.0.0\n"),
        ("route-map M in", "ip prefix-list L permit 10.1.0.0/24\nroute-map M\n match ip address prefix-list L\n"),
    ],
)
def test_an_inbound_filter_refuses_what_a_neighbor_tells(line: str, policy: str) -> None:
    world = settled(with_lines("SPOKE1", "10.255.0.1", line, policy))
    assert known(world, "SPOKE1") == ["10.1.0.0/24"]
    (summary,) = [text for text in world.lines("SPOKE1", "ip bgp summary") if text.startswith("10.255.0.1 ")]
    assert summary.split()[-1] == "1"
    assert "10.1.2.0" not in world.show("SPOKE1", "ip bgp neighbors 10.255.0.1 routes")


def test_filters_of_a_peer_group_hold_for_its_guests() -> None:
    def change(router: str, text: str) -> str:
        if router != "HUB":
            return text
        line = " neighbor SPOKES remote-as 65000\n"
        return text.replace(line, line + " neighbor SPOKES prefix-list L out\n") + (
            "ip prefix-list L permit 10.1.0.0/24\n"
        )

    world = settled(World(REFLECTED, change=change))
    assert known(world, "SPOKE1") == known(world, "SPOKE2") == ["10.1.0.0/24"]


def test_a_filter_of_a_member_takes_none_of_its_group_away() -> None:
    policy = "ip prefix-list O permit 10.1.0.0/24\nip prefix-list I permit 0.0.0.0/0 le 32\n"
    group = "router bgp 65000\n neighbor G peer-group\n neighbor G prefix-list O out\n"
    world = with_lines("HUB", "10.255.0.11", "peer-group G\nprefix-list I in", policy + group)
    settled(world)
    assert known(world, "SPOKE1") == ["10.1.0.0/24"]
    assert known(world, "SPOKE2") == ["10.1.0.0/24", "10.1.1.0/24"]


def test_a_map_sets_metric_path_origin_and_next_hop_for_a_neighbor() -> None:
    policy = (
        "ip prefix-list L permit 10.1.2.0/24\nroute-map M permit 10\n match ip address prefix-list L\n"
        " set metric 77\n set as-path prepend 65000 65000\n set origin incomplete\n set ip next-hop 10.255.0.1\n"
        "route-map M permit 20\n"
    )
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out", policy))
    (line,) = [text for text in world.lines("SPOKE1", "ip bgp") if "10.1.2.0/24" in text]
    assert line.split() == ["*>", "10.1.2.0/24", "10.255.0.1", "77", "0", "65000", "65000", "65000", "65012", "?"]


def test_a_map_adds_to_the_metric_repeats_the_first_system_and_names_next_hops_by_words() -> None:
    policy = "route-map M permit 10\n set metric +7\n set as-path prepend last-as 2\n set ip next-hop self\n"
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out", policy))
    (line,) = [text for text in world.lines("SPOKE1", "ip bgp") if "10.1.2.0/24" in text]
    assert line.split() == ["*>", "10.1.2.0/24", "10.255.0.1", "7", "0", "65000", "65012", "65012", "65012", "i"]
    assert "    metric +7\n    ip next-hop self\n    as-path prepend last-as 2" in world.show("HUB", "route-map M")


def test_a_map_makes_the_neighbor_the_next_hop_of_what_it_tells() -> None:
    policy = "route-map M permit 10\n set ip next-hop peer-address\n"
    world = settled(with_lines("SPOKE1", "10.255.0.1", "route-map M in", policy))
    (line,) = [text for text in world.lines("SPOKE1", "ip bgp") if "10.1.2.0/24" in text]
    assert line.split()[2] == "10.255.0.1", "the hub tells of 10.255.0.12"


def test_a_map_sets_weight_and_preference_of_what_a_neighbor_tells() -> None:
    policy = "route-map M permit 10\n set weight 5\n set local-preference 300\n"
    world = settled(with_lines("SPOKE1", "10.255.0.1", "route-map M in", policy))
    (line,) = [text for text in world.lines("SPOKE1", "ip bgp") if "10.1.2.0/24" in text]
    assert line.split()[3:5] == ["300", "5"]


def test_communities_that_a_list_names_are_taken_off_what_a_neighbor_tells() -> None:
    policy = "route-map M permit 10\n set community 65000:5 65000:6 additive\n"
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out\nsend-community", policy))
    assert "Community: 65000:5 65000:6" in world.show("SPOKE1", "ip bgp 10.1.2.0/24")
    world.configure(
        "SPOKE1",
        *("ip community-list standard C permit 65000:5", "route-map I permit 10", "set comm-list C delete"),
        *("router bgp 65011", "neighbor 10.255.0.1 route-map I in"),
    )
    assert "  Set clauses:\n    comm-list C delete" in world.show("SPOKE1", "route-map I").replace("\r", "")

    def told() -> str:
        return next((line for line in world.lines("SPOKE1", "ip bgp 10.1.2.0/24") if "Community:" in line), "").strip()

    assert world.wait_until(lambda: told() == "Community: 65000:6", 10.0)


def test_communities_of_one_router_choose_at_another() -> None:
    policy = (
        "ip prefix-list L permit 10.1.2.0/24\nroute-map M permit 10\n match ip address prefix-list L\n"
        " set community 65000:5 additive\nroute-map M permit 20\n"
    )
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out\nsend-community", policy))
    assert "Community: 65000:5" in world.show("SPOKE1", "ip bgp 10.1.2.0/24")
    world.configure(
        "SPOKE1",
        *("ip community-list standard C permit 65000:5", "route-map I permit 10", "match community C"),
        *("router bgp 65011", "neighbor 10.255.0.1 route-map I in"),
    )
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.2.0/24"], 10.0)


@pytest.mark.parametrize(
    ("change", "shown", "entry", "match"),
    [
        (
            "extcommunity rt 65000:5 10.0.0.1:6\n set extcommunity soo 70000:7",
            "Extended Community: RT:65000:5 RT:10.0.0.1:6 SoO:70000:7",
            "ip extcommunity-list standard C permit rt 65000:5 soo 70000:7",
            "extcommunity C",
        ),
        (
            "extcommunity rt 65000:5",
            "Extended Community: RT:65000:5",
            "ip extcommunity-list expanded C permit RT:65000:[4-6]",
            "extcommunity C",
        ),
        (
            "large-community 65000:1:2 4200000000:3:4",
            "Large Community: 65000:1:2 4200000000:3:4",
            "ip large-community-list standard C permit 4200000000:3:4",
            "large-community C",
        ),
        (
            "large-community 65000:1:2",
            "Large Community: 65000:1:2",
            "ip large-community-list standard C permit 65000:1:2",
            "large-community C exact-match",
        ),
    ],
    ids=("values", "pattern", "large", "exactly"),
)
def test_extended_and_large_communities_of_one_router_choose_at_another(
    change: str, shown: str, entry: str, match: str
) -> None:
    policy = (
        "ip prefix-list L permit 10.1.2.0/24\nroute-map M permit 10\n match ip address prefix-list L\n"
        f" set {change}\nroute-map M permit 20\n"
    )
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out\nsend-community both", policy))
    assert shown in world.show("SPOKE1", "ip bgp 10.1.2.0/24")
    world.configure(
        "SPOKE1",
        *(entry, "route-map I permit 10", f"match {match}"),
        *("router bgp 65011", "neighbor 10.255.0.1 route-map I in"),
    )
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.2.0/24"], 10.0)
    chosen = world.show("SPOKE1", f"ip bgp {entry.split()[1]} C")
    assert [lan for lan in LANS if lan in chosen] == ["10.1.2.0/24"]


def test_a_changed_list_acts_inwards_when_somebody_clears_softly() -> None:
    world = settled(with_lines("SPOKE1", "10.255.0.1", "prefix-list L in", "ip prefix-list L permit 10.1.0.0/24\n"))
    world.configure("SPOKE1", "ip prefix-list L permit 10.1.2.0/24")
    world.run_for(90)
    assert known(world, "SPOKE1") == ["10.1.0.0/24"]
    world.do("SPOKE1", "clear ip bgp * soft in")
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.0.0/24", "10.1.2.0/24"], 10.0)
    assert not any("Down" in text for text in world.messages("SPOKE1") if "BGP-5-ADJCHANGE" in text)


def test_maps_choose_what_is_redistributed_and_change_what_a_network_line_tells() -> None:
    def change(router: str, text: str) -> str:
        if router != "HUB":
            return text
        network = " network 10.1.0.0 mask 255.255.255.0\n"
        return text.replace(network, f"{network.rstrip()} route-map N\n redistribute static route-map S\n") + (
            "ip route 192.0.2.0 255.255.255.0 Null0 tag 7\nip route 192.0.3.0 255.255.255.0 Null0\n"
            "route-map S permit 10\n match tag 7\n set metric 9\nroute-map N permit 10\n set metric 33\n"
        )

    world = settled(World(EXTERNAL, change=change))
    lines = {line.split()[1]: line.split() for line in world.lines("SPOKE1", "ip bgp") if line.startswith(" *>")}
    assert lines["192.0.2.0"][3] == "9"
    assert lines["10.1.0.0/24"][3] == "33"
    assert "192.0.3.0" not in lines
    world.configure("HUB", "route-map S permit 10", "no match tag 7")
    assert world.wait_until(lambda: "192.0.3.0" in world.show("SPOKE1", "ip bgp"), 60.0)


def test_the_default_route_is_told_while_a_map_permits_a_route() -> None:
    policy = "ip prefix-list L permit 192.0.2.0/24\nroute-map M permit 10\n match ip address prefix-list L\n"
    world = settled(with_lines("HUB", "10.255.0.11", "default-originate route-map M", policy))

    def hears(router: str = "SPOKE1") -> bool:
        return any(line.split()[1:2] == ["0.0.0.0"] for line in world.lines(router, "ip bgp"))

    assert not hears()
    world.configure("HUB", "ip route 192.0.2.0 255.255.255.0 Null0")
    assert world.wait_until(hears, 60.0)
    assert not hears("SPOKE2")
    world.configure("HUB", "no ip route 192.0.2.0 255.255.255.0 Null0")
    assert world.wait_until(lambda: not hears(), 60.0)
    world.configure("HUB", "router bgp 65000", "neighbor 10.255.0.11 default-originate")
    assert world.wait_until(hears, 60.0)
    lines = [line for line in world.lines("HUB", "running-config") if "default-originate" in line]
    assert lines == [" neighbor 10.255.0.11 default-originate"]


# Redistribution between any two routing protocols: one spoke speaks the first, the other one the second.

#: The lines of each protocol on a router of the cloud, by the last octet of its tunnel address.
PROTOCOLS = {
    "eigrp": ("router eigrp 100", "network 10.255.0.0 0.0.0.255"),
    "rip": ("router rip", "version 2", "no auto-summary", "network 10.0.0.0", "passive-interface GigabitEthernet0/2"),
    "ospf": ("router ospf 1", "network 10.255.0.0 0.0.0.255 area 0"),
}
LAN_OF = {"SPOKE1": "10.1.1.0", "SPOKE2": "10.1.2.0"}
ADDRESSES = {"HUB": "10.255.0.1", "SPOKE1": "10.255.0.11", "SPOKE2": "10.255.0.12"}
#: How the hub brings a protocol in, and what it says of the metric, by the protocol that gets the routes.
NAMES = {"eigrp": "eigrp 100", "rip": "rip", "ospf": "ospf 1", "bgp": "bgp 65000"}
SEEDS = {"eigrp": " metric 10000 100 255 1 1400", "rip": " metric 3", "ospf": " subnets", "bgp": ""}
LETTERS = {"eigrp": "D EX", "rip": "R", "ospf": "O E2", "bgp": "B"}


def lines(router: str, protocol: str) -> tuple[str, ...]:
    """What this router needs in order to speak the protocol with the hub, or the hub with the spoke."""
    lan = LAN_OF.get(router)
    if protocol == "bgp":
        number = 65000 if router == "HUB" else 65011
        other, theirs = ("10.255.0.12", 65011) if router == "HUB" else ("10.255.0.1", 65000)
        own = (f"network {lan} mask 255.255.255.0",) if lan else ()
        return (f"router bgp {number}", f"neighbor {other} remote-as {theirs}", *own)
    inside = {"eigrp": f"network {lan} 0.0.0.255", "ospf": f"network {lan} 0.0.0.255 area 0"}.get(protocol)
    tunnel = ("interface Tunnel0", "ip ospf network point-to-multipoint") if protocol == "ospf" else ()
    return (*tunnel, *PROTOCOLS[protocol], *((inside,) if inside and lan else ()))


def world_of(first: str, second: str) -> World:
    """SPOKE1 speaks the first protocol, SPOKE2 the second one, the hub both; each protocol has its spoke's LAN."""

    def change(router: str, text: str) -> str:
        if "router bgp" not in text:
            return text
        head, _, rest = text.partition("router bgp")
        return head + "ip route" + rest.split("ip route", 1)[1]

    world = World("bgp-ebgp-phase2", change=change)
    world.run_for(1)
    # RIP would keep the routes from where they came: both spokes are on one interface.
    world.configure("HUB", "interface Tunnel0", "no ip split-horizon")
    for router, protocol in (("SPOKE1", first), ("SPOKE2", second), ("HUB", first), ("HUB", second)):
        said = lines(router, protocol)
        if router == "HUB" and protocol == "bgp":
            said = tuple(
                line.replace("10.255.0.12", ADDRESSES["SPOKE1" if first == "bgp" else "SPOKE2"]) for line in said
            )
        world.configure(router, *said)
    return world


@pytest.mark.parametrize(
    ("first", "second"), [(first, second) for first in NAMES for second in NAMES if first != second]
)
def test_a_protocol_brings_in_what_another_knows_as_a_route_map_wants_it(first: str, second: str) -> None:
    world = world_of(first, second)
    world.configure("SPOKE1", "interface Loopback7", "ip address 10.7.7.7 255.255.255.0")
    more = {
        "eigrp": ("router eigrp 100", "network 10.7.7.0 0.0.0.255"),
        "ospf": ("router ospf 1", "network 10.7.7.0 0.0.0.255 area 0"),
        "rip": ("router rip", "network 10.0.0.0"),
        "bgp": ("router bgp 65011", "network 10.7.7.0 mask 255.255.255.0"),
    }
    world.configure("SPOKE1", *more[first])
    world.configure("HUB", "ip prefix-list LANS permit 10.1.1.0/24")
    world.configure("HUB", "route-map M permit 10", "match ip address prefix-list LANS", "set tag 77")
    head = PROTOCOLS[second][0] if second != "bgp" else "router bgp 65000"
    world.configure("HUB", head, f"redistribute {NAMES[first]}{SEEDS[second]} route-map M")

    def table() -> str:
        return world.show("SPOKE2", "ip route")

    assert world.wait_until(lambda: "10.1.1.0/24" in table(), 90.0), world.show("HUB", "ip route")
    (row,) = [line for line in table().splitlines() if "10.1.1.0/24" in line]
    assert row.startswith(LETTERS[second])
    assert "10.7.7" not in table(), "the map does not permit it"
    if second != "bgp":
        assert "Tag 77" in world.show("SPOKE2", "ip route 10.1.1.0")
    world.configure("HUB", head, f"no redistribute {NAMES[first]}")
    assert world.wait_until(lambda: "10.1.1.0/24" not in table(), 300.0)


@pytest.mark.parametrize("protocol", sorted(NAMES))
def test_connected_and_static_routes_come_in_with_the_tag_of_a_map(protocol: str) -> None:
    world = world_of(protocol, protocol) if protocol != "bgp" else world_of("eigrp", "bgp")
    world.configure("HUB", "ip route 172.20.0.0 255.255.0.0 10.1.0.100 tag 5", "route-map M permit 10", "set tag 9")
    head = PROTOCOLS[protocol][0] if protocol != "bgp" else "router bgp 65000"
    for source in ("static", "connected"):
        subnets = " subnets" if protocol == "ospf" else ""
        world.configure("HUB", head, f"redistribute {source}{subnets} route-map M")

    def knows(text: str) -> bool:
        return text in world.show("SPOKE2", "ip route")

    assert world.wait_until(lambda: knows("172.20.0.0/16") and knows("10.1.0.0/24"), 90.0)
    if protocol != "bgp":
        assert "Tag 9" in world.show("SPOKE2", "ip route 172.20.0.0")


# ------------------------------------------------------------------------------ networks on which a protocol runs


@pytest.mark.parametrize(
    ("first", "second"), [(first, second) for first in ("eigrp", "ospf", "rip") for second in NAMES if first != second]
)
def test_the_networks_on_which_a_protocol_runs_come_in_with_its_routes(first: str, second: str) -> None:
    """FRR does otherwise: there `redistribute eigrp` brings in what EIGRP learned, and nothing else."""
    world = world_of(first, second)
    world.configure("HUB", "interface Loopback7", "ip address 10.7.7.7 255.255.255.0")
    world.configure("HUB", "interface Loopback8", "ip address 172.18.8.8 255.255.255.0")
    network = {
        "eigrp": "network 10.7.7.0 0.0.0.255",
        "ospf": "network 10.7.7.0 0.0.0.255 area 0",
        "rip": "network 10.0.0.0",
    }
    world.configure("HUB", PROTOCOLS[first][0], network[first])
    head = PROTOCOLS[second][0] if second != "bgp" else "router bgp 65000"
    world.configure("HUB", head, f"redistribute {NAMES[first]}{SEEDS[second]}")

    def knows(prefix: str) -> bool:
        return prefix in world.show("SPOKE2", "ip route")

    # RIP's own `network 10.0.0.0` tells of the loopback in any case; only without it is it redistribution.
    assert world.wait_until(lambda: knows("10.7.7.0/24"), 90.0), world.show("HUB", "ip route")
    assert not knows("172.18.8.0"), f"{first} does not run there"
    if second != "rip":
        world.configure("HUB", PROTOCOLS[first][0], "no " + network[first])
        assert world.wait_until(lambda: not knows("10.7.7.0/24"), 300.0)


def test_a_line_about_connected_networks_decides_where_there_is_one() -> None:
    world = world_of("eigrp", "ospf")
    world.configure("HUB", "interface Loopback7", "ip address 10.7.7.7 255.255.255.0")
    world.configure("HUB", "router eigrp 100", "network 10.7.7.0 0.0.0.255")
    world.configure("HUB", "route-map NONE deny 10")
    world.configure(
        "HUB", "router ospf 1", "redistribute eigrp 100 subnets", "redistribute connected subnets route-map NONE"
    )
    assert world.wait_until(lambda: "10.1.1.0/24" in world.show("SPOKE2", "ip route"), 90.0)
    world.run_for(10)
    assert "10.7.7.0" not in world.show("SPOKE2", "ip route")
    world.configure("HUB", "router ospf 1", "no redistribute connected")
    assert world.wait_until(lambda: "10.7.7.0" in world.show("SPOKE2", "ip route"), 90.0)


# ------------------------------------------------------------------------------------------------ two wires


def two_wires(**lines: str) -> World:
    """Routers on the wires 10.0.1.0/24 (GigabitEthernet0/1) and 10.0.2.0/24 (0/2): the ports that their lines name."""
    texts = {
        name: "".join(
            f"interface GigabitEthernet0/{wire}\n ip address 10.0.{wire}.{name[1:]} 255.255.255.0\n"
            for wire in text.split("|")[0].split()
        )
        + text.split("|")[1]
        for name, text in lines.items()
    }
    wires = [
        [f"{name}:GigabitEthernet0/{wire}" for name in lines if wire in lines[name].split("|")[0]] for wire in "12"
    ]
    lab = Lab(
        title="two wires",
        routers={name: RouterSpec(role="router") for name in lines},
        links=[LinkSpec(ends=ends) for ends in wires],
        ready=ReadySpec(routes={}),
    )
    return World.of(Scenario("two-wires", lab, {name: f"hostname {name}\n{text}end\n" for name, text in texts.items()}))


def test_a_process_of_eigrp_brings_in_what_another_one_knows_with_its_metric() -> None:
    inside = "interface Loopback0\n ip address 172.16.1.1 255.255.0.0\nrouter eigrp 100\n network 10.0.0.0\n"
    world = two_wires(
        R1=f"1|{inside} network 172.16.0.0\n",
        R2="1 2|router eigrp 100\n network 10.0.1.0 0.0.0.255\n"
        "router eigrp 200\n network 10.0.2.0 0.0.0.255\n redistribute eigrp 100\n",
        R3="2|router eigrp 200\n network 10.0.0.0\n",
    )
    world.run_for(20)
    assert "D EX  172.16.0.0/16 [170/131072] via 10.0.2.2," in world.show("R3", "ip route eigrp")


def test_two_borders_of_ospf_and_eigrp_find_one_way_to_what_is_external_in_both() -> None:
    """Each took its route of EIGRP back as soon as it heard of the other's in OSPF, both at once and forever."""
    border = (
        "1 2|route-map IN deny 10\n match tag 90\nroute-map IN permit 20\nroute-map OUT permit 10\n set tag 90\n"
        "router ospf 1\n network 10.0.1.0 0.0.0.255 area 0\n redistribute eigrp 1 subnets route-map OUT\n"
        "router eigrp 1\n network 10.0.2.0 0.0.0.255\n redistribute ospf 1 metric 1000 1 255 1 1500 route-map IN\n"
    )
    world = two_wires(
        R1="1|router ospf 1\n network 10.0.0.0 0.0.255.255 area 0\n",
        R2=border,
        R3=border,
        R4="2|ip route 172.21.0.0 255.255.0.0 Null0\nrouter eigrp 1\n network 10.0.0.0\n redistribute static\n",
    )
    world.run_for(120)
    ways = [next(line[:4] for line in world.lines(name, "ip route") if "172.21.0.0" in line) for name in ("R2", "R3")]
    assert sorted(ways) == ["D EX", "O E2"]
    assert any(line.startswith("O E2  172.21.0.0/16 [110/20]") for line in world.lines("R1", "ip route"))


# Distribute lists, offset lists and distances of neighbors in EIGRP and RIP, judged by the routing tables.

#: Where the lists of `phase2-eigrp` are.
TOPOLOGY = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "topology base")


def metric(world: World, router: str, prefix: str) -> int | None:
    """The metric of a route; None: there is none."""
    found = re.search(rf"{re.escape(prefix)} \[\d+/(\d+)\]", world.show(router, "ip route"))
    return int(found[1]) if found else None


@pytest.mark.parametrize(("router", "direction"), [("SPOKE1", "in"), ("HUB", "out")])
def test_an_offset_makes_routes_of_eigrp_farther(router: str, direction: str) -> None:
    world = World("phase2-eigrp").converge()
    before = {prefix: metric(world, "SPOKE1", prefix) for prefix in ("10.1.2.0/24", "10.1.0.0/24")}
    world.configure(router, "access-list 9 permit 10.1.2.0 0.0.0.255")
    world.configure(router, *TOPOLOGY, f"offset-list 9 {direction} 1280000")
    world.run_for(5)
    farther = metric(world, "SPOKE1", "10.1.2.0/24")
    assert farther is not None
    assert before["10.1.2.0/24"] is not None
    assert farther - before["10.1.2.0/24"] == pytest.approx(1280000 // 128, abs=1)
    assert metric(world, "SPOKE1", "10.1.0.0/24") == before["10.1.0.0/24"]


def test_a_distance_of_its_own_for_what_one_neighbor_tells() -> None:
    world = World("phase2-eigrp").converge()
    world.configure("SPOKE1", *TOPOLOGY, "distance 77 10.255.0.1 0.0.0.0")
    world.run_for(2)
    assert "10.1.2.0/24 [77/" in world.show("SPOKE1", "ip route")
    gre = World("notes-gre").converge()
    gre.configure("R11", "router rip", "distance 66 0.0.0.0 255.255.255.255")
    gre.run_for(40)
    assert "[66/" in gre.show("R11", "ip route rip")


@pytest.mark.parametrize("direction", ["in", "out"])
def test_rip_believes_and_tells_what_the_lists_let_through_and_offsets_add_hops(direction: str) -> None:
    world = World("notes-gre").converge()
    prefixes = re.findall(r"^R\s+(\S+/\d+|\S+) \[120/(\d+)\] via (\S+),", world.show("R11", "ip route rip"), re.M)
    assert prefixes
    prefix, hops, _ = prefixes[0]
    address = prefix.split("/")[0]
    routers = ["R11"] if direction == "in" else [name for name in world.scenario.configurations if name != "R11"]
    for router in routers:
        world.configure(router, f"access-list 8 permit {address} 0.0.0.255")
        world.configure(router, "router rip", f"offset-list 8 {direction} 4")
    world.run_for(60)
    assert metric(world, "R11", prefix) in {int(hops) + 4, int(hops) + 8}
    for router in routers:
        world.configure(router, "access-list 6 deny any")
        world.configure(router, "router rip", f"distribute-list 6 {direction}")
    world.run_for(300)
    assert metric(world, "R11", prefix) is None


# Route maps of `redistribute` in EIGRP and RIP, judged by what other routers get to know.

STATIC = ("ip route 172.20.0.0 255.255.0.0 Null0 tag 5", "ip route 172.21.0.0 255.255.0.0 Null0")


def knows(world: World, router: str, protocol: str, prefix: str) -> bool:
    """Has a router a route of this protocol for the prefix?"""
    return prefix in world.show(router, f"ip route {protocol}")


EIGRP = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100", "topology base")


@pytest.mark.parametrize(
    ("match", "known"),
    [("", False), (" match internal", False), (" match internal external 2", True), (" match external 1", False)],
)
def test_external_routes_of_ospf_come_into_bgp_only_where_the_line_names_them(match: str, known: bool) -> None:
    world = World("ospf-phase3").converge()
    world.configure("SPOKE1", STATIC[0], "router ospf 1", "redistribute static subnets")
    world.configure("HUB", "router bgp 65000", f"redistribute ospf 1{match}")
    world.run_for(30)
    table = world.show("HUB", "ip bgp")
    assert ("172.20.0.0" in table) is known
    assert ("10.1.1.0/24" in table) is (match != " match external 1")
    assert f"redistribute ospf 1{match}\n" in f"{world.show('HUB', 'running-config')}\n"
