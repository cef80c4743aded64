"""What IKEv1 offers, takes and refuses: transforms as IOS, strongSwan and libreswan write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import surely
from dmvpn.base.negotiation import NegotiationChanged
from dmvpn.base.protection import Encapsulation
from dmvpn.features.ike.chain import serialize_chain
from dmvpn.features.ike.numbers import Encr, Esn, Group, Integ, Prf, ProtocolId
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.v1.keys import exchange_iv, hash_1
from dmvpn.features.ike.v1.numbers import AuthMethod, EncapsulationMode, ExchangeType, Flag, NotifyType, PayloadType
from dmvpn.features.ike.v1.offers import (
    Lifetime,
    TransformTerms,
    accepted,
    choose,
    encapsulation_modes,
    esp_wanted,
    ike_wanted,
    is_transport,
    mismatch,
    read,
)
from dmvpn.features.ike.v1.packet import Hash, Header, Message, Notify, Sealed, SecurityAssociation
from dmvpn.features.ike.v1.proposals import Attribute, Proposal, Transform
from dmvpn.features.ike.v1.sa import IsakmpSa
from support.ike_machines import ISAKMP, MachineFlight, MachineNet, Node, crosswise
from support.ikev1_capture import Capture, names, offers, opened

if TYPE_CHECKING:
    from dmvpn.features.ike.v1.offers import Wanted

DAY = Lifetime(86_400)
AES128 = Suite(Encr.AES_CBC, 128, Prf.HMAC_SHA1, Integ.HMAC_SHA1_96, Group.MODP_1024)
AES256 = Suite(Encr.AES_CBC, 256, Prf.HMAC_SHA2_256, Integ.HMAC_SHA2_256_128, Group.MODP_2048)
PSK, RSA = AuthMethod.PRE_SHARED_KEY, AuthMethod.RSA_SIGNATURE
#: The SA payload of an IOS router: AES-128, SHA, group 2, a pre-shared key, one day.
IOS_SA = bytes.fromhex(
    "00000001000000010000003001010001000000280101000080010007800e0080800200028004000280030001800b0001000c000400015180"
)
IOS = SecurityAssociation.parse_body(IOS_SA, 0).proposals

ESP128 = Suite(Encr.AES_CBC, 128, 0, Integ.HMAC_SHA1_96)
GCM = Suite(Encr.AES_GCM_16, 256)
TRANSPORT, TUNNEL = EncapsulationMode.TRANSPORT, EncapsulationMode.TUNNEL
HOUR = Lifetime(3600, 4_608_000)
SPI, OURS = b"\xc0\xde\x00\x01", b"\xc0\xde\x00\x02"


def ike(*suites: Suite, methods: tuple[int, ...] = (PSK,), lifetime: Lifetime = DAY) -> Wanted:
    return ike_wanted([(suite, lifetime.seconds, method) for suite in suites for method in methods])


def esp(*suites: Suite, modes: tuple[int, ...] = (TRANSPORT,), lifetime: Lifetime = HOUR) -> Wanted:
    return esp_wanted(suites, modes, lifetime)


def isakmp(**changed: int) -> Transform:
    """The transform of the IOS router with other values."""
    kinds = {"encryption": 1, "bits": 14, "hash": 2, "group": 4, "method": 3}
    values = {1: 7, 14: 128, 2: 2, 4: 2, 3: 1} | {kinds[name]: value for name, value in changed.items()}
    return Transform(1, 1, tuple(Attribute.of(kind, value) for kind, value in values.items()))


def proposal(*transforms: Transform, protocol: int = 1, number: int = 1) -> Proposal:
    return Proposal(number, protocol, SPI if protocol == 3 else b"", transforms)


# ------------------------------------------------------------------------------------------------------ ISAKMP SAs


def test_our_offer_is_what_an_ios_router_with_this_policy_sends() -> None:
    assert SecurityAssociation(ike(AES128).offer()).body() == IOS_SA


def test_an_offer_has_a_transform_for_each_suite_and_method() -> None:
    (offer,) = ike(AES256, AES128, methods=(RSA, PSK)).offer()
    read_again = [read(ProtocolId.IKE, transform) for transform in offer.transforms]
    assert [(terms.suite.key_bits, terms.choice) for terms in read_again if terms] == [
        (256, RSA),
        (256, PSK),
        (128, RSA),
        (128, PSK),
    ]
    assert [transform.number for transform in offer.transforms] == [1, 2, 3, 4]


def test_what_ikev1_cannot_say_is_not_offered() -> None:
    assert ike(GCM._replace(prf=Prf.HMAC_SHA1, group=14)).offer() == ()
    assert len(ike(AES128, AES128._replace(integ=Integ.HMAC_SHA2_256_128)).offer()[0].transforms) == 1


def test_no_offer_has_more_transforms_than_an_octet_counts() -> None:
    suites = [AES128._replace(group=group) for group in range(300)]
    (offer,) = ike(*suites).offer()
    assert len(offer.transforms) == 255


@pytest.mark.conforms("ike1:5-one-offer", "isakmp:4.2-numbers")
def test_the_responder_returns_the_transform_as_it_came() -> None:
    chosen = choose(ike(AES256, AES128), IOS)
    assert chosen
    assert chosen.answer() == IOS[0]
    assert chosen.terms == TransformTerms(AES128._replace(integ=Integ.NONE), PSK, DAY)


def test_the_order_of_the_responder_decides() -> None:
    theirs = (*ike(AES128).offer(), *(each._replace(number=2) for each in ike(AES256).offer()))
    chosen = choose(ike(AES256, AES128), theirs)
    assert chosen
    assert (chosen.terms.suite.key_bits, chosen.answer().number) == (256, 2)


@pytest.mark.conforms("doi:4.5-default", "doi:4.5.2-lives")
@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        (Lifetime(3600), Lifetime(86_400), Lifetime(3600)),
        (Lifetime(86_400), Lifetime(3600), Lifetime(3600)),
        (Lifetime(3600), Lifetime(), Lifetime(3600)),
        (Lifetime(3600, 1000), Lifetime(7200, 500), Lifetime(3600, 500)),
        (Lifetime(), Lifetime(60, 70), Lifetime(60, 70)),
    ],
)
def test_the_shorter_lifetime_counts(ours: Lifetime, theirs: Lifetime, both: Lifetime) -> None:
    chosen = choose(esp(ESP128, lifetime=ours), esp(ESP128, lifetime=theirs).offer(SPI))
    assert chosen
    assert chosen.terms.lifetime == both


@pytest.mark.conforms("ike1:4-mandatory", "ike1:5-changed", "ike1:A-key-length", "doi:4.5.2-lives", "doi:4.5.3-unknown")
@pytest.mark.parametrize(
    "transform",
    [
        isakmp(bits=256),
        isakmp(encryption=5),
        isakmp(hash=1),
        isakmp(group=14),
        isakmp(method=65001),
        Transform(1, 2, isakmp().attributes),
        Transform(1, 1, (*isakmp().attributes, Attribute.of(13, 1))),
        Transform(1, 1, (*isakmp().attributes, Attribute.of(1, 7))),
        Transform(1, 1, (*isakmp().attributes, Attribute.of(12, 3600))),
        Transform(1, 1, (*isakmp().attributes, Attribute.of(11, 9), Attribute.of(12, 3600))),
        Transform(1, 1, (*isakmp().attributes, *(Attribute.of(11, 1), Attribute.of(12, 60)) * 2)),
        Transform(1, 1, isakmp().attributes[:1]),
        Transform(1, 1),
    ],
    ids=[
        *("key", "3DES", "MD5", "group", "XAUTH", "not KEY_IKE", "prf", "twice", "no unit", "unknown unit"),
        *("two lifetimes", "one attribute", "no attribute"),
    ],
)
def test_a_transform_that_differs_is_not_taken(transform: Transform) -> None:
    assert choose(ike(AES128), (proposal(isakmp()),)) is not None
    assert choose(ike(AES128), (proposal(transform),)) is None
    assert accepted(ike(AES128), (proposal(transform),)) is None


def test_an_answer_may_be_numbered_and_ordered_otherwise() -> None:
    """strongSwan answers libreswan's proposal 0 with number 1, and with the attributes in its own order."""
    other = proposal(Transform(7, 1, tuple(reversed(isakmp().attributes))), number=0)
    terms = accepted(ike(AES256, AES128), (other,))
    assert terms
    assert (terms.suite.key_bits, terms.choice, terms.lifetime) == (128, PSK, DAY)


