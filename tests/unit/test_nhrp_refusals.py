"""No as an answer to a Resolution Request: which NAK code says it, and what each means to who asked (§5.2.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import Unresolved
from dmvpn.base.notices import Route, RouteOffered, RouteSource
from dmvpn.features.nhrp import cache, responder
from dmvpn.features.nhrp.cache import EntryType
from dmvpn.features.nhrp.packet import ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import (
    CieCode,
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    VendorPrivate,
)
from dmvpn.features.nhrp.reasons import Refusal
from support.cloud import (
    HUB_NBMA,
    PEER,
    PEER_NBMA,
    SPOKE,
    SPOKE_NBMA,
    answer,
    question,
    ready,
    receive,
    refused,
    targets,
    tunnel_of,
)
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin

REQUEST = ResolutionRequest(
    source_nbma=SPOKE_NBMA,
    source_protocol=SPOKE,
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=900,
    cies=(ClientInfo(prefix_length=32, holding_time=7200),),
    extensions=(ResponderAddress(), ForwardTransitRecord(), NatAddress(), VendorPrivate(vendor=b"abc", data=b"d")),
)


def reply_of(overlay: Overlay) -> ResolutionReply:
    """The one reply that R41 sent."""
    (reply,) = overlay.sent(ResolutionReply, "R41")
    return reply


# ------------------------------------------------------------------------------------------------ what we refuse


@pytest.mark.conforms("2.2-nak", "5.2.0.1-id-copied", "5.2.0.1-nak-time", "5.2.2-nak")
def test_a_refusal_is_one_entry_with_nothing_but_the_code() -> None:
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, destination_protocol=address("10.77.0.1")), SPOKE_NBMA)
    (reply,) = overlay.sent(ResolutionReply)
    assert reply.cies == (ClientInfo(code=CieCode.NO_BINDING),)
    assert reply.cies[0].serialize() == bytes([12]) + bytes(11)
    assert reply.request_id == REQUEST.request_id
    assert [type(e) for e in reply.extensions] == [type(e) for e in REQUEST.extensions]


@pytest.mark.conforms("5.2.1-unique", "5.2.2-u", "5.2.2-nak-13", "frr-22952")
def test_who_wants_a_unique_binding_gets_our_own_address_and_not_what_is_behind_us() -> None:
    overlay = ready()
    unique = replace(REQUEST, flags=REQUEST.flags | ResolutionFlag.UNIQUE)
    receive(overlay, "R41", replace(unique, destination_protocol=PEER), HUB_NBMA)
    assert reply_of(overlay).cies[0].protocol == PEER
    assert len(reply_of(overlay).cies) == 1
    assert ResolutionFlag.UNIQUE in reply_of(overlay).flags
    overlay.packets.clear()
    receive(overlay, "R41", replace(unique, request_id=901), HUB_NBMA)
    assert reply_of(overlay).cies == (ClientInfo(code=CieCode.BINDING_NOT_UNIQUE),)


@pytest.mark.conforms("5.2.2-nak-4")
def test_a_spoke_with_a_point_to_point_tunnel_tells_others_to_go_by_the_hub() -> None:
    """Its tunnel takes packets of its far end alone: a direct path would be a black hole."""
    overlay = cloud()
    far = overlay.members["R41"]
    far.multipoint, far.destination = False, HUB_NBMA
    far.tunnel_state = replace(far.tunnel_state, multipoint=False, destination=HUB_NBMA)
    overlay.start()
    overlay.run(5)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(5)
    assert reply_of(overlay).cies == (ClientInfo(code=CieCode.ADMINISTRATIVELY_PROHIBITED),)
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    assert targets(overlay)["10.4.4.1/32"].type is EntryType.INCOMPLETE
    receive(overlay, "R41", replace(REQUEST, source_nbma=HUB_NBMA, source_protocol=address("192.168.100.11")), HUB_NBMA)
    assert overlay.sent(ResolutionReply, "R41")[-1].cies[0].prefix_length == 24  # its far end may ask


@pytest.mark.lengthy
@pytest.mark.conforms("5.2.2-nak-5")
def test_who_could_not_be_told_of_the_end_is_refused_for_lack_of_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_REQUESTERS", 8)
    overlay = ready()
    for number in range(12):
        source = address(f"192.168.100.{100 + number}")
        receive(overlay, "R41", replace(REQUEST, source_protocol=source, request_id=number), HUB_NBMA)
    codes = [reply.cies[0].code for reply in overlay.sent(ResolutionReply, "R41")]
    assert codes == [CieCode.SUCCESS] * 8 + [CieCode.INSUFFICIENT_RESOURCES] * 4
    receive(overlay, "R41", replace(REQUEST, source_protocol=address("192.168.100.100"), request_id=99), HUB_NBMA)
    assert overlay.sent(ResolutionReply, "R41")[-1].cies[0].code == CieCode.SUCCESS  # it is remembered already
    overlay.run(7201)
    receive(overlay, "R41", replace(REQUEST, request_id=100), HUB_NBMA)
    assert overlay.sent(ResolutionReply, "R41")[-1].cies[0].code == CieCode.SUCCESS


@pytest.mark.conforms("6.2.1-requesters")
def test_requesters_whose_time_is_over_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_REQUESTERS", 2)
    overlay = cloud(holdtime=100)
    overlay.start()
    for number in range(3):
        source = address(f"192.168.100.{100 + number}")
        receive(overlay, "R41", replace(REQUEST, source_protocol=source, request_id=number), HUB_NBMA)
        overlay.run(60)
    assert [reply.cies[0].code for reply in overlay.sent(ResolutionReply, "R41")] == [CieCode.SUCCESS] * 3


@pytest.mark.conforms("5.2.2-nak-5")
def test_prefixes_that_are_given_away_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who answers for the whole Internet gives it away host by host."""
    monkeypatch.setattr(responder, "LARGEST_LOCAL", 8)
    overlay = ready()
    outwards = (NextHop("GigabitEthernet0/1", address("172.16.41.2")),)
    default = Route(prefix=Prefix.parse("0.0.0.0/0"), source=RouteSource.STATIC, distance=1, next_hops=outwards)
    overlay.members["R41"].rib.known.append(default)
    for number in range(20):
        packet = replace(REQUEST, destination_protocol=address("203.0.113.0") + number, request_id=number)
        receive(overlay, "R41", packet, HUB_NBMA)
    codes = [reply.cies[0].code for reply in overlay.sent(ResolutionReply, "R41")]
    assert codes == [CieCode.SUCCESS] * 8 + [CieCode.INSUFFICIENT_RESOURCES] * 12
    assert len(tunnel_of(overlay, "R41").cache) <= 8 + 2


