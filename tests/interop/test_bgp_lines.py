"""Lines of BGP one by one beside FRR's bgpd: what it says of the paths that ours makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from support.daemons import Wire, missing

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(300, func_only=True),
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

OUR_AS = 65001
OURS, LEFT, RIGHT = "10.9.0.1", "10.9.0.2", "10.9.0.3"
OUR_LAN, LEFT_LAN, RIGHT_LAN = "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"


def cloud() -> Wire:
    return Wire(ours=("10.1.0.1/24",), left=("10.2.0.1/24",), right=("10.3.0.1/24",))


def start_frr(
    wire: Wire,
    name: str,
    own_as: int,
    our_as: int,
    *family: str,
    neighbor: str = "",
    maps: str = "",
    process: tuple[str, ...] = (),
) -> None:
    """Start bgpd with ours as its only neighbor. family: lines of the address family, process: of the process."""
    lines = (f"remote-as {our_as}", "timers connect 1", "advertisement-interval 0", *filter(None, [neighbor]))
    wire.start_frr(
        name,
        "bgpd",
        f"{maps}router bgp {own_as}\n bgp router-id {wire.addresses[name]}\n no bgp ebgp-requires-policy\n"
        " no bgp network import-check\n"
        + "".join(f" {line}\n" for line in process)
        + "".join(f" neighbor {OURS} {line}\n" for line in lines)
        + " address-family ipv4 unicast\n"
        + "".join(f"  {line}\n" for line in family)
        + " exit-address-family\n",
    )


def start_ours(wire: Wire, neighbors: dict[str, tuple[str, ...]], *more: str, maps: str = "") -> None:
    lines = [
        f"neighbor {peer} {line}" for peer, said in neighbors.items() for line in (*said, "advertisement-interval 0")
    ]
    text = "".join(f" {line}\n" for line in (*lines, "network 10.1.0.0 mask 255.255.255.0", *more))
    wire.start_ours("ours", f"router bgp {OUR_AS}\n bgp router-id {OURS}\n{text}{maps}")


def best(wire: Wire, name: str, prefix: str) -> dict[str, Any]:
    """What FRR says of its best path; {} while there is none."""
    paths = wire.frr_json(name, f"show bgp ipv4 unicast {prefix}").get("paths", [])
    return next((path for path in paths if path.get("bestpath", {}).get("overall")), {})


def path(wire: Wire, name: str, prefix: str) -> str:
    """The systems of FRR's best path; "" while there is none."""
    return str(best(wire, name, prefix).get("aspath", {}).get("string", ""))


def wait_for_path(wire: Wire, name: str, prefix: str, systems: str) -> None:
    wire.wait(f"{prefix} at {name} by {systems or 'nobody'}", lambda: path(wire, name, prefix) == systems)


@pytest.mark.story("bgp-own-as")
def test_two_sites_of_one_system_hear_of_each_other_by_as_override_or_where_they_allow_their_own() -> None:
    with cloud() as wire:
        start_frr(wire, "left", 65010, OUR_AS, f"network {LEFT_LAN}")
        start_frr(wire, "right", 65010, OUR_AS, f"network {RIGHT_LAN}", f"neighbor {OURS} allowas-in")
        start_ours(wire, {LEFT: ("remote-as 65010", "as-override"), RIGHT: ("remote-as 65010",)})
        wait_for_path(wire, "left", RIGHT_LAN, f"{OUR_AS} {OUR_AS}")
        wait_for_path(wire, "right", LEFT_LAN, f"{OUR_AS} 65010")
        assert path(wire, "left", OUR_LAN) == str(OUR_AS)


