"""Redistribution between any two routing protocols: one spoke speaks the first, the other one the second."""

from __future__ import annotations

import pytest

from dmvpn.shells.lab_model import Lab, LinkSpec, ReadySpec, RouterSpec
from dmvpn.shells.scenario import Scenario
from support.world import World

#: The lines of each protocol on a router of the cloud, by the last octet of its tunnel address.
PROTOCOLS = {
    "eigrp": ("router eigrp 100", "network 10.255.0.0 0.0.0.255"),
    "rip": ("router rip", "version 2", "no auto-summary", "network 10.0.0.0", "passive-interface GigabitEthernet0/2"),
    "ospf": ("router ospf 1", "network 10.255.0.0 0.0.0.255 area 0"),
}
LANS = {"SPOKE1": "10.1.1.0", "SPOKE2": "10.1.2.0"}
ADDRESSES = {"HUB": "10.255.0.1", "SPOKE1": "10.255.0.11", "SPOKE2": "10.255.0.12"}
#: How the hub brings a protocol in, and what it says of the metric, by the protocol that gets the routes.
NAMES = {"eigrp": "eigrp 100", "rip": "rip", "ospf": "ospf 1", "bgp": "bgp 65000"}
SEEDS = {"eigrp": " metric 10000 100 255 1 1400", "rip": " metric 3", "ospf": " subnets", "bgp": ""}
LETTERS = {"eigrp": "D EX", "rip": "R", "ospf": "O E2", "bgp": "B"}


def lines(router: str, protocol: str) -> tuple[str, ...]:
    """What this router needs in order to speak the protocol with the hub, or the hub with the spoke."""
    lan = LANS.get(router)
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
