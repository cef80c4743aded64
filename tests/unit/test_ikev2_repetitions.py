"""Requests that come again: from the peer, from whoever recorded them, and from whoever only knows their numbers."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.repetition import MOST_REPETITIONS
from dmvpn.features.ike.session import Transmit
from dmvpn.features.ike.v2.channel import seal
from dmvpn.features.ike.v2.exchanges import Probe
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag
from dmvpn.features.ike.v2.packet import Header
from support.ike_net import Flight, IkeNet, Settings, Site

HUB, SPOKE, STRANGER = "192.0.2.2", "198.51.100.2", "203.0.113.66"


def up(settings: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    net = IkeNet()
    hub, spoke = net.site(HUB, settings), net.site(SPOKE, settings)
    spoke.connect(hub)
    net.run(1)
    return net, hub, spoke


def said(net: IkeNet, hub: Site, octets: bytes, source: str = STRANGER, port: int = 500) -> list[Transmit]:
    """What the hub sends because of a datagram from there."""
    local = next(iter(hub.sas)).path.local
    acts = hub.sas.handle(octets, DatagramPath(local, Endpoint(IPv4Address(source), port)), net.now)
    return [act for act in acts if isinstance(act, Transmit)]


def requests(net: IkeNet, kind: ExchangeType) -> list[Flight]:
    return [one for one in net.log if one.sender == SPOKE and one.octets[18] == kind and not one.octets[19] & 0x20]


@pytest.mark.conforms("ike:2.1-same")
def test_a_stranger_who_knows_the_numbers_of_the_last_request_is_not_answered_by_its_answer() -> None:
    """28 octets drew the whole answer to IKE_AUTH, as often as anybody liked: four times as many octets and more."""
    net, hub, _ = up()
    asked = requests(net, ExchangeType.IKE_AUTH)[-1].octets
    header = asked[:16] + bytes((0, *asked[17:24])) + (28).to_bytes(4, "big")
    others = (header, asked[:-1] + bytes((asked[-1] ^ 1,)), header[:18] + bytes((37,)) + header[19:])
    assert [said(net, hub, octets) for octets in others] == [[], [], []]
    assert [said(net, hub, octets, SPOKE) for octets in others] == [[], [], []]


@pytest.mark.conforms("ike:2.1-same", "ike:2.11-again")
def test_a_recorded_request_draws_few_answers_and_none_to_who_sends_it() -> None:
    net, hub, _ = up()
    asked = requests(net, ExchangeType.IKE_AUTH)[-1].octets
    sent = [act for _ in range(1000) for act in said(net, hub, asked)]
    assert len(sent) == MOST_REPETITIONS
    assert {act.path.remote.address for act in sent} == {IPv4Address(SPOKE)}
    assert sum(len(octets) for act in sent for octets in act.datagrams) < 1000 * len(asked) / 50
    net.run(31)
    assert len(said(net, hub, asked)) == 1


def test_of_a_request_in_fragments_only_the_first_one_is_answered_again() -> None:
    net, hub, _ = up(Settings(fragment=200))
    asked = [flight.octets for flight in requests(net, ExchangeType.IKE_AUTH)]
    assert len(asked) == 2
    assert [len(said(net, hub, octets)) for octets in asked] == [1, 0]
    forged = bytearray(asked[0])
    forged[-1] ^= 1
    assert said(net, hub, bytes(forged)) == []


def test_a_forged_first_fragment_beside_the_true_one_does_not_become_the_one_that_is_answered() -> None:
    net = IkeNet()
    settings = Settings(fragment=200)
    hub, spoke = net.site(HUB, settings), net.site(SPOKE, settings)
    held: list[Flight] = []

    def hold(flight: Flight) -> bool:
        is_second = flight.sender == SPOKE and flight.octets[18] == ExchangeType.IKE_AUTH and not held
        if is_second and int.from_bytes(flight.octets[32:34], "big") == 2:
            held.append(flight)
            return True
        return False

    net.drops = hold
    spoke.connect(hub)
    net.run(0.1)
    first = requests(net, ExchangeType.IKE_AUTH)[0].octets
    forged = first[:-1] + bytes((first[-1] ^ 1,))
    assert said(net, hub, forged) == []
    net.run(2)
    assert said(net, hub, forged) == []
    assert len(said(net, hub, first)) == 1


def test_a_peer_that_seals_its_request_again_is_answered_again() -> None:
    """No peer should (RFC 7296 §2.1), some do; it costs a stranger nothing that it does not have."""
    net, hub, spoke = up()
    (sa,) = spoke.sas
    spoke.take(spoke.sas.ask(Probe(sa), net.now))
    net.run(1)
    header = Header(
        spi_i=sa.spi_i,
        spi_r=sa.spi_r,
        exchange=ExchangeType.INFORMATIONAL,
        flags=Flag.INITIATOR,
        message_id=sa.outgoing.next_id - 1,
    )
    assert sa.channel is not None
    sealer = sa.channel.sealer
    (again,) = seal(header, (), sealer)
    assert again not in [flight.octets for flight in net.log]
    assert len(said(net, hub, again, SPOKE)) == 1
    assert said(net, hub, again[:-1] + bytes((again[-1] ^ 1,)), SPOKE) == []


def test_a_first_message_is_answered_again_only_so_often() -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    spoke.connect(hub)
    (begun,) = [flight for flight in net.log if flight.sender == SPOKE]
    path = DatagramPath(Endpoint(hub.address, 500), Endpoint(IPv4Address(STRANGER), 500))
    answers = [len(hub.sas.handle(begun.octets, path, 0.0)) for _ in range(100)]
    assert sum(answers) == 1 + MOST_REPETITIONS


def test_a_peer_whose_answers_are_lost_gets_through_within_its_own_repetitions() -> None:
    net, hub, spoke = up()
    (sa,) = spoke.sas
    lost = [0]

    def lose(flight: Flight) -> bool:
        is_answer = flight.sender == HUB and bool(flight.octets[19] & 0x20)
        lost[0] += is_answer
        return is_answer and lost[0] < 7

    net.drops = lose
    spoke.take(spoke.sas.ask(Probe(sa), net.now))
    net.run(40)
    assert lost[0] == 7
    assert spoke.troubles == []
    assert len(hub.sas) == len(spoke.sas) == 1
