"""Scenario hierarchical: a global hub, two regional hubs, spokes in each region. Three clouds, one network, one key.

Spokes have a single summary, so that every shortcut is a route of NHRP's own. A request for a host of the other region
walks spoke, regional hub, global hub, regional hub, spoke; the answer comes directly, and then the traffic.
"""

from __future__ import annotations

import re

import pytest

from dmvpn.base.errors import UserError
from dmvpn.features.nhrp import packet as nhrp
from dmvpn.features.nhrp.parts import ForwardTransitRecord, find
from dmvpn.network.lines import difference
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lessons import Check, examine
from dmvpn.tools.phases import phase_lines
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.outages import hops, outages, peers, route
from support.world import Wiretap, World

GLOBAL, HUB_A, HUB_B = "10.255.0.1", "10.255.0.11", "10.255.0.12"
REGION_A, REGION_B = "10.255.1.1", "10.255.2.1"
A1, A2, B1 = "10.255.1.11", "10.255.1.12", "10.255.2.11"
NBMA = {A1: "198.51.100.1", A2: "198.51.100.5", B1: "198.51.100.9", GLOBAL: "203.0.113.1", HUB_A: "203.0.113.101"}
UNDERLAY = "GigabitEthernet0/1"
ACROSS = ("HA1", "10.2.1.100")
#: A registration retry at its longest, and the greetings after it.
RETURN = 64 * 1.1 + 5.0


#: Every hub knows its clients, and everybody has a way to every LAN. No traffic yet.
NETWORK, SETTLED_AFTER = "hierarchical", 1


def shortcuts(world: World, router: str) -> list[str]:
    """The routes that NHRP has put into the routing table."""
    return [line.split()[1] for line in world.lines(router, "ip route") if re.match(r"H +\d", line)]


def echoes(tap: Wiretap) -> int:
    """How many echo requests of hosts were seen in tunnels."""
    return sum(str(inner.source).endswith(".100") and inner.payload[0] == 8 for _, inner in tap.pings())


def test_a_spoke_needs_one_route_of_eigrp_and_the_hubs_have_one_for_each_region(world: World) -> None:
    learned = [line.split()[1] for line in world.lines("SPOKE-A1", "ip route") if re.match(r"D +\d", line)]
    assert learned == ["10.0.0.0/8"]
    assert route(world, "HUB-B", "10.1.0.0/16").endswith(f"via {GLOBAL} Tunnel0")
    assert route(world, "GLOBAL", "10.1.0.0/16").endswith(f"via {HUB_A} Tunnel0")
    assert shortcuts(world, "SPOKE-A1") == []


def test_between_regions_the_first_packets_go_by_three_hubs_and_later_ones_directly(world: World) -> None:
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1")[:2] == [REGION_A, GLOBAL]
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]
    assert hops(world, "SPOKE-B1", "10.1.1.1", "10.2.1.1") == [A1]


