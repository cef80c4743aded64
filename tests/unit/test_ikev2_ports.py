"""Several peers behind one address: each is wanted by the UDP port that its translator shows, and let go by itself."""

from __future__ import annotations

from ipaddress import IPv4Address

from dmvpn.base.negotiation import NegotiationChanged, NegotiationWanted
from dmvpn.base.protection import ProtectionPhase
from support.ike_machines import MachineNet, Node, crosswise

PUBLIC = IPv4Address("203.0.113.9")
#: What the translator makes of port 4500 of each.
FIRST, SECOND = 5500, 6500


def network() -> tuple[MachineNet, Node, Node, Node]:
    """A router, and two others behind one translator, which lets everything in."""
    net = MachineNet()
    here, first, second = net.node("198.51.100.1"), net.node("192.168.1.10"), net.node("192.168.1.11")
    net.nats = {first.address: PUBLIC, second.address: PUBLIC}
    net.shift = {first.address: FIRST - 4500, second.address: SECOND - 4500}
    return net, here, first, second


def want(node: Node, port: int, *, wanted: bool = True) -> None:
    node.tell(NegotiationWanted("IPSEC", node.address, PUBLIC, wanted, port))


def sent(net: MachineNet, node: Node) -> int:
    return sum(flight.sender == node.address for flight in net.log)


def ports(node: Node) -> list[int]:
    return sorted(connection.remote_port for connection in node.connections.values())


def test_each_gets_its_own_sas() -> None:
    net, here, first, second = network()
    want(here, FIRST)
    want(here, SECOND)
    net.run(1)
    assert ports(here) == [FIRST, SECOND]
    assert {connection.identity for connection in here.connections.values()} == {"192.168.1.10", "192.168.1.11"}
    assert len(first.pairs) == len(second.pairs) == 1


def test_one_is_let_go_and_the_other_stays() -> None:
    net, here, first, second = network()
    want(here, FIRST)
    want(here, SECOND)
    net.run(1)
    want(here, FIRST, wanted=False)
    net.run(10)
    assert ports(here) == [SECOND]
    assert not first.pairs
    assert crosswise(here, second)


def test_who_has_come_by_himself_is_not_asked_again() -> None:
    net, here, _, second = network()
    second.want(here)
    net.run(1)
    before = sent(net, here)
    want(here, SECOND)
    net.run(1)
    assert sent(net, here) == before
    want(here, FIRST)
    net.run(1)
    assert ports(here) == [FIRST, SECOND]


def test_who_is_lost_is_tried_again_although_the_other_is_there() -> None:
    net, here, first, second = network()
    want(here, FIRST)
    want(here, SECOND)
    net.run(20)
    first.want(here)
    first.want(here, wanted=False)
    net.run(5)
    assert ports(here) == [FIRST, SECOND]
    assert len(first.pairs) == len(second.pairs) == 1


def test_why_one_is_not_reached_is_said_of_that_one() -> None:
    net, here, _, second = network()
    want(here, 7777)
    want(here, SECOND)
    net.run(40)
    failures = [change for change in here.heard(NegotiationChanged) if change.reason is not None]
    assert {change.remote_port for change in failures} == {7777}
    assert all(change.phase in (ProtectionPhase.INTF, ProtectionPhase.IKE) for change in failures)
    assert crosswise(here, second)


def test_whoever_has_the_address_will_do_where_no_port_is_known() -> None:
    net, here, first, _ = network()
    first.want(here)
    net.run(1)
    before = sent(net, here)
    want(here, 0)
    net.run(40)
    assert sent(net, here) == before
    want(here, FIRST)
    want(here, 0, wanted=False)
    net.run(1)
    assert crosswise(here, first)
