"""Which line of a configuration keeps a route back."""

from __future__ import annotations

from ipaddress import IPv4Network
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from dmvpn.tools.doctor.filters import blocking

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
    found = blocking("R1", facts, IPv4Network("10.1.1.0/24"), tunnel, out=out)
    assert found == ("router eigrp 1", lines[1].strip())
