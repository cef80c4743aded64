"""Mechanisms of packet filters: the doctor names each first, and its lines heal the network and open nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.causes import Cause
from dmvpn.base.errors import UserError
from dmvpn.labs.copied import CopiedLab
from dmvpn.labs.proofs.breaking import ill, near_of
from dmvpn.tools.doctor import visit
from dmvpn.tools.remedies import attempt
from dmvpn.tools.troubles import LISTS, Fault, Stage, fault
from support.cases import every_day_but
from support.list_faults import CLOUDS, cases, cloud, treated

if TYPE_CHECKING:
    from dmvpn.tools.doctor.verdicts import Finding

EVERY = list(cases())
#: A mechanism that an earlier cloud has, too, is for `make test-all`.
RARE = [
    number
    for number, (_, chosen) in enumerate(EVERY)
    if any(chosen.trouble.id == earlier.trouble.id for _, earlier in EVERY[:number])
]


@pytest.mark.parametrize(
    "number", every_day_but(RARE, range(len(EVERY))), ids=lambda number: f"{EVERY[number][0]}-{EVERY[number][1].id}"
)
def test_a_fault_of_a_list_is_named_first_and_the_lines_heal_it_and_open_nothing_else(number: int) -> None:
    seen = treated(*EVERY[number])
    assert seen.named, seen
    assert seen.healed, seen
    assert not seen.extra, seen


@pytest.mark.parametrize("name", CLOUDS)
def test_a_cloud_with_lists_that_is_well_is_not_accused(name: str) -> None:
    case, _ = ill(cloud(name))
    assert visit(case.patient).findings == ()


def test_there_are_more_than_fifteen_mechanisms_and_each_fits_somewhere() -> None:
    fitting = {chosen.trouble.id for _, chosen in EVERY}
    assert fitting == {one.id for one in LISTS}
    assert len(LISTS) >= 15


@pytest.mark.parametrize(
    ("name", "trouble", "fix"),
    [
        (
            "eigrp",
            "entry-too-early",
            (
                "ip access-list extended LAN-OUT",
                "no 30",
                "2 permit udp 10.20.0.0 0.0.255.255 10.20.11.0 0.0.0.255",
            ),
        ),
        (
            "eigrp",
            "mask-inverted",
            ("ip access-list extended LAN-IN", "no 20", "20 permit ip 10.20.11.0 0.0.0.255 10.20.0.0 0.0.255.255"),
        ),
        (
            "eigrp",
            "answers-forgotten",
            (
                "ip access-list extended LAN-OUT",
                "45 permit tcp 10.20.0.0 0.0.255.255 10.20.11.0 0.0.0.255 established",
            ),
        ),
        (
            "eigrp",
            "lan-lists-swapped",
            ("interface GigabitEthernet0/2", "ip access-group LAN-IN in", "ip access-group LAN-OUT out"),
        ),
        ("eigrp", "wan-list-on-tunnel", ("interface Tunnel0", "ip access-group TUNNEL-IN in")),
        (
            "eigrp",
            "verify-strictly-without-default",
            ("interface GigabitEthernet0/1", "ip verify unicast source reachable-via rx allow-default"),
        ),
        ("eigrp", "list-missing", ("interface GigabitEthernet0/2", "ip access-group LAN-IN in")),
    ],
)
def test_the_lines_put_right_what_is_wrong_and_nothing_else(name: str, trouble: str, fix: tuple[str, ...]) -> None:
    assert first_finding(name, trouble).fix == fix


def test_a_finding_says_which_router_port_side_list_and_entry_drop_packets() -> None:
    first = first_finding("eigrp", "entry-too-early")
    assert (first.router, first.cause) == ("S1", Cause.PACKET_FILTER)
    assert "list LAN-OUT (out, GigabitEthernet0/2) of S1 drops UDP" in first.what
    assert "entry `5 deny udp any any` denies it" in first.what


def test_lines_for_a_list_about_tcp_are_tried_in_a_copy_although_rows_are_about_udp() -> None:
    chosen = mechanism("eigrp", "answers-forgotten")
    case, _ = ill(cloud("eigrp"), chosen, near=near_of(chosen))
    first = attempt(visit(case.patient), CopiedLab(case.as_it_runs())).findings[0]
    assert first.trial is not None
    assert first.trial.works
    assert first.certain


def test_sites_that_all_lists_keep_apart_are_a_question_and_no_fault() -> None:
    """Both spokes deny each other, so nothing says that it is a mistake."""
    case, _ = ill(cloud("bare"))
    for name, other in (("S1", "10.20.12.0"), ("S2", "10.20.11.0")):
        case.bench.configure(name, ["ip access-list extended APART", f"deny ip {other} 0.0.0.255 any"])
        case.bench.configure(name, ["ip access-list extended APART", "permit ip any any"])
        case.bench.configure(name, ["interface GigabitEthernet0/2", "ip access-group APART out"])
    case.wait(60)
    diagnosis = visit(case.patient)
    assert diagnosis.healthy
    assert [one.mild for one in diagnosis.findings if one.cause is Cause.PACKET_FILTER] == [True, True]


def test_one_service_that_a_list_denies_is_no_fault() -> None:
    case, _ = ill(cloud("bare"))
    case.bench.configure("S1", ["ip access-list extended L", "deny tcp any any eq 23", "permit ip any any"])
    case.bench.configure("S1", ["interface GigabitEthernet0/2", "ip access-group L out"])
    case.wait(60)
    assert visit(case.patient).findings == ()


def test_the_lines_for_one_sender_do_not_take_the_default_route_away_from_all_others() -> None:
    """The other spokes are reached by the default route alone: a check without it would drop their packets."""
    case, _ = ill(cloud("bare"))
    check = "ip verify unicast source reachable-via"
    case.bench.configure("S1", ["interface GigabitEthernet0/1", f"{check} rx allow-default"])
    case.bench.configure("S1", ["ip route 203.0.113.5 255.255.255.255 10.20.11.250"])
    case.wait(60)
    found = [one for one in visit(case.patient).findings if one.cause is Cause.REVERSE_PATH]
    assert [one.fix for one in found] == [("interface GigabitEthernet0/1", f"{check} any allow-default")]


@pytest.mark.parametrize("others", [(), ("ip verify unicast source reachable-via any allow-default",)])
def test_a_list_on_a_tunnel_that_forgot_the_routing_protocol_gets_an_entry_and_stays_on_its_side(
    others: tuple[str, ...],
) -> None:
    """Nothing says that the list is on the wrong side: at its other side it would protect nothing that it protected."""
    case, _ = ill(cloud("bare"))
    entries = (f"permit {protocol} any any" for protocol in ("icmp", "tcp", "udp"))
    case.bench.configure("S1", ["ip access-list extended INSIDE", *entries])
    case.bench.configure("S1", ["interface Tunnel0", "ip access-group INSIDE in"])
    case.bench.configure("S2", ["interface Tunnel0", *others])
    case.wait(60)
    found = [one.fix for one in visit(case.patient).findings if one.cause is Cause.PACKET_FILTER]
    assert found == [("ip access-list extended INSIDE", "40 permit eigrp 10.99.0.0 0.0.0.255 any")]


def first_finding(name: str, trouble: str) -> Finding:
    """Return the first finding of a mechanism in a cloud."""
    chosen = mechanism(name, trouble)
    case, _ = ill(cloud(name), chosen, near=near_of(chosen))
    return visit(case.patient).findings[0]


def mechanism(name: str, trouble: str) -> Fault:
    """Return a mechanism in a cloud. Raises UserError."""
    stage = Stage.of(cloud(name))
    found = next((fault(one, stage) for one in LISTS if one.id == trouble), None)
    if found is None:
        raise UserError(f"{trouble} does not fit {name}")
    return found
