"""What RFC 7296 asks of two that know each other: who may say what when, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, ClassVar

import pytest

from dmvpn.features.ike.chain import TrafficSelector
from dmvpn.features.ike.crypto import draw
from dmvpn.features.ike.identity import Identification, name_of
from dmvpn.features.ike.numbers import Group, IdType, ProtocolId
from dmvpn.features.ike.peer_settings import Endpoint
from dmvpn.features.ike.session import Begun, ChildMade, Moved, Replaced
from dmvpn.features.ike.v2 import events, initial_exchanges
from dmvpn.features.ike.v2.exchanges import DeleteChild, NewChild, Probe, RekeyChild, RekeyIke
from dmvpn.features.ike.v2.negotiation import Ask, accepted, ike_offer, settle
from dmvpn.features.ike.v2.numbers import ExchangeType, Flag, NotifyType, PayloadType
from dmvpn.features.ike.v2.packet import (
    Delete,
    Header,
    InitiatorSelectors,
    KeyExchange,
    Message,
    Nonce,
    Notify,
    ResponderSelectors,
    SecurityAssociation,
    Unknown,
    parse_header,
)
from dmvpn.features.ike.v2.sa import Abilities, Exchange
from support.ike_net import CBC, GCM, Flight, IkeNet, Settings, Site, matched
from support.texts import because

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy
    from dmvpn.features.ike.chain import Payload
    from dmvpn.features.ike.v2.packet import Chain
    from dmvpn.features.ike.v2.sa import IkeSa

HUB, SPOKE = "192.0.2.2", "198.51.100.2"


class Says(Exchange):
    """A request with whatever a test wants in it."""

    KIND: ClassVar = ExchangeType.INFORMATIONAL

    def __init__(self, sa: IkeSa, *payloads: Payload, kind: ExchangeType = ExchangeType.INFORMATIONAL) -> None:
        super().__init__(sa)
        self.KIND = kind  # type: ignore[misc]
        self.payloads, self.heard = payloads, None

    heard: Chain | None

    def request(self) -> tuple[Payload, ...]:
        return self.payloads

    def answered(self, answer: Chain, octets: bytes) -> None:
        self.heard = answer

    @property
    def told(self) -> list[int]:
        """The notifies of the answer."""
        assert self.heard is not None
        return [notify.kind for notify in self.heard.all(Notify)]


def up(hub: Settings | None = None, spoke: Settings | None = None) -> tuple[IkeNet, Site, Site]:
    net = IkeNet()
    one, two = net.site(HUB, hub), net.site(SPOKE, spoke)
    two.connect(one)
    net.run(1)
    assert matched(one, two), (one.troubles, two.troubles)
    return net, one, two


def sa_of(site: Site) -> IkeSa:
    (sa,) = site.sas
    return sa


def says(net: IkeNet, site: Site, *payloads: Payload, kind: ExchangeType = ExchangeType.INFORMATIONAL) -> Says:
    """The site asks, and hears the answer."""
    exchange = Says(sa_of(site), *payloads, kind=kind)
    site.take(site.sas.ask(exchange, net.now))
    net.run(0.1)
    return exchange


# ------------------------------------------------------------------------------------------------ who may say what


def test_what_overtakes_the_answer_to_ike_auth_waits_and_breaks_nothing() -> None:
    """A responder may ask something as soon as it has answered; its initiator has not believed it yet."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    held: list[Flight] = []

    def holds(flight: Flight) -> bool:
        header, _ = parse_header(flight.octets)
        if header.exchange == ExchangeType.IKE_AUTH and header.is_response:
            held.append(flight)
            return True
        return False

    net.drops = holds
    spoke.connect(hub)
    net.run(0.1)
    hub.take(hub.sas.ask(Probe(sa_of(hub)), net.now))
    net.run(0.1)
    net.deliver(held[0])
    net.run(5)
    assert matched(hub, spoke)
    assert sa_of(hub).outgoing.current is None


