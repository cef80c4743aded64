"""Faults that people make in networks that they copied from guides: named first, at the right router, with right lines.

Mechanisms that no catalog has; each was missed, or said wrongly, once.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.findings import Cause
from dmvpn.labs.proofs.networks import Case, well_rows
from dmvpn.tools.diff.measuring import worse
from dmvpn.tools.doctor import visit
from support.cases import one_in
from support.guides import one_cloud, two_clouds
from support.typed import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from dmvpn.shells.scenario import Scenario

#: Virtual seconds until a router asks again how large packets may be.
FORGOTTEN = 700
NETWORKS: dict[str, Callable[[], Scenario]] = {
    **{name: partial(one_cloud, name) for name in ("rip", "eigrp", "ospf3", "bgp")},
    "ospf": partial(one_cloud, "ospf", protected=True),
    "two clouds": two_clouds,
}
#: Found are a router, the cause, and a line of the remedy.
FAULTS = read("guides")


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_out_of_a_guide_is_well(network: str) -> None:
    case = Case(NETWORKS[network](), 1)
    well = well_rows(case)
    assert all(pair in well.full for pair in case.pairs)
    assert visit(case.examined).findings == ()


@pytest.mark.parametrize("what", one_in(3, FAULTS))
def test_what_somebody_typed_is_named_and_the_lines_restore_the_network(what: str) -> None:
    fault = FAULTS[what]
    where, cause, line = fault.found
    case = Case(NETWORKS[fault.network](), 1)
    well = well_rows(case)
    for router, typed in fault.lines.items():
        case.bench.configure(router, typed)
    case.wait(180)
    assert worse(case.rows(), well)
    first = visit(case.examined).findings[0]
    assert (first.cause, first.router, first.advice) == (cause, where, False), first
    is_meant = cause is Cause.ROUTE_FILTERED  # perhaps: it is a question
    assert (first.certain, first.mild) == (not is_meant, is_meant), first
    assert line in first.fix
    if not first.is_complete or line == "peer SPOKE2":
        return  # a secret, that nobody can say
    case.bench.configure(first.router, first.fix)
    if "clear" in first.order:
        case.bench.ask([(first.router, first.order.rpartition(": ")[2])])
    case.wait(FORGOTTEN if cause is Cause.MTU else 180)
    case.rows()
    assert not worse(case.rows(), well)


def test_a_next_hop_of_ipv6_is_in_no_route_of_ipv4() -> None:
    case = Case(NETWORKS["eigrp"](), 1)
    case.bench.configure("ISP", ("interface Ethernet0/3", "no ip address", "ipv6 address 2001:db8:9::1/64"))
    case.bench.configure("SPOKE2", ("no ip route 0.0.0.0 0.0.0.0 100.64.3.1",))
    case.wait(60)
    first = visit(case.examined).findings[0]
    assert (first.cause, first.router, first.fix) == (
        Cause.MISSING_ROUTE,
        "SPOKE2",
        ("ip route 0.0.0.0 0.0.0.0 <next-hop>",),
    )


ODD = read("guides_odd")


@pytest.mark.parametrize("what", one_in(3, ODD))
def test_what_is_odd_and_works_is_not_accused(what: str) -> None:
    case = Case(NETWORKS[ODD[what].network](), 1)
    well = well_rows(case)
    for router, lines in ODD[what].lines.items():
        case.bench.configure(router, lines)
    case.wait(180)
    assert not worse(case.rows(), well)
    assert [one for one in visit(case.examined).findings if not one.advice] == []
