"""What one router can know by itself: hypotheses, what it cannot see, and whom to ask what."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dmvpn.base.causes import Cause
from dmvpn.labs.proofs.networks import FEW
from dmvpn.tools.doctor import Diagnosis, as_text, visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.one_end import measure
from support.world import World


def from_one_end(world: World, router: str, address: str = "") -> Diagnosis:
    """Asked there."""
    return visit(WorldPatient(world), router, ip_address(address) if address else None, one_end=True)


def test_the_ends_and_pairs_that_are_not_seen_are_named_with_commands_that_their_routers_take() -> None:
    world = World("intro-phase3").converge()
    WorldBench(world).ask([("SPOKE10", "ping 192.168.20.100 source 192.168.10.1")])
    found = {one.whom: one for one in from_one_end(world, "SPOKE10", "192.168.20.100").unseen}
    assert list(found) == ["10.0.0.1 at 198.51.100.1", "10.0.0.20", "the router of 192.168.20.100"]
    assert found["10.0.0.20"].about == "the pair SPOKE10 and 10.0.0.20"
    assert "show ip nhrp 10.0.0.10" in found["10.0.0.1 at 198.51.100.1"].ask
    for router, one in (("HUB", "10.0.0.1 at 198.51.100.1"), ("SPOKE20", "the router of 192.168.20.100")):
        for command in found[one].ask:
            assert "%" not in world.do(router, command).splitlines()[0:1], command
            assert "Invalid" not in world.do(router, command), command


def test_a_hub_says_that_it_sees_nobody_who_never_came() -> None:
    world = World("intro-phase3").converge()
    about = [one.about for one in from_one_end(world, "HUB").unseen]
    assert about[-1] == "spokes that never came to HUB"
    assert "the pair HUB and 10.0.0.10" in about


def test_where_nothing_is_seen_and_somebody_complains_it_says_what_is_left_to_look_at() -> None:
    world = World("notes-phase3").converge()
    diagnosis = from_one_end(world, "R31", "10.4.4.100")
    assert diagnosis.healthy
    left = (Cause.HOST_GATEWAY, Cause.MTU, Cause.ADDRESS_CONFLICT, Cause.LAN_OVERLAP)
    assert tuple(one.cause for one in diagnosis.hypotheses)[-4:] == left
    assert from_one_end(world, "R31").hypotheses == ()
    text = list(as_text(diagnosis))
    assert "if users complain nevertheless:" in text
    assert "not seen from here, and whom to ask:" in text


def test_of_a_dead_router_nobody_else_is_named() -> None:
    world = World("notes-phase3").converge()
    world.sim.kill("R31")
    assert from_one_end(world, "R31").unseen == ()


@pytest.mark.slow
def test_of_faults_that_nobody_listed_most_are_among_three_hypotheses_of_the_spoke_that_suffers() -> None:
    harmful = [one for one in measure("committed", 60, FEW, jobs=2) if one.bad]
    assert len(harmful) > 30
    assert sum(one.suspected for one in harmful) >= 0.75 * len(harmful), "\n".join(map(str, harmful))
