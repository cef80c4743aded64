"""The doctor compares what a router ordered of the kernel with what is there."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_interface

import pytest

from dmvpn.features.rib.facts import RouteFacts
from dmvpn.router.facts import KernelFacts, RouterFacts
from dmvpn.shells.facts import HostFacts, LabFacts
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


def with_routes(*routes: tuple[str, str], aside: str) -> Scene:
    """R41 beside the host 10.4.4.100 of another router; packets to `aside` go another way."""
    known = tuple(
        RouteFacts(prefix=IPv4Network(prefix), source=source, distance=90, metric=1) for prefix, source in routes
    )
    kernel = KernelFacts(what="route", there="packets take another route", aside=IPv4Network(aside))
    router = RouterFacts(tunnels=(), kernel=(kernel,), routes=known)
    hosts = {"H": HostFacts(address=ip_interface("10.4.4.100/24"), router="R31")}
    return Scene(LabFacts(routers={"R41": router}, gateways={}, hosts=hosts, links=()))


@pytest.mark.parametrize("aside", ["10.4.4.0/24", "10.4.4.96/27", "10.4.4.100/32"])
def test_a_route_that_packets_to_a_site_do_not_take_is_named(aside: str) -> None:
    (finding,) = examine(with_routes(("10.4.4.0/24", "eigrp"), aside=aside)).findings
    assert (finding.cause, finding.advice) == (Cause.KERNEL_TABLES, False)
    assert "another way" in finding.what


def test_a_route_that_leads_nobody_in_view_astray_is_advice() -> None:
    shorter = examine(with_routes(("0.0.0.0/0", "static"), ("10.4.4.0/24", "eigrp"), aside="10.0.0.0/8"))
    nobody = examine(with_routes(("10.4.4.0/24", "eigrp"), aside="10.4.4.128/25"))
    assert [finding.advice for finding in (*shorter.findings, *nobody.findings)] == [True, True]


def test_a_route_of_the_host_that_the_router_itself_follows_is_well() -> None:
    assert examine(with_routes(("10.4.4.100/32", "host"), aside="10.4.4.100/32")).findings == ()
