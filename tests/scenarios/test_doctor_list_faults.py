"""Packet filters that are meant so are not accused; what is said of each mechanism is in the oracle (`lists.txt`)."""

from __future__ import annotations

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.judging import broken_case
from dmvpn.tools.doctor import visit
from dmvpn.tools.remedies.trial import attempt
from support.diagnoses import ill_of
from support.list_faults import CLOUDS, cloud


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_lists_that_is_well_is_not_accused(name: str) -> None:
    case, _ = broken_case(cloud(name))
    assert visit(case.examined).findings == ()


def test_a_finding_says_which_router_port_side_list_and_entry_drop_packets() -> None:
    case = ill_of(cloud("eigrp"), "entry-too-early@S1,S2,HUB1")
    first = visit(case.examined).findings[0]
    assert (first.router, first.cause) == ("S1", Cause.PACKET_FILTER)
    assert "list LAN-OUT (out, GigabitEthernet0/2) of S1 drops UDP" in first.what
    assert "entry `5 deny udp any any` denies it" in first.what


def test_lines_for_a_list_about_tcp_are_tried_in_a_copy_although_rows_are_about_udp() -> None:
    case = ill_of(cloud("eigrp"), "answers-forgotten@S1,S2,HUB1")
    first = attempt(visit(case.examined), CopiedLab(case.as_it_runs())).findings[0]
    assert first.trial is not None
    assert first.trial.works
    assert first.certain


def test_sites_that_all_lists_keep_apart_are_a_question_and_no_fault() -> None:
    """Both spokes deny each other, so nothing says that it is a mistake."""
    case, _ = broken_case(cloud("bare"))
    for name, other in (("S1", "10.20.12.0"), ("S2", "10.20.11.0")):
        case.bench.configure(name, ["ip access-list extended APART", f"deny ip {other} 0.0.0.255 any"])
        case.bench.configure(name, ["ip access-list extended APART", "permit ip any any"])
        case.bench.configure(name, ["interface GigabitEthernet0/2", "ip access-group APART out"])
    case.wait(60)
    diagnosis = visit(case.examined)
    assert diagnosis.healthy
    assert [one.mild for one in diagnosis.findings if one.cause is Cause.PACKET_FILTER] == [True, True]


def test_one_service_that_a_list_denies_is_no_fault() -> None:
    case, _ = broken_case(cloud("bare"))
    case.bench.configure("S1", ["ip access-list extended L", "deny tcp any any eq 23", "permit ip any any"])
    case.bench.configure("S1", ["interface GigabitEthernet0/2", "ip access-group L out"])
    case.wait(60)
    assert visit(case.examined).findings == ()


def test_the_lines_for_one_sender_do_not_take_the_default_route_away_from_all_others() -> None:
    """The other spokes are reached by the default route alone: a check without it would drop their packets."""
    case, _ = broken_case(cloud("bare"))
    check = "ip verify unicast source reachable-via"
    case.bench.configure("S1", ["interface GigabitEthernet0/1", f"{check} rx allow-default"])
    case.bench.configure("S1", ["ip route 203.0.113.5 255.255.255.255 10.20.11.250"])
    case.wait(60)
    found = [one for one in visit(case.examined).findings if one.cause is Cause.REVERSE_PATH]
    assert [one.fix for one in found] == [("interface GigabitEthernet0/1", f"{check} any allow-default")]


@pytest.mark.parametrize("others", [(), ("ip verify unicast source reachable-via any allow-default",)])
def test_a_list_on_a_tunnel_that_forgot_the_routing_protocol_gets_an_entry_and_stays_on_its_side(
    others: tuple[str, ...],
) -> None:
    """Nothing says that the list is on the wrong side: at its other side it would protect nothing that it protected."""
    case, _ = broken_case(cloud("bare"))
    entries = (f"permit {protocol} any any" for protocol in ("icmp", "tcp", "udp"))
    case.bench.configure("S1", ["ip access-list extended INSIDE", *entries])
    case.bench.configure("S1", ["interface Tunnel0", "ip access-group INSIDE in"])
    case.bench.configure("S2", ["interface Tunnel0", *others])
    case.wait(60)
    found = [one.fix for one in visit(case.examined).findings if one.cause is Cause.PACKET_FILTER]
    assert found == [("ip access-list extended INSIDE", "40 permit eigrp 10.99.0.0 0.0.0.255 any")]