@pytest.mark.conforms("ike1:5-one-offer", "isakmp:4.2-matches")
@pytest.mark.parametrize(
    "answer",
    [
        (),
        (proposal(isakmp(), isakmp()),),
        (proposal(isakmp()), proposal(isakmp(), number=2)),
        (proposal(isakmp(), protocol=3),),
    ],
    ids=["none", "two transforms", "two proposals", "ESP"],
)
def test_an_answer_is_one_transform_of_one_proposal(answer: tuple[Proposal, ...]) -> None:
    assert accepted(ike(AES128), answer) is None


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence"),
    [
        (AES128, isakmp(bits=256), "encryption: ours AES_CBC_128; the peer's AES_CBC_256"),
        (AES128, isakmp(encryption=5, bits=0), "encryption: ours AES_CBC_128; the peer's TRIPLE_DES"),
        (AES128, isakmp(encryption=1, bits=0), "encryption: ours AES_CBC_128; the peer's DES_CBC"),
        (AES128, isakmp(encryption=99), "encryption: ours AES_CBC_128; the peer's 99_128"),
        (AES128, isakmp(encryption=13), "encryption: ours AES_CBC_128; the peer's AES_CTR_128"),
        (AES128, isakmp(group=1), "group: ours MODP_1024; the peer's MODP_768"),
        (AES128, isakmp(hash=1), "prf: ours HMAC_SHA1; the peer's HMAC_MD5"),
        (AES128, isakmp(hash=3), "prf: ours HMAC_SHA1; the peer's TIGER"),
        (AES128, isakmp(group=14), "group: ours MODP_1024; the peer's MODP_2048"),
        (AES128, isakmp(method=3), "authentication: ours PRE_SHARED_KEY; the peer's RSA_SIGNATURE"),
        (AES128, isakmp(method=65001), "authentication: ours PRE_SHARED_KEY; the peer's XAUTH_INIT_PRE_SHARED"),
        (AES128, isakmp(method=65099), "authentication: ours PRE_SHARED_KEY; the peer's 65099"),
    ],
)
def test_a_mismatch_names_the_first_difference(ours: Suite, theirs: Transform, sentence: str) -> None:
    assert str(mismatch(ike(ours), (proposal(theirs),))) == sentence


