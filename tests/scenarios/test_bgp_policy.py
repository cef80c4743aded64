"""Filters and route maps of BGP, judged by what the neighbors of a router get to know."""

from __future__ import annotations

import pytest

from support.stories import Story, stories, tell
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


@pytest.mark.parametrize("story", stories("bgp_policy"), ids=str)
def test_the_network_answers_as_the_story_says(story: Story) -> None:
    tell(story, known)
