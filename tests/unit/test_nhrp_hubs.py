"""Several hubs: how questions and answers walk from one to the other, and that nothing goes round (RFC 2332 §3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.events import Hairpin, Unresolved
from dmvpn.features.nhrp.model import ClearCache, NhsConfig
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    ResolutionReply,
    ResolutionRequest,
)
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord, ReverseTransitRecord, find
from dmvpn.features.nhrp.reasons import Refusal
from support.by_hand import HUB_NBMA, R31, R41, REQUEST, receive
from support.overlay import TUNNEL, Member, Overlay, address, data_packet, hairpin, tunnel_config


def _refused(overlay: Overlay, name: str = "R11") -> dict[Refusal, int]:
    return overlay.members[name].machine.tunnels[0].counters.refused


def _two_hubs() -> Overlay:
    """R31 -- R11 == R12 -- R41: two hubs of one network, each the server of one spoke and of the other hub."""

    def server(n: int) -> NhsConfig:
        return NhsConfig(address=address(f"192.168.100.{n}"), nbma=address(f"172.16.{n}.1"), multicast=True)

    def hub(n: int, other: int, own_lan: str, far_lan: str, spoke: int) -> Member:
        return Member(
            f"R{n}",
            address(f"172.16.{n}.1"),
            address(f"192.168.100.{n}"),
            tunnel_config(redirect=True, multicast_dynamic=True, nhs=(server(other),)),
            routes={own_lan: f"192.168.100.{spoke}", far_lan: f"192.168.100.{other}"},
        )

    def spoke(n: int, hub_number: int, far_lan: str) -> Member:
        return Member(
            f"R{n}",
            address(f"172.16.{n}.1"),
            address(f"192.168.100.{n}"),
            tunnel_config(shortcut=True, nhs=(server(hub_number),)),
            lans={f"10.{n // 10}.{n // 10}.0/24": f"10.{n // 10}.{n // 10}.1"},
            routes={far_lan: f"192.168.100.{hub_number}"},
        )

    return Overlay(
        hub(11, 12, "10.3.3.0/24", "10.4.4.0/24", 31),
        hub(12, 11, "10.4.4.0/24", "10.3.3.0/24", 41),
        spoke(31, 11, "10.4.4.0/24"),
        spoke(41, 12, "10.3.3.0/24"),
    )


@pytest.mark.conforms("3-routed-path", "5.2.0.1-way", "5.3.2-append", "frr-17611")
def test_a_request_walks_from_hub_to_hub_along_the_routes() -> None:
    overlay = _two_hubs()
    overlay.start()
    overlay.run(2)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    (request,) = overlay.sent(ResolutionRequest, "R12")
    record = find(request.extensions, ForwardTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == ["192.168.100.11", "192.168.100.12"]
    assert request.hop_count == 253
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, R41)


@pytest.mark.conforms("3-direct", "5.2.0.1-way", "5.3.3-append")
def test_a_reply_goes_back_through_both_hubs_if_it_cannot_go_straight() -> None:
    overlay = _two_hubs()
    overlay.start()
    overlay.run(2)
    overlay.cut("R31", "R41")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.5)
    reply = overlay.sent(ResolutionReply, "R11")[-1]
    record = find(reply.extensions, ReverseTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == ["192.168.100.12", "192.168.100.11"]
    assert "10.4.4.0/24" in [str(e.target) for e in overlay.members["R31"].machine.tunnels[0].cache.entries()]


def test_a_registration_is_withdrawn_by_its_owner_directly_and_by_nobody_else() -> None:
    """What another hub passes on may be forged there: it ends what was resolved, never what was registered."""
    overlay = _two_hubs()
    overlay.start()
    overlay.run(2)
    spoke = address("192.168.100.31")
    purge = PurgeRequest(
        source_nbma=R31,
        source_protocol=spoke,
        destination_protocol=address("192.168.100.11"),
        flags=PurgeFlag(0),
        request_id=5,
        cies=(ClientInfo(prefix_length=32, protocol=spoke),),
    )
    receive(overlay, "R11", purge, address("172.16.12.1"))
    assert overlay.members["R11"].adjacencies[spoke] == R31
    assert _refused(overlay) == {Refusal.NOT_ALLOWED: 1}
    receive(overlay, "R11", purge, R31)
    assert spoke not in overlay.members["R11"].adjacencies


def test_a_question_that_nobody_can_answer_does_not_go_round() -> None:
    overlay = _two_hubs()
    for name, other in (("R11", "192.168.100.12"), ("R12", "192.168.100.11")):
        overlay.members[name].routes["10.99.0.0/16"] = other
    overlay.members["R31"].routes["10.99.0.0/16"] = "192.168.100.11"
    overlay.start()
    overlay.run(2)
    hairpin(overlay, "10.3.3.1", "10.99.0.1", by="R31")
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest)) == 2
    assert [reply.cies[0].code for reply in overlay.sent(ResolutionReply)] == [CieCode.NO_BINDING] * 2


@pytest.mark.conforms("5.2.7-3", "5.3.2-loop", "frr-22966")
def test_a_ring_of_hubs_is_found_by_the_record_and_told_to_who_asked() -> None:
    """Three hubs that each send what they do not know to the next: the first sees itself on the record."""

    def hub(n: int) -> Member:
        following = 11 + (n - 10) % 3
        server = NhsConfig(address=address(f"192.168.100.{following}"), nbma=address(f"172.16.{following}.1"))
        return Member(
            f"R{n}",
            address(f"172.16.{n}.1"),
            address(f"192.168.100.{n}"),
            tunnel_config(nhs=(server,)),
            routes={"10.99.0.0/16": f"192.168.100.{following}"},
        )

    overlay = Overlay(hub(11), hub(12), hub(13))
    overlay.start()
    overlay.run(2)
    overlay.packets.clear()
    receive(overlay, "R11", replace(REQUEST, destination_protocol=address("10.99.0.1")))
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest)) == 3
    errors = overlay.sent(ErrorIndication)
    assert {error.error_code for error in errors} == {ErrorCode.LOOP_DETECTED}
    assert errors[0].destination_protocol == REQUEST.source_protocol
    assert _refused(overlay, "R11") == {Refusal.LOOP: 1}


@pytest.mark.conforms("6.4-domino")
def test_a_hub_on_the_way_asks_nothing_itself() -> None:
    """One packet of data must not make every router along its way ask (the domino effect)."""
    overlay = _two_hubs()
    overlay.start()
    overlay.run(2)
    overlay.packets.clear()
    for by, name in (("R31", "R11"), ("R11", "R12")):
        nbma = overlay.members[by].outside
        overlay.handle(name, Hairpin(TUNNEL, TUNNEL, nbma, data_packet("10.3.3.1", "10.4.4.1")))
    overlay.run(1)
    asked = [s for s in overlay.packets if isinstance(s.packet, ResolutionRequest) and s.packet.hop_count == 255]
    assert {s.source for s in asked} == {R31}


def test_a_reply_finds_its_way_back_where_no_route_leads_to_the_requester() -> None:
    overlay = _two_hubs()
    overlay.members["R12"].config = replace(overlay.members["R12"].config, nhs=())
    overlay.start()
    overlay.run(2)
    overlay.cut("R31", "R41")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.5)
    assert overlay.sent(ResolutionReply, "R12")
    assert overlay.sent(ResolutionReply, "R11")


@pytest.mark.conforms("cisco-phase2")
def test_a_next_hop_that_another_hub_serves_is_found_through_both() -> None:
    """Phase 2: the route names the spoke behind the other hub; until it is known, packets go by our own hub."""
    overlay = _two_hubs()
    overlay.members["R31"].routes = {"10.4.4.0/24": "192.168.100.41"}
    for name in ("R31", "R41"):
        overlay.members[name].config = replace(overlay.members[name].config, shortcut=False)
    overlay.start()
    overlay.run(2)
    overlay.handle("R31", Unresolved(TUNNEL, address("192.168.100.41")))
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.run(1)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, R41)
    (reply,) = overlay.sent(ResolutionReply)
    record = find(reply.extensions, ForwardTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == ["192.168.100.11", "192.168.100.12"]


def test_without_the_direct_way_both_hubs_carry_the_purge_too() -> None:
    overlay = _two_hubs()
    overlay.start()
    overlay.run(2)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    overlay.cut("R31", "R41")
    overlay.handle("R41", ClearCache())
    overlay.run(1.5)
    assert overlay.sent(PurgeRequest, "R12")
    assert overlay.sent(PurgeRequest, "R11")
    overlay.run(1)
    assert "10.4.4.0/24" not in [str(e.target) for e in overlay.members["R31"].machine.tunnels[0].cache.entries()]
    assert overlay.sent(PurgeReply)
