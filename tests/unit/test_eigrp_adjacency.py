"""Neighbours: how they come, and each way in which they go."""

from __future__ import annotations

from support.eigrp_net import EigrpNet, ethernet, tunnel


def hub_and_spokes(*, spokes: int = 2, seed: int = 1) -> EigrpNet:
    net = EigrpNet(seed)
    net.router("R11")
    net.plug("tunnel", "R11", tunnel("192.168.100.11"))
    net.plug("", "R11", ethernet("GigabitEthernet0/2", "10.1.1.1"))
    for number in range(3, 3 + spokes):
        name = f"R{number}1"
        net.router(name)
        net.plug("tunnel", name, tunnel(f"192.168.100.{number}1"))
        net.plug("", name, ethernet("GigabitEthernet0/2", f"10.{number}.{number}.1", delay=1000))
    return net


def test_two_routers_become_neighbours_and_know_each_others_networks() -> None:
    net = hub_and_spokes(spokes=1)
    net.run(2)
    assert "EIGRP-IPv4 100: Neighbor 192.168.100.31 (Tunnel100) is up: new adjacency" in net.routers["R11"].logs
    assert net.routers["R11"].metric("10.3.3.0/24") == 1945600
    assert net.routers["R31"].metric("10.1.1.0/24") == 1920256