def test_the_request_walks_from_hub_to_hub_and_the_answer_comes_directly(world: World) -> None:
    tap = world.watch("SPOKE-B1", UNDERLAY)
    world.ping("HA1", "10.2.1.100")
    world.run_for(2)
    ((found, request),) = [pair for pair in tap.nhrp(nhrp.ResolutionRequest) if str(pair[1].source_protocol) == A1]
    record = find(request.extensions, ForwardTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == [HUB_A, GLOBAL, REGION_B]
    assert request.hop_count == 252
    assert str(request.destination_protocol) == "10.2.1.100"
    assert found.way == ("203.0.113.9", NBMA[B1])
    replies = [found.way for found, reply in tap.nhrp(nhrp.ResolutionReply) if str(reply.source_protocol) == A1]
    assert replies == [(NBMA[B1], NBMA[A1])]


def test_every_hub_that_turns_a_packet_round_sends_a_redirect_to_its_source(world: World) -> None:
    """The other hubs pass on what is not for them: the indication is for the address that the packet came from."""
    tap = world.watch("SPOKE-A1", UNDERLAY)
    world.ping("HA1", "10.2.1.100")
    world.run_for(2)
    indications = [(str(packet.source_protocol), packet.hop_count) for _, packet in tap.nhrp(nhrp.TrafficIndication)]
    assert indications == [(REGION_A, 255), (GLOBAL, 254), (HUB_B, 253)]
    assert {str(packet.destination_protocol) for _, packet in tap.nhrp(nhrp.TrafficIndication)} == {"10.1.1.100"}
    assert len([p for _, p in tap.nhrp(nhrp.ResolutionRequest) if str(p.source_protocol) == A1]) == 1, "it asks once"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_packet_is_lost_while_the_shortcut_is_built(seed: int) -> None:
    world = World("hierarchical", seed=seed).converge()
    tap = world.watch("GLOBAL", UNDERLAY)
    assert outages(world, ACROSS, seconds=3, rate=100) == []
    assert 0 < echoes(tap) <= 4, "in by one tunnel leg and out by the other, once or twice"


def test_within_a_region_the_global_hub_sees_nothing(world: World) -> None:
    tap = world.watch("GLOBAL", UNDERLAY)
    assert hops(world, "SPOKE-A1", "10.1.2.1", "10.1.1.1") == [REGION_A, A2]
    assert hops(world, "SPOKE-A1", "10.1.2.1", "10.1.1.1") == [A2]
    assert outages(world, ("HA2", "10.1.1.100"), seconds=2) == []
    assert tap.nhrp(nhrp.ResolutionRequest) == []
    assert echoes(tap) == 0


def test_to_the_headquarters_a_spoke_goes_past_its_regional_hub_too(world: World) -> None:
    assert hops(world, "SPOKE-A1", "10.0.1.1", "10.1.1.1")[0] == REGION_A
    assert hops(world, "SPOKE-A1", "10.0.1.1", "10.1.1.1") == [GLOBAL]
    assert outages(world, ("H0", "10.1.1.100"), seconds=2) == []
    assert shortcuts(world, "GLOBAL") == [], "the global hub makes none itself: it has no `ip nhrp shortcut`"


def test_the_death_of_the_global_hub_stops_no_flow_and_no_region(world: World) -> None:
    outages(world, ACROSS, seconds=2)
    assert outages(world, ACROSS, seconds=60, events=((2.0, lambda: world.sim.kill("GLOBAL")),)) == []
    assert outages(world, ("HA1", "10.1.2.100"), seconds=3) == []
    world.sim.boot("GLOBAL", world.scenario.configurations["GLOBAL"])
    assert outages(world, ACROSS, seconds=RETURN) == []
    assert not world.lacks()
    assert outages(world, ("HA2", "10.2.1.100"), seconds=3) == []


def test_all_three_hubs_may_die_and_what_is_established_goes_on(world: World) -> None:
    outages(world, ACROSS, seconds=2)
    names = ("GLOBAL", "HUB-A", "HUB-B")
    events = tuple((2.0 + number, lambda name=name: world.sim.kill(name)) for number, name in enumerate(names))
    assert outages(world, ACROSS, seconds=100, events=events) == []
    assert shortcuts(world, "SPOKE-A1") == ["10.2.1.0/24", f"{B1}/32"]
    for name in names:
        world.sim.boot(name, world.scenario.configurations[name])
    assert outages(world, ACROSS, seconds=RETURN) == []
    assert not world.lacks()


def test_the_loss_of_a_far_lan_is_told_to_the_other_region_at_once(world: World) -> None:
    outages(world, ACROSS, seconds=2)
    assert "10.2.1.0/24" in shortcuts(world, "SPOKE-A1")
    world.configure("SPOKE-B1", "interface GigabitEthernet0/2", "shutdown")
    world.run_for(1)
    assert "10.2.1.0/24" not in shortcuts(world, "SPOKE-A1")
    world.configure("SPOKE-B1", "interface GigabitEthernet0/2", "no shutdown")
    world.run_for(3)
    assert outages(world, ACROSS, seconds=3) == []
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]