def test_a_responder_cannot_begin_ike_auth_in_its_initiators_place() -> None:
    """The initiator answered such a request as if it were the responder."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    net.drops = lambda flight: flight.sender == SPOKE and flight.octets[18] == ExchangeType.IKE_AUTH
    spoke.connect(hub)
    net.run(0.1)
    net.log.clear()
    hub.take(hub.sas.ask(Says(sa_of(hub), kind=ExchangeType.IKE_AUTH), net.now))
    net.run(0.1)
    assert "IKE_AUTH response" not in net.sent(spoke)


@pytest.mark.parametrize("kind", [NotifyType.AUTHENTICATION_FAILED, NotifyType.INVALID_SYNTAX])
@pytest.mark.conforms("ike:2.21.2-afterwards")
def test_an_initiator_that_says_afterwards_that_it_does_not_believe_us_ends_the_sa(kind: NotifyType) -> None:
    """RFC 7296 §2.21.2: some say so in an exchange of its own, and no DELETE follows."""
    net, hub, spoke = up()
    says(net, spoke, Notify(kind))
    assert len(hub.sas) == 0
    assert kind.name in hub.troubles[-1]


@pytest.mark.conforms("ike:2.21.3-syntax")
def test_an_answer_of_invalid_syntax_ends_the_sa_at_both_ends() -> None:
    """RFC 7296 §2.21.3: who says it has given the SA up already."""
    net, hub, spoke = up()
    says(net, spoke, kind=ExchangeType.CREATE_CHILD_SA)
    net.run(1)
    assert len(hub.sas) == len(spoke.sas) == 0


@pytest.mark.conforms("ike:2.4-initial-contact")
def test_initial_contact_in_the_responders_proof_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7296 §2.4: it may stand in the request or in the response."""
    net, _, spoke = up()
    first = sa_of(spoke)
    net.run(5)
    again = net.site(HUB)
    monkeypatch.setattr(events, "certificates", lambda _: (Notify(NotifyType.INITIAL_CONTACT),))
    spoke.connect(again)
    net.run(1)
    assert first is not sa_of(spoke)
    assert matched(again, spoke)


