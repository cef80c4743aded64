"""NHRP packets: fields of packets of other implementations, what is refused, and how a server forwards."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.effects import GRE_NHRP, NextHop, SendGre
from dmvpn.base.errors import WireError
from dmvpn.base.events import Hairpin, NhrpReceived
from dmvpn.base.notices import Route, RouteSource
from dmvpn.features.nhrp import parts
from dmvpn.features.nhrp.model import NhsConfig
from dmvpn.features.nhrp.packet import (
    ClientMessage,
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
from dmvpn.features.nhrp.vendor import group_extension, group_of
from dmvpn.net.ipv4 import checksum, peek_addresses
from support.nhrp_strategies import nhrp_packets
from support.overlay import TUNNEL, Member, Overlay, address, tunnel_config
from support.pcap import payloads
from support.wire import vectors, with_checksum

HUB_NBMA, SPOKE_NBMA = IPv4Address("203.0.113.1"), IPv4Address("203.0.113.2")
HUB, SPOKE = IPv4Address("10.255.0.1"), IPv4Address("10.255.0.2")
HUB_ENTRY = parts.ClientInfo(
    prefix_length=32, mtu=17912, holding_time=7200, preference=255, nbma=HUB_NBMA, protocol=HUB
)

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
        cies=(parts.ClientInfo(prefix_length=32, mtu=17916, holding_time=7200, preference=255),),
        extensions=(
            parts.ResponderAddress(),
            parts.ForwardTransitRecord(),
            parts.ReverseTransitRecord(),
            parts.Authentication(data=b"dmvpn123"),
            parts.NatAddress(entries=(replace(HUB_ENTRY, mtu=17916, holding_time=0),)),
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
        extensions=(parts.Authentication(data=b"secret"),),
    )
    assert parse(error.serialize()) == replace(error, end=parts.END)


def test_a_purge_says_which_prefix_and_whether_it_wants_an_answer() -> None:
    purge = parse(VECTORS["purge_request_noreply_prefix24"])
    assert isinstance(purge, PurgeRequest)
    assert purge.flags & PurgeFlag.NO_REPLY
    assert purge.cies == (parts.ClientInfo(prefix_length=24, protocol=IPv4Address("192.168.3.0")),)


@pytest.mark.conforms("cisco-frr-codes")
def test_the_two_ways_to_say_that_nobody_is_registered_are_one() -> None:
    nak = parse(VECTORS["resolution_reply_nak_12"])
    assert isinstance(nak, ResolutionReply)
    assert nak.cies[0].code is parts.CieCode.NO_BINDING
    assert nak.cies[0].is_no_binding
    assert parts.ClientInfo(code=11).is_no_binding
    assert not parts.ClientInfo(code=14).is_no_binding


@pytest.mark.conforms("5.2.0.1-prefix")
@pytest.mark.parametrize(("received", "meant"), [(0, 32), (255, 32), (32, 32), (128, 32), (24, 24), (1, 1)])
def test_a_prefix_length_that_says_nothing_means_one_address(received: int, meant: int) -> None:
    assert parts.ClientInfo(prefix_length=received).host_or_prefix_length(32) == meant


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
    assert error.end == parts.END + bytes(16)
    assert parts.find(error.extensions, parts.Authentication) == parts.Authentication(data=b"secret7")


def sample() -> RegistrationRequest:
    return RegistrationRequest(
        source_nbma=SPOKE_NBMA,
        source_protocol=SPOKE,
        destination_protocol=HUB,
        flags=RegistrationFlag.UNIQUE,
        request_id=1,
        cies=(HUB_ENTRY,),
        extensions=(parts.ForwardTransitRecord(), parts.Authentication(data=b"secret")),
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
    packet = replace(sample(), cies=(parts.ClientInfo(),) * 5000)
    assert parse(packet.serialize()) == packet


def test_a_hub_forwards_a_request_with_its_own_record_and_password() -> None:
    """The octets are those an IOS hub sends on."""
    request = parse(VECTORS["resolution_request_ios_style"])
    changed = parts.append_entry(request.extensions, parts.ForwardTransitRecord, replace(HUB_ENTRY, preference=255))
    changed = parts.put(changed, parts.Authentication(data=b"dmvpn123"))
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
    packet = replace(sample(), extensions=(parts.Authentication(data=b"odd"),))
    octets = packet.serialize()
    assert len(octets) % 2 == 1
    assert checksum(octets + b"\0") == 0
    assert parse(octets) == packet


@pytest.mark.conforms("5.1-extensions")
def test_no_extensions_are_said_with_offset_zero() -> None:
    packet = replace(sample(), extensions=(), end=b"")
    assert packet.serialize()[14:16] == bytes(2)
    assert parse(packet.serialize()) == packet
    empty = replace(sample(), extensions=(), end=parts.END)
    assert parse(empty.serialize()) == empty


@pytest.mark.conforms("5.1-type-long")
def test_the_long_form_of_a_protocol_that_has_a_short_one_is_refused() -> None:
    with pytest.raises(WireError, match="protocol type 0x0080"):
        parse(changed(2, "0080"))


@pytest.mark.conforms("5.2.0.1-absent")
def test_an_entry_without_addresses_takes_no_room_for_them() -> None:
    assert parts.ClientInfo(prefix_length=32, holding_time=600).serialize().hex() == "002000000000025800000000"


# What leaves our machines is octet for octet what IOS sends (vectors/nhrp.json tells where the vectors come from).

IOS_VECTORS = {
    vector["name"]: bytes.fromhex(vector["hex"])
    for vector in json.loads((Path(__file__).parent.parent / "vectors" / "nhrp.json").read_text())["vectors"]
}
IOS_HUB, IOS_SPOKE, EGRESS = address("203.0.113.1"), address("203.0.113.2"), address("203.0.113.3")


def _member(name: str, number: int, **settings: object) -> Member:
    nhs = () if number == 1 else (NhsConfig(address=address("10.255.0.1"), nbma=IOS_HUB),)
    member = Member(
        name,
        address(f"203.0.113.{number}"),
        address(f"10.255.0.{number}"),
        tunnel_config(authentication="dmvpn123", nhs=nhs, **settings),
        lans={} if number == 1 else {f"192.168.{number}.0/24": f"192.168.{number}.1"},
    )
    return member


def _cloud(*, key: int | None = 100, **settings: object) -> Overlay:
    members = [_member("hub", 1, redirect=True), _member("spoke", 2, shortcut=True, **settings), _member("egress", 3)]
    for member in members:
        member.tunnel_state = replace(member.tunnel_state, key=key)
    hub, spoke, _ = members
    hub.routes = {"192.168.2.0/24": "10.255.0.2", "192.168.3.0/24": "10.255.0.3"}
    spoke.routes = {"192.168.3.0/24": "10.255.0.1"}
    return Overlay(*members)


def _sent(overlay: Overlay, name: str) -> list[bytes]:
    effects = overlay.members[name].effects
    return [effect.payload for effect in effects if isinstance(effect, SendGre) and effect.protocol == GRE_NHRP]


def _received(overlay: Overlay, name: str, vector: str, source: object) -> bytes:
    """Give a vector to a member; what it sends in answer."""
    overlay.members[name].effects.clear()
    overlay.handle(name, NhrpReceived(TUNNEL, source, IOS_VECTORS[vector]))  # type: ignore[arg-type]
    return _sent(overlay, name)[0]


def _with_id(octets: bytes, request_id: int) -> bytes:
    packet = parse(octets)
    assert isinstance(packet, ClientMessage)
    return replace(packet, request_id=request_id).serialize()


@pytest.mark.conforms("5.3.4.1-form", "cisco-registration", "frr-7696")
def test_a_registration_request() -> None:
    overlay = _cloud().start("spoke")
    assert _sent(overlay, "spoke")[0] == IOS_VECTORS["registration_request_ios_style_auth"]


@pytest.mark.conforms("cisco-registration")
def test_a_registration_request_with_a_group_and_without_a_tunnel_key() -> None:
    overlay = _cloud(key=None, group="SHAPE_2M").start("spoke")
    assert _with_id(_sent(overlay, "spoke")[0], 4) == IOS_VECTORS["registration_request_ios_style_nhrp_group"]


@pytest.mark.conforms("cisco-registration")
def test_a_registration_reply() -> None:
    overlay = _cloud(key=None).start("hub")
    reply = _received(overlay, "hub", "registration_request_ios_style_nhrp_group", IOS_SPOKE)
    assert reply == IOS_VECTORS["registration_reply_ios_style_nhrp_group"]


@pytest.mark.conforms("cisco-redirect", "frr-16371")
def test_a_traffic_indication() -> None:
    overlay = _cloud().start().run(1)
    overlay.members["hub"].effects.clear()
    vector = IOS_VECTORS["traffic_indication_ios_style"]
    offset = int.from_bytes(vector[14:16], "big")
    overlay.handle("hub", Hairpin(TUNNEL, TUNNEL, IOS_SPOKE, vector[offset - 28 : offset] + bytes(56)))
    assert _sent(overlay, "hub") == [vector]


@pytest.mark.conforms("cisco-resolution")
def test_a_resolution_request() -> None:
    overlay = _cloud().start().run(1)
    overlay.members["spoke"].effects.clear()
    indication = bytearray(IOS_VECTORS["traffic_indication_ios_style"])
    overlay.handle("spoke", NhrpReceived(TUNNEL, IOS_HUB, bytes(indication)))
    assert _with_id(_sent(overlay, "spoke")[0], 1) == IOS_VECTORS["resolution_request_ios_style"]


@pytest.mark.conforms("cisco-resolution")
def test_a_resolution_request_that_a_hub_forwards() -> None:
    overlay = _cloud().start().run(1)
    forwarded = _received(overlay, "hub", "resolution_request_ios_style", IOS_SPOKE)
    assert forwarded == IOS_VECTORS["resolution_request_ios_style_forwarded"]


@pytest.mark.conforms("cisco-resolution", "frr-16507")
def test_a_resolution_reply_for_a_prefix() -> None:
    overlay = _cloud().start().run(1)
    reply = _received(overlay, "egress", "resolution_request_ios_style_forwarded", IOS_HUB)
    assert reply == IOS_VECTORS["resolution_reply_ios_style_prefix24"]


@pytest.mark.parametrize(
    ("vector", "source"),
    [
        ("registration_request_frr_style", IOS_SPOKE),
        ("registration_request_ios_style_auth", IOS_SPOKE),
    ],
)
def test_registrations_of_both_families_are_accepted(vector: str, source: object) -> None:
    overlay = _cloud().start("hub")
    _received(overlay, "hub", vector, source)
    assert overlay.members["hub"].adjacencies == {address("10.255.0.2"): IOS_SPOKE}


@pytest.mark.conforms("cisco-redirect-frr")
def test_a_redirect_of_frr_is_followed() -> None:
    overlay = _cloud().start().run(1)
    request = _received(overlay, "spoke", "traffic_indication_frr_style", IOS_HUB)
    assert parse(request).destination_protocol == address("192.168.3.10")


def test_a_nak_is_a_nak_in_every_form() -> None:
    overlay = _cloud().start("hub")
    request = _received(overlay, "hub", "registration_request_ios_style_auth", IOS_SPOKE)
    assert parse(request)
    overlay.handle("hub", NhrpReceived(TUNNEL, address("198.51.100.9"), IOS_VECTORS["registration_request_frr_style"]))
    refused = parse(_sent(overlay, "hub")[-1])
    assert isinstance(refused, ClientMessage)
    expected = parse(IOS_VECTORS["registration_reply_nak_14"])
    assert isinstance(expected, ClientMessage)
    # The vector is a refusal of FRR's request, which has the prefix length 255.
    assert refused.cies == (expected.cies[0],)


@pytest.mark.conforms("6.3-covered")
def test_the_egress_gives_the_prefix_of_its_route_even_if_it_is_no_interface_of_its_own() -> None:
    overlay = _cloud().start().run(1)
    egress = overlay.members["egress"]
    egress.rib.known = [route for route in egress.rib.known if "192.168.3." not in str(route.prefix)]
    egress.interfaces.states = egress.interfaces.states[:1]
    egress.rib.known.append(
        Route(
            prefix=Prefix.parse("192.168.0.0/20"),
            source=RouteSource.STATIC,
            distance=1,
            next_hops=(NextHop("GigabitEthernet0/3", address("192.168.15.254")),),
        )
    )
    reply = parse(_received(overlay, "egress", "resolution_request_ios_style_forwarded", IOS_HUB))
    assert isinstance(reply, ClientMessage)
    assert reply.cies[0].prefix_length == 20


# Lists of NHRP extensions.

ENTRY = parts.ClientInfo(holding_time=7200, nbma=IPv4Address("192.0.2.2"), protocol=IPv4Address("10.255.0.1"))
LIST: parts.Extensions = (
    parts.ForwardTransitRecord(),
    parts.Authentication(data=b"old"),
    parts.UnknownExtension(compulsory=False, type=10, value=b"mobile"),
    parts.NatAddress(entries=(ENTRY,)),
)


def parsed(octets: str) -> parts.Extensions:
    data = bytes.fromhex(octets) + parts.END
    extensions, end = parts.parse_extensions(data, 0, len(data), nbma_length=4, protocol_length=4)
    assert data[end:] == parts.END
    return extensions


@pytest.mark.conforms("5.3-format", "5.3.4.1-form", "cisco-password")
@pytest.mark.parametrize(
    ("octets", "extension"),
    [
        ("80030000", parts.ResponderAddress()),
        ("00030000", parts.ResponderAddress(compulsory=False)),
        ("80040000", parts.ForwardTransitRecord()),
        ("80050000", parts.ReverseTransitRecord()),
        ("00090000", parts.NatAddress()),
        ("80090000", parts.NatAddress(compulsory=True)),
        ("800700090000000143 4953434f", parts.Authentication(data=b"CISCO")),
        ("80070004 0000 0001", parts.Authentication(data=b"")),
        ("0008000500000c0000", parts.VendorPrivate(vendor=b"\x00\x00\x0c", data=b"\x00\x00")),
        ("000a0001ff", parts.UnknownExtension(compulsory=False, type=10, value=b"\xff")),
        ("bfff0000", parts.UnknownExtension(compulsory=True, type=0x3FFF, value=b"")),
        (
            "00090014 0020 0000 45f8 0000 0400 0400 a9fe6405 9b010005",
            parts.NatAddress(
                entries=(
                    parts.ClientInfo(
                        prefix_length=32,
                        mtu=17912,
                        nbma=IPv4Address("169.254.100.5"),
                        protocol=IPv4Address("155.1.0.5"),
                    ),
                )
            ),
        ),
    ],
)
def test_an_extension_has_exactly_one_encoding(octets: str, extension: parts.Extension) -> None:
    assert parsed(octets) == (extension,)
    assert extension.serialize() == bytes.fromhex(octets)


@pytest.mark.conforms("cisco-nat-8")
def test_eight_octets_of_type_nine_are_device_capabilities() -> None:
    """RFC 2735 gave the number away first."""
    (extension,) = parsed("00090008" + "11" * 8)
    assert extension == parts.UnknownExtension(compulsory=False, type=9, value=b"\x11" * 8)


@pytest.mark.conforms("5.3-order")
def test_the_order_of_a_peer_is_kept() -> None:
    octets = "8005000080040000000900008003000080070004" + "00000001"
    assert b"".join(extension.serialize() for extension in parsed(octets)).hex() == octets


def test_an_extension_is_found_by_its_class() -> None:
    assert parts.find(LIST, parts.Authentication) == parts.Authentication(data=b"old")
    assert parts.find(LIST, parts.ResponderAddress) is None


def test_an_extension_takes_the_place_of_the_old_one() -> None:
    new = parts.Authentication(data=b"new")
    assert parts.put(LIST, new) == (LIST[0], new, LIST[2], LIST[3])


def test_a_password_that_was_not_there_is_where_ios_has_it() -> None:
    own = parts.Authentication(data=b"own")
    others = (parts.ResponderAddress(), parts.ForwardTransitRecord(), parts.NatAddress(), group_extension("G"))
    assert parts.hop_by_hop(others, (own,)) == (*others[:2], own, *others[2:])
    assert parts.hop_by_hop((*others[:2], own, *others[2:]), ()) == others


@pytest.mark.conforms("cisco-password", "frr-16466")
def test_a_second_password_does_not_survive_the_swap() -> None:
    """FRR once sent two; exactly one may leave (FRR issue 16507)."""
    new = parts.Authentication(data=b"new")
    assert parts.put((*LIST, parts.Authentication(data=b"other")), new) == (LIST[0], new, LIST[2], LIST[3])


def test_a_new_extension_is_behind_the_others() -> None:
    assert parts.put(LIST, parts.ResponderAddress()) == (*LIST, parts.ResponderAddress())


def test_an_extension_can_be_taken_out() -> None:
    assert parts.hop_by_hop(LIST, ()) == (LIST[0], LIST[2], LIST[3])


def test_a_server_puts_itself_behind_the_others_of_a_record() -> None:
    once = parts.append_entry(LIST, parts.ForwardTransitRecord, ENTRY)
    twice = parts.append_entry(once, parts.ForwardTransitRecord, parts.ClientInfo())
    assert parts.find(twice, parts.ForwardTransitRecord) == parts.ForwardTransitRecord(
        entries=(ENTRY, parts.ClientInfo())
    )


@pytest.mark.conforms("5.3.2-absent")
def test_a_record_that_nobody_asked_for_is_not_begun() -> None:
    assert parts.append_entry(LIST, parts.ReverseTransitRecord, ENTRY) == LIST


@pytest.mark.conforms("cisco-group")
@pytest.mark.parametrize(
    ("vendor", "data", "group"),
    [
        ("00000c", "0108" + b"SHAPE_1M".hex(), "SHAPE_1M"),
        ("00000c", "02020000" + "0103" + b"A-1".hex(), "A-1"),
        ("00000c", "0109" + b"SHAPE_1M".hex(), None),
        ("00000c", "0101ff", None),
        ("00000c", "01", None),
        ("00000c", "", None),
        ("000009", "0108" + b"SHAPE_1M".hex(), None),
    ],
)
def test_the_group_of_a_spoke_is_read_from_the_extension_of_cisco(vendor: str, data: str, group: str | None) -> None:
    assert group_of(parts.VendorPrivate(vendor=bytes.fromhex(vendor), data=bytes.fromhex(data))) == group


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=64))
def test_a_group_is_read_as_it_was_written(name: str) -> None:
    assert group_of(group_extension(name)) == name


@pytest.mark.conforms("5.3.5-many")
@given(st.binary(max_size=40))
def test_no_vendor_data_is_trouble(data: bytes) -> None:
    assert group_of(parts.VendorPrivate(vendor=b"\x00\x00\x0c", data=data)) is None or 1 in data


def test_the_base_of_extensions_has_no_encoding() -> None:
    with pytest.raises(NotImplementedError):
        parts.Extension().serialize()