# ------------------------------------------------------------------------------------------------ what others refuse


@pytest.mark.conforms("2.2-not-every-packet", "3-failed", "5.2.0.1-code", "5.2.2-understood", "frr-22957")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4, "administratively prohibited(4)"),
        (5, "insufficient resources(5)"),
        (11, "no address binding(11)"),
        (12, "no address binding(12)"),
        (13, "address not unique(13)"),
        (14, "unique address registered already(14)"),
        (77, "unknown(77)"),
    ],
)
def test_every_no_to_a_redirect_keeps_the_hub_path_and_is_remembered(code: int, words: str) -> None:
    overlay = ready()
    receive(overlay, "R31", answer(question(overlay), ClientInfo(code=code)), HUB_NBMA)
    entry = targets(overlay)["10.4.4.1/32"]
    assert str(entry.reason) == f"the address cannot be resolved ({words})"
    for _ in range(5):
        hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
        overlay.run(30)
    assert len(overlay.sent(ResolutionRequest, "R31")) == 1
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.run(31)
    assert "10.4.4.1/32" not in targets(overlay)


@pytest.mark.conforms("5.2.2-understood")
@pytest.mark.parametrize("code", [4, 5, 13])
def test_a_next_hop_that_exists_but_is_refused_stays_with_the_hub(code: int) -> None:
    """Phase 2: the peer is there, only the direct way is not. To call it unreachable would be a black hole."""
    overlay = cloud(phase=2)
    overlay.start()
    overlay.run(5)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    (request,) = overlay.sent(ResolutionRequest, "R31")
    receive(overlay, "R31", answer(request, ClientInfo(code=code)), HUB_NBMA)
    overlay.run(1)
    spoke = overlay.members["R31"]
    assert spoke.adjacencies[PEER] == HUB_NBMA
    assert not [e for e in spoke.effects if isinstance(e, RouteOffered)]


