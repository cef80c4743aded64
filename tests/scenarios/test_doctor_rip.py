"""Where RIP runs on the tunnels, the doctor looks at RIP: who runs it, who hears whom, and who is told of what."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import as_text, visit
from support.bench import WorldBench
from support.doctors import WorldPatient, no_advice
from support.routing import with_rip
from support.typed import read
from support.world import World

TUNNEL = "interface Tunnel100"


RIP = read("rip")


def after(*changes: tuple[str, tuple[str, ...]]) -> World:
    """notes-phase3 with RIP, some minutes after these lines were entered."""
    world = World("notes-phase3", change=with_rip).converge()
    for router, lines in changes:
        WorldBench(world).configure(router, lines)
    WorldBench(world).ask([(name, "clear ip route *") for name in ("R11", "R31", "R41")])
    world.run_for(300)
    return world


def test_where_all_is_well_it_says_who_hears_whom() -> None:
    world = after()
    diagnosis = visit(WorldPatient(world))
    assert diagnosis.findings == ()
    fine = [one.what for one in diagnosis.fine]
    assert "R31 and R11 are RIP neighbors" in fine
    assert "R31 and R11 copy multicasts to each other" in fine
    for router in ("R11", "R31"):
        for address in (None, ip_address("10.4.4.100")):
            alone = visit(WorldPatient(world), router, address, one_end=True)
            assert alone.healthy, router
            assert all(one.mild for one in alone.hypotheses), router
            assert address is not None or alone.hypotheses == (), router


@pytest.mark.parametrize("what", RIP)
def test_what_keeps_rip_from_telling_is_named_with_the_line_that_mends_it(what: str) -> None:
    """The hub was blamed, which "has no route", and there was no line to enter."""
    at, cause, words = RIP[what].found
    world, fix = after(*RIP[what].lines.items()), tuple(words.split(" / "))
    first = no_advice(world)[0]
    assert (first.cause, first.router, first.fix) == (cause, at, fix), first
    if "<secret>" not in fix[-1]:
        WorldBench(world).configure(at, fix)
        world.run_for(300)
        assert no_advice(world) == []


def test_from_one_end_it_says_neighbor_only_of_one() -> None:
    """It offered "hub is an EIGRP stub" on a router without EIGRP."""
    world = after(("R11", (TUNNEL, "ip split-horizon")))
    diagnosis = visit(WorldPatient(world), "R31", ip_address("10.4.4.100"), one_end=True)
    assert [one.cause for one in diagnosis.hypotheses] == [Cause.SPLIT_HORIZON, Cause.NETWORK_STATEMENT]
    assert not re.search("neighbor|EIGRP", "\n".join(as_text(diagnosis)))


def test_from_one_end_without_any_routing_protocol_no_neighbor_is_spoken_of() -> None:
    world = after(("R31", ("no router rip",)))
    diagnosis = visit(WorldPatient(world), "R31", ip_address("10.4.4.100"), one_end=True)
    assert [one.cause for one in diagnosis.hypotheses] == [Cause.NO_ROUTE_THERE]
    assert "neighbor" not in "\n".join(as_text(diagnosis))


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ((TUNNEL, "no ip nhrp nhs 192.168.100.11", "ip nhrp nhs 192.168.100.11 nbma 172.16.11.1"), "SPOKE_MULTICAST"),
        (("router rip", "passive-interface Tunnel100"), "PASSIVE_INTERFACE"),
        (("router rip", "no network 192.168.100.0"), "NETWORK_STATEMENT"),
        (("router rip", "no network 10.0.0.0"), "NETWORK_STATEMENT"),
        (("router rip", "no version 2"), "RIP_BLOCKED"),
    ],
)
def test_from_one_end_its_own_mistakes_in_rip_come_first(lines: tuple[str, ...], cause: str) -> None:
    found = visit(WorldPatient(after(("R31", lines))), "R31", one_end=True).hypotheses
    assert found[0].cause is Cause[cause]


def test_from_one_end_a_silent_server_is_suspected() -> None:
    world = after(("R11", ("router rip", "passive-interface Tunnel100")))
    found = visit(WorldPatient(world), "R31", one_end=True).hypotheses
    assert [one.cause for one in found][:3] == [Cause.HUB_MULTICAST, Cause.NETWORK_STATEMENT, Cause.PASSIVE_INTERFACE]