def test_a_mismatch_of_combinations_alone_is_named_so() -> None:
    theirs = (proposal(isakmp(bits=256), isakmp(group=14)._replace(number=2)),)
    wanted = ike(AES128, AES128._replace(key_bits=256, group=14))
    assert choose(wanted, theirs) is None
    assert str(mismatch(wanted, theirs)) == "no combination of algorithms is in both lists"


def test_a_mismatch_with_no_proposal_at_all_is_named() -> None:
    assert str(mismatch(ike(AES128), ())) == "encryption: ours AES_CBC_128; the peer's none"


def test_a_number_of_a_thousand_octets_is_not_printed() -> None:
    huge = Attribute(4, b"\xff" * 1024, is_short=False)
    theirs = (proposal(Transform(1, 1, (*tuple(each for each in isakmp().attributes if each.kind != 4), huge))),)
    assert str(mismatch(ike(AES128), theirs)) == "group: ours MODP_1024; the peer's a large number"


# --------------------------------------------------------------------------------------------------------- ESP SAs


def test_an_offer_of_esp_has_the_attributes_of_ios_in_their_order() -> None:
    (offer,) = esp(ESP128._replace(group=Group.MODP_2048)).offer(OURS)
    assert (offer.protocol, offer.spi) == (3, OURS)
    (transform,) = offer.transforms
    assert transform.id == 12
    assert [(each.kind, each.value, each.is_short) for each in transform.attributes] == [
        (4, 2, True),
        (1, 1, True),
        (2, 3600, True),
        (1, 2, True),
        (2, 4_608_000, False),
        (5, 2, True),
        (6, 128, True),
        (3, 14, True),
    ]


