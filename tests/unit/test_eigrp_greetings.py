"""Hellos that are not the clock's: to somebody new who hears us, and to a neighbor that may not have heard us."""

from __future__ import annotations

from itertools import pairwise

from dmvpn.base.notices import MulticastReached
from dmvpn.features.eigrp.packet import Opcode
from support.eigrp_net import EigrpNet, tunnel

HUB, SPOKE = "192.168.100.11", "192.168.100.31"


def overlay() -> EigrpNet:
    """A hub and a spoke; nothing passes between them yet."""
    net = EigrpNet()
    for name, address in (("HUB", HUB), ("SPOKE", SPOKE)):
        net.router(name)
        net.plug("overlay", name, tunnel(address))
    net.wires["overlay"].drops = lambda *_: True
    return net


def hellos(net: EigrpNet, router: str, since: float = 0.0) -> list[float]:
    """When a router multicast a Hello."""
    return [
        sent.at
        for sent in net.packets(since)
        if sent.router == router and sent.packet.opcode == Opcode.HELLO and sent.order.destination.is_multicast
    ]


def test_somebody_new_is_greeted_within_a_twentieth_of_a_second() -> None:
    net = overlay()
    net.run(1.0)
    net.event("HUB", MulticastReached("Tunnel100"))
    net.run(0.05)
    assert len(hellos(net, "HUB", since=1.0)) == 1


def test_however_many_are_new_a_few_hellos_greet_them_then_one_a_second_and_none_is_forgotten() -> None:
    net = overlay()
    net.run(1.0)
    while net.now < 3.5:
        net.event("HUB", MulticastReached("Tunnel100"))
        net.run(0.01)
    last = net.now
    net.run(1.0)
    greetings = hellos(net, "HUB", since=1.0)
    assert 6 <= len(greetings) <= 9
    assert all(later - earlier > 0.99 for earlier, later in pairwise(greetings[-3:]))
    assert greetings[-1] >= last


def test_a_greeting_takes_the_place_of_the_next_hello_and_does_not_add_one() -> None:
    net = overlay()
    net.run(1.0)
    net.event("HUB", MulticastReached("Tunnel100"))
    net.run(4.4)
    assert len(hellos(net, "HUB", since=1.0)) == 1
    net.run(0.7)
    assert len(hellos(net, "HUB", since=1.0)) == 2


def test_news_of_an_interface_without_eigrp_is_nothing() -> None:
    net = overlay()
    net.run(1.0)
    net.event("HUB", MulticastReached("Tunnel7"))
    net.run(1.0)
    assert hellos(net, "HUB", since=1.0) == []


def test_a_pending_neighbor_that_says_hello_again_is_greeted_again() -> None:
    """The spoke was not listening when the hub answered its first Hello; its second is the same, octet for octet."""
    net = overlay()
    wire = net.wires["overlay"]
    wire.drops = lambda sender, _: sender == "HUB"
    net.event("SPOKE", MulticastReached("Tunnel100"))
    net.run(0.1)
    wire.drops = lambda *_: False
    net.run(0.95)
    net.event("SPOKE", MulticastReached("Tunnel100"))
    net.run(0.3)
    assert [neighbor.is_up for neighbor in net.routers["SPOKE"].process.neighbors()] == [True]
    assert [neighbor.is_up for neighbor in net.routers["HUB"].process.neighbors()] == [True]


def test_two_pending_neighbors_do_not_greet_each_other_for_ever() -> None:
    net = overlay()
    net.wires["overlay"].drops = lambda _, order: order.payload[1] == Opcode.UPDATE
    net.event("SPOKE", MulticastReached("Tunnel100"))
    net.run(20.0)
    assert all(not neighbor.is_up for neighbor in net.routers["HUB"].process.neighbors())
    assert len([sent for sent in net.packets() if sent.packet.opcode == Opcode.HELLO]) < 20


def test_whom_multicast_does_not_reach_never_becomes_a_neighbor() -> None:
    """A hub without `ip nhrp map multicast dynamic`: it hears its spokes, they never hear it."""
    net = overlay()
    net.wires["overlay"].drops = lambda sender, order: sender == "HUB" and order.destination.is_multicast
    net.run(60.0)
    assert net.routers["SPOKE"].process.neighbors() == []
    assert all(not neighbor.is_up for neighbor in net.routers["HUB"].process.neighbors())
