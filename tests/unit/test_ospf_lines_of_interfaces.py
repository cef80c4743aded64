"""Lines of an interface that change while its neighbors have not finished their exchange, or wait for something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.features.ospf.packet import Description, DescriptionFlag
from support.ospf_net import OspfNet

if TYPE_CHECKING:
    from dmvpn.features.ospf.packet import OspfPacket

PORT_OF = {1: "Ethernet0/2", 2: "Ethernet0/1"}


def enter(net: OspfNet, number: int, line: str) -> None:
    net.enter(number, f"interface {PORT_OF[number]}\n {line}\n")


def states(net: OspfNet) -> list[str]:
    """How router 1 sees router 2, and the reverse."""
    shown = [bench.show("show ip ospf neighbor") for bench in net.routers.values()]
    return [next((line.split()[2].rstrip("/") for line in lines if "10.0.0." in line), "none") for lines in shown]


def mismatches(net: OspfNet, number: int) -> list[str]:
    return [line for line in net.routers[number].logs if "MTUMISMATCH" in line]


def _is_answer(packet: OspfPacket) -> bool:
    return isinstance(packet.content, Description) and not packet.content.has(DescriptionFlag.MASTER)


def _is_further(packet: OspfPacket) -> bool:
    content = packet.content
    leads = isinstance(content, Description) and content.has(DescriptionFlag.MASTER)
    return isinstance(content, Description) and leads and not content.has(DescriptionFlag.INIT)


@pytest.fixture
def net() -> OspfNet:
    """Router 1 in EXCHANGE, which router 2 refuses: its MTU is the smaller one, and it leads."""
    net = OspfNet(2, [(1, 2)])
    enter(net, 2, "ip mtu 1400")
    net.run_for(10)
    assert states(net) == ["EXCHANGE", "EXSTART"]
    return net


def test_a_smaller_mtu_reaches_a_neighbor_that_has_our_description_of_before(net: OspfNet) -> None:
    """Router 1 repeated its description with its old MTU, router 2 refused it, and that never ended."""
    enter(net, 1, "ip mtu 1400")
    net.run_for(3)
    assert states(net) == ["FULL", "FULL"]


def test_a_larger_mtu_at_the_other_end_lets_the_exchange_go_on_as_well(net: OspfNet) -> None:
    enter(net, 2, "ip mtu 1500")
    net.run_for(3)
    assert states(net) == ["FULL", "FULL"]


def test_both_ends_log_that_the_mtus_differ_once_a_minute(net: OspfNet) -> None:
    net.run_for(20)
    head = "%OSPF-4-MTUMISMATCH: Process 1, Nbr"
    assert mismatches(net, 2) == [
        f"{head} 10.0.0.1 on Ethernet0/1 has MTU 1500, ours is 1400: we do not take its descriptions"
    ]
    assert mismatches(net, 1) == [
        f"{head} 10.0.0.2 on Ethernet0/2 has MTU 1400, ours is 1500: it may not take our descriptions"
    ]


def test_an_end_that_ignores_mtus_says_nothing_about_them() -> None:
    net = OspfNet(2, [(1, 2)])
    enter(net, 2, "ip mtu 1400")
    for number in (1, 2):
        enter(net, number, "ip ospf mtu-ignore")
    net.run_for(10)
    assert states(net) == ["FULL", "FULL"]
    assert [*mismatches(net, 1), *mismatches(net, 2)] == []


def test_an_exchange_whose_leader_does_not_go_on_begins_again() -> None:
    """Router 1 stayed in EXCHANGE: its answer got lost, and router 2 did not ask again."""
    net = OspfNet(2, [(1, 2)])
    enter(net, 2, "ip ospf retransmit-interval 3600")
    net.cut = {(1, 2)}
    net.run_for(6)
    net.cut = set()
    net.loses = _is_answer
    net.run_for(3)
    net.loses = lambda _packet: False
    net.run_for(40)
    assert states(net) == ["EXCHANGE", "EXSTART"]
    net.run_for(30)
    assert any("from EXCHANGE to DOWN, Neighbor Down: Too many retransmissions" in line for line in net.routers[1].logs)
    assert states(net) == ["FULL", "FULL"]


def test_a_shorter_retransmit_interval_holds_for_what_was_sent_before() -> None:
    net = OspfNet(2, [(1, 2)])
    for number in (1, 2):
        enter(net, number, "ip ospf retransmit-interval 3600")
    net.loses = _is_further
    net.run_for(3)
    assert states(net) == ["EXCHANGE", "EXCHANGE"]
    for number in (1, 2):
        enter(net, number, "ip ospf retransmit-interval 2")
    net.loses = lambda _packet: False
    net.run_for(3)
    assert states(net) == ["FULL", "FULL"]


@pytest.mark.parametrize(("before", "after", "still"), [(40, 4, False), (4, 40, True)])
def test_another_dead_interval_holds_for_the_silence_that_has_begun(before: int, after: int, still: bool) -> None:
    net = OspfNet(2, [(1, 2)])
    for number in (1, 2):
        enter(net, number, f"ip ospf dead-interval {before}")
    net.run_for(10)
    net.cut = {(1, 2)}
    enter(net, 1, f"ip ospf dead-interval {after}")
    net.run_for(6)
    assert states(net)[0] == ("FULL" if still else "none")
