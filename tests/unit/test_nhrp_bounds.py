"""Hostile input: whatever the network sends, what we remember, send and compute because of it stays small."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.hub import make_hub
from bench.hub import registration as registration_in_crowd
from dmvpn.base.addresses import Prefix
from dmvpn.base.context import Timer
from dmvpn.base.effects import ClearAdjacency, Effect, SetAdjacency
from dmvpn.base.events import EnteredLine, Event, LinesEntered, LinkChanged, NhrpReceived, Tick, Unresolved
from dmvpn.base.pages import NONE, Pages
from dmvpn.features.nhrp import admission, cache, reception, resolver, responder, shared
from dmvpn.features.nhrp.instance import LARGEST_LOGGED
from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.features.nhrp.messages import network_unconfigured
from dmvpn.features.nhrp.model import ClearCache, ClearSessions, NhrpConfig
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import (
    Authentication,
    CieCode,
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
)
from dmvpn.features.nhrp.questions import LARGEST_ANSWERED, Pending, Purpose, Questions
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.shared import AT_ONCE, PACKET, PER_SECOND
from support.cloud import (
    HUB,
    HUB_NBMA,
    PEER,
    PEER_NBMA,
    SPOKE,
    SPOKE_NBMA,
    answer,
    ready,
    receive,
    refused,
    targets,
    tunnel_of,
)
from support.overlay import TUNNEL, Overlay, address, cloud, data_packet, make_shortcut
from support.protected import ProtectedOverlay, protected
from support.work import circles, uncollected

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.features.nhrp.packet import NhrpPacket

REQUEST = ResolutionRequest(
    source_nbma=SPOKE_NBMA,
    source_protocol=address("192.168.100.31"),
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=1,
    cies=(ClientInfo(prefix_length=32, holding_time=7200),),
    extensions=(ResponderAddress(), ForwardTransitRecord(), ReverseTransitRecord(), NatAddress()),
)


def registration(number: int, *, source: IPAddress | None = None) -> RegistrationRequest:
    """Of one of a great many clients."""
    return RegistrationRequest(
        source_nbma=source or address("172.20.0.0") + number,
        source_protocol=address("192.168.100.128") + number,
        destination_protocol=HUB,
        flags=RegistrationFlag.UNIQUE,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )


def register(overlay: Overlay, number: int) -> int:
    """A client registers with the hub; the code of the answer."""
    packet = registration(number)
    receive(overlay, "R11", packet, packet.source_nbma)
    return overlay.sent(RegistrationReply)[-1].cies[0].code


@pytest.mark.conforms("5.2.0.1-nak-time", "5.2.3-overflow", "5.2.4-nak-5", "frr-22959")
def test_a_full_server_says_so_and_serves_those_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_CACHE", 10)
    overlay = cloud(3).start("R11")
    codes = [register(overlay, number) for number in range(15)]
    assert codes == [CieCode.SUCCESS] * 10 + [CieCode.INSUFFICIENT_RESOURCES] * 5
    assert len(tunnel_of(overlay, "R11").cache) == len(overlay.members["R11"].adjacencies) == 10
    assert register(overlay, 3) == CieCode.SUCCESS  # a refresh
    overlay.run(601)
    assert register(overlay, 14) == CieCode.SUCCESS
    refusal = next(reply.cies[0] for reply in overlay.sent(RegistrationReply) if reply.cies[0].code)
    assert refusal.holding_time == 0


@pytest.mark.conforms("5.2.0.1-code", "5.2.4-nak-5", "frr-22957")
def test_a_client_of_a_full_server_asks_on_ever_more_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_CACHE", 0)
    overlay = cloud(3).start("R11")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, maps=NONE)
    overlay.start("R31").run(300)
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "the next hop server refuses our registration (insufficient resources(5))"
    assert len(overlay.sent(RegistrationRequest)) <= 12


def test_questions_leave_nothing_to_the_collector_of_garbage() -> None:
    """It looks at all objects of a router so seldom that circles of references are kept for hours."""
    overlay = cloud(3, 4, 5, holdtime=120).start().run(1)
    with uncollected():
        for number in range(100, 150):
            overlay.handle("R31", Unresolved(TUNNEL, address(f"192.168.100.{number}")))
        overlay.run(400)
        assert circles() == []


def test_a_full_cache_takes_no_answers_and_learns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    overlay = ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    receive(overlay, "R31", redirect("10.4.4.1"), HUB_NBMA)
    (request,) = overlay.sent(ResolutionRequest)
    monkeypatch.setattr(cache, "LARGEST_CACHE", len(tunnel_of(overlay).cache))
    binding = ClientInfo(prefix_length=24, holding_time=600, nbma=PEER_NBMA, protocol=PEER)
    receive(overlay, "R31", answer(request, binding), PEER_NBMA)
    assert list(targets(overlay)) == ["10.4.4.1/32", "192.168.100.11/32"]
    assert refused(overlay, "R31") == {Refusal.NO_ROOM: 1}
    monkeypatch.setattr(cache, "LARGEST_CACHE", 3)
    receive(overlay, "R41", REQUEST, HUB_NBMA)
    receive(overlay, "R41", replace(REQUEST, destination_protocol=PEER, request_id=2), HUB_NBMA)
    assert len(tunnel_of(overlay, "R41").cache) == 3


def redirect(destination: str) -> TrafficIndication:
    """The hub tells R31 of a shorter way to a host."""
    return TrafficIndication(
        source_nbma=HUB_NBMA,
        source_protocol=HUB,
        destination_protocol=address("10.3.3.1"),
        packet=data_packet("10.3.3.1", destination),
    )


def test_requesters_that_do_not_exist_are_not_all_believed_and_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each requester that we learn from its request is probed: forged ones must not make us a gun."""
    monkeypatch.setattr(responder, "LARGEST_HEARSAY", 20)
    overlay = ready()
    for number in range(100):
        packet = replace(
            REQUEST,
            source_protocol=address("192.168.100.100") + number,
            source_nbma=address("172.20.0.1") + number,
            request_id=number,
        )
        receive(overlay, "R41", packet, HUB_NBMA)
    tunnel = tunnel_of(overlay, "R41")
    assert len(tunnel.paths) == 20
    assert len(tunnel.cache) == 22
    assert refused(overlay, "R41")[Refusal.NO_ROOM] == 80
    assert len(overlay.sent(ResolutionReply, "R41")) == 100  # answered they are


