"""Resolution: the question, its way and its repetitions, the answers and refusals (RFC 2332 §5.2.1, §5.2.2)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import NextHop
from dmvpn.base.events import NhrpReceived
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.nhrp.cache import EntryType, Flag
from dmvpn.features.nhrp.packet import ErrorCode, ErrorIndication, ResolutionFlag, ResolutionReply, ResolutionRequest
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, NatAddress, ResponderAddress, find
from support.cloud import HUB_NBMA, PEER, PEER_NBMA, SPOKE_NBMA, answer, question, ready, receive, targets, tunnel_of
from support.overlay import TUNNEL, address, cloud, hairpin, make_shortcut


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
    overlay.start()
    overlay.run(1)
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
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
    reply = ResolutionReply(
        source_nbma=request.source_nbma,
        source_protocol=request.source_protocol,
        destination_protocol=request.destination_protocol,
        flags=ResolutionFlag(0),
        request_id=request.request_id,
        cies=(ClientInfo(code=code),),
    )
    overlay.handle("R31", NhrpReceived(TUNNEL, HUB_NBMA, reply.serialize()))
    assert targets(overlay)["10.4.4.1/32"].reason is not None
    overlay.run(30)
    assert len(overlay.sent(ResolutionRequest)) == 1


def test_an_error_6_about_our_request_is_a_no_too() -> None:
    overlay = ready()
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
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
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(0.1)
    (request,) = overlay.sent(ResolutionRequest)
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
    overlay.start()
    overlay.run(1)
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
    overlay.start()
    overlay.run(1)
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
    overlay.start()
    overlay.run(1)
    tunnel_of(overlay, "R41").public_nbma = None  # an FRR spoke, say
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(0.1)
    forwarded = overlay.sent(ResolutionRequest, "R11")[0]
    nat = find(forwarded.extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [(PEER_NBMA, PEER)]
