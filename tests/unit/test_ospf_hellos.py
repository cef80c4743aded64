"""Hellos to neighbors that no multicast reaches."""

from __future__ import annotations

import pytest

from dmvpn.base.effects import SendIp
from dmvpn.base.events import LinkChanged
from dmvpn.features.ospf import FEATURE as OSPF
from dmvpn.features.ospf.slices import SLICE
from support.routing import GI1, make
from support.workbench import Workbench, of_type

CROWD = 500


@pytest.mark.lengthy
@pytest.mark.parametrize("kind", ["non-broadcast", "point-to-multipoint non-broadcast"])
def test_a_crowd_of_configured_neighbors_is_greeted_in_slices(kind: str) -> None:
    bench = Workbench(*make().features, OSPF)
    called = [f"10.1.{1 + number // 250}.{1 + number % 250}" for number in range(CROWD)]
    bench.configure(
        f"interface {GI1}\n ip address 10.1.0.1 255.255.0.0\n ip ospf network {kind}\n ip ospf hello-interval 30\n"
        "router ospf 1\n router-id 9.9.9.9\n network 10.1.0.0 0.0.255.255 area 0\n"
        + "".join(f" neighbor {address}\n" for address in called)
    )
    greeted = [[str(each.destination) for each in of_type(bench.handle(LinkChanged(GI1, up=True)), SendIp)]]
    while (due := bench.next_deadline()) is not None and due <= 31:
        bench.now = due
        greeted.append([str(each.destination) for each in of_type(bench.advance(0.0), SendIp)])
    assert max(map(len, greeted)) <= SLICE
    everybody = [address for event in greeted for address in event]
    assert everybody == [*called, *called], "at the start, and once more after 30 seconds"