@pytest.mark.parametrize("nbma", ["224.0.0.10", "255.255.255.255", "0.0.0.0", "127.0.0.1", "172.16.41.1"])
def test_an_answer_goes_to_no_address_that_cannot_be_a_station(nbma: str) -> None:
    overlay = ready()
    receive(overlay, "R41", replace(REQUEST, source_nbma=address(nbma)), HUB_NBMA)
    assert [s.destination for s in overlay.packets] == [HUB_NBMA]
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]


@pytest.mark.parametrize("source", ["192.168.100.0", "192.168.100.255"])
def test_nobody_asks_in_the_name_of_the_subnet_or_of_everybody_in_it(source: str) -> None:
    overlay = ready()
    receive(overlay, "R41", replace(REQUEST, source_protocol=address(source)), HUB_NBMA)
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    assert refused(overlay, "R41") == {Refusal.FORGED: 1}


@pytest.mark.lengthy
def test_a_flood_of_redirects_for_ever_new_hosts_is_bounded() -> None:
    overlay = cloud()
    overlay.members["R31"].routes["10.0.0.0/8"] = "192.168.100.11"
    overlay.start().run(1)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    for number in range(2000):
        receive(overlay, "R31", redirect(str(address("10.99.0.0") + number)), HUB_NBMA)
    assert len(tunnel_of(overlay).cache.incomplete) == resolver.LARGEST_INCOMPLETE
    overlay.packets.clear()
    overlay.run(1000)
    asked = {packet.request_id for packet in overlay.sent(ResolutionRequest, "R31")}
    assert 0 < len(asked) <= resolver.LARGEST_INCOMPLETE
    assert len(tunnel_of(overlay).cache) == 1
    overlay.packets.clear()
    overlay.run(100)
    assert overlay.sent(ResolutionRequest) == []


@pytest.mark.lengthy
def test_answers_that_are_remembered_are_bounded() -> None:
    asked, hosts = Questions(), [address("10.99.0.0") + number for number in range(600)]
    for number, host in enumerate(hosts):
        question = Pending(0, TUNNEL, host, Purpose.SHORTCUT, Timer("ask again", lambda: None))
        asked.add(question, number)
        asked.finish(question)
    known = [asked.was_answered(number, host) for number, host in enumerate(hosts)]
    assert known == [False] * (600 - LARGEST_ANSWERED) + [True] * LARGEST_ANSWERED
    assert len(asked) == 0


