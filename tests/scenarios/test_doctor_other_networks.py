"""Faults that the catalog does not have, in networks that its proof does not use: the doctor finds them, too.

Each row is what somebody types at a network that was well, and what the doctor has to find: cause, router, and what
there is to change. A network whose hosts do not reach each other is never called well, and one that is well always.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.shells.exercises import built_in_names
from dmvpn.shells.lab.badness import Badness
from dmvpn.tools.doctor import Finding, as_text, visit
from support.bench import WorldBench
from support.cases import one_in
from support.doctors import NETWORKS, ExaminedWorld
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")
GUIDE = ("router eigrp DMVPN", "address-family ipv4 unicast autonomous-system 100")
#: OSPF is not in this build, so their hosts do not reach each other; and the second spoke of this one never does.
NOT_WELL = ("two-spokes-one-nat",)
OTHERS = [name for name in built_in_names() if name not in (*NOT_WELL, *NETWORKS)]


TYPED = read("other_networks")


def after(network: str, break_it: Callable[[WorldBench], None]) -> ExaminedWorld:
    """A network that was well, some time after."""
    world = World(network).converge()
    world.run_for(20)
    break_it(WorldBench(world))
    world.run_for(90)
    return ExaminedWorld(world)


def broken(examined: ExaminedWorld) -> list[Finding]:
    """What is not advice."""
    return [one for one in visit(examined).findings if not one.advice]


@pytest.mark.parametrize("what", TYPED)
def test_a_fault_that_no_catalog_has_is_found_where_it_is(what: str) -> None:
    ((router, lines),) = TYPED[what].lines.items()
    at, cause, change = TYPED[what].found
    first = broken(after(TYPED[what].network, lambda bench: bench.configure(router, lines)))[0]
    assert (first.cause, first.router if at else "") == (cause, at), first
    assert change in "\n".join(first.fix)


def test_two_lans_that_nobody_announces_are_two_findings() -> None:
    lines = (*NOTES, "no network 10.0.0.0", "network 10.3.3.0 0.0.0.255")
    found = broken(after("several-lans", lambda bench: bench.configure("R31", lines)))
    assert [one.fix[-1] for one in found] == ["network 10.3.4.0 0.0.0.255", "network 10.3.128.0 0.0.63.255"]


def test_a_lan_that_nobody_hears_of_is_named_and_not_the_routers_that_have_no_route_to_it() -> None:
    """CORE runs EIGRP nowhere: it has no route to the spokes, either, and each spoke none to its LAN."""
    found = broken(after("dual-hub", lambda bench: bench.configure("CORE", (*GUIDE, "no network 10.0.0.0"))))
    assert [(one.cause, one.router) for one in found] == [(Cause.NETWORK_STATEMENT, "CORE")]


def test_of_two_faults_at_two_places_both_are_named_and_no_consequence_of_them() -> None:
    def break_it(bench: WorldBench) -> None:
        bench.configure("HUB1", ("interface GigabitEthernet0/1", "shutdown"))
        bench.configure("HUB2", ("interface Tunnel0", "no ip nhrp map multicast dynamic"))

    found = broken(after("dual-hub", break_it))
    assert [(one.cause, one.router) for one in found] == [
        (Cause.INTERFACE_SHUTDOWN, "HUB1"),
        (Cause.HUB_MULTICAST, "HUB2"),
    ]


@pytest.mark.parametrize(
    ("wire", "badness", "cause"),
    [
        ("R31:GigabitEthernet0/1", Badness(cut=True), Cause.LINK_CUT),
        ("R31:GigabitEthernet0/1", Badness(loss=30.0), Cause.LOSSY_LINK),
        ("NAT1:outside", Badness(loss=30.0), Cause.LOSSY_LINK),
        ("R31:GigabitEthernet0/1", Badness(block=("gre",)), Cause.GRE_BLOCKED),
    ],
)
def test_what_gets_lost_on_the_way_through_a_translator_is_found_though_it_counts_nothing(
    wire: str, badness: Badness, cause: Cause
) -> None:
    first = broken(after("spoke-behind-nat", lambda bench: bench.impair(wire, badness)))[0]
    assert (first.cause, first.router) == (cause, "R31"), first


def test_loss_behind_a_translator_that_several_share_is_named_without_a_place() -> None:
    first = broken(after("ipsec-two-spokes-one-nat", lambda bench: bench.impair("NAT1:outside", Badness(loss=30.0))))[0]
    assert first.cause is Cause.LOSSY_LINK
    assert first.what.endswith("get lost, and no counter says where")


@pytest.mark.parametrize(("router", "ttl"), [("R31", 1), ("R31", 2), ("R11", 1)])
def test_a_tunnel_whose_packets_do_not_live_to_its_end_is_named_and_no_consequence_of_it(router: str, ttl: int) -> None:
    """Two wires lie between them. "All that can be seen is as it should be", it said of a TTL of 1."""
    lines = ("interface Tunnel100", f"tunnel ttl {ttl}")
    found = broken(after("notes-phase3", lambda bench: bench.configure(router, lines)))
    assert [(one.cause, one.router) for one in found] == ([(Cause.TTL, router)] if ttl < 2 else [])


def test_a_translator_takes_one_of_the_ttl_too() -> None:
    def with_ttl(ttl: int) -> list[Finding]:
        lines = ("interface Tunnel100", f"tunnel ttl {ttl}")
        return broken(after("spoke-behind-nat", lambda bench: bench.configure("R31", lines)))

    assert [(one.cause, one.router) for one in with_ttl(2)] == [(Cause.TTL, "R31")]
    assert with_ttl(3) == []


@pytest.mark.parametrize(
    ("router", "line"),
    [
        ("R31", "ip route 192.168.100.11 255.255.255.255 Null0"),
        ("R31", "ip route 192.168.100.0 255.255.255.128 172.16.31.2"),
        ("R11", "ip route 192.168.100.31 255.255.255.255 Null0"),
    ],
)
def test_a_route_that_keeps_packets_for_the_other_end_out_of_the_tunnel_is_named(router: str, line: str) -> None:
    """All that could be seen was "as it should be". And it hides nothing: NHRP and EIGRP ask no route.

    Nor does a packet of any host: it is advice.
    """
    more = ("interface Tunnel100", "no ip nhrp shortcut")

    def break_it(bench: WorldBench) -> None:
        bench.configure(router, (line,))
        bench.configure("R31", more)

    found = visit(after("notes-phase3", break_it)).findings
    assert [(one.cause, one.router) for one in found] == [(Cause.SHORTCUT, "R31"), (Cause.NHS_ROUTE, router)]
    assert found[1].fix == (f"no {line}",)
    assert [one.advice for one in found] == [False, True]


def test_packets_between_symmetric_translators_are_not_called_direct() -> None:
    world = World("ipsec-symmetric-nat").converge()
    world.run_for(30)
    diagnosis = visit(ExaminedWorld(world), "R31", ip_address("10.4.4.100"))
    assert [(one.cause, one.mild) for one in diagnosis.findings] == [(Cause.NAT_KIND, True)]
    assert diagnosis.findings[0].decide == "are R31 and R41 meant to send everything by a hub?"
    assert diagnosis.healthy
    assert not any("directly" in one.what for one in diagnosis.fine)


@pytest.mark.parametrize("network", one_in(4, OTHERS))
def test_every_other_network_that_is_well_is_called_well(network: str) -> None:
    world = World(network).converge()
    world.run_for(20)
    diagnosis = visit(ExaminedWorld(world))
    assert world.lacks() == []
    assert diagnosis.healthy, "\n".join(as_text(diagnosis))
    assert any("between hosts of different sites find their way" in one.what for one in diagnosis.fine)


def test_a_network_whose_hosts_do_not_reach_each_other_is_not_called_well() -> None:
    world = World("guide-phase2", change=lambda _, text: text.replace("router ospf 1\n", "router ospf 1\n shutdown\n"))
    world.run_for(30)
    assert {one.cause for one in broken(ExaminedWorld(world))} == {Cause.NO_ROUTE_THERE}


@pytest.mark.parametrize("hop", ["192.168.100.99", "192.168.100.41"])
def test_a_second_lan_that_nobody_reaches_is_no_advice(hop: str) -> None:
    """Only the first LAN of each site was asked: what cut off the second was said to be felt by nobody."""

    def break_it(bench: WorldBench) -> None:
        bench.world.configure("R11", f"ip route 10.3.4.0 255.255.255.0 {hop}")

    assert [(one.cause, one.router) for one in broken(after("several-lans", break_it))] == [(Cause.BLACK_HOLE, "R11")]
