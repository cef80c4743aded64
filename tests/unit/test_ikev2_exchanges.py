"""Two routers that speak IKE: what comes up, what does not and why, and what survives loss, rekeys and restarts."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from random import Random
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.negotiation import ConnectionSilent, ConnectionUnwanted, NegotiationChanged, NegotiationWanted
from dmvpn.base.protection import ProtectionPhase
from dmvpn.features.ike.chain import TrafficSelector
from dmvpn.features.ike.numbers import Group
from dmvpn.features.ike.session import ChildMade, Established, Replaced, Transmit
from dmvpn.features.ike.v2 import events
from dmvpn.features.ike.v2.exchanges import RekeyChild, RekeyIke
from dmvpn.features.ike.v2.negotiation import settle
from dmvpn.features.ike.v2.numbers import ExchangeType
from dmvpn.features.ike.v2.packet import InitiatorSelectors
from dmvpn.features.ike.v2.sa import IkeSa, SaState
from support.ike_machines import MachineNet, Node, crosswise
from support.ike_net import CBC, DELAY, ESP, ESP_CBC, GCM, Flight, IkeNet, Settings, Site, matched
from support.texts import because
from support.work import alive, uncollected

if TYPE_CHECKING:
    from dmvpn.features.ike.peer_settings import ChildTerms
    from dmvpn.features.ike.v2.negotiation import ChosenOffer, Contributions, Settlement
    from dmvpn.features.ike.v2.packet import Chain

HUB, SPOKE = "192.0.2.2", "198.51.100.2"


def pair(
    hub: Settings | None = None, spoke: Settings | None = None, net: IkeNet | None = None
) -> tuple[IkeNet, Site, Site]:
    net = net or IkeNet()
    return net, net.site(HUB, hub), net.site(SPOKE, spoke)


def up(hub: Settings | None = None, spoke: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    net, one, two = pair(hub, spoke)
    two.connect(one)
    net.run(1)
    assert matched(one, two), (one.troubles, two.troubles)
    return net, one, two


# -------------------------------------------------------------------------------------------------------- coming up


@pytest.mark.conforms("ike:1.2-exchanges")
def test_two_exchanges_make_an_ike_sa_and_a_child_sa() -> None:
    net, hub, spoke = up()
    assert net.sent(spoke) == ["IKE_SA_INIT request", "IKE_AUTH request"]
    assert net.sent(hub) == ["IKE_SA_INIT response", "IKE_AUTH response"]
    (child,) = spoke.children
    assert (child.transport, child.udp, str(child.local[0]), str(child.remote[0])) == (
        True,
        False,
        f"{SPOKE}/47",
        f"{HUB}/47",
    )
    assert hub.troubles == spoke.troubles == []


@pytest.mark.parametrize("suite", [CBC, GCM])
@pytest.mark.parametrize("esp", [ESP, ESP_CBC])
@pytest.mark.conforms("ike:5282-gcm")
def test_every_kind_of_cipher(suite: object, esp: object) -> None:
    _, hub, spoke = up(Settings(suites=(CBC, GCM), esp=(ESP, ESP_CBC)), Settings(suites=(suite,), esp=(esp,)))  # type: ignore[arg-type]
    assert [sa.suite for sa in spoke.sas] == [suite]
    assert spoke.children[0].suite == esp
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:2.7-one")
def test_the_responders_order_of_preference_decides() -> None:
    _, _, spoke = up(Settings(suites=(GCM, CBC), esp=(ESP_CBC, ESP)), Settings(suites=(CBC, GCM), esp=(ESP, ESP_CBC)))
    assert spoke.children[0].suite == ESP_CBC


@pytest.mark.conforms("ike:1.2-group")
def test_another_group_costs_one_more_round_trip() -> None:
    net, _, spoke = up(Settings(suites=(GCM,)), Settings(suites=(CBC, GCM)))
    assert net.sent(spoke)[:3] == ["IKE_SA_INIT request", "IKE_SA_INIT request", "IKE_AUTH request"]


@pytest.mark.conforms("ike:2.6-cookie")
def test_under_load_a_stranger_needs_a_cookie() -> None:
    net, hub, spoke = up(Settings(cookies_from=0))
    assert net.sent(spoke).count("IKE_SA_INIT request") == 2
    assert len(hub.happened(Established)) == 1


@pytest.mark.conforms("ike:7383-fragments")
def test_large_messages_go_in_fragments() -> None:
    net, _, _ = up(Settings(fragment=200), Settings(fragment=200))
    assert max(len(flight.octets) for flight in net.log if flight.octets[18] != ExchangeType.IKE_SA_INIT) <= 200
    assert len([flight for flight in net.log if flight.octets[18] == ExchangeType.IKE_AUTH]) == 4


@pytest.mark.parametrize("lost", range(8))
@pytest.mark.conforms("ike:2.1-repeats")
def test_whatever_single_datagram_is_lost_it_comes_up(lost: int) -> None:
    net, hub, spoke = pair()
    net.drops = lambda flight: flight.order == lost + 1
    spoke.connect(hub)
    net.run(5)
    assert matched(hub, spoke)
    assert len(hub.sas) == len(spoke.sas) == 1


@pytest.mark.conforms("ike:2.1-once", "ike:2.2-identifiers")
def test_datagrams_that_come_twice_do_nothing_twice() -> None:
    net, hub, spoke = pair()
    net.doubles = True
    spoke.connect(hub)
    net.run(10)
    assert matched(hub, spoke)
    assert len(hub.happened(ChildMade)) == len(spoke.happened(ChildMade)) == 1
    assert len(hub.sas) == 1


@pytest.mark.conforms("ike:2.1-ends")
def test_nobody_there_is_found_out_in_half_a_minute() -> None:
    net = IkeNet()
    spoke = net.site(SPOKE)
    spoke.connect(HUB)
    net.run(40)
    assert len(spoke.sas) == 0
    assert spoke.troubles == [f"no answer to IKE_SA_INIT, sent 7 times to {HUB}:500"]
    assert len(spoke.happened(Transmit)) == 7


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("hub", "spoke", "told"),
    [
        (Settings(secret=b"one"), Settings(secret=b"two"), "pre-shared key: 198.51.100.2 has another one"),
        (Settings(accepts=lambda _: False), Settings(), "no profile matches 198.51.100.2"),
        (Settings(suites=(GCM,)), Settings(suites=(CBC,)), "encryption: ours AES_GCM_16_256; the peer's AES_CBC_256"),
        (Settings(esp=(ESP,)), Settings(esp=(ESP_CBC,)), "encryption: ours AES_GCM_16_256; the peer's AES_CBC_256"),
        (Settings(), Settings(transport=False), "mode: ours transport; the peer's tunnel"),
    ],
)
def test_a_refusal_names_the_mismatch_on_our_side(hub: Settings, spoke: Settings, told: str) -> None:
    net, one, two = pair(hub, spoke)
    two.connect(one)
    net.run(5)
    assert not one.children
    assert any(told in line for line in one.troubles), one.troubles
    assert two.troubles


@pytest.mark.conforms("ike:2.21.2-silent")
def test_the_network_does_not_learn_why_a_peer_was_refused() -> None:
    net, hub, spoke = pair(Settings(secret=b"one"), Settings(secret=b"two"))
    sa = spoke.connect(hub)
    net.run(5)
    assert sa.state is SaState.DEAD
    assert spoke.troubles == [
        "the peer refuses us: authentication failed (pre-shared key, identity or certificate); see its log"
    ]
    assert len(hub.sas) == 0


def test_a_responder_that_cannot_prove_itself_gets_no_child_sa() -> None:
    net, hub, spoke = pair(Settings(), Settings(their_secret=b"another"))
    spoke.connect(hub)
    net.run(40)
    assert not spoke.children
    assert not hub.children
    assert any("has another one" in line for line in spoke.troubles)


@pytest.mark.conforms("ike:1.2-child-fails")
def test_peers_without_a_common_child_sa_are_peers_all_the_same() -> None:
    net, hub, spoke = pair(Settings(esp=(ESP,)), Settings(esp=(ESP_CBC,)))
    spoke.connect(hub)
    net.run(5)
    assert [sa.state for sa in spoke.sas] == [SaState.ESTABLISHED]
    assert any("accepts none of our transforms" in line for line in spoke.troubles)


# -------------------------------------------------------------------------------------------------------- NAT


@pytest.mark.conforms("ike:2.23-detect", "ike:2.23.1-transport")
def test_behind_a_nat_both_sides_go_to_port_4500_and_the_hub_protects_the_outer_address() -> None:
    net, hub, spoke = pair()
    net.nats[spoke.address] = spoke.address.__class__("203.0.113.9")
    spoke.connect(hub)
    net.run(1)
    (child,) = hub.children
    assert child.udp
    assert str(child.remote[0]) == "203.0.113.9/47"
    assert [sa.path.remote.port for sa in hub.sas] == [5500]
    assert [sa.nat.remote for sa in hub.sas] == [True]
    assert [sa.nat.local for sa in spoke.sas] == [True]


@pytest.mark.conforms("ike:2.23.1-transport")
def test_a_responder_may_answer_with_the_addresses_that_it_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    """strongSwan does so in transport mode (RFC 7296 §2.23.1): the outside address of whoever is behind a NAT."""

    def as_seen(sa: IkeSa, request: Chain, terms: ChildTerms, choice: ChosenOffer, given: Contributions) -> Settlement:
        settled = settle(sa, request, terms, choice, given)
        seen = TrafficSelector.host(sa.path.remote.address, 47)
        return replace(settled, back=(InitiatorSelectors((seen,)), settled.back[1]))

    monkeypatch.setattr(events, "settle", as_seen)
    net, hub, spoke = pair()
    net.nats[spoke.address] = spoke.address.__class__("203.0.113.9")
    spoke.connect(hub)
    net.run(1)
    assert matched(hub, spoke), spoke.troubles
    assert [str(selector) for selector in spoke.children[0].local] == [f"{SPOKE}/47"], "packets leave with our address"


@pytest.mark.conforms("ike:2.9-wider")
def test_no_other_address_is_taken_from_a_responder_without_a_nat(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(sa: IkeSa, request: Chain, terms: ChildTerms, choice: ChosenOffer, given: Contributions) -> Settlement:
        settled = settle(sa, request, terms, choice, given)
        other = TrafficSelector.host(IPv4Address("203.0.113.9"), 47)
        return replace(settled, back=(InitiatorSelectors((other,)), settled.back[1]))

    monkeypatch.setattr(events, "settle", greedy)
    net, hub, spoke = pair()
    spoke.connect(hub)
    net.run(1)
    assert not spoke.children
    assert any("traffic selectors" in line for line in spoke.troubles)


@pytest.mark.conforms("ike:2.23-follow")
def test_a_nat_that_forgets_its_mapping_is_followed() -> None:
    net, hub, spoke = pair(spoke=Settings(dpd=10))
    net.nats[spoke.address] = spoke.address.__class__("203.0.113.9")
    spoke.connect(hub)
    net.run(5)
    net.shift = 2000
    net.run(10)
    assert [sa.path.remote.port for sa in hub.sas] == [6500]


def test_port_4500_can_be_forced() -> None:
    _, hub, spoke = up(spoke=Settings(force_udp=True))
    assert hub.children[0].udp
    assert spoke.children[0].udp


# -------------------------------------------------------------------------------------------------------- rekeys


@pytest.mark.parametrize("pfs", [(), (Group.CURVE25519,), (Group.ECP_256, Group.CURVE25519)])
@pytest.mark.conforms("ike:1.3.3-rekey", "ike:2.8-before")
def test_a_child_sa_is_replaced_before_its_time_is_over_and_there_is_always_one(pfs: tuple[int, ...]) -> None:
    settings = Settings(child_seconds=100, pfs=pfs)
    net, hub, spoke = up(settings, settings)
    for _ in range(1000):
        net.run(1)
        assert hub.children
        assert spoke.children
    assert matched(hub, spoke)
    assert len(spoke.children) == 1
    assert 9 <= len(spoke.happened(ChildMade)) <= 16
    assert hub.troubles == spoke.troubles == []


def test_the_new_child_sa_may_have_another_group_than_the_initiators_first() -> None:
    net, hub, spoke = up(Settings(pfs=(Group.ECP_384,)), Settings(pfs=(Group.ECP_256, Group.ECP_384), child_seconds=50))
    net.run(60)
    assert len(spoke.happened(ChildMade)) == 2
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:2.8.1-child")
def test_both_ends_may_rekey_a_child_sa_at_the_same_moment() -> None:
    for seed in range(6):
        net, hub, spoke = pair(net=IkeNet(seed=seed))
        spoke.connect(hub)
        net.run(1)
        for site in (hub, spoke):
            (sa,) = site.sas
            (child,) = sa.children
            sa.children.begin_rekey(child.spi_in)
            site.take(sa.begin(RekeyChild(sa, child), net.now))
        net.run(10)
        assert matched(hub, spoke)
        assert len(hub.children) == 1, seed


@pytest.mark.conforms("ike:1.3.2-children", "ike:2.18-rekeyed")
def test_the_ike_sa_is_replaced_and_its_children_go_with_it() -> None:
    net, hub, spoke = up(Settings(), Settings(lifetime=1000))
    before = spoke.children
    net.run(5000)
    assert matched(hub, spoke)
    assert len(hub.sas) == len(spoke.sas) == 1
    assert 4 <= len(spoke.happened(Replaced)) <= 7
    assert [child.spi_in for child in spoke.children] == [child.spi_in for child in before] or len(before) == 1


@pytest.mark.conforms("ike:2.8.1-ike")
def test_both_ends_may_rekey_the_ike_sa_at_the_same_moment() -> None:
    for seed in range(6):
        net, hub, spoke = pair(net=IkeNet(seed=seed))
        spoke.connect(hub)
        net.run(1)
        for site in (hub, spoke):
            (sa,) = site.sas
            site.take(sa.begin(RekeyIke(sa), net.now))
        net.run(40)
        assert len(hub.sas) == len(spoke.sas) == 1, seed
        assert matched(hub, spoke)
        assert next(iter(hub.sas)).spis == next(iter(spoke.sas)).spis


@pytest.mark.lengthy
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.conforms("ike:2.8.2-lost")
def test_whatever_is_lost_during_rekeys_one_pair_is_left_at_both_ends(seed: int) -> None:
    chance = Random(seed)
    settings = Settings(child_seconds=chance.choice([30, 60]), lifetime=chance.choice([120, 300]), dpd=10)
    net, hub, spoke = pair(settings, settings, IkeNet(seed=seed))
    loss = chance.choice([0.1, 0.2, 0.3])
    net.drops = lambda _: chance.random() < loss
    for turn in range(24):
        if turn == 20:
            net.drops = lambda _: False
        if not spoke.children:  # what a router does whose peer did not answer for half a minute
            spoke.connect(hub)
        net.run(40)
    assert len(hub.sas) == len(spoke.sas) == len(hub.children) == 1
    assert matched(hub, spoke)


# -------------------------------------------------------------------------------------------------------- ends


@pytest.mark.conforms("ike:2.4-silence")
def test_a_dead_peer_is_found_by_silence_and_repetition() -> None:
    net, _, spoke = up(spoke=Settings(dpd=10))
    net.drops = lambda flight: flight.sender == HUB
    net.run(10 + 32 + 1)
    assert not spoke.children
    assert "no answer to INFORMATIONAL" in spoke.troubles[-1]


@pytest.mark.conforms("ike:1.4.1-ike")
def test_an_orderly_end_is_told_to_the_peer() -> None:
    net, hub, spoke = up()
    (sa,) = spoke.sas
    spoke.take(spoke.sas.close(sa, because("shutdown"), net.now))
    net.run(1)
    assert len(hub.sas) == len(spoke.sas) == 0
    assert hub.troubles == ["the peer has deleted it"]


@pytest.mark.conforms("ike:2.4-initial-contact")
def test_a_peer_that_has_restarted_replaces_what_it_had() -> None:
    net, hub, _ = up()
    net.run(10)
    again = net.site(SPOKE)
    again.connect(hub)
    net.run(1)
    assert matched(hub, again)
    assert len(hub.sas) == 1
    assert "the peer has started again" in hub.troubles


def test_who_does_not_prove_himself_is_forgotten() -> None:
    net, hub, spoke = pair()
    net.drops = lambda flight: flight.octets[18] == ExchangeType.IKE_AUTH
    spoke.connect(hub)
    net.run(1)
    assert hub.sas.half_open == 1
    net.run(40)
    assert hub.sas.half_open == 0
    assert len(hub.sas) == 0


# -------------------------------------------------------------------------------------------------------- hostile


@pytest.mark.lengthy
def test_forged_first_messages_cost_bounded_state_and_a_legitimate_peer_still_comes_up() -> None:
    net, hub, spoke = pair(Settings(cookies_from=20))
    first = net.site("198.51.100.99")
    first.connect(hub)
    template = net.log[-1]
    net.flights.clear()
    del net.sites[first.address]
    for number in range(1, 2000):
        forged = number.to_bytes(8, "big") + template.octets[8:]
        net.deliver(Flight(0, 0, "?", template.path, forged))
    assert hub.sas.half_open <= 20
    spoke.connect(hub)
    net.run(2)
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:2.2-identifiers", "ike:2.4-in-clear")
def test_nonsense_for_a_live_sa_changes_nothing() -> None:
    net, hub, spoke = up()
    legal = [flight for flight in net.log if flight.octets[18] == ExchangeType.IKE_AUTH]
    for flight in legal:
        for position in range(18, len(flight.octets), 7):
            octets = bytearray(flight.octets)
            octets[position] ^= 0x55
            net.deliver(Flight(0, 0, "?", flight.path, bytes(octets)))
    net.run(2)
    assert matched(hub, spoke)
    assert len(hub.sas) == 1


def test_a_round_trip_takes_no_longer_than_the_wire() -> None:
    net, hub, spoke = pair()
    spoke.connect(hub)
    net.run(4 * DELAY + 0.001)
    assert matched(hub, spoke)


# Several peers behind one address: each is wanted by the UDP port that its translator shows, and let go by itself.

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


# An IKE SA that has ended is free at once: a hub of clients that come and go does not grow meanwhile.


@pytest.fixture
def net() -> MachineNet:
    net = MachineNet()
    for address in ("192.0.2.1", "192.0.2.2"):
        net.node(address)
    return net


def test_attempts_that_nobody_answers_are_free(net: MachineNet) -> None:
    one, two = net.nodes.values()
    net.drops = lambda *_: True
    with uncollected():
        before = alive(IkeSa)
        one.want(two)
        net.run(1000)
        one.want(two, wanted=False)
        net.run(1000)
        assert alive(IkeSa) == before


def test_a_peer_that_is_dead_is_free(net: MachineNet) -> None:
    one, two = net.nodes.values()
    with uncollected():
        before = alive(IkeSa)
        one.want(two)
        net.run(5)
        (number,) = one.connections
        one.want(two, wanted=False)
        net.drops = lambda *_: True
        one.tell(ConnectionSilent(number))
        two.tell(ConnectionUnwanted(next(iter(two.connections)), "enough"))
        net.run(1000)
        assert alive(IkeSa) == before