@pytest.mark.conforms("5-size")
def test_a_transit_record_cannot_grow_beyond_a_packet_of_the_network() -> None:
    """A packet that is passed on in a circle of others gets longer at each of them: at the link's size it ends."""
    overlay = ready()
    others = tuple(ClientInfo(nbma=address("172.30.0.0") + n, protocol=address("10.255.0.0") + n) for n in range(70))
    packet = replace(REQUEST, extensions=(ForwardTransitRecord(entries=others),))
    assert len(packet.serialize()) <= 1476
    receive(overlay, "R11", packet, SPOKE_NBMA)
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.SDU_SIZE_EXCEEDED
    assert refused(overlay, "R11") == {Refusal.TOO_LARGE: 1}


@pytest.mark.conforms("5.2.7-8")
@pytest.mark.parametrize("size", [9217, 20_000, 65_507])
def test_octets_that_no_packet_has_are_not_even_read(size: int) -> None:
    """A reply to them would not fit into any packet."""
    overlay = ready()
    filling = (ClientInfo(),) * ((size - 200) // 12)
    packet = registration(1, source=SPOKE_NBMA)
    octets = replace(packet, cies=filling, extensions=REQUEST.extensions).serialize()
    octets += bytes(max(0, size - len(octets)))
    overlay.handle("R11", NhrpReceived(TUNNEL, SPOKE_NBMA, octets))
    assert len(overlay.sent(ErrorIndication)) == 1
    assert overlay.sent(RegistrationReply) == []
    assert refused(overlay, "R11") == {Refusal.TOO_LARGE: 1}


@pytest.mark.lengthy
@pytest.mark.conforms("5.2.3-u-one", "5.2.3-several")
def test_the_largest_packet_that_is_read_is_answered() -> None:
    overlay = ready()
    octets = 0
    entries: list[ClientInfo] = []
    while octets < reception.LARGEST_MESSAGE - 16:
        entries.append(ClientInfo(prefix_length=32, holding_time=60, protocol=address("192.168.100.99")))
        octets = len(replace(registration(1, source=SPOKE_NBMA), cies=tuple(entries)).serialize())
    packet = replace(registration(1, source=SPOKE_NBMA), cies=tuple(entries))
    receive(overlay, "R11", packet, SPOKE_NBMA)
    (reply,) = overlay.sent(RegistrationReply)
    assert len(reply.cies) == len(entries)


def test_a_storm_of_purges_of_others_is_answered_within_the_send_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "AT_ONCE", 1 << 30)  # the limit of work would end the storm first
    overlay = ready(max_send=(50, 10))
    for number in range(500):
        purge = PurgeRequest(
            source_nbma=PEER_NBMA,
            source_protocol=PEER,
            destination_protocol=address("192.168.100.31"),
            flags=0,  # type: ignore[arg-type]
            request_id=number,
            cies=(ClientInfo(prefix_length=24, protocol=address("10.4.4.0")),),
        )
        receive(overlay, "R31", purge, PEER_NBMA)
    assert len(overlay.packets) <= 50
    assert refused(overlay, "R31")[Refusal.SEND_LIMIT] >= 450


def test_a_tunnel_that_is_taken_away_leaves_nothing_waiting() -> None:
    """What it still asked and withdrew is given up; no timer and no memory of it stays."""
    overlay = ready()
    make_shortcut(overlay)
    overlay.filter = lambda _, __, packet: isinstance(packet, TrafficIndication)
    receive(overlay, "R31", redirect("10.4.9.9"), HUB_NBMA)
    overlay.handle("R31", ClearCache())
    overlay.configure("R31", network_id=None).run(300)
    machine = overlay.members["R31"].machine
    assert machine.next_deadline() is None
    part = machine._overlays[4]  # noqa: SLF001  what it forgot is seen nowhere else
    assert (part._purger._outstanding, len(part._resolver._questions)) == ({}, 0)  # noqa: SLF001