def test_initial_contact_ends_nothing_that_began_at_the_same_moment() -> None:
    """RFC 7296 §2.4: what it says was true when its sender began."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    for _ in range(2):
        spoke.connect(hub)
    net.run(1)
    assert len(hub.sas) == len(spoke.sas) == 2
    net.run(5)
    spoke.connect(hub)
    net.run(1)
    assert len(hub.sas) == 1


# ------------------------------------------------------------------------------------------------ paths


@pytest.mark.parametrize("elsewhere", ["203.0.113.66", SPOKE])
@pytest.mark.conforms("ike:2.11-answer", "ike:2.23-stay")
def test_an_authentic_datagram_from_elsewhere_moves_nobody_who_is_not_behind_a_nat(elsewhere: str) -> None:
    """Whoever holds a datagram back and sends it first from a port of its own would draw all answers, and ESP."""
    net, hub, spoke = up()
    net.drops = lambda _: True
    spoke.take(spoke.sas.ask(Probe(sa_of(spoke)), net.now))
    caught = net.log[-1]
    net.drops = lambda _: False
    source = Endpoint(IPv4Address(elsewhere), 7777)
    net.deliver(replace(caught, path=caught.path._replace(local=source)))
    assert str(sa_of(hub).path.remote) == f"{SPOKE}:500"
    assert not hub.happened(Moved)
    assert net.log[-1].path.remote == source  # §2.11: the answer goes where the request came from
    net.run(5)
    assert sa_of(spoke).outgoing.current is None


@pytest.mark.conforms("ike:2.23-early")
def test_a_peer_that_changes_to_port_4500_by_itself_is_followed() -> None:
    net, hub, spoke = up()
    sa = sa_of(spoke)
    sa.use_port(4500)
    spoke.take(spoke.sas.ask(Probe(sa), net.now))
    net.run(1)
    assert str(sa_of(hub).path) == f"{HUB}:4500 - {SPOKE}:4500"


# ------------------------------------------------------------------------------------------------ child SAs


class Repeats:
    """Entropy that draws the same 4 octets more than once."""

    def __init__(self, rest: Entropy, *first: bytes) -> None:
        self.rest, self.first = rest, list(first)

    def octets(self, count: int) -> bytes:
        return self.first.pop(0) if count == 4 and self.first else self.rest.octets(count)


@pytest.mark.conforms("ike:4303-spi")
def test_no_two_pairs_have_one_inbound_spi() -> None:
    """A hub with ten thousand spokes would take one's packets for another's every other day."""
    net, hub, spoke = up()
    (taken,) = hub.children
    other = net.site("198.51.100.3")
    hub.sas.entropy = Repeats(hub.sas.entropy, b"\0\0\0\1", taken.spi_in, taken.spi_in, b"\1\2\3\4")
    other.connect(hub)
    net.run(1)
    assert {child.spi_in for child in hub.children} == {taken.spi_in, b"\1\2\3\4"}
    spoke.take(spoke.sas.close(sa_of(spoke), because("enough"), net.now))
    net.run(1)
    hub.sas.entropy = Repeats(hub.sas.entropy, taken.spi_in)
    spoke.connect(hub)
    net.run(1)
    assert {child.spi_in for child in hub.children} == {taken.spi_in, b"\1\2\3\4"}  # and what is free is taken


def test_the_spi_of_a_replaced_pair_is_free_when_nothing_can_come_for_it_any_more() -> None:
    net, hub, spoke = up()
    (old,) = hub.children
    spoke.take(sa_of(spoke).begin(RekeyChild(sa_of(spoke), spoke.children[0]), net.now))
    net.run(10)
    sa_of(hub).entropy = Repeats(hub.sas.entropy, old.spi_in)
    spoke.take(sa_of(spoke).begin(RekeyChild(sa_of(spoke), spoke.children[0]), net.now))
    net.run(1)
    assert [child.spi_in for child in hub.children] == [old.spi_in]


@pytest.mark.conforms("ike:2.25.1-temporary", "ike:1.4.1-pairs")
def test_a_child_sa_that_is_being_deleted_is_not_there_to_be_replaced_for_a_moment_only() -> None:
    """RFC 7296 §2.25.1: TEMPORARY_FAILURE while the deletion is on its way; CHILD_SA_NOT_FOUND makes a new one."""
    net, hub, spoke = up()
    (ours,), (theirs,) = hub.children, spoke.children
    net.drops = lambda flight: flight.sender == HUB
    hub.take(sa_of(hub).begin(DeleteChild.of(sa_of(hub), ours, because("enough")), net.now))
    rekey = Says(
        sa_of(spoke),
        *RekeyChild(sa_of(spoke), theirs).request() or (),
        kind=ExchangeType.CREATE_CHILD_SA,
    )
    spoke.take(spoke.sas.ask(rekey, net.now))
    net.run(0.2)
    net.drops = lambda _: False
    net.run(3)
    assert rekey.told == [NotifyType.TEMPORARY_FAILURE]
    assert not hub.children
    assert not spoke.children


@pytest.mark.conforms("ike:2.25.1-not-found")
def test_a_child_sa_that_is_not_there_cannot_be_replaced() -> None:
    net, hub, spoke = up()
    (old,) = spoke.children
    rekey = RekeyChild(sa_of(spoke), old)
    unknown = Notify(NotifyType.REKEY_SA, b"", ProtocolId.ESP, b"\x11\x22\x33\x44")
    request = rekey.request() or ()
    asked = says(net, spoke, unknown, *request[1:], kind=ExchangeType.CREATE_CHILD_SA)
    assert asked.told == [NotifyType.CHILD_SA_NOT_FOUND]
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:1.3-no-more")
def test_a_peer_that_makes_child_sas_without_end_is_stopped() -> None:
    """RFC 7296 §1.3: NO_ADDITIONAL_SAS."""
    net, hub, spoke = up()
    sa = sa_of(spoke)
    for _ in range(40):
        spoke.take(spoke.sas.ask(NewChild(sa, spoke.terms_with(hub.address).child), net.now))
        net.run(0.1)
    assert len(hub.children) == 16
    assert matched(hub, spoke)
    assert "NO_ADDITIONAL_SAS" in spoke.troubles[-1]


@pytest.mark.conforms("ike:1.3.1-transport")
def test_a_child_sa_that_the_peer_made_and_we_cannot_take_is_deleted() -> None:
    """RFC 7296 §1.3.1: an initiator that wanted transport mode and got tunnel mode must delete it."""
    net, hub, spoke = up(Settings(may_tunnel=True))
    sa = sa_of(spoke)
    hub.settings.transport = False
    sa_of(hub).terms = hub.terms_with(spoke.address)
    before = len(hub.children)
    spoke.take(spoke.sas.ask(NewChild(sa, spoke.terms_with(hub.address).child), net.now))
    net.run(1)
    assert len(hub.children) == before
    assert matched(hub, spoke)


@pytest.mark.parametrize("spi", [b"\0\0\0\0", b"\0\0\0\xff", b"\1\2\3"])
@pytest.mark.conforms("ike:4303-spi")
def test_an_spi_of_the_peer_that_cannot_be_one_is_refused(spi: bytes) -> None:
    """RFC 4303 §2.1; in UDP port 4500 an SPI of zero would be IKE."""
    net, hub, spoke = up()
    ask = replace(Ask.of(sa_of(spoke), spoke.terms_with(hub.address).child, first=False), spi=spi)
    asked = says(net, spoke, *ask.front(), Nonce(bytes(32)), *ask.back(), kind=ExchangeType.CREATE_CHILD_SA)
    assert asked.told == [NotifyType.NO_PROPOSAL_CHOSEN]
    assert matched(hub, spoke)


def test_keys_of_a_rekeyed_child_sa_stay_nowhere() -> None:
    """A peer that replaces one child SA twice left the keys of the second new one with us."""
    net, hub, spoke = up()
    (old,) = spoke.children
    for _ in range(2):
        says(net, spoke, *RekeyChild(sa_of(spoke), old).request() or (), kind=ExchangeType.CREATE_CHILD_SA)
    assert "spi_in" not in repr(sa_of(hub).children.rivals)
    spoke.take(sa_of(spoke).begin(DeleteChild.of(sa_of(spoke), old, because("replaced")), net.now))
    net.run(1)
    assert not sa_of(hub).children.rivals


# ------------------------------------------------------------------------------------------------ IKE SAs


@pytest.mark.parametrize("spi", [b"", bytes(8), b"\1\2\3\4"])
@pytest.mark.conforms("ike:3.1-spi")
def test_an_ike_sa_is_not_replaced_by_one_without_a_proper_spi(spi: bytes) -> None:
    net, hub, spoke = up()
    secret = draw(Group.CURVE25519, spoke.sas.entropy)
    offer = SecurityAssociation(ike_offer((CBC,), spi))
    key = KeyExchange(Group.CURVE25519, secret.public)
    asked = says(net, spoke, offer, Nonce(bytes(32)), key, kind=ExchangeType.CREATE_CHILD_SA)
    assert asked.told == [NotifyType.NO_PROPOSAL_CHOSEN]
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:1.3.2-old", "ike:2.25.2-ike")
def test_an_ike_sa_that_was_replaced_makes_nothing_more_and_goes() -> None:
    """RFC 7296 §1.3.2: its initiator deletes it; one that does not could make IKE SAs without end."""
    net, hub, spoke = up()
    sa = sa_of(spoke)
    exchange = RekeyIke(sa)
    rekey = Says(sa, *exchange.request() or (), kind=ExchangeType.CREATE_CHILD_SA)
    spoke.take(spoke.sas.ask(rekey, net.now))
    net.run(0.1)
    assert len(hub.sas) == 2
    for again in (RekeyIke(sa), NewChild(sa, spoke.terms_with(hub.address).child)):
        asked = Says(sa, *again.request() or (), kind=ExchangeType.CREATE_CHILD_SA)
        spoke.take(spoke.sas.ask(asked, net.now))
        net.run(0.1)
        assert asked.told == [NotifyType.TEMPORARY_FAILURE]
    assert len(hub.sas) == 2
    net.run(40)
    assert len(hub.sas) == 1


@pytest.mark.conforms("ike:7383-memory")
def test_fragments_of_a_message_that_came_whole_as_well_are_forgotten() -> None:
    net, hub, spoke = up(Settings(fragment=400), Settings(fragment=400))
    sa = sa_of(spoke)
    for _ in range(8):
        request = Says(sa, Notify(40_000, bytes(2000)))
        net.drops = lambda _: True
        spoke.take(spoke.sas.ask(request, net.now))
        pieces = [flight for flight in net.log[-8:] if flight.sender == SPOKE]
        net.drops = lambda _: False
        net.deliver(pieces[-1])
        sa.abilities = Abilities(fragments=False)
        sa.send_request(request.KIND, request.payloads)
        spoke.take(sa.take_outputs())
        sa.abilities = Abilities(fragments=True)
        net.run(0.1)
        assert request.heard is not None
    channel = sa_of(hub).channel
    assert channel is not None
    assert not channel.fragments


# ------------------------------------------------------------------------------------------------ both at once


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.conforms("ike:2.8.1-child")
def test_of_two_new_child_sas_the_one_with_the_lowest_nonce_goes(seed: int) -> None:
    """Both ends agree with each other about any rule; other implementations know this one."""
    net = IkeNet(seed=seed)
    hub, spoke = net.site(HUB), net.site(SPOKE)
    spoke.connect(hub)
    net.run(1)
    first = spoke.children[0].spi_in
    for site in (hub, spoke):
        site.take(sa_of(site).begin(RekeyChild(sa_of(site), site.children[0]), net.now))
    net.run(10)
    made = [output.child for output in spoke.happened(ChildMade) if output.child.spi_in != first]
    assert len(made) == 2
    assert matched(hub, spoke)
    assert [child.lowest_nonce for child in spoke.children] == [max(child.lowest_nonce for child in made)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.conforms("ike:2.8.1-ike")
def test_of_two_new_ike_sas_the_one_with_the_lowest_nonce_goes(seed: int) -> None:
    net = IkeNet(seed=seed)
    hub, spoke = net.site(HUB), net.site(SPOKE)
    spoke.connect(hub)
    net.run(1)
    for site in (hub, spoke):
        site.take(sa_of(site).begin(RekeyIke(sa_of(site)), net.now))
    net.run(40)
    made = {output.sa.own_spi: output.sa for output in spoke.happened(Begun)}
    made |= {output.successor.own_spi: output.successor for output in spoke.happened(Replaced)}
    assert len(made) == 2
    assert matched(hub, spoke)
    assert sa_of(spoke).lowest_nonce == max(sa.lowest_nonce for sa in made.values())


# ------------------------------------------------------------------------------------------------ names


def test_two_identities_are_never_shown_as_one() -> None:
    """NHRP binds addresses to what is shown: an octet, and the text that stands for it, are two names."""
    assert name_of(Identification(IdType.KEY_ID, b"\xff")) != name_of(Identification(IdType.KEY_ID, rb"\xff"))
    long = [Identification(200, bytes(40) + bytes((last,))) for last in (1, 2)]
    assert name_of(long[0]) != name_of(long[1])


def test_an_identity_without_end_is_refused() -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE, Settings(identity="x" * 2000))
    spoke.connect(hub)
    net.run(1)
    assert not hub.children
    assert max(map(len, hub.troubles)) < 400


@pytest.mark.conforms("ike:1.4.1-nothing")
def test_deleting_what_is_not_there_is_answered_with_nothing() -> None:
    """RFC 7296 §1.4.1."""
    net, hub, spoke = up()
    asked = says(net, spoke, Delete(ProtocolId.ESP, (b"\1\1\1\1",)))
    assert asked.heard is not None
    assert asked.heard.payloads == ()
    assert matched(hub, spoke)


# ------------------------------------------------------------------------------------------------ offers and selectors


@pytest.mark.conforms("ike:2.7-offered")
def test_the_answer_must_be_one_of_those_that_were_offered() -> None:
    """RFC 7296 §2.7: one proposal, one transform of each type, and no other ones."""
    (offer,) = ike_offer((CBC,))
    assert accepted((CBC,), (offer,), ProtocolId.IKE) == CBC
    weaker = offer._replace(transforms=(offer.transforms[0]._replace(key_length=128), *offer.transforms[1:]))
    doubled = offer._replace(transforms=(weaker.transforms[0], *offer.transforms))
    missing = offer._replace(transforms=offer.transforms[:-1])
    for wrong in ((weaker,), (doubled,), (missing,), (offer, offer), (offer._replace(protocol=ProtocolId.ESP),)):
        assert accepted((CBC,), wrong, ProtocolId.IKE) is None


def selectors(spoke: Site, hub: Site, **changes: object) -> tuple[InitiatorSelectors, ResponderSelectors]:
    """What a spoke asks for, changed in one way."""
    ours, theirs = (TrafficSelector.host(site.address, 47) for site in (spoke, hub))
    return InitiatorSelectors((replace(ours, **changes),)), ResponderSelectors((replace(theirs, **changes),))  # type: ignore[arg-type]


def asks_for(net: IkeNet, spoke: Site, hub: Site, back: tuple[Payload, ...]) -> Says:
    front = Ask.of(sa_of(spoke), spoke.terms_with(hub.address).child, first=False).front()
    return says(net, spoke, *front, Nonce(bytes(32)), *back, kind=ExchangeType.CREATE_CHILD_SA)


@pytest.mark.conforms("ike:2.9-narrow")
def test_selectors_are_narrowed_to_what_both_want() -> None:
    net, hub, spoke = up()
    asked = asks_for(net, spoke, hub, selectors(spoke, hub, protocol=0))
    assert asked.heard is not None
    for kind, site in ((InitiatorSelectors, spoke), (ResponderSelectors, hub)):
        answer = asked.heard.find(kind)
        assert answer is not None
        assert [str(selector) for selector in answer.selectors] == [f"{site.address}/47"]


@pytest.mark.conforms("ike:2.9-narrow")
@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        ([(100, 100), (0, 65535)], "47"),  # strongSwan, begun by a GRE packet with key 100
        ([(0, 65535), (100, 100)], "47"),
        ([(100, 100)], "47/100"),
        ([(100, 100), (7, 9)], "47/100"),
        ([(8, 8), (7, 9)], "47/7-9"),
        ([(0xFFFF, 0)], "47/65535-0"),  # OPAQUE
        ([(0xFFFF, 0), (0, 65535)], "47"),
    ],
)
def test_the_widest_offer_that_holds_the_first_one_is_agreed_on(offered: list[tuple[int, int]], answered: str) -> None:
    """strongSwan with `set_proto_port_transport_sa` lost every packet: only those with port 100 were agreed on."""
    net, hub, spoke = up()
    each = [selectors(spoke, hub, ports=ports) for ports in offered]
    initiator = InitiatorSelectors(tuple(pair[0].selectors[0] for pair in each))
    responder = ResponderSelectors(tuple(pair[1].selectors[0] for pair in each))
    asked = asks_for(net, spoke, hub, (Notify(NotifyType.USE_TRANSPORT_MODE), initiator, responder))
    for kind, site in ((InitiatorSelectors, spoke), (ResponderSelectors, hub)):
        answer = asked.heard.find(kind) if asked.heard else None
        assert answer is not None
        assert [str(selector) for selector in answer.selectors] == [f"{site.address}/{answered}"]
    newest = list(sa_of(hub).children.active.values())[-1]
    assert [str(selector) for selector in newest.local] == [f"{hub.address}/{answered}"]


@pytest.mark.conforms("ike:2.9-narrow", "ike:2.23.1-transport")
def test_behind_a_nat_the_widest_offer_is_agreed_on_with_the_addresses_that_the_peer_wrote() -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    net.nats[spoke.address] = IPv4Address("203.0.113.9")
    spoke.connect(hub)
    net.run(1)
    narrow, wide = selectors(spoke, hub, ports=(100, 100)), selectors(spoke, hub)
    initiator = InitiatorSelectors((*narrow[0].selectors, *wide[0].selectors))
    responder = ResponderSelectors((*narrow[1].selectors, *wide[1].selectors))
    asked = asks_for(net, spoke, hub, (Notify(NotifyType.USE_TRANSPORT_MODE), initiator, responder))
    answer = asked.heard.find(InitiatorSelectors) if asked.heard else None
    assert answer is not None
    assert [str(selector) for selector in answer.selectors] == [f"{SPOKE}/47"]
    newest = list(sa_of(hub).children.active.values())[-1]
    assert [str(selector) for selector in newest.remote] == ["203.0.113.9/47"]


@pytest.mark.conforms("ike:2.9-refuse")
def test_selectors_without_a_common_part_are_refused() -> None:
    net, hub, spoke = up()
    assert asks_for(net, spoke, hub, selectors(spoke, hub, protocol=6)).told == [NotifyType.TS_UNACCEPTABLE]
    elsewhere = selectors(spoke, hub, first=IPv4Address("10.0.0.1"), last=IPv4Address("10.0.0.1"))
    assert asks_for(net, spoke, hub, elsewhere).told == [NotifyType.TS_UNACCEPTABLE]
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:2.9-refuse", "ike:2.23.1-transport")
def test_behind_a_nat_addresses_may_differ_and_nothing_else() -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    net.nats[spoke.address] = IPv4Address("203.0.113.9")
    spoke.connect(hub)
    net.run(1)
    assert matched(hub, spoke)
    assert asks_for(net, spoke, hub, selectors(spoke, hub, protocol=6)).told == [NotifyType.TS_UNACCEPTABLE]
    asked = asks_for(net, spoke, hub, (Notify(NotifyType.USE_TRANSPORT_MODE), *selectors(spoke, hub, protocol=0)))
    answer = asked.heard.find(InitiatorSelectors) if asked.heard else None
    assert answer is not None
    assert [str(selector) for selector in answer.selectors] == [f"{SPOKE}/47"]


def test_a_request_that_was_answered_before_the_last_one_is_not_answered_again() -> None:
    """RFC 7296 §2.3: the window is one."""
    net, hub, spoke = up()
    for _ in range(2):
        says(net, spoke)
    older, last = [flight for flight in net.log if flight.sender == SPOKE][-2:]
    for flight, answers_again in ((older, 0), (last, 1)):
        count = len(net.sent(hub))
        net.deliver(flight)
        assert len(net.sent(hub)) - count == answers_again


# ------------------------------------------------------------------------------------------------ beginnings, moments


@pytest.mark.parametrize("kind", [NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INVALID_SYNTAX, NotifyType.INVALID_IKE_SPI])
@pytest.mark.conforms("ike:2.21.1-init")
def test_a_forged_refusal_of_the_first_message_stops_nobody(kind: NotifyType) -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    sa = spoke.connect(hub)
    answers_in_clear(net, spoke, sa, Notify(kind))
    net.run(1)
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:1.2-group", "ike:2.21.1-init")
@pytest.mark.parametrize("group", [Group.MODP_1024, Group.CURVE25519])
def test_a_group_that_was_not_offered_or_was_taken_already_is_not_talked_into_us(group: Group) -> None:
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    sa = spoke.connect(hub)
    answers_in_clear(net, spoke, sa, Notify(NotifyType.INVALID_KE_PAYLOAD, group.to_bytes(2, "big")))
    assert net.sent(spoke) == ["IKE_SA_INIT request"]
    net.run(1)
    assert matched(hub, spoke)


def test_a_key_of_another_group_than_the_chosen_one_is_not_used() -> None:
    """Which the two did not agree on, whatever it is worth."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE, Settings(suites=(CBC, CBC._replace(group=Group.ECP_256))))
    sa = spoke.connect(hub)
    other = CBC._replace(group=Group.ECP_256)
    key = KeyExchange(Group.CURVE25519, draw(Group.CURVE25519, hub.sas.entropy).public)
    answers_in_clear(net, spoke, sa, SecurityAssociation(ike_offer((other,))), key, Nonce(bytes(32)), spi_r=b"stranger")
    assert sa.spi_r == bytes(8)
    net.run(1)
    assert matched(hub, spoke)