@pytest.mark.conforms("5.2.2-understood")
@pytest.mark.parametrize("code", [11, 12])
def test_a_next_hop_that_nobody_has_is_unreachable_for_a_while(code: int) -> None:
    overlay = cloud(phase=2)
    overlay.start()
    overlay.run(5)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    overlay.handle("R31", Unresolved(TUNNEL, PEER))
    (request,) = overlay.sent(ResolutionRequest, "R31")
    receive(overlay, "R31", answer(request, ClientInfo(code=code)), HUB_NBMA)
    spoke = overlay.members["R31"]
    assert [e.route.kind for e in spoke.effects if isinstance(e, RouteOffered)] == [RouteKind.UNREACHABLE]


@pytest.mark.conforms("5.2.2-nak-13")
def test_a_no_without_any_entry_is_a_no() -> None:
    """RFC 2332 §5.2.1 says of code 13 that no CIE is included."""
    overlay = ready()
    receive(overlay, "R31", answer(question(overlay)), HUB_NBMA)
    overlay.run(60)
    assert len(overlay.sent(ResolutionRequest, "R31")) == 1


@pytest.mark.conforms("5.2.0.1-preference", "5.2.2-first")
def test_of_several_entries_the_first_is_taken() -> None:
    """RFC 2332 §5.2.2: it has the highest preference."""
    overlay = ready()
    first = ClientInfo(prefix_length=24, holding_time=600, preference=9, nbma=PEER_NBMA, protocol=PEER)
    second = replace(first, preference=3, nbma=address("172.16.51.1"), protocol=address("192.168.100.51"))
    receive(overlay, "R31", answer(question(overlay), first, second), HUB_NBMA)
    assert targets(overlay)["10.4.4.0/24"].next_hop == PEER


def test_a_reply_that_names_ourselves_is_not_believed() -> None:
    overlay = ready()
    request = question(overlay)
    for cie in (
        ClientInfo(holding_time=600, nbma=SPOKE_NBMA, protocol=PEER),
        ClientInfo(holding_time=600, nbma=PEER_NBMA, protocol=SPOKE),
        ClientInfo(holding_time=600, nbma=PEER_NBMA, protocol=address("10.3.3.7")),  # a host of our own LAN
        ClientInfo(holding_time=600, nbma=address("224.0.0.1"), protocol=PEER),
        ClientInfo(holding_time=600, nbma=address("0.0.0.0"), protocol=PEER),
        ClientInfo(holding_time=600, nbma=address("127.0.0.1"), protocol=PEER),
        ClientInfo(holding_time=600, protocol=PEER),
    ):
        receive(overlay, "R31", answer(request, cie), HUB_NBMA)
    nat = (NatAddress(entries=(ClientInfo(nbma=SPOKE_NBMA, protocol=PEER),)),)  # our own address as the peer's
    lie = replace(answer(request, ClientInfo(holding_time=600, nbma=PEER_NBMA, protocol=PEER)), extensions=nat)
    receive(overlay, "R31", lie, HUB_NBMA)
    assert refused(overlay, "R31") == {Refusal.FORGED: 8}
    assert list(targets(overlay)) == ["10.4.4.1/32", "192.168.100.11/32"]