def test_when_something_was_logged_last_is_remembered_of_so_many_kinds_only() -> None:
    """`logging dmvpn rate-limit`: of crypto sockets there is a kind for each peer that there ever was."""
    overlay = cloud()
    station = overlay.members["R31"].machine._overlays[4]._instance  # noqa: SLF001  its memory is seen nowhere else
    station.config = NhrpConfig(logging=True, rate_limit=20)
    for number in range(2000):
        station.log_dmvpn(network_unconfigured("Tunnel1", MANY), about=str(number))
    assert len(station._logged) == LARGEST_LOGGED  # noqa: SLF001
    station.context.begin(5.0)
    station.log_dmvpn(network_unconfigured("Tunnel1", MANY), about="1999")
    assert station.context.take() == []


# How much work one station may cause at a hub, and that nobody else waits for it.

#: The first of many addresses that nobody routes.
MANY = address("10.77.0.1")
INSUFFICIENT = CieCode.INSUFFICIENT_RESOURCES


def registration_of(*cies: ClientInfo, source: IPAddress = PEER, nbma: IPAddress = PEER_NBMA) -> RegistrationRequest:
    """What a member sends its hub."""
    return RegistrationRequest(
        source_nbma=nbma,
        source_protocol=source,
        destination_protocol=HUB,
        flags=RegistrationFlag.NAT,
        request_id=1,
        cies=cies or (ClientInfo(prefix_length=32, holding_time=600),),
    )


def guests(first: int, count: int) -> tuple[ClientInfo, ...]:
    """Return entries for addresses that nobody has."""
    return tuple(
        ClientInfo(prefix_length=32, holding_time=600, protocol=MANY + number) for number in range(first, first + count)
    )


def purge(cies: tuple[ClientInfo, ...]) -> PurgeRequest:
    """A purge that a member sends its hub."""
    return PurgeRequest(
        source_nbma=PEER_NBMA,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=PurgeFlag.NAT,
        request_id=1,
        cies=cies,
    )


def question(number: int) -> ResolutionRequest:
    """A member asks the hub for an address of the hub's."""
    return ResolutionRequest(
        source_nbma=PEER_NBMA,
        source_protocol=PEER,
        destination_protocol=HUB,
        flags=ResolutionFlag.ROUTER | ResolutionFlag.NAT,
        request_id=number,
        cies=(ClientInfo(prefix_length=32, holding_time=600),),
    )


def flood(overlay: Overlay, packet: NhrpPacket, seconds: float, source: IPAddress = PEER_NBMA) -> int:
    """A member sends so many octets that they would hold a core; returns how many octets it sent."""
    octets, sent = packet.serialize(), 0
    for _ in range(int(seconds * 10)):
        for _ in range(1 + 100_000 // len(octets) // 10):
            receive(overlay, "R11", octets, source)
            sent += len(octets)
        overlay.run(0.1)
    return sent


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("packet", "reply"),
    [
        (registration_of(*guests(0, 550)), RegistrationReply),
        (registration_of(), RegistrationReply),
        (purge(guests(0, 550)), PurgeReply),
        (question(1), ResolutionReply),
    ],
    ids=["many entries", "small packets", "purges", "questions"],
)
def test_a_member_that_floods_a_hub_is_served_little_and_everybody_else_as_always(
    packet: NhrpPacket, reply: type[NhrpPacket]
) -> None:
    """One member's requests with hundreds of entries held the hub's core, and neighbors of EIGRP expired."""
    overlay = ready()
    octets = len(packet.serialize()) + PACKET
    sent = flood(overlay, packet, 10)
    served = len(overlay.sent(reply, "R11"))
    assert served * octets <= 10 * PER_SECOND + AT_ONCE + octets < sent
    assert refused(overlay, "R11")[Refusal.TOO_MUCH_WORK] > served
    overlay.packets.clear()
    receive(overlay, "R11", registration_of(source=SPOKE, nbma=SPOKE_NBMA), SPOKE_NBMA)
    assert overlay.sent(RegistrationReply, "R11")[-1].cies[0].code == CieCode.SUCCESS
    overlay.run(1)
    receive(overlay, "R11", registration_of(), PEER_NBMA)
    assert len(overlay.sent(RegistrationReply, "R11")) == 2, "when it floods no more, it is served like all others"


