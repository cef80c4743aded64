"""What one station says of others, on a protected tunnel: whose word counts, and how often IKE begins because of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import Route, RouteChanged, RouteSource
from dmvpn.base.pages import Pages
from dmvpn.base.protection import Proved
from dmvpn.features.nhrp import responder
from dmvpn.features.nhrp.model import DEFAULT_HEARSAY
from dmvpn.features.nhrp.packet import (
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    parse,
)
from dmvpn.features.nhrp.packet import ResolutionRequest as Question
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord, NatAddress, ResponderAddress, find
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import LARGEST_COUNTED, MINUTE, Hearsay
from dmvpn.features.nhrp.transit import peek
from support.cloud import HUB, HUB_NBMA, PEER, PEER_NBMA, SPOKE, SPOKE_NBMA, ready, receive, refused, targets, tunnel_of
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin
from support.protected import ProtectedOverlay, protected

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

#: A station that nobody has, and where it is said to be.
STRANGER, STRANGER_NBMA = address("192.168.100.66"), address("198.51.100.66")
#: The server before us, as it writes itself down.
RECORD = ForwardTransitRecord(entries=(ClientInfo(prefix_length=32, nbma=PEER_NBMA, protocol=PEER),))


def _ready(*, trusted: bool = False, behind: dict[str, str] | None = None) -> ProtectedOverlay:
    """trusted: the hub has R41 in its configuration."""
    overlay = protected(behind=behind)
    if trusted:
        hub = overlay.members["R11"]
        hub.config = type(hub.config)(name=TUNNEL, network_id=100, maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    return overlay.settled()


def _say(overlay: ProtectedOverlay, packet: RegistrationRequest, by: str = "R41") -> int:
    """A member sends the hub a registration; the first code of the answer."""
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == f"{by}.example")
    overlay.handle("R11", NhrpReceived(TUNNEL, overlay.members[by].outside, packet.serialize(), number))
    return overlay.sent(RegistrationReply, "R11")[-1].cies[0].code


def _registration(
    source: IPAddress, nbma: IPAddress, cie_nbma: IPAddress | None = None, record: ForwardTransitRecord | None = None
) -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=nbma,
        source_protocol=source,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=(ClientInfo(prefix_length=32, holding_time=600, nbma=cie_nbma),),
        extensions=(record,) if record is not None else (),
    )


def _question(stranger: int, nbma: IPAddress, protocol: IPAddress, destination: str) -> Question:
    """A request in the name of a station that nobody has. nbma, protocol: of the member that passes it on."""
    return Question(
        source_nbma=STRANGER_NBMA + stranger,
        source_protocol=STRANGER + stranger,
        destination_protocol=address(destination),
        flags=Question.FLAGS(0xC802),
        request_id=stranger,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
        extensions=(ForwardTransitRecord(entries=(ClientInfo(nbma=nbma, protocol=protocol),)),),
    )


def test_nobody_registers_another_ones_nbma_address_and_ike_does_not_go_there() -> None:
    overlay = _ready()
    packet = _registration(STRANGER, PEER_NBMA, cie_nbma=STRANGER_NBMA)
    assert _say(overlay, packet) == CieCode.ADMINISTRATIVELY_PROHIBITED
    assert STRANGER_NBMA not in overlay.wanted["R11"]
    assert refused(overlay, "R11")[Refusal.OTHER_NBMA] == 1


def test_a_forward_record_of_somebody_who_is_no_server_says_nothing() -> None:
    overlay = _ready()
    assert _say(overlay, _registration(STRANGER, STRANGER_NBMA, record=RECORD)) == CieCode.SUCCESS
    entry = targets(overlay, "R11")["192.168.100.66/32"]
    assert (entry.nbma, entry.claimed) == (PEER_NBMA, STRANGER_NBMA)  # as if it were behind NAT
    assert STRANGER_NBMA not in overlay.wanted["R11"]


@pytest.mark.parametrize("recorded", [True, False])
def test_a_server_that_the_configuration_names_may_pass_on_where_its_clients_are(recorded: bool) -> None:
    overlay = _ready(trusted=True)
    named = None if recorded else STRANGER_NBMA
    header = STRANGER_NBMA if recorded else PEER_NBMA
    assert _say(overlay, _registration(STRANGER, header, named, RECORD if recorded else None)) == CieCode.SUCCESS
    assert targets(overlay, "R11")["192.168.100.66/32"].nbma == STRANGER_NBMA
    assert STRANGER_NBMA in overlay.wanted["R11"]


def test_who_names_its_translated_address_itself_says_nothing_of_others() -> None:
    overlay = _ready(behind={"R31": "203.0.113.3"})
    own, outside = overlay.members["R31"].nbma, address("203.0.113.3")
    assert _say(overlay, _registration(SPOKE, own, cie_nbma=outside), by="R31") == CieCode.SUCCESS
    entry = targets(overlay, "R11")["192.168.100.31/32"]
    assert (entry.nbma, entry.claimed) == (outside, own)


def test_a_server_leads_ike_to_so_many_new_addresses_in_a_minute_and_the_rest_is_told_to_wait() -> None:
    """Its clients can write what they like into what it passes on."""
    overlay = _ready(trusted=True)
    codes = [
        _say(overlay, _registration(STRANGER + number, STRANGER_NBMA + number, record=RECORD)) for number in range(15)
    ]
    unasked = DEFAULT_HEARSAY // 2
    assert codes == [CieCode.SUCCESS] * unasked + [CieCode.INSUFFICIENT_RESOURCES] * (15 - unasked)
    assert refused(overlay, "R11")[Refusal.HELD_BACK] == 15 - unasked
    assert _say(overlay, _registration(STRANGER, STRANGER_NBMA, record=RECORD)) == CieCode.SUCCESS  # it is known
    overlay.run(MINUTE + 1)
    assert _say(overlay, _registration(STRANGER + 14, STRANGER_NBMA + 14, record=RECORD)) == CieCode.SUCCESS


def test_whose_key_proves_no_name_leads_ike_no_further_by_inventing_names() -> None:
    """A key that is good for everybody: each name that its holder made up had a limit of its own."""
    overlay = _ready()
    before = len(overlay.wanted["R11"])
    for stranger in range(3 * DEFAULT_HEARSAY):
        name = f"invented{stranger % 5}.example"
        known = next((c.number for c in overlay.ipsec["R11"].known if c.identity == name), None)
        if known is None:
            _, known = overlay.connect("R41", "R11", identity=name, entry="keyring RING peer ALL", named=False)
        packet = _question(stranger, PEER_NBMA, PEER, "10.1.1.1")
        overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, packet.serialize(), known))
    assert len(overlay.wanted["R11"]) == before + DEFAULT_HEARSAY // 2


def test_answers_to_our_own_questions_are_believed_when_requests_have_used_up_their_half() -> None:
    overlay = _ready()
    number = tunnel_of(overlay).clients[HUB].connection
    for stranger in range(50):
        packet = _question(stranger, HUB_NBMA, HUB, "10.3.3.1")
        overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, packet.serialize(), number))
    assert len(overlay.wanted["R31"]) == 1 + DEFAULT_HEARSAY // 2
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(3)
    assert overlay.sent(ResolutionReply)
    assert PEER_NBMA in overlay.wanted["R31"]


def test_stations_whose_words_are_counted_are_bounded() -> None:
    overlay = _ready()
    hearsay, tunnel = Hearsay(), tunnel_of(overlay)
    for number in range(1, LARGEST_COUNTED + 50):
        hearsay.believes(tunnel, PEER_NBMA + number, STRANGER_NBMA, now=0.0, asked=False, known=False)
    assert hearsay.counted(TUNNEL) == LARGEST_COUNTED


def test_what_was_counted_for_a_tunnel_that_is_gone_is_forgotten() -> None:
    overlay = _ready()
    hearsay, tunnel = Hearsay(), tunnel_of(overlay)
    hearsay.believes(tunnel, PEER_NBMA, STRANGER_NBMA, now=0.0, asked=False, known=False)
    hearsay.keep([tunnel.name])
    assert hearsay.counted(TUNNEL) == 1
    hearsay.keep([])
    assert hearsay.counted(TUNNEL) == 0


# How many entries one station may have: by its identity, in clear by its outer NBMA address.

#: The first of many addresses that nobody routes, in and out of the subnet.
MANY = address("10.77.0.1")
#: So many entries are allowed in these tests.
LIMIT = 4


def _request(
    first: int, count: int = 1, *, nbma: IPAddress = PEER_NBMA, holding_time: int = 600
) -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=nbma,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=tuple(
            ClientInfo(prefix_length=32, holding_time=holding_time, protocol=MANY + number)
            for number in range(first, first + count)
        ),
    )


def _limited(**settings: object) -> Overlay:
    overlay = ready()
    overlay.configure("R11", registration_limit=LIMIT, **settings)
    return overlay


def _codes(overlay: Overlay, packet: RegistrationRequest, source: IPAddress = PEER_NBMA) -> list[int]:
    receive(overlay, "R11", packet, source)
    return [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]


def test_a_station_has_so_many_entries_and_its_own_address_is_one_of_them() -> None:
    overlay = _limited()
    full = [CieCode.INSUFFICIENT_RESOURCES]
    assert _codes(overlay, _request(0, 10)) == [CieCode.SUCCESS] * (LIMIT - 1) + full * (11 - LIMIT)
    assert refused(overlay, "R11")[Refusal.TOO_MANY] == 11 - LIMIT
    assert _codes(overlay, _request(0)) == [CieCode.SUCCESS]  # a refresh
    assert _codes(overlay, _request(50), SPOKE_NBMA) == [CieCode.SUCCESS]  # another station


def test_what_goes_makes_room() -> None:
    overlay = _limited()
    _codes(overlay, _request(0, 10))
    assert _codes(overlay, _request(0, holding_time=0)) == [CieCode.SUCCESS]  # taken back
    assert _codes(overlay, _request(5)) == [CieCode.SUCCESS]
    overlay.run(601)
    assert _codes(overlay, _request(10, 10)).count(CieCode.SUCCESS) == LIMIT - 1
    tunnel = tunnel_of(overlay, "R11")
    assert tunnel.cache.paid_by(PEER_NBMA) == LIMIT


def test_in_clear_a_private_address_behind_a_translator_is_no_name_of_a_station() -> None:
    overlay = _limited()
    inside = address("192.168.1.2")  # of many a site
    assert _codes(overlay, _request(0, nbma=inside), address("198.51.100.7")) == [CieCode.SUCCESS]
    for number in range(1, LIMIT):
        assert _codes(overlay, _request(number, nbma=inside), address("198.51.100.8")) == [CieCode.SUCCESS]
    assert tunnel_of(overlay, "R11").cache.paid_by(address("198.51.100.7")) == 1


def test_an_entry_that_another_station_takes_over_is_counted_under_that_one() -> None:
    overlay = _limited()
    _codes(overlay, _request(0, 2))
    cache = tunnel_of(overlay, "R11").cache
    before = cache.paid_by(PEER_NBMA), cache.paid_by(SPOKE_NBMA)
    assert _codes(overlay, _request(0, 2, nbma=SPOKE_NBMA), SPOKE_NBMA) == [CieCode.SUCCESS] * 2
    assert (cache.paid_by(PEER_NBMA), cache.paid_by(SPOKE_NBMA)) == (before[0] - 2, before[1] + 2)


def test_a_server_of_the_configuration_may_have_as_many_as_it_likes_but_not_those_whose_words_it_passes_on() -> None:
    overlay = _limited(maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    assert _codes(overlay, _request(0, 20)) == [CieCode.SUCCESS] * 20
    record = ForwardTransitRecord(entries=(ClientInfo(prefix_length=32, nbma=PEER_NBMA, protocol=PEER),))
    passed_on = replace(_request(100, 20, nbma=address("198.51.100.9")), extensions=(record,))
    assert _codes(overlay, passed_on).count(CieCode.SUCCESS) == LIMIT


def _over(overlay: ProtectedOverlay, packet: RegistrationRequest, number: int) -> list[int]:
    overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, packet.serialize(), number))
    return [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]


def test_on_a_protected_tunnel_the_identity_counts_over_all_its_connections() -> None:
    overlay = protected(registration_limit=LIMIT).start().run(5)
    overlay.configure("R11", registration_limit=LIMIT)
    first = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    assert _over(overlay, _request(0, 2), first) == [CieCode.SUCCESS] * 2
    _, second = overlay.connect("R41", "R11")
    assert _over(overlay, _request(10, 10), second).count(CieCode.SUCCESS) == LIMIT - 3
    assert tunnel_of(overlay, "R11").cache.paid_by(Proved(2, b"R41.example")) == LIMIT


def test_whose_key_proves_no_name_has_no_more_entries_by_inventing_names() -> None:
    """A key that is good for everybody: each name that its holder made up had 32 entries of its own."""
    overlay = protected(registration_limit=LIMIT).start().run(5)
    overlay.configure("R11", registration_limit=LIMIT)
    codes: list[int] = []
    for number in range(5):
        _, connection = overlay.connect(
            "R41", "R11", identity=f"invented{number}.example", entry="keyring RING peer ALL", named=False
        )
        codes += _over(overlay, _request(10 * number, 2), connection)
    assert codes.count(CieCode.SUCCESS) == LIMIT
    assert tunnel_of(overlay, "R11").cache.paid_by(PEER_NBMA) == LIMIT


def test_nobody_uses_up_the_entries_of_another_by_saying_its_name() -> None:
    """The holder of everybody's key registered as R31.example, whose own entries were refused then."""
    overlay = protected(registration_limit=LIMIT).start().run(5)
    overlay.configure("R11", registration_limit=LIMIT)
    before = tunnel_of(overlay, "R11").cache.paid_by(Proved(2, b"R31.example"))
    assert before
    for entry, named in (("keyring RING peer ALL", False), ("keyring RING peer OTHER", True)):
        _, connection = overlay.connect("R41", "R11", identity="R31.example", entry=entry, named=named)
        _over(overlay, _request(0, 20), connection)
    assert tunnel_of(overlay, "R11").cache.paid_by(Proved(2, b"R31.example")) == before