@pytest.mark.story("bgp-own-as", "bgp-private-as")
def test_ours_takes_its_own_number_as_often_as_allowas_in_says_and_hides_private_ones() -> None:
    with cloud() as wire:
        own = "".join(
            f"route-map TWICE permit {number}\n match ip address prefix-list N{number}\n set as-path prepend {said}\n"
            f"ip prefix-list N{number} permit {network}\n"
            for number, network, said in ((10, LEFT_LAN, "65001 65001"), (20, "10.2.9.0/24", "65001 65001 65001"))
        )
        networks = [f"network {network} route-map TWICE" for network in (LEFT_LAN, "10.2.9.0/24")]
        start_frr(wire, "left", 65010, OUR_AS, *networks, maps=own)
        start_frr(wire, "right", 100, OUR_AS, f"network {RIGHT_LAN}")
        start_ours(wire, {LEFT: ("remote-as 65010", "allowas-in 2"), RIGHT: ("remote-as 100", "remove-private-as")})
        wait_for_path(wire, "right", LEFT_LAN, str(OUR_AS))
        wait_for_path(wire, "left", RIGHT_LAN, f"{OUR_AS} 100")
        assert "65010 65001 65001" in wire.ask("ours", "show ip bgp 10.2.0.0")
        assert "not in table" in wire.ask("ours", "show ip bgp 10.2.9.0 255.255.255.0")


@pytest.mark.story("bgp-local-as")
def test_local_as_stands_beside_our_own_number_or_alone() -> None:
    with cloud() as wire:
        start_frr(wire, "left", 65010, 65099, f"network {LEFT_LAN}")
        start_frr(wire, "right", 100, 65098, f"network {RIGHT_LAN}")
        start_ours(
            wire,
            {
                LEFT: ("remote-as 65010", "local-as 65099"),
                RIGHT: ("remote-as 100", "local-as 65098 no-prepend replace-as"),
            },
        )
        wait_for_path(wire, "left", OUR_LAN, f"65099 {OUR_AS}")
        wait_for_path(wire, "left", RIGHT_LAN, f"65099 {OUR_AS} 100")
        wait_for_path(wire, "right", OUR_LAN, "65098")
        wait_for_path(wire, "right", LEFT_LAN, "65098 65099 65010")


@pytest.mark.story("bgp-aggregate", "bgp-default", "bgp-ttl-security", "bgp-fall-over")
def test_aggregates_hide_and_name_what_they_hold_and_a_default_route_needs_what_its_map_permits() -> None:
    secure = "ttl-security hops 1"
    with Wire(ours=("10.1.0.1/24",), left=(), right=(), other=()) as wire:
        start_frr(wire, "left", 65010, OUR_AS, "network 10.4.0.0/24", neighbor=secure)
        start_frr(wire, "right", 65020, OUR_AS, "network 10.4.1.0/24", "network 10.6.0.0/24", neighbor=secure)
        start_frr(wire, "other", 65030, OUR_AS)
        start_ours(
            wire,
            {
                LEFT: ("remote-as 65010", secure),
                RIGHT: ("remote-as 65020", secure),
                wire.addresses["other"]: ("remote-as 65030", "default-originate route-map DEFAULT"),
            },
            "aggregate-address 10.4.0.0 255.255.0.0 as-set summary-only",
            "aggregate-address 10.6.0.0 255.255.0.0",
            maps="ip prefix-list SIX permit 10.6.0.0/24\n"
            "route-map DEFAULT permit 10\n match ip address prefix-list SIX\n",
        )
        wait_for_path(wire, "other", "10.4.0.0/16", f"{OUR_AS} {{65010,65020}}")
        wait_for_path(wire, "other", "10.6.0.0/16", str(OUR_AS))
        wait_for_path(wire, "other", "10.6.0.0/24", f"{OUR_AS} 65020")
        wait_for_path(wire, "other", "0.0.0.0/0", str(OUR_AS))
        plain = best(wire, "other", "10.6.0.0/16")
        assert (plain["aggregatorAs"], plain["aggregatorId"], plain["atomicAggregate"]) == (OUR_AS, OURS, True)
        assert "atomicAggregate" not in best(wire, "other", "10.4.0.0/16")
        assert not path(wire, "left", "10.4.0.0/16"), "its own number is in the set"
        assert not path(wire, "other", "10.4.1.0/24")
        wire.frr("right", "configure terminal", "router bgp 65020", "no network 10.6.0.0/24")
        for gone in ("0.0.0.0/0", "10.6.0.0/16", "10.6.0.0/24"):
            wait_for_path(wire, "other", gone, "")
        wire.ip("ours", "link", "set", "wire", "down")
        told = wire.addresses["other"]
        line = f"neighbor {told} Down Interface flap"
        wire.wait("all are lost long before the hold time", lambda: line in wire.ask("ours", "show logging"), 60.0)


