"""What a server does with packets that are for others, and with those that nobody should have sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.events import Hairpin, Unresolved
from dmvpn.base.limits import RateLimit
from dmvpn.features.nhrp import parts
from dmvpn.features.nhrp.model import ClearCache, NhsConfig
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
    parse,
)
from dmvpn.features.nhrp.reasons import Refusal
from support.by_hand import HUB_CIE, HUB_NBMA, R31, R41, REQUEST, receive
from support.cloud import ready, refused
from support.overlay import TUNNEL, Member, Overlay, address, data_packet, hairpin, tunnel_config


@pytest.mark.conforms("5.1-hops-fewer", "5.3.1-prefix", "5.3.2-append")
def test_a_forwarded_request_has_one_hop_less_and_the_server_on_its_record() -> None:
    overlay = ready()
    receive(overlay, "R11", REQUEST)
    (sent,) = [s for s in overlay.packets if isinstance(s.packet, ResolutionRequest)]
    assert sent.destination == R41
    expected = parts.put(REQUEST.extensions, parts.ForwardTransitRecord(entries=(HUB_CIE,)))
    assert sent.packet == replace(REQUEST, hop_count=254, extensions=expected)
    counters = overlay.members["R11"].machine.tunnels[0].counters
    assert sum(counters.forwarded.values()) == 1


@pytest.mark.conforms("3-direct", "5.3.3-append")
def test_a_reply_goes_towards_its_source_and_is_recorded_on_the_way_back() -> None:
    overlay = ready()
    overlay.cut("R41", "R31", both=False)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.5)
    forwarded = overlay.sent(ResolutionReply, "R11")[0]
    reverse = parts.find(forwarded.extensions, parts.ReverseTransitRecord)
    assert reverse is not None
    assert reverse.entries == (HUB_CIE,)
    forward = parts.find(forwarded.extensions, parts.ForwardTransitRecord)
    assert forward is not None
    assert forward.entries == (HUB_CIE,)  # copied from the request


@pytest.mark.parametrize("before", ["224.0.0.10", "127.0.0.1", "172.16.11.1", "172.16.41.1"])
def test_a_reply_without_a_way_goes_back_to_no_address_that_cannot_have_asked(before: str) -> None:
    """Who made the record may have lied: not to groups, not to ourselves, and not to who sent the reply."""
    overlay = ready()
    asker = parts.ClientInfo(prefix_length=32, nbma=address(before), protocol=address("10.77.0.1"))
    reply = ResolutionReply(
        source_nbma=address("172.16.77.1"),
        source_protocol=address("10.77.0.9"),
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag(0xF802),
        request_id=9,
        cies=(parts.ClientInfo(prefix_length=24, holding_time=600, nbma=R41, protocol=address("192.168.100.41")),),
        extensions=(parts.ForwardTransitRecord(entries=(asker, HUB_CIE)), parts.ReverseTransitRecord()),
    )
    receive(overlay, "R11", reply, R41)
    assert overlay.sent(ResolutionReply) == []
    assert overlay.sent(ErrorIndication)[0].error_code == ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE


@pytest.mark.conforms("5.3.4-hop", "frr-16466")
def test_passwords_are_swapped_hop_by_hop() -> None:
    overlay = ready(authentication="secret7")
    packet = replace(REQUEST, extensions=(*REQUEST.extensions, parts.Authentication(data=b"secret7")))
    receive(overlay, "R11", packet)
    sent = overlay.sent(ResolutionRequest, "R11")[0]
    assert [e for e in sent.extensions if isinstance(e, parts.Authentication)] == [
        parts.Authentication(data=b"secret7")
    ]
    receive(overlay, "R11", REQUEST)
    assert overlay.sent(ErrorIndication)[0].error_code == ErrorCode.AUTHENTICATION_FAILURE


@pytest.mark.conforms("5.3.4-hop")
def test_a_password_that_we_do_not_have_is_not_passed_on() -> None:
    overlay = ready()
    packet = replace(REQUEST, extensions=(*REQUEST.extensions, parts.Authentication(data=b"secret7")))
    receive(overlay, "R11", packet)
    assert parts.find(overlay.sent(ResolutionRequest, "R11")[0].extensions, parts.Authentication) is None


@pytest.mark.conforms("5.1-hops-zero", "5.2.7-15", "frr-951", "frr-18598")
@pytest.mark.parametrize("hop_count", [0, 1])
def test_a_packet_that_has_gone_too_far_is_dropped_with_error_15(hop_count: int) -> None:
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, hop_count=hop_count))
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.HOP_COUNT_EXCEEDED
    assert parse(error.packet) == replace(REQUEST, hop_count=hop_count)
    assert overlay.sent(ResolutionRequest) == []


@pytest.mark.conforms("5.2.7-3", "5.3.2-loop", "frr-22966")
def test_a_packet_that_came_by_before_is_a_loop() -> None:
    overlay = ready()
    looped = replace(REQUEST, extensions=parts.put(REQUEST.extensions, parts.ForwardTransitRecord(entries=(HUB_CIE,))))
    receive(overlay, "R11", looped)
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.LOOP_DETECTED
    assert refused(overlay, "R11") == {Refusal.LOOP: 1}


@pytest.mark.conforms("5.3.1-same", "5.3.1-loop", "5.3.3-loop", "frr-23105")
@pytest.mark.parametrize("kind", [parts.ReverseTransitRecord, parts.ResponderAddress])
def test_a_reply_that_came_by_before_is_a_loop(
    kind: type[parts.ReverseTransitRecord] | type[parts.ResponderAddress],
) -> None:
    overlay = ready()
    reply = ResolutionReply(
        source_nbma=R31,
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag(0xF802),
        request_id=9,
        cies=(parts.ClientInfo(prefix_length=24, holding_time=600, nbma=R41, protocol=address("192.168.100.41")),),
        extensions=parts.put(REQUEST.extensions, kind(entries=(HUB_CIE,))),
    )
    receive(overlay, "R11", reply, R41)
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.LOOP_DETECTED
    assert error.destination_protocol == address("10.4.4.1")


@pytest.mark.conforms("2.2-nak", "5.2.2-nak-12")
def test_a_request_whose_way_leads_back_is_answered_with_no_binding() -> None:
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, destination_protocol=address("10.3.3.9")))
    (reply,) = overlay.sent(ResolutionReply)
    assert reply.cies == (parts.ClientInfo(code=parts.CieCode.NO_BINDING),)
    assert refused(overlay, "R11") == {Refusal.RESOLUTION_REFUSED: 1}


@pytest.mark.conforms("5.3-transit")
def test_an_unknown_compulsory_extension_is_passed_on_untouched_and_unrecorded() -> None:
    overlay = ready()
    unknown = parts.UnknownExtension(type=77, value=b"abc")
    packet = replace(REQUEST, extensions=(*REQUEST.extensions, unknown))
    receive(overlay, "R11", packet)
    assert overlay.sent(ResolutionRequest)[0] == replace(packet, hop_count=254)


@pytest.mark.conforms("5.2.7-1", "5.3-compulsory", "frr-22962")
def test_an_unknown_compulsory_extension_for_ourselves_is_error_1() -> None:
    overlay = ready()
    packet = replace(REQUEST, extensions=(*REQUEST.extensions, parts.UnknownExtension(type=77, value=b"abc")))
    receive(overlay, "R41", packet, HUB_NBMA)
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.UNRECOGNIZED_EXTENSION
    assert overlay.sent(ResolutionReply) == []


@pytest.mark.conforms("5.2.2-extensions", "5.3-ignored")
def test_an_unknown_extension_that_may_be_ignored_is_copied_into_the_reply() -> None:
    overlay = ready()
    unknown = parts.UnknownExtension(type=77, value=b"abc", compulsory=False)
    receive(overlay, "R41", replace(REQUEST, extensions=(*REQUEST.extensions, unknown)), HUB_NBMA)
    assert parts.find(overlay.sent(ResolutionReply)[0].extensions, parts.UnknownExtension) == unknown


@pytest.mark.conforms("5.2.2-extensions", "5.3-order", "5.3-reply")
def test_a_reply_has_no_extensions_but_those_of_its_request() -> None:
    overlay = ready()
    receive(overlay, "R41", replace(REQUEST, extensions=(), end=b""), HUB_NBMA)
    assert overlay.sent(ResolutionReply)[0].extensions == ()
    order = (parts.NatAddress(), parts.ReverseTransitRecord(), parts.ResponderAddress(), parts.ForwardTransitRecord())
    receive(overlay, "R41", replace(REQUEST, extensions=order, request_id=901), HUB_NBMA)
    assert [type(e) for e in overlay.sent(ResolutionReply)[-1].extensions] == [type(e) for e in order]


@pytest.mark.conforms("5.3.1-asked", "5.3.2-responder")
def test_who_answers_names_itself_as_the_responder_and_touches_no_record() -> None:
    overlay = ready()
    asked = replace(REQUEST, extensions=parts.put(REQUEST.extensions, parts.ForwardTransitRecord(entries=(HUB_CIE,))))
    receive(overlay, "R41", asked, HUB_NBMA)
    reply = overlay.sent(ResolutionReply)[0]
    assert parts.find(reply.extensions, parts.ForwardTransitRecord) == parts.ForwardTransitRecord(entries=(HUB_CIE,))
    assert parts.find(reply.extensions, parts.ReverseTransitRecord) == parts.ReverseTransitRecord()
    responder = parts.find(reply.extensions, parts.ResponderAddress)
    assert responder is not None
    (entry,) = responder.entries
    assert (entry.code, entry.nbma, entry.protocol) == (0, R41, address("192.168.100.41"))


@pytest.mark.conforms("5.3-once", "5.3.5-many")
def test_vendor_extensions_may_be_many_and_all_come_back() -> None:
    overlay = ready()
    vendors = tuple(parts.VendorPrivate(vendor=bytes((0, 0, n)), data=b"x") for n in range(3))
    receive(overlay, "R41", replace(REQUEST, extensions=(*vendors, *REQUEST.extensions)), HUB_NBMA)
    assert overlay.sent(ResolutionReply)[0].extensions[:3] == vendors


# ------------------------------------------------------------------------------------------------ errors


@pytest.mark.conforms("5.2.7-never", "frr-18925")
def test_an_error_is_never_answered_with_an_error() -> None:
    overlay = ready()
    error = ErrorIndication(
        hop_count=1,
        source_nbma=R31,
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("192.168.100.41"),
        error_code=ErrorCode.PROTOCOL_ERROR,
        packet=REQUEST.serialize(),
    )
    receive(overlay, "R11", error)  # its hop count is used up
    receive(overlay, "R11", replace(error, hop_count=255, destination_protocol=address("10.77.0.1")))  # no way
    assert overlay.packets == []


@pytest.mark.conforms("5.2.0.1-way")
def test_an_error_for_somebody_else_is_passed_on() -> None:
    overlay = ready()
    error = ErrorIndication(
        source_nbma=R31,
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("192.168.100.41"),
        error_code=ErrorCode.PROTOCOL_ERROR,
        packet=REQUEST.serialize(),
    )
    receive(overlay, "R11", error)
    (sent,) = overlay.packets
    assert sent.destination == R41


@pytest.mark.conforms("5.2.7-own", "frr-18926", "frr-23065")
def test_our_own_error_that_came_back_is_dropped_silently() -> None:
    overlay = ready()
    error = ErrorIndication(
        source_nbma=HUB_NBMA,
        source_protocol=address("192.168.100.11"),
        destination_protocol=address("192.168.100.31"),
        error_code=ErrorCode.PROTOCOL_ERROR,
        packet=b"",
    )
    receive(overlay, "R11", error)
    assert overlay.packets == []


@pytest.mark.parametrize("octets", [b"", b"\x00", b"\xff" * 40, bytes(1500)])
def test_what_cannot_be_read_is_counted_and_nothing_else(octets: bytes) -> None:
    overlay = ready()
    receive(overlay, "R11", octets)
    assert overlay.packets == []
    assert refused(overlay, "R11") == {Refusal.MALFORMED: 1}


@pytest.mark.conforms("cisco-network")
def test_a_packet_for_a_tunnel_without_network_id_is_logged() -> None:
    overlay = ready()
    overlay.configure("R11", network_id=None)
    receive(overlay, "R11", REQUEST)
    assert overlay.log_texts("R11")[-1].startswith("%DMVPN-5-NHRP_NETID_UNCONFIGURED: Tunnel100: ")


@pytest.mark.conforms("5.2.3-forward")
def test_a_registration_for_another_server_is_passed_on_and_its_reply_comes_back() -> None:
    overlay = ready()
    request = RegistrationRequest(
        source_nbma=R31,
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("192.168.100.41"),
        flags=RegistrationFlag.NAT,
        request_id=5,
        cies=(parts.ClientInfo(prefix_length=32, holding_time=600),),
        extensions=REQUEST.extensions,
    )
    receive(overlay, "R11", request)
    overlay.run(1)
    entry = overlay.members["R41"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert entry.nbma == R31  # not the server's, although the packet came from there
    assert [s.destination for s in overlay.packets if isinstance(s.packet, RegistrationReply)] == [HUB_NBMA, R31]


@pytest.mark.conforms("5.2.0.1-way")
def test_a_purge_for_somebody_else_is_passed_on() -> None:
    overlay = ready()
    purge = PurgeRequest(
        source_nbma=R31,
        source_protocol=address("192.168.100.31"),
        destination_protocol=address("192.168.100.41"),
        flags=PurgeFlag(0),
        request_id=5,
        cies=(parts.ClientInfo(prefix_length=24, protocol=address("10.3.3.0")),),
    )
    receive(overlay, "R11", purge)
    assert overlay.sent(PurgeRequest)[0].hop_count == 254


# ------------------------------------------------------------------------------------------------ the send limit


@pytest.mark.conforms("cisco-max-send")
def test_over_the_send_limit_nothing_is_sent_but_registrations_are_answered() -> None:
    overlay = ready(max_send=(5, 10))
    for number in range(20):
        receive(overlay, "R11", replace(REQUEST, request_id=number))
    assert len(overlay.sent(ResolutionRequest, "R11")) == 5
    assert refused(overlay, "R11")[Refusal.SEND_LIMIT] == 15
    registration = RegistrationRequest(
        source_nbma=address("172.16.51.1"),
        source_protocol=address("192.168.100.51"),
        destination_protocol=address("192.168.100.11"),
        flags=RegistrationFlag(0),
        request_id=1,
        cies=(parts.ClientInfo(prefix_length=32, holding_time=600),),
    )
    receive(overlay, "R11", registration, address("172.16.51.1"))
    assert len(overlay.sent(RegistrationReply)) == 1
    overlay.run(11)
    receive(overlay, "R11", replace(REQUEST, request_id=99))
    assert len(overlay.sent(ResolutionRequest, "R11")) == 6


@pytest.mark.conforms("cisco-max-send")
def test_the_window_of_the_limit_slides() -> None:
    limit = RateLimit(10, 10)
    assert all(limit.take(0.5 * n) for n in range(10))
    assert not limit.take(9.9)
    assert limit.usage(9.9) == 100
    assert [limit.take(10.0) for _ in range(4)] == [True, True, False, False]  # those of the first second are over
    assert [limit.take(30.0) for _ in range(11)].count(True) == 10
    assert limit.usage(100.0) == 0


def test_refusals_are_logged_once_in_a_while() -> None:
    overlay = ready()
    for _ in range(5):
        receive(overlay, "R11", b"nonsense")
    assert overlay.log_texts("R11")[-1] == (
        "%NHRP-4-PAKREFUSED: Tunnel100: packet from 172.16.31.1 refused: "
        "malformed (NHRP header cut short at octet 8 (RFC 2332 §5.1))"
    )
    assert sum("PAKREFUSED" in text for text in overlay.log_texts("R11")) == 1
    overlay.run(11)
    receive(overlay, "R11", b"nonsense")
    assert sum("PAKREFUSED" in text for text in overlay.log_texts("R11")) == 2


# Several hubs: how questions and answers walk from one to the other, and that nothing goes round (RFC 2332 §3).


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
    overlay = _two_hubs().start().run(2)
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1)
    (request,) = overlay.sent(ResolutionRequest, "R12")
    record = parts.find(request.extensions, parts.ForwardTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == ["192.168.100.11", "192.168.100.12"]
    assert request.hop_count == 253
    assert overlay.members["R31"].forwards("10.4.4.1") == (TUNNEL, R41)


@pytest.mark.conforms("3-direct", "5.2.0.1-way", "5.3.3-append")
def test_a_reply_goes_back_through_both_hubs_if_it_cannot_go_straight() -> None:
    overlay = _two_hubs().start().run(2)
    overlay.cut("R31", "R41")
    hairpin(overlay, "10.3.3.1", "10.4.4.1", by="R31")
    overlay.run(1.5)
    reply = overlay.sent(ResolutionReply, "R11")[-1]
    record = parts.find(reply.extensions, parts.ReverseTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == ["192.168.100.12", "192.168.100.11"]
    assert "10.4.4.0/24" in [str(e.target) for e in overlay.members["R31"].machine.tunnels[0].cache.entries()]


def test_a_registration_is_withdrawn_by_its_owner_directly_and_by_nobody_else() -> None:
    """What another hub passes on may be forged there: it ends what was resolved, never what was registered."""
    overlay = _two_hubs().start().run(2)
    spoke = address("192.168.100.31")
    purge = PurgeRequest(
        source_nbma=R31,
        source_protocol=spoke,
        destination_protocol=address("192.168.100.11"),
        flags=PurgeFlag(0),
        request_id=5,
        cies=(parts.ClientInfo(prefix_length=32, protocol=spoke),),
    )
    receive(overlay, "R11", purge, address("172.16.12.1"))
    assert overlay.members["R11"].adjacencies[spoke] == R31
    assert refused(overlay, "R11") == {Refusal.NOT_ALLOWED: 1}
    receive(overlay, "R11", purge, R31)
    assert spoke not in overlay.members["R11"].adjacencies


def test_a_question_that_nobody_can_answer_does_not_go_round() -> None:
    overlay = _two_hubs()
    for name, other in (("R11", "192.168.100.12"), ("R12", "192.168.100.11")):
        overlay.members[name].routes["10.99.0.0/16"] = other
    overlay.members["R31"].routes["10.99.0.0/16"] = "192.168.100.11"
    overlay.start().run(2)
    hairpin(overlay, "10.3.3.1", "10.99.0.1", by="R31")
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest)) == 2
    assert [reply.cies[0].code for reply in overlay.sent(ResolutionReply)] == [parts.CieCode.NO_BINDING] * 2


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

    overlay = Overlay(hub(11), hub(12), hub(13)).start().run(2)
    overlay.packets.clear()
    receive(overlay, "R11", replace(REQUEST, destination_protocol=address("10.99.0.1")))
    overlay.run(1)
    assert len(overlay.sent(ResolutionRequest)) == 3
    errors = overlay.sent(ErrorIndication)
    assert {error.error_code for error in errors} == {ErrorCode.LOOP_DETECTED}
    assert errors[0].destination_protocol == REQUEST.source_protocol
    assert refused(overlay, "R11") == {Refusal.LOOP: 1}


@pytest.mark.conforms("6.4-domino")
def test_a_hub_on_the_way_asks_nothing_itself() -> None:
    """One packet of data must not make every router along its way ask (the domino effect)."""
    overlay = _two_hubs().start().run(2)
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
    overlay.start().run(2)
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
    overlay.start().run(2)
    overlay.handle("R31", Unresolved(TUNNEL, address("192.168.100.41")))
    spoke = overlay.members["R31"]
    assert spoke.forwards("10.4.4.1") == (TUNNEL, HUB_NBMA)
    overlay.run(1)
    assert spoke.forwards("10.4.4.1") == (TUNNEL, R41)
    (reply,) = overlay.sent(ResolutionReply)
    record = parts.find(reply.extensions, parts.ForwardTransitRecord)
    assert record is not None
    assert [str(entry.protocol) for entry in record.entries] == ["192.168.100.11", "192.168.100.12"]


def test_without_the_direct_way_both_hubs_carry_the_purge_too() -> None:
    overlay = _two_hubs().start().run(2)
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