def test_requests_make_so_many_entries_for_one_station(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responder, "LARGEST_RESOLVED", LIMIT)
    overlay = ready()
    for number in range(20):
        packet = Question(
            source_nbma=SPOKE_NBMA,
            source_protocol=address("192.168.100.100") + number,
            destination_protocol=address("10.4.4.1"),
            flags=ResolutionFlag(0xC802),
            request_id=number,
            cies=(ClientInfo(prefix_length=32, holding_time=7200),),
        )
        receive(overlay, "R41", packet, HUB_NBMA)
    assert sum(entry.nbma == SPOKE_NBMA for entry in targets(overlay, "R41").values()) == LIMIT
    assert refused(overlay, "R41")[Refusal.NO_ROOM] == 20 - LIMIT


# Which addresses outside of the tunnel's subnet a client may register: those that routing gives to nobody else.

#: A host in the site of R31, and one that no route leads to.
HOST, NOWHERE = address("10.3.3.100"), address("10.77.0.1")


def register(overlay: Overlay, target: IPAddress, by: IPAddress = PEER, at: IPAddress = PEER_NBMA) -> int:
    """A client registers one address with the hub; the code of the answer."""
    packet = RegistrationRequest(
        source_nbma=at,
        source_protocol=by,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=4711,
        cies=(ClientInfo(prefix_length=32, holding_time=600, protocol=target),),
    )
    receive(overlay, "R11", packet, at)
    return overlay.sent(RegistrationReply, "R11")[-1].cies[0].code


