"""NHRP packets: fields of packets of other implementations, what is refused, and how a server forwards."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionReply,
    TrafficIndication,
    parse,
)
from dmvpn.features.nhrp.parts import (
    END,
    Authentication,
    CieCode,
    ClientInfo,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
    append_entry,
    find,
    put,
)
from dmvpn.features.nhrp.vendor import group_extension
from dmvpn.net.checksum import checksum
from dmvpn.net.ipv4 import peek_addresses
from support.nhrp_strategies import nhrp_packets
from support.pcap import payloads
from support.wire import vectors, with_checksum

HUB_NBMA, SPOKE_NBMA = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.2")
HUB, SPOKE = IPv4Address("10.255.0.1"), IPv4Address("10.255.0.2")
HUB_ENTRY = ClientInfo(prefix_length=32, mtu=17912, holding_time=7200, preference=255, nbma=HUB_NBMA, protocol=HUB)

VECTORS = {name: octets for name, octets in vectors("nhrp").items() if not name.startswith("gre_")}


@pytest.mark.conforms("5.1-afn", "5.1-type-short", "frr-18846")
@given(nhrp_packets())
def test_a_packet_is_read_as_it_was_written(packet: NhrpPacket) -> None:
    assert parse(packet.serialize()) == packet


@pytest.mark.lengthy
@pytest.mark.conforms("5.1-size")
@given(nhrp_packets(), st.binary(max_size=20))
def test_what_follows_the_packet_size_is_padding(packet: NhrpPacket, padding: bytes) -> None:
    assert parse(memoryview(packet.serialize() + padding)) == packet


@pytest.mark.conforms("5.1-types")
@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_written_as_it_was_read(name: str) -> None:
    assert parse(VECTORS[name]).serialize() == VECTORS[name]


def test_a_registration_of_ios_says_what_the_router_shows() -> None:
    assert parse(VECTORS["registration_request_ios_style_nhrp_group"]) == RegistrationRequest(
        hop_count=255,
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=RegistrationFlag.UNIQUE | RegistrationFlag.NAT,
        request_id=4,
        cies=(ClientInfo(prefix_length=32, mtu=17916, holding_time=7200, preference=255),),
        extensions=(
            ResponderAddress(),
            ForwardTransitRecord(),
            ReverseTransitRecord(),
            Authentication(data=b"dmvpn123"),
            NatAddress(entries=(replace(HUB_ENTRY, mtu=17916, holding_time=0),)),
            group_extension("SHAPE_2M"),
        ),
    )


def test_a_redirect_of_ios_leads_to_the_source_of_the_packet_it_quotes() -> None:
    redirect = parse(VECTORS["traffic_indication_ios_style"])
    assert isinstance(redirect, TrafficIndication)
    assert len(redirect.packet) == 28
    assert peek_addresses(redirect.packet) == (redirect.destination_protocol, IPv4Address("192.168.3.10"))


def test_an_error_says_what_was_wrong_and_quotes_it() -> None:
    error = parse(VECTORS["error_indication_auth_failure"])
    assert isinstance(error, ErrorIndication)
    assert (error.error_code, error.error_offset, error.end) == (ErrorCode.AUTHENTICATION_FAILURE, 0, b"")
    assert isinstance(parse(error.packet), RegistrationRequest)


@pytest.mark.conforms("5.2.7-bare")
def test_an_error_has_no_extension_part() -> None:
    error = ErrorIndication(
        source_nbma=HUB_NBMA, source_protocol=HUB, destination_protocol=SPOKE, error_code=15, packet=b"bad"
    )
    assert error.serialize()[14:16] == b"\x00\x00"


@pytest.mark.conforms("5.3.0-end")
def test_extensions_are_closed_by_an_end_whoever_forgets_it() -> None:
    error = ErrorIndication(
        source_nbma=HUB_NBMA,
        source_protocol=HUB,
        destination_protocol=SPOKE,
        error_code=ErrorCode.LOOP_DETECTED,
        packet=b"bad",
        extensions=(Authentication(data=b"secret"),),
    )
    assert parse(error.serialize()) == replace(error, end=END)


def test_a_purge_says_which_prefix_and_whether_it_wants_an_answer() -> None:
    purge = parse(VECTORS["purge_request_noreply_prefix24"])
    assert isinstance(purge, PurgeRequest)
    assert purge.flags & PurgeFlag.NO_REPLY
    assert purge.cies == (ClientInfo(prefix_length=24, protocol=IPv4Address("192.168.3.0")),)


@pytest.mark.conforms("cisco-frr-codes")
def test_the_two_ways_to_say_that_nobody_is_registered_are_one() -> None:
    nak = parse(VECTORS["resolution_reply_nak_12"])
    assert isinstance(nak, ResolutionReply)
    assert nak.cies[0].code is CieCode.NO_BINDING
    assert nak.cies[0].is_no_binding
    assert ClientInfo(code=11).is_no_binding
    assert not ClientInfo(code=14).is_no_binding


@pytest.mark.conforms("5.2.0.1-prefix")
@pytest.mark.parametrize(("received", "meant"), [(0, 32), (255, 32), (32, 32), (128, 32), (24, 24), (1, 1)])
def test_a_prefix_length_that_says_nothing_means_one_address(received: int, meant: int) -> None:
    assert ClientInfo(prefix_length=received).host_or_prefix_length(32) == meant


@pytest.mark.conforms("cisco-ipv6", "frr-18846")
def test_an_ipv6_registration_announces_the_link_local_address_too() -> None:
    reply = parse(VECTORS["registration_reply_ios_style_ipv6_overlay"])
    assert isinstance(reply, RegistrationReply)
    assert [str(cie.protocol) for cie in reply.cies] == ["fe80::2", "fe80::1"]
    assert reply.source_nbma == SPOKE_NBMA


def test_flags_that_nobody_knows_survive() -> None:
    packet = replace(sample(), flags=RegistrationFlag(0x8101))
    read = parse(packet.serialize())
    assert isinstance(read, RegistrationRequest)
    assert read.flags == 0x8101
    assert RegistrationFlag.UNIQUE in read.flags


@pytest.mark.parametrize("where", ["nhrp-opennhrp-auth-hub.pcap #29", "nhrp-opennhrp-auth-hub.pcap #44"])
def test_the_error_of_opennhrp_keeps_its_odd_octets(where: str) -> None:
    """OpenNHRP 0.14.1 leaves the flags of the bad packet in an unused field, and zeros behind the End extension."""
    error = parse(next(found.octets for found in payloads("nhrp") if found.where == where))
    assert isinstance(error, ErrorIndication)
    assert error.unused
    assert error.end == END + bytes(16)
    assert find(error.extensions, Authentication) == Authentication(data=b"secret7")


def sample() -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=RegistrationFlag.UNIQUE,
        request_id=1,
        cies=(HUB_ENTRY,),
        extensions=(ForwardTransitRecord(), Authentication(data=b"secret")),
    )


def changed(position: int, octets: str) -> bytes:
    """The sample packet with other octets at a place, and a checksum that fits."""
    good, new = sample().serialize(), bytes.fromhex(octets)
    return with_checksum(good[:position] + new + good[position + len(new) :], 12)


@pytest.mark.conforms("5.1-afn", "5.1-size", "5.1-checksum", "5.1-version", "5.1-lengths", "5.3.0-end")
@pytest.mark.parametrize(
    ("octets", "what", "offset"),
    [
        (b"", "header cut short", 0),
        (sample().serialize()[:-1], "packet size", 10),
        (changed(10, "001b"), "packet size 27", 10),
        (sample().serialize()[:-2] + b"\x00\x01", "checksum", 12),
        (changed(0, "0003"), "address family 3", 0),
        (changed(2, "0806"), "protocol type 0x0806", 2),
        (changed(14, "0027"), "extension offset 39", 14),
        (changed(14, "ffff"), "extension offset 65535", 14),
        (changed(16, "02"), "version 2", 16),
        (changed(17, "00"), "packet type 0", 17),
        (changed(17, "09"), "packet type 9", 17),
        (changed(18, "10"), "NBMA address", 18),
        (changed(18, "44"), "NBMA address", 18),
        (changed(19, "40"), "NBMA address", 18),
        (changed(20, "00"), "protocol addresses", 20),
        (changed(21, "10"), "protocol addresses", 20),
        (changed(48, "06"), "NBMA address type/length", 48),
        (changed(49, "7f"), "NBMA address type/length", 48),
        (changed(49, "01"), "addresses of a CIE cut short", 40),
        (changed(50, "05"), "protocol address of 5", 50),
        (changed(62, "0001"), "CIE cut short", 64),
        (changed(62, "00ff"), "extension 4 of 255 octets", 60),
        (changed(66, "0003"), "authentication of 3 octets", 64),
        (changed(64, "8008" + "0002"), "vendor extension of 2 octets", 64),
        (changed(60, "80000004"), "End extension of 4", 60),
        (changed(78, "8001"), "without End", 82),
    ],
)
def test_what_does_not_fit_is_refused_and_the_place_named(octets: bytes, what: str, offset: int) -> None:
    with pytest.raises(WireError, match=what) as refused:
        parse(octets)
    assert (refused.value.offset, refused.value.clause[:8]) == (offset, "RFC 2332")


def test_a_packet_that_does_not_fit_its_length_fields_is_not_written() -> None:
    with pytest.raises(ValueError, match="octets"):
        replace(sample(), cies=(HUB_ENTRY,) * 3300).serialize()
    with pytest.raises(ValueError, match="octets"):
        replace(sample(), destination_protocol=IPv6Address("::1")).serialize()


def test_what_is_no_packet_of_a_type_has_no_encoding() -> None:
    with pytest.raises(NotImplementedError):
        NhrpPacket(source_nbma=HUB_NBMA, source_protocol=HUB, destination_protocol=SPOKE).serialize()


def test_the_largest_packet_is_read() -> None:
    packet = replace(sample(), cies=(ClientInfo(),) * 5000)
    assert parse(packet.serialize()) == packet


def test_a_hub_forwards_a_request_with_its_own_record_and_password() -> None:
    """The octets are those an IOS hub sends on."""
    request = parse(VECTORS["resolution_request_ios_style"])
    changed = append_entry(request.extensions, ForwardTransitRecord, replace(HUB_ENTRY, preference=255))
    changed = put(changed, Authentication(data=b"dmvpn123"))
    assert request.forwarded(changed).serialize() == VECTORS["resolution_request_ios_style_forwarded"]


@pytest.mark.conforms("5-unused", "5.1-type-short", "5.3-format")
def test_unused_fields_are_zero_when_they_go_and_ignored_when_they_come() -> None:
    """The long protocol identifier, two octets of a CIE, and the bit beside an extension's C."""
    octets = sample().serialize()
    assert octets[4:9] == bytes(5)
    assert octets[42:44] == bytes(2)
    for position, filling in ((4, "0102030405"), (42, "ffff"), (60, "c004")):
        assert parse(changed(position, filling)) == sample()


@pytest.mark.conforms("5.1-checksum")
def test_an_odd_number_of_octets_is_summed_as_if_a_zero_followed() -> None:
    packet = replace(sample(), extensions=(Authentication(data=b"odd"),))
    octets = packet.serialize()
    assert len(octets) % 2 == 1
    assert checksum(octets + b"\0") == 0
    assert parse(octets) == packet


@pytest.mark.conforms("5.1-extensions")
def test_no_extensions_are_said_with_offset_zero() -> None:
    packet = replace(sample(), extensions=(), end=b"")
    assert packet.serialize()[14:16] == bytes(2)
    assert parse(packet.serialize()) == packet
    empty = replace(sample(), extensions=(), end=END)
    assert parse(empty.serialize()) == empty


@pytest.mark.conforms("5.1-type-long")
def test_the_long_form_of_a_protocol_that_has_a_short_one_is_refused() -> None:
    with pytest.raises(WireError, match="protocol type 0x0080"):
        parse(changed(2, "0080"))


@pytest.mark.conforms("5.2.0.1-absent")
def test_an_entry_without_addresses_takes_no_room_for_them() -> None:
    assert ClientInfo(prefix_length=32, holding_time=600).serialize().hex() == "002000000000025800000000"
