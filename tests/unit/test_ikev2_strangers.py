"""Strangers: what they cost, what they are told, and that they keep nobody out."""

from __future__ import annotations

import time
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.entropy import SeededEntropy
from dmvpn.base.errors import WireError
from dmvpn.features.ike import table
from dmvpn.features.ike.crypto import cipher_of, draw
from dmvpn.features.ike.numbers import Encr, Group, Integ, ProtocolId
from dmvpn.features.ike.peer_settings import DatagramPath, Endpoint
from dmvpn.features.ike.session import Reply, Transmit
from dmvpn.features.ike.suites import Suite
from dmvpn.features.ike.udp import MOST_REPETITIONS
from dmvpn.features.ike.v2 import initial_exchanges, sas
from dmvpn.features.ike.v2.channel import LARGEST_MESSAGE, Fragments, seal
from dmvpn.features.ike.v2.exchanges import Probe
from dmvpn.features.ike.v2.negotiation import choose, esp_offer, ike_offer
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag, NotifyType
from dmvpn.features.ike.v2.packet import (
    Encrypted,
    EncryptedFragment,
    Header,
    KeyExchange,
    Message,
    Nonce,
    Notify,
    SecurityAssociation,
    Unknown,
)
from dmvpn.features.ike.v2.proposals import Proposal, Transform, parse_proposals, serialize_proposals
from support.ike_net import CBC, Flight, IkeNet, Settings, Site, begins, matched
from support.texts import because

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ike.crypto import PrivateValue

HUB, SPOKE, STRANGER = "192.0.2.2", "198.51.100.2", "203.0.113.66"


def arrives(net: IkeNet, site: Site, octets: bytes, source: str = STRANGER, port: int = 500) -> list[bytes]:
    """A datagram of a stranger comes; what goes back to it."""
    path = DatagramPath(Endpoint(site.address, 500), Endpoint(IPv4Address(source), port))
    outputs = site.sas.handle(octets, path, net.now)
    site.take(outputs)
    return [output.datagram for output in outputs if isinstance(output, Reply)]