@pytest.mark.story("bgp-templates", "bgp-multipath")
def test_neighbors_inherit_from_templates_of_both_kinds_and_equal_paths_of_both_are_in_the_kernel() -> None:
    with cloud() as wire:
        for name, lan in (("left", LEFT_LAN), ("right", RIGHT_LAN)):
            start_frr(wire, name, 65010, OUR_AS, f"network {lan}", "network 10.8.0.0/24")
        inherited = ("inherit peer-session SESSION", "inherit peer-policy POLICY")
        wire.start_ours(
            "ours",
            f"router bgp {OUR_AS}\n"
            " template peer-session SESSION\n  remote-as 65010\n  timers 3 9\n exit-peer-session\n"
            " template peer-policy POLICY\n  send-community\n  route-map OUT out\n  as-override\n exit-peer-policy\n"
            + "".join(f" neighbor {peer} {line}\n" for peer in (LEFT, RIGHT) for line in inherited)
            + " network 10.1.0.0 mask 255.255.255.0\n maximum-paths 2\n"
            "route-map OUT permit 10\n set community 65001:1 65001:2\n",
        )
        for name in ("left", "right"):
            wait_for_path(wire, name, OUR_LAN, str(OUR_AS))
            assert best(wire, name, OUR_LAN)["community"]["string"] == "65001:1 65001:2"
            said = wire.frr_json(name, f"show bgp neighbors {OURS}")[OURS]
            assert said["bgpTimerHoldTimeMsecs"] == 9000
        wait_for_path(wire, "left", RIGHT_LAN, f"{OUR_AS} {OUR_AS}")

        def hops() -> set[str]:
            return {word for word in wire.ip("ours", "route", "show", "10.8.0.0/24").split() if word.startswith("10.9")}

        wire.wait("both next hops", lambda: hops() == {LEFT, RIGHT})
        wire.unplug("left")
        wire.wait("the other one alone, when the hold time of 9 s ends", lambda: hops() == {RIGHT})


@pytest.mark.story("bgp-graceful-restart")
@pytest.mark.slow
def test_routes_of_a_bgpd_that_is_killed_stay_until_it_has_told_its_table_again() -> None:
    gone = "10.2.9.0/24"
    process = tuple(f"bgp graceful-restart{more}" for more in ("", " preserve-fw-state", " restart-time 300"))

    def start_left(wire: Wire, *networks: str) -> None:
        start_frr(wire, "left", 65010, OUR_AS, *(f"network {one}" for one in networks), process=process)

    def shown(wire: Wire, network: str) -> str:
        lines = wire.ask("ours", "show ip bgp").splitlines()
        return next((line[1:3] for line in lines if network in line), "")

    with cloud() as wire:
        start_left(wire, LEFT_LAN, gone)
        start_ours(wire, {LEFT: ("remote-as 65010",)}, "bgp graceful-restart")
        wire.wait("ours has both", lambda: {LEFT_LAN, gone} <= {*wire.kernel("ours")})
        wire.kill("left", "bgpd")
        wire.wait("both are stale", lambda: shown(wire, "10.2.0.0") == shown(wire, "10.2.9.0") == "S>")
        assert {LEFT_LAN, gone} <= {*wire.kernel("ours")}
        start_left(wire, LEFT_LAN)
        wire.wait("what is not told again is gone", lambda: gone not in wire.kernel("ours"))
        assert shown(wire, "10.2.0.0") == "*>"
        wait_for_path(wire, "left", OUR_LAN, str(OUR_AS))


