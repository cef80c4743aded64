"""The doctor compares what a router ordered of the kernel with what is there."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_interface

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.facts import reason_facts
from dmvpn.base.filters import PortFilters
from dmvpn.base.reasons import Reason
from dmvpn.features.filter.facts import FilterFacts as PortFacts
from dmvpn.features.filter.reasons import FilterReason
from dmvpn.features.interface.facts import InterfaceFacts
from dmvpn.features.rib.facts import RouteFacts
from dmvpn.router.facts import FilterFacts, KernelFacts, RouterFacts, TunnelFacts
from dmvpn.shells.facts import HostFacts, LabFacts
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


SHUT = FilterFacts(family="ip", table="filter", chain="FORWARD", rules=0)
RULES = SHUT.model_copy(update={"rules": 3})


def filtered(*filters: FilterFacts, lan: str = "GigabitEthernet0/2", lan_address: str = "10.4.4.1/24") -> Scene:
    """R41 between its LAN and a tunnel, all of it up."""
    tunnel = TunnelFacts(
        name="Tunnel100",
        up=True,
        addresses=(IPv4Address("192.168.100.41"),),
        source=IPv4Address("172.16.41.1"),
        source_interface="GigabitEthernet0/1",
        destination=None,
        key=None,
        nhrp=True,
        network_id=1,
        multipoint=True,
    )
    addresses = {"GigabitEthernet0/1": "172.16.41.1/30", lan: lan_address, "Tunnel100": "192.168.100.41/24"}
    ports = tuple(
        InterfaceFacts(name=name, enabled=True, line=True, addresses=(ip_interface(address),))
        for name, address in addresses.items()
    )
    router = RouterFacts(tunnels=(tunnel,), interfaces=ports, filters=filters)
    return Scene(LabFacts(routers={"R41": router}, gateways={}, links=()))


def named(scene: Scene) -> list[tuple[bool, str]]:
    found = [one for one in examine(scene).findings if one.cause is Cause.HOST_FILTER]
    return [(one.advice, one.order) for one in found]


def test_a_chain_that_passes_nothing_on_is_named_with_what_opens_it() -> None:
    ((advice, order),) = named(filtered(SHUT, RULES))
    assert not advice
    assert order.startswith("on R41: iptables -P FORWARD ACCEPT")
    inet = FilterFacts(family="inet", table="mine", chain="pass", rules=0)
    ((_, order),) = named(filtered(inet))
    assert order.startswith("on R41: nft 'add chain inet mine pass { policy accept; }'")


def test_a_chain_with_rules_is_advice_since_they_may_accept_all() -> None:
    ((advice, order),) = named(filtered(RULES))
    assert advice
    assert "ping from a host" in order


@pytest.mark.parametrize(
    "quiet",
    [
        filtered(),
        filtered(SHUT.model_copy(update={"family": "ip6"})),
        filtered(SHUT, lan="Loopback0"),
        filtered(SHUT, lan_address="2001:db8:4::1/64"),
    ],
    ids=["no chain", "no IPv6 here", "no LAN", "another version"],
)
def test_a_chain_that_nothing_is_to_pass_is_not_told(quiet: Scene) -> None:
    assert named(quiet) == []


def test_a_router_that_runs_alone_suspects_the_chain_and_with_rules_only_if_somebody_complains() -> None:
    (shut,) = (one for one in suspect(filtered(SHUT), "R41").hypotheses if one.cause is Cause.HOST_FILTER)
    (rules,) = (one for one in suspect(filtered(RULES), "R41").hypotheses if one.cause is Cause.HOST_FILTER)
    assert (shut.mild, rules.mild) == (False, True)
    assert "iptables -P FORWARD ACCEPT" in shut.decide


def test_a_port_that_the_kernel_leaves_open_is_named_and_hides_no_other_fault() -> None:
    open_port = PortFacts(
        interface="GigabitEthernet0/1",
        filters=PortFilters(),
        reason=reason_facts(Reason(FilterReason.UNFILTERED, ("no nf_tables",))),
    )
    router = RouterFacts(tunnels=(), packet_filters=(open_port,))
    lab = LabFacts(routers={"R41": router}, gateways={}, links=())
    (finding,) = (one for one in examine(Scene(lab)).findings if one.cause is Cause.NOT_FILTERED)
    assert finding.what.startswith("R41 lets all packets pass GigabitEthernet0/1")
    assert (finding.blocks, finding.advice) == (False, False)
    (suspected,) = (one for one in suspect(Scene(lab), "R41").hypotheses if one.cause is Cause.NOT_FILTERED)
    assert "modprobe" in suspected.decide
