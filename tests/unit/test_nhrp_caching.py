"""What is kept of messages, by whom and how long: no more than RFC 2332 §6.2.1 allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.effects import NextHop
from dmvpn.features.nhrp.cache import Flag
from dmvpn.features.nhrp.packet import (
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
)
from dmvpn.features.nhrp.parts import ClientInfo
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
)
from support.overlay import TUNNEL, address, cloud, hairpin, make_shortcut

REQUEST = ResolutionRequest(
    source_nbma=SPOKE_NBMA,
    source_protocol=SPOKE,
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=900,
    cies=(ClientInfo(prefix_length=32, mtu=17912, holding_time=90),),
)


@pytest.mark.conforms(
    "5.2.0.1-no-caching",
    "5.2.1-cie",
    "5.2.1-holding",
    "6.2.1-stable",
    "frr-21515-stable",
    "frr-21515-zero",
    "frr-22951",
)
@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, flags=REQUEST.flags & ~ResolutionFlag.SOURCE_STABLE),
        replace(REQUEST, cies=(ClientInfo(holding_time=0),)),
        replace(REQUEST, cies=()),
    ],
)
def test_the_binding_of_a_requester_is_kept_only_if_it_is_stable_and_says_how_long(request_: ResolutionRequest) -> None:
    overlay = ready()
    receive(overlay, "R41", request_, HUB_NBMA)
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    assert len(overlay.sent(ResolutionReply, "R41")) == 1  # it is answered all the same


@pytest.mark.conforms("5.2.1-holding")
def test_the_binding_of_a_requester_is_kept_as_hearsay_for_its_holding_time() -> None:
    overlay = ready()
    receive(overlay, "R41", REQUEST, HUB_NBMA)
    entry = targets(overlay, "R41")["192.168.100.31/32"]
    assert Flag.IMPLICIT in entry.flags
    assert Flag.AUTHORITATIVE not in entry.flags
    overlay.run(89)
    assert "192.168.100.31/32" in targets(overlay, "R41")
    overlay.run(2)
    assert "192.168.100.31/32" not in targets(overlay, "R41")


@pytest.mark.parametrize("source", ["10.4.4.7", "10.4.4.1", "192.168.100.41"])
def test_who_names_himself_by_an_address_of_ours_or_behind_us_is_answered_and_not_believed(source: str) -> None:
    """Else a stranger who answers echoes would draw the packets of a host of our LAN into the tunnel."""
    overlay = ready()
    receive(overlay, "R41", replace(REQUEST, source_protocol=address(source)), HUB_NBMA)
    assert len(overlay.sent(ResolutionReply, "R41")) == 1
    assert list(targets(overlay, "R41")) == ["10.4.4.0/24", "192.168.100.11/32"]
    assert refused(overlay, "R41") == {Refusal.FORGED: 1}


def test_a_station_of_another_region_that_only_a_default_route_leads_to_is_believed() -> None:
    """The default route of a spoke leads to the Internet: it says nothing of tunnel addresses elsewhere."""
    overlay = ready()
    peer = overlay.members["R41"]
    peer.rib.known.append(replace(peer.learned_route("0.0.0.0/0", "172.16.41.2"), next_hops=(NextHop("Gi0/1"),)))
    receive(overlay, "R41", replace(REQUEST, source_protocol=address("192.168.200.31")), HUB_NBMA)
    assert "192.168.200.31/32" in targets(overlay, "R41")


@pytest.mark.conforms("2.2-authoritative", "6.2.1-stable")
def test_hearsay_is_passed_on_to_nobody() -> None:
    """Who asks R41 for R31 gets no answer from what R41 heard in a request: it is asked for along the routes."""
    overlay = ready(3, 4, 5)
    receive(overlay, "R41", REQUEST, HUB_NBMA)
    overlay.packets.clear()
    other = replace(REQUEST, source_protocol=address("192.168.100.51"), source_nbma=address("172.16.51.1"))
    receive(overlay, "R41", replace(other, destination_protocol=SPOKE), address("172.16.51.1"))
    assert overlay.sent(ResolutionReply, "R41") == []
    assert [s.destination for s in overlay.packets] == [HUB_NBMA]


@pytest.mark.conforms("5.2.0.1-no-caching", "6.2.1-transit")
def test_a_server_keeps_nothing_of_what_it_passes_on() -> None:
    overlay = ready()
    before = list(targets(overlay, "R11"))
    overlay.cut("R41", "R31")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(3)
    assert overlay.sent(ResolutionReply, "R11")
    assert list(targets(overlay, "R11")) == before


@pytest.mark.conforms("2.2-serving")
def test_a_server_does_not_answer_for_a_client_that_can_answer_itself() -> None:
    """We ask for authoritative answers, and the hub of a cloud of routers passes every such question on."""
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, destination_protocol=PEER), SPOKE_NBMA)
    assert overlay.sent(ResolutionReply, "R11") == []
    assert [s.destination for s in overlay.packets if isinstance(s.packet, ResolutionRequest)] == [PEER_NBMA]


@pytest.mark.conforms("5.2.0.1-expiry", "6.2.1-source")
def test_an_answer_that_is_in_use_is_kept_for_its_holding_time_and_no_longer() -> None:
    overlay = ready()
    cie = ClientInfo(prefix_length=24, holding_time=40, nbma=PEER_NBMA, protocol=PEER)
    receive(overlay, "R31", answer(question(overlay), cie), HUB_NBMA)
    assert targets(overlay)["10.4.4.0/24"].expires == pytest.approx(overlay.now + 40)
    overlay.run(41)
    assert "10.4.4.0/24" not in targets(overlay)


@pytest.mark.conforms("6.2.1-transit-reply")
def test_the_binding_of_a_requester_in_a_reply_is_not_kept() -> None:
    """RFC 2332 §6.2.1: the source fields of a reply are those of its request, an echo that proves nothing."""
    overlay = ready()
    overlay.cut("R41", "R31")
    hairpin(overlay, "10.4.4.1", "10.3.3.1", by="R41")
    overlay.run(3)
    assert overlay.sent(ResolutionReply, "R11")
    assert "192.168.100.31/32" not in targets(overlay, "R11") or targets(overlay, "R11")["192.168.100.31/32"].binds


@pytest.mark.conforms("5.2.0.1-no-caching", "frr-9452")
def test_packets_of_data_change_no_mapping() -> None:
    """A station that sends from elsewhere does not move its own adjacency, or another's (FRR issue 9452)."""
    overlay = ready()
    make_shortcut(overlay)
    spoke = overlay.members["R31"]
    before = dict(spoke.adjacencies)
    spoke.count(address("6.6.6.6"), received=50)
    for _ in range(20):
        spoke.count(PEER_NBMA, sent=5, received=5)
        overlay.run(0.5)
    assert spoke.adjacencies == before
    assert spoke.forwards("10.4.4.1") == (TUNNEL, PEER_NBMA)


@pytest.mark.conforms("frr-21515-zero")
def test_holding_time_zero_in_a_registration_is_not_replaced_by_a_time_of_ours() -> None:
    overlay = cloud()
    overlay.start("R11")
    spoke = cloud(3)
    spoke.start()
    request = replace(spoke.sent(RegistrationRequest)[0], cies=(ClientInfo(prefix_length=32, holding_time=0),))
    receive(overlay, "R11", request, SPOKE_NBMA)
    assert overlay.sent(RegistrationReply)[0].cies[0].code == 0
    assert targets(overlay, "R11") == {}
