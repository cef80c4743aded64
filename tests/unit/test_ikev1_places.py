"""Several connections of one spoke behind a NAT: what the hub announces of them, and what is there."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.events import IpReceived
from dmvpn.net.udp import UdpDatagram
from support.ike_machines import ISAKMP, MachineFlight, MachineNet, Node

HUB, INSIDE, NAT = "198.51.100.1", "192.168.1.2", "203.0.113.99"
INFORMATIONAL = 5


def informs(flight: MachineFlight) -> bool:
    """Is it an informational message of the spoke, a delete for instance?"""
    kind = flight.datagram.payload.removeprefix(bytes(4))[18:19]
    return flight.sender == IPv4Address(INSIDE) and kind == bytes([INFORMATIONAL])


def hinted(spoke: Node, hub: Node) -> None:
    """The hub says, in clear, that it does not have the newest pair of the spoke: the spoke begins again."""
    spi = list(spoke.pairs.values())[-1].sa.spi_out
    datagram = UdpDatagram(source_port=500, destination_port=500, payload=hub.machine.sessions.v1.complaint(spi))
    octets = datagram.serialize(hub.address, spoke.address)
    spoke.tell(IpReceived("GigabitEthernet1", hub.address, spoke.address, 17, octets))


def test_a_hub_announces_the_end_of_each_connection_that_a_restarted_spoke_had() -> None:
    """`show crypto session` of the hub showed a connection of a spoke that had no ISAKMP SA, and that nothing ended."""
    net = MachineNet(nats={IPv4Address(INSIDE): IPv4Address(NAT)})
    hub = net.node(HUB, ISAKMP)
    net.node(INSIDE, ISAKMP).want(hub)
    net.run(5)
    net.shift[IPv4Address(INSIDE)] = 2000
    spoke = net.node(INSIDE, ISAKMP, "restarted")
    spoke.want(hub)
    net.run(2.5)
    net.drops = informs
    hinted(spoke, hub)  # while the hub waits for an answer by the old port
    net.run(1)
    assert len(hub.connections) == 3
    net.run(3)
    assert len(hub.connections) == 2
    hinted(spoke, hub)
    net.run(60)
    (connection,) = hub.connections
    assert {each.sa.connection for each in hub.pairs.values()} == {connection}
    assert hub.machine.peers.connections.of(connection)
    assert {each.sa.spi_in for each in spoke.pairs.values()} <= {each.sa.spi_out for each in hub.pairs.values()}


def test_a_hub_gives_up_a_spoke_at_whose_port_another_one_answers() -> None:
    """A spoke was off, and its NAT gave its port to another: the hub began with that one twice a minute."""
    other, lines = "192.168.1.3", ISAKMP.replace("lifetime 3600", "lifetime 60")
    net = MachineNet(nats={IPv4Address(each): IPv4Address(NAT) for each in (INSIDE, other)})
    net.shift[IPv4Address(other)] = 2000
    hub, gone, stays = net.node(HUB, lines), net.node(INSIDE, lines), net.node(other, lines)
    gone.want(hub)
    stays.want(hub)
    net.run(1)
    del net.nodes[gone.address]
    net.shift[gone.address], net.shift[stays.address] = 2000, 1000
    net.run(300)
    assert len(hub.connections) == 1
    assert {each.sa.spi_in for each in stays.pairs.values()} <= {each.sa.spi_out for each in hub.pairs.values()}