def test_gcm_has_no_authentication_algorithm() -> None:
    ((transform,),) = (offer.transforms for offer in esp(GCM).offer(SPI))
    assert transform.id == 20
    assert 5 not in {attribute.kind for attribute in transform.attributes}
    assert read(ProtocolId.ESP, transform) == TransformTerms(GCM, TRANSPORT, HOUR)


@pytest.mark.conforms("doi:4.4.4-esp")
@pytest.mark.parametrize(
    "suite",
    [
        ESP128,
        GCM,
        ESP128._replace(key_bits=256, integ=Integ.HMAC_SHA2_512_256),
        ESP128._replace(integ=Integ.HMAC_SHA2_384_192, group=Group.ECP_384),
        GCM._replace(esn=Esn.YES),
    ],
)
def test_a_suite_of_esp_comes_through(suite: Suite) -> None:
    chosen = choose(esp(suite), esp(suite).offer(SPI))
    assert chosen
    assert chosen.terms.suite == suite
    assert chosen.answer(OURS).spi == OURS
    terms = accepted(esp(suite), (chosen.answer(OURS),))
    assert terms
    assert terms.suite == suite


@pytest.mark.conforms("isakmp:4.2-together")
def test_proposals_that_are_wanted_together_are_not_taken_apart() -> None:
    """AH and ESP with one number: an answer with ESP alone would not be legal (RFC 2408 §4.2)."""
    (offer,) = esp(ESP128).offer(SPI)
    ah = Proposal(1, 2, SPI, (Transform(1, 3),))
    assert choose(esp(ESP128), (ah, offer)) is None
    assert choose(esp(ESP128), (ah, offer._replace(number=2))) is not None


@pytest.mark.conforms("nat:5.1-modes")
@pytest.mark.parametrize(
    ("transport", "udp", "may_tunnel", "modes"),
    [
        (True, False, False, (2,)),
        (True, True, False, (4, 61444)),
        (False, False, False, (1,)),
        (False, True, False, (3, 61443)),
        (True, False, True, (2, 1)),
        (True, True, True, (4, 61444, 3, 61443)),
    ],
)
def test_the_mode_says_whether_esp_is_in_udp(
    transport: bool, udp: bool, may_tunnel: bool, modes: tuple[int, ...]
) -> None:
    found = encapsulation_modes(transport=transport, udp=udp, may_tunnel=may_tunnel)
    assert found == modes
    assert is_transport(found[0]) is transport


