"""A line of a tunnel changes at one router after the other, while NHRP, IKE and routing begin or when all is up.

Later everything is there again: nothing may live on what was remembered of the tunnel.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Interface, IPv4Network
from itertools import combinations, product
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dmvpn.features.interface.config import model
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator
from dmvpn.tools.render.allocation import AllocationError, Allocations, allocate
from dmvpn.tools.render.table import Hub, Spoke, Table
from support.cases import few_examples
from support.world import World

#: Seconds until everything is there again: a registration that failed is tried again after 64 s at most.
PATIENCE: Final = 200.0
_EIGRP: Final = "router eigrp GRE-OVERLAY\naddress-family ipv4 unicast autonomous-system 100\naf-interface {tunnel}\n"
#: What is entered. Those before `|` are entered, and 20 s later those behind it.
TUNNEL_LINES: Final = (
    "ip mtu 1300",
    "ip mtu 1300|ip mtu 1400",
    "bandwidth 500",
    "delay 700",
    "ip tcp adjust-mss 1200",
    "tunnel key 77",
    "ip nhrp holdtime 60",
    "ip nhrp network-id 9",
    "ip nhrp authentication OTHER",
    "ip nhrp registration timeout 10",
    "ip nhrp redirect",
    "ip nhrp shortcut",
    "keepalive 3 2",
    "if-state nhrp",
    "bfd interval 100 min_rx 100 multiplier 3",
    "tunnel tos 32",
    "tunnel ttl 9",
    "tunnel path-mtu-discovery",
    "shutdown|no shutdown",
)
#: Of a classic process of EIGRP, for which the first ones are infinite.
CLASSIC_LINES: Final = (
    "delay 16777215|no delay",
    "bandwidth 1\ndelay 16777215|no bandwidth\nno delay",
)
EIGRP_LINES: Final = (
    "hello-interval 2",
    "hold-time 6",
    "hello-interval 60\nhold-time 180|hello-interval 5\nhold-time 15",
    "bandwidth-percent 10",
    "no next-hop-self",
    "authentication mode hmac-sha-256 SECRET",
    "authentication mode hmac-sha-256 SECRET|no authentication mode",
    "passive-interface|no passive-interface",
    "shutdown|no shutdown",
    "bfd",
)
OSPF_LINES: Final = (
    "ip ospf cost 7",
    "ip ospf mtu-ignore",
    "ip ospf hello-interval 2",
    "ip ospf dead-interval 9",
    "ip ospf retransmit-interval 2",
    "ip ospf priority 7",
    "ip ospf network point-to-multipoint",
    "ip ospf authentication null",
    "ip ospf bfd",
    "ip ospf shutdown|no ip ospf shutdown",
)
OF_TUNNEL: Final = "interface {tunnel}\n"
SCENARIOS: Final = ("notes-phase3", "ospf-phase3", "bgp-phase3", "ipsec-two-spokes-one-nat")
CHANGES: Final = (
    *((name, OF_TUNNEL, line) for name in SCENARIOS for line in TUNNEL_LINES),
    *(("notes-phase3", _EIGRP, line) for line in EIGRP_LINES),
    *(("intro-phase3", OF_TUNNEL, line) for line in CLASSIC_LINES),
    *(("ospf-phase3", OF_TUNNEL, line) for line in OSPF_LINES),
)


def members_of(world: World) -> dict[str, str]:
    """Return the routers of the cloud, the hub first, with the names of their tunnels."""
    found = {
        name: re.search(r"^interface (Tunnel\d+)", text, re.M) for name, text in world.scenario.configurations.items()
    }
    return {name: tunnel[1] for name, tunnel in found.items() if tunnel is not None}


@pytest.mark.lengthy
@given(
    st.sampled_from(CHANGES),
    st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 3.0, 30.0]),
    st.sampled_from([0.0, 0.2, 4.0, 40.0]),
    st.booleans(),
    st.integers(1, 100),
)
@settings(few_examples(15), suppress_health_check=[HealthCheck.too_slow])
def test_after_a_changed_line_at_all_routers_the_cloud_is_complete_again(
    change: tuple[str, str, str], begun: float, pause: float, hub_first: bool, seed: int
) -> None:
    name, head, lines = change
    world = World(name, seed=seed)
    world.run_for(begun)
    members = list(members_of(world).items())
    for line in lines.split("|"):
        for router, tunnel in members if hub_first else reversed(members):
            said = world.configure(router, *(head.format(tunnel=tunnel) + line).split("\n"))
            assert "% I" not in said, said
            world.run_for(pause)
        world.run_for(20 if "|" in lines else 0)
    assert world.wait_until(lambda: not world.lacks(), PATIENCE, 0.5), world.lacks()


# An interface gets an address unless another one is on an overlapping subnet, whatever was typed before.

_READER = configurator(FEATURES)
_NAMES = ("Loopback1", "Tunnel1", "Tunnel2", "GigabitEthernet0/1", "GigabitEthernet0/2")
_ADDRESSES = tuple(
    IPv4Interface(text)
    for text in (
        "10.0.0.1/24",
        "10.0.0.9/29",
        "10.0.0.129/25",
        "10.0.1.1/24",
        "10.0.0.2/23",
        "10.0.0.1/8",
        "10.0.2.1/32",
    )
)
_LINES = st.one_of(
    st.sampled_from(_ADDRESSES),
    st.sampled_from(["no ip address", "shutdown", "no shutdown", "ip address dhcp", "remove", "default"]),
)


def check(typed: list[tuple[str, IPv4Interface | str]]) -> None:
    """Types it into a router and into a few lines of Python, which have to agree."""
    addresses: dict[str, IPv4Interface] = {}
    down: dict[str, bool] = {}
    lines: list[str] = []
    refusals: list[str] = []
    for name, line in typed:
        match line:
            case "remove" | "default":
                if line == "remove" and not name.startswith(("Loopback", "Tunnel")):
                    continue
                lines.append(f"{'no' if line == 'remove' else 'default'} interface {name}")
                addresses.pop(name, None)
                down.pop(name, None)
                continue
            case IPv4Interface():
                lines += [f"interface {name}", f" ip address {line.ip} {line.netmask}"]
                near = [
                    other
                    for other, theirs in addresses.items()
                    if other != name and not down.get(other) and theirs.network.overlaps(line.network)
                ]
                if near:
                    first = min(near, key=interface_sort_key)
                    refusals.append(f"% {line.network.network_address} overlaps with {first}")
                else:
                    addresses[name] = line
            case _:
                lines += [f"interface {name}", f" {line}"]
                if "address" in line:
                    addresses.pop(name, None)
                else:
                    down[name] = line == "shutdown"
    result = _READER.parse_text("\n".join(lines))
    said = [problem.message_lines[0] for problem in result.problems]
    assert [words for words in said if " overlaps with " in words] == refusals
    told = {one.name: one.address for one in model(result.tree).interfaces if one.address is not None}
    assert told == {name: (one.ip, one.network.prefixlen) for name, one in addresses.items()}


@given(st.lists(st.tuples(st.sampled_from(_NAMES), _LINES), max_size=25))
def test_an_address_is_refused_if_and_only_if_another_interface_overlaps(
    typed: list[tuple[str, IPv4Interface | str]],
) -> None:
    check(typed)


@pytest.mark.parametrize("way", ["no ip address", "shutdown", "ip address dhcp", "remove", "default", _ADDRESSES[3]])
def test_a_subnet_that_an_interface_has_given_up_is_free(way: IPv4Interface | str) -> None:
    here, there, address = "Tunnel1", "Tunnel2", _ADDRESSES[0]
    check([(here, address), (there, address), (here, way), (there, address), (here, address)])


# Addresses that are given to sites: none overlap, and what was given stays, whatever happens to the table.

_SITE_NAMES = [f"S{number}" for number in range(12)]
#: What a site says itself: nothing, its LAN, its number, its address outside.
_SITES = st.sampled_from(
    [
        {},
        {},
        {},
        {"lan": "10.1.3.0/24"},
        {"lan": "10.1.0.0/22"},
        {"number": 12},
        {"nbma": "100.64.0.5/30", "gateway": "100.64.0.6"},
        {"dynamic": True},
        {"nbma": "10.1.2.2/24", "gateway": "10.1.2.1", "nat": {}},
        {"nbma": "10.1.4.2/22", "gateway": "10.1.4.1", "nat": {}},
        {"nbma": "10.1.4.2/24", "gateway": "10.1.4.1", "nat": {}},
    ]
)
#: A table's spokes, in any order.
_SPOKES = st.lists(st.tuples(st.sampled_from(_SITE_NAMES), _SITES), unique_by=lambda site: site[0], max_size=12)


def _table(
    spokes: list[tuple[str, dict[str, object]]], lans: str = "10.1.0.0/20", outside: str = "100.64.0.0/26"
) -> Table:
    return Table.model_validate(
        {
            "tunnel": {"network": "10.1.8.0/26"},  # within the pool of LANs: nobody may get it
            "pools": {
                "lan": {"network": lans, "length": 24},
                "nbma": {"network": outside, "length": 30},
            },
            "hubs": {"HUB": {}},
            "spokes": dict(spokes),
        }
    )


def _try(table: Table, kept: Allocations) -> Allocations | None:
    try:
        return allocate(table, kept)
    except AllocationError:
        return None  # two sites name the same, or a pool is full: said, and nothing is given


def _networks(table: Table, given: Allocations) -> list[IPv4Network]:
    own = [site.lan for site in table.sites.values() if site.lan is not None]
    outside = [site.nbma.network for site in table.sites.values() if site.nbma is not None and not _has_nat(site)]
    return [table.tunnel.network, *own, *dict.fromkeys(outside), *given.lans.values(), *given.nbmas.values()]


def _inside(table: Table) -> list[IPv4Network]:
    """What is behind NAT: it may be the same at many sites, and nothing else there is."""
    return [site.nbma.network for site in table.sites.values() if site.nbma is not None and _has_nat(site)]


def _has_nat(site: Hub | Spoke) -> bool:
    return getattr(site, "nat", None) is not None


@given(_SPOKES)
def test_no_two_sites_get_anything_that_overlaps(spokes: list[tuple[str, dict[str, object]]]) -> None:
    table = _table(spokes)
    found = _try(table, Allocations())
    if found is not None:
        assert set(found.numbers) == set(table.sites)
        assert len(set(found.numbers.values())) == len(found.numbers)
        assert all(1 <= number <= 62 for number in found.numbers.values())
        assert not [pair for pair in combinations(_networks(table, found), 2) if pair[0].overlaps(pair[1])]
        assert not [pair for pair in product(_networks(table, found), _inside(table)) if pair[0].overlaps(pair[1])]
        assert all((site.lan is None) == (name in found.lans) for name, site in table.sites.items())


@given(st.lists(_SPOKES, min_size=2, max_size=5))
def test_sites_that_stay_keep_what_they_were_given_through_any_history(
    history: list[list[tuple[str, dict[str, object]]]],
) -> None:
    kept, before = Allocations(), _table([])
    for spokes in history:
        table = _table(spokes)
        found = _try(table, kept)
        if found is None:
            continue
        for name, site in table.sites.items():
            if name not in before.sites or site != before.sites[name]:
                continue
            assert found.numbers[name] == kept.numbers.get(name, found.numbers[name])
            assert found.lans.get(name) == kept.lans.get(name, found.lans.get(name))
            assert found.nbmas.get(name) == kept.nbmas.get(name, found.nbmas.get(name))
        assert not [pair for pair in combinations(_networks(table, found), 2) if pair[0].overlaps(pair[1])]
        assert len(set(found.numbers.values())) == len(table.sites)
        assert allocate(table, found) == found, "once more changes nothing"
        kept, before = found, table


@given(st.permutations(_SITE_NAMES[:6]))
def test_the_order_of_the_table_is_nothing_to_those_who_have_something(names: list[str]) -> None:
    first = allocate(_table([(name, {}) for name in _SITE_NAMES[:6]]), Allocations())
    again = allocate(_table([(name, {}) for name in names]), first)
    assert (dict(again.numbers), dict(again.lans), dict(again.nbmas)) == (first.numbers, first.lans, first.nbmas)


def test_a_site_in_the_middle_of_the_table_renumbers_nobody() -> None:
    first = allocate(_table([("A", {}), ("B", {})]), Allocations())
    again = allocate(_table([("A", {}), ("NEW", {}), ("B", {})]), first)
    assert {name: again.lans[name] for name in ("HUB", "A", "B")} == first.lans
    assert again.numbers["NEW"] == 13


def test_another_pool_is_another_lan_and_no_error() -> None:
    first = allocate(_table([("A", {})]), Allocations())
    moved = allocate(_table([("A", {})], lans="10.2.0.0/20"), first)
    assert moved.lans["A"].subnet_of(IPv4Network("10.2.0.0/20"))
    assert moved.numbers == first.numbers


def test_a_number_that_a_smaller_tunnel_network_does_not_have_is_given_again() -> None:
    found = allocate(_table([("A", {})]), Allocations({"A": 200}))
    assert found.numbers["A"] == 11


def test_pools_that_overlap_give_nothing_twice() -> None:
    table = _table([("A", {}), ("B", {})], lans="10.1.0.0/20", outside="10.1.0.0/24")
    given_once = allocate(table, Allocations())
    for found in (given_once, allocate(_table([("A", {}), ("B", {}), ("C", {})], outside="10.1.0.0/24"), given_once)):
        assert not [
            pair for pair in combinations([*found.lans.values(), *found.nbmas.values()], 2) if pair[0].overlaps(pair[1])
        ]
