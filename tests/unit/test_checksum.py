"""The Internet checksum."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dmvpn.net.checksum import checksum, pseudo_header, update
from dmvpn.net.octets import ip_address, ipv4_address


def by_the_book(data: bytes) -> int:
    """RFC 1071 §4.1, the loop."""
    total = 0
    for position in range(0, len(data) - 1, 2):
        total += data[position] << 8 | data[position + 1]
    if len(data) % 2:
        total += data[-1] << 8
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def test_the_example_of_rfc_1071() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF ^ 0xDDF2


@given(st.binary(max_size=300) | st.lists(st.sampled_from([b"\x00\x00", b"\xff\xff", b"\x01"])).map(b"".join))
def test_the_division_gives_what_the_loop_gives(data: bytes) -> None:
    assert checksum(data) == checksum(bytearray(data)) == checksum(memoryview(data)) == by_the_book(data)


@given(st.binary(min_size=2, max_size=100).filter(lambda data: len(data) % 2 == 0))
def test_a_message_with_its_checksum_sums_to_nothing(data: bytes) -> None:
    assert checksum(data + checksum(data).to_bytes(2, "big")) == 0


@given(st.binary(min_size=4, max_size=64), st.integers(0, 0xFFFF), st.integers(0, 31))
def test_an_updated_checksum_is_that_of_the_changed_message(data: bytes, new: int, word: int) -> None:
    data = b"\x45" + data[: len(data) // 2 * 2] + b"\x01"  # never all zero, as no real message is
    at = 2 * (word % (len(data) // 2))
    old = int.from_bytes(data[at : at + 2], "big")
    changed = data[:at] + new.to_bytes(2, "big") + data[at + 2 :]
    if any(changed):
        assert update(checksum(data), old, new) == checksum(changed)


def test_the_example_of_rfc_1624() -> None:
    assert update(0xDD2F, 0x5555, 0x3285) == 0x0000


def test_pseudo_headers_have_the_layout_of_their_family() -> None:
    four = pseudo_header(ip_address(bytes(4)), ip_address(b"\xff" * 4), 17, 0x0102)
    six = pseudo_header(ip_address(bytes(16)), ip_address(b"\xff" * 16), 17, 0x0102)
    assert four == bytes(4) + b"\xff" * 4 + bytes.fromhex("00110102")
    assert six == bytes(16) + b"\xff" * 16 + bytes.fromhex("0000010200000011")


def test_an_address_seen_before_is_the_same_object() -> None:
    assert ipv4_address(b"\x0a\x00\x00\x01") is ipv4_address(bytes((10, 0, 0, 1)))
    assert str(ip_address(b"\x20\x01\x0d\xb8" + bytes(11) + b"\x01")) == "2001:db8::1"
