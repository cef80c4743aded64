"""IKEv1 on the wire: what peers send is read, and written again as the same octets; what is not legal is refused."""

from __future__ import annotations

import struct
from hashlib import md5
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import WireError
from dmvpn.features.ike.v1 import packet
from dmvpn.features.ike.v1.numbers import ExchangeType, Flag, IkeAttribute, LifeType, NotifyType, PayloadType, Vendor
from dmvpn.features.ike.v1.proposals import (
    LARGEST_NUMBER_OF_ATTRIBUTES,
    LARGEST_NUMBER_OF_PROPOSALS,
    LARGEST_NUMBER_OF_TRANSFORMS,
    LONGEST_ATTRIBUTE,
    Attribute,
    Proposal,
    Transform,
)

if TYPE_CHECKING:
    from dmvpn.features.ike.chain import Payload

COOKIE_I, COOKIE_R = bytes.fromhex("0102030405060708"), bytes.fromhex("1112131415161718")
MAIN = packet.Header(cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=ExchangeType.MAIN)
#: The SA payload of an IOS router: AES-128, SHA, group 2, a pre-shared key, one day.
IOS_SA = (
    "00000001000000010000003001010001000000280101000080010007800e0080800200028004000280030001800b0001000c000400015180"
)
#: Its first message: SA, and vendor IDs of RFC 3947 and of drafts 07, 03 and 02.
IOS_FIRST = bytes.fromhex(
    "0102030405060708" "0000000000000000" "01100200" "00000000" "000000a8"
    "0d00003c" + IOS_SA +
    "0d0000144a131c81070358455c5728f20e95452f" "0d000014439b59f8ba676c4c7737ae22eab8f582"
    "0d0000147d9419a65310ca6f2c179d9215529d56" "0000001490cb80913ebb696e086381b5ec427b1f"
)  # fmt: skip
ESP = Proposal(1, 3, b"\xc0\xde\x00\x01", (Transform(1, 12, (Attribute.of(4, 2), Attribute.of(6, 256))),))


def message(*payloads: Payload) -> packet.Message:
    return packet.Message(payloads, header=MAIN)


def datagram(first: int, body: bytes, *, flags: int = 0, version: int = 0x10, length: int | None = None) -> bytes:
    size = 28 + len(body) if length is None else length
    return COOKIE_I + COOKIE_R + struct.pack("!BBBBII", first, version, 2, flags, 0, size) + body


def payload(body: bytes, following: int = 0, reserved: int = 0) -> bytes:
    return struct.pack("!BBH", following, reserved, 4 + len(body)) + body


@pytest.mark.conforms("isakmp:3.16-vendors")
def test_the_first_message_of_an_ios_router_is_read() -> None:
    read = packet.Message.parse(IOS_FIRST)
    assert read.header.exchange_name == "MAIN"
    assert (read.header.cookie_i, read.header.cookie_r, read.header.message_id) == (COOKIE_I, bytes(8), 0)
    sa = read.find(packet.SecurityAssociation)
    assert sa
    ((transform,),) = (proposal.transforms for proposal in sa.proposals)
    assert [(IkeAttribute(each.kind).name, each.value) for each in transform.attributes] == [
        ("ENCRYPTION", 7),
        ("KEY_LENGTH", 128),
        ("HASH", 2),
        ("GROUP", 2),
        ("AUTHENTICATION", 1),
        ("LIFE_TYPE", LifeType.SECONDS),
        ("LIFE_DURATION", 86_400),
    ]
    found = [vendor for vendor in Vendor if vendor in read.vendors]
    assert found == [Vendor.NAT_T, Vendor.NAT_T_07, Vendor.NAT_T_03, Vendor.NAT_T_02]
    assert read.serialize() == IOS_FIRST


@pytest.mark.parametrize(
    ("vendor", "text"),
    [
        (Vendor.NAT_T, "RFC 3947"),
        (Vendor.NAT_T_07, "draft-ietf-ipsec-nat-t-ike-07"),
        (Vendor.NAT_T_03, "draft-ietf-ipsec-nat-t-ike-03"),
        (Vendor.NAT_T_02, "draft-ietf-ipsec-nat-t-ike-02\n"),
        (Vendor.FRAGMENTATION, "FRAGMENTATION"),
    ],
)
def test_a_vendor_id_is_the_hash_of_a_text(vendor: Vendor, text: str) -> None:
    assert vendor.value == md5(text.encode(), usedforsecurity=False).digest()


