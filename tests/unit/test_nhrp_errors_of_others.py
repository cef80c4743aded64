"""Error Indications that others send us: what we learn of them, and what they cannot do (RFC 2332 §5.2.7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    RegistrationReply,
    RegistrationRequest,
    ResolutionRequest,
    TrafficIndication,
)
from dmvpn.features.nhrp.parts import CieCode
from dmvpn.features.nhrp.reasons import Refusal
from support.cloud import (
    HUB,
    HUB_NBMA,
    PEER_NBMA,
    SPOKE,
    SPOKE_NBMA,
    question,
    ready,
    receive,
    refused,
    targets,
    tunnel_of,
)
from support.overlay import Overlay, address, cloud, data_packet, make_shortcut


def told(overlay: Overlay, code: int, about: ResolutionRequest | RegistrationRequest) -> None:
    """The hub tells R31 that something is wrong with a packet of its."""
    error = ErrorIndication(
        source_nbma=HUB_NBMA, source_protocol=HUB, destination_protocol=SPOKE, error_code=code, packet=about.serialize()
    )
    receive(overlay, "R31", error, HUB_NBMA)


@pytest.mark.conforms("5.2.7-understood", "cisco-frr-codes")
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (ErrorCode.UNRECOGNIZED_EXTENSION, "unrecognized extension (1)"),
        (ErrorCode.LOOP_DETECTED_FRR, "loop detected (2)"),
        (ErrorCode.LOOP_DETECTED, "loop detected (3)"),
        (ErrorCode.PROTOCOL_ERROR, "protocol generic error (7)"),
        (ErrorCode.SDU_SIZE_EXCEEDED, "sdu size exceeded (8)"),
        (ErrorCode.INVALID_EXTENSION, "invalid extension (9)"),
        (ErrorCode.INVALID_RESOLUTION_REPLY, "invalid resolution reply received (10)"),
        (ErrorCode.AUTHENTICATION_FAILURE, "authentication failure (11)"),
        (ErrorCode.HOP_COUNT_EXCEEDED, "hop count exceeded (15)"),
        (99, "unknown error (99)"),
    ],
)
def test_why_a_question_has_no_answer_yet_is_kept_and_logged_and_it_is_repeated(code: int, words: str) -> None:
    overlay = ready()
    request = question(overlay)
    told(overlay, code, request)
    assert str(targets(overlay)["10.4.4.1/32"].reason) == f"192.168.100.11 answers: {words}"
    assert overlay.log_texts("R31")[-1] == (
        f"%NHRP-3-PAKERROR: Receive Error Indication for our Resolution Request, code: {words}, "
        "from (Tunnel: 192.168.100.11 NBMA: 172.16.11.1)"
    )
    overlay.run(4)
    assert len(overlay.sent(ResolutionRequest)) == 3


@pytest.mark.conforms("5.2.7-6", "5.2.7-understood")
def test_error_6_ends_the_question_and_no_other_question() -> None:
    overlay = ready()
    request = question(overlay)
    other = replace(request, destination_protocol=address("10.4.4.9"))
    told(overlay, ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE, other)  # the id is right, the question is not
    told(overlay, ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE, replace(request, request_id=4711))
    overlay.run(1.5)
    assert len(overlay.sent(ResolutionRequest)) == 2
    told(overlay, ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE, request)
    overlay.run(60)
    assert len(overlay.sent(ResolutionRequest)) == 2


def test_an_error_that_quotes_nothing_but_the_header_is_understood() -> None:
    """So FRR wrote them until 2024."""
    overlay = ready()
    request = question(overlay)
    error = ErrorIndication(
        hop_count=0,
        source_nbma=HUB_NBMA,
        source_protocol=HUB,
        destination_protocol=SPOKE,
        error_code=ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE,
        packet=request.serialize()[:28],
    )
    receive(overlay, "R31", error, HUB_NBMA)
    overlay.run(60)
    assert len(overlay.sent(ResolutionRequest)) == 1


@pytest.mark.parametrize("quote", [b"", b"\0" * 10, b"\xff" * 200, TrafficIndication.TYPE.to_bytes(1, "big") * 64])
def test_an_error_that_quotes_nonsense_does_nothing(quote: bytes) -> None:
    overlay = ready()
    question(overlay)
    error = ErrorIndication(
        source_nbma=HUB_NBMA, source_protocol=HUB, destination_protocol=SPOKE, error_code=6, packet=quote
    )
    receive(overlay, "R31", error, HUB_NBMA)
    overlay.run(4)
    times = [s.when for s in overlay.packets if isinstance(s.packet, ResolutionRequest)]
    assert [round(later - sooner) for sooner, later in pairwise(times)] == [1, 2]


@pytest.mark.conforms("5.2.7-understood")
def test_an_error_about_a_registration_says_why_the_server_is_not_up() -> None:
    overlay = cloud(3)
    overlay.filter = lambda _, __, packet: not isinstance(packet, RegistrationReply)
    overlay.start()
    overlay.run(0.1)
    told(overlay, ErrorCode.AUTHENTICATION_FAILURE, overlay.sent(RegistrationRequest)[0])
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "192.168.100.11 answers: authentication failure (11)"


def test_why_a_server_is_not_up_stays_until_a_request_finds_no_word_at_all() -> None:
    """Between two refusals `no reply` would be a lie, and what may be wrong with a silent server beside the point."""
    overlay = cloud(3, authentication="right")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="wrong")
    overlay.start()
    overlay.run(0.2)
    (client,) = tunnel_of(overlay).clients.values()
    seen: list[tuple[str, bool, int]] = []

    def look(*_: object) -> bool:
        """Whenever a packet goes, our repeated request among them."""
        seen.append((str(client.reason), client.is_refused, len(client.suspicions)))
        return True

    overlay.filter = look
    overlay.run(60)
    assert len(seen) > 10
    assert set(seen) == {("192.168.100.11 answers: authentication failure (11)", True, 0)}
    overlay.cut("R31", "R11")  # now it is the way that is at fault
    overlay.run(200)
    assert str(client.reason).startswith("no reply from the next hop server (")
    assert not client.is_refused
    assert client.suspicions


def test_a_reply_that_lacks_our_password_is_named_as_the_reason() -> None:
    """The hub has no password and has registered us; it is we who may not believe it."""
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="secret7")
    overlay.start()
    spoke = overlay.members["R31"]
    for _ in range(30):
        spoke.count(HUB_NBMA, received=1)  # a routing protocol of the hub speaks
        overlay.run(2)
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "the reply of the next hop server has another password than ours, or none"
    assert client.suspicions == ()
    assert client.requests_sent < 15  # and it is asked ever more rarely, however much is heard of it


def test_an_error_that_names_the_offender_as_its_source_is_understood() -> None:
    """FRR before 2025 put the NBMA address of who was at fault there; only with both addresses it is our own error."""
    overlay = cloud(3)
    overlay.filter = lambda _, __, packet: not isinstance(packet, RegistrationReply)
    overlay.start()
    overlay.run(0.1)
    error = ErrorIndication(
        source_nbma=SPOKE_NBMA,
        source_protocol=HUB,
        destination_protocol=SPOKE,
        error_code=ErrorCode.AUTHENTICATION_FAILURE,
        packet=overlay.sent(RegistrationRequest)[0].serialize(),
    )
    receive(overlay, "R31", error, HUB_NBMA)
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "192.168.100.11 answers: authentication failure (11)"


@pytest.mark.conforms("5.2.7-understood")
def test_an_error_about_a_refresh_leaves_what_works() -> None:
    overlay = cloud(holdtime=60)
    overlay.start()
    overlay.run(1)
    make_shortcut(overlay)
    overlay.filter = lambda _, __, packet: not isinstance(packet, ResolutionRequest)
    spoke = overlay.members["R31"]
    before = len(overlay.sent(ResolutionRequest, "R31"))
    while len(overlay.sent(ResolutionRequest, "R31")) == before:
        spoke.count(PEER_NBMA, sent=3, received=3)
        overlay.run(1)
    told(overlay, ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE, overlay.sent(ResolutionRequest, "R31")[-1])
    assert targets(overlay)["10.4.4.0/24"].nbma == PEER_NBMA
    assert targets(overlay)["10.4.4.0/24"].reason is None


def test_a_redirect_that_cannot_go_on_is_dropped_without_an_error() -> None:
    """Indications are answered by nobody."""
    overlay = ready()
    redirect = TrafficIndication(
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=address("10.77.0.1"),
        packet=data_packet("10.77.0.1", "10.4.4.1"),
    )
    receive(overlay, "R11", redirect, SPOKE_NBMA)
    assert overlay.packets == []
    assert refused(overlay, "R11") == {Refusal.NO_WAY: 1}


@pytest.mark.conforms("cisco-frr-codes", "frr-22966")
def test_the_codes_are_those_of_the_rfc() -> None:
    assert {int(code) for code in ErrorCode} - {ErrorCode.LOOP_DETECTED_FRR} == {1, 3, 6, 7, 8, 9, 10, 11, 15, 16, 17}
    assert {int(code) for code in CieCode} - {CieCode.NO_BINDING_FRR} == {0, 4, 5, 12, 13, 14}
