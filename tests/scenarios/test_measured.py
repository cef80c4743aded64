"""What routers count, as a program that watches gets it: the same numbers as shows have, complete and bounded."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from dmvpn.face.client import measures
from dmvpn.face.values import router_metrics
from support.fake_router import Served
from support.work import Breaths
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dmvpn.face.messages import Counts

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(tables: list[Counts]) -> Series:
    """All numbers by name and labels, each of them once."""
    found: Series = {}
    for table in tables:
        names = table.columns[: table.labels]
        for row in table.rows:
            labels = tuple(zip(names, map(str, row), strict=False))
            for name, number in zip(table.columns[table.labels :], row[table.labels :], strict=True):
                assert (name, labels) not in found, (name, labels)
                assert isinstance(number, int | float)
                found[name, labels] = number
    return found


def of(world: World, router: str, peers: int = 1000) -> Series:
    return series(list(router_metrics(world.handle(router), peers)))


def total(found: Series, metric: str, **labels: str) -> float:
    """The sum of all series with these labels. There must be one."""
    chosen = [number for (name, has), number in found.items() if name == metric and labels.items() <= dict(has).items()]
    assert chosen, (metric, labels)
    return sum(chosen)


@pytest.fixture(scope="module")
def world() -> World:
    world = World("intro-phase3").converge()
    world.do("SPOKE10", "ping 192.168.20.1 source 192.168.10.1 repeat 20")
    world.run_for(20)
    return world


@pytest.fixture(scope="module")
def hub(world: World) -> str:
    return next(name for name in world.sim.routers if name.startswith("HUB"))


def test_peers_have_the_states_that_show_dmvpn_has(world: World, hub: str) -> None:
    shown = json.loads(world.do(hub, "show dmvpn | json"))
    states = Counter(line["state"] for tunnel in shown["tunnels"] for group in tunnel["peers"] for line in group)
    found = of(world, hub)
    assert states["UP"] >= 2
    assert total(found, "dmvpn_peers", state="UP") == states["UP"]
    assert total(found, "dmvpn_peer_up") == states["UP"]
    assert total(found, "dmvpn_nhrp_cache_entries", kind="registered") == states["UP"]


def test_packets_of_nhrp_are_those_of_its_show(world: World, hub: str) -> None:
    shown = json.loads(world.do(hub, "show ip nhrp traffic | json"))["tunnels"]
    found = of(world, hub)
    for way in ("sent", "received"):
        counted = sum(count for tunnel in shown for count in tunnel[way].values())
        assert total(found, f"dmvpn_nhrp_{way}_packets_total", ip_version="4") == counted > 0


def test_a_spoke_sees_its_server_and_its_direct_path(world: World) -> None:
    found = of(world, "SPOKE10")
    assert total(found, "dmvpn_nhrp_server_up") == 1
    assert total(found, "dmvpn_nhrp_server_replies_total") >= 1
    assert total(found, "dmvpn_nhrp_direct_paths", state="proven") == 1
    assert total(found, "dmvpn_nhrp_next_hops_by_server") == 0


def test_protection_is_counted_by_ike_and_by_ipsec(world: World, hub: str) -> None:
    found = of(world, hub)
    peers = total(found, "dmvpn_peers", state="UP")
    assert total(found, "dmvpn_ipsec_peers", state="secured") == peers
    assert total(found, "dmvpn_ike_established_total", role="responder") >= peers
    assert total(found, "dmvpn_ike_child_sas_total") >= peers
    assert total(found, "dmvpn_ike_sas", state="ready") >= peers
    assert total(found, "dmvpn_ike_failed_total") == 0
    assert total(found, "dmvpn_ipsec_peer_sent_bytes_total") > 0


def test_each_peer_is_counted_with_ipsec_and_without(world: World, hub: str) -> None:
    found = of(world, hub)
    sent = [number for (name, _), number in found.items() if name == "dmvpn_peer_sent_packets_total"]
    octets = [number for (name, _), number in found.items() if name == "dmvpn_peer_sent_bytes_total"]
    assert len(sent) == len(octets) >= 2
    assert min(sent) > 0
    assert min(octets) > 0


def test_routes_are_counted_by_protocol(world: World, hub: str) -> None:
    shown = json.loads(world.do(hub, "show ip route summary | json"))["sources"]
    found = of(world, hub)
    counted = sum(one["networks"] + one["subnets"] for one in shown)
    assert total(found, "dmvpn_routes", ip_version="4", vrf="") == counted


def test_routing_protocols_count_ipv6_apart_from_ipv4_and_as_their_shows_do() -> None:
    """Processes of both versions have the same number."""
    world = World("dual-stack").converge()
    for router in ("R11", "R31", "R41"):
        world.configure(
            router, "router eigrp 100", "network 0.0.0.0", "eigrp router-id 192.0.2.1", "ipv6 router eigrp 100"
        )
        world.configure(router, "router ospf 1", "network 192.168.100.0 0.0.0.255 area 0", "ipv6 router ospf 1")
        world.configure(router, "interface Tunnel100", "ipv6 eigrp 100", "ip ospf network broadcast")
        world.configure(router, "interface Tunnel100", "ipv6 ospf network broadcast", "ipv6 ospf 1 area 0")
    for router in ("R31", "R41"):
        world.configure(router, "interface Tunnel100", "ip ospf priority 0", "ipv6 ospf priority 0")
    world.run_for(120)
    found = of(world, "R11")
    for protocol, ip in (("eigrp", "ip"), ("eigrp_ipv6", "ipv6")):
        neighbors, topology, traffic = (
            json.loads(world.do("R11", f"show {ip} eigrp {what} | json"))["tables"][0]
            for what in ("neighbors", "topology", "traffic")
        )
        names = {"protocol": protocol, "process": "100"}
        assert total(found, "dmvpn_neighbors", **names, state="up") == len(neighbors["neighbors"]) == 2
        assert total(found, "dmvpn_eigrp_destinations", **names) == len(topology["destinations"]) >= 1
        updates = next(counts for kind, *counts in traffic["packets"] if kind == "Updates")
        ways = ("dmvpn_routing_sent_packets_total", "dmvpn_routing_received_packets_total")
        assert [total(found, way, **names, type="update") for way in ways] == updates
    for protocol in ("ospf", "ospfv3"):
        names = {"protocol": protocol, "process": "1"}
        assert total(found, "dmvpn_neighbors", **names, state="FULL") == 2
        assert total(found, "dmvpn_ospf_lsas", **names, area="0") > 3
        assert total(found, "dmvpn_ospf_calculations_total", **names, area="0") > 0
    assert total(found, "dmvpn_route_overrides", ip_version="4") == 0
    assert total(found, "dmvpn_route_overrides", ip_version="6") == 0


def test_without_peers_no_table_has_a_row_for_each(world: World, hub: str) -> None:
    assert not [name for name, _ in of(world, hub, 0) if name.startswith(("dmvpn_peer_", "dmvpn_ipsec_peer_"))]


def test_a_table_is_cut_where_the_reader_says_and_it_says_so(world: World, hub: str) -> None:
    (one,) = [table for table in router_metrics(world.handle(hub), 1) if table.topic == "peers"]
    assert len(one.rows) == 1
    assert one.cut
    assert not any(table.cut for table in router_metrics(world.handle(hub), 1000))


def test_no_counter_falls_and_time_alone_changes_no_series(world: World, hub: str) -> None:
    before = of(world, hub)
    world.run_for(120)
    after = of(world, hub)
    fell = [name for name in before if name[0].endswith("_total") and after.get(name, 0) < before[name]]
    assert fell == []
    gone = {name for name, _ in before} - {name for name, _ in after}
    assert gone == set()


def test_clearing_counters_does_not_break_a_scrape(world: World, hub: str) -> None:
    for line in ("clear ip nhrp counters", "clear crypto sa counters", "clear counters", "clear crypto ikev2 stats"):
        world.do(hub, line)
    found = of(world, hub)
    assert min(number for (name, _), number in found.items() if name.endswith("_total")) >= 0


def test_counting_lets_the_router_go_on_and_survives_what_it_does(world: World, hub: str) -> None:
    """Between any two rows peers come and go, and all is cleared."""
    handle = world.handle(hub)
    with Breaths() as quiet:
        series(list(router_metrics(handle, 1000)))
    assert quiet.count > 20
    for moment in range(1, quiet.count, 3):
        lines = iter((*[None] * moment, "clear crypto session", "clear ip nhrp", "clear ip route *"))

        def meanwhile(lines: Iterator[str | None] = lines) -> None:
            line = next(lines, None)
            if line is not None:
                world.do(hub, line)

        with Breaths(meanwhile):
            found = series(list(router_metrics(handle, 1000)))
        assert total(found, "dmvpn_nhrp_running", ip_version="4") == 1
    world.run_for(60)


def test_the_socket_says_the_same_and_what_it_means(world: World, hub: str, tmp_path: Path) -> None:
    served = Served(tmp_path / "s", world.handle(hub))
    try:
        told = list(measures(served.path, 1000, patience=5.0))
    finally:
        served.close()
    first = {table.topic: table for table in reversed(told)}
    assert all(len(table.families) == len(table.columns) - table.labels for table in first.values())
    life = {"dmvpn_process_", "dmvpn_loop_"}
    mine, theirs = ({name for name, _ in found} for found in (of(world, hub), series(told)))
    assert {name for name in theirs if not name.startswith(tuple(life))} == {
        name for name in mine if not name.startswith(tuple(life))
    }
    assert "dmvpn_loop_lag_seconds" in theirs
