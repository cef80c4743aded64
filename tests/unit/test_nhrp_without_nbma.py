"""Packets that leave their source NBMA address out (length 0): OpenNHRP sends such requests after a purge."""

from __future__ import annotations

import pytest

from dmvpn.features.nhrp.packet import (
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
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, ForwardTransitRecord, NatAddress, ResponderAddress, find
from dmvpn.features.nhrp.transit import peek
from support.cloud import HUB, HUB_NBMA, PEER_NBMA, SPOKE, SPOKE_NBMA, ready, receive, targets
from support.overlay import address, cloud

NOTHING = address("0.0.0.0")
REGISTRATION = RegistrationRequest(
    source_nbma=NOTHING,
    without_nbma=True,
    source_protocol=SPOKE,
    destination_protocol=HUB,
    flags=RegistrationFlag.UNIQUE | RegistrationFlag.NAT,
    request_id=1,
    cies=(ClientInfo(prefix_length=255, holding_time=7200),),
    extensions=(ResponderAddress(), NatAddress()),
)
QUESTION = ResolutionRequest(
    source_nbma=NOTHING,
    without_nbma=True,
    source_protocol=SPOKE,
    destination_protocol=address("10.4.4.1"),
    flags=ResolutionFlag(0xC802),
    request_id=2,
    cies=(ClientInfo(prefix_length=32, holding_time=7200),),
    extensions=(ResponderAddress(), ForwardTransitRecord()),
)


def test_the_address_takes_no_room_and_the_octets_are_the_same_again() -> None:
    octets = REGISTRATION.serialize()
    assert octets[18] == 0  # ar$shtl
    assert octets[28:36] == SPOKE.packed + HUB.packed
    assert parse(octets) == REGISTRATION
    assert parse(octets).serialize() == octets
    envelope = peek(octets)
    assert envelope is not None
    assert (envelope.source_protocol, envelope.destination_protocol) == (SPOKE, HUB)


@pytest.mark.conforms("5.1-nbma-absent")
def test_a_registration_is_bound_to_where_it_came_from_and_answered() -> None:
    """It was malformed to us, and a station that OpenNHRP had purged could not come back."""
    overlay = cloud(3)
    overlay.start("R11")
    receive(overlay, "R11", REGISTRATION, SPOKE_NBMA)
    (reply,) = overlay.sent(RegistrationReply)
    assert reply.cies[0].code == CieCode.SUCCESS
    assert reply.source_nbma == SPOKE_NBMA
    entry = targets(overlay, "R11")["192.168.100.31/32"]
    assert (entry.nbma, entry.claimed) == (SPOKE_NBMA, None)
    nat = find(reply.extensions, NatAddress)
    assert nat is None or not nat.entries  # there is nothing that a translator could have changed


def test_a_question_is_passed_on_with_the_address_and_answered() -> None:
    overlay = ready()
    receive(overlay, "R11", QUESTION, SPOKE_NBMA)
    overlay.run(1)
    (passed_on,) = overlay.sent(ResolutionRequest, "R11")
    assert (passed_on.source_nbma, passed_on.without_nbma) == (SPOKE_NBMA, False)
    (reply,) = overlay.sent(ResolutionReply, "R41")
    assert reply.cies[0].nbma == PEER_NBMA


def test_a_question_that_another_server_passed_on_without_it_is_answered_by_that_server() -> None:
    overlay = ready()
    record = ForwardTransitRecord(entries=(ClientInfo(prefix_length=32, nbma=HUB_NBMA, protocol=HUB),))
    packet = ResolutionRequest(
        source_nbma=NOTHING,
        without_nbma=True,
        source_protocol=SPOKE,
        destination_protocol=address("10.4.4.1"),
        flags=ResolutionFlag(0xC802),
        request_id=3,
        cies=(ClientInfo(prefix_length=32, holding_time=7200),),
        extensions=(record,),
    )
    receive(overlay, "R41", packet, HUB_NBMA)
    sent = [s for s in overlay.packets if isinstance(s.packet, ResolutionReply)]
    assert [s.destination for s in sent] == [HUB_NBMA]
    assert "192.168.100.31/32" not in targets(overlay, "R41")


def test_a_purge_is_answered() -> None:
    overlay = ready()
    purge = PurgeRequest(
        source_nbma=NOTHING,
        without_nbma=True,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=PurgeFlag(0),
        request_id=4,
        cies=(ClientInfo(prefix_length=32, protocol=SPOKE),),
    )
    receive(overlay, "R11", purge, SPOKE_NBMA)
    assert len(overlay.sent(PurgeReply, "R11")) == 1
    assert "192.168.100.31/32" not in targets(overlay, "R11")
