"""Remedies that were tried: the doctor's lines, entered in a copy of the network, and what it says of that.

Each network is broken in one way, and a copy is made of what its routers run, as `dmvpn doctor` makes it of a lab.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.networks import FEW
from dmvpn.shells.lab.badness import Badness
from dmvpn.shells.scenario import Scenario
from dmvpn.shells.simulator.multiply import multiply
from dmvpn.tools.doctor import Copied, as_text, visit
from dmvpn.tools.remedies.affected_pairs import MOST, reduced
from dmvpn.tools.remedies.trial import attempt, changed, patch
from support.bench import WorldBench
from support.doctors import ExaminedWorld, as_it_runs
from support.remedies import measure
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.tools.doctor import Diagnosis, Finding

NOTES = ("router eigrp GRE-OVERLAY", "address-family ipv4 unicast autonomous-system 100")


def after(network: str, break_it: Callable[[WorldBench], None]) -> World:
    """A network that was well, some time after."""
    world = World(network).converge()
    world.run_for(20)
    break_it(WorldBench(world))
    world.run_for(120)
    return world


def tried(world: World, change: Callable[[Finding], Finding] = lambda one: one) -> Diagnosis:
    """What the doctor says when it has tried its lines. change: what it would have said."""
    diagnosis = visit(ExaminedWorld(world))
    diagnosis = replace(diagnosis, findings=tuple(map(change, diagnosis.findings)))
    return attempt(diagnosis, CopiedLab(as_it_runs(world)))


def first(diagnosis: Diagnosis) -> Finding:
    """What is broken."""
    return next(one for one in diagnosis.findings if not one.advice)


def typed(router: str, *lines: str) -> Callable[[WorldBench], None]:
    """Somebody typed this."""
    return lambda bench: bench.configure(router, lines)


def test_what_is_gone_with_the_lines_before_it_is_not_given_lines_of_its_own() -> None:
    """A wrong mask looks like a network that BGP does not announce, and a `network` line announces a part of it."""
    mask = ("interface GigabitEthernet0/2", "ip address 10.1.1.1 255.255.255.252")
    diagnosis = tried(after("bgp-phase3", typed("SPOKE1", *mask)))
    wrong, network = [one for one in diagnosis.findings if not one.advice]
    assert wrong.cause is Cause.WRONG_MASK
    assert wrong.trial is not None
    assert wrong.trial.works
    assert network.cause is Cause.NETWORK_STATEMENT
    assert not network.fix
    assert "in a copy it is gone with the lines on SPOKE1" in "\n".join(as_text(diagnosis))


def test_lines_that_fix_a_copy_say_which_sites_reach_each_other_with_them() -> None:
    diagnosis = tried(after("notes-phase3", typed("R31", "interface Tunnel100", "tunnel key 4711")))
    said = [text for text in as_text(diagnosis) if text.startswith("  tried: ")]
    ways = "R11 and R31 reach each other directly, R31 and R41 reach each other directly"
    assert said == [f"  tried: with these lines {ways}"]


def test_lines_of_the_far_spoke_are_tried_there() -> None:
    found = first(tried(after("notes-phase3", typed("R41", "interface Tunnel100", "no ip nhrp shortcut"))))
    assert (found.router, found.fix) == ("R41", ("interface Tunnel100", "ip nhrp shortcut"))
    assert found.trial is not None
    assert "R41 reaches R31 directly" in " ".join(found.trial.better)


def test_lines_of_the_provider_are_tried_there() -> None:
    line = "ip route 203.0.113.101 255.255.255.255 203.0.113.5"
    found = first(tried(after("hierarchical", typed("TRANSPORT", f"no {line}"))))
    assert (found.router, found.fix) == ("TRANSPORT", (line,))
    assert found.trial is not None
    assert found.trial.works


def test_what_configurations_are_not_to_blame_for_is_said_and_nothing_is_tried() -> None:
    cut = after("notes-phase3", lambda bench: bench.impair("R31:GigabitEthernet0/1", Badness(cut=True)))
    diagnosis = tried(cut)
    assert diagnosis.copied is Copied.WELL
    assert all(one.trial is None for one in diagnosis.findings)
    text = "\n".join(as_text(diagnosis))
    assert "look at wires, hosts, processes, clocks, and what routers still remember" in text
    assert "tried: with" not in text


def test_lines_that_make_anything_worse_are_never_shown() -> None:
    def harmful(one: Finding) -> Finding:
        return one if one.advice else replace(one, fix=(*one.fix, "interface GigabitEthernet0/2", "shutdown"))

    diagnosis = tried(after("notes-phase3", typed("R31", "interface Tunnel100", "no ip nhrp shortcut")), harmful)
    assert first(diagnosis).fix == ()
    text = "\n".join(as_text(diagnosis))
    assert "to fix it" not in text
    assert "lines were tried and are not shown: worse with them: R11 to R31 reachability" in text


def test_of_two_faults_that_hide_each_other_both_remedies_are_named_as_needed() -> None:
    """Alone, neither helps: the other one still keeps R41 from R31."""

    def break_it(bench: WorldBench) -> None:
        bench.configure("R31", ("interface Tunnel100", "tunnel key 4711"))
        bench.configure("R41", (*NOTES, "no network 10.0.0.0"))

    diagnosis = tried(after("notes-phase3", break_it))
    trials = {one.router: one.trial for one in diagnosis.findings if not one.advice}
    assert all(one is not None and one.works for one in trials.values()), diagnosis.findings
    assert set(trials) == {"R31", "R41"}


def test_a_copy_of_a_large_network_has_servers_providers_and_the_sites_in_question() -> None:
    (scenario,) = multiply((Scenario.load("notes-phase3"),), MOST + 10)
    spoke = next(name for name in reversed(scenario.configurations) if scenario.role(name) == "spoke")
    world = World.of(scenario).converge()
    WorldBench(world).configure(spoke, ("interface Tunnel100", "tunnel key 4711"))
    world.run_for(60)
    diagnosis = visit(ExaminedWorld(world))
    small = reduced(as_it_runs(world), world.sim.facts(scenario), diagnosis.concerned)
    roles = [scenario.role(name) for name in small.configurations]
    assert spoke in small.configurations
    assert (roles.count("hub"), roles.count("provider")) == (1, 1)
    assert len(roles) < 10
    trial = first(attempt(diagnosis, CopiedLab(small))).trial
    assert trial is not None
    assert trial.works


def test_the_change_is_one_that_patch_takes_and_leaves_other_lines_alone() -> None:
    world = after("notes-phase3", typed("R31", "interface Tunnel100", "tunnel key 4711"))
    diagnosis, running = tried(world), as_it_runs(world).configurations
    now = changed(diagnosis, running)
    assert list(now) == ["R31"]
    lines = [line for line in patch(running, now) if line.startswith(("+", "-"))]
    assert lines == ["--- a/R31.cfg", "+++ b/R31.cfg", "- tunnel key 4711", "+ tunnel key 100"]


def test_a_file_in_an_order_of_its_own_gets_the_lines_at_its_end() -> None:
    world = after("notes-phase3", typed("R31", "interface Tunnel100", "tunnel key 4711"))
    own = "hostname R31\n! mine\n" + "\n".join(as_it_runs(world).configurations["R31"].splitlines()[:-1][::-1])
    (text,) = changed(tried(world), {"R31": own}).values()
    assert text.startswith(own.rstrip("\n"))
    assert text.endswith("interface Tunnel100\n tunnel key 100\nend\n")


def test_what_a_hub_lacks_is_tried_with_the_spokes_that_suffer() -> None:
    """Only pairs with the hub itself were measured, and these are as before."""
    found = first(tried(after("notes-phase3", typed("R11", "interface Tunnel100", "no ip nhrp redirect"))))
    assert (found.router, found.fix) == ("R11", ("interface Tunnel100", "ip nhrp redirect"))
    assert found.trial is not None
    assert found.trial.better == ("R31 and R41 reach each other directly",)


@pytest.mark.slow
def test_of_remedies_that_are_lines_and_reproduce_most_restore_every_row_of_the_broken_world() -> None:
    outcomes = measure("committed", 70, FEW, jobs=2)
    counted = [one for one in outcomes if one.counts]
    assert len(counted) > 30
    assert sum(one.restores for one in counted) >= 0.85 * len(counted), "\n".join(map(str, counted))


def test_two_runs_of_one_trial_are_equal() -> None:
    world = after("notes-phase3", typed("R31", "interface Tunnel100", "no ip nhrp shortcut"))
    diagnosis, copy = visit(ExaminedWorld(world)), as_it_runs(world)
    assert isinstance(copy, Scenario)
    assert attempt(diagnosis, CopiedLab(copy)) == attempt(diagnosis, CopiedLab(copy))


def test_what_hides_behind_a_tunnel_that_is_down_is_named_after_it() -> None:
    """Neither end of it had an adjacency, so nobody could say what EIGRP at one of them lacks."""

    def break_it(bench: WorldBench) -> None:
        bench.configure("R11", ("interface GigabitEthernet0/1", "shutdown"))
        bench.configure("R41", (*NOTES, "no network 10.0.0.0"))

    diagnosis = tried(after("notes-phase3", break_it))
    said = [(one.cause, one.router, one.certain) for one in diagnosis.findings if not one.advice]
    assert said == [(Cause.INTERFACE_SHUTDOWN, "R11", True), (Cause.NETWORK_STATEMENT, "R41", False)]


def test_what_hides_behind_a_dead_provider_is_named_after_it() -> None:
    """A copy has it running, so its wires, too."""

    def break_it(bench: WorldBench) -> None:
        bench.configure("R31", ("interface Tunnel100", "ip nhrp authentication WRONG"))
        bench.kill("TRANSPORT")

    diagnosis = tried(after("notes-phase3", break_it))
    said = [(one.cause, one.router, one.certain) for one in diagnosis.findings if not one.advice]
    assert said[0] == (Cause.ROUTER_DEAD, "TRANSPORT", True)
    assert (Cause.AUTHENTICATION, "R31", False) in said