def answers_in_clear(net: IkeNet, site: Site, sa: IkeSa, *payloads: Payload, spi_r: bytes = bytes(8)) -> None:
    """Somebody answers the first message of a site before its peer does."""
    header = Header(spi_i=sa.spi_i, spi_r=spi_r, exchange=ExchangeType.IKE_SA_INIT, flags=Flag.RESPONSE, message_id=0)
    site.take(site.sas.handle(Message(payloads, header=header).serialize(), sa.path, net.now))


@pytest.mark.conforms("ike:2.12-fresh")
def test_every_exchange_has_a_key_and_a_nonce_of_its_own() -> None:
    net, hub, spoke = up(Settings(pfs=(Group.CURVE25519,)), Settings(pfs=(Group.CURVE25519,)))
    del net, hub
    sa = sa_of(spoke)
    (old,) = spoke.children
    asked = [RekeyChild(sa, old).request() or () for _ in range(4)]
    for kind in (KeyExchange, Nonce):
        assert len({payload for request in asked for payload in request if isinstance(payload, kind)}) == 4


@pytest.mark.conforms("ike:2.8-chance")
def test_the_two_ends_choose_other_moments() -> None:
    _, hub, spoke = up()
    moments = [sa_of(site).rekey_at or 0.0 for site in (hub, spoke)] + [
        child.rekey_at for site in (hub, spoke) for child in site.children
    ]
    assert len(set(moments)) == 4
    for moment, lifetime in zip(moments, (86_400, 86_400, 3600, 3600), strict=True):
        assert 0.79 * lifetime < moment < 0.91 * lifetime