PAYLOADS = [
    (packet.SecurityAssociation((ESP,)), 1, "00000001000000010000001c01030401c0de000100000010010c00008004000280060100"),
    (packet.KeyExchange(b"public"), 4, "7075626c6963"),
    (packet.IdentificationPayload(1, bytes((192, 0, 2, 1)), 17, 500), 5, "011101f4c0000201"),
    (packet.Certificate(4, b"der"), 6, "04646572"),
    (packet.CertificateRequest(4, b"name"), 7, "046e616d65"),
    (packet.Hash(bytes(20)), 8, "00" * 20),
    (packet.Signature(b"signed"), 9, "7369676e6564"),
    (packet.Nonce(bytes(range(20))), 10, bytes(range(20)).hex()),
    (
        packet.Notify(NotifyType.R_U_THERE, bytes((0, 0, 0, 9)), 1, COOKIE_I + COOKIE_R),
        11,
        "0000000101108d280102030405060708111213141516171800000009",
    ),
    (packet.Delete(3, (b"\xc0\xde\x00\x01", b"\xc0\xde\x00\x02")), 12, "0000000103040002c0de0001c0de0002"),
    (packet.VendorId(Vendor.DPD.value), 13, "afcad71368a1f1c96b8696fc77570100"),
    (packet.Unknown(14, b"mode"), 14, "6d6f6465"),
    (packet.NatDetection(bytes(32)), 20, "00" * 32),
    (packet.OriginalAddress(1, bytes((10, 0, 0, 1))), 21, "010000000a000001"),
    (packet.DraftNatDetection(bytes(20)), 130, "00" * 20),
    (packet.DraftOriginalAddress(1, bytes((10, 0, 0, 1))), 131, "010000000a000001"),
    (packet.Fragment(1, 2, 1, b"rest"), 132, "0001020172657374"),
    (packet.Unknown(200, b"?"), 200, "3f"),
]


@pytest.mark.parametrize(("value", "kind", "body"), PAYLOADS, ids=lambda value: type(value).__name__)
def test_each_payload_has_exactly_one_encoding(value: Payload, kind: int, body: str) -> None:
    octets = datagram(kind, payload(bytes.fromhex(body)))
    assert message(value).serialize() == octets
    assert packet.Message.parse(octets).payloads == (value,)


def test_all_payloads_fit_into_one_message_in_their_order() -> None:
    every = tuple(value for value, *_ in PAYLOADS)
    assert packet.Message.parse(message(*every).serialize()).payloads == every


@pytest.mark.conforms("nat:drafts")
def test_a_nat_d_of_the_drafts_is_found_like_one_of_the_standard() -> None:
    assert (
        len(message(packet.NatDetection(bytes(20)), packet.DraftNatDetection(bytes(20))).all(packet.NatDetection)) == 2
    )


def test_what_is_encrypted_stays_octets() -> None:
    header = packet.Header(
        cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=ExchangeType.QUICK, flags=Flag.ENCRYPTION, message_id=0xC0FFEE
    )
    sent = packet.Message(header=header, sealed=packet.Sealed(PayloadType.HASH, bytes(range(32))))
    read = packet.Message.parse(sent.serialize())
    assert read == sent
    assert read.payloads == ()


def test_a_fragment_is_read_whatever_the_flag_says() -> None:
    read = packet.Message.parse(datagram(132, payload(b"\x00\x01\x01\x00part"), flags=Flag.ENCRYPTION))
    fragment = read.find(packet.Fragment)
    assert fragment
    assert (fragment.number, fragment.is_last, fragment.data) == (1, False, b"part")


@pytest.mark.conforms("ike1:A-forms")
def test_a_lifetime_beyond_two_octets_has_the_long_form() -> None:
    assert Attribute.of(12, 86_400).serialize().hex() == "000c000400015180"
    assert Attribute.of(12, 3600).serialize().hex() == "800c0e10"