def put_route(overlay: Overlay, prefix: str, *hops: NextHop, kind: RouteKind = RouteKind.FORWARD) -> None:
    """A route appears at the hub."""
    route = Route(prefix=Prefix.parse(prefix), source=RouteSource.STATIC, distance=1, next_hops=hops, kind=kind)
    overlay.members["R11"].rib.known.append(route)
    overlay.handle("R11", RouteChanged(route.prefix, None, route))


def test_a_member_does_not_get_the_packets_of_a_host_behind_another_one() -> None:
    """It was accepted, and every other spoke that asked for the host was told to send to the thief."""
    overlay = ready()
    assert register(overlay, HOST) == CieCode.ADMINISTRATIVELY_PROHIBITED
    assert "10.3.3.100/32" not in targets(overlay, "R11")
    assert refused(overlay, "R11")[Refusal.ROUTED_ELSEWHERE] == 1
    assert overlay.log_texts("R11")[-1] == (
        "%NHRP-4-REGREFUSED: Tunnel100: 10.3.3.100 is not registered for 172.16.41.1: "
        "registered address that is routed to another station"
    )


def test_the_station_itself_may_register_what_is_routed_to_it() -> None:
    overlay = ready()
    assert register(overlay, HOST, by=SPOKE, at=SPOKE_NBMA) == CieCode.SUCCESS
    assert targets(overlay, "R11")["10.3.3.100/32"].nbma == SPOKE_NBMA