# ------------------------------------------------------------------------------------------------ not now, and never


def test_a_rekey_that_the_peer_refuses_is_tried_again_seldom_and_not_at_the_speed_of_the_network() -> None:
    """With PFS at one end alone: each try costs both ends a key exchange, and there were fifty a second."""
    net, hub, spoke = up(Settings(pfs=(Group.ECP_256,), child_seconds=6000), Settings(child_seconds=1000))
    net.run(900)
    net.log.clear()
    net.run(90)
    assert matched(hub, spoke)
    assert net.sent(spoke).count("CREATE_CHILD_SA request") == 3
    assert len(sa_of(spoke).outgoing.later) == 1


def test_the_ike_sa_is_tried_to_be_replaced_again_when_the_peer_refuses() -> None:
    net, hub, spoke = up(spoke=Settings(lifetime=2000.0))
    hub.settings.suites = (GCM,)
    net.run(1800)
    net.log.clear()
    net.run(90)
    assert net.sent(spoke).count("CREATE_CHILD_SA request") == 3
    hub.settings.suites = (CBC,)
    net.run(30)
    assert sa_of(spoke).since > 1800
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:2.25.2-ike")
def test_no_child_sa_is_made_on_an_ike_sa_that_is_being_replaced() -> None:
    """The answer would belong to the old one, and its child SA to nobody."""
    net, hub, spoke = up()
    (old,) = hub.children
    spoke.take(sa_of(spoke).begin(RekeyIke(sa_of(spoke)), net.now))
    asked = Says(sa_of(hub), *RekeyChild(sa_of(hub), old).request() or (), kind=ExchangeType.CREATE_CHILD_SA)
    net.flights.clear()  # the spoke's request is late
    hub.take(sa_of(hub).begin(asked, net.now))
    net.run(0.1)
    assert asked.told == [NotifyType.TEMPORARY_FAILURE]
    net.run(10)
    assert matched(hub, spoke)


