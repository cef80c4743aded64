"""RIP packets and their authentication."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import WireError
from dmvpn.features.rip.auth import seal_md5, verify_md5
from dmvpn.features.rip.packet import TRIGGERED, Command, KeyedDigest, Password, RipEntry, RipPacket, UpdateHeader
from support.pcap import payloads
from support.wire import vectors

VECTORS = vectors("ospf_bgp_rip")
KEY = b"dmvpnkey"
ROUTE = RipEntry.of_prefix(Prefix.parse("172.31.1.0/24"), metric=1)

addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
entries = st.builds(
    RipEntry,
    family=st.integers(0, 0xFFFE),
    tag=st.integers(0, 0xFFFF),
    address=addresses,
    mask=addresses,
    next_hop=addresses,
    metric=st.integers(0, 2**32 - 1),
)


@st.composite
def keyed_digests(draw: st.DrawFn) -> KeyedDigest:
    digest = draw(st.binary(min_size=16, max_size=64))
    length = len(digest) + draw(st.sampled_from([0, 4]))
    numbers = draw(st.tuples(st.integers(0, 255), st.integers(0, 2**32 - 1)))
    return KeyedDigest(key_id=numbers[0], authentication_length=length, sequence=numbers[1], digest=digest)


passwords = st.builds(Password, password=st.binary(max_size=16).map(lambda octets: octets.rstrip(b"\x00")))
updates = st.builds(UpdateHeader, flush=st.booleans(), sequence=st.integers(0, 0xFFFF))


@st.composite
def packets(draw: st.DrawFn) -> RipPacket:
    """Return a packet. That of a command of triggered RIP has the second header, and no other has it."""
    command = draw(st.integers(0, 255) | st.sampled_from(Command))
    return RipPacket(
        command=command,
        version=draw(st.integers(1, 255)),
        update=draw(updates) if command in TRIGGERED else None,
        authentication=draw(st.none() | passwords | keyed_digests()),
        entries=tuple(draw(st.lists(entries, max_size=24))),
    )


@given(packets())
def test_a_packet_is_read_as_it_was_written(packet: RipPacket) -> None:
    assert RipPacket.parse(packet.serialize()) == packet


def test_the_request_for_everything_is_that_of_frr() -> None:
    assert RipPacket.whole_table_request().serialize() == VECTORS["rip_request_md5"]
    assert RipPacket.parse(VECTORS["rip_request_md5"]).asks_for_whole_table


@pytest.mark.parametrize(
    "packet",
    [
        RipPacket(command=Command.REQUEST),
        RipPacket(command=Command.REQUEST, entries=(ROUTE,)),
        RipPacket(command=Command.REQUEST, entries=RipPacket.whole_table_request().entries * 2),
        RipPacket(command=Command.RESPONSE, entries=RipPacket.whole_table_request().entries),
    ],
)
def test_nothing_else_asks_for_everything(packet: RipPacket) -> None:
    assert not packet.asks_for_whole_table


def test_a_response_of_frr_with_a_digest_is_read() -> None:
    assert RipPacket.parse(VECTORS["rip_response_md5"]) == RipPacket(
        command=Command.RESPONSE,
        authentication=KeyedDigest(
            key_id=1, authentication_length=20, sequence=1, digest=VECTORS["rip_response_md5"][-16:]
        ),
        entries=(ROUTE,),
    )


def test_a_response_is_sealed_as_frr_seals_it() -> None:
    response = RipPacket(command=Command.RESPONSE, entries=(ROUTE,))
    assert seal_md5(response, key_id=1, key=KEY, sequence=1) == VECTORS["rip_response_md5"]


@given(st.lists(entries, max_size=24).map(tuple), st.binary(max_size=20), st.integers(0, 255))
def test_a_sealed_packet_is_verified_with_its_key_alone(routes: tuple[RipEntry, ...], key: bytes, key_id: int) -> None:
    octets = seal_md5(RipPacket(command=2, entries=routes), key_id=key_id, key=key, sequence=7)
    read = RipPacket.parse(octets)
    assert read.entries == routes
    assert verify_md5(octets, key=key)
    assert not verify_md5(octets, key=b"?" + key)
    assert not verify_md5(octets[:-17] + b"?" + octets[-16:], key=key)


def test_the_digest_covers_the_trailer_and_the_padded_key() -> None:
    octets = VECTORS["rip_response_md5"]
    assert hashlib.md5(octets[:-16] + KEY + bytes(8), usedforsecurity=False).digest() == octets[-16:]


def test_both_ways_to_count_the_length_of_a_digest_are_read() -> None:
    """RFC 2082 counts 16 octets, IOS and FRR count 20; in RFC 4822 20 is the length of SHA-1."""
    captured = [RipPacket.parse(found.octets).authentication for found in payloads("rip")]
    lengths = {(one.authentication_length, len(one.digest)) for one in captured if isinstance(one, KeyedDigest)}
    assert lengths == {(16, 16), (20, 20), (32, 32), (48, 48), (64, 64)}
    assert isinstance(RipPacket.parse(VECTORS["rip_response_md5"]).authentication, KeyedDigest)


def test_a_password_is_read_without_its_filling() -> None:
    packet = RipPacket(command=2, authentication=Password(password=b"secret"), entries=(ROUTE,))
    assert packet.serialize()[8:24] == b"secret" + bytes(10)
    assert RipPacket.parse(packet.serialize()) == packet


def test_version_1_is_read_too() -> None:
    versions = {RipPacket.parse(found.octets).version for found in payloads("rip")}
    assert versions == {1, 2}


@pytest.mark.parametrize(
    ("address", "mask", "prefix"),
    [
        ("172.31.1.0", "255.255.255.0", "172.31.1.0/24"),
        ("0.0.0.0", "0.0.0.0", "0.0.0.0/0"),
        ("10.1.2.3", "255.255.255.255", "10.1.2.3/32"),
        ("10.1.2.3", "255.255.255.0", None),
        ("10.0.0.0", "255.0.255.0", None),
    ],
)
def test_a_strange_mask_spoils_its_entry_alone(address: str, mask: str, prefix: str | None) -> None:
    entry = RipEntry(address=IPv4Address(address), mask=IPv4Address(mask), metric=1)
    assert RipPacket.parse(RipPacket(command=2, entries=(entry, ROUTE)).serialize()).entries == (entry, ROUTE)
    assert entry.prefix == (Prefix.parse(prefix) if prefix else None)


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        ("0202", "header cut short"),
        ("02000000", "version 0"),
        ("02020000" + "00" * 19, "entries of 19"),
        ("02020000" + "00" * 20 * 26, "entries of 520"),
        ("02020000ffff0002", "authentication cut short"),
        ("02020000ffff0001" + "00" * 16, "authentication type 1"),
        ("02020000ffff0003" + "0017" + "01140000000100000000000000000000" + "ffff0001" + "00" * 16, "packet length 23"),
        ("02020000ffff0003" + "0018" + "0114000000010000000000000000" + "ffff0002" + "00" * 16, "packet length 24"),
        ("02020000ffff0003" + "ffff" + "0114000000010000000000000000" + "ffff0001" + "00" * 16, "packet length 65535"),
        ("02020000ffff0003" + "0018" + "0110000000010000000000000000" + "ffff0001" + "00" * 15, "digest of 15"),
        ("02020000ffff0003" + "0019" + "0110000000010000000000000000" + "00ffff0001" + "00" * 16, "entries of 1"),
    ],
)
def test_what_does_not_fit_is_refused(octets: str, what: str) -> None:
    with pytest.raises(WireError, match=what):
        RipPacket.parse(bytes.fromhex(octets))


def test_a_packet_with_too_many_entries_or_too_long_a_password_is_not_written() -> None:
    with pytest.raises(ValueError, match="25 entries"):
        RipPacket(command=2, authentication=Password(password=b""), entries=(ROUTE,) * 25).serialize()
    with pytest.raises(ValueError, match="17 octets"):
        RipPacket(command=2, authentication=Password(password=bytes(17))).serialize()
    assert len(RipPacket(command=2, entries=(ROUTE,) * 25).serialize()) == 504


@given(st.binary(max_size=40), st.binary(max_size=20))
def test_random_octets_are_not_verified(octets: bytes, key: bytes) -> None:
    assert not verify_md5(octets, key=key)