def test_who_calls_himself_by_the_name_of_another_station_is_not_that_station() -> None:
    overlay = ready()
    assert register(overlay, HOST, by=SPOKE, at=PEER_NBMA) == CieCode.ADMINISTRATIVELY_PROHIBITED


def test_a_default_route_says_nothing_of_whose_an_address_is() -> None:
    overlay = ready()
    put_route(overlay, "0.0.0.0/0", NextHop("GigabitEthernet0/1", address("172.16.11.254")))
    assert register(overlay, NOWHERE) == CieCode.SUCCESS


@pytest.mark.parametrize(
    ("hops", "kind", "code"),
    [
        ((), RouteKind.DISCARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop("GigabitEthernet0/2"),), RouteKind.FORWARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop(TUNNEL, SPOKE), NextHop(TUNNEL, PEER)), RouteKind.FORWARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop(TUNNEL, address("192.168.100.99")),), RouteKind.FORWARD, CieCode.ADMINISTRATIVELY_PROHIBITED),
        ((NextHop(TUNNEL, PEER),), RouteKind.FORWARD, CieCode.SUCCESS),
        ((NextHop(TUNNEL),), RouteKind.FORWARD, CieCode.SUCCESS),  # whose it is on the link NHRP says
    ],
)
def test_the_longest_route_decides_whose_an_address_is(
    hops: tuple[NextHop, ...], kind: RouteKind, code: CieCode
) -> None:
    overlay = ready()
    put_route(overlay, "10.77.0.0/16", *hops, kind=kind)
    assert register(overlay, NOWHERE) == code


