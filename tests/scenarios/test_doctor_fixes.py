"""The lines that the doctor gives fix it: they change what the router that is to change uses, not what others call so.

Each lab is broken in one way that an administrator would, the first finding's lines are entered as they are, and
then the network is well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.tools.doctor import Finding, visit
from support.bench import WorldBench
from support.doctors import ExaminedWorld
from support.typed import read
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

FIXES = read("fixes")
AGAIN = [(router, "clear crypto session") for router in ("SPOKE10", "SPOKE20", "HUB")]
PROFILE = "crypto ipsec profile IPSEC-DMVPN"
SET = "crypto ipsec transform-set"
OTHERS_SET = (f"{SET} LESSON esp-aes esp-sha-hmac", "mode transport", "exit", PROFILE, "set transform-set LESSON")
LESSON = ("crypto ikev2 proposal LESSON", "encryption aes-cbc-128", "integrity sha256", "group 20", "exit")


def first(world: World) -> Finding:
    """What is broken."""
    return next(one for one in visit(ExaminedWorld(world)).findings if not one.advice)


def broken(changes: Sequence[tuple[str, tuple[str, ...]]], *, again: bool = True) -> World:
    """intro-phase3 after these lines, and after all SAs were made again."""
    world = World("intro-phase3").converge()
    bench = WorldBench(world)
    for router, lines in changes:
        bench.configure(router, lines)
    if again:
        bench.ask(AGAIN)
    world.run_for(90)
    return world


@pytest.mark.parametrize("what", FIXES)
def test_the_lines_to_enter_let_both_ends_agree(what: str) -> None:
    router, cause, fix = FIXES[what].found
    world = broken([*FIXES[what].lines.items()])
    finding = first(world)
    assert (finding.cause, finding.router) == (cause, router), finding
    assert " / ".join(finding.fix) == fix
    WorldBench(world).configure(finding.router, finding.fix)
    WorldBench(world).ask(AGAIN)
    world.run_for(90)
    assert visit(ExaminedWorld(world)).findings == ()
    assert world.lacks() == []


def test_of_a_transform_set_that_was_changed_under_sas_that_live_it_is_said_that_the_next_rekeying_fails() -> None:
    """The doctor said nothing of it, and within the hour the spoke was away."""
    world = broken([("SPOKE10", OTHERS_SET)], again=False)
    assert world.lacks() == []
    diagnosis = visit(ExaminedWorld(world))
    finding = diagnosis.findings[0]
    assert (finding.cause, finding.router, finding.advice) == (Cause.TRANSFORM, "SPOKE10", True)
    assert "the next rekeying fails" in finding.what
    assert diagnosis.healthy, "until then nobody feels it"
    assert finding.fix == (PROFILE, "set transform-set TS")
    assert finding.evidence == ("the SAs in use have aes-cbc 256 sha256 in transport mode",)
    WorldBench(world).configure("SPOKE10", finding.fix)
    assert visit(ExaminedWorld(world)).findings == ()


def test_from_one_end_the_size_to_enter_is_one_that_fits() -> None:
    """Of 1400 octets of which 1394 fit, it said: "to fix: ip mtu 1400"."""
    world = broken([("SPOKE10", (f"{SET} TS esp-aes 256 esp-sha256-hmac", "mode tunnel"))])
    found = visit(ExaminedWorld(world), "SPOKE10", one_end=True).hypotheses
    mtu = next(one for one in found if one.cause is Cause.MTU)
    assert mtu.decide.endswith("to fix: interface Tunnel0 / ip mtu 1390")
    WorldBench(world).configure("SPOKE10", ("interface Tunnel0", "ip mtu 1390"))
    assert all(one.cause is not Cause.MTU for one in visit(ExaminedWorld(world), "SPOKE10", one_end=True).hypotheses)