@pytest.mark.lengthy
def test_ten_thousand_spokes_that_register_at_one_moment_are_all_served() -> None:
    overlay = ready()
    first, outside = address("10.80.0.1"), address("172.30.0.1")
    for number in range(10_000):
        packet = registration_of(source=first + number, nbma=outside + number)
        receive(overlay, "R11", packet, outside + number)
    assert len(overlay.sent(RegistrationReply, "R11")) == 10_000
    assert Refusal.TOO_MUCH_WORK not in refused(overlay, "R11")


def test_forty_spokes_behind_one_translator_register_at_one_moment() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=100)
    for number in range(40):
        receive(overlay, "R11", registration_of(source=MANY + number, nbma=address("192.168.1.2")), PEER_NBMA)
    assert [reply.cies[0].code for reply in overlay.sent(RegistrationReply, "R11")] == [CieCode.SUCCESS] * 40


def test_a_spoke_with_a_hundred_addresses_registers_them_all_in_one_packet() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=200)
    receive(overlay, "R11", registration_of(*guests(0, 100)), PEER_NBMA)
    assert [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies] == [CieCode.SUCCESS] * 100


def test_of_a_packet_with_very_many_entries_the_rest_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "MOST_LOOKED_AT", 20)
    overlay = ready()
    receive(overlay, "R11", registration_of(*guests(0, 50)), PEER_NBMA)
    codes = [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]
    assert codes == [CieCode.SUCCESS] * 20 + [INSUFFICIENT] * 30
    assert len(tunnel_of(overlay, "R11").cache.at(PEER_NBMA)) == 21


def test_a_station_that_has_all_it_may_have_still_refreshes_what_it_names_last() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=4)
    receive(overlay, "R11", registration_of(*guests(0, 10), ClientInfo(holding_time=900)), PEER_NBMA)
    codes = [cie.code for cie in overlay.sent(RegistrationReply, "R11")[-1].cies]
    assert codes == [CieCode.SUCCESS] * 3 + [INSUFFICIENT] * 7 + [CieCode.SUCCESS]
    own = tunnel_of(overlay, "R11").cache.get(Prefix.host(PEER))
    assert own is not None
    assert own.holding_time == 900


def test_a_server_of_the_configuration_speaks_for_many() -> None:
    overlay = ready()
    overlay.configure("R11", maps=Pages([(Prefix.host(PEER), PEER_NBMA)]))
    for number in range(400):
        receive(overlay, "R11", question(number), PEER_NBMA)
    assert len(overlay.sent(ResolutionReply, "R11")) == 400
    for number in range(400, 4000):
        receive(overlay, "R11", question(number), PEER_NBMA)
    assert len(overlay.sent(ResolutionReply, "R11")) < 1000


def test_a_purge_of_very_many_entries_ends_them_a_few_at_a_time_but_not_those_that_are_told_again() -> None:
    overlay = ready()
    overlay.configure("R11", registration_limit=400)
    for first in range(0, 300, 100):
        receive(overlay, "R11", registration_of(*guests(first, 100)), PEER_NBMA)
        overlay.run(1)
    cache = tunnel_of(overlay, "R11").cache
    everything = tuple(ClientInfo(prefix_length=8, protocol=address(net)) for net in ("10.0.0.0", "192.0.0.0"))
    overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, purge(everything).serialize()))
    assert 100 < len(cache.at(PEER_NBMA)) < 300
    kept = list(cache.at(PEER_NBMA))[-1].target.address
    again = ClientInfo(prefix_length=32, holding_time=600, protocol=kept)
    receive(overlay, "R11", registration_of(again), PEER_NBMA)
    overlay.run(1)
    assert [entry.target.address for entry in cache.at(PEER_NBMA)] == [kept]


def _over(overlay: ProtectedOverlay, number: int) -> int:
    """Send the hub a registration over a connection; how many answers there are by now."""
    overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, registration_of().serialize(), number))
    return len(overlay.sent(RegistrationReply, "R11"))


def test_a_member_with_two_connections_may_not_cause_twice_as_much() -> None:
    overlay = protected().settled()
    first = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    for _ in range(200):
        served = _over(overlay, first)
    assert served < 200
    _, second = overlay.connect("R41", "R11")
    before = len(overlay.sent(RegistrationReply, "R11"))
    assert _over(overlay, second) == before


