"""Two routers' IKE machines back to back: coming up, staying up, going down, and what the others are told of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base import negotiation
from dmvpn.base.effects import MoveConnection, PollSas
from dmvpn.base.events import ConnectionHeard, Event, SasCounted, UnknownSpi
from dmvpn.base.protection import Encapsulation, IkePhase, IkeView, ProtectionPhase, SaCount
from dmvpn.features.ike.machine import IkeMachine
from support import ike_machines
from support.ike_machines import (
    GCM,
    HUB,
    ISAKMP,
    PSK,
    SPOKE,
    Changes,
    MachineFlight,
    MachineNet,
    Node,
    crosswise,
    is_beginning,
    pair,
    ready,
    up,
)
from support.texts import because

if TYPE_CHECKING:
    from dmvpn.base.notices import Notice

BOTH = pytest.mark.parametrize("text", [PSK, ISAKMP], ids=["IKEv2", "IKEv1"])


# -------------------------------------------------------------------------------------------------------- coming up


def test_what_is_wanted_comes_up_and_both_ends_are_told_of_it() -> None:
    _, hub, spoke = up()
    (made,) = spoke.heard(negotiation.SaNegotiated)
    assert made.eager
    assert not hub.heard(negotiation.SaNegotiated)[0].eager
    assert (str(made.sa.local), str(made.sa.remote)) == (SPOKE, HUB)
    assert made.view.local_selector == f"{SPOKE}/255.255.255.255/47/0"
    (connection,) = hub.connections.values()
    assert (str(connection.remote), connection.identity, connection.profile) == (SPOKE, SPOKE, "IPSEC")
    assert [change.phase for change in spoke.heard(negotiation.NegotiationChanged)] == [ProtectionPhase.IKE]
    assert [view.phase for view in spoke.machine.sas()] == [IkePhase.READY]


def test_two_of_ours_use_udp_port_4500_and_never_means_never() -> None:
    _, hub, spoke = up()
    assert [(p.sa.local_port, p.sa.remote_port) for p in spoke.pairs.values()] == [(4500, 4500)]
    _, hub, spoke = up(encapsulation=Encapsulation.NEVER)
    assert [(p.sa.local_port, p.sa.remote_port) for p in (*spoke.pairs.values(), *hub.pairs.values())] == [(0, 0)] * 2


def test_where_port_4500_is_blocked_it_comes_up_without_udp_within_seconds() -> None:
    net, hub, spoke = pair()
    net.drops = lambda flight: 4500 in (flight.datagram.source_port, flight.datagram.destination_port)
    spoke.want(hub)
    net.run(5)
    assert crosswise(hub, spoke)
    assert {(p.sa.local_port, p.sa.remote_port) for p in (*spoke.pairs.values(), *hub.pairs.values())} == {(0, 0)}


def test_where_only_the_answers_from_port_4500_are_lost_both_ends_go_without_udp() -> None:
    net, hub, spoke = pair()
    net.drops = lambda flight: flight.sender == hub.address and flight.datagram.source_port == 4500
    spoke.want(hub)
    net.run(5)
    assert crosswise(hub, spoke)
    (at_hub,), (at_spoke,) = hub.connections.values(), spoke.connections.values()
    assert at_hub.remote_port == at_spoke.remote_port == 0
    assert MoveConnection(at_hub.number, spoke.address, 0) in hub.said


@pytest.mark.parametrize("text", [PSK, ISAKMP])
def test_a_hub_that_answers_late_stays_at_port_4500_with_its_spoke(text: str) -> None:
    """Repetitions by port 500 moved it, and its ESP went without UDP from then on."""
    net, hub, spoke = pair(text)
    net.delays = lambda flight: (3.0 if flight.sender == hub.address else 0.01,)
    spoke.want(hub)
    net.run(60)
    assert crosswise(hub, spoke)
    assert {(p.sa.local_port, p.sa.remote_port) for p in (*spoke.pairs.values(), *hub.pairs.values())} == {(4500, 4500)}
    assert [said for said in hub.said if isinstance(said, MoveConnection)] == []


@pytest.mark.conforms("isakmp:5.1-again")
@pytest.mark.parametrize(("text", "reason"), [(PSK, "no answer to IKE_SA_INIT"), (ISAKMP, "no answer")])
def test_a_peer_that_cannot_be_reached_is_tried_again_and_again_with_its_reason_kept(text: str, reason: str) -> None:
    net, hub, spoke = pair(text)
    net.drops = lambda _: True
    spoke.want(hub)
    net.run(60)
    reasons = [str(change.reason.what) for change in spoke.heard(negotiation.NegotiationChanged) if change.reason]
    assert reason in reasons[0]
    net.drops = lambda _: False
    net.run(40)
    assert crosswise(hub, spoke)


@BOTH
def test_nobody_begins_where_the_peer_has_begun_and_there_are_sas(text: str) -> None:
    net, hub, spoke = up(text)
    before = len(net.log)
    hub.want(spoke)
    net.run(5)
    assert len(net.log) == before


def test_responder_only_never_begins() -> None:
    net, hub, _ = pair(responder_only=True)
    hub.want(SPOKE)
    net.run(5)
    assert not net.log
    (said,) = hub.heard(negotiation.NegotiationChanged)
    assert said.reason is not None
    assert "responder-only" in said.reason.what


# ------------------------------------------------------------------------------------------------------ going down


def test_what_is_let_go_is_deleted_at_both_ends() -> None:
    net, hub, spoke = up()
    spoke.want(hub, wanted=False)
    net.run(1)
    assert not spoke.pairs
    assert not hub.pairs
    assert not hub.connections
    assert not spoke.machine.sas()
    net.run(600)
    assert not hub.machine.sas()


def test_what_two_profiles_want_stays_until_both_let_go() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB), net.node(SPOKE)
    spoke.want(hub)
    spoke.want(hub)
    net.run(1)
    spoke.want("192.0.2.77", wanted=False)
    assert crosswise(hub, spoke)


def test_a_cleared_connection_comes_back_at_once_under_the_same_number() -> None:
    net, hub, spoke = up()
    (number,) = spoke.connections
    old = set(spoke.pairs)
    spoke.tell(negotiation.ConnectionUnwanted(number, "cleared"))
    assert not spoke.pairs
    net.run(2)
    assert crosswise(hub, spoke)
    assert set(spoke.connections) == {number}
    assert not old & set(spoke.pairs)


def test_sas_go_with_the_protection_of_their_tunnel() -> None:
    net, hub, spoke = up()
    hub.tell(negotiation.PoliciesChanged(()))
    net.run(1)
    assert not hub.pairs
    assert not spoke.pairs
    assert hub.logs[-1].startswith("%CRYPTO-6-ISAKMP_ON_OFF: ISAKMP is OFF")


# ----------------------------------------------------------------------------------------------------------- rekeys


def test_a_worn_pair_is_replaced_before_it_goes() -> None:
    net, hub, spoke = up()
    (old,) = spoke.pairs
    spoke.forget_what_was_said()
    hub_spi = next(iter(hub.pairs))
    hub.forget_what_was_said()
    hub.tell(negotiation.SaRenewalWanted(hub_spi))
    net.run(1)
    assert crosswise(hub, spoke)
    (made,) = hub.heard(negotiation.SaNegotiated)
    assert (made.eager, made.replaces) == (True, hub_spi)
    kinds = [type(said) for said in hub.said if isinstance(said, negotiation.SaNegotiated | negotiation.SaClosed)]
    assert kinds == [negotiation.SaNegotiated, negotiation.SaClosed]
    assert old in spoke.lingering
    net.run(10)
    assert not spoke.lingering
    assert not hub.lingering
    assert not hub.heard(negotiation.ConnectionChanged)


@pytest.mark.lengthy
def test_pairs_and_ike_sas_are_replaced_for_days_and_the_connection_stays() -> None:
    net, hub, spoke = up()
    (number,) = hub.connections
    hub.forget_what_was_said()
    net.run(3 * 86_400)
    assert crosswise(hub, spoke)
    assert len(hub.pairs) == 1
    assert not [c for c in hub.heard(negotiation.ConnectionChanged) if c.new is None or c.old is None]
    assert [view.connection.number for view in hub.machine.sas() if view.connection] == [number]
    assert len(hub.machine.sas()) == 1


# --------------------------------------------------------------------------------------------------------- restarts


def test_a_spoke_that_restarts_keeps_its_number_and_its_old_sas_go() -> None:
    net, hub, spoke = up()
    (number,) = hub.connections
    spoke = net.node(SPOKE, seed="second life")
    hub.forget_what_was_said()
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert [c for c in hub.heard(negotiation.ConnectionChanged) if c.new is None] == []
    assert {p.connection.number for p in hub.pairs.values()} == {number}


@pytest.mark.conforms("ike:1.5-said")
def test_a_hub_that_restarts_says_so_and_traffic_is_back_without_dpd() -> None:
    net, hub, spoke = up()
    net.run(60)
    stale = next(iter(spoke.pairs.values())).sa
    hub = net.node(HUB, seed="second life")
    hub.tell(UnknownSpi(hub.address, spoke.address, stale.local_port, stale.spi_out))
    net.run(0.5)
    fresh = {spi: p for spi, p in spoke.pairs.items() if spi != stale.spi_in}
    assert fresh
    assert {p.sa.spi_out for p in fresh.values()} == set(hub.pairs)
    net.run(100)
    assert crosswise(hub, spoke)


@pytest.mark.conforms("ike:1.5-heard", "ike:2.4-in-clear")
def test_a_forged_hint_costs_one_handshake_and_no_packet() -> None:
    net, hub, spoke = up()
    net.run(60)
    before = len(net.log)
    old = next(iter(spoke.pairs.values())).sa
    forger = Node(net, HUB, PSK, "forger")
    for _ in range(50):
        forger.tell(UnknownSpi(hub.address, spoke.address, old.local_port, old.spi_out))
        net.run(0.05)
    net.run(2)
    assert crosswise(hub, spoke)
    handshakes = [f for f in net.log[before:] if f.sender == spoke.address and f.datagram.payload[18:19] == b"\x22"]
    assert len(handshakes) == 1


def test_after_a_change_the_next_pair_is_made_as_the_configuration_says_now() -> None:
    """`crypto ipsec security-association lifetime ...`, then `clear crypto sa`: the old lifetime went on forever."""
    net, hub, spoke = up()
    for node in (hub, spoke):
        node.tell(negotiation.PoliciesChanged((replace(node.policy, kilobytes=2560),)))
    (old,) = (pair.sa for pair in spoke.pairs.values())
    spoke.tell(negotiation.SaRenewalWanted(old.spi_in))
    net.run(1)
    (fresh,) = (pair.sa for spi, pair in spoke.pairs.items() if spi != old.spi_in)
    (theirs,) = (pair.sa for pair in hub.pairs.values() if pair.sa.spi_in == fresh.spi_out)
    assert (old.hard_octets, fresh.hard_octets, theirs.hard_octets) == (4_608_000 << 10, 2560 << 10, 2560 << 10)


def test_a_hub_that_restarts_and_does_not_know_the_ike_sa_is_asked_for_a_new_one() -> None:
    """A probe of the spoke, or a rekey, meets a hub that answers INVALID_IKE_SPI in clear."""
    net, hub, spoke = up()
    net.run(60)
    hub = net.node(HUB, seed="second life")
    spoke.tell(negotiation.SaRenewalWanted(next(iter(spoke.pairs))))
    net.run(0.5)
    fresh = {pair.sa.spi_out for pair in spoke.pairs.values()} & set(hub.pairs)
    assert fresh
    net.run(60)
    assert crosswise(hub, spoke)


def test_nobody_is_told_that_an_sa_is_unknown_which_has_come_meanwhile() -> None:
    net, hub, spoke = up()
    before = len(net.log)
    hub.tell(UnknownSpi(hub.address, spoke.address, 4500, next(iter(hub.pairs))))
    net.run(5)
    assert len(net.log) == before


#: As on IOS: begin with peers that go on using SAs which nobody has any more.
RECOVERING = f"{PSK}crypto isakmp invalid-spi-recovery\n"


def deaf(flight: MachineFlight) -> bool:
    """strongSwan ignores what comes outside of an IKE SA: it is as if it had been lost."""
    return flight.datagram.payload[:16] == bytes(16)


def test_a_peer_that_does_not_heed_invalid_spi_is_begun_with() -> None:
    """A hub was killed and started again, and a spoke with strongSwan sealed for keys that nobody had for an hour."""
    net, hub, spoke = up()
    stale = next(iter(spoke.pairs.values())).sa
    net.drops = deaf
    hub = net.node(HUB, RECOVERING, seed="second life")
    for _ in range(20):
        hub.tell(UnknownSpi(hub.address, spoke.address, stale.local_port, stale.spi_out))
        net.run(0.2)
    assert {pair.sa.spi_out for pair in spoke.pairs.values()} & set(hub.pairs)
    net.run(60)
    assert crosswise(hub, spoke)


def test_a_peer_that_heeds_it_is_not_begun_with() -> None:
    net, hub, spoke = up()
    net.run(60)
    stale = next(iter(spoke.pairs.values())).sa
    hub = net.node(HUB, RECOVERING, seed="second life")
    for _ in range(20):
        hub.tell(UnknownSpi(hub.address, spoke.address, stale.local_port, stale.spi_out))
        net.run(0.2)
    assert crosswise(hub, spoke) or spoke.lingering
    assert not any(is_beginning(flight) for flight in net.log if flight.sender == hub.address)


def test_forged_esp_makes_us_begin_with_few_strangers_and_seldom() -> None:
    """Whoever forges senders could have this router knock at every door."""
    net = MachineNet()
    hub = net.node(HUB, RECOVERING)
    for _ in range(10):
        for number in range(2000):
            hub.tell(UnknownSpi(hub.address, IPv4Address(0x0B000000 + number), 0, 0x12345678))
        net.run(1)
    knocked = {flight.target for flight in net.log if is_beginning(flight)}
    assert 0 < len(knocked) <= 64
    assert all(isinstance(view, IkeView) for view in hub.machine.sas())
    net.run(300)
    assert hub.machine.sas() == ()


@pytest.mark.parametrize(
    ("text", "change", "local"),
    [(PSK, Changes(), HUB), (RECOVERING, Changes(responder_only=True), HUB), (RECOVERING, Changes(), "198.51.100.77")],
    ids=["not configured", "responder-only", "no tunnel there"],
)
def test_strangers_who_send_esp_are_not_begun_with(text: str, change: Changes, local: str) -> None:
    """Whoever answers is shown our AUTH, and with it may try keys offline."""
    net = MachineNet()
    hub = net.node(HUB, text, **change)
    for _ in range(20):
        hub.tell(UnknownSpi(IPv4Address(local), IPv4Address(SPOKE), 0, 0x12345678))
        net.run(0.5)
    assert not any(is_beginning(flight) for flight in net.log)


def test_a_hint_about_an_sa_that_is_not_ours_is_not_followed() -> None:
    net, hub, spoke = up()
    before = len(net.log)
    Node(net, HUB, PSK, "forger").tell(UnknownSpi(hub.address, spoke.address, 4500, 0x12345678))
    net.run(5)
    assert len(net.log) == before + 1


# ------------------------------------------------------------------------------------------------- both at once


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("skew", [0.0, 0.012, 0.025])
def test_two_that_begin_at_once_end_with_one_ike_sa_and_one_pair(seed: int, skew: float) -> None:
    net = MachineNet()
    one, two = net.node(HUB, seed=str(seed)), net.node(SPOKE, seed=str(seed))
    one.want(two)
    net.run(skew)
    two.want(one)
    net.run(0.5)
    assert crosswise(one, two)
    net.run(20)
    assert crosswise(one, two)
    assert len(one.pairs) == len(ready(one)) == len(ready(two)) == 1
    assert not [
        c
        for c in (*one.heard(negotiation.ConnectionChanged), *two.heard(negotiation.ConnectionChanged))
        if c.new is None
    ]


@BOTH
def test_whoever_wants_sas_when_the_peer_has_just_begun_leaves_them_to_the_peer(text: str) -> None:
    net = MachineNet()
    one, two, third = net.node(HUB, text), net.node(SPOKE, text), net.node("203.0.113.99", text)
    two.want(third)  # so it knows how long a round trip takes
    net.run(1)
    two.want(third, wanted=False)
    net.run(1)
    net.log.clear()
    one.want(two)
    net.run(0.015)
    two.want(one)
    net.run(60)
    assert crosswise(one, two)
    assert {flight.sender for flight in net.log if is_beginning(flight)} == {one.address}
    assert len(one.pairs) == len(two.pairs) == 1


def test_a_forged_beginning_holds_ours_back_once_for_a_round_trip_and_50_ms() -> None:
    """Anyone can write the address of a peer on IKE_SA_INIT: twenty of them each second here."""
    net = MachineNet()
    third = net.node("203.0.113.99")
    hub, spoke = net.node(HUB), net.node(SPOKE)
    third.want(hub)
    net.run(1)  # the hub was the responder, and does not know how long a round trip takes
    spoke.want(third)
    net.run(1)
    net.drops = lambda flight: True
    spoke.want(hub)
    beginning = next(flight for flight in net.log if is_beginning(flight) and flight.target == hub.address)
    wanted = net.now
    for number in range(100):
        octets = bytearray(beginning.datagram.payload)
        octets[:8] = (number + 1).to_bytes(8, "big")
        forged = replace(beginning, source=spoke.address, datagram=replace(beginning.datagram, payload=bytes(octets)))
        net.deliver(forged)
        if not number:
            hub.want(spoke)
        net.run(0.05)
    begun = [flight.at - net.delay for flight in net.log if is_beginning(flight) and flight.sender == hub.address]
    assert begun[0] == pytest.approx(wanted + 0.05)
    assert begun[1] < begun[0] + 3


@dataclass(frozen=True)
class DeleteOne(Event):
    """Delete one of two IKE SAs. initiated: the one that this router began."""

    initiated: bool


class Foreign(IkeMachine):
    """A router that knows nothing of our rule."""

    def dispatch(self, event: Event | Notice) -> None:
        if not isinstance(event, DeleteOne):
            super().dispatch(event)
            return
        doomed = [sa for sa in self.peers.table if sa.is_initiator == event.initiated]
        self.peers.close(doomed, because("as it likes"))


@pytest.mark.parametrize("initiated", [False, True])
def test_a_peer_that_deletes_the_other_one_of_two_is_right_too(
    monkeypatch: pytest.MonkeyPatch, initiated: bool
) -> None:
    """A foreign router knows nothing of our rule: nobody deletes the last one."""
    net = MachineNet()
    one = net.node(HUB)
    monkeypatch.setattr(ike_machines, "IkeMachine", Foreign)
    two = net.node(SPOKE)
    one.want(two)
    two.want(one)
    net.run(0.5)
    assert len(one.pairs) == len(ready(one)) == 2
    two.tell(DeleteOne(initiated))
    net.run(30)
    assert crosswise(one, two)
    assert len(one.pairs) == 1
    assert not [c for c in one.heard(negotiation.ConnectionChanged) if c.new is None]


# --------------------------------------------------------------------------------------------------------------- NAT


def test_spokes_behind_one_address_are_connections_of_their_own() -> None:
    net = MachineNet()
    hub = net.node(HUB)
    outside = IPv4Address("203.0.113.99")
    spokes = [net.node(f"192.168.1.{number}") for number in (10, 11)]
    for number, spoke in enumerate(spokes, 1):
        net.nats[spoke.address] = outside
        net.shift[spoke.address] = 1000 * number
        spoke.want(hub)
    net.run(2)
    connections = hub.connections
    assert [str(c.identity) for c in connections.values()] == ["192.168.1.10", "192.168.1.11"]
    assert {c.remote for c in connections.values()} == {outside}
    assert {c.remote_port for c in connections.values()} == {5500, 6500}
    assert all(c.behind_nat for c in connections.values())


@pytest.mark.parametrize("beginner", ["hub", "spoke"])
def test_in_tunnel_mode_the_address_that_a_nat_hides_stays_the_inner_one_over_rekeys(beginner: str) -> None:
    """The hub's ESP went to the outer address inside as well, where the spoke's own policy let nothing in."""
    net = MachineNet()
    seconds = {"hub": 86_400.0, "spoke": 86_400.0, beginner: 120.0}
    hub = net.node(HUB, transport=False, may_tunnel=True, seconds=seconds["hub"])
    spoke = net.node("192.168.1.10", transport=False, may_tunnel=True, seconds=seconds["spoke"])
    net.nats[spoke.address] = IPv4Address("203.0.113.9")
    spoke.want(hub)
    net.run(2).run(300)
    assert len(hub.heard(negotiation.SaNegotiated)) > 2
    for node, ours, theirs in ((hub, hub.address, spoke.address), (spoke, spoke.address, hub.address)):
        for negotiated in node.heard(negotiation.SaNegotiated):
            assert negotiated.sa.tunnel_mode
            assert (negotiated.sa.inner_local, negotiated.sa.inner_remote) == (ours, theirs)


@pytest.mark.conforms("ike:3948-keepalive")
def test_who_is_behind_a_nat_keeps_the_translation_alive_every_twenty_seconds() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB), net.node("192.168.1.10")
    net.nats[spoke.address] = IPv4Address("203.0.113.99")
    spoke.want(hub)
    net.run(1)
    before = len(net.log)
    net.run(100)
    alive = [flight for flight in net.log[before:] if flight.datagram.payload == b"\xff"]
    assert len(alive) == 5
    assert {flight.sender for flight in alive} == {spoke.address}


@pytest.mark.conforms("ike:2.23-follow")
def test_a_peer_whose_nat_changes_keeps_its_number_and_its_sas_move() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB), net.node("192.168.1.10")
    net.nats[spoke.address] = IPv4Address("203.0.113.99")
    spoke.want(hub)
    net.run(1)
    (number,) = hub.connections
    elsewhere = IPv4Address("203.0.113.77")
    net.nats[spoke.address], net.shift[spoke.address] = elsewhere, 2000
    hub.tell(ConnectionHeard(number, elsewhere, 6500))
    assert MoveConnection(number, elsewhere, 6500) in hub.said
    assert (hub.connections[number].remote, hub.connections[number].remote_port) == (elsewhere, 6500)
    spoke.tell(negotiation.SaRenewalWanted(next(iter(spoke.pairs))))
    net.run(1)
    assert crosswise(hub, spoke)


@pytest.mark.conforms("ike:2.23-stay")
def test_whoever_is_not_behind_a_nat_does_not_move_because_a_packet_says_so() -> None:
    _, hub, _ = up()
    (number,) = hub.connections
    hub.tell(ConnectionHeard(number, IPv4Address("192.0.2.66"), 4500))
    assert str(hub.connections[number].remote) == SPOKE


@pytest.mark.parametrize("late", [False, True])
def test_two_spokes_behind_different_nats_meet_when_each_is_told_the_other_ones_port(late: bool) -> None:
    """The hub knows both mapped ports; each NAT lets in only what comes from where somebody inside has sent to."""
    net = MachineNet()
    one, two = net.node("192.168.1.10"), net.node("192.168.2.10")
    outside = {one.address: IPv4Address("203.0.113.91"), two.address: IPv4Address("203.0.113.92")}
    net.nats, net.shift = outside, {one.address: 1000, two.address: 2000}
    opened: set[tuple[IPv4Address, IPv4Address]] = set()

    def filtered(flight: MachineFlight) -> bool:
        opened.add((flight.source, flight.target))
        return (flight.target, flight.source) not in opened

    net.drops = filtered
    for node, other, port in ((one, two, 6500), (two, one, 5500)):
        if late:
            node.want(str(outside[other.address]))
            net.run(0.2)
        node.tell(negotiation.NegotiationWanted("IPSEC", node.address, outside[other.address], True, port))
    net.run(3)
    assert crosswise(one, two), (one.logs, two.logs)
    assert {p.sa.remote_port for p in one.pairs.values()} == {6500}
    assert {p.sa.remote_port for p in two.pairs.values()} == {5500}


# -------------------------------------------------------------------------------------------------- dead peers, limits

DPD = PSK.replace(" keyring local RING", " keyring local RING\n dpd 10 2 periodic")


@pytest.mark.conforms("dpd:5.4-silence")
@BOTH
@pytest.mark.parametrize("lives", [True, False])
def test_a_peer_that_is_silent_is_asked_whether_it_lives_without_dead_peer_detection_too(
    text: str, lives: bool
) -> None:
    net, hub, _ = up(text)
    (number,) = hub.connections
    net.drops = lambda _: not lives
    hub.tell(negotiation.ConnectionSilent(number))
    net.run(200)
    assert list(hub.connections) == ([number] if lives else [])


@pytest.mark.conforms("dpd:5.4-silence")
@pytest.mark.parametrize("text", [DPD, f"{ISAKMP}crypto isakmp keepalive 10 2 periodic\n"], ids=["IKEv2", "IKEv1"])
def test_a_dead_peer_is_found_out_and_tried_again_until_it_lives(text: str) -> None:
    net, hub, spoke = up(text)
    net.drops = lambda _: True
    net.run(40)
    assert not spoke.pairs
    assert not hub.pairs
    net.drops = lambda _: False
    net.run(80)
    assert crosswise(hub, spoke)


@pytest.mark.conforms("ike:2.4-esp")
@pytest.mark.parametrize("carries", [True, False])
def test_who_answers_nothing_is_given_up_unless_its_packets_still_come(carries: bool) -> None:
    """The way to the hub is dead, and what the hub sends arrives: its pair goes on carrying it."""
    net, hub, spoke = up()
    (number,) = spoke.connections
    (spi,) = spoke.pairs
    net.drops = lambda flight: flight.sender == spoke.address
    spoke.tell(negotiation.ConnectionSilent(number))
    for count in range(1, 101):
        net.run(1)
        spoke.tell(SasCounted((SaCount(spi_in=spi, sent=count, received=count if carries else 1),)))
    assert PollSas() in spoke.said
    assert list(spoke.connections) == ([number] if carries else [])
    net.drops = lambda _: False
    net.run(20)
    if carries:
        assert list(spoke.connections) == [number]
        assert crosswise(hub, spoke)


def test_who_answers_nothing_for_minutes_is_given_up_whatever_it_sends() -> None:
    net, _, spoke = up()
    (number,) = spoke.connections
    (spi,) = spoke.pairs
    net.drops = lambda flight: flight.sender == spoke.address
    spoke.tell(negotiation.ConnectionSilent(number))
    for count in range(1, 321):
        net.run(1)
        spoke.tell(SasCounted((SaCount(spi_in=spi, sent=count, received=count),)))
    assert number not in spoke.connections


def test_extended_sequence_numbers_and_gcm_where_the_policy_says_so() -> None:
    _, hub, spoke = up(esn=True, transforms=(GCM,))
    assert all(p.sa.esn for p in (*hub.pairs.values(), *spoke.pairs.values()))
    net = MachineNet()
    hub, spoke = net.node(HUB), net.node(SPOKE, esn=True)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert not any(p.sa.esn for p in (*hub.pairs.values(), *spoke.pairs.values()))


def test_on_demand_only_a_peer_that_is_sent_to_and_silent_is_asked() -> None:
    net = MachineNet()
    hub, spoke = net.node(HUB, PSK), net.node(SPOKE, DPD.replace("periodic", "on-demand"))
    spoke.want(hub)
    net.run(1)
    (spi,) = spoke.pairs
    before = len(net.log)
    net.run(300)
    assert len(net.log) == before
    assert PollSas() in spoke.said
    spoke.tell(SasCounted((SaCount(spi_in=spi, sent=5, received=5),)))
    net.run(20)
    spoke.tell(SasCounted((SaCount(spi_in=spi, sent=9, received=6),)))
    assert len(net.log) == before
    net.run(11)
    spoke.tell(SasCounted((SaCount(spi_in=spi, sent=10, received=6),)))
    net.run(1)
    assert len(net.log) == before + 2
    assert crosswise(hub, spoke)


def test_where_nat_traversal_is_off_or_forced_both_ends_follow() -> None:
    _, hub, spoke = up(nat_traversal=False)
    assert {p.sa.remote_port for p in (*hub.pairs.values(), *spoke.pairs.values())} == {0}
    net = MachineNet()
    hub, spoke = net.node(HUB, encapsulation=Encapsulation.FORCE), net.node(SPOKE, encapsulation=Encapsulation.NEVER)
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert {p.sa.remote_port for p in (*hub.pairs.values(), *spoke.pairs.values())} == {4500}


def test_a_peer_that_was_responder_and_begins_again_replaces_what_it_had() -> None:
    """Its identity came as IDr the first time and comes as IDi now: it is the same peer."""
    net, hub, spoke = up()
    spoke.want(hub, wanted=False)
    net.run(1)
    hub.want(spoke)
    net.run(1)
    assert crosswise(hub, spoke)
    hub.want(spoke, wanted=True)
    spoke = net.node(SPOKE, seed="second life")
    spoke.want(hub)
    net.run(1)
    assert crosswise(hub, spoke)
    assert len(ready(hub)) == 1


def test_a_peer_with_two_uplinks_and_one_name_keeps_both() -> None:
    named = PSK.replace(" keyring local", " identity local fqdn spoke.example.net\n keyring local")
    net = MachineNet()
    hub = net.node(HUB)
    spoke = net.node(SPOKE, named)
    uplink = IPv4Address("203.0.113.20")
    second = replace(spoke.policy, local=uplink)
    net.nodes[uplink] = spoke
    spoke.tell(negotiation.PoliciesChanged((spoke.policy, second)))
    spoke.want(hub)
    net.run(1)
    spoke.tell(negotiation.NegotiationWanted("IPSEC", second.local, hub.address, True))
    net.run(1)
    assert crosswise(hub, spoke)
    assert len(hub.pairs) == len(hub.connections) == 2


@pytest.mark.parametrize("seed", range(6))
def test_of_two_that_were_begun_at_once_the_one_with_the_lowest_nonce_goes(seed: int) -> None:
    """Both ends agree about any rule; a router of another version must, too."""
    net = MachineNet()
    one, two = net.node(HUB, seed=str(seed)), net.node(SPOKE, seed=str(seed))
    one.want(two)
    two.want(one)
    net.run(1)
    begun = {sa.own_spi: sa.lowest_nonce for sa in one.machine.peers.table}
    assert len(begun) == 2
    net.run(20)
    (stays,) = one.machine.peers.table
    assert begun[stays.own_spi] == max(begun.values())


@pytest.mark.parametrize("seed", range(3))
def test_clear_crypto_sa_leaves_no_old_keys_of_a_second_ike_sa_that_was_begun_at_once(seed: int) -> None:
    """It replaced the newest pair alone; the one of the IKE SA that stayed kept the lifetime of before."""
    net = MachineNet()
    one, two = net.node(HUB, seed=str(seed)), net.node(SPOKE, seed=str(seed))
    one.want(two)
    two.want(one)
    net.run(1)
    old = list(one.pairs)
    assert len(old) == 2
    one.tell(negotiation.SaRenewalWanted(old[-1], of_all=True))
    net.run(30)
    assert crosswise(one, two)
    assert not set(old) & set(one.pairs)


def test_the_end_of_an_sa_whose_tunnel_is_gone_is_heard() -> None:
    """No tunnel has the address any more when the peer answers the DELETE; it was asked again and again."""
    net, hub, spoke = up()
    net.run(5)
    before = len(net.log)
    hub.tell(negotiation.PoliciesChanged(()))
    net.run(20)
    assert not hub.machine.sas()
    assert sum(flight.sender == hub.address for flight in net.log[before:]) == 1
    assert not spoke.pairs