def notifies(octets: bytes) -> list[int]:
    return [notify.kind for notify in Message.parse(octets).all(Notify)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The groups of all key exchanges that strangers caused."""
    groups: list[int] = []

    def counted(group: int, entropy: Entropy) -> PrivateValue:
        groups.append(group)
        return draw(group, entropy)

    monkeypatch.setattr(initial_exchanges, "draw", counted)
    return groups


# ------------------------------------------------------------------------------------------------ Diffie-Hellman


@pytest.mark.conforms("ike:2.1-once")
def test_a_stranger_costs_one_key_exchange_and_its_repetitions_none(drawn: list[int]) -> None:
    net = IkeNet()
    hub = net.site(HUB)
    answers = [arrives(net, hub, begins(1)) for _ in range(50)]
    assert len(drawn) == 1
    assert all(answer in (answers[0], []) for answer in answers)
    assert sum(map(len, answers)) == 1 + MOST_REPETITIONS
    assert len(hub.sas) == 1


@pytest.mark.lengthy
@pytest.mark.conforms("ike:2.6-stateless")
def test_five_thousand_strangers_cost_no_more_key_exchanges_than_cookies_permit(drawn: list[int]) -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    template = begins(0)
    for number in range(1, 5001):
        source = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        hub.sas.handle(
            number.to_bytes(8, "big") + template[8:],
            DatagramPath(Endpoint(hub.address, 500), Endpoint(IPv4Address(source), 500)),
            net.now,
        )
    assert len(drawn) == len(hub.sas) == hub.sas.half_open == 100
    spoke.connect(hub)
    net.run(1)
    assert matched(hub, spoke)
    net.run(40)
    assert len(hub.sas) == 1
    assert hub.sas.half_open == 0


def test_one_address_that_begins_again_and_again_with_one_spi_is_asked_for_a_cookie_too(drawn: list[int]) -> None:
    """Who kept SPI and port and changed the nonce was counted as one, and could have memory and time without end."""
    net = IkeNet()
    hub = net.site(HUB)
    for number in range(500):
        arrives(net, hub, begins(number, spi=b"the same"))
    assert len(drawn) == len(hub.sas) == 100
    net.run(40)
    assert len(hub.sas) == hub.sas.half_open == 0


@pytest.mark.lengthy
def test_five_thousand_spokes_that_begin_at_once_keep_their_places(drawn: list[int]) -> None:
    """A hub that had restarted dropped most of its spokes half-way: the last one was back after more than a minute."""
    net = IkeNet()
    hub = net.site(HUB, Settings(cookies_from=100_000))
    for number in range(5000):
        arrives(net, hub, begins(number), f"10.66.{number >> 8}.{number & 255}")
    assert len(hub.sas) == hub.sas.half_open == 5000


def test_of_too_many_half_open_ones_the_oldest_goes_so_that_somebody_new_can_come(
    drawn: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strangers who really receive at their addresses return cookies; they must not keep others out for 30 seconds."""
    monkeypatch.setattr(table, "LARGEST_OCTETS", 1000 * (table.EACH + 512))
    net = IkeNet()
    hub, spoke = net.site(HUB, Settings(cookies_from=100_000)), net.site(SPOKE)
    for number in range(1200):
        arrives(net, hub, begins(number), f"10.66.{number >> 8}.{number & 255}")
    assert len(hub.sas) == hub.sas.half_open
    assert 1000 <= (before := hub.sas.half_open) < 1200
    spoke.connect(hub)
    net.run(1)
    assert matched(hub, spoke)
    assert hub.sas.half_open == before - 1


@pytest.mark.lengthy
def test_half_open_peers_together_keep_no_more_octets_than_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each of 6,000 peers that had proved nothing, a first message of 64 KiB and fragments of as much were kept."""
    monkeypatch.setattr(table, "LARGEST_OCTETS", budget := 100 * table.EACH)
    net = IkeNet()
    hub, last = net.site(HUB, Settings(cookies_from=100_000)), net.site(SPOKE)
    for number in range(60):
        filler = Notify(NotifyType.SET_WINDOW_SIZE, bytes(20_000))
        arrives(net, hub, begins(number, filler), f"10.66.1.{number}")
    assert 10 < hub.sas.half_open < budget / 20_000
    net.drops = lambda flight: flight.octets[18] == ExchangeType.IKE_AUTH
    for number in range(30):
        sa = net.site(f"10.66.2.{number}").connect(hub)
        net.run(0.1)
        header = Header(spi_i=sa.spi_i, spi_r=sa.spi_r, exchange=35, flags=Flag.INITIATOR, message_id=1)
        assert sa.channel is not None
        for octets in seal(header, (filler,), sa.channel.sealer, 1000)[:-1]:
            arrives(net, hub, octets, f"10.66.2.{number}")
    assert 10 < hub.sas.half_open < budget / 18_000
    net.drops = lambda _: False
    last.connect(hub)
    net.run(1)
    assert last.children


@pytest.mark.lengthy
def test_one_address_that_returns_cookies_causes_so_many_key_exchanges_in_a_second_and_others_come(
    drawn: list[int],
) -> None:
    """Who really received at its address could hold the core with 3 Mbit/s of beginnings."""
    net = IkeNet()
    hub, spoke = net.site(HUB, Settings(cookies_from=100_000)), net.site(SPOKE)
    for number in range(2000):
        arrives(net, hub, begins(number), port=number + 1024)
    per_second, at_once = sas.BEGINNINGS
    assert len(drawn) == at_once
    net.run(1)
    for number in range(2000, 4000):
        arrives(net, hub, begins(number), port=number + 1024)
    assert at_once + per_second - 1 <= len(drawn) <= at_once + per_second + 1
    spoke.connect(hub)
    net.run(1)
    assert matched(hub, spoke)


@pytest.mark.lengthy
def test_nobody_keeps_a_peer_out_by_beginnings_from_its_address() -> None:
    """A stranger wrote a spoke's address on beginnings that lead to no IKE SA, and the spoke could not begin."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    wrong = Suite(**_fields(group=Group.MODP_4096))
    for number in range(1000):
        arrives(net, hub, begins(number, suite=wrong), SPOKE, 4000)
    spoke.connect(hub)
    for number in range(1000, 3000):
        arrives(net, hub, begins(number, suite=wrong), SPOKE, 4000)
        net.run(0.001)
    assert matched(hub, spoke)


def test_nobody_silences_a_peer_by_what_is_not_its_own_on_its_ike_sa() -> None:
    """Whoever saw the SPIs of an IKE SA sent a hundred broken messages a second on it, and no request was answered."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    sa = spoke.connect(hub)
    net.run(1)
    header = Header(
        spi_i=sa.spi_i,
        spi_r=sa.spi_r,
        exchange=ExchangeType.INFORMATIONAL,
        flags=Flag.INITIATOR,
        message_id=2,
    )
    forged = Message((Encrypted(0, bytes(64)),), header=header).serialize()
    for _ in range(1000):
        arrives(net, hub, forged)
    spoke.take(spoke.sas.close(sa, because("over"), net.now))
    for _ in range(1000):
        arrives(net, hub, forged)
        net.run(0.001)
    assert len(hub.sas) == 0


def test_a_peer_whose_fragments_never_make_a_message_is_read_no_more_often_than_others() -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    sa = spoke.connect(hub)
    net.run(1)
    assert sa.channel is not None
    header = Header(
        spi_i=sa.spi_i,
        spi_r=sa.spi_r,
        exchange=ExchangeType.INFORMATIONAL,
        flags=Flag.INITIATOR,
        message_id=2,
    )
    other = next(iter(hub.sas))
    before = other.proofs
    for size in range(300, 6000, 150):
        filler = Notify(NotifyType.COOKIE, bytes(size))
        for octets in seal(header, (filler,), sa.channel.sealer, 200)[:-1]:
            arrives(net, hub, octets, SPOKE)
    assert 0 < other.proofs - before <= table.MESSAGES[1] + 1


def test_a_limit_that_is_configured_turns_newcomers_away() -> None:
    net = IkeNet()
    hub = net.site(HUB)
    hub.sas.largest_half_open = 5
    answers = [arrives(net, hub, begins(number)) for number in range(10)]
    assert [len(answer) for answer in answers] == [1] * 5 + [0] * 5
    assert hub.sas.counts.view.refused_by_limit == 5


# ------------------------------------------------------------------------------------------------ answers in clear


def test_no_answer_to_a_stranger_that_costs_it_nothing_is_larger_than_what_it_sent() -> None:
    """A cookie, another group, no proposal: nobody's amplifier."""
    net = IkeNet()
    hub = net.site(HUB, Settings(cookies_from=0))
    least = Header(
        spi_i=b"stranger", spi_r=bytes(8), exchange=ExchangeType.IKE_SA_INIT, flags=Flag.INITIATOR, message_id=0
    )
    offer = SecurityAssociation((Proposal(1, ProtocolId.IKE, b"", ()),))
    request = Message((offer, KeyExchange(0, b""), Nonce(bytes(16))), header=least).serialize()
    (cookie,) = arrives(net, hub, request)
    assert notifies(cookie) == [NotifyType.COOKIE]
    assert len(cookie) <= len(request)

    hub = net.site(HUB, Settings(suites=(Suite(**_fields(group=Group.ECP_256)),)))
    message = Message.parse(begins(7))
    suites = tuple(Suite(**_fields(group)) for group in (Group.CURVE25519, Group.ECP_256))
    offer = SecurityAssociation(ike_offer(suites))
    for wrong, kind in (
        (request, NotifyType.NO_PROPOSAL_CHOSEN),
        (Message((offer, *message.payloads[1:]), header=message.header).serialize(), NotifyType.INVALID_KE_PAYLOAD),
    ):
        (answer,) = arrives(net, hub, wrong)
        assert notifies(answer) == [kind]
        assert len(answer) <= len(wrong)


def _fields(group: int) -> dict[str, int]:
    return {"encr": CBC.encr, "key_bits": CBC.key_bits, "prf": CBC.prf, "integ": CBC.integ, "group": group}


@pytest.mark.conforms("ike:2.21.4-unknown")
def test_unprotected_complaints_are_one_a_second_whoever_they_are_for() -> None:
    net = IkeNet()
    hub = net.site(HUB)
    stray = Header(spi_i=b"whoever!", spi_r=b"not here", exchange=37, flags=Flag.INITIATOR, message_id=3)
    answers = []
    for number in range(400):
        net.now = number / 100
        answers += arrives(net, hub, Message((), header=stray).serialize(), f"203.0.113.{number % 200}")
    assert len(answers) == 4
    assert {kind for answer in answers for kind in notifies(answer)} == {NotifyType.INVALID_IKE_SPI}


@pytest.mark.conforms("ike:2.5-critical")
def test_a_first_message_with_something_critical_that_is_unknown_is_told_what() -> None:
    """RFC 7296 §2.5: the type of the payload stands in the notify."""
    net = IkeNet()
    hub = net.site(HUB)
    (answer,) = arrives(net, hub, begins(1, Unknown(200, b"new", critical=True)))
    (notify,) = Message.parse(answer).all(Notify)
    assert (notify.kind, notify.data) == (NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, bytes((200,)))
    assert len(hub.sas) == 0


@pytest.mark.conforms("ike:2.5-unknown")
def test_what_is_unknown_and_not_critical_is_passed_over() -> None:
    net = IkeNet()
    hub = net.site(HUB)
    (answer,) = arrives(net, hub, begins(1, Unknown(200, b"new")))
    assert Message.parse(answer).find(KeyExchange) is not None


@pytest.mark.conforms("ike:2.5-version", "ike:2.21.4-unknown")
def test_a_newer_version_is_told_ours_and_an_answer_is_never_answered() -> None:
    """RFC 7296 §2.5; two that answer each other's answers would never stop."""
    net = IkeNet()
    hub = net.site(HUB)
    newer = bytearray(begins(1))
    newer[17] = 0x30
    (answer,) = arrives(net, hub, bytes(newer))
    assert notifies(answer) == [NotifyType.INVALID_MAJOR_VERSION]
    assert answer[17] == 0x20
    net.now = 10.0
    newer[19] |= Flag.RESPONSE
    assert arrives(net, hub, bytes(newer)) == []


# ------------------------------------------------------------------------------------------------ work and memory


def test_offers_without_end_are_refused_before_anybody_compares_them() -> None:
    one = Proposal(1, ProtocolId.IKE, b"", (Transform(1, 12, 256),))
    with pytest.raises(WireError, match="proposals"):
        parse_proposals(serialize_proposals((one,) * 2 + tuple(Proposal(n % 256, 1, b"", ()) for n in range(200))), 0)
    huge = Proposal(1, ProtocolId.IKE, b"", tuple(Transform(number % 256, 0) for number in range(255)))
    with pytest.raises(WireError, match="transforms"):
        parse_proposals(serialize_proposals(tuple(Proposal(n, 1, b"", huge.transforms) for n in range(30))), 0)


def test_the_costliest_legal_offer_is_judged_in_no_more_time_than_a_few_key_exchanges() -> None:
    """Sixty suites against thousands of transforms took seconds, for one datagram of anybody."""
    transforms = tuple(Transform(number % 250, 0) for number in range(250))
    offers = (*(Proposal(n, ProtocolId.IKE, b"", transforms) for n in range(1, 2)),)
    suites = tuple(
        Suite(Encr.AES_CBC, bits, prf, integ, group)
        for bits in (128, 192, 256)
        for prf, integ in ((5, 12), (6, 13), (7, 14))
        for group in (14, 15, 16, 19, 20, 21, 31)
    )
    started = time.process_time()
    assert choose(suites, offers, ProtocolId.IKE) is None
    assert time.process_time() - started < 0.02


def test_a_log_line_about_an_offer_has_an_end() -> None:
    net = IkeNet()
    hub = net.site(HUB)
    message = Message.parse(begins(1))
    many = Proposal(1, ProtocolId.IKE, b"", tuple(Transform(1, 1000 + number) for number in range(200)))
    octets = Message((SecurityAssociation((many,)), *message.payloads[1:]), header=message.header).serialize()
    arrives(net, hub, octets)
    assert 0 < max(map(len, hub.troubles)) < 400


@pytest.mark.conforms("ike:7383-memory")
def test_fragments_take_no_more_room_than_one_message_may() -> None:
    """Each of 64 fragments could be as large as a datagram: four megabytes for one Diffie-Hellman."""
    cipher = cipher_of(Encr.AES_GCM_16, 256, Integ.NONE)
    assert cipher is not None
    sealer, opener = cipher.sealer(bytes(36), b"", SeededEntropy(1)), cipher.opener(bytes(36), b"")
    header = Header(spi_i=b"initiate", spi_r=b"answered", exchange=35, flags=Flag.INITIATOR, message_id=1)
    fragments = Fragments()
    refused = 0
    for number in range(1, 65):
        size = 30_000
        front = Message((EncryptedFragment(0, number, 64, bytes(sealer.overhead(size))),), header=header).serialize()
        front = front[: -sealer.overhead(size)]
        octets = front + sealer.seal(front, bytes(size))
        try:
            fragments.add(Message.parse(octets), octets, opener)
        except WireError:
            refused += 1
    assert refused == 62
    assert fragments.octets <= LARGEST_MESSAGE


def test_a_message_in_too_many_fragments_is_refused_at_the_first() -> None:
    """However small they are, each takes room."""
    cipher = cipher_of(Encr.AES_GCM_16, 256, Integ.NONE)
    assert cipher is not None
    header = Header(spi_i=b"initiate", spi_r=b"answered", exchange=35, flags=Flag.INITIATOR, message_id=1)
    octets = Message((EncryptedFragment(0, 2, 65, bytes(40)),), header=header).serialize()
    with pytest.raises(WireError, match="too many"):
        Fragments().add(Message.parse(octets), octets, cipher.opener(bytes(36), b""))


def test_an_esp_offer_of_ours_is_within_the_bounds_that_we_set_for_others() -> None:
    suites = tuple(Suite(Encr.AES_CBC, bits, 0, integ) for bits in (128, 192, 256) for integ in (2, 12, 13, 14))
    assert parse_proposals(serialize_proposals(esp_offer(suites, b"\1\2\3\4")), 0)


# ------------------------------------------------------------------------------------------------ cookies


@pytest.mark.conforms("ike:2.6-bound")
def test_a_cookie_is_good_for_nobody_else() -> None:
    net = IkeNet()
    hub = net.site(HUB, Settings(cookies_from=0))
    (asked,) = arrives(net, hub, begins(1))
    cookie = Message.parse(asked).all(Notify)[0]
    for source, port, octets in (
        ("203.0.113.67", 500, begins(1, cookie)),
        (STRANGER, 501, begins(1, cookie)),
        (STRANGER, 500, begins(2, cookie)),
        (STRANGER, 500, begins(1, cookie, spi=b"another!")),
        (STRANGER, 500, begins(1, Notify(NotifyType.COOKIE, bytes(24)))),
    ):
        (answer,) = arrives(net, hub, octets, source, port)
        assert notifies(answer) == [NotifyType.COOKIE]
    assert len(hub.sas) == 0
    (answer,) = arrives(net, hub, begins(1, cookie))
    assert Message.parse(answer).find(KeyExchange) is not None


def test_a_cookie_lives_as_long_as_its_secret_and_the_one_after_it() -> None:
    net = IkeNet()
    hub = net.site(HUB, Settings(cookies_from=0))
    cookie = Message.parse(arrives(net, hub, begins(1))[0]).all(Notify)[0]
    for now, good in ((61.0, True), (122.0, False)):
        net.now = now
        arrives(net, hub, begins(int(now)))  # somebody else asks, and the secret changes
        (answer,) = arrives(net, hub, begins(1, cookie))
        assert (Message.parse(answer).find(KeyExchange) is not None) is good
        net.run(40)


@pytest.mark.conforms("ike:2.6.1-both")
def test_a_cookie_and_another_group_may_both_be_asked_for() -> None:
    net = IkeNet()
    hub = net.site(HUB, Settings(cookies_from=0, suites=(Suite(**_fields(Group.ECP_256)),)))
    both = tuple(Suite(**_fields(group)) for group in (Group.CURVE25519, Group.ECP_256))
    spoke = net.site(SPOKE, Settings(suites=both))
    spoke.connect(hub)
    net.run(1)
    assert matched(hub, spoke)
    assert net.sent(spoke) == ["IKE_SA_INIT request"] * 3 + ["IKE_AUTH request"]


# Requests that come again: from the peer, from whoever recorded them, and from whoever only knows their numbers.


def up(settings: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    net = IkeNet()
    hub, spoke = net.site(HUB, settings), net.site(SPOKE, settings)
    spoke.connect(hub)
    net.run(1)
    return net, hub, spoke


def said(net: IkeNet, hub: Site, octets: bytes, source: str = STRANGER, port: int = 500) -> list[Transmit]:
    """What the hub sends because of a datagram from there."""
    local = next(iter(hub.sas)).path.local
    outputs = hub.sas.handle(octets, DatagramPath(local, Endpoint(IPv4Address(source), port)), net.now)
    return [output for output in outputs if isinstance(output, Transmit)]


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
    sent = [output for _ in range(1000) for output in said(net, hub, asked)]
    assert len(sent) == MOST_REPETITIONS
    assert {output.path.remote.address for output in sent} == {IPv4Address(SPOKE)}
    assert sum(len(octets) for output in sent for octets in output.datagrams) < 1000 * len(asked) / 50
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
