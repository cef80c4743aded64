"""Registration on the wire and at the server: what is answered, kept and refused (RFC 2332 §5.2.3, §5.2.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dmvpn.base.events import NhrpReceived
from dmvpn.features.nhrp.cache import Flag
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    parse,
)
from dmvpn.features.nhrp.parts import (
    Authentication,
    CieCode,
    ClientInfo,
    NatAddress,
    ResponderAddress,
    VendorPrivate,
    find,
)
from dmvpn.features.nhrp.vendor import group_extension, group_of
from support.overlay import TUNNEL, address, client_of, cloud, make_shortcut


@pytest.mark.conforms("5.2.0.1-id-copied", "5.2.4-formed")
def test_the_reply_turns_the_request_round_and_names_the_responder() -> None:
    overlay = cloud(3)
    overlay.start()
    overlay.run(1)
    (request,), (reply,) = overlay.sent(RegistrationRequest), overlay.sent(RegistrationReply)
    assert (reply.source_protocol, reply.destination_protocol) == (
        request.source_protocol,
        request.destination_protocol,
    )
    assert reply.source_nbma == request.source_nbma
    assert reply.request_id == request.request_id
    assert reply.cies == request.cies
    responder = find(reply.extensions, ResponderAddress)
    assert responder is not None
    assert responder.entries[0].protocol == address("192.168.100.11")
    assert responder.entries[0].nbma == address("172.16.11.1")
    assert find(reply.extensions, NatAddress) == find(request.extensions, NatAddress)


@pytest.mark.conforms("5.2.4-direct", "cisco-nat-register")
def test_a_spoke_behind_nat_is_reached_at_its_translated_address_and_learns_it() -> None:
    overlay = cloud(3)
    spoke = overlay.members["R31"]
    spoke.nbma, spoke.translated = address("10.99.0.2"), address("172.16.31.1")
    spoke.tunnel_state = replace(spoke.tunnel_state, source=spoke.nbma)
    overlay.start()
    overlay.run(1)
    entry = overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert (entry.nbma, entry.claimed) == (address("172.16.31.1"), address("10.99.0.2"))
    assert Flag.NAT in entry.flags
    nat = find(overlay.sent(RegistrationReply)[0].extensions, NatAddress)
    assert nat is not None
    assert [(e.nbma, e.protocol) for e in nat.entries] == [
        (address("172.16.11.1"), address("192.168.100.11")),
        (address("172.16.31.1"), address("192.168.100.31")),
    ]
    assert spoke.machine.tunnels[0].public_nbma == address("172.16.31.1")
    overlay.filter = lambda *_: False
    overlay.move("R31", "10.99.0.3")
    assert spoke.machine.tunnels[0].public_nbma is None  # who asks on now must not name the old translation


#: A Registration Request as FRR makes it (vectors/nhrp.json, registration_request_frr_style, without authentication),
#: addressed to the client's own tunnel address, as FRR does for `nhs dynamic`.
_FRR = RegistrationRequest(
    hop_count=1,
    source_nbma=address("172.16.31.1"),
    source_protocol=address("192.168.100.31"),
    destination_protocol=address("192.168.100.31"),
    flags=RegistrationFlag.UNIQUE | RegistrationFlag.NAT,
    request_id=1,
    cies=(ClientInfo(prefix_length=255, holding_time=7200),),
)


@pytest.mark.conforms("5.2.3-unknown")
def test_an_frr_client_that_does_not_know_our_address_is_answered_and_learns_it() -> None:
    overlay = cloud(3)
    overlay.start("R11")
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), _FRR.serialize()))
    (reply,) = overlay.sent(RegistrationReply)
    assert reply.destination_protocol == address("192.168.100.11")
    assert reply.source_protocol == address("192.168.100.31")
    assert reply.cies[0].code == CieCode.SUCCESS
    assert reply.hop_count == 255
    assert overlay.members["R11"].adjacencies == {address("192.168.100.31"): address("172.16.31.1")}


@pytest.mark.conforms("5.2.3-u-prefix", "5.2.3-source")
@pytest.mark.parametrize("length", [0, 32, 255])
def test_prefix_lengths_that_mean_one_address_register_one_address(length: int) -> None:
    overlay = cloud(3)
    overlay.start("R11")
    packet = replace(_FRR, cies=(ClientInfo(prefix_length=length, holding_time=600),))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    assert overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31")) is not None


@pytest.mark.conforms("5.2.3-prefix", "5.2.3-cannot", "5.2.4-nak-4")
@pytest.mark.parametrize(
    ("flags", "protocol", "length", "code"),
    [
        (RegistrationFlag.NAT, "192.168.100.64", 28, CieCode.SUCCESS),
        (RegistrationFlag.UNIQUE, "192.168.100.64", 28, CieCode.ADMINISTRATIVELY_PROHIBITED),
        (RegistrationFlag.NAT, "192.168.100.0", 28, CieCode.ADMINISTRATIVELY_PROHIBITED),  # our address is in it
        (RegistrationFlag.NAT, "10.0.0.0", 8, CieCode.ADMINISTRATIVELY_PROHIBITED),  # not the tunnel's business
        (RegistrationFlag.NAT, "192.168.100.11", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # ours
        (RegistrationFlag.NAT, "10.1.1.100", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # behind us
        (RegistrationFlag.NAT, "10.3.3.1", 32, CieCode.SUCCESS),  # our route to it leads into the network
        (RegistrationFlag.NAT, "10.9.9.9", 32, CieCode.SUCCESS),  # no route leads there
        (RegistrationFlag.NAT, "192.168.100.0", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # the subnet itself
        (RegistrationFlag.NAT, "192.168.100.255", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),  # everybody in it
        (RegistrationFlag.NAT, "224.0.0.10", 32, CieCode.ADMINISTRATIVELY_PROHIBITED),
    ],
)
def test_what_a_client_may_speak_for(flags: RegistrationFlag, protocol: str, length: int, code: CieCode) -> None:
    overlay = cloud(3)
    overlay.start("R11")
    cie = ClientInfo(prefix_length=length, holding_time=600, protocol=address(protocol))
    packet = replace(_FRR, flags=flags, cies=(cie,))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    assert overlay.sent(RegistrationReply)[0].cies[0].code == code


def test_what_we_only_resolved_yields_to_who_registers_it() -> None:
    overlay = cloud()
    overlay.start()
    overlay.run(5)
    make_shortcut(overlay)
    moved, station = address("172.16.99.1"), address("192.168.100.41")
    packet = replace(_FRR, source_nbma=moved, source_protocol=station, destination_protocol=station)
    overlay.packets.clear()
    overlay.handle("R31", NhrpReceived(TUNNEL, moved, packet.serialize()))
    assert overlay.sent(RegistrationReply)[0].cies[0].code == CieCode.SUCCESS
    assert overlay.members["R31"].adjacencies[station] == moved


def test_a_client_that_claims_our_own_nbma_address_is_refused() -> None:
    overlay = cloud(3)
    overlay.start("R11")
    cie = ClientInfo(
        prefix_length=32, holding_time=600, nbma=address("172.16.11.1"), protocol=address("192.168.100.50")
    )
    packet = replace(_FRR, cies=(cie,))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    assert overlay.sent(RegistrationReply)[0].cies[0].code == CieCode.ADMINISTRATIVELY_PROHIBITED
    assert overlay.members["R11"].adjacencies == {}


def test_a_station_with_two_addresses_gets_multicasts_until_both_have_expired() -> None:
    overlay = cloud(3)
    overlay.start("R11")
    nbma = address("172.16.31.1")
    for tunnel, seconds in (("192.168.100.31", 5), ("192.168.100.32", 10)):
        cie = ClientInfo(prefix_length=32, holding_time=seconds)
        packet = replace(_FRR, source_protocol=address(tunnel), destination_protocol=address(tunnel), cies=(cie,))
        overlay.handle("R11", NhrpReceived(TUNNEL, nbma, packet.serialize()))
    overlay.run(7)
    assert list(overlay.members["R11"].multicast) == [nbma]
    overlay.run(7)
    assert list(overlay.members["R11"].multicast) == []


def test_holding_time_zero_is_kept_by_nobody_and_ends_what_was_kept() -> None:
    overlay = cloud(3)
    overlay.start("R11")
    nbma = address("172.16.31.1")
    overlay.handle("R11", NhrpReceived(TUNNEL, nbma, _FRR.serialize()))
    packet = replace(_FRR, request_id=2, cies=(ClientInfo(prefix_length=255, holding_time=0),))
    overlay.handle("R11", NhrpReceived(TUNNEL, nbma, packet.serialize()))
    assert overlay.sent(RegistrationReply)[-1].cies[0].code == CieCode.SUCCESS
    assert overlay.members["R11"].adjacencies == {}


def test_a_group_that_would_move_the_cursor_of_who_looks_is_none() -> None:
    overlay = cloud(3)
    overlay.start("R11")
    vendor = group_extension("SHAPE\x1b[2J")
    packet = replace(_FRR, extensions=(*_FRR.extensions, vendor))
    overlay.handle("R11", NhrpReceived(TUNNEL, address("172.16.31.1"), packet.serialize()))
    entry = overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert entry.group == ""


@pytest.mark.conforms("cisco-group")
def test_the_group_of_a_spoke_is_kept_and_echoed() -> None:
    overlay = cloud(3)
    overlay.members["R31"].config = replace(overlay.members["R31"].config, group="SHAPE_2M")
    overlay.start()
    overlay.run(1)
    entry = overlay.members["R11"].machine.tunnels[0].cache.host(address("192.168.100.31"))
    assert entry is not None
    assert entry.group == "SHAPE_2M"
    vendor = find(overlay.sent(RegistrationReply)[0].extensions, VendorPrivate)
    assert vendor is not None
    assert group_of(vendor) == "SHAPE_2M"


# ------------------------------------------------------------------------------------------------ authentication


@pytest.mark.conforms("5.2.7-11", "5.3.4-failure", "frr-7696")
def test_a_wrong_password_is_answered_with_error_11_and_told_to_the_log() -> None:
    overlay = cloud(3, authentication="right")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="wrong")
    overlay.start()
    overlay.run(0.2)
    (error,) = overlay.sent(ErrorIndication)
    assert error.error_code == ErrorCode.AUTHENTICATION_FAILURE
    assert error.destination_protocol == address("192.168.100.31")
    assert isinstance(parse(error.packet), RegistrationRequest)
    assert overlay.members["R11"].adjacencies == {}
    assert overlay.log_texts("R11") == [
        "%DMVPN-3-DMVPN_NHRP_ERROR:  Tunnel100: Recieved wrong authentication string for  Registration Request , "
        "Reason:  authentication failure (11) on (Tunnel: 192.168.100.31 NBMA: 172.16.31.1)"
    ]
    client = client_of(overlay)
    assert "authentication failure (11)" in str(client.reason)
    overlay.run(5)
    assert len(overlay.log_texts("R11")) == 1  # one line, however often it happens


@pytest.mark.conforms("frr-1164")
def test_after_the_password_is_corrected_the_spoke_comes_up_by_itself() -> None:
    overlay = cloud(3, authentication="right")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="wrong")
    overlay.start()
    overlay.run(200)
    overlay.configure("R31", authentication="right")
    overlay.run(1)
    assert overlay.members["R11"].adjacencies


@pytest.mark.conforms("5.3.4.1-form", "cisco-password")
def test_passwords_are_cut_to_eight_octets_on_both_sides() -> None:
    overlay = cloud(3, authentication="DMVPN2026")
    overlay.members["R31"].config = replace(overlay.members["R31"].config, authentication="DMVPN202")
    overlay.start()
    overlay.run(1)
    assert overlay.members["R11"].adjacencies
    sent = find(overlay.sent(RegistrationReply)[0].extensions, Authentication)
    assert sent is not None
    assert sent.data == b"DMVPN202"


@pytest.mark.lengthy
def test_a_thousand_spokes_cost_a_handful_of_multicast_lists() -> None:
    overlay = cloud(3)
    overlay.start("R11")
    hub = overlay.members["R11"]
    hub.effects.clear()
    for number in range(1000):
        nbma = address(f"10.9.{number // 250}.{number % 250 + 1}")
        packet = replace(
            _FRR,
            source_nbma=nbma,
            source_protocol=address(f"192.168.{101 + number // 250}.{number % 250 + 1}"),
            destination_protocol=address("192.168.100.11"),
        )
        overlay.now += 0.0005
        overlay.handle("R11", NhrpReceived(TUNNEL, nbma, packet.serialize()))
    overlay.run(1)
    lists = [effect for effect in hub.effects if type(effect).__name__ == "SetMulticast"]
    assert len(lists) <= 7
    assert len(hub.multicast) == 1000