@pytest.mark.parametrize(
    ("theirs", "sentence"),
    [
        (esp(ESP128, modes=(TUNNEL,)), "encapsulation: ours TRANSPORT; the peer's TUNNEL"),
        (
            esp(ESP128, modes=(EncapsulationMode.UDP_TRANSPORT,)),
            "encapsulation: ours TRANSPORT; the peer's UDP_TRANSPORT",
        ),
        (
            esp(ESP128._replace(integ=Integ.HMAC_MD5_96)),
            "integrity: ours HMAC_SHA1_96; the peer's HMAC_MD5_96",
        ),
        (esp(GCM), "encryption: ours AES_CBC_128; the peer's AES_GCM_16_256"),
        (esp(ESP128._replace(encr=Encr.AES_CTR)), "encryption: ours AES_CBC_128; the peer's AES_CTR_128"),
        (esp(ESP128._replace(encr=Encr.TRIPLE_DES, key_bits=0)), "encryption: ours AES_CBC_128; the peer's TRIPLE_DES"),
        (esp(ESP128._replace(group=Group.MODP_2048)), "group: ours none; the peer's MODP_2048"),
    ],
)
def test_a_mismatch_of_esp_names_the_first_difference(theirs: Wanted, sentence: str) -> None:
    assert choose(esp(ESP128), theirs.offer(SPI)) is None
    assert str(mismatch(esp(ESP128), theirs.offer(SPI))) == sentence


# -------------------------------------------------------------------------------------------------------- captures


@pytest.mark.parametrize("name", names())
def test_offers_and_answers_of_other_implementations_are_understood(name: str) -> None:
    """Every answer in a capture is a transform that was offered; 3DES and MD5 are read, although we do not use them."""
    checked = 0
    for sa in Capture(name).sas.values():
        for message_id in dict.fromkeys(each.message.header.message_id for each in sa.messages):
            chains = [chain for chain in sa.exchange(message_id) if chain.find(SecurityAssociation)]
            if len(chains) != 2:  # refused
                continue
            (offer,), (answer,) = (offers(chain).proposals for chain in chains)
            offered = [read(offer.protocol, each) for each in offer.transforms]
            taken = read(answer.protocol, answer.transforms[0])
            assert taken
            assert taken in offered
            assert taken.lifetime.seconds
            checked += 1
    assert checked


def test_our_policy_takes_what_strongswan_offers() -> None:
    (sa,) = opened(Capture("ikev1-psk-cbc"))
    theirs = offers(sa.main(1)).proposals
    chosen = choose(ike(AES128._replace(group=Group.MODP_2048)), theirs)
    assert chosen
    assert chosen.answer() == offers(sa.main(2)).proposals[0]


# What a peer says instead of message 6 of main mode, and what an attacker may pretend that it says.

HUB, SPOKE = "198.51.100.1", "203.0.113.10"
_MESSAGE_ID = 0xC0FFEE


def waiting() -> tuple[MachineNet, Node, Node, MachineFlight]:
    """Return both ends when the spoke waits for message 6, which is held up."""
    net = MachineNet()
    hub, spoke = (net.node(name, ISAKMP, encapsulation=Encapsulation.NEVER) for name in (HUB, SPOKE))
    net.drops = lambda _: len(net.log) == 6
    spoke.want(hub)
    net.run(0.1)
    assert len(net.log) == 6
    net.drops = lambda _: False
    return net, hub, spoke, net.log[5]


def sa_of(node: Node) -> IsakmpSa:
    (sa,) = (sa for sa in node.machine.sessions if isinstance(sa, IsakmpSa))
    return sa


def refusal(sa: IsakmpSa, kind: NotifyType, last_block: bytes) -> bytes:
    """Return an encrypted notification. last_block: of phase 1, as its sender has it."""
    keys, channel = surely(sa.keys), surely(sa.channel)
    payloads = (Notify(kind, protocol=1),)
    proof = Hash(hash_1(keys, _MESSAGE_ID, serialize_chain(payloads)))
    inner = serialize_chain((proof, *payloads))
    inner += bytes(-len(inner) % channel.cipher.value)
    iv = exchange_iv(keys.prf, last_block, _MESSAGE_ID, channel.cipher.value)
    header = Header(
        cookie_i=sa.spi_i,
        cookie_r=sa.spi_r,
        exchange=ExchangeType.INFORMATIONAL,
        flags=Flag.ENCRYPTION,
        message_id=_MESSAGE_ID,
    )
    sealed = Sealed(PayloadType.HASH, channel.cipher.encrypt(keys.cipher, iv, inner))
    return Message(header=header, sealed=sealed).serialize()


