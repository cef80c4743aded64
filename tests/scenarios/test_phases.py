"""`lab phase`: the lines that make a network one of another phase, typed while it runs."""

from __future__ import annotations

import pytest

from dmvpn.base.errors import UserError
from dmvpn.network.lines import difference
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lessons import Check, examine
from dmvpn.tools.phases import phase_lines
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.world import World

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
    for phase, hops in ((2, DIRECT), (1, BY_HUB), (3, DIRECT), (2, DIRECT), (3, DIRECT)):
        network.become(phase)
        assert network.paths() == [hops, hops], f"phase {phase}"
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
