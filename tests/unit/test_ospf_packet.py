"""OSPF packets, link state advertisements and their authentication."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.features.ospf.auth import Algorithm, AuthenticationSettings, DigestKey, sequence_of
from dmvpn.features.ospf.lsa import (
    MAX_AGE,
    OPAQUE,
    Body,
    ExternalBody,
    LinkType,
    Lsa,
    LsaKey,
    LsaType,
    NetworkBody,
    RouterBody,
    RouterLink,
    SummaryBody,
    UnknownBody,
    newer,
)
from dmvpn.features.ospf.model import AuthenticationType
from dmvpn.features.ospf.packet import (
    CRYPTOGRAPHIC,
    Acknowledgment,
    Description,
    Hello,
    LinkStateRequest,
    LinkStateUpdate,
    OspfPacket,
)
from support.pcap import payloads
from support.wire import cuts, decoded_or_refused, vectors

if TYPE_CHECKING:
    from support.pcap import Found

VECTORS = {name: octets for name, octets in vectors("ospf_bgp_rip").items() if name.startswith("ospf")}
ONE, TWO = IPv4Address("10.77.0.1"), IPv4Address("10.77.0.2")

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
octet, short, metric = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFF)
routers = st.builds(
    RouterBody,
    flags=octet,
    links=st.lists(st.builds(RouterLink, octet, addresses, addresses, short), max_size=6).map(tuple),
)
networks = st.builds(NetworkBody, addresses, st.lists(addresses, max_size=6).map(tuple))
summaries = st.builds(SummaryBody, addresses, metric)
externals = st.builds(ExternalBody, addresses, metric, st.booleans(), addresses, st.integers(0, 2**32 - 1))
bodies: dict[LsaType, st.SearchStrategy[Body]] = {
    LsaType.ROUTER: routers,
    LsaType.NETWORK: networks,
    LsaType.SUMMARY: summaries,
    LsaType.BORDER_SUMMARY: summaries,
    LsaType.EXTERNAL: externals,
    LsaType.NSSA_EXTERNAL: externals,
    **dict.fromkeys(OPAQUE, st.binary(max_size=40).map(UnknownBody)),
}


@st.composite
def lsas(draw: st.DrawFn) -> Lsa:
    kind = draw(st.sampled_from(LsaType))
    body: Body = draw(bodies[kind])
    key = LsaKey(kind, draw(addresses), draw(addresses))
    numbers = draw(st.tuples(st.integers(-(2**31), 2**31 - 1), octet, st.integers(0, MAX_AGE)))
    return Lsa.make(key, body, sequence=numbers[0], options=numbers[1], age=numbers[2])


contents = st.one_of(
    st.builds(
        Hello,
        mask=addresses,
        interval=short,
        options=octet,
        priority=octet,
        dead_interval=st.integers(0, 2**32 - 1),
        designated=addresses,
        backup=addresses,
        neighbors=st.lists(addresses, max_size=5).map(tuple),
    ),
    st.builds(
        Description,
        mtu=short,
        options=octet,
        flags=octet,
        sequence=st.integers(0, 2**32 - 1),
        headers=st.lists(lsas().map(lambda lsa: lsa.header), max_size=4).map(tuple),
    ),
    st.builds(LinkStateRequest, st.lists(st.builds(LsaKey, octet, addresses, addresses), max_size=4).map(tuple)),
    st.builds(LinkStateUpdate, st.lists(lsas(), max_size=4).map(tuple)),
    st.builds(Acknowledgment, st.lists(lsas().map(lambda lsa: lsa.header), max_size=4).map(tuple)),
)
packets = st.builds(OspfPacket, router=addresses, area=addresses, content=contents)


@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: OspfPacket) -> None:
    assert OspfPacket.parse(packet.serialize()) == packet


@pytest.mark.conforms("ospf:12.1.7-checksum", "ospf:13-sound")
@given(lsas())
def test_what_we_make_is_sound_and_one_changed_octet_is_noticed(lsa: Lsa) -> None:
    assert lsa.is_sound
    assert Lsa.parse(lsa.at_age(17)).is_sound, "the age does not count"
    changed = bytearray(lsa.octets)
    changed[-1] ^= 1
    assert not replace(lsa, octets=bytes(changed)).is_sound


@pytest.mark.conforms("ospf:A.3-packets")
@pytest.mark.parametrize("found", payloads("ospf"), ids=str)
def test_every_captured_packet_is_written_again_octet_for_octet(found: Found) -> None:
    packet = OspfPacket.parse(found.octets)
    assert packet.serialize() == found.octets
    if isinstance(packet.content, LinkStateUpdate):
        assert all(lsa.is_sound for lsa in packet.content.lsas)
        for lsa in packet.content.lsas:
            header = lsa.header
            again = Lsa.make(lsa.key, lsa.body, sequence=header.sequence, options=header.options, age=header.age)
            assert again.octets == lsa.octets, "our checksum is theirs"


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_written_again_and_cut_anywhere_it_is_refused(name: str) -> None:
    octets = VECTORS[name]
    packet = OspfPacket.parse(octets)
    assert packet.serialize() == octets
    ends = len(octets) - len(packet.trailer)
    for cut in cuts(octets[:ends]):
        assert decoded_or_refused(OspfPacket.parse, cut) is None


@pytest.mark.conforms("ospf:A.3-hostile")
@given(st.binary(max_size=120))
def test_random_octets_are_refused_and_nothing_worse(octets: bytes) -> None:
    decoded_or_refused(OspfPacket.parse, octets)
    decoded_or_refused(OspfPacket.parse, b"\x02\x04\x00\x30" + octets)


@pytest.mark.conforms("ospf:12.4.1-multipoint")
def test_a_point_to_multipoint_router_tells_its_own_address_as_a_host() -> None:
    packet = OspfPacket.parse(VECTORS["ospf_p2mp_lsu_0"])
    assert isinstance(packet.content, LinkStateUpdate)
    (body,) = (lsa.body for lsa in packet.content.lsas if isinstance(lsa.body, RouterBody))
    assert RouterLink(LinkType.STUB, ONE, IPv4Address("255.255.255.255"), 0) in body.links


# ------------------------------------------------------------------------------------------------ which is newer


def made(sequence: int, *, age: int = 0, cost: int = 1) -> Lsa:
    body = SummaryBody(IPv4Address("255.255.255.0"), cost)
    return Lsa.make(LsaKey(LsaType.SUMMARY, ONE, TWO), body, sequence=sequence, options=2, age=age)


@pytest.mark.conforms("ospf:13.1-newer")
def test_the_newer_instance_has_the_higher_number_then_the_higher_checksum_then_is_gone_or_younger() -> None:
    assert newer(made(2).header, made(1).header) == 1
    assert newer(made(-5).header, made(-4).header) == -1, "numbers are signed"
    one, other = made(1, cost=1).header, made(1, cost=2).header
    assert newer(one, other) == (1 if one.checksum > other.checksum else -1)
    assert newer(made(1, age=MAX_AGE).header, made(1).header) == 1, "to be forgotten"
    assert newer(made(1, age=10).header, made(1, age=1000).header) == 1
    assert newer(made(1, age=10).header, made(1, age=900).header) == 0, "as old as each other"


# ------------------------------------------------------------------------------------------------ authentication

CAPTURED_KEY = b"ospfkey"


def sealed_in_captures() -> list[bytes]:
    return [found.octets for found in payloads("ospf") if OspfPacket.parse(found.octets).auth_type == CRYPTOGRAPHIC]


@pytest.mark.conforms("ospf:D.4.3-md5")
def test_the_digests_of_frr_are_those_that_we_make() -> None:
    asked = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, CAPTURED_KEY),))
    captured = sealed_in_captures()
    assert len(captured) > 20
    for octets in captured:
        packet = OspfPacket.parse(octets)
        assert asked.refusal(packet, octets) == ""
        assert asked.seal(replace(packet, trailer=b""), sequence_of(packet)) == octets
        other = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, b"another"),))
        assert other.refusal(packet, octets) == "a digest made with another key 1"


def test_a_block_of_local_signaling_behind_the_digest_is_not_read() -> None:
    asked = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(1, CAPTURED_KEY),))
    octets = sealed_in_captures()[0] + bytes.fromhex("fff600030001000400000001")
    assert asked.refusal(OspfPacket.parse(octets), octets) == ""


@pytest.mark.conforms("ospf:5709-hmac")
@pytest.mark.parametrize("algorithm", [one for one in Algorithm if one is not Algorithm.MD5])
@pytest.mark.parametrize("secret", [b"short", b"k" * 200], ids=["short", "longer than the digest"])
def test_hmac_sha_is_made_as_rfc_5709_says(algorithm: Algorithm, secret: bytes) -> None:
    """Section 3.3, step by step: the key made as long as the digest, Apad in the place of the digest."""
    packet = OspfPacket(router=ONE, area=IPv4Address(0), content=LinkStateRequest(()))
    asked = AuthenticationSettings(AuthenticationType.CRYPTOGRAPHIC, keys=(DigestKey(7, secret, algorithm),))
    octets = asked.seal(packet, 99)
    length = hashlib.new(algorithm.value).digest_size
    key = hashlib.new(algorithm.value, secret).digest() if len(secret) > length else secret.ljust(length, b"\x00")
    apad = (bytes.fromhex("878FE1F3") * 16)[:length]
    assert octets[-length:] == hmac.new(key, octets[:-length] + apad, algorithm.value).digest()
    assert octets[16:24] == bytes((0, 0, 7, length, 0, 0, 0, 99))
    assert asked.refusal(OspfPacket.parse(octets), octets) == ""
    assert asked.overhead == length


@pytest.mark.conforms("ospf:D.4.2-password")
def test_a_password_in_clear_must_be_the_same_and_no_checksum_covers_it() -> None:
    packet = OspfPacket(router=ONE, area=IPv4Address(0), content=LinkStateRequest(()))
    asked = AuthenticationSettings(AuthenticationType.SIMPLE, b"secret")
    octets = asked.seal(packet, 0)
    assert octets[16:24] == b"secret\x00\x00"
    assert asked.refusal(OspfPacket.parse(octets), octets) == ""
    other = octets[:16] + b"another\x00" + octets[24:]
    assert asked.refusal(OspfPacket.parse(other), other) == "another password"


def test_a_packet_without_the_authentication_that_is_asked_for_is_refused() -> None:
    octets = OspfPacket(router=ONE, area=IPv4Address(0), content=LinkStateRequest(())).serialize()
    ours = {
        AuthenticationType.SIMPLE: "a password in clear",
        AuthenticationType.CRYPTOGRAPHIC: "key 1 with md5 (16 octets)",
    }
    for kind, words in ours.items():
        refusal = AuthenticationSettings(kind, keys=(DigestKey(1, b"k"),)).refusal(OspfPacket.parse(octets), octets)
        assert refusal == f"theirs is no authentication, ours is {words}"
