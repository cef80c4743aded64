"""What the doctor is not certain of: lines that stop a tunnel which passes packets, and what only time can tell."""

from __future__ import annotations

from dataclasses import replace

from dmvpn.base.causes import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.tools.doctor import as_text, visit
from dmvpn.tools.remedies.trial import attempt
from support.doctors import WorldPatient, as_it_runs, no_advice
from support.world import World


def after(*typed: str, seconds: float = 20) -> World:
    """Phase 3, where somebody typed this at R31."""
    world = World("notes-phase3").converge()
    world.run_for(20)
    world.configure("R31", *typed)
    world.run_for(seconds)
    return world


def test_a_password_that_differs_while_packets_pass_is_likely_and_the_next_registration_decides() -> None:
    """It is asked for at the next registration, up to a third of the holding time later."""
    world = after("interface Tunnel100", "ip nhrp authentication OTHERS", seconds=0)
    diagnosis = visit(WorldPatient(world))
    found = diagnosis.findings[0]
    assert found.cause is Cause.AUTHENTICATION
    assert not found.certain
    assert "the next registration, in " in found.decide
    text = "\n".join(as_text(diagnosis))
    assert text.startswith("4 routers: likely broken at registration (NHRP authentication), at R31")
    assert f"to decide: {found.decide.partition(', in ')[0]}" in text


def test_what_is_felt_is_certain() -> None:
    world = after("interface Tunnel100", "tunnel key 4711", seconds=120)
    first = no_advice(world)[0]
    assert (first.cause, first.router) == (Cause.KEY, "R31")
    assert first.certain
    assert first.decide == ""


def test_what_passes_packets_hides_nothing_that_stops_them() -> None:
    """The password is compared on an earlier step than the routes."""
    lines = ("interface Tunnel100", "ip nhrp authentication OTHERS", "exit", "router eigrp GRE-OVERLAY")
    family = "address-family ipv4 unicast autonomous-system 100"
    world = after(*lines, family, "af-interface Tunnel100", "passive-interface", seconds=0)
    causes = [one.cause for one in no_advice(world)]
    assert causes.index(Cause.PASSIVE_INTERFACE) < causes.index(Cause.AUTHENTICATION)


def test_a_server_that_was_just_put_right_is_not_judged_before_the_clients_ask_again() -> None:
    world = World("notes-phase3").converge()
    world.run_for(20)
    world.configure("R11", "interface Tunnel100", "no ip nhrp network-id")
    world.run_for(400)
    world.configure("R11", "interface Tunnel100", "ip nhrp network-id 100")
    found = [one for one in no_advice(world) if one.cause is Cause.UNDECIDED]
    assert {one.router for one in found} == {"R31", "R41"}
    for one in found:
        assert f"not known before the next registration of {one.router}, in " in one.decide
    world.run_for(70)
    assert no_advice(world) == []


def test_a_refusal_from_before_somebody_configured_the_server_is_not_certain() -> None:
    world = World("notes-phase3").converge()
    world.configure("R31", "interface Tunnel100", "ip nhrp authentication APART", "shutdown", "no shutdown")
    world.configure("R11", "interface Tunnel100", "ip nhrp authentication TOGETHER")
    world.configure("R41", "interface Tunnel100", "ip nhrp authentication TOGETHER")
    world.run_for(400)
    before = no_advice(world)[0]
    assert (before.cause, before.router, before.certain) == (Cause.AUTHENTICATION, "R31", True)
    world.configure("R11", "interface Tunnel100", "ip nhrp authentication APART")
    now = next(one for one in no_advice(world) if one.router == "R31" and one.cause is Cause.AUTHENTICATION)
    assert not now.certain
    assert now.decide.startswith("R11 was configured since then, so not known before the next registration of R31, in ")


def test_from_one_end_it_says_when_the_router_asks_again() -> None:
    world = after("interface Tunnel100", "tunnel key 4711", seconds=120)
    diagnosis = visit(WorldPatient(world), "R31", one_end=True)
    assert "it asks again in " in diagnosis.hypotheses[0].why


def test_lines_that_help_in_a_copy_make_a_finding_certain_and_those_that_do_nothing_make_it_likely() -> None:
    world = after("interface Tunnel100", "tunnel key 4711", seconds=120)
    diagnosis = visit(WorldPatient(world))
    doubted = replace(diagnosis, findings=tuple(replace(one, decide="?") for one in diagnosis.findings))
    first = attempt(doubted, CopiedLab(as_it_runs(world))).findings[0]
    assert first.certain
    useless = tuple(replace(one, fix=("interface Tunnel100", "description x")) for one in diagnosis.findings)
    first = attempt(replace(diagnosis, findings=useless), CopiedLab(as_it_runs(world))).findings[0]
    assert not first.certain
    assert "changed nothing in the copy" in first.decide


def test_lines_that_undo_lines_which_helped_are_not_shown() -> None:
    """Two remedies gave one line two values. Each helped in the copy, where sessions were up, and together they did
    not.
    """
    world = after("interface Tunnel100", "no ip nhrp network-id", seconds=0)
    world.configure("R41", "interface Tunnel100", "no ip nhrp network-id")
    world.run_for(120)
    diagnosis = visit(WorldPatient(world))
    here, there = (next(one for one in diagnosis.findings if one.router == name) for name in ("R31", "R41"))
    first = replace(here, fix=(*here.fix, "description first"))
    second = replace(here, fix=(here.fix[0], "description second"))
    tried = attempt(replace(diagnosis, findings=(first, second, there)), CopiedLab(as_it_runs(world))).findings
    trials = [one.trial for one in tried]
    assert [trial is not None and trial.works for trial in trials] == [True, False, True]
    assert trials[1] is not None
    assert trials[1].worse == ("'description first', which helped, is undone",)
    assert tried[1].fix == ()
