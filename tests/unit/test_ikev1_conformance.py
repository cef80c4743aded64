"""What the standards of IKEv1 demand of its messages, seen where two routers of ours send them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

import pytest

from dmvpn.base.negotiation import ConnectionSilent, SaRenewalWanted
from dmvpn.base.protection import Encapsulation
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.numbers import Encr, Group, Integ, Prf, ProtocolId
from dmvpn.features.ike.session import Transmit
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v1 import main_mode, packet
from dmvpn.features.ike.v1.events import begin_quick
from dmvpn.features.ike.v1.keys import hash_1
from dmvpn.features.ike.v1.main_mode import MainMode
from dmvpn.features.ike.v1.numbers import (
    AuthMethod,
    EspAttribute,
    ExchangeType,
    Flag,
    IkeAttribute,
    LifeType,
    NotifyType,
    Vendor,
)
from dmvpn.features.ike.v1.offers import accepted, choose, ike_wanted
from dmvpn.features.ike.v1.proposals import Attribute
from dmvpn.features.ike.v1.quick_mode import QuickAsk
from dmvpn.features.ike.v1.sa import IsakmpSa
from support.ike_machines import ISAKMP, Changes, MachineNet, Node, arrives, crosswise, isakmp_sas

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload

HUB, SPOKE = "198.51.100.1", "203.0.113.10"
INSIDE, OUTSIDE = "192.168.1.10", "203.0.113.99"
TCP, UDP, GRE = 6, 17, 47
INITIATOR, RESPONDER = True, False


class Said(NamedTuple):
    """What is inside of an encrypted message. by_initiator: of main mode."""

    by_initiator: bool
    kind: ExchangeType
    message_id: int
    payloads: tuple[Payload, ...]

    @property
    def types(self) -> list[type[Payload]]:
        """The types of its payloads."""
        return [type(payload) for payload in self.payloads]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[Said]:
    """All encrypted messages, by their contents."""
    found: list[Said] = []
    seal = IsakmpSa.sealed

    def sealed(sa: IsakmpSa, kind: ExchangeType, message_id: int, payloads: tuple[Payload, ...]) -> bytes:
        found.append(Said(sa.is_initiator, kind, message_id, payloads))
        return seal(sa, kind, message_id, payloads)

    monkeypatch.setattr(IsakmpSa, "sealed", sealed)
    return found


def begun(policy: Changes | None = None, spoke_at: str = SPOKE) -> tuple[MachineNet, Node, Node]:
    """Two routers, of which the spoke begins; everything on port 500 unless a NAT is between them."""
    net = MachineNet()
    asked = policy or Changes(encapsulation=Encapsulation.NEVER)
    hub, spoke = net.node(HUB, ISAKMP, **asked), net.node(spoke_at, ISAKMP, **asked)
    if spoke_at == INSIDE:
        net.nats[spoke.address] = IPv4Address(OUTSIDE)
    spoke.want(hub)
    return net, hub, spoke


def met(policy: Changes | None = None, spoke_at: str = SPOKE) -> tuple[MachineNet, Node, Node]:
    """The same, a second later."""
    net, hub, spoke = begun(policy, spoke_at)
    net.run(1)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)
    return net, hub, spoke


def notifies(said: list[Said], kind: NotifyType) -> list[tuple[Said, packet.Notify]]:
    """Return all notifications of a type, with the messages in which they were."""
    return [
        (each, payload)
        for each in said
        for payload in each.payloads
        if isinstance(payload, packet.Notify) and payload.kind == kind
    ]


# --------------------------------------------------------------------------------------------------------- main mode


@pytest.mark.conforms("ike1:5-sa-first", "isakmp:3.1-cookies", "isakmp:3.1-phase-1", "nat:3.1-vendor", "dpd:5.1-vendor")
def test_messages_1_and_2_begin_with_the_sa_and_say_what_both_can() -> None:
    net, _, _ = met()
    read = [packet.Message.parse(flight.datagram.payload) for flight in net.log]
    for message in read[:2]:
        assert isinstance(message.payloads[0], packet.SecurityAssociation)
        assert Vendor.DPD in message.vendors
        assert any(isinstance(payload, packet.VendorId) for payload in message.payloads)
    assert [message.header.message_id for message in read[:6]] == [0] * 6
    assert not any(read[0].header.cookie_r)
    assert len({message.header.cookies for message in read[1:]}) == 1


@pytest.mark.conforms("nat:3.1-vendor", "nat:3.2-payloads", "nat:4-float")
def test_with_a_nat_messages_3_and_4_have_the_hashes_and_everything_later_goes_by_port_4500() -> None:
    net, hub, spoke = met(Changes(), INSIDE)
    spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
    net.run(20)
    first = [packet.Message.parse(flight.datagram.payload) for flight in net.log[:4]]
    assert all(Vendor.NAT_T in message.vendors for message in first[:2])
    assert all(len(message.all(packet.NatDetection)) >= 2 for message in first[2:])
    of_spoke = [flight.datagram for flight in net.log if flight.sender == spoke.address]
    assert {datagram.destination_port for datagram in of_spoke[:2]} == {500}
    assert {datagram.destination_port for datagram in of_spoke[2:]} == {4500}
    assert {datagram.payload[:4] for datagram in of_spoke[2:] if len(datagram.payload) > 1} == {bytes(4)}
    of_hub = [flight.datagram for flight in net.log if flight.sender == hub.address]
    assert {(datagram.source_port, datagram.destination_port) for datagram in of_hub[2:]} == {(4500, 5500)}


@pytest.mark.conforms("nat:5.2-addresses", "nat:4-identity-port")
def test_with_a_nat_both_ends_say_which_addresses_they_see_and_no_port_in_their_identities(said: list[Said]) -> None:
    met(Changes(), INSIDE)
    seen = [
        (
            each.by_initiator,
            [str(IPv4Address(one.address)) for one in each.payloads if isinstance(one, packet.OriginalAddress)],
        )
        for each in said
        if packet.SecurityAssociation in each.types
    ]
    assert seen == [(INITIATOR, [INSIDE, HUB]), (RESPONDER, [OUTSIDE, HUB])]
    own = [one for each in said[:2] for one in each.payloads if isinstance(one, packet.IdentificationPayload)]
    assert [(one.protocol, one.port) for one in own] == [(0, 0), (0, 0)]


@pytest.mark.conforms("nat:5.2-addresses")
def test_without_a_nat_nobody_says_which_addresses_it_sees(said: list[Said]) -> None:
    met()
    assert not any(packet.OriginalAddress in each.types for each in said)


@pytest.mark.conforms("doi:4.6.2-port")
@pytest.mark.parametrize("odd", [INITIATOR, RESPONDER], ids=["the initiator's", "the responder's"])
@pytest.mark.parametrize(
    ("protocol", "port", "is_legal"),
    [(0, 0, True), (UDP, 500, True), (UDP, 0, True), (UDP, 4500, True), (UDP, 53, False), (TCP, 0, False)],
)
def test_an_identity_of_phase_1_is_for_ike_alone(
    monkeypatch: pytest.MonkeyPatch, odd: bool, protocol: int, port: int, is_legal: bool
) -> None:
    seal = IsakmpSa.sealed

    def sealed(sa: IsakmpSa, kind: ExchangeType, message_id: int, payloads: tuple[Payload, ...]) -> bytes:
        identity = payloads[0]
        if kind is ExchangeType.MAIN and sa.is_initiator is odd and isinstance(identity, packet.IdentificationPayload):
            changed, main = replace(identity, protocol=protocol, port=port), sa.exchanges[0]
            assert sa.keys
            assert isinstance(main, MainMode)
            payloads = (changed, packet.Hash(main.digest(sa.keys, changed, ours=True)), *payloads[2:])
        return seal(sa, kind, message_id, payloads)

    monkeypatch.setattr(IsakmpSa, "sealed", sealed)
    net, hub, spoke = begun()
    net.run(1)
    assert crosswise(hub, spoke) is is_legal
    if not is_legal:
        logs = spoke.logs if odd is RESPONDER else hub.logs
        assert any(f"protocol {protocol} and port {port}" in line for line in logs), logs


@pytest.mark.conforms("ike1:5-lifetime-changed")
@pytest.mark.parametrize(("theirs", "kept"), [(60, 60), (90_000, 3600)])
def test_an_answer_with_another_lifetime_is_taken_and_the_shorter_one_counts(theirs: int, kept: int) -> None:
    suite = Suite(Encr.AES_CBC, 128, Prf.HMAC_SHA1, Integ.NONE, Group.MODP_2048)
    wanted = ike_wanted([(suite, 3600.0, AuthMethod.PRE_SHARED_KEY)])
    (offer,) = wanted.offer()
    (transform,) = offer.transforms
    attributes = tuple(one for one in transform.attributes if one.kind != IkeAttribute.LIFE_DURATION)
    answer = transform._replace(attributes=(*attributes, Attribute.of(IkeAttribute.LIFE_DURATION, theirs)))
    taken = accepted(wanted, (offer._replace(transforms=(answer,)),))
    assert taken
    assert taken.lifetime.seconds == kept


@pytest.mark.conforms("ike1:A-key-length")
@pytest.mark.parametrize(
    ("cipher", "bits", "said_bits", "is_taken"),
    [
        (Encr.AES_CBC, 128, 128, True),
        (Encr.AES_CBC, 128, 0, False),
        (Encr.TRIPLE_DES, 0, 0, True),
        (Encr.TRIPLE_DES, 0, 192, False),
    ],
)
def test_a_cipher_with_keys_of_several_lengths_names_one_and_another_cipher_none(
    cipher: Encr, bits: int, said_bits: int, is_taken: bool
) -> None:
    suite = Suite(cipher, bits, Prf.HMAC_SHA1, Integ.NONE, Group.MODP_2048)
    wanted = ike_wanted([(suite, 3600.0, AuthMethod.PRE_SHARED_KEY)])
    (offer,) = wanted.offer()
    (transform,) = offer.transforms
    rest = tuple(one for one in transform.attributes if one.kind != IkeAttribute.KEY_LENGTH)
    length = (Attribute.of(IkeAttribute.KEY_LENGTH, said_bits),) if said_bits else ()
    theirs = offer._replace(transforms=(transform._replace(attributes=(*rest, *length)),))
    assert (choose(wanted, (theirs,)) is not None) is is_taken


@pytest.mark.conforms("ike1:5-aggressive", "ike1:5.6-new-group")
@pytest.mark.parametrize("kind", [ExchangeType.AGGRESSIVE, ExchangeType.NEW_GROUP])
def test_a_stranger_that_begins_another_exchange_than_main_mode_gets_no_answer(kind: ExchangeType) -> None:
    net, hub, _ = begun()
    first = packet.Message.parse(net.log[0].datagram.payload)
    net.flights.clear()
    assert arrives(hub, replace(first, header=replace(first.header, exchange=kind)).serialize()) == []
    assert not isakmp_sas(hub)


@pytest.mark.conforms("ike1:5-public-length")
def test_a_public_value_of_another_length_is_refused_in_main_mode() -> None:
    net, hub, spoke = begun()
    net.drops = lambda flight: flight.sender == spoke.address and len(net.log) > 2
    net.run(0.1)
    third = packet.Message.parse(net.log[2].datagram.payload)
    key = third.find(packet.KeyExchange)
    assert key
    assert len(key.data) == 2048 // 8
    rest = tuple(one for one in third.payloads if one is not key)
    assert arrives(hub, replace(third, payloads=(packet.KeyExchange(key.data[:-1]), *rest)).serialize()) == []
    assert not isakmp_sas(hub)


@pytest.mark.conforms("isakmp:3.5-spi")
@pytest.mark.parametrize("spi", [b"", b"cookie_i", b"cookie_icookie_r"], ids=["none", "one cookie", "both"])
def test_an_spi_in_an_offer_of_phase_1_means_nothing(spi: bytes) -> None:
    net, hub, _ = begun()
    first = packet.Message.parse(net.log[0].datagram.payload)
    net.flights.clear()
    offer = first.find(packet.SecurityAssociation)
    assert offer
    (proposal,) = offer.proposals
    rest = tuple(one for one in first.payloads if one is not offer)
    changed = replace(first, payloads=(packet.SecurityAssociation((proposal._replace(spi=spi),)), *rest))
    (answer,) = [packet.Message.parse(octets) for octets in arrives(hub, changed.serialize())]
    chosen = answer.find(packet.SecurityAssociation)
    assert chosen
    assert [one.spi for one in chosen.proposals] == [b""]


# -------------------------------------------------------------------------------------------------------- quick mode


@pytest.mark.conforms("ike1:5.5-order", "ike1:5.5-group", "ike1:5.5-identities", "doi:4.5-required")
@pytest.mark.parametrize("group", [0, 14], ids=["without PFS", "with PFS"])
def test_quick_mode_begins_with_hash_and_sa_and_each_transform_names_the_group_of_the_key(
    said: list[Said], group: int
) -> None:
    met(Changes(pfs_group=group, encapsulation=Encapsulation.NEVER))
    quick = [each for each in said if each.kind is ExchangeType.QUICK]
    assert [each.types for each in quick][-1] == [packet.Hash]
    key = [packet.KeyExchange] if group else []
    for each in quick[:2]:
        assert each.types == [
            packet.Hash,
            packet.SecurityAssociation,
            packet.Nonce,
            *key,
            packet.IdentificationPayload,
            packet.IdentificationPayload,
        ]
        (sa,) = [one for one in each.payloads if isinstance(one, packet.SecurityAssociation)]
        for transform in (one for proposal in sa.proposals for one in proposal.transforms):
            values = {attribute.kind: attribute.value for attribute in transform.attributes}
            assert values.get(EspAttribute.GROUP, 0) == group
            wanted = (EspAttribute.LIFE_TYPE, EspAttribute.LIFE_DURATION, EspAttribute.AUTHENTICATION)
            assert all(kind in values for kind in wanted)
    one, two = ([one for one in each.payloads if isinstance(one, packet.IdentificationPayload)] for each in quick[:2])
    assert one == two
    assert [(str(IPv4Address(each.data)), each.protocol) for each in one] == [(SPOKE, GRE), (HUB, GRE)]


@pytest.mark.conforms("ike1:5.5-message-id", "ike1:5-roles")
def test_either_end_begins_quick_modes_each_with_a_message_id_of_its_own_and_the_order_of_cookies_stays(
    said: list[Said],
) -> None:
    net, hub, spoke = met()
    for node in (hub, spoke, hub):
        node.tell(SaRenewalWanted(list(node.pairs)[-1]))
        net.run(20)
    begun = [each for each in said if each.kind is ExchangeType.QUICK and packet.SecurityAssociation in each.types]
    numbers = [each.message_id for each in begun]
    assert {each.by_initiator for each in begun} == {INITIATOR, RESPONDER}
    assert len(set(numbers)) == len(numbers) / 2 >= 4
    assert 0 not in numbers
    assert len({flight.datagram.payload[:16] for flight in net.log[1:]}) == 1


@pytest.mark.conforms("ike1:5.5-refused", "ike1:5.7-protected")
def test_packets_that_are_not_those_of_the_responder_are_refused_by_an_encrypted_notification(said: list[Said]) -> None:
    _, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    assert sa.terms
    terms, before = sa.terms.child, set(hub.pairs)
    other = replace(terms, local=replace(terms.local, protocol=TCP))
    begin_quick(sa, QuickAsk(sa, other))
    for output in sa.take_outputs():
        assert isinstance(output, Transmit)
        arrives(hub, output.datagrams[0])
    assert set(hub.pairs) == before
    ((message, notify),) = notifies(said, NotifyType.INVALID_ID_INFORMATION)
    assert (message.by_initiator, message.types) == (RESPONDER, [packet.Hash, packet.Notify])
    assert notify.protocol == ProtocolId.ESP


def quick(sa: IsakmpSa, kind: ExchangeType = ExchangeType.QUICK, offers: int = 1) -> bytes:
    """Return a message 1 of quick mode without identities. offers: how many SA payloads it has."""
    assert sa.terms
    assert sa.keys
    ask = QuickAsk(sa, sa.terms.child)
    payloads = (*[packet.SecurityAssociation(ask.wanted.offer(ask.spi))] * offers, packet.Nonce(ask.nonce))
    proof = packet.Hash(hash_1(sa.keys, ask.message_id, serialize_chain(payloads)))
    return sa.sealed(kind, ask.message_id, (proof, *payloads))


@pytest.mark.conforms("ike1:5.5-no-identities")
def test_without_identities_a_peer_wants_more_than_the_tunnel_and_is_refused_by_name(said: list[Said]) -> None:
    net, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    before = set(hub.pairs)
    net.drops = lambda _: True
    arrives(hub, quick(sa))
    assert set(hub.pairs) == before
    ((message, _),) = notifies(said, NotifyType.INVALID_ID_INFORMATION)
    assert message.by_initiator is RESPONDER
    assert any("the peer's all packets between both addresses" in line for line in hub.logs)


@pytest.mark.conforms("ike1:5.5-several-sas")
def test_several_sas_in_one_quick_mode_are_refused_together(said: list[Said]) -> None:
    net, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    before = set(hub.pairs)
    net.drops = lambda _: True
    arrives(hub, quick(sa, offers=2))
    assert set(hub.pairs) == before
    ((message, _),) = notifies(said, NotifyType.NO_PROPOSAL_CHOSEN)
    assert message.by_initiator is RESPONDER


@pytest.mark.conforms("ike1:5.6-new-group")
def test_new_group_mode_of_a_peer_is_not_answered_and_quick_mode_goes_on() -> None:
    _, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    assert arrives(hub, quick(sa, ExchangeType.NEW_GROUP)) == []
    assert len(arrives(hub, quick(sa))) == 1


@pytest.mark.conforms("isakmp:3.1-commit", "isakmp:3.1-commit-end")
@pytest.mark.parametrize("confirms", [True, False])
def test_a_pair_with_the_commit_bit_waits_for_connected_and_not_for_ever(confirms: bool) -> None:
    net, hub, spoke = met()
    (sa,), (theirs,) = isakmp_sas(spoke), isakmp_sas(hub)
    net.drops = lambda _: True
    spoke.tell(SaRenewalWanted(next(iter(spoke.pairs))))
    answer = packet.Message.parse(arrives(hub, net.log[-1].datagram.payload)[0])
    flags = answer.header.flags | Flag.COMMIT
    arrives(spoke, replace(answer, header=replace(answer.header, flags=flags)).serialize(), HUB)
    assert len(sa.children) == 1
    if confirms:
        spi = list(theirs.children)[-1].spi_in
        assert theirs.keys
        arrives(
            spoke, theirs.information(theirs.keys, packet.Notify(NotifyType.CONNECTED, b"", ProtocolId.ESP, spi)), HUB
        )
    else:
        net.run(6)
    assert len(sa.children) == 2


# --------------------------------------------------------------------------------------------- informational exchanges


@pytest.mark.conforms("doi:4.5.4-shorter", "doi:4.6.3-protected")
def test_a_responder_that_keeps_pairs_for_less_says_so_in_quick_mode(said: list[Said]) -> None:
    net = MachineNet()
    hub, spoke = (
        net.node(name, ISAKMP, encapsulation=Encapsulation.NEVER, seconds=seconds)
        for name, seconds in ((HUB, 600.0), (SPOKE, 3600.0))
    )
    spoke.want(hub)
    net.run(1)
    assert {child.terms.seconds for node in (hub, spoke) for sa in isakmp_sas(node) for child in sa.children} == {600.0}
    ((message, notify),) = notifies(said, NotifyType.RESPONDER_LIFETIME)
    assert (message.by_initiator, message.kind, notify.protocol) == (RESPONDER, ExchangeType.QUICK, ProtocolId.ESP)
    (pair,) = isakmp_sas(hub)[0].children
    assert notify.spi == pair.spi_in
    wanted = (Attribute.of(EspAttribute.LIFE_TYPE, LifeType.SECONDS), Attribute.of(EspAttribute.LIFE_DURATION, 600))
    assert notify.data == b"".join(attribute.serialize() for attribute in wanted)


@pytest.mark.conforms("doi:4.6.3.3-initial-contact", "doi:4.6.3-protected")
def test_initial_contact_comes_encrypted_with_both_cookies(said: list[Said]) -> None:
    _, _, spoke = met()
    (sa,) = isakmp_sas(spoke)
    ((message, notify),) = notifies(said, NotifyType.INITIAL_CONTACT)
    assert (message.by_initiator, message.kind) == (INITIATOR, ExchangeType.MAIN)
    assert (notify.protocol, notify.spi, notify.data) == (ProtocolId.IKE, sa.spis, b"")


@pytest.mark.conforms("ike1:5.7-protected", "isakmp:3.15-spis", "isakmp:3.15-one-protocol")
def test_deletes_come_encrypted_behind_a_hash_with_cookies_or_inbound_spis(said: list[Said]) -> None:
    net, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    cookies, spis = sa.spis, tuple(child.spi_in for child in sa.children)
    spoke.want(hub, wanted=False)
    net.run(1)
    told = [each for each in said if packet.Delete in each.types]
    assert {each.kind for each in told} == {ExchangeType.INFORMATIONAL}
    assert all(each.types == [packet.Hash, packet.Delete] for each in told)
    deletes = [one for each in told if each.by_initiator for one in each.payloads if isinstance(one, packet.Delete)]
    assert [(one.protocol, one.spis) for one in deletes] == [(ProtocolId.ESP, spis), (ProtocolId.IKE, (cookies,))]


# ------------------------------------------------------------------------------------------------ dead peer detection


def asked(sa: IsakmpSa, kind: NotifyType, number: int, spi: bytes = b"") -> bytes:
    """Return a question or an answer."""
    assert sa.keys
    return sa.information(sa.keys, packet.Notify(kind, number.to_bytes(4, "big"), ProtocolId.IKE, spi or sa.spis))


@pytest.mark.conforms("dpd:5.2-answer", "dpd:5.3-cookies", "dpd:5.3-numbers")
def test_a_question_whether_we_live_is_answered_with_its_number_and_the_cookies(said: list[Said]) -> None:
    net, hub, spoke = met()
    (sa,) = isakmp_sas(spoke)
    net.drops = lambda _: True
    assert len(arrives(hub, asked(sa, NotifyType.R_U_THERE, 7))) == 1
    ((message, answer),) = notifies(said, NotifyType.R_U_THERE_ACK)
    assert message.by_initiator is RESPONDER
    assert (answer.data, answer.protocol, answer.spi) == (b"\0\0\0\7", ProtocolId.IKE, sa.spis)
    assert arrives(hub, asked(sa, NotifyType.R_U_THERE, 8, sa.spi_r + sa.spi_i)) == []


@pytest.mark.conforms("dpd:6.1-number", "dpd:6.2-increments")
def test_an_answer_with_another_number_is_no_sign_of_life_and_the_next_question_has_the_next_number() -> None:
    net, hub, spoke = met()
    (sa,), (theirs,) = isakmp_sas(hub), isakmp_sas(spoke)
    net.drops = lambda _: True
    numbers = []
    for _ in range(3):
        hub.tell(ConnectionSilent(next(iter(hub.connections))))
        assert sa.question
        number = sa.question.number
        numbers.append(number)
        arrives(hub, asked(theirs, NotifyType.R_U_THERE_ACK, number - 1))
        assert sa.question
        arrives(hub, asked(theirs, NotifyType.R_U_THERE_ACK, number))
        assert not sa.question
    assert numbers == list(range(numbers[0], numbers[0] + 3))


@pytest.mark.conforms("dpd:5.1-silent")
@pytest.mark.parametrize("can", [True, False])
def test_a_peer_that_does_not_say_that_it_can_answer_is_not_asked(
    said: list[Said], monkeypatch: pytest.MonkeyPatch, can: bool
) -> None:
    if not can:
        monkeypatch.setattr(main_mode, "ABILITIES", ())
    net, hub, _ = met()
    hub.tell(ConnectionSilent(next(iter(hub.connections))))
    net.run(60)
    assert bool(notifies(said, NotifyType.R_U_THERE)) is can


@pytest.mark.conforms("dpd:6.2-replay")
def test_an_old_question_again_is_no_sign_of_life() -> None:
    net, hub, spoke = met()
    (sa,), (theirs,) = isakmp_sas(hub), isakmp_sas(spoke)
    net.drops = lambda _: True
    question = asked(theirs, NotifyType.R_U_THERE, 7)
    arrives(hub, question)
    heard = sa.heard
    net.run(1)
    arrives(hub, question)
    assert sa.heard == heard
    arrives(hub, asked(theirs, NotifyType.R_U_THERE, 8))
    assert sa.heard > heard