@pytest.mark.story("bgp-set-communities")
def test_frr_hears_the_communities_that_our_map_sets_and_ours_chooses_by_those_of_frr() -> None:
    marks = "route-map MARK permit 10\n set extcommunity rt 65010:5\n set large-community 65010:1:2\n"
    with cloud() as wire:
        start_frr(wire, "left", 65010, OUR_AS, f"network {LEFT_LAN} route-map MARK", "network 10.2.9.0/24", maps=marks)
        start_frr(wire, "right", 100, OUR_AS)
        maps = (
            "ip extcommunity-list standard E permit rt 65010:5\n"
            "ip large-community-list standard L permit 65010:1:2\n"
            "route-map OURS permit 10\n match extcommunity E\n match large-community L\n"
            " set extcommunity rt 65001:7 192.0.2.1:8 additive\n set extcommunity soo 4200000001:9\n"
            " set large-community 4200000001:3:4 additive\n"
        )
        start_ours(
            wire,
            {LEFT: ("remote-as 65010",), RIGHT: ("remote-as 100", "send-community both", "route-map OURS out")},
            maps=maps,
        )
        wait_for_path(wire, "right", LEFT_LAN, f"{OUR_AS} 65010")
        found = best(wire, "right", LEFT_LAN)
        words = {*found["extendedCommunity"]["string"].split()}
        assert words == {"RT:65010:5", "RT:65001:7", "RT:192.0.2.1:8", "SoO:4200000001:9"}
        assert found["largeCommunity"]["string"] == "65010:1:2 4200000001:3:4"
        assert path(wire, "right", "10.2.9.0/24") == ""


@pytest.mark.story("bgp-unsuppress")
def test_one_of_two_neighbors_hears_a_part_of_an_aggregate_by_unsuppress_map() -> None:
    with cloud() as wire:
        start_frr(wire, "left", 65010, OUR_AS)
        start_frr(wire, "right", 100, OUR_AS)
        start_ours(
            wire,
            {LEFT: ("remote-as 65010", "unsuppress-map PART"), RIGHT: ("remote-as 100",)},
            "aggregate-address 10.1.0.0 255.255.0.0 summary-only",
            maps="access-list 10 permit 10.1.0.0\nroute-map PART permit 10\n match ip address 10\n",
        )
        wait_for_path(wire, "left", OUR_LAN, str(OUR_AS))
        wait_for_path(wire, "right", "10.1.0.0/16", str(OUR_AS))
        assert path(wire, "left", "10.1.0.0/16") == str(OUR_AS)
        assert path(wire, "right", OUR_LAN) == ""


@pytest.mark.story("bgp-confederation")
def test_a_confederation_with_frr_in_another_system_is_one_for_an_frr_outside() -> None:
    """We are 65001 of confederation 100, left is 65010 of it, right is 300."""
    process = ("bgp confederation identifier 100", f"bgp confederation peers {OUR_AS}")
    with cloud() as wire:
        start_frr(wire, "left", 65010, OUR_AS, f"network {LEFT_LAN}", process=process)
        start_frr(wire, "right", 300, 100, f"network {RIGHT_LAN}")
        wire.start_ours(
            "ours",
            f"router bgp {OUR_AS}\n bgp router-id {OURS}\n bgp confederation identifier 100\n"
            " bgp confederation peers 65010\n bgp default local-preference 150\n"
            f" neighbor {LEFT} remote-as 65010\n neighbor {LEFT} advertisement-interval 0\n"
            f" neighbor {RIGHT} remote-as 300\n neighbor {RIGHT} advertisement-interval 0\n"
            " network 10.1.0.0 mask 255.255.255.0\n",
        )
        wait_for_path(wire, "right", LEFT_LAN, "100")
        wait_for_path(wire, "right", OUR_LAN, "100")
        wait_for_path(wire, "left", RIGHT_LAN, f"({OUR_AS}) 300")
        wait_for_path(wire, "left", OUR_LAN, f"({OUR_AS})")
        at_left = best(wire, "left", RIGHT_LAN)
        assert (at_left["locPrf"], at_left["nexthops"][0]["ip"]) == (150, RIGHT)
        assert "valid, confed-external, best" in wire.ask("ours", f"show ip bgp {LEFT_LAN}")