@pytest.mark.conforms("ike:2.25.2-ike")
def test_the_ike_sa_is_not_replaced_while_a_question_of_ours_is_on_its_way() -> None:
    """Its answer would come on an IKE SA that has no children any more."""
    net, hub, spoke = up()
    net.drops = lambda flight: flight.sender == HUB and flight.octets[18] == ExchangeType.INFORMATIONAL
    hub.take(sa_of(hub).begin(Probe(sa_of(hub)), net.now))
    asked = says(net, spoke, *RekeyIke(sa_of(spoke)).request() or (), kind=ExchangeType.CREATE_CHILD_SA)
    assert asked.told == [NotifyType.TEMPORARY_FAILURE]
    net.drops = lambda _: False
    net.run(10)
    assert matched(hub, spoke)


# ------------------------------------------------------------------------------------------------ what we cannot do


def test_a_peer_that_insists_on_a_postquantum_key_is_named_when_it_does_not_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 8784 §3: an initiator that insists gives up without a word when the answer has no USE_PPK."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    monkeypatch.setattr(initial_exchanges, "abilities", lambda **_: (Notify(NotifyType.USE_PPK),))
    net.drops = lambda flight: parse_header(flight.octets)[0].exchange == ExchangeType.IKE_AUTH
    spoke.connect(hub)
    net.run(35)
    assert "the peer offered USE_PPK and did not go on without a postquantum preshared key" in hub.troubles


def test_a_responder_that_asks_for_eap_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 7296 §2.16: its answer has an EAP payload and no child SA."""
    net = IkeNet()
    hub, spoke = net.site(HUB), net.site(SPOKE)
    asking = Unknown(PayloadType.EAP, bytes((1, 1, 0, 5, 1)))
    monkeypatch.setattr(
        "dmvpn.features.ike.v2.events.settle", lambda *given: replace(settle(*given), front=(asking,), back=())
    )
    spoke.connect(hub)
    net.run(1)
    assert spoke.troubles == [f"{hub.address} wants EAP, which this router cannot do"] * 2, "and the IKE SA ends so"
    assert not list(spoke.sas)