def arrives(net: MachineNet, flight: MachineFlight, octets: bytes) -> None:
    flight.datagram = type(flight.datagram)(source_port=500, destination_port=500, payload=octets)
    net.deliver(flight)


def reasons(node: Node) -> list[str]:
    return [change.reason.what for change in node.heard(NegotiationChanged) if change.reason]


def test_libreswan_that_refuses_our_identity_is_understood_at_once() -> None:
    """It took 31 seconds, and the log said: another pre-shared key, or our identity."""
    net, _, spoke, flight = waiting()
    arrives(net, flight, refusal(sa_of(spoke), NotifyType.INVALID_ID_INFORMATION, b""))
    assert f"the peer refuses our identity {SPOKE}" in reasons(spoke)
    assert not spoke.machine.sas()


def test_a_refusal_by_the_iv_of_the_standard_is_understood_too() -> None:
    net, _, spoke, flight = waiting()
    sa = sa_of(spoke)
    arrives(net, flight, refusal(sa, NotifyType.AUTHENTICATION_FAILED, surely(sa.channel).iv(0)))
    assert any("the peer refuses us: authentication failed" in reason for reason in reasons(spoke))


def test_a_forged_refusal_is_a_line_in_the_log_and_main_mode_goes_on() -> None:
    net, hub, spoke, flight = waiting()
    forged = bytearray(refusal(sa_of(spoke), NotifyType.INVALID_ID_INFORMATION, b""))
    forged[40] ^= 1
    arrives(net, flight, bytes(forged))
    assert any("it seems to have another pre-shared key for us" in line for line in spoke.logs)
    net.run(2)
    assert crosswise(hub, spoke), (hub.logs, spoke.logs)


def test_when_main_mode_is_over_the_iv_of_an_unfinished_phase_1_counts_no_more() -> None:
    net, hub, spoke, flight = waiting()
    net.run(2)
    assert crosswise(hub, spoke)
    arrives(net, flight, refusal(sa_of(spoke), NotifyType.INVALID_ID_INFORMATION, b""))
    net.run(1)
    assert crosswise(hub, spoke)
    assert not any("another pre-shared key" in line for line in spoke.logs)


# 3DES and MD5 in IKEv1: only with a line that permits them, and only where a policy names them.

POLICY = """
crypto isakmp policy 10
 encryption 3des
 hash md5
 authentication pre-share
 group 2
crypto isakmp key secret address 0.0.0.0
"""
WEAK = "crypto engine compliance shield disable\n"


def met(hub: str, spoke: str) -> tuple[Node, Node]:
    net = MachineNet()
    one, other = net.node("198.51.100.1", hub), net.node("203.0.113.10", spoke)
    other.want(one)
    net.run(5)
    return one, other


@pytest.mark.conforms("ike1:4-des", "ike1:4-3des")
def test_an_old_router_with_3des_and_md5_alone_is_reached_with_the_line() -> None:
    hub, spoke = met(WEAK + POLICY, WEAK + POLICY)
    assert crosswise(hub, spoke)
    (view,) = hub.machine.sas()
    assert (view.encryption, view.prf, view.group) == ("3DES", "MD5", 2)


@pytest.mark.conforms("ike1:4-des", "ike1:4-3des")
@pytest.mark.parametrize(("hub", "spoke"), [(POLICY, WEAK + POLICY), (WEAK + POLICY, POLICY), (POLICY, POLICY)])
def test_without_the_line_at_one_end_no_weak_isakmp_sa_comes_up_and_the_log_says_why(hub: str, spoke: str) -> None:
    one, other = met(hub, spoke)
    assert not one.pairs
    assert not other.pairs
    without = [node for node, text in ((one, hub), (other, spoke)) if WEAK not in text]
    assert all(
        any("10 (3des, md5, group 2); `crypto engine compliance" in line for line in node.logs) for node in without
    )
