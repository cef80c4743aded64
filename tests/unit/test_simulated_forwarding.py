"""Which of several next hops a flow takes."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind, SetInterface, SetRoute
from dmvpn.dataplane.simulated.forwarding import ForwardingTable
from dmvpn.net.ipv4 import IpProtocol, Ipv4Packet
from dmvpn.net.udp import UdpDatagram

NEAR, FAR = NextHop("Gi1", IPv4Address("10.1.0.2"), 3), NextHop("Gi2", IPv4Address("10.2.0.2"), 1)
HERE, THERE = IPv4Address("10.9.0.1"), IPv4Address("10.8.0.1")


def test_flows_are_shared_by_weights_and_each_keeps_to_its_way() -> None:
    table = ForwardingTable()
    for number in (1, 2):
        address = (IPv4Address(f"10.{number}.0.1"), 24)
        table.set_interface(SetInterface(f"Gi{number}", up=True, addresses=(address,)))
        table.port(f"Gi{number}").carrier = True
    table.set_route(SetRoute(Prefix.parse("10.8.0.0/16"), (NEAR, FAR)))
    chosen: Counter[NextHop | RouteKind] = Counter()
    for port in range(5000, 5400):
        datagram = UdpDatagram(source_port=port, destination_port=53, payload=b"").serialize(HERE, THERE)
        packet = Ipv4Packet(source=HERE, destination=THERE, protocol=IpProtocol.UDP, payload=datagram, ttl=9)
        ways = {table.choose(THERE, packet.serialize()) for _ in range(3)}
        assert len(ways) == 1
        chosen.update(ways)
    assert set(chosen) == {NEAR, FAR}
    assert 2.5 < chosen[NEAR] / chosen[FAR] < 3.5