def test_an_entry_goes_when_routing_says_that_the_address_is_behind_another_station() -> None:
    overlay = ready()
    assert register(overlay, NOWHERE) == CieCode.SUCCESS
    overlay.route("R11", "10.77.0.0/24", str(SPOKE))
    assert "10.77.0.1/32" not in targets(overlay, "R11")
    assert NOWHERE not in overlay.members["R11"].adjacencies
    assert register(overlay, NOWHERE) == CieCode.ADMINISTRATIVELY_PROHIBITED


def test_an_entry_stays_when_a_route_to_its_own_station_comes_or_goes() -> None:
    overlay = ready()
    assert register(overlay, NOWHERE) == CieCode.SUCCESS
    overlay.route("R11", "10.77.0.0/24", str(PEER))
    overlay.route("R11", "10.77.0.0/24", None)
    assert targets(overlay, "R11")["10.77.0.1/32"].nbma == PEER_NBMA


def test_who_said_it_was_a_station_that_had_not_come_yet_loses_what_it_got_when_that_comes() -> None:
    overlay = cloud().start("R11", "R41").run(2)
    assert register(overlay, HOST, by=SPOKE, at=PEER_NBMA) == CieCode.SUCCESS  # nobody knows better
    overlay.start("R31").run(2)
    assert "10.3.3.100/32" not in targets(overlay, "R11")
    assert targets(overlay, "R11")["192.168.100.31/32"].nbma == SPOKE_NBMA


def test_a_hub_with_a_host_mask_takes_clients_that_no_route_leads_to() -> None:
    """FRR gives tunnel interfaces a /32, so that every client is outside of the subnet."""
    overlay = cloud().start("R11")
    hub = overlay.members["R11"]
    state = replace(hub.interfaces.states[0], prefix_length=32)
    hub.interfaces.states[0] = state
    hub.rib.known = []
    hub.machine.tunnels[0].follow(state)
    overlay.start("R31").run(2)
    assert targets(overlay, "R11")["192.168.100.31/32"].nbma == SPOKE_NBMA


@pytest.mark.parametrize(("length", "code"), [(24, CieCode.ADMINISTRATIVELY_PROHIBITED), (31, CieCode.SUCCESS)])
def test_the_last_address_of_a_subnet_is_nobodys_unless_the_subnet_has_only_two(length: int, code: CieCode) -> None:
    overlay = cloud().start("R11")
    hub = overlay.members["R11"]
    own = address("192.168.100.254")
    state = replace(hub.interfaces.states[0], address=own, prefix_length=length)
    hub.interfaces.states[0] = state
    hub.machine.tunnels[0].follow(state)
    packet = RegistrationRequest(
        source_nbma=PEER_NBMA,
        source_protocol=address("192.168.100.255"),
        destination_protocol=own,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )
    receive(overlay, "R11", packet, PEER_NBMA)
    assert overlay.sent(RegistrationReply)[-1].cies[0].code == code
    assert refused(overlay, "R11").get(Refusal.NO_STATION, 0) == (code != CieCode.SUCCESS)


