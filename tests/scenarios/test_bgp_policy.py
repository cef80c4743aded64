"""Filters and route maps of BGP, judged by what the neighbors of a router get to know."""

from __future__ import annotations

import pytest

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


def test_a_map_that_nobody_defined_lets_nothing_out() -> None:
    world = settled(with_lines("HUB", "10.255.0.11", "route-map NOWHERE out", ""))
    assert known(world, "SPOKE1") == []
    assert known(world, "SPOKE2") == ["10.1.0.0/24", "10.1.1.0/24"]


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


def test_a_map_chooses_what_comes_in_by_the_neighbor_that_tells_it() -> None:
    policy = "access-list 10 permit host 10.255.0.11\nroute-map M permit 10\n match ip route-source 10\n"
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M in", policy))
    assert known(world, "HUB") == ["10.1.1.0/24", "10.1.2.0/24"]
    world.configure("HUB", "no access-list 10", "access-list 10 permit host 10.255.0.12")
    world.do("HUB", "clear ip bgp * soft in")
    world.run_for(10)
    assert known(world, "HUB") == ["10.1.2.0/24"]


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


def test_a_map_tells_one_neighbor_parts_that_an_aggregate_speaks_for() -> None:
    policy = "ip prefix-list L permit 10.1.2.0/24\nroute-map U permit 10\n match ip address prefix-list L\n"
    world = settled(with_lines("HUB", "10.255.0.11", "unsuppress-map U", policy))
    world.configure("HUB", "router bgp 65000", "aggregate-address 10.1.0.0 255.255.0.0 summary-only")
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.2.0/24"], 60.0)
    assert world.wait_until(lambda: known(world, "SPOKE2") == [], 60.0)
    text = world.show("HUB", "ip bgp neighbors 10.255.0.11")
    assert "Route map for selective unsuppression is U" in text
    world.configure("HUB", "router bgp 65000", "no neighbor 10.255.0.11 unsuppress-map U")
    assert world.wait_until(lambda: known(world, "SPOKE1") == [], 60.0)


@pytest.mark.parametrize(
    ("match", "lans"),
    [
        ("match route-type local", ["10.1.0.0/24"]),
        ("match route-type external", ["10.1.2.0/24"]),
        ("match route-type internal", []),
    ],
)
def test_a_map_chooses_by_where_a_path_came_from(match: str, lans: list[str]) -> None:
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out", f"route-map M permit 10\n {match}\n"))
    assert known(world, "SPOKE1") == lans


def test_a_map_chooses_by_local_preference() -> None:
    policy = "route-map M permit 10\n match local-preference 300\n"
    world = settled(with_lines("HUB", "10.255.0.11", "route-map M out", policy))
    assert known(world, "SPOKE1") == []
    world.configure(
        "HUB",
        *("route-map P permit 10", "set local-preference 300"),
        *("router bgp 65000", "neighbor 10.255.0.12 route-map P in"),
    )
    world.do("HUB", "clear ip bgp * soft")
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.2.0/24"], 60.0)


def test_what_a_map_marks_no_export_goes_to_no_external_neighbor() -> None:
    world = settled(with_lines("HUB", "10.255.0.12", "route-map M in", "route-map M\n set community no-export\n"))
    assert known(world, "SPOKE1") == ["10.1.0.0/24"]
    assert "10.1.2.0" in world.show("HUB", "ip route bgp")


def test_a_new_filter_withdraws_and_its_removal_announces() -> None:
    world = World(EXTERNAL).converge()
    world.configure(
        "HUB", "ip prefix-list L permit 10.1.0.0/24", "router bgp 65000", "neighbor 10.255.0.11 prefix-list L out"
    )
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.0.0/24"], 10.0)
    world.configure("HUB", "router bgp 65000", "no neighbor 10.255.0.11 prefix-list L out")
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.0.0/24", "10.1.2.0/24"], 10.0)
    world.configure(
        "SPOKE1", "ip prefix-list L permit 10.1.0.0/24", "router bgp 65011", "neighbor 10.255.0.1 prefix-list L in"
    )
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.0.0/24"], 10.0)


def test_a_changed_list_acts_outwards_after_a_minute_or_a_soft_clear() -> None:
    filters = "ip prefix-list L permit 0.0.0.0/0 le 32\n"
    world = settled(with_lines("HUB", "10.255.0.11", "prefix-list L out", filters))
    world.configure("HUB", "no ip prefix-list L", "ip prefix-list L permit 10.1.0.0/24")
    world.run_for(30)
    assert known(world, "SPOKE1") == ["10.1.0.0/24", "10.1.2.0/24"]
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.0.0/24"], 40.0)
    world.configure("HUB", "ip prefix-list L permit 10.1.2.0/24")
    world.do("HUB", "clear ip bgp * soft out")
    assert world.wait_until(lambda: known(world, "SPOKE1") == ["10.1.0.0/24", "10.1.2.0/24"], 10.0)


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


def test_entries_count_the_routes_that_they_fitted_until_somebody_clears_them() -> None:
    world = World(EXTERNAL).converge()
    world.configure(
        "HUB", "ip prefix-list P seq 5 permit 10.1.2.0/24", "ip prefix-list P seq 10 permit 0.0.0.0/0 le 32"
    )
    world.configure("HUB", "route-map M permit 10", "match ip address prefix-list P", "route-map M permit 20")
    world.configure("HUB", "router bgp 65000", "neighbor 10.255.0.11 route-map M out")
    world.run_for(5)
    detail = world.show("HUB", "ip prefix-list detail P")
    assert "   count: 2, range entries: 1, sequences: 5 - 10, refcount: 2" in detail
    assert "seq 5 permit 10.1.2.0/24 (hit count: 1, refcount: 1)" in detail
    assert "Route matches: 3" in world.show("HUB", "route-map M")
    assert "hit count" not in world.show("HUB", "ip prefix-list summary")
    world.do("HUB", "clear ip prefix-list P", "clear route-map counters")
    assert "(hit count: 0, refcount: 1)" in world.show("HUB", "ip prefix-list detail")
    assert "Route matches: 0" in world.show("HUB", "route-map M")


def test_redistribution_brings_in_the_default_route_only_if_it_is_told_to_and_with_the_default_metric() -> None:
    world = World(REFLECTED).converge()
    world.configure("HUB", "ip route 172.20.0.0 255.255.0.0 Null0")
    world.configure("HUB", "router bgp 65000", "address-family ipv4", "redistribute static", "default-metric 33")
    world.run_for(5)
    assert "172.20.0.0/16 [200/33] via 10.255.0.1" in world.show("SPOKE1", "ip route bgp")
    assert "10.255.0.1 from" not in world.do("SPOKE1", "show ip bgp 0.0.0.0/0")
    world.configure("HUB", "router bgp 65000", "address-family ipv4", "default-information originate")
    world.run_for(5)
    assert "10.255.0.1 from" in world.do("SPOKE1", "show ip bgp 0.0.0.0/0")


def test_what_one_neighbor_tells_has_a_distance_of_its_own() -> None:
    world = World(REFLECTED).converge()
    world.configure("SPOKE1", "access-list 4 permit 10.1.2.0 0.0.0.255")
    world.configure("SPOKE1", "router bgp 65000", "address-family ipv4", "distance 88 10.255.0.1 0.0.0.0 4")
    world.run_for(2)
    table = world.show("SPOKE1", "ip route bgp")
    assert "10.1.2.0/24 [88/0]" in table
    assert "10.1.0.0/24 [200/0]" in table
