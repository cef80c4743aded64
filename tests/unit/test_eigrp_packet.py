"""EIGRP packets, TLVs and digests."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import WireError
from dmvpn.features.eigrp.auth import seal_md5, seal_sha256, verify_md5, verify_sha256
from dmvpn.features.eigrp.packet import (
    ClassicExternal,
    ClassicInternal,
    ClassicMetric,
    EigrpPacket,
    ExternalData,
    ExternalFlag,
    ExternalProtocol,
    Opcode,
    PacketFlag,
    RouteFlag,
    WideExternal,
    WideInternal,
    WideMetric,
)
from dmvpn.features.eigrp.tlv import (
    Authentication,
    AuthenticationType,
    NextMulticastSequence,
    Parameters,
    PeerTermination,
    Sequence,
    SoftwareVersion,
    Stub,
    StubFlag,
    Tlv,
    TlvType,
    TopologyList,
    UnknownTlv,
)
from support.pcap import payloads
from support.wire import vectors, with_checksum

VECTORS = vectors("eigrp")
KEY = b"dmvpnkey"
SOURCE = IPv4Address("10.77.0.1")
HELLO = EigrpPacket(opcode=Opcode.HELLO, autonomous_system=100, tlvs=(Parameters(hold_time=15),))

octet = st.integers(0, 0xFF)
bits16 = st.integers(0, 0xFFFF)
bits24 = st.integers(0, 0xFFFFFF)
bits32 = st.integers(0, 0xFFFFFFFF)
bits48 = st.integers(0, 0xFFFFFFFFFFFF)
ipv4_addresses = bits32.map(IPv4Address)
addresses = ipv4_addresses | st.integers(0, 2**128 - 1).map(IPv6Address)
address_lists = st.lists(addresses, max_size=3).map(tuple)
prefixes = st.builds(Prefix.of, ipv4_addresses, st.integers(0, 32))
destinations = st.lists(prefixes, min_size=1, max_size=3).map(tuple)
classic_metrics = st.builds(
    ClassicMetric,
    delay=bits32,
    bandwidth=bits32,
    mtu=bits24,
    hop_count=octet,
    reliability=octet,
    load=octet,
    internal_tag=octet,
    flags=octet.map(RouteFlag),
)
wide_metrics = st.builds(
    WideMetric,
    priority=octet,
    reliability=octet,
    load=octet,
    mtu=bits24,
    hop_count=octet,
    delay=bits48,
    bandwidth=bits48,
    flags=bits16.map(RouteFlag),
    attributes=st.integers(0, 8).flatmap(lambda words: st.binary(min_size=2 * words, max_size=2 * words)),
)
externals = st.builds(
    ExternalData,
    originator=ipv4_addresses,
    autonomous_system=bits32,
    tag=bits32,
    metric=bits32,
    protocol=octet,
    flags=octet.map(ExternalFlag),
)
tlvs: st.SearchStrategy[Tlv] = st.one_of(
    st.builds(Parameters, k1=octet, k2=octet, k3=octet, k4=octet, k5=octet, k6=octet, hold_time=bits16),
    st.builds(
        Authentication,
        auth_type=st.just(2),
        key_id=bits32,
        key_sequence=bits32,
        digest=st.binary(min_size=16, max_size=16),
    ),
    st.builds(Authentication, auth_type=st.just(3), key_id=bits32, digest=st.binary(min_size=32, max_size=32)),
    st.builds(Authentication, auth_type=st.integers(4, 0xFFFF), key_id=bits32, digest=st.binary(max_size=40)),
    st.builds(Sequence, addresses=address_lists),
    st.builds(SoftwareVersion, os_major=octet, os_minor=octet, tlv_major=octet, tlv_minor=octet),
    st.builds(NextMulticastSequence, sequence=bits32),
    st.builds(Stub, flags=bits16.map(StubFlag)),
    st.builds(PeerTermination, addresses=address_lists),
    st.builds(
        TopologyList,
        type=st.sampled_from([0x0008, 0x00F5]),
        flags=bits16,
        topologies=st.lists(bits16, max_size=4).map(tuple),
    ),
    st.builds(ClassicInternal, next_hop=ipv4_addresses, metric=classic_metrics, destinations=destinations),
    st.builds(
        ClassicExternal, next_hop=ipv4_addresses, external=externals, metric=classic_metrics, destinations=destinations
    ),
    st.builds(
        WideInternal,
        topology=bits16,
        router_id=ipv4_addresses,
        metric=wide_metrics,
        next_hop=ipv4_addresses,
        destinations=destinations,
    ),
    st.builds(
        WideExternal,
        topology=bits16,
        router_id=ipv4_addresses,
        metric=wide_metrics,
        next_hop=ipv4_addresses,
        external=externals,
        destinations=destinations,
    ),
    st.builds(UnknownTlv, type=st.sampled_from([0x00F2, 0x0101, 0x0104, 0x0302, 0x0601]), value=st.binary(max_size=20)),
)
packets = st.builds(
    EigrpPacket,
    opcode=octet,
    flags=bits32.map(PacketFlag),
    sequence=bits32,
    acknowledgment=bits32,
    virtual_router_id=bits16,
    autonomous_system=bits16,
    tlvs=st.lists(tlvs, max_size=4).map(tuple),
)


@pytest.mark.conforms("eigrp:6.5-header")
@given(packets)
def test_a_packet_is_read_as_it_was_written(packet: EigrpPacket) -> None:
    assert EigrpPacket.parse(packet.serialize()) == packet


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_written_as_it_was_read(name: str) -> None:
    assert EigrpPacket.parse(VECTORS[name]).serialize() == VECTORS[name]


@pytest.mark.conforms("eigrp:6.6-tlv")
@pytest.mark.parametrize(
    ("name", "tlv"),
    [
        ("hello_named_mode", Parameters(hold_time=15)),
        ("hello_named_mode", SoftwareVersion(os_major=17, os_minor=3, tlv_major=2, tlv_minor=0)),
        ("hello_stub_connected_summary", Stub(flags=StubFlag.CONNECTED | StubFlag.SUMMARY)),
        (
            "update_classic_internal",
            ClassicInternal(
                metric=ClassicMetric(delay=2560, bandwidth=2560, mtu=1400),
                destinations=(Prefix.parse("192.168.3.0/24"),),
            ),
        ),
        (
            "update_nexthop_preserved",
            ClassicInternal(
                next_hop=IPv4Address("10.255.0.3"),
                metric=ClassicMetric(delay=(5000 + 10) * 256, bandwidth=100_000 * 256, mtu=1400),
                destinations=(Prefix.parse("192.168.3.0/24"),),
            ),
        ),
        (
            "update_classic_external_static",
            ClassicExternal(
                external=ExternalData(originator=IPv4Address("10.255.0.3"), protocol=ExternalProtocol.STATIC),
                metric=ClassicMetric(delay=2560, bandwidth=2560, mtu=1400),
                destinations=(Prefix.parse("0.0.0.0/0"),),
            ),
        ),
        (
            "update_wide_internal",
            WideInternal(
                router_id=IPv4Address("10.255.0.3"),
                metric=WideMetric(mtu=1400, delay=10_000_000, bandwidth=1_000_000),
                destinations=(Prefix.parse("192.168.3.0/24"),),
            ),
        ),
    ],
)
def test_a_tlv_has_exactly_one_encoding(name: str, tlv: Tlv) -> None:
    packet = EigrpPacket.parse(VECTORS[name])
    assert packet.find(type(tlv)) == tlv
    assert tlv.serialize() in VECTORS[name]


@pytest.mark.parametrize(
    ("octets", "tlv"),
    [
        ("00030009040a000001", Sequence(addresses=(IPv4Address("10.0.0.1"),))),
        ("0005000800000019", NextMulticastSequence(sequence=25)),
        (
            "0402002d" + 32 * "0" + "00000a0000000a0000057800ff010000" + "4020010db800040000",
            ClassicInternal(
                metric=ClassicMetric(delay=2560, bandwidth=2560, mtu=1400),
                destinations=(Prefix.parse("2001:db8:4::/64"),),
            ),
        ),
        (
            "0602003d" + "00000002" + "0aff0003" + "0000ff0100057800" + "000000989680" + "0000000f4240" + "00000000"
            "fe800000000000000000000000000041" + "4020010db800040000",
            WideInternal(
                router_id=IPv4Address("10.255.0.3"),
                metric=WideMetric(mtu=1400, delay=10_000_000, bandwidth=1_000_000),
                next_hop=IPv6Address("fe80::41"),
                destinations=(Prefix.parse("2001:db8:4::/64"),),
            ),
        ),
        ("00070009040a000001", PeerTermination(addresses=(IPv4Address("10.0.0.1"),))),
        ("00070004", PeerTermination()),
        ("00f5000a000000020000", TopologyList()),
        ("00f5000c0000000400000000", TopologyList(topologies=(0, 0))),
        ("0008000a000000020001", TopologyList(type=TlvType.TOPOLOGY_LIST, topologies=(1,))),
        ("0001000cffffffffffff000f", Parameters.goodbye(15)),
    ],
)
def test_tlvs_seen_on_the_wire_have_exactly_one_encoding(octets: str, tlv: Tlv) -> None:
    packet = replace(HELLO, tlvs=(tlv,))
    assert tlv.serialize().hex() == octets
    assert EigrpPacket.parse(packet.serialize()) == packet


@pytest.mark.conforms("eigrp:6.9.4-tag")
def test_an_external_route_of_a_named_mode_router_has_the_tag_that_the_rfc_forgot() -> None:
    route = WideExternal(
        router_id=IPv4Address(1),
        metric=WideMetric(mtu=1500, delay=1, bandwidth=1),
        external=ExternalData(originator=IPv4Address(1), tag=7, protocol=ExternalProtocol.CONNECTED),
        destinations=(Prefix.parse("10.0.0.1/32"),),
    )
    assert len(route.serialize()) == 65


def test_an_acknowledgment_is_known_by_its_number_not_by_its_length() -> None:
    """FRR 8.4 puts parameters and version into its acknowledgments."""
    assert EigrpPacket.parse(VECTORS["ack"]).is_acknowledgment
    assert EigrpPacket.parse(VECTORS["frr_ack"]).is_acknowledgment
    assert not EigrpPacket.parse(VECTORS["frr_hello"]).is_acknowledgment
    assert not EigrpPacket.parse(VECTORS["frr_update_init_ack"]).is_acknowledgment


@pytest.mark.conforms("eigrp:6.7.7-goodbye")
def test_a_goodbye_is_known_with_and_without_k6() -> None:
    assert EigrpPacket.parse(VECTORS["goodbye_k255"]).is_goodbye
    assert replace(HELLO, tlvs=(Parameters.goodbye(15),)).is_goodbye
    assert not HELLO.is_goodbye
    assert not EigrpPacket.parse(VECTORS["ack"]).is_goodbye


@pytest.mark.parametrize("name", ["update_unreachable", "query", "reply"])
def test_an_unreachable_destination_is_known(name: str) -> None:
    route = EigrpPacket.parse(VECTORS[name]).find(ClassicInternal)
    assert route is not None
    assert route.metric.is_unreachable
    assert bool(route.metric.flags & RouteFlag.ACTIVE) == (name == "query")


def test_a_wide_metric_is_unreachable_by_delay_or_bandwidth() -> None:
    metric = WideMetric(mtu=1500, delay=1, bandwidth=1)
    assert not metric.is_unreachable
    assert replace(metric, delay=2**48 - 1).is_unreachable
    assert replace(metric, bandwidth=2**48 - 1).is_unreachable


def test_the_conditional_receive_of_a_captured_hello_names_who_is_behind() -> None:
    found = next(one for one in payloads("eigrp") if one.where == "EIGRP_adjacency.pcap #18")
    packet = EigrpPacket.parse(found.octets)
    assert packet.find(Sequence) == Sequence(addresses=(IPv4Address("10.0.0.1"),))
    assert packet.find(NextMulticastSequence) == NextMulticastSequence(sequence=25)


def test_wide_routes_of_other_families_are_kept_as_they_are() -> None:
    value = bytes.fromhex("0000" + "0003" + "00000001") + bytes(24 + 16) + bytes.fromhex("4020010db800000000")
    packet = replace(HELLO, tlvs=(UnknownTlv(type=TlvType.WIDE_INTERNAL, value=value),))
    assert EigrpPacket.parse(packet.serialize()) == packet


def with_tlv(octets: str) -> bytes:
    """A Hello with nothing but this, well-formed or not."""
    return with_checksum(replace(HELLO, tlvs=()).serialize() + bytes.fromhex(octets), 2)


METRIC = "00000a0000000a0000057800ff010000"


@pytest.mark.conforms("eigrp:6.5-header", "eigrp:6.6-tlv")
@pytest.mark.parametrize(
    ("octets", "what", "offset"),
    [
        (VECTORS["ack"][:19], "header cut short", 19),
        (b"\x01" + VECTORS["ack"][1:], "version 1", 0),
        (VECTORS["ack"][:-1] + b"\x00", "checksum", 2),
        (with_tlv("000100"), "TLV header cut short", 20),
        (with_tlv("00010003"), "of 3 octets", 20),
        (with_tlv("0001000c010001000000"), "of 12 octets", 20),
        (with_tlv("0001000b01000100000000"), "of 11 octets", 20),
        (with_tlv("0002000800020010"), "authentication TLV cut short", 20),
        (with_tlv("00020020 0002 0008 00000001 00000000" + "00" * 16), "digest of 8", 20),
        (with_tlv("00020028 0002 0020 00000001 00000000" + "00" * 24), "digest of 16", 20),
        (with_tlv("0003000803 0a0000"), "address of 3", 24),
        (with_tlv("00030008 040a0000"), "address of 4", 24),
        (with_tlv("0004000908040102 00"), "of 9 octets", 20),
        (with_tlv("000500070000 00"), "of 7 octets", 20),
        (with_tlv("0006000500"), "of 5 octets", 20),
        (with_tlv("00f500060000"), "cut short", 20),
        (with_tlv("00f5000a000000040000"), "list of 4", 26),
        (with_tlv("00f5000b00000003000000"), "list of 3", 26),
        (with_tlv("01020018 00000000" + METRIC), "without destination", 20),
        (with_tlv("01020008 00000000"), "without destination", 20),
        (with_tlv("01020019 00000000" + METRIC + "21"), "of 33 bits", 44),
        (with_tlv("0102001b 00000000" + METRIC + "18c0a8"), "of 24 bits", 44),
        (with_tlv("01030019 00000000" + METRIC + "00"), "without destination", 20),
        (with_tlv("06020008 00000001"), "wide route TLV cut short", 20),
        (with_tlv("06020029 00000001 00000001" + "ff" + "00" * 23 + "00000000 00"), "without destination", 20),
    ],
)
def test_what_does_not_fit_is_refused_and_the_place_named(octets: bytes, what: str, offset: int) -> None:
    with pytest.raises(WireError, match=what) as refused:
        EigrpPacket.parse(octets)
    assert refused.value.offset == offset


def test_the_largest_packet_is_read() -> None:
    route = ClassicInternal(
        metric=ClassicMetric(delay=1, bandwidth=1, mtu=1), destinations=(Prefix.parse("0.0.0.0/0"),) * 60000
    )
    packet = replace(HELLO, tlvs=(route,))
    assert EigrpPacket.parse(packet.serialize()) == packet


# --- digests ---


def test_a_hello_of_frr_is_verified_with_its_key_alone() -> None:
    assert verify_md5(VECTORS["frr_hello_md5"], key=KEY)
    assert not verify_md5(VECTORS["frr_hello_md5"], key=b"dmvpnkez")


@pytest.mark.conforms("eigrp:6.7.2-authentication")
def test_a_hello_is_sealed_as_frr_seals_it() -> None:
    hello = EigrpPacket.parse(VECTORS["frr_hello_md5"])
    assert seal_md5(replace(hello, tlvs=hello.tlvs[1:]), key_id=1, key=KEY) == VECTORS["frr_hello_md5"]


@given(packets, st.binary(max_size=20))
def test_a_packet_sealed_with_md5_covers_what_ios_covers(packet: EigrpPacket, key: bytes) -> None:
    octets = seal_md5(packet, key_id=7, key=key)
    read = EigrpPacket.parse(octets)
    assert read.tlvs[1:] == packet.tlvs
    # As IOS does it: the key in the place of the digest, the last 20 octets left out
    keyed = octets[:2] + bytes(2) + octets[4:44] + key[:16].ljust(16, b"\x00") + octets[60:]
    assert octets[44:60] == hashlib.md5(keyed[:-20], usedforsecurity=False).digest()
    assert read.tlvs[0] == Authentication(auth_type=AuthenticationType.MD5, key_id=7, digest=octets[44:60])
    assert verify_md5(octets, key=key)


@given(packets, st.binary(max_size=20), st.binary(max_size=20))
def test_another_key_is_noticed_unless_the_digest_cannot_tell(packet: EigrpPacket, key: bytes, other: bytes) -> None:
    """The digest of an Update without other TLVs ends before the key: so it is on IOS."""
    octets = seal_md5(packet, key_id=1, key=key)
    covered = max(0, min(16, len(octets) - 20 - 44))
    same = key[:16].ljust(16, b"\x00")[:covered] == other[:16].ljust(16, b"\x00")[:covered]
    assert verify_md5(octets, key=other) == same


@given(packets, st.binary(max_size=20), st.sampled_from([SOURCE, IPv6Address("fe80::a1")]))
def test_a_packet_sealed_with_sha256_is_bound_to_password_and_source(
    packet: EigrpPacket, password: bytes, source: IPv4Address | IPv6Address
) -> None:
    octets = seal_sha256(packet, password=password, source=source)
    key = b"\n" + password + str(source).upper().encode()
    blank = octets[:2] + bytes(2) + octets[4:44] + bytes(32) + octets[76:]
    assert hmac.new(key, blank, hashlib.sha256).digest() == octets[44:76]
    assert EigrpPacket.parse(octets).tlvs[1:] == packet.tlvs
    assert verify_sha256(octets, password=password, source=source)
    assert not verify_sha256(octets, password=b"?" + password, source=source)
    assert not verify_sha256(octets, password=password, source=IPv4Address("10.77.0.2"))


@given(packets, st.data())
def test_a_changed_octet_is_noticed_with_sha256(packet: EigrpPacket, data: st.DataObject) -> None:
    octets = bytearray(seal_sha256(packet, password=b"secret", source=SOURCE))
    position = data.draw(st.integers(4, len(octets) - 1))
    octets[position] ^= 1 << data.draw(st.integers(0, 7))
    assert not verify_sha256(octets, password=b"secret", source=SOURCE)


def test_the_sha256_hello_of_frr_is_not_verified() -> None:
    """FRR 8.4 computes it from wrong inputs; the layout is right."""
    hello = EigrpPacket.parse(VECTORS["frr_hello_sha256"])
    authentication = hello.find(Authentication)
    assert authentication is not None
    assert authentication.auth_type == AuthenticationType.SHA256
    assert not verify_sha256(VECTORS["frr_hello_sha256"], password=KEY, source=SOURCE)


@given(st.binary(max_size=100))
def test_random_octets_are_not_verified(octets: bytes) -> None:
    assert not verify_md5(octets, key=KEY)
    assert not verify_sha256(octets, password=KEY, source=SOURCE)


def test_the_base_of_tlvs_has_no_encoding() -> None:
    with pytest.raises(NotImplementedError):
        Tlv().serialize()
