"""Static routes to Null0: one behind all others is what lint asks for, and one in the way of packets is a fault."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")
R41 = ip_address("10.4.4.100")
LAST = "ip route 10.0.0.0 255.0.0.0 Null0 254"


def after(*lines: str) -> WorldPatient:
    """notes-phase3 some time after R31 got these lines."""
    world = World("notes-phase3").converge()
    WorldBench(world).configure("R31", lines)
    world.run_for(90)
    return WorldPatient(world)


@pytest.mark.parametrize("address", [None, R41], ids=["nowhere", "to R41"])
def test_from_one_end_the_route_behind_all_others_that_lint_asks_for_is_well(address: object) -> None:
    """It was certain: "to fix: no ip route 10.0.0.0 255.0.0.0 Null0", and the exit code was 1."""
    target = R41 if address is not None else None
    diagnosis = visit(after(LAST), "R31", target, one_end=True)
    assert diagnosis.healthy
    assert all(one.mild and one.cause is not Cause.BLACK_HOLE for one in diagnosis.hypotheses)
    assert target is not None or diagnosis.hypotheses == ()


def test_where_all_other_routes_have_gone_the_last_one_is_not_the_cause() -> None:
    patient = after(LAST, *NOTES, "af-interface Tunnel100", "passive-interface")
    assert [one.cause for one in visit(patient).findings] == [Cause.PASSIVE_INTERFACE]
    first = visit(patient, "R31", R41, one_end=True).hypotheses[0]
    assert first.cause is Cause.PASSIVE_INTERFACE


def test_an_address_that_only_the_last_route_fits_has_no_route() -> None:
    patient = after(LAST)
    nobody = ip_address("10.99.1.1")
    assert visit(patient, "R31", nobody).findings[0].cause is Cause.NO_ROUTE_THERE
    found = visit(patient, "R31", nobody, one_end=True).hypotheses
    assert found[0].cause is Cause.SPLIT_HORIZON
    assert all(one.cause is not Cause.BLACK_HOLE for one in found)


@pytest.mark.parametrize("distance", ["", " 80"])
def test_a_route_into_nothing_in_the_way_of_a_site_is_certain_from_one_end(distance: str) -> None:
    line = f"ip route 10.4.4.0 255.255.255.0 Null0{distance}"
    patient = after(line)
    for address in (None, R41):
        first = visit(patient, "R31", address, one_end=True).hypotheses[0]
        assert (first.cause, first.mild) == (Cause.BLACK_HOLE, False)
        assert first.decide.endswith(f"to fix: no {line}")
    assert visit(patient).findings[0].fix == (f"no {line}",)


def test_a_route_into_nothing_that_is_in_nobodys_way_may_be_meant_so_and_hides_nothing() -> None:
    patient = after("ip route 10.77.0.0 255.255.0.0 Null0", "interface Tunnel100", "no ip nhrp shortcut")
    diagnosis = visit(patient, "R31", R41, one_end=True)
    assert diagnosis.healthy
    assert [one.cause for one in diagnosis.hypotheses][:2] == [Cause.BLACK_HOLE, Cause.SHORTCUT]
    assert all(one.mild for one in diagnosis.hypotheses[2:])
    ahead = after("ip route 10.77.0.0 255.255.0.0 Null0", "interface Tunnel100", "ip mtu 1500")
    causes = [one.cause for one in visit(ahead, "R31", R41, one_end=True).hypotheses]
    assert causes[-1] is Cause.BLACK_HOLE
    assert causes[0] is not Cause.BLACK_HOLE