def test_a_shortcut_between_regions_is_renewed_while_it_is_used_and_forgotten_when_it_is_not(world: World) -> None:
    assert outages(world, ACROSS, seconds=700, rate=1) == []
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]
    world.run_for(700)
    assert shortcuts(world, "SPOKE-A1") == []
    assert peers(world, "SPOKE-A1") == [f"203.0.113.5 {REGION_A} UP S {REGION_A}/32"]


def test_clearing_any_cache_on_the_way_loses_nothing_of_a_direct_flow(world: World) -> None:
    outages(world, ACROSS, seconds=5)
    for router in ("GLOBAL", "HUB-A", "HUB-B", "SPOKE-A1", "SPOKE-B1"):
        clear = ((1.0, lambda name=router: world.do(name, "clear ip nhrp")),)
        assert outages(world, ACROSS, seconds=15, events=clear) == [], router
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [B1]


def second_tunnel(router: str, text: str, line: str, other: str) -> str:
    """The configuration of a regional hub with one line of its regional tunnel changed."""
    if not router.startswith("HUB-"):
        return text
    first, second = re.split(r"(?m)(?=^interface Tunnel[12]$)", text)
    assert line in second
    return first + second.replace(line, other, 1)


def test_with_two_network_ids_the_shortcut_ends_at_the_regional_hubs() -> None:
    """The network ends where the network-id does: a hub with two of them is the egress, and answers for its region."""

    def change(router: str, text: str) -> str:
        return second_tunnel(router, text, "ip nhrp network-id 1", "ip nhrp network-id 2")

    world = World("hierarchical", change=change).converge()
    assert outages(world, ACROSS, seconds=3, rate=50) == []
    assert shortcuts(world, "SPOKE-A1") == []
    assert shortcuts(world, "HUB-A") == ["10.2.1.0/24", f"{HUB_B}/32"]
    assert hops(world, "SPOKE-A1", "10.2.1.1", "10.1.1.1") == [REGION_A, HUB_B, B1]


def test_with_a_key_of_its_own_for_each_region_traffic_stays_with_the_hubs_and_none_is_lost() -> None:
    """Tunnel keys are compared on the wire: spokes with different ones cannot hear each other."""

    def change(router: str, text: str) -> str:
        if router == "HUB-A":
            return second_tunnel(router, text, "tunnel key 1", "tunnel key 2")
        return text.replace("tunnel key 1", "tunnel key 2") if router.startswith("SPOKE-A") else text

    world = World("hierarchical", change=change).converge()
    assert outages(world, ACROSS, seconds=60, rate=5) == []
    assert shortcuts(world, "SPOKE-A1") == []
    assert [row for row in peers(world, "SPOKE-A1") if "10.2.1.0/24" in row] == [f"{NBMA[B1]} {B1} UP DI2 10.2.1.0/24"]
    assert outages(world, ("HA1", "10.1.2.100"), seconds=2) == []
    assert hops(world, "SPOKE-A1", "10.1.2.1", "10.1.1.1") == [A2]


def test_with_one_source_for_both_tunnels_of_a_hub_the_second_stays_down_and_says_what_to_do() -> None:
    def change(router: str, text: str) -> str:
        return text.replace("tunnel source Loopback0", f"tunnel source {UNDERLAY}") if router == "HUB-A" else text

    world = World("hierarchical", change=change)
    world.run_for(10)
    (lack,) = [text for text in world.lacks() if text.startswith("HUB-A: Tunnel1 is down")]
    assert "cannot be distinguished from those of Tunnel0" in lack


# `lab phase`: the lines that make a network one of another phase, typed while it runs.

#: Hops from one spoke's LAN to a host of another's: the hub, the other spoke, the host; or without the hub.
BY_HUB, DIRECT = 3, 2


