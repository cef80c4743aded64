"""The doctor compares what a router ordered of the kernel with what is there."""

from __future__ import annotations

from dmvpn.router.facts import KernelFacts, RouterFacts
from dmvpn.shells.facts import LabFacts
from dmvpn.tools.causes import Cause
from dmvpn.tools.doctor import Scene, examine, suspect

LOST = KernelFacts(what="route 10.4.4.0/24 via 192.168.100.11, Tunnel100", there="missing")
STRANGE = KernelFacts(what="route 203.0.113.0/24 via 10.0.1.2, eth0", there="nobody ordered it", unordered=True)


def scene(*kernel: KernelFacts) -> Scene:
    return Scene(LabFacts(routers={"R41": RouterFacts(tunnels=(), kernel=kernel)}, gateways={}, links=()))


def test_a_route_that_the_kernel_lost_is_found_and_named() -> None:
    (finding,) = examine(scene(STRANGE, LOST)).findings
    assert (finding.cause, finding.router, finding.blocks) == (Cause.KERNEL_TABLES, "R41", True)
    assert finding.evidence == (
        "route 10.4.4.0/24 via 192.168.100.11, Tunnel100: missing",
        "route 203.0.113.0/24 via 10.0.1.2, eth0: nobody ordered it",
    )
    assert finding.order.startswith("ip monitor")


def test_what_nobody_ordered_is_said_and_breaks_nothing() -> None:
    (finding,) = examine(scene(STRANGE)).findings
    assert finding.advice


def test_many_differences_are_counted() -> None:
    (finding,) = examine(scene(*(LOST,) * 20)).findings
    assert finding.evidence[-1] == "and 12 more"


def test_a_router_that_runs_alone_is_told_too() -> None:
    (hypothesis,) = suspect(scene(LOST), "R41").hypotheses
    assert hypothesis.cause is Cause.KERNEL_TABLES


def test_where_all_is_there_nothing_is_said() -> None:
    assert examine(scene()).findings == ()
