"""The catalog of troubles, one after another in a network that it fits: users notice, and undoing it fixes it."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.network.device import Device
from dmvpn.network.lines import Lines
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.lessons import Check, GradedCheck, Health, examine, grade
from dmvpn.tools.troubles import TROUBLES, trouble
from dmvpn.tools.troubles.model import Role
from dmvpn.tools.troubles.orders import Impair, Run, Type, carry_out, configurations_with, fits, orders_for
from dmvpn.tools.troubles.stage import Stage
from support.bench import WorldBench
from support.cases import one_in
from support.world import World

if TYPE_CHECKING:
    from dmvpn.tools.troubles.model import Trouble

#: The first one that fits is broken.
NETWORKS = (
    "notes-phase3",
    "intro-phase3",
    "notes-phase1",
    "ipsec-spoke-behind-nat",
    "ipsec-both-behind-nat",
    "phase2-eigrp",
    "ospf-phase3",
    "bgp-phase3",
    "bgp-two-hubs",
    "isakmp-phase3",
)
#: These are tried also where a second hub hides much of it.
WITH_TWO_HUBS = ("hub-dead", "hub-multicast", "nhs-nbma", "redirect-missing", "recursion", "nhrp-authentication")
#: Virtual seconds after which users have noticed; and after which what was fixed is well (64 s is a retry at most).
NOTICED, FIXED, TRIES = 40.0, 30.0, 6

STAGES = {name: Stage.of(Scenario.load(name)) for name in (*NETWORKS, "dual-hub")}


def first_fitting(known: Trouble) -> str:
    return next(name for name in NETWORKS if fits(known, STAGES[name]))


CASES = [
    *((known.id, first_fitting(known)) for known in TROUBLES if known.noticed),
    *((name, "dual-hub") for name in WITH_TWO_HUBS),
]


class Lesson:
    """A network that is well, and what it does then."""

    def __init__(self, network: str) -> None:
        self.world = World(network).converge()
        self.bench = WorldBench(self.world)
        self.stage = STAGES[network]
        self.healthy: Health = examine(self.bench, self.stage)

    def bad(self) -> list[GradedCheck]:
        """What is worse than it was."""
        verdicts = grade(self.healthy, examine(self.bench, self.stage, self.healthy))
        return [verdict for verdict in verdicts if not verdict.is_good]

    def break_(self, name: str) -> None:
        """Break it, and let time pass until users have noticed."""
        carry_out(self.bench, orders_for(trouble(name), self.stage))
        self.bench.wait(NOTICED)


@pytest.mark.parametrize("case", one_in(4, CASES), ids="-".join)
def test_users_notice_a_trouble_and_undoing_it_fixes_the_network(case: tuple[str, str]) -> None:
    """Every day every second one; so does test_proofs."""
    name, network = case
    lesson = Lesson(network)
    orders = orders_for(trouble(name), lesson.stage)
    lesson.break_(name)
    assert lesson.bad(), "nobody notices"
    lesson.bench.undo(orders)
    for _ in range(TRIES):
        lesson.bench.wait(FIXED)
        left = lesson.bad()
        if not left:
            return
    pytest.fail(f"not fixed: {[str(verdict) for verdict in left]}")


def test_of_a_spoke_that_cannot_register_the_hub_forgets_no_other_one() -> None:
    """The other branch was not registered for some seconds, either, and its pings to the hub were lost."""
    lesson = Lesson("notes-phase3")
    carry_out(lesson.bench, orders_for(trouble("nhs-address"), lesson.stage))
    assert "192.168.100.31" not in lesson.world.show("R11", "ip nhrp")
    assert "100 percent (5/5)" in lesson.world.do("R41", "ping 192.168.100.11 source Tunnel100 timeout 1")


def test_there_are_at_least_45_troubles_and_each_of_the_four_networks_can_have_45_of_them() -> None:
    assert len(TROUBLES) >= 45
    assert len({known.id for known in TROUBLES}) == len(TROUBLES)
    for network in ("notes-phase1", "notes-phase3", "intro-phase3", "dual-hub"):
        assert sum(fits(known, STAGES[network]) for known in TROUBLES) >= 45, network


@pytest.mark.parametrize("network", STAGES)
def test_every_story_can_be_told_in_every_network_that_it_fits(network: str) -> None:
    stage = STAGES[network]
    for known in TROUBLES:
        if not fits(known, stage):
            continue
        assert orders_for(known, stage), known.id
        assert 2 <= len(known.hints) <= 3, known.id
        for text in (known.complaint, *known.hints):
            assert "{" not in stage.fill(text, Role.SPOKE), known.id


def test_a_complaint_does_not_name_its_cause() -> None:
    for known in TROUBLES:
        for word in ("nhrp", "eigrp", "mtu", "shortcut", "redirect", "ipsec", "psk", "tunnel key", "split"):
            assert word not in known.complaint.lower(), known.id


def test_who_takes_protection_away_to_be_reached_again_has_not_fixed_anything() -> None:
    """A tunnel without IPsec at both ends works perfectly. That is no repair."""
    lesson = Lesson("intro-phase3")
    lesson.break_("psk")
    for router in ("HUB", "SPOKE10", "SPOKE20"):
        lesson.bench.configure(router, ["interface Tunnel0", "no tunnel protection ipsec profile IPSEC-DMVPN"])
    lesson.bench.wait(120.0)
    left = lesson.bad()
    assert {verdict.check for verdict in left} == {Check.PROTECTION}
    assert any("tunnel protection is configured" in str(verdict) for verdict in left)


def test_another_repair_than_undoing_is_as_good() -> None:
    """The hub forgets the old entry: the spoke keeps its new NBMA address, and all is well."""
    lesson = Lesson("intro-phase3")
    lesson.break_("stale-unique")
    assert lesson.bad()
    lesson.bench.ask([("HUB", "clear ip nhrp")])
    lesson.bench.wait(90.0)
    assert not lesson.bad()


def test_a_neighbor_that_comes_and_goes_is_not_fixed_in_the_moment_when_it_is_there() -> None:
    lesson = Lesson("notes-phase3")
    lesson.break_("eigrp-timers")
    for _ in range(4):
        assert lesson.bad()
        lesson.bench.wait(7.0)


def test_a_network_that_is_not_fixed_says_what_is_worse_and_by_how_much() -> None:
    lesson = Lesson("notes-phase3")
    lesson.break_("shortcut-missing")
    assert [str(verdict) for verdict in lesson.bad()] == [
        "from R31: H4 (10.4.4.100) is reached by the short way: 3 hops, and it was 2"
    ]


def test_a_spoke_moves_to_another_address_of_its_link_or_changes_places_with_the_provider() -> None:
    roomy, narrow = (orders_for(trouble("stale-unique"), STAGES[name]) for name in ("intro-phase3", "notes-phase3"))
    assert roomy == (Type("SPOKE10", ("interface GigabitEthernet1", "ip address 203.0.113.11 255.255.255.248")),)
    assert narrow[0] == Type("TRANSPORT", ("interface GigabitEthernet0/2", "ip address 172.16.31.1 255.255.255.252"))


def test_one_way_loss_takes_what_the_provider_sends_to_the_spoke() -> None:
    (order,) = orders_for(trouble("one-way-loss"), STAGES["notes-phase3"])
    assert order == Impair("R31:GigabitEthernet0/1", Badness(loss=100.0, sender="TRANSPORT"))


@pytest.mark.parametrize("network", one_in(3, sorted(set(built_in_names()) - {"notes-gre"})))
def test_no_network_is_broken_in_a_way_that_changes_nothing_or_is_refused(network: str) -> None:
    """A random trouble typed `no tunnel key` where there was none, and the untouched lab was graded as fixed."""
    stage = Stage.of(Scenario.load(network))
    healthy = {name: actor.lines for name, actor in stage.actors.items()}
    fitting = [known for known in TROUBLES if fits(known, stage)]
    assert len(fitting) >= 20
    for known in fitting:
        orders = orders_for(known, stage)
        broken = configurations_with(orders, stage)
        typed_at = {order.router for order in orders if isinstance(order, Type)}
        changes = any(Lines.of(broken[name]) != healthy[name] for name in typed_at)
        assert changes or any(not isinstance(order, Type | Run) for order in orders), known.id
        for text in (known.title, known.complaint, *known.hints):
            assert stage.fill(text, Role.SPOKE), known.id


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("hub-key-missing", "course-lab"),
        ("mss", "guide-phase2"),
        ("one-way-loss", "two-spokes-one-nat"),
        ("lan-mask", "ipv6-phase3"),
        ("default-route-missing", "phase3-default"),
        ("split-horizon", "phase3-summary"),
    ],
)
def test_a_trouble_does_not_fit_where_there_is_nothing_to_take_away(name: str, network: str) -> None:
    stage = Stage.of(Scenario.load(network))
    assert not fits(trouble(name), stage)
    with pytest.raises(UserError, match=f"{name} needs another network: "):
        orders_for(trouble(name), stage)


def changed(router: str, old: str, new: str) -> Stage:
    """notes-phase3 with other words in a configuration."""
    scenario = Scenario.load("notes-phase3")
    texts = dict(scenario.configurations)
    assert old in texts[router]
    return Stage.of(scenario, {**texts, router: texts[router].replace(old, new)})


def test_an_address_that_nobody_has_is_one_that_nobody_has() -> None:
    stage = changed("R41", "192.168.100.41", "192.168.100.254")
    assert stage.fill("{nobody_in_tunnel}", Role.SPOKE) == "192.168.100.253"


def test_a_tunnel_source_may_be_an_address() -> None:
    stage = changed("R31", "tunnel source GigabitEthernet0/1", "tunnel source 172.16.31.1")
    assert stage.actors["R31"].wan == "GigabitEthernet0/1"


def test_a_default_route_that_names_its_interface_is_taken_away_as_it_stands() -> None:
    stage = changed("R31", "0.0.0.0 0.0.0.0 172", "0.0.0.0 0.0.0.0 GigabitEthernet0/1 172")
    assert stage.actors["R31"].gateway == "172.16.31.2"
    assert orders_for(trouble("default-route-missing"), stage) == (
        Type("R31", ("no ip route 0.0.0.0 0.0.0.0 GigabitEthernet0/1 172.16.31.2",)),
    )


@pytest.mark.parametrize(
    ("name", "network", "does"),
    [
        ("esp-blocked", "intro-phase3", True),
        ("esp-blocked", "notes-phase3", False),
        ("esp-blocked", "ipsec-spoke-behind-nat", False),
        ("nat-t-blocked", "ipsec-spoke-behind-nat", True),
        ("nat-t-blocked", "intro-phase3", False),
        ("nat-symmetric", "ipsec-both-behind-nat", True),
        ("nat-symmetric", "ipsec-spoke-behind-nat", False),
        ("tunnel-destination", "notes-phase1", True),
        ("tunnel-destination", "notes-phase3", False),
        ("shortcut-missing", "notes-phase1", False),
        ("split-horizon", "dual-hub", False),
    ],
)
def test_a_trouble_fits_where_it_can_be_and_is_noticed(name: str, network: str, *, does: bool) -> None:
    assert fits(trouble(name), STAGES[network]) == does
    if not does:
        with pytest.raises(UserError, match=f"{name} needs"):
            orders_for(trouble(name), STAGES[network])


@pytest.mark.parametrize(
    ("statement", "address", "does"),
    [
        ("network 10.0.0.0", "10.200.1.1", True),
        ("network 10.0.0.0", "11.0.0.1", False),
        ("network 172.16.0.0", "172.16.9.9", True),
        ("network 172.16.0.0", "172.17.0.1", False),
        ("network 192.168.1.0", "192.168.2.1", False),
        ("network 192.168.0.0 0.0.255.255", "192.168.2.1", True),
        ("network 10.0.0.0 0.0.0.255", "10.0.1.1", False),
        ("network 0.0.0.0 255.255.255.255", "203.0.113.1", True),
    ],
)
def test_a_network_statement_covers_its_class_or_its_wildcard(statement: str, address: str, *, does: bool) -> None:
    (process,) = Device.read("R", f"router eigrp 1\n {statement}\n").eigrp.processes
    assert any(network.matches(IPv4Address(address)) for network in process.networks) == does


def test_only_a_port_with_a_wire_can_have_a_bad_one() -> None:
    """The campaign of slow wires ended with KeyError: a tunnel's source may be a loopback."""
    stage = Stage.of(Scenario.load("hierarchical"))
    assert stage.actors["HUB-A"].wan == "Loopback0"
    assert not fits(trouble("wire-narrow"), stage.cast(stage.hubs[0], "HUB-A", stage.spokes[0]))
    assert fits(trouble("wire-narrow"), stage)
