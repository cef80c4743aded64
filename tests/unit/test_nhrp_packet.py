"""NHRP packets: fields of packets of other implementations, what is refused, and how a server forwards."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.errors import WireError
from dmvpn.features.nhrp.cie import CieCode, ClientInfo
from dmvpn.features.nhrp.extensions import (
    END,
    Authentication,
    Extension,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
    UnknownExtension,
    VendorPrivate,
    append_entry,
    find,
    put,
)
from dmvpn.features.nhrp.packet import (
    ErrorCode,
    ErrorIndication,
    NhrpPacket,
    PurgeFlag,
    PurgeReply,
    PurgeRequest,
    RegistrationFlag,
    RegistrationReply,
    RegistrationRequest,
    ResolutionFlag,
    ResolutionReply,
    ResolutionRequest,
    TrafficIndication,
    parse,
)
from dmvpn.net.ipv4 import peek_addresses
from support.pcap import payloads
from support.wire import vectors, with_checksum

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress

HUB_NBMA, SPOKE_NBMA = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.2")
HUB, SPOKE = IPv4Address("10.255.0.1"), IPv4Address("10.255.0.2")
HUB_ENTRY = ClientInfo(prefix_length=32, mtu=17912, holding_time=7200, preference=255, nbma=HUB_NBMA, protocol=HUB)

VECTORS = {name: octets for name, octets in vectors("nhrp").items() if not name.startswith("gre_")}

bits16 = st.integers(0, 0xFFFF)
octets8 = st.integers(0, 255)
ipv4_addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
ipv6_addresses = st.integers(0, 2**128 - 1).map(IPv6Address)


def cies(nbma: st.SearchStrategy[IPAddress], protocol: st.SearchStrategy[IPAddress]) -> st.SearchStrategy[ClientInfo]:
    return st.builds(
        ClientInfo,
        code=octets8,
        prefix_length=octets8,
        mtu=bits16,
        holding_time=bits16,
        preference=octets8,
        nbma=st.none() | nbma,
        nbma_subaddress=st.binary(max_size=4),
        protocol=st.none() | protocol,
    )


def extensions(entries: st.SearchStrategy[ClientInfo]) -> st.SearchStrategy[Extension]:
    lists = st.lists(entries, max_size=3).map(tuple)
    addressed = st.sampled_from([ResponderAddress, ForwardTransitRecord, ReverseTransitRecord, NatAddress])
    return st.one_of(
        st.builds(lambda kind, bit, list_: kind(compulsory=bit, entries=list_), addressed, st.booleans(), lists),
        st.builds(Authentication, compulsory=st.booleans(), spi=bits16, data=st.binary(max_size=12)),
        st.builds(VendorPrivate, vendor=st.binary(min_size=3, max_size=3), data=st.binary(max_size=12)),
        st.builds(
            UnknownExtension,
            compulsory=st.booleans(),
            type=st.sampled_from([1, 2, 6, 10, 0x3FFF]),
            value=st.binary(max_size=12),
        ),
    )


@st.composite
def nhrp_packets(draw: st.DrawFn) -> NhrpPacket:
    """Any packet that can be written, over and under IPv4 and IPv6."""
    nbma: st.SearchStrategy[IPAddress] = draw(st.sampled_from([ipv4_addresses, ipv6_addresses]))
    protocol: st.SearchStrategy[IPAddress] = draw(st.sampled_from([ipv4_addresses, ipv6_addresses]))
    entries = cies(nbma, protocol)
    list_ = draw(st.lists(extensions(entries), max_size=4).map(tuple))
    common = {
        "hop_count": octets8,
        "source_nbma": nbma,
        "source_nbma_subaddress": st.binary(max_size=4),
        "source_protocol": protocol,
        "destination_protocol": protocol,
        "extensions": st.just(list_),
        "end": st.sampled_from([END, END + bytes(16)] if list_ else [b"", END]),
    }
    client = common | {"request_id": st.integers(0, 2**32 - 1), "cies": st.lists(entries, max_size=3).map(tuple)}
    kinds = [
        st.builds(kind, flags=bits16.map(flag), **client)
        for kind, flag in (
            (ResolutionRequest, ResolutionFlag),
            (ResolutionReply, ResolutionFlag),
            (RegistrationRequest, RegistrationFlag),
            (RegistrationReply, RegistrationFlag),
            (PurgeRequest, PurgeFlag),
            (PurgeReply, PurgeFlag),
        )
    ]
    error = st.builds(
        ErrorIndication, unused=bits16, error_code=bits16, error_offset=bits16, packet=st.binary(max_size=40), **common
    )
    redirect = st.builds(TrafficIndication, traffic_code=bits16, packet=st.binary(max_size=40), **common)
    packet: NhrpPacket = draw(st.one_of(*kinds, error, redirect))
    return packet


@given(nhrp_packets())
def test_a_packet_is_read_as_it_was_written(packet: NhrpPacket) -> None:
    assert parse(packet.serialize()) == packet


@given(nhrp_packets(), st.binary(max_size=20))
def test_what_follows_the_packet_size_is_padding(packet: NhrpPacket, padding: bytes) -> None:
    assert parse(memoryview(packet.serialize() + padding)) == packet


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
            VendorPrivate.of_group("SHAPE_2M"),
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


def test_an_error_has_no_extension_part() -> None:
    error = ErrorIndication(
        source_nbma=HUB_NBMA, source_protocol=HUB, destination_protocol=SPOKE, error_code=15, packet=b"bad"
    )
    assert error.serialize()[14:16] == b"\x00\x00"


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


def test_the_two_ways_to_say_that_nobody_is_registered_are_one() -> None:
    nak = parse(VECTORS["resolution_reply_nak_12"])
    assert isinstance(nak, ResolutionReply)
    assert nak.cies[0].code is CieCode.NO_BINDING
    assert nak.cies[0].is_no_binding
    assert ClientInfo(code=11).is_no_binding
    assert not ClientInfo(code=14).is_no_binding


@pytest.mark.parametrize(("received", "meant"), [(0, 32), (255, 32), (32, 32), (128, 32), (24, 24), (1, 1)])
def test_a_prefix_length_that_says_nothing_means_one_address(received: int, meant: int) -> None:
    assert ClientInfo(prefix_length=received).host_or_prefix_length(32) == meant


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
