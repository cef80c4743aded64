"""The lines that the doctor gives fix it: they change what the router that is to change uses, not what others call so.

Each lab is broken in one way that an administrator would, the first finding's lines are entered as they are, and
then the network is well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.tools.doctor import Finding, visit
from support.bench import WorldBench
from support.doctors import WorldPatient
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

AGAIN = [(router, "clear crypto session") for router in ("SPOKE10", "SPOKE20", "HUB")]
PROFILE = "crypto ipsec profile IPSEC-DMVPN"
SET = "crypto ipsec transform-set"
OTHERS_SET = (f"{SET} LESSON esp-aes esp-sha-hmac", "mode transport", "exit", PROFILE, "set transform-set LESSON")
WEAK = (f"{SET} TS esp-aes esp-sha256-hmac", "mode transport")
IDENTITY = "crypto ikev2 profile IKEV2-DMVPN"
LESSON = ("crypto ikev2 proposal LESSON", "encryption aes-cbc-128", "integrity sha256", "group 20", "exit")
POLICY = ("crypto ikev2 policy LESSON", "proposal LESSON")
OURS = (
    *("crypto ikev2 proposal OURS", "encryption aes-gcm-256", "prf sha512", "group 19", "exit"),
    *("crypto ikev2 policy OURS", "proposal OURS", "exit"),
)


def first(world: World) -> Finding:
    """What is broken."""
    return next(one for one in visit(WorldPatient(world)).findings if not one.advice)


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


@pytest.mark.parametrize(
    ("changes", "cause", "router", "fix"),
    [
        ([("SPOKE10", OTHERS_SET)], Cause.TRANSFORM, "SPOKE10", (PROFILE, "set transform-set TS")),
        (
            [("SPOKE10", WEAK)],
            Cause.TRANSFORM,
            "SPOKE10",
            (f"{SET} TS esp-aes 256 esp-sha256-hmac", "mode transport"),
        ),
        (
            [("SPOKE10", OTHERS_SET), ("SPOKE10", (f"no {SET} TS",))],
            Cause.TRANSFORM,
            "SPOKE10",
            (f"{SET} TS esp-aes 256 esp-sha256-hmac", "mode transport", PROFILE, "set transform-set TS"),
        ),
        (
            [("SPOKE10", (*OTHERS_SET, "exit", *WEAK))],
            Cause.TRANSFORM,
            "SPOKE10",
            (f"{SET} LESSON esp-aes 256 esp-sha256-hmac", "mode transport"),
        ),
        ([("HUB", OTHERS_SET)], Cause.TRANSFORM, "HUB", (PROFILE, "set transform-set TS")),
        (
            [("SPOKE10", (*LESSON, *POLICY))],
            Cause.IKE_PROPOSAL,
            "SPOKE10",
            (
                *("crypto ikev2 proposal SMART-DEFAULTS", "encryption aes-cbc-256", "integrity sha512 sha384"),
                *("group 19 14 21", "crypto ikev2 policy LESSON", "proposal SMART-DEFAULTS"),
            ),
        ),
        (
            [*((name, OURS) for name in ("HUB", "SPOKE10", "SPOKE20")), ("SPOKE10", ("no crypto ikev2 policy OURS",))],
            Cause.IKE_PROPOSAL,
            "SPOKE10",
            ("crypto ikev2 policy OURS", "proposal OURS"),
        ),
        (
            [*((name, OURS) for name in ("HUB", "SPOKE10", "SPOKE20")), ("SPOKE10", (OURS[0], "group 20"))],
            Cause.IKE_PROPOSAL,
            "SPOKE10",
            ("crypto ikev2 proposal OURS", "encryption aes-gcm-256", "prf sha512", "group 19"),
        ),
        (
            [(name, OURS) for name in ("HUB", "SPOKE20")],
            Cause.IKE_PROPOSAL,
            "SPOKE10",
            (
                *("crypto ikev2 proposal OURS", "encryption aes-gcm-256", "prf sha512", "group 19"),
                *("crypto ikev2 policy OURS", "proposal OURS"),
            ),
        ),
        (
            [
                ("HUB", (IDENTITY, "no match identity remote address 0.0.0.0", "match identity remote any")),
                ("SPOKE10", (IDENTITY, "no match identity remote address 0.0.0.0", "match identity remote key-id x")),
                ("SPOKE10", (IDENTITY, "match identity remote address 203.0.113.0 255.255.255.0")),
                ("HUB", (IDENTITY, "identity local fqdn hub.example.net")),
                ("SPOKE20", (IDENTITY, "match identity remote any")),
            ],
            Cause.IKE_IDENTITY,
            "SPOKE10",
            (IDENTITY, "match identity remote fqdn hub.example.net"),
        ),
    ],
)
def test_the_lines_to_enter_let_both_ends_agree(
    changes: list[tuple[str, tuple[str, ...]]], cause: Cause, router: str, fix: tuple[str, ...]
) -> None:
    world = broken(changes)
    finding = first(world)
    assert (finding.cause, finding.router) == (cause, router), finding
    assert finding.fix == fix
    WorldBench(world).configure(finding.router, finding.fix)
    WorldBench(world).ask(AGAIN)
    world.run_for(90)
    assert visit(WorldPatient(world)).findings == ()
    assert world.lacks() == []


def test_of_a_transform_set_that_was_changed_under_sas_that_live_it_is_said_that_the_next_rekeying_fails() -> None:
    """The doctor said nothing of it, and within the hour the spoke was away."""
    world = broken([("SPOKE10", OTHERS_SET)], again=False)
    assert world.lacks() == []
    diagnosis = visit(WorldPatient(world))
    finding = diagnosis.findings[0]
    assert (finding.cause, finding.router, finding.advice) == (Cause.TRANSFORM, "SPOKE10", True)
    assert "the next rekeying fails" in finding.what
    assert diagnosis.healthy, "until then nobody feels it"
    assert finding.fix == (PROFILE, "set transform-set TS")
    assert finding.evidence == ("the SAs in use have aes-cbc 256 sha256 in transport mode",)
    WorldBench(world).configure("SPOKE10", finding.fix)
    assert visit(WorldPatient(world)).findings == ()


def test_from_one_end_the_size_to_enter_is_one_that_fits() -> None:
    """Of 1400 octets of which 1394 fit, it said: "to fix: ip mtu 1400"."""
    world = broken([("SPOKE10", (f"{SET} TS esp-aes 256 esp-sha256-hmac", "mode tunnel"))])
    found = visit(WorldPatient(world), "SPOKE10", one_end=True).hypotheses
    mtu = next(one for one in found if one.cause is Cause.MTU)
    assert mtu.decide.endswith("to fix: interface Tunnel0 / ip mtu 1390")
    WorldBench(world).configure("SPOKE10", ("interface Tunnel0", "ip mtu 1390"))
    assert all(one.cause is not Cause.MTU for one in visit(WorldPatient(world), "SPOKE10", one_end=True).hypotheses)
