"""Several spokes that prove one identity, in both versions: who stays when one of them begins, and who goes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Final

import pytest

from dmvpn.base.effects import MoveConnection, PollSas
from dmvpn.base.events import ConnectionHeard, ConnectionUnheard, SasCounted
from dmvpn.base.negotiation import ConnectionChanged, ConnectionSilent, SaNegotiated, SaRenewalWanted
from dmvpn.base.protection import Encapsulation, SaCount
from dmvpn.features.ike import connections
from dmvpn.features.ike.v1 import main_mode
from dmvpn.features.ike.v1.numbers import Vendor
from support.ike_machines import ISAKMP, PSK, MachineFlight, MachineNet, Node, crosswise

if TYPE_CHECKING:
    from collections.abc import Callable

HUB, OUTSIDE = "198.51.100.1", IPv4Address("203.0.113.99")
IKEV2 = f"{PSK} identity local fqdn alike.example\n lifetime 3600\n"
IKEV1 = f"""{ISAKMP}
crypto keyring ALL
 pre-shared-key address 0.0.0.0 0.0.0.0 key secret
crypto isakmp profile ALIKE
 keyring ALL
 self-identity fqdn alike.example
 match identity host alike.example
 match identity address 198.51.100.1 255.255.255.255
"""
#: Pairs outlive IKE SAs.
LONG = 86_400.0
VERSIONS = pytest.mark.parametrize("is_v1", [False, True], ids=["IKEv2", "IKEv1"])


@dataclass(slots=True)
class Cloud:
    """A hub, and spokes behind one NAT that adds to their ports 5000, 10000 ..."""

    net: MachineNet
    hub: Node
    spokes: list[Node]
    is_v1: bool

    def spoke(self, number: int, seed: str = "") -> Node:
        """Return a spoke that has (re)started, and has what it wants."""
        profile = "ALIKE" if self.is_v1 else ""
        text = IKEV1 if self.is_v1 else IKEV2
        node = self.net.node(f"192.168.1.{number}", text, seed, isakmp_profile=profile, seconds=LONG)
        self.net.nats[node.address] = OUTSIDE
        self.net.shift.setdefault(node.address, 5000 * number)
        node.want(self.hub)
        return node

    def restart(self, number: int, port: int | None = None) -> Node:
        """Restart a spoke. port: that the NAT shows for 4500 from now on."""
        address = self.spokes[number - 1].address
        del self.net.nodes[address]
        if port is not None:
            self.net.shift[address] = port - 4500
        self.spokes[number - 1] = self.spoke(number, "second life")
        return self.spokes[number - 1]

    def ports(self) -> list[int]:
        """Return where the hub has connections, in their order."""
        return [connection.remote_port for connection in self.hub.connections.values()]

    def is_up(self, number: int) -> bool:
        """Have the hub and a spoke pairs in common?"""
        theirs = {pair.sa.spi_out for pair in self.spokes[number - 1].pairs.values()}
        return bool(theirs & set(self.hub.pairs))


def cloud(count: int, *, is_v1: bool) -> Cloud:
    net = MachineNet()
    made = Cloud(net, net.node(HUB, IKEV1 if is_v1 else IKEV2, seconds=LONG), [], is_v1)
    for number in range(1, count + 1):
        made.spokes.append(made.spoke(number))
        net.run(2)
    return made


def numbers_of(sas: Cloud) -> list[int]:
    return sorted(sas.hub.connections)


@pytest.mark.conforms("nat:6-identity")
@VERSIONS
def test_spokes_of_one_identity_behind_one_nat_are_connections_of_their_own(is_v1: bool) -> None:
    """The hub kept one of six, and all six believed that they were up."""
    six = cloud(6, is_v1=is_v1)
    assert six.ports() == [4500 + 5000 * number for number in range(1, 7)]
    assert len({connection.identity for connection in six.hub.connections.values()}) == 1
    assert all(six.is_up(number) for number in range(1, 7))
    before = len(six.hub.heard(ConnectionChanged))
    for _ in range(3):
        for spoke in six.spokes:
            spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
        six.net.run(3600)
    assert all(six.is_up(number) for number in range(1, 7))
    assert not [c for c in six.hub.heard(ConnectionChanged)[before:] if c.new is None or c.old is None]


@VERSIONS
def test_a_spoke_that_restarts_at_its_port_keeps_its_number_and_its_old_sas_go_at_once(is_v1: bool) -> None:
    three = cloud(3, is_v1=is_v1)
    numbers = numbers_of(three)
    three.restart(2)
    three.net.run(0.5)
    assert len(three.hub.pairs) == 3
    three.net.run(30)
    assert numbers_of(three) == numbers
    assert all(three.is_up(number) for number in (1, 2, 3))


@pytest.mark.conforms("ike:2.4-initial-contact", "doi:4.6.3.3-forget")
@VERSIONS
def test_a_spoke_that_restarts_at_another_port_has_its_old_sas_ended_in_seconds_and_the_rest_stay(is_v1: bool) -> None:
    three = cloud(3, is_v1=is_v1)
    first, second, third = numbers_of(three)
    three.restart(2, port=40_000)
    three.net.run(1)
    assert three.ports() == [9500, 14_500, 19_500, 40_000]
    three.net.run(6)
    assert three.ports() == [9500, 19_500, 40_000]
    assert numbers_of(three)[:2] == [first, third]
    assert second not in three.hub.connections
    assert all(three.is_up(number) for number in (1, 2, 3))


@VERSIONS
def test_a_spoke_that_restarts_at_another_address_has_its_old_sas_ended_in_seconds(is_v1: bool) -> None:
    """Its provider gives it another address. A spoke elsewhere with its identity used to lose its SAs at once."""
    two = cloud(2, is_v1=is_v1)
    del two.net.nodes[two.spokes[1].address]
    two.spokes[1] = two.spoke(2, "second life")
    two.net.nats[two.spokes[1].address] = IPv4Address("203.0.113.7")
    two.net.run(1)
    assert len(two.hub.pairs) == 3
    two.net.run(6)
    assert [str(connection.remote) for connection in two.hub.connections.values()] == [str(OUTSIDE), "203.0.113.7"]
    assert two.is_up(1)
    assert two.is_up(2)


@VERSIONS
def test_a_silent_spoke_whose_packets_still_come_is_not_given_up(is_v1: bool) -> None:
    """Only ESP of the first spoke arrives while the second one says that it is alone."""
    two = cloud(2, is_v1=is_v1)
    first = two.spokes[0]
    (theirs,) = (spi for spi, pair in two.hub.pairs.items() if pair.sa.remote_port == 9500)
    two.net.drops = lambda flight: flight.sender == first.address
    two.restart(2, port=40_000)
    received = 100
    for _ in range(20):
        two.hub.forget_what_was_said()
        two.net.run(0.5)
        received += 5
        if two.hub.heard(PollSas):
            two.hub.tell(SasCounted((SaCount(spi_in=theirs, sent=5, received=received),)))
    assert theirs in two.hub.pairs


def test_a_peer_that_does_not_know_r_u_there_is_asked_by_quick_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    without = tuple(vendor for vendor in main_mode.ABILITIES if vendor.data != Vendor.DPD.value)
    monkeypatch.setattr(main_mode, "ABILITIES", without)
    three = cloud(3, is_v1=True)
    three.net.run(20)
    before = len(three.hub.heard(SaNegotiated))
    three.restart(2, port=40_000)
    three.net.run(1)
    replaced = [made.sa.remote_port for made in three.hub.heard(SaNegotiated)[before:] if made.replaces]
    assert replaced == [9500, 19_500]
    three.net.run(6)
    assert three.ports() == [9500, 19_500, 40_000]
    assert all(three.is_up(number) for number in (1, 2, 3))


@VERSIONS
def test_a_nat_that_gives_each_spoke_the_port_of_another_one_confuses_no_numbers(is_v1: bool) -> None:
    three = cloud(3, is_v1=is_v1)
    numbers = numbers_of(three)
    ports = [14_500, 19_500, 9500]
    for spoke, port in zip(three.spokes, ports, strict=True):
        three.net.shift[spoke.address] = port - 4500
    for number, port in zip(numbers, ports, strict=True):
        three.hub.tell(ConnectionHeard(number, OUTSIDE, port))
    assert numbers_of(three) == numbers
    assert [three.hub.connections[number].remote_port for number in numbers] == ports
    three.net.run(30)
    for spoke in three.spokes:
        spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
    three.net.run(30)
    assert numbers_of(three) == numbers
    assert all(three.is_up(number) for number in (1, 2, 3))
    three.restart(1)
    three.net.run(30)
    assert numbers_of(three) == numbers
    assert all(three.is_up(number) for number in (1, 2, 3))


@VERSIONS
def test_a_spoke_that_moves_and_then_replaces_its_ike_sa_loses_nothing(is_v1: bool) -> None:
    """Its NAT restarts, and the first that comes from the new port is a rekey, and ESP only later."""
    two = cloud(2, is_v1=is_v1)
    (first, _), spoke = numbers_of(two), two.spokes[0]
    two.net.run(2800)
    two.net.shift[spoke.address] = 35_500
    for _ in range(80):
        two.net.run(10)
        assert two.is_up(1)
        assert two.is_up(2)
        for number in {pair.connection.number for pair in two.hub.pairs.values()} - {numbers_of(two)[-1]}:
            two.hub.tell(ConnectionHeard(number, OUTSIDE, 40_000))
    assert sorted(two.ports()) == [14_500, 40_000]
    assert first in two.hub.connections
    assert (len(two.hub.machine.sas()), len(two.hub.pairs)) == (2, 2)


def test_a_main_mode_from_the_port_of_another_spoke_takes_nothing_of_it() -> None:
    """The NAT had restarted, and a spoke adopted the pair of the spoke whose port it had by then: that one was down."""
    three = cloud(3, is_v1=True)
    numbers = numbers_of(three)
    three.net.run(100)
    ports = [14_500, 19_500, 9500]
    for spoke, port in zip(three.spokes, ports, strict=True):
        three.net.shift[spoke.address] = port - 4500
    asker = three.spokes[0]
    for sa in asker.machine.peers.table:
        sa.rekey_at = three.net.now  # before it sends any ESP from its new port
    for _ in range(30):
        asker.tell(ConnectionSilent(next(iter(asker.connections))))
        three.net.run(1)
        for number, port in zip(numbers, ports, strict=True):
            three.hub.tell(ConnectionHeard(number, OUTSIDE, port))
    assert [three.hub.connections[number].remote_port for number in numbers] == ports
    held = [(view.connection.number, view.remote_port) for view in three.hub.machine.sas() if view.connection]
    assert sorted(held) == list(zip(numbers, ports, strict=True))
    assert all(three.is_up(number) for number in (1, 2, 3))


@VERSIONS
def test_one_identity_has_only_so_many_connections_behind_one_address(
    is_v1: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows a wildcard key could have the hub keep any number of them."""
    monkeypatch.setattr(connections, "LARGEST_NUMBER_ALIKE", 3)
    five = cloud(5, is_v1=is_v1)
    five.net.run(60)
    assert five.ports() == [9500, 14_500, 19_500]
    assert any("peers behind its address have its identity already" in line for line in five.hub.logs)


@VERSIONS
def test_whoever_knows_the_wildcard_key_ends_no_sas_elsewhere(is_v1: bool) -> None:
    three = cloud(3, is_v1=is_v1)
    pairs = set(three.hub.pairs)
    text = IKEV1 if is_v1 else IKEV2
    attacker = three.net.node("192.0.2.66", text, isakmp_profile="ALIKE" if is_v1 else "")
    attacker.want(three.hub)
    three.net.run(60)
    assert pairs < set(three.hub.pairs)


# A peer that packets go to and none comes from, in both versions of IKE: it is asked, seldom, by both ports of UDP.

SPOKE = "203.0.113.10"
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
