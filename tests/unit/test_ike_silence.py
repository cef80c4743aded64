"""A peer that packets go to and none comes from, in both versions of IKE: it is asked, seldom, by both ports of UDP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.effects import MoveConnection, PollSas
from dmvpn.base.events import ConnectionUnheard, SasCounted
from dmvpn.base.negotiation import SaRenewalWanted
from dmvpn.base.protection import Encapsulation, SaCount
from support.ike_machines import ISAKMP, PSK, MachineFlight, MachineNet, Node, crosswise

if TYPE_CHECKING:
    from collections.abc import Callable

HUB, SPOKE = "198.51.100.1", "203.0.113.10"
BOTH: Final = pytest.mark.parametrize("text", [ISAKMP, PSK], ids=["ikev1", "ikev2"])
NO_ESP: Final = "%CRYPTO-4-NO_ESP"


def up(text: str, encapsulation: Encapsulation = Encapsulation.AUTO) -> tuple[MachineNet, Node, Node, int]:
    """Return the net, hub and spoke with SAs, and the number of the spoke's connection."""
    net = MachineNet()
    hub, spoke = net.node(HUB, text, encapsulation=encapsulation), net.node(SPOKE, text, encapsulation=encapsulation)
    spoke.want(hub)
    net.run(2)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    (number,) = spoke.connections
    for node in (hub, spoke):
        node.forget_what_was_said()
    net.log.clear()
    return net, hub, spoke, number


def alarm(net: MachineNet, node: Node, number: int, *, received: int = 0) -> None:
    """Let the data plane report that nothing comes in, and count."""
    node.tell(ConnectionUnheard(number))
    assert PollSas() in node.said
    (spi,) = node.pairs
    node.tell(SasCounted((SaCount(spi_in=spi, sent=20, received=received),)))


def by(port: int) -> Callable[[MachineFlight], bool]:
    """Drop what goes by this UDP port."""
    return lambda flight: port in (flight.datagram.source_port, flight.datagram.destination_port)


def places(node: Node) -> list[int]:
    """Return the UDP ports that ESP of a router went over to."""
    return [said.remote_port for said in node.heard(MoveConnection)]


def warnings(node: Node) -> list[str]:
    return [line for line in node.logs if line.startswith(NO_ESP)]


@BOTH
def test_a_silent_peer_that_lives_costs_one_exchange_and_keeps_its_sas(text: str) -> None:
    net, hub, spoke, number = up(text)
    alarm(net, spoke, number, received=7)
    net.run(200)
    assert len(net.log) == 2
    assert not spoke.connections
    assert not hub.connections, "no connection has changed"
    assert crosswise(hub, spoke)
    assert not warnings(spoke)


@BOTH
def test_alarms_that_follow_each_other_fast_cost_an_exchange_in_half_a_minute(text: str) -> None:
    """A peer that sends a packet every eleven seconds ends a silence each time."""
    net, _, spoke, number = up(text)
    for _ in range(30):
        spoke.tell(ConnectionUnheard(number))
        net.run(11)
    assert len(net.log) <= 2 * (330 / 25)


@BOTH
def test_a_silent_peer_that_is_dead_is_given_up_without_any_line_and_tried_again(text: str) -> None:
    net, hub, spoke, number = up(text)
    net.drops = lambda _: True
    alarm(net, spoke, number)
    net.run(60)
    assert not spoke.pairs
    assert {flight.datagram.destination_port for flight in net.log} == {500, 4500}
    net.drops = lambda _: False
    net.run(80)
    assert crosswise(hub, spoke)


@BOTH
def test_where_port_4500_is_blocked_later_a_silent_connection_goes_over_to_port_500(text: str) -> None:
    net, hub, spoke, number = up(text)
    net.drops = by(4500)
    alarm(net, spoke, number)
    net.run(20)
    assert places(spoke) == places(hub) == [0]
    assert crosswise(hub, spoke)
    assert not warnings(spoke), "ESP by protocol 50 was not tried yet"
    net.run(200)
    assert crosswise(hub, spoke)


@BOTH
@pytest.mark.parametrize("sender", [HUB, SPOKE])
def test_where_port_4500_is_blocked_in_one_direction_the_one_that_asks_goes_over(text: str, sender: str) -> None:
    net, hub, spoke, number = up(text)
    net.drops = lambda flight: by(4500)(flight) and str(flight.sender) == sender
    alarm(net, spoke, number)
    net.run(20)
    assert places(spoke) == [0]
    assert set(spoke.pairs) == {pair.sa.spi_out for pair in hub.pairs.values()}


@BOTH
def test_a_connection_that_fell_back_to_port_500_uses_4500_again_where_500_is_blocked_later(text: str) -> None:
    """Its pair of SAs was made without UDP, and stays without; the next one is made with it."""
    net = MachineNet(drops=by(4500))
    hub, spoke = net.node(HUB, text), net.node(SPOKE, text)
    spoke.want(hub)
    net.run(10)
    (number,) = spoke.connections
    (spi,) = spoke.pairs
    assert spoke.pairs[spi].sa.remote_port == 0
    net.drops = by(500)
    alarm(net, spoke, number)
    net.run(20)
    assert [node.machine.sas()[0].remote_port for node in (hub, spoke)] == [4500, 4500]
    assert crosswise(hub, spoke)
    spoke.tell(SaRenewalWanted(spi))
    net.run(5)
    assert [pair.sa.remote_port for pair in spoke.pairs.values()] == [4500]


@BOTH
def test_without_udp_by_choice_only_the_port_of_the_connection_is_tried(text: str) -> None:
    net, _, spoke, number = up(text, Encapsulation.NEVER)
    net.drops = lambda _: True
    alarm(net, spoke, number)
    net.run(10)
    assert {flight.datagram.destination_port for flight in net.log} == {500}


@BOTH
def test_behind_nat_only_port_4500_is_tried(text: str) -> None:
    net, _, spoke, number = up(text, Encapsulation.FORCE)
    net.drops = lambda _: True
    alarm(net, spoke, number)
    net.run(10)
    assert {flight.datagram.destination_port for flight in net.log} == {4500}


@BOTH
@pytest.mark.parametrize(
    ("way", "what"), [(Encapsulation.NEVER, "IP protocol 50"), (Encapsulation.AUTO, "UDP port 4500")]
)
def test_a_peer_that_answers_and_never_sent_esp_is_named_in_the_log_once(
    text: str, way: Encapsulation, what: str
) -> None:
    net, _, spoke, number = up(text, way)
    for _ in range(3):
        alarm(net, spoke, number)
        net.run(60)
    (line,) = warnings(spoke)
    assert HUB in line
    assert what in line


@BOTH
def test_a_peer_whose_esp_came_once_is_not_named_when_it_sends_nothing_after_a_rekey(text: str) -> None:
    """It is a host that sends its logs: what goes in one direction is no failure."""
    net, _, spoke, number = up(text)
    alarm(net, spoke, number, received=1)
    net.run(60)
    alarm(net, spoke, number, received=0)  # another pair, on which nothing has come
    net.run(60)
    assert not warnings(spoke)
