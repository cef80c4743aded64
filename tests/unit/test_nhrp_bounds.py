"""Hostile input: whatever the network sends, what we remember, send and compute because of it stays small."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.context import Timer
from dmvpn.base.events import NhrpReceived, Unresolved
from dmvpn.base.pages import NONE
from dmvpn.features.nhrp import cache, reception, resolver, responder, shared
from dmvpn.features.nhrp.messages import NhrpError
from dmvpn.features.nhrp.model import ClearCache, NhrpConfig
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
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
    CieCode,
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
)
from dmvpn.features.nhrp.questions import LARGEST_ANSWERED, Pending, Purpose, Questions
from dmvpn.features.nhrp.reasons import Refusal
from dmvpn.features.nhrp.station import LARGEST_LOGGED
from support.cloud import (
    HUB,
    HUB_NBMA,
    PEER,
    PEER_NBMA,
    SPOKE_NBMA,
    answer,
    ready,
    receive,
    refused,
    targets,
    tunnel_of,
)
from support.leftovers import circles, uncollected
from support.overlay import TUNNEL, Overlay, address, cloud, data_packet, make_shortcut

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

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
    overlay = cloud(3)
    overlay.start("R11")
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
    overlay = cloud(3)
    overlay.start("R11")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, maps=NONE)
    overlay.start("R31")
    overlay.run(300)
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "the next hop server refuses our registration (insufficient resources(5))"
    assert len(overlay.sent(RegistrationRequest)) <= 12


def test_questions_leave_nothing_to_the_collector_of_garbage() -> None:
    """It looks at all objects of a router so seldom that circles of references are kept for hours."""
    overlay = cloud(3, 4, 5, holdtime=120)
    overlay.start()
    overlay.run(1)
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
    overlay.start()
    overlay.run(1)
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
    overlay.configure("R31", network_id=None)
    overlay.run(300)
    machine = overlay.members["R31"].machine
    assert machine.next_deadline() is None
    part = machine._overlays[4]  # noqa: SLF001  what it forgot is seen nowhere else
    assert (part._purger._outstanding, len(part._resolver._questions)) == ({}, 0)  # noqa: SLF001


def test_when_something_was_logged_last_is_remembered_of_so_many_kinds_only() -> None:
    """`logging dmvpn rate-limit`: of crypto sockets there is a kind for each peer that there ever was."""
    overlay = cloud()
    station = overlay.members["R31"].machine._overlays[4]._station  # noqa: SLF001  its memory is seen nowhere else
    station.config = NhrpConfig(logging=True, rate_limit=20)
    for number in range(2000):
        station.log_dmvpn(NhrpError(""), about=str(number))
    assert len(station._logged) == LARGEST_LOGGED  # noqa: SLF001
    station.context.begin(5.0)
    station.log_dmvpn(NhrpError(""), about="1999")
    assert station.context.take() == []