# Packets that leave their source NBMA address out (length 0): OpenNHRP sends such requests after a purge.

NOTHING = address("0.0.0.0")
REGISTRATION = RegistrationRequest(
    source_nbma=NOTHING,
    without_nbma=True,
    source_protocol=SPOKE,
    destination_protocol=HUB,
    flags=RegistrationFlag.UNIQUE | RegistrationFlag.NAT,
    request_id=1,
    cies=(ClientInfo(prefix_length=255, holding_time=7200),),
    extensions=(ResponderAddress(), NatAddress()),
)
QUESTION = ResolutionRequest(
    source_nbma=NOTHING,
    without_nbma=True,
    source_protocol=SPOKE,
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=2,
    cies=(ClientInfo(prefix_length=32, holding_time=7200),),
    extensions=(ResponderAddress(), ForwardTransitRecord()),
)


def test_the_address_takes_no_room_and_the_octets_are_the_same_again() -> None:
    octets = REGISTRATION.serialize()
    assert octets[18] == 0  # ar$shtl
    assert octets[28:36] == SPOKE.packed + HUB.packed
    assert parse(octets) == REGISTRATION
    assert parse(octets).serialize() == octets
    envelope = peek(octets)
    assert envelope is not None
    assert (envelope.source_protocol, envelope.destination_protocol) == (SPOKE, HUB)


@pytest.mark.conforms("5.1-nbma-absent")
def test_a_registration_is_bound_to_where_it_came_from_and_answered() -> None:
    """It was malformed to us, and a station that OpenNHRP had purged could not come back."""
    overlay = cloud(3).start("R11")
    receive(overlay, "R11", REGISTRATION, SPOKE_NBMA)
    (reply,) = overlay.sent(RegistrationReply)
    assert reply.cies[0].code == CieCode.SUCCESS
    assert reply.source_nbma == SPOKE_NBMA
    entry = targets(overlay, "R11")["192.168.100.31/32"]
    assert (entry.nbma, entry.claimed) == (SPOKE_NBMA, None)
    nat = find(reply.extensions, NatAddress)
    assert nat is None or not nat.entries  # there is nothing that a translator could have changed


def test_a_question_is_passed_on_with_the_address_and_answered() -> None:
    overlay = ready()
    receive(overlay, "R11", QUESTION, SPOKE_NBMA)
    overlay.run(1)
    (passed_on,) = overlay.sent(ResolutionRequest, "R11")
    assert (passed_on.source_nbma, passed_on.without_nbma) == (SPOKE_NBMA, False)
    (reply,) = overlay.sent(ResolutionReply, "R41")
    assert reply.cies[0].nbma == PEER_NBMA


def test_a_question_that_another_server_passed_on_without_it_is_answered_by_that_server() -> None:
    overlay = ready()
    record = ForwardTransitRecord(entries=(ClientInfo(prefix_length=32, nbma=HUB_NBMA, protocol=HUB),))
    packet = ResolutionRequest(
        source_nbma=NOTHING,
        without_nbma=True,
        source_protocol=SPOKE,
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag(0xC802),
        request_id=3,
        cies=(ClientInfo(prefix_length=32, holding_time=7200),),
        extensions=(record,),
    )
    receive(overlay, "R41", packet, HUB_NBMA)
    sent = [s for s in overlay.packets if isinstance(s.packet, ResolutionReply)]
    assert [s.destination for s in sent] == [HUB_NBMA]
    assert "192.168.100.31/32" not in targets(overlay, "R41")


def test_a_purge_is_answered() -> None:
    overlay = ready()
    purge = PurgeRequest(
        source_nbma=NOTHING,
        without_nbma=True,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=PurgeFlag(0),
        request_id=4,
        cies=(ClientInfo(prefix_length=32, protocol=SPOKE),),
    )
    receive(overlay, "R11", purge, SPOKE_NBMA)
    assert len(overlay.sent(PurgeReply, "R11")) == 1
    assert "192.168.100.31/32" not in targets(overlay, "R11")
