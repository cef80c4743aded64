"""Error Indications of ours: for what they are sent, to whom, how often, and when not (RFC 2332 §5.2.7)."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from dmvpn.features.nhrp import parts, shared, transit
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.reasons import Refusal
from support.by_hand import REQUEST
from support.cloud import (
    HUB,
    HUB_NBMA,
    PEER,
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
from support.wire import with_checksum

ENTRY = parts.ClientInfo(prefix_length=32, holding_time=600, nbma=PEER_NBMA, protocol=PEER)
REPLY = ResolutionReply(
    source_nbma=SPOKE_NBMA,
    source_protocol=SPOKE,
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xF802),
    request_id=4711,
    cies=(replace(ENTRY, prefix_length=24),),
)
PURGE = PurgeRequest(
    source_nbma=SPOKE_NBMA,
    source_protocol=SPOKE,
    destination_protocol=address("10.77.0.1"),
    flags=PurgeFlag(0),
    request_id=5,
    cies=(parts.ClientInfo(prefix_length=24, protocol=address("10.3.3.0")),),
)


def changed(position: int, octets: str) -> bytes:
    """The request with other octets at a place and a checksum that fits."""
    good, new = REQUEST.serialize(), bytes.fromhex(octets)
    return with_checksum(good[:position] + new + good[position + len(new) :], 12)


def error_of(overlay: Overlay) -> ErrorIndication:
    """The one error that was sent."""
    (error,) = overlay.sent(ErrorIndication)
    return error


@pytest.mark.conforms("5.2.7-addresses", "5.2.7-quote", "5.2.7-bare")
def test_an_error_names_the_finder_the_sender_and_the_place_and_quotes_the_packet() -> None:
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, hop_count=0), SPOKE_NBMA)
    error = error_of(overlay)
    assert (error.source_nbma, error.source_protocol) == (HUB_NBMA, HUB)
    assert error.destination_protocol == SPOKE
    assert error.packet == replace(REQUEST, hop_count=0).serialize()
    assert error.error_offset == 9
    assert error.hop_count == 255
    assert error.serialize()[14:16] == bytes(2)  # no extensions at all


@pytest.mark.conforms(
    "5.1-version", "5.1-types", "5.2.7-6", "5.2.7-7", "5.2.7-9", "5.2.7-offset", "5.2.7-discard", "5.3-once"
)
@pytest.mark.parametrize(
    ("packet", "code", "offset"),
    [
        (replace(REQUEST, hop_count=1), ErrorCode.HOP_COUNT_EXCEEDED, 9),
        (
            replace(REQUEST, extensions=(parts.ForwardTransitRecord(entries=(replace(ENTRY, protocol=HUB),)),)),
            ErrorCode.LOOP_DETECTED,
            52,
        ),
        (PURGE, ErrorCode.PROTOCOL_ADDRESS_UNREACHABLE, 36),
        (changed(16, "02"), ErrorCode.PROTOCOL_ERROR, 16),
        (changed(17, "63"), ErrorCode.PROTOCOL_ERROR, 17),
        (REQUEST.serialize()[:-1] + b"\x01", ErrorCode.PROTOCOL_ERROR, 12),
        (REQUEST.serialize()[:-3], ErrorCode.PROTOCOL_ERROR, 10),
        (changed(54, "00ff"), ErrorCode.INVALID_EXTENSION, 52),
        (replace(REQUEST, extensions=(*REQUEST.extensions, parts.ResponderAddress())), ErrorCode.INVALID_EXTENSION, 68),
        (bytes(REQUEST.serialize()) + bytes(9200), ErrorCode.SDU_SIZE_EXCEEDED, 0),
    ],
)
def test_what_is_wrong_with_a_packet_and_where(
    packet: ResolutionRequest | PurgeRequest | bytes, code: ErrorCode, offset: int
) -> None:
    overlay = ready()
    receive(overlay, "R11", packet, SPOKE_NBMA)
    error = error_of(overlay)
    assert (error.error_code, error.error_offset) == (code, offset)
    assert error.destination_protocol == SPOKE
    assert len(overlay.packets) == 1  # the packet itself went nowhere


@pytest.mark.conforms("5.2.7-11", "5.3.4-failure", "frr-21097")
def test_with_a_password_an_error_points_at_the_wrong_one_or_at_its_absence() -> None:
    overlay = ready(authentication="secret")
    wrong = replace(REQUEST, extensions=(*REQUEST.extensions, parts.Authentication(data=b"other")))
    receive(overlay, "R11", wrong, SPOKE_NBMA)
    receive(overlay, "R11", REQUEST, SPOKE_NBMA)
    first, second = overlay.sent(ErrorIndication)
    assert first.error_code == second.error_code == ErrorCode.AUTHENTICATION_FAILURE
    assert parse(first.packet) == wrong
    assert wrong.serialize()[first.error_offset :][:2] == b"\x80\x07"
    assert REQUEST.serialize()[second.error_offset :][:2] == b"\x80\x03"


@pytest.mark.conforms("5.2.7-9")
def test_an_empty_second_password_is_an_error_as_it_is_for_ios() -> None:
    """FRR 10.1 sent a good password and an empty one (FRR issue 16466)."""
    overlay = ready(authentication="secret")
    twice = (*REQUEST.extensions, parts.Authentication(data=b"secret"), parts.UnknownExtension(type=7, value=b""))
    receive(overlay, "R11", replace(REQUEST, extensions=twice), SPOKE_NBMA)
    assert error_of(overlay).error_code == ErrorCode.INVALID_EXTENSION


@pytest.mark.conforms("5.2.2-unsolicited", "5.2.7-10")
def test_a_reply_that_nobody_asked_for_is_error_10_to_who_made_it() -> None:
    overlay = ready()
    receive(overlay, "R31", REPLY, PEER_NBMA)
    error = error_of(overlay)
    assert error.error_code == ErrorCode.INVALID_RESOLUTION_REPLY
    assert error.destination_protocol == REPLY.destination_protocol
    assert [s.destination for s in overlay.packets] == [PEER_NBMA]
    assert refused(overlay, "R31") == {Refusal.UNSOLICITED: 1}


@pytest.mark.conforms("5.2.0.1-id-matched")
def test_a_late_or_doubled_answer_to_a_question_of_ours_is_no_error() -> None:
    overlay = ready()
    make_shortcut(overlay)
    (reply,) = [r for r in overlay.sent(ResolutionReply) if r.destination_protocol == address("10.4.4.1")]
    receive(overlay, "R31", reply, PEER_NBMA)
    assert overlay.sent(ErrorIndication) == []
    receive(overlay, "R31", replace(reply, destination_protocol=address("10.4.4.9")), PEER_NBMA)
    assert error_of(overlay).error_code == ErrorCode.INVALID_RESOLUTION_REPLY


@pytest.mark.conforms("5.2.5-unsolicited")
def test_other_replies_that_nobody_asked_for_are_ignored() -> None:
    overlay = ready()
    common = {"source_nbma": SPOKE_NBMA, "source_protocol": SPOKE, "destination_protocol": HUB, "request_id": 4711}
    receive(overlay, "R31", PurgeReply(**common, flags=PurgeFlag(0)), HUB_NBMA)  # type: ignore[arg-type]
    other = cloud(3)
    other.start()
    other.run(1)
    (registered,) = other.sent(RegistrationReply)[:1]
    receive(overlay, "R31", replace(registered, request_id=4711), HUB_NBMA)
    assert overlay.packets == []
    assert refused(overlay, "R31") == {Refusal.UNSOLICITED: 2}


@pytest.mark.conforms("5.2.7-1", "5.2.7-offset")
def test_an_unknown_compulsory_extension_is_named_by_its_place() -> None:
    overlay = ready()
    packet = replace(REQUEST, extensions=(parts.UnknownExtension(type=77, value=b"abc"), *REQUEST.extensions))
    receive(overlay, "R41", packet, HUB_NBMA)
    error = error_of(overlay)
    assert (error.error_code, error.error_offset) == (ErrorCode.UNRECOGNIZED_EXTENSION, 52)


@pytest.mark.conforms("5-size", "5.2.7-8")
def test_what_would_grow_beyond_the_network_is_error_8() -> None:
    """Every hop adds a record: a packet that fills the link is not passed on, but it may be answered."""
    overlay = ready()
    filling = parts.UnknownExtension(type=77, value=bytes(1476 - len(REQUEST.serialize()) - 4), compulsory=False)
    packet = replace(REQUEST, extensions=(*REQUEST.extensions, filling))
    receive(overlay, "R11", packet, SPOKE_NBMA)
    assert error_of(overlay).error_code == ErrorCode.SDU_SIZE_EXCEEDED
    assert overlay.sent(ResolutionRequest) == []
    receive(overlay, "R41", packet, HUB_NBMA)
    assert len(overlay.sent(ResolutionReply)) == 1


# ------------------------------------------------------------------------------------------------ when none is sent


@pytest.mark.conforms("5.2.7-never")
@pytest.mark.parametrize(
    "octets",
    [
        ErrorIndication(
            source_nbma=SPOKE_NBMA, source_protocol=SPOKE, destination_protocol=HUB, error_code=7, packet=b""
        ).serialize()[:-1],
        changed(17, "07")[:-1],
        changed(16, "02")[:17] + b"\x07" + changed(16, "02")[18:],
        b"\xff" * 40,
        b"",
        bytes(1500),
    ],
)
def test_no_error_about_an_error_or_about_what_has_no_sender(octets: bytes) -> None:
    overlay = ready()
    receive(overlay, "R11", octets, SPOKE_NBMA)
    assert overlay.packets == []
    assert refused(overlay, "R11") == {Refusal.MALFORMED: 1}


@pytest.mark.conforms("5.2.7-never", "frr-23065")
def test_an_error_with_the_wrong_password_or_a_forbidden_extension_is_not_answered() -> None:
    overlay = ready(authentication="secret")
    error = ErrorIndication(
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        error_code=ErrorCode.PROTOCOL_ERROR,
        packet=REQUEST.serialize(),
        extensions=(
            parts.Authentication(data=b"wrong"),
            parts.Authentication(data=b"wrong"),
            parts.UnknownExtension(type=9, value=b""),
        ),
        end=b"\x80\x00\x00\x00",
    )
    for hop_count in (0, 1, 255):
        receive(overlay, "R11", replace(error, hop_count=hop_count), SPOKE_NBMA)
    assert overlay.packets == []


@pytest.mark.conforms("5.2.7-one")
def test_errors_to_one_address_are_few_whatever_it_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "AT_ONCE", 1 << 30)  # the limit of work would refuse most requests first
    overlay = ready()
    for number in range(200):
        receive(overlay, "R11", replace(REQUEST, hop_count=0, request_id=number), SPOKE_NBMA)
    assert len(overlay.sent(ErrorIndication)) == transit.ERRORS_TO_ONE
    assert refused(overlay, "R11")[Refusal.ERROR_LIMIT] == 200 - transit.ERRORS_TO_ONE
    receive(overlay, "R11", replace(REQUEST, hop_count=0), address("10.0.0.9"))  # another one is not punished for it
    assert len(overlay.sent(ErrorIndication)) == transit.ERRORS_TO_ONE + 1
    overlay.run(11)
    receive(overlay, "R11", replace(REQUEST, hop_count=0), SPOKE_NBMA)
    assert len(overlay.sent(ErrorIndication)) == transit.ERRORS_TO_ONE + 2


@pytest.mark.lengthy
@pytest.mark.conforms("5.2.7-one")
def test_errors_to_all_addresses_together_are_bounded_too() -> None:
    overlay = ready(max_send=(100_000, 10))
    for number in range(3 * transit.ERRORS_TO_ALL):
        receive(overlay, "R11", b"\0\1" + changed(16, "02")[2:], address("10.0.0.0") + number)
    assert len(overlay.sent(ErrorIndication)) == transit.ERRORS_TO_ALL


def test_who_is_counted_is_bounded_and_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transit, "LARGEST_COUNTED", 20)
    overlay = ready()
    for _ in range(2):
        for number in range(21):
            for _ in range(transit.ERRORS_TO_ONE):
                receive(overlay, "R11", replace(REQUEST, hop_count=0), address("10.0.0.1") + number)
    # In the second round everybody had just been forgotten.
    assert len(overlay.sent(ErrorIndication)) == 2 * 21 * transit.ERRORS_TO_ONE


def test_no_error_goes_to_our_own_address() -> None:
    overlay = ready()
    receive(overlay, "R11", replace(REQUEST, hop_count=0), HUB_NBMA)
    assert overlay.packets == []


@pytest.mark.conforms("5.2.7-quote")
def test_an_error_is_never_much_larger_than_what_caused_it() -> None:
    overlay = ready()
    receive(overlay, "R11", changed(16, "02") + bytes(8000), SPOKE_NBMA)
    assert len(error_of(overlay).serialize()) <= transit.LARGEST_QUOTE + 60


# Error Indications that others send us: what we learn of them, and what they cannot do (RFC 2332 §5.2.7).


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
    overlay.start().run(0.1)
    told(overlay, ErrorCode.AUTHENTICATION_FAILURE, overlay.sent(RegistrationRequest)[0])
    (client,) = tunnel_of(overlay).clients.values()
    assert str(client.reason) == "192.168.100.11 answers: authentication failure (11)"


def test_why_a_server_is_not_up_stays_until_a_request_finds_no_word_at_all() -> None:
    """Between two refusals `no reply` would be a lie, and what may be wrong with a silent server beside the point."""
    overlay = cloud(3, authentication="right")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="wrong")
    overlay.start().run(0.2)
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
    overlay.start().run(0.1)
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
    overlay = cloud(holdtime=60).start().run(1)
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
    assert {int(code) for code in parts.CieCode} - {parts.CieCode.NO_BINDING_FRR} == {0, 4, 5, 12, 13, 14}