def test_names_of_notifies_and_exchanges_are_those_of_the_standards() -> None:
    assert [packet.Notify(kind).name for kind in (14, 24578, 36137, 999)] == [
        "NO_PROPOSAL_CHOSEN",
        "INITIAL_CONTACT",
        "R_U_THERE_ACK",
        "notify 999",
    ]
    assert (packet.Notify(14).is_error, packet.Notify(24578).is_error) == (True, False)
    assert packet.Header(cookie_i=COOKIE_I, cookie_r=COOKIE_R, exchange=99).exchange_name == "exchange 99"


# ---------------------------------------------------------------------------------------------------------- refused


SA_START = bytes.fromhex("0000000100000001")
TRANSFORM = bytes.fromhex("0000000801010000")


def proposal(transforms: bytes = TRANSFORM, count: int = 1, more: int = 0, spi: bytes = b"") -> bytes:
    size = 8 + len(spi) + len(transforms)
    return struct.pack("!BBHBBBB", more, 0, size, 1, 1, len(spi), count) + spi + transforms


def transforms(count: int) -> bytes:
    return b"".join(bytes((3 * (left > 1), 0, 0, 8, 1, 1, 0, 0)) for left in range(count, 0, -1))


def sa(body: bytes) -> bytes:
    return datagram(1, payload(SA_START + body))


def attributes(body: bytes) -> bytes:
    return sa(proposal(struct.pack("!BBHBBH", 0, 0, 8 + len(body), 1, 1, 0) + body))


