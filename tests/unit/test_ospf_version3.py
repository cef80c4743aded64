"""The octets of OSPF version 3: what is written is read again, and damage is refused and nothing worse."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import UNSPECIFIED, Prefix
from dmvpn.base.errors import WireError
from dmvpn.features.ospf import version3
from dmvpn.features.ospf.lsa import (
    MAX_AGE,
    NOT_KEPT,
    Body,
    ExternalBody3,
    InterAreaBody,
    LinkBody,
    LinkType,
    LsaKey,
    LsaType,
    NetworkBody,
    Options,
    PrefixEntry,
    PrefixesBody,
    RouterBody,
    RouterLink,
    UnknownBody,
)
from dmvpn.features.ospf.model import HMAC_TRAILER, TRAILER
from dmvpn.features.ospf.packet import (
    CRYPTOGRAPHIC,
    Acknowledgment,
    Description,
    Hello,
    LinkStateRequest,
    LinkStateUpdate,
    OspfPacket,
)
from dmvpn.features.ospf.settings import key_of, sequence_of
from dmvpn.features.ospf.version3 import Lsa3
from support.wire import cuts, decoded_or_refused

HERE, ALL = IPv6Address("fe80::1"), IPv6Address("ff02::5")
LINK_UNKNOWN, AREA_UNKNOWN = 0x0123 | NOT_KEPT, 0xA123

routers_ = st.integers(0, 2**32 - 1).map(IPv4Address)
addresses = st.integers(1, 2**128 - 1).map(IPv6Address)
prefixes = st.builds(lambda address, length: Prefix.of(address, length), addresses, st.integers(0, 128))
octet, short, metric = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFF)
entries = st.lists(st.builds(PrefixEntry, prefixes, short, octet), max_size=4).map(tuple)
links = st.one_of(
    st.builds(RouterLink, st.just(LinkType.TRANSIT), st.tuples(routers_, routers_), routers_, short),
    st.builds(RouterLink, st.sampled_from([1, 4]), routers_, routers_, short, st.binary(min_size=4, max_size=4)),
)
keys = st.builds(LsaKey, st.sampled_from([LsaType.ROUTER, LsaType.NETWORK]), routers_, routers_)
externals = st.builds(
    lambda size, two, forwarding, tag, prefix: ExternalBody3(
        UNSPECIFIED, size, two, forwarding, tag, destination=prefix
    ),
    metric,
    st.booleans(),
    st.one_of(st.just(UNSPECIFIED), addresses),
    st.integers(0, 2**32 - 1),
    prefixes,
)
bodies: dict[int, st.SearchStrategy[Body]] = {
    LsaType.ROUTER: st.builds(RouterBody, octet, st.lists(links, max_size=4).map(tuple)),
    LsaType.NETWORK: st.builds(NetworkBody, st.just(UNSPECIFIED), st.lists(routers_, max_size=5).map(tuple)),
    LsaType.SUMMARY: st.builds(lambda size, to: InterAreaBody(UNSPECIFIED, size, destination=to), metric, prefixes),
    LsaType.BORDER_SUMMARY: st.builds(
        lambda size, to: InterAreaBody(UNSPECIFIED, size, destination=to), metric, routers_
    ),
    LsaType.EXTERNAL: externals,
    LsaType.NSSA_EXTERNAL: externals,
    LsaType.LINK: st.builds(LinkBody, octet, addresses, entries),
    LsaType.PREFIXES: st.builds(PrefixesBody, keys, entries),
    LINK_UNKNOWN: st.binary(max_size=40).map(UnknownBody),
    AREA_UNKNOWN: st.binary(max_size=40).map(UnknownBody),
}


@st.composite
def lsas(draw: st.DrawFn) -> Lsa3:
    kind = draw(st.sampled_from(list(bodies)))
    key = LsaKey(kind, draw(routers_), draw(routers_))
    sequence, age = draw(st.tuples(st.integers(-(2**31), 2**31 - 1), st.integers(0, MAX_AGE)))
    return Lsa3.make(key, draw(bodies[kind]), sequence=sequence, options=int(Options.NSSA), age=age)


headers = st.lists(lsas().map(lambda lsa: replace(lsa.header, options=0)), max_size=4).map(tuple)
plain = metric.map(lambda options: options & ~(Options.LLS | Options.TRAILER))
contents = st.one_of(
    st.builds(
        Hello,
        number=routers_,
        interval=short,
        options=plain,
        priority=octet,
        dead_interval=short,
        designated=routers_,
        backup=routers_,
        neighbors=st.lists(routers_, max_size=5).map(tuple),
    ),
    st.builds(Description, mtu=short, options=plain, flags=octet, sequence=st.integers(0, 2**32 - 1), headers=headers),
    st.builds(
        LinkStateRequest,
        st.lists(st.builds(LsaKey, st.sampled_from(list(bodies)), routers_, routers_), max_size=4).map(tuple),
    ),
    st.builds(LinkStateUpdate, st.lists(lsas(), max_size=4).map(tuple)),
    st.builds(Acknowledgment, headers),
)
packets = st.builds(OspfPacket, router=routers_, area=routers_, content=contents, instance=octet)


def read(octets: bytes) -> OspfPacket:
    return version3.parse(octets, HERE, ALL)


@given(packets)
def test_a_packet_is_read_as_it_was_written_and_cut_anywhere_it_is_refused(packet: OspfPacket) -> None:
    octets = version3.serialize(packet, HERE, ALL)
    again = read(octets)
    if not isinstance(packet.content, LinkStateUpdate):
        assert again == packet
    assert version3.serialize(again, HERE, ALL) == octets
    for cut in cuts(octets):
        assert decoded_or_refused(read, cut) is None
    assert decoded_or_refused(lambda data: version3.parse(data, HERE, IPv6Address("ff02::6")), octets) is None


@given(packets, st.sampled_from([20, 32, 64]), octet, st.integers(0, 2**64 - 1), st.data())
def test_an_authentication_trailer_is_read_as_it_was_written_and_cut_anywhere_it_is_refused(
    packet: OspfPacket, length: int, number: int, sequence: int, data: st.DataObject
) -> None:
    auth = TRAILER.pack(HMAC_TRAILER, TRAILER.size + length, 0, number, sequence)
    sealed = replace(
        packet, auth_type=CRYPTOGRAPHIC, auth=auth, trailer=data.draw(st.binary(min_size=length, max_size=length))
    )
    octets = version3.serialize(sealed, HERE, ALL)
    again = read(octets)
    assert (again.auth, again.trailer, sequence_of(again), key_of(again)) == (auth, sealed.trailer, sequence, number)
    assert version3.serialize(again, HERE, ALL) == octets
    for cut in cuts(octets):
        if len(cut) != int.from_bytes(octets[2:4]):  # without the trailer an update is whole, and not authentic
            assert decoded_or_refused(read, cut) is None


@given(lsas(), st.data())
def test_what_we_make_is_sound_and_a_mutated_one_is_read_or_refused(lsa: Lsa3, data: st.DataObject) -> None:
    assert lsa.is_sound
    assert Lsa3.parse(lsa.octets).octets == lsa.octets
    changed = bytearray(lsa.octets)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(octet)
    decoded_or_refused(Lsa3.parse, bytes(changed))
    update = OspfPacket(router=UNSPECIFIED, area=UNSPECIFIED, content=LinkStateUpdate((lsa,)))
    octets = bytearray(version3.serialize(update, HERE, ALL))
    octets[20 : 20 + len(changed)] = changed
    decoded_or_refused(read, bytes(octets))


@given(st.binary(max_size=120))
def test_random_octets_are_refused_and_nothing_worse(octets: bytes) -> None:
    decoded_or_refused(read, octets)
    decoded_or_refused(Lsa3.parse, octets)


def test_an_unknown_type_is_kept_if_its_first_bit_says_so_and_the_scope_is_more_than_the_link() -> None:
    for code, kept in ((0xA123, True), (0xC123, True), (0x8123, False), (0x2123, False), (0xE123, False)):
        octets = Lsa3.make(LsaKey(code, UNSPECIFIED, UNSPECIFIED), UnknownBody(b"abc"), sequence=1, options=0).octets
        assert bool(Lsa3.parse(octets).header.type & NOT_KEPT) is not kept
        assert octets[2:4] == code.to_bytes(2, "big")


def test_a_prefix_longer_than_an_address_is_refused() -> None:
    body = LinkBody(0, HERE, (PrefixEntry(Prefix.parse("2001:db8::/32")),))
    octets = bytearray(Lsa3.make(LsaKey(LsaType.LINK, UNSPECIFIED, UNSPECIFIED), body, sequence=1, options=0).octets)
    octets[-8] = 129
    with pytest.raises(WireError, match="prefix of 129 bits"):
        Lsa3.parse(bytes(octets))
