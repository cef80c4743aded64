"""Lists of NHRP extensions."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmvpn.features.nhrp.parts import (
    END,
    Authentication,
    ClientInfo,
    Extension,
    Extensions,
    ForwardTransitRecord,
    NatAddress,
    ResponderAddress,
    ReverseTransitRecord,
    UnknownExtension,
    VendorPrivate,
    append_entry,
    find,
    hop_by_hop,
    parse_extensions,
    put,
)
from dmvpn.features.nhrp.vendor import group_extension, group_of

ENTRY = ClientInfo(holding_time=7200, nbma=IPv4Address("192.0.2.2"), protocol=IPv4Address("10.255.0.1"))
LIST: Extensions = (
    ForwardTransitRecord(),
    Authentication(data=b"old"),
    UnknownExtension(compulsory=False, type=10, value=b"mobile"),
    NatAddress(entries=(ENTRY,)),
)


def parsed(octets: str) -> Extensions:
    data = bytes.fromhex(octets) + END
    extensions, end = parse_extensions(data, 0, len(data), nbma_length=4, protocol_length=4)
    assert data[end:] == END
    return extensions


@pytest.mark.conforms("5.3-format", "5.3.4.1-form", "cisco-password")
@pytest.mark.parametrize(
    ("octets", "extension"),
    [
        ("80030000", ResponderAddress()),
        ("00030000", ResponderAddress(compulsory=False)),
        ("80040000", ForwardTransitRecord()),
        ("80050000", ReverseTransitRecord()),
        ("00090000", NatAddress()),
        ("80090000", NatAddress(compulsory=True)),
        ("800700090000000143 4953434f", Authentication(data=b"CISCO")),
        ("80070004 0000 0001", Authentication(data=b"")),
        ("0008000500000c0000", VendorPrivate(vendor=b"\x00\x00\x0c", data=b"\x00\x00")),
        ("000a0001ff", UnknownExtension(compulsory=False, type=10, value=b"\xff")),
        ("bfff0000", UnknownExtension(compulsory=True, type=0x3FFF, value=b"")),
        (
            "00090014 0020 0000 45f8 0000 0400 0400 a9fe6405 9b010005",
            NatAddress(
                entries=(
                    ClientInfo(
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
def test_an_extension_has_exactly_one_encoding(octets: str, extension: Extension) -> None:
    assert parsed(octets) == (extension,)
    assert extension.serialize() == bytes.fromhex(octets)


@pytest.mark.conforms("cisco-nat-8")
def test_eight_octets_of_type_nine_are_device_capabilities() -> None:
    """RFC 2735 gave the number away first."""
    (extension,) = parsed("00090008" + "11" * 8)
    assert extension == UnknownExtension(compulsory=False, type=9, value=b"\x11" * 8)


@pytest.mark.conforms("5.3-order")
def test_the_order_of_a_peer_is_kept() -> None:
    octets = "8005000080040000000900008003000080070004" + "00000001"
    assert b"".join(extension.serialize() for extension in parsed(octets)).hex() == octets


def test_an_extension_is_found_by_its_class() -> None:
    assert find(LIST, Authentication) == Authentication(data=b"old")
    assert find(LIST, ResponderAddress) is None


def test_an_extension_takes_the_place_of_the_old_one() -> None:
    new = Authentication(data=b"new")
    assert put(LIST, new) == (LIST[0], new, LIST[2], LIST[3])


def test_a_password_that_was_not_there_is_where_ios_has_it() -> None:
    own = Authentication(data=b"own")
    others = (ResponderAddress(), ForwardTransitRecord(), NatAddress(), group_extension("G"))
    assert hop_by_hop(others, (own,)) == (*others[:2], own, *others[2:])
    assert hop_by_hop((*others[:2], own, *others[2:]), ()) == others


@pytest.mark.conforms("cisco-password", "frr-16466")
def test_a_second_password_does_not_survive_the_swap() -> None:
    """FRR once sent two; exactly one may leave (FRR issue 16507)."""
    new = Authentication(data=b"new")
    assert put((*LIST, Authentication(data=b"other")), new) == (LIST[0], new, LIST[2], LIST[3])


def test_a_new_extension_is_behind_the_others() -> None:
    assert put(LIST, ResponderAddress()) == (*LIST, ResponderAddress())


def test_an_extension_can_be_taken_out() -> None:
    assert hop_by_hop(LIST, ()) == (LIST[0], LIST[2], LIST[3])


def test_a_server_puts_itself_behind_the_others_of_a_record() -> None:
    once = append_entry(LIST, ForwardTransitRecord, ENTRY)
    twice = append_entry(once, ForwardTransitRecord, ClientInfo())
    assert find(twice, ForwardTransitRecord) == ForwardTransitRecord(entries=(ENTRY, ClientInfo()))


@pytest.mark.conforms("5.3.2-absent")
def test_a_record_that_nobody_asked_for_is_not_begun() -> None:
    assert append_entry(LIST, ReverseTransitRecord, ENTRY) == LIST


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
    assert group_of(VendorPrivate(vendor=bytes.fromhex(vendor), data=bytes.fromhex(data))) == group


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=64))
def test_a_group_is_read_as_it_was_written(name: str) -> None:
    assert group_of(group_extension(name)) == name


@pytest.mark.conforms("5.3.5-many")
@given(st.binary(max_size=40))
def test_no_vendor_data_is_trouble(data: bytes) -> None:
    assert group_of(VendorPrivate(vendor=b"\x00\x00\x0c", data=data)) is None or 1 in data


def test_the_base_of_extensions_has_no_encoding() -> None:
    with pytest.raises(NotImplementedError):
        Extension().serialize()