class Network:
    """A world whose phase changes."""

    def __init__(self, name: str) -> None:
        self.world = World(name).converge()
        self.bench = WorldBench(self.world)

    def running(self) -> dict[str, str]:
        return {name: self.world.show(name, "running-config") for name in self.world.scenario.configurations}

    @property
    def stage(self) -> Stage:
        return Stage.of(self.world.scenario, self.running())

    def become(self, phase: int) -> None:
        for router, lines in phase_lines(self.stage, phase).items():
            self.bench.configure(router, lines)
        self.world.run_for(25.0)
        self.bench.ask([(router, "clear ip nhrp") for router in self.stage.spokes])

    def paths(self) -> list[int]:
        """Hops between spokes, both ways; 0 where nobody is reached."""
        found = examine(self.bench, self.stage).found
        spokes = self.stage.spokes[:2]
        hosts = [self.stage.actors[name].host for name in spokes]
        return [
            found.get((Check.PATH, subject), 0)
            for check, subject in found
            for here, there in (spokes, spokes[::-1])
            if check is Check.REACH and subject.startswith(f"from {here}:") and hosts[spokes.index(there)] in subject
        ]


@pytest.mark.parametrize("name", ["notes-phase1", "intro-phase3", "mixed-spokes"])
def test_a_network_becomes_each_phase_and_its_paths_are_what_the_phase_promises(name: str) -> None:
    network = Network(name)
    for phase, way in ((2, DIRECT), (1, BY_HUB), (3, DIRECT), (2, DIRECT), (3, DIRECT)):
        network.become(phase)
        assert network.paths() == [way, way], f"phase {phase}"
        assert phase_lines(network.stage, phase) == {}


def test_phase_2_keeps_next_hops_and_phase_3_does_not_care() -> None:
    network = Network("notes-phase3")
    network.become(2)
    assert "10.4.4.0/24 [90/52992000] via 192.168.100.41" in network.world.show("R31", "ip route eigrp")
    network.become(3)
    assert "10.4.4.0/24 [90/52992000] via 192.168.100.11" in network.world.show("R31", "ip route eigrp")


def test_a_network_with_two_hubs_can_be_phase_2_and_says_why_it_cannot_be_phase_1() -> None:
    network = Network("dual-hub")
    network.become(2)
    assert network.paths() == [DIRECT, DIRECT]
    with pytest.raises(UserError, match="SPOKE1 has 2 next hop servers, and a point-to-point tunnel leads to one"):
        phase_lines(network.stage, 1)


def test_a_summary_at_the_hub_would_hide_the_next_hops_of_phase_2() -> None:
    lines = phase_lines(Stage.of(Scenario.load("phase3-summary")), 2)
    assert any(line.startswith("no summary-address ") for line in lines["R11"])


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("hierarchical", "has 2 tunnels"),
        ("dual-hub-two-clouds", "has 2 tunnels"),
        ("dual-stack", "has IPv6"),
        ("guide-phase2", "runs no EIGRP"),
    ],
)
def test_a_network_that_cannot_be_of_a_phase_says_why(name: str, why: str) -> None:
    with pytest.raises(UserError, match=f"cannot be a phase 3 network: .*{why}"):
        phase_lines(Stage.of(Scenario.load(name)), 3)


def test_the_difference_is_in_the_routers_own_lines() -> None:
    network = Network("notes-phase1")
    before = network.running()["R31"]
    network.become(3)
    changed = [line for line in difference(before, network.running()["R31"], "R31") if line[0] in "+-"]
    assert [line for line in changed if not line.startswith(("+++", "---", "+!", "-!", "+Current", "-Current"))] == [
        "+ ip nhrp shortcut",
        "- tunnel destination 172.16.11.1",
        "+ tunnel mode gre multipoint",
    ]


def test_a_spoke_whose_tunnel_led_to_the_hub_by_itself_learns_where_the_hub_is() -> None:
    """A point-to-point tunnel needs no map of its hub, a multipoint one does, and one for multicast."""
    scenario = Scenario.load("notes-phase1")
    bare = scenario.configurations["R31"].replace(" nbma 172.16.11.1 multicast", "")
    lines = phase_lines(Stage.of(scenario, {**scenario.configurations, "R31": bare}), 3)["R31"]
    assert lines == (
        "interface Tunnel100",
        "ip nhrp shortcut",
        "ip nhrp map 192.168.100.11 172.16.11.1",
        "ip nhrp map multicast 172.16.11.1",
        "no tunnel destination 172.16.11.1",
        "tunnel mode gre multipoint",
    )
