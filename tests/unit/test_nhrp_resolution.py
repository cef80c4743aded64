"""Resolution: the question, its way and its repetitions, the answers and refusals (RFC 2332 §5.2.1, §5.2.2)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop, RouteKind
from dmvpn.base.events import NhrpReceived, Unresolved
from dmvpn.base.notices import Route, RouteOffered, RouteSource
from dmvpn.features.nhrp import cache, responder
from dmvpn.features.nhrp.cache import EntryType, Flag
from dmvpn.features.nhrp.packet import ErrorCode, ErrorIndication, ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import (
    CieCode,
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    VendorPrivate,
    find,
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
from support.overlay import TUNNEL, Overlay, address, cloud, hairpin, make_shortcut


@pytest.mark.conforms("2.2-serving", "5.1-hops-reply", "5.2.0.1-way-reply", "5.2.1-server", "cisco-hops")
def test_the_request_goes_by_the_hub_and_the_reply_comes_straight_back() -> None:
    overlay = ready()
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    way = [
        (type(s.packet).__name__, str(s.source), str(s.destination), s.packet.hop_count)
        for s in overlay.packets
        if isinstance(s.packet, ResolutionRequest | ResolutionReply)
    ]
    assert way == [
        ("ResolutionRequest", "172.16.31.1", "172.16.11.1", 255),
        ("ResolutionRequest", "172.16.11.1", "172.16.41.1", 254),
        ("ResolutionReply", "172.16.41.1", "172.16.31.1", 255),
    ]


@pytest.mark.conforms(
    "5.2.0.1-mtu",
    "5.2.1-flags",
    "5.2.1-cie",
    "5.2.1-widest",
    "5.2.2-copied",
    "5.2.2-a",
    "5.2.2-d",
    "5.2.2-remaining",
    "5.2.5-again",
    "cisco-hops",
)
def test_request_and_reply_have_the_fields_of_ios() -> None:
    overlay = ready()
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    request = overlay.sent(ResolutionRequest, "R31")[0]
    assert int(request.flags) == 0xC802
    assert request.cies == (ClientInfo(prefix_length=32, mtu=17912, holding_time=7200, preference=255),)
    (reply,) = overlay.sent(ResolutionReply)
    assert int(reply.flags) == 0xF802
    assert reply.cies == (
        ClientInfo(prefix_length=24, mtu=17912, holding_time=7200, preference=255, nbma=PEER_NBMA, protocol=PEER),
    )
    assert (reply.source_protocol, reply.destination_protocol) == (address("192.168.100.31"), address("10.4.4.1"))
    responder = find(reply.extensions, ResponderAddress)
    assert responder is not None
    assert responder.entries[0].protocol == PEER
    assert len(reply.serialize()) == 136 - 16  # the reply of the captures, which has a password of eight characters


@pytest.mark.conforms("5.2.0.1-id-retry", "5.2.0.1-way-reply")
def test_a_repeated_request_is_answered_through_the_hub() -> None:
    """The direct reply got lost: say, because a translator between the spokes lets nothing in."""
    overlay = ready()
    overlay.cut("R41", "R31", both=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.2)
    requests = overlay.sent(ResolutionRequest, "R31")
    assert len({request.request_id for request in requests}) == 1
    assert len(requests) == 2
    replies = [(str(s.source), str(s.destination)) for s in overlay.packets if isinstance(s.packet, ResolutionReply)]
    assert replies == [
        ("172.16.41.1", "172.16.31.1"),
        ("172.16.41.1", "172.16.11.1"),
        ("172.16.11.1", "172.16.31.1"),
    ]
    assert "10.4.4.0/24" in targets(overlay)


def test_a_connected_host_route_is_answered_with_itself_and_a_lan_address_with_its_whole_lan() -> None:
    overlay = ready()
    overlay.members["R41"].interfaces.states.append(
        replace(
            overlay.members["R41"].interfaces.states[1],
            name="Loopback0",
            address=address("10.4.99.1"),
            prefix_length=32,
        )
    )
    overlay.members["R11"].rib.known.append(overlay.members["R11"].learned_route("10.4.99.1/32", str(PEER)))
    overlay.members["R31"].rib.known.append(overlay.members["R31"].learned_route("10.4.99.0/24", "192.168.100.11"))
    hairpin(overlay, "10.3.3.1", "10.4.99.1", by="R31")
    overlay.run(1)
    assert "10.4.99.1/32" in targets(overlay)


@pytest.mark.conforms("6.3-restraint")
def test_the_answer_of_an_egress_that_has_only_a_default_route_is_one_host() -> None:
    overlay = cloud()
    overlay.members["R41"].lans = {}
    overlay.members["R41"].routes = {}
    overlay.start()
    overlay.members["R41"].rib.known.append(
        Route(
            prefix=Prefix.parse("0.0.0.0/0"),
            source=RouteSource.STATIC,
            distance=1,
            next_hops=(NextHop("GigabitEthernet0/1", address("172.16.41.2")),),
        )
    )
    overlay.run(1)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    assert overlay.sent(ResolutionReply)[0].cies[0].prefix_length == 32


@pytest.mark.conforms("6.2.1-incomplete")
def test_a_request_is_repeated_ever_more_slowly_and_the_entry_stands_for_it() -> None:
    overlay = ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(100)
    times = [s.when for s in overlay.packets if isinstance(s.packet, ResolutionRequest)]
    gaps = [round(b - a) for a, b in pairwise(times)]
    assert gaps[:6] == [1, 2, 4, 8, 16, 32]
    entry = targets(overlay)["10.4.4.1/32"]
    assert (entry.type, entry.flags, entry.nbma) == (EntryType.INCOMPLETE, Flag.NEGATIVE, None)
    overlay.run(100)
    assert "10.4.4.1/32" not in targets(overlay)
    sent = len(overlay.packets)
    overlay.run(200)
    assert not [s for s in overlay.packets[sent:] if isinstance(s.packet, ResolutionRequest)]


@pytest.mark.conforms("5.2.2-nak-12", "cisco-negative")
def test_nobody_has_it_is_remembered_for_three_minutes() -> None:
    overlay = cloud()
    overlay.members["R31"].routes["10.99.0.0/16"] = "192.168.100.11"
    overlay.start().run(1)
    hairpin(overlay, "10.3.3.1", "10.99.0.1", by="R31")
    overlay.run(1)
    (reply,) = overlay.sent(ResolutionReply)
    assert reply.cies == (ClientInfo(code=CieCode.NO_BINDING),)
    entry = targets(overlay)["10.99.0.1/32"]
    assert str(entry.reason) == "the address cannot be resolved (no address binding(12))"
    hairpin(overlay, "10.3.3.1", "10.99.0.1", by="R31")
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest)) == 1
    overlay.run(180)
    assert "10.99.0.1/32" not in targets(overlay)


@pytest.mark.parametrize("code", [CieCode.NO_BINDING, CieCode.NO_BINDING_FRR, CieCode.ADMINISTRATIVELY_PROHIBITED])
def test_every_kind_of_no_is_a_no(code: CieCode) -> None:
    overlay = ready()
    request = question(overlay)
    receive(overlay, "R31", answer(request, ClientInfo(code=code), flags=0), HUB_NBMA)
    assert targets(overlay)["10.4.4.1/32"].reason is not None
    overlay.run(30)
    assert len(overlay.sent(ResolutionRequest)) == 1


def test_an_error_6_about_our_request_is_a_no_too() -> None:
    overlay = ready()
    request = question(overlay)
    error = ErrorIndication(
        hop_count=1,
        source_nbma=HUB_NBMA,
        source_protocol=address("192.168.100.11"),
        destination_protocol=address("192.168.100.31"),
        error_code=ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE,
        packet=request.serialize(),
    )
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, error.serialize()))
    assert "protocol address unreachable (6)" in str(targets(overlay)["10.4.4.1/32"].reason)
    assert overlay.log_texts("R31")[-1] == (
        "%NHRP-3-PAKERROR: Receive Error Indication for our Resolution Request, "
        "code: protocol address unreachable (6), "
        "from (Tunnel: 192.168.100.11 NBMA: 172.16.11.1)"
    )


@pytest.mark.conforms("5.2.0.1-id-matched")
def test_a_late_doubled_or_forged_reply_changes_nothing() -> None:
    overlay = ready()
    make_shortcut(overlay)
    (reply,) = [r for r in overlay.sent(ResolutionReply) if r.destination_protocol == address("10.4.4.1")]
    forged = replace(reply, cies=(replace(reply.cies[0], nbma=address("6.6.6.6")),))
    overlay.handle("R31", NhrpReceived(TUNNEL, address("6.6.6.6"), forged.serialize()))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    other_question = replace(reply, destination_protocol=address("10.4.4.9"))
    overlay.handle("R31", NhrpReceived(TUNNEL, PEER_NBMA, other_question.serialize()))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.conforms("5.2.0.1-id-matched")
def test_a_reply_about_another_address_answers_no_question_that_is_out() -> None:
    overlay = ready()
    request = question(overlay)
    cie = ClientInfo(prefix_length=24, holding_time=600, nbma=PEER_NBMA, protocol=PEER)
    other = replace(answer(request, cie), destination_protocol=address("10.4.4.9"))
    receive(overlay, "R31", other, PEER_NBMA)
    assert list(targets(overlay)) == ["10.4.4.1/32", "192.168.100.11/32"]
    assert overlay.sent(ErrorIndication, "R31")[0].error_code == ErrorCode.INVALID_RESOLUTION_REPLY
    receive(overlay, "R31", answer(request, cie), PEER_NBMA)  # the real one still counts
    assert "10.4.4.0/24" in targets(overlay)


def test_a_reply_with_holding_time_zero_is_not_kept() -> None:
    overlay = ready()
    overlay.cut("R31", "R41")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    reply = overlay.sent(ResolutionReply)[0]
    empty = replace(reply, cies=(replace(reply.cies[0], holding_time=0),))
    overlay.handle("R31", NhrpReceived(TUNNEL, PEER_NBMA, empty.serialize()))
    assert "10.4.4.0/24" not in targets(overlay)


def test_the_binding_of_a_requester_that_is_not_stable_is_not_learned() -> None:
    overlay = ready()
    request = question(overlay)
    unstable = replace(request, flags=request.flags & ~ResolutionFlag.SOURCE_STABLE)
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, unstable.serialize()))
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    overlay.handle("R41", NhrpReceived(TUNNEL, HUB_NBMA, replace(request, request_id=77).serialize()))
    assert Flag.IMPLICIT in targets(overlay, "R41")["192.168.100.31/32"].flags


@pytest.mark.conforms("cisco-nat-resolve", "frr-8236")
def test_a_spoke_behind_nat_is_resolved_to_its_translated_address() -> None:
    overlay = cloud()
    far = overlay.members["R41"]
    far.nbma, far.translated = address("10.99.0.2"), PEER_NBMA
    far.tunnel_state = replace(far.tunnel_state, source=far.nbma)
    overlay.start().run(1)
    make_shortcut(overlay)
    entry = targets(overlay)["192.168.100.41/32"]
    assert (entry.nbma, entry.claimed) == (PEER_NBMA, address("10.99.0.2"))
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)
    request = overlay.sent(ResolutionRequest, "R41")[0]
    nat = find(request.extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [(PEER_NBMA, PEER)]
    passed_on = next(r for r in overlay.sent(ResolutionRequest, "R11") if r.source_protocol == PEER)
    assert find(passed_on.extensions, NatAddress) == nat  # the hub, which knows it too, says it no second time
    to_the_hub = [s for s in overlay.packets if isinstance(s.packet, ResolutionReply) and s.destination == HUB_NBMA]
    assert len(to_the_hub) == 1  # the reply to the spoke behind NAT goes by the hub


def test_a_client_that_does_not_know_of_its_translator_is_answered_at_its_translated_address() -> None:
    """The hub that is asked for its own LAN knows where its client is: the claimed address leads nowhere."""
    overlay = cloud(3)
    far = overlay.members["R31"]
    far.nbma, far.translated = address("10.98.0.2"), SPOKE_NBMA
    far.tunnel_state = replace(far.tunnel_state, source=far.nbma)
    overlay.start().run(1)
    overlay.packets.clear()
    asked = ResolutionRequest(
        source_nbma=far.nbma,
        source_protocol=far.tunnel,
        destination_protocol=address("192.168.100.11"),
        flags=ResolutionFlag(0xC802),
        request_id=77,
        extensions=(NatAddress(),),
    )
    receive(overlay, "R11", asked, SPOKE_NBMA)
    assert [s.destination for s in overlay.packets if isinstance(s.packet, ResolutionReply)] == [SPOKE_NBMA]


@pytest.mark.conforms("cisco-nat-resolve", "frr-8236")
def test_the_hub_fills_in_the_translated_address_that_the_spoke_does_not_know() -> None:
    overlay = cloud()
    far = overlay.members["R41"]
    far.nbma, far.translated = address("10.99.0.2"), PEER_NBMA
    far.tunnel_state = replace(far.tunnel_state, source=far.nbma)
    overlay.start().run(1)
    tunnel_of(overlay, "R41").public_nbma = None  # an FRR spoke, say
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(0.1)
    forwarded = overlay.sent(ResolutionRequest, "R11")[0]
    nat = find(forwarded.extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [(PEER_NBMA, PEER)]


# No as an answer to a Resolution Request: which NAK code says it, and what each means to who asked (§5.2.2).

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
    overlay.start().run(5)
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
    overlay = cloud(holdtime=100).start()
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
    overlay = cloud(phase=2).start().run(5)
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
    overlay = cloud(phase=2).start().run(5)
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
