"""Forwarding addresses: whoever brings in a route with a next hop on a common network lets the others go there."""

from __future__ import annotations

import pytest

from support.ospf_net import OspfNet
from support.routing import p

#: A station on the LAN that speaks no OSPF, and a network behind it.
THIRD, BEHIND = "10.200.0.9", "172.20.0.0/16"


@pytest.fixture
def net() -> OspfNet:
    """Router 1 brings the network in; router 3 hears of it by a wire to router 2, which is on the LAN with router 1."""
    net = OspfNet(3, [(2, 3)], lan=True)
    net.set_lan(3, up=False)
    net.enter(1, f"ip route 172.20.0.0 255.255.0.0 {THIRD}\nrouter ospf 1\n redistribute static subnets\n")
    net.run_for(20)
    return net


def hops(net: OspfNet, number: int) -> list[str]:
    route = net.routers[number].ports.rib.exact(p(BEHIND))
    return [str(hop.address) for hop in route.next_hops] if route is not None else []


def forwarding(net: OspfNet) -> str:
    """The forwarding address, as router 3 hears it."""
    shown = net.routers[3].show("show ip ospf database external 172.20.0.0")
    return next(line.split()[-1] for line in shown if "Forward Address" in line)


@pytest.mark.conforms("ospf:16.4-external")
def test_a_router_on_the_same_lan_sends_to_the_next_hop_itself_and_one_further_away_on_the_way_there(
    net: OspfNet,
) -> None:
    assert (hops(net, 2), hops(net, 3), forwarding(net)) == ([THIRD], ["10.2.3.1"], THIRD)


def test_a_lan_that_comes_up_again_is_led_to_again(net: OspfNet) -> None:
    net.set_lan(1, up=False)
    net.run_for(20)
    assert hops(net, 2) == []
    net.set_lan(1, up=True)
    net.run_for(20)
    assert (hops(net, 2), forwarding(net)) == ([THIRD], THIRD)


@pytest.mark.parametrize(
    "line",
    [
        "interface Ethernet0/0\n ip ospf prefix-suppression\n",
        "interface Ethernet0/0\n ip ospf network point-to-multipoint\n",
        "router ospf 1\n passive-interface Ethernet0/0\n",
    ],
)
def test_a_network_that_others_do_not_share_or_know_leads_by_the_router_that_brings_it_in(
    net: OspfNet, line: str
) -> None:
    net.set_wire((2, 3), up=False)
    for number in (1, 2) if "multipoint" in line else (1,):
        net.enter(number, line)
    net.run_for(20)
    told = net.routers[1].show("show ip ospf database external 172.20.0.0")
    assert any(shown.split()[-2:] == ["Address:", "0.0.0.0"] for shown in told)


def test_a_router_does_not_send_to_itself_what_another_one_brings_in_by_way_of_it(net: OspfNet) -> None:
    net.enter(1, f"no ip route 172.20.0.0 255.255.0.0 {THIRD}\nip route 172.20.0.0 255.255.0.0 10.200.0.2\n")
    net.run_for(20)
    assert (hops(net, 2), hops(net, 3), forwarding(net)) == ([], ["10.2.3.1"], "10.200.0.2")