@pytest.mark.parametrize(
    "octets", [bytes(1400), bytes(9300), registration_of().serialize()], ids=["garbage", "long", "no password"]
)
def test_nobody_uses_up_in_clear_what_is_read_of_a_station_by_packets_without_its_password(octets: bytes) -> None:
    """A stranger sent nonsense from a spoke's address, and the hub read no registration of the spoke any more."""
    overlay = ready()
    overlay.configure("R11", authentication="secret")
    for _ in range(1000):
        receive(overlay, "R11", octets, PEER_NBMA)
    honest = replace(registration_of(), extensions=(Authentication(data=b"secret"),))
    receive(overlay, "R11", honest, PEER_NBMA)
    assert overlay.sent(RegistrationReply, "R11")[-1].cies[0].code == CieCode.SUCCESS
    assert Refusal.TOO_MUCH_WORK not in refused(overlay, "R11")


def test_nonsense_over_a_connection_is_the_work_of_its_member() -> None:
    overlay = protected().start().run(5)
    number = next(c.number for c in overlay.ipsec["R11"].known if c.identity == "R41.example")
    for _ in range(1000):
        overlay.handle("R11", NhrpReceived(TUNNEL, PEER_NBMA, bytes(100), number))
    assert refused(overlay, "R11")[Refusal.TOO_MUCH_WORK] > 900


# A crowd of clients of NHRP: what concerns all of them at one moment does not keep everybody else waiting.

CLIENTS = 300
#: Adjacencies that one event may order.
MOST = 130
_UNDERLAY = "GigabitEthernet0/1"


class Crowd:
    """A hub at which all clients register at one moment."""

    def __init__(self) -> None:
        self.router = make_hub()
        self.now = 1.0
        self.longest = 0
        self.ordered: list[Effect] = []
        self.handle(*map(registration_in_crowd, range(1, CLIENTS + 1)))

    def handle(self, *events: Event) -> None:
        for event in events:
            effects = self.router.handle(event, self.now)
            orders = [one for one in effects if isinstance(one, SetAdjacency | ClearAdjacency)]
            self.longest = max(self.longest, len(orders))
            self.ordered += orders

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.router.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.handle(Tick())
        self.now = end

    def entries(self) -> int:
        return sum(len(tunnel.cache) for tunnel in self.router.machine(NhrpMachine).tunnels)

    def of(self, kind: type[Effect]) -> int:
        return len({one.next_hop for one in self.ordered if type(one) is kind})  # type: ignore[attr-defined]


@pytest.fixture
def crowd() -> Crowd:
    return Crowd()


def test_clients_that_expire_together_are_forgotten_in_several_events(crowd: Crowd) -> None:
    crowd.run(610.0)
    assert crowd.entries() == 0
    assert crowd.of(ClearAdjacency) == CLIENTS
    assert crowd.longest <= MOST


@pytest.mark.lengthy
@pytest.mark.parametrize("order", [ClearCache(), ClearSessions()])
def test_clients_that_somebody_clears_are_forgotten_in_several_events(crowd: Crowd, order: Event) -> None:
    crowd.handle(order)
    crowd.run(0.5)
    assert crowd.entries() == 0
    assert crowd.longest <= MOST


def test_a_client_that_registers_while_all_are_being_cleared_stays(crowd: Crowd) -> None:
    crowd.now += 1.0
    crowd.handle(ClearCache(), registration_in_crowd(CLIENTS), registration_in_crowd(1))
    crowd.run(0.5)
    assert crowd.entries() == 2


def test_adjacencies_of_all_are_ordered_again_in_several_events(crowd: Crowd) -> None:
    crowd.handle(LinkChanged(_UNDERLAY, up=False))
    crowd.run(0.5)
    crowd.ordered.clear()
    crowd.handle(LinkChanged(_UNDERLAY, up=True))
    crowd.run(0.5)
    assert crowd.of(SetAdjacency) == CLIENTS
    assert crowd.longest <= MOST


def test_a_tunnel_without_nhrp_loses_its_clients_in_several_events(crowd: Crowd) -> None:
    line = EnteredLine(("interface Tunnel0",), "no ip nhrp network-id 1")
    crowd.handle(LinesEntered((line,)))
    crowd.run(0.5)
    assert crowd.of(ClearAdjacency) == CLIENTS
    assert crowd.longest <= MOST
