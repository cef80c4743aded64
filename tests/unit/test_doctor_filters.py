"""Which line of a configuration keeps a route back."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dmvpn.tools.doctor.filters import blocking_line

if TYPE_CHECKING:
    from dmvpn.router.facts import RouterFacts, TunnelFacts

LISTS = (
    "ip prefix-list LAN10 seq 5 permit 0.0.0.0/0 le 32",
    "ip prefix-list LAN1 seq 5 deny 10.1.1.0/24",
    "ip prefix-list LAN1 seq 10 permit 0.0.0.0/0 le 32",
)


@pytest.mark.parametrize("out", [False, True])
def test_the_line_to_blame_is_that_of_the_list_and_its_direction(out: bool) -> None:
    way, other = ("out", "in") if out else ("in", "out")
    lines = (f" distribute-list prefix LAN10 {way}", f" distribute-list prefix LAN1 {way} Tunnel0")
    more = f" distribute-list prefix LAN1 {other} Tunnel0"
    tunnel = cast("TunnelFacts", SimpleNamespace(name="Tunnel0", addresses=()))
    configuration = (*LISTS, "router eigrp 1", more, *lines)
    facts = cast("RouterFacts", SimpleNamespace(configuration=configuration, tunnels=(tunnel,)))
    found = blocking_line("R1", facts, IPv4Network("10.1.1.0/24"), tunnel, out=out)
    assert found == ("router eigrp 1", lines[1].strip())


def test_an_access_list_keeps_a_route_back_as_a_prefix_list_does() -> None:
    lists = ("access-list 10 deny 10.1.1.0 0.0.0.255", "access-list 10 permit any")
    found = blamed((*lists, "router eigrp 1", " distribute-list 10 out Tunnel0"))
    assert found == ("router eigrp 1", "distribute-list 10 out Tunnel0")
    assert blamed((lists[1], "router eigrp 1", " distribute-list 10 out Tunnel0")) is None


@pytest.mark.parametrize(("runs", "is_blamed"), [(True, False), (False, True)])
def test_a_list_of_what_ospf_tells_concerns_what_it_imports_alone(runs: bool, is_blamed: bool) -> None:
    """`distribute-list out` was blamed for the network of an area, which passes every list."""
    lan = SimpleNamespace(name="Lan0", addresses=(IPv4Interface("10.1.1.1/24"),))
    process = SimpleNamespace(interfaces=(SimpleNamespace(name="Lan0" if runs else "Tunnel0"),))
    lines = (*LISTS, "router ospf 1", " distribute-list prefix LAN1 out")
    assert (blamed(lines, interfaces=(lan,), ospf=(process,)) is not None) is is_blamed


def blamed(configuration: tuple[str, ...], **more: object) -> tuple[str, ...] | None:
    """The line that keeps 10.1.1.0/24 from being told."""
    tunnel = cast("TunnelFacts", SimpleNamespace(name="Tunnel0", addresses=()))
    facts = cast("RouterFacts", SimpleNamespace(configuration=configuration, tunnels=(tunnel,), **more))
    return blocking_line("R1", facts, IPv4Network("10.1.1.0/24"), tunnel, out=True)