@pytest.mark.conforms("isakmp:3.2-reserved", "ike1:5-nonce", "doi:4.2-situation")
@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"", "an ISAKMP header is cut off"),
        (datagram(0, b"", flags=0x80), "unknown flags 0x80"),
        (datagram(0, b"", length=29), "28 octets, not 29"),
        (bytes(8) + datagram(0, b"")[8:], "the initiator's cookie is zero"),
        (datagram(0, b"x"), "octets behind the last payload"),
        (datagram(13, payload(b"x") + b"\x00\x00\x01"), "octets behind the last payload"),
        (datagram(13, payload(b"x") + bytes(4)), "octets behind the last payload"),
        (datagram(13, b"\x00\x00\x00"), "payload 13 is cut off"),
        (datagram(13, bytes.fromhex("00000003")), "the length of payload 13 is wrong"),
        (datagram(13, bytes.fromhex("00000005")), "the length of payload 13 is wrong"),
        (datagram(13, payload(b"x", reserved=1)), "payload 13 is not legal here"),
        (datagram(2, payload(bytes(8))), "payload 2 is not legal here"),
        (datagram(13, payload(b"", 13) * 128 + payload(b"")), "payload 13 is cut off"),
        (datagram(1, payload(bytes.fromhex("00000000" "00000001"))), "DOI 0 with situation 1"),
        (datagram(1, payload(bytes.fromhex("00000001" "00000005"))), "DOI 1 with situation 5"),
        (datagram(1, payload(b"\x00")), "an SA payload is cut off"),
        (datagram(5, payload(b"\x01")), "an identification payload is cut off"),
        (datagram(5, payload(bytes(517))), "an identity of 517 octets"),
        (datagram(6, payload(b"")), "a certificate payload is cut off"),
        (datagram(8, payload(b"")), "a hash of 0 octets"),
        (datagram(10, payload(bytes(7))), "a nonce of 7 octets"),
        (datagram(10, payload(bytes(257))), "a nonce of 257 octets"),
        (datagram(11, payload(bytes(7))), "a notify payload is cut off"),
        (datagram(11, payload(bytes.fromhex("0000000101040001c0de00"))), "the SPI of a notify payload is cut off"),
        (datagram(12, payload(bytes(7))), "a delete payload is cut off"),
        (datagram(12, payload(bytes.fromhex("0000000103000001"))), "a delete payload's length is wrong"),
        (datagram(12, payload(bytes.fromhex("0000000103040002c0de0001"))), "a delete payload's length is wrong"),
        (datagram(20, payload(bytes(65))), "a hash of 65 octets"),
        (datagram(21, payload(bytes.fromhex("010000000a0000"))), "a NAT-OA payload is not legal"),
        (datagram(21, payload(bytes.fromhex("010000010a000001"))), "a NAT-OA payload is not legal"),
        (datagram(21, payload(bytes.fromhex("090000000a000001"))), "a NAT-OA payload is not legal"),
        (datagram(21, payload(bytes.fromhex("01000000") + bytes(16))), "a NAT-OA payload is not legal"),
        (datagram(132, payload(b"\x00\x01\x01\x01")), "a fragment is cut off"),
        (
            datagram(132, payload(b"\x00\x01\x01\x00part", 8) + payload(bytes(20)), flags=1),
            "payloads in clear in an encrypted message",
        ),
        (datagram(132, payload(b"\x00\x01\x00\x01x")), "a fragment with number 0"),
        (sa(b""), "an SA payload without a proposal"),
        (sa(proposal()[:-1]), "the length of a proposal or transform is wrong"),
        (sa(proposal()[:7]), "a proposal or transform is cut off"),
        (sa(proposal(more=2)), "a proposal or transform is followed by another type"),
        (sa(proposal() + proposal()), "a proposal or transform is followed by another type"),
        (sa(proposal(more=2) * LARGEST_NUMBER_OF_PROPOSALS + proposal()), "more proposals or transforms than"),
        (
            sa(proposal(transforms(171), 171, more=2) * 2 + proposal(transforms(171), 171)),
            "more proposals or transforms than",
        ),
        (sa(proposal(count=2)), "1 transforms, not 2"),
        (sa(proposal(b"", 0)), "0 transforms, not 0"),
        (sa(proposal()[:6] + b"\x09" + proposal()[7:]), "the SPI of a proposal is cut off"),
        (sa(proposal(TRANSFORM[:-1] + b"\x01")), "reserved octets of a transform are set"),
        (attributes(b"\x80"), "an attribute is cut off"),
        (attributes(bytes.fromhex("000c000400")), "an attribute's length is wrong"),
        (attributes(bytes.fromhex("000c0401") + bytes(LONGEST_ATTRIBUTE + 1)), "an attribute's length is wrong"),
        (attributes(bytes.fromhex("80010007") * (LARGEST_NUMBER_OF_ATTRIBUTES + 1)), "more attributes than"),
    ],
)  # fmt: skip
def test_what_the_standards_forbid_is_refused_by_name(octets: bytes, what: str) -> None:
    with pytest.raises(WireError, match=what):
        packet.Message.parse(octets)


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_a_message_in_clear_may_be_filled_up_with_zeros(zeros: int) -> None:
    """libreswan does, and peers with certificates never came up unless an authority's name had a lucky length."""
    assert packet.Message.parse(datagram(13, payload(b"x") + bytes(zeros))).payloads == (packet.VendorId(b"x"),)


def test_as_many_as_the_bounds_allow_are_read() -> None:
    """Else those above would be refused for another reason."""
    assert LARGEST_NUMBER_OF_TRANSFORMS == 512
    read = packet.Message.parse(sa(proposal(transforms(255), 255, more=2) * 2 + proposal(transforms(2), 2))).payloads[0]
    assert isinstance(read, packet.SecurityAssociation)
    assert sum(len(each.transforms) for each in read.proposals) == LARGEST_NUMBER_OF_TRANSFORMS
    packet.Message.parse(attributes(bytes.fromhex("80010007") * LARGEST_NUMBER_OF_ATTRIBUTES))
    packet.Message.parse(attributes(bytes.fromhex("000c0400") + bytes(LONGEST_ATTRIBUTE)))
    packet.Message.parse(datagram(13, payload(b"", 13) * 127 + payload(b"")))


@pytest.mark.conforms("isakmp:3.1-version")
@pytest.mark.parametrize("version", [0x20, 0x11])
def test_another_version_is_told_apart_from_a_broken_message(version: int) -> None:
    with pytest.raises(packet.UnsupportedVersion):
        packet.Message.parse(datagram(0, b"", version=version))
